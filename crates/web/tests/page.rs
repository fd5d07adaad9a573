//! Components in a real browser.
#![cfg(target_arch = "wasm32")]

use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn the_page_has_one_main_heading() {
    let host = gloo::utils::document().create_element("div").unwrap();
    yew::Renderer::<cr3_web::App>::with_root(host.clone()).render();
    yew::scheduler::flush().await;
    let headings = host.query_selector_all("main > h1").unwrap();
    assert_eq!(headings.length(), 1);
    assert_eq!(headings.get(0).unwrap().text_content().as_deref(), Some("CR3 playground"));
}
