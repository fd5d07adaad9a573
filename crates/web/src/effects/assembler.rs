//! Who assembles: a worker, which reads kernel trees for that too. What the page opens with is assembled already.

use super::files::{get, words};
use super::workers::{Hand, Heard, Line, give};
use crate::parts::use_once;
use cr3_session::assembly::ready::Ready;
use cr3_session::assembly::wire::{answer, asked};
use cr3_session::tree::Message;
use cr3_session::tree::wire::decode;
use cr3_session::{Action, Assembler, Role, State, Texts};
use gloo::render::{AnimationFrame, request_animation_frame};
use gloo::timers::callback::Timeout;
use gloo::utils::document;
use js_sys::{Array, Promise, Uint8Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestCache, Response};
use yew::prelude::*;

/// What names the file of assembled texts, which the browser fetches with the module.
const READY: &str = "link#assembled";

const MEND: &str = "cargo xtask build makes it";

/// Milliseconds after the first paint before the worker starts, if nothing is asked before.
const WARM_UP: u32 = 120;

#[wasm_bindgen]
extern "C" {
    /// The bytes of a file that the build has compressed (`static/start.js`).
    #[wasm_bindgen(catch)]
    fn unpacked(packed: &Response) -> Result<Promise, JsValue>;
}

/// The texts of a page. Without the file all of them are assembled by the worker.
pub(crate) async fn texts() -> Texts {
    let ready = ready().await.ok().flatten();
    Texts::new(Assembler::Elsewhere, ready.unwrap_or_default())
}

async fn ready() -> Result<Option<Ready>, JsValue> {
    let link = document().query_selector(READY)?;
    let Some(file) = link.and_then(|link| link.get_attribute("href")) else { return Ok(None) };
    let packed = get(&file, RequestCache::Default, MEND).await?;
    Ok(Ready::read(Uint8Array::new(&JsFuture::from(unpacked(&packed)?).await?).to_vec()))
}

/// The worker, and the messages that wait until it has started.
#[derive(Default)]
struct Desk {
    hand: Option<Hand>,
    has_started: bool,
    /// All that is wanted.
    wanted: String,
    /// Files that a person chose.
    files: Vec<JsValue>,
    /// Whether it reads files.
    reads: bool,
    /// Runs until the worker is started.
    pause: Option<Timeout>,
    /// The first paint, which nothing is to delay.
    paint: Option<AnimationFrame>,
}

thread_local! {
    static DESK: RefCell<Desk> = RefCell::default();
}

/// Asks for the texts that are wanted, and starts the worker before a person needs it.
#[hook]
pub(crate) fn use_assembler(state: &Rc<State>, dispatch: &Callback<Action>) {
    let (state, to) = (state.clone(), dispatch.clone());
    let tickets: Vec<u32> = state.texts.wanted().map(|(ticket, _)| ticket).collect();
    use_effect_with(tickets, move |_| {
        let mut wanted: Vec<_> = state.texts.wanted().collect();
        wanted.reverse();
        let message = asked(&wanted);
        let starts = !wanted.is_empty();
        DESK.with_borrow_mut(|desk| desk.wanted.clone_from(&message));
        if starts || DESK.with_borrow(|desk| desk.hand.is_some()) {
            tell(&to);
        }
    });
    let dispatch = dispatch.clone();
    use_once(move || {
        let warm_up = move |_| {
            let pause = Timeout::new(WARM_UP, move || tell(&dispatch));
            DESK.with_borrow_mut(|desk| desk.pause = Some(pause));
        };
        let paint = request_animation_frame(warm_up);
        DESK.with_borrow_mut(|desk| desk.paint = Some(paint));
        || DESK.set(Desk::default())
    });
}

/// Has the worker read the tree of these files.
pub(super) fn open(paths: &Array, files: &Array, dispatch: &Callback<Action>) {
    dispatch.emit(Action::Tree(Message::Opening));
    DESK.with_borrow_mut(|desk| {
        desk.reads = true;
        desk.files.push(Array::of2(paths, files).into());
    });
    tell(dispatch);
}

/// Starts the worker where there is none; tells it what waits once it has started.
fn tell(dispatch: &Callback<Action>) {
    let told = DESK.with_borrow_mut(|desk| match &desk.hand {
        Some(hand) if desk.has_started => {
            let files = std::mem::take(&mut desk.files);
            files.iter().try_for_each(|files| hand.line().hand(files))?;
            hand.line().say(&desk.wanted);
            Ok(())
        }
        Some(_) => Ok(()),
        None => {
            let dispatch = dispatch.clone();
            desk.hand = Some(Hand::start(Role::Assembler, move |line, heard| hear(line, heard, &dispatch))?);
            Ok(())
        }
    });
    if let Err(error) = told {
        broke(&words(&error), dispatch);
    }
}

/// What is asked next starts another worker.
fn broke(why: &str, dispatch: &Callback<Action>) {
    let reads = DESK.take().reads;
    dispatch.emit(Action::NotAssembled(why.to_owned()));
    if reads {
        dispatch.emit(Action::Tree(Message::Refused(format!("the worker that reads kernel trees failed: {why}"))));
    }
}

fn hear(line: &Line, heard: Heard, dispatch: &Callback<Action>) {
    match heard {
        Heard::Started => {
            DESK.with_borrow_mut(|desk| desk.has_started = true);
            tell(dispatch);
        }
        Heard::Gave(bytes) => {
            if let Some((ticket, answer)) = answer(&bytes) {
                dispatch.emit(Action::Assembled(ticket, answer));
            }
        }
        Heard::Said(text) => match decode(&text) {
            Some(message) => {
                DESK.with_borrow_mut(|desk| desk.reads = false);
                dispatch.emit(Action::Tree(message));
            }
            None => {
                give(&text);
                line.has_given();
            }
        },
        Heard::Broke(why) => broke(&why, dispatch),
    }
}
