//! The memory image in which single instructions run: two address spaces with pages of every kind, a GDT, an IDT, a TSS
//! and handlers, so that both privilege levels and every fault work.

use cr3_core::machine::bits::{cr0, cr4, efer, entry};
use cr3_core::machine::cpu::{DescriptorTable, ModelSpecific};
use cr3_core::machine::tlb::{PageSize, Reading};
use cr3_core::machine::{Cpu, CpuFeatures, Machine, Memory, Segment, Tlb, paging};
use cr3_testing::Random;
use cr3_unicorn::limits;

/// Supervisor mapping of all physical memory below [`MEMORY`].
pub const DIRECT: u64 = 0xffff_8000_0000_0000;
/// Bytes of physical memory.
pub const MEMORY: u64 = 0x0100_0000;
/// Physical address of the code region, which both halves map.
pub const CODE: u64 = 0x0040_0000;
/// Bytes of code.
pub const CODE_SIZE: u64 = 0x0040_0000;
/// User mapping of the code region.
pub const USER_CODE: u64 = 0x0040_0000;
/// Every code page a second time, by itself: the page behind it is of another kind each time. Supervisor; see [`edge`].
pub const EDGES: u64 = 0xffff_8000_4000_0000;
/// User mapping of the same kind.
pub const USER_EDGES: u64 = 0x0000_0000_4000_0000;
/// Linear addresses of the data pages in the lower half.
pub const USER_DATA: u64 = 0x1000_0000;
/// Linear addresses of the data pages in the upper half.
pub const KERNEL_DATA: u64 = 0xffff_8000_1000_0000;
/// A 2-MByte user page.
pub const USER_LARGE: u64 = 0x1020_0000;
/// A 1-GByte supervisor page over all physical memory, page tables included.
pub const KERNEL_HUGE: u64 = 0xffff_8001_0000_0000;

/// Selectors as in Linux (`arch/x86/include/asm/segment.h`).
pub const KERNEL_CS: u16 = 0x10;
#[allow(missing_docs)]
pub const KERNEL_DS: u16 = 0x18;
#[allow(missing_docs)]
pub const USER_DS: u16 = 0x2b;
#[allow(missing_docs)]
pub const USER_CS: u16 = 0x33;
const TASK: u16 = 0x40;
const CPU_NUMBER: u16 = 0x7b;

const GDT: u64 = 0x1000;
const IDT: u64 = 0x2000;
const TSS: u64 = 0x4000;
const HANDLERS: u64 = 0x5000;
/// Three stacks: RSP0, IST1 and IST2, a page each.
const STACKS: u64 = 0x6000;
/// The page behind every edge: nothing but HLT.
const BEHIND: u64 = 0xf000;
const TABLES: u64 = 0x0001_0000;
const DATA: u64 = 0x0010_0000;
/// Physical page of the 2-MByte mapping.
const LARGE: u64 = 0x0080_0000;

/// Data pages by kind: flags of the leaf entry. Page `n` of both halves has kind `n`.
const KINDS: [u64; 12] = [
    entry::PRESENT | entry::WRITABLE | entry::USER | entry::ACCESSED | entry::DIRTY,
    entry::PRESENT | entry::WRITABLE | entry::USER | entry::ACCESSED | entry::DIRTY,
    entry::PRESENT | entry::WRITABLE | entry::ACCESSED | entry::DIRTY,
    entry::PRESENT | entry::WRITABLE | entry::ACCESSED | entry::DIRTY,
    entry::PRESENT | entry::USER | entry::ACCESSED,
    entry::PRESENT | entry::WRITABLE | entry::USER,
    entry::PRESENT | entry::WRITABLE | entry::ACCESSED,
    entry::PRESENT | entry::ACCESSED,
    entry::PRESENT | entry::WRITABLE | entry::USER | entry::ACCESSED | entry::EXECUTE_DISABLE,
    entry::WRITABLE | entry::USER,
    entry::PRESENT | entry::WRITABLE | entry::USER | entry::ACCESSED | 1 << 45,
    entry::PRESENT | entry::WRITABLE | entry::USER | entry::ACCESSED | entry::GLOBAL,
];

/// The base image.
#[derive(Clone)]
pub struct Image {
    /// Memory and a processor in ring 0.
    pub machine: Machine,
    /// The two top-level tables.
    pub roots: [u64; 2],
}

/// Allocates page tables and enters mappings.
struct Mapper<'a> {
    memory: &'a mut Memory,
    next: u64,
}

