//! A button whose words never change. Each `html!` of a button takes half a kilobyte of the module.

use yew::prelude::*;

/// What is written of a button; what is empty is left out.
pub(crate) struct Look {
    pub(crate) class: &'static str,
    /// The name for screen readers, where the content is none.
    pub(crate) label: &'static str,
    /// What the browser says of it.
    pub(crate) title: &'static str,
    /// What the page explains.
    pub(crate) here: &'static str,
    /// `dialog` if it opens one.
    pub(crate) popup: &'static str,
}

impl Look {
    pub(crate) const PLAIN: Self = Self { class: "", label: "", title: "", here: "", popup: "" };
}

/// Leaves what is open.
pub(crate) const CLOSE: Look =
    Look { class: "button plain icon close", label: "Close", title: "Close (Esc)", ..Look::PLAIN };

/// How a button stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stand {
    Ready,
    Disabled,
    /// A switch, on or off.
    Pressed(bool),
}

impl Stand {
    /// Ready, or disabled where it would do nothing.
    pub(crate) fn of(does_something: bool) -> Self {
        if does_something { Self::Ready } else { Self::Disabled }
    }
}

pub(crate) fn button(look: &Look, stand: Stand, onclick: Callback<MouseEvent>, content: Html) -> Html {
    let some = |words: &'static str| (!words.is_empty()).then_some(words);
    let pressed = match stand {
        Stand::Pressed(true) => Some("true"),
        Stand::Pressed(false) => Some("false"),
        _ => None,
    };
    html! {
        <button type="button" class={look.class} aria-label={some(look.label)} title={some(look.title)} data-here={some(look.here)}
            aria-haspopup={some(look.popup)} aria-pressed={pressed} disabled={stand == Stand::Disabled} {onclick}>{ content }</button>
    }
}
