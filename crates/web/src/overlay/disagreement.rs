//! The step on which the two processors disagree.

use super::Sheet;
use crate::parts::disagreement::report;
use crate::parts::{leaf, nodes};
use cr3_session::{Action, State};
use yew::prelude::*;

pub(super) fn view(state: &State, dispatch: &Callback<Action>) -> Html {
    html! {
        <Sheet key="disagreement" class="disagreement" title="The two processors disagree" dispatch={dispatch.clone()}>
            { leaf("div", "", nodes(state.check.disagreement.iter().map(|found| report(found)))) }
        </Sheet>
    }
}
