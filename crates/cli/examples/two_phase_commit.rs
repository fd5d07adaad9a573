//! Two-phase commit in Stateright: a small protocol that its readers know, to place the rates of `cr3play bench --explore` on one machine.
//!
//! The model is that of Gray and Lamport, "Consensus on Transaction Commit" (2006), section 3: a transaction manager and N resource
//! managers. Run it as `cargo run --release -p cr3-cli --example two_phase_commit`.

use stateright::{Checker, Model, Property};
use std::time::Instant;

/// Resource managers.
struct System {
    managers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Manager {
    Working,
    Prepared,
    Committed,
    Aborted,
}

/// What the transaction manager has decided. It tells everybody at once, and the message stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Decision {
    Open,
    Commit,
    Abort,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    managers: Vec<Manager>,
    decision: Decision,
    /// Bit n: manager n has sent that it is prepared.
    sent: u32,
    /// Bit n: the transaction manager has received it.
    received: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Action {
    Decide(Decision),
    Receive(usize),
    Prepare(usize),
    GiveUp(usize),
    Obey(usize),
}

impl Model for System {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State { managers: vec![Manager::Working; self.managers], decision: Decision::Open, sent: 0, received: 0 }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let is_open = state.decision == Decision::Open;
        if is_open {
            actions.push(Action::Decide(Decision::Abort));
            let all = state.received == (1 << self.managers) - 1;
            actions.extend(all.then_some(Action::Decide(Decision::Commit)));
        }
        for (manager, now) in state.managers.iter().enumerate() {
            if is_open && state.sent >> manager & 1 != 0 {
                actions.push(Action::Receive(manager));
            }
            if *now == Manager::Working {
                actions.extend([Action::Prepare(manager), Action::GiveUp(manager)]);
            }
            actions.extend((!is_open).then_some(Action::Obey(manager)));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        let decided = if state.decision == Decision::Commit { Manager::Committed } else { Manager::Aborted };
        let (manager, becomes) = match action {
            Action::Decide(decision) => return Some(State { decision, ..next }),
            Action::Receive(manager) => return Some(State { received: next.received | 1 << manager, ..next }),
            Action::Prepare(manager) => {
                next.sent |= 1 << manager;
                (manager, Manager::Prepared)
            }
            Action::GiveUp(manager) => (manager, Manager::Aborted),
            Action::Obey(manager) => (manager, decided),
        };
        *next.managers.get_mut(manager)? = becomes;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("no manager commits what another one aborts", |_, state: &State| {
            let any = |wanted| state.managers.contains(&wanted);
            !(any(Manager::Committed) && any(Manager::Aborted))
        })]
    }
}

/// Distinct states, all states that were looked at, and seconds.
fn explore(managers: usize) -> (usize, usize, f64) {
    let start = Instant::now();
    let checker = System { managers }.checker().spawn_bfs().join();
    checker.assert_properties();
    (checker.unique_state_count(), checker.state_count(), start.elapsed().as_secs_f64())
}

/// Samples; the median is reported.
const SAMPLES: usize = 5;

fn main() {
    // The same numbers of states as Stateright's own example has.
    assert_eq!([explore(3).0, explore(5).0], [288, 8832]);
    let mut samples: Vec<_> = (0..SAMPLES).map(|_| explore(7)).collect();
    samples.sort_by(|left, right| left.2.total_cmp(&right.2));
    let (distinct, all, seconds) = samples[SAMPLES / 2];
    let rate = all as f64 / seconds / 1e6;
    println!(
        "two-phase commit, 7 managers: {distinct} states, {all} looked at, {seconds:.2} s, {rate:.2} million/s, one thread"
    );
}
