//! The editor of a person's own macro, with the assembler's messages.

use super::Sheet;
use super::at_line::at_line;
use super::problems::messages;
use super::trees::{switch, trees};
use crate::effects::{self, Ears, Place, Seat, Shown, use_code};
use crate::parts::{leaf, nodes, segments, use_once};
use crate::store::{Props, does, sends};
use crate::view::in_dialog;
use cr3_session::view::against::{Line, Original, lines, original};
use cr3_session::view::configuration::{Chip, chips};
use cr3_session::view::diagnostics::verdict;
use cr3_session::view::drafts::{Draft, drafts, warning};
use cr3_session::view::names::names;
use cr3_session::view::trees::of_text;
use cr3_session::{Action, Against, Side, State, is_valid};
use gloo::events::EventListener;
use gloo::timers::callback::Timeout;
use gloo::utils::window;
use std::cell::RefCell;
use std::rc::Rc;
use web_sys::HtmlTextAreaElement;
use yew::prelude::*;

/// Milliseconds without typing before the text is taken.
const PAUSE: u32 = 150;

/// Keys that a person cannot guess. Tab goes on through the page.
const KEYS: &str = "Tab leaves the text. Ctrl+] and Ctrl+[ move lines in and out, Ctrl+F searches, Ctrl+Space completes a name, F8 goes to the next message.";

/// Typed text that is not taken yet. Dropping it ends the pause.
struct Typed {
    text: String,
    _pause: Timeout,
}

/// The state, as callbacks know it that outlive a rendering.
type Current = Rc<RefCell<Rc<State>>>;

type Pending = Rc<RefCell<Option<Typed>>>;

#[component]
pub(crate) fn Editor(props: &Props) -> Html {
    let Props { state, dispatch } = props;
    let seat = Seat { area: use_node_ref(), parent: use_node_ref() };
    let pending: Pending = use_mut_ref(|| None);
    let current = use_mut_ref(|| state.clone());
    *current.borrow_mut() = state.clone();
    use_leaving(&pending, &current, dispatch);
    let verdict = {
        let state = state.clone();
        let needed = (state.setup.clone(), state.custom.clone(), state.edited, state.runs.clone(), state.texts.clone());
        use_memo(needed, move |_| verdict(&state))
    };
    let text = pending.borrow().is_none().then(|| state.text().clone());
    let against = {
        let state = state.clone();
        use_memo((state.custom.clone(), state.edited, state.against), move |_| original(&state))
    };
    let original = against.as_ref().as_ref().and_then(|found| found.as_ref().ok()).map(|it| it.text.clone());
    let shown = Shown { side: state.edited, text, original, verdict: verdict.clone() };
    let line = use_state_eq(|| 0);
    let place = use_code(&seat, shown, &ears(&pending, &current, &line, dispatch));
    let is_code = place == Place::Code;
    // Yew writes the value at each rendering, and a run that plays renders often.
    let value = pending.borrow().as_ref().map_or_else(|| state.text().to_string(), |typed| typed.text.clone());
    let oninput = {
        let (pending, dispatch) = (pending.clone(), dispatch.clone());
        move |event: InputEvent| wait(&pending, event.target_unchecked_into::<HtmlTextAreaElement>().value(), &dispatch)
    };
    let onfocusout = {
        let (pending, dispatch) = (pending.clone(), dispatch.clone());
        move |_: FocusEvent| take(&pending, &dispatch)
    };
    html! {
        <Sheet class="editor" title="Your own macro" dispatch={dispatch.clone()} first={seat.area.clone()}>
            <p class="quiet">
                { "GNU assembler, AT&T syntax. Define " }{ leaf("code", "", "PARANOID_RESTORE_CR3") }{ " or " }
                { leaf("code", "", "RESTORE_CR3") }{ " with arguments " }{ leaf("code", "", "scratch_reg") }{ " and " }
                { leaf("code", "", "save_reg") }{ ", as in calling.h. Or paste a patch: a diff, a mail, a reply. This browser keeps the text. Once a side runs it, the link carries it; nothing is sent." }
            </p>
            <div class="uses">
                { sides(state, dispatch) }
                { run_button(props) }
                { other_text(props) }
                { versions(state, dispatch) }
            </div>
            <div {onfocusout}>
                <textarea class="area" ref={seat.area} rows="18" spellcheck="false" autocomplete="off" wrap="off" hidden={is_code}
                    aria-label="Text of the macro" aria-describedby="editor-keys editor-problems"
                    aria-invalid={(!verdict.problems.is_empty()).to_string()} {value} {oninput} />
                <div ref={seat.parent}></div>
                { leaf("div", "against", compared(&against, state, is_code)) }
                { leaf("div", "", at_line(state, *line, dispatch)) }
                <p id="editor-keys" class="quiet keys-of-editor">{ beside(&place) }</p>
            </div>
            { in_dialog(state, dispatch) }
            <div id="editor-problems" class="problems" role="status">
                { leaf("p", "quiet verdict", verdict.words) }
                { leaf("p", "quiet taken", verdict.taken.clone()) }
                { leaf("div", "", messages("problem", &verdict.problems)) }
                { leaf("div", "notes", messages("note", &verdict.notes)) }
                <div class="uses" role="group" aria-label="Names of the configuration">{ for chips(state, &verdict.notes).into_iter().map(|chip| set(chip, dispatch)) }</div>
                { leaf("p", "quiet warning", warning(state).unwrap_or_default()) }
            </div>
            { leaf("div", "kept", kept(&drafts(state), dispatch)) }
            { trees(props) }
        </Sheet>
    }
}

