//! Which release a tree is of, and in what its C side differs from the modelled one.

use std::fmt::{self, Display, Formatter};

/// A release of Linux, as the tree's Makefile names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Release {
    /// `VERSION`.
    pub version: u32,
    /// `PATCHLEVEL`.
    pub patchlevel: u32,
    /// `SUBLEVEL`; 0 where there is none.
    pub sublevel: u32,
}

/// How sure it is that the C side of a release is the modelled one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Held against the release: all that this machine models of it agrees.
    Checked,
    /// By public texts alone, or not at all.
    Unchecked,
}

/// Releases whose text was held against the built-in one by `cargo xtask linux`.
const CHECKED: [(u32, u32); 2] = [(6, 1), (6, 12)];

impl Release {
    /// The release that a Makefile names.
    pub(super) fn of(makefile: &str) -> Option<Self> {
        let value = |name: &str| {
            let line = makefile.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='))?;
            line.trim().parse().ok()
        };
        Some(Self {
            version: value("VERSION")?,
            patchlevel: value("PATCHLEVEL")?,
            sublevel: value("SUBLEVEL").unwrap_or(0),
        })
    }

    /// Whether it came before `release`.
    pub(in crate::linux) fn is_before(self, release: (u32, u32)) -> bool {
        (self.version, self.patchlevel) < release
    }

    /// Whether the C side of this release was checked.
    pub fn checked(self) -> Checked {
        match CHECKED.contains(&(self.version, self.patchlevel)) {
            true => Checked::Checked,
            false => Checked::Unchecked,
        }
    }
}

impl Display for Release {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}", self.version, self.patchlevel)?;
        if self.sublevel == 0 { Ok(()) } else { write!(f, ".{}", self.sublevel) }
    }
}

/// Whether `switch_mm_irqs_off` of this arch/x86/mm/tlb.c says that it is switching before it chooses an ASID, as
/// [`Variation::EarlySwitching`](super::super::Variation::EarlySwitching) does.
pub(super) fn switches_early(tlb: &str) -> bool {
    let Some((_, body)) = tlb.split_once("void switch_mm_irqs_off(") else { return false };
    let body = body.split_once("\n}").map_or(body, |(body, _)| body);
    let at = |word: &str| body.find(word);
    // Since v6.13 a lazy CPU may choose one for the mm that it has; then the last choice is meant.
    match (at("LOADED_MM_SWITCHING);"), body.rfind("choose_new_asid(")) {
        (Some(stored), Some(chosen)) => stored < chosen,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_makefile_names_its_release() {
        let check = |makefile: &str, expected: Option<&str>| {
            assert_eq!(Release::of(makefile).map(|release| release.to_string()).as_deref(), expected, "{makefile}");
        };
        check("# c\nVERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 117\nEXTRAVERSION =\n", Some("v6.12.117"));
        check("VERSION = 6\nPATCHLEVEL=18\nSUBLEVEL = 0\n", Some("v6.18"));
        check("VERSION = 6\n", None);
        check("KERNELVERSION = 6\nPATCHLEVEL = 1\n", None);
        check("VERSION = six\nPATCHLEVEL = 1\n", None);
    }

    #[test]
    fn the_order_of_two_statements_tells_when_switching_is_said() {
        let early = "void switch_mm_irqs_off(int a)\n{\n\tset(LOADED_MM_SWITCHING);\n\tchoose_new_asid(a);\n}\n";
        let late = "void switch_mm_irqs_off(int a)\n{\n\tchoose_new_asid(a);\n\tset(LOADED_MM_SWITCHING);\n}\n";
        assert!(switches_early(early));
        assert!(!switches_early(late));
        assert!(!switches_early(&format!("void other(void)\n{{\n}}\n{late}{early}")));
        assert!(!switches_early(""));
    }
}
