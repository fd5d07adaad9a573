//! Components in a real browser: mounted, acted upon, and read from the document.
#![cfg(target_arch = "wasm32")]

use gloo::utils::document;
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{Element, HtmlElement, HtmlSelectElement, KeyboardEvent, KeyboardEventInit};

wasm_bindgen_test_configure!(run_in_browser);

/// The page in its own element, at a link; removed when dropped.
struct Page {
    host: Element,
    app: Option<yew::AppHandle<cr3_web::App>>,
}

impl Page {
    async fn open(link: &str) -> Self {
        let location = gloo::utils::window().location();
        location.set_hash(link).expect("an address");
        // This navigation's event belongs to the test, not to the page.
        gloo::timers::future::TimeoutFuture::new(50).await;
        let host = document().create_element("div").expect("an element");
        // The parts of the style sheets that these tests need: lists that scroll, rows of one height.
        let style = document().create_element("style").expect("an element");
        style.set_text_content(Some(
            ":root { --row: 24px } .rows { height: 300px; overflow: auto } .row { height: 24px }",
        ));
        gloo::utils::body().append_child(&style).expect("a body");
        gloo::utils::body().append_child(&host).expect("a body");
        // The tests' own module assembles: it has no worker beside it.
        let app = cr3_web::open_with(host.clone(), cr3_session::Texts::default()).await;
        let page = Self { host, app: Some(app) };
        settle().await;
        // Until all of it is drawn.
        while page.one(".page").has_attribute("aria-busy") {
            gloo::timers::future::TimeoutFuture::new(5).await;
        }
        settle().await;
        page
    }

    fn all(&self, selector: &str) -> Vec<HtmlElement> {
        let nodes = self.host.query_selector_all(selector).expect("a selector");
        (0..nodes.length()).filter_map(|index| nodes.get(index)?.dyn_into().ok()).collect()
    }

    fn one(&self, selector: &str) -> HtmlElement {
        self.all(selector).into_iter().next().unwrap_or_else(|| panic!("nothing is {selector}"))
    }

    fn text(&self, selector: &str) -> String {
        self.one(selector).text_content().unwrap_or_default()
    }

    async fn click(&self, selector: &str) {
        self.one(selector).click();
        settle().await;
    }

    async fn press(&self, key: &str) {
        let init = KeyboardEventInit::new();
        init.set_key(key);
        init.set_bubbles(true);
        init.set_cancelable(true);
        let event = KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &init).expect("an event");
        gloo::utils::body().dispatch_event(&event).expect("delivered");
        settle().await;
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if let Some(app) = self.app.take() {
            app.destroy();
        }
        self.host.remove();
    }
}

/// Waits until Yew has nothing left to do; effects may need one more round.
async fn settle() {
    for _ in 0..3 {
        yew::scheduler::flush().await;
        gloo::timers::future::TimeoutFuture::new(0).await;
    }
}

#[wasm_bindgen_test]
async fn the_page_opens_inside_the_story() {
    let page = Page::open("").await;
    assert_eq!(page.text("h1"), "CR3 playground");
    assert!(page.text("#headline").starts_with("Same exception, one CR3 write fewer."));
    let current = page.text(".runs .row.current");
    assert!(current.contains("%cr3"), "{current}");
    assert!(current.contains("no step"), "{current}");
    assert_eq!(page.text("[data-counter=cr3_writes] .delta"), "(−1)");
}

#[wasm_bindgen_test]
async fn keys_step_both_ways_and_the_address_says_where() {
    let page = Page::open("v=1&at=100").await;
    let position = || page.text(".transport .position");
    assert!(position().starts_with("A step 101 of "), "{}", position());
    page.press("j").await;
    page.press("j").await;
    page.press("k").await;
    assert!(position().starts_with("A step 102 of "), "{}", position());
    // The address follows at a pace that browsers allow.
    gloo::timers::future::TimeoutFuture::new(400).await;
    let hash = gloo::utils::window().location().hash().expect("an address");
    assert!(hash.contains("at=101"), "{hash}");
}

#[wasm_bindgen_test]
async fn letters_rest_while_they_are_switched_off() {
    let page = Page::open("v=1&at=100").await;
    page.press("?").await;
    page.click("dialog .chip").await;
    page.press("Escape").await;
    page.press("j").await;
    assert!(page.text(".transport .position").starts_with("A step 101 of "));
    page.press("ArrowDown").await;
    assert!(page.text(".transport .position").starts_with("A step 102 of "), "arrows stay");
    page.click("[aria-label=Keys]").await;
    page.click("dialog .chip").await;
    page.press("Escape").await;
    page.press("j").await;
    assert!(page.text(".transport .position").starts_with("A step 103 of "));
}

#[wasm_bindgen_test]
async fn an_injection_is_made_in_the_gutter_and_taken_back() {
    let page = Page::open("v=1&s=&at=200").await;
    assert_eq!(page.all(".strike").len(), 0);
    page.press("i").await;
    assert_eq!(page.all(".inject-menu .choice").len(), 8);
    page.click(".inject-menu .choice").await;
    assert_eq!(page.all(".strike").len(), 1);
    assert!(page.text(".runs .row.current").contains("NMI strikes"));
    page.click(".strike [aria-label^=Remove]").await;
    assert_eq!(page.all(".strike").len(), 0);
}

#[wasm_bindgen_test]
async fn another_form_runs_at_once() {
    let page = Page::open("").await;
    let select = page.all(".setup .forms select").pop().expect("two forms").unchecked_into::<HtmlSelectElement>();
    select.set_value("0");
    let event = web_sys::Event::new_with_event_init_dict("change", &{
        let init = web_sys::EventInit::new();
        init.set_bubbles(true);
        init
    });
    select.dispatch_event(&event.expect("an event")).expect("delivered");
    settle().await;
    assert_eq!(page.text(".runs .differences .position"), "no difference");
    assert_eq!(page.text("[data-counter=cr3_writes] .delta"), "");
}

#[wasm_bindgen_test]
async fn a_long_run_keeps_few_rows_in_the_document() {
    let page = Page::open("").await;
    let rows = page.all(".runs .spacer > .row").len();
    assert!((1..200).contains(&rows), "{rows} rows");
    let total = page.one(".runs .rows").get_attribute("aria-rowcount");
    assert!(total.and_then(|total| total.parse::<usize>().ok()).is_some_and(|total| total > 1000));
}

#[wasm_bindgen_test]
async fn a_damaged_link_is_told() {
    let page = Page::open("v=1&a=Z&at=50").await;
    assert!(page.text(".notice").contains("\"Z\" is not a name on this page"), "{}", page.text(".notice"));
    assert!(page.text(".transport .position").starts_with("A step 51 of "));
}
