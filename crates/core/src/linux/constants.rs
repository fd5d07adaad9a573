//! What the assembler knows of the layout: names that the texts use, with their values.

use super::layout::{self as at, IstStack};
use super::{Features, Kernel, Variation, tables};
use crate::asm::Options;

/// Addresses, selectors and offsets by the names that the texts use: the kernel's names where they exist.
const CONSTANTS: &[(&str, u64)] = &[
    // Selectors.
    ("__KERNEL_CS", at::KERNEL_CS as u64),
    ("__KERNEL_DS", at::KERNEL_DS as u64),
    ("__USER_CS", at::USER_CS as u64),
    ("__USER_DS", at::USER_DS as u64),
    ("__CPUNODE_SEG", at::CPUNODE_SEG as u64),
    // Names that calling.h takes from other headers.
    ("PAGE_SHIFT", at::PAGE.trailing_zeros() as u64),
    ("X86_CR3_PTI_PCID_USER_BIT", at::PTI_USER_PCID_BIT as u64),
    // Per-CPU symbols and offsets in them.
    ("cpu_tss_rw", at::PERCPU_CPU_TSS_RW),
    ("TSS_sp0", at::TSS_SP0),
    ("TSS_sp2", at::TSS_SP2),
    ("pcpu_hot", at::PERCPU_PCPU_HOT),
    ("X86_current_task", at::PCPU_HOT_CURRENT_TASK),
    ("X86_preempt_count", at::PCPU_HOT_PREEMPT_COUNT),
    ("X86_top_of_stack", at::PCPU_HOT_TOP_OF_STACK),
    ("cpu_tlbstate", at::PERCPU_CPU_TLBSTATE),
    ("TLB_STATE_loaded_mm", at::TLB_STATE_LOADED_MM),
    ("TLB_STATE_loaded_mm_asid", at::TLB_STATE_LOADED_MM_ASID),
    ("TLB_STATE_next_asid", at::TLB_STATE_NEXT_ASID),
    ("TLB_STATE_invalidate_other", at::TLB_STATE_INVALIDATE_OTHER),
    ("TLB_STATE_user_pcid_flush_mask", at::TLB_STATE_USER_PCID_FLUSH_MASK),
    ("TLB_STATE_cr4", at::TLB_STATE_CR4),
    ("TLB_STATE_ctxs", at::TLB_STATE_CTXS),
    ("TLB_NR_DYN_ASIDS", at::TLB_NR_DYN_ASIDS as u64),
    ("LOADED_MM_SWITCHING", at::LOADED_MM_SWITCHING),
    ("cpu_tlbstate_shared", at::PERCPU_CPU_TLBSTATE_SHARED),
    ("MM_pgd", at::MM_PGD),
    ("MM_ctx_id", at::MM_CONTEXT_ID),
    ("MM_tlb_gen", at::MM_TLB_GENERATION),
    ("nmi_state", at::PERCPU_NMI_STATE),
    ("nmi_cr2", at::PERCPU_NMI_CR2),
    ("nmi_dr7", at::PERCPU_NMI_DR7),
    ("nmi_count", at::PERCPU_COUNTERS),
    ("timer_ticks", at::PERCPU_COUNTERS + 8),
    ("breakpoint_hits", at::PERCPU_COUNTERS + 16),
    ("perf_samples", at::PERCPU_COUNTERS + 24),
    ("double_fault_rip", at::PERCPU_COUNTERS + 32),
    // Addresses.
    ("page_offset_base", at::DIRECT_MAP),
    ("per_cpu_area", at::PER_CPU),
    ("__START_KERNEL_map", at::KERNEL_MAP),
    ("user_mm_pgd", at::DIRECT_MAP + at::TABLES_PHYSICAL),
    ("second_mm_pgd", at::DIRECT_MAP + at::SECOND_TABLES_PHYSICAL),
    ("poking_mm_pgd", at::DIRECT_MAP + at::POKING_TABLES_PHYSICAL),
    ("swapper_pg_dir", at::DIRECT_MAP + at::INIT_TABLES_PHYSICAL),
    ("swapper_pg_dir_physical", at::INIT_TABLES_PHYSICAL),
    ("efi_pgd_physical", at::EFI_TABLE_PHYSICAL),
    ("poking_addr", at::POKING_ADDRESS),
    ("poking_pte", at::DIRECT_MAP + tables::leaf_entry_address(at::POKING_LAST_TABLE_PHYSICAL, at::POKING_ADDRESS)),
    ("entry_stack", at::ENTRY_STACK),
    ("exception_stacks", at::EXCEPTION_STACKS),
    ("EXCEPTION_STKSZ", at::EXCEPTION_STACK_SIZE),
    ("EXCEPTION_STACK_STRIDE", IstStack::Nmi.top() - IstStack::DoubleFault.top()),
    ("vc2_stack_top", IstStack::Vc2.top()),
    ("thread_stack", at::THREAD_STACK),
    ("THREAD_SIZE", at::THREAD_STACK_SIZE),
    ("kernel_buffer", at::KERNEL_BUFFER),
    ("KERNEL_LOOP_PAGES", at::KERNEL_LOOP_PAGES),
    ("perf_ring", at::PERF_RING),
    ("ghes_copy", at::GHES_COPY),
    ("fixmap_ghes_irq", at::FIXMAP_GHES_IRQ),
    ("fixmap_ghes_irq_pte", tables::leaf_entry_address(at::FIXMAP_TABLE, at::FIXMAP_GHES_IRQ)),
    ("TASK_SIZE_MAX", at::TASK_SIZE_MAX),
    ("USER_TEXT", at::USER_TEXT),
    ("USER_TEXT_END", at::USER_TEXT + at::PAGE),
    ("USER_DATA", at::USER_DATA),
    ("USER_DATA_END", at::USER_UNMAPPED),
    ("USER_STACK", at::USER_STACK),
];

