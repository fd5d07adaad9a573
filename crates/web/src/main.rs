//! Starts the page.

use gloo::utils::{body, document};
use wasm_bindgen_futures::spawn_local;

/// The element of index.html whose content the page takes the place of.
const PLACE: &str = "page";

fn main() {
    cr3_web::tell_panics();
    cr3_web::begin();
    let place = document().get_element_by_id(PLACE).unwrap_or_else(|| body().into());
    spawn_local(async move { drop(cr3_web::open(place).await) });
}
