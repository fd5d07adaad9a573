use super::*;
use crate::choice::{Against, Direction, Filter, Goal, Landing, Pace, Pane, Spot, Tab, Target, Theme};
use crate::counterexample::Counterexample;
use crate::document::{Document, Paper};
use crate::drafts::Memory;
use crate::explore::{AtInstruction, Begun, Found, Places};
use crate::inject;
use crate::link;
use crate::panes::{Divider, Resize};
use crate::state::Settings;
use crate::stops::{Halt, Run, Stop, Why};
use crate::story::STORIES;
use crate::study::{Learned, Line, Without};
use crate::view::counters;
use crate::zoom::Zoom;
use cr3_core::counters::Counter;
use cr3_core::geometry::Geometry;
use cr3_core::linux::Macro;
use cr3_core::linux::{Feature, Features, Handler, Handlers};
use cr3_core::promises::Promise;
use cr3_core::query::{Reach, Shorter, Verdict};
use cr3_core::scenario::presets::{PRESETS, Preset};
use cr3_core::scenario::{Nesting, Place, Vector};
use proptest::prelude::*;
use proptest::test_runner::Config;
use std::cell::RefCell;

mod drafts;
mod random;
mod reuse;
mod sides;

fn opened(link: &str) -> State {
    State::open(link, Settings::default())
}

fn after(state: &State, actions: impl IntoIterator<Item = Action>) -> State {
    actions.into_iter().fold(state.clone(), |state, action| update(&state, action))
}

fn place(text: &str) -> Place {
    text.parse().expect("a place of the test")
}

/// What must hold for every state, whatever was clicked.
fn check_invariants(state: &State) {
    let runs = &state.runs;
    assert!(state.cursor < runs.len().max(1), "cursor {} of {} rows", state.cursor, runs.len());
    assert!(state.run.is_none() || runs.len() > 1);
    assert!(state.zoom.as_ref().is_none_or(|shown| !shown.is_empty() && shown.end <= runs.len()));
    assert!(state.halt.as_ref().is_none_or(|halt| halt.row == state.cursor));
    assert_eq!(state.browsed.as_ref().and_then(|place| runs.unknown(place)), None);
    let (link, ignored) = link::decode(&link::encode(&state.link()));
    assert_eq!(ignored, Vec::<String>::new(), "the link of a state says only what is understood");
    assert_eq!(link, state.link(), "the link of a state is the state's");
}

#[test]
fn the_page_opens_where_form_a_writes_what_form_e_skips() {
    let state = opened("");
    let counted = |side| state.runs.step(side, state.cursor).map(|step| step.counted);
    assert!(counted(Side::Left).is_some_and(|counted| counted.contains(Counter::RedundantCr3Writes)));
    assert_eq!(counted(Side::Right), None, "form E has no step there");
    let writes = counters::count(&state.runs, Counter::Cr3Writes);
    assert_eq!(writes.delta, Some(-1));
}

#[test]
fn every_story_runs_on_both_sides_and_strikes() {
    for (index, story) in STORIES.iter().enumerate() {
        let state = update(&opened("a=E&b=E&s="), Action::OpenStory(index));
        let name = story.name;
        assert!(!story.setup().schedule.injections.is_empty(), "{name}: the schedule parses");
        for side in Side::BOTH {
            assert!(state.runs.trace(side).is_some(), "{name}: {side:?} runs");
            assert_eq!(state.runs.unfired(side), [], "{name}: {side:?} strikes");
        }
        let differ = state.runs.differs(state.cursor) || !state.runs.comparison.differences.is_empty();
        // In these the forms agree because the run ends before it restores anything. That is the point of the story.
        let agree = ["kgdb-in-switch-mm", "efi-call"];
        assert_eq!(differ, story.preset().is_none_or(|preset| !agree.contains(&preset)), "{name}");
        assert!(!is_valid(&state, &Action::OpenStory(index)), "{name} is shown as the one that is open");
        check_invariants(&state);
    }
}

#[test]
fn a_story_that_is_open_stays_where_the_person_is() {
    let state = after(&opened(""), [Action::Seek(3), Action::SetFilter(Filter::Differences)]);
    assert!(!is_valid(&state, &Action::OpenStory(0)));
    assert_eq!(update(&state, Action::OpenStory(0)), state);
}

