//! What a CPU must offer to be compared with ours ([`Processor`]), and the state that is compared ([`CpuState`]).

use cr3_core::machine::cpu::GENERAL;
use cr3_core::machine::{Cpu, Event, Machine, SegmentRegister};
use iced_x86::Instruction;
use std::fmt;

/// The registers that are compared after every instruction.
///
/// It leaves out the hidden parts of the segment registers except the FS and GS bases and the privilege level, because
/// 64-bit mode uses nothing else of them (SDM vol. 3A 3.4.4). It also leaves out CR8, which belongs to the interrupt
/// controller, the debug registers, and the interrupt shadow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuState {
    /// General registers in encoding order, RAX first.
    pub registers: [u64; 16],
    /// Address of the next instruction.
    pub rip: u64,
    /// Flags, bit 1 set.
    pub rflags: u64,
    /// Selectors of ES, CS, SS, DS, FS, GS.
    pub selectors: [u16; 6],
    /// Current privilege level.
    pub cpl: u8,
    /// Base of FS.
    pub fs_base: u64,
    /// Base of GS.
    pub gs_base: u64,
    /// IA32_KERNEL_GS_BASE.
    pub kernel_gs_base: u64,
    /// CR0.
    pub cr0: u64,
    /// CR2.
    pub cr2: u64,
    /// CR3.
    pub cr3: u64,
    /// CR4.
    pub cr4: u64,
    /// IA32_EFER.
    pub efer: u64,
    /// IA32_STAR.
    pub star: u64,
    /// IA32_LSTAR.
    pub lstar: u64,
    /// IA32_FMASK.
    pub fmask: u64,
    /// IA32_TSC_AUX.
    pub tsc_aux: u64,
    /// IA32_MCG_STATUS.
    pub mcg_status: u64,
    /// Base and limit of the GDT.
    pub gdtr: (u64, u16),
    /// Base and limit of the IDT.
    pub idtr: (u64, u16),
    /// Selector of TR.
    pub task: u16,
    /// Whether NMIs are blocked, from the delivery of one until IRET.
    pub nmi_blocked: bool,
}

/// Number of fields of [`CpuState::fields`].
const FIELDS: usize = 44;

/// Names of the selectors in encoding order.
const SELECTORS: [&str; 6] = ["es", "cs", "ss", "ds", "fs", "gs"];

impl CpuState {
    /// The compared part of our machine's registers.
    pub fn of(cpu: &Cpu) -> Self {
        let base = |register: SegmentRegister| cpu.segments[register as usize].base;
        Self {
            registers: cpu.registers,
            rip: cpu.rip,
            rflags: cpu.rflags,
            selectors: cpu.segments.map(|segment| segment.selector),
            cpl: cpu.cpl,
            fs_base: base(SegmentRegister::Fs),
            gs_base: base(SegmentRegister::Gs),
            kernel_gs_base: cpu.msr.kernel_gs_base,
            cr0: cpu.cr0,
            cr2: cpu.cr2,
            cr3: cpu.cr3,
            cr4: cpu.cr4,
            efer: cpu.efer,
            star: cpu.msr.star,
            lstar: cpu.msr.lstar,
            fmask: cpu.msr.fmask,
            tsc_aux: cpu.msr.tsc_aux,
            mcg_status: machine_check_status(cpu),
            gdtr: (cpu.gdtr.base, cpu.gdtr.limit),
            idtr: (cpu.idtr.base, cpu.idtr.limit),
            task: cpu.task.selector,
            nmi_blocked: cpu.events.nmi_blocked,
        }
    }

    /// Every field with its name, in the order in which reports show them.
    pub fn fields(&self) -> [(&'static str, u64); FIELDS] {
        let mut fields = [("", 0); FIELDS];
        for (slot, (name, value)) in fields.iter_mut().zip(GENERAL.into_iter().zip(self.registers)) {
            *slot = (name, value);
        }
        for (slot, (name, value)) in fields[16..].iter_mut().zip(SELECTORS.into_iter().zip(self.selectors)) {
            *slot = (name, value.into());
        }
        fields[22..].copy_from_slice(&[
            ("rip", self.rip),
            ("rflags", self.rflags),
            ("cpl", self.cpl.into()),
            ("fs_base", self.fs_base),
            ("gs_base", self.gs_base),
            ("kernel_gs_base", self.kernel_gs_base),
            ("cr0", self.cr0),
            ("cr2", self.cr2),
            ("cr3", self.cr3),
            ("cr4", self.cr4),
            ("efer", self.efer),
            ("star", self.star),
            ("lstar", self.lstar),
            ("fmask", self.fmask),
            ("tsc_aux", self.tsc_aux),
            ("mcg_status", self.mcg_status),
            ("gdtr_base", self.gdtr.0),
            ("gdtr_limit", self.gdtr.1.into()),
            ("idtr_base", self.idtr.0),
            ("idtr_limit", self.idtr.1.into()),
            ("tr", self.task.into()),
            ("nmi_blocked", self.nmi_blocked.into()),
        ]);
        fields
    }
}

/// IA32_MCG_STATUS. Our machine keeps MCIP, bit 2, among its events.
pub(crate) fn machine_check_status(cpu: &Cpu) -> u64 {
    cpu.msr.mcg_status | u64::from(cpu.events.machine_check_in_progress) << 2
}

impl fmt::Display for CpuState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.fields().into_iter().enumerate() {
            let end = if index % 4 == 3 { '\n' } else { ' ' };
            write!(f, "{name:>14} {value:016x}{end}")?;
        }
        Ok(())
    }
}

