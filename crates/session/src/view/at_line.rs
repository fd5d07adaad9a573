//! What is known of one line of a person's own text: what it does, what it just changed, what it is about, and what fails without it.
//!
//! Every sentence is computed from the run on display, or is the glossary's with its source.

use super::lines::note_of;
use crate::action::Action;
use crate::choice::Side;
use crate::glossary::{Term, Word};
use crate::state::State;
use cr3_core::linux::sources::CUSTOM;
use cr3_core::trace::Trace;

/// What is known of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its number, and what is written there.
    pub title: String,
    /// What it does at the step that is nearest to the cursor.
    pub does: String,
    /// What that step changes: registers, with their values before and after.
    pub changes: Vec<String>,
    /// Shows that step.
    pub show: Option<Action>,
    /// What fails without it, or how far that is known.
    pub without: String,
    /// Asks what fails without each line.
    pub ask: Option<Action>,
    /// What it is about.
    pub terms: Vec<Term>,
}

/// Said of a line of which no step is on display.
const NOT_TAKEN: &str = "The run does not come here.";

/// What is known of a line of the edited text, from 1; none where its side does not run this very text, or where the line has no
/// instruction.
#[must_use]
pub fn about(state: &State, line: u32) -> Option<About> {
    let side = state.edited;
    let trace =
        state.runs.trace(side).filter(|_| state.setup.uses_text(side) && !state.runs.is_of_earlier_text(side))?;
    let index = (line as usize).checked_sub(1)?;
    let written = state.text().lines().nth(index)?;
    let source = trace.system.sources.iter().position(|source| source.name.contains(CUSTOM))?;
    // A patch is taken apart first, so that its lines stand elsewhere.
    let is_there = trace.system.sources[source].text.lines().nth(index) == Some(written);
    let addresses = addresses(trace, source, line);
    if !is_there || addresses.is_empty() {
        return None;
    }
    let step = nearest(trace, &addresses, state.runs.taken(side, state.cursor));
    let detail = step.and_then(|step| trace.detail(step));
    let changes = detail.iter().flat_map(|detail| &detail.registers);
    let row = step.and_then(|step| state.runs.row_of(side, step));
    let known = note_of(state, side, CUSTOM, line);
    Some(About {
        title: format!("Line {line}: {}", written.trim()),
        does: detail.as_ref().map_or_else(|| NOT_TAKEN.to_owned(), |detail| detail.sentence(trace)),
        changes: changes.map(|it| format!("{} {:#x} → {:#x}", it.name, it.before, it.after)).collect(),
        show: row.filter(|row| *row != state.cursor).map(Action::Seek),
        ask: known.is_none().then_some(Action::AskLines),
        without: known.unwrap_or_else(|| waiting(state, side).to_owned()),
        terms: terms(written),
    })
}

/// What is said while nobody knows what fails without a line.
fn waiting(state: &State, side: Side) -> &'static str {
    let study = &state.explore.studies.lines;
    match (study.subject.as_deref() == state.shown(side).as_ref(), study.is_over) {
        (false, _) => "Nobody has tried to run the text without this line.",
        (true, false) => "The text is being tried without each of its lines.",
        (true, true) => "This line was not tried by itself.",
    }
}

/// Where the instructions of a line are, in each place that the macro is used.
fn addresses(trace: &Trace, source: usize, line: u32) -> Vec<u64> {
    let listing = trace.system.image.listing.iter();
    let own = listing.filter(|it| it.instruction && it.position.source == source && it.position.line == line);
    own.map(|it| it.address).collect()
}

/// The last step at one of these addresses before so many steps are taken, or else the first after them.
fn nearest(trace: &Trace, addresses: &[u64], taken: usize) -> Option<usize> {
    let is_here = |step: &usize| trace.steps.get(*step).is_some_and(|step| addresses.contains(&step.rip));
    (0..taken).rev().find(is_here).or_else(|| (taken..trace.steps.len()).find(is_here))
}

