//! `#include`: which text it names.
//!
//! Texts come from the caller. A text that an `#include` of the caller's headers does not find is an error at its place.

use std::rc::Rc;

use crate::report::{Cause, Fault};
use crate::{Header, Options, Source};

/// How deep `#include` may nest (GNU cpp's limit).
pub(super) const MAX_DEPTH: usize = 200;

/// What stands at a path.
pub(super) enum Found {
    /// A text, and its index among the sources.
    Text(usize, Rc<str>),
    /// A header whose text is left out.
    Empty,
    /// Why its text is not to be had.
    Refused(String),
    Nothing,
}

/// The texts that `#include` can name.
pub(super) trait Library {
    fn at(&mut self, path: &str) -> Found;

    /// The name of the source with this index, which is its path if it is a header.
    fn name(&self, source: usize) -> &str;

    /// Whether texts may be found that the options do not give.
    fn seeks(&self) -> bool;
}

/// The headers of the options.
pub(super) struct Given<'o> {
    pub(super) sources: &'o [Source],
    pub(super) options: &'o Options,
}

impl Library for Given<'_> {
    fn at(&mut self, path: &str) -> Found {
        match self.options.includes.headers.get(path) {
            Some(Header::Source(index)) => match self.sources.get(*index) {
                Some(source) => Found::Text(*index, source.text.as_str().into()),
                None => Found::Nothing,
            },
            Some(Header::Empty) => Found::Empty,
            Some(Header::Refused(why)) => Found::Refused(why.clone()),
            None => Found::Nothing,
        }
    }

    fn name(&self, source: usize) -> &str {
        self.sources.get(source).map_or("", |source| source.name.as_str())
    }

    fn seeks(&self) -> bool {
        false
    }
}

/// The headers of the options, and others that the caller looks for when they are asked for.
pub(super) struct Sought<'o, 'f> {
    pub(super) given: Given<'o>,
    pub(super) find: &'f mut dyn FnMut(&str) -> Option<String>,
    pub(super) found: Vec<Source>,
}

impl Library for Sought<'_, '_> {
    fn at(&mut self, path: &str) -> Found {
        let given = self.given.at(path);
        if !matches!(given, Found::Nothing) {
            return given;
        }
        let known = self.found.iter().position(|source| source.name == path);
        let index = known.or_else(|| {
            let text = (self.find)(path)?;
            self.found.push(Source { name: path.to_owned(), text });
            Some(self.found.len() - 1)
        });
        let text = |index: usize| Found::Text(self.given.sources.len() + index, self.found[index].text.as_str().into());
        index.map_or(Found::Nothing, text)
    }

    fn name(&self, source: usize) -> &str {
        match source.checked_sub(self.given.sources.len()).and_then(|index| self.found.get(index)) {
            Some(source) => &source.name,
            None => self.given.name(source),
        }
    }

    fn seeks(&self) -> bool {
        true
    }
}

/// The name between `"` and `"` or `<` and `>`, and whether it is looked for beside the text that includes it.
pub(super) fn named(operand: &str) -> Result<(&str, Beside), Fault> {
    let operand = operand.trim();
    let quoted = |open: char, close: char| {
        operand.strip_prefix(open)?.split_once(close).map(|(name, _)| name).filter(|name| !name.is_empty())
    };
    match (quoted('"', '"'), quoted('<', '>')) {
        (Some(name), _) => Ok((name, Beside::First)),
        (None, Some(name)) => Ok((name, Beside::Never)),
        (None, None) => Err(Cause::new(operand, "this #include names no file")
            .hint("write `#include <asm/name.h>` or `#include \"name.h\"`")),
    }
}

/// Whether a header is looked for in the folder of the text that includes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    First,
    Never,
}

/// The paths at which a header may stand, in the order in which they are tried.
///
/// # Errors
/// A fault if the name leaves the tree of headers.
pub(super) fn candidates(name: &str, beside: Beside, from: &str, search: &[String]) -> Result<Vec<String>, Fault> {
    let leaves = || {
        Cause::new("#", format!("#include {name} leaves the tree"))
            .hint("a text is taken from inside its tree only: name the file from there")
    };
    if name.starts_with('/') {
        return Err(leaves());
    }
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let beside = (beside == Beside::First).then_some(folder);
    let folders = beside.into_iter().chain(search.iter().map(String::as_str));
    let paths: Vec<_> = folders.filter_map(|folder| joined(folder, name)).collect();
    if paths.is_empty() { Err(leaves()) } else { Ok(paths) }
}

/// `folder/name` without `.` and `..`; nothing if it leads out.
fn joined(folder: &str, name: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in folder.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_looked_for_in_folders_and_never_outside() {
        let search = ["arch/x86/include".to_owned(), "include".to_owned()];
        let check = |operand: &str, from: &str, expected: Result<&[&str], ()>| {
            let found = named(operand).and_then(|(name, beside)| candidates(name, beside, from, &search));
            let found = found.map_err(|_| ());
            assert_eq!(found, expected.map(|paths| paths.iter().map(|path| (*path).to_owned()).collect()), "{operand}");
        };
        let entry = "arch/x86/entry/entry_64.S";
        check("<asm/a.h>", entry, Ok(&["arch/x86/include/asm/a.h", "include/asm/a.h"]));
        check("\"a.h\" ", entry, Ok(&["arch/x86/entry/a.h", "arch/x86/include/a.h", "include/a.h"]));
        check("\"../../x/./a.h\"", entry, Ok(&["arch/x/a.h", "arch/x/a.h"]));
        check("<../../../a.h>", entry, Ok(&["a.h"]));
        check("\"../../../../a.h\"", entry, Err(()));
        check("</etc/passwd>", entry, Err(()));
        check("\"\"", entry, Err(()));
        check("NAME", entry, Err(()));
        check("<a.h", entry, Err(()));
    }
}
