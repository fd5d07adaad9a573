//! The entry code as it was assembled, with a gutter to inject in.

use super::{InjectMenu, Props};
use crate::parts::{
    Height, Look, Select, Shape, Stand, Window, button, classes, focus_in_place, leaf, nodes, segments, use_window,
    when,
};
use crate::store::{does, sends};
use cr3_core::scenario::Place;
use cr3_session::announce;
use cr3_session::view::heat::{self, Heat, Stripe};
use cr3_session::view::lines;
use cr3_session::view::listing::{Gutter, Line, Listing, gutter, listing, strikes};
use cr3_session::view::relatives::{Thing, keys, of_instruction};
use cr3_session::view::window::Aim;
use cr3_session::{Action, Direction, Goal, Overlay, Side, Spot, State, Stop};
use std::rc::Rc;
use yew::prelude::*;

/// What the pane shows.
#[derive(Clone)]
struct Shown {
    state: Rc<State>,
    listing: Rc<Listing>,
    dispatch: Callback<Action>,
}

#[component]
pub(crate) fn Code(props: &Props) -> Html {
    let Props { state, dispatch } = props;
    let listing = &use_memo((state.runs.clone(), state.side), |(runs, side)| listing(runs, *side));
    let shown = Shown { state: state.clone(), listing: listing.clone(), dispatch: dispatch.clone() };
    let strikes = use_memo((state.runs.clone(), state.side), |(runs, side)| strikes(runs, *side, listing));
    let gutter = gutter(state, listing, strikes);
    let spot = match &state.overlay {
        Overlay::Inject(spot) => Some(spot.clone()),
        _ => None,
    };
    let menu_row = spot.as_ref().and_then(|spot| row_of(state, listing, &spot.place));
    // The row that the arrow keys reached, until something else moves the list.
    let visited = use_state_eq(|| None::<usize>);
    {
        let visited = visited.setter();
        let moved = (state.cursor, state.side, state.runs.clone(), state.browsed.clone());
        use_effect_with(moved, move |_| visited.set(None));
    }
    let stripe = &heat::stripe(state);
    let browsed = state.browsed.as_ref().and_then(|place| row_of(state, listing, place));
    let aim = match (menu_row.or(*visited), browsed, gutter.current.filter(|_| state.follow)) {
        (Some(row), ..) => Some(Aim::Near(row)),
        (None, Some(row), _) => Some(Aim::First(listing.group(row))),
        (None, None, current) => current.map(Aim::Near),
    };
    let onbrowse = {
        let listing = listing.clone();
        sends(dispatch, move |row| listing.place_from(row).filter(|_| menu_row.is_none()).cloned().map(Action::Browse))
    };
    let window = use_window(Height::Unknown, listing.lines.len(), aim, state.sought, onbrowse);
    let menu = menu_row.zip(spot.clone());
    let active = active(listing, &window, [*visited, browsed.or(gutter.current)]);
    let grid = use_node_ref();
    let visit = {
        let (grid, visited) = (grid.clone(), visited.setter());
        Callback::from(move |at| {
            visited.set(Some(at));
            // Rows reuse each other's elements, so the grid keeps the focus.
            focus_in_place(grid.cast());
        })
    };
    let onkeydown = {
        let (shown, current, visit) = (shown.clone(), gutter.current, visited.setter());
        move |event: KeyboardEvent| grid_key(&event, &shown, active, current, &visit)
    };
    html! {
        <section class="pane code" aria-labelledby="code-title">
            <h2 class="hidden" id="code-title">{ "Entry code" }</h2>
            { leaf("div", "bar", choices(&shown, &gutter, window.first())) }
            <div class="rows" ref={window.node.clone()} onscroll={window.onscroll.clone()}>
                <div class="spacer" ref={grid} style={window.spacer(listing.lines.len())} role="grid" tabindex="0"
                    aria-label="Entry code" aria-rowcount={listing.lines.len().to_string()} aria-colcount="2"
                    aria-activedescendant={active.map(button_id)} {onkeydown}>
                    { nodes(window.rows.clone().filter_map(|at| {
                        let line = listing.lines.get(at)?;
                        Some(row(&shown, line, at, &window, (&gutter, stripe), active, &visit))
                    })) }
                </div>
                <div class="menu-place" style={menu.as_ref().map(|(at, _)| window.offset(at + 1))}>
                    { nodes(menu.map(|(_, spot)| html! {
                        <InjectMenu key={spot.place.to_string()} state={state.clone()} spot={spot.clone()} dispatch={dispatch.clone()} />
                    })) }
                </div>
                { leaf("div", "empty", if listing.lines.is_empty() { "This form does not assemble." } else { "" }) }
            </div>
        </section>
    }
}

fn row_of(state: &State, listing: &Listing, place: &Place) -> Option<usize> {
    let places = &state.runs.trace(state.side)?.places;
    let id = places.resolve(place).ok()?;
    listing.row_of(places.site(id).address)
}

