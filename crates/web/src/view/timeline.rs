//! The timeline: both strips under one slider. Lanes show nesting, and the background shows which tables CR3 selects.

use crate::parts::{classes, nodes, term};
use cr3_session::glossary::{Term, Word};
use cr3_session::view::Half;
use cr3_session::view::row::MarkKind;
use cr3_session::view::timeline::{Event as Happening, Segment, Strip, Timeline};
use cr3_session::{Action, Direction, Target};
use std::rc::Rc;
use wasm_bindgen::JsCast;
use web_sys::{Element, PointerEvent};
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) timeline: Rc<Timeline>,
    pub(crate) cursor: usize,
    pub(crate) names: [&'static str; 2],
    /// The sentence for the current row.
    pub(crate) words: String,
    pub(crate) dispatch: Callback<Action>,
}

#[component]
pub(crate) fn TimelineStrip(props: &Props) -> Html {
    let Props { timeline, cursor, dispatch, .. } = props;
    let rows = timeline.rows;
    let track = use_node_ref();
    let seek = {
        let (track, dispatch) = (track.clone(), dispatch.clone());
        move |event: &PointerEvent| {
            if let Some(row) = row_at(&track, event, rows) {
                dispatch.emit(Action::Seek(row));
            }
        }
    };
    let onpointerdown = {
        let (seek, track) = (seek.clone(), track.clone());
        move |event: PointerEvent| {
            if let Some(element) = track.cast::<Element>() {
                // Without capture a fast drag leaves the strip and scrubbing stops; nothing else is lost.
                let _ = element.set_pointer_capture(event.pointer_id());
            }
            seek(&event);
        }
    };
    let onpointermove = move |event: PointerEvent| {
        if event.buttons() & 1 == 1 {
            seek(&event);
        }
    };
    let onkeydown = {
        let dispatch = dispatch.clone();
        move |event: KeyboardEvent| {
            if let Some((target, direction)) = slider_key(&event.key()) {
                event.prevent_default();
                dispatch.emit(Action::Move(target, direction));
            }
        }
    };
    let last = rows.saturating_sub(1);
    html! {
        <section class="timeline" aria-label="Timeline">
            <div class="names" aria-hidden="true">
                <span>{ props.names[0] }</span>
                <span>{ props.names[1] }</span>
            </div>
            <div class="track" ref={track} role="slider" tabindex="0" aria-label="Step" aria-orientation="horizontal"
                aria-valuemin="1" aria-valuemax={(last + 1).to_string()} aria-valuenow={(cursor + 1).to_string()}
                aria-valuetext={props.words.clone()} style={format!("--lanes:{}", timeline.lanes)}
                {onpointerdown} {onpointermove} {onkeydown}>
                <Strips timeline={timeline.clone()} />
                <div class="ghost">{ if rows == 0 { "no run yet: correct the form to see one" } else { "" } }</div>
                <div class="glass">
                    <div class="cursor" style={format!("left:{};width:{}", percent(*cursor, rows), percent(1, rows))}></div>
                </div>
            </div>
            <ul class="legend" aria-label="Marks of the timeline">
                { nodes(LEGEND.iter().map(|(class, word, text)| html! { <li key={*class} class={*class}>{ term(Term::Word(*word), *text) }</li> })) }
            </ul>
        </section>
    }
}

/// Marks, their class, and what explains them.
const LEGEND: [(&str, Word, &str); 7] = [
    ("kernel", Word::KernelHalf, "kernel tables"),
    ("user", Word::UserHalf, "user tables"),
    ("injection", Word::Injection, "injection"),
    ("flush", Word::Flush, "CR3 write, flush"),
    ("noflush", Word::NoFlush, "no flush"),
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

fn row_at(track: &NodeRef, event: &PointerEvent, rows: usize) -> Option<usize> {
    let bounds = track.cast::<Element>()?.unchecked_into::<Element>().get_bounding_client_rect();
    let share = (f64::from(event.client_x()) - bounds.left()) / bounds.width().max(1.0);
    Some((share.clamp(0.0, 1.0) * rows as f64) as usize)
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
            <div class="differences">
                { nodes(timeline.differences.iter().map(|(start, end)| html! {
                    <i key={*start} style={place(*start, *end, timeline.rows)}></i>
                })) }
            </div>
            { nodes(timeline.strips.iter().enumerate().map(|(side, strip)| html! {
                <div key={side} class="strip">{ view(strip, timeline.rows) }</div>
            })) }
        </div>
    }
}

fn place(start: usize, end: usize, rows: usize) -> String {
    format!("left:{};width:{}", percent(start, rows), percent(end.saturating_sub(start), rows))
}

fn view(strip: &Strip, rows: usize) -> Html {
    html! {
        <>
            <div class="stretches">{ nodes(strip.segments.iter().map(|it| segment(it, rows))) }</div>
            <div class="events">{ nodes(strip.events.iter().enumerate().map(|(index, it)| event(index, it, rows))) }</div>
        </>
    }
}

fn segment(segment: &Segment, rows: usize) -> Html {
    let half = match segment.half {
        Half::Kernel => "kernel",
        Half::User => "user",
    };
    let mode = if segment.cpl == 3 { "ring3" } else { "ring0" };
    let style = format!("{};--level:{}", place(segment.start, segment.end, rows), segment.level);
    html! { <i key={format!("{}-{}", segment.level, segment.start)} class={classes(&[half, mode])} {style}></i> }
}

fn event(index: usize, event: &Happening, rows: usize) -> Html {
    let middle = format!("left:calc({} + {} / 2);--level:{}", percent(event.row, rows), percent(1, rows), event.level);
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
