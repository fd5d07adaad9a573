use super::*;
use crate::choice::{Filter, Goal, Pace, Target};
use crate::state::{Settings, State};
use crate::view::stops::halted;
use crate::{Action, is_valid, update};
use expect_test::{Expect, expect};

const OPENING: &str = "v=1&a=A&b=E&s=kernel_loop%2B1:nmi&at=0";
const BREAKS: &str = "v=1&a=never&b=E&s=entry_SYSRETQ_unsafe_stack:nmi&at=0";

fn after(link: &str, actions: &[Action]) -> State {
    let opened = State::open(link, Settings::default());
    actions.iter().fold(opened, |state, action| update(&state, action.clone()))
}

fn at(place: &str) -> Stop {
    Stop::At(place.parse().expect("a place"))
}

/// Every row that each stop meets, found by hand, in both directions.
#[test]
fn a_run_stops_wherever_a_row_meets_a_stop_and_nowhere_else() {
    let sets =
        [vec![], vec![Stop::Cr3Write], vec![Stop::Flush], vec![Stop::Broken, at("exc_nmi")], vec![at("nowhere")]];
    for link in [OPENING, BREAKS, "v=1&a=A&b=custom&c=08tNTC7KV0gqys9OzeNSyMvPK04FIgXVtPx8LgA"] {
        let runs = State::open(link, Settings::default()).runs;
        for stops in &sets {
            let ready = Ready::new(&runs, stops);
            let met: Vec<usize> = (0..runs.len()).filter(|row| ready.met(*row).next().is_some()).collect();
            let last = runs.len() - 1;
            for row in 0..runs.len() {
                assert_eq!(ready.between(row, last), met.iter().copied().find(|it| *it > row));
                assert_eq!(ready.between(row, 0), met.iter().copied().rfind(|it| *it < row));
                assert_eq!(ready.between(row, row), None);
            }
        }
    }
}

/// What runs at once say, one after the other, until nothing is ahead.
fn said(link: &str, stops: &[Stop], direction: Direction) -> String {
    let set: Vec<_> = stops.iter().cloned().map(Action::ToggleStop).collect();
    let mut state = after(link, &[Action::SetPace(Pace::AtOnce)]);
    state = set.into_iter().fold(state, |state, action| update(&state, action));
    if direction == Direction::Backward {
        state = update(&state, Action::Move(Target::End, Direction::Forward));
    }
    let mut said = String::new();
    while is_valid(&state, &Action::Run(direction)) {
        state = update(&state, Action::Run(direction));
        assert_eq!(state.run, None);
        let halt = state.halt.clone().expect("it ended");
        assert_eq!(halt.row, state.cursor);
        said += &format!("{}\n", halted(&state));
    }
    said
}

fn check(link: &str, stops: &[Stop], forwards: Expect, backwards: Expect) {
    forwards.assert_eq(&said(link, stops, Direction::Forward));
    backwards.assert_eq(&said(link, stops, Direction::Backward));
}

