//! The pending-flush mask: six bits for each run.

use super::part::{Props, heads, vouched};
use crate::parts::{classes, leaf, nodes, side_class, when};
use cr3_session::Side;
use cr3_session::glossary::{Term, Word};
use cr3_session::view::check::Part;
use cr3_session::view::pending::{Bit, pending};
use yew::prelude::*;

pub(super) fn view(props: &Props<'_>) -> Html {
    let bits = pending(props.moment);
    let differs = bits.iter().any(|bit| matches!(bit.set, [Some(left), Some(right)] if left != right));
    html! {
        <table class="fields pending">
            { heads(props.names, (Term::Word(Word::PendingFlush), "pending flush"), html! {}) }
            <tbody>
                <tr class={differs.then_some("differs")}>
                    <th scope="row">
                        { leaf("code", "bits", "6:1") }{ " " }{ vouched(props.state, props.moment, Part::PendingFlush) }
                    </th>
                    { nodes(Side::BOTH.into_iter().map(|side| html! {
                        <td key={side.index()} class={classes(&[side_class(side), when(bits.iter().any(|bit| bit.changed[side.index()]), "changed")])}>
                            { leaf("span", "mono bitset", nodes(bits.iter().rev().map(|it| bit(it, side)))) }
                        </td>
                    })) }
                </tr>
            </tbody>
        </table>
    }
}

fn bit(bit: &Bit, side: Side) -> Html {
    let text = match bit.set[side.index()] {
        Some(true) => "1",
        Some(false) => "0",
        None => "–",
    };
    let class = classes(&[when(text == "1", "on"), when(bit.changed[side.index()], "flipped")]);
    html! { <span key={bit.index} {class} title={format!("bit {}: user PCID {:#05x}", bit.index, bit.pcid)}>{ text }</span> }
}
