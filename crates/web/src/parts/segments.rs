//! A row of buttons, one of which is on.

use super::nodes;
use yew::prelude::*;

/// The row. `options` are text and explanation of each button; `label` is for screen readers.
pub(crate) fn segments(
    label: &'static str,
    options: &[(&'static str, &'static str)],
    selected: usize,
    onpick: &Callback<usize>,
) -> Html {
    let buttons = options.iter().enumerate().map(|(index, (text, title))| {
        let onclick = onpick.reform(move |_: MouseEvent| index);
        let pressed = if index == selected { "true" } else { "false" };
        html! { <button type="button" key={index} aria-pressed={pressed} data-here={(!title.is_empty()).then_some(*title)} {onclick}>{ *text }</button> }
    });
    html! { <div class="segments" role="group" aria-label={label}>{ nodes(buttons) }</div> }
}
