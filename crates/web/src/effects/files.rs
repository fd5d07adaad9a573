//! Files beside the page, which it fetches when they are needed.

use cr3_session::Document;
use gloo::utils::{document, window};
use js_sys::Reflect;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, RequestCache, RequestInit, Response, Url};

/// The address of a file beside the page.
pub(super) fn address(file: &str) -> Result<String, JsValue> {
    let base = document().base_uri()?.unwrap_or_default();
    Ok(Url::new_with_base(file, &base)?.href())
}

/// Milliseconds that a server has for a file of a line.
const PATIENCE: u32 = 15_000;

/// A file beside the page; `mend` says what makes it.
pub(super) async fn get(file: &str, cache: RequestCache, mend: &str) -> Result<Response, JsValue> {
    let options = RequestInit::new();
    options.set_cache(cache);
    asked(file, &options, mend).await
}

async fn asked(file: &str, options: &RequestInit, mend: &str) -> Result<Response, JsValue> {
    let answer = window().fetch_with_str_and_init(&address(file)?, options);
    // The browser says only that it failed.
    let response = JsFuture::from(answer).await.map_err(|_| absent(file))?;
    let response: Response = response.unchecked_into();
    match response.ok() {
        true => Ok(response),
        false => Err(JsValue::from_str(&format!("the server has no {file} (status {}); {mend}", response.status()))),
    }
}

/// A text beside the page.
pub(super) async fn text(file: &str) -> Document {
    let text = async {
        let answer = get(file, RequestCache::Default, "cargo xtask build puts it there").await?;
        JsFuture::from(answer.text()?).await
    };
    match text.await {
        Ok(text) => Document::Read(text.as_string().unwrap_or_default().into()),
        Err(error) => Document::Missing(words(&error).into()),
    }
}

/// Why a file did not arrive, and what mends it.
pub(super) fn absent(file: &str) -> String {
    match window().navigator().on_line() {
        true => format!("{file} did not arrive: the server of this page does not answer"),
        false => format!("you are offline, and {file} was not downloaded before"),
    }
}

/// The version of a folder's content, asked for anew each time, so that no cache supplies an older file. A network that neither works
/// nor fails is given up in the end.
pub(super) async fn version(folder: &str, mend: &str) -> Result<String, JsValue> {
    let options = RequestInit::new();
    options.set_cache(RequestCache::NoCache);
    options.set_signal(Some(&AbortSignal::timeout_with_u32(PATIENCE)));
    let text = asked(&format!("{folder}/version.txt"), &options, mend).await?.text()?;
    Ok(JsFuture::from(text).await?.as_string().unwrap_or_default().trim().to_owned())
}

/// The message of a browser error.
pub(super) fn words(error: &JsValue) -> String {
    said(error).or_else(|| error.as_string()).unwrap_or_else(|| "no reason given".to_owned())
}

/// The message of a browser error, if it has one.
pub(super) fn said(error: &JsValue) -> Option<String> {
    Reflect::get(error, &"message".into()).ok()?.as_string()
}
