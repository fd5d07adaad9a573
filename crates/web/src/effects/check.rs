//! The second CPU behind the page: fetched on request, in its own worker, which learns what runs.

use cr3_session::check::wire::{self, Request, Task};
use cr3_session::check::{Engine, Report, SelfTest, Stage};
use cr3_session::{Action, Side, State};
use gloo::utils::document;
use js_sys::WebAssembly::Module;
use js_sys::{Promise, Reflect, Uint8Array, WebAssembly};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    MessageEvent, ReadableStreamDefaultReader, RequestCache, RequestInit, Response, Worker, WorkerOptions, WorkerType,
};
use yew::prelude::*;

/// Where the build puts Unicorn, relative to the page.
const MODULE: &str = "unicorn/unicorn.wasm";

/// Identifies the module's content, so that no cache supplies an older one.
const VERSION: &str = "unicorn/version.txt";

/// The script that starts a worker.
const SCRIPT: &str = "follower/second.js";

/// A worker and what keeps it alive. Dropping this ends the worker.
struct Second {
    worker: Worker,
    _onmessage: Closure<dyn FnMut(MessageEvent)>,
    _onerror: Closure<dyn FnMut(JsValue)>,
    /// Set when the worker is useless: everything under way for it stops.
    ended: Rc<Cell<bool>>,
}

impl Drop for Second {
    fn drop(&mut self) {
        self.ended.set(true);
        self.worker.terminate();
    }
}

impl Second {
    fn post(&self, request: &Request) {
        // It fails only on a value that cannot be copied, and text can.
        let _ = self.worker.post_message(&JsValue::from_str(&request.encode()));
    }
}

/// Keeps a worker while the check is on, and tells it what is run, swept and tested.
#[hook]
pub(crate) fn use_check(state: &Rc<State>, dispatch: &Callback<Action>) {
    let second = use_mut_ref(|| None::<Second>);
    let check = &state.check;
    {
        let (second, dispatch) = (second.clone(), dispatch.clone());
        use_effect_with(check.is_on(), move |on| {
            *second.borrow_mut() = on.then(|| start(dispatch)).flatten();
        });
    }
    {
        let (second, state) = (second.clone(), state.clone());
        use_effect_with((check.engine == Engine::Ready, check.ticket), move |(ready, _)| {
            if let (true, Some(second)) = (*ready, second.borrow().as_ref()) {
                follow(second, &state);
            }
        });
    }
    let sweep = check.sweep.as_ref().filter(|sweep| sweep.stage == Stage::Running).map(|sweep| sweep.side);
    {
        let (second, state) = (second.clone(), state.clone());
        use_effect_with(sweep, move |sweep| {
            let second = second.borrow();
            match (second.as_ref(), sweep) {
                (Some(second), Some(side)) => {
                    second.post(&Request::Sweep(task(&state, *side)));
                }
                (Some(second), None) => second.post(&Request::Stop),
                (None, _) => {}
            }
        });
    }
    let (ticket, testing) = (check.ticket, check.self_test == SelfTest::Running);
    use_effect_with(testing, move |testing| {
        if let (true, Some(second)) = (*testing, second.borrow().as_ref()) {
            second.post(&Request::Test { ticket });
        }
    });
}

/// Follows the current runs. Earlier requests concern runs that are no longer shown.
fn follow(second: &Second, state: &State) {
    second.post(&Request::Forget);
    for side in Side::BOTH.into_iter().filter(|side| state.runs.trace(*side).is_some()) {
        second.post(&Request::Follow(task(state, side)));
    }
}

fn task(state: &State, side: Side) -> Task {
    Task { ticket: state.check.ticket, side, scenario: state.setup.scenario(side, &state.custom) }
}

fn start(dispatch: Callback<Action>) -> Option<Second> {
    match spawn(&dispatch) {
        Ok(second) => Some(second),
        Err(error) => {
            dispatch.emit(broke(format!("the browser cannot start a worker: {}", words(&error))));
            None
        }
    }
}

fn broke(why: String) -> Action {
    Action::Checked(0, Report::Broke(why))
}

/// The message of a browser error.
fn words(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into()).ok().and_then(|message| message.as_string());
    message.or_else(|| error.as_string()).unwrap_or_else(|| "no reason given".to_owned())
}

