//! A long list of rows of one height. Only those in sight, and a few around them, are in the document.
//!
//! The scroll position is known before the rows are rendered. A far jump is therefore one change of the document and
//! one layout, the one that its scrolling requires.

use super::use_once;
use cr3_session::view::window::{Aim, Scroller, Sight, Stand};
use gloo::events::EventListener;
use gloo::timers::callback::Timeout;
use gloo::utils::window;
use std::ops::Range;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, HtmlElement, ResizeObserver};
use yew::platform::spawn_local;
use yew::prelude::*;

/// Height of a row in CSS pixels, if the style sheet does not give one.
const ROW: f64 = 24.0;

/// What is known of a list's height before the browser has measured it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Height {
    /// About half of the window's. The rows are there at the first drawing.
    HalfWindow,
    /// Nothing. The rows come once the list is measured.
    Unknown,
}

impl Height {
    fn stand(self) -> Stand {
        match self {
            Self::HalfWindow => Stand::expected(window_height().unwrap_or(0.0) / 2.0, row_height()),
            Self::Unknown => Stand::new(ROW),
        }
    }
}

fn window_height() -> Option<f64> {
    window().inner_height().ok()?.as_f64()
}

/// Milliseconds after a person's last scrolling before the position is reported.
const REST: u32 = 150;

/// What a component needs to list rows in a window.
pub(crate) struct Window {
    /// For the element that scrolls.
    pub(crate) node: NodeRef,
    /// For its `onscroll`.
    pub(crate) onscroll: Callback<Event>,
    /// Rows to render.
    pub(crate) rows: Range<usize>,
    sight: Sight,
}

impl Window {
    /// The first row in sight.
    pub(crate) fn first(&self) -> usize {
        self.sight.first()
    }

    /// Key of a row whose element other rows reuse.
    pub(crate) fn slot(&self, row: usize) -> usize {
        self.sight.slot(row)
    }

    /// Style of the element that holds all rows.
    pub(crate) fn spacer(&self, total: usize) -> String {
        format!("height:{}", pixels(self.sight.length(total)))
    }

    /// Style of a row.
    pub(crate) fn offset(&self, row: usize) -> String {
        format!("transform:translateY({})", pixels(self.sight.row * row as f64))
    }
}

/// With two decimals. Integers, because the code that formats floats is as large as a view.
fn pixels(length: f64) -> String {
    let hundredths = (length * 100.0).round() as u64;
    format!("{}.{:02}px", hundredths / 100, hundredths % 100)
}

fn row_height() -> f64 {
    let root = gloo::utils::document_element();
    let style = window().get_computed_style(&root).ok().flatten();
    style
        .and_then(|style| style.get_property_value("--row").ok())
        .map(|text| js_sys::parse_float(&text))
        .filter(|height: &f64| *height >= 1.0)
        .unwrap_or(ROW)
}

/// Elements that may cover the lower end of the window: the counters, or the moves if the window is narrow.
fn covers() -> Vec<Element> {
    let covers = gloo::utils::document().query_selector_all(".counters, .transport").ok();
    let elements =
        covers.iter().flat_map(|all| (0..all.length()).filter_map(|at| all.get(at)?.dyn_into::<Element>().ok()));
    elements.collect()
}

/// Where the cover of the window's lower end begins.
fn covered_from(bottom: f64) -> f64 {
    let covers = covers();
    let boxes = covers.iter().map(Element::get_bounding_client_rect);
    boxes.filter(|cover| cover.bottom() >= bottom - 1.0).fold(bottom, |least, cover| least.min(cover.top()))
}

/// Measures a list. This forces a layout in the browser.
fn measure(element: &HtmlElement, stand: &mut Stand) -> bool {
    let edge = window_height().unwrap_or(f64::MAX);
    let top = element.get_bounding_client_rect().top() + window().scroll_y().unwrap_or(0.0);
    // No list is higher than the window, whatever a style sheet says; otherwise all its rows would be in the document.
    let height = f64::from(element.client_height()).min(edge);
    stand.resized(height, covered_from(edge) - top, row_height())
}

/// Windows a list of `total` rows. Shows `aim` whenever it changes, whenever `sought` does, or when the list comes into
/// sight. `browsed` receives the first row in sight when a person has scrolled.
#[hook]
pub(crate) fn use_window(
    height: Height,
    total: usize,
    aim: Option<Aim>,
    sought: u32,
    browsed: Callback<usize>,
) -> Window {
    let node = use_node_ref();
    let stand = use_mut_ref(|| height.stand());
    // Runs while a person scrolls.
    let rest = use_mut_ref(|| None::<Timeout>);
    let again = use_force_update();
    if stand.borrow_mut().aim(aim.as_ref(), total, sought) {
        rest.borrow_mut().take();
    }
    let sight = stand.borrow().sight();
    if let Some(top) = stand.borrow_mut().take_scroll() {
        scroll(node.clone(), top);
    }
    {
        let (node, stand, again) = (node.clone(), stand.clone(), again.clone());
        use_once(move || {
            let element = node.cast::<HtmlElement>();
            let resized = move || {
                if node.cast::<HtmlElement>().is_some_and(|element| measure(&element, &mut stand.borrow_mut())) {
                    again.force_update();
                }
            };
            // An observer reports neither an element that is hidden from the start nor a window that has become lower.
            resized();
            let listener = EventListener::new(&window(), "resize", {
                let resized = resized.clone();
                move |_| resized()
            });
            let on_resize = Closure::<dyn FnMut()>::new(resized);
            let observer = ResizeObserver::new(on_resize.as_ref().unchecked_ref()).ok();
            if let (Some(observer), Some(element)) = (&observer, element) {
                observer.observe(&element);
                covers().iter().for_each(|cover| observer.observe(cover));
            }
            move || {
                if let Some(observer) = observer {
                    observer.disconnect();
                }
                drop((listener, on_resize));
            }
        });
    }
    let onscroll = {
        let node = node.clone();
        Callback::from(move |_| {
            let Some(element) = node.cast::<HtmlElement>() else { return };
            let scrolled = stand.borrow_mut().scrolled(f64::from(element.scroll_top()));
            if scrolled.who == Scroller::Person {
                let (at_rest, browsed) = (stand.clone(), browsed.clone());
                *rest.borrow_mut() = Some(Timeout::new(REST, move || {
                    let first = at_rest.borrow().sight().first();
                    browsed.emit(first);
                }));
            }
            if scrolled.rows_change {
                again.force_update();
            }
        })
    };
    Window { node, onscroll, rows: sight.rows(total), sight }
}

/// Scrolls the list once its rows are in the document, and before they are drawn: Yew's effects may run after that.
fn scroll(node: NodeRef, top: f64) {
    spawn_local(async move {
        if let Some(element) = node.cast::<HtmlElement>() {
            element.set_scroll_top(top.round() as i32);
        }
    });
}
