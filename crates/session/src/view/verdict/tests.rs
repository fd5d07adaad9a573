use super::*;
use crate::action::Action;
use crate::announce;
use crate::choice::Landing;
use crate::explore::Message;
use crate::state::Settings;
use crate::update::{is_valid, update};
use cr3_core::query::Shorter;
use expect_test::{Expect, expect};

fn opened(link: &str) -> State {
    State::open(link, Settings::default())
}

fn found() -> Found {
    Found {
        verdict: Verdict::NotFinished,
        reach: Reach::Depth(1),
        schedules: 6240,
        breaking: 0,
        refused: 0,
        excluded: vec![0; Assumption::ALL.len()],
        counterexamples: Vec::new(),
        unconfirmed: Vec::new(),
        obstacle: None,
        is_over: false,
    }
}

fn counterexample(state: &State, promise: Promise, schedule: &str) -> Counterexample {
    Counterexample {
        promise,
        cause: "user mode on the kernel's tables".into(),
        beyond: None,
        schedule: if schedule.is_empty() { Schedule::default() } else { schedule.parse().expect("a schedule") },
        step: 391,
        shorter: Shorter::None,
        features: state.setup.features,
        handler: state.setup.handler,
    }
}

fn breaking(state: &State, counterexamples: &[(Promise, &str)]) -> Found {
    let counterexamples = counterexamples.iter().map(|(promise, schedule)| counterexample(state, *promise, schedule));
    Found {
        verdict: Verdict::Breaks,
        breaking: 12,
        counterexamples: counterexamples.collect(),
        is_over: true,
        ..found()
    }
}

fn informed(state: &State, side: Side, message: Message) -> State {
    update(state, Action::Explored(state.explore.side(side).ticket, message))
}

/// What the left side says after being told so, while searches go to their ends.
fn check(messages: impl IntoIterator<Item = Message>, expected: Expect) {
    check_at(Pace::Deepen, messages, expected);
}

fn check_at(pace: Pace, messages: impl IntoIterator<Item = Message>, expected: Expect) {
    let state = update(&opened("v=1&a=never&b=E&s="), Action::SearchAt(pace));
    let state = messages.into_iter().fold(state, |state, it| informed(&state, Side::Left, it));
    let Line { form, standpoint, words, further, .. } = line(&state, Side::Left);
    let further = if further.is_empty() { String::new() } else { format!("; {further}") };
    expected.assert_eq(&format!("{form} {standpoint:?}: {words}{further}"));
    let announced = announce::verdicts(&state);
    assert!(announced.starts_with(form), "{announced}");
    assert!(announced.split_whitespace().count() <= announce::WORDS, "{announced}");
}

