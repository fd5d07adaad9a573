//! Files that are made of a comparison.

use crate::worker::{Said, Serve};
use cr3_jobs::receive;
use cr3_session::export::Export;
use cr3_session::library::Library;
use wasm_bindgen::JsValue;

/// The requests that are not answered yet, and the kernel trees of the page.
#[derive(Default)]
pub(crate) struct Files {
    asked: Vec<String>,
    library: Library,
}

impl Serve for Files {
    fn take(&mut self, message: JsValue) {
        let text = message.as_string().filter(|text| !receive(text, &mut self.library));
        self.asked.extend(text);
    }

    fn is_idle(&self) -> bool {
        self.asked.is_empty()
    }

    fn slice(&mut self) -> Vec<Said> {
        let answer = |request: String| Export::answer(&request, &self.library);
        self.asked.drain(..).filter_map(answer).map(Said::Text).collect()
    }
}
