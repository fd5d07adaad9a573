//! Lookup and walk, each step over every state of few entries, against the rules in words.

use super::super::tests::rights::ACCESSES;
use super::super::{Controls, LA57, PAE, PCIDE, PG, Reading, StaleRights, WP};
use super::*;

const CONTROLS: Controls = Controls {
    cr0: PG | WP,
    cr3: 0x2001,
    cr4: PAE | PGE | PCIDE,
    no_execute_enable: true,
    long_mode_active: true,
    long_code: true,
    alignment_check_flag: false,
    cpl: 3,
    has_pcid: true,
    has_invpcid: true,
    has_lam: false,
    physical_address_bits: 46,
};

const FIVE_LEVELS: Controls = Controls { cr3: 0x1001, cr4: CONTROLS.cr4 | LA57, ..CONTROLS };

/// Index 1 at each level of the tables.
const LINEAR: u64 = 1 << 48 | 1 << 39 | 1 << 30 | 1 << 21 | 1 << 12;
/// The same with 48 translated bits.
const LINEAR_48: u64 = LINEAR ^ 1 << 48;
const ALL: Rights = Rights { writable: true, user: true, execute_disable: false };
const NONE: Rights = Rights { writable: false, user: false, execute_disable: true };
const LEVELS: [u32; 4] = [39, 30, 21, 12];

fn model(controls: Controls) -> Model {
    Model::new(controls, Reading::Min)
}

/// All ways to choose one of `count` for each of `places`.
fn choices(count: usize, places: u32) -> impl Iterator<Item = Vec<usize>> {
    (0..count.pow(places)).map(move |state| (0..places).map(|place| state / count.pow(place) % count).collect())
}

/// The address of a table whose entries span 2^`shift` bytes.
fn table(shift: u32) -> u64 {
    0x1000 * u64::from((57 - shift) / 9)
}

fn slot(shift: u32) -> u64 {
    table(shift) + 8
}

fn bits(rights: Rights) -> u64 {
    let bit = |set: bool, bit: u64| if set { bit } else { 0 };
    bit(rights.writable, WRITABLE) | bit(rights.user, USER) | bit(rights.execute_disable, EXECUTE_DISABLE)
}

fn any_rights(state: usize) -> Rights {
    Rights { writable: state & 1 != 0, user: state & 2 != 0, execute_disable: state & 4 != 0 }
}

/// Rule 2.1: for each of the three levels no entry, one that serves, one of another PCID, one of another address, or
/// one without rights. The walk starts at the deepest that serves.
#[test]
fn a_walk_starts_at_the_deepest_entry_that_serves() {
    let mut starts = [0; 5];
    for (state, la57) in choices(5, 3).flat_map(|state| [false, true].map(|la57| (state.clone(), la57))) {
        let mut model = model(if la57 { FIVE_LEVELS } else { CONTROLS });
        for (shift, choice) in [21, 30, 39].into_iter().zip(&state) {
            let entry = structure(1, LINEAR, shift, table(shift - 9), ALL);
            let region = entry.region ^ 1 << shift;
            model.structures.extend(match choice {
                0 => None,
                1 => Some(entry),
                2 => Some(Structure { pcid: 2, ..entry }),
                3 => Some(Structure { region, ..entry }),
                _ => Some(structure(1, LINEAR, shift, table(shift - 9), NONE)),
            });
        }
        let served = [21, 30, 39].into_iter().zip(&state).find(|(_, choice)| **choice == 1);
        let expected = match served {
            Some((shift, _)) => (shift - 9, table(shift - 9), ALL),
            None if la57 => (48, table(48), ALL),
            None => (39, table(39), ALL),
        };
        for kind in ACCESSES {
            assert_eq!(start(&model, LINEAR, kind, Accessor::User), expected, "{state:?} {kind:?}");
        }
        starts[(expected.0 as usize - 12) / 9] += 1;
    }
    assert_eq!(starts, [50, 40, 32, 64, 64]);
}

/// Rule 2.1: an entry that is absent, has a reserved bit, names a table or has PS set, at each level: 256 paths.
#[test]
fn a_walk_ends_at_the_first_entry_that_ends_it() {
    let mut ends = [0; 3];
    for state in choices(4, 4) {
        let mut model = model(CONTROLS);
        for (shift, choice) in LEVELS.into_iter().zip(&state) {
            let next = if shift == 12 { 0x9000 } else { table(shift - 9) };
            let entry = [0, 1 << 50 | next | 7, next | 7, 0x4000_0000 | LARGE | 7][*choice];
            model.memory.insert(slot(shift), entry);
        }
        // PS is reserved in a PML4E, and PAT in a PTE.
        let end = LEVELS.into_iter().zip(&state).find_map(|(shift, choice)| match (choice, shift) {
            (0, _) => Some(Err(Why::NotPresent)),
            (1, _) | (3, 39) => Some(Err(Why::ReservedBit)),
            (3, _) | (2, 12) => Some(Ok(shift)),
            _ => None,
        });
        let found = descend(&model, LINEAR_48, Access::Read, Accessor::User);
        let found = found.map(|path| path.used[path.used.len() - 1].1);
        assert_eq!(Some(found), end, "{state:?}");
        ends[match found {
            Ok(_) => 0,
            Err(Why::NotPresent) => 1,
            _ => 2,
        }] += 1;
    }
    assert_eq!(ends, [22, 85, 149]);
}