#[test]
fn each_state_of_a_search_is_said() {
    let begun = |depth, schedules| Message::Begun(Begun { reach: Reach::Depth(depth), schedules, done: 100 });
    check([], expect!["never Open: being judged"]);
    check([begun(1, 2410)], expect!["never Open: being judged; 2,410 schedules so far"]);
    check(
        [Message::Found(found())],
        expect![
            "never Holds: holds for all single exceptions: 6,240 schedules; deeper: any depth waits until the page rests"
        ],
    );
    check(
        [begun(1, 2410), Message::Found(found()), begun(2, 1_204)],
        expect![
            "never Holds: holds for all single exceptions: 6,240 schedules; deeper: depth 2 is tried, 1,204 schedules so far"
        ],
    );
    check(
        [Message::Found(found()), begun(2, 1_204_331), Message::Found(Found { is_over: true, ..found() })],
        expect![
            "never Holds: holds for all single exceptions: 6,240 schedules; depth 2 not finished: 1,204,331 schedules, then the budget was spent"
        ],
    );
    let whole =
        Found { verdict: Verdict::Holds, reach: Reach::Depth(2), schedules: 9_491_194, is_over: true, ..found() };
    check(
        [Message::Found(found()), begun(2, 9_400_000), Message::Found(whole)],
        expect![
            "never Holds: holds for all schedules of up to 2 exceptions: 9,491,194 schedules; deeper: no answer for any depth within the budget"
        ],
    );
    let tried = Message::Begun(Begun { reach: Reach::Any, schedules: 0, done: 371 });
    check(
        [Message::Found(found()), tried.clone()],
        expect![
            "never Holds: holds for all single exceptions: 6,240 schedules; deeper: any depth is tried, 37 % of the budget spent"
        ],
    );
    check_at(
        Pace::Rest,
        [Message::Found(found()), tried.clone()],
        expect![
            "never Holds: holds for all single exceptions: 6,240 schedules; deeper: any depth waits until the page rests, 37 % of the budget spent"
        ],
    );
    let gave_up = Found { obstacle: Some("a round took all the memory of its budget".into()), ..found() };
    check(
        [Message::Found(gave_up.clone()), begun(2, 1_204)],
        expect![
            "never Holds: holds for all single exceptions: 6,240 schedules; any depth: no answer, a round took all the memory of its budget; deeper: depth 2 is tried, 1,204 schedules so far"
        ],
    );
    let two = Found { verdict: Verdict::Holds, reach: Reach::Depth(2), schedules: 9_491_194, is_over: true, ..gave_up };
    check(
        [Message::Found(two)],
        expect![
            "never Holds: holds for all schedules of up to 2 exceptions: 9,491,194 schedules; any depth: no answer, a round took all the memory of its budget"
        ],
    );
    check(
        [Message::Found(found()), tried.clone(), begun(2, 1_204)],
        expect![
            "never Holds: holds for all single exceptions: 6,240 schedules; deeper: depth 2 is tried, 1,204 schedules so far"
        ],
    );
    let any = Found { verdict: Verdict::Holds, reach: Reach::Any, is_over: true, ..found() };
    check(
        [Message::Found(found()), tried, Message::Found(any)],
        expect!["never Holds: holds for every schedule of NMI, #DB, #MC, any depth, under 11 assumptions"],
    );
    check(
        [Message::Broke("this browser cannot start a worker for it".into())],
        expect!["never Silent: no verdict: this browser cannot start a worker for it"],
    );
    let empty = Found { verdict: Verdict::Empty, is_over: true, ..found() };
    check(
        [Message::Found(empty)],
        expect!["never Silent: no verdict: no exception struck kernel code that runs on the user's tables"],
    );
    let wrong = Found { unconfirmed: vec!["restored at step 7: no schedule says where".into()], ..found() };
    check(
        [Message::Found(wrong)],
        expect![
            "never Silent: no verdict: a run did not confirm the explorer's result (restored at step 7: no schedule says where)"
        ],
    );
    check(
        [Message::Found(found()), Message::Broke("out of memory".into())],
        expect!["never Holds: holds for all single exceptions: 6,240 schedules; the search ended early: out of memory"],
    );
    let over = Found { is_over: true, ..found() };
    check(
        [Message::Broke("it did not load".into()), Message::Found(over)],
        expect![
            "never Holds: holds for all single exceptions: 6,240 schedules; deeper: no answer for any depth within the budget"
        ],
    );
}

/// A verdict that flips with a switch says so, once both are known and the one that holds covers what breaks.
#[test]
fn what_a_verdict_owes_to_an_assumption_is_said() {
    let held = informed(&opened("v=1&a=A&b=E&s="), Side::Right, Message::Found(found()));
    let flips = |state: &State| {
        let switch = switches(state).into_iter().find(|it| it.assumption == Assumption::NmiFrame);
        switch.map(|switch| switch.flips).unwrap_or_default()
    };
    assert_eq!(flips(&held), Vec::<String>::new());
    let off = update(&held, Action::ToggleAssumption(Assumption::NmiFrame));
    let broken =
        |schedule| informed(&off, Side::Right, Message::Found(breaking(&off, &[(Promise::Restored, schedule)])));
    let one = broken("exc_nmi:db");
    let words = "E holds only because of it: without it, #DB at exc_nmi; user mode on the kernel's tables";
    assert_eq!(flips(&one), [words]);
    let on = update(&one, Action::ToggleAssumption(Assumption::NmiFrame));
    assert_eq!(flips(&informed(&on, Side::Right, Message::Found(found()))), [words]);
    assert_eq!(flips(&broken("exc_nmi:db, exc_nmi:mc")), Vec::<String>::new());
    // Sides that run the same say it once.
    let both = informed(&opened("v=1&a=E&b=E&s="), Side::Left, Message::Found(found()));
    let off = update(&both, Action::ToggleAssumption(Assumption::NmiFrame));
    let broken = Message::Found(breaking(&off, &[(Promise::Restored, "exc_nmi:db")]));
    assert_eq!(flips(&informed(&off, Side::Left, broken)), [words]);
}

#[test]
fn sides_that_run_the_same_share_their_counterexamples() {
    let state = opened("v=1&a=never&b=never&s=");
    let found = breaking(&state, &[(Promise::UserCr3, "exc_nmi:db"), (Promise::Nested, "exc_nmi:mc")]);
    let state = informed(&state, Side::Left, Message::Found(found));
    let all: Vec<_> = cards(&state).into_iter().map(|card| (card.side, card.promise, card.is_alone)).collect();
    assert_eq!(all, [(Side::Left, Promise::UserCr3, false), (Side::Left, Promise::Nested, false)]);
}

