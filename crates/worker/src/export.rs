//! Files that are made of a comparison.

use crate::worker::{Said, Serve};
use cr3_session::export::Export;
use wasm_bindgen::JsValue;

/// The requests that are not answered yet.
#[derive(Default)]
pub(crate) struct Files(Vec<String>);

impl Serve for Files {
    fn take(&mut self, message: JsValue) {
        self.0.extend(message.as_string());
    }

    fn is_idle(&self) -> bool {
        self.0.is_empty()
    }

    fn slice(&mut self) -> Vec<Said> {
        self.0.drain(..).filter_map(|request| Export::answer(&request)).map(Said::Text).collect()
    }
}
