use super::*;
use expect_test::{Expect, expect};
use std::fmt::Write;

const FEATURES: Features = Features { pti: true, pcid: true, invpcid: true, fsgsbase: true, nx: true, sev_es: true };

/// A leaf with the rights of all levels: address, physical address, size, rights.
type Leaf = (u64, u64, u64, String);

/// Every leaf below `table`, found only by walking.
fn leaves(memory: &Memory, table: u64, level: u32, base: u64, above: u64, found: &mut Vec<Leaf>) {
    for index in 0..512 {
        let value = memory.read_u64(table + index * 8);
        if value & entry::PRESENT == 0 {
            continue;
        }
        let linear = base | index << (12 + 9 * (level - 1));
        let denied = above | value & entry::EXECUTE_DISABLE | !value & (entry::WRITABLE | entry::USER);
        if level > 1 && value & entry::LARGE == 0 {
            leaves(memory, value & entry::ADDRESS, level - 1, linear, denied, found);
        } else {
            let linear = (linear << 16).cast_signed() >> 16;
            let size = at::PAGE << (9 * (level - 1));
            found.push((linear.cast_unsigned(), value & entry::ADDRESS, size, rights(value, denied)));
        }
    }
}

fn rights(leaf: u64, denied: u64) -> String {
    let flag = |shown: bool, letter: char| if shown { letter } else { '-' };
    [
        flag(denied & entry::USER == 0, 'u'),
        flag(denied & entry::WRITABLE == 0, 'w'),
        flag(denied & entry::EXECUTE_DISABLE == 0, 'x'),
        flag(leaf & entry::GLOBAL != 0, 'g'),
    ]
    .into_iter()
    .collect()
}

/// One line per run of consecutive pages with the same rights.
fn describe(features: Features, root: u64) -> String {
    let mut memory = Memory::new();
    build(&mut memory, features);
    let mut found = Vec::new();
    leaves(&memory, root, 4, 0, 0, &mut found);
    let mut text = String::new();
    let mut rest = found.as_slice();
    while let Some((linear, physical, size, rights)) = rest.first() {
        let follows = |(index, leaf): (u64, &Leaf)| {
            *leaf == (linear + index * size, physical + index * size, *size, rights.clone())
        };
        let count = (0..).zip(rest).take_while(|&pair| follows(pair)).count();
        writeln!(text, "{linear:016x} {rights} {count:2} x {:4}K at {physical:07x}", size >> 10).expect("a String");
        rest = &rest[count..];
    }
    text
}

fn check(features: Features, root: u64, expected: Expect) {
    expected.assert_eq(&describe(features, root));
}

