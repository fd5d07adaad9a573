//! The bytes of an instruction: its prefixes and the rest.

/// Whether the byte is a REX prefix.
pub(super) fn is_rex(byte: u8) -> bool {
    byte & 0xf0 == 0x40
}

/// The prefixes at the start of `bytes`.
pub(super) fn prefixes(bytes: &[u8]) -> &[u8] {
    split(bytes).0
}

/// Prefixes, including REX, and the rest.
pub(super) fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let prefix =
        |byte: &u8| is_rex(*byte) || matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3);
    let count = bytes.iter().take_while(|byte| prefix(byte)).count();
    bytes.split_at(count)
}
