//! Where Linux puts things: addresses, offsets and bits, each with its source.
//!
//! "mm.rst" is Documentation/arch/x86/x86_64/mm.rst (v6.12), four-level paging without KASLR. Sizes are in bytes. What
//! Linux leaves to the configuration or to the allocator (physical addresses, order of per-CPU variables, user pages)
//! is chosen here, and marked as chosen.

// --- Linear addresses of the kernel ---------------------------------------------------------------------------------

/// Start of the direct map of physical memory: `page_offset_base` without KASLR (mm.rst).
pub const DIRECT_MAP: u64 = 0xffff_8880_0000_0000;
/// Start of vmalloc space: `vmalloc_base` without KASLR (mm.rst). Thread stacks live there (CONFIG_VMAP_STACK).
pub const VMALLOC: u64 = 0xffff_c900_0000_0000;
/// The cpu_entry_area, PML4 slot -4 (mm.rst; arch/x86/include/asm/pgtable_64_types.h, `CPU_ENTRY_AREA_PGD`).
pub const CPU_ENTRY_AREA: u64 = 0xffff_fe00_0000_0000;
/// `__START_KERNEL_map`: linear address of physical address 0 in the kernel image mapping (page_64_types.h).
pub const KERNEL_MAP: u64 = 0xffff_ffff_8000_0000;
/// `_text`: `__START_KERNEL_map` plus CONFIG_PHYSICAL_START of 16 MiB.
pub const KERNEL_TEXT: u64 = 0xffff_ffff_8100_0000;
/// `__noinstr_text_start`, inside kernel text; place chosen.
pub const NO_INSTRUMENTATION_TEXT: u64 = KERNEL_TEXT + (1 << 20);
/// Chosen: code that mends faults, of a kernel tree, in the same page.
pub const FIXUP_TEXT: u64 = KERNEL_TEXT + (3 << 19);
/// `__entry_text_start`, with its own 2 MiB, so that the clone at PMD level exposes entry text only (arch/x86/mm/pti.c,
/// `pti_clone_entry_text`).
pub const ENTRY_TEXT: u64 = 0xffff_ffff_8200_0000;
/// Kernel data; place chosen.
pub const KERNEL_DATA: u64 = 0xffff_ffff_8240_0000;
/// Size of each of the three 2 MiB pages that hold kernel text, entry text and kernel data.
pub const IMAGE_PAGE: u64 = 2 << 20;
/// Exception table; place chosen.
pub const EXCEPTION_TABLE: u64 = KERNEL_DATA + 0x1_0000;
/// `level1_fixmap_pgt`, the last level of the fixmap's tables, in kernel data as in Linux; place chosen.
pub const FIXMAP_TABLE: u64 = KERNEL_DATA + 0x10_0000;
/// The fixmap page through which APEI maps an error record outside of NMIs: `FIX_APEI_GHES_IRQ` (asm/fixmap.h). The index within the
/// fixmap is chosen. Below it is one page for each number of contexts like an NMI that may be active, because a record may be read in each.
pub const FIXMAP_GHES_IRQ: u64 = 0xffff_ffff_ff5f_1000;
/// The page below: `FIX_APEI_GHES_NMI` (asm/fixmap.h), of an NMI that interrupts no context of its kind.
pub const FIXMAP_GHES_NMI: u64 = FIXMAP_GHES_IRQ - PAGE;
/// How many contexts like an NMI can be active: `NMI_BITS`, 4, of the preempt count (linux/preempt.h).
pub const NMI_CONTEXTS: u64 = 15;

/// `PAGE_SIZE`, in bytes.
pub const PAGE: u64 = 4096;
/// Physical memory that the direct map covers; chosen. A multiple of 2 MiB.
pub const PHYSICAL_MEMORY: u64 = 64 << 20;

// --- Physical addresses (all chosen) --------------------------------------------------------------------------------

