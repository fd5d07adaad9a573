//! The search.

use super::Sheet;
use crate::parts::{leaf, nodes};
use crate::store::{does, sends};
use cr3_session::find::{Item, shown};
use cr3_session::{Action, Direction, State, announce, update};
use std::rc::Rc;
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;
use yew::prelude::*;

pub(super) fn view(state: &Rc<State>, dispatch: &Callback<Action>) -> Html {
    let (items, words) = shown(state);
    let chosen = items.iter().position(|item| item.is_chosen);
    let oninput = sends(dispatch, |event: InputEvent| {
        let input = event.target()?.dyn_into::<HtmlInputElement>().ok()?;
        Some(Action::Search(input.value()))
    });
    let onkeydown = {
        let (state, dispatch) = (state.clone(), dispatch.clone());
        move |event: KeyboardEvent| {
            // What was typed last may not be drawn yet.
            let typed = event.target_dyn_into::<HtmlInputElement>().map(|input| input.value());
            let state = match typed.filter(|typed| *typed != state.query) {
                Some(typed) => Rc::new(update(&state, Action::Search(typed))),
                None => state.clone(),
            };
            let action = match event.key().as_str() {
                "ArrowDown" => Some(Action::Find(Direction::Forward)),
                "ArrowUp" => Some(Action::Find(Direction::Backward)),
                "Enter" => {
                    shown(&state).0.into_iter().find(|item| item.is_chosen).map(|item| Action::TakeFound(item.at))
                }
                _ => return,
            };
            event.prevent_default();
            action.into_iter().flat_map(|action| announce::answer(&state, action)).for_each(|it| dispatch.emit(it));
        }
    };
    html! {
        <Sheet key="find" title="Search" class="find" dispatch={dispatch.clone()}>
            <input class="input" type="text" autofocus=true spellcheck="false" autocomplete="off" role="combobox"
                aria-label="Search steps, labels, addresses and instructions" aria-expanded="true" aria-controls="found"
                aria-activedescendant={chosen.map(found_id)} placeholder="41, exc_nmi, 0xffffffff8100, movq %r14, %cr3"
                value={state.query.clone()} {oninput} {onkeydown} />
            <p class="dim" role="status">{ words }</p>
            <ul id="found" role="listbox" aria-label="What the search finds">
                { nodes(items.iter().enumerate().map(|(index, item)| option(index, item, dispatch))) }
            </ul>
        </Sheet>
    }
}

fn found_id(index: usize) -> String {
    format!("found-{index}")
}

fn option(index: usize, item: &Item, dispatch: &Callback<Action>) -> Html {
    html! {
        <li key={index} id={found_id(index)} role="option" aria-selected={item.is_chosen.to_string()}
            onclick={does(dispatch, Action::TakeFound(item.at.clone()))}>
            { leaf("span", "quiet", &item.step) }{ leaf("code", "", format!("{}  {}", item.place, item.text)) }
        </li>
    }
}
