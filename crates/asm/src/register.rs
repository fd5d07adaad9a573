//! Registers by name.

/// Width of an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Width {
    B,
    W,
    L,
    Q,
}

impl Width {
    pub(super) fn bits(self) -> u32 {
        match self {
            Self::B => 8,
            Self::W => 16,
            Self::L => 32,
            Self::Q => 64,
        }
    }

    /// The letter that marks the width at the end of a mnemonic.
    pub(super) fn suffix(self) -> char {
        match self {
            Self::B => 'b',
            Self::W => 'w',
            Self::L => 'l',
            Self::Q => 'q',
        }
    }

    pub(super) fn of_suffix(suffix: char) -> Option<Self> {
        match suffix {
            'b' => Some(Self::B),
            'w' => Some(Self::W),
            'l' => Some(Self::L),
            'q' => Some(Self::Q),
            _ => None,
        }
    }
}

/// The register file of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    General(Width),
    /// AH, CH, DH, BH: numbers 4 to 7, never with a REX prefix.
    High,
    Segment,
    Control,
    Debug,
    /// RIP or EIP, in addresses only.
    Instruction(Width),
}

/// A register: its file and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Register {
    pub(super) class: Class,
    pub(super) number: u8,
}

impl Register {
    /// The width of a general-purpose register.
    pub(super) fn width(self) -> Option<Width> {
        match self.class {
            Class::General(width) => Some(width),
            Class::High => Some(Width::B),
            _ => None,
        }
    }

    /// SPL, BPL, SIL, DIL: without REX their numbers mean AH, CH, DH, BH.
    pub(super) fn needs_rex(self) -> bool {
        self.class == Class::General(Width::B) && (4..8).contains(&self.number)
    }
}

const LEGACY: [&str; 8] = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"];
const SEGMENTS: [&str; 6] = ["es", "cs", "ss", "ds", "fs", "gs"];

/// The register `name`, without `%`, in lower case.
pub(super) fn register(name: &str) -> Option<Register> {
    let position = |names: &[&str], name: &str| names.iter().position(|other| *other == name).map(|at| at as u8);
    let made = |class, number| Some(Register { class, number });
    if let Some(number) = position(&SEGMENTS, name) {
        return made(Class::Segment, number);
    }
    if let Some(number) = position(&LEGACY, name) {
        return made(Class::General(Width::W), number);
    }
    if let Some(number) = position(&["al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"], name) {
        return made(Class::General(Width::B), number);
    }
    if let Some(number) = position(&["ah", "ch", "dh", "bh"], name) {
        return made(Class::High, number + 4);
    }
    match name {
        "rip" => return made(Class::Instruction(Width::Q), 0),
        "eip" => return made(Class::Instruction(Width::L), 0),
        _ => {}
    }
    let (kind, rest) = name.split_at_checked(1)?;
    match (kind, position(&LEGACY, rest)) {
        ("r", Some(number)) => made(Class::General(Width::Q), number),
        ("e", Some(number)) => made(Class::General(Width::L), number),
        ("r", None) => numbered(rest),
        ("c", _) => made(Class::Control, small_number(rest.strip_prefix('r')?)?),
        ("d", _) => made(Class::Debug, small_number(rest.strip_prefix(['r', 'b'])?)?),
        _ => None,
    }
}

/// R8 to R15 and their parts, without the leading `r`.
fn numbered(rest: &str) -> Option<Register> {
    let (digits, width) = match rest.chars().last()? {
        'b' => (&rest[..rest.len() - 1], Width::B),
        'w' => (&rest[..rest.len() - 1], Width::W),
        'd' => (&rest[..rest.len() - 1], Width::L),
        _ => (rest, Width::Q),
    };
    let number = small_number(digits).filter(|number| *number >= 8)?;
    Some(Register { class: Class::General(width), number })
}

/// 0 to 15, without leading zeros.
fn small_number(digits: &str) -> Option<u8> {
    let plain = !digits.is_empty() && digits.len() <= 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = plain && (digits.len() == 1 || !digits.starts_with('0'));
    canonical.then(|| digits.parse().ok()).flatten().filter(|number| *number < 16)
}

/// Names of registers, as a person may have meant or may want them, without `%`.
pub(crate) fn names() -> impl Iterator<Item = String> {
    let prefixed = |prefix: &'static str| LEGACY.iter().map(move |name| format!("{prefix}{name}"));
    let numbered = (8..16).flat_map(|n| ["", "d", "w", "b"].map(move |suffix| format!("r{n}{suffix}")));
    let small = ["al", "bl", "cl", "dl", "ah", "bh", "ch", "dh", "spl", "bpl", "sil", "dil", "rip"];
    prefixed("r")
        .chain(prefixed("e"))
        .chain(prefixed(""))
        .chain(numbered)
        .chain(small.into_iter().chain(SEGMENTS).map(String::from))
        .chain([0, 2, 3, 4, 8].map(|n| format!("cr{n}")))
        .chain([0, 1, 2, 3, 6, 7].map(|n| format!("dr{n}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_is_a_register_and_slips_are_not() {
        assert_eq!(names().filter(|name| register(name).is_none()).count(), 0);
        assert_eq!(names().count(), 24 + 32 + 13 + 6 + 5 + 6);
        for slip in ["", "r", "r16", "r7", "r08", "raxx", "cr16", "cr", "dr99", "eaz", "xmm0", "é"] {
            assert_eq!(register(slip), None, "{slip}");
        }
    }
}
