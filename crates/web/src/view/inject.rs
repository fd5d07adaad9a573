//! The choice of a vector at an instruction, at its place in the listing.

use crate::effects::pause;
use crate::parts::{CLOSE, Shape, Stand, button, focus_in_place, leaf, nodes, segments, use_opening};
use crate::store::does;
use cr3_core::scenario::{Nesting, Place, Vector};
use cr3_session::view::heat::Strike;
use cr3_session::view::inject::{Item, menu};
use cr3_session::{Action, Goal, Landing, Side, Spot, State, Stop, is_valid};
use std::rc::Rc;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, ScrollIntoViewOptions, ScrollLogicalPosition};
use yew::platform::spawn_local;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) state: Rc<State>,
    pub(crate) spot: Spot,
    pub(crate) dispatch: Callback<Action>,
}

const NESTINGS: [(Nesting, &str, &str); 2] = [
    (Nesting::After, "after", "after the handler of the previous injection has returned"),
    (Nesting::Inside, "inside", "inside the handler of the previous injection"),
];

#[component]
pub(crate) fn InjectMenu(props: &Props) -> Html {
    let Props { state, spot, dispatch } = props;
    let menu = menu(state, spot);
    let chosen = use_state_eq(|| Nesting::After);
    let nesting = menu.nesting.unwrap_or(*chosen);
    let panel = use_node_ref();
    {
        let panel = panel.clone();
        use_opening(move || {
            let opener = gloo::utils::document().active_element();
            let find = |selector| panel.cast::<HtmlElement>().and_then(|panel| panel.query_selector(selector).ok()?);
            let first = find(".choice:not(:disabled)").or_else(|| find(".close"));
            focus_in_place(first);
            reveal(panel.clone());
            move || focus_in_place(opener)
        });
    }
    let onkeydown = {
        let (dispatch, spot, items) = (dispatch.clone(), spot.clone(), menu.items.clone());
        let (panel, others) = (panel.clone(), others(state, &spot));
        move |event: KeyboardEvent| {
            let key = event.key();
            if move_focus(&panel, &key) {
                event.prevent_default();
                return;
            }
            let item = items.iter().find(|item| item.letter.eq_ignore_ascii_case(&key) && item.refusal.is_none());
            if let Some(item) = item.filter(|_| !event.ctrl_key() && !event.meta_key() && !event.alt_key()) {
                event.prevent_default();
                dispatch.emit(Action::Inject(spot.clone(), item.vector, nesting));
            } else if let Some((.., action)) = others.iter().find(|(letter, ..)| *letter == key) {
                event.prevent_default();
                dispatch.emit(action.clone());
            }
        }
    };
    let selected = NESTINGS.iter().position(|(it, ..)| *it == nesting).unwrap_or_default();
    let options = NESTINGS.map(|(_, name, title)| (name, title));
    let onpick = Callback::from(move |index: usize| {
        if let Some((nesting, ..)) = NESTINGS.get(index) {
            chosen.set(*nesting);
        }
    });
    html! {
        <div class="inject-menu" ref={panel} role="dialog" aria-label={format!("Inject at {}", menu.place)} {onkeydown}>
            <div class="title">
                <p>{ "Inject at " }{ leaf("code", "", &menu.place) }</p>
                { button(&CLOSE, Stand::Ready, does(dispatch, Action::Close), Shape::Close.icon()) }
            </div>
            { leaf("div", "nesting", match (menu.nestable, menu.nesting) {
                    (false, _) => html! {},
                    (true, Some(Nesting::Inside)) => html! { { leaf("p", "quiet", "Strikes inside the previous handler.") } },
                    (true, Some(Nesting::After)) => html! { { leaf("p", "quiet", "Strikes after the previous handler has returned.") } },
                    (true, None) => segments("Nesting", &options, selected, &onpick),
                }) }
            { leaf("p", "quiet", menu.remark.unwrap_or_default()) }
            { leaf("ul", "", nodes(menu.items.iter().map(|item| choice(item, spot, nesting, dispatch)))) }
            { leaf("p", "quiet known", menu.known.clone().unwrap_or_default()) }
            { leaf("ul", "known-strikes", nodes(menu.strikes.iter().map(|strike| known(strike, state.side, dispatch)))) }
            { leaf("ul", "other", nodes(others(state, spot).into_iter().map(|it| other(it, state, dispatch)))) }
        </div>
    }
}

