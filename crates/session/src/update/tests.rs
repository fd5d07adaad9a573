use super::*;
use crate::choice::{Against, Direction, Filter, Goal, Landing, Pace, Pane, Spot, Tab, Target, Theme};
use crate::counterexample::Counterexample;
use crate::document::{Document, Paper};
use crate::drafts::Memory;
use crate::explore::{Begun, Found};
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

fn form() -> impl Strategy<Value = Form> {
    prop::sample::select(Form::ALL.to_vec())
}

fn handler() -> impl Strategy<Value = Handler> {
    prop::sample::select(Handler::ALL.to_vec())
}

fn side() -> impl Strategy<Value = Side> {
    prop::sample::select(Side::BOTH.to_vec())
}

fn spot() -> impl Strategy<Value = Spot> {
    let labels = ["kernel_loop", "asm_exc_nmi", "exc_nmi", "paranoid_exit", "entry_SYSCALL_64", "user_loop", "nowhere"];
    let place = (prop::sample::select(labels.to_vec()), 0u32..20, 1u32..3)
        .prop_map(|(label, offset, occurrence)| Place { label: label.into(), offset, occurrence });
    (place, prop::option::of(0usize..2000)).prop_map(|(place, row)| Spot { place, row })
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

fn promise() -> impl Strategy<Value = Promise> {
    prop::sample::select(Promise::ALL.to_vec())
}

fn opening() -> impl Strategy<Value = Action> {
    let landing = prop::sample::select(vec![Landing::Failure, Landing::Injection]);
    (side(), promise(), landing).prop_map(|(side, promise, it)| Action::OpenCounterexample(side, promise, it))
}

fn counterexample() -> impl Strategy<Value = Counterexample> {
    let schedule =
        prop::sample::select(vec!["kernel_loop+1:nmi", "exc_nmi:mc, nowhere:db", "user_start:db > exc_nmi:mc"]);
    (promise(), schedule, any::<u32>(), handler()).prop_map(|(promise, schedule, step, handler)| Counterexample {
        promise,
        cause: "it breaks".into(),
        beyond: (step % 2 == 1).then(|| "goes to a place".into()),
        schedule: schedule.parse().expect("a schedule"),
        step,
        shorter: Shorter::ALL[step as usize % 3],
        features: Features::ALL,
        handler: handler.into(),
    })
}

fn without() -> impl Strategy<Value = Without> {
    prop_oneof![
        (counterexample(), ".{0,20}").prop_map(|(found, text)| Without::Breaks(found, text.into())),
        Just(Without::Nothing),
    ]
}

fn reach(least: u32) -> impl Strategy<Value = Reach> {
    prop_oneof![3 => (least..3).prop_map(Reach::Depth), 1 => Just(Reach::Any)]
}

fn message() -> impl Strategy<Value = Message> {
    let verdict = prop::sample::select(vec![Verdict::Holds, Verdict::Breaks, Verdict::NotFinished, Verdict::Empty]);
    let found = (verdict, reach(0), any::<u64>(), any::<bool>(), prop::collection::vec(counterexample(), 0..3));
    let found = found.prop_map(|(verdict, reach, schedules, is_over, counterexamples)| Found {
        verdict,
        reach,
        schedules,
        breaking: schedules / 2,
        refused: schedules / 3,
        excluded: vec![schedules / 4; Assumption::ALL.len()],
        counterexamples,
        unconfirmed: Vec::new(),
        is_over,
    });
    let begun = (reach(1), any::<u64>(), 0u32..=1000);
    prop_oneof![
        4 => found.prop_map(Message::Found),
        2 => begun.prop_map(|(reach, schedules, done)| Message::Begun(Begun { reach, schedules, done })),
        1 => ".{0,20}".prop_map(Message::Broke),
        1 => Just(Message::Places(Vec::new())),
        1 => Just(Message::Learned(Learned::Over)),
        1 => without().prop_map(|without| {
            let (source, statement) = ("calling.h".into(), "nop".into());
            Message::Learned(Learned::Line(Line { part: Macro::Restore, source, line: 1, statement, without }))
        }),
    ]
}

fn stop() -> impl Strategy<Value = Stop> {
    prop_oneof![prop::sample::select(Stop::KINDS.to_vec()), spot().prop_map(|spot| Stop::At(spot.place))]
}

fn zoom() -> impl Strategy<Value = Zoom> {
    let range = (0usize..3000, 0usize..3000).prop_map(|(one, other)| Zoom::To(one, other));
    prop_oneof![2 => Just(Zoom::In), 1 => Just(Zoom::Out), 1 => Just(Zoom::All), 2 => range]
}

fn resize() -> impl Strategy<Value = (Divider, Resize)> {
    let width = any::<u16>().prop_map(Resize::To);
    let resize = prop_oneof![width, Just(Resize::Least), Just(Resize::Most), Just(Resize::Usual)];
    (prop::sample::select(Divider::ALL.to_vec()), resize)
}

fn running() -> impl Strategy<Value = Action> {
    let direction = || prop::sample::select(vec![Direction::Forward, Direction::Backward]);
    let goal = spot().prop_map(|spot| spot.row.map_or(Goal::Place(spot.place), Goal::Row));
    let query = prop::sample::select(vec!["", "12", "swapgs", "exc_nmi", "0xffff", "nowhere", "é"]);
    prop_oneof![
        2 => direction().prop_map(Action::Run),
        2 => (0usize..40).prop_map(Action::Tick),
        1 => goal.prop_map(Action::RunTo),
        1 => Just(Action::Pause),
        1 => prop::sample::select(Pace::ALL.to_vec()).prop_map(Action::SetPace),
        1 => stop().prop_map(Action::ToggleStop),
        2 => zoom().prop_map(Action::Zoom),
        1 => resize().prop_map(|(divider, resize)| Action::Resize(divider, resize)),
        1 => query.prop_map(|query| Action::Search(query.to_owned())),
        1 => direction().prop_map(Action::Find),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let direction = prop::sample::select(vec![Direction::Forward, Direction::Backward]);
    let target = prop::sample::select(vec![
        Target::Row,
        Target::SameLevel,
        Target::Page,
        Target::End,
        Target::Difference,
        Target::Cr3Write,
        Target::Flush,
        Target::Delivery,
    ]);
    let vector = prop::sample::select(Vector::ALL.to_vec());
    let nesting = prop::sample::select(vec![Nesting::After, Nesting::Inside]);
    let overlay = prop_oneof![
        Just(Overlay::None),
        Just(Overlay::Keys),
        Just(Overlay::Limits),
        Just(Overlay::Editor),
        Just(Overlay::Handlers),
        Just(Overlay::Counterexamples),
        Just(Overlay::Assumptions),
        Just(Overlay::Claims),
        Just(Overlay::Lines),
        spot().prop_map(Overlay::Inject),
    ];
    prop_oneof![
        1 => ".{0,40}".prop_map(Action::OpenLink),
        1 => (0..STORIES.len() + 2).prop_map(Action::OpenStory),
        1 => (side(), form()).prop_map(|(side, form)| Action::SetForm(side, form)),
        1 => Just(Action::SwapForms),
        1 => prop::sample::select(Feature::ALL.to_vec()).prop_map(Action::ToggleFeature),
        1 => handler().prop_map(|handler| Action::SetHandler(handler.into())),
        2 => handler().prop_map(Action::ToggleHandler),
        1 => prop::sample::select(Geometry::ALL.to_vec()).prop_map(Action::SetGeometry),
        1 => "[a-z_+#:>, 0-9]{0,24}".prop_map(Action::EditSchedule),
        4 => (spot(), vector, nesting).prop_map(|(spot, vector, nesting)| Action::Inject(spot, vector, nesting)),
        2 => (0usize..4).prop_map(Action::RemoveInjection),
        1 => ".{0,60}".prop_map(Action::EditDraft),
        1 => (".{0,9}", ".{0,60}").prop_map(|(before, text)| Action::LeaveDraft(before.into(), text)),
        1 => side().prop_map(Action::SetEdited),
        1 => prop::sample::select(Against::ALL.to_vec()).prop_map(Action::SetAgainst),
        1 => Just(Action::AskLines),
        1 => Just(Action::TakeOtherText),
        1 => (0usize..3).prop_map(Action::TakeDraft),
        1 => (0usize..3).prop_map(Action::ForgetDraft),
        1 => prop::sample::select(vec![Memory::Keeps, Memory::Refuses]).prop_map(Action::Remember),
        4 => (0usize..3000).prop_map(Action::Seek),
        8 => (target, direction).prop_map(|(target, direction)| Action::Move(target, direction)),
        4 => running(),
        2 => prop::sample::select(Filter::ALL.to_vec()).prop_map(Action::SetFilter),
        1 => side().prop_map(Action::SetSide),
        1 => prop::sample::select(Tab::ALL.to_vec()).prop_map(Action::SetTab),
        1 => prop::sample::select(vec![Pane::Code, Pane::Runs, Pane::Inspector]).prop_map(Action::SetPane),
        1 => Just(Action::ToggleFollow),
        1 => spot().prop_map(|spot| Action::Browse(spot.place)),
        1 => Just(Action::ToggleCounters),
        1 => prop::sample::select(vec![Theme::System, Theme::Light, Theme::Dark]).prop_map(Action::SetTheme),
        1 => Just(Action::ToggleShortcuts),
        1 => Just(Action::ToggleJudging),
        2 => overlay.prop_map(Action::Open),
        1 => Just(Action::Close),
        1 => Just(Action::Dismiss),
        1 => prop::sample::select(Scope::ALL.to_vec()).prop_map(Action::SetScope),
        1 => prop::sample::select(Assumption::ALL.to_vec()).prop_map(Action::ToggleAssumption),
        2 => (0u32..6, message()).prop_map(|(ticket, message)| Action::Explored(ticket, message)),
        2 => opening(),
        1 => (0u32..26, 0usize..3).prop_map(|(id, index)| Action::OpenClaim(id, index)),
        1 => (0usize..2).prop_map(Action::OpenLine),
        1 => ".{0,20}".prop_map(Action::Tell),
        1 => ".{0,90}".prop_map(Action::SetTitle),
        1 => (0usize..2000, ".{0,90}").prop_map(|(row, text)| Action::SetNote(row, text)),
        1 => ".{0,20}".prop_map(|text| Action::TakePaper(Paper::Limits, Document::Read(text.into()))),
        1 => ".{0,20}".prop_map(|why| Action::TakePaper(Paper::Limits, Document::Missing(why.into()))),
    ]
}

/// Every view of a state: none may panic, whatever was clicked.
fn look(state: &State) {
    use crate::view;
    let moment = crate::Moment::at(&state.runs, state.cursor);
    let listing = view::listing::listing(&state.runs, state.side);
    let strikes = view::listing::strikes(&state.runs, state.side, &listing);
    let _ = view::listing::gutter(state, &listing, strikes.into());
    let _ = (view::cr3::cr3(&moment), view::pending::pending(&moment), view::tlb::tlb(&moment));
    let _ = (view::registers::registers(&state.runs, &moment), view::stack::stack(&state.runs, &moment));
    let _ = (view::sentence::spoken(state, &moment), view::row::row(&state.runs, state.cursor));
    let _ = (crate::find::shown(state), crate::view::stops::halted(state));
    let shown = state.zoom.clone().unwrap_or(0..state.runs.len());
    let _ = (view::timeline::timeline(&state.runs, shown), view::schedule::chips(state));
    let _ = (view::counters::bar(&state.runs), view::diagnostics::verdict(state));
    let _ = (view::claims::letters(state), view::claims::summary(state));
    let _ = (view::lines::parts(state), view::lines::summary(state), view::lines::title_of(state));
    let _ = (view::drafts::drafts(state), view::drafts::warning(state));
    let _ = (crate::announce::verdicts(state), view::verdict::switches(state), view::heat::mark(state, 0));
    for card in view::verdict::cards(state) {
        assert!(view::verdict::copied(state, card.side, card.promise, "").is_some());
    }
    if let Overlay::Inject(spot) = &state.overlay {
        let _ = view::inject::menu(state, spot);
    }
    let report = crate::report::text(state, "");
    assert_eq!(crate::report::too_wide(&report), Vec::<&str>::new(), "{report}");
    assert!(view::notes::notes(state).iter().all(|note| note.row < state.runs.len().max(1) || state.runs.is_empty()));
    let _ = (crate::command::Command::of(state).whole(), view::notes::here(state));
}

proptest! {
    #![proptest_config(Config { cases: 48, ..Config::default() })]
    #[test]
    fn any_order_of_actions_leaves_a_state_that_can_be_shown(actions in prop::collection::vec(action(), 1..24)) {
        thread_local!(static OPENED: RefCell<Option<State>> = const { RefCell::new(None) });
        let mut state = OPENED.with_borrow_mut(|state| state.get_or_insert_with(|| opened("")).clone());
        for action in actions {
            let valid = is_valid(&state, &action);
            let next = update(&state, action.clone());
            if !valid {
                // A notice that is there stays, and a row that is asked for again is shown again, in the timeline too.
                let bare =
                    |state: &State| State { notice: None, sought: 0, browsed: None, zoom: None, ..state.clone() };
                let told = bare(&state);
                prop_assert_eq!(&bare(&next), &told, "{:?} is not valid and does nothing", action);
            }
            check_invariants(&next);
            state = next;
        }
        look(&state);
    }
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
