//! Why a TLB miss happened: what happened to the entry since its last use.

use crate::asm::sorted::Map;
use crate::machine::observe::DropCause;
use crate::machine::tlb::{Entry, PageSize};

/// The kinds of miss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Miss {
    Refill,
    Cold,
    Capacity,
}

/// A page under a PCID; no PCID for a global page, which every PCID uses.
type Page = (Option<u16>, PageSize, u64);

/// How the entries left that have not come back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Misses {
    gone: Map<Page, Miss>,
}

impl Misses {
    /// An entry left the TLB.
    pub(super) fn dropped(&mut self, entry: &Entry, cause: DropCause) {
        let kind = match cause {
            DropCause::Capacity => Miss::Capacity,
            _ if cause.is_flush() => Miss::Refill,
            _ => Miss::Cold,
        };
        self.gone.insert(page(entry), kind);
    }

    /// An entry came back.
    pub(super) fn filled(&mut self, entry: &Entry) {
        self.gone.remove(&page(entry));
    }

    /// An access to `linear` under `pcid` found no entry.
    pub(super) fn missed(&self, linear: u64, pcid: u16) -> Miss {
        let sizes = [PageSize::Size4K, PageSize::Size2M, PageSize::Size1G];
        sizes
            .into_iter()
            .flat_map(|size| [Some(pcid), None].map(|pcid| (pcid, size, linear & !size.offset_mask())))
            .find_map(|page| self.gone.get(&page).copied())
            .unwrap_or(Miss::Cold)
    }
}

fn page(entry: &Entry) -> Page {
    let pcid = (!entry.global).then_some(entry.pcid);
    (pcid, entry.size, entry.linear)
}
