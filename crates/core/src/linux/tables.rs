//! The two halves of the page tables under page-table isolation: what each maps, with which rights
//! (arch/x86/mm/pti.c, arch/x86/mm/cpu_entry_area.c, v6.12).
//!
//! Invariant: of the kernel, the user half maps only the cpu_entry_area, entry text and the page of `cpu_tss_rw`. As
//! with `pti=on`, it does not map the kernel image even without PCIDs (`pti_kernel_image_global_ok` asks for
//! `pti=auto`).

use super::layout::{self as at, IstStack};
use super::{Features, records};
use crate::machine::Memory;
use crate::machine::bits::entry;

/// Rights of a leaf, in the kernel's names for them (asm/pgtable_types.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rights {
    /// `PAGE_READONLY_EXEC`: user program.
    UserText,
    /// `PAGE_SHARED`: user data and stack.
    UserData,
    /// Like user data, but not present: the first access faults.
    UserDataAbsent,
    /// `PAGE_KERNEL_ROX`.
    KernelText,
    /// `PAGE_KERNEL`.
    KernelData,
    /// `PAGE_KERNEL_RO`.
    KernelReadOnly,
}

/// Which half sees a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// By the kernel half; by the user half too if it shares the top-level slot.
    Kernel,
    /// Both halves, each through its own tables.
    Cloned,
}

/// When a kernel translation is global. Under page-table isolation it is not by default (arch/x86/mm/init.c).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Global {
    /// If isolation is off.
    Default,
    /// Always: the same in both halves.
    Always,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    Small,
    Large,
}

#[derive(Clone, Copy, Debug)]
struct Mapping {
    linear: u64,
    physical: u64,
    pages: u64,
    size: Size,
    rights: Rights,
    global: Global,
    reach: Reach,
}

impl Mapping {
    const fn small(linear: u64, physical: u64, pages: u64, rights: Rights) -> Self {
        Self { linear, physical, pages, size: Size::Small, rights, global: Global::Default, reach: Reach::Kernel }
    }

    const fn large(linear: u64, physical: u64, pages: u64, rights: Rights) -> Self {
        Self { size: Size::Large, ..Self::small(linear, physical, pages, rights) }
    }

    /// Every entry of the cpu_entry_area is global (`cea_set_pte`).
    const fn entry_area(linear: u64, per_cpu: u64, pages: u64, rights: Rights) -> Self {
        Self { global: Global::Always, ..Self::small(linear, at::PER_CPU_PHYSICAL + per_cpu, pages, rights) }
    }

    const fn exception_stack(stack: IstStack) -> Self {
        let pages = at::EXCEPTION_STACK_SIZE / at::PAGE;
        let backing = at::PERCPU_EXCEPTION_STACKS + stack as u64 * at::EXCEPTION_STACK_SIZE;
        Self::entry_area(stack.bottom(), backing, pages, Rights::KernelData)
    }

    /// The stacks of #VC are mapped in SEV-ES guests only (arch/x86/mm/cpu_entry_area.c, v6.12,
    /// `percpu_setup_exception_stacks`).
    fn exists(&self, features: Features) -> bool {
        features.sev_es || ![IstStack::Vc.bottom(), IstStack::Vc2.bottom()].contains(&self.linear)
    }
}

