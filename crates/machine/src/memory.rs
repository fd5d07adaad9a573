//! Sparse physical memory with copy-on-write pages: a clone shares everything.
//!
//! Pages hang in a radix tree of 64-way tables that grows upwards with the highest page written. Tables and pages are
//! shared between clones until one of them writes; a write copies the path to its page and nothing else.

use super::fast::{Notes, Running};
use std::fmt;
use triomphe::Arc;

/// Size of a page of physical memory in bytes.
pub const PAGE_SIZE: usize = 4096;

/// Largest physical address the architecture allows, in bits (SDM vol. 3A 4.1.4: MAXPHYADDR is at most 52).
pub const PHYSICAL_BITS: u32 = 52;

const PAGE_SHIFT: u32 = 12;
const FANOUT_BITS: u32 = 6;
const FANOUT: usize = 1 << FANOUT_BITS;

/// Physical memory of 2^52 bytes. A page is allocated when it is first written; bytes never written read as zero.
/// Beyond 2^52 there is nothing: reads return zero and writes are lost.
///
/// Two memories are equal when all their bytes are, whether or not a page of zeros was ever written.
#[derive(Clone, Default)]
pub struct Memory {
    root: Node,
    /// Levels of tables above the pages. The tree spans 64^height pages.
    height: u32,
    /// No part of the contents. A write to its page drops it.
    pub(crate) running: Running,
}

#[derive(Clone, Default)]
enum Node {
    #[default]
    Absent,
    Table(Arc<Table>),
    Page(Arc<Page>),
}

#[derive(Clone)]
struct Table {
    children: [Node; FANOUT],
}

impl Default for Table {
    fn default() -> Self {
        Self { children: std::array::from_fn(|_| Node::Absent) }
    }
}

/// One page, and notes about its bytes, which a store drops.
struct Page {
    bytes: [u8; PAGE_SIZE],
    notes: Notes,
}

impl Clone for Page {
    // A page is cloned to be written, so the notes stay with the original.
    fn clone(&self) -> Self {
        Self { bytes: self.bytes, notes: Notes::default() }
    }
}

impl Default for Page {
    fn default() -> Self {
        Self { bytes: [0; PAGE_SIZE], notes: Notes::default() }
    }
}

impl Page {
    /// Replaces the bytes from `offset` on. What does not fit in the page is cut off.
    fn store(&mut self, offset: usize, source: &[u8]) {
        self.notes.forget(offset, source.len());
        for (byte, new) in self.bytes.iter_mut().skip(offset).zip(source) {
            *byte = *new;
        }
    }
}

impl Memory {
    /// Memory that reads as zero everywhere.
    pub fn new() -> Self {
        Self::default()
    }

    /// The byte at `physical`.
    pub fn read_u8(&self, physical: u64) -> u8 {
        u8::from_le_bytes(self.read_array(physical))
    }

    /// The little-endian 16-bit value at `physical`, at any alignment.
    pub fn read_u16(&self, physical: u64) -> u16 {
        u16::from_le_bytes(self.read_array(physical))
    }

    /// The little-endian 64-bit value at `physical`, at any alignment.
    #[inline]
    pub fn read_u64(&self, physical: u64) -> u64 {
        u64::from_le_bytes(self.read_array(physical))
    }

    /// The little-endian 64-bit values from `physical` on, at any alignment.
    #[inline]
    pub fn read_words<const N: usize>(&self, physical: u64) -> [u64; N] {
        let offset = offset_in_page(physical);
        if offset + 8 * N > PAGE_SIZE {
            return std::array::from_fn(|word| self.read_u64(physical.saturating_add(8 * word as u64)));
        }
        let mut words = [0; N];
        if let Some(page) = self.page(physical) {
            let (bytes, _) = page.bytes[offset..].as_chunks();
            words.iter_mut().zip(bytes).for_each(|(word, bytes)| *word = u64::from_le_bytes(*bytes));
        }
        words
    }

    /// Writes the byte at `physical`.
    pub fn write_u8(&mut self, physical: u64, value: u8) {
        self.write_bytes(physical, &value.to_le_bytes());
    }

    /// Writes a little-endian 16-bit value at `physical`, at any alignment.
    pub fn write_u16(&mut self, physical: u64, value: u16) {
        self.write_bytes(physical, &value.to_le_bytes());
    }

    /// Writes a little-endian 32-bit value at `physical`, at any alignment.
    pub fn write_u32(&mut self, physical: u64, value: u32) {
        self.write_bytes(physical, &value.to_le_bytes());
    }

    /// Writes a little-endian 64-bit value at `physical`, at any alignment.
    #[inline]
    pub fn write_u64(&mut self, physical: u64, value: u64) {
        self.write(physical, 8, value);
    }

