//! The keyboard map: one table for the keys themselves, the panel that lists them and the labels of the buttons.

use super::exports::{save_export, share};
use crate::parts::{focus_in_place, open_drawn, use_once};
use cr3_session::announce;
use cr3_session::export::Export;
use cr3_session::{Action, Direction, Overlay, State, Stop, Target, Zoom};
use gloo::events::{EventListener, EventListenerOptions, EventListenerPhase};
use gloo::utils::{body, document};
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Element, KeyboardEvent, KeyboardEventInit};
use yew::prelude::*;

/// Keys and what they do, in the order of the panel.
pub(crate) const KEYS: &[(&[&str], &str)] = &[
    (&["Space"], "run, pause; with Shift backwards"),
    (&["<", ">"], "run slower, faster; the fastest is at once"),
    (&["s"], "set or remove a stop at the current instruction"),
    (&["/"], "search steps, labels, addresses, instructions"),
    (&["n", "N"], "next, previous step that the search found"),
    (&["j", "k"], "next, previous step; also ↓ ↑"),
    (&["J", "K"], "the same at this nesting level: steps over handlers"),
    (&["]", "["], "next, previous difference between the runs"),
    (&["c", "C"], "next, previous CR3 write"),
    (&["f", "F"], "next, previous flush"),
    (&["e", "E"], "next, previous delivery of an event"),
    (&["+", "-", "0"], "zoom the timeline in, out, to all; a drag with Shift chooses a range"),
    (&["PgDn", "PgUp"], "ten steps on, ten back"),
    (&["Home", "End"], "first, last step"),
    (&["i"], "inject at the current instruction; then n d m v f i"),
    (
        &["↑", "↓"],
        "in the entry code: from instruction to instruction; Enter injects there, s stops there, t runs there",
    ),
    (&["Shift"], "with a click on a step: runs to it"),
    (&["x"], "swap the forms"),
    (&["y"], "copy the link"),
    (&["Y"], "copy a report in plain text"),
    (&["?"], "these keys"),
    (&["Esc"], "close the open panel"),
];

fn movement(key: &str) -> Option<(Target, Direction)> {
    use Direction::{Backward, Forward};
    Some(match key {
        "j" | "ArrowDown" | "ArrowRight" => (Target::Row, Forward),
        "k" | "ArrowUp" | "ArrowLeft" => (Target::Row, Backward),
        "J" => (Target::SameLevel, Forward),
        "K" => (Target::SameLevel, Backward),
        "]" => (Target::Difference, Forward),
        "[" => (Target::Difference, Backward),
        "c" => (Target::Cr3Write, Forward),
        "C" => (Target::Cr3Write, Backward),
        "f" => (Target::Flush, Forward),
        "F" => (Target::Flush, Backward),
        "e" => (Target::Delivery, Forward),
        "E" => (Target::Delivery, Backward),
        "PageDown" => (Target::Page, Forward),
        "PageUp" => (Target::Page, Backward),
        "End" => (Target::End, Forward),
        "Home" => (Target::End, Backward),
        _ => return None,
    })
}

fn action(key: &str, state: &State) -> Option<Action> {
    if let Some((target, direction)) = movement(key) {
        return Some(Action::Move(target, direction));
    }
    Some(match key {
        "Shift+ " => Action::Run(Direction::Backward),
        " " => Action::Run(Direction::Forward),
        "<" => Action::SetPace(state.pace.beside(Direction::Backward)),
        ">" => Action::SetPace(state.pace.beside(Direction::Forward)),
        "s" => Action::ToggleStop(Stop::At(state.spot()?.place)),
        "/" => Action::Open(Overlay::Find),
        "n" => Action::Find(Direction::Forward),
        "N" => Action::Find(Direction::Backward),
        "i" => Action::Open(Overlay::Inject(state.spot()?)),
        "+" | "=" => Action::Zoom(Zoom::In),
        "-" => Action::Zoom(Zoom::Out),
        "0" => Action::Zoom(Zoom::All),
        "x" => Action::SwapForms,
        "?" => Action::Open(Overlay::Keys),
        _ => return None,
    })
}

