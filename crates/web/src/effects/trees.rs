//! Kernel trees: the worker that reads and assembles them, and the messages to it.

use super::files::words;
use super::workers::{Hand, Heard, Line, give};
use cr3_session::tree::Told;
use cr3_session::tree::wire::{asked, decode};
use cr3_session::{Action, Role, State};
use js_sys::Array;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use yew::prelude::*;

/// The worker, and the messages that wait until it has started.
#[derive(Default)]
struct Desk {
    hand: Option<Hand>,
    has_started: bool,
    waiting: Vec<JsValue>,
    /// The last ticket that was asked for.
    asked: u32,
}

thread_local! {
    static DESK: RefCell<Desk> = RefCell::default();
}

/// Asks for the texts that are wanted.
#[hook]
pub(crate) fn use_trees(state: &Rc<State>, dispatch: &Callback<Action>) {
    let (state, dispatch) = (state.clone(), dispatch.clone());
    let tickets: Vec<u32> = state.trees.wanted().map(|(ticket, _)| ticket).collect();
    use_effect_with(tickets, move |_| {
        // Tickets grow; the list has the newest first.
        for (ticket, config) in state.trees.wanted().collect::<Vec<_>>().into_iter().rev() {
            let asked_before = DESK.with_borrow(|desk| desk.asked);
            if asked_before < ticket {
                DESK.with_borrow_mut(|desk| desk.asked = ticket);
                say(asked(ticket, config).into(), &dispatch);
            }
        }
    });
}

/// Has the worker read the tree of these files.
pub(super) fn open(paths: &Array, files: &Array, dispatch: &Callback<Action>) {
    dispatch.emit(Action::Tree(Told::Opening));
    say(Array::of2(paths, files).into(), dispatch);
}

fn say(message: JsValue, dispatch: &Callback<Action>) {
    let said = DESK.with_borrow_mut(|desk| {
        if desk.hand.is_none() {
            let hear = {
                let dispatch = dispatch.clone();
                move |_: &Line, heard| hear(heard, &dispatch)
            };
            desk.hand = Some(Hand::start(Role::Trees, hear)?);
        }
        match &desk.hand {
            Some(hand) if desk.has_started => hand.line().hand(&message),
            _ => {
                desk.waiting.push(message);
                Ok(())
            }
        }
    });
    if let Err(error) = said {
        broke(&words(&error), dispatch);
    }
}

fn broke(why: &str, dispatch: &Callback<Action>) {
    let asked = DESK.with_borrow(|desk| desk.asked);
    DESK.set(Desk { asked, ..Desk::default() });
    dispatch.emit(Action::Tree(Told::Refused(format!("the worker that reads kernel trees does not work: {why}"))));
}

fn hear(heard: Heard, dispatch: &Callback<Action>) {
    match heard {
        Heard::Started => {
            let waiting = DESK.with_borrow_mut(|desk| {
                desk.has_started = true;
                std::mem::take(&mut desk.waiting)
            });
            waiting.into_iter().for_each(|message| say(message, dispatch));
        }
        Heard::Said(text) => match decode(&text) {
            Some(told) => dispatch.emit(Action::Tree(told)),
            None => give(&text),
        },
        Heard::Broke(why) => broke(&why, dispatch),
    }
}
