//! The entry code as it was assembled, with a gutter to inject in.

use super::InjectMenu;
use crate::parts::{Icon, Segments, Select, Shape, use_window};
use crate::store::sends;
use cr3_core::scenario::Place;
use cr3_session::view::listing::{Gutter, Line, Listing, gutter};
use cr3_session::{Action, Overlay, Side, Spot, State};
use std::rc::Rc;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) state: Rc<State>,
    pub(crate) listing: Rc<Listing>,
    pub(crate) dispatch: Callback<Action>,
}

#[component]
pub(crate) fn Code(props: &Props) -> Html {
    let Props { state, listing, dispatch } = props;
    let gutter = gutter(state, listing);
    // A person may look elsewhere in the code; the next move of the cursor brings it back if it is to be followed.
    let jumped = use_state_eq(|| None::<usize>);
    {
        let jumped = jumped.setter();
        use_effect_with((state.cursor, state.side, state.runs.clone()), move |_| jumped.set(None));
    }
    let spot = match &state.overlay {
        Overlay::Inject(spot) => Some(spot.clone()),
        _ => None,
    };
    let menu_row = spot.as_ref().and_then(|spot| row_of(state, listing, &spot.place));
    let shown = menu_row.or(*jumped).or(gutter.current.filter(|_| state.follow));
    let window = use_window(listing.lines.len(), shown);
    let menu = menu_row.zip(spot.clone());
    html! {
        <section class="pane code" aria-labelledby="code-title">
            <h2 class="hidden" id="code-title">{ "Entry code" }</h2>
            <div class="bar">
                { choices(props, &gutter, jumped.setter()) }
            </div>
            <div class="rows" ref={window.node.clone()} onscroll={window.onscroll.clone()}>
                <div class="spacer" style={window.spacer(listing.lines.len())} role="grid" tabindex="0"
                    aria-label="Entry code" aria-rowcount={listing.lines.len().to_string()} aria-colcount="2">
                    { for window.rows.clone().filter_map(|at| {
                        let line = listing.lines.get(at)?;
                        Some(row(props, line, at, window.offset(at), &gutter))
                    }) }
                </div>
                <div class="menu-place" style={menu.as_ref().map(|(at, _)| window.offset(at + 1))}>
                    { for menu.map(|(_, spot)| html! {
                        <InjectMenu key={spot.place.to_string()} state={state.clone()} spot={spot.clone()} dispatch={dispatch.clone()} />
                    }) }
                </div>
                <div class="empty">{ if listing.lines.is_empty() { "This form does not assemble." } else { "" } }</div>
            </div>
        </section>
    }
}

fn row_of(state: &State, listing: &Listing, place: &Place) -> Option<usize> {
    let places = &state.runs.trace(state.side)?.places;
    let id = places.resolve(place).ok()?;
    listing.row_of(places.site(id).address)
}

fn choices(props: &Props, gutter: &Gutter, jump: UseStateSetter<Option<usize>>) -> Html {
    let Props { state, listing, dispatch } = props;
    let names: Vec<AttrValue> = listing.labels.iter().map(|(name, _)| name.clone().into()).collect();
    let here = gutter.current.unwrap_or_default();
    let selected = listing.labels.iter().rposition(|(_, row)| *row <= here);
    let rows: Vec<usize> = listing.labels.iter().map(|(_, row)| *row).collect();
    let onpick = Callback::from(move |index: usize| jump.set(rows.get(index).copied()));
    let sides = state.setup.forms.iter().map(|form| (form.name().into(), AttrValue::default())).collect::<Vec<_>>();
    let onside = sends(dispatch, |index: usize| Side::BOTH.get(index).map(|side| Action::SetSide(*side)));
    html! {
        <>
            <Segments class="sides" label="Run whose code is listed" options={sides} selected={state.side.index()} onpick={onside} />
            <Select name="" label="Go to a label" options={names} {selected} placeholder="label" {onpick} />
            <button type="button" class="chip bare" aria-pressed={state.follow.to_string()} aria-label="Follow the current instruction"
                title="Follow the current instruction" onclick={dispatch.reform(|_| Action::ToggleFollow)}>
                <Icon shape={Shape::Follow} />
            </button>
        </>
    }
}

fn row(props: &Props, line: &Line, at: usize, style: String, gutter: &Gutter) -> Html {
    let index = (at + 1).to_string();
    match line {
        Line::Section(name) => html! {
            <div key={at} class="row section" {style} role="row" aria-rowindex={index}>
                <span role="gridcell">{ "section " }<code>{ name }</code></span>
            </div>
        },
        Line::Label(name) => html! {
            <div key={at} class={classes!("row", "label", name.starts_with(".L").then_some("local"))} {style} role="row" aria-rowindex={index}>
                <span role="gridcell"><code>{ name }{ ":" }</code></span>
            </div>
        },
        Line::Instruction { text, place, origin, executed, .. } => {
            let class = classes!(
                "row",
                "instruction",
                (gutter.current == Some(at)).then_some("current"),
                (gutter.other == Some(at)).then_some("other"),
                (*executed == 0).then_some("cold"),
            );
            html! {
                <div key={at} {class} {style} role="row" aria-rowindex={index} title={format!("{text}\n{place}, executed {executed} times")}>
                    <span role="gridcell" class="gutter">{ inject_button(props, place, at, gutter) }</span>
                    <span role="gridcell" class="text">
                        <span class="here" aria-hidden="true">{ marks(props, at, gutter) }</span>
                        <code>{ text }</code>
                        <span class="origin">{ origin.clone().unwrap_or_default() }</span>
                        <span class="why">{ gutter.refused.get(&at).map(|why| format!("not struck: {why}")).unwrap_or_default() }</span>
                    </span>
                </div>
            }
        }
    }
}

/// Which runs stand at this row.
fn marks(props: &Props, at: usize, gutter: &Gutter) -> String {
    let names = props.state.setup.forms.map(|form| form.name());
    let here = names[props.state.side.index()];
    let there = names[props.state.side.other().index()];
    match (gutter.current == Some(at), gutter.other == Some(at)) {
        (true, true) => format!("{} {}", names[0], names[1]),
        (true, false) => here.to_owned(),
        (false, true) => there.to_owned(),
        (false, false) => String::new(),
    }
}

fn inject_button(props: &Props, place: &Place, at: usize, gutter: &Gutter) -> Html {
    let numbers = gutter.injections.get(&at);
    let row = (gutter.current == Some(at)).then_some(props.state.cursor);
    let spot = Spot { place: place.clone(), row };
    let onclick = props.dispatch.reform(move |_: MouseEvent| Action::Open(Overlay::Inject(spot.clone())));
    let refused = gutter.refused.contains_key(&at);
    let text = numbers.map(|numbers| numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(" "));
    let class = classes!("inject", numbers.is_some().then_some("set"), refused.then_some("refused"));
    html! {
        <button type="button" {class} aria-label={format!("Inject at {place}")} aria-haspopup="dialog"
            title="Inject an exception here (i)" {onclick}>
            <Icon shape={Shape::Inject} />
            <span>{ text.unwrap_or_default() }</span>
        </button>
    }
}
