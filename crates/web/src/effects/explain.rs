//! The panel that explains a term at a tap, at its focus and under the mouse. It covers things and moves none.
//!
//! WCAG 2.1, 1.4.13: Escape closes it and nothing else, the mouse may go over it, and it stays until something else is
//! pointed at.

use super::drawn::Drawn;
use super::files::text;
use crate::parts::{Anchor, EXPLANATION, Explanation, use_once};
use cr3_session::Document;
use gloo::events::{EventListener, EventListenerOptions, EventListenerPhase};
use gloo::timers::callback::Timeout;
use gloo::utils::document;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Element, Event, KeyboardEvent, PointerEvent};
use yew::prelude::*;

/// The glossary beside the page.
const FILE: &str = "GLOSSARY.md";
/// Milliseconds under the mouse before a term is explained.
const REST: u32 = 250;
/// Milliseconds that the mouse may take from the term to the panel.
const LEAVE: u32 = 200;

/// What is explained, and what the mouse is about to bring about.
#[derive(Clone)]
struct Control {
    shown: UseStateHandle<Option<Anchor>>,
    /// As the listeners know it, which outlive a rendering.
    now: Rc<RefCell<Option<Anchor>>>,
    soon: Rc<RefCell<Option<Timeout>>>,
    /// Where the mouse was pressed last. What appears under it there was not pointed at.
    pressed: Rc<Cell<Option<(i32, i32)>>>,
}

impl Control {
    fn show(&self, anchor: Option<Anchor>) {
        self.soon.borrow_mut().take();
        if *self.now.borrow() != anchor {
            if let Some(Anchor(before)) = self.now.borrow().as_ref() {
                describe(before, None);
            }
            if let Some(Anchor(element)) = &anchor {
                describe(element, Some(EXPLANATION));
            }
            self.now.borrow_mut().clone_from(&anchor);
            self.shown.set(anchor);
        }
    }

    fn show_after(&self, milliseconds: u32, anchor: Option<Anchor>) {
        let control = self.clone();
        let timeout = Timeout::new(milliseconds, move || control.show(anchor));
        *self.soon.borrow_mut() = Some(timeout);
    }

    fn pointed(&self, target: &Element) {
        let over_panel = target.closest(".explanation").ok().flatten().is_some();
        match anchor(target) {
            _ if over_panel => drop(self.soon.borrow_mut().take()),
            Some(anchor) if self.now.borrow().as_ref() == Some(&anchor) => drop(self.soon.borrow_mut().take()),
            Some(anchor) => self.show_after(REST, Some(anchor)),
            // What has the focus stays explained.
            None if self.now.borrow().as_ref().is_some_and(Anchor::is_focused) => {
                self.soon.borrow_mut().take();
            }
            None => self.show_after(LEAVE, None),
        }
    }

    /// A focus by keyboard explains at once. One by mouse or finger does not: the click that follows says what is meant.
    fn focused(&self, target: &Element) {
        let by_keyboard = target.matches(":focus-visible").unwrap_or(false);
        match anchor(target).filter(|Anchor(element)| element == target) {
            Some(anchor) if by_keyboard => self.show(Some(anchor)),
            Some(_) => {}
            None => self.show(None),
        }
    }

    fn clicked(&self, target: &Element) {
        if target.closest(".explanation").ok().flatten().is_none() {
            self.show(anchor(target).filter(|anchor| !anchor.leads_away()));
        }
    }
}

/// The term at an element or around it.
fn anchor(target: &Element) -> Option<Anchor> {
    target.closest("[data-term], [data-here]").ok().flatten().map(Anchor)
}

/// Names the panel as the description of an element while it shows its explanation.
fn describe(element: &Element, id: Option<&str>) {
    // Neither fails: the name of the attribute is a valid one.
    let _ = match id {
        Some(id) => element.set_attribute("aria-describedby", id),
        None => element.remove_attribute("aria-describedby"),
    };
}

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) drawn: Drawn,
}

/// The panel, and the listeners that fill it.
#[component]
pub(crate) fn Explain(props: &Props) -> Html {
    let shown = use_state_eq(|| None::<Anchor>);
    let control =
        Control { shown: shown.clone(), now: use_mut_ref(|| None), soon: use_mut_ref(|| None), pressed: Rc::default() };
    use_once(move || {
        let listeners = listeners(&control);
        move || drop(listeners)
    });
    let glossary = use_glossary(props.drawn == Drawn::Everything, &shown);
    html! { <Explanation anchor={(*shown).clone()} {glossary} /> }
}

/// The glossary. It is fetched once the page is drawn, and again for each term while it is missing.
#[hook]
fn use_glossary(is_drawn: bool, shown: &Option<Anchor>) -> Document {
    let glossary = use_state_eq(Document::default);
    let fetched = glossary.setter();
    let is_here = matches!(*glossary, Document::Read(_));
    use_effect_with((is_drawn, shown.clone()), move |(is_drawn, shown)| {
        if !is_here && (*is_drawn || shown.is_some()) {
            spawn_local(async move { fetched.set(text(FILE).await) });
        }
    });
    (*glossary).clone()
}

fn listeners(control: &Control) -> Vec<EventListener> {
    // Before the page hears of a click: what it does may move the focus, which then decides what is explained.
    let on = |name: &'static str, act: fn(&Control, &Element)| {
        let control = control.clone();
        let options = EventListenerOptions::run_in_capture_phase();
        EventListener::new_with_options(&document(), name, options, move |event| {
            if let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) {
                act(&control, &target);
            }
        })
    };
    let pointed = {
        let control = control.clone();
        EventListener::new(&document(), "pointerover", move |event: &Event| {
            let by_mouse = event.dyn_ref::<PointerEvent>().is_some_and(|event| event.pointer_type() == "mouse");
            let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
            let has_moved = place(event) != control.pressed.get();
            if let Some(target) = target.filter(|_| by_mouse && has_moved) {
                control.pointed(&target);
            }
        })
    };
    let pressed = {
        let pressed = control.pressed.clone();
        EventListener::new(&document(), "pointerdown", move |event: &Event| pressed.set(place(event)))
    };
    vec![pointed, pressed, on("focusin", Control::focused), on("click", Control::clicked), escape(control)]
}

/// Where a pointer is, in pixels of the window.
fn place(event: &Event) -> Option<(i32, i32)> {
    event.dyn_ref::<PointerEvent>().map(|event| (event.client_x(), event.client_y()))
}

/// Escape, before anything else hears of it.
fn escape(control: &Control) -> EventListener {
    let control = control.clone();
    let options = EventListenerOptions { phase: EventListenerPhase::Capture, passive: false };
    EventListener::new_with_options(&document(), "keydown", options, move |event| {
        let is_escape = event.dyn_ref::<KeyboardEvent>().is_some_and(|event| event.key() == "Escape");
        if is_escape && control.now.borrow().is_some() {
            event.prevent_default();
            event.stop_propagation();
            control.show(None);
        }
    })
}
