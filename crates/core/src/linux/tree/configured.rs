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

/// What was taken of a `.config`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Configured {
    /// Each name that the text asks for, and whether it is set.
    taken: BTreeMap<String, bool>,
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
        Self { taken: text.lines().filter_map(line).filter(|(name, _)| is_taken(name)).collect() }
    }

    /// The same with the names alone that texts ask for.
    pub(super) fn asked<'t>(self, texts: impl IntoIterator<Item = &'t str>) -> Self {
        let words = |text: &'t str| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let asked: BTreeSet<&str> =
            texts.into_iter().flat_map(words).filter(|word| word.starts_with("CONFIG_")).collect();
        Self { taken: self.taken.into_iter().filter(|(name, _)| asked.contains(name.as_str())).collect() }
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
            (count, true) => format!("of its .config {count} names are taken, all off"),
            (count, false) => {
                format!("of its .config {count} names are taken; on are {}", on.join(", "))
            }
        }
    }
}

/// What the C side has by a `.config`.
pub(super) fn variations(text: &str) -> Option<Variation> {
    text.lines().any(|line| line == "CONFIG_DEBUG_ENTRY=y").then_some(Variation::DebugEntry)
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
        assert_eq!(taken.words(), "of its .config 2 names are taken; on are CONFIG_A");
        assert_eq!(Configured::of(config).asked(["CONFIG_B"]).words(), "of its .config 1 names are taken, all off");
        assert_eq!(Configured::of(config).asked([""]).words(), "");
        assert_eq!(variations("CONFIG_DEBUG_ENTRY=y\n"), Some(Variation::DebugEntry));
        assert_eq!(variations("# CONFIG_DEBUG_ENTRY is not set\n"), None);
    }
}
