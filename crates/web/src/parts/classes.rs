//! The classes of an element.

use yew::prelude::*;

/// These classes; an empty name is none. The macro of Yew compiles its own code for each kind of name.
pub(crate) fn classes(names: &[&'static str]) -> Classes {
    names.iter().copied().filter(|name| !name.is_empty()).collect()
}

/// A class that an element has under a condition.
pub(crate) fn when(condition: bool, name: &'static str) -> &'static str {
    if condition { name } else { "" }
}
