//! Whether two runs of one system continue the same way: they agree in everything that what follows reads.

use super::journal::{Bytes, Exposed, Facts, Record};
use super::lane::Lane;
use crate::linux::layout as at;
use crate::linux::records::DATA;
use crate::machine::bits::{cr3, cr4, entry as bits};
use crate::machine::event::debug;
use crate::machine::level::{Level, UpperLevel};
use crate::machine::paging::{self, End, Rights, Start};
use crate::machine::tlb::{self, Entry, StructureEntry};
use crate::machine::{Cpu, Machine, Memory, rflags};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A cached translation, or a cached entry of an upper table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Cached {
    Translation(tlb::Entry),
    Structure(StructureEntry),
}

impl Cached {
    pub(super) fn is_under_user_pcid(&self) -> bool {
        matches!(self, Self::Translation(entry) if entry.pcid & at::PTI_USER_PCID_MASK as u16 != 0)
    }

    /// The address that it is about.
    pub(super) fn linear(&self) -> u64 {
        match self {
            Self::Translation(entry) => entry.linear,
            Self::Structure(entry) => entry.linear,
        }
    }

    /// Without the dirty flag: of one that walks find, it does not matter.
    pub(super) fn clean(self) -> Self {
        match self {
            Self::Translation(entry) => Self::Translation(tlb::Entry { dirty: false, ..entry }),
            Self::Structure(_) => self,
        }
    }
}

/// What follows.
#[derive(Clone, Copy)]
pub(super) struct Future<'a> {
    /// The run that one of the two is known to go on as.
    pub(super) record: &'a Arc<Record>,
    /// From this step of it.
    pub(super) step: u32,
    /// What handlers read that may strike on the way.
    pub(super) strikes: Option<&'a Exposed>,
}

impl Future<'_> {
    fn reads(&self, bytes: Bytes) -> bool {
        self.record.reads(bytes, self.step) || self.strikes.is_some_and(|exposed| exposed.reads(bytes))
    }
}

/// What is known of page tables, of one system.
#[derive(Debug, Default)]
pub(super) struct Tables {
    facts: Facts,
    /// Numbers of the pages that hold page tables.
    pages: BTreeSet<u64>,
    /// Those of them that are no last-level tables.
    upper: BTreeSet<u64>,
    /// Words of them that software changes.
    changed: BTreeSet<u64>,
    translations: HashMap<(Entry, Scope), bool>,
    structures: HashMap<(StructureEntry, Scope), bool>,
}

impl Tables {
    /// Learns what other runs did. `machine` has the tables; which pages they lie in does not change, as no code here allocates any.
    pub(super) fn learn(&mut self, machine: &Machine, facts: &Facts) {
        let before = (self.facts.cr3s.len(), self.facts.fetched.len(), self.facts.stored.len());
        self.facts.merge(facts);
        let now = (self.facts.cr3s.len(), self.facts.fetched.len(), self.facts.stored.len());
        if before == now {
            return;
        }
        self.pages.clear();
        self.upper.clear();
        for root in self.facts.cr3s.clone() {
            self.collect(&machine.memory, root & cr3::TABLE, 4);
        }
        self.changed = self.facts.stored.iter().copied().filter(|word| self.pages.contains(&(word >> 9))).collect();
        self.translations.clear();
        self.structures.clear();
    }

    /// Adds the pages that hold tables, from one of `level` down.
    fn collect(&mut self, memory: &Memory, table: u64, level: u8) {
        self.pages.insert(table >> 12);
        if level == 1 || !self.upper.insert(table >> 12) {
            return;
        }
        for address in (table..table + 4096).step_by(8) {
            let value = memory.read_u64(address);
            let is_page = level < 4 && value & bits::LARGE != 0;
            if value & bits::PRESENT != 0 && !is_page {
                self.collect(memory, value & bits::ADDRESS, level - 1);
            }
        }
    }

    /// The entries that software changes; nothing if some of them lie in tables above the last level, or are read for more than walks.
    pub(super) fn changed_last_levels(&self) -> Option<&BTreeSet<u64>> {
        let is_only_walked = |&word: &u64| {
            !self.upper.contains(&(word >> 9)) && !self.is_executed(word << 3) && !is_judged((word, u8::MAX))
        };
        self.changed.iter().all(is_only_walked).then_some(&self.changed)
    }

