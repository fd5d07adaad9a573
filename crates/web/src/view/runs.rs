//! The two runs side by side in aligned rows, under one cursor.

use super::moves::Move;
use super::running::running;
use crate::parts::{Height, Sight, Window, classes, leaf, nodes, segments, side_class, use_window, when};
use crate::store::sends;
use cr3_session::announce;
use cr3_session::glossary::{Term, Word};
use cr3_session::view::Half;
use cr3_session::view::check::{Sign, mark as mark_of};
use cr3_session::view::outcome::earlier;
use cr3_session::view::relatives::{Thing, keys, of_row};
use cr3_session::view::row::{Cell, Mark, MarkKind, Row, row};
use cr3_session::view::sentence::{NO_STEP, Sentence, sentence};
use cr3_session::view::stops::halted;
use cr3_session::view::window::Aim;
use cr3_session::{Action, Direction, Filter, Goal, Side, State, Target, words};
use std::rc::Rc;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) state: Rc<State>,
    pub(crate) moment: Sight,
    pub(crate) dispatch: Callback<Action>,
}

const FILTERS: [(&str, &str); 3] = [
    ("all", "every step"),
    ("CR3 + TLB", "steps that write CR3, change the TLB or deliver an event"),
    ("differences", "steps in which the runs differ"),
];

#[component]
pub(crate) fn RunList(props: &Props) -> Html {
    let Props { state, moment, dispatch } = props;
    let listed = state.runs.rows(state.filter);
    let total = listed.map_or(state.runs.len(), <[u32]>::len);
    let shown = match listed {
        None => Some(state.cursor),
        Some(rows) => Some(rows.partition_point(|row| (*row as usize) < state.cursor)),
    };
    let window = use_window(Height::HalfWindow, total, shown.map(Aim::Near), state.sought, Callback::noop());
    let rows = window.rows.clone().filter_map(|at| {
        let index = listed.map_or(Some(at), |rows| rows.get(at).map(|row| *row as usize))?;
        Some((at, row(&state.runs, index)))
    });
    let selected = Filter::ALL.iter().position(|filter| *filter == state.filter).unwrap_or_default();
    let onpick = sends(dispatch, |index: usize| Filter::ALL.get(index).map(|filter| Action::SetFilter(*filter)));
    let hidden = state.runs.len() - total;
    html! {
        <section class={classes(&["pane", "runs", when(state.check.is_on(), "followed")])} aria-labelledby="runs-title">
            <h2 class="hidden" id="runs-title">{ "The two runs" }</h2>
            { running(&super::Props { state: state.clone(), dispatch: dispatch.clone() }) }
            <div class="sentence">
                { leaf("p", "halt", halted(state)) }
                { said(&sentence(state, &moment.0), state) }
            </div>
            <div class="filter">
                { segments("Steps that are listed", &FILTERS, selected, &onpick) }
                { leaf("span", "dim", if hidden > 0 { format!("{hidden} hidden") } else { String::new() }) }
                <div class="differences" role="group" aria-label="Differences">
                    { Move::PREVIOUS_DIFFERENCE.button(state, dispatch) }
                    { leaf("p", "position", differences(state)) }
                    { Move::NEXT_DIFFERENCE.button(state, dispatch) }
                </div>
            </div>
            <div class="heads" aria-hidden="true">
                { nodes(Side::BOTH.into_iter().map(|side| head(state, side))) }
            </div>
            <div class="rows" ref={window.node.clone()} onscroll={window.onscroll.clone()} role="grid" tabindex="0"
                aria-label="Aligned steps" aria-rowcount={total.to_string()} aria-colcount="2"
                onmousedown={unselecting} aria-activedescendant={active(&window.rows, shown, total, state.cursor)}
                onkeydown={sends(dispatch, { let state = state.clone(); move |event| grid_key(event).and_then(|action| announce::answer(&state, action).last()) })}>
                <div class="spacer" role="rowgroup" style={window.spacer(total)}>
                    { nodes(rows.map(|(at, row)| line(&row, at, &window, props))) }
                </div>
                { leaf("div", "empty", empty(state, total)) }
            </div>
        </section>
    }
}

/// A click with Shift runs there, and selects no text.
fn unselecting(event: MouseEvent) {
    if event.shift_key() {
        event.prevent_default();
    }
}

/// Whether there are two runs to compare.
fn both_run(state: &State) -> bool {
    Side::BOTH.into_iter().all(|side| state.runs.trace(side).is_some())
}

fn differences(state: &State) -> Html {
    if !both_run(state) {
        return html! { "nothing to compare" };
    }
    let comparison = &state.runs.comparison;
    let total = comparison.differences.len();
    match (comparison.difference_at(state.cursor), total) {
        (_, 0) => html! { "no difference" },
        (Some(index), _) => {
            html! { <>{ leaf("span", "word", "difference ") }{ leaf("b", "", index + 1) }{ " of " }{ total }</> }
        }
        (None, 1) => html! { "1 difference" },
        (None, _) => html! { <>{ total }{ " differences" }</> },
    }
}

fn active(rows: &std::ops::Range<usize>, shown: Option<usize>, total: usize, cursor: usize) -> Option<String> {
    shown.filter(|at| rows.contains(at) && *at < total).map(|_| format!("row-{cursor}"))
}

/// Arrows and pages inside the grid. The page's own keyboard map has them too, but may be switched off.
fn grid_key(event: KeyboardEvent) -> Option<Action> {
    let (target, direction) = match event.key().as_str() {
        "ArrowDown" => (Target::Row, Direction::Forward),
        "ArrowUp" => (Target::Row, Direction::Backward),
        "PageDown" => (Target::Page, Direction::Forward),
        "PageUp" => (Target::Page, Direction::Backward),
        "Home" => (Target::End, Direction::Backward),
        "End" => (Target::End, Direction::Forward),
        _ => return None,
    };
    event.prevent_default();
    Some(Action::Move(target, direction))
}

