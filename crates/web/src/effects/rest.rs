//! The rest of this module. The build takes it apart (crates/split): what the first sight calls comes first, and static/start.js
//! brings the rest once the runs, the code and the state are drawn. A function of the rest that is called before waits for it.

use gloo::utils::window;
use js_sys::{Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

const BRINGS: &str = "bringRest";

#[wasm_bindgen]
extern "C" {
    /// Hands over the exports of this module, which the rest of it imports.
    #[wasm_bindgen(js_name = holdFirst)]
    fn hold_first(exports: &JsValue);

    /// Brings the rest: `now`, as calls of the rest ask, or by and by, under a promise.
    #[wasm_bindgen(js_name = bringRest)]
    fn bring_rest(now: bool) -> Option<Promise>;
}

/// Lets the rest of the module come.
pub fn begin() {
    hold_first(&wasm_bindgen::exports());
}

/// Waits for the rest of the module. Where it does not come, start.js says so and asks again, and what waits goes on waiting.
pub(super) async fn rest() {
    // A page that start.js did not start has its module in one piece.
    let is_started = Reflect::has(&window(), &BRINGS.into()).unwrap_or_default();
    if let Some(arriving) = is_started.then(|| bring_rest(false)).flatten() {
        let _ = JsFuture::from(arriving).await;
    }
}
