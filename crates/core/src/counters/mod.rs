//! The cost of a run, counted. One list of counters serves the command line, the page and JSON.

mod misses;
mod pending;
mod tally;

pub use pending::{Fate, PendingFlushes};
pub use tally::Tally;

use crate::machine::Exception;
use std::ops::{Index, IndexMut};

/// Declares the counters once: identifier, label, unit, description.
macro_rules! counters {
    ($($variant:ident $name:literal $label:tt $unit:literal $description:literal)*) => {
        /// A counted kind of event. The definitions are exact; see each description.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Counter { $(#[doc = $description] $variant,)* }

        impl Counter {
            /// All counters, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// How many counters there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The name in JSON and on the command line.
            pub fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }
            /// The name for a person.
            pub fn label(self) -> &'static str { match self { $(Self::$variant => $label,)* } }
            /// The unit of one count, in the plural.
            pub fn unit(self) -> &'static str { match self { $(Self::$variant => $unit,)* } }
            /// The definition, in one sentence.
            pub fn description(self) -> &'static str { match self { $(Self::$variant => $description,)* } }
        }
    };
}

counters! {
    Instructions "instructions" "instructions" "instructions" "Instructions that retired."
    Cr3Reads "cr3_reads" "CR3 reads" "instructions" "MOV from CR3 that retired."
    Cr3Writes "cr3_writes" "CR3 writes" "instructions" "MOV to CR3 that retired."
    RedundantCr3Writes "redundant_cr3_writes" "redundant CR3 writes" "instructions" "CR3 writes with table base and PCID equal to what CR3 held."
    FlushingCr3Writes "flushing_cr3_writes" "flushing CR3 writes" "instructions" "CR3 writes that invalidate: CR4.PCIDE=0, or bit 63 clear."
    NoflushCr3Writes "noflush_cr3_writes" "no-flush CR3 writes" "instructions" "CR3 writes that invalidate nothing: CR4.PCIDE=1 and bit 63 set."
    FlushingCr4Writes "flushing_cr4_writes" "flushing CR4 writes" "instructions" "CR4 writes that must invalidate: PGE or PAE changed, PCIDE cleared, SMEP set."
    DroppedEntries "dropped_entries" "dropped entries" "TLB entries" "TLB entries removed by an invalidation that software asked for, whatever the operation."
    DroppedByCr3Write "dropped_by_cr3_write" "dropped by CR3 writes" "TLB entries" "TLB entries removed by MOV to CR3."
    DroppedByCr4Write "dropped_by_cr4_write" "dropped by CR4 writes" "TLB entries" "TLB entries removed by MOV to CR4."
    DroppedByCr0Write "dropped_by_cr0_write" "dropped by CR0 writes" "TLB entries" "TLB entries removed by MOV to CR0."
    DroppedByEferWrite "dropped_by_efer_write" "dropped by EFER writes" "TLB entries" "TLB entries removed by a write to IA32_EFER."
    DroppedByInvlpg "dropped_by_invlpg" "dropped by INVLPG" "TLB entries" "TLB entries removed by INVLPG."
    DroppedByInvpcid "dropped_by_invpcid" "dropped by INVPCID" "TLB entries" "TLB entries removed by INVPCID."
    FaultDroppedEntries "fault_dropped_entries" "dropped by faults" "TLB entries" "TLB entries removed by a page fault on their page, or walked again for lack of rights; not invalidations by software."
    EvictedEntries "evicted_entries" "evicted entries" "TLB entries" "TLB entries replaced for lack of room; none with an unbounded TLB."
    TlbHits "tlb_hits" "TLB hits" "accesses" "Accesses, fetches included, that found their translation."
    TlbMisses "tlb_misses" "TLB misses" "accesses" "Accesses, fetches included, that walked the page tables; the sum of refill, cold and capacity misses."
    RefillMisses "refill_misses" "refill misses" "accesses" "Misses on a page whose entry an invalidation by software had dropped since its last use."
    ColdMisses "cold_misses" "cold misses" "accesses" "Misses that are neither refill nor capacity misses: a first use, or a use after a fault dropped the entry."
    CapacityMisses "capacity_misses" "capacity misses" "accesses" "Misses on a page whose entry had been replaced since its last use."
    PageWalkReads "page_walk_reads" "page-walk reads" "entries" "Paging-structure entries read by page walks."
    Invlpg "invlpg" "INVLPG" "instructions" "INVLPG that retired."
    Invpcid "invpcid" "INVPCID" "instructions" "INVPCID that retired."
    Deliveries "deliveries" "deliveries" "events" "Events that reached their handler, of any kind."
    Nmis "nmis" "NMIs" "events" "NMIs delivered."
    DebugExceptions "debug_exceptions" { Exception::Debug.name() } "events" "Debug exceptions delivered."
    MachineChecks "machine_checks" { Exception::MachineCheck.name() } "events" "Machine checks delivered."
    VmmCommunications "vmm_communications" { Exception::VmmCommunication.name() } "events" "VMM communication exceptions delivered."
    DoubleFaults "double_faults" { Exception::DoubleFault.name() } "events" "Double faults delivered."
    PageFaults "page_faults" "page faults" "events" "Page faults delivered."
    GeneralProtections "general_protections" { Exception::GeneralProtection.name() } "events" "General-protection exceptions delivered."
    Interrupts "interrupts" "IRQs" "events" "Maskable external interrupts delivered."
    OtherEvents "other_events" "other events" "events" "Deliveries of vectors without a counter of their own, software interrupts included."
    RequestedFlushes "requested_flushes" "flushes requested" "requests" "Bits of user_pcid_flush_mask that went from 0 to 1, or were set again after their flush."
    KeptFlushes "kept_flushes" "flushes kept" "requests" "Requests whose PCID was flushed before user mode ran under it."
    LostFlushes "lost_flushes" "flushes lost" "requests" "Requests whose bit was cleared before user mode ran under their PCID without a flush."
    LateFlushes "late_flushes" "flushes late" "requests" "Requests whose bit was still set, without a flush, when user mode ran under their PCID."
    LeftoverFlushes "leftover_flushes" "flushes left over" "requests" "Requests that were kept and whose bit was still set when user mode ran next: one redundant flush later."
}