    /// The last-level entries by which walks for an address come, one for each CR3 that leads to one.
    pub(super) fn leaves(&self, machine: &Machine, linear: u64) -> impl Iterator<Item = u64> {
        self.facts.cr3s.iter().filter_map(move |cr3| leaf(machine, linear, cr3 & cr3::TABLE))
    }

    /// The last-level entry by which all walks come wherever a translation may be used.
    pub(super) fn only_leaf(&self, machine: &Machine, entry: &Entry) -> Option<u64> {
        let pcide = machine.cpu.cr4 & cr4::PCIDE != 0;
        let is_under = |cr3: &&u64| entry.global || !pcide || **cr3 & cr3::PCID == u64::from(entry.pcid);
        let cr3s = self.facts.cr3s.iter().filter(is_under);
        let mut leaves = cr3s.map(|cr3| leaf(machine, entry.linear, cr3 & cr3::TABLE));
        let first = leaves.next()??;
        leaves.all(|leaf| leaf == Some(first)).then_some(first)
    }

    /// Numbers of the pages that hold page tables.
    pub(super) fn pages(&self) -> &BTreeSet<u64> {
        &self.pages
    }

    /// Whether a word is read without an instruction that reads it: by walks, by fetches, or by those who judge.
    pub(super) fn is_read_by_itself(&self, word: u64) -> bool {
        self.pages.contains(&(word >> 9))
            || self.is_executed(word << 3)
            || is_judged((word, u8::MAX))
            || word == at::USER_PCID_FLUSH_MASK_PHYSICAL >> 3
    }

    /// Whether what is cached while `cr3` is loaded is what walks find, for good.
    pub(super) fn is_settled(&mut self, machine: &Machine, cached: &Cached, cr3: u64) -> bool {
        let pcide = machine.cpu.cr4 & cr4::PCIDE != 0;
        let scope = |pcid, global| match (global && machine.cpu.cr4 & cr4::PGE != 0, pcide) {
            (true, _) => Scope::Always,
            (false, true) => Scope::Pcid(pcid),
            (false, false) => Scope::Now { cr3 },
        };
        match cached {
            Cached::Translation(entry) => self.is_true_in(machine, entry, scope(entry.pcid, entry.global)),
            Cached::Structure(entry) => self.structure_is_true_in(machine, entry, scope(entry.pcid, false)),
        }
    }

    fn is_executed(&self, page: u64) -> bool {
        self.facts.fetched.iter().any(|&(base, mask)| page & !mask == base & !mask)
    }

    /// Whether `left` goes on as `right` does in `future`.
    pub(super) fn agree(&mut self, left: &Lane, right: &Lane, future: Future<'_>) -> bool {
        let (ours, theirs) = (left.machine(), right.machine());
        canonical(&ours.cpu) == canonical(&theirs.cpu)
            && left.judged_alike(right)
            && self.memory_agrees(&ours.memory, &theirs.memory, future)
            && self.caches_agree(ours, theirs)
    }

    fn memory_agrees(&self, left: &Memory, right: &Memory, future: Future<'_>) -> bool {
        left.differences(right).into_iter().all(|page| {
            let holds_tables = self.pages.contains(&(page >> 12));
            let harmless = |word: &Differing| {
                !future.reads(word.bytes()) && !is_judged(word.bytes()) && (!holds_tables || word.marks_only())
            };
            !self.is_executed(page) && differing(left, right, page).all(|word| harmless(&word))
        })
    }

    /// Whether both translate alike: what one has cached and the other has not is what the tables say, and nobody changes these.
    fn caches_agree(&mut self, left: &Machine, right: &Machine) -> bool {
        if left.tlb == right.tlb {
            return true;
        }
        if left.tlb.geometry() != tlb::Geometry::Architectural {
            return false;
        }
        let translations = differences(left.tlb.entries(), right.tlb.entries(), translation_key);
        let structures = differences(left.tlb.structures(), right.tlb.structures(), structure_key);
        translations.into_iter().all(|entry| self.is_true(right, entry))
            && structures.into_iter().all(|entry| self.structure_is_true(right, entry))
    }

    fn is_true(&mut self, machine: &Machine, entry: &Entry) -> bool {
        self.is_true_in(machine, entry, Scope::of(&machine.cpu, entry.pcid, entry.global))
    }

