//! The registers of the machine, and what follows from them alone.

use super::bits::{self, cr0, cr3, cr4, efer, segment};
use super::rflags::FIXED;

/// General-purpose registers in encoding order (SDM vol. 2, table 3-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Register {
    Rax,
    Rcx,
    Rdx,
    Rbx,
    Rsp,
    Rbp,
    Rsi,
    Rdi,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
}

/// The names of the general registers in AT&T syntax without `%`, in encoding order.
pub const GENERAL: [&str; 16] =
    ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];

impl Register {
    /// All of them, in encoding order.
    pub const ALL: [Self; 16] = [
        Self::Rax,
        Self::Rcx,
        Self::Rdx,
        Self::Rbx,
        Self::Rsp,
        Self::Rbp,
        Self::Rsi,
        Self::Rdi,
        Self::R8,
        Self::R9,
        Self::R10,
        Self::R11,
        Self::R12,
        Self::R13,
        Self::R14,
        Self::R15,
    ];
}

/// Segment registers in encoding order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum SegmentRegister {
    Es,
    Cs,
    Ss,
    Ds,
    Fs,
    Gs,
}

/// A segment register with its hidden part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Segment {
    /// The visible selector.
    pub selector: u16,
    /// Linear base. Only FS and GS use it in 64-bit mode.
    pub base: u64,
    /// Limit in bytes, as LSL reports it.
    pub limit: u32,
    /// Bits 55:40 of the descriptor shifted down (type, S, DPL, P, AVL, L, D/B, G); limit bits within are zero.
    pub attributes: u16,
}

/// Base and limit of GDT or IDT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DescriptorTable {
    /// Linear address.
    pub base: u64,
    /// Limit in bytes minus one.
    pub limit: u16,
}

/// Why the processor holds interrupts and debug traps back for one instruction (SDM vol. 3A 6.8.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Shadow {
    /// Nothing is held back.
    #[default]
    None,
    /// After STI that set IF: maskable interrupts wait for one instruction.
    Sti,
    /// After MOV SS or POP SS: interrupts, NMI and debug traps wait for one instruction.
    MovSs,
}

/// What waits or is blocked at instruction boundaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Events {
    /// Set by NMI delivery, cleared by IRET (SDM vol. 3A 6.7.1).
    pub nmi_blocked: bool,
    /// The one NMI that the processor latches while NMIs are blocked.
    pub nmi_pending: bool,
    /// IA32_MCG_STATUS.MCIP: a second machine check while set shuts the processor down (SDM vol. 3B 15.3.1.2).
    pub machine_check_in_progress: bool,
    /// The interrupt shadow.
    pub shadow: Shadow,
    /// Debug traps that wait for the end of the instruction, or that [`Shadow::MovSs`] holds back: bits of DR6.
    pub debug_pending: u64,
    /// HLT was executed; only an event wakes the processor.
    pub halted: bool,
    /// A triple fault, or a machine check during a machine check: the processor stops for good.
    pub shut_down: bool,
}

/// What CPUID reports, what the control registers accept, and which exceptions exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CpuFeatures {
    /// CPUID.01H:ECX bit 17: CR4.PCIDE may be set.
    pub pcid: bool,
    /// CPUID.07H.0:EBX bit 10: INVPCID exists.
    pub invpcid: bool,
    /// CPUID.07H.0:EBX bit 0: CR4.FSGSBASE may be set.
    pub fsgsbase: bool,
    /// CPUID.07H.0:EBX bit 7: CR4.SMEP may be set.
    pub smep: bool,
    /// CPUID.07H.0:EBX bit 20: CR4.SMAP may be set; STAC and CLAC exist.
    pub smap: bool,
    /// CPUID.80000001H:EDX bit 20: EFER.NXE may be set.
    pub nx: bool,
    /// CPUID.07H.0:ECX bit 2: CR4.UMIP may be set.
    pub umip: bool,
    /// Linear-address masking: CR3 bits 61 and 62 are accepted.
    pub lam: bool,
    /// CPUID.07H.0:ECX bit 16: 57-bit linear addresses.
    pub la57: bool,
    /// A guest of SEV-ES, in which #VC exists (AMD APM vol. 2 15.35.5). CPUID does not report it.
    pub sev_es: bool,
    /// MAXPHYADDR, in bits.
    pub physical_address_bits: u8,
}

