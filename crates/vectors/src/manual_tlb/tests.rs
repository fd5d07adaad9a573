//! The rules, each over every state that it distinguishes, against tables written from the manual's words.

use super::rules::{self, *};
use super::*;

pub(super) mod rights;

const OWN: u16 = 1;
const OTHER: u16 = 2;
const LINEAR: u64 = 0x1234_5678;

const BASE: Controls = Controls {
    cr0: PG | WP,
    cr3: OWN as u64,
    cr4: PAE | PGE | PCIDE,
    no_execute_enable: true,
    long_mode_active: true,
    long_code: true,
    alignment_check_flag: false,
    cpl: 0,
    has_pcid: true,
    has_invpcid: true,
    has_lam: false,
    physical_address_bits: 46,
};

const BOTH: [bool; 2] = [false, true];

fn when(set: bool, bits: u64) -> u64 {
    if set { bits } else { 0 }
}

fn controls(pcide: bool, pge: bool) -> Controls {
    let cr3 = when(pcide, OWN.into());
    Controls { cr3, cr4: PAE | when(pcide, PCIDE) | when(pge, PGE), ..BASE }
}

fn cached(pcid: u16, global: bool, covers: bool) -> Translation {
    let page = if covers { LINEAR & !0xfff } else { 0xabc_d000 };
    Translation {
        pcid,
        page,
        shift: 12,
        mapped: 12,
        frame: 0x5000,
        writable: true,
        user: true,
        execute_disable: false,
        dirty: false,
        global,
    }
}

fn cached_structure(pcid: u16, covers: bool) -> Structure {
    let region = if covers { LINEAR & !0x1f_ffff } else { 0xabc0_0000 };
    Structure { pcid, region, shift: 21, table: 0x7000, writable: true, user: true, execute_disable: false }
}

/// Which of eight translations and four structure entries a rule names, as two words: `x` for those it names. The order
/// is: of the page, then not of it; under the PCID, then under another; for translations, non-global before global.
fn named(pcid: u16, translation: impl Fn(&Translation) -> bool, structure: impl Fn(&Structure) -> bool) -> String {
    let mark = |named| if named { 'x' } else { '.' };
    let tags = [(true, pcid), (true, OTHER), (false, pcid), (false, OTHER)];
    let translations = BOTH.into_iter().flat_map(|global| tags.map(|(covers, tag)| cached(tag, global, covers)));
    let translations: String = translations.map(|entry| mark(translation(&entry))).collect();
    let structures: String = tags.map(|(covers, tag)| mark(structure(&cached_structure(tag, covers)))).iter().collect();
    format!("{translations} {structures}")
}

#[test]
fn the_current_pcid_is_cr3_11_0_or_0() {
    for pcid in 0..0x1000 {
        let controls = Controls { cr3: 0xabc_d000 | u64::from(pcid), ..BASE };
        assert_eq!(controls.current_pcid(), pcid);
        assert_eq!(Controls { cr4: controls.cr4 & !PCIDE, ..controls }.current_pcid(), 0);
    }
}

/// Rule R3. In each word: own and other PCID of the page, both not of it; not global, then global.
#[test]
fn what_may_be_used() {
    let cases = [
        (false, false, "x...x... x..."),
        (false, true, "x...xx.. x..."),
        (true, false, "x...x... x..."),
        (true, true, "x...xx.. x..."),
    ];
    for (pcide, pge, expected) in cases {
        let controls = controls(pcide, pge);
        let pcid = controls.current_pcid();
        let used = named(
            pcid,
            |entry| may_be_used(&controls, LINEAR, entry),
            |entry| structure_may_be_used(&controls, LINEAR, entry),
        );
        assert_eq!(used, expected, "PCIDE={pcide} PGE={pge}");
        let dropped = named(
            pcid,
            |entry| page_fault_drops(&controls, LINEAR, entry),
            |entry| page_fault_drops_structure(&controls, LINEAR, entry),
        );
        assert_eq!(dropped, expected, "rule 1.7, PCIDE={pcide} PGE={pge}");
    }
}