#[test]
fn user_half_maps_user_memory_and_what_entry_and_exit_need() {
    check(
        FEATURES,
        USER_ROOT,
        expect![[r#"
        0000000000401000 u-x-  1 x    4K at 3000000
        0000000000404000 uw--  3 x    4K at 3010000
        00007fffffffb000 uw--  4 x    4K at 3020000
        ffff888003c02000 -w--  1 x    4K at 3c02000
        fffffe0000000000 ---g  1 x    4K at 3050000
        fffffe0000001000 ---g  1 x    4K at 3c01000
        fffffe0000002000 -w-g  1 x    4K at 3c03000
        fffffe0000003000 ---g  1 x    4K at 3c02000
        fffffe0000005000 -w-g  2 x    4K at 3c04000
        fffffe0000008000 -w-g  2 x    4K at 3c06000
        fffffe000000b000 -w-g  2 x    4K at 3c08000
        fffffe000000e000 -w-g  2 x    4K at 3c0a000
        fffffe0000011000 -w-g  2 x    4K at 3c0c000
        fffffe0000014000 -w-g  2 x    4K at 3c0e000
        ffffffff82000000 --xg  1 x 2048K at 2000000
    "#]],
    );
}

#[test]
fn kernel_half_maps_everything_and_forbids_execution_of_user_memory() {
    check(
        FEATURES,
        KERNEL_ROOT,
        expect![[r#"
        0000000000401000 u---  1 x    4K at 3000000
        0000000000404000 uw--  3 x    4K at 3010000
        00007fffffffb000 uw--  4 x    4K at 3020000
        ffff888000000000 -w-- 32 x 2048K at 0000000
        ffffc90000004000 -w--  4 x    4K at 3030000
        ffffc90000010000 -w--  8 x    4K at 3040000
        fffffe0000000000 ---g  1 x    4K at 3050000
        fffffe0000001000 ---g  1 x    4K at 3c01000
        fffffe0000002000 -w-g  1 x    4K at 3c03000
        fffffe0000003000 ---g  1 x    4K at 3c02000
        fffffe0000005000 -w-g  2 x    4K at 3c04000
        fffffe0000008000 -w-g  2 x    4K at 3c06000
        fffffe000000b000 -w-g  2 x    4K at 3c08000
        fffffe000000e000 -w-g  2 x    4K at 3c0a000
        fffffe0000011000 -w-g  2 x    4K at 3c0c000
        fffffe0000014000 -w-g  2 x    4K at 3c0e000
        ffffffff81000000 --x-  1 x 2048K at 1000000
        ffffffff82000000 --xg  1 x 2048K at 2000000
        ffffffff82400000 -w--  1 x 2048K at 2400000
    "#]],
    );
}

#[test]
fn without_isolation_there_is_one_half_and_kernel_translations_are_global() {
    check(
        Features { pti: false, ..FEATURES },
        KERNEL_ROOT,
        expect![[r#"
        0000000000401000 u-x-  1 x    4K at 3000000
        0000000000404000 uw--  3 x    4K at 3010000
        00007fffffffb000 uw--  4 x    4K at 3020000
        ffff888000000000 -w-g 32 x 2048K at 0000000
        ffffc90000004000 -w-g  4 x    4K at 3030000
        ffffc90000010000 -w-g  8 x    4K at 3040000
        fffffe0000000000 ---g  1 x    4K at 3050000
        fffffe0000001000 ---g  1 x    4K at 3c01000
        fffffe0000002000 -w-g  1 x    4K at 3c03000
        fffffe0000003000 ---g  1 x    4K at 3c02000
        fffffe0000005000 -w-g  2 x    4K at 3c04000
        fffffe0000008000 -w-g  2 x    4K at 3c06000
        fffffe000000b000 -w-g  2 x    4K at 3c08000
        fffffe000000e000 -w-g  2 x    4K at 3c0a000
        fffffe0000011000 -w-g  2 x    4K at 3c0c000
        fffffe0000014000 -w-g  2 x    4K at 3c0e000
        ffffffff81000000 --xg  1 x 2048K at 1000000
        ffffffff82000000 --xg  1 x 2048K at 2000000
        ffffffff82400000 -w-g  1 x 2048K at 2400000
    "#]],
    );
    assert_eq!(describe(Features { pti: false, ..FEATURES }, USER_ROOT), "");
}

#[test]
fn without_nx_no_entry_forbids_execution() {
    for root in [KERNEL_ROOT, USER_ROOT] {
        let with = describe(FEATURES, root);
        let without = describe(Features { nx: false, ..FEATURES }, root);
        let executable = |line: &str| line.as_bytes().get(19) == Some(&b'x');
        assert!(with.lines().any(|line| !executable(line)));
        assert!(without.lines().all(executable), "{without}");
    }
}

#[test]
fn without_sev_es_the_stacks_of_vc_are_missing_and_nothing_else() {
    let missing = [IstStack::Vc, IstStack::Vc2].map(|stack| format!("{:016x}", stack.bottom()));
    for root in [KERNEL_ROOT, USER_ROOT] {
        let (with, without) = (describe(FEATURES, root), describe(Features { sev_es: false, ..FEATURES }, root));
        let (of_vc, rest): (Vec<_>, Vec<_>) =
            with.lines().partition(|line| missing.iter().any(|start| line.starts_with(start.as_str())));
        assert_eq!(of_vc.len(), 2);
        assert_eq!(without.lines().collect::<Vec<_>>(), rest);
    }
}

#[test]
fn pcids_and_fsgsbase_do_not_change_the_tables() {
    let plain = Features { pcid: false, invpcid: false, fsgsbase: false, ..FEATURES };
    for root in [KERNEL_ROOT, USER_ROOT] {
        assert_eq!(describe(plain, root), describe(FEATURES, root));
    }
}

#[test]
fn user_mode_starts_on_the_user_half_with_its_pcid() {
    let cases =
        [(true, true, 0x10_1801), (true, false, 0x10_1000), (false, true, 0x10_0001), (false, false, 0x10_0000)];
    for (pti, pcid, expected) in cases {
        assert_eq!(user_cr3(Features { pti, pcid, ..FEATURES }), expected, "pti {pti}, pcid {pcid}");
    }
}

#[test]
fn fixmap_entries_are_where_the_walk_reads_them() {
    let mut memory = Memory::new();
    build(&mut memory, FEATURES);
    let pages = (0..=at::NMI_CONTEXTS).map(|active| at::FIXMAP_GHES_IRQ - active * at::PAGE);
    for (page, active) in pages.clone().zip(0..) {
        let entry = leaf_entry_address(at::FIXMAP_TABLE, at::FIXMAP_GHES_IRQ) - 8 * active;
        assert_eq!(entry, leaf_entry_address(at::FIXMAP_TABLE, page));
        memory.write_u64(at::image_physical(entry), at::GHES_RECORD_PHYSICAL | kernel_data_bits(FEATURES));
    }
    let mut found = Vec::new();
    leaves(&memory, KERNEL_ROOT, 4, 0, 0, &mut found);
    for page in pages {
        let expected = (page, at::GHES_RECORD_PHYSICAL, at::PAGE, "-w--".to_owned());
        assert!(found.contains(&expected), "{page:x}");
    }
}
