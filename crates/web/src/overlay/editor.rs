//! The editor of a person's own macro, with the assembler's messages.

use super::Sheet;
use super::problems::messages;
use super::trees::{switch, trees};
use crate::effects;
use crate::parts::nodes;
use crate::store::{Props, does};
use cr3_session::view::configuration::{Chip, chips};
use cr3_session::view::diagnostics::verdict;
use cr3_session::view::drafts::{Draft, drafts, warning};
use cr3_session::view::trees::of_text;
use cr3_session::{Action, Side, State};
use gloo::events::EventListener;
use gloo::timers::callback::Timeout;
use gloo::utils::window;
use std::cell::RefCell;
use std::rc::Rc;
use web_sys::HtmlTextAreaElement;
use yew::prelude::*;

/// Milliseconds without typing before the text is taken.
const PAUSE: u32 = 250;

/// Typed text that is not taken yet. Dropping it ends the pause.
struct Typed {
    text: String,
    _pause: Timeout,
}

type Pending = Rc<RefCell<Option<Typed>>>;

#[component]
pub(crate) fn Editor(props: &Props) -> Html {
    let Props { state, dispatch } = props;
    let area = use_node_ref();
    let pending: Pending = use_mut_ref(|| None);
    use_leaving(&pending, state, dispatch);
    let verdict = {
        let state = state.clone();
        use_memo((state.setup.clone(), state.custom.clone(), state.runs.clone(), state.texts.clone()), move |_| {
            verdict(&state)
        })
    };
    // Yew writes the value at each rendering, and a run that plays renders often.
    let value = pending.borrow().as_ref().map_or_else(|| state.custom.to_string(), |typed| typed.text.clone());
    let oninput = {
        let (pending, dispatch) = (pending.clone(), dispatch.clone());
        move |event: InputEvent| wait(&pending, event.target_unchecked_into::<HtmlTextAreaElement>().value(), &dispatch)
    };
    let onfocusout = {
        let dispatch = dispatch.clone();
        move |_: FocusEvent| take(&pending, &dispatch)
    };
    html! {
        <Sheet class="editor" title="Your own macro" dispatch={dispatch.clone()} first={area.clone()}>
            <p class="quiet">
                { "GNU assembler, AT&T syntax. Define " }<code>{ "PARANOID_RESTORE_CR3" }</code>{ " or " }
                <code>{ "RESTORE_CR3" }</code>{ " with arguments " }<code>{ "scratch_reg" }</code>{ " and " }
                <code>{ "save_reg" }</code>{ ", as in calling.h. Or paste a patch: a diff, a mail, a reply. This browser keeps the text. Once a side runs it, the link carries it; nothing is sent." }
            </p>
            <div class="uses">
                { nodes(Side::BOTH.into_iter().map(|side| run_button(props, side))) }
            </div>
            <textarea class="area" ref={area} rows="18" spellcheck="false" autocomplete="off" wrap="off"
                aria-label="Text of the macro" aria-describedby="editor-problems"
                aria-invalid={(!verdict.problems.is_empty()).to_string()} {value} {oninput} {onfocusout} />
            <div id="editor-problems" class="problems" role="status">
                <p class="quiet verdict">{ verdict.words }</p>
                <div>{ messages("problem", &verdict.problems) }</div>
                <div class="notes">{ messages("note", &verdict.notes) }</div>
                <div class="uses" role="group" aria-label="Names of the configuration">{ for chips(state, &verdict.notes).into_iter().map(|chip| set(chip, dispatch)) }</div>
                <p class="quiet warning">{ warning(state).unwrap_or_default() }</p>
            </div>
            <div class="kept">{ kept(&drafts(state), dispatch) }</div>
            { trees(props) }
        </Sheet>
    }
}

/// Takes the text after a pause.
fn wait(pending: &Pending, text: String, dispatch: &Callback<Action>) {
    let pause = {
        let (pending, dispatch) = (pending.clone(), dispatch.clone());
        Timeout::new(PAUSE, move || take(&pending, &dispatch))
    };
    *pending.borrow_mut() = Some(Typed { text, _pause: pause });
}

fn take(pending: &Pending, dispatch: &Callback<Action>) {
    let typed = pending.borrow_mut().take();
    if let Some(typed) = typed {
        dispatch.emit(Action::EditDraft(typed.text));
    }
}

/// Saves the last typed text if the editor or the whole page disappears before the pause is over.
#[hook]
fn use_leaving(pending: &Pending, state: &Rc<State>, dispatch: &Callback<Action>) {
    let shown = use_mut_ref(|| state.clone());
    *shown.borrow_mut() = state.clone();
    let (pending, dispatch) = (pending.clone(), dispatch.clone());
    use_effect_with((), move |()| {
        let page = {
            let (pending, shown) = (pending.clone(), shown.clone());
            EventListener::new(&window(), "pagehide", move |_| {
                if let Some(typed) = pending.borrow().as_ref() {
                    // The page is about to disappear, so there is nobody to show a refusal to.
                    let _ = effects::save(shown.borrow().kept_with(&typed.text));
                }
            })
        };
        move || {
            drop(page);
            let typed = pending.borrow_mut().take();
            if let Some(typed) = typed {
                let before = shown.borrow().custom.clone();
                dispatch.emit(Action::LeaveDraft(before, typed.text));
            }
        }
    });
}

fn run_button(props: &Props, side: Side) -> Html {
    let (name, text) = match side {
        Side::Left => ("left", "Run it left"),
        Side::Right => ("right", "Run it right"),
    };
    html! { <span key={name}>{ switch(of_text(&props.state, side), text.into(), text.into(), &props.dispatch) }</span> }
}

/// A name of the configuration that the text asks for.
fn set(Chip { name, switch: on }: Chip, dispatch: &Callback<Action>) -> Html {
    html! { <span key={name.clone()}>{ switch(on, name.clone(), name, dispatch) }</span> }
}

fn kept(drafts: &[Draft], dispatch: &Callback<Action>) -> Html {
    if drafts.is_empty() {
        return Html::default();
    }
    html! {
        <>
            <p class="quiet">{ "Other texts of yours that this browser keeps:" }</p>
            <ul>{ nodes(drafts.iter().enumerate().map(|(index, draft)| offer(index, draft, dispatch))) }</ul>
        </>
    }
}

fn offer(index: usize, draft: &Draft, dispatch: &Callback<Action>) -> Html {
    let Draft { title, lines, take, forget } = draft.clone();
    let take_label = format!("Edit it: {title}");
    let forget_label = format!("Forget it: {title}");
    html! {
        <li key={index}>
            <code>{ title }</code>
            <span class="quiet">{ format!("lines: {lines}") }</span>
            <button type="button" class="chip bare" aria-label={take_label}
                onclick={does(dispatch, take.clone())}>{ "Edit it" }</button>
            <button type="button" class="chip bare" aria-label={forget_label}
                onclick={does(dispatch, forget.clone())}>{ "Forget it" }</button>
        </li>
    }
}
