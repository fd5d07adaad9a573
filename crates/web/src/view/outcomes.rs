//! How both runs ended and which promises they broke, beside their counters: a number is no verdict.

use crate::parts::{classes, leaf, nodes, side_class, term};
use cr3_session::glossary::{Term, Word};
use cr3_session::view::outcome::{Broken, Outcome, no_run, not_comparable, outcome};
use cr3_session::{Action, Runs, Side};
use yew::prelude::*;

pub(super) fn outcomes(runs: &Runs, names: [&'static str; 2], dispatch: &Callback<Action>) -> Html {
    let sides = Side::BOTH.map(|side| outcome(runs, side));
    let reason = not_comparable(runs, names);
    let each = |view: &dyn Fn(Side, &str, &Outcome) -> Html| {
        let one = |(side, outcome): (Side, &Option<Outcome>)| match outcome {
            Some(outcome) => view(side, names[side.index()], outcome),
            None => without_run(side, names[side.index()], no_run(runs, side)),
        };
        Side::BOTH.into_iter().zip(&sides).map(one).collect::<Html>()
    };
    let whole = each(&|side, name, outcome| view(side, name, outcome, dispatch));
    html! {
        <div class="outcomes" role="group" aria-label="How the runs ended">
            { leaf("ul", "whole", whole.clone()) }
            <details class="short">
                <summary>{ each(&short) }</summary>
                { leaf("ul", "", whole) }
            </details>
            <p class="reason" title={reason.clone().unwrap_or_default()}>{ reason.map(|reason| format!("Not comparable: {reason}.")).unwrap_or_default() }</p>
        </div>
    }
}

/// A side that has no run, and why.
fn without_run(side: Side, name: &str, why: String) -> Html {
    let class = classes(&["outcome", "astray", side_class(side)]);
    html! { <li key={side.index()} {class}>{ leaf("b", "", name) }{ leaf("span", "promises", why) }</li> }
}

/// One run in a few words, for the line that opens on narrow screens.
fn short(side: Side, name: &str, outcome: &Outcome) -> Html {
    let class = classes(&["outcome", if outcome.sound { "sound" } else { "astray" }]);
    html! { <span key={side.index()} {class}>{ leaf("b", "", name) }{ leaf("span", "earlier", outcome.of.unwrap_or_default()) }{ leaf("span", "promises", outcome.short()) }</span> }
}

fn view(side: Side, name: &str, outcome: &Outcome, dispatch: &Callback<Action>) -> Html {
    let class = classes(&["outcome", side_class(side), if outcome.sound { "sound" } else { "astray" }]);
    html! {
        <li key={side.index()} {class} data-side={side.index().to_string()}>
            { leaf("b", "", name) }
            { leaf("span", "earlier", outcome.of.unwrap_or_default()) }
            { leaf("span", "ending", &outcome.ending) }
            { leaf("span", "promises", term(Term::Word(Word::Promise), outcome.promises())) }
            { leaf("span", "each", nodes(outcome.broken.iter().map(|broken| promise(side, broken, dispatch)))) }
            { leaf("span", "misses", outcome.misses().unwrap_or_default()) }
        </li>
    }
}

fn promise(side: Side, broken: &Broken, dispatch: &Callback<Action>) -> Html {
    let Broken { promise, invariant, step, place, why, row } = broken;
    let (row, dispatch) = (*row, dispatch.clone());
    let onclick = move |_: MouseEvent| {
        dispatch.emit(Action::SetSide(side));
        if let Some(row) = row {
            dispatch.emit(Action::Seek(row));
        }
    };
    html! {
        <button type="button" class="promise" key={*invariant} data-term={Term::Promise(*promise).key()} data-here={format!("{place}: {why}.")} {onclick}>
            { leaf("span", "name", *invariant) }{ format!(" at step {step}") }
        </button>
    }
}
