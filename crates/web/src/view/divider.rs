//! What lies between two panes: a line that can be dragged, or moved by keys.

use crate::effects::next_frame;
use crate::parts::classes;
use crate::store::{does, sends};
use cr3_session::Action;
use cr3_session::panes::{Divider, Panes, Resize};
use wasm_bindgen::JsCast;
use web_sys::{DomRect, Element, PointerEvent};
use yew::prelude::*;

/// CSS pixels by which an arrow key moves it.
const STEP: f64 = 16.0;

/// The widths that a person chose, for the style sheet.
pub(crate) fn widths(panes: Panes) -> String {
    let of = |divider| panes.width(divider).map(|width| format!("--{}:{width}px;", class(divider)));
    Divider::ALL.into_iter().filter_map(of).collect()
}

fn class(divider: Divider) -> &'static str {
    match divider {
        Divider::Code => "code",
        Divider::Inspector => "inspector",
    }
}

pub(crate) fn divider(divider: Divider, panes: Panes, dispatch: &Callback<Action>) -> Html {
    let (least, most) = divider.bounds();
    let width = panes.width(divider).unwrap_or(divider.usual());
    let label = match divider {
        Divider::Code => "Width of the entry code",
        Divider::Inspector => "Width of the state",
    };
    let onpointermove = {
        let dispatch = dispatch.clone();
        move |event: PointerEvent| {
            if event.buttons() & 1 == 1 {
                let dispatch = dispatch.clone();
                next_frame(move || resize(&dispatch, divider, width_at(divider, &event)));
            }
        }
    };
    let onkeydown = sends(dispatch, move |event: KeyboardEvent| {
        let resize = key(divider, &event)?;
        event.prevent_default();
        Some(Action::Resize(divider, resize))
    });
    html! {
        <div class={classes(&["divider", class(divider)])} role="separator" tabindex="0" aria-orientation="vertical" aria-label={label}
            aria-valuemin={least.to_string()} aria-valuemax={most.to_string()} aria-valuenow={width.to_string()}
            aria-valuetext={format!("{width} pixels")} title={format!("{label}: drag, arrow keys; a double click resets it")}
            onpointerdown={capture} {onpointermove} {onkeydown} ondblclick={does(dispatch, Action::Resize(divider, Resize::Usual))}></div>
    }
}

fn capture(event: PointerEvent) {
    if let Some(element) = target(&event) {
        // Without capture a fast drag leaves the line; nothing else is lost.
        let _ = element.set_pointer_capture(event.pointer_id());
    }
}

fn target(event: &Event) -> Option<Element> {
    event.target()?.dyn_into().ok()
}

fn resize(dispatch: &Callback<Action>, divider: Divider, width: Option<f64>) {
    if let Some(width) = width {
        dispatch.emit(Action::Resize(divider, to(width)));
    }
}

fn to(width: f64) -> Resize {
    Resize::To(width.clamp(0.0, f64::from(u16::MAX)) as u16)
}

/// The panes' place in the window.
fn bounds(event: &Event) -> Option<DomRect> {
    Some(target(event)?.parent_element()?.get_bounding_client_rect())
}

/// The width of the pane if its edge were where the pointer is.
fn width_at(divider: Divider, event: &PointerEvent) -> Option<f64> {
    let (bounds, x) = (bounds(event)?, f64::from(event.client_x()));
    Some(match divider {
        Divider::Code => x - bounds.left(),
        Divider::Inspector => bounds.right() - x,
    })
}

/// The width of the pane as it is.
fn width_now(divider: Divider, event: &Event) -> Option<f64> {
    let line = target(event)?.get_bounding_client_rect();
    let middle = line.left() + line.width() / 2.0;
    let bounds = bounds(event)?;
    Some(match divider {
        Divider::Code => middle - bounds.left(),
        Divider::Inspector => bounds.right() - middle,
    })
}

fn key(divider: Divider, event: &KeyboardEvent) -> Option<Resize> {
    let by = |step: f64| {
        let step = if divider == Divider::Code { step } else { -step };
        Some(to(width_now(divider, event)? + step))
    };
    match event.key().as_str() {
        "ArrowRight" => by(STEP),
        "ArrowLeft" => by(-STEP),
        "Home" => Some(Resize::Least),
        "End" => Some(Resize::Most),
        "Enter" => Some(Resize::Usual),
        _ => None,
    }
}