/// What stands below the place in which a person types.
fn beside(place: &Place) -> String {
    match place {
        Place::Area => String::new(),
        Place::Alone(why) => format!("This is a plain text area: {why}."),
        Place::Code => KEYS.to_owned(),
    }
}

/// What the editor of code tells and asks, like the text area.
fn ears(pending: &Pending, current: &Current, line: &UseStateHandle<u32>, dispatch: &Callback<Action>) -> Ears {
    let typed = {
        let (pending, dispatch) = (pending.clone(), dispatch.clone());
        Callback::from(move |text| wait(&pending, text, &dispatch))
    };
    let side = {
        let current = current.clone();
        Callback::from(move |()| current.borrow().edited)
    };
    let current = current.clone();
    let names = Callback::from(move |()| {
        let names = names(&current.borrow()).into_iter();
        names.map(|(kind, name)| format!("{} {name}\n", kind.key())).collect()
    });
    let line = line.setter();
    let stands = Callback::from(move |at| line.set(at));
    Ears { side, typed, stands, names }
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
fn use_leaving(pending: &Pending, current: &Current, dispatch: &Callback<Action>) {
    let (pending, shown, dispatch) = (pending.clone(), current.clone(), dispatch.clone());
    use_once(move || {
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
                let before = shown.borrow().text().clone();
                dispatch.emit(Action::LeaveDraft(before, typed.text));
            }
        }
    });
}

/// Whose text is edited.
fn sides(state: &State, dispatch: &Callback<Action>) -> Html {
    const SIDES: [(&str, &str); 2] = [("left text", ""), ("right text", "")];
    let onpick = sends(dispatch, |index: usize| Side::BOTH.get(index).map(|side| Action::SetEdited(*side)));
    segments("Side whose text this is", &SIDES, state.edited.index(), &onpick)
}

fn run_button(props: &Props) -> Html {
    let side = props.state.edited;
    let text = match side {
        Side::Left => "Run it left",
        Side::Right => "Run it right",
    };
    html! { <span key={text}>{ switch(of_text(&props.state, side), text.into(), text.into(), &props.dispatch) }</span> }
}

/// What the text is shown against.
fn versions(state: &State, dispatch: &Callback<Action>) -> Html {
    const AGAINST: [(&str, &str); 3] = [("text", ""), ("against its form", ""), ("against the other text", "")];
    let selected = Against::ALL.iter().position(|against| *against == state.against).unwrap_or_default();
    let onpick = sends(dispatch, |index: usize| Against::ALL.get(index).map(|against| Action::SetAgainst(*against)));
    segments("What the text is shown against", &AGAINST, selected, &onpick)
}

/// What the text is compared with; without the editor of code, the comparison itself.
fn compared(against: &Option<Result<Original, &'static str>>, state: &State, is_code: bool) -> Html {
    match against {
        None => html! {},
        Some(Err(why)) => html! { { leaf("p", "quiet", *why) } },
        Some(Ok(Original { words, .. })) if is_code => {
            html! { { leaf("p", "quiet", format!("Shown against {words}.")) } }
        }
        Some(Ok(Original { words, text })) => html! {
            <>{ leaf("p", "quiet", format!("Against {words}:")) }<pre class="excerpt" role="region" tabindex="0" aria-label="Difference">{ difference(text, state.text()) }</pre></>
        },
    }
}

/// The difference of two texts, as a patch writes it.
fn difference(original: &str, text: &str) -> String {
    let Some(lines) = lines(original, text) else { return "The texts are too long to be compared here.".to_owned() };
    lines.into_iter().map(Line::parts).map(|(sign, line)| format!("{sign}{line}\n")).collect()
}

fn other_text(Props { state, dispatch }: &Props) -> Html {
    let words = match state.edited {
        Side::Left => "Take the right text",
        Side::Right => "Take the left text",
    };
    let disabled = !is_valid(state, &Action::TakeOtherText);
    html! { <button type="button" class="chip bare" {disabled} onclick={does(dispatch, Action::TakeOtherText)}>{ words }</button> }
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
            { leaf("p", "quiet", "Other texts of yours that this browser keeps:") }
            { leaf("ul", "", nodes(drafts.iter().enumerate().map(|(index, draft)| offer(index, draft, dispatch)))) }
        </>
    }
}

fn offer(index: usize, draft: &Draft, dispatch: &Callback<Action>) -> Html {
    let Draft { title, lines, take, forget } = draft.clone();
    let take_label = format!("Edit it: {title}");
    let forget_label = format!("Forget it: {title}");
    html! {
        <li key={index}>
            { leaf("code", "", title) }
            { leaf("span", "quiet", format!("lines: {lines}")) }
            <button type="button" class="chip bare" aria-label={take_label}
                onclick={does(dispatch, take.clone())}>{ "Edit it" }</button>
            <button type="button" class="chip bare" aria-label={forget_label}
                onclick={does(dispatch, forget.clone())}>{ "Forget it" }</button>
        </li>
    }
}
