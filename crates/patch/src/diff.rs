//! Unified diffs, as `git diff` writes them and as mailers leave them.
//!
//! The counts in a hunk's head say where it ends. Mailers take the space off an empty line of context and break long lines; both
//! is undone here, so no library's strict reader would take these texts.

use crate::Line;

/// What one line of a hunk does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// It stands there before and after.
    Context,
    /// It goes.
    Removed,
    /// It comes.
    Added,
}

/// A line of a hunk, without its mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HunkLine {
    /// What it does.
    pub tag: Tag,
    /// Text and place.
    pub line: Line,
}

/// A hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// The line of its head.
    pub at: u32,
    /// What stands behind the second `@@`: the last label or macro before the hunk.
    pub heading: String,
    /// Its lines.
    pub lines: Vec<HunkLine>,
    /// Lines that its head promises and that are not there.
    pub missing: u32,
}

/// What a patch does to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The line that names it.
    pub at: u32,
    /// Path in the tree; empty where the head of the diff is not there.
    pub path: String,
    /// Its hunks, in their order.
    pub hunks: Vec<Hunk>,
}

/// One diff.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// What it changes.
    pub files: Vec<File>,
}

/// A diff and what was found around it.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) patch: Patch,
    /// Whether there are lines that belong to no diff.
    pub(crate) around: bool,
    /// Whether broken lines were joined.
    pub(crate) joined: bool,
}

/// Whether a line is the head of a hunk.
pub(crate) fn is_hunk_head(text: &str) -> bool {
    counts(text).is_some()
}

/// Lines on the old and the new side, and the heading.
fn counts(text: &str) -> Option<(u32, u32, &str)> {
    let (old, rest) = text.strip_prefix("@@ -")?.split_once(" +")?;
    let (new, heading) = rest.split_once(" @@")?;
    Some((count(old)?, count(new)?, heading.trim()))
}

/// The count of `12,7`; of `12` it is 1.
fn count(range: &str) -> Option<u32> {
    let (first, count) = range.split_once(',').unwrap_or((range, "1"));
    first.parse::<u32>().ok()?;
    count.parse().ok()
}

/// The diff among `lines`.
pub(crate) fn read(lines: &[Line]) -> Read {
    let mut read = Read::default();
    let mut rest = lines;
    while let Some((line, after)) = rest.split_first() {
        rest = after;
        let next = after.first().map_or("", |line| line.text.as_str());
        if let Some((old, new, heading)) = counts(&line.text) {
            let open = Open {
                hunk: Hunk { at: line.at, heading: heading.to_owned(), lines: Vec::new(), missing: 0 },
                old,
                new,
            };
            rest = hunk(open, after, &mut read);
        } else if let Some(path) = named(&line.text, next) {
            read.patch.files.push(File { at: line.at, path, hunks: Vec::new() });
        } else if !is_bookkeeping(&line.text) && !line.text.trim().is_empty() {
            read.around = true;
        }
    }
    read.patch.files.retain(|file| !file.hunks.is_empty());
    read
}

/// The path of a file whose diff begins with these two lines.
fn named(text: &str, next: &str) -> Option<String> {
    let old = text.strip_prefix("--- ")?;
    let new = next.strip_prefix("+++ ")?;
    let name = |name: &str| name.split('\t').next().unwrap_or_default().trim().to_owned();
    let (old, new) = (name(old), name(new));
    let path = if new == "/dev/null" { old } else { new };
    Some(path.strip_prefix("a/").or_else(|| path.strip_prefix("b/")).unwrap_or(&path).to_owned())
}

/// Lines of a diff that say nothing that is needed here.
fn is_bookkeeping(text: &str) -> bool {
    let begins = [
        "diff ",
        "index ",
        "--- ",
        "+++ ",
        "new file mode",
        "deleted file mode",
        "old mode",
        "new mode",
        "similarity index",
        "rename from",
        "rename to",
    ];
    begins.iter().any(|begin| text.starts_with(begin))
}

/// A hunk that is being read, and the lines of both sides that are still to come.
struct Open {
    hunk: Hunk,
    old: u32,
    new: u32,
}

/// Reads the hunk and gives back what follows it.
fn hunk<'l>(mut open: Open, lines: &'l [Line], read: &mut Read) -> &'l [Line] {
    let mut rest = lines;
    while open.old > 0 || open.new > 0 {
        let Some((line, after)) = rest.split_first() else { break };
        match marked(&open, line) {
            Some(marked) => open.take(marked),
            None if ends_early(&line.text) || !open.join(&line.text) => break,
            None => read.joined = true,
        }
        rest = after;
    }
    // A line that was broken at its end: the rest of it stands outside the counts.
    open.hunk.missing = open.old.max(open.new);
    match read.patch.files.last_mut() {
        Some(file) => file.hunks.push(open.hunk),
        None => {
            let (at, hunks) = (open.hunk.at, vec![open.hunk]);
            read.patch.files.push(File { at, path: String::new(), hunks });
        }
    }
    rest
}

/// The line as one of the hunk, if it can be one.
fn marked(open: &Open, line: &Line) -> Option<HunkLine> {
    let tag = match line.text.as_bytes().first() {
        Some(b'+') if open.new > 0 => Tag::Added,
        Some(b'-') if open.old > 0 && line.text.trim_end() != "--" => Tag::Removed,
        // The space of an empty line, or that before a tab, is lost.
        None => return Some(HunkLine { tag: Tag::Context, line: line.clone() }),
        Some(b'\t') => return Some(HunkLine { tag: Tag::Context, line: line.clone() }),
        Some(b' ') => Tag::Context,
        _ => return None,
    };
    Some(HunkLine { tag, line: line.after(1) })
}

/// Whether the hunk ends before its counts do.
fn ends_early(text: &str) -> bool {
    let text = text.trim();
    let snips = ["[...]", "[ ... ]", "[…]", "...", "[snip]", "<snip>", "--"];
    is_hunk_head(text) || is_bookkeeping(text) || snips.contains(&text) || text.starts_with('>')
}

impl Open {
    fn take(&mut self, line: HunkLine) {
        self.old = self.old.saturating_sub(u32::from(line.tag != Tag::Added));
        self.new = self.new.saturating_sub(u32::from(line.tag != Tag::Removed));
        self.hunk.lines.push(line);
    }

    /// Joins the rest of a line that a mailer broke; false where there is none that it could belong to.
    fn join(&mut self, text: &str) -> bool {
        // "\ No newline at end of file" is no line.
        if text.starts_with('\\') {
            return true;
        }
        match self.hunk.lines.last_mut() {
            Some(last) if last.line.text.len() + text.len() < 400 => {
                last.line.text.push(' ');
                last.line.text.push_str(text);
                true
            }
            Some(_) => false,
            None => {
                self.hunk.heading.push(' ');
                self.hunk.heading.push_str(text);
                self.hunk.heading.len() < 400
            }
        }
    }
}

impl Hunk {
    /// The last line that it has.
    pub(crate) fn last_line(&self) -> u32 {
        self.lines.last().map_or(self.at, |line| line.line.at)
    }
}