#[test]
fn every_preset_is_a_story_of_its_own() {
    let played: Vec<_> = STORIES.iter().filter_map(|story| story.preset()).collect();
    let presets: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
    assert_eq!(played, presets, "in the order of the presets");
    for story in STORIES {
        if let Some(preset) = story.preset().and_then(Preset::named) {
            let setup = story.setup();
            assert_eq!(
                (setup.features, setup.handler, setup.schedule),
                (preset.features, preset.handler, preset.schedule())
            );
        }
        let alike = STORIES.iter().filter(|other| other.name == story.name || other.setup() == story.setup());
        assert_eq!(alike.count(), 1, "{}", story.name);
        assert!(!story.headline.is_empty() && !story.text.is_empty(), "{}", story.name);
    }
}

#[test]
fn handlers_are_put_together_and_taken_apart() {
    let state = opened("s=kernel_loop%2B1:nmi");
    let both = after(&state, [Handler::PendingFlush, Handler::Perf].map(Action::ToggleHandler));
    assert_eq!(both.setup.handler, Handlers::only(Handler::Perf).with(Handler::PendingFlush));
    let flushes = |state: &State| counters::count(&state.runs, Counter::Invlpg).values;
    assert_eq!((flushes(&state), flushes(&both)), ([Some(0); 2], [Some(2); 2]), "the flush strikes too");
    check_invariants(&both);
    let one = update(&both, Action::ToggleHandler(Handler::PendingFlush));
    assert_eq!(one.setup.handler, Handlers::only(Handler::Perf));
    let none = update(&one, Action::ToggleHandler(Handler::Quiet));
    assert_eq!(none.setup, state.setup);
    assert!(!is_valid(&none, &Action::ToggleHandler(Handler::Quiet)), "quiet is what is left");
}

#[test]
fn injecting_at_a_row_strikes_at_that_very_row() {
    let state = opened("s=");
    for row in [3, 60, 200, 270, 400] {
        let spot = Spot { place: state.runs.place(row).expect("code"), row: Some(row) };
        let next = update(&state, Action::Inject(spot.clone(), Vector::Nmi, Nesting::After));
        assert_eq!(next.notice, None, "row {row}: {:?}", next.setup.schedule);
        assert_eq!(next.cursor, row, "{:?}", next.setup.schedule);
        let struck = next.runs.step(Side::Left, row).map(|step| step.kind);
        assert_eq!(struck.and_then(inject::injected), Some(0));
    }
}

#[test]
fn injecting_inside_a_handler_nests() {
    let state = opened("s=kernel_loop%2B1:nmi");
    let start = inject::struck(&state.runs, 0).expect("the NMI strikes");
    let inside = start + 60;
    let spot = Spot { place: state.runs.place(inside).expect("code"), row: Some(inside) };
    let next = update(&state, Action::Inject(spot, Vector::MachineCheck, Nesting::After));
    assert_eq!(next.setup.schedule.injections[1].nesting, Nesting::Inside);
    assert_eq!(next.cursor, inside);
}

#[test]
fn what_cannot_strike_says_why() {
    let state = opened("s=kernel_loop%2B1:nmi");
    let spot = Spot { place: place("exc_nmi+2"), row: None };
    let next = update(&state, Action::Inject(spot, Vector::Nmi, Nesting::Inside));
    let notice = next.notice.clone().unwrap_or_default();
    assert!(notice.starts_with("The NMI does not strike: "), "{notice}");
    assert!(notice.to_lowercase().contains("block"), "{notice}");
    check_invariants(&next);
}

#[test]
fn vc_strikes_in_sev_es_guests_only() {
    let guest = opened("s=");
    let other = update(&guest, Action::ToggleFeature(Feature::SevEs));
    let spot = Spot { place: place("kernel_loop+1"), row: None };
    for (state, refused) in [(&guest, false), (&other, true)] {
        let menu = crate::view::inject::menu(state, &spot);
        let item = menu.items.iter().find(|item| item.vector == Vector::VmmCommunication).expect("an item");
        assert_eq!(item.refusal.is_some(), refused, "{:?}", item.refusal);
        let next = update(state, Action::Inject(spot.clone(), Vector::VmmCommunication, Nesting::After));
        assert_eq!(next.notice.is_some_and(|notice| notice.contains("SEV-ES guests only")), refused);
    }
}

#[test]
fn stepping_both_ways_comes_back() {
    let state = opened("");
    for target in [Target::Row, Target::SameLevel, Target::Difference, Target::Cr3Write, Target::Delivery, Target::Page]
    {
        let start = update(&state, Action::Seek(300));
        let there = update(&start, Action::Move(target, Direction::Forward));
        if there.cursor != start.cursor {
            let back = update(&there, Action::Move(target, Direction::Backward));
            assert!(back.cursor <= start.cursor, "{target:?}");
            let again = update(&back, Action::Move(target, Direction::Forward));
            assert!(again.cursor >= start.cursor.min(there.cursor), "{target:?}");
        }
    }
}

