use super::*;
use crate::action::Action;
use crate::choice::Overlay;
use crate::state::{Settings, State};
use crate::update::{is_valid, update};

fn ready() -> State {
    let state = update(&State::open("", Settings::default()), Action::ToggleCheck);
    tell(&state, Report::Opened)
}

fn tell(state: &State, report: Report) -> State {
    update(state, Action::Checked(state.check.ticket, report))
}

fn disagreement(origin: Origin, step: usize, schedule: &str) -> Disagreement {
    Disagreement {
        origin,
        step,
        schedule: schedule.to_owned(),
        instruction: "mov %rax, %rbx".to_owned(),
        bytes: vec![0x48, 0x89, 0xc3],
        differences: vec!["rbx: ours 0x1, theirs 0x0".to_owned()],
        fields: vec![Field { name: "rbx".to_owned(), before: 0, ours: 1, theirs: 0 }],
    }
}

#[test]
fn nothing_is_loaded_before_it_is_asked_for() {
    let state = State::open("", Settings::default());
    assert_eq!(state.check.engine, Engine::Off);
    for action in [Action::Sweep(Side::Left), Action::TestCheck, Action::StopSweep] {
        assert!(!is_valid(&state, &action));
        assert_eq!(update(&state, action).check, state.check);
    }
    assert_eq!(tell(&state, Report::Opened).check, state.check, "a report that nobody waits for");
    let loading = update(&state, Action::ToggleCheck);
    assert_eq!(tell(&loading, Report::Received(4096)).check.engine, Engine::Loading(4096));
    assert_eq!(tell(&ready(), Report::Received(9)).check.engine, Engine::Ready, "what comes late changes nothing");
    let off = update(&ready(), Action::ToggleCheck);
    assert_eq!(off.check.engine, Engine::Off);
    let again = update(&off, Action::ToggleCheck);
    assert_eq!(
        again.check.starts,
        ready().check.starts + 1,
        "another engine, even if nobody saw that the first one went"
    );
}

#[test]
fn marks_come_step_by_step_and_belong_to_one_recording() {
    let state = tell(&ready(), Report::Steps(Side::Left, vec![Mark::Agrees, Mark::Unjudged("no INVPCID".into())]));
    let state = tell(&state, Report::Steps(Side::Left, vec![Mark::Delivered]));
    assert_eq!(state.check.mark(Side::Left, 1), Some(Mark::Unjudged("no INVPCID".into())));
    assert_eq!(state.check.mark(Side::Left, 2), Some(Mark::Delivered));
    assert_eq!(state.check.mark(Side::Left, 3), None);
    assert_eq!(state.check.mark(Side::Right, 0), None);
    assert!(tell(&state, Report::Ended(Side::Left)).check.sides[0].complete);
    let other = update(&state, Action::EditSchedule("kernel_loop+2:nmi".to_owned()));
    assert_eq!(other.check.mark(Side::Left, 0), None);
    assert_eq!(other.check.engine, Engine::Ready);
    let late = Action::Checked(state.check.ticket, Report::Steps(Side::Left, vec![Mark::Differs]));
    assert!(!is_valid(&other, &late));
    assert_eq!(update(&other, late).check, other.check);
}

#[test]
fn a_disagreement_of_a_run_stops_and_opens_at_its_step() {
    let mut state = ready();
    state.run = Some(crate::Run { direction: crate::Direction::Forward, goal: None });
    let state = tell(&state, Report::Disagrees(disagreement(Origin::Run(Side::Right), 100, "")));
    assert_eq!(state.run, None);
    assert_eq!(state.overlay, Overlay::Disagreement);
    assert_eq!(state.runs.step_index(Side::Right, state.cursor), Some(100));
    let second = tell(&state, Report::Disagrees(disagreement(Origin::Run(Side::Left), 7, "")));
    assert_eq!(second.cursor, state.cursor, "the first one counts");
}

#[test]
fn a_sweep_is_one_at_a_time_and_can_be_stopped() {
    let state = update(&ready(), Action::Sweep(Side::Right));
    assert!(!is_valid(&state, &Action::Sweep(Side::Left)) && !is_valid(&state, &Action::TestCheck));
    let progress = Progress { done: 5, total: 10, struck: 4, refused: 1, compared: 77, ..Progress::default() };
    let state = tell(&state, Report::Swept(progress.clone(), Stage::Running));
    assert_eq!(state.check.sweep, Some(Sweep { side: Side::Right, progress: progress.clone(), stage: Stage::Running }));
    let stopped = update(&state, Action::StopSweep);
    let late = tell(&stopped, Report::Swept(Progress::default(), Stage::Running));
    assert_eq!(late.check.sweep, Some(Sweep { side: Side::Right, progress: progress.clone(), stage: Stage::Stopped }));
    assert!(is_valid(&stopped, &Action::Sweep(Side::Left)));
    let done = tell(&state, Report::Swept(progress, Stage::Agrees));
    assert!(!is_valid(&done, &Action::StopSweep));
}

#[test]
fn a_disagreement_of_a_sweep_shows_its_run() {
    let state = update(&ready(), Action::Sweep(Side::Left));
    let schedule = "sysret_exit_user_cr3:mc";
    let state = tell(&state, Report::Disagrees(disagreement(Origin::Sweep(Side::Left), 3, schedule)));
    assert_eq!(state.setup.schedule.to_string(), schedule);
    assert_eq!(state.check.sweep.map(|sweep| sweep.stage), Some(Stage::Differs));
    assert_eq!(state.overlay, Overlay::Disagreement);
    assert!(state.check.disagreement.is_some());
}

#[test]
fn the_self_test_is_no_disagreement() {
    let state = update(&ready(), Action::TestCheck);
    assert!(state.check.is_busy());
    let found = tell(&state, Report::Disagrees(disagreement(Origin::Test, 100, "")));
    assert!(matches!(&found.check.self_test, SelfTest::Found(found) if found.step == 100));
    assert_eq!((found.check.disagreement.clone(), found.overlay.clone()), (None, Overlay::None));
    assert!(matches!(
        tell(&state, Report::TestMissed("nothing was found".into())).check.self_test,
        SelfTest::Missed(_)
    ));
}

#[test]
fn an_engine_that_breaks_down_leaves_the_page_as_it_is() {
    let state = tell(&ready(), Report::Broke("no memory".to_owned()));
    assert_eq!(state.check.engine, Engine::Broken("no memory".into()));
    assert!(!is_valid(&state, &Action::Sweep(Side::Left)));
    let again = update(&update(&state, Action::ToggleCheck), Action::ToggleCheck);
    assert_eq!(again.check.engine, Engine::Loading(0));
}

#[test]
fn what_one_report_can_say_is_said_in_one() {
    let steps = |side, count| Report::Steps(side, vec![Mark::Agrees; count]);
    let swept = |done| Report::Swept(Progress { done, ..Progress::default() }, Stage::Running);
    let check = |mut earlier: Report, later: Report, both: Option<Report>| {
        let rest = earlier.absorb(later.clone());
        assert_eq!(rest, both.is_none().then_some(later));
        assert_eq!(both.unwrap_or(earlier.clone()), earlier);
    };
    let (left, right) = (Side::Left, Side::Right);
    check(steps(left, 2), steps(left, 3), Some(steps(left, 5)));
    check(swept(1), swept(3), Some(swept(3)));
    check(steps(left, 2), steps(right, 1), None);
    check(steps(left, 2), Report::Ended(left), None);
    check(Report::Ended(left), Report::Ended(left), None);
    check(swept(1), steps(left, 1), None);
}
