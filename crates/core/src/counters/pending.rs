//! The fate of pending flushes: bits of `user_pcid_flush_mask`, each a request to flush one user PCID.
//!
//! A request is identified by its PCID alone. If user mode runs under another PCID than the kernel's records name, a
//! request for the recorded PCID stays open. It is neither lost nor late, though its target entries stay. The mask does
//! not show whether such entries exist (a switch of the mm requests a flush too, and then there are none). This case is
//! therefore reported as a wrong CR3 and not as a lost flush.

/// PTI's user PCID is the kernel PCID with bit 11 set (arch/x86/include/asm/processor-flags.h,
/// `X86_CR3_PTI_PCID_USER_BIT`).
const USER_PCID: u16 = 1 << 11;

/// What happened to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fate {
    /// The bit went from 0 to 1, or was set again after its flush.
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

/// The state of one PCID. A request is kept, lost or late; a kept one may also be leftover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Stage {
    /// No bit, no request.
    #[default]
    Idle,
    /// The bit is set, and no flush yet.
    Open,
    /// The bit is clear, and no flush yet. SWITCH_TO_USER_CR3 clears it before it writes CR3.
    Cleared,
    /// Flushed; the bit is still set.
    Kept,
    /// Late or leftover, and counted; the bit is still set.
    Counted,
}

/// Follows the sixteen bits of the mask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PendingFlushes {
    mask: u16,
    stages: [Stage; 16],
    /// Waiting requests, by bit. A bit that was cleared and set again before the flush holds two.
    waiting: [u64; 16],
}

impl PendingFlushes {
    /// Starts from a mask whose bits were set before the observation began: they have no fate.
    pub fn new(mask: u16) -> Self {
        let mut flushes = Self { mask, ..Self::default() };
        for bit in bits(mask) {
            flushes.stages[bit] = Stage::Open;
        }
        flushes
    }

    /// The mask as last written.
    pub fn mask(&self) -> u16 {
        self.mask
    }

    /// Whether no request waits and no bit is set, so that a run of user mode decides nothing.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.stages.iter().all(|&stage| stage == Stage::Idle)
    }

    /// The mask was written.
    pub fn written(&mut self, mask: u16, mut tell: impl FnMut(Fate, u64)) {
        for bit in bits(mask & !self.mask) {
            self.waiting[bit] += 1;
            self.stages[bit] = Stage::Open;
            tell(Fate::Requested, 1);
        }
        for bit in bits(self.mask & !mask) {
            self.stages[bit] = match self.stages[bit] {
                Stage::Open => Stage::Cleared,
                _ => Stage::Idle,
            };
        }
        self.mask = mask;
    }

    /// A bit was set that may have been set before. If its request was settled already, this is a new one.
    pub fn set_again(&mut self, bit: usize, mut tell: impl FnMut(Fate, u64)) {
        if let Some(stage @ (Stage::Kept | Stage::Counted)) = self.stages.get_mut(bit) {
            *stage = Stage::Open;
            self.waiting[bit] += 1;
            tell(Fate::Requested, 1);
        }
    }

    /// Every translation of `pcid` except global ones was dropped.
    pub fn flushed(&mut self, pcid: u16, tell: impl FnMut(Fate, u64)) {
        if let Some(bit) = user_bit(pcid) {
            self.flushed_bit(bit, tell);
        }
    }

    /// Every translation of every PCID except global ones was dropped.
    pub fn flushed_all(&mut self, mut tell: impl FnMut(Fate, u64)) {
        for bit in 0..16 {
            self.flushed_bit(bit, &mut tell);
        }
    }

    fn flushed_bit(&mut self, bit: usize, mut tell: impl FnMut(Fate, u64)) {
        self.stages[bit] = match self.stages[bit] {
            Stage::Open => Stage::Kept,
            Stage::Cleared => Stage::Idle,
            other => return self.stages[bit] = other,
        };
        tell(Fate::Kept, std::mem::take(&mut self.waiting[bit]));
    }

    /// An instruction ran at CPL 3 under `pcid`.
    pub fn user_ran(&mut self, pcid: u16, mut tell: impl FnMut(Fate, u64)) {
        let Some(bit) = user_bit(pcid) else {
            return;
        };
        let (next, fate, requests) = match self.stages[bit] {
            Stage::Open => (Stage::Counted, Fate::Late, std::mem::take(&mut self.waiting[bit])),
            Stage::Cleared => (Stage::Idle, Fate::Lost, std::mem::take(&mut self.waiting[bit])),
            Stage::Kept => (Stage::Counted, Fate::Leftover, 1),
            Stage::Idle | Stage::Counted => return,
        };
        self.stages[bit] = next;
        tell(fate, requests);
    }
}