#[test]
fn nothing_is_said_while_judging_is_switched_off() {
    let state = informed(&opened("v=1&a=never&b=E&s="), Side::Left, Message::Found(found()));
    let off = update(&state, Action::ToggleJudging);
    assert_eq!(off.searches(), []);
    let Line { standpoint, words, further, .. } = line(&off, Side::Left);
    let said = (standpoint, words.as_str(), further.as_str());
    assert_eq!(said, (Standpoint::Silent, "not judged: judging is switched off", ""));
    let on = update(&off, Action::ToggleJudging);
    assert_eq!(line(&on, Side::Left).words, "being judged");
    assert_eq!(on.searches().len(), 2);
    assert!(on.searches().iter().all(|(ticket, _)| state.searches().iter().all(|(before, _)| before != ticket)));
}

#[test]
fn what_breaks_is_said_with_its_schedule() {
    let state = opened("v=1&a=never&b=E&s=");
    let one = breaking(&state, &[(Promise::UserCr3, "entry_SYSRETQ_unsafe_stack:nmi")]);
    check(
        [Message::Found(one)],
        expect![
            "never Breaks: breaks: NMI at entry_SYSRETQ_unsafe_stack; user mode on the kernel's tables; 12 of 6,240 schedules break"
        ],
    );
    let two = breaking(&state, &[(Promise::UserCr3, "exc_nmi:db > exc_debug:mc, kernel_loop#2:nmi")]);
    let begun = |is_over| {
        let early = Found { is_over, breaking: 0, ..two.clone() };
        [
            Message::Found(found()),
            Message::Begun(Begun { reach: Reach::Depth(2), schedules: 4000, done: 7 }),
            Message::Found(early),
        ]
    };
    check(
        [Message::Found(Found { breaking: 0, is_over: false, ..two.clone() })],
        expect![
            "never Breaks: breaks: #DB at exc_nmi, inside its handler #MC at exc_debug, later NMI at kernel_loop#2; user mode on the kernel's tables; all 6,240 single exceptions hold"
        ],
    );
    check(
        begun(false),
        expect![
            "never Breaks: breaks: #DB at exc_nmi, inside its handler #MC at exc_debug, later NMI at kernel_loop#2; user mode on the kernel's tables; all 6,240 single exceptions hold; a shorter one: depth 2 is tried, 4,000 schedules so far"
        ],
    );
    check(
        begun(true),
        expect![
            "never Breaks: breaks: #DB at exc_nmi, inside its handler #MC at exc_debug, later NMI at kernel_loop#2; user mode on the kernel's tables; all 6,240 single exceptions hold; depth 2 not finished: 4,000 schedules, then the budget was spent"
        ],
    );
    // Single exceptions go on while a pointer moves.
    let early = Found {
        reach: Reach::Depth(0),
        breaking: 0,
        is_over: false,
        ..breaking(&state, &[(Promise::Regs, "exc_nmi:db")])
    };
    let so_far = [Message::Begun(Begun { reach: Reach::Depth(1), schedules: 588, done: 140 }), Message::Found(early)];
    let told = so_far.into_iter().fold(state.clone(), |state, it| informed(&state, Side::Left, it));
    assert_eq!(line(&told, Side::Left).further, "588 single exceptions so far");
    let alone = Found { reach: Reach::Depth(0), schedules: 0, breaking: 0, ..breaking(&state, &[(Promise::Regs, "")]) };
    check(
        [Message::Found(alone)],
        expect!["never Breaks: breaks: without any exception, user mode on the kernel's tables"],
    );
}

/// A verdict on many systems names the one that breaks, and says that it goes no deeper.
#[test]
fn the_standard_set_names_its_system() {
    let state = opened("v=1&a=never&b=E&s=&judge=standard");
    let found_of = |side, found| line(&informed(&state, side, Message::Found(found)), side);
    let broken = found_of(Side::Left, breaking(&state, &[(Promise::UserCr3, "exc_nmi:db")])).words;
    assert!(broken.ends_with("kernel's tables (features pti,pcid,invpcid,fsgsbase,nx, handler quiet)"), "{broken}");
    let held = found_of(Side::Right, Found { is_over: true, ..found() });
    assert_eq!(held.words, "holds for all single exceptions: 6,240 schedules in 18 systems");
    assert_eq!(held.further, "deeper: not tried for the standard set on this page");
}