/// A section of the texts: its linear address, its physical address, and its size.
pub(super) struct Region {
    /// Its name in the texts.
    pub(super) section: &'static str,
    /// Linear address.
    pub(super) linear: u64,
    /// Physical address.
    pub(super) physical: u64,
    /// Bytes.
    pub(super) size: u64,
}

/// Code of a kernel tree: what tracing must not touch, and until v5.16 what mends faults.
pub(super) const OF_TREES: [Region; 2] = [
    image_region(".noinstr.text", at::NO_INSTRUMENTATION_TEXT, at::FIXUP_TEXT - at::NO_INSTRUMENTATION_TEXT),
    image_region(".fixup", at::FIXUP_TEXT, at::KERNEL_TEXT + at::IMAGE_PAGE - at::FIXUP_TEXT),
];

/// Every section that the texts may use.
pub(super) const REGIONS: [Region; 5] = [
    image_region(".text", at::KERNEL_TEXT, at::NO_INSTRUMENTATION_TEXT - at::KERNEL_TEXT),
    image_region(".entry.text", at::ENTRY_TEXT, at::IMAGE_PAGE),
    image_region(".data", at::KERNEL_DATA, at::EXCEPTION_TABLE - at::KERNEL_DATA),
    image_region("__ex_table", at::EXCEPTION_TABLE, at::FIXMAP_TABLE - at::EXCEPTION_TABLE),
    Region { section: ".user.text", linear: at::USER_TEXT, physical: at::USER_TEXT_PHYSICAL, size: at::PAGE },
];

const fn image_region(section: &'static str, linear: u64, size: u64) -> Region {
    Region { section, linear, physical: at::image_physical(linear), size }
}

/// The assembler's options: constants, addresses of sections, the choice of each ALTERNATIVE's arm.
pub(super) fn options(features: Features, kernel: Kernel) -> Options {
    let mut options = Options::default();
    for &(name, value) in CONSTANTS {
        options.constants.insert(name.to_owned(), value.cast_signed());
    }
    if features.sev_es {
        options.constants.insert(CONFIGURED[0].to_owned(), 1);
    }
    for variation in Variation::ALL {
        options.constants.insert(variation.constant().to_owned(), i64::from(executes(variation, features, kernel)));
    }
    if kernel.has(Variation::DebugEntry) {
        options.constants.insert(CONFIGURED[1].to_owned(), 1);
    }
    let last_stack = if features.sev_es { IstStack::Vc2 } else { IstStack::MachineCheck };
    let exception_stacks_size = last_stack.top() - at::EXCEPTION_STACKS;
    options.constants.insert("EXCEPTION_STACKS_SIZE".to_owned(), exception_stacks_size.cast_signed());
    let record = at::GHES_RECORD_PHYSICAL | tables::kernel_data_bits(features);
    options.constants.insert("GHES_PTE".to_owned(), record.cast_signed());
    let poked = tables::poking_bits(features);
    options.constants.insert("POKING_PTE_BITS".to_owned(), poked.cast_signed());
    for region in &REGIONS {
        options.sections.insert(region.section.to_owned(), region.linear);
    }
    options.features = feature_names(features).map(str::to_owned).collect();
    options.feature_numbers = NUMBERS.map(|(name, number)| (name.to_owned(), number)).into();
    options.discarded = DISCARDED.map(str::to_owned).into();
    options
}