impl Mapper<'_> {
    fn table(&mut self) -> u64 {
        self.next += 0x1000;
        self.next - 0x1000
    }

    /// Maps the page of `size` at `linear` with the leaf's flags in `flags`.
    fn map(&mut self, root: u64, linear: u64, physical: u64, size: PageSize, flags: u64) {
        let (leaf, large) = match size {
            PageSize::Size4K => (1, 0),
            PageSize::Size2M => (2, entry::LARGE),
            PageSize::Size1G => (3, entry::LARGE),
        };
        let mut table = root;
        for level in (leaf + 1..=4).rev() {
            let slot = table + (linear >> (3 + 9 * level) & 0x1ff) * 8;
            let value = self.memory.read_u64(slot);
            table = value & entry::ADDRESS;
            if value & entry::PRESENT == 0 {
                table = self.table();
                let all = entry::PRESENT | entry::WRITABLE | entry::USER | entry::ACCESSED;
                self.memory.write_u64(slot, table | all);
            }
        }
        let slot = table + (linear >> (3 + 9 * leaf) & 0x1ff) * 8;
        self.memory.write_u64(slot, physical | large | flags);
    }
}

impl Image {
    /// The image with data and with flags of the leaf entries drawn from `random`.
    pub fn varied(random: &mut Random) -> Self {
        let mut image = Self::new(random);
        for root in image.roots {
            for linear in varied_pages() {
                image.vary(root, linear, random);
            }
        }
        image
    }

    /// Changes some flags of the leaf entry for `linear`; half of the entries do not change.
    fn vary(&mut self, root: u64, linear: u64, random: &mut Random) {
        let Machine { cpu, memory, .. } = &mut self.machine;
        let start = paging::Start { table: root, ..paging::Start::root(cpu) };
        let walk = paging::walk(cpu, memory, linear, start);
        let Some(leaf) = walk.steps().last().filter(|_| !random.one_in(2)) else { return };
        let flipped = FLAGS.into_iter().filter(|_| random.one_in(4)).sum::<u64>();
        let absent = if random.one_in(16) { entry::PRESENT } else { 0 };
        memory.write_u64(leaf.address, (leaf.value ^ flipped) & !absent);
    }

    /// The image with data drawn from `random`.
    pub fn new(random: &mut Random) -> Self {
        let mut memory = Memory::new();
        descriptors(&mut memory);
        let mut mapper = Mapper { memory: &mut memory, next: TABLES };
        let roots = [mapper.table(), mapper.table()];
        for (index, root) in roots.into_iter().enumerate() {
            map_space(&mut mapper, root, index as u64);
        }
        for page in (DATA..DATA + 4 * 0x1000 * KINDS.len() as u64).chain(LARGE..LARGE + 0x2000).step_by(8) {
            memory.write_u64(page, random.interesting());
        }
        memory.write_bytes(CODE, &vec![HLT; CODE_SIZE as usize]);
        memory.write_bytes(BEHIND, &[HLT; 0x1000]);
        Self { machine: Machine { cpu: processor(roots[0]), memory, tlb: Tlb::new(Reading::Min) }, roots }
    }
}

/// The flags of a leaf entry that [`Image::varied`] flips.
const FLAGS: [u64; 6] =
    [entry::WRITABLE, entry::USER, entry::ACCESSED, entry::DIRTY, entry::GLOBAL, entry::EXECUTE_DISABLE];

/// Linear addresses of the pages that hold data, both halves, and of the large ones.
fn varied_pages() -> impl Iterator<Item = u64> {
    let kinds = (0..KINDS.len() as u64).map(|kind| 0x1000 * kind);
    let small = kinds.flat_map(|offset| [USER_DATA + offset, KERNEL_DATA + offset]);
    small.chain([USER_LARGE, KERNEL_HUGE])
}

/// Fills the code region, and ends the translation of the code before it.
pub const HLT: u8 = 0xf4;

fn map_space(mapper: &mut Mapper<'_>, root: u64, index: u64) {
    let supervisor = entry::PRESENT | entry::WRITABLE | entry::ACCESSED | entry::DIRTY;
    let user = supervisor | entry::USER;
    for physical in (0..MEMORY).step_by(2 << 20) {
        mapper.map(root, DIRECT + physical, physical, PageSize::Size2M, supervisor);
    }
    for offset in (0..CODE_SIZE).step_by(2 << 20) {
        mapper.map(root, USER_CODE + offset, CODE + offset, PageSize::Size2M, user);
    }
    mapper.map(root, USER_LARGE, LARGE, PageSize::Size2M, user & !entry::DIRTY);
    mapper.map(root, KERNEL_HUGE, 0, PageSize::Size1G, supervisor & !entry::DIRTY);
    for (kind, flags) in (0..).zip(KINDS) {
        let page = data_page(kind, index);
        mapper.map(root, USER_DATA + 0x1000 * kind, page, PageSize::Size4K, flags);
        mapper.map(root, KERNEL_DATA + 0x1000 * kind, page + 0x2000, PageSize::Size4K, flags);
    }
    for page in 0..CODE_SIZE >> 12 {
        let physical = CODE + (page << 12);
        mapper.map(root, edge(EDGES, page), physical, PageSize::Size4K, supervisor);
        mapper.map(root, edge(USER_EDGES, page), physical, PageSize::Size4K, user);
        let behind = [0, entry::EXECUTE_DISABLE | user, supervisor, user][page as usize % 4];
        mapper.map(root, edge(EDGES, page) + 0x1000, BEHIND, PageSize::Size4K, behind);
        mapper.map(root, edge(USER_EDGES, page) + 0x1000, BEHIND, PageSize::Size4K, behind);
    }
}

