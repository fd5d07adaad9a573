//! The state of both machines at the cursor. Every field is the model's; what vouches for the model is said below.

mod cr3;
mod pending;
mod registers;
mod stack;
mod tlb;

use crate::app::Sight;
use cr3_session::{Action, State, Tab, words};
use std::rc::Rc;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) state: Rc<State>,
    pub(crate) moment: Sight,
    pub(crate) dispatch: Callback<Action>,
}

#[component]
pub(crate) fn Inspector(props: &Props) -> Html {
    let Props { state, moment, dispatch } = props;
    let names = state.setup.forms.map(|form| form.name());
    html! {
        <section class="pane inspector" aria-labelledby="inspector-title">
            <h2 class="hidden" id="inspector-title">{ "State after the step" }</h2>
            <cr3::View moment={moment.clone()} {names} />
            <pending::View moment={moment.clone()} {names} />
            <div class="tabs segments" role="group" aria-label="Part of the state">
                { for Tab::ALL.into_iter().map(|tab| button(tab, state, dispatch)) }
            </div>
            <div class="parts" tabindex="0" role="region" aria-label={words::tab_key(state.tab)}>
                <div class="part">
                    { match state.tab {
                        Tab::Tlb => html! { <tlb::View key="tlb" moment={moment.clone()} {names} /> },
                        Tab::Registers => html! {
                            <registers::View key="registers" runs={state.runs.clone()} moment={moment.clone()} {names} />
                        },
                        Tab::Stack => html! {
                            <stack::View key="stack" runs={state.runs.clone()} moment={moment.clone()} {names} />
                        },
                    } }
                </div>
                <p class="vouch dim">
                    { "Shown by the model. Instructions are tested against Unicorn; TLB and PCID rules against a second model, because Unicorn has no PCID." }
                </p>
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
            onclick={dispatch.reform(move |_| Action::SetTab(tab))}>{ name }</button>
    }
}

/// The head of a table with a column for each run.
fn heads(names: [&'static str; 2], first: &'static str) -> Html {
    html! {
        <thead>
            <tr>
                <th scope="col">{ first }</th>
                <th scope="col" class="side-a">{ names[0] }</th>
                <th scope="col" class="side-b">{ names[1] }</th>
            </tr>
        </thead>
    }
}
