//! The stacks of both runs from RSP upwards.

use super::part::{Props, stop, vouched};
use super::registers::value;
use crate::parts::{explained, leaf, nodes, side_class, term};
use cr3_session::Side;
use cr3_session::glossary::{Term, Unseen, Word};
use cr3_session::view::check::Part;
use cr3_session::view::relatives::{Thing, keys, of_slot};
use cr3_session::view::stack::{Slot, stack};
use yew::prelude::*;

pub(super) fn view(props: &Props<'_>) -> Html {
    let stack = stack(&props.state.runs, props.moment);
    html! {
        <table key="stack" class="fields values">
            <thead>
                <tr>
                    <th scope="col">{ term(Term::Word(Word::StackSlot), "stack") }{ " " }{ vouched(props.state, props.moment, Part::Stack) }</th>
                    { nodes(Side::BOTH.into_iter().map(|side| html! {
                        <th key={side.index()} scope="col" class={side_class(side)}>
                            { props.names[side.index()] }{ " " }
                            { leaf("span", "quiet", explained(stack.stacks[side.index()].as_deref().unwrap_or_default(), &mut Unseen::default())) }
                        </th>
                    })) }
                </tr>
            </thead>
            { leaf("tbody", "", nodes(stack.slots.iter().enumerate().map(|(index, slot)| row(slot, stop(index))))) }
        </table>
    }
}

fn row(slot: &Slot, stop: &'static str) -> Html {
    let address = slot.addresses.iter().flatten().next().map(|address| format!("{address:#x}"));
    html! {
        <tr key={slot.offset} tabindex={stop} class={(slot.differing != 0).then_some("differs")} title={address}
            data-thing={Thing::Slot(slot.offset).key()} data-kin={keys(&of_slot(slot.offset, slot.addresses))}>
            <th scope="row">{ leaf("code", "", format!("rsp+{:02x}", slot.offset)) }</th>
            { nodes(Side::BOTH.into_iter().map(|side| {
                let name = slot.names[side.index()].clone();
                value(side, slot.values[side.index()], slot.differing, name)
            })) }
        </tr>
    }
}