/// Physical address of the user data page of `kind` in address space `space`; the kernel's lies 2000H above.
pub fn data_page(kind: u64, space: u64) -> u64 {
    DATA + 0x4000 * kind + 0x1000 * space
}

/// Linear address of code page `page` in one of the edge mappings.
pub fn edge(base: u64, page: u64) -> u64 {
    base + page * 0x2000
}

fn descriptors(memory: &mut Memory) {
    let task_base = DIRECT + TSS;
    let low = 0x67 | (task_base & 0xff_ffff) << 16 | 0x8b << 40 | (task_base >> 24 & 0xff) << 56;
    let table: [(u16, u64); 9] = [
        (0x08, 0x00cf_9b00_0000_ffff),
        (KERNEL_CS, 0x00af_9b00_0000_ffff),
        (KERNEL_DS, 0x00cf_9300_0000_ffff),
        (0x20, 0x00cf_fb00_0000_ffff),
        (USER_DS & !3, 0x00cf_f300_0000_ffff),
        (USER_CS & !3, 0x00af_fb00_0000_ffff),
        (TASK, low),
        (TASK + 8, task_base >> 32),
        (CPU_NUMBER & !3, 0x0040_f500_0000_5000),
    ];
    for (selector, descriptor) in table {
        memory.write_u64(GDT + u64::from(selector), descriptor);
    }
    for vector in 0..256 {
        let handler = DIRECT + HANDLERS + 16 * vector;
        let ist = match vector {
            8 => 1,
            2 | 18 => 2,
            _ => 0,
        };
        let user = if matches!(vector, 3 | 4 | 0x80) { 3 << 45 } else { 0 };
        let low = handler & 0xffff | u64::from(KERNEL_CS) << 16 | ist << 32 | 0x8e << 40 | user;
        memory.write_u64(IDT + 16 * vector, low | (handler >> 16 & 0xffff) << 48);
        memory.write_u64(IDT + 16 * vector + 8, handler >> 32);
        memory.write_u8(HANDLERS + 16 * vector, HLT);
    }
    for (offset, stack) in [(4, 1), (36, 2), (44, 3)] {
        memory.write_u64(TSS + offset, DIRECT + STACKS + 0x1000 * stack);
    }
}

/// The hidden part of the segment register for a selector of the image.
pub fn segment(selector: u16) -> Segment {
    let attributes = match selector {
        KERNEL_CS => 0xa09b,
        KERNEL_DS => 0xc093,
        USER_DS => 0xc0f3,
        USER_CS => 0xa0fb,
        _ => 0,
    };
    let limit = if attributes == 0 { 0 } else { u32::MAX };
    Segment { selector, base: 0, limit, attributes }
}

fn processor(root: u64) -> Cpu {
    let table = |physical: u64, limit: u16| DescriptorTable { base: DIRECT + physical, limit };
    Cpu {
        rip: DIRECT + CODE,
        segments: [0, KERNEL_CS, KERNEL_DS, 0, 0, 0].map(segment),
        cr0: cr0::PE | cr0::MP | cr0::ET | cr0::NE | cr0::WP | cr0::AM | cr0::PG,
        cr3: root,
        cr4: cr4::PAE | cr4::PGE | cr4::OSFXSR | cr4::OSXMMEXCPT,
        efer: efer::SCE | efer::LME | efer::LMA | efer::NXE,
        debug: [0, 0, 0, 0, 0xffff_0ff0, 0x400],
        msr: ModelSpecific {
            star: (u64::from(USER_DS - 8) << 48) | u64::from(KERNEL_CS) << 32,
            lstar: DIRECT + HANDLERS,
            fmask: 0x4_7700,
            ..ModelSpecific::default()
        },
        gdtr: table(GDT, 0x7f),
        idtr: table(IDT, 0xfff),
        task: Segment { selector: TASK, base: DIRECT + TSS, limit: 0x67, attributes: 0x8b },
        features: CpuFeatures {
            umip: false,
            lam: false,
            la57: false,
            sev_es: false,
            physical_address_bits: limits::PHYSICAL_ADDRESS_BITS,
            ..CpuFeatures::ALL
        },
        ..Cpu::in_long_mode()
    }
}
