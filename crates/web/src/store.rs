//! The session's [`State`] as a Yew reducer, which decides nothing, and as the properties of the panes.

use cr3_session::{Action, State, update};
use std::rc::Rc;
use yew::prelude::*;

/// The one value that the page shows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Store(pub(crate) Rc<State>);

impl Reducible for Store {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        let next = update(&self.0, action);
        if next == *self.0 {
            return self;
        }
        Rc::new(Self(Rc::new(next)))
    }
}

/// The properties of most panes: the state, and where actions go.
#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) state: Rc<State>,
    pub(crate) dispatch: Callback<Action>,
}

/// Sends this action at each event.
pub(crate) fn does<I: 'static>(dispatch: &Callback<Action>, action: Action) -> Callback<I> {
    let dispatch = dispatch.clone();
    Callback::from(move |_| dispatch.emit(action.clone()))
}

/// Sends the action that an event leads to, if there is one.
pub(crate) fn sends<I: 'static>(
    dispatch: &Callback<Action>,
    action: impl Fn(I) -> Option<Action> + 'static,
) -> Callback<I> {
    let dispatch = dispatch.clone();
    Callback::from(move |event| {
        if let Some(action) = action(event) {
            dispatch.emit(action);
        }
    })
}
