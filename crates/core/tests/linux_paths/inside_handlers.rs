//! Handlers interrupted at each of their instructions, by everything that enters through the paranoid path.

use crate::support::{ALL_ON, FORMS, Run, preserved};
use cr3_core::linux::records::{self, TlbState};
use cr3_core::linux::{Features, Form, Handler, Handlers};
use cr3_core::machine::Exception::{self, Debug, MachineCheck, Nmi, VmmCommunication};
use cr3_core::machine::cpu::Events;
use cr3_core::machine::{Cpu, Event, Register, refusal_reason};
use expect_test::{Expect, expect};
use std::collections::BTreeMap;
use std::fmt::Write;

pub(crate) const VECTORS: [Exception; 4] = [Nmi, Debug, MachineCheck, VmmCommunication];
const BUSY: [Handler; 6] = [
    Handler::Perf,
    Handler::PendingFlush,
    Handler::KgdbPoke,
    Handler::RogueCr3,
    Handler::RogueSwitchMm,
    Handler::Schedule,
];
/// Handlers that Linux has, and those that it does not have.
const OURS: [Handler; 3] = [Handler::Perf, Handler::PendingFlush, Handler::KgdbPoke];
const ROGUE: [Handler; 3] = [Handler::RogueCr3, Handler::RogueSwitchMm, Handler::Schedule];
pub(crate) const INNER: [Handler; 2] = [Handler::Quiet, Handler::Perf];

const RSP: usize = Register::Rsp as usize;

/// More steps than an inner handler and the rest of the outer one take.
const STEPS: usize = 3000;

/// The outcome after something struck inside the handling of an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Went {
    /// The inner handler restores every register, and the outer one ends as without it.
    Restored,
    /// The architecture forbids it.
    Refused,
    /// One of the two never returns to what it interrupted, or the inner one does not restore every register.
    FrameLost,
    /// The outer one ends as without it, except for CR2: an access of the inner one faulted and was fixed up.
    Cr2Changed,
    /// The outer one returns to what it interrupted, but with another result than without the inner one.
    Differs,
}

/// One image holds all handlers. Each call decides which of them `modelled_handler` reaches.
pub(crate) struct Called {
    run: Run,
    entry: u64,
    handlers: BTreeMap<Handler, u64>,
}

/// An exception that is being handled, with one of the handlers.
pub(crate) struct Handled {
    handler: Handler,
    interrupted: Cpu,
    /// The instructions of its handling at which something may strike.
    pub(crate) boundaries: Vec<Run>,
    /// The interrupted code as it continues if nothing strikes.
    undisturbed: Run,
}

impl Called {
    pub(crate) fn new(features: Features, form: Form) -> Self {
        let run = Run::new(features, form, BUSY.into_iter().collect::<Handlers>());
        let entry = run.address("modelled_handler");
        // The quiet handler is a RET: that of the text which calls the others.
        let returns = |line: &&cr3_core::asm::Line| line.address > entry && line.text == "ret";
        let quiet = run.system.image.listing.iter().filter(returns).map(|line| line.address).min().expect("a RET");
        let symbol = |handler: Handler| format!("modelled_{}", handler.name().replace('-', "_"));
        let mut handlers: BTreeMap<_, _> = BUSY.map(|handler| (handler, run.address(&symbol(handler)))).into();
        handlers.insert(Handler::Quiet, quiet);
        Self { run, entry, handlers }
    }

    /// Steps until `reached`, with `handler` at every call of one. None if the run does not get there.
    fn go(&self, mut run: Run, handler: Handler, reached: impl Fn(&Cpu) -> bool) -> Option<Run> {
        for _ in 0..STEPS {
            self.choose(&mut run, handler);
            if reached(&run.machine.cpu) {
                return Some(run);
            }
            run.step().ok()?;
        }
        None
    }

    fn choose(&self, run: &mut Run, handler: Handler) {
        if run.machine.cpu.rip == self.entry {
            run.machine.cpu.rip = self.handlers[&handler];
        }
    }

