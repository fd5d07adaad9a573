//! The configuration of a tree, from its `.config`: names that the text asks for and the machine does not decide.

use super::Variation;
use super::texts::CONSTANTS;
use std::collections::{BTreeMap, BTreeSet};

/// How the line begins that says which of its names decide.
pub(in crate::linux) const CONFIGURED: &str = "of its .config ";

/// Where it stands.
pub(super) const CONFIG: &str = ".config";

const DEBUG_ENTRY: &str = "CONFIG_DEBUG_ENTRY";
const AMD_MEM_ENCRYPT: &str = "CONFIG_AMD_MEM_ENCRYPT";

/// Names that the machine decides, whatever a tree says: what is built in, and what a switch of the page or an option is for.
const DECIDED: [&str; 20] = [
    "CONFIG_64BIT",
    AMD_MEM_ENCRYPT,
    DEBUG_ENTRY,
    "CONFIG_FUNCTION_ALIGNMENT",
    "CONFIG_MITIGATION_PAGE_TABLE_ISOLATION",
    "CONFIG_PAGE_SHIFT",
    "CONFIG_PAGE_TABLE_ISOLATION",
    "CONFIG_PGTABLE_LEVELS",
    "CONFIG_PHYSICAL_ALIGN",
    "CONFIG_PHYSICAL_START",
    "CONFIG_SMP",
    "CONFIG_VMAP_STACK",
    "CONFIG_X86",
    "CONFIG_X86_64",
    "CONFIG_X86_CET",
    "CONFIG_X86_ESPFIX64",
    "CONFIG_X86_INTERNODE_CACHE_SHIFT",
    "CONFIG_X86_L1_CACHE_SHIFT",
    "CONFIG_X86_LOCAL_APIC",
    "CONFIG_X86_MCE",
];

/// The value that the machine has for a name that it decides: a number of the build's, or on.
fn here(name: &str) -> Setting {
    let number = CONSTANTS.iter().find(|(constant, _)| *constant == name).map(|(_, value)| *value);
    match number {
        Some(value) if value != 1 => Setting::Number(value),
        _ => Setting::Switch(true),
    }
}

/// What a line of a `.config` says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Setting {
    /// On or off. Nothing is a module here.
    Switch(bool),
    /// A number.
    Number(i64),
}

impl Setting {
    fn of(value: &str) -> Option<Self> {
        match value {
            "y" => Some(Self::Switch(true)),
            "m" | "n" => Some(Self::Switch(false)),
            _ => Some(Self::Number(match value.strip_prefix("0x") {
                Some(digits) => i64::from_str_radix(digits, 16).ok()?,
                None => value.parse().ok()?,
            })),
        }
    }

    fn words(self) -> String {
        match self {
            Self::Switch(true) => "on".to_owned(),
            Self::Switch(false) => "off".to_owned(),
            Self::Number(number) if number >= 0x1000 => format!("{number:#x}"),
            Self::Number(number) => number.to_string(),
        }
    }
}

/// The name that a line of a `.config` is about, and what it says.
fn setting(line: &str) -> Option<(&str, Setting)> {
    let (name, setting) = match line.strip_prefix("# ").and_then(|rest| rest.strip_suffix(" is not set")) {
        Some(name) => (name, Setting::Switch(false)),
        None => {
            let (name, value) = line.split_once('=')?;
            (name, Setting::of(value)?)
        }
    };
    name.starts_with("CONFIG_").then_some((name, setting))
}

/// Names of one kind that are off whatever a `.config` says.
struct Unmodelled {
    names: &'static [&'static str],
    /// Why it makes no difference to what is judged.
    why: &'static str,
}

/// Options for hardware and guests that this machine does not model. At boot Linux patches most of their code out.
const OFF: [Unmodelled; 5] = [
    Unmodelled {
        names: &[
            "CONFIG_CALL_DEPTH_TRACKING",
            "CONFIG_CALL_THUNKS",
            "CONFIG_CPU_IBPB_ENTRY",
            "CONFIG_CPU_IBRS_ENTRY",
            "CONFIG_CPU_SRSO",
            "CONFIG_CPU_UNRET_ENTRY",
            "CONFIG_MITIGATION_CALL_DEPTH_TRACKING",
            "CONFIG_MITIGATION_IBPB_ENTRY",
            "CONFIG_MITIGATION_IBRS_ENTRY",
            "CONFIG_MITIGATION_ITS",
            "CONFIG_MITIGATION_RETHUNK",
            "CONFIG_MITIGATION_RETPOLINE",
            "CONFIG_MITIGATION_SLS",
            "CONFIG_MITIGATION_SRSO",
            "CONFIG_MITIGATION_UNRET_ENTRY",
            "CONFIG_RETHUNK",
            "CONFIG_RETPOLINE",
            "CONFIG_SLS",
        ],
        why: "the processor needs none of these mitigations, and at boot Linux makes RET, jumps and NOPs of them",
    },
    Unmodelled {
        names: &["CONFIG_GCC_PLUGIN_STACKLEAK", "CONFIG_KSTACK_ERASE"],
        why: "what lies below the stack pointer is not erased, and nothing reads it",
    },
    Unmodelled {
        names: &["CONFIG_PARAVIRT_XXL", "CONFIG_XEN_PV"],
        why: "the machine is not a guest of Xen, and Linux patches its own instructions in",
    },
    Unmodelled { names: &["CONFIG_FRAME_POINTER"], why: "the unwinder alone reads its frames" },
    Unmodelled { names: &["CONFIG_X86_32"], why: "the machine runs 64-bit kernels" },
];