/// The bit of the mask for a user PCID.
fn user_bit(pcid: u16) -> Option<usize> {
    let bit = pcid ^ USER_PCID;
    (bit < 16).then_some(usize::from(bit))
}

fn bits(mask: u16) -> impl Iterator<Item = usize> {
    (0..16).filter(move |bit| mask >> bit & 1 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a story for PCID 1 and returns the fates in order: `s` sets the bit, `S` sets it again, `c` clears it, `f`
    /// flushes PCID 0x801, `F` flushes all, `o` flushes another PCID, `u` runs user mode under 0x801, `k` runs user
    /// mode under PCID 1.
    fn fates(story: &str) -> String {
        let mut flushes = PendingFlushes::new(0);
        let mut fates = Vec::new();
        for event in story.chars() {
            let tell = |fate, requests| fates.extend((0..requests).map(|_| fate));
            match event {
                's' => flushes.written(1 << 1, tell),
                'S' => flushes.set_again(1, tell),
                'c' => flushes.written(0, tell),
                'f' => flushes.flushed(0x801, tell),
                'F' => flushes.flushed_all(tell),
                'o' => flushes.flushed(0x802, tell),
                'u' => flushes.user_ran(0x801, tell),
                _ => flushes.user_ran(1, tell),
            }
        }
        fates.iter().map(|fate| format!("{fate:?} ")).collect::<String>().trim_end().to_owned()
    }

    #[test]
    fn each_request_has_its_fate() {
        let cases = [
            // SWITCH_TO_USER_CR3: BTR, CR3 write with flush, user mode.
            ("scfu", "Requested Kept"),
            ("sFcu", "Requested Kept"),
            // Form B2 flushes and leaves the bit set.
            ("sfu", "Requested Kept Leftover"),
            ("sfuuu", "Requested Kept Leftover"),
            ("sfucfu", "Requested Kept Leftover"),
            ("scu", "Requested Lost"),
            ("scou", "Requested Lost"),
            ("scuf", "Requested Lost"),
            ("su", "Requested Late"),
            ("suu", "Requested Late"),
            ("sucfu", "Requested Late"),
            ("sou", "Requested Late"),
            // User mode under the kernel's PCID uses no translation of the user PCID.
            ("sk", "Requested"),
            ("sck", "Requested"),
            // Set again before the flush: one flush keeps both.
            ("scsfc", "Requested Requested Kept Kept"),
            ("scscu", "Requested Requested Lost Lost"),
            ("ss", "Requested"),
            // Set again while it waits: the same request. After its flush: another one.
            ("sSfcu", "Requested Kept"),
            ("sfSfcu", "Requested Kept Requested Kept"),
            ("sfuScfu", "Requested Kept Leftover Requested Kept"),
            ("sfuScu", "Requested Kept Leftover Requested Lost"),
            ("suSu", "Requested Late Requested Late"),
            ("fu", ""),
        ];
        for (story, expected) in cases {
            assert_eq!(fates(story), expected, "{story}");
        }
    }

    #[test]
    fn bits_set_before_have_no_fate_of_their_own() {
        let mut flushes = PendingFlushes::new(1 << 1);
        let mut told = Vec::new();
        flushes.flushed(0x801, |fate, requests| told.push((fate, requests)));
        assert_eq!(told, [(Fate::Kept, 0)]);
        assert!(!flushes.is_idle());
    }
}
