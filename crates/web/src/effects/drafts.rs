//! The browser keeps the texts of a person's own macro that no link carries.

use super::storage;
use cr3_session::drafts::{Memory, merged};
use cr3_session::{Action, State};
use js_sys::{Array, JSON};
use std::cell::RefCell;
use std::sync::Arc;
use wasm_bindgen::{JsCast, JsValue};
use yew::prelude::*;

/// Holds a JSON list of texts, newest first.
const DRAFTS: &str = "cr3-drafts";

thread_local! {
    /// What this page last read or stored. Other texts belong to other open pages, and stay.
    static KNOWN: RefCell<Vec<Arc<str>>> = const { RefCell::new(Vec::new()) };
}

/// The texts from before this page.
pub(crate) fn kept() -> Vec<Arc<str>> {
    let stored = read();
    KNOWN.set(stored.clone());
    stored
}

/// Stores the texts of this page.
pub(crate) fn save(own: Vec<Arc<str>>) -> Memory {
    let stored = read();
    let texts = KNOWN.with_borrow(|known| merged(&own, known, &stored));
    let memory = if texts == stored { Memory::Keeps } else { write(&texts) };
    if memory == Memory::Keeps {
        KNOWN.set(own);
    }
    memory
}

fn read() -> Vec<Arc<str>> {
    let parsed = storage::get(DRAFTS).and_then(|text| JSON::parse(&text).ok());
    let list = parsed.and_then(|value| value.dyn_into::<Array>().ok()).unwrap_or_default();
    list.iter().filter_map(|text| text.as_string()).map(Arc::from).collect()
}

fn write(texts: &[Arc<str>]) -> Memory {
    if texts.is_empty() {
        return storage::remove(DRAFTS);
    }
    let list: Array = texts.iter().map(|text| JsValue::from_str(text)).collect();
    match JSON::stringify(&list) {
        Ok(json) => storage::set(DRAFTS, &String::from(json)),
        Err(_) => Memory::Refuses,
    }
}

/// Keeps the state's texts, and reports it when the browser refuses.
#[hook]
pub(crate) fn use_drafts(state: &State, dispatch: &Callback<Action>) {
    let dispatch = dispatch.clone();
    use_effect_with(state.kept(), move |own| dispatch.emit(Action::Remember(save(own.clone()))));
}