/// Rule R2: all 64 states of present, accessed, dirty, a reserved bit, PS and no-execute, at each level.
#[test]
fn what_may_be_cached() {
    for (shift, state) in [12, 21, 30, 39, 48].into_iter().flat_map(|shift| (0..64).map(move |state| (shift, state))) {
        let has = |bit: u32| state >> bit & 1 != 0;
        let entry = when(has(0), PRESENT)
            | when(has(1), ACCESSED)
            | when(has(2), 1 << 6)
            | when(has(3), 1 << 50)
            | when(has(4), LARGE)
            | when(has(5), EXECUTE_DISABLE);
        let expected = has(0) && has(1) && !has(3) && !(has(4) && shift >= 39);
        assert_eq!(may_be_cached(&BASE, entry, shift), expected, "{entry:#x} at {shift}");
        let without = Controls { no_execute_enable: false, ..BASE };
        assert_eq!(may_be_cached(&without, entry, shift), expected && !has(5), "{entry:#x} at {shift}, NXE=0");
    }
}

/// Rules R2 and 2.1, tables 4-15 to 4-20: every single bit, at every level, with and without PS and no-execute.
#[test]
fn reserved_bits() {
    let none: &[u32] = &[];
    let of_level = |shift: u32, large: bool| match (shift, large) {
        (39 | 48, _) => vec![7],
        (30, true) => (13..30).collect(),
        (21, true) => (13..21).collect(),
        _ => none.to_vec(),
    };
    for (shift, large, nxe) in
        [12, 21, 30, 39, 48].into_iter().flat_map(|s| BOTH.into_iter().flat_map(move |l| BOTH.map(|n| (s, l, n))))
    {
        let controls = Controls { no_execute_enable: nxe, ..BASE };
        let expected: Vec<u32> = of_level(shift, large).into_iter().chain(46..52).chain((!nxe).then_some(63)).collect();
        let found = reserved(&controls, when(large, LARGE), shift);
        let found: Vec<u32> = (0..64).filter(|bit| found >> bit & 1 != 0).collect();
        assert_eq!(found, expected, "shift {shift}, PS={large}, NXE={nxe}");
    }
}

/// Rule 1.1, faults: every single bit of the source, under every PCIDE, LAM and CPL.
#[test]
fn mov_to_cr3_checks() {
    let states =
        BOTH.into_iter().flat_map(|pcide| BOTH.into_iter().flat_map(move |lam| BOTH.map(|user| (pcide, lam, user))));
    for (pcide, has_lam, user) in states {
        let controls = Controls { has_lam, cpl: when(user, 3) as u8, ..controls(pcide, true) };
        let legal: Vec<u32> = (0..64).filter(|bit| !mov_to_cr3_faults(&controls, 1 << bit)).collect();
        let above = [(has_lam, 61), (has_lam, 62), (pcide, 63)];
        let mut expected: Vec<u32> = (0..46).collect();
        expected.extend(above.iter().filter(|(free, _)| *free).map(|(_, bit)| bit));
        assert_eq!(legal, if user { Vec::new() } else { expected }, "PCIDE={pcide} LAM={has_lam} CPL 3={user}");
    }
}

/// Rule 1.1, removals: the PCID of the source, whichever is current.
#[test]
fn mov_to_cr3() {
    let no_flush = NO_FLUSH;
    let cases = [
        (true, OWN, 0, "x.x..... x.x."),
        (true, OTHER, 0, ".x.x.... .x.x"),
        (true, 3, 0, "........ ...."),
        (true, OWN, no_flush, "........ ...."),
        (true, OTHER, no_flush, "........ ...."),
        (false, 0, 0, "x.x..... x.x."),
        (false, OTHER, 0, "x.x..... x.x."),
        (false, 0x18, 0, "x.x..... x.x."),
    ];
    for ((pcide, pcid, bit_63, expected), pge) in cases.into_iter().flat_map(|case| BOTH.map(|pge| (case, pge))) {
        let controls = controls(pcide, pge);
        let source = bit_63 | 0x4000 | u64::from(pcid);
        let dropped = named(
            controls.current_pcid(),
            |entry| mov_to_cr3_drops(&controls, source, entry),
            |entry| mov_to_cr3_drops_structure(&controls, source, entry),
        );
        assert_eq!(dropped, expected, "PCIDE={pcide} source {source:#x}");
    }
}

