//! CR3 of both runs, with its bits by name.

use super::{Value, differing};
use crate::choice::Side;
use crate::glossary::Word;
use crate::moment::{Instant, Moment};
use cr3_core::machine::observe::{ControlAccess, Cr3Flush, Written};

/// A named part of CR3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The bits, for example `11:0`.
    pub bits: &'static str,
    /// What Linux calls them.
    pub name: &'static str,
    /// What the glossary calls them.
    pub word: Word,
    /// Each run, in the form in which people read the part.
    pub values: [Option<String>; 2],
    /// Whether this step changed it, by run.
    pub changed: [bool; 2],
    /// Whether the runs differ.
    pub differs: bool,
}

/// CR3 of both runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cr3 {
    /// The register.
    pub values: [Option<Value>; 2],
    /// Bits in which the runs differ.
    pub differing: u64,
    /// Its parts, highest bit first.
    pub fields: Vec<Field>,
}

/// CR3 at a moment.
#[must_use]
pub fn cr3(moment: &Moment) -> Cr3 {
    let values = Side::BOTH.map(|side| {
        let instant = moment.side(side)?;
        Some(Value::new(instant.after.cpu.cr3, instant.earlier().cpu.cr3))
    });
    let mut fields = vec![no_flush(moment)];
    fields.extend(PARTS.iter().map(|part| part.field(&values)));
    Cr3 { values, differing: differing(&values), fields }
}

/// CR3 never stores bit 63 (SDM vol. 2, MOV to control registers). The current step shows the bit of its operand.
fn no_flush(moment: &Moment) -> Field {
    let values =
        Side::BOTH.map(|side| moment.side(side).map(|instant| written(instant).unwrap_or("not stored").to_owned()));
    let changed = Side::BOTH.map(|side| moment.side(side).and_then(written).is_some());
    Field { bits: "63", name: "no flush", word: Word::NoFlush, differs: values[0] != values[1], values, changed }
}

fn written(instant: &Instant) -> Option<&'static str> {
    let detail = instant.detail.as_ref()?;
    detail.control.iter().find_map(|access| match access {
        ControlAccess::Write { written: Written::Cr3 { flush, .. }, source, .. } => Some(match (flush, source >> 63) {
            (Cr3Flush::NoFlush, _) => "1 in operand",
            (Cr3Flush::Flush, _) => "0 in operand",
        }),
        _ => None,
    })
}

struct Part {
    bits: &'static str,
    name: &'static str,
    word: Word,
    mask: u64,
    read: fn(u64) -> String,
}

const PARTS: [Part; 4] = [
    Part {
        bits: "51:13",
        name: "table pair",
        word: Word::TablePair,
        mask: 0x000f_ffff_ffff_e000,
        read: |value| format!("{:#x}", value & 0x000f_ffff_ffff_e000),
    },
    Part {
        bits: "12",
        name: "user half",
        word: Word::UserHalf,
        mask: 1 << 12,
        read: |value| if value >> 12 & 1 == 1 { "1 user".into() } else { "0 kernel".into() },
    },
    Part {
        bits: "11",
        name: "user PCID",
        word: Word::UserPcid,
        mask: 1 << 11,
        read: |value| (value >> 11 & 1).to_string(),
    },
    Part { bits: "11:0", name: "PCID", word: Word::Pcid, mask: 0xfff, read: |value| format!("{:#05x}", value & 0xfff) },
];

impl Part {
    fn field(&self, values: &[Option<Value>; 2]) -> Field {
        let changed = values.map(|value| {
            value.is_some_and(|value| value.before.is_some_and(|before| (before ^ value.now) & self.mask != 0))
        });
        Field {
            bits: self.bits,
            name: self.name,
            word: self.word,
            values: values.map(|value| value.map(|value| (self.read)(value.now))),
            changed,
            differs: differing(values) & self.mask != 0,
        }
    }
}
