//! What an action does not change is not assembled again, and the runs are the same as if it were.

use super::*;
use crate::runs::Runs;
use cr3_core::trace::Trace;

/// Both sides' images: whether each is the one that `before` had.
fn kept(before: &State, after: &State) -> [bool; 2] {
    Side::BOTH.map(|side| match (before.runs.trace(side), after.runs.trace(side)) {
        (Some(before), Some(after)) => Arc::ptr_eq(&before.system.image, &after.system.image),
        _ => false,
    })
}

/// Whether the runs are those of a recording without anything before it.
fn check_runs(state: &State) {
    let anew = Runs::record(&state.setup, &state.custom, &state.texts);
    for side in Side::BOTH {
        let [got, want] = [&*state.runs, &anew].map(|runs| runs.trace(side));
        let parts =
            |trace: &Trace| (trace.steps.clone(), trace.end.clone(), trace.counters, trace.system.notes.to_vec());
        assert_eq!(got.map(parts), want.map(parts));
        assert_eq!(got.map(|trace| &trace.system.image), want.map(|trace| &trace.system.image));
    }
}

#[test]
fn only_what_changes_is_assembled_again() {
    let both = [true, true];
    let text = ".macro RESTORE_CR3 scratch_reg:req save_reg:req\n\tmovq \\save_reg, %cr3\n.endm\n".to_owned();
    let cases = [
        ("the same schedule again", Action::EditSchedule("kernel_loop+2:nmi".to_owned()), both),
        ("another form on the left", Action::SetForm(Side::Left, Form::C), [false, true]),
        ("sides exchanged", Action::SwapForms, [false, false]),
        ("a macro of one's own on the right", Action::SetForm(Side::Right, Form::Custom), [true, false]),
        ("an edit of it", Action::EditDraft(text.clone()), [true, false]),
        ("an edit that changes nothing of what is assembled", Action::EditSchedule(String::new()), both),
        ("a feature", Action::ToggleFeature(Feature::Pcid), [false, false]),
        ("what does not assemble", Action::EditDraft("nonsense".to_owned()), [true, false]),
        ("and mended again", Action::EditDraft(text), [true, false]),
    ];
    let mut state = opened("");
    for (name, action, want) in cases {
        let next = update(&state, action);
        assert_eq!(kept(&state, &next), want, "{name}");
        check_runs(&next);
        state = next;
    }
    // Two sides with one form share what was assembled.
    let twice = opened("a=E&b=E&s=");
    let [left, right] = Side::BOTH.map(|side| twice.runs.trace(side).map(|trace| trace.system.image.clone()));
    assert!(left.zip(right).is_some_and(|(left, right)| Arc::ptr_eq(&left, &right)));
}
