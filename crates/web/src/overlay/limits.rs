//! What is not modelled, as the documentation says it, and who vouches for the rest.

use super::Sheet;
use cr3_session::Action;
use cr3_session::view::limits::{Block, Section, limits};
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) dispatch: Callback<Action>,
}

const VOUCHED: &[(&str, &str)] = &[
    ("instructions, flags, paging, IRETQ", "the model, tested step by step against Unicorn 2.1.5"),
    ("assembler", "the model, tested byte by byte against GNU as"),
    ("TLB and PCID", "the model, tested against a second one written from the manual; Unicorn has no PCID"),
    ("facts about Linux", "each constant names its source file and version in the code"),
];

#[component]
pub(crate) fn Limits(props: &Props) -> Html {
    html! {
        <Sheet class="limits" title="What is modelled, and what is not" dispatch={props.dispatch.clone()}>
            <p>{ "One processor, no speculation, no hypervisor, no cycles: steps are counted, not timed." }</p>
            <h3>{ "Who vouches for what is shown" }</h3>
            <dl>{ for VOUCHED.iter().map(|(name, words)| html! { <div key={*name}><dt>{ *name }</dt><dd>{ *words }</dd></div> }) }</dl>
            <div>{ for limits().iter().map(section) }</div>
        </Sheet>
    }
}

fn section(section: &Section) -> Html {
    let blocks = section.blocks.iter().enumerate().map(|(index, block)| view(index, block));
    html! {
        <section key={section.title.clone()}>
            <h3>{ &section.title }</h3>
            <div>{ for blocks }</div>
        </section>
    }
}

fn view(index: usize, block: &Block) -> Html {
    let pieces = block.pieces.iter().enumerate().map(|(at, piece)| match at % 2 {
        1 => html! { <code key={at}>{ piece }</code> },
        _ => html! { <span key={at}>{ piece }</span> },
    });
    html! { <p key={index} class={block.item.then_some("item")}>{ for pieces }</p> }
}
