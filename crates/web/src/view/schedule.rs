//! The schedule: injections as chips, and as text for those who write it.

use super::Props;
use crate::parts::{Shape, classes, leaf, nodes, term, when};
use crate::store::{does, sends};
use cr3_session::Action;
use cr3_session::announce;
use cr3_session::glossary::{Term, Word};
use cr3_session::view::schedule::{Chip, chips};
use std::rc::Rc;
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;
use yew::prelude::*;

#[component]
pub(crate) fn Schedule(props: &Props) -> Html {
    let Props { state, dispatch } = props;
    let chips = use_memo((state.runs.clone(), state.setup.clone()), |_| chips(state));
    let written = use_memo(state.setup.clone(), |setup| setup.schedule.to_string());
    let (text, problem) = match &state.schedule_draft {
        Some((text, why)) => (text.clone(), Some(why.clone())),
        None => ((*written).clone(), None),
    };
    html! {
        <section class="schedule" aria-label="Schedule of injections">
            { leaf("span", "name", term(Term::Word(Word::Schedule), "injections")) }
            <Chips {chips} {dispatch} />
            <p class="hidden" role="status" aria-live="polite">{ announce::schedule(state) }</p>
            <Text {text} {problem} {dispatch} />
        </section>
    }
}

#[derive(Properties)]
struct ChipsProps {
    chips: Rc<Vec<Chip>>,
    dispatch: Callback<Action>,
}

impl PartialEq for ChipsProps {
    /// A thousand chips are not compared at each step of a run.
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.chips, &other.chips) && self.dispatch == other.dispatch
    }
}

/// The browser leaves out what it does not show of a list, list by list: two thousand chips in one take longer to draw than a frame.
const TOGETHER: usize = 50;

/// The injections, none of which depends on the cursor.
#[component]
fn Chips(props: &ChipsProps) -> Html {
    let ChipsProps { chips, dispatch } = props;
    let lists = chips.chunks(TOGETHER).zip(0..);
    html! {
        <div class="chips">
            { nodes(lists.map(|(chips, list)| html! {
                <ul key={list}>{ nodes(chips.iter().map(|chip| view(chip, dispatch))) }</ul>
            })) }
            { nodes(chips.is_empty().then(|| html! {
                <p key="none" class="quiet">{ "none: click ▽ beside an instruction to fire an exception there" }</p>
            })) }
        </div>
    }
}

fn view(chip: &Chip, dispatch: &Callback<Action>) -> Html {
    let index = chip.index;
    let why = match &chip.unfired {
        [None, None] => None,
        [Some(left), Some(right)] if left == right => Some(left.clone()),
        [Some(left), _] => Some(format!("left run: {left}")),
        [None, Some(right)] => Some(format!("right run: {right}")),
    };
    let row = chip.row;
    let name = format!("{} at {}", chip.vector, chip.place);
    html! {
        <li key={index} class={classes(&["strike", when(why.is_some(), "refused")])}>
            { leaf("span", "nest", if chip.inside { "inside" } else { "" }) }
            <button type="button" class="where" disabled={row.is_none()} data-term={Term::Vector(chip.kind).key()} data-here="Shows where it strikes."
                onclick={sends(dispatch, move |_: MouseEvent| row.map(Action::Seek))}>
                <span class="number" aria-hidden="true">{ index + 1 }</span>
                { leaf("b", "", chip.vector) }
                { leaf("code", "", &chip.place) }
            </button>
            { leaf("span", "why", why.unwrap_or_default()) }
            <button type="button" class="button plain icon" aria-label={format!("Remove {name}")} title="Remove"
                onclick={does(dispatch, Action::RemoveInjection(index))}>
                { Shape::Close.icon() }
            </button>
        </li>
    }
}

#[derive(Properties, PartialEq)]
struct TextProps {
    text: String,
    problem: Option<String>,
    dispatch: Callback<Action>,
}

/// The schedule's text form. It takes effect when the field loses focus or Enter is pressed.
#[component]
fn Text(props: &TextProps) -> Html {
    let onchange = sends(&props.dispatch, |event: Event| {
        let input = event.target()?.dyn_into::<HtmlInputElement>().ok()?;
        Some(Action::EditSchedule(input.value()))
    });
    let invalid = props.problem.is_some();
    html! {
        <div class="text">
            <input class="input" type="text" spellcheck="false" autocomplete="off" aria-label="Schedule as text"
                placeholder="kernel_loop+1:nmi > asm_exc_nmi+2:mc" aria-invalid={invalid.to_string()}
                aria-describedby="schedule-problem" value={props.text.clone()} {onchange} />
            <p id="schedule-problem" class={invalid.then_some("problem")}>{ props.problem.clone().unwrap_or_default() }</p>
        </div>
    }
}
