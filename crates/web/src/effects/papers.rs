//! Texts beside the page, fetched when what shows them is opened.

use super::files::text;
use crate::parts::use_number;
use cr3_session::{Action, State};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// Fetches the text that is open and not here.
#[hook]
pub(crate) fn use_papers(state: &State, dispatch: &Callback<Action>) {
    let dispatch = dispatch.clone();
    let wanted = state.papers.wanted(&state.overlay);
    use_number(wanted.map_or(0, |paper| 1 + paper as u64), move || {
        if let Some(paper) = wanted {
            spawn_local(async move { dispatch.emit(Action::TakePaper(paper, text(paper.file()).await)) });
        }
    });
}
