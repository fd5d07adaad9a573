//! Text between tags.

use crate::choice::Side;
use crate::state::State;

/// `text` as SVG and HTML have it.
pub(super) fn escaped(text: &str) -> String {
    // XML 1.0 has no other control characters.
    let text = text.replace(|c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r'), "\u{fffd}");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The form of a side, with the release of its tree.
pub(super) fn label(state: &State, side: Side) -> String {
    let form = state.setup.forms[side.index()].name();
    state.tree_name(side).map_or_else(|| form.to_owned(), |release| format!("{form} ({release})"))
}

/// What is on display, in a line.
pub(super) fn name(state: &State) -> String {
    let [left, right] = Side::BOTH.map(|side| label(state, side));
    match state.title.as_str() {
        "" => format!("CR3 playground: {left} and {right}"),
        title => title.to_owned(),
    }
}
