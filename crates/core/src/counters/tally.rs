//! The observer that counts.

use super::misses::{Miss, Misses};
use super::{Counter, CounterSet, Counters, Fate, PendingFlushes};
use crate::linux::layout::USER_PCID_FLUSH_MASK_PHYSICAL as MASK;
use crate::machine::bits::{cr3, cr4};
use crate::machine::control::{cr4_invalidates, current_pcid};
use crate::machine::observe::{
    AccessKind, ControlAccess, ControlRegister, Cr3Flush, Delivered, DropCause, MemoryAccess, TlbEvent,
};
use crate::machine::tlb::Operation;
use crate::machine::{Event, Exception, Machine, Observer};
use iced_x86::{Instruction, Mnemonic, OpKind, Register};

/// Counts what a machine does. Make it from the machine's state before the first step that it shall count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    counters: Counters,
    touched: CounterSet,
    misses: Misses,
    pending: PendingFlushes,
    pcide: bool,
    watched: Watched,
}

/// What of the instruction at hand is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watched {
    Nothing,
    /// INVPCID: what it has read of its descriptor, and how many bytes.
    Descriptor {
        low: u64,
        bytes: u32,
    },
    /// BTS on memory: the bit that it sets, counted from the start of its store.
    SetBit(u64),
    /// INVLPG, which is counted when it retires.
    Invlpg,
}

impl Tally {
    /// Starts at zero.
    pub fn new(machine: &Machine) -> Self {
        Self {
            counters: Counters::default(),
            touched: CounterSet::EMPTY,
            misses: Misses::default(),
            pending: PendingFlushes::new(machine.memory.read_u16(MASK)),
            pcide: machine.cpu.cr4 & cr4::PCIDE != 0,
            watched: Watched::Nothing,
        }
    }

    /// What was counted so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// `user_pcid_flush_mask` as last written.
    pub fn pending_flushes(&self) -> u16 {
        self.pending.mask()
    }

    /// Where the requests for flushes stand.
    pub fn pending(&self) -> &PendingFlushes {
        &self.pending
    }

    /// The counters that rose since this was last asked.
    pub fn take_touched(&mut self) -> CounterSet {
        std::mem::take(&mut self.touched)
    }

    #[inline]
    fn add(&mut self, counter: Counter, amount: u64) {
        if amount != 0 {
            self.counters[counter] += amount;
            self.touched = self.touched.with(counter);
        }
    }

    /// Tells the follower of pending flushes something, and counts the fates it answers with.
    fn follow(&mut self, tell: impl FnOnce(&mut PendingFlushes, &mut dyn FnMut(Fate, u64))) {
        let mut pending = std::mem::take(&mut self.pending);
        tell(&mut pending, &mut |fate, requests| self.add(counter_of(fate), requests));
        self.pending = pending;
    }

    fn cr3_written(&mut self, before: u64, after: u64, flush: Option<Cr3Flush>) {
        let pcid = if self.pcide { cr3::PCID } else { 0 };
        self.add(Counter::Cr3Writes, 1);
        if (before ^ after) & (cr3::TABLE | pcid) == 0 {
            self.add(Counter::RedundantCr3Writes, 1);
        }
        match flush {
            Some(Cr3Flush::NoFlush) => self.add(Counter::NoflushCr3Writes, 1),
            _ => {
                self.add(Counter::FlushingCr3Writes, 1);
                self.follow(|pending, tell| pending.flushed((after & pcid) as u16, tell));
            }
        }
    }

    fn cr4_written(&mut self, before: u64, after: u64) {
        match cr4_invalidates(before, after, 0) {
            Operation::Optional => {}
            // SMEP set or PAE changed: no kernel meets a request for a user PCID so.
            Operation::CurrentPcid { .. } => self.add(Counter::FlushingCr4Writes, 1),
            _ => {
                self.add(Counter::FlushingCr4Writes, 1);
                self.follow(|pending, tell| pending.flushed_all(tell));
            }
        }
        self.pcide = after & cr4::PCIDE != 0;
    }

    /// Apart, as [`Self::watched_retired`] is, so that the hooks of an ordinary instruction stay small.
    #[cold]
    #[inline(never)]
    fn watch(&mut self, machine: &Machine, instruction: &Instruction) {
        self.watched = match instruction.mnemonic() {
            Mnemonic::Invpcid => Watched::Descriptor { low: 0, bytes: 0 },
            Mnemonic::Invlpg => Watched::Invlpg,
            _ => bit_number(machine, instruction).map_or(Watched::Nothing, Watched::SetBit),
        };
    }

