use super::bench::Bench;
use super::wire::{Pace, Request};
use super::*;
use crate::action::Action;
use crate::state::{Settings, State};
use crate::update::update;
use cr3_core::explore::Explorer;
use cr3_core::linux::{Feature, Handler};

fn opened(link: &str) -> State {
    State::open(link, Settings::default())
}

fn tickets(state: &State) -> [u32; 2] {
    state.explore.sides.each_ref().map(|judged| judged.ticket)
}

/// Lets a bench do what a state asks for, and tells the state.
fn judge(state: &State, bench: &mut Bench, pace: Pace) -> State {
    let wanted = state.explore.wanted();
    let requests = std::iter::once(Request::Keep(wanted.iter().map(|(ticket, _)| *ticket).collect()))
        .chain(wanted.iter().map(|(ticket, subject)| Request::Judge(*ticket, (**subject).clone())))
        .chain([Request::Go(pace)]);
    for request in requests {
        let decoded = Request::decode(&request.encode());
        assert_eq!(decoded.as_ref(), Some(&request));
        bench.take(request);
    }
    let mut state = state.clone();
    while !bench.is_idle() {
        for (ticket, told) in bench.slice(100_000) {
            let decoded = wire::decode(&wire::encode(ticket, &told));
            assert_eq!(decoded.as_ref(), Some(&(ticket, told.clone())));
            state = update(&state, Action::Explored(ticket, told));
        }
    }
    state
}

/// What was said of both sides is what the explorer itself says.
#[track_caller]
fn check(link: &str) -> State {
    let state = judge(&opened(link), &mut Bench::default(), Pace::Rest);
    for judged in &state.explore.sides {
        let subject = judged.subject.as_ref().expect("it runs");
        let found = judged.found.as_ref().expect("it was judged");
        let mut explorer = Explorer::new(Query { depth: 1, ..subject.query() }).expect("it assembles");
        while explorer.work(1_000_000) == cr3_core::explore::Progress::More {}
        let report = explorer.report();
        let excluded: Vec<_> = Assumption::ALL.into_iter().map(|assumption| report.excluded(assumption)).collect();
        let counts = report.counts;
        assert_eq!((found.depth, found.schedules, found.breaking), (1, counts.schedules, counts.breaking));
        assert_eq!((found.refused, &found.excluded), (counts.refused, &excluded));
        assert_eq!(found.verdict == Verdict::Breaks, report.verdict == Verdict::Breaks);
        let expected: Vec<_> = report.violations.iter().map(|it| (it.broken.promise(), it.schedule.clone())).collect();
        let told: Vec<_> = found.counterexamples.iter().map(|it| (it.promise, it.schedule.clone())).collect();
        assert_eq!(told, expected);
        if subject.scope == Scope::Displayed {
            let sum: u64 = judged.places.iter().map(|at| at.schedules).sum();
            assert_eq!(sum, counts.schedules);
        }
    }
    state
}

#[test]
fn single_exceptions_are_judged_as_the_explorer_judges_them() {
    check("v=1&a=never&b=E&f=pti,pcid&h=pending-flush");
}

#[test]
fn nothing_goes_deeper_before_the_page_rests() {
    let mut bench = Bench::default();
    let state = judge(&opened("v=1&a=A&b=E"), &mut bench, Pace::Rest);
    assert!(state.explore.sides.iter().all(|judged| judged.begun.is_none()));
    assert!(state.explore.sides.iter().all(|judged| judged.found.as_ref().is_some_and(|found| !found.is_over)));
    bench.take(Request::Go(Pace::Deepen));
    assert!(!bench.is_idle());
    // Both go on in turn.
    let told: Vec<_> = (0..12).flat_map(|_| bench.slice(1000)).collect();
    let begun = |ticket| told.iter().any(|(of, told)| *of == ticket && matches!(told, Told::Begun(_)));
    assert!(tickets(&state).into_iter().all(begun), "{told:?}");
    bench.take(Request::Keep(vec![]));
    assert!(bench.is_idle());
}

