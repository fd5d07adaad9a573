//! What floats above the page, one thing at a time.

mod about;
mod assumptions;
mod counterexamples;
mod disagreement;
mod editor;
mod handlers;
mod keys;
mod limits;
mod sheet;

use crate::store::Props;
use cr3_session::Overlay;
use yew::prelude::*;

pub(crate) use sheet::Sheet;

#[component]
pub(crate) fn Overlays(props: &Props) -> Html {
    let Props { state, dispatch } = props;
    html! {
        <div class="overlays">
            { match state.overlay {
                Overlay::Keys => html! { <keys::Keys key="keys" state={state.clone()} dispatch={dispatch.clone()} /> },
                Overlay::Limits => html! { <limits::Limits key="limits" state={state.clone()} dispatch={dispatch.clone()} /> },
                Overlay::Editor => html! { <editor::Editor key="editor" state={state.clone()} dispatch={dispatch.clone()} /> },
                Overlay::Disagreement => html! { <disagreement::View key="disagreement" state={state.clone()} dispatch={dispatch.clone()} /> },
                Overlay::About => html! { <about::About key="about" dispatch={dispatch.clone()} /> },
                Overlay::Handlers => html! { <handlers::Choice key="handlers" state={state.clone()} dispatch={dispatch.clone()} /> },
                Overlay::Counterexamples => counterexamples::counterexamples(props),
                Overlay::Assumptions => assumptions::assumptions(props),
                Overlay::None | Overlay::Inject(_) => html! { <span key="none"></span> },
            } }
        </div>
    }
}
