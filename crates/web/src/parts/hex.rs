//! A number in hex: groups of four digits, leading zeros dim, digits of interest underlined.

use super::{leaf, nodes};
use yew::prelude::*;

/// Digits of a number that are written together.
const GROUP: usize = 4;

/// How a digit is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    LeadingZero,
    Differing,
}

/// `value`, with the digits underlined that hold bits of `differing`, which differ from the other run.
pub(crate) fn hex(value: u64, differing: u64) -> Html {
    let digits = format!("{value:016x}");
    let groups = (0..digits.len()).step_by(GROUP).map(|start| group(&digits, start, value, differing));
    html! { { leaf("span", "hex", nodes(groups)) } }
}

/// A group. Neighbours of one kind share a node: a page shows hundreds of numbers.
fn group(digits: &str, start: usize, value: u64, differing: u64) -> Html {
    let end = start + GROUP;
    let mut stretches = Vec::new();
    let mut from = start;
    while from < end {
        let kind = kind(from, value, differing);
        let to = (from..end).find(|at| self::kind(*at, value, differing) != kind).unwrap_or(end);
        stretches.push(stretch(kind, &digits[from..to]));
        from = to;
    }
    html! { { leaf("span", "", nodes(stretches)) } }
}

/// The kind of the digit at a place, counted from the most significant. The last digit leads nothing.
fn kind(at: usize, value: u64, differing: u64) -> Kind {
    let (shift, last) = (60 - 4 * at, 15);
    if (differing >> shift) & 0xf != 0 {
        Kind::Differing
    } else if value >> shift == 0 && at < last {
        Kind::LeadingZero
    } else {
        Kind::Plain
    }
}

fn stretch(kind: Kind, digits: &str) -> Html {
    let digits = digits.to_owned();
    match kind {
        Kind::Plain => Html::from(digits),
        Kind::LeadingZero => html! { { leaf("span", "zero", digits) } },
        Kind::Differing => html! { <u>{ digits }</u> },
    }
}
