//! The keyboard's focus never falls to the document. Where the element that has it goes away or is switched off, what
//! is nearest to it takes over.

use crate::parts::{focus_in_place, use_each, use_once};
use gloo::events::EventListener;
use gloo::timers::callback::Timeout;
use gloo::utils::{body, document};
use wasm_bindgen::JsCast;
use web_sys::Element;
use yew::prelude::*;

/// What can have the focus.
const FOCUSABLE: &str = "button:not(:disabled):not([tabindex='-1']), a[href], input:not(:disabled), \
                         select:not(:disabled), textarea:not([hidden]), [contenteditable='true'], summary, [tabindex='0']";

/// The element that had the focus last, and what it was in, from the inside out.
#[derive(Default)]
struct Trail(Vec<Element>);

impl Trail {
    fn of(element: Element) -> Self {
        Self(std::iter::successors(Some(element), |inner| inner.parent_element()).collect())
    }

    /// Whether the element that had the focus cannot have it any more.
    fn is_lost(&self) -> bool {
        self.0.first().is_some_and(|element| !element.is_connected() || element.matches(":disabled").unwrap_or(false))
    }

    /// What takes over: in the innermost of its surroundings that is still there.
    fn heir(&self) -> Option<Element> {
        let here = self.0.iter().skip(1).filter(|element| element.is_connected());
        here.flat_map(within).next()
    }
}

/// The first element in `surroundings` that can have the focus and is in sight.
fn within(surroundings: &Element) -> Option<Element> {
    let all = surroundings.query_selector_all(FOCUSABLE).ok()?;
    let mut elements = (0..all.length()).filter_map(|index| all.get(index)?.dyn_into::<Element>().ok());
    elements.find(|element| element.get_bounding_client_rect().width() > 0.0)
}

/// Keeps the focus on the page.
#[hook]
pub(crate) fn use_focus() {
    let trail = use_mut_ref(Trail::default);
    {
        let trail = trail.clone();
        use_once(move || {
            let listener = EventListener::new(&document(), "focusin", move |event| {
                if let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) {
                    *trail.borrow_mut() = Trail::of(target);
                }
            });
            move || drop(listener)
        });
    }
    // After each rendering: only that takes elements away. A closing dialog gives the focus back by itself, a little later.
    use_each(move || {
        let timer = trail.borrow().is_lost().then(|| {
            let trail = trail.clone();
            Timeout::new(0, move || {
                let nobody = document().active_element().is_none_or(|active| {
                    active == *body().unchecked_ref::<Element>() || active.matches(":disabled").unwrap_or(false)
                });
                if nobody && trail.borrow().is_lost() {
                    let heir = trail.borrow().heir();
                    focus_in_place(heir);
                }
            })
        });
        move || drop(timer)
    });
}
