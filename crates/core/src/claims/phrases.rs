//! The words in which the claims are written: numbers to measure and tests of them.

use super::measure::{Fact, Measure, Scene, Sweep};
use super::show::{Look, Show};
use super::sums::{Sum, Where};
use super::{Basis, Exception, Experiment, Relation, Term, Test};
use crate::counters::Counter;
use crate::linux::{Features, Form, Handler};
use crate::promises::Promise;
use crate::scenario::Vector;
use crate::trace::Ending;

// --- Numbers ---------------------------------------------------------------------------------------------------------

pub(super) const ALL: Features = Features::ALL;
pub(super) const NO_PTI: Features = Features { pti: false, ..ALL };
pub(super) const NO_PCID: Features = Features { pcid: false, ..ALL };
pub(super) const NO_INVPCID: Features = Features { invpcid: false, ..ALL };

pub(super) const QUIET: Handler = Handler::Quiet;
pub(super) const PERF: Handler = Handler::Perf;
pub(super) const FLUSH: Handler = Handler::PendingFlush;
pub(super) const POKE: Handler = Handler::KgdbPoke;

pub(super) const fn sweep(kind: Where, vector: Vector, form: Form, handler: Handler) -> Sweep {
    Sweep { form, features: ALL, handler, kind, vector }
}

/// An NMI at each boundary of the kernel on its own tables.
pub(super) const fn kernel(form: Form, handler: Handler) -> Sweep {
    sweep(Where::KernelTables, Vector::Nmi, form, handler)
}

/// An NMI at each boundary of exit on the user's tables.
pub(super) const fn exit(form: Form, handler: Handler) -> Sweep {
    sweep(Where::ExitWindow, Vector::Nmi, form, handler)
}

/// An NMI at each boundary of entry on the user's tables.
pub(super) const fn entry(form: Form, handler: Handler) -> Sweep {
    sweep(Where::EntryWindow, Vector::Nmi, form, handler)
}

pub(super) const fn with(features: Features, sweep: Sweep) -> Sweep {
    Sweep { features, ..sweep }
}

pub(super) const fn of(sweep: Sweep, sum: Sum) -> Measure {
    Measure::Sweep(sweep, sum)
}

pub(super) const fn strikes(sweep: Sweep) -> Measure {
    of(sweep, Sum::Strikes)
}

pub(super) const fn breaking(sweep: Sweep) -> Measure {
    of(sweep, Sum::Breaking)
}

pub(super) const fn extra(counter: Counter, sweep: Sweep) -> Measure {
    of(sweep, Sum::Extra(counter))
}

pub(super) const fn writes(sweep: Sweep) -> Measure {
    extra(Counter::Cr3Writes, sweep)
}

pub(super) const fn flushing(sweep: Sweep) -> Measure {
    extra(Counter::FlushingCr3Writes, sweep)
}

pub(super) const fn scene(features: Features, handler: Handler, inject: &'static str) -> Scene {
    Scene { features, handler, inject }
}

pub(super) const fn breaks(form: Form, scene: Scene, promise: Promise) -> Measure {
    Measure::Run(form, scene, Fact::Breaks(promise))
}

pub(super) const fn ends(form: Form, scene: Scene, ending: Ending) -> Measure {
    Measure::Run(form, scene, Fact::Ends(ending))
}

// --- Tests -----------------------------------------------------------------------------------------------------------

pub(super) const fn is(left: Measure, number: i64) -> Test {
    Test { left, is: Relation::Equal, right: Term::Number(number) }
}

pub(super) const fn some(left: Measure) -> Test {
    Test { left, is: Relation::More, right: Term::Number(0) }
}

pub(super) const fn same(left: Measure, right: Measure) -> Test {
    times(left, 1, right)
}

pub(super) const fn times(left: Measure, times: i64, right: Measure) -> Test {
    Test { left, is: Relation::Equal, right: Term::Times(times, right) }
}

pub(super) const fn more(left: Measure, right: Measure) -> Test {
    Test { left, is: Relation::More, right: Term::Times(1, right) }
}

pub(super) const fn less(left: Measure, right: Measure) -> Test {
    Test { left, is: Relation::Less, right: Term::Times(1, right) }
}

pub(super) const fn measured(holds: &'static [Test]) -> Basis {
    Basis::Measured(Experiment { holds, exceptions: &[] })
}

pub(super) const fn but(holds: &'static [Test], exceptions: &'static [Exception]) -> Basis {
    Basis::Measured(Experiment { holds, exceptions })
}

pub(super) const fn exception(test: Test, words: &'static str) -> Exception {
    Exception { test, words }
}

pub(super) const fn show(forms: [Form; 2], scene: Scene, look: Look) -> Show {
    Show { forms, scene, look }
}