/// What a statement names, and what that is about.
const ABOUT: [(&str, Word); 12] = [
    ("%cr3", Word::Cr3),
    ("user_pcid_flush_mask", Word::PendingFlush),
    ("NOFLUSH", Word::NoFlush),
    ("$63,", Word::NoFlush),
    ("PTI_USER_PCID", Word::UserPcid),
    ("PTI_USER_PGTABLE", Word::UserHalf),
    ("ADJUST_KERNEL_CR3", Word::KernelHalf),
    ("FEATURE_PCID", Word::Pcid),
    ("FEATURE_PTI", Word::TablePair),
    ("invpcid", Word::Flush),
    ("swapgs", Word::GsBase),
    ("_reg", Word::Register),
];

fn terms(statement: &str) -> Vec<Term> {
    let mut words: Vec<Word> = Vec::new();
    for (_, word) in ABOUT.iter().filter(|(name, _)| statement.contains(name)) {
        if !words.contains(word) {
            words.push(*word);
        }
    }
    words.into_iter().map(Term::Word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::Form;
    use crate::state::Settings;
    use crate::update::update;
    use expect_test::{Expect, expect};

    const TEXT: &str = ".macro RESTORE_CR3 scratch_reg:req save_reg:req\n\tbtsq\t$63, \\save_reg\n\tmovq\t\\save_reg, %cr3\n\tjmp 1f\n\tnop\n1:\n.endm\n";

    fn opened() -> State {
        let state = State::open("a=A&b=E", Settings::default());
        let state = update(&state, Action::EditDraft(TEXT.into()));
        update(&state, Action::SetForm(Side::Right, Form::Custom))
    }

    fn check(state: &State, line: u32, expected: Expect) {
        let told = about(state, line).map(|About { title, does, changes, without, terms, .. }| {
            let terms: Vec<_> = terms.into_iter().map(Term::name).collect();
            format!("{title}\n{does}\n{}\n{without}\n{}\n", changes.join(", "), terms.join(", "))
        });
        expected.assert_eq(&told.unwrap_or_default());
    }

    #[test]
    fn a_line_says_what_it_does_with_the_values_of_the_run() {
        let state = opened();
        check(&state, 1, expect![[""]]);
        check(
            &state,
            2,
            expect![[r#"
            Line 2: btsq	$63, \save_reg
            the bit was 0
            r14 0x100001 → 0x8000000000100001
            Nobody has tried to run the text without this line.
            no flush, general register
        "#]],
        );
        check(
            &state,
            3,
            expect![[r#"
            Line 3: movq	\save_reg, %cr3
            writes CR3: same tables, PCID 1, no flush; nothing dropped; redundant

            Nobody has tried to run the text without this line.
            CR3, general register
        "#]],
        );
        check(
            &state,
            5,
            expect![[r#"
            Line 5: nop
            The run does not come here.

            Nobody has tried to run the text without this line.

        "#]],
        );
        check(&state, 99, expect![[""]]);
    }

    #[test]
    fn a_line_leads_to_its_step_and_to_the_question() {
        let state = update(&opened(), Action::Seek(0));
        let found = about(&state, 3).expect("an instruction");
        let there = update(&state, found.show.expect("a step"));
        assert_ne!(there.cursor, 0);
        assert_eq!(about(&there, 3).map(|about| about.show), Some(None), "it is shown");
        assert_eq!(found.ask, Some(Action::AskLines));
        let asked = update(&there, Action::AskLines);
        assert_eq!(
            about(&asked, 3).map(|about| about.without),
            Some("The text is being tried without each of its lines.".to_owned())
        );
    }

    #[test]
    fn nothing_is_said_of_a_text_that_does_not_run() {
        let state = opened();
        assert_eq!(about(&update(&state, Action::EditDraft("\tnop\n".into())), 1), None);
        assert_eq!(about(&update(&state, Action::SetEdited(Side::Left)), 3), None);
    }
}