/// The kind of a name that is off whatever a `.config` says.
fn off(name: &str) -> Option<&'static Unmodelled> {
    OFF.iter().find(|kind| kind.names.contains(&name))
}

/// What was taken of a `.config`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Configured {
    /// Each name that the text asks for, and whether it is set.
    taken: BTreeMap<String, bool>,
    /// Names that are set and that the text asks for, and that are off here.
    off: BTreeSet<String>,
    /// Names that the machine decides, with a value that it does not have.
    otherwise: BTreeMap<String, Setting>,
}

impl Configured {
    /// Every name of a `.config` that is `y` or not, but those that the machine decides.
    pub(super) fn of(text: &str) -> Self {
        let mut found = Self::default();
        for (name, setting) in text.lines().filter_map(|line| setting(line.trim_end())) {
            let name = name.to_owned();
            match setting {
                // One chooses a variation of the C side, the other is a feature that can be switched.
                _ if [DEBUG_ENTRY, AMD_MEM_ENCRYPT].contains(&name.as_str()) => {}
                _ if DECIDED.contains(&name.as_str()) => {
                    found.otherwise.insert(name, setting);
                }
                Setting::Switch(true) if off(&name).is_some() => {
                    found.off.insert(name);
                }
                Setting::Switch(on) => {
                    found.taken.insert(name, on);
                }
                Setting::Number(_) => {}
            }
        }
        found.otherwise.retain(|name, setting| *setting != here(name));
        found
    }

    /// The same with the names alone that texts ask for.
    pub(super) fn asked<'t>(self, texts: impl IntoIterator<Item = &'t str>) -> Self {
        let words = |text: &'t str| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let asked: BTreeSet<&str> =
            texts.into_iter().flat_map(words).filter(|word| word.starts_with("CONFIG_")).collect();
        self.with_names(|name| asked.contains(name))
    }

    /// The same without the names that a person's `settings` define or undefine: these go before it.
    pub(in crate::linux) fn beside(&self, settings: &str) -> Self {
        let set: BTreeSet<&str> = settings.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
        self.clone().with_names(|name| !set.contains(name))
    }

    fn with_names(mut self, is_kept: impl Fn(&str) -> bool) -> Self {
        self.taken.retain(|name, _| is_kept(name));
        self.off.retain(|name| is_kept(name));
        self.otherwise.retain(|name, _| is_kept(name));
        self
    }

    /// Lines of the preprocessor that set them.
    pub(super) fn lines(&self) -> String {
        self.on().map(|name| format!("#define {name} 1\n")).collect()
    }

    fn on(&self) -> impl Iterator<Item = &str> {
        self.taken.iter().filter(|(_, on)| **on).map(|(name, _)| name.as_str())
    }

    /// What was taken, in words; empty if nothing was.
    pub fn words(&self) -> String {
        let on: Vec<&str> = self.on().collect();
        match (self.taken.len(), on.is_empty()) {
            (0, _) => String::new(),
            (count, true) => format!("{CONFIGURED}{count} names are used, all off"),
            (count, false) => format!("{CONFIGURED}{count} names are used; on: {}", on.join(", ")),
        }
    }

    /// What is on in the `.config` and off here, and for each kind why; nothing if there is none.
    pub fn off(&self) -> Option<(String, Vec<&'static str>)> {
        let names: Vec<&str> = self.off.iter().map(String::as_str).collect();
        let is_here = |kind: &&Unmodelled| kind.names.iter().any(|name| names.contains(name));
        let why = OFF.iter().filter(is_here).map(|kind| kind.why).collect();
        (!names.is_empty()).then(|| (format!("on in its .config and off here: {}", names.join(", ")), why))
    }

    /// Names whose value in the `.config` the machine does not have; nothing if there are none.
    pub fn otherwise(&self) -> Option<String> {
        let each = |(name, setting): (&String, &Setting)| {
            format!("{name} is {} (here {})", setting.words(), here(name).words())
        };
        let names: Vec<String> = self.otherwise.iter().map(each).collect();
        (!names.is_empty()).then(|| format!("set otherwise in its .config: {}", names.join(", ")))
    }
}

