//! A text that calls what is not modelled: how its run ended and what its search found say so, because from there on they say nothing
//! about Linux.

use cr3_core::query::{Reach, Verdict};
use cr3_jobs::Jobs;
use cr3_session::explore::wire::{Pace, Request};
use cr3_session::explore::{AtInstruction, Found, Message, Places};
use cr3_session::view::heat::{Heat, stripe};
use cr3_session::view::outcome::outcome;
use cr3_session::view::verdict::{Standpoint, UNTOLD, line};
use cr3_session::{Action, Form, Settings, Side, State, update};

/// Steps of a slice of a search.
const STEPS: u64 = 1_000_000;

const GOES: &str = "goes to `do_syscall_32`, a function in C that is not modelled, at step ";

/// An entry_64.S that calls another function for system calls.
fn opened() -> State {
    let text = include_str!("../../../testdata/tree/arch/x86/entry/entry_64.S");
    let text = text.replace("\tcall\tdo_syscall_64\n", "\tcall\tdo_syscall_32\n");
    let state = State::open("v=1&a=E&b=A", Settings::default());
    let state = update(&state, Action::SetForm(Side::Right, Form::Custom));
    update(&state, Action::EditDraft(text))
}

fn found(state: &State) -> Found {
    let mut jobs = Jobs::default();
    for (ticket, subject) in state.explore.wanted() {
        if subject.config.form == Form::Custom {
            jobs.take(Request::Judge(ticket, (*subject).clone()));
        }
    }
    jobs.take(Request::Go(Pace::Rest));
    while !jobs.is_idle() {
        for (_, message) in jobs.slice(STEPS) {
            if let Message::Found(found) = message {
                return found;
            }
        }
    }
    panic!("the search ended without a word");
}

#[test]
fn what_goes_to_code_that_is_not_here_is_said() {
    let state = opened();
    let ending = outcome(&state.runs, Side::Right).expect("a run").ending;
    assert!(ending.starts_with("the kernel panicked after ") && ending.contains(GOES), "{ending}");
    let other = outcome(&state.runs, Side::Left).expect("a run").ending;
    assert!(!other.contains("goes to"), "{other}");
    let found = found(&state);
    assert_eq!(found.verdict, Verdict::Breaks);
    assert!(found.counterexamples.iter().all(|it| it.beyond.as_ref().is_some_and(|words| words.starts_with(GOES))));
    assert!(found.is_untold());
    let ticket = state.explore.side(Side::Right).ticket;
    let said = |is_over| {
        let message = Message::Found(Found { is_over, ..found.clone() });
        let said = line(&update(&state, Action::Explored(ticket, message)), Side::Right);
        (said.standpoint, said.words, said.further)
    };
    // A deeper search may find one that stays in the model; no count of broken schedules stands beside that. At the end the strip says
    // what the terminal says.
    let waits = "deeper: depth 1 waits until the page rests".to_owned();
    assert_eq!(said(false), (Standpoint::Open, "being judged".to_owned(), waits));
    assert_eq!(said(true), (Standpoint::Silent, UNTOLD.to_owned(), String::new()));
    // Nor does the listing count what breaks at its instructions.
    let at = AtInstruction { address: 7, schedules: 3, breaking: 3, refused: 0, refusal: None, excluded: Vec::new() };
    let placed =
        update(&state, Action::Explored(ticket, Message::Places(Places { reach: Reach::Depth(1), at: vec![at] })));
    let placed = State { side: Side::Right, ..placed };
    assert!(stripe(&placed).mark(7).is_some_and(|mark| mark.heat == Heat::Breaks(3)));
    assert_eq!(stripe(&update(&placed, Action::Explored(ticket, Message::Found(found)))).mark(7), None);
}