    /// Kernel code struck by `vector`, from the first to the last instruction of `handler`.
    fn inside_handler(&self, handler: Handler, vector: Exception) -> Handled {
        let mut handled = self.handled(&["kernel_loop"], handler, vector).expect("the handler returns");
        let called = self.handlers[&handler];
        let is_call = |run: &Run| run.machine.cpu.rip == called;
        let first = handled.boundaries.iter().position(is_call).expect("the handler is called");
        let stack = handled.boundaries[first].machine.cpu.registers[RSP];
        let of_handler = |run: &Run| run.machine.cpu.registers[RSP] <= stack;
        let last = handled.boundaries[first..].iter().take_while(|run| of_handler(run)).count();
        handled.boundaries = handled.boundaries.split_off(first);
        handled.boundaries.truncate(last);
        handled
    }

    /// The code after `via`, struck by `vector`, from the first instruction of the stub to its IRET. None if that does
    /// not return.
    pub(crate) fn handled(&self, via: &[&str], handler: Handler, vector: Exception) -> Option<Handled> {
        let mut run = self.run.clone();
        via.iter().for_each(|label| run.run_to(label));
        let interrupted = run.machine.cpu.clone();
        run.inject(vector);
        let mut boundaries = Vec::new();
        for _ in 0..STEPS {
            self.choose(&mut run, handler);
            if same_place(&run.machine.cpu, &interrupted) {
                return Some(Handled { handler, interrupted, boundaries, undisturbed: run });
            }
            boundaries.push(run.clone());
            run.step().ok()?;
        }
        None
    }

    /// `vector` strikes during the handling of another, and is handled by `inner`.
    pub(crate) fn strike(&self, handled: &Handled, during: &Run, inner: Handler, vector: Exception) -> Went {
        if refusal_reason(&during.machine.cpu, Event::Exception(vector)).is_some() {
            return Went::Refused;
        }
        let mut struck = during.clone();
        struck.inject(vector);
        let returned = self.go(struck, inner, |cpu| same_place(cpu, &during.machine.cpu));
        let kept = |run: &Run| preserved(&run.machine.cpu) == preserved(&during.machine.cpu);
        let Some(returned) = returned.filter(kept) else { return Went::FrameLost };
        let Some(ended) = self.go(returned, handled.handler, |cpu| same_place(cpu, &handled.interrupted)) else {
            return Went::FrameLost;
        };
        compared(&ended, &handled.undisturbed, inner)
    }
}

/// The interrupted code with the inner handler and without it.
fn compared(ended: &Run, undisturbed: &Run, inner: Handler) -> Went {
    let samples = |run: &Run| run.per_cpu("perf_samples");
    assert_eq!(samples(ended) - samples(undisturbed), u64::from(inner == Handler::Perf));
    let cr3 = |run: &Run| records::check_cr3(&run.machine);
    if seen(ended) != seen(undisturbed) || cr3(ended) != cr3(undisturbed) {
        Went::Differs
    } else if ended.machine.cpu.cr2 != undisturbed.machine.cpu.cr2 {
        Went::Cr2Changed
    } else {
        Went::Restored
    }
}

fn same_place(cpu: &Cpu, other: &Cpu) -> bool {
    cpu.rip == other.rip && cpu.cpl == other.cpl && cpu.registers[RSP] == other.registers[RSP]
}

/// What the interrupted code sees of a handler besides CR2: registers, DR7, what is blocked, and the records of its
/// address space.
fn seen(run: &Run) -> (Cpu, u64, Events, TlbState) {
    let cpu = &run.machine.cpu;
    (preserved(cpu), cpu.debug[5], cpu.events, TlbState::of(&run.machine))
}