    fn is_true_in(&mut self, machine: &Machine, entry: &Entry, scope: Scope) -> bool {
        if let Some(&known) = self.translations.get(&(*entry, scope)) {
            return known;
        }
        let known = self.roots(scope).all(|root| {
            let walk = self.settled_walk(machine, entry.linear, root);
            walk.is_some_and(|walk| translates(&walk, entry))
        });
        self.translations.insert((*entry, scope), known);
        known
    }

    fn structure_is_true(&mut self, machine: &Machine, entry: &StructureEntry) -> bool {
        self.structure_is_true_in(machine, entry, Scope::of(&machine.cpu, entry.pcid, false))
    }

    fn structure_is_true_in(&mut self, machine: &Machine, entry: &StructureEntry, scope: Scope) -> bool {
        if let Some(&known) = self.structures.get(&(*entry, scope)) {
            return known;
        }
        let known = self.roots(scope).all(|root| {
            let start = Start { level: Level::Pml4, table: root, rights: Rights::ALL };
            let walk = paging::walk(&machine.cpu, &machine.memory, entry.linear, start);
            leads_to(&walk, entry, |step| !self.changed.contains(&(step.address >> 3)))
        });
        self.structures.insert((*entry, scope), known);
        known
    }

    /// The top-level tables under which something that is cached may be used.
    fn roots(&self, scope: Scope) -> impl Iterator<Item = u64> {
        let now = if let Scope::Now { cr3 } = scope { Some(cr3) } else { None };
        let later = self.facts.cr3s.iter().copied().filter(move |cr3| match scope {
            Scope::Now { .. } => false,
            Scope::Pcid(pcid) => cr3 & cr3::PCID == u64::from(pcid),
            Scope::Always => true,
        });
        now.into_iter().chain(later).map(|cr3| cr3 & cr3::TABLE)
    }

    /// A walk through entries that nobody changes.
    fn settled_walk(&self, machine: &Machine, linear: u64, root: u64) -> Option<paging::Walk> {
        let start = Start { level: Level::Pml4, table: root, rights: Rights::ALL };
        let walk = paging::walk(&machine.cpu, &machine.memory, linear, start);
        let settled = walk.steps().iter().all(|step| !self.changed.contains(&(step.address >> 3)));
        settled.then_some(walk)
    }
}

/// Whether the promises are judged by one of these bytes: what the kernel records of the loaded mm and of the task, and its data.
fn is_judged((word, mask): Bytes) -> bool {
    const STATE: u64 = at::PER_CPU_PHYSICAL + at::PERCPU_CPU_TLBSTATE;
    const TASK: u64 = at::PER_CPU_PHYSICAL + at::PERCPU_PCPU_HOT + at::PCPU_HOT_CURRENT_TASK;
    let data = [DATA.start, DATA.end].map(at::image_physical);
    let physical = word << 3;
    let asid = physical == STATE + at::TLB_STATE_LOADED_MM_ASID && mask & 3 != 0;
    asid || physical == STATE + at::TLB_STATE_LOADED_MM || physical == TASK || (data[0]..data[1]).contains(&physical)
}

/// When something that is cached may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scope {
    /// While CR3 is not written: without PCIDs the next write drops it.
    Now { cr3: u64 },
    /// Under each CR3 with its PCID.
    Pcid(u16),
    /// Under each CR3: it is global.
    Always,
}

impl Scope {
    fn of(cpu: &Cpu, pcid: u16, global: bool) -> Self {
        match (global && cpu.cr4 & cr4::PGE != 0, cpu.cr4 & cr4::PCIDE != 0) {
            (true, _) => Self::Always,
            (false, true) => Self::Pcid(pcid),
            (false, false) => Self::Now { cr3: cpu.cr3 },
        }
    }
}

fn translates(walk: &paging::Walk, entry: &Entry) -> bool {
    let End::Page { size, rights } = walk.end else { return false };
    let leaf = walk.steps().last().map_or(0, |step| step.value);
    size == entry.page
        && size == entry.size
        && rights == entry.rights
        && leaf & bits::ADDRESS & !size.offset_mask() == entry.physical
        && (leaf & bits::GLOBAL != 0) == entry.global
}

