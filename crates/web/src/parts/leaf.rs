//! An element with a class and one child. Each `html!` of one takes some hundred bytes of the module, and the page has more than a
//! hundred kinds.

use yew::prelude::*;

/// `content` in an element; an empty class is none.
pub(crate) fn leaf(tag: &'static str, class: &'static str, content: impl Into<Html>) -> Html {
    element(tag, class, content.into())
}

fn element(tag: &'static str, class: &'static str, content: Html) -> Html {
    html! { <@{tag} class={(!class.is_empty()).then_some(class)}>{ content }</@> }
}
