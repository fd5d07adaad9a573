use super::*;
use crate::choice::Own;
use crate::library::Library;
use crate::story::STORIES;
use crate::update::update;
use crate::{Action, Settings, Side, State};
use cr3_core::linux::{Features, boot};
use cr3_core::scenario::presets::PRESETS;
use proptest::prelude::*;
use std::sync::LazyLock;

static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| ready::file(&ready::configs(), boot).expect("they assemble"));

fn ready() -> Ready {
    Ready::read(FILE.clone()).expect("it is read")
}

/// What is left of a system on its way.
fn equal(started: &System, here: &System) {
    assert_eq!(started.machine, here.machine);
    assert_eq!(started.notes, here.notes);
    let [there, here] = [started, here].map(|system| &system.image);
    assert_eq!((&there.sections, &there.symbols, &there.aliases), (&here.sections, &here.symbols, &here.aliases));
    assert_eq!((&there.absent, &there.listing), (&here.absent, &here.listing));
}

#[test]
fn an_answer_comes_through_the_wire_as_it_was() {
    let custom = "/* a \u{1f} \u{1e} \u{1d} */\n.macro RESTORE_CR3 scratch_reg:req save_reg:req\n#ifdef CONFIG_ODD\n#endif\n\tmovq \\save_reg, %cr3\n.endm\n";
    let config = Config { form: Form::Custom, custom: custom.into(), ..Config::default() };
    let system = boot(&config).expect("it assembles");
    assert_eq!(system.notes.len(), 2);
    let sent = wire::answered(3, &Ok(wire::assembly(&system)));
    let Some((3, Ok(got))) = wire::answer(&sent) else { panic!("it cannot be read") };
    equal(&started(&config, &got).expect("it starts"), &system);
    let own = got.sources.iter().find(|source| source.name.contains("custom")).expect("a text");
    assert_eq!(own.text, custom);
    for end in (0..sent.len()).step_by(97) {
        assert_eq!(wire::answer(&sent[..end]), None, "cut after {end}");
    }
    let wrong = Config { custom: ".macro RESTORE_CR3 save_reg:req\n\tmovx\n.endm\n".into(), ..config };
    let diagnostics = boot(&wrong).expect_err("it is wrong");
    assert_eq!(wire::answer(&wire::answered(9, &Err(diagnostics.clone()))), Some((9, Err(diagnostics))));
}

#[test]
fn questions_are_read_as_they_were_written() {
    let odd = Config { form: Form::Custom, custom: "a\u{1f}b\u{1e}é".into(), ..Config::default() };
    let wanted = [(4, &Config::default()), (7, &odd)];
    let read = wire::questions(&wire::asked(&wanted), &Library::default()).expect("they are read");
    assert_eq!(read, wanted.map(|(ticket, config)| (ticket, config.clone())));
    assert_eq!(wire::questions("", &Library::default()), Some(Vec::new()));
    assert_eq!(wire::questions("4\u{1f}900\u{1f}E", &Library::default()), None);
}

#[test]
fn the_file_has_what_the_assembler_gives() {
    let ready = ready();
    assert_eq!(ready::configs().len(), 20);
    for config in ready::configs() {
        let assembly = ready.assembly(&config).expect("it is there");
        equal(&started(&config, &assembly).expect("it starts"), &boot(&config).expect("it assembles"));
    }
    assert_eq!(
        ready.assembly(&Config { features: Features { nx: false, ..Features::ALL }, ..Config::default() }),
        None
    );
}

#[test]
fn every_story_and_preset_of_its_forms_is_in_the_file() {
    let texts = Texts::new(Assembler::Elsewhere, ready());
    for story in STORIES {
        for config in story.setup().configs(&crate::setup::OwnTexts::both("kept".into())) {
            assert!(texts.start(&config).is_ok(), "{}", story.name);
        }
    }
    assert!(PRESETS.iter().all(|preset| STORIES.iter().any(|story| story.preset() == Some(preset.name))));
}

#[test]
fn a_damaged_file_is_refused_or_says_so() {
    assert_eq!(Ready::read(Vec::new()), None);
    assert_eq!(Ready::read(FILE[..FILE.len() / 20].to_vec()), None, "not even the texts are there");
    let cut = Ready::read(FILE[..FILE.len() - 1].to_vec()).expect("the keys are there");
    let texts = Texts::new(Assembler::Elsewhere, cut);
    let last = ready::configs().pop().expect("a text");
    assert_eq!(
        texts.start(&last).expect_err("it is cut"),
        Failure::Lost("the file of assembled texts is damaged".into())
    );
}

