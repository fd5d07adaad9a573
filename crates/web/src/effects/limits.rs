//! The text about limits, fetched when it is opened.

use super::files::{get, words};
use cr3_session::{Action, Document, Overlay, State};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::RequestCache;
use yew::prelude::*;

/// Where the build puts it, relative to the page.
const FILE: &str = "LIMITS.md";

/// Fetches the text while it is open and not here.
#[hook]
pub(crate) fn use_limits(state: &State, dispatch: &Callback<Action>) {
    let dispatch = dispatch.clone();
    let is_wanted = state.overlay == Overlay::Limits && state.limits == Document::Unread;
    use_effect_with(is_wanted, move |is_wanted| {
        if *is_wanted {
            spawn_local(async move { dispatch.emit(Action::TakeLimits(fetched().await)) });
        }
    });
}

async fn fetched() -> Document {
    match text().await {
        Ok(text) => Document::Read(text.into()),
        Err(error) => Document::Missing(words(&error).into()),
    }
}

async fn text() -> Result<String, JsValue> {
    let answer = get(FILE, RequestCache::Default, "cargo xtask build puts it there").await?;
    Ok(JsFuture::from(answer.text()?).await?.as_string().unwrap_or_default())
}
