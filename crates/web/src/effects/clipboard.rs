//! Copying text. If the page has no clipboard rights, it says so and names another way.

use cr3_session::Action;
use gloo::utils::window;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use yew::Callback;

/// Copies `text` and reports the outcome.
pub(crate) fn copy(text: String, what: &'static str, dispatch: Callback<Action>) {
    spawn_local(async move {
        let clipboard = window().navigator().clipboard();
        // Outside secure contexts there is no clipboard object.
        let present = !wasm_bindgen::JsValue::from(clipboard.clone()).is_undefined();
        let copied = present && JsFuture::from(clipboard.write_text(&text)).await.is_ok();
        let words = if copied {
            format!("{what} copied.")
        } else {
            "The browser blocked copying, so nothing was copied. The link is in the address bar.".to_owned()
        };
        dispatch.emit(Action::Tell(words));
    });
}