#[test]
fn texts_that_nobody_shows_any_more_are_forgotten_in_the_end() {
    let mut texts = Texts::new(Assembler::Elsewhere, ready());
    for set in 0..32_u32 {
        let on = |bit: u32| set >> bit & 1 != 0;
        let features = Features { pti: on(0), pcid: on(1), fsgsbase: on(2), nx: on(3), ..Features::ALL };
        let config = Config { features, ..Config::default() };
        texts.ask(std::slice::from_ref(&config), |_| true);
        let wanted: Vec<u32> = texts.wanted().map(|(ticket, _)| ticket).collect();
        assert!(wanted.len() <= 1, "only what is shown");
        wanted.into_iter().for_each(|ticket| texts.take(ticket, Err(Vec::new())));
        assert!(!texts.awaits(&config));
    }
    assert!(texts.asked.len() <= KEPT + 1, "{} texts", texts.asked.len());
}

#[test]
fn a_tree_is_asked_for_where_somebody_has_it() {
    let config = Config { form: Form::Custom, base: Base::Elsewhere(TreeId(1)), ..Config::default() };
    for by in [Assembler::default(), Assembler::Elsewhere] {
        let mut texts = Texts::new(by, Ready::default());
        texts.ask(std::slice::from_ref(&config), |_| false);
        assert_eq!(texts.wanted().count(), 0);
        let Err(Failure::Refused(told)) = texts.start(&config) else { panic!("it is not here") };
        assert_eq!(told[0].message, "the kernel tree is not here: a link cannot carry it");
        texts.ask(std::slice::from_ref(&config), |_| true);
        assert_eq!(texts.wanted().count(), 1);
    }
}

/// A page whose texts another program assembles.
struct Page {
    state: State,
}

impl Page {
    fn open(link: &str) -> Self {
        let texts = Texts::new(Assembler::Elsewhere, ready());
        Self { state: State::open_by(link, Settings::default(), &[], texts) }
    }

    fn act(&mut self, action: Action) {
        self.state = update(&self.state, action);
    }

    /// Answers what is wanted, as long as something is.
    fn answer(&mut self) {
        while let Some((ticket, config)) =
            self.state.texts.wanted().map(|(ticket, config)| (ticket, config.clone())).last()
        {
            let answer = boot(&config).map(|system| wire::assembly(&system));
            let Some((ticket, answer)) = wire::answer(&wire::answered(ticket, &answer)) else { panic!("no answer") };
            self.act(Action::Assembled(ticket, answer));
        }
    }
}

/// What runs of a side came to.
fn came(state: &State) -> [Result<(usize, cr3_core::counters::Counters), Failure>; 2] {
    let one = |side: Side| match &state.runs.sides[side.index()] {
        Ok(trace) => Ok((trace.steps.len(), trace.counters)),
        Err(failure) => Err(failure.clone()),
    };
    Side::BOTH.map(one)
}

#[test]
fn the_runs_stay_until_their_texts_have_come() {
    let mut page = Page::open("");
    let before = page.state.runs.clone();
    page.act(Action::Seek(300));
    let place = page.state.runs.place(300);
    page.act(Action::ToggleFeature(crate::Feature::Nx));
    assert!(Rc::ptr_eq(&before, &page.state.runs) && page.state.cursor == 300);
    assert_eq!(page.state.texts.wanted().count(), 2);
    // Another change: what was wanted before is not wanted any more.
    page.act(Action::ToggleFeature(crate::Feature::Pcid));
    assert_eq!(page.state.texts.wanted().map(|(ticket, _)| ticket).collect::<Vec<_>>(), [4, 3]);
    page.act(Action::Assembled(1, Err(Vec::new())));
    assert!(Rc::ptr_eq(&before, &page.state.runs), "nobody waits for it");
    page.answer();
    assert_eq!(page.state.runs.place(page.state.cursor), place);
    let here = State::open("f=pti,invpcid,fsgsbase", Settings::default());
    assert_eq!(came(&page.state), came(&here));
    // Back again nothing is asked.
    page.act(Action::ToggleFeature(crate::Feature::Pcid));
    page.act(Action::ToggleFeature(crate::Feature::Nx));
    assert_eq!(page.state.texts.wanted().count(), 0);
    assert!(page.state.aim.is_none() && came(&page.state)[0].is_ok());
}

