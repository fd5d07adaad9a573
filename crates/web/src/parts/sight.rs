//! Both machines at the cursor as a property, and the side that a cell belongs to.

use cr3_session::{Moment, Side};
use std::rc::Rc;

/// A moment as a property. It equals only itself, because comparing two machines costs more than showing one.
#[derive(Clone)]
pub(crate) struct Sight(pub(crate) Rc<Moment>);

impl PartialEq for Sight {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// The class of a side: narrow windows show one side.
pub(crate) fn side_class(side: Side) -> &'static str {
    match side {
        Side::Left => "side-a",
        Side::Right => "side-b",
    }
}
