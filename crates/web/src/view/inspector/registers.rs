//! The registers of both runs.

use super::part::{Props, heads, vouched};
use crate::parts::{classes, hex, leaf, nodes, side_class, term, when};
use cr3_session::Side;
use cr3_session::glossary::{Term, Word};
use cr3_session::view::Value;
use cr3_session::view::check::Part;
use cr3_session::view::registers::{Register, registers};
use cr3_session::view::relatives::{Thing, of_register};
use yew::prelude::*;

pub(super) fn view(props: &Props<'_>) -> Html {
    html! {
        <table key="registers" class="fields values">
            { heads(props.names, (Term::Word(Word::Register), "registers"), vouched(props.state, props.moment, Part::Registers)) }
            { leaf("tbody", "", nodes(registers(&props.state.runs, props.moment).iter().map(row))) }
        </table>
    }
}

fn row(register: &Register) -> Html {
    let thing = of_register(register.name).map(Thing::key);
    html! {
        <tr key={register.name} class={(register.differing != 0).then_some("differs")} data-thing={thing.clone()} data-kin={thing}>
            <th scope="row">{ term(Term::Word(register.word), html! { { leaf("code", "", register.name) } }) }</th>
            { nodes(Side::BOTH.into_iter().map(|side| {
                let meaning = register.meanings[side.index()].clone();
                value(side, register.values[side.index()], register.differing, meaning)
            })) }
        </tr>
    }
}

/// A number with its meaning and, if this step changed it, its old value.
pub(super) fn value(side: Side, value: Option<Value>, differing: u64, meaning: Option<String>) -> Html {
    let changed = value.is_some_and(|value| value.before.is_some());
    html! {
        <td key={side.index()} class={classes(&[side_class(side), when(changed, "changed")])}>
            { match value {
                Some(value) => html! { { hex(value.now, differing) } },
                None => html! { { leaf("span", "dim", "not mapped") } },
            } }
            { leaf("small", "meaning", meaning.unwrap_or_default()) }
            { nodes(value.and_then(|value| value.before).map(|before| html! {
                <small>{ leaf("span", "hidden", "was ") }<span aria-hidden="true">{ "← " }</span>{ hex(before, 0) }</small>
            })) }
        </td>
    }
}
