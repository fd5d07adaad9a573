//! A row of buttons, one of which is on.

use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) label: AttrValue,
    /// Text and tooltip of each button.
    pub(crate) options: Vec<(AttrValue, AttrValue)>,
    pub(crate) selected: usize,
    pub(crate) onpick: Callback<usize>,
    #[prop_or_default]
    pub(crate) class: Classes,
}

#[component]
pub(crate) fn Segments(props: &Props) -> Html {
    let buttons = props.options.iter().enumerate().map(|(index, (text, title))| {
        let onclick = props.onpick.reform(move |_: MouseEvent| index);
        let pressed = if index == props.selected { "true" } else { "false" };
        html! {
            <button type="button" key={index} aria-pressed={pressed} title={title.clone()} {onclick}>{ text }</button>
        }
    });
    html! {
        <div class={classes!("segments", props.class.clone())} role="group" aria-label={props.label.clone()}>
            { for buttons }
        </div>
    }
}