/// Model-specific registers that entry code uses. EFER lives in [`Cpu::efer`], FS and GS bases in their segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ModelSpecific {
    /// IA32_STAR, C0000081H: selectors of SYSCALL in bits 47:32, of SYSRET in bits 63:48.
    pub star: u64,
    /// IA32_LSTAR, C0000082H: RIP after SYSCALL from 64-bit mode.
    pub lstar: u64,
    /// IA32_CSTAR, C0000083H: RIP after SYSCALL from compatibility mode; Intel processors do not use it.
    pub cstar: u64,
    /// IA32_FMASK, C0000084H: bits of RFLAGS that SYSCALL clears.
    pub fmask: u64,
    /// IA32_KERNEL_GS_BASE, C0000102H: what SWAPGS exchanges with the GS base.
    pub kernel_gs_base: u64,
    /// IA32_TSC_AUX, C0000103H: what RDTSCP puts into ECX.
    pub tsc_aux: u64,
    /// IA32_SPEC_CTRL, 48H: stored, without effect.
    pub spec_ctrl: u64,
    /// IA32_SYSENTER_CS, 174H: stored.
    pub sysenter_cs: u64,
    /// IA32_SYSENTER_ESP, 175H: stored.
    pub sysenter_esp: u64,
    /// IA32_SYSENTER_EIP, 176H: stored.
    pub sysenter_eip: u64,
    /// IA32_MCG_STATUS without MCIP, which is [`Events::machine_check_in_progress`].
    pub mcg_status: u64,
    /// IA32_DEBUGCTL, 1D9H: stored.
    pub debug_ctl: u64,
    /// IA32_TIME_STAMP_COUNTER as the next RDTSC reads it. There is no clock: every read advances it by a fixed step. A
    /// run therefore stays a function of its state, and loops that wait for the counter end.
    pub time_stamp: u64,
}

/// Everything in the processor except the translation caches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cpu {
    /// General registers, indexed by [`Register`].
    pub registers: [u64; 16],
    /// Address of the next instruction.
    pub rip: u64,
    /// Flags; bit 1 is always set.
    pub rflags: u64,
    /// Segment registers, indexed by [`SegmentRegister`].
    pub segments: [Segment; 6],
    /// Current privilege level, 0 to 3.
    pub cpl: u8,
    /// CR0.
    pub cr0: u64,
    /// CR2: linear address of the last page fault.
    pub cr2: u64,
    /// CR3; bit 63 is never stored (SDM vol. 2, MOV to control registers).
    pub cr3: u64,
    /// CR4.
    pub cr4: u64,
    /// CR8: task priority, bits 3:0.
    pub cr8: u64,
    /// IA32_EFER.
    pub efer: u64,
    /// DR0-DR3, DR6, DR7 in that order.
    pub debug: [u64; 6],
    /// The other model-specific registers.
    pub msr: ModelSpecific,
    /// Global descriptor table.
    pub gdtr: DescriptorTable,
    /// Interrupt descriptor table.
    pub idtr: DescriptorTable,
    /// Task register: the TSS gives RSP0 and the IST stacks.
    pub task: Segment,
    /// What waits or is blocked.
    pub events: Events,
    /// What this processor can do.
    pub features: CpuFeatures,
}

impl CpuFeatures {
    /// A processor that has all features.
    pub const ALL: Self = Self {
        pcid: true,
        invpcid: true,
        fsgsbase: true,
        smep: true,
        smap: true,
        nx: true,
        umip: true,
        lam: true,
        la57: true,
        sev_es: true,
        physical_address_bits: 52,
    };
}

impl Cpu {
    /// A processor in 64-bit mode at CPL 0 that has every feature: paging and PAE are on, everything else is zero.
    pub fn in_long_mode() -> Self {
        let code = Segment { attributes: segment::PRESENT | segment::LONG, ..Segment::default() };
        let mut segments = [Segment::default(); 6];
        segments[SegmentRegister::Cs as usize] = code;
        Self {
            registers: [0; 16],
            rip: 0,
            rflags: FIXED,
            segments,
            cpl: 0,
            cr0: cr0::PE | cr0::PG,
            cr2: 0,
            cr3: 0,
            cr4: cr4::PAE,
            cr8: 0,
            efer: efer::LME | efer::LMA,
            debug: [0; 6],
            msr: ModelSpecific::default(),
            gdtr: DescriptorTable::default(),
            idtr: DescriptorTable::default(),
            task: Segment::default(),
            events: Events::default(),
            features: CpuFeatures::ALL,
        }
    }
}

/// The PCID that new translations get: CR3 bits 11:0 while CR4.PCIDE=1, otherwise 000H (SDM vol. 3A 4.10.1).
#[inline]
pub fn current_pcid(cpu: &Cpu) -> u16 {
    if cpu.cr4 & cr4::PCIDE != 0 { (cpu.cr3 & cr3::PCID) as u16 } else { 0 }
}

/// Whether all bits of `linear` above the translated ones equal the highest translated one (SDM vol. 1 3.3.7.1).
#[inline]
pub fn canonical(cpu: &Cpu, linear: u64) -> bool {
    bits::canonical_in(if cpu.cr4 & cr4::LA57 != 0 { 57 } else { 48 }, linear)
}
