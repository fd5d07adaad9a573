//! Where each hunk belongs, by its code, and what a text is with it.

use crate::code::{folded, side, without_comments};
use crate::diff::{File, Hunk, Patch, Tag};
use crate::{Fault, Line, MAX_HUNKS};

/// A text that patches may change, under the path that they know it by.
#[derive(Clone, Debug)]
pub struct Base<'t> {
    /// Path in the tree.
    pub path: &'t str,
    /// Its lines.
    pub lines: Vec<&'t str>,
}

/// What a line of code is for finding a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Code: it has to be there.
    Code(String),
    /// A label: a text may have it where the hunk does not.
    Label(String),
    /// Either may have it where the other does not; if a hunk adds it, it is taken.
    Free,
    /// As [`Key::Free`], and left out if a hunk adds it.
    Unmodelled,
}

/// What a line of code is: it gets code without comments, its white space folded, never empty.
pub type Rules<'r> = &'r dyn Fn(&str) -> Key;

/// A line of a text after patches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditedLine {
    /// The line of the base text with this index.
    Kept(usize),
    /// A line of a patch, without its comments.
    Added {
        /// Text and place.
        line: Line,
        /// Index of the line of the base text that it follows; nothing at the beginning.
        after: Option<usize>,
    },
}

/// The outcomes of patches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The lines of each base, in the order of the bases.
    pub texts: Vec<Vec<EditedLine>>,
    /// Hunks that changed code, for each base.
    pub hunks: Vec<usize>,
    /// Hunks that change comments alone.
    pub comments: usize,
    /// Files that no base is, each once, in the order of the patches; with the line that names it.
    pub left_out: Vec<(String, u32)>,
}

/// A patch that does not fit, and how near it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Why.
    pub fault: Fault,
    /// Index of the base whose text differs, if one does.
    pub base: Option<usize>,
    /// Hunks that fitted, then lines of the one that did not.
    pub reached: (usize, usize),
}

impl Misfit {
    fn early(fault: Fault) -> Self {
        Self { fault, base: None, reached: (0, 0) }
    }
}

/// A line of a text as it stands after the hunks so far.
#[derive(Clone)]
struct Work {
    line: EditedLine,
    key: Option<Key>,
    /// As it is shown where a hunk differs.
    code: String,
}

/// Applies `patches` one after the other, all of them or none.
///
/// # Errors
/// The first hunk that does not fit, is cut short, or cannot be placed; or that no base has a name that the patches know.
pub fn apply(patches: &[Patch], bases: &[Base<'_>], rules: Rules<'_>) -> Result<Applied, Misfit> {
    let mut works: Vec<Vec<Work>> = bases.iter().map(|base| work(base, rules)).collect();
    let mut applied = Applied { texts: Vec::new(), hunks: vec![0; bases.len()], comments: 0, left_out: Vec::new() };
    let mut count = 0;
    let mut first_unknown = None;
    for file in patches.iter().flat_map(|patch| &patch.files) {
        let Some(candidates) = candidates(file, bases) else {
            first_unknown.get_or_insert(file);
            if !applied.left_out.iter().any(|(path, _)| *path == file.path) {
                applied.left_out.push((file.path.clone(), file.at));
            }
            continue;
        };
        let (base, edited) = best(file, &candidates, &works, &mut count, rules).map_err(|misfit| Misfit {
            reached: (misfit.reached.0 + applied.hunks.iter().sum::<usize>(), misfit.reached.1),
            ..misfit
        })?;
        applied.hunks[base] += edited.hunks;
        applied.comments += edited.comments;
        works[base] = edited.work;
    }
    match first_unknown {
        Some(file) if applied.hunks.iter().sum::<usize>() + applied.comments == 0 => {
            Err(Misfit::early(Fault::NoFile { line: file.at, path: file.path.clone() }))
        }
        _ => {
            applied.texts = works.into_iter().map(|work| work.into_iter().map(|work| work.line).collect()).collect();
            Ok(applied)
        }
    }
}

/// The bases that the path of a file may mean: the one with the most last components in common, at least the name of the file;
/// all where the head of the diff is not there.
fn candidates(file: &File, bases: &[Base<'_>]) -> Option<Vec<usize>> {
    if file.path.is_empty() {
        return Some((0..bases.len()).collect());
    }
    let common = |base: &Base<'_>| {
        let pairs = base.path.rsplit('/').zip(file.path.rsplit('/'));
        pairs.take_while(|(a, b)| a == b).count()
    };
    // A path of more than one component has to agree in two, so that another calling.h is not taken for this one.
    let needed = file.path.split('/').count().min(2);
    let best = (0..bases.len()).max_by_key(|&index| common(&bases[index]))?;
    (common(&bases[best]) >= needed).then(|| vec![best])
}

fn work(base: &Base<'_>, rules: Rules<'_>) -> Vec<Work> {
    let codes = without_comments(base.lines.iter().copied());
    let work = |(index, code): (usize, String)| Work { line: EditedLine::Kept(index), key: key(&code, rules), code };
    codes.into_iter().enumerate().map(work).collect()
}

fn key(code: &str, rules: Rules<'_>) -> Option<Key> {
    (!code.is_empty()).then(|| rules(code))
}

/// A text with the hunks of one file.
struct Edited {
    work: Vec<Work>,
    hunks: usize,
    comments: usize,
}

fn best(
    file: &File,
    candidates: &[usize],
    works: &[Vec<Work>],
    count: &mut usize,
    rules: Rules<'_>,
) -> Result<(usize, Edited), Misfit> {
    let mut nearest: Option<Misfit> = None;
    for &base in candidates {
        match edited(file, works[base].clone(), count, rules) {
            Ok(edited) => return Ok((base, edited)),
            Err(misfit) => {
                if nearest.as_ref().is_none_or(|nearest| nearest.reached < misfit.reached) {
                    nearest = Some(Misfit { base: Some(base), ..misfit });
                }
            }
        }
    }
    Err(nearest.unwrap_or_else(|| Misfit::early(Fault::NoFile { line: file.at, path: file.path.clone() })))
}

fn edited(file: &File, mut work: Vec<Work>, count: &mut usize, rules: Rules<'_>) -> Result<Edited, Misfit> {
    let (mut hunks, mut comments, mut from) = (0, 0, 0);
    for hunk in &file.hunks {
        *count += 1;
        let fault = |fault| Misfit { fault, base: None, reached: (hunks, 0) };
        if *count > MAX_HUNKS {
            return Err(fault(Fault::TooManyHunks { line: hunk.at }));
        }
        if hunk.missing > 0 {
            return Err(fault(Fault::Cut { line: hunk.last_line(), missing: hunk.missing }));
        }
        let change = Change::of(hunk, rules);
        if change.changes_nothing() {
            comments += 1;
            continue;
        }
        let place = change.place(hunk, &work, from).map_err(|(fault, lines)| Misfit {
            fault,
            base: None,
            reached: (hunks, lines),
        })?;
        from = change.make(&mut work, &place);
        hunks += 1;
    }
    Ok(Edited { work, hunks, comments })
}

/// A line of code of a hunk.
struct ChangeLine<'h> {
    tag: Tag,
    key: Key,
    line: &'h Line,
    /// Without comments, white space as it is.
    code: String,
}

