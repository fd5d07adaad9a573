//! The explorer in a worker. It is the page's own module, started a second time where there is no window, so that no other is fetched.

use crate::mill::{Mill, Stroke};
use cr3_session::explore::wire::{self, Request};
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// Messages are taken after some 40 milliseconds.
const STROKE: Stroke = Stroke { steps: 150_000, gap: 0 };

/// Whether this is a worker; then it serves the page for as long as it lives.
#[must_use]
pub fn serves_explorer() -> bool {
    let scope = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>();
    scope.map(serve).is_ok()
}

fn serve(scope: DedicatedWorkerGlobalScope) {
    let mill = {
        let scope = scope.clone();
        Mill::new(STROKE, move |ticket, told| post(&scope, &wire::encode(ticket, &told)))
    };
    let onmessage = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(request) = event.data().as_string().and_then(|text| Request::decode(&text)) {
            mill.take(request);
        }
    });
    scope.set_onmessage(Some(onmessage.as_ref().unchecked_ref()));
    // It is called until the worker is terminated.
    onmessage.forget();
    post(&scope, wire::STARTED);
}

/// A page that is gone is no reason to stop here: the browser ends the worker with it.
fn post(scope: &DedicatedWorkerGlobalScope, text: &str) {
    let _ = scope.post_message(&JsValue::from_str(text));
}
