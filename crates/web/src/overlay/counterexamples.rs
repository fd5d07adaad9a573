//! The schedules that break a promise, each as a card.

use super::Sheet;
use crate::effects::{address, copy};
use crate::parts::{leaf, nodes, term};
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
            { leaf("p", "quiet", "The best schedule for each promise: fewest exceptions, then fewest steps, then the first place. Each was run from its text. What one side alone breaks comes first. A search goes no further than the first number of exceptions that breaks something, so more may break other promises.") }
            { leaf("ul", "", nodes(cards.iter().map(|card| item(state, dispatch, card)))) }
            { leaf("p", "quiet", if cards.is_empty() { "No schedule searched so far breaks a promise." } else { "" }) }
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
            <h3>{ leaf("b", "", form) }{ " breaks " }{ term(Term::Promise(promise), html! { { leaf("code", "", id) } }) }{ format!(" at step {}", card.step) }{ leaf("span", "quiet", card.length) }</h3>
            { leaf("p", "", &card.cause) }
            { leaf("p", "quiet", card.system.clone().unwrap_or_default()) }
            { leaf("p", "schedule-text", leaf("code", "", &card.schedule)) }
            <div class="uses">
                { open(Landing::Failure, "Open at the failing step") }
                { open(Landing::Injection, "Open at the injection") }
                <button type="button" class="button" aria-label={format!("Copy as text: {form}, {id}")} onclick={oncopy}>{ "Copy as text" }</button>
            </div>
        </li>
    }
}
