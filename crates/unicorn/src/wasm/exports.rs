//! The exports of `csrc/engine.c`, typed. Handles and pointers are addresses in the module's own memory.

use js_sys::WebAssembly::Memory;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    pub(super) type Exports;

    #[wasm_bindgen(method, getter)]
    pub(super) fn memory(this: &Exports) -> Memory;

    #[wasm_bindgen(method, catch, js_name = "_initialize")]
    pub(super) fn initialize(this: &Exports) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn engine_open(this: &Exports, model: u32) -> Result<u32, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn engine_close(this: &Exports, engine: u32) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn engine_unmap(this: &Exports, engine: u32, address: u64, size: u32) -> Result<u32, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn engine_map(this: &Exports, engine: u32, address: u64, size: u32) -> Result<u32, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn engine_write(
        this: &Exports,
        engine: u32,
        address: u64,
        bytes: u32,
        size: u32,
    ) -> Result<u32, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn engine_read(this: &Exports, engine: u32, address: u64, bytes: u32, size: u32)
    -> Result<u32, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn engine_state_size(this: &Exports) -> Result<u32, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn engine_state_get(this: &Exports, engine: u32, state: u32) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn engine_state_set(this: &Exports, engine: u32, state: u32) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn engine_flush(this: &Exports, engine: u32) -> Result<u32, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn engine_step_size(this: &Exports) -> Result<u32, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn engine_step(this: &Exports, engine: u32, result: u32) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn engine_deliver(
        this: &Exports,
        engine: u32,
        vector: u32,
        error_code: u32,
        kind: u32,
        result: u32,
    ) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn engine_error_text(this: &Exports, error: u32) -> Result<u32, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn engine_allocate(this: &Exports, size: u32) -> Result<u32, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn engine_free(this: &Exports, memory: u32) -> Result<(), JsValue>;
}
