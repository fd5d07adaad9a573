//! What the build calls, in Node: the texts that every page has, assembled. The page fetches them beside its module.

use cr3_core::linux::boot;
use cr3_session::assembly::ready::{configs, file};
use wasm_bindgen::prelude::*;

/// The file of assembled texts.
///
/// # Errors
/// One of them does not assemble.
#[wasm_bindgen]
pub fn ready() -> Result<Vec<u8>, JsError> {
    file(&configs(), boot)
        .map_err(|told| JsError::new(&format!("a built-in text does not assemble: {}", told[0].message)))
}
