//! Several views in a row.

use yew::prelude::*;
use yew::virtual_dom::VList;

/// The views one after the other. `for` in `html!` compiles a collection of its own for each kind of iterator, and the
/// page has a hundred kinds.
pub(crate) fn nodes(views: impl IntoIterator<Item = Html>) -> Html {
    let mut views = views.into_iter();
    collected(&mut || views.next())
}

fn collected(next: &mut dyn FnMut() -> Option<Html>) -> Html {
    VList::with_children(std::iter::from_fn(next).collect(), None).into()
}
