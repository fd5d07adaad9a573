//! A number in hex: groups of four digits, leading zeros dim, digits of interest underlined.

use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) value: u64,
    /// Bits that differ from the other run: the digits that hold them are underlined.
    #[prop_or_default]
    pub(crate) differing: u64,
}

#[component]
pub(crate) fn Hex(props: &Props) -> Html {
    let digits = format!("{:016x}", props.value);
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    let groups = (0..4).map(|group| {
        let digits = (group * 4..group * 4 + 4).map(|index| digit(props, &digits, zeros, index));
        html! { <span>{ for digits }</span> }
    });
    html! { <span class="hex">{ for groups }</span> }
}

/// Runs of plain digits could share a node. Sixteen small nodes keep the code plain and cost nothing measurable.
fn digit(props: &Props, digits: &str, zeros: usize, index: usize) -> Html {
    let text = digits.get(index..=index).unwrap_or_default().to_owned();
    let differs = (props.differing >> (60 - 4 * index)) & 0xf != 0;
    match (differs, index < zeros.min(15)) {
        (true, _) => html! { <u>{ text }</u> },
        (false, true) => html! { <span class="zero">{ text }</span> },
        (false, false) => html! { <>{ text }</> },
    }
}
