//! What is not modelled, in the documentation's words, and who vouches for the rest.

use super::Sheet;
use crate::parts::{explained, leaf, nodes};
use cr3_session::glossary::Unseen;
use cr3_session::view::limits::{Block, Section, limits};
use cr3_session::view::trust::{Part, Row, rows};
use cr3_session::{Action, Paper, State};
use yew::prelude::*;

pub(super) fn view(state: &State, dispatch: &Callback<Action>) -> Html {
    let mut unseen = Unseen::default();
    html! {
        <Sheet key="limits" class="limits" title="What is modelled, and what is not" dispatch={dispatch.clone()}>
            { leaf("p", "", "One processor, no speculation, no hypervisor, no cycles: steps are counted, not timed.") }
            { leaf("h3", "", "Who vouches for what is shown") }
            { leaf("div", "", trust(state)) }
            <div aria-live="polite">{ match limits(state.papers.of(Paper::Limits)) {
                Ok(sections) => html! { { leaf("div", "", nodes(sections.iter().map(|it| section(it, &mut unseen)))) } },
                Err(why) => html! { { leaf("p", "quiet", why) } },
            } }</div>
        </Sheet>
    }
}

/// Each field, who vouches for it, how much of the two runs was compared, and what nobody compares.
fn trust(state: &State) -> Html {
    let names = state.names();
    let told = if state.check.is_on() {
        "How many steps, faults and deliveries of the two runs Unicorn has compared so far."
    } else {
        "Nothing of the two runs is compared while \"check with Unicorn\" is off."
    };
    html! {
        <>
            { leaf("p", "", told) }
            <div class="trust">
                <table>
                    <thead><tr>
                        <th scope="col">{ "field" }</th>
                        <th scope="col">{ "who vouches" }</th>
                        { nodes(names.iter().enumerate().map(|(at, name)| html! { <th scope="col" class="number" key={at}>{ format!("{name}: compared") }</th> })) }
                        <th scope="col">{ "not compared" }</th>
                    </tr></thead>
                    { leaf("tbody", "", nodes(rows(state).into_iter().map(|row| line(names, row)))) }
                </table>
            </div>
        </>
    }
}

fn line(names: [&'static str; 2], row: Row) -> Html {
    let part = |(at, part): (usize, Option<Part>)| match part {
        Some(Part { compared, of }) => {
            html! { <td class="number" data-form={names[at]} key={at}>{ format!("{compared} of {of}") }</td> }
        }
        None => html! { <td class="number quiet" data-form={names[at]} key={at}>{ row.elsewhere }</td> },
    };
    html! {
        <tr key={row.name}>
            <th scope="row">{ row.name }</th>
            { leaf("td", "", row.voucher) }
            { nodes(row.compared.into_iter().enumerate().map(part)) }
            { leaf("td", "quiet", row.unchecked) }
        </tr>
    }
}

fn section(section: &Section, unseen: &mut Unseen) -> Html {
    let blocks = section.blocks.iter().enumerate().map(|(index, block)| block_view(index, block, unseen));
    html! {
        <section key={section.title.clone()}>
            { leaf("h3", "", &section.title) }
            { leaf("div", "", nodes(blocks)) }
        </section>
    }
}

fn block_view(index: usize, block: &Block, unseen: &mut Unseen) -> Html {
    let pieces = block.pieces.iter().enumerate().map(|(at, piece)| match at % 2 {
        1 => html! { <code key={at}>{ piece }</code> },
        _ => html! { <span key={at}>{ explained(piece, unseen) }</span> },
    });
    html! { <p key={index} class={block.item.then_some("item")}>{ nodes(pieces) }</p> }
}