#[test]
fn a_filter_lists_and_steps_through_its_rows_only() {
    let state = update(&opened(""), Action::SetFilter(Filter::Differences));
    let first = after(&state, [Action::Move(Target::End, Direction::Backward)]);
    assert!(first.runs.differs(first.cursor));
    let next = update(&first, Action::Move(Target::Row, Direction::Forward));
    assert!(next.runs.differs(next.cursor));
    assert_eq!(next.cursor, first.cursor + 1);
    let end = update(&next, Action::Move(Target::Row, Direction::Forward));
    assert_eq!(end.cursor, next.cursor, "there are two such rows");
}

#[test]
fn another_form_keeps_the_place() {
    let state = update(&opened(""), Action::Seek(280));
    let name = state.runs.place(280);
    let next = update(&state, Action::SetForm(Side::Right, Form::C));
    assert_eq!(next.runs.place(next.cursor), name);
}

#[test]
fn a_custom_form_starts_from_the_form_it_replaces_and_tells_its_errors() {
    let state = update(&opened("a=A&b=E"), Action::SetForm(Side::Right, Form::Custom));
    assert!(state.text().contains("PARANOID_RESTORE_CR3"));
    assert!(state.runs.comparison.differences.iter().eq(opened("").runs.comparison.differences.iter()));
    let broken = update(
        &state,
        Action::EditDraft(".macro RESTORE_CR3 scratch_reg:req save_reg:req\n\tmovq \\save_reg, %cr33\n.endm".into()),
    );
    let problems = crate::view::diagnostics::verdict(&broken).problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].place.starts_with("line 2"), "{problems:?}");
    assert!(broken.runs.trace(Side::Left).is_some(), "the other side still runs");
    check_invariants(&broken);
    let mended = update(&broken, Action::EditDraft(state.text().to_string()));
    assert_eq!(crate::view::diagnostics::verdict(&mended).problems, []);
    check_invariants(&mended);
}

#[test]
fn a_custom_form_that_runs_tells_what_to_know_of_it() {
    let state = update(&opened("a=A&b=E"), Action::SetForm(Side::Right, Form::Custom));
    assert_eq!(crate::view::diagnostics::verdict(&state).notes, []);
    let text = ".macro RESTORE_CR3 save_reg:req\n#ifdef CONFIG_XEN_PV\n\tmovq \\save_reg, %cr3\n#endif\n.endm\n";
    let empty = update(&state, Action::EditDraft(text.into()));
    assert_eq!(crate::view::diagnostics::verdict(&empty).problems, []);
    let notes = crate::view::diagnostics::verdict(&empty).notes;
    let said: Vec<_> = notes.iter().map(|note| (note.place.as_str(), note.message.as_str())).collect();
    let expected = [
        ("line 1, column 1:", "the macro RESTORE_CR3 is empty with these features"),
        ("line 2, column 8:", "`CONFIG_XEN_PV` counts as off"),
    ];
    assert_eq!(said, expected);
    assert_eq!(notes[1].excerpt, "#ifdef CONFIG_XEN_PV\n       ^");
    check_invariants(&empty);
}

#[test]
fn running_stops_at_the_end_and_starts_again_from_the_start() {
    let state = opened("");
    let last = state.runs.len() - 1;
    for (direction, start, near, end) in [(Direction::Forward, 0, last - 1, last), (Direction::Backward, last, 1, 0)] {
        let run = Some(Run { direction, goal: None });
        let running = after(&state, [Action::Seek(near), Action::Run(direction), Action::Tick(1)]);
        assert_eq!((running.run, running.cursor), (run, end));
        let done = update(&running, Action::Tick(1));
        assert_eq!((done.run, done.cursor), (None, end));
        assert_eq!(done.halt, Some(Halt { row: end, why: Why::End(direction) }));
        let again = update(&done, Action::Run(direction));
        assert_eq!((again.run, again.cursor, again.halt), (run, start, None));
    }
}

#[test]
fn running_turns_about_and_pauses() {
    let forward = update(&opened("at=100"), Action::Run(Direction::Forward));
    let back = after(&forward, [Action::Tick(5), Action::Run(Direction::Backward), Action::Tick(2)]);
    assert_eq!((back.cursor, back.run.map(|run| run.direction)), (103, Some(Direction::Backward)));
    assert_eq!(update(&back, Action::Run(Direction::Backward)).run, None);
    assert_eq!(update(&back, Action::Pause).run, None);
    assert_eq!(update(&back, Action::EditSchedule(String::new())).run, None);
    let slow = Pace::ALL.map(|pace| pace.beside(Direction::Backward));
    assert_eq!(slow, [Pace::One, Pace::One, Pace::Ten, Pace::Hundred]);
    assert_eq!(
        Pace::ALL.map(|pace| pace.beside(Direction::Forward)),
        [Pace::Ten, Pace::Hundred, Pace::AtOnce, Pace::AtOnce]
    );
}

