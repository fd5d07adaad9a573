//! The caches of processors. Each part names its source and its doubts.
//!
//! TLB;DR: Tatar, Trujillo, Giuffrida, Bos, "TLB;DR: Enhancing TLB-based Attacks with TLB Desynchronized Reverse
//! Engineering", USENIX Security 2022, and its repository vusec/tlbdr @ d93516d3. CPUID: raw registers in InstLatx64 @ 087af2c7,
//! descriptors of leaf 2 by the table in SDM vol. 2, leaf 18H by SDM vol. 2, leaves 80000005H, 80000006H and 80000019H by the AMD APM
//! vol. 3 appendix E.
//!
//! The sizes of paging-structure caches are published nowhere. They are free parameters, the same for all processors.

use super::super::PageSize::{self, Size1G, Size2M, Size4K};
use super::{Array, Hierarchy, Index, Level, Replacement, Retained, Second};

/// All processors in the order in which they were sold: Intel, then AMD.
pub static PROCESSORS: [&Hierarchy; 8] =
    [&SANDY_BRIDGE, &HASWELL, &SKYLAKE, &ICE_LAKE, &GOLDEN_COVE, &ZEN_2, &ZEN_3, &ZEN_4];

const ALL_STAY: Retained = Retained { flush: usize::MAX, no_flush: usize::MAX };
const STRUCTURES: [usize; 3] = [32, 4, 2];

const SMALL: &[PageSize] = &[Size4K];
const MEDIUM: &[PageSize] = &[Size2M];
const LARGE: &[PageSize] = &[Size1G];
const SMALL_AND_MEDIUM: &[PageSize] = &[Size4K, Size2M];
const ANY: &[PageSize] = &[Size4K, Size2M, Size1G];

/// Indexed by the low bits, replaced by tree. TLB;DR found this in most of Intel's arrays.
const fn array(sizes: &'static [PageSize], sets: usize, ways: usize) -> Array {
    Array { sizes, sets, ways, index: Index::Linear, replacement: Replacement::TreePlru }
}

/// For arrays whose replacement nobody measured, or cannot be a tree.
const fn lru(sizes: &'static [PageSize], sets: usize, ways: usize) -> Array {
    Array { replacement: Replacement::Lru, ..array(sizes, sets, ways) }
}

const fn fully_associative(sizes: &'static [PageSize], entries: usize) -> Array {
    lru(sizes, 1, entries)
}

/// For levels where nobody measured how many PCIDs stay.
const fn level(arrays: &'static [Array]) -> Level {
    Level { arrays, retained: ALL_STAY }
}

/// Intel Sandy Bridge (206A7). CPUID leaf 2 (76035A01H, B0H, CAH).
pub static SANDY_BRIDGE: Hierarchy = Hierarchy {
    name: "Sandy Bridge",
    doubts: "another dump has 64 entries for fetches (leaf 2, B2H), as if halved between threads; linear index and replacement by \
             tree are those of Ivy Bridge (TLB;DR); how many PCIDs stay was not measured, so all do; 1-GByte pages are not cached",
    data: level(&[array(SMALL, 16, 4), array(MEDIUM, 8, 4)]),
    stores: None,
    fetches: level(&[array(SMALL, 32, 4), array(MEDIUM, 1, 8)]),
    second: Second::Shared(level(&[array(SMALL, 128, 4)])),
    structures: STRUCTURES,
};

/// Intel Haswell (306C3). CPUID leaf 2 (76036301H, B5H, C1H); replacement from the presets of TLB;DR.
pub static HASWELL: Hierarchy = Hierarchy {
    name: "Haswell",
    doubts: "no descriptor tells the 2-MByte entries of the first level, they are taken from Skylake; how many PCIDs stay was not \
             measured, so all do",
    data: level(&[array(SMALL, 16, 4), array(MEDIUM, 8, 4), array(LARGE, 1, 4)]),
    stores: None,
    fetches: level(&[array(SMALL, 8, 8), array(MEDIUM, 1, 8)]),
    second: Second::Shared(level(&[array(SMALL_AND_MEDIUM, 128, 8)])),
    structures: STRUCTURES,
};

/// Intel Skylake and Kaby Lake (506E3, 906EA). 4-KByte entries, hash, replacement and PCIDs: TLB;DR, measured on Kaby Lake. 2-MByte
/// and 1-GByte entries: CPUID leaf 2 (76036301H, B5H, C3H).
pub static SKYLAKE: Hierarchy = Hierarchy {
    name: "Skylake",
    doubts: "CPUID says 6 ways for the second level, 12 were measured; replacement of 2-MByte and 1-GByte entries was not measured; the \
             measured number of PCIDs that stay is read as: beside the current one, and global translations stay",
    data: Level {
        arrays: &[array(SMALL, 16, 4), array(MEDIUM, 8, 4), array(LARGE, 1, 4)],
        retained: Retained { flush: 0, no_flush: 0 },
    },
    stores: None,
    fetches: Level {
        arrays: &[array(SMALL, 16, 8), array(MEDIUM, 1, 8)],
        retained: Retained { flush: 1, no_flush: 3 },
    },
    second: Second::Shared(Level {
        arrays: &[
            Array {
                sizes: SMALL_AND_MEDIUM,
                sets: 128,
                ways: 12,
                index: Index::Xor7,
                replacement: Replacement::NextGroupPlru4,
            },
            array(LARGE, 4, 4),
        ],
        retained: Retained { flush: 4, no_flush: 4 },
    }),
    structures: STRUCTURES,
};

