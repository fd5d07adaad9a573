//! Memory against a map of bytes, and what clones share.

use super::*;
use crate::testbed;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
enum Operation {
    Write(u64, Vec<u8>),
    /// Keep a clone to compare with later.
    Clone,
}

/// Addresses at the ends of pages and of tables, at every height of the tree.
fn address() -> impl Strategy<Value = u64> {
    let page = prop_oneof![
        0..4u64,
        62..66u64,
        4094..4098u64,
        (1 << 18) - 1..(1 << 18) + 2u64,
        Just((1 << 30) + 5),
        Just((1u64 << 40) - 1)
    ];
    (page, prop_oneof![0..16u64, 4080..4096u64]).prop_map(|(page, offset)| page << PAGE_SHIFT | offset)
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => (address(), proptest::collection::vec(0..3u8, 1..40)).prop_map(|(at, bytes)| Operation::Write(at, bytes)),
        1 => Just(Operation::Clone),
    ]
}

type Model = BTreeMap<u64, u8>;

fn write_model(model: &mut Model, at: u64, bytes: &[u8]) {
    for (address, byte) in (at..).zip(bytes).filter(|(address, _)| address >> PHYSICAL_BITS == 0) {
        if *byte == 0 {
            model.remove(&address);
        } else {
            model.insert(address, *byte);
        }
    }
}

fn changed_pages(left: &Model, right: &Model) -> Vec<u64> {
    let addresses: BTreeSet<_> = left.keys().chain(right.keys()).collect();
    let differing = addresses.into_iter().filter(|address| left.get(address) != right.get(address));
    let pages: BTreeSet<_> = differing.map(|address| address & !(PAGE_SIZE as u64 - 1)).collect();
    pages.into_iter().collect()
}

proptest! {
    #[test]
    fn memory_holds_what_was_written_and_clones_stay_apart(
        operations in proptest::collection::vec(operation(), 1..40),
        probes in proptest::collection::vec(address(), 1..20),
    ) {
        let mut memory = Memory::new();
        let mut model = Model::new();
        let mut clones = vec![(memory.clone(), model.clone())];
        for operation in operations {
            match operation {
                Operation::Write(at, bytes) => {
                    memory.write_bytes(at, &bytes);
                    write_model(&mut model, at, &bytes);
                }
                Operation::Clone => clones.push((memory.clone(), model.clone())),
            }
        }
        clones.push((memory, model));
        for (memory, model) in &clones {
            for at in &probes {
                let byte = |offset: u64| model.get(&(at + offset)).copied().unwrap_or(0);
                let bytes: [u8; 8] = std::array::from_fn(|index| byte(index as u64));
                prop_assert_eq!(memory.read_u64(*at), u64::from_le_bytes(bytes));
                let word = |offset: u64| u64::from_le_bytes(std::array::from_fn(|index| byte(offset + index as u64)));
                prop_assert_eq!(memory.read_words(*at), [0, 8, 16].map(word));
                let start = at & !(PAGE_SIZE as u64 - 1);
                let page: [u8; PAGE_SIZE] =
                    std::array::from_fn(|index| model.get(&(start + index as u64)).copied().unwrap_or(0));
                prop_assert_eq!(memory.page_bytes(*at), &page);
                for size in 1..=8 {
                    let mask = u64::MAX >> (64 - 8 * u32::from(size));
                    prop_assert_eq!(memory.read(*at, size), u64::from_le_bytes(bytes) & mask);
                }
            }
            for (other, other_model) in &clones {
                prop_assert_eq!(memory == other, model == other_model);
                prop_assert_eq!(memory.differences(other), changed_pages(model, other_model));
            }
        }
    }
}

#[test]
fn pages_are_told_in_order_and_only_once() {
    let mut memory = Memory::new();
    for physical in [0x40_0000_0000, 0x1000, 0x41000, 0x1fff] {
        memory.write_u8(physical, 1);
    }
    let pages: Vec<_> = memory.pages().map(|(physical, bytes)| (physical, bytes.iter().sum::<u8>())).collect();
    assert_eq!(pages, [(0x1000, 2), (0x41000, 1), (0x40_0000_0000, 1)]);
}

#[test]
fn a_page_of_zeros_equals_one_that_was_never_written() {
    let mut memory = Memory::new();
    memory.write_u64(0x12_3456_7000, 0);
    assert_eq!(memory, Memory::new());
    assert_eq!(Memory::new(), memory);
    assert_eq!(memory.differences(&Memory::new()), []);
}

#[test]
fn beyond_the_last_physical_address_there_is_nothing() {
    let mut memory = Memory::new();
    memory.write_u64((1 << PHYSICAL_BITS) - 4, u64::MAX);
    memory.write_u64(1 << PHYSICAL_BITS, u64::MAX);
    memory.write_u64(u64::MAX - 2, u64::MAX);
    assert_eq!(memory.read_u64((1 << PHYSICAL_BITS) - 4), u64::from(u32::MAX));
    assert_eq!(memory.read_u64(1 << PHYSICAL_BITS), 0);
    assert_eq!(memory.read_u64(u64::MAX - 2), 0);
    assert_eq!(memory.pages().count(), 1);
}

#[test]
fn equal_clones_and_one_write_share_all_other_pages() {
    let mut memory = Memory::new();
    for page in 0..500u64 {
        memory.write_u64(page << PAGE_SHIFT, page + 1);
    }
    let mut copy = memory.clone();
    copy.write_u64(77 << PAGE_SHIFT, 0);
    let same = |number: u64| {
        let (left, right) = (memory.page(number << PAGE_SHIFT), copy.page(number << PAGE_SHIFT));
        left.zip(right).is_some_and(|(left, right)| std::ptr::eq(left, right))
    };
    let own: Vec<_> = (0..500).filter(|number| !same(*number)).collect();
    assert_eq!(own, [77]);
    assert_eq!(memory.differences(&copy), [77 << PAGE_SHIFT]);
}

/// Tables and pages that `memory` does not share with `other`.
fn own(memory: &Node, other: Option<&Node>) -> usize {
    if other.is_some_and(|other| shared(memory, other)) {
        return 0;
    }
    match (memory, other) {
        (Node::Absent, _) => 0,
        (Node::Page(_), _) => 1,
        (Node::Table(table), other) => {
            let twin = |index: usize| match other {
                Some(Node::Table(other)) => Some(&other.children[index]),
                _ => None,
            };
            1 + table.children.iter().enumerate().map(|(index, child)| own(child, twin(index))).sum::<usize>()
        }
    }
}

/// A clone costs one more holder of the root. A write to it costs the path to one page, however many pages there are.
#[test]
fn a_clone_costs_the_same_whatever_the_size_of_memory() {
    const LAST: u64 = 1 << (20 + PAGE_SHIFT);
    for (pages, allocations) in [(1, 5), (10, 17), (10_000, 10_165)] {
        let mut machine = testbed::machine();
        machine.memory = Memory::new();
        machine.memory.write_u64(LAST, 1);
        (1..pages).for_each(|page| machine.memory.write_u64(page << PAGE_SHIFT, page));
        assert_eq!(machine.memory.pages().count() as u64, pages);
        assert_eq!(own(&machine.memory.root, None), allocations, "tables and pages of {pages}");
        let mut copy = machine.clone();
        assert!(shared(&copy.memory.root, &machine.memory.root), "the clone of {pages} pages has a root of its own");
        copy.memory.write_u64(LAST, 2);
        assert_eq!(own(&copy.memory.root, Some(&machine.memory.root)), 5, "one path of {pages} pages");
        assert_eq!(machine.memory.differences(&copy.memory), [LAST]);
    }
}