/// Rule 1.2, faults: PCIDE set under every state it depends on, and each change of the paging mode.
#[test]
fn mov_to_cr4_checks() {
    let supported = PAE | PGE | PCIDE | SMEP | SMAP | LA57;
    for state in 0..32u32 {
        let has = |bit: u32| state >> bit & 1 != 0;
        let (pcid, long, zero, user) = (has(0), has(1), has(2), has(3));
        let was = when(has(4), PCIDE);
        for (bits, toggles_mode) in [(0, false), (PGE, false), (SMEP, false), (PAE, true), (LA57, true)] {
            let cr3 = 0x4000 | when(!zero, 0x800);
            let before = Controls { has_pcid: pcid, long_mode_active: long, cpl: when(user, 3) as u8, cr3, ..BASE };
            let before = Controls { cr4: PAE | was, ..before };
            let source = (PAE | PCIDE) ^ bits;
            let sets_pcide = was == 0;
            let expected = user || (sets_pcide && !(pcid && long && zero)) || (toggles_mode && long);
            assert_eq!(mov_to_cr4_faults(&before, source, supported), expected, "{before:x?} to {source:#x}");
        }
    }
    for bit in 0..64 {
        let clears_mode = bit == 5 || bit == 12;
        let unsupported = supported >> bit & 1 == 0;
        let source = BASE.cr4 ^ 1 << bit;
        assert_eq!(mov_to_cr4_faults(&BASE, source, supported), unsupported || clears_mode, "bit {bit}");
    }
}

/// Rule 1.2, removals: each pair of values of the five bits, 1024 in all.
#[test]
fn mov_to_cr4() {
    let value = |state: u32| {
        let bits = [PGE, PCIDE, SMEP, PAE, SMAP];
        bits.iter().enumerate().map(|(at, bit)| when(state >> at & 1 != 0, *bit)).sum::<u64>()
    };
    let everything = "xxxxxxxx xxxx";
    let current = "x.x.x.x. x.x.";
    let nothing = "........ ....";
    let mut counts = [0; 3];
    for (before, after) in (0..32).flat_map(|before| (0..32).map(move |after| (value(before), value(after)))) {
        let rises = |bit: u64| before & bit == 0 && after & bit != 0;
        let falls = |bit: u64| before & bit != 0 && after & bit == 0;
        let expected = match () {
            () if rises(PGE) || falls(PGE) || falls(PCIDE) => 0,
            () if rises(SMEP) || rises(PAE) || falls(PAE) => 1,
            () => 2,
        };
        counts[expected] += 1;
        let controls = Controls { cr4: before, cr3: when(before & PCIDE != 0, OWN.into()), ..BASE };
        let dropped = named(
            controls.current_pcid(),
            |entry| mov_to_cr4_drops(&controls, after, entry),
            |entry| mov_to_cr4_drops_structure(&controls, after, entry),
        );
        assert_eq!(dropped, [everything, current, nothing][expected], "{before:#x} to {after:#x}");
    }
    assert_eq!(counts, [640, 240, 144]);
}

/// Rule 1.1: both privileges, and CR3 with each of its bits. Bit 63 cannot be stored.
#[test]
fn mov_from_cr3() {
    for (cpl, bit) in [0, 3].into_iter().flat_map(|cpl| (0..64).map(move |bit| (cpl, bit))) {
        let controls = Controls { cpl, cr3: 1 << bit, ..BASE };
        assert_eq!(mov_from_cr3_faults(&controls), cpl != 0);
        assert_eq!(mov_from_cr3_gives(&controls), when(bit < 63, 1 << bit), "bit {bit}");
    }
}

/// Rule 1.3: every single bit changed, under each state of CPL, PG, PCIDE, LMA and CS.L.
#[test]
fn mov_to_cr0() {
    let mut cleared = 0;
    for (bit, state) in (0..64).flat_map(|bit| (0..32u32).map(move |state| (bit, state))) {
        let has = |bit: u32| state >> bit & 1 != 0;
        let (user, paging, pcide, long, code) = (has(0), has(1), has(2), has(3), has(4));
        let cr4 = PAE | when(pcide, PCIDE);
        let cpl = when(user, 3) as u8;
        let cr0 = when(paging, PG);
        let controls = Controls { cpl, cr0, cr4, long_mode_active: long, long_code: code, ..BASE };
        let source = cr0 ^ 1 << bit;
        let clears = bit == 31 && paging;
        let faults = user || bit > 31 || clears && (pcide || long && code);
        assert_eq!(mov_to_cr0_faults(&controls, source), faults, "bit {bit} of {controls:x?}");
        assert_eq!(mov_to_cr0_drops_everything(&controls, source), clears, "bit {bit} of {controls:x?}");
        let mut model = Model::new(controls, Reading::Min);
        model.translations.insert(cached(OTHER, true, false));
        model.structures.insert(cached_structure(OTHER, false));
        assert_eq!(super::mov_to_cr0(&mut model, source).is_err(), faults);
        let goes = clears && !faults;
        cleared += u32::from(goes);
        assert_eq!((model.translations.is_empty(), model.structures.is_empty()), (goes, goes), "bit {bit}");
        assert_eq!(model.controls.long_mode_active, long && (faults || source & PG != 0), "bit {bit} of {controls:x?}");
    }
    assert_eq!(cleared, 3, "of LMA and CS.L not both");
}

