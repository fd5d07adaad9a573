//! Where kernels differ in something that verdicts can depend on.
//!
//! The texts are those of v6.12 with a distribution's configuration. A [`Variation`] is one place at which another release, or another
//! configuration, executes something else.

use crate::choice::{self, UnknownName};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// One difference from v6.12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Variation {
    /// `switch_mm_irqs_off` says that it is switching before it chooses an ASID.
    EarlySwitching,
    /// `CONFIG_DEBUG_ENTRY`.
    DebugEntry,
    /// `exc_nmi` lets the next NMI in at once, as in SEV-ES guests.
    NmiComplete,
}

impl Variation {
    /// All of them, in the order in which they are printed.
    pub const ALL: [Self; 3] = [Self::EarlySwitching, Self::DebugEntry, Self::NmiComplete];

    /// The name in lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::EarlySwitching => "early-switching",
            Self::DebugEntry => "debug-entry",
            Self::NmiComplete => "sev-es-nmi-complete",
        }
    }

    /// What differs, and in which releases or configurations.
    pub fn description(self) -> &'static str {
        match self {
            Self::EarlySwitching => {
                "switch_mm_irqs_off stores LOADED_MM_SWITCHING before choose_new_asid: a fix of 2025, in 6.12.117 and v6.17"
            }
            Self::DebugEntry => {
                "CONFIG_DEBUG_ENTRY, on in defconfig: the first NMI unblocks NMIs by an IRET of its own, and exits check what they return to"
            }
            Self::NmiComplete => {
                "exc_nmi calls sev_es_nmi_complete, since v5.10: in an SEV-ES guest the hypervisor then lets the next NMI in"
            }
        }
    }

    /// The name by which the texts ask for it.
    pub(super) fn constant(self) -> &'static str {
        match self {
            Self::EarlySwitching => "EARLY_SWITCHING",
            Self::DebugEntry => "DEBUG_ENTRY",
            Self::NmiComplete => "SEV_ES_NMI_COMPLETE",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Display for Variation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A kernel: v6.12 with some variations. The default has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kernel(u8);

/// The release that the texts follow.
const RELEASE: &str = "v6.12";

impl Kernel {
    /// v6.12, as the texts have it.
    pub const V6_12: Self = Self(0);

    /// v6.12 with one variation.
    pub const fn only(variation: Variation) -> Self {
        Self(variation.bit())
    }

    /// This one and `variation`.
    #[must_use]
    pub const fn with(self, variation: Variation) -> Self {
        Self(self.0 | variation.bit())
    }

    /// Whether it has `variation`.
    pub const fn has(self, variation: Variation) -> bool {
        self.0 & variation.bit() != 0
    }

    /// Its variations, in the order of [`Variation::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Variation> {
        Variation::ALL.into_iter().filter(move |&variation| self.has(variation))
    }
}

impl FromIterator<Variation> for Kernel {
    fn from_iter<I: IntoIterator<Item = Variation>>(variations: I) -> Self {
        variations.into_iter().fold(Self::V6_12, Self::with)
    }
}

impl Display for Kernel {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(RELEASE)?;
        self.iter().try_for_each(|variation| write!(f, "+{variation}"))
    }
}

impl FromStr for Kernel {
    type Err = UnknownName;
    /// `v6.12`, or names of variations with `+` between them, with or without `v6.12` before them.
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let words = text.split('+').map(str::trim).enumerate();
        let named = words.filter(|(nth, word)| *nth != 0 || !word.eq_ignore_ascii_case(RELEASE));
        named.map(|(_, word)| variation(word)).collect()
    }
}

fn variation(given: &str) -> Result<Variation, UnknownName> {
    choice::find("kernel variation", given, &Variation::ALL, |variation| variation.name()).map_err(|unknown| {
        let known = [RELEASE].into_iter().chain(unknown.known).collect();
        UnknownName { known, ..unknown }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_is_what_its_text_says() {
        for bits in 0..1 << Variation::ALL.len() {
            let kernel = Kernel(bits);
            assert_eq!(kernel.to_string().parse(), Ok(kernel), "{kernel}");
            assert_eq!(kernel.iter().collect::<Kernel>(), kernel);
        }
    }

    #[track_caller]
    fn check(text: &str, canonical: Result<&str, &str>) {
        let parsed = text.parse::<Kernel>().map(|kernel| kernel.to_string()).map_err(|unknown| unknown.to_string());
        assert_eq!(parsed.as_deref().map_err(String::as_str), canonical, "{text}");
    }

    #[test]
    fn texts_have_one_canonical_form() {
        check("v6.12", Ok("v6.12"));
        check("debug-entry", Ok("v6.12+debug-entry"));
        check("V6.12 + Debug-Entry+early-switching", Ok("v6.12+early-switching+debug-entry"));
        let known = "one of v6.12, early-switching, debug-entry, sev-es-nmi-complete";
        check("v6.6", Err(&format!("unknown kernel variation 'v6.6': {known}")));
        check("", Err(&format!("unknown kernel variation '': {known}")));
        check("debug-entry+v6.12", Err(&format!("unknown kernel variation 'v6.12': {known}")));
    }
}
