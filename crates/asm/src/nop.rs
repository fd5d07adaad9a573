//! The no-operations that GNU `as` fills code with.

/// No-operations of 1 to 11 bytes, the set of the generic x86-64 (`alt_patt` in gas/config/tc-i386.c).
const NOPS: [&[u8]; 11] = [
    &[0x90],
    &[0x66, 0x90],
    &[0x0F, 0x1F, 0x00],
    &[0x0F, 0x1F, 0x40, 0x00],
    &[0x0F, 0x1F, 0x44, 0x00, 0x00],
    &[0x66, 0x0F, 0x1F, 0x44, 0x00, 0x00],
    &[0x0F, 0x1F, 0x80, 0x00, 0x00, 0x00, 0x00],
    &[0x0F, 0x1F, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
    &[0x66, 0x0F, 0x1F, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
    &[0x66, 0x2E, 0x0F, 0x1F, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
    &[0x66, 0x66, 0x2E, 0x0F, 0x1F, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
];

/// A jump skips more full-length no-operations than this.
const MAX_NOPS: usize = 7;

/// Appends `length` bytes that do nothing.
pub(super) fn fill(out: &mut Vec<u8>, length: usize) {
    let mut left = length;
    if length / NOPS.len() > MAX_NOPS {
        left -= jump_over(out, length);
    }
    while left > 0 {
        let nop = NOPS[left.min(NOPS.len()) - 1];
        out.extend_from_slice(nop);
        left -= nop.len();
    }
}

/// Appends a jump to the end of the `length` bytes that it begins, and returns the jump's own length.
fn jump_over(out: &mut Vec<u8>, length: usize) -> usize {
    if length - 2 <= 127 {
        out.extend_from_slice(&[0xEB, (length - 2) as u8]);
        return 2;
    }
    out.push(0xE9);
    out.extend_from_slice(&((length - 5) as u32).to_le_bytes());
    5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_exactly_and_jumps_over_long_runs() {
        for length in 0..600 {
            let mut out = Vec::new();
            fill(&mut out, length);
            assert_eq!(out.len(), length);
            let first = out.first().copied();
            let jump = match length {
                0..=87 => None,
                88..=129 => Some(0xEB),
                _ => Some(0xE9),
            };
            assert_eq!(first.filter(|byte| matches!(byte, 0xEB | 0xE9)), jump, "{length}");
        }
    }
}