/// The outcome of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The instruction retired.
    Retired,
    /// An exception or software interrupt was raised and not delivered: the state is the interrupted one.
    Raised(Raised),
    /// SYSCALL was reached and not executed.
    Syscall,
    /// The processor shut down: a triple fault.
    ShutDown,
}

/// An exception that a [`Processor`] raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raised {
    /// Its vector.
    pub vector: u8,
    /// The error code, or 0 if the vector has none.
    pub error_code: u32,
    /// CR2 at that moment.
    pub cr2: u64,
}

/// A store to physical memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store {
    /// Physical address of the first byte.
    pub physical: u64,
    /// In bytes, 1 to 8.
    pub size: u8,
    /// What was stored, zero-extended.
    pub value: u64,
}

/// One step of a [`Processor`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its outcome.
    pub outcome: Outcome,
    /// Data it stored, in order, without accessed and dirty bits of paging-structure entries.
    pub stores: Vec<Store>,
}

/// An engine refused a request or broke down; the comparison cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The request that failed.
    pub request: &'static str,
    /// The engine's answer.
    pub cause: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the second CPU cannot {}: {}", self.request, self.cause)
    }
}

impl std::error::Error for Failure {}

/// A CPU that can step our memory image.
///
/// It executes instructions: an exception stops it in the interrupted state. The caller then asks it to deliver the
/// exception. If it cannot, the caller hands it the state after delivery with [`Processor::adopt`].
pub trait Processor {
    /// Takes over registers and all physical memory, and forgets every cached translation.
    ///
    /// # Errors
    /// [`Failure`] if the engine cannot hold the state.
    fn load(&mut self, machine: &Machine) -> Result<(), Failure>;

    /// Executes one instruction. It may execute a single iteration of a repeated string instruction, which leaves RIP
    /// unchanged.
    ///
    /// # Errors
    /// [`Failure`] if the engine breaks down, but not for exceptions of the instruction.
    fn step(&mut self) -> Result<Step, Failure>;

    /// The registers now.
    ///
    /// # Errors
    /// [`Failure`] when the engine breaks down.
    fn state(&mut self) -> Result<CpuState, Failure>;

    /// Takes over registers, and forgets cached translations if a control register changes.
    ///
    /// # Errors
    /// [`Failure`] if the engine cannot hold the state.
    fn adopt(&mut self, cpu: &Cpu) -> Result<(), Failure>;

    /// Forgets cached translations.
    ///
    /// # Errors
    /// [`Failure`] when the engine breaks down.
    fn flush(&mut self) -> Result<(), Failure>;

    /// Forgets code translated at `linear`, after [`Processor::write`] changed it there. May disturb registers: adopt
    /// after it.
    ///
    /// # Errors
    /// [`Failure`] when the engine breaks down.
    fn forget_code(&mut self, linear: u64) -> Result<(), Failure>;

    /// Reads physical memory. Bytes that no page backs read as zero.
    ///
    /// # Errors
    /// [`Failure`] when the engine breaks down.
    fn read(&mut self, physical: u64, bytes: &mut [u8]) -> Result<(), Failure>;

    /// Writes physical memory, code included.
    ///
    /// # Errors
    /// [`Failure`] when the engine breaks down.
    fn write(&mut self, physical: u64, bytes: &[u8]) -> Result<(), Failure>;

    /// Whether it may execute the instruction at RIP. `instruction` is none if the fetch failed, and invalid if the
    /// bytes do not decode; in both cases `bytes` are those at RIP, as far as they can be read.
    fn executes(&self, instruction: Option<&Instruction>, bytes: &[u8]) -> bool;

    /// Delivers an event through its own IDT, TSS and interrupt stack table: an event between instructions, or the one
    /// that the last step raised. `error_code` is for exceptions that have one.
    ///
    /// # Errors
    /// [`Failure`] when the engine breaks down.
    fn deliver(&mut self, event: Event, error_code: u32) -> Result<Delivery, Failure> {
        let _ = (event, error_code);
        Ok(Delivery::Unable)
    }
}

/// The result of asking a [`Processor`] to deliver an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It is at a handler.
    Done,
    /// A triple fault.
    ShutDown,
    /// It stops at events and does not deliver them. Nothing has happened.
    Unable,
}
