//! The kernel's records about the loaded address space, and whether the processor agrees. Pure functions of a machine.
//!
//! The records are `cpu_tlbstate` (arch/x86/include/asm/tlbflush.h, v6.12). Linux checks the same with CONFIG_DEBUG_VM
//! in `switch_mm_irqs_off`; here any instruction boundary can be checked.

use super::layout as at;
use super::{Features, Half, Pcids, tables_half};
use crate::machine::Machine;
use crate::machine::observe::Watched;
use std::fmt::{self, Display, Formatter};
use std::ops::Range;

/// The label of the one boundary at which the records disagree with CR3 although nothing is wrong. `switch_mm_irqs_off`
/// has written `loaded_mm` and not yet `loaded_mm_asid`, and `LOADED_MM_SWITCHING` is already gone.
pub const BETWEEN_RECORDS: &str = "switch_mm_between_records";

/// Physical address of `cpu_tlbstate`.
const STATE: u64 = at::PER_CPU_PHYSICAL + at::PERCPU_CPU_TLBSTATE;

/// Slot of one ASID: which context's translations may be cached under it, and how new they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Slot {
    /// `ctx_id`; 0 for none.
    pub context: u64,
    /// `tlb_gen`.
    pub generation: u64,
}

/// `cpu_tlbstate`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TlbState {
    /// `loaded_mm`: linear address, or [`at::LOADED_MM_SWITCHING`].
    pub loaded_mm: u64,
    /// `loaded_mm_asid`.
    pub loaded_mm_asid: u16,
    /// `next_asid`: the slot that the next mm without one takes; 6 means the first.
    pub next_asid: u16,
    /// `invalidate_other`.
    pub invalidate_other: bool,
    /// `user_pcid_flush_mask`.
    pub user_pcid_flush_mask: u16,
    /// `ctxs`.
    pub slots: [Slot; at::TLB_NR_DYN_ASIDS as usize],
    /// `cpu_tlbstate_shared.is_lazy`.
    pub is_lazy: bool,
}

impl TlbState {
    /// Reads it from memory.
    pub fn of(machine: &Machine) -> Self {
        let memory = &machine.memory;
        let mut slots = [Slot::default(); at::TLB_NR_DYN_ASIDS as usize];
        for (address, slot) in (STATE + at::TLB_STATE_CTXS..).step_by(16).zip(&mut slots) {
            *slot = Slot { context: memory.read_u64(address), generation: memory.read_u64(address + 8) };
        }
        Self {
            loaded_mm: loaded_mm(machine),
            loaded_mm_asid: memory.read_u16(STATE + at::TLB_STATE_LOADED_MM_ASID),
            next_asid: memory.read_u16(STATE + at::TLB_STATE_NEXT_ASID),
            invalidate_other: memory.read_u8(STATE + at::TLB_STATE_INVALIDATE_OTHER) != 0,
            user_pcid_flush_mask: memory.read_u16(STATE + at::TLB_STATE_USER_PCID_FLUSH_MASK),
            slots,
            is_lazy: memory.read_u8(at::PER_CPU_PHYSICAL + at::PERCPU_CPU_TLBSTATE_SHARED) != 0,
        }
    }
}

/// Where processor and records disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Inconsistent {
    /// `loaded_mm` points to no mm.
    NoMm {
        /// Its value.
        loaded_mm: u64,
    },
    /// CR3 is not that of `loaded_mm` under `loaded_mm_asid`.
    Cr3 {
        /// The value by the records, for the loaded half.
        expected: u64,
        /// CR3.
        found: u64,
    },
    /// User mode runs on the kernel's tables.
    UserOnKernelTables {
        /// CR3.
        cr3: u64,
    },
    /// User mode runs in an address space that is not the current task's.
    WrongAddressSpace {
        /// `loaded_mm`.
        loaded_mm: u64,
        /// The mm of the current task.
        task_mm: u64,
    },
}

impl Display for Inconsistent {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMm { loaded_mm } => write!(f, "loaded_mm {loaded_mm:#x} is not an mm"),
            Self::Cr3 { expected, found } => write!(f, "CR3 is {found:#x}, the records say {expected:#x}"),
            Self::UserOnKernelTables { cr3 } => write!(f, "user mode on the kernel's tables, CR3 {cr3:#x}"),
            Self::WrongAddressSpace { loaded_mm, task_mm } => {
                write!(f, "user mode in mm {loaded_mm:#x}, the task has {task_mm:#x}")
            }
        }
    }
}

/// `build_cr3`: the kernel CR3 for an mm with tables at physical address `tables` (arch/x86/mm/tlb.c, v6.12).
pub fn kernel_cr3(tables: u64, asid: u16, pcids: Pcids) -> u64 {
    match pcids {
        Pcids::Off => tables,
        Pcids::On => tables | u64::from(at::kernel_pcid(asid)),
    }
}