/// For each handler and vector, how often each vector inside it had which outcome.
fn sweep(features: Features, form: Form, outer: &[Handler]) -> String {
    let called = Called::new(features, form);
    let mut table = String::new();
    for &outer in outer {
        for by in VECTORS {
            let handled = called.inside_handler(outer, by);
            let _ = write!(table, "{outer} by {by:?}, {}:", handled.boundaries.len());
            for vector in VECTORS {
                let counts = INNER.map(|inner| {
                    let strike = |during| called.strike(&handled, during, inner, vector);
                    counts(handled.boundaries.iter().map(strike))
                });
                let _ = write!(table, " {vector:?} {};", alike(counts));
            }
            table.push('\n');
        }
    }
    table
}

/// The outcome with either inner handler; both outcomes if they differ.
pub(crate) fn alike([quiet, perf]: [String; 2]) -> String {
    if quiet == perf { quiet } else { format!("{quiet} (perf: {perf})") }
}

fn counts(went: impl Iterator<Item = Went>) -> String {
    let mut counts = BTreeMap::<Went, usize>::new();
    went.for_each(|went| *counts.entry(went).or_default() += 1);
    counts.iter().map(|(went, count)| format!("{count} {went:?}")).collect::<Vec<_>>().join(", ")
}

fn check(features: Features, forms: &[Form], outer: &[Handler], expected: &Expect) {
    let tables: Vec<_> = forms.iter().map(|&form| sweep(features, form, outer)).collect();
    assert!(tables.iter().all(|table| *table == tables[0]), "{forms:?} go alike: {tables:#?}");
    expected.assert_eq(&tables[0]);
}