#[test]
fn a_schedule_that_does_not_parse_is_kept_with_its_reason() {
    let state = update(&opened(""), Action::EditSchedule("kernel_loop+:nmi".into()));
    let (text, why) = state.schedule_draft.clone().expect("a draft");
    assert_eq!(text, "kernel_loop+:nmi");
    assert!(!why.is_empty());
    assert_eq!(state.setup, opened("").setup, "what ran goes on");
    let mended = update(&state, Action::EditSchedule("kernel_loop+2:nmi".into()));
    assert_eq!(mended.schedule_draft, None);
    assert_eq!(mended.setup.schedule.injections[0].place, place("kernel_loop+2"));
}

/// What a link to the state after the actions says about the listing.
fn browsed_after(actions: Vec<Action>) -> String {
    let place = "exc_nmi+2".parse().expect("a place");
    let state =
        actions.into_iter().fold(update(&opened(""), Action::Browse(place)), |state, action| update(&state, action));
    state.link().browsed.map(|place| place.to_string()).unwrap_or_default()
}

#[test]
fn a_person_reads_in_the_listing_until_the_cursor_moves() {
    assert_eq!(browsed_after(vec![]), "exc_nmi+2");
    assert_eq!(browsed_after(vec![Action::SetTab(Tab::Stack), Action::ToggleCounters]), "exc_nmi+2");
    assert_eq!(browsed_after(vec![Action::Move(Target::Row, Direction::Forward)]), "");
    assert_eq!(browsed_after(vec![Action::SetSide(Side::Right)]), "");
    assert_eq!(browsed_after(vec![Action::ToggleFollow]), "exc_nmi+2");
    let step = Action::Move(Target::Row, Direction::Forward);
    assert_eq!(browsed_after(vec![Action::ToggleFollow, step.clone(), Action::SetSide(Side::Right)]), "exc_nmi+2");
    assert_eq!(browsed_after(vec![Action::ToggleFollow, step, Action::ToggleFollow]), "");
    let spot = Spot { place: "kernel_loop+1".parse().expect("a place"), row: None };
    assert_eq!(browsed_after(vec![Action::Inject(spot, Vector::Nmi, Nesting::After)]), "");
}

#[test]
fn what_the_page_told_stays_until_it_is_dismissed() {
    let told = update(&opened(""), Action::Tell("Link copied".into()));
    let step = Action::Move(Target::Row, Direction::Forward);
    let later = after(&told, [Action::Browse("exc_nmi+2".parse().expect("a place")), step, Action::OpenStory(1)]);
    assert_eq!(later.notice.as_deref(), Some("Link copied"));
    assert_eq!(update(&later, Action::Dismiss).notice, None);
}

#[test]
fn a_text_that_could_not_be_fetched_is_fetched_again_when_it_is_opened_again() {
    let (open, taken) = (|| Action::Open(Overlay::Limits), |document| Action::TakePaper(Paper::Limits, document));
    let missing = after(&opened(""), [open(), taken(Document::Missing("no network".into()))]);
    assert_eq!(*missing.papers.of(Paper::Limits), Document::Missing("no network".into()));
    let again = after(&missing, [Action::Close, open()]);
    assert_eq!(again.papers.wanted(&again.overlay), Some(Paper::Limits));
    let read = Document::Read("# Limits".into());
    let kept = [taken(read.clone()), Action::Close, Action::OpenLink("forms=A,E".to_owned()), open()];
    assert_eq!(*after(&missing, kept).papers.of(Paper::Limits), read);
}

#[test]
fn a_link_opens_where_a_person_read() {
    let state = opened("follow=no&code=exc_nmi%2B2&counters=all");
    assert_eq!((state.follow, state.all_counters), (false, true));
    assert_eq!(state.browsed.map(|place| place.to_string()).as_deref(), Some("exc_nmi+2"));
}

#[test]
fn a_link_to_a_label_that_there_is_not_says_so() {
    let check = |code: &str, notice: &str| {
        let state = opened(&format!("follow=no&code={code}"));
        assert_eq!((state.browsed.as_ref(), state.notice.as_deref()), (None, Some(notice)));
        assert!(!is_valid(&state, &Action::Browse(code.replace("%2B", "+").parse().expect("a place"))));
    };
    check(
        "exc_nmj%2B2",
        "Parts of the link were ignored. code: no such label; did you mean exc_nmi, exc_int3, asm_exc_nmi?",
    );
    check("elsewhere%2B0", "Parts of the link were ignored. code: no such label");
    check("kernel_loop%2B999", "Parts of the link were ignored. code: the label has only 6 instructions (+0 to +5)");
}

