//! The texts of a person's own macro.

use super::*;
use crate::view::diagnostics;

const EMPTY: &str = ".macro RESTORE_CR3\n.endm\n";
const BROKEN: &str = ".macro RESTORE_CR3 scratch_reg:req save_reg:req\n\tmovq \\save_reg, %cr33\n.endm\n";

#[test]
fn a_text_is_checked_before_a_side_runs_it() {
    let check = |text: &str, words: &str, places: &[&str]| {
        let draft = update(&opened("a=A&b=E"), Action::EditDraft(text.into()));
        let verdict = diagnostics::verdict(&draft);
        let found: Vec<_> = verdict.problems.iter().map(|problem| problem.place.as_str()).collect();
        assert_eq!((verdict.words, found.as_slice()), (words, places), "{text}");
        assert!(draft.runs.trace(Side::Left).is_some() && draft.runs.trace(Side::Right).is_some());
        let run = update(&draft, Action::SetForm(Side::Right, Form::Custom));
        if !text.trim().is_empty() {
            assert_eq!(diagnostics::verdict(&run).problems, verdict.problems, "running it finds the same");
        }
    };
    check("", "There is no text yet. Run it on a side: it starts as the macro that the side ran.", &[]);
    check(EMPTY, "It assembles. Press “Run it right” to use it.", &[]);
    check(BROKEN, "It does not assemble. Its side does not run it yet.", &["line 2, column 18:"]);
    check("nonsense", "It does not assemble. Its side does not run it yet.", &["line 1, column 1:"]);
    let run = |text| after(&opened("b=custom"), [Action::EditDraft(String::from(text))]);
    assert_eq!(diagnostics::verdict(&run(EMPTY)).words, "It assembles, and runs.");
    assert_eq!(diagnostics::verdict(&run(BROKEN)).words, "It does not assemble.");
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<Arc<str>> {
    texts.into_iter().map(Arc::from).collect()
}

/// What a page shows and puts aside that opens at a link, with what the browser kept.
fn check_kept(link: &str, kept: &[Arc<str>], custom: &str, aside: &[Arc<str>]) {
    let state = State::open_with(link, Settings::default(), kept);
    assert_eq!((&**state.text(), state.aside.as_slice()), (custom, aside), "{link}");
    check_invariants(&state);
}

/// A link in which the right side runs a text.
fn link_with(text: &str) -> String {
    let run = [Action::EditDraft(text.into()), Action::SetForm(Side::Right, Form::Custom)];
    link::encode(&after(&opened(""), run).link())
}

#[test]
fn a_text_that_nobody_runs_is_kept_over_reload() {
    let typed = update(&opened(""), Action::EditDraft("mine".into()));
    assert_eq!(typed.kept(), texts(["mine"]));
    let reload = |state: &State| State::open_with(&link::encode(&state.link()), Settings::default(), &state.kept());
    let again = reload(&typed);
    assert_eq!((&**again.text(), again.kept()), ("mine", typed.kept()));
    let run = update(&again, Action::SetForm(Side::Left, Form::Custom));
    assert_eq!(run.kept(), texts([]), "the link carries it");
    assert_eq!(&**reload(&run).text(), "mine");
    let left = update(&run, Action::OpenStory(1));
    assert_eq!(left.kept(), texts(["mine"]), "the story's link does not carry it");
    assert_eq!(update(&left, Action::EditDraft(String::new())).kept(), texts([]), "a person may delete it");
}

#[test]
fn a_link_that_carries_a_text_runs_it_and_puts_the_kept_one_aside() {
    let kept = texts(["mine", "older"]);
    check_kept("", &kept, "mine", &texts(["older"]));
    check_kept("b=custom", &kept, "mine", &texts(["older"]));
    check_kept(&link_with(EMPTY), &kept, EMPTY, &kept);
    check_kept(&link_with("older"), &kept, "older", &texts(["mine"]));
    check_kept(&link_with(EMPTY), &[], EMPTY, &[]);
}

#[test]
fn another_link_in_the_same_page_loses_no_text() {
    let typed = update(&opened(""), Action::EditDraft("mine".into()));
    let check = |state: &State, link: &str, custom: &str, aside: &[Arc<str>]| {
        let next = update(state, Action::OpenLink(link.into()));
        assert_eq!((&**next.text(), next.aside.as_slice()), (custom, aside), "{link}");
        check_invariants(&next);
    };
    check(&typed, "a=E&b=A", "mine", &[]);
    check(&typed, &link_with(EMPTY), EMPTY, &texts(["mine"]));
    let run = update(&typed, Action::SetForm(Side::Left, Form::Custom));
    check(&run, "a=E&b=A", "mine", &[]);
    check(&run, &link_with(EMPTY), EMPTY, &[]);
}

#[test]
fn what_was_typed_last_is_taken_when_the_editor_goes_away() {
    let open = after(&opened(""), [Action::EditDraft("before".into()), Action::Open(Overlay::Editor)]);
    let left = || Action::LeaveDraft("before".into(), "typed".into());
    let closed = after(&open, [Action::Close, left()]);
    assert_eq!((&**closed.text(), closed.kept()), ("typed", texts(["typed"])));
    let elsewhere = after(&open, [Action::OpenLink(link_with(EMPTY)), left()]);
    assert_eq!((&**elsewhere.text(), elsewhere.kept()), (EMPTY, texts(["typed", "before"])));
    let told = after(&open, [Action::Close, Action::Tell("Link copied".into()), left()]);
    assert_eq!(told.notice.as_deref(), Some("Link copied"));
}

#[test]
fn a_text_that_is_put_aside_can_be_taken_up_and_forgotten() {
    let state = State::open_with("", Settings::default(), &texts(["a", "b", "c"]));
    let taken = update(&state, Action::TakeDraft(1));
    assert_eq!(taken.kept(), texts(["c", "a", "b"]));
    assert_eq!(update(&taken, Action::ForgetDraft(0)).kept(), texts(["c", "b"]));
    assert_eq!(update(&state, Action::TakeDraft(2)), state, "there is none");
    let run = State::open_with("b=custom", Settings::default(), &texts([BROKEN, EMPTY]));
    assert!(run.runs.trace(Side::Right).is_none());
    assert!(update(&run, Action::TakeDraft(0)).runs.trace(Side::Right).is_some(), "it runs at once");
}

#[test]
fn a_text_that_is_dropped_puts_the_typed_one_aside() {
    let typed = after(&opened(""), [Action::EditDraft("typed".into()), Action::TakeText("dropped".into())]);
    assert_eq!((&**typed.text(), typed.kept()), ("dropped", texts(["dropped", "typed"])));
    let again = update(&typed, Action::TakeText("dropped".into()));
    assert_eq!(again.kept(), texts(["dropped", "typed"]));
}

#[test]
fn a_text_that_is_typed_on_over_one_that_is_aside_keeps_that_one() {
    let state = State::open_with("", Settings::default(), &texts(["a", "ab"]));
    let typed = after(&state, ["ab", "abc"].map(|text| Action::EditDraft(text.into())));
    assert_eq!(typed.kept(), texts(["abc", "ab"]));
}

#[test]
fn a_mail_with_a_patch_is_taken_as_it_is_pasted() {
    let mail = include_str!("../../../../../testdata/patches/resent.reply");
    let state = after(&opened("a=A&b=custom"), [Action::EditDraft(mail.into())]);
    assert_eq!(&**state.text(), mail);
    let verdict = diagnostics::verdict(&state);
    assert_eq!((verdict.words, verdict.problems), ("It assembles, and runs.", Vec::new()));
    let [changed] = &verdict.notes[..] else { panic!("{:?}", verdict.notes) };
    assert!(verdict.taken.starts_with("taken for a mail with a unified diff; undone: the marks of a reply"));
    assert!(verdict.taken.contains("; it fits form A, "), "{}", verdict.taken);
    assert_eq!(changed.message, "`RESTORE_CR3` is changed");
    let differences = |state: &State| state.runs.comparison.differences.len();
    assert_eq!(differences(&state), differences(&opened("a=A&b=C")), "the patch makes form C of form A");
    assert_eq!(
        State::open(&crate::link::encode(&state.link()), Settings::default()).custom,
        state.custom,
        "the link carries it"
    );
    let cut: String = mail.lines().take(30).flat_map(|line| [line, "\n"]).collect();
    let cut = diagnostics::verdict(&update(&state, Action::EditDraft(cut)));
    assert!(cut.problems[0].message.starts_with("the hunk is cut short: "), "{:?}", cut.problems);
}
