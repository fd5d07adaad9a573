//! Text between tags.

/// `text` as SVG and HTML have it.
pub(super) fn escaped(text: &str) -> String {
    // XML 1.0 has no other control characters.
    let text = text.replace(|c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r'), "\u{fffd}");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What is on display, in a line.
pub(super) fn name(state: &crate::State) -> String {
    let [left, right] = state.setup.forms.map(|form| form.name());
    match state.title.as_str() {
        "" => format!("CR3 playground: {left} and {right}"),
        title => title.to_owned(),
    }
}
