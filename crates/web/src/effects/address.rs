//! The address bar says what the page shows. Another scenario is a navigation that Back undoes; another step is not.

use cr3_session::{Action, State, link};
use gloo::events::EventListener;
use gloo::utils::window;
use wasm_bindgen::JsValue;
use yew::prelude::*;

/// The address after `#`.
pub(crate) fn hash() -> String {
    let hash = window().location().hash().unwrap_or_default();
    hash.strip_prefix('#').unwrap_or(&hash).to_owned()
}

/// Keeps the address and the state equal.
#[hook]
pub(crate) fn use_address(state: &State, dispatch: &Callback<Action>) {
    let link = link::of(state);
    let scenario = use_mut_ref(|| None);
    use_effect_with(link, move |link| {
        let before = scenario.replace(Some(link.scenario()));
        let text = link::encode(link);
        if hash() == text {
            return;
        }
        let Ok(history) = window().history() else {
            return;
        };
        let url = format!("#{text}");
        let navigated = before.is_some_and(|before| before != link.scenario());
        // A browser may refuse, for example above its limit of calls a second; the next change tries again.
        let _ = if navigated {
            history.push_state_with_url(&JsValue::NULL, "", Some(&url))
        } else {
            history.replace_state_with_url(&JsValue::NULL, "", Some(&url))
        };
    });
    use_effect_with(dispatch.clone(), |dispatch| {
        let open = {
            let dispatch = dispatch.clone();
            move |_: &Event| dispatch.emit(Action::OpenLink(hash()))
        };
        let popped = EventListener::new(&window(), "popstate", open);
        move || drop(popped)
    });
}
