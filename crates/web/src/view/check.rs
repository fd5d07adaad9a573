//! The second CPU: its results for both runs, what it cannot judge, and what a person can ask of it.

use super::Props;
use crate::parts::{Shape, classes, disagreement, leaf, nodes, when};
use crate::store::does;
use cr3_session::check::{Engine, Kind, SelfTest, Sweep};
use cr3_session::glossary::{Term, Word};
use cr3_session::view::check::{count, headline, sweep as sweep_words, swept_runs};
use cr3_session::{Action, Overlay, Side, State, is_valid};
use std::rc::Rc;
use yew::prelude::*;

pub(crate) fn check(props: &Props) -> Html {
    let Props { state, dispatch } = props;
    let on = state.check.is_on();
    html! {
        <section class={classes(&["check", when(on, "on")])} aria-label="Second CPU">
            <button type="button" class="chip" aria-pressed={on.to_string()} onclick={does(dispatch, Action::ToggleCheck)}
                data-term={Term::Word(Word::Unicorn).key()} data-here="Fetches 0.2 MB.">
                { "check with Unicorn" }
            </button>
            { leaf("div", "says", nodes(on.then(|| says(props)))) }
        </section>
    }
}

fn says(props: &Props) -> Html {
    let Props { state, dispatch } = props;
    let broken = matches!(state.check.engine, Engine::Broken(_));
    let ready = state.check.engine == Engine::Ready;
    html! {
        <div class="line" key="says">
            <p class={classes(&["headline", when(broken, "broken")])} role="status">{ headline(state) }</p>
            { leaf("div", "", nodes(ready.then(|| unjudged(state)))) }
            { leaf("div", "", nodes(state.check.disagreement.iter().map(|_| reopen(dispatch)))) }
            { leaf("div", "asks", nodes(ready.then(|| asks(props)))) }
        </div>
    }
}

fn reopen(dispatch: &Callback<Action>) -> Html {
    html! {
        <button type="button" class="button" key="reopen" onclick={does(dispatch, Action::Open(Overlay::Disagreement))}>
            { "show the disagreement" }
        </button>
    }
}

/// The reasons why steps were not judged, in both runs together.
fn unjudged(state: &State) -> Html {
    let mut reasons = Vec::<(Rc<str>, [usize; 2])>::new();
    for side in Side::BOTH {
        for (reason, times) in count(state, side).map(|count| count.unjudged).unwrap_or_default() {
            let at = reasons.partition_point(|(before, _)| *before < reason);
            if reasons.get(at).is_none_or(|(known, _)| *known != reason) {
                reasons.insert(at, (reason, [0; 2]));
            }
            reasons[at].1[side.index()] = times;
        }
    }
    let names = state.names();
    let row = |(reason, [left, right]): &(Rc<str>, [usize; 2])| {
        html! { <li key={&**reason}>{ leaf("b", "", format!("{} {left}, {} {right}", names[0], names[1])) }{ ": " }{ &**reason }</li> }
    };
    html! {
        <details class="reasons" key="reasons">
            <summary>{ "what it cannot judge" }</summary>
            <div class="panel">
                { leaf("ul", "", nodes(reasons.iter().map(row))) }
                <p class="quiet">
                    { "It judges no step's PCID tags, dropped translations, bit 63 of CR3 or INVPCID: Unicorn has no PCIDs and flushes on every CR3 write. Nor SS after a delivery through the interrupt stack table at CPL 0, which it clears; nor MCG_STATUS.MCIP after a machine check, which it does not set." }
                </p>
            </div>
        </details>
    }
}

fn asks(props: &Props) -> Html {
    let Props { state, dispatch } = props;
    html! {
        <div class="line" key="asks">
            { leaf("div", "sweeps", nodes(Side::BOTH.into_iter().map(|side| sweep_button(props, side)))) }
            <button type="button" class="button" disabled={!is_valid(state, &Action::TestCheck)}
                onclick={does(dispatch, Action::TestCheck)} data-here="Makes Unicorn wrong on purpose, to show that the check finds it.">
                { "self-test" }
            </button>
            { leaf("div", "result", nodes(state.check.sweep.iter().map(|it| swept(props, it)))) }
            { leaf("div", "stop", nodes(is_valid(state, &Action::StopSweep).then(|| stop(dispatch)))) }
            { leaf("div", "result", self_test(&state.check.self_test)) }
        </div>
    }
}

/// The processors' result for the sweep, and beside it the form's: neither says anything about the other.
fn swept(props: &Props, sweep: &Sweep) -> Html {
    let Props { state, dispatch } = props;
    let side = sweep.side;
    let open = |kind: &Kind| {
        let schedule = kind.first.clone();
        html! {
            <li key={kind.words.clone()}>
                { format!("{} {} ", kind.runs, kind.words) }
                <button type="button" class="button" title={schedule.clone()}
                    onclick={does(dispatch, Action::OpenSwept(side, schedule.clone()))}>{ "open the first" }</button>
            </li>
        }
    };
    html! {
        <div key="sweep">
            <p role="status">{ sweep_words(state, sweep) }</p>
            <p class="went" role="status">{ swept_runs(state, sweep).unwrap_or_default() }</p>
            { leaf("ul", "wrong", nodes(sweep.progress.findings.kinds.iter().map(open))) }
        </div>
    }
}

fn sweep_button(props: &Props, side: Side) -> Html {
    let name = props.state.names()[side.index()];
    let action = Action::Sweep(side);
    html! {
        <button type="button" class="button" key={side.index()} disabled={!is_valid(&props.state, &action)}
            onclick={does(&props.dispatch, Action::Sweep(side))}
            data-here="Every vector at every place that the uninterrupted run reaches, one at a time, on both processors.">
            { format!("every single injection into {name}") }
        </button>
    }
}

fn stop(dispatch: &Callback<Action>) -> Html {
    html! {
        <button type="button" class="button" key="stop" onclick={does(dispatch, Action::StopSweep)}>
            { Shape::Close.icon() }{ "stop" }
        </button>
    }
}

fn self_test(test: &SelfTest) -> Html {
    match test {
        SelfTest::None => html! {},
        SelfTest::Running => html! { <p role="status">{ "A wrong result is slipped into the second CPU …" }</p> },
        SelfTest::Missed(why) => html! { <p class="broken" role="status">{ format!("Self-test failed: {why}.") }</p> },
        SelfTest::Found(found) => html! {
            <details class="reasons">
                <summary role="status">{ format!("Self-test passed: the wrong result was found at step {}.", found.step + 1) }</summary>
                { leaf("div", "panel", disagreement::report(found)) }
            </details>
        },
    }
}
