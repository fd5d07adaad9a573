//! What each line of a form is for.

use super::Sheet;
use crate::parts::{classes, leaf, nodes};
use crate::store::does;
use cr3_session::view::lines::{Need, Part, Row, parts, summary, title_of};
use cr3_session::{Action, State};
use yew::prelude::*;

pub(super) fn view(state: &State, dispatch: &Callback<Action>) -> Html {
    html! {
        <Sheet key="lines" class="lines" title={title_of(state)} dispatch={dispatch.clone()}>
            { leaf("p", "", "The explorer leaves out each line in turn and looks for a schedule that then breaks a promise: NMI, #DB, #MC or #VC at every \
                  instruction, in every system of the standard set. The shortest is shown, beside the form that has the line.") }
            <p role="status" aria-live="polite">{ leaf("b", "", summary(state)) }</p>
            { leaf("div", "", nodes(parts(state).iter().map(|it| part(it, dispatch)))) }
        </Sheet>
    }
}

fn part(part: &Part, dispatch: &Callback<Action>) -> Html {
    html! {
        <section key={part.title}>
            { leaf("h3", "", part.title) }
            { leaf("ol", "", nodes(part.rows.iter().map(|it| row(it, dispatch)))) }
        </section>
    }
}

fn row(row: &Row, dispatch: &Callback<Action>) -> Html {
    let need = match row.need {
        Need::Fails => "fails",
        Need::Costs => "costs",
        Need::Idle => "idle",
    };
    html! {
        <li key={row.place.clone()} class={classes(&["card", need])}>
            <p class="statement">{ leaf("code", "", &row.statement) }{ leaf("span", "quiet", &row.place) }</p>
            <p class="verdict">{ if row.need == Need::Fails { "Without it: " } else { "" } }{ &row.words }</p>
            { leaf("div", "uses", nodes(row.open.iter().map(|action| open(row, action, dispatch)))) }
        </li>
    }
}

fn open(row: &Row, action: &Action, dispatch: &Callback<Action>) -> Html {
    let action = action.clone();
    html! {
        <button key="open" type="button" class="button" aria-label={format!("Open the run without it: {}", row.statement)}
            onclick={does(dispatch, action.clone())}>{ "Open the run without it" }</button>
    }
}