fn said(sentence: &Sentence, state: &State) -> Html {
    let each = |side: Side, words: &str| {
        let name = state.names()[side.index()];
        let class = classes(&[side_class(side), when(words == NO_STEP, "none")]);
        html! { <p {class}>{ leaf("b", "", name) }{ " " }{ words }</p> }
    };
    match sentence {
        Sentence::Nothing(words) => html! { { leaf("p", "", words) } },
        Sentence::Both(words) => html! { { leaf("p", "both", words) } },
        Sentence::Each([left, right]) => html! { <>{ each(Side::Left, left) }{ each(Side::Right, right) }</> },
    }
}

fn head(state: &State, side: Side) -> Html {
    let form = state.setup.forms[side.index()];
    html! {
        <span key={side.index()} class={classes(&["head", side_class(side)])}>
            { leaf("b", "", state.setup.names()[side.index()]) }{ " " }{ leaf("span", "earlier", earlier(&state.runs, side).unwrap_or_default()) }
            { " " }{ leaf("span", "quiet", words::form_origin(form)) }
        </span>
    }
}

fn empty(state: &State, total: usize) -> Html {
    match (state.runs.is_empty(), total) {
        (true, _) => {
            html! { { leaf("p", "", "Neither form runs. The editor of your own macro shows the assembler's errors.") } }
        }
        (false, 0) if !both_run(state) => {
            html! { { leaf("p", "", "One form does not run: there is nothing to compare.") } }
        }
        (false, 0) => html! { { leaf("p", "", "The runs are the same in every step.") } },
        _ => html! {},
    }
}

fn line(row: &Row, at: usize, window: &Window, props: &Props) -> Html {
    let current = row.index == props.state.cursor;
    let index = row.index;
    let onclick = sends(&props.dispatch, move |event: MouseEvent| {
        Some(if event.shift_key() { Action::RunTo(Goal::Row(index)) } else { Action::Seek(index) })
    });
    let class = classes(&["row", when(current, "current"), when(row.differs, "differs")]);
    html! {
        <div key={window.slot(at)} id={format!("row-{index}")} data-thing={Thing::Row(index).key()} data-kin={keys(&of_row(&props.state.runs, index))} {class} style={window.offset(at)} role="row" aria-rowindex={(at + 1).to_string()}
            aria-selected={current.to_string()} aria-current={current.then_some("step")} {onclick}>
            { nodes(row.cells.iter().zip(Side::BOTH).map(|(cell, side)| half(cell.as_ref(), side, mark_of(&props.state, side, index)))) }
        </div>
    }
}

fn half(cell: Option<&Cell>, side: Side, checked: Option<(Sign, String)>) -> Html {
    let Some(cell) = cell else {
        return html! {
            <span key={side.index()} class={classes(&["cell", "gap", side_class(side)])} role="gridcell">{ NO_STEP }</span>
        };
    };
    let ground = match cell.half {
        Half::Kernel => "kernel",
        Half::User => "user",
    };
    let class = classes(&["cell", side_class(side), ground, when(cell.delivery, "delivery")]);
    let style = format!("--level:{}", cell.level);
    html! {
        <span key={side.index()} {class} {style} role="gridcell" title={cell.place.clone()}>
            { leaf("span", "number", cell.step) }
            { leaf("span", "checked", nodes(checked.map(sign))) }
            { leaf("code", "", &cell.text) }
            { leaf("span", "marks", nodes(cell.marks.iter().map(mark))) }
            { leaf("span", "label", cell.label.clone().unwrap_or_default()) }
        </span>
    }
}

/// What explains a mark. The legend has the same words for the keyboard.
fn word_of(mark: &Mark) -> Option<Word> {
    match mark.kind {
        _ if mark.moreover == "redundant" => Some(Word::Redundant),
        MarkKind::Injection => Some(Word::Injection),
        MarkKind::Delivery => Some(Word::Delivery),
        MarkKind::FlushingWrite | MarkKind::Drop => Some(Word::Flush),
        MarkKind::NoFlushWrite => Some(Word::NoFlush),
        MarkKind::Refill => Some(Word::Refill),
        MarkKind::Broken => Some(Word::Promise),
        MarkKind::Shutdown => None,
    }
}

/// The second CPU's result for the step.
fn sign((sign, words): (Sign, String)) -> Html {
    html! { <i class={sign.word()} title={words.clone()} role="img" aria-label={words}>{ sign.glyph() }</i> }
}

fn mark(mark: &Mark) -> Html {
    let class = match mark.kind {
        MarkKind::Injection => "injection",
        MarkKind::Delivery => "event",
        MarkKind::FlushingWrite => "flush",
        MarkKind::NoFlushWrite => "noflush",
        MarkKind::Drop => "drop",
        MarkKind::Refill => "refill",
        MarkKind::Shutdown => "shutdown",
        MarkKind::Broken => "broken",
    };
    let class = classes(&["mark", class]);
    let explains = word_of(mark).map(|word| Term::Word(word).key());
    match mark.moreover {
        "" => html! { <i {class} data-term={explains}>{ &mark.text }</i> },
        moreover => {
            html! { <i {class} data-term={explains} data-here={mark.words()}>{ leaf("span", "lead", format!("{}, ", mark.text)) }{ moreover }</i> }
        }
    }
}
