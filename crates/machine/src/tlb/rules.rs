//! Which entries an invalidation removes: pure functions over small enums (SDM vol. 3A 4.10.4.1; INVPCID: vol. 2).

use super::{Entry, StructureEntry};

/// How far the processor goes beyond what the manual requires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reading {
    /// Drops only what must go.
    #[default]
    Min,
    /// Drops all that may go. Any entry may go at any time (4.10.2.2), so every invalidation empties the caches.
    Max,
}

/// What happens to an access that a cached translation forbids, though the tables may allow it by now. Software that
/// grants a right need not invalidate, and must expect either outcome (SDM vol. 3A 4.10.4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StaleRights {
    /// The translation goes and the processor walks the tables again.
    #[default]
    WalkAgain,
    /// A page fault, which removes the translation: the next try walks.
    Fault,
}

/// An operation that invalidates, with the PCID and address it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// MOV to CR3 with CR4.PCIDE=0, or with bit 63 of the source clear; `pcid` is the one loaded.
    Cr3Flush {
        /// PCID in the source, 0 while CR4.PCIDE=0.
        pcid: u16,
    },
    /// A write that need not invalidate anything: MOV to CR3 with bit 63 set, or MOV to CR0 or CR4 that changes no
    /// relevant bit.
    Optional,
    /// CR4.PGE changed, CR4.PCIDE or CR0.PG cleared: every entry of every PCID.
    Everything,
    /// CR4.SMEP set or CR4.PAE changed: every entry of the current PCID. The manual makes no exception for global
    /// translations here; those with another PCID's tag stay.
    CurrentPcid {
        /// The current PCID.
        pcid: u16,
    },
    /// INVLPG.
    Invlpg {
        /// The current PCID.
        pcid: u16,
        /// The operand's address.
        linear: u64,
    },
    /// INVPCID type 0.
    InvpcidAddress {
        /// PCID in the descriptor.
        pcid: u16,
        /// Address in the descriptor.
        linear: u64,
    },
    /// INVPCID type 1.
    InvpcidContext {
        /// PCID in the descriptor.
        pcid: u16,
    },
    /// INVPCID type 2.
    InvpcidAll,
    /// INVPCID type 3.
    InvpcidAllButGlobal,
    /// A page fault, which removes the entries that could have caused it. The manual names the current PCID. A global
    /// translation that the access hit goes too, or the fault could repeat.
    PageFault {
        /// The current PCID.
        pcid: u16,
        /// The address that faulted.
        linear: u64,
    },
}

/// The operation without its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// [`Operation::Cr3Flush`].
    Cr3Flush,
    /// [`Operation::Optional`].
    Optional,
    /// [`Operation::Everything`].
    Everything,
    /// [`Operation::CurrentPcid`].
    CurrentPcid,
    /// [`Operation::Invlpg`].
    Invlpg,
    /// [`Operation::InvpcidAddress`].
    InvpcidAddress,
    /// [`Operation::InvpcidContext`].
    InvpcidContext,
    /// [`Operation::InvpcidAll`].
    InvpcidAll,
    /// [`Operation::InvpcidAllButGlobal`].
    InvpcidAllButGlobal,
    /// [`Operation::PageFault`].
    PageFault,
}

/// Whether an entry carries the PCID that the operation names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tag {
    /// The PCID that the operation names.
    Named,
    /// Another one, or the operation names none.
    Other,
}

/// Whether a translation is global.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The G flag was set in the leaf while CR4.PGE=1.
    Global,
    /// Used under its own PCID only.
    Local,
}

/// Whether an entry is, or would be, used for the address that the operation names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// It is, or would be.
    Covers,
    /// It is not, or the operation names no address.
    Elsewhere,
}

/// Whether the manual requires that the operation removes a translation.
pub fn must_drop(kind: Kind, tag: Tag, scope: Scope, reach: Reach) -> bool {
    let named = tag == Tag::Named;
    let global = scope == Scope::Global;
    let covers = reach == Reach::Covers;
    match kind {
        Kind::Optional => false,
        Kind::Everything | Kind::InvpcidAll => true,
        Kind::CurrentPcid => named,
        Kind::Cr3Flush | Kind::InvpcidContext => named && !global,
        Kind::Invlpg | Kind::PageFault => covers && (named || global),
        Kind::InvpcidAddress => covers && named && !global,
        Kind::InvpcidAllButGlobal => !global,
    }
}

/// Whether the manual requires that the operation removes a paging-structure entry. These are never global (4.10.2.4),
/// and INVLPG removes those of the current PCID for all addresses.
pub fn must_drop_structure(kind: Kind, tag: Tag, reach: Reach) -> bool {
    let named = tag == Tag::Named;
    let covers = reach == Reach::Covers;
    match kind {
        Kind::Optional => false,
        Kind::Everything | Kind::InvpcidAll | Kind::InvpcidAllButGlobal => true,
        Kind::CurrentPcid | Kind::Cr3Flush | Kind::InvpcidContext | Kind::Invlpg => named,
        Kind::InvpcidAddress | Kind::PageFault => named && covers,
    }
}

