//! Moving about in the runs, and which pane narrow windows show.

use super::Props;
use super::moves::Move;
use crate::parts::{Shape, classes, nodes, segments, side_class};
use crate::store::{does, sends};
use cr3_session::view::position::{Position, position};
use cr3_session::{Action, Pane, Side, State, is_valid};
use yew::prelude::*;

pub(crate) fn transport(props: &Props) -> Html {
    let Props { state, dispatch } = props;
    let (shape, play) = if state.playing { (Shape::Pause, "Pause") } else { (Shape::Run, "Run") };
    html! {
        <div class="transport">
            <div class="panes-choice">{ panes(props) }</div>
            <div class="moves" role="group" aria-label="Steps">
                { Move::FIRST.button(state, dispatch) }
                { Move::BACK.button(state, dispatch) }
                <button type="button" class="button play" title={format!("{play} (Space)")} aria-label={play}
                    disabled={!is_valid(state, &Action::TogglePlay)} onclick={does(dispatch, Action::TogglePlay)}>
                    { shape.icon() }<span>{ play }</span><span class="key" data-key="Space" aria-hidden="true"></span>
                </button>
                { Move::FORWARD.button(state, dispatch) }
                { Move::LAST.button(state, dispatch) }
            </div>
            <p class="position">{ nodes(Side::BOTH.into_iter().filter_map(|side| place(state, side))) }</p>
        </div>
    }
}

/// The position of a side, in its own steps.
fn place(state: &State, side: Side) -> Option<Html> {
    let Position { step, steps } = position(state, side)?;
    let name = state.names()[side.index()];
    Some(html! {
        <span key={side.index()} class={classes(&["stands", side_class(side)])}>
            <span class="name">{ name }</span>{ " " }<span class="word">{ "step " }</span><b>{ step }</b><span class="total">{ " of " }{ steps }</span>
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
