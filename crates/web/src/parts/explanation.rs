//! The panel that shows the explanation of a term, beside the term and above everything, dialogs included.

use super::leaf;
use cr3_session::Document;
use cr3_session::glossary::{Entry, Term};
use gloo::utils::window;
use web_sys::{Element, HtmlElement};
use yew::prelude::*;

/// The element that is explained. It is equal to itself only.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Anchor(pub(crate) Element);

impl Anchor {
    /// Its term.
    fn term(&self) -> Option<Term> {
        self.0.get_attribute("data-term").and_then(|key| Term::of_key(&key))
    }

    /// The words about this case, or what the term consists of.
    fn here(&self, glossary: &Document) -> String {
        let parts = self.term().map(Term::parts).unwrap_or_default();
        let parts = parts.into_iter().map(|part| entry(part, glossary));
        let parts = parts.map(|Entry { name, says, .. }| format!("{name}: {says}"));
        self.0.get_attribute("data-here").into_iter().chain(parts).collect::<Vec<_>>().join("\n")
    }

    /// Whether a click opens something that the panel would cover.
    pub(crate) fn leads_away(&self) -> bool {
        self.0.matches("[aria-haspopup], .words").unwrap_or(false)
    }

    /// Whether it has the keyboard's focus.
    pub(crate) fn is_focused(&self) -> bool {
        self.0.matches(":focus-visible").unwrap_or(false)
    }
}

/// The explanation of a term, or why there is none yet.
fn entry(term: Term, glossary: &Document) -> Entry {
    let instead = match glossary {
        Document::Read(text) => match term.entry_in(text) {
            Some(entry) => return entry,
            None => "The glossary of another version of this page came. Reload the page.".to_owned(),
        },
        Document::Unread => "The glossary is being fetched.".to_owned(),
        Document::Missing(why) => format!("The glossary could not be fetched: {why}."),
    };
    Entry { name: term.name(), says: instead, source: String::new() }
}

/// The id of the panel.
pub(crate) const EXPLANATION: &str = "explanation";

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) anchor: Option<Anchor>,
    pub(crate) glossary: Document,
}

/// The panel; hidden without an anchor.
#[component]
pub(crate) fn Explanation(props: &Props) -> Html {
    let node = use_node_ref();
    {
        let node = node.clone();
        // It has another size with the words.
        use_effect_with((props.anchor.clone(), props.glossary.clone()), move |(anchor, _)| {
            if let Some(panel) = node.cast::<HtmlElement>() {
                place(&panel, anchor.as_ref());
            }
        });
    }
    let Props { anchor, glossary } = props;
    let nothing = Entry { name: "", says: String::new(), source: String::new() };
    let term = anchor.as_ref().and_then(Anchor::term);
    let Entry { name, says, source } = term.map_or(nothing, |term| entry(term, glossary));
    let here = anchor.as_ref().map(|anchor| anchor.here(glossary));
    html! {
        <div ref={node} id={EXPLANATION} class="explanation" role="tooltip" popover="manual">
            <p class="says">{ leaf("b", "", name) }{ leaf("span", "", says) }</p>
            { leaf("p", "here", here.unwrap_or_default()) }
            { leaf("p", "source", source) }
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