impl Operation {
    /// The operation without its operands.
    pub fn kind(self) -> Kind {
        match self {
            Self::Cr3Flush { .. } => Kind::Cr3Flush,
            Self::Optional => Kind::Optional,
            Self::Everything => Kind::Everything,
            Self::CurrentPcid { .. } => Kind::CurrentPcid,
            Self::Invlpg { .. } => Kind::Invlpg,
            Self::InvpcidAddress { .. } => Kind::InvpcidAddress,
            Self::InvpcidContext { .. } => Kind::InvpcidContext,
            Self::InvpcidAll => Kind::InvpcidAll,
            Self::InvpcidAllButGlobal => Kind::InvpcidAllButGlobal,
            Self::PageFault { .. } => Kind::PageFault,
        }
    }

    fn pcid(self) -> Option<u16> {
        match self {
            Self::Cr3Flush { pcid }
            | Self::CurrentPcid { pcid }
            | Self::Invlpg { pcid, .. }
            | Self::InvpcidAddress { pcid, .. }
            | Self::InvpcidContext { pcid }
            | Self::PageFault { pcid, .. } => Some(pcid),
            Self::Optional | Self::Everything | Self::InvpcidAll | Self::InvpcidAllButGlobal => None,
        }
    }

    fn linear(self) -> Option<u64> {
        match self {
            Self::Invlpg { linear, .. } | Self::InvpcidAddress { linear, .. } | Self::PageFault { linear, .. } => {
                Some(linear)
            }
            _ => None,
        }
    }

    fn tag(self, pcid: u16) -> Tag {
        if self.pcid() == Some(pcid) { Tag::Named } else { Tag::Other }
    }

    fn reach(self, covers: impl Fn(u64) -> bool) -> Reach {
        if self.linear().is_some_and(covers) { Reach::Covers } else { Reach::Elsewhere }
    }

    /// Whether this operation removes `entry` under `reading`.
    pub fn drops(self, reading: Reading, entry: &Entry) -> bool {
        let scope = if entry.global { Scope::Global } else { Scope::Local };
        let reach = self.reach(|linear| entry.shares_page(linear));
        reading == Reading::Max || must_drop(self.kind(), self.tag(entry.pcid), scope, reach)
    }

    /// Whether this operation removes the paging-structure entry under `reading`.
    pub fn drops_structure(self, reading: Reading, entry: &StructureEntry) -> bool {
        let reach = self.reach(|linear| entry.covers(linear));
        reading == Reading::Max || must_drop_structure(self.kind(), self.tag(entry.pcid), reach)
    }
}

#[cfg(test)]
mod theorems;

#[cfg(test)]
mod tests {
    use super::*;
    use Kind::*;

    const KINDS: [Kind; 10] = [
        Cr3Flush,
        Optional,
        Everything,
        CurrentPcid,
        Invlpg,
        InvpcidAddress,
        InvpcidContext,
        InvpcidAll,
        InvpcidAllButGlobal,
        PageFault,
    ];

    /// Transcribed from SDM vol. 3A 4.10.4.1 and vol. 2. There is one column for each of the eight sorts of
    /// translation: tag (named, other), scope (local, global), reach (covers, elsewhere); `x` goes, `.` stays.
    fn translation_row(kind: Kind) -> &'static str {
        match kind {
            //                      named             other
            //                      local   global    local   global
            Cr3Flush => "xx..  ....",
            Optional => "....  ....",
            Everything => "xxxx  xxxx",
            CurrentPcid => "xxxx  ....",
            Invlpg => "x.x.  ..x.",
            InvpcidAddress => "x...  ....",
            InvpcidContext => "xx..  ....",
            InvpcidAll => "xxxx  xxxx",
            InvpcidAllButGlobal => "xx..  xx..",
            PageFault => "x.x.  ..x.",
        }
    }

    /// Columns: tag (named, other), reach (covers, elsewhere).
    fn structure_row(kind: Kind) -> &'static str {
        match kind {
            Cr3Flush => "xx ..",
            Optional => ".. ..",
            Everything => "xx xx",
            CurrentPcid => "xx ..",
            Invlpg => "xx ..",
            InvpcidAddress => "x. ..",
            InvpcidContext => "xx ..",
            InvpcidAll => "xx xx",
            InvpcidAllButGlobal => "xx xx",
            PageFault => "x. ..",
        }
    }

    fn cells(row: &str) -> Vec<bool> {
        row.chars().filter(|cell| *cell != ' ').map(|cell| cell == 'x').collect()
    }

    #[test]
    fn every_kind_drops_what_the_manual_says_and_nothing_else() {
        let mut checked = 0;
        for kind in KINDS {
            let mut expected = cells(translation_row(kind)).into_iter();
            for tag in [Tag::Named, Tag::Other] {
                for scope in [Scope::Local, Scope::Global] {
                    for reach in [Reach::Covers, Reach::Elsewhere] {
                        let sort = (kind, tag, scope, reach);
                        assert_eq!(Some(must_drop(kind, tag, scope, reach)), expected.next(), "{sort:?}");
                        checked += 1;
                    }
                }
            }
        }
        assert_eq!(checked, 80);
    }

    #[test]
    fn every_kind_drops_the_structure_entries_the_manual_says_and_no_others() {
        let mut checked = 0;
        for kind in KINDS {
            let mut expected = cells(structure_row(kind)).into_iter();
            for tag in [Tag::Named, Tag::Other] {
                for reach in [Reach::Covers, Reach::Elsewhere] {
                    let sort = (kind, tag, reach);
                    assert_eq!(Some(must_drop_structure(kind, tag, reach)), expected.next(), "{sort:?}");
                    checked += 1;
                }
            }
        }
        assert_eq!(checked, 40);
    }
}
