//! The WebAssembly build in Node: every preset step by step, as `wasm.rs` does it in a browser.
//!
//! `cargo xtask test` runs this; UNICORN_WASM names the module that it has built.
#![cfg(target_arch = "wasm32")]

mod presets;
mod report;

use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn every_preset_of_every_form_agrees_step_by_step() {
    let (runs, total) = presets::every_preset_agrees();
    report::check("presets in every form, in Node", runs, &total);
}