/// The row whose button Enter presses: the first of `wished` in the document, or the first instruction in sight.
fn active(listing: &Listing, window: &Window, wished: [Option<usize>; 2]) -> Option<usize> {
    let is_instruction = |at: &usize| matches!(listing.lines.get(*at), Some(Line::Instruction { .. }));
    let wished = wished.into_iter().flatten().find(|at| window.rows.contains(at));
    wished.or_else(|| (window.first()..window.rows.end).find(is_instruction))
}

/// Arrows move through the gutter, which is one stop of the Tab key. Enter and Space inject.
fn grid_key(
    event: &KeyboardEvent,
    shown: &Shown,
    active: Option<usize>,
    current: Option<usize>,
    visit: &UseStateSetter<Option<usize>>,
) {
    let Some(from) = active.filter(|_| !event.ctrl_key() && !event.meta_key() && !event.alt_key()) else { return };
    match event.key().as_str() {
        "ArrowDown" => visit.set(shown.listing.next_instruction(from, Direction::Forward).or(active)),
        "ArrowUp" => visit.set(shown.listing.next_instruction(from, Direction::Backward).or(active)),
        "Enter" | " " => {
            if let Some(place) = shown.listing.place_from(from) {
                let spot = spot_at(&shown.state, place, from, current);
                shown.dispatch.emit(Action::Open(Overlay::Inject(spot)));
            }
        }
        key @ ("s" | "t") if shown.state.settings.shortcuts => {
            let at = shown.listing.place_from(from).map(|place| here(key, place));
            let answers = at.into_iter().flat_map(|action| announce::answer(&shown.state, action));
            answers.for_each(|answer| shown.dispatch.emit(answer));
        }
        _ => return,
    }
    event.prevent_default();
}

/// What a key does at an instruction.
fn here(key: &str, place: &Place) -> Action {
    match key {
        "s" => Action::ToggleStop(Stop::At(place.clone())),
        _ => Action::RunTo(Goal::Place(place.clone())),
    }
}

/// Where an injection beside a row strikes: at the cursor's step if that row is the current one, else at the next
/// arrival.
fn spot_at(state: &State, place: &Place, at: usize, current: Option<usize>) -> Spot {
    Spot { place: place.clone(), row: (current == Some(at)).then_some(state.cursor) }
}

fn button_id(at: usize) -> String {
    format!("inject-{at}")
}

const LINES: Look = Look {
    class: "button",
    label: "Lines: what does each line do?",
    here: "What does each line do? What fails without it.",
    popup: "dialog",
    ..Look::PLAIN
};

const FOLLOW: Look = Look {
    class: "chip bare",
    label: "Follow the current instruction",
    title: "Follow the current instruction",
    ..Look::PLAIN
};

fn choices(shown: &Shown, gutter: &Gutter, first: usize) -> Html {
    let Shown { state, listing, dispatch } = shown;
    let names: Vec<AttrValue> = listing.labels.iter().map(|(name, _)| name.clone().into()).collect();
    // The label of the first row in sight.
    let reads = state.browsed.is_some() || !state.follow;
    let here = if reads { first } else { gutter.current.unwrap_or_default() };
    let selected = listing.labels.iter().rposition(|(_, row)| *row <= here);
    let onpick = {
        let listing = listing.clone();
        sends(dispatch, move |index: usize| {
            let (_, row) = listing.labels.get(index)?;
            listing.place_from(*row).cloned().map(Action::Browse)
        })
    };
    let onfollow = {
        // A listing that no longer follows stays where it is, and the link names the place.
        let place = listing.place_from(first).filter(|_| state.follow).cloned();
        let dispatch = dispatch.clone();
        move |_| {
            dispatch.emit(Action::ToggleFollow);
            place.iter().for_each(|place| dispatch.emit(Action::Browse(place.clone())));
        }
    };
    let sides = state.names().map(|name| (name, ""));
    let onside = sends(dispatch, |index: usize| Side::BOTH.get(index).map(|side| Action::SetSide(*side)));
    html! {
        <>
            { segments("Run whose code is listed", &sides, state.side.index(), &onside) }
            <Select name="" label="Go to a label" options={names} {selected} placeholder="label" {onpick} />
            { button(&LINES, Stand::of(state.runs.trace(state.side).is_some()), does(dispatch, Action::Open(Overlay::Lines)), html! { "Lines" }) }
            { button(&FOLLOW, Stand::Pressed(state.follow), Callback::from(onfollow), Shape::Follow.icon()) }
        </>
    }
}