/// The code of a hunk.
struct Change<'h>(Vec<ChangeLine<'h>>);

impl<'h> Change<'h> {
    fn of(hunk: &'h Hunk, rules: Rules<'_>) -> Self {
        let texts =
            |gone: Tag| hunk.lines.iter().filter(move |line| line.tag != gone).map(|line| line.line.text.as_str());
        let (mut old, mut new) = (side(texts(Tag::Added)).into_iter(), side(texts(Tag::Removed)).into_iter());
        let mut lines = Vec::new();
        for line in &hunk.lines {
            let code = match line.tag {
                Tag::Removed => old.next(),
                Tag::Added => new.next(),
                Tag::Context => {
                    new.next();
                    old.next()
                }
            };
            let code = code.unwrap_or_default();
            if let Some(key) = key(&folded(&code), rules) {
                lines.push(ChangeLine { tag: line.tag, key, line: &line.line, code });
            }
        }
        Self(lines)
    }

    /// Whether both sides have the same code.
    fn changes_nothing(&self) -> bool {
        let keys = |gone: Tag| self.0.iter().filter(move |line| line.tag != gone).map(|line| &line.key);
        let solid = |key: &&Key| !matches!(key, Key::Unmodelled);
        keys(Tag::Added).filter(solid).eq(keys(Tag::Removed).filter(solid))
    }

