//! The verdict strip: what the explorer says of both forms, and what it takes for granted.

use super::Props;
use crate::parts::{classes, leaf, nodes, side_class};
use crate::store::does;
use cr3_session::announce;
use cr3_session::explore::VECTORS;
use cr3_session::glossary::{Term, Word};
use cr3_session::view::verdict::{self, Line, Standpoint, assumed, line};
use cr3_session::{Action, Form, Landing, Overlay, Scope, Side, State};
use yew::prelude::*;

pub(crate) fn verdicts(props: &Props) -> Html {
    let Props { state, dispatch } = props;
    let standard = state.explore.scope == Scope::Standard;
    let next = if standard { Scope::Displayed } else { Scope::Standard };
    html! {
        <section class="verdicts" aria-label="Verdicts of the explorer">
            { leaf("ul", "sides", nodes(Side::BOTH.into_iter().map(|side| view(state, dispatch, side)))) }
            <div class="asks">
                { leaf("span", "found", nodes(counterexamples(props))) }
                <button type="button" class="button plain" aria-haspopup="dialog" data-term={Term::Word(Word::Assumption).key()} data-here={here()}
                    onclick={does(dispatch, Action::Open(Overlay::Assumptions))}>{ assumed(state) }</button>
                <button type="button" class="chip" aria-pressed={standard.to_string()}
                    data-term={Term::Word(Word::StandardSet).key()}
                    onclick={does(dispatch, Action::SetScope(next))}>{ "standard set" }</button>
            </div>
            <p class="hidden" role="status" aria-live="polite">{ announce::verdicts(state) }</p>
        </section>
    }
}

/// Both verdicts in a dialog that changes what is judged.
pub(crate) fn in_dialog(state: &State, dispatch: &Callback<Action>) -> Html {
    let sides = Side::BOTH.into_iter().map(|side| view(state, dispatch, side));
    html! { <div class="verdicts-here" role="group" aria-label="Verdicts of the explorer">{ leaf("ul", "sides", nodes(sides)) }</div> }
}

fn here() -> String {
    format!(
        "{} at every instruction. Opens the assumptions, each with its switch.",
        VECTORS.map(|it| it.mnemonic()).join(", ")
    )
}

fn class(standpoint: Standpoint) -> &'static str {
    match standpoint {
        Standpoint::Open => "open",
        Standpoint::Holds => "holds",
        Standpoint::Breaks => "breaks",
        Standpoint::Silent => "silent",
    }
}

fn view(state: &State, dispatch: &Callback<Action>, side: Side) -> Html {
    let Line { standpoint, words, further, first, .. } = line(state, side);
    let whole = if further.is_empty() { words.clone() } else { format!("{words}; {further}") };
    let says = match first {
        None => html! { { leaf("span", "words", words) } },
        Some(promise) => html! {
            <button type="button" class="words" data-term={Term::Promise(promise).key()} data-here={format!("{whole}. Opens the run at the step that breaks.")}
                onclick={does(dispatch, Action::OpenCounterexample(side, promise, Landing::Failure))}>{ words }</button>
        },
    };
    html! {
        <li key={side.index()} class={classes(&["judged", class(standpoint), side_class(side)])} data-side={side.index().to_string()} title={whole}>
            { leaf("b", "", form_term(state.setup.forms[side.index()], state.setup.names()[side.index()])) }
            <span class="said">{ leaf("span", "says", says) }{ leaf("span", "further", further) }</span>
        </li>
    }
}

/// The name of a side's form. Other buttons have the same one: for them this is "form A".
fn form_term(form: Form, name: &'static str) -> Html {
    let label = if name == form.name() { format!("form {form}") } else { format!("form {form}: {name}") };
    html! {
        <button type="button" class="term" data-term={Term::Form(form).key()} aria-label={label}>{ name }</button>
    }
}

fn counterexamples(props: &Props) -> Option<Html> {
    let count = verdict::counterexamples(&props.state).len();
    let words = if count == 1 { "1 counterexample".to_owned() } else { format!("{count} counterexamples") };
    (count != 0).then(|| {
        html! {
            <button type="button" class="button" key="all" aria-haspopup="dialog" data-term={Term::Word(Word::Counterexample).key()}
                onclick={does(&props.dispatch, Action::Open(Overlay::Counterexamples))}>{ words }</button>
        }
    })
}
