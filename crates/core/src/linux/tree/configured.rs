//! The configuration of a tree, from its `.config`: names that the text asks for and the machine does not decide.

use super::Variation;
use std::collections::{BTreeMap, BTreeSet};

/// Where it stands.
pub(super) const CONFIG: &str = ".config";

/// Names that the machine decides, whatever a tree says: what is built in, and what a switch of the page or an option is for.
const DECIDED: [&str; 20] = [
    "CONFIG_64BIT",
    "CONFIG_AMD_MEM_ENCRYPT",
    "CONFIG_DEBUG_ENTRY",
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
}

impl Configured {
    /// Every name of a `.config` that is `y` or not, but those that the machine decides. Nothing is a module here.
    pub(super) fn of(text: &str) -> Self {
        let line = |line: &str| match line.strip_prefix("# ").and_then(|rest| rest.strip_suffix(" is not set")) {
            Some(name) => Some((name.to_owned(), false)),
            None => match line.split_once('=')? {
                (name, "y") => Some((name.to_owned(), true)),
                (name, "m" | "n") => Some((name.to_owned(), false)),
                _ => None,
            },
        };
        let is_taken = |name: &str| name.starts_with("CONFIG_") && !DECIDED.contains(&name);
        let lines = text.lines().filter_map(|text| line(text.trim_end())).filter(|(name, _)| is_taken(name));
        let (off, taken): (BTreeMap<_, _>, _) = lines.partition(|(name, on)| *on && off(name).is_some());
        Self { taken, off: off.into_keys().collect() }
    }

    /// The same with the names alone that texts ask for.
    pub(super) fn asked<'t>(mut self, texts: impl IntoIterator<Item = &'t str>) -> Self {
        let words = |text: &'t str| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let asked: BTreeSet<&str> =
            texts.into_iter().flat_map(words).filter(|word| word.starts_with("CONFIG_")).collect();
        self.taken.retain(|name, _| asked.contains(name.as_str()));
        self.off.retain(|name| asked.contains(name.as_str()));
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
            (count, true) => format!("of its .config {count} names are used, all off"),
            (count, false) => {
                format!("of its .config {count} names are used; on: {}", on.join(", "))
            }
        }
    }

    /// What is on in the `.config` and off here, and for each kind why; nothing if there is none.
    pub fn off(&self) -> Option<(String, Vec<&'static str>)> {
        let names: Vec<&str> = self.off.iter().map(String::as_str).collect();
        let is_here = |kind: &&Unmodelled| kind.names.iter().any(|name| names.contains(name));
        let why = OFF.iter().filter(is_here).map(|kind| kind.why).collect();
        (!names.is_empty()).then(|| (format!("on in its .config and off here: {}", names.join(", ")), why))
    }
}

/// What the C side has by a `.config`.
pub(super) fn variations(text: &str) -> Option<Variation> {
    text.lines().any(|line| line.trim_end() == "CONFIG_DEBUG_ENTRY=y").then_some(Variation::DebugEntry)
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
