//! One name and one line of description for every choice a person makes; links, the command line and the page share
//! them.

use super::{Features, Form, Geometry, Handler};
use crate::machine::tlb::Reading;
use crate::machine::tlb::geometry::{self, RedundantWrite};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// A name that none of the choices has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// What the choice is about: `form`, `feature`, `handler`, `TLB geometry`, `preset`.
    pub kind: &'static str,
    /// The name as given.
    pub given: String,
    /// The names there are.
    pub known: Vec<&'static str>,
}

impl Display for UnknownName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { kind, given, known } = self;
        write!(f, "unknown {kind} '{given}': one of {}", known.join(", "))
    }
}

impl std::error::Error for UnknownName {}

fn find<T: Clone>(
    kind: &'static str,
    given: &str,
    all: &[T],
    name: impl Fn(&T) -> &'static str,
) -> Result<T, UnknownName> {
    all.iter().find(|choice| name(choice).eq_ignore_ascii_case(given)).cloned().ok_or_else(|| UnknownName {
        kind,
        given: given.to_owned(),
        known: all.iter().map(name).collect(),
    })
}

/// One switch of [`Features`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Feature {
    /// [`Features::pti`].
    Pti,
    /// [`Features::pcid`].
    Pcid,
    /// [`Features::invpcid`].
    Invpcid,
    /// [`Features::fsgsbase`].
    Fsgsbase,
    /// [`Features::nx`].
    Nx,
    /// [`Features::sev_es`].
    SevEs,
}

impl Feature {
    /// All switches, in the order in which they are printed.
    pub const ALL: [Self; 6] = [Self::Pti, Self::Pcid, Self::Invpcid, Self::Fsgsbase, Self::Nx, Self::SevEs];

    /// The name in lists of features.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pti => "pti",
            Self::Pcid => "pcid",
            Self::Invpcid => "invpcid",
            Self::Fsgsbase => "fsgsbase",
            Self::Nx => "nx",
            Self::SevEs => "sev-es",
        }
    }

    /// What the switch turns on.
    pub fn description(self) -> &'static str {
        match self {
            Self::Pti => "page-table isolation: user mode runs on a second set of page tables",
            Self::Pcid => "CR4.PCIDE: TLB entries are tagged with the PCID in CR3 bits 11:0",
            Self::Invpcid => "the INVPCID instruction: the kernel flushes a user PCID at once",
            Self::Fsgsbase => "CR4.FSGSBASE: paranoid entry reads and writes the GS base directly",
            Self::Nx => "EFER.NXE: the kernel's tables forbid execution of user pages",
            Self::SevEs => "an SEV-ES guest: #VC exists, with stacks of its own",
        }
    }
}

impl Display for Feature {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Feature {
    type Err = UnknownName;
    fn from_str(given: &str) -> Result<Self, UnknownName> {
        find("feature", given, &Self::ALL, |feature| feature.name())
    }
}

impl Features {
    /// Every switch off.
    pub const NONE: Self = Self { pti: false, pcid: false, invpcid: false, fsgsbase: false, nx: false, sev_es: false };

    /// Every switch on.
    pub const ALL: Self = Self { pti: true, pcid: true, invpcid: true, fsgsbase: true, nx: true, sev_es: true };

    /// Every set of switches, [`Features::NONE`] first: a binary count with the order of [`Feature::ALL`].
    pub fn every_set() -> impl Iterator<Item = Self> {
        let on = |set: u32, nth: usize| set >> nth & 1 != 0;
        (0..1 << Feature::ALL.len()).map(move |set| {
            let features = Feature::ALL.into_iter().enumerate().filter(|(nth, _)| on(set, *nth));
            features.map(|(_, feature)| feature).collect()
        })
    }

    /// Whether `feature` is on.
    pub fn has(self, feature: Feature) -> bool {
        match feature {
            Feature::Pti => self.pti,
            Feature::Pcid => self.pcid,
            Feature::Invpcid => self.invpcid,
            Feature::Fsgsbase => self.fsgsbase,
            Feature::Nx => self.nx,
            Feature::SevEs => self.sev_es,
        }
    }

    /// The same switches with `feature` turned over.
    #[must_use]
    pub fn toggled(mut self, feature: Feature) -> Self {
        let switch = match feature {
            Feature::Pti => &mut self.pti,
            Feature::Pcid => &mut self.pcid,
            Feature::Invpcid => &mut self.invpcid,
            Feature::Fsgsbase => &mut self.fsgsbase,
            Feature::Nx => &mut self.nx,
            Feature::SevEs => &mut self.sev_es,
        };
        *switch = !*switch;
        self
    }

    /// The switches that are on, in the order of [`Feature::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.into_iter().filter(move |&feature| self.has(feature))
    }
}

impl Default for Features {
    /// What a processor that needs page-table isolation has (Haswell to Coffee Lake), and #VC, so that it can be injected.
    fn default() -> Self {
        Self::ALL
    }
}

impl FromIterator<Feature> for Features {
    fn from_iter<I: IntoIterator<Item = Feature>>(features: I) -> Self {
        features.into_iter().fold(Self::NONE, |set, feature| match set.has(feature) {
            true => set,
            false => set.toggled(feature),
        })
    }
}

