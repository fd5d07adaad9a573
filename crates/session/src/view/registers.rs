//! The registers of both runs.

use super::{Value, differing};
use crate::action::Side;
use crate::moment::Moment;
use crate::runs::Runs;
use cr3_core::machine::{Cpu, Machine};

/// A register of both runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// As in AT&T syntax without `%`.
    pub name: &'static str,
    /// Each run.
    pub values: [Option<Value>; 2],
    /// What each value means: a place for RIP, a stack for RSP, set flags for RFLAGS.
    pub meanings: [Option<String>; 2],
    /// Bits in which the runs differ. Code addresses that name the same place are no difference.
    pub differing: u64,
}

type Read = fn(&Cpu) -> u64;

const REGISTERS: [(&str, Read); 24] = [
    ("rip", |cpu| cpu.rip),
    ("rsp", |cpu| cpu.registers[4]),
    ("rflags", |cpu| cpu.rflags),
    ("cpl", |cpu| u64::from(cpu.cpl)),
    ("rax", |cpu| cpu.registers[0]),
    ("rbx", |cpu| cpu.registers[3]),
    ("rcx", |cpu| cpu.registers[1]),
    ("rdx", |cpu| cpu.registers[2]),
    ("rsi", |cpu| cpu.registers[6]),
    ("rdi", |cpu| cpu.registers[7]),
    ("rbp", |cpu| cpu.registers[5]),
    ("r8", |cpu| cpu.registers[8]),
    ("r9", |cpu| cpu.registers[9]),
    ("r10", |cpu| cpu.registers[10]),
    ("r11", |cpu| cpu.registers[11]),
    ("r12", |cpu| cpu.registers[12]),
    ("r13", |cpu| cpu.registers[13]),
    ("r14", |cpu| cpu.registers[14]),
    ("r15", |cpu| cpu.registers[15]),
    ("gs base", |cpu| cpu.segments[5].base),
    ("kernel gs", |cpu| cpu.msr.kernel_gs_base),
    ("cs", |cpu| u64::from(cpu.segments[1].selector)),
    ("ss", |cpu| u64::from(cpu.segments[2].selector)),
    ("cr2", |cpu| cpu.cr2),
];

/// The registers at a moment.
#[must_use]
pub fn registers(runs: &Runs, moment: &Moment) -> Vec<Register> {
    REGISTERS.iter().map(|(name, read)| register(runs, moment, name, *read)).collect()
}

fn register(runs: &Runs, moment: &Moment, name: &'static str, read: Read) -> Register {
    let values = Side::BOTH.map(|side| {
        let instant = moment.side(side)?;
        Some(Value::new(read(&instant.after.cpu), read(&instant.earlier().cpu)))
    });
    let meanings = Side::BOTH.map(|side| meaning(runs, side, name, &moment.side(side)?.after));
    let same_place = name == "rip" && meanings[0].is_some() && meanings[0] == meanings[1];
    let differing = if same_place { 0 } else { differing(&values) };
    Register { name, values, meanings, differing }
}

fn meaning(runs: &Runs, side: Side, name: &str, machine: &Machine) -> Option<String> {
    match name {
        "rip" => runs.trace(side)?.places.describe(machine.cpu.rip),
        "rsp" => Some(stack_name(machine.cpu.registers[4])),
        "rflags" => Some(flags(machine.cpu.rflags)),
        "cpl" => Some(if machine.cpu.cpl == 0 { "kernel mode".into() } else { "user mode".into() }),
        _ => None,
    }
}

/// The stack that an address lies on.
#[must_use]
pub fn stack_name(rsp: u64) -> String {
    match cr3_core::linux::describe_stack(rsp) {
        Some(stack) => format!("{} stack", stack.name()),
        None => "no stack".into(),
    }
}

const FLAGS: [(u32, &str); 10] =
    [(0, "CF"), (2, "PF"), (4, "AF"), (6, "ZF"), (7, "SF"), (8, "TF"), (9, "IF"), (10, "DF"), (11, "OF"), (18, "AC")];

fn flags(rflags: u64) -> String {
    let set: Vec<_> = FLAGS.iter().filter(|(bit, _)| rflags >> bit & 1 == 1).map(|(_, name)| *name).collect();
    if set.is_empty() { "none set".into() } else { set.join(" ") }
}