/// The pair of top-level tables, aligned to 8 KiB: the kernel's, and one page further the user's. The other tables
/// follow.
pub const TABLES_PHYSICAL: u64 = 0x0010_0000;
/// The pair of top-level tables of `init_mm` (`swapper_pg_dir`; in the kernel image in Linux).
pub const INIT_TABLES_PHYSICAL: u64 = 0x0018_0000;
/// The pair of top-level tables of `poking_mm`.
pub const POKING_TABLES_PHYSICAL: u64 = 0x0018_2000;
/// The pair of top-level tables of the second task.
pub const SECOND_TABLES_PHYSICAL: u64 = 0x0018_4000;
/// The last-level table for [`POKING_ADDRESS`].
pub const POKING_LAST_TABLE_PHYSICAL: u64 = 0x0018_6000;
/// The top-level table of the firmware's services: one page, with bit 12 set (`efi_pgd` until v4.14).
pub const EFI_TABLE_PHYSICAL: u64 = 0x0018_7000;
/// The end of the tables that boot makes. All but [`FIXMAP_TABLE`] lie between [`TABLES_PHYSICAL`] and this; nothing allocates others.
pub const TABLES_END_PHYSICAL: u64 = EFI_TABLE_PHYSICAL + PAGE;
/// The page of the user program.
pub const USER_TEXT_PHYSICAL: u64 = 0x0300_0000;
/// The pages of user data.
pub const USER_DATA_PHYSICAL: u64 = 0x0301_0000;
/// The pages of the user stack.
pub const USER_STACK_PHYSICAL: u64 = 0x0302_0000;
/// The pages of the thread stack.
pub const THREAD_STACK_PHYSICAL: u64 = 0x0303_0000;
/// The pages of [`KERNEL_BUFFER`].
pub const KERNEL_BUFFER_PHYSICAL: u64 = 0x0304_0000;
/// The IDT (`idt_table`; in the kernel image in Linux).
pub const IDT_PHYSICAL: u64 = 0x0305_0000;
/// The pages of user data of the second task.
pub const SECOND_DATA_PHYSICAL: u64 = 0x0306_0000;
/// The pages of the user stack of the second task.
pub const SECOND_STACK_PHYSICAL: u64 = 0x0307_0000;
/// The per-CPU area of CPU 0.
pub const PER_CPU_PHYSICAL: u64 = 0x03c0_0000;
/// The error record that firmware writes and the GHES handler maps.
pub const GHES_RECORD_PHYSICAL: u64 = 0x03f0_0000;

// --- cpu_entry_area (arch/x86/include/asm/cpu_entry_area.h) ---------------------------------------------------------

/// Read-only alias of the IDT: first page of the area.
pub const IDT: u64 = CPU_ENTRY_AREA;
/// `struct cpu_entry_area` of CPU 0: `CPU_ENTRY_AREA_PER_CPU`, one page on.
pub const CPU_ENTRY_AREA_CPU0: u64 = CPU_ENTRY_AREA + PAGE;
/// Read-only alias of the GDT.
pub const GDT: u64 = CPU_ENTRY_AREA_CPU0;
/// The entry ("trampoline") stack, one page; the read-only GDT below is its guard.
pub const ENTRY_STACK: u64 = CPU_ENTRY_AREA_CPU0 + PAGE;
/// Top of the entry stack: TSS.sp0.
pub const ENTRY_STACK_TOP: u64 = ENTRY_STACK + PAGE;
/// Read-only alias of the TSS. Linux has the I/O permission bitmap behind it; here the segment ends at its 104 bytes.
pub const TSS: u64 = ENTRY_STACK_TOP;
/// `estacks`: each stack has an unmapped guard page below it, and a last guard stands above.
pub const EXCEPTION_STACKS: u64 = TSS + PAGE;
/// `EXCEPTION_STKSZ`: two pages (page_64_types.h, v6.12, without KASAN).
pub const EXCEPTION_STACK_SIZE: u64 = 2 * PAGE;

/// The exception stacks in order of address (`struct cea_exception_stacks`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IstStack {
    /// `DF`: `IST_INDEX_DF`, 0.
    DoubleFault,
    /// `NMI`: `IST_INDEX_NMI`, 1.
    Nmi,
    /// `DB`: `IST_INDEX_DB`, 2.
    Debug,
    /// `MCE`: `IST_INDEX_MCE`, 3.
    MachineCheck,
    /// Stack on which #VC arrives; mapped in SEV-ES guests, and here.
    Vc,
    /// Stack to which #VC moves if the interrupted one cannot be trusted. No gate names it.
    Vc2,
}

impl IstStack {
    /// All, in order of address.
    pub const ALL: [Self; 6] = [Self::DoubleFault, Self::Nmi, Self::Debug, Self::MachineCheck, Self::Vc, Self::Vc2];

    /// Lowest address.
    pub const fn bottom(self) -> u64 {
        EXCEPTION_STACKS + self as u64 * (PAGE + EXCEPTION_STACK_SIZE) + PAGE
    }

    /// Address just above, as in the TSS.
    pub const fn top(self) -> u64 {
        self.bottom() + EXCEPTION_STACK_SIZE
    }

