//! Searches of the explorer at work, slice by slice, between which the browser does what else it has to.

use cr3_session::explore::Told;
use cr3_session::explore::bench::Bench;
use cr3_session::explore::wire::Request;
use gloo::timers::callback::Timeout;
use std::cell::RefCell;
use std::rc::Rc;

/// How much is done at a time.
#[derive(Clone, Copy)]
pub(crate) struct Stroke {
    /// Steps of a slice.
    pub(crate) steps: u64,
    /// Milliseconds between two slices.
    pub(crate) gap: u32,
}

/// A bench with a timer. Dropping it ends the searches.
#[derive(Clone)]
pub(crate) struct Mill {
    inner: Rc<RefCell<Inner>>,
}

struct Inner {
    bench: Bench,
    stroke: Stroke,
    tell: Rc<dyn Fn(u32, Told)>,
    /// Runs until the next slice.
    next: Option<Timeout>,
}

impl Mill {
    /// Nothing to do yet. What searches tell goes to `tell`, with their tickets.
    pub(crate) fn new(stroke: Stroke, tell: impl Fn(u32, Told) + 'static) -> Self {
        let inner = Inner { bench: Bench::default(), stroke, tell: Rc::new(tell), next: None };
        Self { inner: Rc::new(RefCell::new(inner)) }
    }

    /// Takes a request, and works from the next slice on.
    pub(crate) fn take(&self, request: Request) {
        let mut inner = self.inner.borrow_mut();
        inner.bench.take(request);
        if inner.next.is_none() {
            self.wait(&mut inner);
        }
    }

    fn wait(&self, inner: &mut Inner) {
        let mill = Rc::downgrade(&self.inner);
        let turn = move || {
            if let Some(inner) = mill.upgrade() {
                Self { inner }.turn();
            }
        };
        inner.next = (!inner.bench.is_idle()).then(|| Timeout::new(inner.stroke.gap, turn));
    }

    fn turn(&self) {
        let mut inner = self.inner.borrow_mut();
        let steps = inner.stroke.steps;
        let told = inner.bench.slice(steps);
        self.wait(&mut inner);
        let tell = inner.tell.clone();
        drop(inner);
        told.into_iter().for_each(|(ticket, told)| tell(ticket, told));
    }
}
