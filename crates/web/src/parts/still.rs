//! A part of the page that is drawn again only for another state.

use crate::store::Props;
use cr3_session::{Action, State};
use std::rc::Rc;
use yew::prelude::*;

#[derive(Properties)]
pub(crate) struct StillProps {
    /// What it looks like. It is the same for as long as the part is in the page.
    pub(crate) view: fn(&Props) -> Html,
    pub(crate) state: Rc<State>,
    pub(crate) dispatch: Callback<Action>,
}

impl PartialEq for StillProps {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.state, &other.state) && self.dispatch == other.dispatch
    }
}

/// The part. Its state is the same one while nothing changes that the part shows.
#[component]
pub(crate) fn Still(props: &StillProps) -> Html {
    (props.view)(&Props { state: props.state.clone(), dispatch: props.dispatch.clone() })
}
