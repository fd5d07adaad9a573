//! The menu of vectors at a spot: which may strike there, and why the others may not.

use crate::choice::{Side, Spot};
use crate::inject;
use crate::runs::Runs;
use crate::state::State;
use crate::view::heat::{self, Strike};
use crate::words;
use cr3_core::machine::refusal_reason;
use cr3_core::scenario::{Nesting, Place, Vector};
use cr3_core::trace::Trace;

/// A vector that is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What would strike.
    pub vector: Vector,
    /// The key that chooses it.
    pub letter: &'static str,
    /// The architectural reason why it may not strike there; none if it may.
    pub refusal: Option<String>,
}

/// The menu at a spot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Menu {
    /// `label+offset`, with the arrival if it is not the first.
    pub place: String,
    /// Nesting that the spot itself decides; none leaves the choice to the person.
    pub nesting: Option<Nesting>,
    /// Whether there is an injection in which a new one could nest.
    pub nestable: bool,
    /// What to know before choosing: that no run reaches this instruction.
    pub remark: Option<&'static str>,
    /// What the explorer knows of exceptions here.
    pub known: Option<String>,
    /// The counterexamples that strike here.
    pub strikes: Vec<Strike>,
    /// The vectors.
    pub items: Vec<Item>,
}

/// The menu for `spot`.
#[must_use]
pub fn menu(state: &State, spot: &Spot) -> Menu {
    let runs = &state.runs;
    let found = spot.row.and_then(|row| inject::before_step(runs, row));
    let (place, nesting, nestable) = match found {
        Some((index, place, nesting)) => (place, Some(nesting), index > 0),
        None => (spot.place.clone(), None, !state.setup.schedule.injections.is_empty()),
    };
    let here = spot.row.or_else(|| arrival(runs, spot));
    let stripe = heat::stripe(state);
    let address = address(state, spot);
    Menu {
        place: place.to_string(),
        nesting,
        nestable,
        remark: here.is_none().then_some("Neither run reaches this instruction with the current schedule."),
        known: address.and_then(|address| stripe.mark(address)).map(|mark| mark.words),
        strikes: address.map(|address| stripe.strikes(address)).unwrap_or_default(),
        items: Vector::ALL.into_iter().map(|vector| item(runs, here, vector)).collect(),
    }
}

/// The instruction of a spot in the code on display.
fn address(state: &State, spot: &Spot) -> Option<u64> {
    let places = &state.runs.trace(state.side)?.places;
    let first = Place { occurrence: 1, ..spot.place.clone() };
    Some(places.site(places.resolve(&first).ok()?).address)
}

fn item(runs: &Runs, row: Option<usize>, vector: Vector) -> Item {
    let machine = row.and_then(|row| {
        Side::BOTH.into_iter().find_map(|side| {
            let step = runs.step_index(side, row)?;
            Some(runs.trace(side)?.machine_before(step))
        })
    });
    let refusal = machine.and_then(|machine| refusal_reason(&machine.cpu, vector.event()));
    Item { vector, letter: words::vector_letter(vector), refusal: refusal.map(str::to_owned) }
}

/// The row in which a run first reaches a spot.
fn arrival(runs: &Runs, spot: &Spot) -> Option<usize> {
    Side::BOTH.into_iter().find_map(|side| {
        let trace: &Trace = runs.trace(side)?;
        let id = trace.places.resolve(&spot.place).ok()?;
        let step = trace.steps.iter().position(|step| step.place == Some(id))?;
        runs.row_of(side, step)
    })
}