const MAPPINGS: [Mapping; 20] = [
    // User memory.
    Mapping::small(at::USER_TEXT, at::USER_TEXT_PHYSICAL, 1, Rights::UserText),
    Mapping::small(at::USER_DATA, at::USER_DATA_PHYSICAL, at::USER_DATA_PAGES - 1, Rights::UserData),
    Mapping::small(
        at::USER_LAZY_PAGE,
        at::USER_DATA_PHYSICAL + (at::USER_DATA_PAGES - 1) * at::PAGE,
        1,
        Rights::UserDataAbsent,
    ),
    Mapping::small(at::USER_STACK, at::USER_STACK_PHYSICAL, at::USER_STACK_PAGES, Rights::UserData),
    // The kernel's own.
    Mapping::large(at::DIRECT_MAP, 0, at::PHYSICAL_MEMORY / at::IMAGE_PAGE, Rights::KernelData),
    Mapping::small(at::THREAD_STACK, at::THREAD_STACK_PHYSICAL, at::THREAD_STACK_SIZE / at::PAGE, Rights::KernelData),
    Mapping::small(at::KERNEL_BUFFER, at::KERNEL_BUFFER_PHYSICAL, at::KERNEL_BUFFER_PAGES, Rights::KernelData),
    Mapping::large(at::KERNEL_TEXT, at::image_physical(at::KERNEL_TEXT), 1, Rights::KernelText),
    Mapping::large(at::KERNEL_DATA, at::image_physical(at::KERNEL_DATA), 1, Rights::KernelData),
    // pti_clone_entry_text: the same entry, global, in both halves.
    Mapping {
        global: Global::Always,
        reach: Reach::Cloned,
        ..Mapping::large(at::ENTRY_TEXT, at::image_physical(at::ENTRY_TEXT), 1, Rights::KernelText)
    },
    // The cpu_entry_area.
    Mapping { global: Global::Always, ..Mapping::small(at::IDT, at::IDT_PHYSICAL, 1, Rights::KernelReadOnly) },
    Mapping::entry_area(at::GDT, at::PERCPU_GDT_PAGE, 1, Rights::KernelReadOnly),
    Mapping::entry_area(at::ENTRY_STACK, at::PERCPU_ENTRY_STACK, 1, Rights::KernelData),
    Mapping::entry_area(at::TSS, at::PERCPU_CPU_TSS_RW, 1, Rights::KernelReadOnly),
    Mapping::exception_stack(IstStack::DoubleFault),
    Mapping::exception_stack(IstStack::Nmi),
    Mapping::exception_stack(IstStack::Debug),
    Mapping::exception_stack(IstStack::MachineCheck),
    Mapping::exception_stack(IstStack::Vc),
    Mapping::exception_stack(IstStack::Vc2),
];

/// User memory of the second task: the same program with its own data and stack, all present.
const SECOND_MAPPINGS: [Mapping; 3] = [
    Mapping::small(at::USER_TEXT, at::USER_TEXT_PHYSICAL, 1, Rights::UserText),
    Mapping::small(at::USER_DATA, at::SECOND_DATA_PHYSICAL, at::USER_DATA_PAGES, Rights::UserData),
    Mapping::small(at::USER_STACK, at::SECOND_STACK_PHYSICAL, at::USER_STACK_PAGES, Rights::UserData),
];

/// The page of `cpu_tss_rw` at its per-CPU address. In the kernel half it is part of the direct map; in the user half
/// it is a separate read-write mapping (`pti_clone_user_shared`).
const CPU_TSS_RW: Mapping = Mapping::small(
    at::PER_CPU + at::PERCPU_CPU_TSS_RW,
    at::PER_CPU_PHYSICAL + at::PERCPU_CPU_TSS_RW,
    1,
    Rights::KernelData,
);

/// Linear address of the last-level entry for `linear` in the last-level table at `table`.
pub(super) const fn leaf_entry_address(table: u64, linear: u64) -> u64 {
    table + slot(linear, 1) as u64 * 8
}

/// `PAGE_KERNEL` without an address.
pub(super) fn kernel_data_bits(features: Features) -> u64 {
    leaf_bits(features, Rights::KernelData, Global::Default)
}

/// The bits with which `__text_poke` maps a page of kernel text: `PAGE_KERNEL` without the global bit
/// (arch/x86/kernel/alternative.c, v6.12).
pub(super) fn poking_bits(features: Features) -> u64 {
    kernel_data_bits(features) & !entry::GLOBAL
}

