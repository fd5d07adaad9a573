//! Each side has a text of a person's own. The last one that assembled stays on display.

use super::*;
use crate::command::Command;
use crate::view::diagnostics;
use crate::view::outcome::{EARLIER, earlier};
use cr3_core::linux::sources::form_source;

const ONE: &str = ".macro RESTORE_CR3 scratch_reg:req save_reg:req\n\tmovq \\save_reg, %cr3\n.endm\n";
const TWO: &str = ".macro RESTORE_CR3 scratch_reg:req save_reg:req\n\tnop\n\tmovq \\save_reg, %cr3\n.endm\n";
const BROKEN: &str = "no macro";

fn edit(text: &str) -> Action {
    Action::EditDraft(text.into())
}

/// Both sides run a text of their own.
fn two() -> State {
    let right = [edit(TWO), Action::SetForm(Side::Right, Form::Custom)];
    after(&opened(""), right.into_iter().chain([Action::SetForm(Side::Left, Form::Custom), edit(ONE)]))
}

fn ran(state: &State) -> [&str; 2] {
    Side::BOTH.map(|side| &**state.runs.text(side).expect("a run"))
}

#[test]
fn each_side_runs_its_own_text() {
    let state = two();
    assert_eq!((ran(&state), state.edited), ([ONE, TWO], Side::Left));
    assert!(!state.runs.comparison.differences.is_empty());
    let other = after(&state, [Action::SetEdited(Side::Right), edit(ONE)]);
    assert_eq!(ran(&other), [ONE, ONE]);
    assert!(other.runs.comparison.differences.is_empty());
    check_invariants(&other);
}

#[test]
fn the_names_of_the_sides_tell_them_apart() {
    assert_eq!(two().names(), ["left text", "right text"]);
    for (link, names) in [
        ("a=custom&b=custom&tb=12", ["text", "tree"]),
        ("a=custom&b=custom&ta=11&tb=12", ["left tree", "right tree"]),
        ("a=custom&b=custom&ta=12&tb=12%2B", ["tree", "custom"]),
        ("a=custom&b=custom&ta=11%2B&tb=12%2B", ["left custom", "right custom"]),
        ("a=E&b=custom&tb=12", ["E", "custom"]),
        ("a=custom&b=A", ["custom", "A"]),
    ] {
        assert_eq!(opened(link).names(), names, "{link}");
    }
    let state = two();
    assert!(crate::view::position::words(&state).contains(" in left, "), "{}", crate::view::position::words(&state));
    let report = crate::report::text(&state, "");
    assert!(report.contains("whole run                           left     right      diff\n"), "{report}");
}

#[test]
fn a_side_without_a_text_takes_that_of_the_other() {
    let state = after(&opened(""), [edit(ONE), Action::SetForm(Side::Left, Form::Custom)]);
    assert_eq!((&**state.text(), state.edited), (ONE, Side::Left));
}

#[test]
fn swapping_takes_the_texts_along() {
    let state = two();
    assert!(is_valid(&state, &Action::SwapForms));
    let swapped = update(&state, Action::SwapForms);
    assert_eq!((ran(&swapped), &**swapped.text()), ([TWO, ONE], ONE));
    assert_eq!(ran(&update(&swapped, Action::SwapForms)), [ONE, TWO]);
}

#[test]
fn a_side_takes_the_other_text_and_its_own_is_put_aside() {
    let state = two();
    let same = update(&state, Action::TakeOtherText);
    assert_eq!((ran(&same), same.aside.as_slice()), ([TWO, TWO], [Arc::from(ONE)].as_slice()));
    assert!(!is_valid(&same, &Action::TakeOtherText));
    assert!(!is_valid(&opened(""), &Action::TakeOtherText));
    let back = update(&same, Action::TakeDraft(0));
    assert_eq!((ran(&back), back.aside.as_slice()), ([ONE, TWO], [].as_slice()));
}

#[test]
fn a_link_carries_both_texts() {
    let check = |state: &State, key: &str, limit: usize| {
        let link = link::encode(&state.link());
        assert!(link.starts_with("v=3&") && link.contains(key) && link.len() < limit, "{link}");
        let again = State::open(&link, Settings::default());
        assert_eq!((again.custom.clone(), again.kept()), (state.custom.clone(), Vec::new()));
        assert_eq!(ran(&again), ran(state));
    };
    check(&two(), "&db=left,", 300);
    let form = form_source(Form::E, "").text;
    let apart = after(&two(), [edit(ONE), Action::SetEdited(Side::Right), edit(&form.replace("jnc", "nop\n\tjnc"))]);
    check(&apart, "&db=E,", 400);
    let short = after(&two(), [Action::SetEdited(Side::Right), edit("#define X\n.macro RESTORE_CR3\n.endm\n")]);
    check(&short, "&cb=", 300);
}