    #[cold]
    #[inline(never)]
    fn watched_retired(&mut self, machine: &Machine, instruction: &Instruction) {
        match self.watched {
            Watched::Descriptor { low, .. } => {
                let kind = general_register(machine, instruction.op0_register()).unwrap_or(0);
                self.invpcid_retired(kind, low);
            }
            Watched::Invlpg => self.add(Counter::Invlpg, 1),
            Watched::SetBit(_) | Watched::Nothing => {}
        }
    }

    /// INVPCID types 1 to 3 flush whole PCIDs; type 0 flushes one address (SDM vol. 2, INVPCID).
    fn invpcid_retired(&mut self, kind: u64, descriptor: u64) {
        self.add(Counter::Invpcid, 1);
        match kind {
            0 => {}
            1 => self.follow(|pending, tell| pending.flushed((descriptor & cr3::PCID) as u16, tell)),
            _ => self.follow(|pending, tell| pending.flushed_all(tell)),
        }
    }

    /// Apart, so that a hit is one count where it is told.
    #[inline(never)]
    fn tlb_changed(&mut self, event: &TlbEvent) {
        match *event {
            TlbEvent::Miss { linear, pcid, reads, .. } => self.missed(linear, pcid, reads),
            TlbEvent::Fill { ref entry } => self.misses.filled(entry),
            TlbEvent::Drop { ref entry, cause } => {
                self.misses.dropped(entry, cause);
                self.dropped(cause);
            }
            TlbEvent::Hit { .. } | TlbEvent::StructureFill { .. } | TlbEvent::StructureDrop { .. } => {}
        }
    }

    fn dropped(&mut self, cause: DropCause) {
        if cause.is_flush() {
            self.add(Counter::DroppedEntries, 1);
        }
        self.add(counter_of_drop(cause), 1);
    }

    #[cold]
    #[inline(never)]
    fn user_ran(&mut self, pcid: u16) {
        self.follow(|pending, tell| pending.user_ran(pcid, tell));
    }

    /// A store on the mask.
    #[cold]
    fn stored(&mut self, access: &MemoryAccess) {
        let mask = overlaid(self.pending.mask(), access);
        self.follow(|pending, tell| pending.written(mask, tell));
        if let Watched::SetBit(bit) = self.watched
            && let Some(bit) = bit_of_mask(access, bit)
        {
            self.follow(|pending, tell| pending.set_again(bit, tell));
        }
    }

    fn missed(&mut self, linear: u64, pcid: u16, reads: u8) {
        self.add(Counter::TlbMisses, 1);
        self.add(Counter::PageWalkReads, u64::from(reads));
        let kind = match self.misses.missed(linear, pcid) {
            Miss::Refill => Counter::RefillMisses,
            Miss::Cold => Counter::ColdMisses,
            Miss::Capacity => Counter::CapacityMisses,
        };
        self.add(kind, 1);
    }
}

impl Observer for Tally {
    #[inline]
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {
        if self.pcide && machine.cpu.cpl == 3 && !self.pending.is_idle() {
            self.user_ran(current_pcid(&machine.cpu));
        }
        match instruction.mnemonic() {
            Mnemonic::Invpcid | Mnemonic::Invlpg | Mnemonic::Bts => self.watch(machine, instruction),
            _ => self.watched = Watched::Nothing,
        }
    }

    #[inline]
    fn retired(&mut self, machine: &Machine, instruction: &Instruction) {
        self.add(Counter::Instructions, 1);
        if self.watched != Watched::Nothing {
            self.watched_retired(machine, instruction);
        }
    }

    #[inline]
    fn memory(&mut self, access: &MemoryAccess) {
        if access.kind == AccessKind::Write {
            if touches_mask(access) {
                self.stored(access);
            }
        } else if let Watched::Descriptor { low, bytes } = &mut self.watched
            && *bytes < 8
        {
            *low |= access.value << (8 * *bytes);
            *bytes += u32::from(access.size);
        }
    }

    #[inline]
    fn tlb(&mut self, event: &TlbEvent) {
        match event {
            TlbEvent::Hit { .. } => self.add(Counter::TlbHits, 1),
            change => self.tlb_changed(change),
        }
    }

