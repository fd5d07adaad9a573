//! `#include`: which file a name means, and the bounds that end cycles and floods.

use crate::Includes;
use crate::report::{Cause, Fault, Place, Report};
use crate::sorted::{Map, Set};

/// Files that may be open at once. gcc stops at 200, and the kernel's entry code needs about 15.
const MAX_DEPTH: usize = 64;

/// Files that one run may open, counting each time. The kernel's entry code opens about 700.
const MAX_OPENED: usize = 10_000;

/// Bytes of one file. The longest header that entry code includes has 50 KB.
const MAX_FILE: usize = 1 << 20;

/// The name in an `#include`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named<'n> {
    /// `<name>`: in the folders of the tree.
    Bracketed(&'n str),
    /// `"name"`: beside the file that includes it, or else as in brackets.
    Quoted(&'n str),
}

impl<'n> Named<'n> {
    /// The name in what follows `#include`; `None` if it is no name.
    pub(super) fn read(text: &'n str) -> Option<Self> {
        let text = text.trim();
        let inside = |open, close| Some(text.strip_prefix(open)?.split_once(close)?.0).filter(|name| !name.is_empty());
        inside('<', '>').map(Self::Bracketed).or_else(|| inside('"', '"').map(Self::Quoted))
    }

    pub(super) fn name(self) -> &'n str {
        match self {
            Self::Bracketed(name) | Self::Quoted(name) => name,
        }
    }
}

/// A file that is open.
struct Open {
    path: String,
    /// Where it was included, and by which name.
    place: Place,
    name: String,
}

/// The files that are open or have been.
pub(super) struct Opened<'i> {
    includes: &'i Includes<'i>,
    /// The index among the sources of each file that was read.
    indexes: Map<String, usize>,
    /// The files that are open, outermost first.
    open: Vec<Open>,
    /// Sources that say `#pragma once`.
    once: Set<usize>,
    count: usize,
}

impl<'i> Opened<'i> {
    pub(super) fn new(includes: &'i Includes<'i>) -> Self {
        Self { includes, indexes: Map::new(), open: Vec::new(), once: Set::new(), count: 0 }
    }

    /// The index of the source that `named` means, and its path; `None` if that is not to be read a second time.
    pub(super) fn find(
        &mut self,
        named: Named<'_>,
        from: &str,
        report: &mut Report<'_>,
    ) -> Result<Option<(usize, String)>, Fault> {
        let name = named.name();
        let beside = match named {
            Named::Quoted(_) => from.rsplit_once('/').map_or(Some(""), |(folder, _)| Some(folder)),
            Named::Bracketed(_) => None,
        };
        if name.starts_with('/') {
            return Err(leaves(name));
        }
        let folders = beside.into_iter().chain(self.includes.folders.iter().map(String::as_str));
        let mut inside = false;
        for path in folders.map(|folder| joined(folder, name)) {
            let Some(path) = path else { continue };
            inside = true;
            if let Some(index) = self.index(&path, name, report)? {
                return Ok((!self.once.contains(&index)).then_some((index, path)));
            }
        }
        Err(if inside { self.missing(name) } else { leaves(name) })
    }

    /// The index of the file at `path`, which is read if it has not been; `None` if there is no such file.
    fn index(&mut self, path: &str, name: &str, report: &mut Report<'_>) -> Result<Option<usize>, Fault> {
        if let Some(index) = self.indexes.get(path) {
            return Ok(Some(*index));
        }
        if let Some(index) = self.includes.files.source(path) {
            return Ok(Some(index));
        }
        let unread = |why: String| Cause::new(name, format!("`{path}` is not read: {why}"));
        let text =
            self.includes.files.read(path).map_err(|why| unread(why).hint("take another tree, or mend the file"))?;
        let Some(text) = text else { return Ok(None) };
        if text.len() > MAX_FILE {
            let why = format!("it has {} bytes, and {MAX_FILE} is the most", text.len());
            return Err(unread(why).hint("no header of the kernel is so long"));
        }
        let index = report.add_source(path, text);
        self.indexes.insert(path.to_owned(), index);
        Ok(Some(index))
    }

