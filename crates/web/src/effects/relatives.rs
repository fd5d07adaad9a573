//! What lights up when a part of the page is pointed at or has the focus. No component is rendered for it: parts have their
//! names in `data-thing` and what they have to do with in `data-kin`, and those that are lit have `data-lit`.

use crate::parts::{Sight, use_each, use_once};
use cr3_session::Runs;
use cr3_session::view::relatives::{Thing, relatives};
use gloo::events::EventListener;
use gloo::utils::document;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event};
use yew::prelude::*;

const LIT: &str = "data-lit";

/// What is pointed at, what has the focus, and what is lit.
#[derive(Default)]
struct Light {
    at: Option<Element>,
    lit: Vec<Element>,
}

impl Light {
    /// Lights up the relatives of what is at hand, in the other panes.
    fn show(&mut self, runs: &Runs, moment: &Sight) {
        for element in self.lit.drain(..) {
            let _ = element.remove_attribute(LIT);
        }
        let Some(part) = self.at.as_ref().and_then(part) else { return };
        let names = part.get_attribute("data-thing").unwrap_or_default();
        let Some(thing) = Thing::of_key(&names) else { return };
        let pane = pane(&part);
        for relative in relatives(runs, &moment.0, thing) {
            let Ok(found) = document().query_selector_all(&format!("[data-kin~={}]", relative.key())) else { continue };
            for index in 0..found.length() {
                let Some(element) = found.get(index).and_then(|node| node.dyn_into::<Element>().ok()) else { continue };
                if self::pane(&element) != pane {
                    let _ = element.set_attribute(LIT, "");
                    self.lit.push(element);
                }
            }
        }
    }
}

/// The part of the page that an element is in. A list that has the focus stands for its active row.
fn part(element: &Element) -> Option<Element> {
    let active = element.get_attribute("aria-activedescendant").and_then(|id| document().get_element_by_id(&id));
    active.as_ref().unwrap_or(element).closest("[data-thing]").ok()?
}

/// The pane that a part stands in. CR3 and its parts are not nested in anything.
fn pane(element: &Element) -> Option<Element> {
    element.closest(".cr3, .part, .pane").ok()?
}

/// Lights up the relatives of what is pointed at or has the focus, whichever came last.
#[hook]
pub(crate) fn use_relatives(runs: &Rc<Runs>, moment: &Sight) {
    let light = use_mut_ref(Light::default);
    let current = use_mut_ref(|| (runs.clone(), moment.clone()));
    *current.borrow_mut() = (runs.clone(), moment.clone());
    {
        let (light, current) = (light.clone(), current.clone());
        use_once(move || {
            let listeners = ["mouseover", "focusin"].map(|name| {
                let (light, current) = (light.clone(), current.clone());
                EventListener::new(&document(), name, move |event| turn(event, &light, &current.borrow()))
            });
            move || drop(listeners)
        });
    }
    // Rows reuse each other's elements.
    use_each(move || {
        let (runs, moment) = &*current.borrow();
        light.borrow_mut().show(runs, moment);
        || ()
    });
}

fn turn(event: &Event, light: &RefCell<Light>, (runs, moment): &(Rc<Runs>, Sight)) {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let mut light = light.borrow_mut();
    let was = light.at.as_ref().and_then(part);
    let is = target.as_ref().and_then(part);
    light.at = target;
    if was != is {
        light.show(runs, moment);
    }
}
