//! Buttons that move the cursor, each with its key.

use crate::parts::Shape;
use crate::store::does;
use cr3_session::{Action, Direction, State, Target, is_valid};
use yew::prelude::*;

/// A way to move the cursor.
pub(super) struct Move {
    pub(super) shape: Shape,
    pub(super) name: &'static str,
    pub(super) key: &'static str,
    pub(super) target: Target,
    pub(super) direction: Direction,
}

impl Move {
    pub(super) const FIRST: Self = Self::new(Shape::First, "First step", "Home", Target::End, Direction::Backward);
    pub(super) const BACK: Self = Self::new(Shape::Back, "Previous step", "k", Target::Row, Direction::Backward);
    pub(super) const FORWARD: Self = Self::new(Shape::Forward, "Next step", "j", Target::Row, Direction::Forward);
    pub(super) const LAST: Self = Self::new(Shape::Last, "Last step", "End", Target::End, Direction::Forward);
    pub(super) const PREVIOUS_DIFFERENCE: Self =
        Self::new(Shape::PreviousDifference, "Previous difference", "[", Target::Difference, Direction::Backward);
    pub(super) const NEXT_DIFFERENCE: Self =
        Self::new(Shape::NextDifference, "Next difference", "]", Target::Difference, Direction::Forward);

    const fn new(shape: Shape, name: &'static str, key: &'static str, target: Target, direction: Direction) -> Self {
        Self { shape, name, key, target, direction }
    }

    /// Its button; disabled if there is nowhere to go.
    pub(super) fn button(&self, state: &State, dispatch: &Callback<Action>) -> Html {
        let Self { shape, name, key, target, direction } = *self;
        let disabled = !is_valid(state, &Action::Move(target, direction));
        let onclick = does(dispatch, Action::Move(target, direction));
        html! {
            <button type="button" class="button move" aria-label={name} title={format!("{name} ({key})")} {disabled} {onclick}>
                { shape.icon() }<span class="key" data-key={key} aria-hidden="true"></span>
            </button>
        }
    }
}
