//! The review thread, claim by claim, with the outcome of each.

use super::Sheet;
use crate::parts::{classes, explained, leaf, nodes, when};
use crate::store::does;
use cr3_session::glossary::Unseen;
use cr3_session::view::claims::{Letter, Row, Standing, about, letters, summary, terms};
use cr3_session::{Action, State};
use yew::prelude::*;

pub(super) fn view(state: &State, dispatch: &Callback<Action>) -> Html {
    let mut unseen = Unseen::default();
    html! {
        <Sheet key="claims" class="claims" title="Claims of the review" dispatch={dispatch.clone()}>
            { leaf("p", "", "\"[PATCH RESEND] x86/entry: Don't write to CR3 when restoring to kernel CR3\", August and September 2023: each sentence as an experiment. \
                  The experiments run in this tab, one after the other, and the verdicts follow from what they measure.") }
            { leaf("p", "quiet", about(state)) }
            <p role="status" aria-live="polite">{ leaf("b", "", summary(state)) }</p>
            { leaf("div", "", nodes(letters(state).iter().map(|it| letter(it, &mut unseen, dispatch)))) }
            { leaf("dl", "terms", nodes(terms().iter().map(|(term, meaning)| html! { <div key={*term}>{ leaf("dt", "", *term) }{ leaf("dd", "", *meaning) }</div> }))) }
        </Sheet>
    }
}

fn letter(letter: &Letter, unseen: &mut Unseen, dispatch: &Callback<Action>) -> Html {
    html! {
        <section key={letter.mail.words()}>
            { leaf("h3", "", letter.mail.words()) }
            { leaf("ol", "", nodes(letter.rows.iter().map(|it| row(it, unseen, dispatch)))) }
        </section>
    }
}

fn row(row: &Row, unseen: &mut Unseen, dispatch: &Callback<Action>) -> Html {
    let claim = row.claim;
    let class = classes(&["card", class_of(row.standing), when(row.changed.is_some(), "changed")]);
    html! {
        <li key={claim.id} {class} data-claim={claim.id.to_string()}>
            <p class="says">{ leaf("b", "", format!("{}. ", claim.id)) }{ explained(claim.says, unseen) }</p>
            { leaf("p", "quiet", claim.who) }
            <p class="verdict">{ leaf("b", "", &row.words) }{ leaf("span", "other", row.changed.clone().unwrap_or_default()) }</p>
            { leaf("div", "", nodes(row.notes.iter().enumerate().map(|(index, note)| html! { <p key={index}>{ note }</p> }))) }
            <table class="numbers">{ leaf("tbody", "", nodes(row.numbers.iter().enumerate().map(|(index, (value, words))| html! {
                <tr key={index}>{ leaf("td", "", value) }{ leaf("td", "", words) }</tr>
            }))) }</table>
            { leaf("div", "uses", nodes(row.shows.iter().enumerate().map(|(index, (words, action))| show(index, claim.id, words, action, dispatch)))) }
        </li>
    }
}

/// Two buttons may have the same words: their keys are numbers.
fn show(index: usize, id: u32, words: &str, action: &Action, dispatch: &Callback<Action>) -> Html {
    let action = action.clone();
    html! {
        <button key={index} type="button" class="button" aria-label={format!("Show me {words}: claim {id}")}
            onclick={does(dispatch, action.clone())}>{ "Show me " }{ leaf("span", "quiet", words) }</button>
    }
}

/// Its class, which chooses the mark.
fn class_of(standing: Standing) -> &'static str {
    match standing {
        Standing::Waiting => "waiting",
        Standing::Running => "running",
        Standing::Judged(verdict) => verdict.name(),
    }
}
