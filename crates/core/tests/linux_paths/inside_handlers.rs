//! Handlers interrupted: at each of their instructions, by everything that enters through the paranoid path.

use crate::support::{ALL_ON, FORMS, Run, preserved};
use cr3_core::linux::records::{self, TlbState};
use cr3_core::linux::{Features, Form, Handler, Handlers};
use cr3_core::machine::Exception::{self, Debug, MachineCheck, Nmi, VmmCommunication};
use cr3_core::machine::{Cpu, Event, Register, refusal};
use expect_test::{Expect, expect};
use std::collections::BTreeMap;
use std::fmt::Write;

const VECTORS: [Exception; 4] = [Nmi, Debug, MachineCheck, VmmCommunication];
const OUTER: [Handler; 3] = [Handler::Perf, Handler::PendingFlush, Handler::KgdbPoke];
const INNER: [Handler; 2] = [Handler::Quiet, Handler::Perf];

/// More steps than an inner handler and the rest of the outer one take.
const STEPS: usize = 3000;

/// How it went on after something struck inside a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Went {
    /// The inner handler gives back every register, and the outer one ends as without it.
    Restored,
    /// The architecture forbids it.
    Refused,
    /// The second frame lies where the first did, and one of the handlers does not return to what it interrupted.
    FrameLost,
}

/// One image holds all three; what a call of `modelled_handler` reaches is decided when it is called.
struct Called {
    run: Run,
    entry: u64,
    handlers: BTreeMap<Handler, u64>,
}

impl Called {
    fn new(features: Features, form: &Form) -> Self {
        let run = Run::new(features, form, OUTER.into_iter().collect::<Handlers>());
        let entry = run.address("modelled_handler");
        // The quiet one is a RET: that of the text which calls the others.
        let returns = |line: &&cr3_core::asm::Line| line.address > entry && line.text == "ret";
        let quiet = run.system.image.listing.iter().filter(returns).map(|line| line.address).min().expect("a RET");
        let symbol = |handler: Handler| format!("modelled_{}", handler.name().replace('-', "_"));
        let mut handlers: BTreeMap<_, _> = OUTER.map(|handler| (handler, run.address(&symbol(handler)))).into();
        handlers.insert(Handler::Quiet, quiet);
        Self { run, entry, handlers }
    }

    /// Steps until `reached`, with `handler` wherever one is called; nothing if it does not come to that.
    fn go(&self, mut run: Run, handler: Handler, reached: impl Fn(&Cpu) -> bool) -> Option<Run> {
        for _ in 0..STEPS {
            if run.machine.cpu.rip == self.entry {
                run.machine.cpu.rip = self.handlers[&handler];
            }
            if reached(&run.machine.cpu) {
                return Some(run);
            }
            run.step().ok()?;
        }
        None
    }

    /// In kernel code, struck by `vector`: the code that was interrupted, and every boundary of `handler`.
    fn boundaries(&self, handler: Handler, vector: Exception) -> (Cpu, Vec<Run>) {
        let mut run = self.run.clone();
        run.run_to("kernel_loop");
        let interrupted = run.machine.cpu.clone();
        run.inject(vector);
        let called = self.handlers[&handler];
        let mut run = self.go(run, handler, |cpu| cpu.rip == called).expect("the handler is called");
        let stack = run.machine.cpu.registers[Register::Rsp as usize];
        let mut boundaries = Vec::new();
        while run.machine.cpu.registers[Register::Rsp as usize] <= stack {
            boundaries.push(run.clone());
            run.step().expect("the handler goes on");
        }
        (interrupted, boundaries)
    }

    fn strike(&self, during: &Run, handlers: [Handler; 2], vector: Exception, interrupted: &Cpu) -> Went {
        let [outer, inner] = handlers;
        if refusal(&during.machine, Event::Exception(vector)).is_some() {
            return Went::Refused;
        }
        let end = |run: Run| self.go(run, outer, |cpu| same_place(cpu, interrupted));
        let mut struck = during.clone();
        struck.inject(vector);
        let returned = self.go(struck, inner, |cpu| same_place(cpu, &during.machine.cpu));
        let kept = |run: &Run| preserved(&run.machine.cpu) == preserved(&during.machine.cpu);
        let Some(returned) = returned.filter(kept) else { return Went::FrameLost };
        let Some(ended) = end(returned) else { return Went::FrameLost };
        let undisturbed = end(during.clone()).expect("the outer handler returns");
        assert_eq!(seen(&ended), seen(&undisturbed), "{vector:?} at {}", during.place());
        assert_eq!(records::check_cr3(&ended.machine), records::check_cr3(&undisturbed.machine));
        let samples = |run: &Run| run.per_cpu("perf_samples");
        assert_eq!(samples(&ended) - samples(&undisturbed), u64::from(inner == Handler::Perf));
        Went::Restored
    }
}

fn same_place(cpu: &Cpu, other: &Cpu) -> bool {
    let stack = Register::Rsp as usize;
    cpu.rip == other.rip && cpu.cpl == other.cpl && cpu.registers[stack] == other.registers[stack]
}

/// What the interrupted code sees of a handler: registers, CR2, DR7, and the records of its address space.
fn seen(run: &Run) -> (Cpu, u64, u64, TlbState) {
    let cpu = &run.machine.cpu;
    (preserved(cpu), cpu.cr2, cpu.debug[5], TlbState::of(&run.machine))
}

