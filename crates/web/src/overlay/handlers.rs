//! The choice of several handlers that run together.

use super::Sheet;
use crate::parts::{leaf, nodes};
use crate::store::does;
use cr3_core::linux::{Handler, Handlers};
use cr3_session::{Action, State};
use yew::prelude::*;

pub(super) fn view(state: &State, dispatch: &Callback<Action>) -> Html {
    let chosen = state.setup.handler;
    let busy = Handler::ALL.into_iter().filter(|handler| *handler != Handler::Quiet);
    html! {
        <Sheet key="handlers" class="handlers" title="Handlers" dispatch={dispatch.clone()}>
            { leaf("p", "quiet", "Every exception calls the chosen handlers from the top down. If none is chosen, the handler is quiet: it returns at once.") }
            { leaf("ul", "", nodes(busy.map(|handler| row(chosen, handler, dispatch)))) }
            <p>{ "Together: " }{ leaf("code", "", chosen.to_string()) }</p>
        </Sheet>
    }
}

fn row(chosen: Handlers, handler: Handler, dispatch: &Callback<Action>) -> Html {
    let onchange = does(dispatch, Action::ToggleHandler(handler));
    html! {
        <li key={handler.name()}>
            <label>
                <input type="checkbox" checked={chosen.contains(handler)} {onchange} />
                { leaf("b", "", handler.name()) }
                { leaf("span", "", handler.description()) }
            </label>
        </li>
    }
}