#[test]
fn what_a_person_aims_at_waits_with_the_runs() {
    let link = "f=pti&a=A&b=E&s=kernel_loop%2B1:nmi&at=77&n3=here&n70=there";
    let (mut page, here) = (Page::open(link), State::open(link, Settings::default()));
    assert!(page.state.runs.is_empty());
    page.answer();
    assert_eq!((page.state.cursor, &page.state.notes), (77, &here.notes));
    let spot = crate::Spot { place: "kernel_loop+3".parse().expect("a place"), row: None };
    let inject = Action::Inject(spot, cr3_core::scenario::Vector::Nmi, cr3_core::scenario::Nesting::After);
    let other = Action::SetHandler(cr3_core::linux::Handler::Perf.into());
    let here = [other.clone(), inject.clone()].into_iter().fold(here, |state, action| update(&state, action));
    page.act(other);
    page.act(inject);
    page.answer();
    assert_eq!((page.state.cursor, came(&page.state)), (here.cursor, came(&here)));
    assert_eq!(page.state.notice, here.notice);
}

#[test]
fn a_link_is_read_where_it_says_once_its_runs_are_there() {
    for (code, browsed) in [("exc_nmi%2B2", Some("exc_nmi+2")), ("nowhere", None)] {
        let link = format!("f=pti&at=77&code={code}");
        let (mut page, here) = (Page::open(&link), State::open(&link, Settings::default()));
        assert_eq!(page.state.link().row, here.link().row, "{code}, while nothing runs");
        page.answer();
        assert_eq!(page.state.browsed, browsed.map(|place| place.parse().expect("a place")), "{code}");
        assert_eq!((page.state.link(), &page.state.notice), (here.link(), &here.notice), "{code}");
        page.act(Action::Seek(78));
        assert_eq!(page.state.browsed, None, "{code}");
    }
}

#[test]
fn what_is_lost_is_said_and_asked_for_anew() {
    let mut page = Page::open("");
    page.act(Action::ToggleFeature(crate::Feature::Nx));
    page.act(Action::NotAssembled("it is gone".into()));
    let told = crate::view::outcome::no_run(&page.state.runs, Side::Left);
    assert_eq!((told.as_str(), page.state.texts.wanted().count()), ("is not assembled: it is gone", 0));
    page.act(Action::OpenStory(1));
    assert!(came(&page.state).iter().all(Result::is_ok), "a story is there");
    page.act(Action::ToggleFeature(crate::Feature::Nx));
    assert_eq!(page.state.texts.wanted().count(), 2);
    page.answer();
    assert!(came(&page.state).iter().all(Result::is_ok));
}

#[test]
fn a_text_that_no_side_runs_is_assembled_while_the_editor_is_open() {
    let verdict = |page: &Page| crate::view::diagnostics::verdict(&page.state).words;
    let mut page = Page::open("");
    page.act(Action::EditDraft(".macro RESTORE_CR3 scratch_reg:req save_reg:req\n.endm\n".into()));
    assert_eq!(page.state.texts.wanted().count(), 0, "nobody looks");
    page.act(Action::Open(crate::Overlay::Editor));
    assert_eq!(verdict(&page), "It is being assembled.");
    page.answer();
    assert_eq!(verdict(&page), "It assembles. Press “Run it right” to use it.");
    page.act(Action::EditDraft("movx".into()));
    page.answer();
    assert_eq!(verdict(&page), "It does not assemble. Its side does not run it yet.");
    page.act(Action::EditDraft("movy".into()));
    page.act(Action::NotAssembled("it is gone".into()));
    assert_eq!(verdict(&page), "Nothing assembles it.");
    page.act(Action::SetOwn(Side::Right, Own::Text));
    page.answer();
    assert_eq!(verdict(&page), "It does not assemble.");
}

