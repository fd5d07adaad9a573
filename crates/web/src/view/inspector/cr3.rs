//! CR3 with its bits by name.

use super::part::{Props, heads, vouched};
use crate::parts::{classes, hex, leaf, nodes, side_class, term, when};
use cr3_session::Side;
use cr3_session::glossary::{Term, Word};
use cr3_session::view::check::Part;
use cr3_session::view::cr3::{Field, cr3};
use cr3_session::view::relatives::{Thing, keys, of_cr3};
use yew::prelude::*;

pub(super) fn view(props: &Props<'_>) -> Html {
    let cr3 = cr3(props.moment);
    html! {
        <table class="fields cr3">
            { heads(props.names, (Term::Word(Word::Cr3), "CR3"), vouched(props.state, props.moment, Part::Cr3)) }
            <tbody>
                <tr class={(cr3.differing != 0).then_some("differs")} data-thing={Thing::Cr3.key()} data-kin={keys(&of_cr3(props.moment))}>
                    <th scope="row">{ leaf("span", "hidden", "value") }</th>
                    { nodes(cr3.values.into_iter().zip(Side::BOTH).map(|(value, side)| html! {
                        <td key={side.index()} class={classes(&[side_class(side), when(value.is_some_and(|it| it.before.is_some()), "changed")])}>
                            { nodes(value.map(|value| html! { { hex(value.now, cr3.differing) } })) }
                            { nodes(value.and_then(|value| value.before).map(|before| html! {
                                <small>{ leaf("span", "hidden", "was ") }<span aria-hidden="true">{ "← " }</span>{ hex(before, 0) }</small>
                            })) }
                        </td>
                    })) }
                </tr>
                { nodes(cr3.fields.iter().map(|it| field(it, props))) }
            </tbody>
        </table>
    }
}

fn field(field: &Field, props: &Props<'_>) -> Html {
    let part = match field.bits {
        "63" => Some(Part::NoFlush),
        "11:0" => Some(Part::Pcid),
        _ => None,
    };
    html! {
        <tr key={field.bits} class={field.differs.then_some("differs")} data-thing={Thing::Cr3.key()} data-kin={(field.bits == "11:0").then(|| keys(&of_cr3(props.moment)))}>
            <th scope="row">{ leaf("code", "bits", field.bits) }{ " " }{ term(Term::Word(field.word), field.name) }{ " " }
                { nodes(part.map(|part| vouched(props.state, props.moment, part))) }
            </th>
            { nodes(field.values.iter().zip(field.changed).zip(Side::BOTH).map(|((value, changed), side)| html! {
                <td key={side.index()} class={classes(&[side_class(side), when(changed, "changed"), when(value.as_deref() == Some("not stored"), "dim")])}>
                    { leaf("span", "mono", value.clone().unwrap_or_else(|| "–".into())) }
                </td>
            })) }
        </tr>
    }
}