/// In a list: the guest is none of SEV-ES. Lists are older than this switch; those without a word of it mean that it is on.
const NO_SEV_ES: &str = "no-sev-es";

impl Features {
    fn listed(self, word: &str) -> Result<Self, UnknownName> {
        if word.eq_ignore_ascii_case(NO_SEV_ES) {
            return Ok(Self { sev_es: false, ..self });
        }
        let feature = word.parse().map_err(|unknown: UnknownName| {
            let known = unknown.known.into_iter().chain([NO_SEV_ES]).collect();
            UnknownName { known, ..unknown }
        })?;
        Ok(if self.has(feature) { self } else { self.toggled(feature) })
    }
}

impl Display for Features {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let named = self.iter().filter(|feature| *feature != Feature::SevEs).map(Feature::name);
        let names: Vec<_> = named.chain((!self.sev_es).then_some(NO_SEV_ES)).collect();
        match names.is_empty() {
            true => f.write_str("none"),
            false => f.write_str(&names.join(",")),
        }
    }
}

impl FromStr for Features {
    type Err = UnknownName;
    /// A list such as `pti,pcid`, or `none`. SEV-ES is on unless the list says `no-sev-es`.
    fn from_str(list: &str) -> Result<Self, UnknownName> {
        let start = Self { sev_es: true, ..Self::NONE };
        match list.trim() {
            none if none.eq_ignore_ascii_case("none") => Ok(start),
            words => words.split(',').map(str::trim).try_fold(start, Self::listed),
        }
    }
}

impl Form {
    /// The forms that have a name; [`Form::Custom`] has a text instead.
    pub const NAMED: [Self; 5] = [Self::A, Self::B2, Self::C, Self::E, Self::Never];

    /// The name in links and lists.
    pub fn name(&self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B2 => "B2",
            Self::C => "C",
            Self::E => "E",
            Self::Never => "never",
            Self::Custom(_) => "custom",
        }
    }

    /// Where the form comes from and what it does.
    pub fn description(&self) -> &'static str {
        match self {
            Self::A => "RESTORE_CR3, December 2017 to v6.8: always writes CR3",
            Self::B2 => "posted May 2020: skips a kernel CR3, always flushes a user CR3",
            Self::C => "resent August 2023: skips a kernel CR3, else as form A",
            Self::E => "PARANOID_RESTORE_CR3, merged in v6.9: skips a kernel CR3, BTR on the pending flush",
            Self::Never => "does not restore: shows what the macro is for",
            Self::Custom(_) => "your own text",
        }
    }
}

impl Display for Form {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Form {
    type Err = UnknownName;
    /// Form `D` is the same code as `E`. A custom form has no name to parse.
    fn from_str(given: &str) -> Result<Self, UnknownName> {
        match given {
            "D" | "d" => Ok(Self::E),
            _ => find("form", given, &Self::NAMED, Self::name),
        }
    }
}

impl Handler {
    /// All handlers.
    pub const ALL: [Self; 7] = [
        Self::Quiet,
        Self::Perf,
        Self::PendingFlush,
        Self::KgdbPoke,
        Self::RogueCr3,
        Self::RogueSwitchMm,
        Self::Schedule,
    ];

    /// The name in links and lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Perf => "perf",
            Self::PendingFlush => "pending-flush",
            Self::KgdbPoke => "kgdb-poke",
            Self::RogueCr3 => "rogue-cr3",
            Self::RogueSwitchMm => "rogue-switch-mm",
            Self::Schedule => "schedule",
        }
    }

    /// What the handler does.
    pub fn description(self) -> &'static str {
        match self {
            Self::Quiet => "returns at once",
            Self::Perf => "samples user and kernel memory, as perf does",
            Self::PendingFlush => "flushes one page as the kernel does and may leave a user flush pending",
            Self::KgdbPoke => "changes kernel text through a temporary address space, as kgdb does",
            Self::RogueCr3 => "writes CR3 and tells nobody; no kernel code does",
            Self::RogueSwitchMm => "switches to init_mm and not back; no kernel code does",
            Self::Schedule => "switches to another task's address space and back; no kernel code does",
        }
    }
}

impl Display for Handler {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Handler {
    type Err = UnknownName;
    /// `ghes` is what pending-flush is modelled on.
    fn from_str(given: &str) -> Result<Self, UnknownName> {
        match given {
            "ghes" => Ok(Self::PendingFlush),
            _ => find("handler", given, &Self::ALL, |handler| handler.name()),
        }
    }
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
            Self::Skylake => "sets, ways, replacement and PCIDs as measured; entries also leave for want of room",
            Self::SkylakeEmptied => "Skylake, if a redundant CR3 write without flush empties the first level",
            _ => "sets and ways of the processor; entries also leave for want of room",
        }
    }

    /// How the manual is read where it requires one thing and permits another. A verdict names it.
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
    pub(super) fn redundant_write(self) -> RedundantWrite {
        match self {
            Self::SkylakeEmptied => RedundantWrite::EmptiesFirstLevel,
            _ => RedundantWrite::KeepsFirstLevel,
        }
    }

    /// The name of the reading that a verdict or a count was made under: what is required (MIN), what is permitted (MAX), or
    /// what was measured on a processor.
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
        find("TLB geometry", given, &Self::ALL, |geometry| geometry.name())
    }
}
