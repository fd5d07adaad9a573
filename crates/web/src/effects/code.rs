//! The editor in the place of the text area, once its module is here. Without it the text area stays.

use super::files::{address, version, words};
use crate::parts::use_once;
use cr3_session::Side;
use cr3_session::view::diagnostics::{Problem, Verdict};
use gloo::events::EventListener;
use js_sys::{Array, Function, Promise};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Element, HtmlTextAreaElement};
use yew::prelude::*;

/// Where the build puts the editor, relative to the page.
const FOLDER: &str = "editor";

const MEND: &str = "cargo xtask build bundles it";

#[wasm_bindgen]
extern "C" {
    /// Of `static/start.js`.
    #[wasm_bindgen(catch)]
    fn bring(address: &str) -> Result<Promise, JsValue>;

    /// `editor/src/editor.js`.
    type Module;
    #[wasm_bindgen(method, catch)]
    fn open(
        this: &Module,
        area: &HtmlTextAreaElement,
        parent: &Element,
        side: usize,
        typed: &Function,
        stands: &Function,
        names: &Function,
    ) -> Result<View, JsValue>;

    type View;
    #[wasm_bindgen(method, catch)]
    fn show(this: &View, side: usize, text: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn mark(this: &View, problems: &Array) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn against(this: &View, original: Option<&str>) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn close(this: &View) -> Result<(), JsValue>;
}

/// An editor on the page. It goes with the last that holds it.
struct Code {
    view: View,
    _typed: Closure<dyn FnMut(String)>,
    _stands: Closure<dyn FnMut(u32)>,
    _names: Closure<dyn FnMut() -> String>,
}

impl Drop for Code {
    fn drop(&mut self) {
        // What does not close has gone with its place.
        let _ = self.view.close();
    }
}

/// Where the editor is on the page.
#[derive(Clone, PartialEq)]
pub(crate) struct Seat {
    /// The text area whose place it takes.
    pub(crate) area: NodeRef,
    /// What it is put into.
    pub(crate) parent: NodeRef,
}

/// What the editor shows.
pub(crate) struct Shown {
    /// The side whose text it is.
    pub(crate) side: Side,
    /// The text; none while the one that is being typed is not taken yet.
    pub(crate) text: Option<Arc<str>>,
    /// The text that it is shown against.
    pub(crate) original: Option<Arc<str>>,
    /// What is to be said of the text.
    pub(crate) verdict: Rc<Verdict>,
}

/// What the editor tells and asks.
#[derive(Clone)]
pub(crate) struct Ears {
    /// Says whose text the text area has.
    pub(crate) side: Callback<(), Side>,
    /// Hears the text at each change by a person.
    pub(crate) typed: Callback<String>,
    /// Hears in which line the cursor is, from 1.
    pub(crate) stands: Callback<u32>,
    /// Has the names that can be completed, a line each: the kind, a blank, the name.
    pub(crate) names: Callback<(), String>,
}

type Held = UseStateHandle<Option<Rc<Code>>>;

/// What a person types into.
#[derive(Clone, PartialEq)]
pub(crate) enum Place {
    /// The text area, for now or because the editor of code does not work.
    Area,
    /// The text area, because the editor of code did not arrive: why.
    Alone(Rc<str>),
    /// The editor of code.
    Code,
}

/// Puts the editor into its place once it is loaded. What a person types into meanwhile, and where it does not come.
#[hook]
pub(crate) fn use_code(seat: &Seat, shown: Shown, ears: &Ears) -> Place {
    let held: Held = use_state(|| None::<Rc<Code>>);
    let absent = use_state_eq(|| None::<Rc<str>>);
    let composing = use_composing(&seat.area);
    {
        let (seat, ears, setter, absent) = (seat.clone(), ears.clone(), held.setter(), absent.setter());
        use_once(move || {
            spawn_local(async move {
                match load().await {
                    Ok(module) => {
                        settled(&seat.area, &composing).await;
                        setter.set(take_place(&module, &seat, ears).ok().map(Rc::new));
                    }
                    Err(error) => absent.set(Some(words(&error).into())),
                }
            });
            || ()
        });
    }
    let Shown { side, text, original, verdict } = shown;
    let is_taken = text.is_some();
    use_shown(&held, (side, text), |view, (side, text)| {
        text.as_ref().map_or(Ok(()), |text| view.show(side.index(), text))
    });
    use_shown(&held, original, |view, original| view.against(original.as_deref()));
    use_shown(&held, is_taken.then_some(Same(verdict)), |view, verdict| {
        verdict.as_ref().map_or(Ok(()), |Same(verdict)| view.mark(&marks(verdict)))
    });
    match (held.is_some(), &*absent) {
        (true, _) => Place::Code,
        (false, Some(why)) => Place::Alone(why.clone()),
        (false, None) => Place::Area,
    }
}

/// Shares a value, and is equal to nothing else: what is long is not compared.
#[derive(Clone)]
struct Same<T>(Rc<T>);

impl<T> PartialEq for Same<T> {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// Shows a value where it is new. An editor that breaks down leaves the place to the text area, which has the same text.
#[hook]
fn use_shown<T: PartialEq + 'static>(held: &Held, value: T, show: fn(&View, &T) -> Result<(), JsValue>) {
    let setter = held.setter();
    let view = (**held).clone();
    let is_there = view.is_some();
    use_effect_with((is_there, value), move |(_, value)| {
        if view.is_some_and(|code| show(&code.view, value).is_err()) {
            setter.set(None);
        }
    });
}

async fn load() -> Result<Module, JsValue> {
    let version = version(FOLDER, MEND).await?;
    let module = bring(&address(&format!("{FOLDER}/editor.js?v={version}"))?)?;
    Ok(JsFuture::from(module).await?.unchecked_into())
}

fn take_place(module: &Module, seat: &Seat, Ears { side, typed, stands, names }: Ears) -> Result<Code, JsValue> {
    let (area, parent) = seat.area.cast().zip(seat.parent.cast()).ok_or("the editor is closed")?;
    let side = side.emit(()).index();
    let typed = Closure::new(move |text| typed.emit(text));
    let stands = Closure::new(move |line| stands.emit(line));
    let names = Closure::new(move || names.emit(()));
    let [heard, moved, asked] = [typed.as_ref(), stands.as_ref(), names.as_ref()].map(JsCast::unchecked_ref);
    let view = module.open(&area, &parent, side, heard, moved, asked)?;
    Ok(Code { view, _typed: typed, _stands: stands, _names: names })
}

/// Waits until a character that is being composed of several keys is there.
async fn settled(area: &NodeRef, composing: &Rc<Cell<bool>>) {
    let Some(area) = area.get().filter(|_| composing.get()) else { return };
    let ended = Promise::new(&mut |resolve, _| {
        EventListener::once(&area, "compositionend", move |_| drop(resolve.call0(&JsValue::NULL))).forget();
    });
    // A promise that nobody rejects.
    let _ = JsFuture::from(ended).await;
}

/// Whether a character is being composed in the text area.
#[hook]
fn use_composing(area: &NodeRef) -> Rc<Cell<bool>> {
    let composing = use_memo((), |()| Cell::new(false));
    let (area, told) = (area.clone(), composing.clone());
    use_once(move || {
        let on = |name: &'static str, is_composing| {
            let told = told.clone();
            area.get().map(|area| EventListener::new(&area, name, move |_| told.set(is_composing)))
        };
        let listeners = [on("compositionstart", true), on("compositionend", false)];
        move || drop(listeners)
    });
    composing
}

/// The messages that have a place in the text.
fn marks(verdict: &Verdict) -> Array {
    let problems = verdict.problems.iter().map(|problem| ("error", problem));
    let notes = verdict.notes.iter().map(|note| ("warning", note));
    problems.chain(notes).filter_map(|(severity, problem)| mark(severity, problem)).collect()
}

fn mark(severity: &str, Problem { at, message, hint, .. }: &Problem) -> Option<JsValue> {
    let (line, column) = (*at)?;
    let words = hint.as_ref().map_or_else(|| message.clone(), |hint| format!("{message}\n{hint}"));
    Some(Array::of4(&severity.into(), &line.into(), &column.into(), &words.into()).into())
}
