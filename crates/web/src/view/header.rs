//! The top line: name, story, and what concerns the whole page.

use super::Props;
use crate::effects::{self, copy};
use crate::parts::{Select, Shape};
use crate::store::does;
use cr3_session::command::Command;
use cr3_session::story::STORIES;
use cr3_session::{Action, Overlay, Theme, is_valid};
use yew::prelude::*;

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
        move |_: MouseEvent| copy(Command::of(&state).whole(), "Command", dispatch.clone())
    };
    let (shape, next, words) = theme(state.settings.theme);
    html! {
        <header class="top">
            <h1>
                { logo() }
                <span class="name">{ "CR3 playground" }</span>
            </h1>
            <Select
                id="story"
                name="Story"
                {options}
                {selected}
                placeholder="your own"
                onpick={dispatch.reform(Action::OpenStory)}
            />
            <button type="button" class="button" aria-haspopup="dialog" title="The sentences of the review, each as an experiment"
                onclick={opens(dispatch, Overlay::Claims)}>{ "Claims" }</button>
            <div class="tools">
                <button type="button" class="button plain" onclick={share} aria-label="Share" title="Copy the link to this view (y)">
                    { Shape::Link.icon() }<span>{ "Share" }</span>
                </button>
                <button type="button" class="button plain" onclick={opens(dispatch, Overlay::Report)} aria-label="Report" aria-haspopup="dialog"
                    title="Title, notes, report, command, files; Y copies the report">
                    { Shape::Report.icon() }<span>{ "Report" }</span>
                </button>
                <button type="button" class="button plain icon reproduce" onclick={reproduce} aria-label="Reproduce" title="Copy the command that shows this in a terminal">
                    <kbd>{ "$" }</kbd>
                </button>
                <button type="button" class="button plain" onclick={opens(dispatch, Overlay::Limits)}>
                    <span class="long">{ "What is not modelled" }</span>
                    <span class="short">{ "Limits" }</span>
                </button>
                <button type="button" class="button plain" onclick={opens(dispatch, Overlay::About)}>{ "About" }</button>
                <button type="button" class="button plain icon" aria-label="Keys" title="Keys (?)" onclick={opens(dispatch, Overlay::Keys)}>
                    <kbd>{ "?" }</kbd>
                </button>
                <button type="button" class="button plain icon" aria-label={words} title={words}
                    onclick={does(dispatch, Action::SetTheme(next))}>
                    { shape.icon() }
                </button>
            </div>
        </header>
    }
}

fn opens(dispatch: &Callback<Action>, overlay: Overlay) -> Callback<MouseEvent> {
    does(dispatch, Action::Open(overlay.clone()))
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