/// CR3 of the user program in user mode, under ASID 0.
pub(super) fn user_cr3(features: Features) -> u64 {
    let kernel = records::kernel_cr3(at::TABLES_PHYSICAL, 0, features.into());
    if features.pti { records::user_cr3(kernel, features.into()) } else { kernel }
}

/// Writes the page tables.
pub(super) fn build(memory: &mut Memory, features: Features) {
    let mut builder = Builder { memory, features, next: at::TABLES_PHYSICAL + 2 * at::PAGE };
    builder.use_fixmap_table();
    for mapping in MAPPINGS.iter().filter(|mapping| mapping.exists(features)) {
        builder.map(KERNEL_ROOT, mapping);
    }
    if features.pti {
        builder.build_user_half();
    }
    builder.build_address_space(at::INIT_TABLES_PHYSICAL, &[]);
    builder.build_address_space(at::SECOND_TABLES_PHYSICAL, &SECOND_MAPPINGS);
    builder.use_poking_table();
    builder.build_address_space(at::POKING_TABLES_PHYSICAL, &[]);
    builder.copy_kernel_slots(KERNEL_ROOT, at::EFI_TABLE_PHYSICAL);
}

const KERNEL_ROOT: u64 = at::TABLES_PHYSICAL;
const USER_ROOT: u64 = user_root(KERNEL_ROOT);

/// The other table of the pair.
const fn user_root(kernel_root: u64) -> u64 {
    kernel_root | at::PTI_USER_PGTABLE_MASK
}

/// `_KERNPG_TABLE` (asm/pgtable_types.h).
const KERNEL_TABLE: u64 = entry::PRESENT | entry::WRITABLE | entry::ACCESSED | entry::DIRTY;

struct Builder<'a> {
    memory: &'a mut Memory,
    features: Features,
    /// First free page for a table.
    next: u64,
}

impl Builder<'_> {
    fn map(&mut self, root: u64, mapping: &Mapping) {
        let (level, step) = match mapping.size {
            Size::Small => (1, at::PAGE),
            Size::Large => (2, at::IMAGE_PAGE),
        };
        let bits = leaf_bits(self.features, mapping.rights, mapping.global) | large_bit(mapping.size);
        for page in 0..mapping.pages {
            let linear = mapping.linear + page * step;
            let table = self.table_for(root, linear, level);
            self.memory.write_u64(entry_at(table, linear, level), (mapping.physical + page * step) | bits);
        }
    }

    /// The table of `level` for `linear`, with all tables above it.
    fn table_for(&mut self, root: u64, linear: u64, level: u32) -> u64 {
        let mut table = root;
        for above in (level + 1..=4).rev() {
            let at = entry_at(table, linear, above);
            if self.memory.read_u64(at) == 0 {
                let new = self.allocate();
                self.memory.write_u64(at, new | table_bits(linear));
            }
            table = self.memory.read_u64(at) & entry::ADDRESS;
        }
        table
    }

    fn allocate(&mut self) -> u64 {
        let page = self.next;
        self.next += at::PAGE;
        page
    }

    /// The last level of the fixmap lies in kernel data, where the kernel writes it.
    fn use_fixmap_table(&mut self) {
        let above = self.table_for(KERNEL_ROOT, at::FIXMAP_GHES_IRQ, 2);
        let table = at::image_physical(at::FIXMAP_TABLE);
        self.memory.write_u64(entry_at(above, at::FIXMAP_GHES_IRQ, 2), table | KERNEL_TABLE);
    }

    /// `poking_init` makes all tables for the address in advance, because a handler cannot allocate.
    fn use_poking_table(&mut self) {
        let above = self.table_for(at::POKING_TABLES_PHYSICAL, at::POKING_ADDRESS, 2);
        let value = at::POKING_LAST_TABLE_PHYSICAL | table_bits(at::POKING_ADDRESS);
        self.memory.write_u64(entry_at(above, at::POKING_ADDRESS, 2), value);
    }

    /// One more mm: the kernel's slots as in every mm (arch/x86/mm/pgtable.c, `pgd_ctor`), and `user` memory.
    fn build_address_space(&mut self, root: u64, user: &[Mapping]) {
        self.copy_kernel_slots(KERNEL_ROOT, root);
        for mapping in user {
            self.map(root, mapping);
        }
        if self.features.pti {
            self.copy_kernel_slots(USER_ROOT, user_root(root));
            self.share_user_slots(root);
        }
    }

    fn copy_kernel_slots(&mut self, from: u64, to: u64) {
        for slot in at::KERNEL_HALF_FIRST_SLOT as u64..512 {
            let value = self.memory.read_u64(from + 8 * slot);
            self.memory.write_u64(to + 8 * slot, value);
        }
    }

    fn build_user_half(&mut self) {
        self.share_slot(KERNEL_ROOT, at::CPU_ENTRY_AREA);
        for mapping in MAPPINGS.iter().filter(|mapping| mapping.reach == Reach::Cloned) {
            self.map(USER_ROOT, mapping);
        }
        self.map(USER_ROOT, &CPU_TSS_RW);
        self.share_user_slots(KERNEL_ROOT);
    }

    fn share_user_slots(&mut self, root: u64) {
        for linear in (0..at::KERNEL_HALF_FIRST_SLOT as u64).map(|slot| slot << 39) {
            self.share_user_slot(root, linear);
        }
    }

    /// Both halves use the same tables below this slot (`pti_clone_p4d`).
    fn share_slot(&mut self, root: u64, linear: u64) {
        let shared = self.memory.read_u64(entry_at(root, linear, 4));
        self.memory.write_u64(entry_at(user_root(root), linear, 4), shared);
    }

    /// `__pti_set_user_pgtbl`: the user half gets the entry. The kernel's own copy forbids execution, so that user mode
    /// on the kernel's tables faults at its first fetch.
    fn share_user_slot(&mut self, root: u64, linear: u64) {
        self.share_slot(root, linear);
        let at = entry_at(root, linear, 4);
        let shared = self.memory.read_u64(at);
        if self.features.nx && shared & entry::PRESENT != 0 {
            self.memory.write_u64(at, shared | entry::EXECUTE_DISABLE);
        }
    }
}