/// Rule 1.6: WRMSR needs CPL 0, changes NXE and drops nothing.
#[test]
fn no_execute() {
    for (cpl, before) in [0, 3].into_iter().flat_map(|cpl| BOTH.map(|before| (cpl, before))) {
        let mut model = Model::new(Controls { cpl, no_execute_enable: before, ..BASE }, Reading::Min);
        model.translations.insert(cached(OWN, false, true));
        model.structures.insert(cached_structure(OWN, true));
        assert_eq!(toggle_no_execute(&mut model).is_ok(), cpl == 0);
        assert_eq!(model.controls.no_execute_enable, before != (cpl == 0));
        assert_eq!((model.translations.len(), model.structures.len()), (1, 1));
    }
}

/// Rule 1.4: the page under the own PCID, global under any PCID; every structure entry of the own PCID.
#[test]
fn invlpg() {
    for (pcide, pge) in BOTH.into_iter().flat_map(|pcide| BOTH.map(|pge| (pcide, pge))) {
        let controls = controls(pcide, pge);
        let dropped = named(
            controls.current_pcid(),
            |entry| invlpg_drops(&controls, LINEAR, entry),
            |entry| invlpg_drops_structure(&controls, entry),
        );
        assert_eq!(dropped, "x...xx.. x.x.", "PCIDE={pcide} PGE={pge}");
    }
}

/// Rules 1.4 and 1.5: each bit flipped alone in a low and in a high address, with 4 and with 5 levels.
#[test]
fn canonical_addresses() {
    for ((linear, bit), la57) in [LINEAR, !LINEAR]
        .into_iter()
        .flat_map(|linear| (0..64).map(move |bit| (linear, bit)))
        .flat_map(|it| BOTH.map(|l| (it, l)))
    {
        let controls = Controls { cr4: BASE.cr4 | when(la57, LA57), ..BASE };
        let translated = if la57 { 57 } else { 48 };
        let changed = linear ^ 1 << bit;
        let expected = bit < translated - 1;
        assert_eq!(canonical(&controls, changed), expected, "{changed:#x}, LA57={la57}");
        assert_eq!(invlpg_is_no_operation(&controls, changed), !expected, "{changed:#x}, LA57={la57}");
        let operands = Invpcid { kind: 0, low: 0, high: changed };
        assert_eq!(invpcid_faults(&controls, &operands), !expected, "{changed:#x}, LA57={la57}");
    }
}

/// Rules 1.4, 1.5, 1.7 and 2.4: fragments and whole pages of each size, against each bit of the address, own or other
/// PCID, global or not. An operation on any address of the page removes all its fragments; an access uses only an entry
/// that covers it.
#[test]
fn fragments() {
    let sizes = [(12, 12), (12, 21), (12, 30), (21, 21), (21, 30), (30, 30)];
    let states = sizes.into_iter().flat_map(|size| (0..64).map(move |bit| (size, bit)));
    for ((((shift, mapped), bit), own), global) in
        states.flat_map(|it| BOTH.map(|own| (it, own))).flat_map(|it| BOTH.map(|global| (it, global)))
    {
        let entry = Translation {
            shift,
            mapped,
            page: LINEAR >> shift << shift,
            ..cached(if own { OWN } else { OTHER }, global, true)
        };
        let linear = LINEAR ^ 1 << bit;
        let (covers, of_page) = (bit < shift, bit < mapped);
        let case = format!("{shift} of {mapped}, bit {bit}, own={own}, global={global}");
        assert_eq!(may_be_used(&BASE, linear, &entry), covers && (own || global), "{case}");
        assert_eq!(invlpg_drops(&BASE, linear, &entry), of_page && (own || global), "{case}");
        assert_eq!(page_fault_drops(&BASE, linear, &entry), of_page && (own || global), "{case}");
        let operands = Invpcid { kind: 0, low: OWN.into(), high: linear };
        assert_eq!(invpcid_drops(&operands, &entry), of_page && own && !global, "{case}");
    }
}