/// For each handler and vector, how often each vector inside it went how.
fn sweep(features: Features, form: &Form) -> String {
    let called = Called::new(features, form);
    let mut table = String::new();
    for outer in OUTER {
        for by in VECTORS {
            let (interrupted, boundaries) = called.boundaries(outer, by);
            let _ = write!(table, "{outer} by {by:?}, {}:", boundaries.len());
            for vector in VECTORS {
                let counts = INNER.map(|inner| {
                    let strike = |during| called.strike(during, [outer, inner], vector, &interrupted);
                    counts(boundaries.iter().map(strike))
                });
                assert_eq!(counts[0], counts[1], "{outer} by {by:?}, {vector:?} inside: quiet and perf alike");
                let _ = write!(table, " {vector:?} {};", counts[0]);
            }
            table.push('\n');
        }
    }
    table
}

fn counts(went: impl Iterator<Item = Went>) -> String {
    let mut counts = BTreeMap::<Went, usize>::new();
    went.for_each(|went| *counts.entry(went).or_default() += 1);
    counts.iter().map(|(went, count)| format!("{count} {went:?}")).collect::<Vec<_>>().join(", ")
}

fn check(features: Features, forms: &[Form], expected: &Expect) {
    let tables: Vec<_> = forms.iter().map(|form| sweep(features, form)).collect();
    assert!(tables.iter().all(|table| *table == tables[0]), "{forms:?} go alike: {tables:#?}");
    expected.assert_eq(&tables[0]);
}

/// A #DB inside the handler of a #DB is what Linux turns breakpoints off for: both frames lie at the top of one stack.
#[test]
fn a_handler_interrupted_anywhere_ends_as_without_it() {
    check(
        ALL_ON,
        &FORMS,
        &expect![[r#"
        perf by Nmi, 38: Nmi 38 Refused; Debug 38 Restored; MachineCheck 38 Restored; VmmCommunication 38 Restored;
        perf by Debug, 38: Nmi 38 Restored; Debug 38 FrameLost; MachineCheck 38 Restored; VmmCommunication 38 Restored;
        perf by MachineCheck, 38: Nmi 38 Restored; Debug 38 Restored; MachineCheck 38 Refused; VmmCommunication 38 Restored;
        perf by VmmCommunication, 38: Nmi 38 Restored; Debug 38 Restored; MachineCheck 38 Restored; VmmCommunication 38 Restored;
        pending-flush by Nmi, 38: Nmi 38 Refused; Debug 38 Restored; MachineCheck 38 Restored; VmmCommunication 38 Restored;
        pending-flush by Debug, 38: Nmi 38 Restored; Debug 38 FrameLost; MachineCheck 38 Restored; VmmCommunication 38 Restored;
        pending-flush by MachineCheck, 38: Nmi 38 Restored; Debug 38 Restored; MachineCheck 38 Refused; VmmCommunication 38 Restored;
        pending-flush by VmmCommunication, 38: Nmi 38 Restored; Debug 38 Restored; MachineCheck 38 Restored; VmmCommunication 38 Restored;
        kgdb-poke by Nmi, 232: Nmi 232 Refused; Debug 232 Restored; MachineCheck 232 Restored; VmmCommunication 232 Restored;
        kgdb-poke by Debug, 232: Nmi 232 Restored; Debug 232 FrameLost; MachineCheck 232 Restored; VmmCommunication 232 Restored;
        kgdb-poke by MachineCheck, 232: Nmi 232 Restored; Debug 232 Restored; MachineCheck 232 Refused; VmmCommunication 232 Restored;
        kgdb-poke by VmmCommunication, 232: Nmi 232 Restored; Debug 232 Restored; MachineCheck 232 Restored; VmmCommunication 232 Restored;
    "#]],
    );
}

#[test]
fn it_does_so_without_pcids() {
    check(
        Features { pcid: false, invpcid: false, ..ALL_ON },
        &[Form::A, Form::E],
        &expect![[r#"
        perf by Nmi, 38: Nmi 38 Refused; Debug 38 Restored; MachineCheck 38 Restored; VmmCommunication 38 Restored;
        perf by Debug, 38: Nmi 38 Restored; Debug 38 FrameLost; MachineCheck 38 Restored; VmmCommunication 38 Restored;
        perf by MachineCheck, 38: Nmi 38 Restored; Debug 38 Restored; MachineCheck 38 Refused; VmmCommunication 38 Restored;
        perf by VmmCommunication, 38: Nmi 38 Restored; Debug 38 Restored; MachineCheck 38 Restored; VmmCommunication 38 Restored;
        pending-flush by Nmi, 28: Nmi 28 Refused; Debug 28 Restored; MachineCheck 28 Restored; VmmCommunication 28 Restored;
        pending-flush by Debug, 28: Nmi 28 Restored; Debug 28 FrameLost; MachineCheck 28 Restored; VmmCommunication 28 Restored;
        pending-flush by MachineCheck, 28: Nmi 28 Restored; Debug 28 Restored; MachineCheck 28 Refused; VmmCommunication 28 Restored;
        pending-flush by VmmCommunication, 28: Nmi 28 Restored; Debug 28 Restored; MachineCheck 28 Restored; VmmCommunication 28 Restored;
        kgdb-poke by Nmi, 126: Nmi 126 Refused; Debug 126 Restored; MachineCheck 126 Restored; VmmCommunication 126 Restored;
        kgdb-poke by Debug, 126: Nmi 126 Restored; Debug 126 FrameLost; MachineCheck 126 Restored; VmmCommunication 126 Restored;
        kgdb-poke by MachineCheck, 126: Nmi 126 Restored; Debug 126 Restored; MachineCheck 126 Refused; VmmCommunication 126 Restored;
        kgdb-poke by VmmCommunication, 126: Nmi 126 Restored; Debug 126 Restored; MachineCheck 126 Restored; VmmCommunication 126 Restored;
    "#]],
    );
}
