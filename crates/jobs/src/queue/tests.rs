use super::*;
use cr3_core::explore::{Assumption, Explorer, Reach, Verdict};
use cr3_session::explore::wire;
use cr3_session::library::Library;
use cr3_session::{Action, Scope, Settings, State, update};

fn opened(link: &str) -> State {
    State::open(link, Settings::default())
}

fn tickets(state: &State) -> [u32; 2] {
    state.explore.sides.each_ref().map(|judged| judged.ticket)
}

/// Lets the jobs do what a state asks for, and tells the state.
fn judge(state: &State, jobs: &mut Jobs, pace: Pace) -> State {
    let wanted = state.explore.wanted();
    let requests = std::iter::once(Request::Keep(wanted.iter().map(|(ticket, _)| *ticket).collect()))
        .chain(wanted.iter().map(|(ticket, subject)| Request::Judge(*ticket, (**subject).clone())))
        .chain([Request::Go(pace)]);
    for request in requests {
        let decoded = Request::decode(&request.encode(), &Library::default());
        assert_eq!(decoded.as_ref(), Some(&request));
        jobs.take(request);
    }
    let mut state = state.clone();
    while !jobs.is_idle() {
        for (ticket, message) in jobs.slice(100_000) {
            let decoded = wire::decode(&wire::encode(ticket, &message));
            assert_eq!(decoded.as_ref(), Some(&(ticket, message.clone())));
            state = update(&state, Action::Explored(ticket, message));
        }
    }
    state
}

/// What was said of both sides is what the explorer itself says.
#[track_caller]
fn check(link: &str) -> State {
    let state = judge(&opened(link), &mut Jobs::default(), Pace::Rest);
    for judged in &state.explore.sides {
        let subject = judged.subject.as_ref().expect("it runs");
        let found = judged.found.as_ref().expect("it was judged");
        let mut explorer = Explorer::new(subject.query(Reach::Depth(1))).expect("it assembles");
        while explorer.work(1_000_000) == Progress::More {}
        let report = explorer.report();
        let excluded: Vec<_> = Assumption::ALL.into_iter().map(|assumption| report.excluded(assumption)).collect();
        let counts = report.counts;
        assert_eq!((found.reach, found.schedules), (Reach::Depth(1), counts.schedules));
        assert_eq!(found.breaking, counts.breaking);
        assert_eq!((found.refused, &found.excluded), (counts.refused, &excluded));
        assert_eq!(found.verdict == Verdict::Breaks, report.verdict == Verdict::Breaks);
        let expected: Vec<_> = report.violations.iter().map(|it| (it.broken.promise(), it.schedule.clone())).collect();
        let schedules: Vec<_> = found.counterexamples.iter().map(|it| (it.promise, it.schedule.clone())).collect();
        assert_eq!(schedules, expected);
        if subject.scope == Scope::Displayed {
            let sum: u64 = judged.places.at.iter().map(|at| at.schedules).sum();
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
    let mut jobs = Jobs::default();
    let state = judge(&opened("v=1&a=A&b=E"), &mut jobs, Pace::Rest);
    assert!(state.explore.sides.iter().all(|judged| judged.begun.is_none()));
    assert!(state.explore.sides.iter().all(|judged| judged.found.as_ref().is_some_and(|found| !found.is_over)));
    jobs.take(Request::Go(Pace::Deepen));
    assert!(!jobs.is_idle());
    // Both go on in turn.
    let messages: Vec<_> = (0..12).flat_map(|_| jobs.slice(1000)).collect();
    let begun = |ticket| messages.iter().any(|(of, message)| *of == ticket && matches!(message, Message::Begun(_)));
    assert!(tickets(&state).into_iter().all(begun), "{messages:?}");
    jobs.take(Request::Keep(vec![]));
    assert!(jobs.is_idle());
}

#[test]
fn a_verdict_stays_when_a_link_judges_the_same() {
    let state = check("v=1&a=never&b=E&s=kernel_loop%2B1:nmi");
    let opened = update(&state, Action::OpenLink("v=1&a=never&b=E&s=".into()));
    assert_eq!(opened.explore, state.explore);
    let other = update(&state, Action::OpenLink("v=1&a=never&b=C&without=no-poke".into()));
    assert!(other.explore.sides.iter().all(|judged| judged.found.is_none()));
}