/// Rule 1.5, faults: every state of CPL, type, PCID, reserved bits, address and PCIDE.
#[test]
fn invpcid_checks() {
    let kinds = [0, 1, 2, 3, 4, 1 << 32, u64::MAX];
    for (kind, state) in kinds.into_iter().flat_map(|kind| (0..32u32).map(move |state| (kind, state))) {
        let has = |bit: u32| state >> bit & 1 != 0;
        let (user, tagged, reserved, bad_address, pcide) = (has(0), has(1), has(2), has(3), has(4));
        let controls = Controls { cpl: when(user, 3) as u8, ..controls(pcide, true) };
        let low = when(tagged, 5) | when(reserved, 1 << 12);
        let operands = Invpcid { kind, low, high: LINEAR | when(bad_address, 1 << 60) };
        let expected = match kind {
            0 => user || reserved || bad_address || (tagged && !pcide),
            1 => user || reserved || (tagged && !pcide),
            2 | 3 => user || reserved,
            _ => true,
        };
        assert_eq!(invpcid_faults(&controls, &operands), expected, "{operands:x?} {controls:x?}");
    }
    for bit in 0..64 {
        let operands = Invpcid { kind: 1, low: 1 << bit, high: 0 };
        assert_eq!(invpcid_faults(&BASE, &operands), bit >= 12, "descriptor bit {bit}");
    }
}

/// Rule 1.5, removals, for a descriptor that names the own PCID and for one that names another.
#[test]
fn invpcid() {
    let cases = [
        (0, OWN, "x....... x..."),
        (0, OTHER, ".x...... .x.."),
        (1, OWN, "x.x..... x.x."),
        (1, OTHER, ".x.x.... .x.x"),
        (2, OWN, "xxxxxxxx xxxx"),
        (2, OTHER, "xxxxxxxx xxxx"),
        (3, OWN, "xxxx.... xxxx"),
        (3, OTHER, "xxxx.... xxxx"),
    ];
    for (kind, pcid, expected) in cases {
        let operands = Invpcid { kind, low: pcid.into(), high: LINEAR };
        let dropped =
            named(OWN, |entry| invpcid_drops(&operands, entry), |entry| invpcid_drops_structure(&operands, entry));
        assert_eq!(dropped, expected, "type {kind}, PCID {pcid}");
    }
}

/// A page covers its own addresses and no others, whatever its size. A structure entry covers its reach in 57 bits.
#[test]
fn what_an_entry_covers() {
    for (shift, bit) in [12, 21, 30].into_iter().flat_map(|shift| (0..64).map(move |bit| (shift, bit))) {
        let page = Translation { shift, mapped: shift, page: LINEAR >> shift << shift, ..cached(OWN, false, true) };
        assert_eq!(page.covers(LINEAR ^ 1 << bit), bit < shift, "page of {shift} bits, bit {bit}");
    }
    for (shift, bit) in [21, 30, 39].into_iter().flat_map(|shift| (0..64).map(move |bit| (shift, bit))) {
        let region = Structure { shift, region: LINEAR >> shift << shift, ..cached_structure(OWN, true) };
        assert_eq!(region.covers(LINEAR ^ 1 << bit), bit < shift || bit > 56, "reach of {shift} bits, bit {bit}");
    }
}

/// Rule R0: under [`Reading::Max`] an operation that requires no removal removes everything, and one that faults
/// removes nothing.
#[test]
fn readings() {
    let translation = cached(OTHER, true, false);
    let left = |reading, source| {
        let mut model = Model::new(BASE, reading);
        model.translations.insert(translation);
        model.structures.insert(cached_structure(OTHER, false));
        let _ = super::mov_to_cr3(&mut model, source);
        (model.translations.len(), model.structures.len())
    };
    let redundant = NO_FLUSH | 0x4000;
    for (reading, source, expected) in [
        (Reading::Min, redundant, (1, 1)),
        (Reading::Max, redundant, (0, 0)),
        (Reading::Min, 1 << 52, (1, 1)),
        (Reading::Max, 1 << 52, (1, 1)),
    ] {
        assert_eq!(left(reading, source), expected, "{reading:?} {source:#x}");
    }
}