#[test]
fn only_what_is_judged_begins_a_new_search() {
    let state = opened("v=1&a=A&b=E");
    let same = [
        Action::SetGeometry(cr3_core::geometry::Geometry::ALL[1]),
        Action::EditSchedule("exc_nmi:db".into()),
        Action::EditDraft("nobody runs it".into()),
        Action::Seek(3),
    ];
    for action in same {
        assert_eq!(tickets(&update(&state, action.clone())), tickets(&state), "{action:?}");
    }
    let [left, right] = tickets(&state);
    let other = [
        Action::ToggleFeature(Feature::Pcid),
        Action::SetHandler(Handler::Perf.into()),
        Action::SetScope(Scope::Standard),
        Action::ToggleAssumption(Assumption::NmiFrame),
    ];
    for action in other {
        assert!(
            tickets(&update(&state, action.clone())).iter().all(|ticket| ![left, right].contains(ticket)),
            "{action:?}"
        );
    }
    let swapped = update(&state, Action::SwapForms);
    assert_eq!(tickets(&swapped), [right, left]);
    let alike = update(&state, Action::SetForm(Side::Left, Form::E));
    assert_eq!(tickets(&alike), [right, right]);
    assert_eq!(alike.explore.wanted().len(), 1);
    let standard = update(&state, Action::SetScope(Scope::Standard));
    assert_eq!(tickets(&update(&standard, Action::ToggleFeature(Feature::Nx))), tickets(&standard));
}

#[test]
fn a_side_that_does_not_assemble_is_not_judged() {
    let state = update(&opened("v=1&a=A&b=custom&c="), Action::EditDraft("nonsense".into()));
    assert_eq!(state.explore.side(Side::Right), &Judged::default());
    assert_eq!(state.explore.wanted().len(), 1);
}

#[test]
fn what_an_earlier_search_tells_is_not_heard() {
    let state = opened("v=1&a=A&b=E");
    let edited = update(&state, Action::ToggleFeature(Feature::Pcid));
    let told = Action::Explored(tickets(&state)[0], Told::Broke("late".into()));
    assert_eq!(update(&edited, told), edited);
}

#[test]
fn a_verdict_stays_when_a_link_judges_the_same() {
    let state = check("v=1&a=never&b=E&s=kernel_loop%2B1:nmi");
    let opened = update(&state, Action::OpenLink("v=1&a=never&b=E&s=".into()));
    assert_eq!(opened.explore, state.explore);
    let other = update(&state, Action::OpenLink("v=1&a=never&b=C&without=no-poke".into()));
    assert!(other.explore.sides.iter().all(|judged| judged.found.is_none()));
}

#[test]
fn the_standard_set_is_the_terminals() {
    let state = update(&opened("v=1&a=custom&b=E&c=K0otLsmvUChILMrMSwYA"), Action::SetScope(Scope::Standard));
    let subject = state.explore.side(Side::Right).subject.clone().expect("it runs");
    assert_eq!((subject.systems(), subject.depth()), (18, 1));
    assert_eq!(
        subject.command(1),
        "cr3play explore --form E --depth 1 --vectors nmi,db,mc --handler standard --features standard"
    );
    let off = update(&state, Action::ToggleAssumption(Assumption::NoPoke));
    let subject = off.explore.side(Side::Right).subject.clone().expect("it runs");
    assert_eq!(subject.systems(), 24);
    assert!(subject.command(1).ends_with(" --features standard --without no-poke"));
}

#[test]
fn a_damaged_message_is_none() {
    for text in ["", "judge", "judge\u{1f}x", "keep\u{1f}1\u{1e}x", "found", "judge\u{1f}1\u{1f}displayed"] {
        assert_eq!(Request::decode(text), None, "{text:?}");
    }
    for text in
        ["", "x", "1\u{1f}found", "1\u{1f}found\u{1f}perhaps", "1\u{1f}begun\u{1f}1 2", "1\u{1f}places\u{1f}g 1"]
    {
        assert_eq!(wire::decode(text), None, "{text:?}");
    }
}
