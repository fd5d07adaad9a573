//! The observer that counts.

use super::misses::{Miss, Misses};
use super::{Counter, CounterSet, Counters, Fate, PendingFlushes};
use crate::linux::layout::USER_PCID_FLUSH_MASK_PHYSICAL as MASK;
use crate::machine::bits::{cr3, cr4};
use crate::machine::control::current_pcid;
use crate::machine::observe::{
    AccessKind, Attention, ControlAccess, ControlRegister, Cr3Flush, Delivered, DropCause, MemoryAccess, Ordinary,
    TlbEvent, Watched, Written,
};
use crate::machine::tlb::Operation;
use crate::machine::{Event, Exception, Machine, Observer};
use iced_x86::{Instruction, Mnemonic, OpKind, Register};

/// Counts what a machine does. Create it from the machine's state before the first step to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    counters: Counters,
    touched: CounterSet,
    misses: Misses,
    pending: PendingFlushes,
    /// For a BTS on memory, the bit that it sets, counted from the start of its store.
    set_bit: Option<u64>,
}

impl Tally {
    /// Starts at zero.
    pub fn new(machine: &Machine) -> Self {
        Self {
            counters: Counters::default(),
            touched: CounterSet::EMPTY,
            misses: Misses::default(),
            pending: PendingFlushes::new(machine.memory.read_u16(MASK)),
            set_bit: None,
        }
    }

    /// The counts so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// `user_pcid_flush_mask` as last written.
    #[cfg(test)]
    pub(super) fn pending_flushes(&self) -> u16 {
        self.pending.mask()
    }

    /// The state of the requests for flushes.
    pub fn pending(&self) -> &PendingFlushes {
        &self.pending
    }

    /// The counters that rose since the last call.
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

    /// Passes something to the follower of pending flushes, and counts the fates that it returns.
    fn follow(&mut self, tell: impl FnOnce(&mut PendingFlushes, &mut dyn FnMut(Fate, u64))) {
        let mut pending = std::mem::take(&mut self.pending);
        tell(&mut pending, &mut |fate, requests| self.add(counter_of(fate), requests));
        self.pending = pending;
    }

    fn cr3_written(&mut self, changed: u64, flush: Cr3Flush, pcids: [u16; 2]) {
        self.add(Counter::Cr3Writes, 1);
        if changed & cr3::TABLE == 0 && pcids[0] == pcids[1] {
            self.add(Counter::RedundantCr3Writes, 1);
        }
        self.add(
            match flush {
                Cr3Flush::NoFlush => Counter::NoflushCr3Writes,
                Cr3Flush::Flush => Counter::FlushingCr3Writes,
            },
            1,
        );
    }

    /// What an invalidation means for requests of user PCIDs.
    fn answer(&mut self, operation: Operation) {
        match operation {
            Operation::Cr3Flush { pcid } | Operation::InvpcidContext { pcid } => {
                self.follow(|pending, tell| pending.flushed(pcid, tell));
            }
            Operation::Everything | Operation::InvpcidAll | Operation::InvpcidAllButGlobal => {
                self.follow(|pending, tell| pending.flushed_all(tell));
            }
            // SMEP set or PAE changed: no kernel satisfies a user-PCID request this way.
            Operation::CurrentPcid { .. } => {}
            Operation::Optional
            | Operation::Invlpg { .. }
            | Operation::InvpcidAddress { .. }
            | Operation::PageFault { .. } => {}
        }
    }

    /// Out of line, so the hit path inlines to one increment.
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

    /// An instruction ran that does not change CPL and PCID, or any instruction is about to run.
    #[inline]
    fn ran(&mut self, machine: &Machine) {
        if machine.cpu.cpl == 3 && !self.pending.is_idle() && machine.cpu.cr4 & cr4::PCIDE != 0 {
            self.user_ran(current_pcid(&machine.cpu));
        }
    }

    #[cold]
    #[inline(never)]
    fn user_ran(&mut self, pcid: u16) {
        self.follow(|pending, tell| pending.user_ran(pcid, tell));
    }

    /// A store to the mask.
    #[cold]
    fn stored(&mut self, access: &MemoryAccess) {
        let mask = overlaid(self.pending.mask(), access);
        self.follow(|pending, tell| pending.written(mask, tell));
        if let Some(bit) = self.set_bit
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
    #[inline(always)]
    fn attention(&self) -> Attention {
        Attention::Unusual { stores: Watched::range(MASK, MASK + 2) }
    }

    #[inline]
    fn ordinary(&mut self, machine: &Machine, ordinary: Ordinary) {
        self.ran(machine);
        self.add(Counter::Instructions, ordinary.count.into());
        self.add(Counter::TlbHits, ordinary.hits.into());
    }

    #[inline]
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {
        self.ran(machine);
        self.set_bit = match instruction.mnemonic() {
            Mnemonic::Bts => bit_number(machine, instruction),
            _ => None,
        };
    }

    #[inline]
    fn retired(&mut self, _: &Machine, instruction: &Instruction) {
        self.add(Counter::Instructions, 1);
        match instruction.mnemonic() {
            Mnemonic::Invpcid => self.add(Counter::Invpcid, 1),
            Mnemonic::Invlpg => self.add(Counter::Invlpg, 1),
            _ => {}
        }
    }

    #[inline]
    fn memory(&mut self, access: &MemoryAccess) {
        if access.kind == AccessKind::Write && touches_mask(access) {
            self.stored(access);
        }
    }

    #[inline]
    fn tlb(&mut self, event: &TlbEvent) {
        match event {
            TlbEvent::Hit { .. } => self.add(Counter::TlbHits, 1),
            change => self.tlb_changed(change),
        }
    }

    fn invalidation(&mut self, operation: Operation, cause: DropCause) {
        if cause == DropCause::Cr4Write && operation != Operation::Optional {
            self.add(Counter::FlushingCr4Writes, 1);
        }
        self.answer(operation);
    }

    fn control(&mut self, access: &ControlAccess) {
        match *access {
            ControlAccess::Read { register: ControlRegister::Cr3, .. } => self.add(Counter::Cr3Reads, 1),
            ControlAccess::Write { written: Written::Cr3 { flush, pcids }, before, after, .. } => {
                self.cr3_written(before ^ after, flush, pcids);
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

/// The mask after a store to it. BTS and BTR with a 64-bit operand store eight bytes around it.
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

/// The bit of its 64-bit element that a BTS on memory sets (SDM vol. 2, BT: "bit string"), as in the kernel's
/// `__set_bit`.
fn bit_number(machine: &Machine, instruction: &Instruction) -> Option<u64> {
    let offset = match instruction.op1_kind() {
        OpKind::Register => general_register(machine, instruction.op1_register())?,
        _ => u64::from(instruction.immediate8()),
    };
    (instruction.op0_kind() == OpKind::Memory).then_some(offset % 64)
}

/// The bit of the mask that corresponds to a bit of a store.
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