#[test]
fn a_run_says_where_and_why_it_stopped() {
    check(
        OPENING,
        &[],
        expect![[r#"
        Nothing stops it: this is the last step.
    "#]],
        expect![[r#"
        Nothing stops it: this is the first step.
    "#]],
    );
    check(
        OPENING,
        &[Stop::Cr3Write],
        expect![[r#"
        Stopped by CR3 write at step 21 of 1510 in A, 21 of 1508 in E.
        Stopped by CR3 write at step 274 of 1510 in A, 272 of 1508 in E.
        Stopped by CR3 write at step 385 of 1510 in A, 383 of 1508 in E.
        Stopped by CR3 write at step 437 of 1510 in A, 435 of 1508 in E.
        Stopped by CR3 write at step 491 of 1510 in A, 489 of 1508 in E.
        Stopped by CR3 write at step 544 of 1510 in A, 542 of 1508 in E.
        Stopped by CR3 write at step 686 of 1510 in A, 684 of 1508 in E.
        Stopped by CR3 write at step 718 of 1510 in A, 716 of 1508 in E.
        Stopped by CR3 write at step 949 of 1510 in A, 947 of 1508 in E.
        Stopped by CR3 write at step 1001 of 1510 in A, 999 of 1508 in E.
        Stopped by CR3 write at step 1055 of 1510 in A, 1053 of 1508 in E.
        Stopped by CR3 write at step 1081 of 1510 in A, 1079 of 1508 in E.
        Stopped by CR3 write at step 1317 of 1510 in A, 1315 of 1508 in E.
        Stopped by CR3 write at step 1335 of 1510 in A, 1333 of 1508 in E.
        Stopped by CR3 write at step 1435 of 1510 in A, 1433 of 1508 in E.
        Stopped by CR3 write at step 1461 of 1510 in A, 1459 of 1508 in E.
        Nothing stops it: this is the last step.
    "#]],
        expect![[r#"
        Stopped by CR3 write at step 1461 of 1510 in A, 1459 of 1508 in E.
        Stopped by CR3 write at step 1435 of 1510 in A, 1433 of 1508 in E.
        Stopped by CR3 write at step 1335 of 1510 in A, 1333 of 1508 in E.
        Stopped by CR3 write at step 1317 of 1510 in A, 1315 of 1508 in E.
        Stopped by CR3 write at step 1081 of 1510 in A, 1079 of 1508 in E.
        Stopped by CR3 write at step 1055 of 1510 in A, 1053 of 1508 in E.
        Stopped by CR3 write at step 1001 of 1510 in A, 999 of 1508 in E.
        Stopped by CR3 write at step 949 of 1510 in A, 947 of 1508 in E.
        Stopped by CR3 write at step 718 of 1510 in A, 716 of 1508 in E.
        Stopped by CR3 write at step 686 of 1510 in A, 684 of 1508 in E.
        Stopped by CR3 write at step 544 of 1510 in A, 542 of 1508 in E.
        Stopped by CR3 write at step 491 of 1510 in A, 489 of 1508 in E.
        Stopped by CR3 write at step 437 of 1510 in A, 435 of 1508 in E.
        Stopped by CR3 write at step 385 of 1510 in A, 383 of 1508 in E.
        Stopped by CR3 write at step 274 of 1510 in A, 272 of 1508 in E.
        Stopped by CR3 write at step 21 of 1510 in A, 21 of 1508 in E.
        Nothing stops it: this is the first step.
    "#]],
    );
    check(
        OPENING,
        &[Stop::Cr3Write, Stop::Flush, at("exc_nmi+2")],
        expect![[r#"
        Stopped by CR3 write at step 21 of 1510 in A, 21 of 1508 in E.
        Stopped by exc_nmi+2 at step 245 of 1510 in A, 245 of 1508 in E.
        Stopped by CR3 write at step 274 of 1510 in A, 272 of 1508 in E.
        Stopped by CR3 write at step 385 of 1510 in A, 383 of 1508 in E.
        Stopped by CR3 write at step 437 of 1510 in A, 435 of 1508 in E.
        Stopped by CR3 write at step 491 of 1510 in A, 489 of 1508 in E.
        Stopped by CR3 write at step 544 of 1510 in A, 542 of 1508 in E.
        Stopped by CR3 write at step 686 of 1510 in A, 684 of 1508 in E.
        Stopped by CR3 write at step 718 of 1510 in A, 716 of 1508 in E.
        Stopped by CR3 write at step 949 of 1510 in A, 947 of 1508 in E.
        Stopped by CR3 write at step 1001 of 1510 in A, 999 of 1508 in E.
        Stopped by CR3 write at step 1055 of 1510 in A, 1053 of 1508 in E.
        Stopped by CR3 write at step 1081 of 1510 in A, 1079 of 1508 in E.
        Stopped by CR3 write at step 1317 of 1510 in A, 1315 of 1508 in E.
        Stopped by CR3 write at step 1335 of 1510 in A, 1333 of 1508 in E.
        Stopped by CR3 write at step 1435 of 1510 in A, 1433 of 1508 in E.
        Stopped by CR3 write at step 1461 of 1510 in A, 1459 of 1508 in E.
        Nothing stops it: this is the last step.
    "#]],
        expect![[r#"
        Stopped by CR3 write at step 1461 of 1510 in A, 1459 of 1508 in E.
        Stopped by CR3 write at step 1435 of 1510 in A, 1433 of 1508 in E.
        Stopped by CR3 write at step 1335 of 1510 in A, 1333 of 1508 in E.
        Stopped by CR3 write at step 1317 of 1510 in A, 1315 of 1508 in E.
        Stopped by CR3 write at step 1081 of 1510 in A, 1079 of 1508 in E.
        Stopped by CR3 write at step 1055 of 1510 in A, 1053 of 1508 in E.
        Stopped by CR3 write at step 1001 of 1510 in A, 999 of 1508 in E.
        Stopped by CR3 write at step 949 of 1510 in A, 947 of 1508 in E.
        Stopped by CR3 write at step 718 of 1510 in A, 716 of 1508 in E.
        Stopped by CR3 write at step 686 of 1510 in A, 684 of 1508 in E.
        Stopped by CR3 write at step 544 of 1510 in A, 542 of 1508 in E.
        Stopped by CR3 write at step 491 of 1510 in A, 489 of 1508 in E.
        Stopped by CR3 write at step 437 of 1510 in A, 435 of 1508 in E.
        Stopped by CR3 write at step 385 of 1510 in A, 383 of 1508 in E.
        Stopped by CR3 write at step 274 of 1510 in A, 272 of 1508 in E.
        Stopped by exc_nmi+2 at step 245 of 1510 in A, 245 of 1508 in E.
        Stopped by CR3 write at step 21 of 1510 in A, 21 of 1508 in E.
        Nothing stops it: this is the first step.
    "#]],
    );
    check(
        OPENING,
        &[at("kernel_loop+1")],
        expect![[r#"
        Stopped by kernel_loop+1 at step 163 of 1510 in A, 163 of 1508 in E.
        Stopped by kernel_loop+1 at step 296 of 1510 in A, 294 of 1508 in E.
        Stopped by kernel_loop+1 at step 302 of 1510 in A, 300 of 1508 in E.
        Stopped by kernel_loop+1 at step 308 of 1510 in A, 306 of 1508 in E.
        Stopped by kernel_loop+1 at step 314 of 1510 in A, 312 of 1508 in E.
        Stopped by kernel_loop+1 at step 320 of 1510 in A, 318 of 1508 in E.
        Stopped by kernel_loop+1 at step 326 of 1510 in A, 324 of 1508 in E.
        Stopped by kernel_loop+1 at step 860 of 1510 in A, 858 of 1508 in E.
        Stopped by kernel_loop+1 at step 866 of 1510 in A, 864 of 1508 in E.
        Stopped by kernel_loop+1 at step 872 of 1510 in A, 870 of 1508 in E.
        Stopped by kernel_loop+1 at step 878 of 1510 in A, 876 of 1508 in E.
        Stopped by kernel_loop+1 at step 884 of 1510 in A, 882 of 1508 in E.
        Stopped by kernel_loop+1 at step 890 of 1510 in A, 888 of 1508 in E.
        Nothing stops it: this is the last step.
    "#]],
        expect![[r#"
        Stopped by kernel_loop+1 at step 890 of 1510 in A, 888 of 1508 in E.
        Stopped by kernel_loop+1 at step 884 of 1510 in A, 882 of 1508 in E.
        Stopped by kernel_loop+1 at step 878 of 1510 in A, 876 of 1508 in E.
        Stopped by kernel_loop+1 at step 872 of 1510 in A, 870 of 1508 in E.
        Stopped by kernel_loop+1 at step 866 of 1510 in A, 864 of 1508 in E.
        Stopped by kernel_loop+1 at step 860 of 1510 in A, 858 of 1508 in E.
        Stopped by kernel_loop+1 at step 326 of 1510 in A, 324 of 1508 in E.
        Stopped by kernel_loop+1 at step 320 of 1510 in A, 318 of 1508 in E.
        Stopped by kernel_loop+1 at step 314 of 1510 in A, 312 of 1508 in E.
        Stopped by kernel_loop+1 at step 308 of 1510 in A, 306 of 1508 in E.
        Stopped by kernel_loop+1 at step 302 of 1510 in A, 300 of 1508 in E.
        Stopped by kernel_loop+1 at step 296 of 1510 in A, 294 of 1508 in E.
        Stopped by kernel_loop+1 at step 163 of 1510 in A, 163 of 1508 in E.
        Nothing stops it: this is the first step.
    "#]],
    );
    check(
        BREAKS,
        &[Stop::Broken],
        expect![[r#"
        Stopped by broken promise at step 388 of 1694 in never, 396 of 1517 in E.
        Stopped by broken promise at step 391 of 1694 in never, 398 of 1517 in E.
        Nothing stops it: this is the last step.
    "#]],
        expect![[r#"
        Stopped by broken promise at step 391 of 1694 in never, 398 of 1517 in E.
        Stopped by broken promise at step 388 of 1694 in never, 396 of 1517 in E.
        Nothing stops it: this is the first step.
    "#]],
    );
}

#[test]
fn a_stop_is_set_and_taken_away_and_no_link_has_it() {
    let state = after(OPENING, &[Action::ToggleStop(at("exc_nmi+2#3")), Action::ToggleStop(Stop::Flush)]);
    assert_eq!(state.stops, [at("exc_nmi+2"), Stop::Flush], "every arrival counts");
    let opened = update(&state, Action::OpenLink(BREAKS.to_owned()));
    assert_eq!(opened.stops, state.stops, "they stay in the page");
    assert_eq!(state.link(), after(OPENING, &[]).link());
    let none = update(&update(&state, Action::ToggleStop(at("exc_nmi+2"))), Action::ToggleStop(Stop::Flush));
    assert_eq!(none.stops, []);
}

#[test]
fn a_run_stops_at_rows_that_a_filter_hides() {
    let stop = at("kernel_loop");
    let actions = [
        Action::SetFilter(Filter::Differences),
        Action::ToggleStop(stop.clone()),
        Action::Run(Direction::Forward),
        Action::Tick(500),
    ];
    let state = after(OPENING, &actions);
    let halt = state.halt.clone().expect("it stopped");
    assert_eq!(halt.why, Why::Met(vec![stop]));
    assert!(!state.runs.differs(halt.row));
}

/// A run of 50 ticks and a run at once end at the same row for the same reason.
#[test]
fn the_pace_changes_nothing_else() {
    for (link, stop) in [(OPENING, Stop::Cr3Write), (BREAKS, Stop::Broken), (OPENING, at("nmi_exit+9"))] {
        for (from, direction) in [(0, Direction::Forward), (usize::MAX, Direction::Backward)] {
            let start = after(link, &[Action::Seek(from), Action::ToggleStop(stop.clone())]);
            let at_once = update(&update(&start, Action::SetPace(Pace::AtOnce)), Action::Run(direction));
            let mut slow = update(&start, Action::Run(direction));
            while slow.run.is_some() {
                slow = update(&slow, Action::Tick(3));
            }
            assert_eq!((slow.cursor, slow.halt), (at_once.cursor, at_once.halt), "{stop:?} {direction:?}");
        }
    }
}

#[test]
fn running_to_a_step_or_an_instruction_ends_there_unless_a_stop_comes_first() {
    let to = |place: &str| Action::RunTo(Goal::Place(place.parse().expect("a place")));
    let at_once = Action::SetPace(Pace::AtOnce);
    let row = |actions: &[Action]| {
        let state = after(OPENING, actions);
        (state.runs.place(state.cursor).expect("a place").to_string(), state.halt.expect("it ended").why)
    };
    let there = |place: &str| (place.to_owned(), Why::There);
    assert_eq!(row(&[at_once.clone(), to("exc_nmi+2")]), there("exc_nmi+2"));
    assert_eq!(row(&[at_once.clone(), Action::Seek(usize::MAX), to("exc_nmi+2")]), there("exc_nmi+2"), "backwards");
    assert_eq!(row(&[to("exc_nmi+2"), Action::Tick(9999)]), there("exc_nmi+2"), "at a pace");
    let stop = Action::ToggleStop(at("asm_exc_nmi"));
    let stopped = ("asm_exc_nmi".to_owned(), Why::Met(vec![at("asm_exc_nmi")]));
    assert_eq!(row(&[at_once.clone(), stop.clone(), to("exc_nmi+2")]), stopped);
    assert_eq!(row(&[stop, Action::RunTo(Goal::Row(300)), Action::Tick(9999)]), stopped);
    let state = after(OPENING, &[at_once, Action::RunTo(Goal::Row(41))]);
    assert_eq!((state.cursor, halted(&state).as_str()), (41, "Ran to step 42 of 1510 in A, 42 of 1508 in E."));
    assert!(!is_valid(&state, &Action::RunTo(Goal::Row(41))) && !is_valid(&state, &to("nowhere")));
}

#[test]
fn what_a_run_said_is_gone_once_the_cursor_is_elsewhere() {
    let state = after(OPENING, &[Action::SetPace(Pace::AtOnce), Action::Run(Direction::Forward)]);
    assert!(state.halt.is_some());
    assert_eq!(update(&state, Action::Seek(3)).halt, None);
    assert_eq!(update(&state, Action::EditSchedule(String::new())).halt, None);
    assert_eq!(update(&state, Action::Tell("words".to_owned())).halt, state.halt);
}