    /// IST field of the gate: `IST_INDEX_*` plus 1 (page_64_types.h, idt.c). `Vc2` has a slot but no gate.
    pub const fn gate_field(self) -> u8 {
        self as u8 + 1
    }
}

// --- Per-CPU area ---------------------------------------------------------------------------------------------------
// Offsets from the kernel GS base. Per-CPU symbols are zero-based, so an offset is the symbol's value; the order is chosen.

/// Linear address of the per-CPU area of CPU 0: the kernel's GS base, and `__per_cpu_offset[0]`.
pub const PER_CPU: u64 = DIRECT_MAP + PER_CPU_PHYSICAL;
/// Backing page of the GDT.
pub const PERCPU_GDT_PAGE: u64 = 0x1000;
/// `cpu_tss_rw`: the one per-CPU page that the user tables map too, read-write, for `sp2` (arch/x86/mm/pti.c,
/// `pti_clone_user_shared`).
pub const PERCPU_CPU_TSS_RW: u64 = 0x2000;
/// Backing page of the entry stack.
pub const PERCPU_ENTRY_STACK: u64 = 0x3000;
/// Backing pages of the six exception stacks, without guards.
pub const PERCPU_EXCEPTION_STACKS: u64 = 0x4000;
/// `pcpu_hot` (asm/current.h, v6.12).
pub const PERCPU_PCPU_HOT: u64 = 0x1_0000;
/// `cpu_tlbstate`, aligned to a cache line (asm/tlbflush.h, v6.12).
pub const PERCPU_CPU_TLBSTATE: u64 = 0x1_0040;
/// `nmi_state` (arch/x86/kernel/nmi.c): 0 not running, 1 executing, 2 latched.
pub const PERCPU_NMI_STATE: u64 = 0x1_0100;
/// `nmi_cr2` (arch/x86/kernel/nmi.c).
pub const PERCPU_NMI_CR2: u64 = 0x1_0108;
/// `nmi_dr7` (arch/x86/kernel/nmi.c).
pub const PERCPU_NMI_DR7: u64 = 0x1_0110;
/// Counters of this model's handlers; each eight bytes.
pub const PERCPU_COUNTERS: u64 = 0x1_0140;
/// `cpu_tlbstate_shared` (arch/x86/include/asm/tlbflush.h, v6.12): its first byte is `is_lazy`.
pub const PERCPU_CPU_TLBSTATE_SHARED: u64 = 0x1_0180;
/// Per-CPU symbols that a kernel tree's text names and nothing here writes: stack canary, espfix, the stack for interrupts.
pub const PERCPU_UNMODELLED: u64 = 0x1_0200;

/// Offset of RSP0 in the TSS, 64 bits (SDM vol. 3A figure 7-11).
pub const TSS_SP0: u64 = 4;
/// Offset of RSP2 in the TSS, 64 bits (SDM vol. 3A figure 7-11). SYSCALL entry keeps the user's RSP there
/// (`TSS_sp2`, asm-offsets).
pub const TSS_SP2: u64 = 20;
/// Offset of IST1 in the TSS, 64 bits; the other six follow (SDM vol. 3A figure 7-11).
pub const TSS_IST1: u64 = 36;
/// Limit of the TSS segment: its 104 bytes minus one (SDM vol. 3A figure 7-11), no I/O permission bitmap behind them.
pub const TSS_LIMIT: u32 = 0x67;
/// Offset of `pcpu_hot.current_task`, pointer (asm/current.h, v6.12).
pub const PCPU_HOT_CURRENT_TASK: u64 = 0;
/// Offset of `pcpu_hot.preempt_count`, 32 bits (asm/current.h, v6.12).
pub const PCPU_HOT_PREEMPT_COUNT: u64 = 8;
/// Offset of `pcpu_hot.top_of_stack`, 64 bits, with call depth tracking configured (asm/current.h, v6.12).
pub const PCPU_HOT_TOP_OF_STACK: u64 = 24;

// struct tlb_state (arch/x86/include/asm/tlbflush.h): the same in v5.10 and v6.17, except that v5.10 has
// `invalidate_other` at 21.

