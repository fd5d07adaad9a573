//! The page's workers. All run one module, which is fetched and compiled once, when the first of them starts.

use super::broken::worker_broke;
use super::files::{absent, address, get, said, version, words};
use super::rest::rest;
use cr3_session::Role;
use cr3_session::role::STARTED;
use js_sys::{Array, Promise, Uint8Array, WebAssembly};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};
use web_sys::{Event, MessageEvent, RequestCache, Worker, WorkerOptions, WorkerType};

/// Where the build puts the module, its JavaScript and the script that starts both, relative to the page.
const FOLDER: &str = "worker";

const MEND: &str = "cargo xtask build makes it";

/// What is heard of a worker.
pub(super) enum Heard {
    /// It can be written to.
    Started,
    /// A message.
    Said(String),
    /// The same as bytes.
    Gave(Vec<u8>),
    /// It did not start, or broke down: why.
    Broke(String),
}

/// Who hears of a worker.
type Hear = Rc<dyn Fn(&Line, Heard)>;

/// Where a worker is written to.
#[derive(Clone)]
pub(super) struct Line {
    worker: Worker,
    ended: Rc<Cell<bool>>,
    /// How many kernel trees it was given.
    given: Rc<Cell<usize>>,
}

impl Line {
    /// Whether nobody reads at its end: everything under way for it stops.
    pub(super) fn is_cut(&self) -> bool {
        self.ended.get()
    }

    /// Says this, after it was given the kernel trees that it may need for it.
    pub(super) fn say(&self, text: &str) {
        let (gifts, count) = gifts(self.given.get());
        self.given.set(count);
        for text in gifts.iter().map(|gift| &**gift).chain([text]) {
            // It fails only on a value that cannot be copied, and text can.
            let _ = self.worker.post_message(&JsValue::from_str(text));
        }
    }

    /// The worker has all trees that there are: it read them itself.
    pub(super) fn has_given(&self) {
        self.given.set(GIFTS.with_borrow(Vec::len));
    }

    pub(super) fn hand(&self, value: &JsValue) -> Result<(), JsValue> {
        self.worker.post_message(value)
    }
}

/// A worker and what keeps it alive. Dropping this ends the worker.
pub(super) struct Hand {
    line: Line,
    _onmessage: Closure<dyn FnMut(MessageEvent)>,
    _onerror: Closure<dyn FnMut(Event)>,
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.line.ended.set(true);
        self.line.worker.terminate();
    }
}

impl Hand {
    /// Starts a worker. `hear` is called with what is heard of it.
    ///
    /// # Errors
    /// The browser starts no workers.
    pub(super) fn start(role: Role, hear: impl Fn(&Line, Heard) + 'static) -> Result<Self, JsValue> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name(role.name());
        let worker = Worker::new_with_options(&address(&format!("{FOLDER}/worker.js"))?, &options)?;
        let line = Line { worker, ended: Rc::default(), given: Rc::default() };
        let hear: Hear = Rc::new(hear);
        let onmessage = {
            let (line, hear) = (line.clone(), hear.clone());
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| match event.data().as_string() {
                Some(text) if text == STARTED => hear(&line, Heard::Started),
                Some(text) => hear(&line, Heard::Said(text)),
                None => hear(&line, Heard::Gave(Uint8Array::new(&event.data()).to_vec())),
            })
        };
        let onerror = {
            let (line, hear) = (line.clone(), hear.clone());
            Closure::<dyn FnMut(Event)>::new(move |event: Event| {
                // The page says what went wrong.
                event.prevent_default();
                // A script that does not arrive has no message.
                let why = said(&event);
                if let Some(why) = &why {
                    worker_broke(why);
                }
                hear(&line, Heard::Broke(why.unwrap_or_else(|| absent("its script"))));
            })
        };
        line.worker.set_onmessage(Some(onmessage.as_ref().unchecked_ref()));
        line.worker.set_onerror(Some(onerror.as_ref().unchecked_ref()));
        spawn_local(supply(line.clone(), hear));
        Ok(Self { line, _onmessage: onmessage, _onerror: onerror })
    }

    pub(super) fn line(&self) -> &Line {
        &self.line
    }
}

thread_local! {
    /// The kernel trees that workers are given, as messages.
    static GIFTS: RefCell<Vec<Rc<str>>> = const { RefCell::new(Vec::new()) };
}

/// Gives all workers a kernel tree, before anything else is said to them.
pub(super) fn give(tree: &str) {
    GIFTS.with_borrow_mut(|gifts| gifts.push(tree.into()));
}

/// The messages that give a worker the trees, from that number on; and how many there are.
fn gifts(from: usize) -> (Vec<Rc<str>>, usize) {
    GIFTS.with_borrow(|gifts| (gifts.get(from..).unwrap_or_default().to_vec(), gifts.len()))
}

/// Hands the module to a worker.
async fn supply(line: Line, hear: Hear) {
    let parts = JsFuture::from(parts()).await;
    if line.is_cut() {
        return;
    }
    if let Err(error) = parts.and_then(|parts| line.hand(&parts)) {
        hear(&line, Heard::Broke(words(&error)));
    }
}

thread_local! {
    /// The address of the JavaScript and the compiled module, or what is under way for them.
    static PARTS: RefCell<Option<Promise>> = const { RefCell::new(None) };
}

/// The address of the JavaScript and the compiled module. What cannot be had is asked for again the next time.
fn parts() -> Promise {
    let begun = || {
        future_to_promise(async {
            let fetched = fetched().await;
            if fetched.is_err() {
                PARTS.set(None);
            }
            fetched.map(JsValue::from)
        })
    };
    PARTS.with_borrow_mut(|parts| parts.get_or_insert_with(begun).clone())
}

async fn fetched() -> Result<Array, JsValue> {
    // The rest of the page's own module is smaller, and hears what workers say.
    rest().await;
    let version = version(FOLDER, MEND).await?;
    let of_version = |file: &str| format!("{FOLDER}/{file}?v={version}");
    let module = get(&of_version("cr3-worker_bg.wasm"), RequestCache::Default, MEND).await?;
    let bytes = JsFuture::from(module.array_buffer()?).await?;
    let compiled: Promise = WebAssembly::compile(&bytes);
    Ok(Array::of2(&address(&of_version("cr3-worker.js"))?.into(), &JsFuture::from(compiled).await?))
}
