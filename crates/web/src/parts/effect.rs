//! Effects, compiled once for all that do the same: each kind of dependency and closure takes a kilobyte of the module.

use yew::prelude::*;

/// What ends an effect.
type Undo = Box<dyn FnOnce()>;

/// Acts once the component is drawn for the first time; what that returns ends it with the component.
#[hook]
pub(crate) fn use_once<A, U>(act: A)
where
    A: FnOnce() -> U + 'static,
    U: FnOnce() + 'static,
{
    use_first(Box::new(move || Box::new(act()) as Undo));
}

#[hook]
fn use_first(act: Box<dyn FnOnce() -> Undo>) {
    use_effect_with((), move |()| act());
}

/// Acts after each drawing; what that returns ends it before the next.
#[hook]
pub(crate) fn use_each<A, U>(act: A)
where
    A: FnOnce() -> U + 'static,
    U: FnOnce() + 'static,
{
    use_every(Box::new(move || Box::new(act()) as Undo));
}

#[hook]
fn use_every(act: Box<dyn FnOnce() -> Undo>) {
    use_effect(act);
}

/// Acts when a number is another one: what an effect depends on, as a number.
#[hook]
pub(crate) fn use_number<A>(number: u64, act: A)
where
    A: FnOnce() + 'static,
{
    use_another(number, Box::new(act));
}

#[hook]
fn use_another(number: u64, act: Box<dyn FnOnce()>) {
    use_effect_with(number, move |_| act());
}
