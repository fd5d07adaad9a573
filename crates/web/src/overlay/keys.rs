//! The list of keys, with the switch that turns single letters off.

use super::Sheet;
use crate::effects::KEYS;
use crate::parts::{leaf, nodes};
use crate::store::does;
use cr3_session::{Action, State};
use yew::prelude::*;

pub(super) fn view(state: &State, dispatch: &Callback<Action>) -> Html {
    let on = state.settings.shortcuts;
    html! {
        <Sheet key="keys" title="Keys" dispatch={dispatch.clone()}>
            { leaf("dl", "keys", nodes(KEYS.iter().map(|(keys, words)| html! {
                    <div key={*words}>
                        { leaf("dt", "", nodes(keys.iter().map(|key| html! { <kbd key={*key}>{ *key }</kbd> }))) }
                        { leaf("dd", "", *words) }
                    </div>
                }))) }
            <p class="switch">
                <button type="button" class="chip" aria-pressed={on.to_string()}
                    onclick={does(dispatch, Action::ToggleShortcuts)}>{ "single-letter keys" }</button>
                { leaf("span", "quiet", "When off, only arrows, Page Up and Down, Home, End, Space and Esc work.") }
            </p>
        </Sheet>
    }
}
