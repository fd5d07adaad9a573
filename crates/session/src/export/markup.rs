//! Text between tags.

use crate::choice::Side;
use crate::state::State;
use crate::view::outcome::earlier;

/// `text` as SVG and HTML have it.
pub(super) fn escaped(text: &str) -> String {
    // XML 1.0 has no other control characters.
    let text = text.replace(|c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r'), "\u{fffd}");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The form of a side, with the release of its tree, and which text it is if it is not the present one.
pub(super) fn label(state: &State, side: Side) -> String {
    known(state, side, state.setup.forms[side.index()].name())
}

fn known(state: &State, side: Side, name: &str) -> String {
    let known = state.tree_name(side).into_iter().chain(earlier(&state.runs, side).map(str::to_owned));
    match known.collect::<Vec<_>>().join("; ").as_str() {
        "" => name.to_owned(),
        known => format!("{name} ({known})"),
    }
}

/// What is on display, in a line.
pub(super) fn name(state: &State) -> String {
    let names = state.setup.names();
    let [left, right] = Side::BOTH.map(|side| known(state, side, names[side.index()]));
    match state.title.as_str() {
        "" => format!("CR3 playground: {left} and {right}"),
        title => title.to_owned(),
    }
}