    /// What of the old side has to stand in the text, as indices of the hunk's lines.
    fn wanted(&self, work: &[Work]) -> Vec<usize> {
        let labels: Vec<&String> = work.iter().filter_map(|work| label(work.key.as_ref()?)).collect();
        let is_wanted = |line: &ChangeLine<'_>| match &line.key {
            _ if line.tag == Tag::Added => false,
            Key::Code(_) => true,
            Key::Label(label) => line.tag == Tag::Removed || labels.contains(&label),
            Key::Free | Key::Unmodelled => false,
        };
        (0..self.0.len()).filter(|&index| is_wanted(&self.0[index])).collect()
    }

    /// The lines of the text that the hunk's old side is, each with the index of the hunk's line.
    fn place(&self, hunk: &Hunk, work: &[Work], from: usize) -> Result<Vec<(usize, usize)>, (Fault, usize)> {
        let wanted = self.wanted(work);
        if wanted.is_empty() {
            return Err((Fault::NoCode { line: hunk.at }, 0));
        }
        let named: Vec<&String> = wanted.iter().filter_map(|&index| label(&self.0[index].key)).collect();
        let solid = |work: &Work| match &work.key {
            Some(Key::Code(_)) => true,
            Some(Key::Label(label)) => named.contains(&label),
            Some(Key::Free | Key::Unmodelled) | None => false,
        };
        let text: Vec<usize> = (0..work.len()).filter(|&index| solid(&work[index])).collect();
        let equal = |(index, line): (&usize, &usize)| work[*index].key.as_ref() == Some(&self.0[*line].key);
        let fits = |at: usize| at + wanted.len() <= text.len() && text[at..].iter().zip(&wanted).all(equal);
        let begin = text.partition_point(|&index| index < from);
        let mut found: Vec<_> = (begin..text.len()).filter(|&at| fits(at)).collect();
        if found.len() > 1 {
            found = Self::under_heading(hunk, work, &text, found);
        }
        match found[..] {
            [at] => Ok(wanted.into_iter().enumerate().map(|(n, line)| (text[at + n], line)).collect()),
            [] => Err(self.nearest(&wanted, work, &text)),
            _ => Err((Fault::Ambiguous { line: hunk.at, places: found.len() }, wanted.len())),
        }
    }

    /// Of several places the first one after the label or macro that the heading names, if the text has that once.
    fn under_heading(hunk: &Hunk, work: &[Work], text: &[usize], found: Vec<usize>) -> Vec<usize> {
        let word = |text: &str| {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
            words.map(str::to_owned).find(|word| !word.starts_with("SYM_") && word != "macro")
        };
        let Some(name) = word(&hunk.heading) else { return found };
        let heads = |work: &&Work| {
            let begins = matches!(work.key, Some(Key::Label(_))) || work.code.starts_with(".macro ");
            begins && word(&work.code).as_ref() == Some(&name)
        };
        let Some(head) = work.iter().position(|work| heads(&work)) else { return found };
        let after: Vec<_> = found.iter().copied().filter(|&at| text[at] >= head).take(1).collect();
        if after.is_empty() { found } else { after }
    }

    /// Where the old side agrees most with the text, the first line that differs; and how many lines agree there.
    fn nearest(&self, wanted: &[usize], work: &[Work], text: &[usize]) -> (Fault, usize) {
        let equal = |at: usize, n: usize| {
            text.get(at + n).is_some_and(|&index| work[index].key.as_ref() == Some(&self.0[wanted[n]].key))
        };
        let agreeing = |at: usize| (0..wanted.len()).filter(|&n| equal(at, n)).count();
        // The first of equals.
        let best = (0..text.len()).rev().map(|at| (agreeing(at), at)).max_by_key(|(agreed, _)| *agreed);
        let (agreed, at) = best.unwrap_or((0, 0));
        let differing = if agreed == 0 { 0 } else { (0..wanted.len()).position(|n| !equal(at, n)).unwrap_or(0) };
        let line = &self.0[wanted[differing]];
        let (number, wanted) = (line.line.at, folded(&line.code));
        if agreed == 0 {
            return (Fault::Nowhere { line: number, wanted }, 0);
        }
        let found = text.get(at + differing).map(|&index| &work[index]);
        let found = found.map(|work| (work.code.clone(), origin(work).unwrap_or(0)));
        (Fault::Differs { line: number, wanted, found }, agreed)
    }

    /// Makes the change at `place`; the index of the line after it.
    fn make(&self, work: &mut Vec<Work>, place: &[(usize, usize)]) -> usize {
        let mut edited: Vec<Work> = Vec::with_capacity(work.len() + self.0.len());
        let first = place.first().map_or(0, |(index, _)| *index);
        edited.extend_from_slice(&work[..first]);
        let mut at = first;
        let mut after = anchor(&edited);
        let mut places = place.iter().peekable();
        for (number, line) in self.0.iter().enumerate() {
            if line.tag == Tag::Added {
                if line.key != Key::Unmodelled {
                    edited.push(added(line, after));
                }
                continue;
            }
            let Some((index, _)) = places.next_if(|(_, of)| *of == number) else { continue };
            edited.extend_from_slice(&work[at..*index]);
            after = origin(&work[*index]);
            if line.tag == Tag::Context {
                edited.push(work[*index].clone());
            }
            at = index + 1;
        }
        let end = edited.len();
        edited.extend_from_slice(&work[at..]);
        *work = edited;
        end
    }
}

fn label(key: &Key) -> Option<&String> {
    match key {
        Key::Label(label) => Some(label),
        _ => None,
    }
}

/// The line of the base text that what follows `work` comes after.
fn origin(work: &Work) -> Option<usize> {
    match work.line {
        EditedLine::Kept(index) => Some(index),
        EditedLine::Added { after, .. } => after,
    }
}

fn anchor(work: &[Work]) -> Option<usize> {
    origin(work.last()?)
}

fn added(line: &ChangeLine<'_>, after: Option<usize>) -> Work {
    let text = line.code.clone();
    Work {
        code: folded(&text),
        line: EditedLine::Added { line: Line { text, ..line.line.clone() }, after },
        key: Some(line.key.clone()),
    }
}