    /// The `size` bytes (at most 8) at `physical` as a little-endian number.
    #[inline]
    pub fn read(&self, physical: u64, size: u8) -> u64 {
        if offset_in_page(physical) <= PAGE_SIZE - 8 {
            return self.read_u64(physical) & mask(size);
        }
        let mut bytes = [0; 8];
        self.read_bytes(physical, &mut bytes[..usize::from(size.min(8))]);
        u64::from_le_bytes(bytes)
    }

    /// Writes the low `size` bytes (at most 8) of `value` at `physical`.
    #[inline]
    pub fn write(&mut self, physical: u64, size: u8, value: u64) {
        self.exchange(physical, size, value);
    }

    /// Writes the low `size` bytes (at most 8) of `value` at `physical`, and returns the old ones.
    #[inline]
    pub fn exchange(&mut self, physical: u64, size: u8, value: u64) -> u64 {
        let offset = offset_in_page(physical);
        if offset > PAGE_SIZE - 8 {
            let before = self.read(physical, size);
            self.write_bytes(physical, &value.to_le_bytes()[..usize::from(size.min(8))]);
            return before;
        }
        let Some(page) = self.page_mut(physical) else { return 0 };
        page.notes.forget(offset, size.into());
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&page.bytes[offset..offset + 8]);
        let (word, mask) = (u64::from_le_bytes(bytes), mask(size));
        page.bytes[offset..offset + 8].copy_from_slice(&(word & !mask | value & mask).to_le_bytes());
        word & mask
    }

    /// Fills `target` with the bytes from `physical` on.
    pub fn read_bytes(&self, physical: u64, target: &mut [u8]) {
        let mut address = physical;
        let mut rest = target;
        while !rest.is_empty() {
            let offset = offset_in_page(address);
            let (here, after) = rest.split_at_mut(rest.len().min(PAGE_SIZE - offset));
            match self.page(address) {
                Some(page) => here.copy_from_slice(&page.bytes[offset..offset + here.len()]),
                None => here.fill(0),
            }
            address = address.saturating_add(here.len() as u64);
            rest = after;
        }
    }

    /// Writes `source` from `physical` on.
    pub fn write_bytes(&mut self, physical: u64, source: &[u8]) {
        let mut address = physical;
        let mut rest = source;
        while !rest.is_empty() {
            let offset = offset_in_page(address);
            let (here, after) = rest.split_at(rest.len().min(PAGE_SIZE - offset));
            if let Some(page) = self.page_mut(address) {
                page.store(offset, here);
            }
            address = address.saturating_add(here.len() as u64);
            rest = after;
        }
    }

    /// The bytes of the page that holds `physical`.
    pub fn page_bytes(&self, physical: u64) -> &[u8; PAGE_SIZE] {
        const ZEROS: &[u8; PAGE_SIZE] = &[0; PAGE_SIZE];
        self.page(physical).map_or(ZEROS, |page| &page.bytes)
    }

    /// Every page that was written, by ascending physical address, with its bytes.
    pub fn pages(&self) -> impl Iterator<Item = (u64, &[u8; PAGE_SIZE])> {
        let mut pages = Vec::new();
        collect(&self.root, 0, self.height, &mut pages);
        pages.into_iter()
    }

    /// Physical addresses of the pages whose bytes differ between the two memories, ascending.
    ///
    /// The cost is proportional to what was written since both were clones of one memory, not to their size.
    pub fn differences(&self, other: &Self) -> Vec<u64> {
        let mut pages = Vec::new();
        compare(self.view(), other.view(), &mut |number| {
            pages.push(number << PAGE_SHIFT);
            true
        });
        pages
    }

    #[inline]
    fn read_array<const N: usize>(&self, physical: u64) -> [u8; N] {
        let offset = offset_in_page(physical);
        let mut bytes = [0; N];
        if offset + N <= PAGE_SIZE {
            if let Some(page) = self.page(physical) {
                bytes.copy_from_slice(&page.bytes[offset..offset + N]);
            }
        } else {
            self.read_bytes(physical, &mut bytes);
        }
        bytes
    }

    /// The notes about the page of `physical`, unless it was never written.
    pub(crate) fn notes(&self, physical: u64) -> Option<&Notes> {
        self.page(physical).map(|page| &page.notes)
    }

    /// The page that holds `physical`, unless it was never written.
    #[inline]
    fn page(&self, physical: u64) -> Option<&Page> {
        let number = physical >> PAGE_SHIFT;
        let mut shift = self.height * FANOUT_BITS;
        if number >> shift != 0 {
            return None;
        }
        let mut node = &self.root;
        loop {
            match node {
                Node::Absent => return None,
                Node::Page(page) => return Some(page),
                Node::Table(table) => {
                    shift = shift.saturating_sub(FANOUT_BITS);
                    node = &table.children[child(number, shift)];
                }
            }
        }
    }

    /// The page that holds `physical`, allocated if need be and no longer shared. `None` beyond 2^52.
    #[inline]
    fn page_mut(&mut self, physical: u64) -> Option<&mut Page> {
        if physical >> PHYSICAL_BITS != 0 {
            return None;
        }
        let number = physical >> PAGE_SHIFT;
        self.running.leave(number);
        while number >> (self.height * FANOUT_BITS) != 0 {
            self.grow();
        }
        let mut node = &mut self.root;
        for level in (0..self.height).rev() {
            if !matches!(node, Node::Table(_)) {
                *node = Node::Table(Arc::default());
            }
            let Node::Table(table) = node else { return None };
            node = &mut Arc::make_mut(table).children[child(number, level * FANOUT_BITS)];
        }
        if !matches!(node, Node::Page(_)) {
            *node = Node::Page(Arc::default());
        }
        let Node::Page(page) = node else { return None };
        Some(Arc::make_mut(page))
    }

    /// Puts one more table above the root.
    fn grow(&mut self) {
        let below = std::mem::take(&mut self.root);
        if !matches!(below, Node::Absent) {
            let mut table = Table::default();
            table.children[0] = below;
            self.root = Node::Table(Arc::new(table));
        }
        self.height += 1;
    }

    fn view(&self) -> View<'_> {
        View { node: &self.root, height: self.height, number: 0 }
    }
}

