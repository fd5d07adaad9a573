//! The timeline: both strips under one slider. Lanes show nesting, and the background shows which tables CR3 selects.

use crate::effects::next_frame;
use crate::parts::{Look, Shape, Stand, button, classes, leaf, nodes, term};
use crate::store::does;
use cr3_session::glossary::{Term, Word};
use cr3_session::view::Half;
use cr3_session::view::row::MarkKind;
use cr3_session::view::scale::Unit;
use cr3_session::view::timeline::{Event as Happening, Segment, Strip, Timeline};
use cr3_session::{Action, Direction, Goal, Runs, Side, State, Target, Zoom, is_valid};
use std::rc::Rc;
use web_sys::{Element, PointerEvent};
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) timeline: Rc<Timeline>,
    pub(crate) runs: Rc<Runs>,
    pub(crate) cursor: usize,
    pub(crate) names: [&'static str; 2],
    /// The sentence for the current row.
    pub(crate) words: String,
    /// What zooms.
    pub(crate) zoom: Html,
    pub(crate) dispatch: Callback<Action>,
}

#[component]
pub(crate) fn TimelineStrip(props: &Props) -> Html {
    let Props { timeline, runs, cursor, dispatch, .. } = props;
    let track = use_node_ref();
    // The rows from which and to which a person drags with Shift.
    let (from, to) = (use_state_eq(|| None::<usize>), use_state_eq(|| None::<usize>));
    let row_at = {
        let (track, timeline, runs) = (track.clone(), timeline.clone(), runs.clone());
        Rc::new(move |event: &PointerEvent| row_at(&track, event, &timeline, &runs))
    };
    let onpointerdown = {
        let (row_at, track, dispatch, from, to) =
            (row_at.clone(), track.clone(), dispatch.clone(), from.setter(), to.setter());
        move |event: PointerEvent| {
            if let Some(element) = track.cast::<Element>() {
                // Without capture a fast drag leaves the strip and scrubbing stops; nothing else is lost.
                let _ = element.set_pointer_capture(event.pointer_id());
            }
            match row_at(&event) {
                Some(row) if !event.shift_key() => dispatch.emit(Action::Seek(row)),
                row => {
                    from.set(row);
                    to.set(row);
                }
            }
        }
    };
    let onpointermove = {
        let (dispatch, to) = (dispatch.clone(), to.setter());
        let is_choosing = from.is_some();
        move |event: PointerEvent| {
            if event.buttons() & 1 == 1 {
                let (row_at, dispatch, to) = (row_at.clone(), dispatch.clone(), to.clone());
                next_frame(move || match row_at(&event) {
                    Some(row) if !is_choosing => dispatch.emit(Action::Seek(row)),
                    row => to.set(row),
                });
            }
        }
    };
    let chosen = from.zip(*to);
    let ends = {
        let (dispatch, from) = (dispatch.clone(), from.setter());
        move |event: PointerEvent| {
            // A move that waits for its frame comes too late.
            next_frame(|| ());
            from.set(None);
            match chosen.filter(|_| event.type_() == "pointerup") {
                Some((from, to)) if from == to => dispatch.emit(Action::RunTo(Goal::Row(to))),
                Some((from, to)) => dispatch.emit(Action::Zoom(Zoom::To(from, to))),
                None => {}
            }
        }
    };
    let ends = Callback::from(ends);
    let onkeydown = {
        let dispatch = dispatch.clone();
        move |event: KeyboardEvent| {
            if let Some((target, direction)) = slider_key(&event.key()) {
                event.prevent_default();
                dispatch.emit(Action::Move(target, direction));
            }
        }
    };
    html! {
        <section class="timeline" aria-label="Timeline">
            <div class="names" aria-hidden="true">
                { leaf("span", "", props.names[0]) }
                { leaf("span", "", props.names[1]) }
            </div>
            <div class="track" ref={track} role="slider" tabindex="0" aria-label="Step" aria-orientation="horizontal"
                aria-valuemin="1" aria-valuemax={runs.len().max(1).to_string()} aria-valuenow={(cursor + 1).to_string()}
                aria-valuetext={props.words.clone()} style={format!("--lanes:{}", timeline.lanes)}
                {onpointerdown} {onpointermove} onpointerup={ends.clone()} onpointercancel={ends} {onkeydown}>
                <Strips timeline={timeline.clone()} />
                { leaf("div", "ghost", if runs.is_empty() { "no run yet: correct the form to see one" } else { "" }) }
                { leaf("div", "glass", marked(props, "cursor", (*cursor, *cursor))) }
                { leaf("div", "glass", nodes(chosen.iter().map(|range| marked(props, "chosen", *range)))) }
            </div>
            <ul class="legend" aria-label="Marks of the timeline">
                { nodes(LEGEND.iter().map(|(class, word, text)| html! { <li key={*class} class={*class}>{ term(Term::Word(*word), *text) }</li> })) }
            </ul>
            { props.zoom.clone() }
        </section>
    }
}

