//! The worker: takes requests, works in slices and reports.

use crate::bench::Bench;
use cr3_session::check::wire::{self, Request};
use gloo::timers::callback::Timeout;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// The worker's own scope; none in a page.
pub(crate) fn scope() -> Option<DedicatedWorkerGlobalScope> {
    js_sys::global().dyn_into().ok()
}

/// Serves the page from a worker's scope, for as long as the worker lives.
pub(crate) fn serve(scope: DedicatedWorkerGlobalScope) {
    let bench = Rc::new(RefCell::new(Bench::default()));
    let onmessage = {
        let scope = scope.clone();
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let idle = bench.borrow().is_idle();
            let data = event.data();
            match data.as_string() {
                Some(text) => bench.borrow_mut().take(Request::decode(&text)),
                None => bench.borrow_mut().open(data.unchecked_into()),
            }
            if idle {
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
    let reports = bench.borrow_mut().slice();
    for (ticket, report) in &reports {
        post(&scope, &wire::encode(*ticket, report));
    }
    if !bench.borrow().is_idle() {
        Timeout::new(0, move || work(scope, bench)).forget();
    }
}

/// A page that is gone is no reason to stop here: the browser ends the worker with it.
fn post(scope: &DedicatedWorkerGlobalScope, text: &str) {
    let _ = scope.post_message(&JsValue::from_str(text));
}
