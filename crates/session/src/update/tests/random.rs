//! Whatever is clicked, in any order, the state can be shown.

use super::*;

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
        obstacle: is_over.then(|| "it was stopped".to_owned()),
        is_over,
    });
    let begun = (reach(1), any::<u64>(), 0u32..=1000);
    prop_oneof![
        4 => found.prop_map(Message::Found),
        2 => begun.prop_map(|(reach, schedules, done)| Message::Begun(Begun { reach, schedules, done })),
        1 => ".{0,20}".prop_map(Message::Broke),
        1 => reach(1).prop_map(|reach| Message::Places(Places { reach, at: vec![AtInstruction { address: 0, schedules: 2, breaking: 1, refused: 0, refusal: None, excluded: vec![] }] })),
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
    let _ = (crate::announce::verdicts(state), view::verdict::switches(state), view::heat::stripe(state).mark(0));
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
