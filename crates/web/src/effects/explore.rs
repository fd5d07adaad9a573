//! The explorer behind the page: in a worker that runs the page's own module, or in the page where the browser starts none. It is told
//! what is on display, and goes deeper while the page rests.

use crate::mill::{Mill, Stroke};
use cr3_session::explore::Told;
use cr3_session::explore::wire::{self, Pace, Request};
use cr3_session::{Action, State};
use gloo::events::EventListener;
use gloo::render::{AnimationFrame, request_animation_frame};
use gloo::timers::callback::Timeout;
use gloo::utils::document;
use js_sys::Array;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, BlobPropertyBag, MessageEvent, Url, Worker, WorkerOptions, WorkerType};
use yew::prelude::*;

/// Milliseconds after a change before it is judged: another may follow at once.
const PAUSE: u32 = 120;

/// Milliseconds without a key or a pointer after which the page rests.
const REST: u32 = 1500;

/// In the page itself a slice takes well below 8 milliseconds.
const STROKE: Stroke = Stroke { steps: 10_000, gap: 4 };

/// What a person does that shows that the page does not rest.
const BUSY: [&str; 4] = ["keydown", "pointerdown", "pointermove", "wheel"];

/// Starts the page's own module in a worker.
const SCRIPT: &str = "onmessage = async ({ data: [glue, module] }) => {
  onmessage = null;
  try {
    const { default: start } = await import(glue);
    await start({ module_or_path: module });
  } catch (error) {
    reportError(error);
  }
};";

#[wasm_bindgen]
extern "C" {
    type ImportMeta;

    #[wasm_bindgen(method, getter)]
    fn url(this: &ImportMeta) -> String;

    #[wasm_bindgen(thread_local_v2, js_namespace = import, js_name = meta)]
    static IMPORT_META: ImportMeta;
}

/// Who searches.
enum Searcher {
    /// A worker that is starting: it hears nothing yet.
    Starting {
        _worker: Hand,
    },
    Worker(Hand),
    Page(Mill),
}

/// A worker with what it needs to be kept alive. Dropping it ends the worker.
struct Hand {
    worker: Worker,
    _onmessage: Closure<dyn FnMut(MessageEvent)>,
    _onerror: Closure<dyn FnMut(Event)>,
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

/// What is asked for, by ticket, and who is asked.
struct Desk {
    dispatch: Callback<Action>,
    wanted: Vec<(u32, Request)>,
    pace: Pace,
    searcher: Option<Searcher>,
    /// Runs until a change is judged.
    pause: Option<Timeout>,
    /// Runs until the page rests.
    rest: Option<Timeout>,
    /// The first paint, which nothing is to delay.
    paint: Option<AnimationFrame>,
}

type Shared = Rc<RefCell<Desk>>;

/// Keeps the explorer at what is on display.
#[hook]
pub(crate) fn use_explore(state: &State, dispatch: &Callback<Action>) {
    let desk = use_mut_ref(|| Desk::new(dispatch.clone()));
    {
        let desk = desk.clone();
        let explore = &state.explore;
        let tickets = (explore.sides.each_ref().map(|judged| judged.ticket), explore.studies.tickets());
        let wanted = explore.requests();
        use_effect_with(tickets, move |_| want(&desk, wanted));
    }
    use_effect_with((), move |()| {
        let listeners = BUSY.map(|kind| {
            let desk = desk.clone();
            EventListener::new(&document(), kind, move |_| busy(&desk))
        });
        move || {
            drop(listeners);
            desk.borrow_mut().close();
        }
    });
}

impl Desk {
    fn new(dispatch: Callback<Action>) -> Self {
        Self { dispatch, wanted: Vec::new(), pace: Pace::Rest, searcher: None, pause: None, rest: None, paint: None }
    }

    fn close(&mut self) {
        (self.searcher, self.pause, self.rest, self.paint) = (None, None, None, None);
    }

    /// Says why nothing comes of a search or a question.
    fn tell(&self, ticket: u32, why: &str) {
        self.dispatch.emit(Action::Explored(ticket, Told::Broke(why.to_owned())));
    }

