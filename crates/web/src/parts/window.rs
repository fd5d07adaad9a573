//! A long list of rows of one height: only those in sight, and a few around them, are in the document.

use gloo::utils::window;
use std::ops::Range;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{HtmlElement, ResizeObserver};
use yew::prelude::*;

/// Rows kept above and below those in sight.
const OVERSCAN: usize = 8;

/// Height of a row where the style sheet does not say: CSS pixels.
const ROW: f64 = 24.0;

/// What a component needs to list rows in a window.
pub(crate) struct Window {
    /// For the element that scrolls.
    pub(crate) node: NodeRef,
    /// For its `onscroll`.
    pub(crate) onscroll: Callback<Event>,
    /// Rows to render.
    pub(crate) rows: Range<usize>,
    /// Height of a row in CSS pixels.
    height: f64,
}

impl Window {
    /// Style of the element that holds all rows.
    pub(crate) fn spacer(&self, total: usize) -> String {
        format!("height:{}px", self.height * total as f64)
    }

    /// Style of a row.
    pub(crate) fn offset(&self, row: usize) -> String {
        format!("transform:translateY({}px)", self.height * row as f64)
    }
}

#[derive(Clone, Copy, PartialEq)]
struct View {
    top: f64,
    height: f64,
    row: f64,
}

impl View {
    fn of(element: &HtmlElement) -> Self {
        Self { top: f64::from(element.scroll_top()), height: f64::from(element.client_height()), row: row_height() }
    }
}

fn row_height() -> f64 {
    let root = gloo::utils::document_element();
    let style = window().get_computed_style(&root).ok().flatten();
    style
        .and_then(|style| style.get_property_value("--row").ok())
        .and_then(|text| text.trim().trim_end_matches("px").parse().ok())
        .filter(|height: &f64| *height >= 1.0)
        .unwrap_or(ROW)
}

/// Windows a list of `total` rows and keeps `shown` in sight whenever it changes, or when the list comes into sight.
#[hook]
pub(crate) fn use_window(total: usize, shown: Option<usize>) -> Window {
    let node = use_node_ref();
    let view = use_state_eq(|| View { top: 0.0, height: 800.0, row: ROW });
    let latest = use_mut_ref(|| shown);
    *latest.borrow_mut() = shown;
    let measure = {
        let (node, view) = (node.clone(), view.setter());
        use_callback((), move |(), ()| {
            if let Some(element) = node.cast::<HtmlElement>() {
                view.set(View::of(&element));
            }
        })
    };
    {
        let (node, measure) = (node.clone(), measure.clone());
        use_effect_with((), move |()| {
            let resized = {
                let node = node.clone();
                let mut hidden = false;
                Closure::<dyn FnMut()>::new(move || {
                    let Some(element) = node.cast::<HtmlElement>() else { return };
                    let height = element.client_height();
                    if hidden && height > 0 {
                        reveal(&element, *latest.borrow());
                    }
                    hidden = height == 0;
                    measure.emit(());
                })
            };
            let observer = ResizeObserver::new(resized.as_ref().unchecked_ref()).ok();
            if let (Some(observer), Some(element)) = (&observer, node.cast::<HtmlElement>()) {
                observer.observe(&element);
            }
            move || {
                if let Some(observer) = observer {
                    observer.disconnect();
                }
                drop(resized);
            }
        });
    }
    {
        let (node, measure) = (node.clone(), measure.clone());
        use_effect_with((shown, total), move |(shown, _)| {
            if let Some(element) = node.cast::<HtmlElement>() {
                reveal(&element, *shown);
            }
            measure.emit(());
        });
    }
    let first = (view.top / view.row) as usize;
    let count = (view.height / view.row) as usize + 1;
    Window {
        onscroll: measure.reform(|_| ()),
        rows: first.saturating_sub(OVERSCAN).min(total)..(first + count + OVERSCAN).min(total),
        height: view.row,
        node,
    }
}

/// Scrolls no further than needed, and to a third of the height when the row is far away.
fn reveal(element: &HtmlElement, row: Option<usize>) {
    let View { top, height: sight, row: height } = View::of(element);
    let Some(row) = row.filter(|_| sight > 0.0) else { return };
    let at = height * row as f64;
    let margin = (2.0 * height).min(sight / 4.0);
    let far = at < top - sight || at > top + 2.0 * sight;
    let target = match () {
        () if at >= top + margin && at + height <= top + sight - margin => return,
        () if far => at - sight / 3.0,
        () if at < top + margin => at - margin,
        () => at + height + margin - sight,
    };
    element.set_scroll_top(target.max(0.0) as i32);
}
