//! How the TLB is built: unbounded for verdicts, like a processor's for costs.

use crate::choice::{self, UnknownName};
use crate::machine::tlb::Reading;
use crate::machine::tlb::geometry::{self, RedundantWrite};
use crate::machine::{Tlb, tlb};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// How the TLB is built, and which reading of the manual applies where it leaves a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Geometry {
    /// Unbounded; drops exactly what the manual requires. For verdicts.
    #[default]
    Architectural,
    /// Unbounded; drops all that the manual permits, with every operation that may drop something.
    ArchitecturalMax,
    /// The sets and ways of a processor. For cost.
    SandyBridge,
    /// As for [`Self::SandyBridge`].
    Haswell,
    /// As for [`Self::SandyBridge`], with replacement and PCIDs as measured.
    Skylake,
    /// Skylake, if a CR3 write that changes nothing empties the first level: nobody has published whether it does.
    SkylakeEmptied,
    /// As for [`Self::SandyBridge`].
    IceLake,
    /// As for [`Self::SandyBridge`].
    GoldenCove,
    /// As for [`Self::SandyBridge`].
    Zen2,
    /// As for [`Self::SandyBridge`].
    Zen3,
    /// As for [`Self::SandyBridge`].
    Zen4,
}

impl Geometry {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 11] = [
        Self::Architectural,
        Self::ArchitecturalMax,
        Self::SandyBridge,
        Self::Haswell,
        Self::Skylake,
        Self::SkylakeEmptied,
        Self::IceLake,
        Self::GoldenCove,
        Self::Zen2,
        Self::Zen3,
        Self::Zen4,
    ];

    /// The name in links and lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Architectural => "architectural",
            Self::ArchitecturalMax => "architectural-max",
            Self::SandyBridge => "sandy-bridge",
            Self::Haswell => "haswell",
            Self::Skylake => "skylake",
            Self::SkylakeEmptied => "skylake-emptied",
            Self::IceLake => "ice-lake",
            Self::GoldenCove => "golden-cove",
            Self::Zen2 => "zen-2",
            Self::Zen3 => "zen-3",
            Self::Zen4 => "zen-4",
        }
    }

    /// What the TLB is like.
    pub fn description(self) -> &'static str {
        match self {
            Self::Architectural => "unbounded; drops exactly what the manual requires",
            Self::ArchitecturalMax => "unbounded; drops all that the manual permits",
            Self::Skylake => "sets, ways, replacement and PCIDs as measured; entries also leave for lack of room",
            Self::SkylakeEmptied => "Skylake, if a redundant CR3 write without flush empties the first level",
            _ => "sets and ways of the processor; entries also leave for lack of room",
        }
    }

    /// The reading of the manual where it requires one thing and permits another. A verdict names it.
    pub fn reading(self) -> Reading {
        match self {
            Self::ArchitecturalMax => Reading::Max,
            _ => Reading::Min,
        }
    }

    /// The caches of the processor; none for unbounded ones.
    pub fn hierarchy(self) -> Option<&'static geometry::Hierarchy> {
        match self {
            Self::Architectural | Self::ArchitecturalMax => None,
            Self::SandyBridge => Some(&geometry::SANDY_BRIDGE),
            Self::Haswell => Some(&geometry::HASWELL),
            Self::Skylake | Self::SkylakeEmptied => Some(&geometry::SKYLAKE),
            Self::IceLake => Some(&geometry::ICE_LAKE),
            Self::GoldenCove => Some(&geometry::GOLDEN_COVE),
            Self::Zen2 => Some(&geometry::ZEN_2),
            Self::Zen3 => Some(&geometry::ZEN_3),
            Self::Zen4 => Some(&geometry::ZEN_4),
        }
    }

    /// What a redundant CR3 write without flush does to the first level.
    fn redundant_write(self) -> RedundantWrite {
        match self {
            Self::SkylakeEmptied => RedundantWrite::EmptiesFirstLevel,
            _ => RedundantWrite::KeepsFirstLevel,
        }
    }

    /// The empty caches of such a machine.
    pub fn tlb(self) -> Tlb {
        let caches = match self.hierarchy() {
            None => tlb::Geometry::Architectural,
            Some(hierarchy) => tlb::Geometry::Finite { hierarchy, redundant_write: self.redundant_write() },
        };
        Tlb::with_geometry(caches, self.reading())
    }

    /// The name of the reading that a verdict or a count uses: what is required (MIN), what is permitted (MAX), or what
    /// was measured on a processor.
    pub fn reading_name(self) -> &'static str {
        match (self, self.reading()) {
            (Self::Skylake, _) => "measured",
            (Self::SkylakeEmptied, _) => "measured, and emptied by redundant CR3 writes",
            (_, Reading::Min) => "MIN",
            (_, Reading::Max) => "MAX",
        }
    }
}

impl Display for Geometry {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Geometry {
    type Err = UnknownName;
    fn from_str(given: &str) -> Result<Self, UnknownName> {
        choice::find("TLB geometry", given, &Self::ALL, |geometry| geometry.name())
    }
}
