//! Files beside the page, which it fetches when they are needed.

use gloo::utils::{document, window};
use js_sys::Reflect;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestCache, RequestInit, Response, Url};

/// The address of a file beside the page.
pub(super) fn address(file: &str) -> Result<String, JsValue> {
    let base = document().base_uri()?.unwrap_or_default();
    Ok(Url::new_with_base(file, &base)?.href())
}

/// A file beside the page; `mend` says what makes it.
pub(super) async fn get(file: &str, cache: RequestCache, mend: &str) -> Result<Response, JsValue> {
    let options = RequestInit::new();
    options.set_cache(cache);
    let answer = window().fetch_with_str_and_init(&address(file)?, &options);
    let response: Response = JsFuture::from(answer).await?.unchecked_into();
    match response.ok() {
        true => Ok(response),
        false => Err(JsValue::from_str(&format!("the server has no {file} (status {}); {mend}", response.status()))),
    }
}

/// The version of a folder's content, asked for anew each time, so that no cache supplies an older file.
pub(super) async fn version(folder: &str, mend: &str) -> Result<String, JsValue> {
    let text = get(&format!("{folder}/version.txt"), RequestCache::NoCache, mend).await?.text()?;
    Ok(JsFuture::from(text).await?.as_string().unwrap_or_default().trim().to_owned())
}

/// The message of a browser error.
pub(super) fn words(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into()).ok().and_then(|message| message.as_string());
    message.or_else(|| error.as_string()).unwrap_or_else(|| "no reason given".to_owned())
}
