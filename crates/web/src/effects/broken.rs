//! Reports a breakdown to start.js, which shows a card even when this module cannot run any more.

use super::address::write_newest;
use gloo::utils::window;
use js_sys::Error;
use wasm_bindgen::prelude::*;
use web_sys::{CustomEvent, CustomEventInit};

#[wasm_bindgen]
extern "C" {
    /// As if it were thrown and nobody caught it (HTML standard, 8.1.4.6).
    #[wasm_bindgen(js_name = reportError)]
    fn report_error(error: &Error);
}

/// A panic says what and where, and leaves an address that replays what a person did. The trap that follows it says nothing. Yew would
/// otherwise set a hook of its own, which tells only the console.
pub fn tell_panics() {
    yew::set_custom_panic_hook(Box::new(|panic| {
        report_error(&Error::new(&panic.to_string()));
        write_newest();
    }));
}

/// A worker ended, and the page goes on.
pub(super) fn worker_broke(why: &str) {
    let init = CustomEventInit::new();
    init.set_detail(&why.into());
    // It fails only while another one is dispatched, and this one is new.
    if let Ok(event) = CustomEvent::new_with_event_init_dict("worker-broke", &init) {
        let _ = window().dispatch_event(&event);
    }
}
