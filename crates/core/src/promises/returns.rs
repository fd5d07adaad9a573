//! What an exception from outside must leave as it was, and what must not happen while it is handled.
//!
//! A handler has returned when an IRET goes to the instruction that it interrupted, with the stack pointer and the privilege level of
//! that moment. So an IRET that the handler makes for itself on the interrupted stack is no return, and neither is that of an NMI to
//! `repeat_nmi`.

use super::Broken;
use crate::asm::Image;
use crate::linux::layout as at;
use crate::linux::tables_half;
use crate::machine::bits::{cr3, cr4};
use crate::machine::cpu::GENERAL;
use crate::machine::observe::{AccessKind, Attention, Delivered, MemoryAccess, Ordinary, Watched};
use crate::machine::rflags::RF;
use crate::machine::{Cpu, Event, Exception, Machine, Observer, Register, SegmentRegister};
use crate::run::is_iret;
use iced_x86::{Instruction, Mnemonic};
use std::sync::Arc;

/// An exception from outside whose handler has not returned, and what it interrupted.
#[derive(Clone, Debug)]
pub struct Struck {
    /// What struck.
    pub event: Event,
    /// The processor at that moment.
    pub cpu: Cpu,
    /// `loaded_mm` and `loaded_mm_asid` at that moment.
    records: (u64, u16),
}

impl Struck {
    fn new(machine: &Machine, event: Event) -> Self {
        Self { event, cpu: machine.cpu.clone(), records: records(machine) }
    }

    fn is_left_by(&self, cpu: &Cpu) -> bool {
        let stack = |cpu: &Cpu| cpu.registers[Register::Rsp as usize];
        (cpu.rip, cpu.cpl, stack(cpu)) == (self.cpu.rip, self.cpu.cpl, stack(&self.cpu))
    }
}

fn records(machine: &Machine) -> (u64, u16) {
    const STATE: u64 = at::PER_CPU_PHYSICAL + at::PERCPU_CPU_TLBSTATE;
    let memory = &machine.memory;
    (memory.read_u64(STATE + at::TLB_STATE_LOADED_MM), memory.read_u16(STATE + at::TLB_STATE_LOADED_MM_ASID))
}

/// Physical address of `nmi_count`, which grows with each round of the NMI handler.
const NMI_COUNT: u64 = at::PER_CPU_PHYSICAL + at::PERCPU_COUNTERS;

/// Judges what exceptions from outside leave behind. An observer; keeps the first breakage of each promise.
#[derive(Clone, Debug)]
pub struct Returns {
    /// Addresses of the instructions whose exceptions the kernel mends.
    mended: Arc<[u64]>,
    /// What has struck and not returned, outermost first.
    handlers: Vec<Arc<Struck>>,
    /// What is about to be delivered from outside.
    arriving: Option<Arc<Struck>>,
    /// An NMI was delivered, and its handler has not made a round since.
    owes_round: bool,
    /// Whether the kernel runs with another GS base than its own, so that each use of GS counts.
    foreign_gs: bool,
    broken: Vec<Broken>,
}

impl Returns {
    /// Judges runs of `machine`, which was booted from `image`.
    pub fn new(machine: &Machine, image: &Image) -> Self {
        let mended = mended(machine, image).into();
        let foreign_gs = is_gs_foreign(machine);
        Self { mended, handlers: Vec::new(), arriving: None, owes_round: false, foreign_gs, broken: Vec::new() }
    }

    /// What has struck and not returned, outermost first.
    pub fn handlers(&self) -> &[Arc<Struck>] {
        &self.handlers
    }

    /// What does not hold: the first breakage of each promise, in the order in which they happened.
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// Whether an NMI was delivered whose handler has not made a round since.
    pub(crate) fn owes_round(&self) -> bool {
        self.owes_round
    }

    /// Whether both are inside the same handlers and owe the same.
    pub fn agrees(&self, other: &Self) -> bool {
        let same = |(left, right): (&Arc<Struck>, &Arc<Struck>)| Arc::ptr_eq(left, right);
        self.owes_round == other.owes_round
            && self.broken == other.broken
            && self.handlers.len() == other.handlers.len()
            && self.handlers.iter().zip(&other.handlers).all(same)
    }

    fn keep(&mut self, broken: Broken) {
        if self.broken.iter().all(|other| other.promise() != broken.promise()) {
            self.broken.push(broken);
        }
    }

    #[inline]
    fn ran(&mut self, machine: &Machine, mnemonic: Mnemonic) {
        self.foreign_gs = is_gs_foreign(machine);
        let leaves = machine.cpu.cpl == 3 || is_iret(mnemonic);
        if leaves && !self.handlers.is_empty() {
            self.left(machine);
        }
    }

    /// An IRET, or an instruction that leads to user mode, retired.
    fn left(&mut self, machine: &Machine) {
        let cpu = &machine.cpu;
        match self.handlers.iter().rposition(|struck| struck.is_left_by(cpu)) {
            Some(index) => {
                let left = self.handlers.split_off(index);
                if left.len() > 1 {
                    self.keep(Broken::Abandoned);
                }
                if let Some(struck) = left.first() {
                    not_restored(struck, machine)
                        .into_iter()
                        .chain(registers(&struck.cpu, cpu))
                        .for_each(|broken| self.keep(broken));
                }
                self.all_rounds_made();
            }
            None if cpu.cpl == 3 => {
                self.handlers.clear();
                self.keep(Broken::Abandoned);
            }
            None => {}
        }
    }