impl Counter {
    /// The counter with this [`name`](Self::name).
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|counter| counter.name() == name)
    }
}

/// The value of every counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Counters([u64; Counter::COUNT]);

impl Default for Counters {
    fn default() -> Self {
        Self([0; Counter::COUNT])
    }
}

impl Counters {
    /// Every counter with its value.
    pub fn iter(&self) -> impl Iterator<Item = (Counter, u64)> {
        Counter::ALL.iter().map(|&counter| (counter, self[counter]))
    }
}

impl Index<Counter> for Counters {
    type Output = u64;
    fn index(&self, counter: Counter) -> &u64 {
        &self.0[counter as usize]
    }
}

impl IndexMut<Counter> for Counters {
    #[inline]
    fn index_mut(&mut self, counter: Counter) -> &mut u64 {
        &mut self.0[counter as usize]
    }
}

/// A set of counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CounterSet(u64);

const _: () = assert!(Counter::COUNT <= 64, "CounterSet has 64 bits");

impl CounterSet {
    /// No counter.
    pub const EMPTY: Self = Self(0);

    /// Whether `counter` is in the set.
    pub fn contains(self, counter: Counter) -> bool {
        self.0 & 1 << counter as u8 != 0
    }

    /// The set and `counter`.
    #[must_use]
    #[inline]
    pub fn with(self, counter: Counter) -> Self {
        Self(self.0 | 1 << counter as u8)
    }

    /// The set without the counters in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The counters in the set, in the order of [`Counter::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Counter> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let counter = Counter::ALL.get(rest.trailing_zeros() as usize).copied();
            rest &= rest.wrapping_sub(1);
            counter
        })
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Counter> for CounterSet {
    fn from_iter<I: IntoIterator<Item = Counter>>(counters: I) -> Self {
        counters.into_iter().fold(Self::EMPTY, Self::with)
    }
}

#[cfg(test)]
mod tests;
