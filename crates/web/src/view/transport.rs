//! Moving about in the runs, and which pane narrow windows show.

use super::Props;
use super::moves::Move;
use crate::parts::{Look, Shape, Stand, button, classes, leaf, nodes, segments, side_class};
use crate::store::{does, sends};
use cr3_session::view::position::{Position, position};
use cr3_session::{Action, Direction, Pane, Side, State, is_valid};
use yew::prelude::*;

const RUN: Look = Look { class: "button play", label: "Run", title: "Run (Space)", ..Look::PLAIN };

const PAUSE: Look = Look { label: "Pause", title: "Pause (Space)", ..RUN };

pub(crate) fn transport(props: &Props) -> Html {
    let Props { state, dispatch } = props;
    let (shape, look, toggle) = match state.run {
        Some(_) => (Shape::Pause, &PAUSE, Action::Pause),
        None => (Shape::Run, &RUN, Action::Run(Direction::Forward)),
    };
    html! {
        <div class="transport">
            { leaf("div", "panes-choice", panes(props)) }
            <div class="moves" role="group" aria-label="Steps">
                { Move::FIRST.button(state, dispatch) }
                { Move::BACK.button(state, dispatch) }
                { button(look, Stand::of(is_valid(state, &toggle)), does(dispatch, toggle), html! {
                    <>{ shape.icon() }{ leaf("span", "", look.label) }<span class="key" data-key="Space" aria-hidden="true"></span></>
                }) }
                { Move::FORWARD.button(state, dispatch) }
                { Move::LAST.button(state, dispatch) }
            </div>
            { leaf("p", "position", nodes(Side::BOTH.into_iter().filter_map(|side| place(state, side)))) }
        </div>
    }
}

/// The position of a side, in its own steps.
fn place(state: &State, side: Side) -> Option<Html> {
    let Position { step, steps } = position(state, side)?;
    let name = state.names()[side.index()];
    Some(html! {
        <span key={side.index()} class={classes(&["stands", side_class(side)])}>
            { leaf("span", "name", name) }{ " " }{ leaf("span", "word", "step ") }{ leaf("b", "", step) }<span class="total">{ " of " }{ steps }</span>
        </span>
    })
}

const PANES: [(Pane, &str); 3] = [(Pane::Code, "Code"), (Pane::Runs, "Runs"), (Pane::Inspector, "State")];

/// For narrow windows: one pane and one side at a time.
fn panes(props: &Props) -> Html {
    let Props { state, dispatch } = props;
    let options = PANES.map(|(_, name)| (name, ""));
    let selected = PANES.iter().position(|(pane, _)| *pane == state.pane).unwrap_or_default();
    let onpick = sends(dispatch, |index: usize| PANES.get(index).map(|(pane, _)| Action::SetPane(*pane)));
    let sides = state.names().map(|name| (name, ""));
    let onside = sends(dispatch, |index: usize| Side::BOTH.get(index).map(|side| Action::SetSide(*side)));
    html! {
        <>
            { segments("Pane", &options, selected, &onpick) }
            { segments("Run that is shown", &sides, state.side.index(), &onside) }
        </>
    }
}
