//! Kernel routines that no run of the Linux image reaches, called on both processors: each set of features, each chain
//! of calls.

mod report;

use cr3_core::linux::{Config, Features, System, boot};
use cr3_core::machine::access::{self, Privilege};
use cr3_core::machine::{self, Machine, Register, Stop};
use cr3_unicorn::checker::{Checker, Tally};
use cr3_unicorn::limits::Limit;
use cr3_unicorn::native::Native;

/// Steps of a call; none needs this many.
const BUDGET: usize = 2_000;

/// Routines that return into each other, the last one to a HLT. All get the same argument in RDI.
struct Chain {
    routines: &'static [&'static str],
    argument: Argument,
}

enum Argument {
    Number(u64),
    Symbol(&'static str),
}

const fn chain(routines: &'static [&'static str]) -> Chain {
    Chain { routines, argument: Argument::Number(0) }
}

const CHAINS: [Chain; 7] = [
    // Lazy on the task's tables, then on the kernel's own: the second leaving and the second entering have nothing to
    // do.
    chain(&["enter_lazy_tlb", "leave_mm", "leave_mm", "enter_lazy_tlb"]),
    Chain { routines: &["enter_lazy_tlb", "use_temporary_mm"], argument: Argument::Symbol("poking_mm") },
    // Lazy, and back to the loaded mm: nothing has changed meanwhile.
    Chain { routines: &["enter_lazy_tlb", "switch_mm_irqs_off"], argument: Argument::Symbol("user_mm") },
    chain(&["native_flush_tlb_local"]),
    chain(&["native_flush_tlb_global"]),
    // A user selector, and one that faults and is fixed up.
    Chain { routines: &["asm_load_gs_index"], argument: Argument::Number(0x2b) },
    Chain { routines: &["asm_load_gs_index"], argument: Argument::Number(0xfff8) },
];

fn symbol(system: &System, name: &str) -> u64 {
    *system.image.symbols.get(name).unwrap_or_else(|| panic!("no symbol {name}"))
}

/// The machine of a system after it has reached each of `labels` in order.
fn at(system: &System, labels: &[&str]) -> Machine {
    let mut machine = system.machine.clone();
    for address in labels.iter().map(|label| symbol(system, label)) {
        while machine.cpu.rip != address {
            machine::step(&mut machine, &mut ()).expect("the run gets there");
        }
    }
    machine
}

fn write(machine: &mut Machine, linear: u64, word: u64) {
    access::write(machine, &mut (), linear, 8, word, Privilege::Supervisor).expect("a stack");
}

impl Chain {
    /// In kernel code, about to execute the first instruction of the first routine.
    fn begin(&self, system: &System) -> Machine {
        let mut machine = at(system, &["kernel_loop"]);
        let mut returns: Vec<u64> = self.routines.iter().map(|name| symbol(system, name)).collect();
        returns.push(symbol(system, "run_end"));
        machine.cpu.rip = returns.remove(0);
        machine.cpu.registers[Register::Rdi as usize] = match self.argument {
            Argument::Number(number) => number,
            Argument::Symbol(name) => symbol(system, name),
        };
        for address in returns.into_iter().rev() {
            machine.cpu.registers[Register::Rsp as usize] -= 8;
            let stack = machine.cpu.registers[Register::Rsp as usize];
            write(&mut machine, stack, address);
        }
        machine
    }
}

/// Both processors continue from `machine` until they halt at `end`, and agree on the way. Then all memory is compared.
fn check(checker: &mut Checker<Native>, system: &System, mut machine: Machine, end: &str) {
    checker.load(&machine);
    for _ in 0..BUDGET {
        let stepped = machine::step(&mut machine, checker);
        if let Err(stop) = stepped {
            assert!(matches!(stop, Stop::Halted), "{stop:?}");
            checker.compare_memory(&machine);
            break;
        }
        checker.take_step();
    }
    if let Some(verdict) = checker.verdict() {
        panic!("{verdict}");
    }
    let halted = symbol(system, end)..symbol(system, end) + 8;
    assert!(halted.contains(&machine.cpu.rip), "at {:#x}, not at {end}", machine.cpu.rip);
}

fn systems() -> impl Iterator<Item = System> {
    Features::every_set().map(|features| boot(&Config { features, ..Config::default() }).expect("it boots"))
}

fn checker() -> Checker<Native> {
    Checker::new(Native::open().expect("Unicorn opens"))
}

#[test]
fn routines_without_a_caller_agree() {
    let mut checker = checker();
    for system in systems() {
        for chain in &CHAINS {
            check(&mut checker, &system, chain.begin(&system), "run_end");
        }
    }
    report::check("routines that no run reaches, natively", 64 * CHAINS.len() as u64, checker.tally());
    // The bad selector faults in each system; INVPCID exists in half of them.
    let mirrored = [(Limit::Invpcid, 32), (Limit::Delivery, 64)].into();
    let expected = Tally { compared: 26_256, exceptions: 64, delivered: 64, mirrored, ..Tally::default() };
    assert_eq!(*checker.tally(), expected);
}

/// An IRET to user mode that faults, because its frame holds a data selector in place of CS: the task is killed.
#[test]
fn a_bad_iret_agrees() {
    let mut checker = checker();
    for system in systems() {
        let mut machine = at(&system, &["user_breakpoint", "native_irq_return_iret"]);
        let frame = machine.cpu.registers[Register::Rsp as usize];
        write(&mut machine, frame + 8, 0x2b);
        check(&mut checker, &system, machine, "task_killed");
    }
    report::check("an IRET to user mode that faults, natively", 64, checker.tally());
    let mirrored = [(Limit::Delivery, 64)].into();
    let expected = Tally { compared: 5_424, exceptions: 64, delivered: 64, mirrored, ..Tally::default() };
    assert_eq!(*checker.tally(), expected);
}