/// What the C side has by a `.config`.
pub(super) fn variations(text: &str) -> Option<Variation> {
    let is_on = |line: &str| setting(line.trim_end()) == Some((DEBUG_ENTRY, Setting::Switch(true)));
    text.lines().any(is_on).then_some(Variation::DebugEntry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_that_the_text_asks_for() {
        let config =
            "# comment\nCONFIG_A=y\nCONFIG_AB=y\n# CONFIG_B is not set\nCONFIG_M=m\nCONFIG_SMP=y\nCONFIG_N=64\n";
        let taken = Configured::of(config).asked(["#ifdef CONFIG_A\n#if IS_ENABLED(CONFIG_M)", "CONFIG_SMP CONFIG_N"]);
        assert_eq!(taken.lines(), "#define CONFIG_A 1\n");
        assert_eq!(taken.words(), "of its .config 2 names are used; on: CONFIG_A");
        assert_eq!(Configured::of(config).asked(["CONFIG_B"]).words(), "of its .config 1 names are used, all off");
        assert_eq!(Configured::of(config).asked([""]).words(), "");
        assert_eq!(Configured::of(config).off(), None);
        assert_eq!(variations("CONFIG_DEBUG_ENTRY=y\n"), Some(Variation::DebugEntry));
        assert_eq!(variations("# CONFIG_DEBUG_ENTRY is not set\n"), None);
    }

    #[test]
    fn what_a_person_sets_is_not_taken_from_it() {
        let config = "CONFIG_A=y\nCONFIG_B=y\nCONFIG_XEN_PV=y\nCONFIG_RETHUNK=y\nCONFIG_SMP=n\nCONFIG_X86_MCE=n\n";
        let taken = Configured::of(config).asked([config]);
        let rest = taken.beside("#undef CONFIG_A\n#define CONFIG_XEN_PV 1\n#define CONFIG_SMP 0\n");
        assert_eq!(rest.words(), "of its .config 1 names are used; on: CONFIG_B");
        assert_eq!(
            rest.off().map(|(names, _)| names),
            Some("on in its .config and off here: CONFIG_RETHUNK".to_owned())
        );
        assert_eq!(rest.otherwise(), Some("set otherwise in its .config: CONFIG_X86_MCE is off (here on)".to_owned()));
        assert_eq!(taken.beside(""), taken);
    }

    #[test]
    fn what_the_machine_decides_otherwise_is_said() {
        let check = |config: &str, otherwise: Option<&str>| {
            let taken = Configured::of(config).asked([config]);
            let otherwise = otherwise.map(|names| format!("set otherwise in its .config: {names}"));
            assert_eq!((taken.lines().as_str(), taken.otherwise()), ("", otherwise), "{config}");
        };
        check("CONFIG_SMP=y\nCONFIG_PGTABLE_LEVELS=4\nCONFIG_PHYSICAL_START=0x1000000\nCONFIG_X86_ESPFIX64=y\n", None);
        check("# CONFIG_DEBUG_ENTRY is not set\nCONFIG_PAGE_SHIFT=text\n# CONFIG_AMD_MEM_ENCRYPT is not set\n", None);
        check("CONFIG_SMP=n\r\n", Some("CONFIG_SMP is off (here on)"));
        check(
            "CONFIG_PHYSICAL_START=0x2000000\n# CONFIG_PAGE_TABLE_ISOLATION is not set\nCONFIG_PGTABLE_LEVELS=5\n",
            Some(
                "CONFIG_PAGE_TABLE_ISOLATION is off (here on), CONFIG_PGTABLE_LEVELS is 5 (here 4), CONFIG_PHYSICAL_START is 0x2000000 (here 0x1000000)",
            ),
        );
        // What a file says last counts, and what no text asks for does not.
        check("CONFIG_SMP=n\nCONFIG_SMP=y\n", None);
        assert_eq!(Configured::of("CONFIG_SMP=n\n").asked(["CONFIG_A"]).otherwise(), None);
    }

    #[test]
    fn what_is_not_modelled_is_off_and_said() {
        let check = |config: &str, lines: &str, off: Option<(&str, &[usize])>| {
            let taken = Configured::of(config).asked([config]);
            let off = off.map(|(names, kinds)| {
                let why = kinds.iter().map(|kind| OFF[*kind].why).collect();
                (format!("on in its .config and off here: {names}"), why)
            });
            assert_eq!((taken.lines().as_str(), taken.off()), (lines, off), "{config}");
        };
        check("CONFIG_RETHUNK=y\r\n", "", Some(("CONFIG_RETHUNK", &[0])));
        check("# CONFIG_RETHUNK is not set\n", "", None);
        check(
            "CONFIG_XEN_PV=y\nCONFIG_SMP=y\nCONFIG_XEN=y\nCONFIG_MITIGATION_SRSO=y\n",
            "#define CONFIG_XEN 1\n",
            Some(("CONFIG_MITIGATION_SRSO, CONFIG_XEN_PV", &[0, 2])),
        );
        for kind in &OFF {
            assert!(kind.names.is_sorted() && kind.names.iter().all(|name| !DECIDED.contains(name)), "{}", kind.why);
        }
    }
}
