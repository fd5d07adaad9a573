//! A number in hex: groups of four digits, leading zeros dim, digits of interest underlined.

use yew::prelude::*;

/// `value`, with the digits underlined that hold bits of `differing`, which differ from the other run.
pub(crate) fn hex(value: u64, differing: u64) -> Html {
    let digits = format!("{value:016x}");
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    let groups = (0..4).map(|group| {
        let digits = (group * 4..group * 4 + 4).map(|index| digit(differing, &digits, zeros, index));
        html! { <span>{ for digits }</span> }
    });
    html! { <span class="hex">{ for groups }</span> }
}

/// Runs of plain digits could share a node. Sixteen small nodes keep the code plain and cost nothing measurable.
fn digit(differing: u64, digits: &str, zeros: usize, index: usize) -> Html {
    let text = digits.get(index..=index).unwrap_or_default().to_owned();
    let differs = (differing >> (60 - 4 * index)) & 0xf != 0;
    match (differs, index < zeros.min(15)) {
        (true, _) => html! { <u>{ text }</u> },
        (false, true) => html! { <span class="zero">{ text }</span> },
        (false, false) => html! { <>{ text }</> },
    }
}
