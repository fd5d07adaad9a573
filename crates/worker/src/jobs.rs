//! Searches and questions in a worker.

use crate::worker::Serve;
use cr3_jobs::Jobs;
use cr3_session::explore::wire::{self, Request};
use wasm_bindgen::JsValue;

/// Steps of a slice: some 40 milliseconds.
const STEPS: u64 = 150_000;

/// The jobs of a worker.
#[derive(Default)]
pub(crate) struct Served(Jobs);

impl Serve for Served {
    fn take(&mut self, message: JsValue) {
        if let Some(request) = message.as_string().and_then(|text| Request::decode(&text)) {
            self.0.take(request);
        }
    }

    fn is_idle(&self) -> bool {
        self.0.is_idle()
    }

    fn slice(&mut self) -> Vec<String> {
        let told = self.0.slice(STEPS).into_iter();
        told.map(|(ticket, told)| wire::encode(ticket, &told)).collect()
    }
}
