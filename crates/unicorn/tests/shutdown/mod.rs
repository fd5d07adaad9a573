//! A processor without a gate for the event it has to deliver shuts down: our machine, and the CPU that follows it.

use cr3_core::linux::{Config, boot};
use cr3_core::machine::{self, Event, Exception, Machine, Stop, paging};
use cr3_unicorn::checker::{Checked, Checker, Verdict};
use cr3_unicorn::processor::{Outcome, Processor};

/// User mode at an instruction that is invalid.
fn machine() -> Machine {
    let mut machine = boot(&Config::default()).unwrap_or_else(|diagnostics| panic!("{diagnostics:?}")).machine;
    let cpu = &machine.cpu;
    let walk = paging::walk(cpu, &machine.memory, cpu.rip, paging::Start::root(cpu));
    let leaf = walk.steps().last().expect("the program is mapped").value;
    let physical = leaf & 0x000f_ffff_ffff_f000 | cpu.rip & 0xfff;
    machine.memory.write_bytes(physical, &[0x0f, 0x0b]);
    machine
}

fn without_gates(mut machine: Machine) -> Machine {
    machine.cpu.idtr.limit = 0;
    machine
}

/// Lets `follower`, loaded with `theirs`, follow `ours` into its shutdown.
fn shut_down<P: Processor>(
    follower: P,
    theirs: &Machine,
    ours: &mut Machine,
    act: impl Fn(&mut Machine, &mut Checker<P>) -> Result<(), Stop>,
) -> (Option<Checked>, Option<Verdict>) {
    let mut checker = Checker::new(follower);
    checker.load(theirs);
    let stopped = act(ours, &mut checker);
    assert!(matches!(stopped, Err(Stop::Shutdown { .. })), "{stopped:?}");
    (checker.take_step(), checker.verdict().cloned())
}

fn nmi<P: Processor>(machine: &mut Machine, checker: &mut Checker<P>) -> Result<(), Stop> {
    machine::deliver(machine, Event::Exception(Exception::Nmi), None, checker)
}

/// An exception and an NMI that shut down a machine without gates. Returns the checker's result for each.
pub(super) fn by_both<P: Processor>(mut follower: impl FnMut() -> P) -> [Option<Checked>; 2] {
    let machine = without_gates(machine());
    let step = shut_down(follower(), &machine, &mut machine.clone(), machine::step);
    let event = shut_down(follower(), &machine, &mut machine.clone(), nmi);
    [step, event].map(|(checked, verdict)| {
        assert_eq!(verdict, None);
        checked
    })
}

/// Like [`by_both`], but the follower has its gates and goes on: the two disagree about both.
pub(super) fn by_ours_alone<P: Processor>(mut follower: impl FnMut() -> P) {
    let (theirs, ours) = (machine(), without_gates(machine()));
    let step = shut_down(follower(), &theirs, &mut ours.clone(), machine::step);
    let event = shut_down(follower(), &theirs, &mut ours.clone(), nmi);
    for (checked, verdict) in [step, event] {
        let Some(Verdict::Mismatch(found)) = verdict else { panic!("{verdict:?}") };
        assert_eq!(checked, Some(Checked::Differs));
        assert_eq!((found.ours.outcome, found.theirs.outcome), (Outcome::ShutDown, Outcome::Retired), "{found}");
    }
}
