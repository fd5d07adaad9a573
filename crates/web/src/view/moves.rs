//! Buttons that move the cursor, each with its key.

use crate::parts::{Look, Shape, Stand, button};
use crate::store::does;
use cr3_session::{Action, Direction, State, Target, is_valid};
use yew::prelude::*;

/// A way to move the cursor.
pub(super) struct Move {
    pub(super) shape: Shape,
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) key: &'static str,
    pub(super) target: Target,
    pub(super) direction: Direction,
}

impl Move {
    pub(super) const FIRST: Self =
        Self::new(Shape::First, "First step", "First step (Home)", "Home", Target::End, Direction::Backward);
    pub(super) const BACK: Self =
        Self::new(Shape::Back, "Previous step", "Previous step (k)", "k", Target::Row, Direction::Backward);
    pub(super) const FORWARD: Self =
        Self::new(Shape::Forward, "Next step", "Next step (j)", "j", Target::Row, Direction::Forward);
    pub(super) const LAST: Self =
        Self::new(Shape::Last, "Last step", "Last step (End)", "End", Target::End, Direction::Forward);
    pub(super) const PREVIOUS_DIFFERENCE: Self = Self::new(
        Shape::PreviousDifference,
        "Previous difference",
        "Previous difference ([)",
        "[",
        Target::Difference,
        Direction::Backward,
    );
    pub(super) const NEXT_DIFFERENCE: Self = Self::new(
        Shape::NextDifference,
        "Next difference",
        "Next difference (])",
        "]",
        Target::Difference,
        Direction::Forward,
    );

    const fn new(
        shape: Shape,
        name: &'static str,
        title: &'static str,
        key: &'static str,
        target: Target,
        direction: Direction,
    ) -> Self {
        Self { shape, name, title, key, target, direction }
    }

    /// Its button; disabled if there is nowhere to go.
    pub(super) fn button(&self, state: &State, dispatch: &Callback<Action>) -> Html {
        let Self { shape, name, title, key, target, direction } = *self;
        let action = Action::Move(target, direction);
        let look = Look { class: "button move", label: name, title, ..Look::PLAIN };
        let content = html! { <>{ shape.icon() }<span class="key" data-key={key} aria-hidden="true"></span></> };
        button(&look, Stand::of(is_valid(state, &action)), does(dispatch, action), content)
    }
}