    fn missing(&self, name: &str) -> Fault {
        let folders: Vec<&str> = self.includes.folders.iter().map(String::as_str).collect();
        Cause::new(name, format!("there is no file `{name}`"))
            .hint(format!("it would be in one of the folders {}", folders.join(", ")))
    }

    /// Opens the file at `path`, which `name` means at a place. A fault and its place if too many are open, or have been.
    pub(super) fn enter(&mut self, path: String, name: &str, place: &Place) -> Result<(), (Place, Fault)> {
        self.count += 1;
        if self.count > MAX_OPENED {
            let fault = Cause::new(name, format!("more than {MAX_OPENED} files are included"))
                .hint("a file that includes others several times multiplies them: guard it with `#ifndef`");
            return Err((place.clone(), fault));
        }
        self.open.push(Open { path, place: place.clone(), name: name.to_owned() });
        if self.open.len() <= MAX_DEPTH {
            return Ok(());
        }
        let fault = self.endless().unwrap_or_else(|| {
            let fault = Cause::new(name, format!("files include one another more than {MAX_DEPTH} levels deep"));
            (place.clone(), fault.hint("include fewer through one another"))
        });
        self.open.pop();
        Err(fault)
    }

    /// The innermost file that was open before it was opened, if there is one. The file that is one too many need not be it.
    fn endless(&self) -> Option<(Place, Fault)> {
        let before = |at: usize| self.open[..at].iter().rposition(|open| open.path == self.open[at].path);
        let (from, at) = (0..self.open.len()).rev().find_map(|at| Some((before(at)?, at)))?;
        let Open { path, place, name } = self.open.get(at)?;
        let through: Vec<&str> = self.open[from + 1..at].iter().map(|open| open.path.as_str()).collect();
        let through = if through.is_empty() { String::new() } else { format!(" through {}", through.join(", ")) };
        let fault = Cause::new(name, format!("`{path}` includes itself endlessly{through}"))
            .hint("guard it with `#ifndef`, `#define` and `#endif`");
        Some((place.clone(), fault))
    }

    pub(super) fn leave(&mut self) {
        self.open.pop();
    }

    /// `#pragma once` in a source.
    pub(super) fn only_once(&mut self, source: usize) {
        self.once.insert(source);
    }
}

/// The path of `name` in `folder`, without `.` and `..`; `None` if it leaves the tree.
fn joined(folder: &str, name: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn leaves(name: &str) -> Fault {
    Cause::new(name, format!("`{name}` is outside of the tree")).hint("only files of the tree are read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_tree() {
        let cases = [
            ("arch/x86/entry", "calling.h", Some("arch/x86/entry/calling.h")),
            ("arch/x86/entry", "../include/./asm/a.h", Some("arch/x86/include/asm/a.h")),
            ("arch/x86/entry", "../../../a.h", Some("a.h")),
            ("arch/x86/entry", "../../../../a.h", None),
            ("", "a.h", Some("a.h")),
            ("", "../a.h", None),
            ("include", "a/../../../include/a.h", None),
        ];
        for (folder, name, want) in cases {
            assert_eq!(joined(folder, name).as_deref(), want, "{folder} {name}");
        }
    }

    #[test]
    fn names_stand_in_brackets_or_quotes() {
        let cases = [
            ("<asm/a.h>", Some(Named::Bracketed("asm/a.h"))),
            (" \"calling.h\" more", Some(Named::Quoted("calling.h"))),
            ("<asm/a.h", None),
            ("\"\"", None),
            ("a.h", None),
        ];
        for (text, want) in cases {
            assert_eq!(Named::read(text), want, "{text}");
        }
    }
}
