//! The counters of both whole runs, with their differences.

use cr3_session::Runs;
use cr3_session::view::counters::{Count, bar, others};
use std::rc::Rc;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) runs: Rc<Runs>,
    pub(crate) names: [&'static str; 2],
}

#[component]
pub(crate) fn Counters(props: &Props) -> Html {
    let more = others(&props.runs);
    html! {
        <footer class="counters" aria-label="Counters of the whole runs">
            <dl>{ for bar(&props.runs).iter().map(|count| view(count, props.names)) }</dl>
            <details>
                <summary>{ format!("{} more", more.len()) }</summary>
                <dl>{ for more.iter().map(|count| view(count, props.names)) }</dl>
                <p class="quiet">
                    { "Counted over the whole run by the model. Instruction semantics are tested against Unicorn; TLB and PCID rules against a second model written from the manual." }
                </p>
            </details>
        </footer>
    }
}

fn view(count: &Count, names: [&'static str; 2]) -> Html {
    let [left, right] = count.values.map(|value| value.map_or_else(|| "–".to_owned(), |value| value.to_string()));
    let delta = count.delta_text();
    let description = count.counter.description();
    let title = format!("{description}\n{}: {left}, {}: {right}. Model.", names[0], names[1]);
    html! {
        <div key={count.counter.name()} class={classes!("count", delta.is_some().then_some("differs"))} {title}
            data-counter={count.counter.name()}>
            <dt>{ count.label() }</dt>
            <dd>
                <span class="value left">{ left }</span>
                <span class="arrow" aria-hidden="true">{ "→" }</span>
                <span class="value right">{ right }</span>
                <span class="delta">{ delta.map(|delta| format!("({delta})")).unwrap_or_default() }</span>
            </dd>
        </div>
    }
}