/// The CR3 of the other half (arch/x86/entry/calling.h, `SWITCH_TO_USER_CR3`, v6.12).
pub fn user_cr3(kernel_cr3: u64, pcids: Pcids) -> u64 {
    let tables = kernel_cr3 | at::PTI_USER_PGTABLE_MASK;
    match pcids {
        Pcids::Off => tables,
        Pcids::On => tables | at::PTI_USER_PCID_MASK,
    }
}

/// What CR3 must be by the records, in the loaded half; none while an address space is being switched.
///
/// # Errors
/// [`Inconsistent::NoMm`] if `loaded_mm` cannot be read.
#[inline]
pub fn expected_cr3(machine: &Machine) -> Result<Option<u64>, Inconsistent> {
    let (loaded_mm, asid) = loaded(machine);
    if loaded_mm == at::LOADED_MM_SWITCHING {
        return Ok(None);
    }
    let tables = tables_of(machine, loaded_mm).ok_or(Inconsistent::NoMm { loaded_mm })?;
    let pcids = Pcids::of(machine.cpu.cr4);
    let kernel = kernel_cr3(tables, asid, pcids);
    Ok(Some(match tables_half(machine.cpu.cr3) {
        Half::Kernel => kernel,
        Half::User => user_cr3(kernel, pcids),
    }))
}

/// Checks that CR3 agrees with the records, unless an address space is being switched.
///
/// # Errors
/// What does not agree.
#[inline]
pub fn check_cr3(machine: &Machine) -> Result<(), Inconsistent> {
    let found = machine.cpu.cr3;
    match expected_cr3(machine)? {
        Some(expected) if expected != found => Err(Inconsistent::Cr3 { expected, found }),
        _ => Ok(()),
    }
}

/// Checks that user mode runs on the user's tables and in the address space of its task. Kernel mode always passes.
///
/// # Errors
/// What does not agree.
#[inline]
pub fn check_user(machine: &Machine, features: Features) -> Result<(), Inconsistent> {
    let cpu = &machine.cpu;
    if cpu.cpl != 3 {
        return Ok(());
    }
    if features.pti && tables_half(cpu.cr3) == Half::Kernel {
        return Err(Inconsistent::UserOnKernelTables { cr3: cpu.cr3 });
    }
    let (loaded_mm, task_mm) = (loaded_mm(machine), task_mm(machine));
    match task_mm {
        Some(task_mm) if task_mm != loaded_mm => Err(Inconsistent::WrongAddressSpace { loaded_mm, task_mm }),
        _ => Ok(()),
    }
}

/// Performs all checks above.
///
/// # Errors
/// The first disagreement.
#[inline]
pub fn check(machine: &Machine, features: Features) -> Result<(), Inconsistent> {
    check_cr3(machine)?;
    check_user(machine, features)
}

/// `loaded_mm` and `loaded_mm_asid` alone, because every boundary of a run needs them.
#[inline]
fn loaded(machine: &Machine) -> (u64, u16) {
    let [loaded_mm, _, asid] = machine.memory.read_words(STATE + at::TLB_STATE_LOADED_MM);
    (loaded_mm, asid as u16)
}

// The ASID is the low half of the third word.
const _: () = assert!(at::TLB_STATE_LOADED_MM_ASID == at::TLB_STATE_LOADED_MM + 16);

fn loaded_mm(machine: &Machine) -> u64 {
    loaded(machine).0
}

/// The mm of the current task. Kernel data lies in the kernel image mapping.
fn task_mm(machine: &Machine) -> Option<u64> {
    let hot = at::PER_CPU_PHYSICAL + at::PERCPU_PCPU_HOT;
    let task = machine.memory.read_u64(hot + at::PCPU_HOT_CURRENT_TASK);
    Some(machine.memory.read_u64(data_physical(task)?))
}

/// Physical address of the tables of an mm.
fn tables_of(machine: &Machine, mm: u64) -> Option<u64> {
    let pgd = machine.memory.read_u64(data_physical(mm.checked_add(at::MM_PGD)?)?);
    pgd.checked_sub(at::DIRECT_MAP)
}

/// Linear addresses of tasks and mms: kernel data as far as the last level of the fixmap's tables, which holds none.
pub const DATA: Range<u64> = at::KERNEL_DATA..at::FIXMAP_TABLE;

/// Physical addresses of all that the checks above read: the current task and `cpu_tlbstate`, and the tasks and mms.
pub const RECORDS: Watched = {
    let task = at::PER_CPU_PHYSICAL + at::PERCPU_PCPU_HOT + at::PCPU_HOT_CURRENT_TASK;
    let state_end = STATE + at::TLB_STATE_LOADED_MM_ASID + 2;
    let data = [at::image_physical(DATA.start), at::image_physical(DATA.end)];
    Watched::ranges([(task, state_end), (data[0], data[1])])
};

// They are in one range.
const _: () = assert!(at::PERCPU_PCPU_HOT + at::PCPU_HOT_CURRENT_TASK < at::PERCPU_CPU_TLBSTATE);

/// Physical address behind the linear address of a word of kernel data.
fn data_physical(linear: u64) -> Option<u64> {
    let is_whole = DATA.contains(&linear) && DATA.contains(&(linear + 7));
    is_whole.then(|| at::image_physical(linear))
}
