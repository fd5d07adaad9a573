//! How deep in handlers a run is.

use iced_x86::Mnemonic;

/// The handlers that have not returned, outermost first.
///
/// A handler has returned when an IRET restores the stack pointer and privilege level that it interrupted, wherever RIP
/// then points (a fix-up may move it), or when control is back at CPL 3. The IRET of a nested NMI that only arranges a
/// repeat therefore ends the nested one, and the IRET to `repeat_nmi` ends none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Nest {
    frames: Vec<Frame>,
}

/// What a handler interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// RSP of the interrupted code.
    pub stack: u64,
    /// Its privilege level.
    pub cpl: u8,
}

impl Nest {
    /// Handlers that have not returned.
    pub fn depth(&self) -> usize {
        self.frames.len()
    }

    /// What each of them interrupted.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// An event interrupted `frame`.
    pub(super) fn entered(&mut self, frame: Frame) {
        self.frames.push(frame);
    }

    /// An instruction retired and left RSP and CPL as in `now`.
    pub(super) fn retired(&mut self, mnemonic: Mnemonic, now: Frame) {
        if now.cpl == 3 {
            self.frames.clear();
        } else if is_iret(mnemonic)
            && let Some(returned) = self.frames.iter().rposition(|&frame| frame == now)
        {
            self.frames.truncate(returned);
        }
    }
}

/// IRET in any operand size.
pub(crate) fn is_iret(mnemonic: Mnemonic) -> bool {
    matches!(mnemonic, Mnemonic::Iret | Mnemonic::Iretd | Mnemonic::Iretq)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: Frame = Frame { stack: 0x1000, cpl: 0 };
    const IN_NMI: Frame = Frame { stack: 0x2000, cpl: 0 };
    const USER: Frame = Frame { stack: 0x7000, cpl: 3 };

    fn nest(frames: &[Frame]) -> Nest {
        Nest { frames: frames.to_vec() }
    }

    #[test]
    fn handlers_return_by_iret_to_what_they_interrupted() {
        let elsewhere = Frame { stack: 0x1f60, cpl: 0 };
        let cases = [
            ("plain return", vec![TASK], Mnemonic::Iretq, TASK, 0),
            ("nested NMI returns into the first", vec![TASK, IN_NMI], Mnemonic::Iretq, IN_NMI, 1),
            ("iret to repeat_nmi", vec![TASK], Mnemonic::Iretq, elsewhere, 1),
            ("the inner one never returned", vec![TASK, IN_NMI], Mnemonic::Iretq, TASK, 0),
            ("same stack again by POP", vec![TASK], Mnemonic::Pop, TASK, 1),
            ("back to user mode", vec![USER, TASK], Mnemonic::Iretq, USER, 0),
            ("sysret leaves every handler", vec![TASK], Mnemonic::Sysretq, USER, 0),
        ];
        for (story, frames, mnemonic, now, depth) in cases {
            let mut nest = nest(&frames);
            nest.retired(mnemonic, now);
            assert_eq!(nest.depth(), depth, "{story}");
        }
    }
}