fn row(
    shown: &Shown,
    line: &Line,
    at: usize,
    window: &Window,
    (gutter, stripe): (&Gutter, &Stripe),
    active: Option<usize>,
    visit: &Callback<usize>,
) -> Html {
    let (key, style) = (window.slot(at), window.offset(at));
    let index = (at + 1).to_string();
    match line {
        Line::Section(name) => html! {
            <div {key} class="row section" {style} role="row" aria-rowindex={index}>
                <span role="gridcell">{ "section " }{ leaf("code", "", name) }</span>
            </div>
        },
        Line::Label(name) => html! {
            <div {key} class={classes(&["row", "label", when(name.starts_with(".L"), "local")])} {style} role="row" aria-rowindex={index}>
                <span role="gridcell"><code>{ name }{ ":" }</code></span>
            </div>
        },
        Line::Instruction { text, place, written: (source, number), origin, executed, address } => {
            let need = lines::note(&shown.state, source, *number);
            let mark = stripe.mark(*address);
            let words = mark.as_ref().map(|mark| format!("\n{}", mark.words)).unwrap_or_default();
            let class = classes(&[
                "row",
                "instruction",
                when(gutter.current == Some(at), "current"),
                when(gutter.other == Some(at), "other"),
                when(*executed == 0, "cold"),
                when(active == Some(at), "active"),
            ]);
            let why = gutter.strikes(at).and_then(|strikes| strikes.refused.as_ref());
            html! {
                <div {key} {class} {style} data-thing={Thing::Instruction(*address).key()} data-kin={keys(&of_instruction(*address, text))} role="row" aria-rowindex={index} aria-current={(gutter.current == Some(at)).then_some("step")} title={format!("{text}\n{place}, executed {executed} times{words}")}>
                    <span role="gridcell" class="gutter">{ stop_button(shown, place, gutter.stops.contains(&at)) }{ inject_button(shown, place, at, gutter, visit, &words) }{ heat(mark) }</span>
                    <span role="gridcell" class="text">
                        <span class="here" aria-hidden="true">{ marks(shown, at, gutter) }</span>
                        { leaf("code", "", text) }
                        { leaf("span", "origin", need.or_else(|| origin.clone()).unwrap_or_default()) }
                        { leaf("span", "why", why.map(|why| format!("not struck: {why}")).unwrap_or_default()) }
                    </span>
                </div>
            }
        }
    }
}

/// Which runs are at this row.
fn marks(shown: &Shown, at: usize, gutter: &Gutter) -> String {
    let names = shown.state.short_names();
    let here = names[shown.state.side.index()];
    let there = names[shown.state.side.other().index()];
    match (gutter.current == Some(at), gutter.other == Some(at)) {
        (true, true) => format!("{} {}", names[0], names[1]),
        (true, false) => here.to_owned(),
        (false, true) => there.to_owned(),
        (false, false) => String::new(),
    }
}

/// What is known of exceptions here; the button beside it and its menu say it in words.
fn heat(mark: Option<heat::Mark>) -> Html {
    let (class, text) = match mark.map(|mark| mark.heat) {
        None | Some(Heat::Open) => ("", String::new()),
        Some(Heat::Holds) => ("holds", String::new()),
        Some(Heat::Breaks(count @ ..100)) => ("breaks", count.to_string()),
        Some(Heat::Breaks(_)) => ("breaks", "99+".to_owned()),
        Some(Heat::Impossible) => ("impossible", String::new()),
    };
    html! { <i class={classes(&["heat", class])} aria-hidden="true">{ text }</i> }
}

fn stop_button(shown: &Shown, place: &Place, is_set: bool) -> Html {
    html! {
        <button type="button" class="stop" tabindex="-1" aria-pressed={is_set.to_string()} aria-label={format!("Stop at {place}")}
            title="Stop runs here (s)" onclick={does(&shown.dispatch, Action::ToggleStop(Stop::At(place.clone())))}>
            { Shape::Stop.icon() }
        </button>
    }
}

fn inject_button(
    shown: &Shown,
    place: &Place,
    at: usize,
    gutter: &Gutter,
    visit: &Callback<usize>,
    words: &str,
) -> Html {
    let strikes = gutter.strikes(at);
    let spot = spot_at(&shown.state, place, at, gutter.current);
    let onclick = {
        let (visit, dispatch) = (visit.clone(), shown.dispatch.clone());
        move |_: MouseEvent| {
            visit.emit(at);
            dispatch.emit(Action::Open(Overlay::Inject(spot.clone())));
        }
    };
    let refused = strikes.is_some_and(|strikes| strikes.refused.is_some());
    let text = strikes.map(|strikes| strikes.numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(" "));
    let label = match &text {
        None => format!("Inject at {place}"),
        Some(numbers) => format!("Inject at {place}, injected there: {numbers}"),
    };
    let class = classes(&["inject", when(strikes.is_some(), "set"), when(refused, "refused")]);
    html! {
        <button type="button" id={button_id(at)} {class} aria-label={label} aria-haspopup="dialog"
            tabindex="-1"
            title={format!("Inject an exception here (i){words}")} {onclick}>
            { Shape::Inject.icon() }
            { leaf("span", "", text.unwrap_or_default()) }
        </button>
    }
}
