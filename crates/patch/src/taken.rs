//! What a text is: macros as they stand, a diff, a mail, several, a reply; and what was undone to read it.

use crate::Undone;
use crate::diff::{self, Patch, is_hunk_head};
use crate::mail::{Mail, mails};
use crate::{Fault, Line, MAX_TEXT, quote, without_comments};
use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

/// What was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// Heads of mails.
    Heads,
    /// Text that is neither a diff nor a macro.
    Prose,
}

/// What the text stood in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// It is the text itself.
    None,
    /// A mail, with its head or as a part of one.
    Mail,
    /// So many mails that have a diff.
    Mails(usize),
}

/// What a text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Macros or other code.
    Text(Vec<Line>),
    /// Diffs, in the order in which they apply.
    Patches(Vec<Patch>),
}

/// What a text was taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What it is.
    pub what: What,
    /// What that stood in.
    pub wrapping: Wrapping,
    /// What was undone, without doubles.
    pub undone: Vec<Undone>,
    /// What was left out, without doubles.
    pub left_out: Vec<LeftOut>,
}

impl Taken {
    /// Whether the text is code exactly as it stands.
    pub fn is_plain(&self) -> bool {
        let loud = |undone: &Undone| *undone != Undone::CarriageReturns;
        matches!(self.what, What::Text(_)) && !self.undone.iter().any(loud) && self.left_out.is_empty()
    }
}

/// What `text` is.
///
/// # Errors
/// [`Fault::TooLong`].
pub fn recognise(text: &str) -> Result<Taken, Fault> {
    if text.len() > MAX_TEXT {
        return Err(Fault::TooLong);
    }
    let mut undone = Vec::new();
    if text.contains("\r\n") {
        undone.push(Undone::CarriageReturns);
    }
    let lines = (1..).zip(text.lines()).map(|(at, line)| Line { text: line.to_owned(), at, shift: 0 });
    let mails = mails(lines.collect());
    let reading = Reading { undone, left_out: Vec::new() };
    Ok(match is_patch(&mails) {
        true => reading.patches(mails),
        false => reading.text(mails),
    })
}

fn is_patch(mails: &[Mail]) -> bool {
    mails.iter().any(|mail| quote::level_of(&mail.body, is_hunk_head).is_some())
}

/// Whether a line begins what a text of macros is made of.
fn begins_macro(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or_default();
    word.eq_ignore_ascii_case(".macro")
}

/// Whether a line ends it.
fn ends_macro(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or_default();
    [".endm", ".endmacro"].iter().any(|end| word.eq_ignore_ascii_case(end))
}

/// How many macros lines define, each name once: an `#else` may define the same again.
fn macros_in(lines: &[Line]) -> String {
    let code = without_comments(lines.iter().map(|line| line.text.as_str()));
    let heads = code.iter().filter(|code| begins_macro(code));
    let names = heads.filter_map(|code| code.split([' ', '\t', ',']).filter(|word| !word.is_empty()).nth(1));
    let names: BTreeSet<String> = names.map(str::to_ascii_lowercase).collect();
    match names.len() {
        0 => "code without a macro".to_owned(),
        1 => "one macro".to_owned(),
        count => format!("{count} macros"),
    }
}

/// Whether a sentence stands beside the macros of a text, outside comments, as in the body of a mail.
fn has_words(lines: &[Line]) -> bool {
    let mut depth = 0_usize;
    let code = without_comments(lines.iter().map(|line| line.text.as_str()));
    let is_said = code.iter().any(|code| {
        depth += usize::from(begins_macro(code));
        let is_said = depth == 0 && is_sentence(code);
        depth = depth.saturating_sub(usize::from(ends_macro(code)));
        is_said
    });
    is_said && lines.iter().any(|line| begins_macro(&line.text))
}

/// Three words or more, the first with a capital, and a mark at the end that no statement has.
fn is_sentence(code: &str) -> bool {
    let words = code.split_whitespace().count();
    words >= 3 && code.starts_with(|c: char| c.is_ascii_uppercase()) && code.ends_with(['.', ',', ':', '?', '!'])
}

/// What is known while a text is read.
struct Reading {
    undone: Vec<Undone>,
    left_out: Vec<LeftOut>,
}

impl Reading {
    fn finished(self, what: What, wrapping: Wrapping) -> Taken {
        let undone = Undone::ALL.into_iter().filter(|undone| self.undone.contains(undone)).collect();
        let left_out = LeftOut::ALL.into_iter().filter(|left_out| self.left_out.contains(left_out)).collect();
        Taken { what, wrapping, undone, left_out }
    }

    /// What of the mail's head and encoding is gone.
    fn note(&mut self, mail: &Mail) {
        if mail.has_head {
            self.left_out.push(LeftOut::Heads);
        }
        self.undone.extend_from_slice(&mail.undone);
    }