/// Elements in which keys mean something else: fields take text, buttons take Space and Enter.
fn taken(element: &Element, key: &str) -> bool {
    let inside = |selector: &str| element.closest(selector).ok().flatten().is_some();
    if inside("input, textarea, select, dialog, [role=dialog], [contenteditable]") {
        return true;
    }
    matches!(key, " " | "Enter") && inside("button, a, summary, [role=tab]")
}

/// Where the focus is when the search closes. Without an element that has it, the list of the runs takes it.
fn seat() {
    let nobody = document().active_element().is_none_or(|active| active == *body().unchecked_ref::<Element>());
    if nobody {
        focus_in_place(document().query_selector(".runs .rows").ok().flatten());
    }
}

fn press(event: &KeyboardEvent, state: &State, dispatch: &Callback<Action>) {
    let key = event.key();
    if key == "Escape" && !event.default_prevented() {
        dispatch.emit(Action::Close);
        return;
    }
    let modified = event.ctrl_key() || event.meta_key() || event.alt_key();
    let letter = key.chars().count() == 1 && key != " ";
    if event.default_prevented() || modified || (letter && !state.settings.shortcuts) {
        return;
    }
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    if target.is_some_and(|element| taken(&element, &key)) {
        return;
    }
    let key = if key == " " && event.shift_key() { "Shift+ ".to_owned() } else { key };
    if key == "/" {
        seat();
    }
    match key.as_str() {
        "y" => share(state, dispatch),
        "Y" => save_export(Export::Report, state, dispatch),
        _ => match action(&key, state) {
            Some(action) => announce::answer(state, action).for_each(|answer| dispatch.emit(answer)),
            None if key == "i" => dispatch.emit(Action::Tell("There is no run to inject into.".to_owned())),
            None if key == "s" => dispatch.emit(Action::Tell("There is no instruction to stop at.".to_owned())),
            None => return,
        },
    }
    event.prevent_default();
}

/// Hands a key on to what has the focus now. A letter needs no more than the focus: the browser puts it into the field
/// that has it after this event.
fn hand_on(event: &KeyboardEvent) {
    let same = KeyboardEventInit::new();
    same.set_bubbles(true);
    same.set_cancelable(true);
    same.set_key(&event.key());
    same.set_shift_key(event.shift_key());
    same.set_ctrl_key(event.ctrl_key());
    same.set_alt_key(event.alt_key());
    same.set_meta_key(event.meta_key());
    let copy = KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &same);
    event.stop_propagation();
    // Once this listener has returned: it cannot be called while it runs.
    spawn_local(async move {
        if let Some((active, copy)) = document().active_element().zip(copy.ok()) {
            // It fails only on an event that is on its way already.
            let _ = active.dispatch_event(&copy);
        }
    });
}

/// The first to hear of a key: what was drawn and is not open yet opens, and the key is meant for it.
fn listen_first() -> EventListener {
    let options = EventListenerOptions { phase: EventListenerPhase::Capture, passive: false };
    EventListener::new_with_options(&document(), "keydown", options, |event| {
        if let Some(event) = event.dyn_ref::<KeyboardEvent>().filter(|_| open_drawn()) {
            hand_on(event);
        }
    })
}

/// Listens to the keyboard for the whole page.
#[hook]
pub(crate) fn use_keyboard(state: Rc<State>, dispatch: &Callback<Action>) {
    let current = use_mut_ref(|| state.clone());
    *current.borrow_mut() = state;
    let dispatch = dispatch.clone();
    use_once(move || {
        let options = EventListenerOptions::enable_prevent_default();
        let listener = EventListener::new_with_options(&document(), "keydown", options, move |event| {
            if let Some(event) = event.dyn_ref::<KeyboardEvent>() {
                let state = current.borrow().clone();
                press(event, &state, &dispatch);
            }
        });
        let first = listen_first();
        move || drop((listener, first))
    });
}
