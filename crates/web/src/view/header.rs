//! The top line: name, story, and what concerns the whole page.

use super::Props;
use crate::effects::{self, copy};
use crate::parts::{Look, Select, Shape, Stand, button, leaf};
use crate::store::does;
use cr3_session::command::Command;
use cr3_session::story::STORIES;
use cr3_session::{Action, Overlay, Theme, is_valid};
use yew::prelude::*;

const CLAIMS: Look = Look {
    class: "button",
    title: "The sentences of the review, each as an experiment",
    popup: "dialog",
    ..Look::PLAIN
};

const TOOL: Look = Look { class: "button plain", ..Look::PLAIN };

const ICON: Look = Look { class: "button plain icon", ..Look::PLAIN };

const SHARE: Look = Look { label: "Share", title: "Copy the link to this view (y)", ..TOOL };

const REPORT: Look = Look {
    label: "Report",
    title: "Title, notes, report, command, files; Y copies the report",
    popup: "dialog",
    ..TOOL
};

const REPRODUCE: Look = Look {
    class: "button plain icon reproduce",
    label: "Reproduce",
    title: "Copy the command that shows this in a terminal",
    ..Look::PLAIN
};

const KEYS: Look = Look { label: "Keys", title: "Keys (?)", ..ICON };

pub(crate) fn header(props: &Props) -> Html {
    let Props { state, dispatch } = props;
    let options: Vec<AttrValue> = STORIES.iter().map(|story| story.name.into()).collect();
    let selected = (0..STORIES.len()).find(|index| !is_valid(state, &Action::OpenStory(*index)));
    let share = {
        let (state, dispatch) = (state.clone(), dispatch.clone());
        move |_: MouseEvent| effects::share(&state, &dispatch)
    };
    let reproduce = {
        let (state, dispatch) = (state.clone(), dispatch.clone());
        move |_: MouseEvent| copy(Command::of(&state.on_display()).whole(), "Command", dispatch.clone())
    };
    let dialog = |look, overlay, content| button(look, Stand::Ready, does(dispatch, Action::Open(overlay)), content);
    let (shape, next, words) = theme(state.settings.theme);
    html! {
        <header class="top">
            <h1>
                { logo() }
                { leaf("span", "name", "CR3 playground") }
            </h1>
            <Select
                id="story"
                name="Story"
                {options}
                {selected}
                placeholder="your own"
                onpick={dispatch.reform(Action::OpenStory)}
            />
            { dialog(&CLAIMS, Overlay::Claims, html! { "Claims" }) }
            <div class="tools">
                { button(&SHARE, Stand::Ready, Callback::from(share), html! { <>{ Shape::Link.icon() }{ leaf("span", "", "Share") }</> }) }
                { dialog(&REPORT, Overlay::Report, html! { <>{ Shape::Report.icon() }{ leaf("span", "", "Report") }</> }) }
                { button(&REPRODUCE, Stand::Ready, Callback::from(reproduce), html! { { leaf("kbd", "", "$") } }) }
                { dialog(&TOOL, Overlay::Limits, html! {
                    <>{ leaf("span", "long", "What is not modelled") }{ leaf("span", "short", "Limits") }</>
                }) }
                { dialog(&TOOL, Overlay::About, html! { "About" }) }
                { dialog(&KEYS, Overlay::Keys, html! { { leaf("kbd", "", "?") } }) }
                { button(&Look { label: words, title: words, ..ICON }, Stand::Ready, does(dispatch, Action::SetTheme(next)), shape.icon()) }
            </div>
        </header>
    }
}

fn theme(theme: Theme) -> (Shape, Theme, &'static str) {
    match theme {
        Theme::System => (Shape::System, Theme::Light, "Colours as in the system; switch to light"),
        Theme::Light => (Shape::Sun, Theme::Dark, "Light colours; switch to dark"),
        Theme::Dark => (Shape::Moon, Theme::System, "Dark colours; switch to those of the system"),
    }
}

/// Two halves of a table pair.
fn logo() -> Html {
    html! {
        <svg class="logo" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">
            <path class="kernel" d="M3 2h14v7H3z" />
            <path class="user" d="M3 11h14v7H3z" />
            <path class="arrow" d="M13 4.500h1.500v9.200l1.700-1.700 1 1-3.450 3.400L10.300 13l1-1 1.700 1.700z" />
        </svg>
    }
}
