//! The editor's other texts, and what happens to the current one.

use crate::action::Action;
use crate::drafts::Memory;
use crate::state::State;

/// Maximum length of a title in characters.
const TITLE: usize = 60;

/// A text that was put aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Its first line that is not blank.
    pub title: String,
    /// Number of its lines.
    pub lines: usize,
    /// Edits it.
    pub take: Action,
    /// Forgets it.
    pub forget: Action,
}

/// The texts that were put aside, without those of the sides.
#[must_use]
pub fn drafts(state: &State) -> Vec<Draft> {
    let others = state.aside.iter().enumerate().filter(|(_, text)| !state.custom.contains(text));
    others.map(|(index, text)| draft(index, text)).collect()
}

fn draft(index: usize, text: &str) -> Draft {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let mut title: String = first.chars().take(TITLE).collect();
    if title.len() < first.len() {
        title.push('…');
    }
    let (take, forget) = (Action::TakeDraft(index), Action::ForgetDraft(index));
    Draft { title, lines: text.lines().count(), take, forget }
}

/// What a person should know before closing the page.
#[must_use]
pub fn warning(state: &State) -> Option<&'static str> {
    let lost = state.memory == Memory::Refuses && !state.kept().is_empty();
    lost.then_some("The browser stores nothing for this page. Run the text on a side: then the link carries it.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Settings;
    use crate::update::update;
    use std::sync::Arc;

    fn opened(kept: &[&str]) -> State {
        let kept: Vec<Arc<str>> = kept.iter().map(|text| Arc::from(*text)).collect();
        State::open_with("", Settings::default(), &kept)
    }

    #[test]
    fn a_text_is_known_by_its_first_line() {
        let long = format!("\n \t.macro {}\n.endm", "x".repeat(100));
        let state = opened(&["at hand", ".macro RESTORE_CR3\n.endm\n", &long]);
        let shown = drafts(&state);
        assert_eq!(shown[0].title, ".macro RESTORE_CR3");
        assert_eq!(shown[1].title, format!(".macro {}…", "x".repeat(TITLE - 7)));
        assert_eq!(shown.iter().map(|draft| draft.lines).collect::<Vec<_>>(), [2, 3]);
        let same = update(&state, Action::EditDraft(".macro RESTORE_CR3\n.endm\n".into()));
        assert_eq!(drafts(&same), shown[1..], "the text at hand is not offered");
        assert_eq!(update(&same, shown[1].forget.clone()).aside.len(), 1);
    }

    #[test]
    fn a_text_that_will_be_lost_is_told() {
        let told = |state: &State| warning(state).is_some();
        let refusing = |kept: &[&str]| update(&opened(kept), Action::Remember(Memory::Refuses));
        assert!(!told(&opened(&["text"])));
        assert!(!told(&refusing(&[])));
        assert!(told(&refusing(&["text"])));
        let runs = Action::SetForm(crate::Side::Left, crate::Form::Custom);
        assert!(!told(&update(&refusing(&["text"]), runs)), "the link carries it");
    }
}