    /// The lines at the least deep quotation that has `wanted`, and whether others are left out.
    fn unquoted(&mut self, lines: Vec<Line>, wanted: impl Fn(&str) -> bool) -> Vec<Line> {
        match quote::level_of(&lines, wanted) {
            None | Some(0) => lines,
            Some(level) => {
                self.undone.push(Undone::Quotation);
                let inner = quote::at_level(&lines, level);
                let written = |lines: &[Line]| lines.iter().filter(|line| !line.text.trim().is_empty()).count();
                if written(&inner) < written(&lines) {
                    self.left_out.push(LeftOut::Prose);
                }
                inner
            }
        }
    }

    fn patches(mut self, mails: Vec<Mail>) -> Taken {
        let has_head = mails.iter().any(|mail| mail.has_head);
        let mut patches: Vec<(Option<u32>, Patch)> = Vec::new();
        for mail in mails {
            self.note(&mail);
            let number = mail.number;
            let lines = self.unquoted(mail.body, is_hunk_head);
            let read = diff::read(&lines);
            if read.around {
                self.left_out.push(LeftOut::Prose);
            }
            if read.joined {
                self.undone.push(Undone::BrokenLines);
            }
            if !read.patch.files.is_empty() {
                // A series may have come in any order. A patch without a number stays where it is.
                let later = |(other, _): &(Option<u32>, Patch)| number.is_some() && *other > number;
                let place = patches.iter().position(later).unwrap_or(patches.len());
                patches.insert(place, (number, read.patch));
            }
        }
        let wrapping = match (has_head, patches.len()) {
            (true, 0 | 1) => Wrapping::Mail,
            (true, count) => Wrapping::Mails(count),
            (false, _) if self.left_out.contains(&LeftOut::Prose) => Wrapping::Mail,
            (false, _) => Wrapping::None,
        };
        let patches: Vec<_> = patches.into_iter().map(|(_, patch)| patch).collect();
        if patches.iter().any(Patch::has_spaces) {
            self.undone.push(Undone::Spaces);
        }
        self.finished(What::Patches(patches), wrapping)
    }

    fn text(mut self, mails: Vec<Mail>) -> Taken {
        let has_head = mails.iter().any(|mail| mail.has_head);
        let mut lines = Vec::new();
        for mail in mails {
            self.note(&mail);
            lines.extend(mail.body);
        }
        let quoted = lines.iter().all(|line| line.text.is_empty() || line.text.starts_with('>'));
        let before = self.undone.len();
        let lines = match quote::level_of(&lines, begins_macro) {
            None if quoted => self.unquoted(lines, |line| !line.trim().is_empty()),
            _ => self.unquoted(lines, begins_macro),
        };
        let is_reply = self.undone.len() > before;
        let is_mail = has_head || is_reply || has_words(&lines);
        let wrapping = if is_mail { Wrapping::Mail } else { Wrapping::None };
        let lines = match wrapping {
            Wrapping::None => lines,
            _ => self.code_of(lines),
        };
        self.finished(What::Text(lines), wrapping)
    }

    /// The macros of a mail, with lines of the preprocessor; all lines where there is no macro.
    fn code_of(&mut self, lines: Vec<Line>) -> Vec<Line> {
        if !lines.iter().any(|line| begins_macro(&line.text)) {
            return lines;
        }
        let mut depth = 0_usize;
        let mut kept = Vec::new();
        for line in lines {
            let word = line.text.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
            depth += usize::from(word == ".macro");
            if depth > 0 || word.starts_with('#') {
                kept.push(line);
            } else if !word.is_empty() {
                self.left_out.push(LeftOut::Prose);
            }
            depth = depth.saturating_sub(usize::from(ends_macro(&word)));
        }
        kept
    }
}

impl Patch {
    /// Whether its code is indented by spaces where kernel code has tabs.
    fn has_spaces(&self) -> bool {
        let lines = || self.files.iter().flat_map(|file| &file.hunks).flat_map(|hunk| &hunk.lines);
        let begins = |begin: &str| lines().any(|line| line.line.text.starts_with(begin));
        begins("       ") && !begins("\t")
    }
}

impl LeftOut {
    const ALL: [Self; 2] = [Self::Heads, Self::Prose];

    fn words(self) -> &'static str {
        match self {
            Self::Heads => "heads of mails",
            Self::Prose => "the words around it",
        }
    }
}

/// One line: what the text was taken for, what was undone, what was left out.
impl Display for Taken {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let one = match &self.what {
            What::Text(lines) => macros_in(lines),
            What::Patches(_) => "a unified diff".to_owned(),
        };
        match self.wrapping {
            Wrapping::None => f.write_str(&one)?,
            Wrapping::Mail => write!(f, "a mail with {one}")?,
            Wrapping::Mails(count) => write!(f, "{count} mails with unified diffs")?,
        }
        let undone: Vec<_> = self.undone.iter().map(|undone| undone.words()).collect();
        let left_out: Vec<_> = self.left_out.iter().map(|left_out| left_out.words()).collect();
        for (what, list) in [("undone", undone), ("left out", left_out)] {
            if !list.is_empty() {
                write!(f, "; {what}: {}", list.join(", "))?;
            }
        }
        Ok(())
    }
}