/// What else a person may want at an instruction: letter, name, action.
fn others(state: &State, spot: &Spot) -> [(&'static str, &'static str, Action); 2] {
    let stop = Stop::At(Place { occurrence: 1, ..spot.place.clone() });
    let words = if state.stops.contains(&stop) { "no longer stop here" } else { "stop runs here" };
    let goal = Goal::Place(spot.place.clone());
    [("s", words, Action::ToggleStop(stop)), ("t", "run to here", Action::RunTo(goal))]
}

fn other(
    (letter, words, action): (&'static str, &'static str, Action),
    state: &State,
    dispatch: &Callback<Action>,
) -> Html {
    html! {
        <li key={letter}>
            <button type="button" class="choice" disabled={!is_valid(state, &action)} onclick={does(dispatch, action)}>
                { leaf("kbd", "", letter) }{ leaf("span", "", words) }
            </button>
        </li>
    }
}

/// A counterexample that strikes here.
fn known(strike: &Strike, side: Side, dispatch: &Callback<Action>) -> Html {
    let id = strike.promise.id();
    let opens = Action::OpenCounterexample(side, strike.promise, Landing::Failure);
    html! {
        <li key={id}>
            <button type="button" class="choice" title={strike.words.clone()} onclick={does(dispatch, opens)}>
                { leaf("b", "", "open") }{ leaf("span", "", format!("the counterexample to {id}")) }
            </button>
        </li>
    }
}

fn choice(item: &Item, spot: &Spot, nesting: Nesting, dispatch: &Callback<Action>) -> Html {
    let vector = item.vector;
    let spot = spot.clone();
    let onclick = does(dispatch, Action::Inject(spot.clone(), vector, nesting));
    let words = item.refusal.clone().unwrap_or_else(|| vector.description().to_owned());
    html! {
        <li key={Vector::name(vector)}>
            <button type="button" class="choice" disabled={item.refusal.is_some()} {onclick}>
                { leaf("kbd", "", item.letter) }
                { leaf("b", "", vector.mnemonic()) }
                <span class={item.refusal.is_some().then_some("refusal")}>{ words }</span>
            </button>
        </li>
    }
}

/// Brings the whole menu into sight, after the list has reached its position.
fn reveal(panel: NodeRef) {
    spawn_local(async move {
        scroll_to(&panel);
        // Where drawing takes longer than a frame, the list reaches it a task later.
        pause().await;
        scroll_to(&panel);
    });
}

fn scroll_to(panel: &NodeRef) {
    let options = ScrollIntoViewOptions::new();
    options.set_block(ScrollLogicalPosition::Nearest);
    if let Some(panel) = panel.cast::<HtmlElement>() {
        panel.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

fn focus(element: Option<web_sys::Element>) {
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        // Focus fails only on elements that no longer exist.
        let _ = element.focus();
    }
}

/// Up and Down move from choice to choice. Returns whether the key was one of them.
fn move_focus(panel: &NodeRef, key: &str) -> bool {
    let forward = match key {
        "ArrowDown" => true,
        "ArrowUp" => false,
        _ => return false,
    };
    let Some(choices) =
        panel.cast::<HtmlElement>().and_then(|panel| panel.query_selector_all(".choice:not(:disabled)").ok())
    else {
        return true;
    };
    let active = gloo::utils::document().active_element();
    let elements: Vec<web_sys::Element> =
        (0..choices.length()).filter_map(|index| choices.get(index)?.dyn_into().ok()).collect();
    let at = elements.iter().position(|element| Some(element) == active.as_ref());
    let next = match (at, forward) {
        (None, _) => 0,
        (Some(at), true) => (at + 1) % elements.len().max(1),
        (Some(at), false) => at.checked_sub(1).unwrap_or(elements.len().saturating_sub(1)),
    };
    focus(elements.get(next).cloned());
    true
}
