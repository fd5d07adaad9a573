//! Starts the page.

use gloo::utils::{body, document};

/// The element of index.html whose content the page takes the place of.
const PLACE: &str = "page";

fn main() {
    cr3_web::tell_panics();
    let place = document().get_element_by_id(PLACE).unwrap_or_else(|| body().into());
    yew::Renderer::<cr3_web::App>::with_root(place).render();
}