/// Numbers of features that every kernel since v4.15 has (asm/cpufeatures.h). Those of others have moved.
const NUMBERS: [(&str, u16); 7] = [
    ("X86_FEATURE_ALWAYS", 3 * 32 + 21),
    ("X86_FEATURE_PCID", 4 * 32 + 17),
    ("X86_FEATURE_PTI", 7 * 32 + 11),
    ("X86_FEATURE_FSGSBASE", 9 * 32),
    ("X86_FEATURE_INVPCID", 9 * 32 + 10),
    ("X86_FEATURE_FENCE_SWAPGS_USER", 11 * 32 + 4),
    ("X86_FEATURE_FENCE_SWAPGS_KERNEL", 11 * 32 + 5),
];

/// Names of the configuration that a switch or a variation of the kernel decides.
const CONFIGURED: [&str; 2] = ["CONFIG_AMD_MEM_ENCRYPT", "CONFIG_DEBUG_ENTRY"];

/// Names that an ALTERNATIVE or `#ifdef` may ask for and that something here decides.
pub fn askable() -> impl Iterator<Item = &'static str> {
    let switches = switches(Features::default()).into_iter().map(|(name, _)| name);
    NUMBERS.into_iter().map(|(name, _)| name).chain(switches).chain(CONFIGURED)
}

/// Sections of tables that the linker script drops, or that the kernel reads for what is not modelled: alternatives, which
/// are applied here while assembling, return thunks, locks, tracing, unwinding, and symbols for modules.
const DISCARDED: [&str; 17] = [
    ".discard",
    ".altinstructions",
    ".altinstr_replacement",
    ".altinstr_aux",
    ".parainstructions",
    ".retpoline_sites",
    ".return_sites",
    ".call_sites",
    ".ibt_endbr_seal",
    ".smp_locks",
    ".orc_unwind",
    ".orc_unwind_ip",
    ".export_symbol",
    ".note",
    "__mcount_loc",
    "__jump_table",
    "__bug_table",
];

/// Whether the texts of a variation are executed. A guest that is none of SEV-ES completes no NMI.
fn executes(variation: Variation, features: Features, kernel: Kernel) -> bool {
    kernel.has(variation) && (variation != Variation::NmiComplete || features.sev_es)
}

/// The kernel's names of the features that are on.
fn feature_names(features: Features) -> impl Iterator<Item = &'static str> {
    switches(features).into_iter().filter_map(|(name, on)| on.then_some(name))
}

/// Whether a switch or the processor decides the feature with this name of the kernel's.
pub(super) fn decides(feature: &str) -> bool {
    feature == "X86_FEATURE_ALWAYS" || switches(Features::default()).iter().any(|(name, _)| *name == feature)
}

/// The kernel's names of features, and which are on. A processor that needs page-table isolation also needs VERW and fences
/// after SWAPGS. With isolation, the write to CR3 is the fence on entry from user (arch/x86/kernel/cpu/bugs.c, v6.12).
fn switches(features: Features) -> [(&'static str, bool); 8] {
    [
        ("X86_FEATURE_PTI", features.pti),
        ("X86_FEATURE_PCID", features.pcid),
        // Set only if PCIDs are on too (arch/x86/mm/init.c, setup_pcid).
        ("X86_FEATURE_INVPCID_SINGLE", features.invpcid && features.pcid),
        ("X86_FEATURE_INVPCID", features.invpcid),
        ("X86_FEATURE_FSGSBASE", features.fsgsbase),
        ("X86_FEATURE_FENCE_SWAPGS_USER", !features.pti),
        ("X86_FEATURE_FENCE_SWAPGS_KERNEL", true),
        ("X86_FEATURE_CLEAR_CPU_BUF", true),
    ]
}