/// What a person is typing does not assemble, and what ran before it goes on under other features.
#[test]
fn another_feature_keeps_the_last_text_that_assembled() {
    const GOOD: &str = ".macro RESTORE_CR3 scratch_reg:req save_reg:req\n\tmovq \\save_reg, %cr3\n.endm\n";
    let mut page = Page::open("");
    let edits =
        [Action::SetForm(Side::Right, Form::Custom), Action::EditDraft(GOOD.into()), Action::EditDraft("movx".into())];
    for action in edits.into_iter().chain([Action::ToggleFeature(crate::Feature::Invpcid)]) {
        page.act(action);
        page.answer();
        assert!(page.state.runs.trace(Side::Right).is_some());
    }
    assert_eq!(page.state.runs.text(Side::Right).map(|text| &**text), Some(GOOD));
    assert!(page.state.runs.is_of_earlier_text(Side::Right));
    let features = page.state.runs.trace(Side::Right).map(|trace| trace.scenario.config.features);
    assert_eq!(features, Some(page.state.setup.features));
}

/// Found by the property below: the runs on show are of the form before.
#[test]
fn a_text_begins_with_the_form_that_was_chosen_while_it_is_still_assembled() {
    let mut page = Page::open("");
    page.act(Action::OpenLink("v=1&a=B2&b=C&f=pti".into()));
    page.act(Action::SetForm(Side::Left, Form::Custom));
    let chosen = cr3_core::linux::sources::form_source(Form::B2, "").text;
    assert_eq!(page.state.custom.of(Side::Left).as_ref(), chosen);
}

fn action() -> impl Strategy<Value = Action> {
    let side = || prop::sample::select(Side::BOTH.to_vec());
    let texts = [
        "movx",
        ".macro RESTORE_CR3 scratch_reg:req save_reg:req\n\tmovq \\save_reg, %cr3\n.endm\n",
        ".macro RESTORE_CR3 save_reg:req\n.endm\n",
    ];
    prop_oneof![
        (side(), prop::sample::select(Form::ALL.to_vec())).prop_map(|(side, form)| Action::SetForm(side, form)),
        prop::sample::select(crate::Feature::ALL.to_vec()).prop_map(Action::ToggleFeature),
        prop::sample::select(cr3_core::linux::Handler::ALL.to_vec()).prop_map(Action::ToggleHandler),
        (0..STORIES.len()).prop_map(Action::OpenStory),
        prop::sample::select(texts.to_vec()).prop_map(|text| Action::EditDraft(text.into())),
        (0_usize..900).prop_map(Action::Seek),
        Just(Action::SwapForms),
        Just(Action::Open(crate::Overlay::Editor)),
        prop::sample::select(vec!["", "&code=exc_nmi%2B2", "&code=nowhere"])
            .prop_map(|code| Action::OpenLink(format!("v=1&a=B2&b=C&f=pti&s=kernel_loop%2B1:nmi&at=30&n8=x{code}"))),
        Just(Action::Browse("exc_nmi+3".parse().expect("a place"))),
        Just(Action::EditSchedule("kernel_loop+2:nmi, exc_nmi:mc".into())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Who assembles makes no difference once the answers are in: none at all if each comes before the next action, and none to
    /// what runs if they come late.
    #[test]
    fn a_session_ends_the_same_whoever_assembles(actions in prop::collection::vec((action(), any::<bool>()), 1..8)) {
        let here = actions.iter().fold(State::open("", Settings::default()), |state, (action, _)| update(&state, action.clone()));
        let [mut prompt, mut late] = ["", ""].map(Page::open);
        for (action, answers) in &actions {
            prompt.act(action.clone());
            prompt.answer();
            late.act(action.clone());
            if *answers {
                late.answer();
            }
        }
        late.answer();
        let here = update(&here, Action::Open(crate::Overlay::Editor));
        prompt.act(Action::Open(crate::Overlay::Editor));
        prompt.answer();
        prop_assert_eq!(came(&prompt.state), came(&here));
        prop_assert_eq!(prompt.state.link(), here.link());
        prop_assert_eq!(&prompt.state.notice, &here.notice);
        prop_assert_eq!(crate::view::diagnostics::verdict(&prompt.state), crate::view::diagnostics::verdict(&here));
        // Beside a text that is refused stands the last that was assembled. A text that was replaced before its answer came is none.
        for side in Side::BOTH.into_iter().filter(|side| !here.runs.is_of_earlier_text(*side)) {
            prop_assert_eq!(&came(&late.state)[side.index()], &came(&here)[side.index()]);
        }
        prop_assert_eq!(&late.state.setup, &here.setup);
        prop_assert!(late.state.aim.is_none() && late.state.cursor <= late.state.runs.len());
    }
}