fn spawn(dispatch: &Callback<Action>) -> Result<Second, JsValue> {
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    let worker = Worker::new_with_options(&address(SCRIPT)?, &options)?;
    let ended = Rc::new(Cell::new(false));
    let onmessage = {
        let (worker, dispatch, ended) = (worker.clone(), dispatch.clone(), ended.clone());
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let Some(text) = event.data().as_string() else { return };
            if text == wire::STARTED {
                spawn_local(deliver(worker.clone(), dispatch.clone(), ended.clone()));
            } else if let Some((ticket, report)) = wire::decode(&text) {
                dispatch.emit(Action::Checked(ticket, report));
            }
        })
    };
    let onerror = {
        let dispatch = dispatch.clone();
        Closure::<dyn FnMut(JsValue)>::new(move |error: JsValue| {
            dispatch.emit(broke(format!("its worker ended: {}", words(&error))));
        })
    };
    worker.set_onmessage(Some(onmessage.as_ref().unchecked_ref()));
    worker.set_onerror(Some(onerror.as_ref().unchecked_ref()));
    Ok(Second { worker, _onmessage: onmessage, _onerror: onerror, ended })
}

/// The address of a file beside the page.
fn address(file: &str) -> Result<String, JsValue> {
    let base = document().base_uri()?.unwrap_or_default();
    Ok(web_sys::Url::new_with_base(file, &base)?.href())
}

thread_local! {
    /// The compiled module, reused when the check is turned off and on.
    static COMPILED: RefCell<Option<Module>> = const { RefCell::new(None) };
}

/// Fetches Unicorn, unless that was done before, and hands it to the worker.
async fn deliver(worker: Worker, dispatch: Callback<Action>, ended: Rc<Cell<bool>>) {
    let known = COMPILED.with_borrow(Clone::clone);
    let module = match known {
        Some(module) => Ok(module),
        None => fetch(&dispatch, &ended).await,
    };
    if ended.get() {
        return;
    }
    match module {
        Ok(module) => {
            COMPILED.set(Some(module.clone()));
            if let Err(error) = worker.post_message(&module) {
                dispatch.emit(broke(words(&error)));
            }
        }
        Err(error) => dispatch.emit(broke(words(&error))),
    }
}

async fn fetch(dispatch: &Callback<Action>, ended: &Cell<bool>) -> Result<Module, JsValue> {
    let text = get(VERSION, RequestCache::NoCache).await?.text()?;
    let version = JsFuture::from(text).await?.as_string().unwrap_or_default();
    let response = get(&format!("{MODULE}?v={}", version.trim()), RequestCache::Default).await?;
    let bytes = read(&response, dispatch, ended).await?;
    let compiled: Promise = WebAssembly::compile(&bytes);
    Ok(JsFuture::from(compiled).await?.unchecked_into())
}

/// A file beside the page.
async fn get(file: &str, cache: RequestCache) -> Result<Response, JsValue> {
    let options = RequestInit::new();
    options.set_cache(cache);
    let answer = gloo::utils::window().fetch_with_str_and_init(&address(file)?, &options);
    let response: Response = JsFuture::from(answer).await?.unchecked_into();
    match response.ok() {
        true => Ok(response),
        false => Err(JsValue::from_str(&format!(
            "the server has no {file} (status {}); cargo xtask unicorn builds it",
            response.status()
        ))),
    }
}

/// The body, with reports of how much has arrived.
async fn read(response: &Response, dispatch: &Callback<Action>, ended: &Cell<bool>) -> Result<Uint8Array, JsValue> {
    let stream = response.body().ok_or_else(|| JsValue::from_str("the answer has no body"))?;
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut body = Vec::new();
    loop {
        let part = JsFuture::from(reader.read()).await?;
        if Reflect::get(&part, &"done".into())?.is_truthy() || ended.get() {
            break;
        }
        body.extend(Uint8Array::new(&Reflect::get(&part, &"value".into())?).to_vec());
        dispatch.emit(Action::Checked(0, Report::Received(u32::try_from(body.len()).unwrap_or(u32::MAX))));
    }
    Ok(Uint8Array::from(body.as_slice()))
}
