//! The panel that shows the explanation of a term, beside the term and above everything, dialogs included.

use cr3_session::glossary::{Entry, Term};
use gloo::utils::window;
use web_sys::{Element, HtmlElement};
use yew::prelude::*;

/// The element that is explained. It is equal to itself only.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Anchor(pub(crate) Element);

impl Anchor {
    /// Its term and the words about this case.
    fn words(&self) -> (Option<Entry>, Option<String>) {
        let term = self.0.get_attribute("data-term").and_then(|key| Term::of_key(&key));
        (term.map(Term::entry), self.0.get_attribute("data-here"))
    }

    /// Whether it has the keyboard's focus.
    pub(crate) fn is_focused(&self) -> bool {
        self.0.matches(":focus-visible").unwrap_or(false)
    }
}

/// The id of the panel.
pub(crate) const EXPLANATION: &str = "explanation";

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) anchor: Option<Anchor>,
}

/// The panel; hidden without an anchor.
#[component]
pub(crate) fn Explanation(props: &Props) -> Html {
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with(props.anchor.clone(), move |anchor| {
            if let Some(panel) = node.cast::<HtmlElement>() {
                place(&panel, anchor.as_ref());
            }
        });
    }
    let (entry, here) = props.anchor.as_ref().map(Anchor::words).unwrap_or_default();
    let Entry { name, says, source } = entry.unwrap_or(Entry { name: "", says: String::new(), source: "" });
    html! {
        <div ref={node} id={EXPLANATION} class="explanation" role="tooltip" popover="manual">
            <p class="says"><b>{ name }</b><span>{ says }</span></p>
            <p class="here">{ here.unwrap_or_default() }</p>
            <p class="source">{ source }</p>
        </div>
    }
}

/// Pixels between the panel and its term, and between it and the window's edge.
const GAP: f64 = 6.0;

/// Shows the panel below its term, or above it where there is no room, and never outside the window. This is the one
/// layout that pointing at something costs.
fn place(panel: &HtmlElement, anchor: Option<&Anchor>) {
    // An old browser without popovers shows the panel by the style sheet alone; both calls then fail.
    let Some(Anchor(element)) = anchor else {
        let _ = panel.hide_popover();
        return;
    };
    let _ = panel.hide_popover();
    let _ = panel.show_popover();
    let (term, own) = (element.get_bounding_client_rect(), panel.get_bounding_client_rect());
    let size = |length: Result<wasm_bindgen::JsValue, _>| length.ok().and_then(|it| it.as_f64()).unwrap_or(f64::MAX);
    let (width, height) = (size(window().inner_width()), size(window().inner_height()));
    let left = term.left().min(width - own.width() - GAP).max(GAP);
    let below = term.bottom() + GAP;
    let top = if below + own.height() + GAP <= height { below } else { (term.top() - own.height() - GAP).max(GAP) };
    let style = panel.style();
    let _ = style.set_property("left", &format!("{}px", left as i32));
    let _ = style.set_property("top", &format!("{}px", top as i32));
}
