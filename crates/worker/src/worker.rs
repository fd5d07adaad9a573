//! The worker: takes messages, works in slices and reports.

use cr3_session::role::STARTED;
use gloo::timers::callback::Timeout;
use js_sys::{Error, Uint8Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// What a worker tells the page.
pub(crate) enum Said {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<Said> for JsValue {
    fn from(said: Said) -> Self {
        match said {
            Said::Text(text) => Self::from_str(&text),
            Said::Bytes(bytes) => Uint8Array::from(&bytes[..]).into(),
        }
    }
}

/// What a worker does.
pub(crate) trait Serve {
    /// Takes a message of the page.
    fn take(&mut self, message: JsValue);

    /// Whether there is nothing to do until the next message.
    fn is_idle(&self) -> bool;

    /// Works for about 40 milliseconds and returns the messages.
    fn slice(&mut self) -> Vec<Said>;
}

#[wasm_bindgen]
extern "C" {
    /// As if it were thrown and nobody caught it (HTML standard, 8.1.4.6).
    #[wasm_bindgen(js_name = reportError)]
    fn report_error(error: &Error);
}

/// The page learns from a panic what happened and where. The trap that follows it says nothing.
pub(crate) fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| report_error(&Error::new(&panic.to_string()))));
}

/// The worker's own scope; none in a page.
pub(crate) fn scope() -> Option<DedicatedWorkerGlobalScope> {
    js_sys::global().dyn_into().ok()
}

/// Serves the page from a worker's scope, for as long as the worker lives.
pub(crate) fn serve(scope: DedicatedWorkerGlobalScope, work: impl Serve + 'static) {
    serve_with(scope, Rc::new(RefCell::new(work)));
}

fn serve_with(scope: DedicatedWorkerGlobalScope, work: Rc<RefCell<dyn Serve>>) {
    let onmessage = {
        let scope = scope.clone();
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let was_idle = work.borrow().is_idle();
            work.borrow_mut().take(event.data());
            if was_idle {
                go_on(scope.clone(), work.clone());
            }
        })
    };
    scope.set_onmessage(Some(onmessage.as_ref().unchecked_ref()));
    // It is called until the worker is terminated.
    onmessage.forget();
    post(&scope, Said::Text(STARTED.to_owned()));
}

/// The next slice, and those after it. Messages are taken between them, so that a newer request ends an older one at once.
fn go_on(scope: DedicatedWorkerGlobalScope, work: Rc<RefCell<dyn Serve>>) {
    if work.borrow().is_idle() {
        return;
    }
    let slice = move || {
        let messages = work.borrow_mut().slice();
        messages.into_iter().for_each(|message| post(&scope, message));
        go_on(scope, work);
    };
    Timeout::new(0, slice).forget();
}

/// A page that is gone is no reason to stop here: the browser ends the worker with it.
fn post(scope: &DedicatedWorkerGlobalScope, said: Said) {
    let _ = scope.post_message(&said.into());
}
