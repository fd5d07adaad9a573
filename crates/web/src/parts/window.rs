//! A long list of rows of one height: only those in sight, and a few around them, are in the document.
//!
//! Where the list stands is known before its rows are made, so that a far jump is one change of the document and one
//! layout: nothing here asks the browser for a layout but a resize, which comes after one.

use cr3_session::view::window::{Aim, Sight};
use gloo::timers::callback::Timeout;
use gloo::utils::window;
use std::ops::Range;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{HtmlElement, ResizeObserver};
use yew::prelude::*;

/// Height of a row where the style sheet does not say: CSS pixels.
const ROW: f64 = 24.0;

/// How long a person must not have scrolled before it is told where the list stands: milliseconds.
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
    /// Key of a row whose element other rows take over.
    pub(crate) fn slot(&self, row: usize) -> usize {
        self.sight.slot(row)
    }

    /// Style of the element that holds all rows.
    pub(crate) fn spacer(&self, total: usize) -> String {
        format!("height:{}px", self.sight.row * total as f64)
    }

    /// Style of a row.
    pub(crate) fn offset(&self, row: usize) -> String {
        format!("transform:translateY({}px)", self.sight.row * row as f64)
    }
}

/// Where the list stands, and what it was made to show last.
struct Stand {
    sight: Sight,
    /// Whether the browser has told the height of the element.
    measured: bool,
    aimed: Option<(Option<Aim>, usize)>,
    /// How far the element has to be scrolled, once its rows are there.
    scroll: Option<i32>,
    /// Runs while a person scrolls.
    rest: Option<Timeout>,
}

impl Default for Stand {
    fn default() -> Self {
        let sight = Sight { top: 0.0, height: 800.0, row: ROW };
        Self { sight, measured: false, aimed: None, scroll: None, rest: None }
    }
}

impl Stand {
    /// Takes up another aim; the same one again leaves a person where they scrolled to.
    fn aim(&mut self, aim: &Option<Aim>, total: usize) {
        if self.aimed.as_ref().is_none_or(|(known, of)| (known, *of) != (aim, total)) {
            self.aimed = Some((aim.clone(), total));
            if let Some(aim) = aim {
                self.scroll_to(self.sight.aimed(aim, total));
            }
        }
    }

    fn scroll_to(&mut self, top: f64) {
        self.scroll = (top != self.sight.top).then_some(top as i32).or(self.scroll);
        self.sight.top = top;
    }

    /// The element has another height, or is shown or hidden. Whether its rows have to be made again.
    fn resized(&mut self, element: &HtmlElement) -> bool {
        let was_hidden = !self.measured || self.sight.height == 0.0;
        self.measured = true;
        let height = f64::from(element.client_height());
        let moved = self.stand_at(Sight { height, row: row_height(), ..self.sight });
        let appears = was_hidden && height > 0.0;
        if appears {
            if let Some((Some(aim), total)) = &self.aimed {
                self.sight.top = self.sight.opened(aim, *total);
            }
            // Browsers forget it while an element is hidden.
            self.scroll = Some(self.sight.top as i32);
        }
        moved || appears
    }

    /// A person has scrolled: whether the rows have to be made again. None where the list itself has scrolled.
    fn scrolled(&mut self, element: &HtmlElement) -> Option<bool> {
        let top = f64::from(element.scroll_top());
        // Browsers round what they are told.
        let own = (top - self.sight.top).abs() < 1.0;
        (!own).then(|| self.stand_at(Sight { top, ..self.sight }))
    }

    /// Whether other rows belong into the document then.
    fn stand_at(&mut self, sight: Sight) -> bool {
        let before = std::mem::replace(&mut self.sight, sight);
        before.rows(usize::MAX) != sight.rows(usize::MAX) || before.row != sight.row
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

/// Windows a list of `total` rows and shows `aim` whenever it changes, or when the list comes into sight. `browsed` is
/// told the first row in sight when a person has scrolled.
#[hook]
pub(crate) fn use_window(total: usize, aim: Option<Aim>, browsed: Callback<usize>) -> Window {
    let node = use_node_ref();
    let stand = use_mut_ref(Stand::default);
    let again = use_force_update();
    stand.borrow_mut().aim(&aim, total);
    let sight = stand.borrow().sight;
    {
        let (node, stand, again) = (node.clone(), stand.clone(), again.clone());
        use_effect_with((), move |()| {
            let element = node.cast::<HtmlElement>();
            let on_resize = Closure::<dyn FnMut()>::new(move || {
                if node.cast::<HtmlElement>().is_some_and(|element| stand.borrow_mut().resized(&element)) {
                    again.force_update();
                }
            });
            let observer = ResizeObserver::new(on_resize.as_ref().unchecked_ref()).ok();
            if let (Some(observer), Some(element)) = (&observer, element) {
                observer.observe(&element);
            }
            move || {
                if let Some(observer) = observer {
                    observer.disconnect();
                }
                drop(on_resize);
            }
        });
    }
    {
        let (node, stand) = (node.clone(), stand.clone());
        use_effect(move || {
            let scroll = stand.borrow_mut().scroll.take();
            if let (Some(top), Some(element)) = (scroll, node.cast::<HtmlElement>()) {
                element.set_scroll_top(top);
            }
        });
    }
    let onscroll = {
        let node = node.clone();
        Callback::from(move |_| {
            let Some(element) = node.cast::<HtmlElement>() else { return };
            let Some(moved) = stand.borrow_mut().scrolled(&element) else { return };
            let (at_rest, browsed) = (stand.clone(), browsed.clone());
            stand.borrow_mut().rest = Some(Timeout::new(REST, move || {
                let first = at_rest.borrow().sight.first();
                browsed.emit(first);
            }));
            if moved {
                again.force_update();
            }
        })
    };
    Window { node, onscroll, rows: sight.rows(total), sight }
}
