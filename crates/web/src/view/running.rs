//! How a run goes, and where it stops.

use super::Props;
use super::timeline::zoom;
use crate::parts::{Look, Shape, Stand, button, classes, nodes, segments};
use crate::store::{does, sends};
use cr3_session::glossary::{Term, Word};
use cr3_session::view::stops::offered;
use cr3_session::{Action, Direction, Overlay, Pace, Stop, is_valid};
use yew::prelude::*;

/// Paces by their rate, and what explains them.
const PACES: [(&str, &str); 4] = [
    ("1/s", "Run shows one step a second (< and > change it)."),
    ("10/s", "Run shows ten steps a second (< and > change it)."),
    ("100/s", "Run shows a hundred steps a second (< and > change it)."),
    ("at once", "Run goes at once to where it stops, or to the end (< and > change it)."),
];

const BACK: Look =
    Look { class: "button icon", label: "Run backwards", title: "Run backwards (Shift Space)", ..Look::PLAIN };

const SEARCH: Look = Look {
    class: "button plain icon",
    label: "Search",
    title: "Search steps, labels, addresses (/)",
    popup: "dialog",
    ..Look::PLAIN
};

pub(super) fn running(props: &Props) -> Html {
    let Props { state, dispatch } = props;
    let onpick = sends(dispatch, |index: usize| Pace::ALL.get(index).map(|pace| Action::SetPace(*pace)));
    let back = Action::Run(Direction::Backward);
    html! {
        <div class="running">
            { button(&BACK, Stand::of(is_valid(state, &back)), does(dispatch, back), Shape::RunBack.icon()) }
            { segments("Steps a second", &PACES, state.pace as usize, &onpick) }
            <div class="stops" role="group" aria-label="Stops of a run">
                { nodes(offered(state).iter().map(|stop| chip(stop, props))) }
            </div>
            { zoom(state, dispatch) }
            { button(&SEARCH, Stand::Ready, does(dispatch, Action::Open(Overlay::Find)), Shape::Search.icon()) }
        </div>
    }
}

/// A kind of steps is switched on and off. A place is there while it is on.
fn chip(stop: &Stop, props: &Props) -> Html {
    let name = stop.words();
    let is_on = props.state.stops.contains(stop);
    let (class, short, here) = match stop {
        Stop::At(_) => ("at", name.clone(), "A run stops here. Click to remove the stop."),
        _ => ("", stop.short().to_owned(), "A run stops at such a step of either side."),
    };
    html! {
        <button type="button" key={name.clone()} class={classes(&["chip", class])} aria-pressed={is_on.to_string()} aria-label={name}
            data-term={Term::Word(Word::Stop).key()} data-here={here}
            onclick={does(&props.dispatch, Action::ToggleStop(stop.clone()))}>{ short }</button>
    }
}