    /// No NMI is under way any more: is there one that nobody handled?
    fn all_rounds_made(&mut self) {
        let is_nmi = |struck: &Arc<Struck>| struck.event == Event::Exception(Exception::Nmi);
        if self.owes_round && !self.handlers.iter().any(is_nmi) {
            self.keep(Broken::LostNmi);
        }
    }
}

/// Whether the kernel would access the per-CPU data of somebody else.
#[inline]
fn is_gs_foreign(machine: &Machine) -> bool {
    let cpu = &machine.cpu;
    cpu.cpl == 0 && cpu.segments[SegmentRegister::Gs as usize].base != at::PER_CPU
}

impl Observer for Returns {
    #[inline(always)]
    fn attention(&self) -> Attention {
        match self.foreign_gs {
            false => Attention::Unusual { stores: Watched::range(NMI_COUNT, NMI_COUNT + 8) },
            true => Attention::Everything,
        }
    }

    #[inline]
    fn ordinary(&mut self, machine: &Machine, ordinary: Ordinary) {
        self.ran(machine, ordinary.mnemonic);
    }

    #[inline]
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {
        if instruction.segment_prefix() == iced_x86::Register::GS && is_gs_foreign(machine) {
            let base = machine.cpu.segments[SegmentRegister::Gs as usize].base;
            self.keep(Broken::GsBase { base });
        }
    }

    #[inline]
    fn retired(&mut self, machine: &Machine, instruction: &Instruction) {
        self.ran(machine, instruction.mnemonic());
    }

    #[inline]
    fn memory(&mut self, access: &MemoryAccess) {
        if makes_round(access) {
            self.owes_round = false;
        }
    }

    fn arriving(&mut self, machine: &Machine, event: Event, _: Option<u32>) {
        self.arriving = Some(Arc::new(Struck::new(machine, event)));
    }

    fn delivered(&mut self, machine: &Machine, delivered: &Delivered) {
        self.foreign_gs = is_gs_foreign(machine);
        let arrived = self.arriving.take();
        if let Some(fault) = &delivered.fault {
            let rip = delivered.interrupted_rip;
            if delivered.from_cpl == 0 && !self.mended.contains(&rip) {
                self.keep(Broken::Unmended { exception: fault.exception, rip });
            }
        } else if let Some(struck) = arrived {
            self.owes_round |= struck.event == Event::Exception(Exception::Nmi);
            self.handlers.push(struck);
        }
    }
}

/// Whether the NMI handler makes a round by this access.
pub(crate) fn makes_round(access: &MemoryAccess) -> bool {
    access.physical == NMI_COUNT && access.kind == AccessKind::Write
}

/// The instructions that the exception table names; a pair of zeros ends it.
fn mended(machine: &Machine, image: &Image) -> Vec<u64> {
    let Some(&start) = image.symbols.get("__start___ex_table") else { return Vec::new() };
    let pairs = (at::image_physical(start)..).step_by(16).map(|address| machine.memory.read_u64(address));
    pairs.take_while(|&instruction| instruction != 0).collect()
}

/// CR3 may name what the kernel's records name now, if the handler changed these: then `kernel-cr3` and `user-cr3` judge it.
fn not_restored(struck: &Struck, machine: &Machine) -> Option<Broken> {
    let pcid = if machine.cpu.cr4 & cr4::PCIDE != 0 { cr3::PCID } else { 0 };
    let (expected, found) = (struck.cpu.cr3, machine.cpu.cr3);
    let same_half = tables_half(expected) == tables_half(found);
    let same = (expected ^ found) & (cr3::TABLE | pcid) == 0;
    let excused = same_half && struck.records != records(machine);
    (!same && !excused).then_some(Broken::NotRestored { expected, found })
}

fn registers(before: &Cpu, after: &Cpu) -> Option<Broken> {
    let general = GENERAL.into_iter().zip(before.registers.into_iter().zip(after.registers));
    let base = |cpu: &Cpu, segment: SegmentRegister| cpu.segments[segment as usize].base;
    let others = [
        // RF is set in the frame of a fault, so that a breakpoint does not stop it twice.
        ("RFLAGS", before.rflags & !RF, after.rflags & !RF),
        ("CS", selector(before, SegmentRegister::Cs), selector(after, SegmentRegister::Cs)),
        ("SS", selector(before, SegmentRegister::Ss), selector(after, SegmentRegister::Ss)),
        ("FS base", base(before, SegmentRegister::Fs), base(after, SegmentRegister::Fs)),
        ("GS base", base(before, SegmentRegister::Gs), base(after, SegmentRegister::Gs)),
        ("KERNEL_GS_BASE", before.msr.kernel_gs_base, after.msr.kernel_gs_base),
    ];
    general
        .map(|(name, (before, after))| (name, before, after))
        .chain(others)
        .find(|(_, before, after)| before != after)
        .map(|(name, expected, found)| Broken::Register { name, expected, found })
}

fn selector(cpu: &Cpu, segment: SegmentRegister) -> u64 {
    cpu.segments[segment as usize].selector.into()
}
