//! What Unicorn 2.1.5 cannot judge or does otherwise than the manual: each in one place, with its reason.
//!
//! A limit either masks a bit of one field, or makes the comparison *mirror* a step: the second CPU takes over our result
//! and the step is counted under the limit instead of among those compared.

use crate::processor::{CpuState, Outcome};
use cr3_core::machine::{Exception, Fault};
use iced_x86::{Code, Instruction, Mnemonic};

/// CPU model of Unicorn: Skylake-Server, the oldest with SMEP, SMAP, FSGSBASE and 1-GByte pages. The default, Haswell,
/// has no SMAP.
pub const CPU_MODEL: i32 = 22;

/// MAXPHYADDR of every model of Unicorn, in bits (`TCG_PHYS_ADDR_BITS` in `qemu/target/i386/cpu.h`). An image compared
/// with it must not claim more.
pub const PHYSICAL_ADDRESS_BITS: u8 = 40;

/// Why a step was mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limit {
    /// SYSCALL only calls a hook.
    Syscall,
    /// INVPCID is not decoded.
    Invpcid,
    /// CPUID reports Unicorn's own model.
    Cpuid,
    /// The IDT is never read, so a gate's privilege level or presence is not checked.
    Gate,
    /// MOV to a control register takes any value.
    ControlValue,
    /// RDMSR and WRMSR take any number and any value.
    ModelSpecificValue,
    /// A branch to a non-canonical address retires, and the fetch faults; the manual faults the branch.
    BranchTarget,
    /// SYSRET to a non-canonical address faults after the change of privilege, as AMD processors do.
    SysretTarget,
    /// Our TLB holds a translation that the page tables no longer give, as the manual allows; Unicorn flushes more often.
    StaleTranslation,
}

impl Limit {
    /// All limits.
    pub const ALL: [Self; 9] = [
        Self::Syscall,
        Self::Invpcid,
        Self::Cpuid,
        Self::Gate,
        Self::ControlValue,
        Self::ModelSpecificValue,
        Self::BranchTarget,
        Self::SysretTarget,
        Self::StaleTranslation,
    ];

    /// What a person reads: why Unicorn cannot vouch for this step.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Syscall => "Unicorn does not execute SYSCALL, it only calls a hook",
            Self::Invpcid => "Unicorn does not know INVPCID",
            Self::Cpuid => "CPUID tells of Unicorn's own processor model",
            Self::Gate => "Unicorn does not read the IDT, so it checks no gate",
            Self::ControlValue => "Unicorn does not check what is written to a control register",
            Self::ModelSpecificValue => "Unicorn does not check number and value of a model-specific register",
            Self::BranchTarget => "Unicorn faults at a non-canonical target, the manual at the branch",
            Self::SysretTarget => "Unicorn's SYSRET to a non-canonical address faults in user mode, as AMD's does",
            Self::StaleTranslation => {
                "our TLB used a translation that the manual allows to be stale; Unicorn flushed it"
            }
        }
    }
}

/// A limit of the instruction itself, whatever it does.
pub fn of_instruction(instruction: &Instruction) -> Option<Limit> {
    match instruction.mnemonic() {
        Mnemonic::Syscall => Some(Limit::Syscall),
        Mnemonic::Invpcid => Some(Limit::Invpcid),
        Mnemonic::Cpuid => Some(Limit::Cpuid),
        _ => None,
    }
}

/// A limit that explains why our machine faulted and Unicorn came to `theirs` with `state`.
pub fn of_fault(fault: &Fault, instruction: Option<&Instruction>, theirs: Outcome, state: &CpuState) -> Option<Limit> {
    let instruction = instruction?;
    let general_protection = fault.exception == Exception::GeneralProtection;
    let retired = theirs == Outcome::Retired;
    match instruction.mnemonic() {
        Mnemonic::Int | Mnemonic::Int3 | Mnemonic::Int1 => Some(Limit::Gate),
        Mnemonic::Mov if writes_control(instruction) && retired && general_protection => Some(Limit::ControlValue),
        Mnemonic::Rdmsr | Mnemonic::Wrmsr if retired && general_protection => Some(Limit::ModelSpecificValue),
        Mnemonic::Sysretq | Mnemonic::Sysret if !canonical(state.rip) => Some(Limit::SysretTarget),
        _ if retired && !canonical(state.rip) => Some(Limit::BranchTarget),
        _ => None,
    }
}

fn writes_control(instruction: &Instruction) -> bool {
    matches!(instruction.code(), Code::Mov_cr_r64 | Code::Mov_cr_r32)
}

/// 48-bit canonical: Unicorn has no 57-bit addresses.
fn canonical(linear: u64) -> bool {
    matches!((linear as i64) >> 47, 0 | -1)
}

/// RF is pushed set by every fault (SDM vol. 3A 6.3.1) and cleared by every instruction but IRET; Unicorn keeps it from
/// IRET on until its translator next looks.
pub const MASKED_FLAGS: u64 = 1 << 16;

/// Unicorn keeps bit 63 of CR3 as written; the manual never stores it (SDM vol. 2, MOV to control registers).
pub const CR3_NO_FLUSH: u64 = 1 << 63;

/// Whether an exception belongs to the lookup of the instruction after the one that was asked for: Unicorn translates
/// it before it looks whether to stop. `begun` is the number of instructions begun, `start` and `at` RIP before and at
/// the exception. A lookup that succeeds sets accessed bits one step early, which [`accessed_early`] forgives.
pub fn fetch_of_next(begun: u32, start: u64, at: u64, vector: u32, software: bool) -> bool {
    begun > 0 && at != start && !software && matches!(vector, 13 | 14)
}

/// Whether two words of memory differ only in the accessed bit that Unicorn sets when it looks up the next instruction.
pub fn accessed_early(ours: u64, theirs: u64) -> bool {
    const ACCESSED: u64 = 1 << 5;
    ours ^ theirs == ACCESSED && theirs & ACCESSED != 0
}

/// Whether the vector has an error code: Unicorn leaves a stale one behind for those without.
pub fn has_error_code(vector: u8) -> bool {
    matches!(vector, 8 | 10..=14 | 17 | 21)
}

/// The low `size` bytes of `value`: Unicorn tells stores sign-extended.
pub fn truncate(value: u64, size: u8) -> u64 {
    match size {
        0..8 => value & !(u64::MAX << (8 * u32::from(size))),
        _ => value,
    }
}
