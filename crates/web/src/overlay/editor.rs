//! The editor of a person's own macro, with what the assembler says about it.

use super::Sheet;
use crate::view::Props;
use cr3_session::view::diagnostics::{Problem, problems};
use cr3_session::{Action, FormChoice, Side};
use gloo::timers::callback::Timeout;
use web_sys::HtmlTextAreaElement;
use yew::prelude::*;

/// Milliseconds without typing after which the text is taken.
const PAUSE: u32 = 250;

#[component]
pub(crate) fn Editor(props: &Props) -> Html {
    let Props { state, dispatch } = props;
    let area = use_node_ref();
    let pending = use_mut_ref(|| None::<Timeout>);
    let oninput = {
        let (area, dispatch) = (area.clone(), dispatch.clone());
        move |_: InputEvent| {
            let (area, dispatch) = (area.clone(), dispatch.clone());
            *pending.borrow_mut() = Some(Timeout::new(PAUSE, move || take(&area, &dispatch)));
        }
    };
    let onchange = {
        let (area, dispatch) = (area.clone(), dispatch.clone());
        move |_: Event| take(&area, &dispatch)
    };
    let problems = problems(state);
    let in_use = state.uses_custom();
    let verdict = match (in_use, problems.is_empty()) {
        (false, _) => "No side runs it yet.",
        (true, true) => "It assembles, and runs.",
        (true, false) => "",
    };
    html! {
        <Sheet class="editor" title="Your own macro" dispatch={dispatch.clone()}>
            <p class="quiet">
                { "GNU assembler, AT&T syntax. Define " }<code>{ "PARANOID_RESTORE_CR3" }</code>{ " or " }
                <code>{ "RESTORE_CR3" }</code>{ " with arguments " }<code>{ "scratch_reg" }</code>{ " and " }
                <code>{ "save_reg" }</code>{ ", as in calling.h. The text travels in the link; nothing leaves this tab." }
            </p>
            <div class="uses">
                { for Side::BOTH.into_iter().map(|side| run_button(props, side)) }
            </div>
            <textarea class="area" ref={area} rows="18" spellcheck="false" autocomplete="off" wrap="off"
                aria-label="Text of the macro" aria-describedby="editor-problems"
                aria-invalid={(!problems.is_empty()).to_string()} value={state.custom.to_string()} {oninput} {onchange} />
            <div id="editor-problems" class="problems" role="status">
                <p class="quiet">{ verdict }</p>
                <ul>{ for problems.iter().enumerate().map(view) }</ul>
            </div>
        </Sheet>
    }
}

fn take(area: &NodeRef, dispatch: &Callback<Action>) {
    if let Some(area) = area.cast::<HtmlTextAreaElement>() {
        dispatch.emit(Action::EditDraft(area.value()));
    }
}

fn run_button(props: &Props, side: Side) -> Html {
    let (name, text) = match side {
        Side::Left => ("left", "Run it left"),
        Side::Right => ("right", "Run it right"),
    };
    let on = props.state.setup.forms[side.index()] == FormChoice::Custom;
    html! {
        <button type="button" key={name} class="chip" aria-pressed={on.to_string()}
            onclick={props.dispatch.reform(move |_| Action::SetForm(side, FormChoice::Custom))}>{ text }</button>
    }
}

fn view((index, problem): (usize, &Problem)) -> Html {
    html! {
        <li key={index}>
            <p class="problem"><b>{ &problem.place }</b>{ " " }{ &problem.message }</p>
            <pre class="excerpt">{ &problem.excerpt }</pre>
            <p class="quiet">{ problem.hint.clone().unwrap_or_default() }</p>
        </li>
    }
}
