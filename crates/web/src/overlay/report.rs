//! What a person writes about what is on display, and everything in which it leaves the page: the command, the report,
//! the link, files.

use super::Sheet;
use crate::effects::{copy, open_file, save_export, save_link, share};
use crate::parts::{leaf, nodes};
use crate::store::sends;
use cr3_session::command::Command;
use cr3_session::export::Export;
use cr3_session::view::notes;
use cr3_session::view::position;
use cr3_session::{Action, State, link};
use std::rc::Rc;
use wasm_bindgen::JsCast;
use web_sys::{HtmlInputElement, HtmlTextAreaElement};
use yew::prelude::*;

pub(super) fn view(state: &Rc<State>, dispatch: &Callback<Action>) -> Html {
    let row = state.cursor;
    let ontitle = sends(dispatch, |event: Event| {
        Some(Action::SetTitle(event.target()?.dyn_into::<HtmlInputElement>().ok()?.value()))
    });
    let onnote = sends(dispatch, move |event: Event| {
        Some(Action::SetNote(row, event.target()?.dyn_into::<HtmlTextAreaElement>().ok()?.value()))
    });
    let onopen = {
        let dispatch = dispatch.clone();
        move |event: Event| {
            let input: HtmlInputElement = event.target_unchecked_into();
            open_file(input.files(), &dispatch);
        }
    };
    let length = link::encode(&state.link()).len();
    let long = match length > link::LONG {
        true => format!("The link has {length} characters, more than mail programs accept: save it as a file."),
        false => format!("The link has {length} characters."),
    };
    html! {
        <Sheet key="report" class="report" title="Report" dispatch={dispatch.clone()}>
            <label>{ leaf("span", "", "Title") }<input class="input" type="text" value={state.title.clone()} onchange={ontitle} /></label>
            <label>
                { leaf("span", "", format!("Note at {}", position::words(state))) }
                <textarea class="area" rows="2" value={notes::here(state).to_owned()} onchange={onnote} />
            </label>
            { leaf("p", "quiet", "The link and the report carry title and notes.") }
            { leaf("pre", "command", Command::of(&state.on_display()).whole()) }
            { leaf("div", "uses", nodes(WAYS.into_iter().map(|way| button(way, state, dispatch)))) }
            <label>{ leaf("span", "", "Open a saved link") }<input type="file" onchange={onopen} /></label>
            <p class="quiet">{ long }{ " A saved link, report or comparison also opens when it is dropped on the page." }</p>
        </Sheet>
    }
}

/// How it leaves the page.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Command,
    Link,
    File,
    Export(Export),
}

/// The ways, in the order in which they are offered.
const WAYS: [Way; 8] = {
    let [json, csv, svg, html] = Export::FILES;
    [
        Way::Command,
        Way::Export(Export::Report),
        Way::Link,
        Way::File,
        Way::Export(json),
        Way::Export(csv),
        Way::Export(svg),
        Way::Export(html),
    ]
};

fn button(way: Way, state: &Rc<State>, dispatch: &Callback<Action>) -> Html {
    let words = match way {
        Way::Command => "Copy the command",
        Way::Export(Export::Report) => "Copy the report",
        Way::Link => "Copy the link",
        Way::File => "Save the link",
        Way::Export(export) => export.label(),
    };
    let onclick = {
        let (state, dispatch) = (state.clone(), dispatch.clone());
        move |_: MouseEvent| leave(way, &state, &dispatch)
    };
    html! { <button type="button" class="button" key={words} {onclick}>{ words }</button> }
}

fn leave(way: Way, state: &Rc<State>, dispatch: &Callback<Action>) {
    match way {
        Way::Command => copy(Command::of(&state.on_display()).whole(), "Command", dispatch.clone()),
        Way::Link => share(state, dispatch),
        Way::File => save_link(state, dispatch),
        Way::Export(export) => save_export(export, state, dispatch),
    }
}
