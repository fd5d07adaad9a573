//! Where the keyboard's focus goes.

use wasm_bindgen::JsCast;
use web_sys::{Element, FocusOptions, HtmlElement};

/// Gives an element the focus without scrolling; other code decides what is in sight.
pub(crate) fn focus_in_place(element: Option<Element>) {
    let options = FocusOptions::new();
    options.set_prevent_scroll(true);
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        // Focus fails only on elements that no longer exist.
        let _ = element.focus_with_options(&options);
    }
}
