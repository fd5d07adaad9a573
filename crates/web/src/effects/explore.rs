//! The explorer behind the page, and the questions about claims and lines, each in a worker of its own. Both get requests; the
//! explorer goes deeper while the page rests.

use super::files::words;
use super::workers::{Hand, Heard, Line};
use crate::parts::use_once;
use cr3_session::explore::Message;
use cr3_session::explore::wire::{self, Pace, Request};
use cr3_session::{Action, Role, State};
use gloo::events::EventListener;
use gloo::render::{AnimationFrame, request_animation_frame};
use gloo::timers::callback::Timeout;
use gloo::utils::document;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use yew::prelude::*;

/// Milliseconds after a change before it is judged: another may follow at once.
const PAUSE: u32 = 120;

/// Milliseconds without a key or a pointer after which the page rests.
const REST: u32 = 1500;

/// What a person does that shows that the page does not rest.
const BUSY: [&str; 5] = ["keydown", "pointerdown", "pointermove", "wheel", "visibilitychange"];

/// Who is asked.
enum Worker {
    /// Nobody yet.
    None,
    /// It cannot receive yet. Once it has started it gets all requests.
    Starting {
        _hand: Hand,
    },
    Started(Hand),
}

/// What is asked for, by ticket, and who is asked.
struct Desk {
    role: Role,
    dispatch: Callback<Action>,
    wanted: Vec<(u32, Request)>,
    pace: Pace,
    worker: Worker,
    /// Runs until a change is sent to the worker.
    pause: Option<Timeout>,
    /// The first paint, which nothing is to delay.
    paint: Option<AnimationFrame>,
}

type Shared = Rc<RefCell<Desk>>;

/// Keeps the explorer at what is on display, and has questions answered.
#[hook]
pub(crate) fn use_explore(state: &State, dispatch: &Callback<Action>) {
    let searches = use_mut_ref(|| Desk::new(Role::Explorer, dispatch.clone()));
    let studies = use_mut_ref(|| Desk::new(Role::Studies, dispatch.clone()));
    {
        let (desk, wanted) = (searches.clone(), state.searches());
        use_effect_with(tickets(&wanted), move |_| want(&desk, wanted));
        let (desk, wanted) = (studies.clone(), state.explore.questions());
        use_effect_with(tickets(&wanted), move |_| want(&desk, wanted));
    }
    use_once(move || {
        let rest = Rc::new(RefCell::new(None));
        let busy = {
            let desk = searches.clone();
            Rc::new(move || *rest.borrow_mut() = resting(&desk))
        };
        busy();
        let listeners = BUSY.map(|kind| {
            let busy = busy.clone();
            EventListener::new(&document(), kind, move |_| busy())
        });
        move || {
            drop((listeners, busy));
            [searches, studies].iter().for_each(|desk| desk.borrow_mut().close());
        }
    });
}

fn tickets(wanted: &[(u32, Request)]) -> Vec<u32> {
    wanted.iter().map(|(ticket, _)| *ticket).collect()
}

impl Desk {
    fn new(role: Role, dispatch: Callback<Action>) -> Self {
        let (wanted, pace, worker) = (Vec::new(), Pace::Rest, Worker::None);
        Self { role, dispatch, wanted, pace, worker, pause: None, paint: None }
    }

    fn close(&mut self) {
        (self.worker, self.pause, self.paint) = (Worker::None, None, None);
    }

    /// Says why there is no answer to what is wanted.
    fn give_up(&self, why: &str) {
        let broke = |ticket| Action::Explored(ticket, Message::Broke(why.to_owned()));
        self.wanted.iter().for_each(|(ticket, _)| self.dispatch.emit(broke(*ticket)));
    }

    /// All that is asked for. A worker that has it already ignores it.
    fn requests(&self) -> Vec<Request> {
        let keep = Request::Keep(tickets(&self.wanted));
        let wanted = self.wanted.iter().map(|(_, request)| request.clone());
        std::iter::once(keep).chain(wanted).chain([Request::Go(self.pace)]).collect()
    }

    fn send(&self, requests: &[Request]) {
        if let Worker::Started(hand) = &self.worker {
            requests.iter().for_each(|request| hand.line().say(&request.encode()));
        }
    }
}

/// Asks for this after a pause, and after the first paint. A worker starts when there is something to ask.
fn want(desk: &Shared, wanted: Vec<(u32, Request)>) {
    let mut at = desk.borrow_mut();
    at.wanted = wanted;
    let asks = {
        let desk = desk.clone();
        move || Timeout::new(PAUSE, move || ask(&desk))
    };
    match at.worker {
        Worker::None if at.wanted.is_empty() => {}
        Worker::None => {
            let desk = desk.clone();
            at.paint = Some(request_animation_frame(move |_| {
                let pause = asks();
                desk.borrow_mut().pause = Some(pause);
            }));
        }
        Worker::Starting { .. } | Worker::Started(_) => at.pause = Some(asks()),
    }
}

/// Nothing deeper until the page has rested for a while, in sight. What runs until then is returned.
fn resting(desk: &Shared) -> Option<Timeout> {
    go(desk, Pace::Rest);
    let desk = desk.clone();
    (!document().hidden()).then(|| Timeout::new(REST, move || go(&desk, Pace::Deepen)))
}

fn go(desk: &Shared, pace: Pace) {
    let is_new = std::mem::replace(&mut desk.borrow_mut().pace, pace) != pace;
    if is_new {
        desk.borrow().send(&[Request::Go(pace)]);
        let dispatch = desk.borrow().dispatch.clone();
        dispatch.emit(Action::SearchAt(pace));
    }
}

fn ask(desk: &Shared) {
    if matches!(desk.borrow().worker, Worker::None)
        && let Err(error) = start(desk)
    {
        return desk.borrow().give_up(&format!("this browser cannot start a worker for it ({})", words(&error)));
    }
    let at = desk.borrow();
    at.send(&at.requests());
}

fn start(desk: &Shared) -> Result<(), JsValue> {
    let hear = {
        let desk = desk.clone();
        move |_: &Line, heard| self::hear(&desk, heard)
    };
    let role = desk.borrow().role;
    let hand = Hand::start(role, hear)?;
    desk.borrow_mut().worker = Worker::Starting { _hand: hand };
    Ok(())
}

fn hear(desk: &Shared, heard: Heard) {
    match heard {
        Heard::Started => {
            let mut at = desk.borrow_mut();
            at.worker = match std::mem::replace(&mut at.worker, Worker::None) {
                Worker::Starting { _hand: hand } => Worker::Started(hand),
                other => other,
            };
            at.send(&at.requests());
        }
        Heard::Said(text) => {
            if let Some((ticket, message)) = wire::decode(&text) {
                let dispatch = desk.borrow().dispatch.clone();
                dispatch.emit(Action::Explored(ticket, message));
            }
        }
        Heard::Gave(_) => {}
        Heard::Broke(why) => {
            desk.borrow_mut().worker = Worker::None;
            desk.borrow().give_up(&format!("its worker stopped: {why}; your next change starts a new one"));
        }
    }
}
