//! Kernel trees in the editor: choosing a folder, and which side runs which tree.

use super::problems::messages;
use crate::effects::chosen;
use crate::parts::leaf;
use crate::store::Props;
use cr3_session::Action;
use cr3_session::view::trees::{Row, Switch, rows, said, status};
use web_sys::HtmlInputElement;
use yew::prelude::*;

pub(super) fn trees(props: &Props) -> Html {
    let Props { state, dispatch } = props;
    let onchange = dispatch.clone();
    let onchange = move |event: Event| {
        let input = event.target_unchecked_into::<HtmlInputElement>();
        if let Some(files) = input.files().filter(|files| files.length() > 0) {
            chosen(&files, &onchange);
        }
        // The same folder can be chosen again.
        input.set_value("");
    };
    html! {
        <div class="trees">
            <label class="quiet">
                { "Or run the entry code of a kernel tree: drop its folder on the page, or choose it. " }
                <input type="file" webkitdirectory={true} multiple={true} {onchange} />
            </label>
            { leaf("p", "quiet", "Nothing is sent, and only what the entry code includes is read. Links do not carry trees.") }
            <p class="quiet status" role="status">{ status(state) }</p>
            <ul class="kept">{ for rows(state).into_iter().map(|row| view(row, dispatch)) }</ul>
            { messages("note", &said(state)) }
        </div>
    }
}

fn view(Row { id, words, sides: [left, right] }: Row, dispatch: &Callback<Action>) -> Html {
    html! {
        <li key={id.to_string()}>
            { leaf("span", "", &words) }
            { switch(left, "Tree left".into(), format!("Tree left: {words}"), dispatch) }
            { switch(right, "Tree right".into(), format!("Tree right: {words}"), dispatch) }
        </li>
    }
}

/// A button that is on or off.
pub(super) fn switch(
    Switch { is_on, action }: Switch,
    text: String,
    label: String,
    dispatch: &Callback<Action>,
) -> Html {
    html! {
        <button type="button" class="chip" aria-pressed={is_on.to_string()} aria-label={label}
            onclick={dispatch.reform(move |_| action.clone())}>{ text }</button>
    }
}