#[test]
fn an_edit_of_the_left_text_needs_that_text() {
    let link = link::encode(&two().link());
    let parts: Vec<_> = link.split('&').filter(|part| !part.starts_with("c=") && !part.starts_with("d=")).collect();
    let (decoded, ignored) = link::decode(&parts.join("&"));
    assert_eq!(decoded.right, None);
    assert_eq!(ignored, ["db: it edits the left side's text, which must come before it in the link"]);
}

#[test]
fn a_text_that_no_link_carries_is_kept_for_each_side() {
    let typed = after(&opened(""), [edit("right"), Action::SetEdited(Side::Left), edit("left")]);
    assert_eq!(typed.kept(), ["left", "right"].map(Arc::from));
    assert_eq!(typed.kept_with("more"), ["more", "right"].map(Arc::from));
    let again = State::open_with("", Settings::default(), &typed.kept());
    assert_eq!((&**again.text(), again.aside.as_slice()), ("left", [Arc::from("right")].as_slice()));
    let run = after(&typed, [edit(ONE), Action::SetForm(Side::Left, Form::Custom)]);
    assert_eq!(run.kept(), [Arc::from("right")]);
}

#[test]
fn a_terminal_compares_both_texts() {
    let command = Command::of(&two());
    assert!(
        command.whole().contains(" --macro /dev/fd/3 --macro /dev/fd/4 3<<'EOF' 4<<'EOF'\n"),
        "{}",
        command.whole()
    );
    assert!(command.whole().ends_with(&format!("\n{ONE}EOF\n{TWO}EOF\n")), "{}", command.whole());
    assert!(command.folded(60).join(" ").contains("--macro left.S --macro right.S"));
}

#[test]
fn the_last_text_that_assembled_stays_on_display() {
    let state = after(&opened("b=custom"), [edit(ONE)]);
    let state = update(&state, Action::Seek(280));
    let broken = update(&state, edit(BROKEN));
    assert_eq!((earlier(&broken.runs, Side::Right), earlier(&broken.runs, Side::Left)), (Some(EARLIER), None));
    assert_eq!((&**broken.text(), broken.runs.text(Side::Right).map(|text| &**text)), (BROKEN, Some(ONE)));
    assert_eq!(broken.runs.place(broken.cursor), state.runs.place(state.cursor));
    let verdict = diagnostics::verdict(&broken);
    assert_eq!(verdict.words, "It does not assemble. The last text that assembled stays on display.");
    assert_eq!(verdict.problems.iter().map(|problem| problem.at).collect::<Vec<_>>(), [Some((1, 1))]);
    check_invariants(&broken);
    // It goes on with whatever else is changed, and so does what is judged.
    let moved = update(&broken, Action::EditSchedule("kernel_loop+2:nmi".into()));
    assert_eq!(
        (earlier(&moved.runs, Side::Right), moved.runs.trace(Side::Right).map(|it| it.scenario.schedule.clone())),
        (Some(EARLIER), Some(moved.setup.schedule.clone()))
    );
    assert_eq!(moved.explore.side(Side::Right).subject, state.explore.side(Side::Right).subject);
    let mended = update(&moved, edit(TWO));
    assert_eq!(
        (earlier(&mended.runs, Side::Right), diagnostics::verdict(&mended).words),
        (None, "It assembles, and runs.")
    );
}

#[test]
fn a_built_in_form_does_not_stand_for_a_text_that_never_assembled() {
    let broken = State::open(&link::encode(&after(&opened("b=custom"), [edit(BROKEN)]).link()), Settings::default());
    assert!(broken.runs.trace(Side::Right).is_none());
    let chosen = after(&opened(""), [edit(BROKEN), Action::SetForm(Side::Right, Form::Custom)]);
    assert!(chosen.runs.trace(Side::Right).is_none());
}

#[test]
fn the_shown_step_is_kept_by_its_place_and_arrival() {
    let state = after(&opened("b=custom&s="), [edit(ONE)]);
    let name = |state: &State, row| state.runs.place(row);
    // A place that the run comes to more than once.
    let row = (0..state.runs.len()).rev().find(|row| {
        let (place, all) = (name(&state, *row), 0..*row);
        place.is_some() && all.filter(|other| name(&state, *other) == place).count() == 1
    });
    let row = row.expect("a place with two arrivals");
    let edited = after(&state, [Action::Seek(row), edit(TWO)]);
    assert_eq!(name(&edited, edited.cursor), name(&state, row));
    let arrivals =
        |state: &State, row: usize| (0..=row).filter(|other| name(state, *other) == name(state, row)).count();
    assert_eq!(arrivals(&edited, edited.cursor), 2);
}
