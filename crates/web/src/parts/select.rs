//! A choice of one from many: the browser's own list, styled like the page.

use super::{leaf, nodes, use_each};
use cr3_session::glossary::Term;
use wasm_bindgen::JsCast;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) name: AttrValue,
    /// The name for screen readers, if the visible one is too short for them.
    #[prop_or_default]
    pub(crate) label: Option<AttrValue>,
    pub(crate) options: Vec<AttrValue>,
    pub(crate) selected: Option<usize>,
    pub(crate) onpick: Callback<usize>,
    /// Shown while nothing is selected.
    #[prop_or_default]
    pub(crate) placeholder: Option<AttrValue>,
    #[prop_or_default]
    pub(crate) id: Option<AttrValue>,
    /// What is selected, for its explanation.
    #[prop_or_default]
    pub(crate) term: Option<Term>,
}

#[component]
pub(crate) fn Select(props: &Props) -> Html {
    let node = use_node_ref();
    {
        // The selected option is a property, not an attribute: when a reducer refuses a choice, the list must show the
        // old one again.
        let node = node.clone();
        let value = value(props.selected);
        use_each(move || {
            if let Some(select) = node.cast::<HtmlSelectElement>()
                && select.value() != value
            {
                select.set_value(&value);
            }
            || ()
        });
    }
    let onchange = {
        let onpick = props.onpick.clone();
        move |event: Event| {
            let select = event.target().and_then(|target| target.dyn_into::<HtmlSelectElement>().ok());
            if let Some(index) = select.and_then(|select| select.value().parse().ok()) {
                onpick.emit(index);
            }
        }
    };
    let placeholder = props.placeholder.clone().filter(|_| props.selected.is_none());
    html! {
        <label class="field">
            { leaf("span", "name", &props.name) }
            <span class="select">
                <select id={props.id.clone()} ref={node} aria-label={props.label.clone()} data-term={props.term.map(Term::key)} {onchange}>
                    { nodes(placeholder.map(|text| html! { <option key="none" value="" selected=true>{ text }</option> })) }
                    { nodes(props.options.iter().enumerate().map(|(index, text)| html! {
                        <option key={index} value={index.to_string()} selected={props.selected == Some(index)}>{ text }</option>
                    })) }
                </select>
            </span>
        </label>
    }
}

fn value(selected: Option<usize>) -> String {
    selected.map(|index| index.to_string()).unwrap_or_default()
}
