//! The counters of both whole runs, with their differences.

use super::outcomes::outcomes;
use crate::effects::Drawn;
use crate::parts::{classes, leaf, nodes, term, term_here, when};
use crate::store::sends;
use cr3_core::cost::Cycles;
use cr3_core::geometry::Geometry;
use cr3_session::glossary::{Term, Word};
use cr3_session::view::cost::{Costs, costs};
use cr3_session::view::counters::{Count, Difference, bar, others};
use cr3_session::{Action, Runs};
use std::rc::Rc;
use web_sys::Element;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) runs: Rc<Runs>,
    pub(crate) names: [&'static str; 2],
    pub(crate) geometry: Geometry,
    /// Whether to show the counters behind the first ones too.
    pub(crate) all: bool,
    /// They are drawn last, and stay for the browser's search while they are closed.
    pub(crate) drawn: Drawn,
    pub(crate) dispatch: Callback<Action>,
}

#[component]
pub(crate) fn Counters(props: &Props) -> Html {
    let more = others(&props.runs);
    let costs = costs(&props.runs, props.geometry);
    // The state learns of it, whether a click opens them or the browser's search.
    let all = props.all;
    let ontoggle = sends(&props.dispatch, move |event: Event| {
        let open = event.target_dyn_into::<Element>()?.has_attribute("open");
        (open != all).then_some(Action::ToggleCounters)
    });
    html! {
        <footer class="counters" aria-label="Counters of the whole runs">
            { outcomes(&props.runs, props.names, &props.dispatch) }
            <div class="line">
                { leaf("dl", "", nodes(bar(&props.runs).iter().map(|count| view(count, props.names)))) }
                { leaf("dl", "", nodes(costs.iter().map(total))) }
            </div>
            <details open={all} {ontoggle}>
                <summary>{ format!("{} more", more.len()) }</summary>
                { leaf("div", "panel", nodes((props.drawn == Drawn::Everything).then(|| panel(&more, costs.as_ref(), props)))) }
            </details>
        </footer>
    }
}

/// The other counters, and what the cost consists of.
fn panel(more: &[Count], costs: Option<&Costs>, props: &Props) -> Html {
    html! {
        <>
            { leaf("dl", "", nodes(more.iter().map(|count| view(count, props.names)))) }
            { leaf("div", "", nodes(costs.map(|costs| parts(costs, props.names)))) }
            <p class="quiet">
                { "Counted over the whole run by the model. Instruction semantics are tested against Unicorn; TLB and PCID rules against a second model written from the manual. " }
                { format!("TLB: {}; reading {}.", props.geometry.description(), props.geometry.reading_name()) }
            </p>
        </>
    }
}

fn view(count: &Count, names: [&'static str; 2]) -> Html {
    let [left, right] = count.values.map(|value| value.map_or_else(|| "–".to_owned(), |value| value.to_string()));
    let delta = count.delta_text();
    let here = format!("{}: {left}, {}: {right}. The model counted.", names[0], names[1]);
    html! {
        <div key={count.counter.name()} class={classes(&["count", when(count.difference() != Difference::None, "differs")])}
            data-counter={count.counter.name()}>
            { leaf("dt", "", term_here(Term::Counter(count.counter), here, count.label())) }
            <dd>
                { leaf("span", "value left", left) }
                <span class="arrow" aria-hidden="true">{ "→" }</span>
                { leaf("span", "value right", right) }
                { leaf("span", "delta", delta.map(|delta| format!("({delta})")).unwrap_or_default()) }
            </dd>
        </div>
    }
}

/// The sum of everything with a price, beside the counters.
fn total(costs: &Costs) -> Html {
    let [left, right] = costs.totals.map(range);
    let difference = costs.difference_text();
    html! {
        <div key="cost" class={classes(&["count", when(difference.is_some(), "differs")])} data-counter="cost">
            { leaf("dt", "", term_here(Term::Word(Word::Cycles), "Parts and sources are under more.", format!("cycles ({})", costs.processor))) }
            <dd>
                { leaf("span", "value left", left) }
                <span class="arrow" aria-hidden="true">{ "→" }</span>
                { leaf("span", "value right", right) }
                { leaf("span", "delta", difference.map(|difference| format!("({difference})")).unwrap_or_default()) }
            </dd>
        </div>
    }
}

fn range(cycles: Option<Cycles>) -> String {
    match cycles {
        None => "–".to_owned(),
        Some(Cycles { low, high }) if low == high => low.to_string(),
        Some(Cycles { low, high }) => format!("{low}–{high}"),
    }
}

fn parts(costs: &Costs, names: [&'static str; 2]) -> Html {
    let rows = costs.rows.iter().map(|row| {
        let cells = row.sides.iter().enumerate();
        let cell = |(index, side): (usize, &Option<String>)| html! { <td key={index}>{ side.clone().unwrap_or("–".into()) }</td> };
        html! {
            <tr key={row.label}>
                <th scope="row">{ term(Term::Cost(row.part), row.label) }</th>
                { nodes(cells.map(cell)) }
                { leaf("td", "quiet", &row.source) }
            </tr>
        }
    });
    html! {
        <div key="costs" class="costs">
            <table>
                <caption>{ format!("Cycles on {}, published ranges: {}.", costs.processor, costs.facts) }</caption>
                <thead><tr>
                    <th scope="col">{ "part" }</th>
                    { nodes(names.iter().enumerate().map(|(index, name)| html! { <th key={index} scope="col">{ *name }</th> })) }
                    <th scope="col">{ "source and doubt" }</th>
                </tr></thead>
                { leaf("tbody", "", nodes(rows)) }
            </table>
            { leaf("div", "", nodes(costs.warnings.iter().map(|warning| html! { <p key={warning.clone()}>{ format!("Warning: {warning}.") }</p> }))) }
            { leaf("p", "quiet", format!("Unknown about the caches of {}: {}.", costs.processor, costs.doubts)) }
        </div>
    }
}
