//! The schedules that break a promise, each as a card.

use super::Sheet;
use crate::effects::{address, copy};
use crate::parts::{nodes, term};
use crate::store::does;
use cr3_session::glossary::Term;
use cr3_session::view::verdict::{Card, cards, copied};
use cr3_session::{Action, Landing, State, update};
use std::rc::Rc;
use yew::prelude::*;

pub(super) fn view(state: &Rc<State>, dispatch: &Callback<Action>) -> Html {
    let cards = cards(state);
    html! {
        <Sheet key="counterexamples" class="counterexamples" title="Counterexamples" dispatch={dispatch.clone()}>
            <p class="quiet">{ "The best schedule for each promise: fewest exceptions, then fewest steps, then the first place. Each was run from its text. What one side alone breaks comes first." }</p>
            <ul>{ nodes(cards.iter().map(|card| item(state, dispatch, card))) }</ul>
            <p class="quiet">{ if cards.is_empty() { "No schedule that was looked at breaks a promise." } else { "" } }</p>
        </Sheet>
    }
}

fn item(state: &Rc<State>, dispatch: &Callback<Action>, card: &Card) -> Html {
    let Card { side, form, promise, .. } = *card;
    let id = promise.id();
    let open = |landing: Landing, words: &str| {
        html! {
            <button type="button" class="button" aria-label={format!("{words}: {form}, {id}")}
                onclick={does(dispatch, Action::OpenCounterexample(side, promise, landing))}>{ words }</button>
        }
    };
    let oncopy = {
        let (state, dispatch) = (state.clone(), dispatch.clone());
        move |_: MouseEvent| {
            let opened = update(&state, Action::OpenCounterexample(side, promise, Landing::Failure));
            if let Some(text) = copied(&state, side, promise, &address(&opened)) {
                copy(text, "Counterexample", dispatch.clone());
            }
        }
    };
    html! {
        <li key={format!("{form}{}{id}", side.index())} class="card">
            <h3><b>{ form }</b>{ " breaks " }{ term(Term::Promise(promise), html! { <code>{ id }</code> }) }{ format!(" at step {}", card.step) }<span class="quiet">{ card.length }</span></h3>
            <p>{ &card.cause }</p>
            <p class="quiet">{ card.system.clone().unwrap_or_default() }</p>
            <p class="schedule-text"><code>{ &card.schedule }</code></p>
            <div class="uses">
                { open(Landing::Failure, "Open at the failing step") }
                { open(Landing::Injection, "Open at the injection") }
                <button type="button" class="button" aria-label={format!("Copy as text: {form}, {id}")} onclick={oncopy}>{ "Copy as text" }</button>
            </div>
        </li>
    }
}