/// Rows of the strips: in both at once, or in each where each has a scale of its own.
fn marked(props: &Props, class: &'static str, (one, other): (usize, usize)) -> Html {
    let scale = &props.timeline.scale;
    let sides: &[(Side, &'static str)] = match scale.unit {
        Unit::Row => &[(Side::Left, "")],
        Unit::Step => &[(Side::Left, "upper"), (Side::Right, "lower")],
    };
    let mark = |(side, half): &(Side, &'static str)| {
        let at = |row| scale.place(&props.runs, *side, row);
        let (from, to) = (at(one.min(other))?, at(one.max(other))?);
        let style = place(from, to + 1, scale.units(*side).len());
        Some(html! { <div key={*half} class={classes(&[class, *half])} {style}></div> })
    };
    html! { { leaf("div", "", nodes(sides.iter().filter_map(mark))) } }
}

/// What zooms the timeline: shape, name, key, explanation, what it does.
const ZOOMS: [(Shape, Look, Zoom); 3] = [
    (Shape::Minus, look("Zoom out", "Zoom out (-)"), Zoom::Out),
    (Shape::Plus, look("Zoom in", "Zoom in (+); a drag with Shift chooses a range"), Zoom::In),
    (Shape::All, look("Show all steps", "Show all steps (0)"), Zoom::All),
];

const fn look(label: &'static str, title: &'static str) -> Look {
    Look { class: "button plain icon", label, title, ..Look::PLAIN }
}

pub(crate) fn zoom(state: &State, dispatch: &Callback<Action>) -> Html {
    let one = |(shape, look, zoom): &(Shape, Look, Zoom)| {
        let action = Action::Zoom(*zoom);
        button(look, Stand::of(is_valid(state, &action)), does(dispatch, action), shape.icon())
    };
    html! { <div class="zoom" role="group" aria-label="Zoom of the timeline">{ nodes(ZOOMS.iter().map(one)) }</div> }
}

/// Marks, their class, and what explains them.
const LEGEND: [(&str, Word, &str); 9] = [
    ("kernel", Word::KernelHalf, "kernel tables"),
    ("user", Word::UserHalf, "user tables"),
    ("injection", Word::Injection, "injection"),
    ("delivery", Word::Delivery, "delivery"),
    ("flush", Word::Flush, "CR3 write, flush"),
    ("noflush", Word::NoFlush, "no flush"),
    ("drop", Word::Flush, "entries dropped"),
    ("broken", Word::Promise, "promise broken"),
    ("diff", Word::Difference, "difference"),
];

fn slider_key(key: &str) -> Option<(Target, Direction)> {
    use Direction::{Backward, Forward};
    Some(match key {
        "ArrowRight" | "ArrowUp" => (Target::Row, Forward),
        "ArrowLeft" | "ArrowDown" => (Target::Row, Backward),
        "PageUp" => (Target::Page, Forward),
        "PageDown" => (Target::Page, Backward),
        "Home" => (Target::End, Backward),
        "End" => (Target::End, Forward),
        _ => return None,
    })
}

/// The row at a point of the strip that the pointer is in.
fn row_at(track: &NodeRef, event: &PointerEvent, timeline: &Timeline, runs: &Runs) -> Option<usize> {
    let bounds = track.cast::<Element>()?.get_bounding_client_rect();
    let share = (f64::from(event.client_x()) - bounds.left()) / bounds.width().max(1.0);
    let is_upper = f64::from(event.client_y()) < bounds.top() + bounds.height() / 2.0;
    Some(timeline.scale.row_at(runs, if is_upper { Side::Left } else { Side::Right }, share))
}

/// With four decimals. Integers, because the code that formats floats is as large as a view.
fn percent(part: usize, whole: usize) -> String {
    let whole = whole.max(1) as u64;
    let millionths = (part as u64 * 1_000_000 + whole / 2) / whole;
    format!("{}.{:04}%", millionths / 10_000, millionths % 10_000)
}

#[derive(Properties, PartialEq)]
struct StripsProps {
    timeline: Rc<Timeline>,
}

/// The part that does not move with the cursor.
#[component]
fn Strips(props: &StripsProps) -> Html {
    let timeline = &props.timeline;
    html! {
        <div class="strips" aria-hidden="true">
            { leaf("div", "differences", nodes(timeline.differences.iter().map(|(start, end)| html! {
                    <i key={*start} style={place(*start, *end, timeline.scale.rows.len())}></i>
                }))) }
            { nodes(timeline.strips.iter().enumerate().map(|(side, strip)| html! {
                <div key={side} class="strip">{ view(strip) }</div>
            })) }
        </div>
    }
}

fn place(start: usize, end: usize, units: usize) -> String {
    format!("left:{};width:{}", percent(start, units), percent(end.saturating_sub(start), units))
}

fn view(strip: &Strip) -> Html {
    let units = strip.units;
    html! {
        <>
            { leaf("div", "stretches", nodes(strip.segments.iter().map(|it| segment(it, units)))) }
            { leaf("div", "events", nodes(strip.events.iter().enumerate().map(|(index, it)| event(index, it, units)))) }
        </>
    }
}

fn segment(segment: &Segment, units: usize) -> Html {
    let half = match segment.half {
        Half::Kernel => "kernel",
        Half::User => "user",
    };
    let mode = if segment.cpl == 3 { "ring3" } else { "ring0" };
    let style = format!("{};--level:{}", place(segment.start, segment.end, units), segment.level);
    html! { <i key={format!("{}-{}", segment.level, segment.start)} class={classes(&[half, mode])} {style}></i> }
}

fn event(index: usize, event: &Happening, units: usize) -> Html {
    let middle = format!("left:calc({} + {} / 2);--level:{}", percent(event.at, units), percent(1, units), event.level);
    let class = match event.kind {
        MarkKind::Injection => "injection",
        MarkKind::Delivery => "delivery",
        MarkKind::FlushingWrite => "flush",
        MarkKind::NoFlushWrite => "noflush",
        MarkKind::Drop | MarkKind::Refill => "drop",
        MarkKind::Shutdown => "shutdown",
        MarkKind::Broken => "broken",
    };
    html! { <b key={index} {class} style={middle} title={event.text.clone()}></b> }
}