/// Rule 2.2: all rights at all four levels, 4096 paths. Each structure entry has the rights down to its own level.
#[test]
fn rights_accumulate_down_the_levels() {
    for state in choices(8, 4) {
        let mut model = model(CONTROLS);
        for (shift, choice) in LEVELS.into_iter().zip(&state) {
            let next = if shift == 12 { 0x9000 } else { table(shift - 9) };
            model.memory.insert(slot(shift), next | bits(any_rights(*choice)) | PRESENT);
        }
        let down_to = |count: usize| Rights {
            writable: state[..count].iter().all(|it| any_rights(*it).writable),
            user: state[..count].iter().all(|it| any_rights(*it).user),
            execute_disable: state[..count].iter().any(|it| any_rights(*it).execute_disable),
        };
        let path = descend(&model, LINEAR_48, Access::Read, Accessor::User).expect("all are present");
        assert_eq!(path.rights, down_to(4), "{state:?}");
        let expected = [(39, 1), (30, 2), (21, 3)]
            .map(|(shift, count)| structure(1, LINEAR_48, shift, table(shift - 9), down_to(count)));
        assert_eq!(path.structures, expected, "{state:?}");
    }
}

/// Rule 2.1: with LA57 the walk reads a PML5E first; it has no PS, and nothing caches it.
#[test]
fn five_levels() {
    for (entry, expected) in [(0x2007, Ok(4)), (0x2087, Err(Why::ReservedBit)), (0, Err(Why::NotPresent))] {
        let mut model = model(FIVE_LEVELS);
        model.memory.insert(slot(48), entry);
        for shift in LEVELS {
            model.memory.insert(slot(shift), if shift == 12 { 0x9007 } else { table(shift - 9) | 7 });
        }
        let found = descend(&model, LINEAR, Access::Read, Accessor::User);
        let found = found.map(|path| {
            assert_eq!(path.structures.iter().map(|it| it.shift).collect::<Vec<_>>(), [39, 30, 21]);
            path.used.len() - 1
        });
        assert_eq!(found, expected, "{entry:#x}");
    }
}

/// Rule 2.3: paths of each length, A and D of each entry, each access.
#[test]
fn accessed_and_dirty() {
    for (length, kind) in (1..=4u32).flat_map(|length| ACCESSES.map(|kind| (length, kind))) {
        for state in choices(4, length) {
            let mut model = model(CONTROLS);
            let used: Vec<_> = LEVELS.into_iter().take(length as usize).map(|shift| (slot(shift), shift)).collect();
            let flags = |state: usize| [0, ACCESSED, DIRTY, ACCESSED | DIRTY][state];
            model.memory.extend(used.iter().zip(&state).map(|((address, _), it)| (*address, flags(*it))));
            let path = Path { used: used.clone(), structures: Vec::new(), rights: ALL };
            set_flags(&mut model, &path, kind);
            for (at, ((address, _), before)) in used.iter().zip(&state).enumerate() {
                let sets_dirty = kind == Access::Write && at + 1 == used.len();
                let expected = flags(*before) | ACCESSED | if sets_dirty { DIRTY } else { 0 };
                assert_eq!(model.quadword(*address), expected, "{state:?} {kind:?} {at}");
            }
        }
    }
}

/// Rules R3, 2.3 and 2.4: D, G and CR4.PGE, for each size of page.
#[test]
fn what_is_cached_of_a_page() {
    for (shift, state) in [12, 21, 30].into_iter().flat_map(|shift| choices(2, 3).map(move |state| (shift, state))) {
        let [dirty, global, pge] = [0, 1, 2].map(|at| state[at] == 1);
        let controls = Controls { cr4: if pge { CONTROLS.cr4 } else { CONTROLS.cr4 & !PGE }, ..CONTROLS };
        let entry = 0x4000_0000 | if dirty { DIRTY } else { 0 } | if global { GLOBAL } else { 0 };
        let found = translation(entry, &controls, LINEAR | 0xabc, shift, NONE);
        let expected = Translation {
            pcid: 1,
            page: LINEAR >> shift << shift,
            shift,
            mapped: shift,
            frame: 0x4000_0000,
            writable: false,
            user: false,
            execute_disable: true,
            dirty,
            global: global && pge,
        };
        assert_eq!(found, expected);
    }
}

