//! Debug exceptions: breakpoints by DR0-DR3, single-stepping by TF (SDM vol. 3B 17.2, 17.3.1).
//!
//! A hit sets bits of [`super::super::cpu::Events::debug_pending`], in the layout of DR6. #DB is delivered after the
//! instruction; the shadow of MOV SS holds it back for one more.

use crate::Cpu;
use crate::cpu::Shadow;
use crate::observe::AccessKind;
use crate::rflags::RF;

/// DR6.BD: a MOV touched a debug register while DR7.GD was set.
pub const BD: u64 = 1 << 13;
/// DR6.BS: single step.
pub const BS: u64 = 1 << 14;
/// DR7.GD: MOV to and from debug registers faults.
pub const GENERAL_DETECT: u64 = 1 << 13;
/// Bits of DR6 that software can write; the others are fixed.
pub const DR6_WRITABLE: u64 = 0xe00f;
/// Bits of DR6 that always read as one (SDM vol. 3B 17.2.3).
pub const DR6_FIXED: u64 = 0xffff_0ff0;
/// Bits of DR7 that software can write.
pub const DR7_WRITABLE: u64 = 0xffff_23ff;
/// Bit 10 of DR7 always reads as one.
pub const DR7_FIXED: u64 = 1 << 10;

/// Place of DR6 and DR7 in [`Cpu::debug`].
pub const DR6: usize = 4;
/// See [`DR6`].
pub const DR7: usize = 5;

/// What a breakpoint waits for: R/W field of DR7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Execute,
    Write,
    InputOutput,
    ReadWrite,
}

/// One breakpoint as DR7 describes it.
struct Breakpoint {
    hit: u64,
    address: u64,
    condition: Condition,
    length: u64,
}

/// The enabled breakpoints.
fn breakpoints(cpu: &Cpu) -> impl Iterator<Item = Breakpoint> {
    let control = cpu.debug[DR7];
    let addresses = [cpu.debug[0], cpu.debug[1], cpu.debug[2], cpu.debug[3]];
    (0u32..4).zip(addresses).filter_map(move |(number, address)| {
        let enabled = control >> (2 * number) & 3 != 0;
        enabled.then(|| Breakpoint {
            hit: 1 << number,
            address,
            condition: match control >> (16 + 4 * number) & 3 {
                0 => Condition::Execute,
                1 => Condition::Write,
                2 => Condition::InputOutput,
                _ => Condition::ReadWrite,
            },
            length: [1, 2, 8, 4][(control >> (18 + 4 * number) & 3) as usize],
        })
    })
}

/// Whether a breakpoint is enabled.
#[inline]
pub fn armed(cpu: &Cpu) -> bool {
    cpu.debug[DR7] & 0xff != 0
}

/// Notes the data breakpoints that an access of `size` bytes hits. A breakpoint's address is aligned down to its
/// length.
#[inline]
pub fn watch(cpu: &mut Cpu, linear: u64, size: u8, kind: AccessKind) {
    if armed(cpu) {
        cpu.events.debug_pending |= data_hits(cpu, linear, size, kind);
    }
}

#[cold]
fn data_hits(cpu: &Cpu, linear: u64, size: u8, kind: AccessKind) -> u64 {
    let wanted = |condition| match kind {
        AccessKind::Write => matches!(condition, Condition::Write | Condition::ReadWrite),
        AccessKind::Read => condition == Condition::ReadWrite,
        AccessKind::Execute => false,
    };
    breakpoints(cpu)
        .filter(|breakpoint| {
            let start = breakpoint.address & !(breakpoint.length - 1);
            let before_end = linear.wrapping_sub(start) < breakpoint.length;
            let reaches_start = start.wrapping_sub(linear) < u64::from(size);
            wanted(breakpoint.condition) && (before_end || reaches_start)
        })
        .fold(0, |hits, breakpoint| hits | breakpoint.hit)
}

/// The instruction breakpoints at RIP. RF suspends them. `shadow` does too right after MOV SS or POP SS, as if RF were
/// set (SDM vol. 3B 17.3.1.1).
#[inline]
pub fn instruction_hits(cpu: &Cpu, shadow: Shadow) -> u64 {
    let suspended = cpu.rflags & RF != 0 || shadow == Shadow::MovSs;
    if armed(cpu) && !suspended { execute_hits(cpu) } else { 0 }
}

#[cold]
fn execute_hits(cpu: &Cpu) -> u64 {
    breakpoints(cpu)
        .filter(|breakpoint| breakpoint.condition == Condition::Execute && breakpoint.address == cpu.rip)
        .fold(0, |hits, breakpoint| hits | breakpoint.hit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testbed;

    fn with_breakpoint(address: u64, condition: u64, length: u64) -> Cpu {
        let mut cpu = testbed::machine().cpu;
        cpu.debug[1] = address;
        cpu.debug[DR7] = 1 << 2 | condition << 20 | length << 22;
        cpu
    }

    #[test]
    fn data_breakpoints_hit_where_ranges_meet() {
        // Four bytes at 0x1003 count as 0x1000..0x1004.
        for (linear, size, hit) in
            [(0xfff, 1, 0), (0xfff, 2, 2), (0x1000, 1, 2), (0x1003, 1, 2), (0x1004, 1, 0), (0xff8, 8, 0), (0xff9, 8, 2)]
        {
            let cpu = with_breakpoint(0x1003, 1, 3);
            assert_eq!(data_hits(&cpu, linear, size, AccessKind::Write), hit, "{linear:#x}");
            assert_eq!(data_hits(&cpu, linear, size, AccessKind::Read), 0, "write only");
            let cpu = with_breakpoint(0x1003, 3, 3);
            assert_eq!(data_hits(&cpu, linear, size, AccessKind::Read), hit, "{linear:#x}");
        }
    }

    #[test]
    fn instruction_breakpoints_hit_the_first_byte_and_heed_rf() {
        let mut cpu = with_breakpoint(0x1003, 0, 0);
        for (rip, rflags, hit) in [(0x1003, 2, 2), (0x1002, 2, 0), (0x1003, 2 | RF, 0)] {
            (cpu.rip, cpu.rflags) = (rip, rflags);
            assert_eq!(instruction_hits(&cpu, Shadow::None), hit);
            assert_eq!(instruction_hits(&cpu, Shadow::Sti), hit);
            assert_eq!(instruction_hits(&cpu, Shadow::MovSs), 0);
        }
        cpu.debug[DR7] = 0;
        cpu.rflags = 2;
        assert_eq!(instruction_hits(&cpu, Shadow::None), 0, "not enabled");
    }
}
