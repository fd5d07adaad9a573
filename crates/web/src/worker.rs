//! The explorer in a worker. It is the page's own module, started a second time where there is no window, so that nothing more is fetched.

use cr3_session::explore::bench::Bench;
use cr3_session::explore::wire::{self, Request};
use gloo::timers::callback::Timeout;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// Steps between which messages are taken: some 40 milliseconds.
const SLICE: u64 = 150_000;

/// Whether this is a worker; then it serves the page for as long as it lives.
#[must_use]
pub fn serves_explorer() -> bool {
    let scope = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>();
    scope.map(serve).is_ok()
}

fn serve(scope: DedicatedWorkerGlobalScope) {
    let bench = Rc::new(RefCell::new(Bench::default()));
    let onmessage = {
        let scope = scope.clone();
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let was_idle = bench.borrow().is_idle();
            if let Some(request) = event.data().as_string().and_then(|text| Request::decode(&text)) {
                bench.borrow_mut().take(request);
            }
            if was_idle {
                work(scope.clone(), bench.clone());
            }
        })
    };
    scope.set_onmessage(Some(onmessage.as_ref().unchecked_ref()));
    // It is called until the worker is terminated.
    onmessage.forget();
    post(&scope, wire::STARTED);
}

/// A slice of work, and the next one if there is more.
fn work(scope: DedicatedWorkerGlobalScope, bench: Rc<RefCell<Bench>>) {
    let told = bench.borrow_mut().slice(SLICE);
    for (ticket, told) in &told {
        post(&scope, &wire::encode(*ticket, told));
    }
    let is_idle = bench.borrow().is_idle();
    if !is_idle {
        Timeout::new(0, move || work(scope, bench)).forget();
    }
}

/// A page that is gone is no reason to stop here: the browser ends the worker with it.
fn post(scope: &DedicatedWorkerGlobalScope, text: &str) {
    let _ = scope.post_message(&JsValue::from_str(text));
}