/// Offset of `tlb_state.loaded_mm`, pointer (asm/tlbflush.h, v6.12).
pub const TLB_STATE_LOADED_MM: u64 = 0;
/// Offset of `tlb_state.loaded_mm_asid`, 16 bits (asm/tlbflush.h, v6.12).
pub const TLB_STATE_LOADED_MM_ASID: u64 = 16;
/// Offset of `tlb_state.next_asid`, 16 bits (asm/tlbflush.h, v6.12).
pub const TLB_STATE_NEXT_ASID: u64 = 18;
/// Offset of `tlb_state.invalidate_other`, one byte (asm/tlbflush.h, v6.12).
pub const TLB_STATE_INVALIDATE_OTHER: u64 = 20;
/// Offset of `tlb_state.user_pcid_flush_mask`, 16 bits (asm/tlbflush.h, v6.12).
pub const TLB_STATE_USER_PCID_FLUSH_MASK: u64 = 22;
/// Offset of `tlb_state.cr4`, the shadow of CR4, 64 bits (asm/tlbflush.h, v6.12).
pub const TLB_STATE_CR4: u64 = 24;
/// Offset of `tlb_state.ctxs`: six pairs of `ctx_id` and `tlb_gen`, 64 bits each (asm/tlbflush.h, v6.12).
pub const TLB_STATE_CTXS: u64 = 32;
/// `TLB_NR_DYN_ASIDS`: how many address spaces of a CPU keep an ASID (asm/tlbflush.h, v6.12).
pub const TLB_NR_DYN_ASIDS: u16 = 6;

/// `LOADED_MM_SWITCHING` (asm/tlbflush.h, v6.12): the value of `loaded_mm` while CR3 is being changed.
pub const LOADED_MM_SWITCHING: u64 = 1;

// struct mm_struct, cut down to three words; the offsets are chosen.

/// Offset of `mm_struct.pgd`, pointer: linear address in the direct map of the pair of top-level tables.
pub const MM_PGD: u64 = 0;
/// Offset of `mm_struct.context.ctx_id`, 64 bits (asm/mmu.h): never used again for another mm.
pub const MM_CONTEXT_ID: u64 = 8;
/// Offset of `mm_struct.context.tlb_gen`, 64 bits (asm/mmu.h): grows with each change of the tables that must be flushed.
pub const MM_TLB_GENERATION: u64 = 16;

/// Linear address of this CPU's `user_pcid_flush_mask`, 16 bits: bit n asks for a flush of user PCID 0x800 | n.
pub const USER_PCID_FLUSH_MASK: u64 = PER_CPU + PERCPU_CPU_TLBSTATE + TLB_STATE_USER_PCID_FLUSH_MASK;
/// Physical address of `user_pcid_flush_mask`.
pub const USER_PCID_FLUSH_MASK_PHYSICAL: u64 = PER_CPU_PHYSICAL + PERCPU_CPU_TLBSTATE + TLB_STATE_USER_PCID_FLUSH_MASK;

// --- Thread stack and kernel buffer ---------------------------------------------------------------------------------

/// Thread stack, with an unmapped guard below and above (CONFIG_VMAP_STACK); place in vmalloc space chosen.
pub const THREAD_STACK: u64 = VMALLOC + 0x4000;
/// `THREAD_SIZE`: 16 KiB (page_64_types.h, without KASAN).
pub const THREAD_STACK_SIZE: u64 = 4 * PAGE;
/// Top of the thread stack: `pcpu_hot.top_of_stack`.
pub const THREAD_STACK_TOP: u64 = THREAD_STACK + THREAD_STACK_SIZE;
/// Pages in vmalloc space that the kernel loop and the handlers work on; chosen.
pub const KERNEL_BUFFER: u64 = VMALLOC + 0x1_0000;
/// Number of pages of [`KERNEL_BUFFER`].
pub const KERNEL_BUFFER_PAGES: u64 = 8;
/// How many of them the kernel loop works on.
pub const KERNEL_LOOP_PAGES: u64 = 6;
/// The page among them that is the perf ring buffer.
pub const PERF_RING: u64 = KERNEL_BUFFER + 6 * PAGE;
/// The page among them to which GHES copies the error record.
pub const GHES_COPY: u64 = KERNEL_BUFFER + 7 * PAGE;

// --- User memory (chosen; the text where a static executable has it) ------------------------------------------------

