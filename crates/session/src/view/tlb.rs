//! The TLB of both runs, grouped by PCID.

use crate::choice::Side;
use crate::moment::{Instant, Moment};
use cr3_core::linux::layout::TLB_NR_DYN_ASIDS;
use cr3_core::machine::control::current_pcid;
use cr3_core::machine::observe::TlbEvent;
use cr3_core::machine::order::sort_by_key;
use cr3_core::machine::tlb::{Entry, PageSize};

/// What happened to an entry in this step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It is present, as before.
    Kept,
    /// It is present since this step.
    New,
    /// This step removed it.
    Dropped,
    /// It is absent.
    Absent,
}

impl Fate {
    /// One word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::New => "new",
            Self::Dropped => "dropped",
            Self::Absent => "absent",
        }
    }

    /// Whether the entry is in the TLB now.
    #[must_use]
    pub fn present(self) -> bool {
        matches!(self, Self::Kept | Self::New)
    }
}

/// An entry of one or both runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The entry, the same in both runs.
    pub entry: Entry,
    /// Each run; none if there is no run.
    pub fates: [Option<Fate>; 2],
}

impl Line {
    /// Whether the entry is in one run's TLB and not in the other's.
    #[must_use]
    pub fn differs(&self) -> bool {
        matches!(self.fates, [Some(left), Some(right)] if left.present() != right.present())
    }

    /// Rights in four letters: read, write, execute, user; and global.
    #[must_use]
    pub fn rights(&self) -> String {
        let entry = &self.entry;
        let letter = |set: bool, letter: char| if set { letter } else { '-' };
        let letters = [
            'r',
            letter(entry.rights.writable, 'w'),
            letter(!entry.rights.execute_disable, 'x'),
            letter(entry.rights.user, 'u'),
            letter(entry.global, 'g'),
        ];
        letters.into_iter().collect()
    }

    /// Size of the page.
    #[must_use]
    pub fn size(&self) -> &'static str {
        match self.entry.size {
            PageSize::Size4K => "4K",
            PageSize::Size2M => "2M",
            PageSize::Size1G => "1G",
        }
    }
}

/// The entries of one PCID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The tag; 0 while CR4.PCIDE=0.
    pub pcid: u16,
    /// Linux's use of it.
    pub meaning: String,
    /// Whether CR3 of a run holds it now.
    pub current: [bool; 2],
    /// Number of current entries in each run.
    pub counts: [Option<usize>; 2],
    /// The entries, by address.
    pub lines: Vec<Line>,
}

/// The TLBs at a moment.
#[must_use]
pub fn tlb(moment: &Moment) -> Vec<Group> {
    let held = Side::BOTH.map(|side| moment.side(side).map(Held::of));
    let current = Side::BOTH.map(|side| moment.side(side).map(|instant| current_pcid(&instant.after.cpu)));
    let mut entries: Vec<Entry> = held.iter().flatten().flat_map(Held::all).collect();
    sort_by_key(&mut entries, |entry| (entry.pcid, entry.linear, *entry));
    entries.dedup();
    let group = |entries: &[Entry]| {
        let pcid = entries[0].pcid;
        let count =
            |held: &Option<Held>| held.as_ref().map(|held| held.now.iter().filter(|entry| entry.pcid == pcid).count());
        Group {
            pcid,
            meaning: meaning(pcid),
            current: current.map(|current| current == Some(pcid)),
            counts: [count(&held[0]), count(&held[1])],
            lines: entries.iter().map(|entry| Line { entry: *entry, fates: fates(&held, entry) }).collect(),
        }
    };
    entries.chunk_by(|one, next| one.pcid == next.pcid).map(group).collect()
}

fn fates(held: &[Option<Held>; 2], entry: &Entry) -> [Option<Fate>; 2] {
    let fate = |held: &Option<Held>| held.as_ref().map(|held| held.fate(entry));
    [fate(&held[0]), fate(&held[1])]
}

/// The entries of a run, each list sorted.
struct Held {
    now: Vec<Entry>,
    before: Vec<Entry>,
    dropped: Vec<Entry>,
}

impl Held {
    fn of(instant: &Instant) -> Self {
        let events = instant.detail.iter().flat_map(|detail| &detail.tlb);
        let dropped = events.filter_map(|event| match event {
            TlbEvent::Drop { entry, .. } => Some(*entry),
            _ => None,
        });
        let now = sorted(instant.after.tlb.entries().copied());
        Self {
            before: sorted(instant.earlier().tlb.entries().copied()),
            dropped: sorted(dropped.filter(|entry| !is_in(&now, entry))),
            now,
        }
    }

    fn all(&self) -> impl Iterator<Item = Entry> {
        self.now.iter().chain(&self.dropped).copied()
    }

    fn fate(&self, entry: &Entry) -> Fate {
        match (is_in(&self.now, entry), is_in(&self.before, entry)) {
            (true, true) => Fate::Kept,
            (true, false) => Fate::New,
            (false, _) if is_in(&self.dropped, entry) => Fate::Dropped,
            (false, _) => Fate::Absent,
        }
    }
}

fn sorted(entries: impl Iterator<Item = Entry>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = entries.collect();
    sort_by_key(&mut entries, |entry| *entry);
    entries
}

fn is_in(sorted: &[Entry], entry: &Entry) -> bool {
    sorted.binary_search(entry).is_ok()
}

/// Linux's use of a PCID (arch/x86/mm/tlb.c, v6.12: `kern_pcid`, `user_pcid`).
fn meaning(pcid: u16) -> String {
    let asid = (pcid & 0x7ff).wrapping_sub(1);
    match (pcid, pcid & 0x800 == 0) {
        (0, _) => "no PCID".into(),
        (_, true) if asid < TLB_NR_DYN_ASIDS => format!("kernel half, ASID {asid}"),
        (_, false) if asid < TLB_NR_DYN_ASIDS => format!("user half, ASID {asid}"),
        _ => "not used by Linux".into(),
    }
}
