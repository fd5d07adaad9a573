//! The list of handlers to pick from: each by itself, the running combination, and the way to combine.

use crate::action::Action;
use crate::choice::Overlay;
use cr3_core::linux::{Handler, Handlers};

/// An entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// As the list names it.
    pub text: String,
    /// The effect of picking it.
    pub action: Action,
}

/// The last entry.
pub const COMBINE: &str = "combine…";

/// The entries, and the index of the running one.
#[must_use]
pub fn choices(chosen: Handlers) -> (Vec<Choice>, Option<usize>) {
    let single = Handler::ALL.into_iter().map(Handlers::only);
    let combined = chosen.single().is_none().then_some(chosen);
    let sets = single.chain(combined).collect::<Vec<_>>();
    let selected = sets.iter().position(|set| *set == chosen);
    let pick = |set: Handlers| Choice { text: set.to_string(), action: Action::SetHandler(set) };
    let combine = Choice { text: COMBINE.to_owned(), action: Action::Open(Overlay::Handlers) };
    (sets.into_iter().map(pick).chain([combine]).collect(), selected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(chosen: &str, more: &[&str], selected: usize) {
        let (choices, at) = choices(chosen.parse().expect("handlers"));
        let texts: Vec<_> = choices.iter().map(|choice| choice.text.as_str()).collect();
        let mut expected: Vec<_> = Handler::ALL.iter().map(|handler| handler.name()).collect();
        expected.extend(more);
        assert_eq!((texts, at), (expected, Some(selected)), "{chosen}");
        assert_eq!(choices[selected].text, chosen);
        for choice in choices {
            match choice.action {
                Action::SetHandler(handlers) => assert_eq!(handlers.to_string(), choice.text),
                action => assert_eq!((action, &*choice.text), (Action::Open(Overlay::Handlers), COMBINE)),
            }
        }
    }

    #[test]
    fn a_combination_is_listed_while_it_runs() {
        check("quiet", &[COMBINE], 0);
        check("schedule", &[COMBINE], 6);
        check("perf+pending-flush", &["perf+pending-flush", COMBINE], 8);
    }
}
