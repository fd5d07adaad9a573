//! docs/TRUST.md says who vouches for each field, with numbers that other tests assert.

use cr3_core::trust::{Counted, FIELDS, Field, Voucher};

const DOCUMENT: &str = include_str!("../../../docs/TRUST.md");

const FOLLOWED: [&str; 7] = [
    "random instructions in random states, natively",
    "Linux without injection, natively",
    "presets in every form, natively",
    "one injection into Linux, natively",
    "routines that no run reaches, natively",
    "an IRET to user mode that faults, natively",
    "presets in every form, in a browser",
];

/// Column of [`FOLLOWED`], over all rows.
fn sum(column: usize) -> u64 {
    FOLLOWED.iter().map(|row| cr3_testing::numbers(row)[column]).sum()
}

fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

fn compared(field: &Field) -> String {
    match (field.counted, field.voucher) {
        (Counted::Steps, _) => format!("{} steps", with_commas(sum(1))),
        (Counted::Faults, _) => format!("{} faults", with_commas(sum(2))),
        (Counted::Deliveries, _) => format!("{} deliveries", with_commas(sum(3))),
        (Counted::Tests, Voucher::SecondTlbModel) => {
            let operations = cr3_testing::numbers("random operations on both models of the TLB")[0];
            format!("{} operations", with_commas(operations))
        }
        (Counted::Tests, Voucher::GnuAs) => {
            let instructions = cr3_testing::numbers("fixed instructions with the bytes of GNU as")[0];
            format!("{} instructions, and random ones", with_commas(instructions))
        }
        (Counted::Tests, Voucher::LinuxSources) => "walked in lockstep and run, where the sources are".to_owned(),
        (Counted::Tests, _) => "–".to_owned(),
    }
}

#[test]
fn the_document_has_each_field() {
    let rows = FIELDS.iter().map(|field| {
        let Field { name, voucher, unchecked, .. } = field;
        format!("| {name} | {} | {} | {unchecked} |\n", voucher.name(), compared(field))
    });
    let rows: String = rows.collect();
    assert!(DOCUMENT.contains(&rows), "docs/TRUST.md ought to have\n{rows}");
}