    /// All that is asked for. Whoever knows it already is not disturbed by it.
    fn requests(&self) -> Vec<Request> {
        let keep = Request::Keep(self.wanted.iter().map(|(ticket, _)| *ticket).collect());
        let wanted = self.wanted.iter().map(|(_, request)| request.clone());
        std::iter::once(keep).chain(wanted).chain([Request::Go(self.pace)]).collect()
    }
}

/// Asks for this after a pause, and after the first paint.
fn want(desk: &Shared, wanted: Vec<(u32, Request)>) {
    let mut at = desk.borrow_mut();
    at.wanted = wanted;
    let asks = {
        let desk = desk.clone();
        move || Timeout::new(PAUSE, move || ask(&desk))
    };
    if at.searcher.is_some() {
        at.pause = Some(asks());
    } else {
        let desk = desk.clone();
        at.paint = Some(request_animation_frame(move |_| {
            let pause = asks();
            desk.borrow_mut().pause = Some(pause);
        }));
    }
    drop(at);
    busy(desk);
}

/// Nothing deeper until the page has rested for a while.
fn busy(desk: &Shared) {
    let rest = {
        let desk = desk.clone();
        Timeout::new(REST, move || go(&desk, Pace::Deepen))
    };
    desk.borrow_mut().rest = Some(rest);
    go(desk, Pace::Rest);
}

fn go(desk: &Shared, pace: Pace) {
    let is_new = std::mem::replace(&mut desk.borrow_mut().pace, pace) != pace;
    if is_new {
        send(desk, vec![Request::Go(pace)]);
    }
}

fn ask(desk: &Shared) {
    let is_there = desk.borrow().searcher.is_some();
    if !is_there {
        let searcher = start(desk).unwrap_or_else(|_| in_page(desk));
        desk.borrow_mut().searcher = Some(searcher);
    }
    let requests = desk.borrow().requests();
    send(desk, requests);
}

fn send(desk: &Shared, requests: Vec<Request>) {
    match &desk.borrow().searcher {
        // Once it has started it is told everything.
        None | Some(Searcher::Starting { .. }) => {}
        Some(Searcher::Worker(hand)) => {
            for request in &requests {
                // Only a value that cannot be copied makes it fail, and text can.
                let _ = hand.worker.post_message(&JsValue::from_str(&request.encode()));
            }
        }
        Some(Searcher::Page(mill)) => requests.into_iter().for_each(|request| match request {
            // A piece of it takes seconds, in which the page would stand still.
            Request::Study(ticket, _) => desk.borrow().tell(ticket, "this browser starts no worker for it"),
            request => mill.take(request),
        }),
    }
}

fn in_page(desk: &Shared) -> Searcher {
    let dispatch = desk.borrow().dispatch.clone();
    Searcher::Page(Mill::new(STROKE, move |ticket, told| dispatch.emit(Action::Explored(ticket, told))))
}

fn start(desk: &Shared) -> Result<Searcher, JsValue> {
    let worker = worker()?;
    let onmessage = {
        let desk = desk.clone();
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(text) = event.data().as_string() {
                hear(&desk, &text);
            }
        })
    };
    let onerror = {
        let desk = desk.clone();
        Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            // What went wrong is said on the page, or mended.
            event.prevent_default();
            lose(&desk);
        })
    };
    worker.set_onmessage(Some(onmessage.as_ref().unchecked_ref()));
    worker.set_onerror(Some(onerror.as_ref().unchecked_ref()));
    let module = Array::of2(&IMPORT_META.with(ImportMeta::url).into(), &wasm_bindgen::module());
    worker.post_message(&module)?;
    Ok(Searcher::Starting { _worker: Hand { worker, _onmessage: onmessage, _onerror: onerror } })
}

fn worker() -> Result<Worker, JsValue> {
    let bag = BlobPropertyBag::new();
    bag.set_type("text/javascript");
    let script = Blob::new_with_str_sequence_and_options(&Array::of1(&SCRIPT.into()), &bag)?;
    let address = Url::create_object_url_with_blob(&script)?;
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    let worker = Worker::new_with_options(&address, &options);
    Url::revoke_object_url(&address)?;
    worker
}

fn hear(desk: &Shared, text: &str) {
    if text == wire::STARTED {
        let searcher = desk.borrow_mut().searcher.take();
        let searcher = searcher.map(|searcher| match searcher {
            Searcher::Starting { _worker: hand } => Searcher::Worker(hand),
            other => other,
        });
        desk.borrow_mut().searcher = searcher;
        let requests = desk.borrow().requests();
        send(desk, requests);
    } else if let Some((ticket, told)) = wire::decode(text) {
        let dispatch = desk.borrow().dispatch.clone();
        dispatch.emit(Action::Explored(ticket, told));
    }
}

/// A worker that does not start leaves the search to the page. One that breaks down later says so; the next change starts another.
fn lose(desk: &Shared) {
    let searcher = desk.borrow_mut().searcher.take();
    if matches!(searcher, Some(Searcher::Starting { .. })) {
        let searcher = in_page(desk);
        desk.borrow_mut().searcher = Some(searcher);
        let requests = desk.borrow().requests();
        return send(desk, requests);
    }
    let desk = desk.borrow();
    desk.wanted
        .iter()
        .for_each(|(ticket, _)| desk.tell(*ticket, "its worker broke down; the next change starts another"));
}
