//! The fate of pending flushes: bits of `user_pcid_flush_mask`, each a request to flush one user PCID.

/// PTI's user PCID is the kernel PCID with bit 11 set (arch/x86/include/asm/processor-flags.h, `X86_CR3_PTI_PCID_USER_BIT`).
pub(super) const USER_PCID: u16 = 1 << 11;

/// What happened to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// The bit went from 0 to 1.
    Requested,
    /// The PCID was flushed before user mode ran under it.
    Kept,
    /// The bit was cleared, and user mode ran under the PCID without a flush.
    Lost,
    /// User mode ran under the PCID while the bit was set and before a flush.
    Late,
    /// The request was kept, and its bit was still set when user mode ran.
    Leftover,
}

/// Where one PCID stands. A request has one fate of kept, lost and late; leftover comes on top of kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Stage {
    /// No bit, no request.
    #[default]
    Idle,
    /// The bit is set and the PCID not yet flushed.
    Open,
    /// The bit is cleared and the PCID not yet flushed.
    Cleared,
    /// The PCID is flushed, or user mode was late already; the bit is still set.
    Settled,
    /// As settled, and already counted as leftover.
    Leftover,
}

/// Follows the sixteen bits of the mask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PendingFlushes {
    mask: u16,
    stages: [Stage; 16],
    /// Requests that wait, by bit: a bit that was cleared and set again before the flush holds two.
    waiting: [u8; 16],
}