/// Index into a table of `level`, 1 for the last one.
const fn slot(linear: u64, level: u32) -> usize {
    (linear >> (12 + 9 * (level - 1)) & 511) as usize
}

/// Physical address of the entry for `linear` in `table`.
const fn entry_at(table: u64, linear: u64, level: u32) -> u64 {
    table + 8 * slot(linear, level) as u64
}

/// `_PAGE_TABLE` for user addresses, `_KERNPG_TABLE` for the kernel's.
const fn table_bits(linear: u64) -> u64 {
    if slot(linear, 4) < at::KERNEL_HALF_FIRST_SLOT { KERNEL_TABLE | entry::USER } else { KERNEL_TABLE }
}

const fn large_bit(size: Size) -> u64 {
    match size {
        Size::Small => 0,
        Size::Large => entry::LARGE,
    }
}

fn leaf_bits(features: Features, rights: Rights, global: Global) -> u64 {
    const KERNEL: u64 = entry::PRESENT | entry::ACCESSED | entry::DIRTY;
    const USER: u64 = entry::PRESENT | entry::USER | entry::ACCESSED;
    let no_execute = if features.nx { entry::EXECUTE_DISABLE } else { 0 };
    let global = match (features.pti, global) {
        (true, Global::Default) => 0,
        _ => entry::GLOBAL,
    };
    match rights {
        Rights::UserText => USER,
        Rights::UserData => USER | entry::WRITABLE | entry::DIRTY | no_execute,
        Rights::UserDataAbsent => entry::USER | entry::WRITABLE | no_execute,
        Rights::KernelText => KERNEL | global,
        Rights::KernelData => KERNEL | entry::WRITABLE | no_execute | global,
        Rights::KernelReadOnly => KERNEL | no_execute | global,
    }
}

#[cfg(test)]
mod tests;