#[test]
fn counterexamples_of_one_side_come_first() {
    let state = opened("v=1&a=never&b=E&s=");
    assert_eq!(cards(&state), []);
    let left = breaking(&state, &[(Promise::UserCr3, "exc_nmi:db"), (Promise::Nested, "exc_nmi:mc")]);
    let right = breaking(&state, &[(Promise::UserCr3, "exc_nmi:mc"), (Promise::Regs, "exc_nmi:db")]);
    let state = informed(&informed(&state, Side::Left, Message::Found(left)), Side::Right, Message::Found(right));
    let order: Vec<_> = cards(&state).into_iter().map(|card| (card.form, card.promise, card.is_alone)).collect();
    let expected = [
        ("never", Promise::Nested, true),
        ("E", Promise::Regs, true),
        ("never", Promise::UserCr3, false),
        ("E", Promise::UserCr3, false),
    ];
    assert_eq!(order, expected);
}

/// The command in a report goes as deep as what it has to find, though no more than single exceptions are complete.
#[test]
fn a_report_asks_for_the_depth_of_its_counterexamples() {
    let command = |schedule: &str| {
        let state = opened("v=1&a=never&b=E&s=");
        let found = breaking(&state, &[(Promise::UserCr3, schedule)]);
        let report = crate::report::text(&informed(&state, Side::Left, Message::Found(found)), "a link");
        let depth = report.split("cr3play explore --form never --depth ").nth(1);
        depth.and_then(|rest| rest.split_whitespace().next()).map(str::to_owned)
    };
    assert_eq!(command("exc_nmi:db").as_deref(), Some("1"));
    assert_eq!(command("exc_nmi:db,exc_nmi:mc").as_deref(), Some("2"));
    assert_eq!(command("exc_nmi:db,exc_nmi:mc,exc_nmi:nmi").as_deref(), Some("any"));
}

#[test]
fn a_counterexample_opens_at_both_of_its_ends_and_can_be_sent() {
    let state = opened("v=1&a=never&b=E&s=kernel_loop%2B1:nmi&t=skylake&show=differences");
    let found = breaking(&state, &[(Promise::UserCr3, "entry_SYSRETQ_unsafe_stack:nmi")]);
    let state = informed(&state, Side::Left, Message::Found(found));
    let open = |landing| update(&state, Action::OpenCounterexample(Side::Left, Promise::UserCr3, landing));
    let failure = open(Landing::Failure);
    assert_eq!(failure.setup.schedule.to_string(), "entry_SYSRETQ_unsafe_stack:nmi");
    assert_eq!(failure.runs.step_index(Side::Left, failure.cursor), Some(390));
    assert_eq!(failure.explore, state.explore, "it is about the same");
    let injection = open(Landing::Injection);
    assert_eq!(Some(injection.cursor), crate::inject::struck(&injection.runs, 0));
    assert!(!is_valid(&state, &Action::OpenCounterexample(Side::Right, Promise::UserCr3, Landing::Failure)));
    expect![[r#"
        never breaks user-cr3 at step 391
        NMI at entry_SYSRETQ_unsafe_stack; user mode on the kernel's tables.

        strikes   entry_SYSRETQ_unsafe_stack:nmi
        features  pti,pcid,invpcid,fsgsbase,nx
        handler   quiet
        found by  cr3play explore --form never --depth 1 --vectors nmi,db,mc --handler quiet --features pti,pcid,invpcid,fsgsbase,nx

        a link
    "#]]
    .assert_eq(&copied(&state, Side::Left, Promise::UserCr3, "a link").expect("there is one"));
}

#[test]
fn assumptions_say_how_they_stand() {
    let state = opened("v=1&h=kgdb-poke");
    assert_eq!(assumed(&state), "under 10 assumptions");
    let mut excluded = vec![0; Assumption::ALL.len()];
    excluded[Assumption::NmiFrame as usize] = 1234;
    let state = informed(&state, Side::Right, Message::Found(Found { excluded, ..found() }));
    let sides = |state: &State, assumption: Assumption| {
        let switch = switches(state).into_iter().find(|switch| switch.assumption == assumption).expect("each has one");
        (switch.on, switch.sides)
    };
    let words = |left: &str, right: &str| [left.to_owned(), right.to_owned()];
    assert_eq!(sides(&state, Assumption::NmiFrame), (true, words("assumed", "1,234 excluded")));
    let missing = "excludes nothing: no #VC strikes";
    assert_eq!(sides(&state, Assumption::VcOnce), (true, words(missing, missing)));
    let given = "not assumed: a system runs `kgdb-poke`";
    assert_eq!(sides(&state, Assumption::NoPoke), (true, words(given, given)));
    let off = update(&state, Action::ToggleAssumption(Assumption::NmiFrame));
    assert_eq!(sides(&off, Assumption::NmiFrame), (false, words("off", "off")));
    assert_eq!(assumed(&off), "under 9 assumptions, 1 off");
    assert_eq!(off.link().assumed, off.explore.assumed);
    assert_eq!(update(&off, Action::ToggleAssumption(Assumption::NmiFrame)).link(), state.link());
}
