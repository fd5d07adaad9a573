//! The pending-flush mask of both runs: bits of `user_pcid_flush_mask` that request the flush of a user PCID.

use crate::choice::Side;
use crate::moment::{Instant, Moment};
use cr3_core::linux::layout::{TLB_NR_DYN_ASIDS, USER_PCID_FLUSH_MASK_PHYSICAL};

/// One bit of the mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bit {
    /// The user PCID whose flush it requests: 0x800 plus the bit's index.
    pub pcid: u16,
    /// Index of the bit: the kernel PCID, 1 to 6.
    pub index: u16,
    /// Each run.
    pub set: [Option<bool>; 2],
    /// Whether this step changed it, by run.
    pub changed: [bool; 2],
}

/// The bits that Linux uses, lowest first: one for each of the six dynamic ASIDs.
#[must_use]
pub fn pending(moment: &Moment) -> Vec<Bit> {
    let masks = Side::BOTH.map(|side| moment.side(side).map(mask));
    (1..=TLB_NR_DYN_ASIDS)
        .map(|index| {
            let at = |mask: u16| mask >> index & 1 == 1;
            Bit {
                pcid: 0x800 | index,
                index,
                set: masks.map(|mask| mask.map(|(now, _)| at(now))),
                changed: masks.map(|mask| mask.is_some_and(|(now, before)| at(now) != at(before))),
            }
        })
        .collect()
}

/// The mask now and before the step.
fn mask(instant: &Instant) -> (u16, u16) {
    let read = |machine: &cr3_core::machine::Machine| machine.memory.read_u16(USER_PCID_FLUSH_MASK_PHYSICAL);
    (read(&instant.after), read(instant.earlier()))
}