/// Nothing else on the page shows which kernel runs.
#[test]
fn a_kernel_that_differs_is_said() {
    let notice = |link: &str| opened(link).notice.unwrap_or_default();
    assert_eq!(notice("k=v6.12"), "");
    let said = notice("k=early-switching&x=1");
    assert!(said.starts_with("The kernel is v6.12+early-switching: switch_mm_irqs_off stores "), "{said}");
    assert!(said.ends_with("Parts of the link were ignored. x: this version does not know this part"), "{said}");
}

/// The exit is longer with form A. Its last instruction disappears with A, and stays as long as either side runs A.
#[test]
fn a_person_reads_on_only_in_code_that_there_is() {
    let state = update(&opened(""), Action::ToggleFollow);
    let nth = |offset| Place { label: "paranoid_exit".into(), offset, occurrence: 1 };
    let last = (0..).map(nth).take_while(|place| state.runs.unknown(place).is_none()).last();
    let read = update(&state, Action::Browse(last.clone().expect("there is an exit")));
    assert_eq!(read.browsed, last);
    let swapped = update(&read, Action::SwapForms);
    assert_eq!(swapped.browsed, last);
    assert_eq!(update(&swapped, Action::SetForm(Side::Right, state.setup.forms[1])).browsed, None);
    let mistyped = [Action::EditDraft(".macro".into()), Action::SetForm(Side::Right, Form::Custom)];
    assert_eq!(after(&swapped, mistyped).browsed, last, "it may be there again with the next key");
}

#[test]
fn a_move_is_told_from_other_changes() {
    let state = opened("");
    let moves = [
        Action::Seek(3),
        Action::Seek(state.cursor),
        Action::Move(Target::End, Direction::Forward),
        Action::Run(Direction::Forward),
    ];
    for action in moves {
        let moved = update(&state, action.clone());
        assert!(moved != state && moved.moved_from(&state), "{action:?}");
    }
    let scenario = Action::ToggleFeature(Feature::Pcid);
    let read = Action::Browse(place("exc_nmi"));
    for action in [scenario, read, Action::SetSide(Side::Right), Action::ToggleFollow, Action::Open(Overlay::Keys)] {
        assert!(!update(&state, action.clone()).moved_from(&state), "{action:?}");
    }
    // The first move after reading ends the reading.
    let read = update(&state, Action::Browse(place("exc_nmi")));
    assert!(!update(&read, Action::Seek(3)).moved_from(&read));
}

/// Notes stand where they stood, whatever else runs then, and none is lost.
#[test]
fn notes_stay_at_their_places() {
    let place = |state: &State, row| state.runs.place(row).expect("a place").to_string();
    let noted = |state: &State| state.notes.iter().map(|note| (place(state, note.row), note.text.clone())).collect();
    let check = |state: &State, expected: &[(&str, &str)]| {
        let noted: Vec<(String, String)> = noted(state);
        let noted: Vec<_> = noted.iter().map(|(place, text)| (place.as_str(), text.as_str())).collect();
        assert_eq!(noted, expected);
    };
    let state = opened("v=1&a=A&b=E&s=kernel_loop%2B1:nmi");
    let write = state.cursor;
    let state = update(&state, Action::SetNote(write, " the write ".into()));
    let state = update(&state, Action::SetNote(0, "the start".into()));
    let user_loop = place(&state, 0);
    let expected = [(user_loop.as_str(), "the start"), ("nmi_exit+9", "the write")];
    check(&state, &expected);
    check(&update(&state, Action::ToggleFeature(Feature::Invpcid)), &expected);
    check(&update(&state, Action::SwapForms), &expected);
    let without = update(&state, Action::EditSchedule("user_loop:nmi".into()));
    assert_eq!(without.notes.len(), 2, "the write is elsewhere, and its note is kept");
    let custom = Side::BOTH.map(|side| Action::SetForm(side, Form::Custom));
    let nothing = after(&state, [Action::EditDraft("typo".into())].into_iter().chain(custom));
    assert!(nothing.runs.is_empty());
    assert_eq!(nothing.notes, state.notes);
    let none = update(&update(&state, Action::SetNote(write, "  ".into())), Action::SetNote(0, String::new()));
    check(&none, &[]);
    let story = update(&state, Action::OpenStory(3));
    assert_eq!((story.notes.len(), story.title.as_str()), (0, ""));
}
