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

impl Checked {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Checked, Self::Unchecked];

    /// The name that people read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Checked => "checked",
            Self::Unchecked => "unchecked",
        }
    }
}

/// Releases whose text `cargo xtask linux` compared with the built-in one.
const CHECKED: [(u32, u32); 2] = [(6, 1), (6, 12)];

/// A difference in C from v6.12 that public texts name, and which releases have it.
struct Otherwise {
    /// The first release that has it.
    since: (u32, u32),
    /// The first release that no longer has it.
    before: (u32, u32),
    what: &'static str,
}

/// Before the first release and after the last.
const FIRST: (u32, u32) = (0, 0);
const LAST: (u32, u32) = (u32::MAX, u32::MAX);

/// Read in v5.10.223, v6.1.172, v6.12.117 and v7.2.11. Where a difference ends between two of them, the changelog of the release says so:
/// 2f4305b19fe6 (v5.13), e57ef2ed97c1 (v6.2), the per-CPU series of v6.15. None of this decides what the entry text reads, because the
/// machine supplies offsets and per-CPU symbols.
const OTHERWISE: [Otherwise; 5] = [
    Otherwise { since: FIRST, before: (5, 13), what: "cpu_tlbstate holds is_lazy too" },
    Otherwise { since: FIRST, before: (6, 2), what: SEPARATE },
    Otherwise { since: (6, 15), before: LAST, what: SEPARATE },
    Otherwise { since: (6, 15), before: LAST, what: "addresses of per-CPU symbols do not count from 0" },
    Otherwise { since: (6, 15), before: LAST, what: "an mm may have a global ASID, where the processor has INVLPGB" },
];

const SEPARATE: &str = "the current task and the top of its stack are per-CPU variables of their own, outside pcpu_hot";

impl Release {
    /// What public texts say that this release has otherwise in C than v6.12.
    pub fn otherwise(self) -> impl Iterator<Item = &'static str> {
        let has = move |it: &&Otherwise| !self.is_before(it.since) && self.is_before(it.before);
        OTHERWISE.iter().filter(has).map(|it| it.what)
    }

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
    fn a_release_says_what_its_c_side_has_otherwise() {
        let check = |version, patchlevel, expected: &[&str]| {
            let release = Release { version, patchlevel, sublevel: 0 };
            assert_eq!(release.otherwise().collect::<Vec<_>>(), expected, "{release}");
        };
        let [lazy, zero, global] = [0, 3, 4].map(|index| OTHERWISE[index].what);
        check(5, 10, &[lazy, SEPARATE]);
        check(6, 1, &[SEPARATE]);
        check(6, 6, &[]);
        check(6, 12, &[]);
        check(6, 18, &[SEPARATE, zero, global]);
        check(7, 2, &[SEPARATE, zero, global]);
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
