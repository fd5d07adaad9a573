//! Files that leave the page and come back: the link as a file, what a worker makes of a comparison, and a file with a link
//! that a person chooses.

use super::address::{address, hash};
use super::clipboard::copy;
use super::files::words;
use super::workers::{Hand, Heard, Line};
use cr3_session::export::Export;
use cr3_session::{Action, Overlay, Role, State, link};
use gloo::timers::callback::Timeout;
use gloo::utils::document;
use js_sys::Array;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, BlobPropertyBag, FileList, HtmlElement, Url};
use yew::prelude::*;

/// Milliseconds that a browser has to take a file.
const TAKING: u32 = 60_000;

/// Copies the link. One that is too long for a mail is offered as a file.
pub(crate) fn share(state: &State, dispatch: &Callback<Action>) {
    let what = match state.uses_tree() {
        true => "Link without the kernel tree",
        false if link::is_newer(&hash()) => "Link without parts that only a newer version knows",
        false => "Link",
    };
    copy(address(state), what, dispatch.clone());
    if link::encode(&state.link()).len() > link::LONG {
        dispatch.emit(Action::Open(Overlay::Report));
    }
}

/// Saves the link as a file.
pub(crate) fn save_link(state: &State, dispatch: &Callback<Action>) {
    let file = link::file(&link::encode(&state.link()));
    tell(dispatch, link::FILE, save(link::FILE, "text/plain", &file));
}

/// Lets a worker make a file of the comparison on display, and saves it; the report it copies.
pub(crate) fn save_export(export: Export, state: &State, dispatch: &Callback<Action>) {
    let name = format!("cr3-comparison.{}", export.name());
    let shown = state.on_display();
    let request = export.request(&shown, &address(&shown));
    let hand = Rc::new(RefCell::new(None));
    let hear = {
        let (hand, dispatch, name) = (hand.clone(), dispatch.clone(), name.clone());
        move |line: &Line, heard| match heard {
            Heard::Started => line.say(&request),
            Heard::Said(file) => {
                match export {
                    Export::Report => copy(file, "Report", dispatch.clone()),
                    _ => tell(&dispatch, &name, save(&name, export.media_type(), &file)),
                }
                hand.take();
            }
            Heard::Gave(_) => {}
            Heard::Broke(why) => {
                tell(&dispatch, &name, Err(JsValue::from_str(&why)));
                hand.take();
            }
        }
    };
    match Hand::start(Role::Exports, hear) {
        Ok(started) => {
            hand.replace(Some(started));
        }
        Err(error) => tell(dispatch, &name, Err(error)),
    }
}

fn tell(dispatch: &Callback<Action>, name: &str, saved: Result<(), JsValue>) {
    let words = match saved {
        Ok(()) => format!("{name} is in the browser's downloads."),
        Err(error) => format!("{name} was not saved: {}", words(&error)),
    };
    dispatch.emit(Action::Tell(words));
}

/// Offers a text as a file to download.
fn save(name: &str, media_type: &str, text: &str) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(media_type);
    let blob = Blob::new_with_str_sequence_and_options(&Array::of1(&text.into()), &options)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let anchor: HtmlElement = document().create_element("a")?.unchecked_into();
    anchor.set_attribute("href", &url)?;
    anchor.set_attribute("download", name)?;
    anchor.click();
    // It fails on no address that was made here.
    Timeout::new(TAKING, move || drop(Url::revoke_object_url(&url))).forget();
    Ok(())
}

/// Opens the link that a file has.
pub(crate) fn open_file(files: Option<FileList>, dispatch: &Callback<Action>) {
    let Some(file) = files.and_then(|files| files.get(0)) else { return };
    let dispatch = dispatch.clone();
    spawn_local(async move {
        let text = JsFuture::from(file.text()).await.ok().and_then(|text| text.as_string());
        let link = text.and_then(|text| link::find(&text));
        dispatch.emit(match link {
            Some(link) => Action::OpenLink(link),
            None => Action::Tell(format!("{} has no link of this page.", file.name())),
        });
    });
}
