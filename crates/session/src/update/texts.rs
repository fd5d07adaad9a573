//! The texts of a person's own, and those put aside.

use super::{ask, record};
use crate::aim::Aim;
use crate::choice::Side;
use crate::drafts;
use crate::state::State;
use std::sync::Arc;

/// Maximum length of a custom form in bytes. The rest of a longer paste is dropped, with a notice.
const DRAFT_LIMIT: usize = crate::link::TEXT_LIMIT;

pub(super) fn edit_draft(state: &mut State, text: String) {
    if text.len() > DRAFT_LIMIT {
        state.notice =
            Some(format!("A custom form can have up to {} KiB; the rest of the text was dropped.", DRAFT_LIMIT >> 10));
    }
    replace_custom(state, state.edited, shortened(text).into());
}

pub(super) fn take_text(state: &mut State, text: String) {
    let before = state.text().clone();
    edit_draft(state, text);
    put_aside(state, before);
}

pub(super) fn shortened(mut text: String) -> String {
    if text.len() > DRAFT_LIMIT {
        text.truncate(drafts::shortened(&text).len());
    }
    text
}

pub(super) fn replace_custom(state: &mut State, side: Side, text: Arc<str>) {
    if *state.custom.of(side) == text {
        return;
    }
    state.custom = state.custom.clone().with(side, text);
    match state.setup.uses_text(side) {
        true => record(state, Aim::Step),
        false => ask(state),
    }
}

/// Whether the other side has a text that this one could take.
pub(super) fn is_another(state: &State) -> bool {
    let other = state.custom.of(state.edited.other());
    !other.trim().is_empty() && other != state.text()
}

pub(super) fn take_other_text(state: &mut State) {
    if is_another(state) {
        let before = state.text().clone();
        replace_custom(state, state.edited, state.custom.of(state.edited.other()).clone());
        put_aside(state, before);
    }
}

pub(super) fn put_aside(state: &mut State, text: Arc<str>) {
    state.aside.insert(0, text);
    tidy_aside(state);
}

/// The texts of the sides are not put aside too.
fn tidy_aside(state: &mut State) {
    let others = state.aside.iter().filter(|text| !state.custom.contains(text)).cloned();
    state.aside = drafts::tidy(others);
}

pub(super) fn take_draft(state: &mut State, index: usize) {
    if index < state.aside.len() {
        let text = state.aside.remove(index);
        state.aside.insert(0, state.text().clone());
        replace_custom(state, state.edited, text);
        tidy_aside(state);
    }
}

pub(super) fn forget_draft(state: &mut State, index: usize) {
    if index < state.aside.len() {
        state.aside.remove(index);
    }
}