/// User program, one page, read and execute.
pub const USER_TEXT: u64 = 0x40_1000;
/// User data, [`USER_DATA_PAGES`] pages, read-write; the last one becomes present on its first fault.
pub const USER_DATA: u64 = 0x40_4000;
/// Number of pages of [`USER_DATA`].
pub const USER_DATA_PAGES: u64 = 4;
/// The page of user data that is not present until touched.
pub const USER_LAZY_PAGE: u64 = USER_DATA + (USER_DATA_PAGES - 1) * PAGE;
/// Address just above user data: no mapping at all.
pub const USER_UNMAPPED: u64 = USER_DATA + USER_DATA_PAGES * PAGE;
/// `TASK_SIZE_MAX` (page_64_types.h, four levels): end of user space and top of the stack.
pub const TASK_SIZE_MAX: u64 = 0x7fff_ffff_f000;
/// Lowest address of the user stack.
pub const USER_STACK: u64 = TASK_SIZE_MAX - USER_STACK_PAGES * PAGE;
/// Number of pages of the user stack.
pub const USER_STACK_PAGES: u64 = 4;
/// The user's GS base: its thread block, in user data.
pub const USER_GS_BASE: u64 = USER_DATA + 0x800;

/// `poking_addr`: where `poking_mm` maps the page that is poked. Without KASLR it is `TASK_UNMAPPED_BASE`, a third of
/// the user's addresses (arch/x86/mm/init.c, `poking_init`, v6.12).
pub const POKING_ADDRESS: u64 = (TASK_SIZE_MAX / 3).next_multiple_of(PAGE);

// --- CR3 and ASIDs --------------------------------------------------------------------------------------------------

/// `PTI_USER_PGTABLE_BIT`: selects the user table of the pair (arch/x86/entry/calling.h).
pub const PTI_USER_PGTABLE_BIT: u32 = 12;
/// `X86_CR3_PTI_PCID_USER_BIT` (asm/processor-flags.h).
pub const PTI_USER_PCID_BIT: u32 = 11;
/// The user table of the pair, as a mask on CR3.
pub const PTI_USER_PGTABLE_MASK: u64 = 1 << PTI_USER_PGTABLE_BIT;
/// User PCIDs have this bit: 0x801 to 0x806.
pub const PTI_USER_PCID_MASK: u64 = 1 << PTI_USER_PCID_BIT;

/// PCID of the kernel half for an ASID: ASID plus 1, so that PCID 0 stays free (arch/x86/mm/tlb.c, `kern_pcid`).
pub const fn kernel_pcid(asid: u16) -> u16 {
    asid + 1
}

/// PCID of the user half for an ASID (arch/x86/mm/tlb.c, `user_pcid`).
pub const fn user_pcid(asid: u16) -> u16 {
    kernel_pcid(asid) | PTI_USER_PCID_MASK as u16
}

// --- Selectors and flags --------------------------------------------------------------------------------------------

/// `__KERNEL_CS`: GDT entry 2 (arch/x86/include/asm/segment.h).
pub const KERNEL_CS: u16 = 0x10;
/// `__KERNEL_DS`: GDT entry 3 (arch/x86/include/asm/segment.h).
pub const KERNEL_DS: u16 = 0x18;
/// `__USER32_CS`: GDT entry 4 with RPL 3, the base of STAR's SYSRET selectors (arch/x86/include/asm/segment.h).
pub const USER32_CS: u16 = 0x23;
/// `__USER_DS`: GDT entry 5 with RPL 3 (arch/x86/include/asm/segment.h).
pub const USER_DS: u16 = 0x2b;
/// `__USER_CS`: GDT entry 6 with RPL 3 (arch/x86/include/asm/segment.h).
pub const USER_CS: u16 = 0x33;
/// `GDT_ENTRY_TSS`, 8, times 8: the descriptor takes two entries (arch/x86/include/asm/segment.h).
pub const TSS_SELECTOR: u16 = 0x40;
/// `__CPUNODE_SEG`: GDT entry 15 with RPL 3; its limit holds the CPU number in bits 11:0 (arch/x86/include/asm/segment.h).
pub const CPUNODE_SEG: u16 = 0x7b;
/// Flags that SYSCALL clears: MSR_SYSCALL_MASK as `syscall_init` sets it (arch/x86/kernel/cpu/common.c).
pub const SYSCALL_MASK: u64 = 0x25_7fd5;
/// Vector of the local APIC timer: `LOCAL_TIMER_VECTOR` (asm/irq_vectors.h).
pub const TIMER_VECTOR: u8 = 0xec;
/// First PML4 slot of the kernel's, which are those whose linear addresses have bit 47 set (mm.rst).
pub const KERNEL_HALF_FIRST_SLOT: usize = 256;

/// Physical address of a linear address in the kernel image mapping.
pub const fn image_physical(linear: u64) -> u64 {
    linear - KERNEL_MAP
}