/// The second level of Ice Lake and Golden Cove. CPUID leaf 18H has one array for 4-KByte and 2-MByte pages and one for 4-KByte and
/// 1-GByte pages, 1024 entries and 8 ways each.
const SECOND_OF_ICE_LAKE: Second =
    Second::Shared(level(&[lru(SMALL, 128, 16), lru(MEDIUM, 128, 8), lru(LARGE, 128, 8)]));

/// Intel Ice Lake (706E5). CPUID leaf 18H.
pub static ICE_LAKE: Hierarchy = Hierarchy {
    name: "Ice Lake",
    doubts: "CPUID lists only 8 entries for fetches, the 128 that are commonly named have no source; in the second level each page size \
             has ways of its own here, while 4-KByte pages share both arrays with large ones; replacement and how many PCIDs stay were \
             not measured: least recently used, and all",
    data: level(&[lru(SMALL, 16, 4), lru(MEDIUM, 8, 4), fully_associative(LARGE, 8)]),
    stores: Some(level(&[fully_associative(ANY, 16)])),
    fetches: level(&[lru(SMALL, 16, 8), fully_associative(MEDIUM, 8)]),
    second: SECOND_OF_ICE_LAKE,
    structures: STRUCTURES,
};

/// Intel Golden Cove (Alder Lake 90672, Sapphire Rapids 806F8). CPUID leaf 18H.
pub static GOLDEN_COVE: Hierarchy = Hierarchy {
    name: "Golden Cove",
    doubts: "CPUID lists 64 entries for loads, Intel's talks 96; in the second level each page size has ways of its own here, while \
             4-KByte pages share both arrays with large ones; replacement and how many PCIDs stay were not measured: least recently \
             used, and all; Linux turns PCIDs off on Alder Lake for an erratum of INVLPG",
    data: level(&[lru(SMALL, 16, 4), lru(MEDIUM, 8, 4), fully_associative(LARGE, 8)]),
    stores: Some(level(&[fully_associative(ANY, 16)])),
    fetches: level(&[lru(SMALL, 32, 8), lru(MEDIUM, 4, 8)]),
    second: SECOND_OF_ICE_LAKE,
    structures: STRUCTURES,
};

/// AMD Zen 2 (870F10). CPUID leaves 80000005H (FF40FF40H) and 80000006H (48006400H, 68006400H).
pub static ZEN_2: Hierarchy = Hierarchy {
    name: "Zen 2",
    doubts: "no PCIDs; CPUID says 8 ways and 1024 entries for fetches in the second level, WikiChip 12 ways and 512; whether 4-KByte and \
             2-MByte pages share entries there is not known, here they do not; replacement was not measured: least recently used; the \
             second level breaks 1-GByte pages up, here it does not hold them",
    data: level(&[fully_associative(ANY, 64)]),
    stores: None,
    fetches: level(&[fully_associative(ANY, 64)]),
    second: Second::Split {
        data: level(&[lru(SMALL, 256, 8), lru(MEDIUM, 512, 4)]),
        fetches: level(&[lru(SMALL, 128, 8), lru(MEDIUM, 128, 8)]),
    },
    structures: STRUCTURES,
};

/// The second level for fetches of Zen 3 and Zen 4. CPUID leaf 80000006H (...2200H, ...4200H).
const SECOND_FETCHES_OF_ZEN_3: Level = level(&[lru(SMALL, 128, 4), lru(MEDIUM, 256, 2)]);

/// AMD Zen 3 (A20F12, A50F00; Milan A00F11). CPUID leaves 80000006H (48002200H, 68004200H) and 80000019H (F040F040H, F0400000H).
pub static ZEN_3: Hierarchy = Hierarchy {
    name: "Zen 3",
    doubts: "only the server parts have PCIDs; whether 4-KByte and 2-MByte pages share entries in the second level is not known, here they \
             do not; replacement and how many PCIDs stay were not measured: least recently used, and all",
    data: level(&[fully_associative(ANY, 64)]),
    stores: None,
    fetches: level(&[fully_associative(ANY, 64)]),
    second: Second::Split {
        data: level(&[lru(SMALL, 256, 8), lru(MEDIUM, 512, 4), fully_associative(LARGE, 64)]),
        fetches: SECOND_FETCHES_OF_ZEN_3,
    },
    structures: STRUCTURES,
};

