//! A long list of rows of one height: only those in sight, and a few around them, are in the document.

use gloo::events::EventListener;
use gloo::utils::window;
use std::ops::Range;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use yew::prelude::*;

/// Rows kept above and below those in sight.
const OVERSCAN: usize = 8;

/// What a component needs to list rows in a window.
pub(crate) struct Window {
    /// For the element that scrolls.
    pub(crate) node: NodeRef,
    /// For its `onscroll`.
    pub(crate) onscroll: Callback<Event>,
    /// Rows to render.
    pub(crate) rows: Range<usize>,
    /// Height of a row in CSS pixels.
    pub(crate) height: f64,
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

fn row_height() -> f64 {
    let style = gloo::utils::document_element().unchecked_into::<web_sys::Element>();
    window()
        .get_computed_style(&style)
        .ok()
        .flatten()
        .and_then(|style| style.get_property_value("--row").ok())
        .and_then(|text| text.trim().trim_end_matches("px").parse().ok())
        .filter(|height: &f64| *height >= 1.0)
        .unwrap_or(24.0)
}

fn measure(node: &NodeRef) -> Option<View> {
    let element = node.cast::<HtmlElement>()?;
    Some(View { top: f64::from(element.scroll_top()), height: f64::from(element.client_height()), row: row_height() })
}

/// Windows a list of `total` rows and keeps `shown` in sight whenever it changes.
#[hook]
pub(crate) fn use_window(total: usize, shown: Option<usize>) -> Window {
    let node = use_node_ref();
    let view = use_state_eq(|| View { top: 0.0, height: 800.0, row: 24.0 });
    let refresh = {
        let (node, view) = (node.clone(), view.setter());
        use_callback((), move |(), ()| {
            if let Some(measured) = measure(&node) {
                view.set(measured);
            }
        })
    };
    {
        let refresh = refresh.clone();
        use_effect_with((), move |()| {
            refresh.emit(());
            let resized = EventListener::new(&window(), "resize", move |_| refresh.emit(()));
            move || drop(resized)
        });
    }
    {
        let (node, refresh) = (node.clone(), refresh.clone());
        use_effect_with((shown, total), move |(shown, _)| {
            if let (Some(element), Some(row)) = (node.cast::<HtmlElement>(), *shown) {
                reveal(&element, row);
            }
            refresh.emit(());
        });
    }
    let first = (view.top / view.row) as usize;
    let count = (view.height / view.row) as usize + 1;
    Window {
        onscroll: refresh.reform(|_| ()),
        rows: first.saturating_sub(OVERSCAN).min(total)..(first + count + OVERSCAN).min(total),
        height: view.row,
        node,
    }
}

/// Scrolls no further than needed, and to a third of the height when the row is far away.
fn reveal(element: &HtmlElement, row: usize) {
    let height = row_height();
    let (top, sight) = (f64::from(element.scroll_top()), f64::from(element.client_height()));
    let at = height * row as f64;
    let margin = (2.0 * height).min(sight / 4.0);
    let near = at > top - sight && at < top + 2.0 * sight;
    let target = if at < top + margin {
        if near { at - margin } else { at - sight / 3.0 }
    } else if at + height > top + sight - margin {
        if near { at + height + margin - sight } else { at - sight / 3.0 }
    } else {
        return;
    };
    element.set_scroll_top(target.max(0.0) as i32);
}
