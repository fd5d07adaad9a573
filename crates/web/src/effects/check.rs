//! The second CPU behind the page: fetched on request, in its own worker, which learns what runs.

use super::files::{get, version, words};
use super::workers::{Hand, Heard, Line};
use crate::parts::use_number;
use cr3_session::check::wire::{self, Request, Task};
use cr3_session::check::{Engine, Report, SelfTest, Stage};
use cr3_session::{Action, Role, Side, State};
use js_sys::WebAssembly::Module;
use js_sys::{Promise, Reflect, Uint8Array, WebAssembly};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{ReadableStreamDefaultReader, RequestCache, Response};
use yew::prelude::*;

/// Where the build puts Unicorn, relative to the page.
const FOLDER: &str = "unicorn";

const MEND: &str = "cargo xtask unicorn builds it";

/// Keeps a worker while the check is on, and tells it what is run, swept and tested.
#[hook]
pub(crate) fn use_check(state: &Rc<State>, dispatch: &Callback<Action>) {
    let second = use_mut_ref(|| None::<Hand>);
    let check = &state.check;
    {
        let (second, dispatch) = (second.clone(), dispatch.clone());
        let on = check.is_on();
        use_number(u64::from(check.starts) << 1 | u64::from(on), move || {
            *second.borrow_mut() = on.then(|| start(dispatch)).flatten();
        });
    }
    {
        let (second, state) = (second.clone(), state.clone());
        let ready = check.engine == Engine::Ready;
        use_number(u64::from(check.ticket) << 1 | u64::from(ready), move || {
            if let (true, Some(second)) = (ready, second.borrow().as_ref()) {
                follow(second, &state);
            }
        });
    }
    let sweep = check.sweep.as_ref().filter(|sweep| sweep.stage == Stage::Running).map(|sweep| sweep.side);
    {
        let (second, state) = (second.clone(), state.clone());
        use_number(sweep.map_or(2, |side| side.index() as u64), move || {
            let second = second.borrow();
            match (second.as_ref(), sweep) {
                (Some(second), Some(side)) => {
                    post(second, &Request::Sweep(task(&state, side)));
                }
                (Some(second), None) => post(second, &Request::Stop),
                (None, _) => {}
            }
        });
    }
    let (ticket, testing) = (check.ticket, check.self_test == SelfTest::Running);
    use_number(u64::from(testing), move || {
        if let (true, Some(second)) = (testing, second.borrow().as_ref()) {
            post(second, &Request::Test { ticket });
        }
    });
}

fn post(second: &Hand, request: &Request) {
    second.line().say(&request.encode());
}

/// Follows the current runs. Earlier requests concern runs that are no longer shown.
fn follow(second: &Hand, state: &State) {
    post(second, &Request::Forget);
    for side in Side::BOTH.into_iter().filter(|side| state.runs.trace(*side).is_some()) {
        post(second, &Request::Follow(task(state, side)));
    }
}

fn task(state: &State, side: Side) -> Task {
    let shown = state.runs.trace(side).map(|trace| trace.scenario.clone());
    let scenario = shown.unwrap_or_else(|| state.setup.scenario(side, &state.custom));
    Task { ticket: state.check.ticket, side, scenario }
}

fn start(dispatch: Callback<Action>) -> Option<Hand> {
    let hear = {
        let dispatch = dispatch.clone();
        move |line: &Line, heard| match heard {
            Heard::Started => spawn_local(deliver(line.clone(), dispatch.clone())),
            Heard::Said(text) => {
                if let Some((ticket, report)) = wire::decode(&text) {
                    dispatch.emit(Action::Checked(ticket, report));
                }
            }
            Heard::Gave(_) => {}
            Heard::Broke(why) => dispatch.emit(broke(format!("its worker stopped: {why}"))),
        }
    };
    match Hand::start(Role::SecondCpu, hear) {
        Ok(hand) => Some(hand),
        Err(error) => {
            dispatch.emit(broke(format!("the browser cannot start a worker: {}", words(&error))));
            None
        }
    }
}

fn broke(why: String) -> Action {
    Action::Checked(0, Report::Broke(why))
}

thread_local! {
    /// The compiled module, reused when the check is turned off and on.
    static COMPILED: RefCell<Option<Module>> = const { RefCell::new(None) };
}

/// Fetches Unicorn, unless that was done before, and hands it to the worker.
async fn deliver(line: Line, dispatch: Callback<Action>) {
    let known = COMPILED.with_borrow(Clone::clone);
    let module = match known {
        Some(module) => Ok(module),
        None => fetch(&dispatch, &line).await,
    };
    if line.is_cut() {
        return;
    }
    match module {
        Ok(module) => {
            COMPILED.set(Some(module.clone()));
            if let Err(error) = line.hand(&module) {
                dispatch.emit(broke(words(&error)));
            }
        }
        Err(error) => dispatch.emit(broke(words(&error))),
    }
}

async fn fetch(dispatch: &Callback<Action>, line: &Line) -> Result<Module, JsValue> {
    let version = version(FOLDER, MEND).await?;
    let response = get(&format!("{FOLDER}/unicorn.wasm?v={version}"), RequestCache::Default, MEND).await?;
    let bytes = read(&response, dispatch, line).await?;
    let compiled: Promise = WebAssembly::compile(&bytes);
    Ok(JsFuture::from(compiled).await?.unchecked_into())
}

/// The body, with reports of how much has arrived.
async fn read(response: &Response, dispatch: &Callback<Action>, line: &Line) -> Result<Uint8Array, JsValue> {
    let stream = response.body().ok_or_else(|| JsValue::from_str("the answer has no body"))?;
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut body = Vec::new();
    loop {
        let part = JsFuture::from(reader.read()).await?;
        if Reflect::get(&part, &"done".into())?.is_truthy() || line.is_cut() {
            break;
        }
        body.extend(Uint8Array::new(&Reflect::get(&part, &"value".into())?).to_vec());
        dispatch.emit(Action::Checked(0, Report::Received(u32::try_from(body.len()).unwrap_or(u32::MAX))));
    }
    Ok(Uint8Array::from(body.as_slice()))
}