/// AMD Zen 4 (A60F12; Genoa A10F11). CPUID leaves 80000005H (FF48FF40H) and 80000006H (5C002200H, 6C004200H).
pub static ZEN_4: Hierarchy = Hierarchy {
    name: "Zen 4",
    doubts: "only the server parts have PCIDs; CPUID gives the ways of the second level for data as classes, 12 and 6 are the numbers that \
             make 3072 entries of a power of two of sets; 1-GByte entries are those of Zen 3; replacement and how many PCIDs stay were \
             not measured: least recently used, and all",
    data: level(&[fully_associative(ANY, 72)]),
    stores: None,
    fetches: level(&[fully_associative(ANY, 64)]),
    second: Second::Split {
        data: level(&[lru(SMALL, 256, 12), lru(MEDIUM, 512, 6), fully_associative(LARGE, 64)]),
        fetches: SECOND_FETCHES_OF_ZEN_3,
    },
    structures: STRUCTURES,
};

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(hierarchy: &Hierarchy) -> Vec<(&'static str, &Level)> {
        let mut levels = vec![("data", &hierarchy.data), ("fetches", &hierarchy.fetches)];
        levels.extend(hierarchy.stores.as_ref().map(|stores| ("stores", stores)));
        match &hierarchy.second {
            Second::Shared(second) => levels.push(("second", second)),
            Second::Split { data, fetches } => levels.extend([("second data", data), ("second fetches", fetches)]),
        }
        levels
    }

    fn size(size: PageSize) -> &'static str {
        match size {
            Size4K => "4K",
            Size2M => "2M",
            Size1G => "1G",
        }
    }

    fn summary(hierarchy: &Hierarchy) -> String {
        let mut text = format!("{}\n", hierarchy.name);
        for (name, level) in levels(hierarchy) {
            let arrays = level.arrays.iter().map(|array| {
                let sizes: Vec<_> = array.sizes.iter().map(|it| size(*it)).collect();
                format!("{} {}x{}", sizes.join("+"), array.sets, array.ways)
            });
            text += &format!("  {name}: {}\n", arrays.collect::<Vec<_>>().join(", "));
        }
        text
    }

    #[test]
    fn sets_and_ways_of_every_processor() {
        let text: String = PROCESSORS.into_iter().map(summary).collect();
        expect_test::expect![[r#"
            Sandy Bridge
              data: 4K 16x4, 2M 8x4
              fetches: 4K 32x4, 2M 1x8
              second: 4K 128x4
            Haswell
              data: 4K 16x4, 2M 8x4, 1G 1x4
              fetches: 4K 8x8, 2M 1x8
              second: 4K+2M 128x8
            Skylake
              data: 4K 16x4, 2M 8x4, 1G 1x4
              fetches: 4K 16x8, 2M 1x8
              second: 4K+2M 128x12, 1G 4x4
            Ice Lake
              data: 4K 16x4, 2M 8x4, 1G 1x8
              fetches: 4K 16x8, 2M 1x8
              stores: 4K+2M+1G 1x16
              second: 4K 128x16, 2M 128x8, 1G 128x8
            Golden Cove
              data: 4K 16x4, 2M 8x4, 1G 1x8
              fetches: 4K 32x8, 2M 4x8
              stores: 4K+2M+1G 1x16
              second: 4K 128x16, 2M 128x8, 1G 128x8
            Zen 2
              data: 4K+2M+1G 1x64
              fetches: 4K+2M+1G 1x64
              second data: 4K 256x8, 2M 512x4
              second fetches: 4K 128x8, 2M 128x8
            Zen 3
              data: 4K+2M+1G 1x64
              fetches: 4K+2M+1G 1x64
              second data: 4K 256x8, 2M 512x4, 1G 1x64
              second fetches: 4K 128x4, 2M 256x2
            Zen 4
              data: 4K+2M+1G 1x72
              fetches: 4K+2M+1G 1x64
              second data: 4K 256x12, 2M 512x6, 1G 1x64
              second fetches: 4K 128x4, 2M 256x2
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn every_array_can_be_indexed_and_replaced() {
        for (hierarchy, (_, level)) in
            PROCESSORS.into_iter().flat_map(|it| levels(it).into_iter().map(move |l| (it, l)))
        {
            for array in level.arrays {
                assert!(array.sets.is_power_of_two(), "{}", hierarchy.name);
                let ways = match array.replacement {
                    Replacement::TreePlru => array.ways.is_power_of_two() && array.ways <= 8,
                    Replacement::NextGroupPlru4 => array.ways.is_multiple_of(4),
                    Replacement::Lru => array.ways <= usize::from(u8::MAX),
                };
                assert!(ways, "{}: {array:?}", hierarchy.name);
            }
            let sizes: Vec<_> = level.arrays.iter().flat_map(|array| array.sizes).collect();
            assert!(sizes.is_sorted_by(|a, b| a != b), "{}: a size has two arrays", hierarchy.name);
        }
    }
}
