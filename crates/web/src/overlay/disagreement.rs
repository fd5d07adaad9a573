//! The step on which the two processors disagree.

use super::Sheet;
use crate::parts::disagreement::report;
use crate::store::Props;
use yew::prelude::*;

#[component]
pub(crate) fn View(props: &Props) -> Html {
    html! {
        <Sheet class="disagreement" title="The two processors disagree" dispatch={props.dispatch.clone()}>
            <div>{ for props.state.check.disagreement.iter().map(|found| report(found)) }</div>
        </Sheet>
    }
}
