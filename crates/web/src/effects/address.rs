//! The address bar describes what the page shows. Another scenario is a navigation that Back undoes; another step is
//! not.

use crate::parts::use_once;
use cr3_session::{Action, State, link};
use gloo::events::EventListener;
use gloo::timers::callback::Timeout;
use gloo::utils::window;
use js_sys::Date;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use yew::prelude::*;

/// Milliseconds before a change is written: the page is drawn first.
const SOON: u32 = 20;

/// Minimum milliseconds between two changes of the address: browsers refuse more than a few per second.
const PACE: u32 = 200;

/// Milliseconds after which the next pause is the last that a change waits for, although a person still scrubs. Browsers fetch the page's icon again for each.
const LATEST: f64 = 1000.0;

/// Browsers take longer to write a longer address: a millisecond more of pause for so many characters.
const LENGTH: u32 = 40;

thread_local! {
    /// What is shown.
    static NEWEST: RefCell<Option<Rc<State>>> = const { RefCell::new(None) };
}

/// Writes what is shown into the address at once: nothing of this module may run any more after this.
pub(super) fn write_newest() {
    // Taken out: what breaks down here must not come back here.
    let newest = NEWEST.try_with(|newest| newest.try_borrow_mut().ok()?.take()).ok().flatten();
    if let Some(state) = newest.filter(|_| !link::is_newer(&hash())) {
        write(&link::encode(&state.link()), History::Replace);
    }
}

/// The address after `#`.
pub(crate) fn hash() -> String {
    let hash = window().location().hash().unwrap_or_default();
    hash.strip_prefix('#').unwrap_or(&hash).to_owned()
}

/// The whole address of what a state shows, which the address bar may not show yet.
pub(crate) fn address(state: &State) -> String {
    let href = window().location().href().unwrap_or_default();
    let page = href.split('#').next().unwrap_or_default();
    format!("{page}#{}", link::encode(&state.link()))
}

#[derive(Default)]
struct Bar {
    /// The fragment that this page last wrote or opened. If the address differs, a navigation is under way, and its
    /// event will come.
    known: Option<String>,
    /// Runs until the next change may be written.
    pause: Option<Timeout>,
    /// When the pause that follows a change began, and how long it is, in milliseconds.
    since: Option<(f64, u32)>,
    /// What to write after the pause.
    waiting: Option<Rc<State>>,
    /// What was shown before.
    before: Option<Rc<State>>,
    /// Whether a newer page wrote what the address bar shows, once somebody asked.
    is_newer: Option<bool>,
}

impl Bar {
    fn write(&mut self, text: &str, how: History) {
        self.waiting = None;
        if self.known.as_ref().is_none_or(|known| *known == hash()) {
            write(text, how);
            self.known = Some(hash());
            self.is_newer = None;
        }
    }

    /// A link of thousands of injections takes long to read, and is read once.
    fn is_newer(&mut self) -> bool {
        *self.is_newer.get_or_insert_with(|| link::is_newer(&hash()))
    }
}

/// Milliseconds between writing this and the next change.
fn pause(text: &str) -> u32 {
    PACE + text.len() as u32 / LENGTH
}

/// Keeps the address and the state in step.
#[hook]
pub(crate) fn use_address(state: &Rc<State>, dispatch: &Callback<Action>) {
    let bar = use_mut_ref(Bar::default);
    {
        let bar = bar.clone();
        use_effect_with(state.clone(), move |state| {
            NEWEST.set(Some(state.clone()));
            let before = bar.borrow_mut().before.replace(state.clone());
            // A step changes no scenario, and a link of two thousand injections takes long to read.
            let is_same = before.is_some_and(|before| before.asks_what(state));
            let scenario = || link::decode(&hash()).0.scenario();
            if !is_same && scenario() != state.link().scenario() {
                bar.borrow_mut().write(&link::encode(&state.link()), History::Push);
            } else if !bar.borrow_mut().is_newer() {
                // A link that a newer page wrote may say more than this one understands: it stays until the scenario is another.
                wait(&bar, state);
            }
        });
    }
    let dispatch = dispatch.clone();
    use_once(move || {
        let popped = EventListener::new(&window(), "popstate", move |_| {
            let text = hash();
            bar.borrow_mut().waiting = None;
            bar.borrow_mut().known = Some(text.clone());
            bar.borrow_mut().before = None;
            bar.borrow_mut().is_newer = None;
            dispatch.emit(Action::OpenLink(text));
        });
        move || drop(popped)
    });
}

/// Writes a state later: soon if nothing was written lately, and otherwise once the changes pause.
fn wait(bar: &Rc<RefCell<Bar>>, state: &Rc<State>) {
    let next = |milliseconds| Timeout::new(milliseconds, resume(bar.clone()));
    let mut known = bar.borrow_mut();
    known.waiting = Some(state.clone());
    match known.since {
        Some((begun, pause)) if known.pause.is_some() && (0.0..LATEST).contains(&(Date::now() - begun)) => {
            known.pause = Some(next(pause))
        }
        _ if known.pause.is_none() => known.pause = Some(next(SOON)),
        _ => {}
    }
}

fn resume(bar: Rc<RefCell<Bar>>) -> impl FnOnce() {
    move || {
        let waiting = bar.borrow_mut().waiting.take().map(|state| link::encode(&state.link()));
        let waiting = waiting.filter(|text| hash() != *text);
        let pause = waiting.as_ref().map(|text| pause(text));
        let timeout = pause.map(|pause| Timeout::new(pause, resume(bar.clone())));
        let mut bar = bar.borrow_mut();
        bar.since = pause.map(|pause| (Date::now(), pause));
        bar.pause = timeout;
        if let Some(text) = waiting {
            bar.write(&text, History::Replace);
        }
    }
}

#[derive(Clone, Copy)]
enum History {
    Push,
    Replace,
}

fn write(text: &str, how: History) {
    let Ok(history) = window().history() else {
        return;
    };
    let url = format!("#{text}");
    // A browser may refuse. The next change tries again, and Share does not read the address bar.
    let _ = match how {
        History::Push => history.push_state_with_url(&JsValue::NULL, "", Some(&url)),
        History::Replace => history.replace_state_with_url(&JsValue::NULL, "", Some(&url)),
    };
}
