//! The question that the page is about, and a line for its notices.

use super::Props;
use crate::parts::{Look, Shape, Stand, button, explained, leaf, nodes};
use crate::store::does;
use cr3_session::glossary::Unseen;
use cr3_session::story::STORIES;
use cr3_session::view::notes::{self, Noted};
use cr3_session::{Action, is_valid};
use yew::prelude::*;

const OWN_HEADLINE: &str = "Your own scenario";
const OWN_TEXT: &str =
    "Both runs start from the same machine. Change forms, features, handler or schedule, and both run again.";

/// What a person wrote about it: the title, and a button for each step with a note.
fn written(Props { state, dispatch }: &Props) -> Html {
    let notes = notes::notes(state);
    if state.title.is_empty() && notes.is_empty() {
        return Html::default();
    }
    let note = |Noted { row, place, text }: Noted| {
        html! {
            <li key={row}>
                <button type="button" class="chip bare" onclick={does(dispatch, Action::Seek(row))}>{ place }</button>
                { leaf("span", "", text) }
            </li>
        }
    };
    html! {
        <>
            { leaf("p", "name", &state.title) }
            { leaf("ol", "notes", nodes(notes.into_iter().map(note))) }
        </>
    }
}

const DISMISS: Look = Look { class: "button plain icon", label: "Dismiss", ..Look::PLAIN };

pub(crate) fn question(props: &Props) -> Html {
    let Props { state, dispatch } = props;
    let story = STORIES.iter().enumerate().find(|(index, _)| !is_valid(state, &Action::OpenStory(*index)));
    let (headline, text) = story.map_or((OWN_HEADLINE, OWN_TEXT), |(_, story)| (story.headline, story.text));
    html! {
        <section class="question" aria-labelledby="headline">
            <h2 id="headline">{ headline }</h2>
            <p key={text}>{ explained(text, &mut Unseen::default()) }</p>
            { leaf("div", "written", written(props)) }
            <div class="notice" role="alert">
                { nodes(state.notice.iter().map(|notice| html! {
                    <p key="notice">
                        { leaf("span", "", notice) }
                        { button(&DISMISS, Stand::Ready, does(dispatch, Action::Dismiss), Shape::Close.icon()) }
                    </p>
                })) }
            </div>
        </section>
    }
}
