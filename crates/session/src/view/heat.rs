//! The stripe in the listing's gutter: the outcomes of single exceptions before an instruction.

use crate::explore::{AtInstruction, Judged};
use crate::state::State;
use crate::words::grouped;

/// The outcomes of single exceptions before an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heat {
    /// Each keeps every promise.
    Holds,
    /// So many break one.
    Breaks(u64),
    /// None is possible.
    Impossible,
}

/// A mark of the stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What it shows.
    pub heat: Heat,
    /// The same in words, with the reason where nothing is possible.
    pub words: String,
}

/// The mark of the instruction at an address; none while single exceptions are not judged, and none where all that breaks a promise
/// leaves the model.
#[must_use]
pub fn mark(state: &State, address: u64) -> Option<Mark> {
    let judged = state.explore.side(state.side);
    let is_untold = judged.found.as_ref().is_some_and(|found| found.is_untold());
    (!judged.places.is_empty() && !is_untold).then(|| of(judged, address))
}

fn of(judged: &Judged, address: u64) -> Mark {
    match judged.at(address) {
        None => Mark {
            heat: Heat::Impossible,
            words: "No single exception can strike here: the uninterrupted run never reaches this instruction."
                .to_owned(),
        },
        Some(at) if at.schedules == 0 => {
            Mark { heat: Heat::Impossible, words: format!("Impossible here: {}.", reasons(at).join("; ")) }
        }
        Some(at) => Mark { heat: heat(at), words: counted(at) },
    }
}

fn heat(at: &AtInstruction) -> Heat {
    if at.breaking == 0 { Heat::Holds } else { Heat::Breaks(at.breaking) }
}

fn counted(at: &AtInstruction) -> String {
    let schedules = grouped(at.schedules);
    let counted = match at.breaking {
        0 => format!("Every single exception here holds: {schedules} schedules"),
        breaking => format!("{} of {schedules} schedules that strike here break a promise", grouped(breaking)),
    };
    std::iter::once(counted).chain(reasons(at)).collect::<Vec<_>>().join("; ") + "."
}

/// Why the other choices are none.
fn reasons(at: &AtInstruction) -> Vec<String> {
    let refused = at.refusal.iter().map(|why| format!("{} refused: {why}", grouped(at.refused)));
    let excluded = at.excluded.iter().map(|(assumption, count)| {
        format!("{} excluded by {assumption}: {}", grouped(*count), assumption.sentence().trim_end_matches('.'))
    });
    refused.chain(excluded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cr3_core::query::Assumption;
    use expect_test::{Expect, expect};
    use std::rc::Rc;

    fn check(at: Option<AtInstruction>, heat: Heat, words: Expect) {
        let judged = Judged { places: Rc::new(at.into_iter().collect()), ..Judged::default() };
        let mark = of(&judged, 7);
        assert_eq!(mark.heat, heat);
        words.assert_eq(&mark.words);
    }

    #[test]
    fn each_mark_says_why() {
        let at = AtInstruction { address: 7, schedules: 3, breaking: 0, refused: 0, refusal: None, excluded: vec![] };
        check(Some(at.clone()), Heat::Holds, expect!["Every single exception here holds: 3 schedules."]);
        let breaks = AtInstruction { schedules: 1200, breaking: 1001, ..at.clone() };
        check(Some(breaks), Heat::Breaks(1001), expect!["1,001 of 1,200 schedules that strike here break a promise."]);
        let excluded = vec![(Assumption::NoRequestAfterLook, 2)];
        let partly = AtInstruction { schedules: 1, excluded: excluded.clone(), ..at.clone() };
        check(
            Some(partly),
            Heat::Holds,
            expect![
                "Every single exception here holds: 1 schedules; 2 excluded by no-request-after-look: No user flush is requested between an exit's look at the mask and its CR3 write."
            ],
        );
        let impossible =
            AtInstruction { schedules: 0, refused: 1, refusal: Some("it waits (SDM)".into()), excluded, ..at };
        check(
            Some(impossible),
            Heat::Impossible,
            expect![
                "Impossible here: 1 refused: it waits (SDM); 2 excluded by no-request-after-look: No user flush is requested between an exit's look at the mask and its CR3 write."
            ],
        );
        check(
            None,
            Heat::Impossible,
            expect!["No single exception can strike here: the uninterrupted run never reaches this instruction."],
        );
    }
}