fn offset_in_page(physical: u64) -> usize {
    physical as usize % PAGE_SIZE
}

/// A mask of `size` bytes, at most 8.
#[inline]
fn mask(size: u8) -> u64 {
    u64::MAX >> (64 - 8 * u32::from(size.clamp(1, 8)))
}

fn child(number: u64, shift: u32) -> usize {
    (number >> shift) as usize % FANOUT
}

fn collect<'a>(node: &'a Node, number: u64, height: u32, pages: &mut Vec<(u64, &'a [u8; PAGE_SIZE])>) {
    match node {
        Node::Absent => {}
        Node::Page(page) => pages.push((number << PAGE_SHIFT, &page.bytes)),
        Node::Table(table) => {
            for (index, node) in (0..).zip(&table.children) {
                collect(node, number << FANOUT_BITS | index, height.saturating_sub(1), pages);
            }
        }
    }
}

/// A subtree: `height` levels of tables, and the number of the subtree among those of its height.
#[derive(Clone, Copy)]
struct View<'a> {
    node: &'a Node,
    height: u32,
    number: u64,
}

const ABSENT: Node = Node::Absent;

impl<'a> View<'a> {
    fn child(self, index: usize) -> View<'a> {
        let node = match self.node {
            Node::Table(table) => &table.children[index],
            _ => &ABSENT,
        };
        View { node, height: self.height.saturating_sub(1), number: self.number << FANOUT_BITS | index as u64 }
    }

    /// The same subtree seen as the first child of a tree one level higher.
    fn first_child_or(self, height: u32, index: usize) -> View<'a> {
        if self.height == height {
            self.child(index)
        } else if index == 0 {
            self
        } else {
            View { node: &ABSENT, height: height.saturating_sub(1), number: index as u64 }
        }
    }
}

/// Calls `found` with the number of each page that differs, ascending, until it returns false. Returns whether it
/// reported all of them.
fn compare(left: View<'_>, right: View<'_>, found: &mut impl FnMut(u64) -> bool) -> bool {
    if shared(left.node, right.node) {
        return true;
    }
    let height = left.height.max(right.height);
    if height == 0 {
        return same_bytes(left.node, right.node) || found(left.number);
    }
    if let (Node::Table(ours), Node::Table(theirs)) = (left.node, right.node)
        && left.height == right.height
    {
        let differs = |&index: &usize| !shared(&ours.children[index], &theirs.children[index]);
        return (0..FANOUT).filter(differs).all(|index| compare(left.child(index), right.child(index), found));
    }
    (0..FANOUT).all(|index| compare(left.first_child_or(height, index), right.first_child_or(height, index), found))
}

/// Whether both share their storage, or both are absent.
fn shared(left: &Node, right: &Node) -> bool {
    match (left, right) {
        (Node::Absent, Node::Absent) => true,
        (Node::Table(left), Node::Table(right)) => Arc::ptr_eq(left, right),
        (Node::Page(left), Node::Page(right)) => Arc::ptr_eq(left, right),
        _ => false,
    }
}

fn same_bytes(left: &Node, right: &Node) -> bool {
    match (left, right) {
        (Node::Page(left), Node::Page(right)) => left.bytes == right.bytes,
        (Node::Page(page), _) | (_, Node::Page(page)) => page.bytes.iter().all(|byte| *byte == 0),
        _ => true,
    }
}

impl PartialEq for Memory {
    fn eq(&self, other: &Self) -> bool {
        compare(self.view(), other.view(), &mut |_| false)
    }
}

impl Eq for Memory {}

impl fmt::Debug for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pages = self.pages().map(|(physical, _)| format!("{physical:#x}"));
        formatter.debug_tuple("Memory").field(&pages.collect::<Vec<_>>()).finish()
    }
}

#[cfg(test)]
mod tests;