/// Rule 2.1: an old entry that differs from the new one in PCID, size or address stays; one that agrees in all three
/// goes. There are 8 states for translations and for structure entries.
#[test]
fn a_new_entry_takes_the_place_of_its_like() {
    for state in choices(2, 3) {
        let [pcid, shift, address] = [0, 1, 2].map(|at| state[at] as u32);
        let new = translation(0x9007, &CONTROLS, LINEAR, 12, ALL);
        let page = new.page ^ u64::from(address) << 30;
        let old = Translation { pcid: 1 + pcid as u16, shift: 12 + 9 * shift, page, frame: 0x8000, ..new };
        let structure_new = structure(1, LINEAR, 21, 0x5000, ALL);
        let region = structure_new.region ^ u64::from(address) << 30;
        let structure_old =
            Structure { pcid: 1 + pcid as u16, shift: 21 + 9 * shift, region, table: 0x6000, ..structure_new };
        let mut model = model(CONTROLS);
        model.translations.insert(old);
        model.structures.insert(structure_old);
        cache(&mut model, vec![structure_new], new);
        let stays = state.contains(&1);
        assert!(model.translations.contains(&new) && model.structures.contains(&structure_new));
        assert_eq!(model.translations.contains(&old), stays, "{state:?}");
        assert_eq!(model.structures.contains(&structure_old), stays, "{state:?}");
    }
}

/// Rules R2 and 2.1, through the whole access: a cached translation that serves, is clean, or forbids; whether the
/// tables allow the access; each access; both responses to rights that are out of date.
#[test]
fn an_access_is_served_by_what_is_cached_or_by_a_walk() {
    let served = |cached: usize, kind| cached == 1 || cached == 2 && kind != Access::Write;
    for (state, kind) in choices(4, 1)
        .flat_map(|it| choices(2, 2).map(move |more| [it.clone(), more].concat()))
        .flat_map(|it| ACCESSES.map(|kind| (it.clone(), kind)))
    {
        let [cached, allowed, faults] = [0, 1, 2].map(|at| state[at]);
        let stale_rights = [StaleRights::WalkAgain, StaleRights::Fault][faults];
        let mut model = Model { stale_rights, ..model(CONTROLS) };
        for shift in LEVELS {
            let rights = bits([NONE, ALL][if shift == 12 { allowed } else { 1 }]);
            model.memory.insert(slot(shift), if shift == 12 { 0x9000 } else { table(shift - 9) } | rights | PRESENT);
        }
        let entry = translation(0x8000 | DIRTY, &CONTROLS, LINEAR_48, 12, ALL);
        let clean = Translation { dirty: false, ..entry };
        let forbids = Translation { writable: false, user: false, execute_disable: true, ..entry };
        model.translations.extend([None, Some(entry), Some(clean), Some(forbids)][cached]);
        let used = model.translations.first().copied();
        let mut other = model.clone();
        if let Some(used) = used {
            let judged = access(&mut other, LINEAR_48, kind, Accessor::User, Some(used));
            assert_eq!(judged, Ok(served(cached, kind).then_some(Outcome::Hit(0x8000))), "{state:?} {kind:?}");
        }
        let found = access(&mut model, LINEAR_48, kind, Accessor::User, None);
        let expected = match () {
            () if served(cached, kind) => Ok(None),
            () if cached == 3 && faults == 1 || allowed == 0 => Err(Why::Rights),
            () => Ok(Some(Outcome::Walked(0x9000))),
        };
        let expected =
            expected.map_err(|why| PageFault { error_code: rules::error_code(&CONTROLS, kind, Accessor::User, why) });
        assert_eq!(found, expected, "{state:?} {kind:?}");
        let left = if served(cached, kind) { 1 } else { usize::from(expected.is_ok()) };
        assert_eq!(model.translations.len(), left, "{state:?} {kind:?}");
    }
}

/// Rule 1.3: without paging an address is a physical one of 32 bits, and no cached entry serves it.
#[test]
fn without_paging_nothing_is_translated() {
    let mut model = model(Controls { cr0: 0, long_mode_active: false, ..CONTROLS });
    for kind in ACCESSES {
        let found = access(&mut model, 1 << 40 | 0x1234, kind, Accessor::User, None);
        assert_eq!(found, Ok(Some(Outcome::Walked(0x1234))));
        let used = translation(0x8000 | DIRTY, &CONTROLS, 0x1000, 12, ALL);
        assert_eq!(access(&mut model, 0x1234, kind, Accessor::User, Some(used)), Ok(None));
    }
}
