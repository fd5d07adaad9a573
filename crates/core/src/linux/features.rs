//! Switches of the processor and the kernel.

use crate::choice::{self, UnknownName};
use crate::machine::bits::cr4;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// Switches of the processor and the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Features {
    /// Page-table isolation: two page-table halves per process.
    pub pti: bool,
    /// CR4.PCIDE set.
    pub pcid: bool,
    /// The INVPCID instruction exists.
    pub invpcid: bool,
    /// CR4.FSGSBASE set: RDGSBASE and WRGSBASE in paranoid entry and exit.
    pub fsgsbase: bool,
    /// EFER.NXE set: the kernel's tables forbid execution of user memory.
    pub nx: bool,
    /// The guest of an untrusted hypervisor (SEV-ES): #VC exists, with a gate and two stacks.
    pub sev_es: bool,
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

    /// The effect of the switch.
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
        choice::find("feature", given, &Self::ALL, |feature| feature.name())
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

    /// The same switches with `feature` flipped.
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

/// Whether PCIDs tag translations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pcids {
    /// CR3 bits 11:0 select none.
    Off,
    /// CR3 bits 11:0 are the PCID.
    On,
}

impl Pcids {
    /// What this value of CR4 says.
    pub fn of(cr4: u64) -> Self {
        if cr4 & cr4::PCIDE != 0 { Self::On } else { Self::Off }
    }
}

impl From<Features> for Pcids {
    fn from(features: Features) -> Self {
        if features.pcid { Self::On } else { Self::Off }
    }
}

impl Default for Features {
    /// The features of a processor that needs page-table isolation (Haswell to Coffee Lake), and #VC, so that it can be
    /// injected.
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

/// In a list: the guest is not an SEV-ES guest. Lists are older than this switch, so a list that does not mention it
/// means that it is on.
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
