//! The text about limits, fetched when it is opened.

use super::files::text;
use crate::parts::use_number;
use cr3_session::{Action, Document, Overlay, State};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// Where the build puts it, relative to the page.
const FILE: &str = "LIMITS.md";

/// Fetches the text while it is open and not here.
#[hook]
pub(crate) fn use_limits(state: &State, dispatch: &Callback<Action>) {
    let dispatch = dispatch.clone();
    let is_wanted = state.overlay == Overlay::Limits && state.limits == Document::Unread;
    use_number(u64::from(is_wanted), move || {
        if is_wanted {
            spawn_local(async move { dispatch.emit(Action::TakeLimits(text(FILE).await)) });
        }
    });
}
