//! The choice of several handlers that run together.

use super::Sheet;
use crate::store::Props;
use cr3_core::linux::Handler;
use cr3_session::Action;
use yew::prelude::*;

#[component]
pub(crate) fn Choice(props: &Props) -> Html {
    let chosen = props.state.setup.handler;
    let busy = Handler::ALL.into_iter().filter(|handler| *handler != Handler::Quiet);
    html! {
        <Sheet class="handlers" title="Handlers" dispatch={props.dispatch.clone()}>
            <p class="quiet">{ "Every exception calls the chosen handlers from the top down. If none is chosen, the handler is quiet: it returns at once." }</p>
            <ul>{ for busy.map(|handler| row(props, handler)) }</ul>
            <p>{ "Together: " }<code>{ chosen.to_string() }</code></p>
        </Sheet>
    }
}

fn row(props: &Props, handler: Handler) -> Html {
    let onchange = props.dispatch.reform(move |_: Event| Action::ToggleHandler(handler));
    html! {
        <li key={handler.name()}>
            <label>
                <input type="checkbox" checked={props.state.setup.handler.contains(handler)} {onchange} />
                <b>{ handler.name() }</b>
                <span>{ handler.description() }</span>
            </label>
        </li>
    }
}