    fn control(&mut self, access: &ControlAccess) {
        match *access {
            ControlAccess::Read { register: ControlRegister::Cr3, .. } => self.add(Counter::Cr3Reads, 1),
            ControlAccess::Write { register: ControlRegister::Cr3, before, after, flush, .. } => {
                self.cr3_written(before, after, flush);
            }
            ControlAccess::Write { register: ControlRegister::Cr4, before, after, .. } => {
                self.cr4_written(before, after)
            }
            _ => {}
        }
    }

    fn delivered(&mut self, _: &Machine, delivered: &Delivered) {
        self.add(Counter::Deliveries, 1);
        self.add(counter_of_event(delivered.event), 1);
    }
}

/// Whether an access has bytes of the mask.
#[inline]
fn touches_mask(access: &MemoryAccess) -> bool {
    access.physical < MASK + 2 && access.physical + u64::from(access.size) > MASK
}

/// The mask after a store on it. BTS and BTR with a 64-bit operand store eight bytes around it.
fn overlaid(mask: u16, access: &MemoryAccess) -> u16 {
    let stored = access.value.to_le_bytes();
    let mut bytes = mask.to_le_bytes();
    for (byte, address) in bytes.iter_mut().zip(MASK..) {
        let within = address.checked_sub(access.physical).filter(|&at| at < u64::from(access.size));
        if let Some(&new) = within.and_then(|at| stored.get(at as usize)) {
            *byte = new;
        }
    }
    u16::from_le_bytes(bytes)
}

/// The value of a 64-bit general register.
fn general_register(machine: &Machine, register: Register) -> Option<u64> {
    let number = (register as usize).checked_sub(Register::RAX as usize)?;
    machine.cpu.registers.get(number).copied()
}

/// The bit of its 64-bit element that a BTS on memory sets (SDM vol. 2, BT: "bit string"), as the kernel's `__set_bit`.
fn bit_number(machine: &Machine, instruction: &Instruction) -> Option<u64> {
    let offset = match instruction.op1_kind() {
        OpKind::Register => general_register(machine, instruction.op1_register())?,
        _ => u64::from(instruction.immediate8()),
    };
    (instruction.op0_kind() == OpKind::Memory).then_some(offset % 64)
}

/// Which bit of the mask the bit of a store is.
fn bit_of_mask(access: &MemoryAccess, bit: u64) -> Option<usize> {
    let bit = (access.physical * 8 + bit).checked_sub(MASK * 8)?;
    usize::try_from(bit).ok().filter(|&bit| bit < 16)
}

fn counter_of(fate: Fate) -> Counter {
    match fate {
        Fate::Requested => Counter::RequestedFlushes,
        Fate::Kept => Counter::KeptFlushes,
        Fate::Lost => Counter::LostFlushes,
        Fate::Late => Counter::LateFlushes,
        Fate::Leftover => Counter::LeftoverFlushes,
    }
}

fn counter_of_drop(cause: DropCause) -> Counter {
    match cause {
        DropCause::Cr3Write => Counter::DroppedByCr3Write,
        DropCause::Cr4Write => Counter::DroppedByCr4Write,
        DropCause::Cr0Write => Counter::DroppedByCr0Write,
        DropCause::EferWrite => Counter::DroppedByEferWrite,
        DropCause::Invlpg => Counter::DroppedByInvlpg,
        DropCause::Invpcid => Counter::DroppedByInvpcid,
        DropCause::PageFault | DropCause::StaleRights => Counter::FaultDroppedEntries,
        DropCause::Capacity => Counter::EvictedEntries,
    }
}

fn counter_of_event(event: Event) -> Counter {
    match event {
        Event::Exception(Exception::Nmi) => Counter::Nmis,
        Event::Exception(Exception::Debug) => Counter::DebugExceptions,
        Event::Exception(Exception::MachineCheck) => Counter::MachineChecks,
        Event::Exception(Exception::VmmCommunication) => Counter::VmmCommunications,
        Event::Exception(Exception::DoubleFault) => Counter::DoubleFaults,
        Event::Exception(Exception::PageFault) => Counter::PageFaults,
        Event::Exception(Exception::GeneralProtection) => Counter::GeneralProtections,
        Event::Interrupt(_) => Counter::Interrupts,
        Event::Exception(_) | Event::Software(_) => Counter::OtherEvents,
    }
}
