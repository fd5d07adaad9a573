//! Names that a person may write in a macro: those of the texts that run, and those that the assembler knows.

use crate::choice::Side;
use crate::state::State;
use cr3_core::asm::sorted::Map;
use cr3_core::asm::{Source, register_names};
use cr3_core::linux::askable;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A macro of the assembler.
    Macro,
    /// An instruction's place.
    Label,
    /// A register, with its `%`.
    Register,
    /// A feature of the processor, or an option of the kernel's configuration.
    Feature,
    /// A number.
    Constant,
}

impl Kind {
    /// Its name for an editor.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Macro => "macro",
            Self::Label => "label",
            Self::Register => "register",
            Self::Feature => "feature",
            Self::Constant => "constant",
        }
    }
}

/// Prefixes of names that an ALTERNATIVE or `#ifdef` asks for.
const FEATURES: [&str; 3] = ["X86_FEATURE_", "X86_BUG_", "CONFIG_"];

/// The names in order, each once.
#[must_use]
pub fn names(state: &State) -> Vec<(Kind, String)> {
    let mut names = Map::default();
    for register in register_names() {
        names.insert(format!("%{register}"), Kind::Register);
    }
    for name in askable() {
        names.insert(name.to_owned(), Kind::Feature);
    }
    for trace in Side::BOTH.into_iter().filter_map(|side| state.runs.trace(side)) {
        for constant in trace.system.image.constants.keys() {
            names.insert(constant.clone(), of_constant(constant));
        }
        // Where a worker assembles, the page has no text to look in.
        for (call, _) in trace.system.image.listing.iter().flat_map(|line| &line.expansion) {
            names.insert(call.clone(), Kind::Macro);
        }
        for label in trace.places.labels() {
            names.insert(label.to_owned(), Kind::Label);
        }
        for Source { text, .. } in trace.system.sources.iter() {
            macros(text, &mut names);
            features(text, &mut names);
        }
    }
    // What else stands there may be half a name.
    macros(state.text(), &mut names);
    names.into_iter().map(|(name, kind)| (kind, name)).collect()
}

fn of_constant(name: &str) -> Kind {
    if FEATURES.iter().any(|prefix| name.starts_with(prefix)) { Kind::Feature } else { Kind::Constant }
}

/// The macros that a text defines.
fn macros(text: &str, names: &mut Map<String, Kind>) {
    for line in text.lines().filter_map(|line| line.trim_start().strip_prefix(".macro")) {
        if let Some(name) = words(line).next() {
            names.insert(name.to_owned(), Kind::Macro);
        }
    }
}

/// The features that a text names.
fn features(text: &str, names: &mut Map<String, Kind>) {
    for feature in words(text).filter(|word| of_constant(word) == Kind::Feature) {
        names.insert(feature.to_owned(), Kind::Feature);
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Action;
    use crate::state::Settings;
    use crate::update;

    fn kind(state: &State, name: &str) -> Option<Kind> {
        let names = names(state);
        let mut found = names.iter().filter(|(_, other)| other == name);
        let kind = found.next().map(|(kind, _)| *kind);
        assert_eq!(found.next(), None, "{name} is there twice");
        kind
    }

    #[test]
    fn an_editor_knows_the_names_of_the_texts_that_run() {
        let state = State::open("", Settings::default());
        let check = |name, expected| assert_eq!(kind(&state, name), expected, "{name}");
        check("SAVE_AND_SWITCH_TO_KERNEL_CR3", Some(Kind::Macro));
        check("PARANOID_RESTORE_CR3", Some(Kind::Macro));
        check("paranoid_exit", Some(Kind::Label));
        check("%r14", Some(Kind::Register));
        check("%cr3", Some(Kind::Register));
        check("X86_FEATURE_PTI", Some(Kind::Feature));
        check("CONFIG_DEBUG_ENTRY", Some(Kind::Feature));
        check("PTI_USER_PGTABLE_MASK", Some(Kind::Constant));
        check("mine", None);
    }

    #[test]
    fn it_knows_what_a_person_has_defined() {
        let text = ".macro mine\n\tALTERNATIVE \"\", \"nop\", X86_FEATURE_OD";
        let state = update(&State::open("", Settings::default()), Action::EditDraft(text.into()));
        assert_eq!(kind(&state, "mine"), Some(Kind::Macro));
        assert_eq!(kind(&state, "X86_FEATURE_OD"), None, "half a name");
    }
}
