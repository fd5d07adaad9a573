//! The state of both machines at the cursor. Each part says who vouches for it.

mod cr3;
mod part;
mod pending;
mod registers;
mod stack;
mod tlb;

use super::Props;
use crate::parts::{leaf, nodes};
use crate::store::does;
use cr3_session::{Action, Moment, State, Tab, words};
use yew::prelude::*;

pub(crate) fn inspector(props: &Props, moment: &Moment) -> Html {
    let Props { state, dispatch } = props;
    let part = part::Props { state, moment, names: state.names() };
    html! {
        <section class="pane inspector" aria-labelledby="inspector-title">
            <h2 class="hidden" id="inspector-title">{ "State after the step" }</h2>
            { cr3::view(&part) }
            { pending::view(&part) }
            <div class="tabs segments" role="group" aria-label="Part of the state">
                { nodes(Tab::ALL.into_iter().map(|tab| button(tab, state, dispatch))) }
            </div>
            <div class="parts" tabindex="0" role="region" aria-label={words::tab_key(state.tab)}>
                { leaf("div", "part", match state.tab {
                        Tab::Tlb => tlb::view(&part),
                        Tab::Registers => registers::view(&part),
                        Tab::Stack => stack::view(&part),
                    }) }
                { leaf("p", "vouch dim", legend(state)) }
            </div>
        </section>
    }
}

fn button(tab: Tab, state: &State, dispatch: &Callback<Action>) -> Html {
    let name = match tab {
        Tab::Tlb => "TLB",
        Tab::Registers => "Registers",
        Tab::Stack => "Stack",
    };
    html! {
        <button type="button" key={name} aria-pressed={(state.tab == tab).to_string()}
            onclick={does(dispatch, Action::SetTab(tab))}>{ name }</button>
    }
}

fn legend(state: &State) -> &'static str {
    match state.check.is_on() {
        true => "M: the model. U: Unicorn has the same after this step. Point at a letter for the reason.",
        false => {
            "M: the model alone shows this. Tests hold its instructions against Unicorn, its TLB and PCID rules against a second \
             model; \"check with Unicorn\" compares each step here."
        }
    }
}