/// Linux turns breakpoints off to avoid a #DB inside the handler of a #DB: both frames lie at the top of one stack.
#[test]
fn a_handler_interrupted_anywhere_ends_as_without_it() {
    check(
        ALL_ON,
        &FORMS,
        &OURS,
        &expect![[r#"
        perf by Nmi, 38: Nmi 38 Refused; Debug 38 Restored; MachineCheck 38 Restored; VmmCommunication 38 Restored;
        perf by Debug, 38: Nmi 38 Restored; Debug 38 FrameLost; MachineCheck 38 Restored; VmmCommunication 38 Restored;
        perf by MachineCheck, 38: Nmi 38 Restored; Debug 38 Restored; MachineCheck 38 Refused; VmmCommunication 38 Restored;
        perf by VmmCommunication, 38: Nmi 38 Restored; Debug 38 Restored; MachineCheck 38 Restored; VmmCommunication 38 Restored;
        pending-flush by Nmi, 43: Nmi 43 Refused; Debug 43 Restored; MachineCheck 43 Restored; VmmCommunication 43 Restored;
        pending-flush by Debug, 43: Nmi 43 Restored; Debug 43 FrameLost; MachineCheck 43 Restored; VmmCommunication 43 Restored;
        pending-flush by MachineCheck, 43: Nmi 43 Restored; Debug 43 Restored; MachineCheck 43 Refused; VmmCommunication 43 Restored;
        pending-flush by VmmCommunication, 43: Nmi 43 Restored; Debug 43 Restored; MachineCheck 43 Restored; VmmCommunication 43 Restored;
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
        &OURS,
        &expect![[r#"
        perf by Nmi, 38: Nmi 38 Refused; Debug 38 Restored; MachineCheck 38 Restored; VmmCommunication 38 Restored;
        perf by Debug, 38: Nmi 38 Restored; Debug 38 FrameLost; MachineCheck 38 Restored; VmmCommunication 38 Restored;
        perf by MachineCheck, 38: Nmi 38 Restored; Debug 38 Restored; MachineCheck 38 Refused; VmmCommunication 38 Restored;
        perf by VmmCommunication, 38: Nmi 38 Restored; Debug 38 Restored; MachineCheck 38 Restored; VmmCommunication 38 Restored;
        pending-flush by Nmi, 33: Nmi 33 Refused; Debug 33 Restored; MachineCheck 33 Restored; VmmCommunication 33 Restored;
        pending-flush by Debug, 33: Nmi 33 Restored; Debug 33 FrameLost; MachineCheck 33 Restored; VmmCommunication 33 Restored;
        pending-flush by MachineCheck, 33: Nmi 33 Restored; Debug 33 Restored; MachineCheck 33 Refused; VmmCommunication 33 Restored;
        pending-flush by VmmCommunication, 33: Nmi 33 Restored; Debug 33 Restored; MachineCheck 33 Restored; VmmCommunication 33 Restored;
        kgdb-poke by Nmi, 126: Nmi 126 Refused; Debug 126 Restored; MachineCheck 126 Restored; VmmCommunication 126 Restored;
        kgdb-poke by Debug, 126: Nmi 126 Restored; Debug 126 FrameLost; MachineCheck 126 Restored; VmmCommunication 126 Restored;
        kgdb-poke by MachineCheck, 126: Nmi 126 Restored; Debug 126 Restored; MachineCheck 126 Refused; VmmCommunication 126 Restored;
        kgdb-poke by VmmCommunication, 126: Nmi 126 Restored; Debug 126 Restored; MachineCheck 126 Restored; VmmCommunication 126 Restored;
    "#]],
    );
}

/// No kernel has these handlers. The inner handler does not change the outer one's work, wrong as that is. After the
/// raw write perf finds no user memory, and of these handlers only NMI's restores CR2.
#[test]
fn a_rogue_handler_interrupted_anywhere_ends_as_without_it() {
    check(
        ALL_ON,
        &[Form::A, Form::E],
        &ROGUE,
        &expect![[r#"
        rogue-cr3 by Nmi, 3: Nmi 3 Refused; Debug 3 Restored; MachineCheck 3 Restored; VmmCommunication 3 Restored;
        rogue-cr3 by Debug, 3: Nmi 3 Restored; Debug 3 FrameLost; MachineCheck 3 Restored (perf: 2 Restored, 1 Cr2Changed); VmmCommunication 3 Restored (perf: 2 Restored, 1 Cr2Changed);
        rogue-cr3 by MachineCheck, 3: Nmi 3 Restored; Debug 3 Restored (perf: 2 Restored, 1 Cr2Changed); MachineCheck 3 Refused; VmmCommunication 3 Restored (perf: 2 Restored, 1 Cr2Changed);
        rogue-cr3 by VmmCommunication, 3: Nmi 3 Restored; Debug 3 Restored (perf: 2 Restored, 1 Cr2Changed); MachineCheck 3 Restored (perf: 2 Restored, 1 Cr2Changed); VmmCommunication 3 Restored (perf: 2 Restored, 1 Cr2Changed);
        rogue-switch-mm by Nmi, 96: Nmi 96 Refused; Debug 96 Restored; MachineCheck 96 Restored; VmmCommunication 96 Restored;
        rogue-switch-mm by Debug, 96: Nmi 96 Restored; Debug 96 FrameLost; MachineCheck 96 Restored; VmmCommunication 96 Restored;
        rogue-switch-mm by MachineCheck, 96: Nmi 96 Restored; Debug 96 Restored; MachineCheck 96 Refused; VmmCommunication 96 Restored;
        rogue-switch-mm by VmmCommunication, 96: Nmi 96 Restored; Debug 96 Restored; MachineCheck 96 Restored; VmmCommunication 96 Restored;
        schedule by Nmi, 191: Nmi 191 Refused; Debug 191 Restored; MachineCheck 191 Restored; VmmCommunication 191 Restored;
        schedule by Debug, 191: Nmi 191 Restored; Debug 191 FrameLost; MachineCheck 191 Restored; VmmCommunication 191 Restored;
        schedule by MachineCheck, 191: Nmi 191 Restored; Debug 191 Restored; MachineCheck 191 Refused; VmmCommunication 191 Restored;
        schedule by VmmCommunication, 191: Nmi 191 Restored; Debug 191 Restored; MachineCheck 191 Restored; VmmCommunication 191 Restored;
    "#]],
    );
}