/// The last-level entry by which a walk comes.
fn leaf(machine: &Machine, linear: u64, root: u64) -> Option<u64> {
    let start = Start { level: Level::Pml4, table: root, rights: Rights::ALL };
    let walk = paging::walk(&machine.cpu, &machine.memory, linear, start);
    walk.steps().last().filter(|step| step.level == Level::Pt).map(|step| step.address >> 3)
}

/// Whether a walk comes by the table that a cached upper-level entry names, with its rights, through entries that are `settled`.
fn leads_to(walk: &paging::Walk, entry: &StructureEntry, settled: impl Fn(&paging::Step) -> bool) -> bool {
    let mut rights = Rights::ALL;
    for step in walk.steps() {
        if !settled(step) {
            return false;
        }
        rights = Rights {
            writable: rights.writable && step.value & bits::WRITABLE != 0,
            user: rights.user && step.value & bits::USER != 0,
            execute_disable: rights.execute_disable || step.value & bits::EXECUTE_DISABLE != 0,
        };
        if step.level == entry.level.level() {
            return step.value & bits::ADDRESS == entry.table && rights == entry.rights;
        }
    }
    false
}

/// A word of memory that two runs hold differently.
struct Differing {
    number: u64,
    left: u64,
    right: u64,
}

impl Differing {
    fn bytes(&self) -> Bytes {
        let differing = (self.left ^ self.right).to_le_bytes();
        let mask = differing.iter().zip(0..).fold(0, |mask, (byte, index)| mask | u8::from(*byte != 0) << index);
        (self.number, mask)
    }

    /// As an entry of a page table: whether only the marks of use differ. The processor sets them and never looks at them.
    fn marks_only(&self) -> bool {
        let present = self.left & self.right & bits::PRESENT != 0;
        present && (self.left ^ self.right) & !(bits::ACCESSED | bits::DIRTY) == 0
    }
}

/// The words of a page that differ. Most lines of 64 bytes are alike.
fn differing<'a>(left: &'a Memory, right: &'a Memory, page: u64) -> impl Iterator<Item = Differing> + 'a {
    let [left, right] = [left, right].map(|memory| memory.page_bytes(page).as_chunks::<64>().0);
    let lines = left.iter().zip(right).zip((page >> 3..).step_by(8));
    lines.filter(|((left, right), _)| left != right).flat_map(|((left, right), first)| differing_in(left, right, first))
}

/// The same of a line, whose first word has this number.
fn differing_in<'a>(left: &'a [u8; 64], right: &'a [u8; 64], first: u64) -> impl Iterator<Item = Differing> + 'a {
    let [left, right] = [left, right].map(|line| line.as_chunks().0.iter().copied().map(u64::from_le_bytes));
    let words = left.zip(right).zip(first..).filter(|((left, right), _)| left != right);
    words.map(|((left, right), number)| Differing { number, left, right })
}

fn translation_key(entry: &Entry) -> (u64, tlb::PageSize, u16) {
    (entry.linear, entry.size, entry.pcid)
}

fn structure_key(entry: &StructureEntry) -> (u16, UpperLevel, u64) {
    (entry.pcid, entry.level, entry.linear)
}

/// What is in one of two sorted lists and not in the other.
fn differences<'a, T: PartialEq, K: Ord>(
    left: impl Iterator<Item = &'a T>,
    right: impl Iterator<Item = &'a T>,
    key: impl Fn(&T) -> K,
) -> Vec<&'a T> {
    let (mut left, mut right) = (left.peekable(), right.peekable());
    let mut found = Vec::new();
    loop {
        let next = match (left.peek(), right.peek()) {
            (None, None) => return found,
            (Some(a), Some(b)) if a == b => {
                left.next();
                right.next();
                continue;
            }
            (Some(a), Some(b)) if key(a) <= key(b) => left.next(),
            (Some(_), None) => left.next(),
            (_, Some(_)) => right.next(),
        };
        found.extend(next);
    }
}

/// The processor without RF, which only keeps instruction breakpoints away: none is armed.
fn canonical(cpu: &Cpu) -> Cpu {
    let mut cpu = cpu.clone();
    if !debug::armed(&cpu) {
        cpu.rflags &= !rflags::RF;
    }
    cpu
}

/// A number. States for which it differs cannot agree.
pub(super) fn fingerprint(cpu: &Cpu) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    canonical(cpu).hash(&mut hasher);
    hasher.finish()
}
