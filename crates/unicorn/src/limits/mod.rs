//! What Unicorn 2.1.5 cannot judge, or does differently from the manual: each in one place, with its reason.
//!
//! A limit either masks a bit of one field (the constants and functions of this module), or makes the comparison
//! *mirror* a step ([`Limit`]): the second CPU takes over our result, and the step counts under the limit instead of
//! among the compared ones. A limit is tried only after the two differed, except for the few instructions that Unicorn
//! cannot be given at all. It names the fields that may differ and excuses nothing else: a wrong RIP beside an
//! undefined result is found.
//!
//! Unicorn cannot judge PCID and no-flush CR3 writes (it flushes its TLB on every CR3 write and keeps bit 63 in CR3),
//! INVPCID, CPUID, values written to control and model-specific registers, and where a branch to a non-canonical
//! address faults; natively also SYSCALL and all deliveries. Three limits occur in native runs of Linux: SYSCALL,
//! INVPCID and deliveries. The tests assert how often. In random runs each limit has a maximum share (`tests/shares`).
//! The TLB has a second model, written from the manual's text (`cr3_vectors::manual_tlb`).
//!
//! Three fields are masked and counted separately. A faulting IRET unblocks NMIs, which Unicorn's does not. For SS
//! after a delivery through the IST at CPL 0, Unicorn loads a null selector, as SDM vol. 3A 6.14.5 says of every IST
//! stack; our machine keeps SS, as the pseudocode of INT n in vol. 2 does while CPL stays the same. Unicorn does not
//! set IA32_MCG_STATUS.MCIP.

mod disagreement;
mod encoding;
mod explain;
mod fields;
mod limit;
mod order;
mod prevented;

pub use disagreement::Disagreement;
pub use limit::Limit;
pub use order::{Came, accessed_by_fault, accessed_by_one, reads_undecoded};
pub use prevented::prevented;

use crate::difference::{self, Difference, Observed};
use crate::processor::{CpuState, Outcome, Raised};
use cr3_core::machine::{Cpu, rflags};

/// CPU model of Unicorn: Skylake-Server, the oldest with SMEP, SMAP, FSGSBASE and 1-GByte pages. The default, Haswell,
/// has no SMAP.
pub const CPU_MODEL: i32 = 22;

/// MAXPHYADDR of every model of Unicorn, in bits (`TCG_PHYS_ADDR_BITS` in `qemu/target/i386/cpu.h`). An image compared
/// with it must not set address bits beyond it in page tables.
pub const PHYSICAL_ADDRESS_BITS: u8 = 40;

/// Every fault pushes RF set (SDM vol. 3A 6.3.1), and every instruction except IRET clears it. Unicorn keeps it from
/// IRET on until its translator next runs.
pub const MASKED_FLAGS: u64 = rflags::RF;

/// Unicorn keeps bit 63 of CR3 as written. The manual never stores it (SDM vol. 2, MOV to control registers).
pub const CR3_NO_FLUSH: u64 = 1 << 63;

/// IA32_MCG_STATUS.MCIP, see [`Limit::MachineCheckStatus`].
pub const MACHINE_CHECK_IN_PROGRESS: u64 = 1 << 2;

/// Everything in which `ours` and `theirs` differ, except the flags in `undefined` and what every step masks.
pub fn differences(ours: &Observed, theirs: &Observed, undefined: u64) -> Vec<Difference> {
    // The handler sees the flags as they were before a fault, so nothing in the frame is undefined.
    let undefined = if ours.outcome == Outcome::Retired { undefined } else { 0 };
    let [ours, theirs] = [ours, theirs].map(|observed| masked(observed, undefined));
    difference::differences(&ours, &theirs)
}

fn masked(observed: &Observed, undefined: u64) -> Observed {
    let CpuState { rflags, cr3, .. } = observed.state;
    let (rflags, cr3) = (rflags & !(undefined | MASKED_FLAGS), cr3 & !CR3_NO_FLUSH);
    Observed { state: CpuState { rflags, cr3, ..observed.state }, ..*observed }
}

/// Whether an exception belongs to the lookup of the instruction after the requested one: Unicorn translates it before
/// it checks whether to stop. `begun` is the number of instructions begun, `start` and `at` are RIP before and at the
/// exception. A lookup that succeeds sets accessed flags one step early; the checker forgives them until our machine
/// fetches there.
pub fn fetch_of_next(begun: u64, start: u64, at: u64, vector: u32, software: bool) -> bool {
    begun > 0 && at != start && !software && matches!(vector, 13 | 14)
}

/// Unicorn raises the single-step trap as part of the step. Our machine retires the instruction, then delivers the
/// trap. `flags` has TF if it was set before or after the instruction.
pub fn without_single_step(theirs: Outcome, flags: u64) -> Outcome {
    match theirs {
        Outcome::Raised(Raised { vector: 1, .. }) if flags & rflags::TF != 0 => Outcome::Retired,
        other => other,
    }
}

/// Whether a faulting IRET has unblocked NMIs in our machine (SDM vol. 3A 6.7.1), see [`Limit::IretUnblocks`].
pub fn unblocked_by_fault(before: &Cpu, after: bool) -> bool {
    before.events.nmi_blocked && !after
}

/// Whether the vector has an error code: Unicorn keeps a stale one for those without.
pub fn has_error_code(vector: u8) -> bool {
    matches!(vector, 8 | 10..=14 | 17 | 21)
}

/// The low `size` bytes of `value`: Unicorn reports stores sign-extended.
pub fn truncate(value: u64, size: u8) -> u64 {
    match size {
        0..8 => value & !(u64::MAX << (8 * u32::from(size))),
        _ => value,
    }
}
