//! Searches and questions in a worker.

use crate::worker::{Said, Serve};
use cr3_jobs::{Jobs, receive};
use cr3_session::explore::wire::{self, Request};
use cr3_session::library::Library;
use wasm_bindgen::JsValue;

/// Steps of a slice: some 40 milliseconds.
const STEPS: u64 = 150_000;

/// The jobs of a worker, and the kernel trees that it was given.
#[derive(Default)]
pub(crate) struct Served {
    jobs: Jobs,
    library: Library,
}

impl Serve for Served {
    fn take(&mut self, message: JsValue) {
        let Some(text) = message.as_string().filter(|text| !receive(text, &mut self.library)) else { return };
        if let Some(request) = Request::decode(&text, &self.library) {
            self.jobs.take(request);
        }
    }

    fn is_idle(&self) -> bool {
        self.jobs.is_idle()
    }

    fn slice(&mut self) -> Vec<Said> {
        let messages = self.jobs.slice(STEPS).into_iter();
        messages.map(|(ticket, message)| Said::Text(wire::encode(ticket, &message))).collect()
    }
}
