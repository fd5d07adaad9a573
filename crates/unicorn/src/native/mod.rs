//! Unicorn 2.1.5, linked natively, as a [`Processor`].
//!
//! It executes instructions, walks page tables and finds faults by itself. This includes IRETQ, SYSRETQ, SWAPGS, MOV to
//! and from control registers and the checks of pages, segments and privilege. It stops at events and continues from
//! our machine's state after the delivery. Its registers are read and written in its saved context, all in one call;
//! `context` says how.
//!
//! Three habits of Unicorn matter to code that steps it:
//!
//! - It looks up the instruction after the requested one before it checks whether to stop. It walks the page of the
//!   next RIP and sets its accessed bits. A fault there reports itself and overwrites CR2.
//! - A repeated string instruction stops after each iteration.
//! - While it is stopped, RFLAGS is split over `eflags`, `cc_src` and `df`; all three have to be written.
//!
//! It never clears the exception in flight, so every second page fault would be a double fault. The step clears it.

mod context;
mod engine;

pub use engine::Hooks;

use crate::limits;
use crate::processor::{CpuState, Failure, Outcome, Processor, Raised, Step, machine_check_status};
use context::{Context, Head, SegmentCache, msr};
use cr3_core::machine::{Cpu, Machine, Segment, SegmentRegister, rflags};
use engine::{BLOCK, Engine, Notes, failure, map_block, open, write_msr};
use iced_x86::Instruction;
use unicorn_engine::RegisterX86;
use unicorn_engine::unicorn_const::uc_error;

/// `HF_` constants of `qemu/target/i386/cpu.h`.
mod hidden {
    /// `HF_CPL_MASK`.
    pub(super) const PRIVILEGE: u32 = 3;
    /// `HF_INHIBIT_IRQ_MASK`.
    pub(super) const INHIBIT_INTERRUPT: u32 = 1 << 3;
    /// `HF_CS32_MASK | HF_SS32_MASK | HF_CS64_MASK`: what loading a 64-bit code segment sets.
    pub(super) const LONG_CODE: u32 = 1 << 4 | 1 << 5 | 1 << 15;
    /// `HF2_NMI_MASK`, in the second word.
    pub(super) const NMI_BLOCKED: u32 = 1 << 2;
}

/// `CC_OP_EFLAGS`: `cc_src` holds the status flags.
const CC_OP_EFLAGS: u32 = 1;

/// Native Unicorn.
pub struct Native {
    engine: Engine,
    context: Context,
    /// `hflags` of a fresh engine: long mode, CPL 0.
    hidden_flags: u32,
    /// CR2 before the step.
    cr2: u64,
}

impl Native {
    /// Opens an engine without memory.
    ///
    /// # Errors
    /// [`Failure`] if Unicorn cannot be set up, or is another version than 2.1.5.
    pub fn open() -> Result<Self, Failure> {
        Self::open_with(Hooks::All)
    }

    /// Opens an engine without memory, for [`Native::run`], where fewer hooks suffice.
    ///
    /// # Errors
    /// Those of [`Native::open`].
    pub fn open_with(hooks: Hooks) -> Result<Self, Failure> {
        let mut engine = open(hooks)?;
        let mut fresh = Context::open(&mut engine)?;
        fresh.save(&engine)?;
        let hidden_flags = fresh.head().hidden_flags;
        Ok(Self { engine, context: fresh, hidden_flags, cr2: 0 })
    }

    /// Runs in one call until RIP is `until`, with every hook that was asked for. Returns the number of instructions
    /// begun.
    ///
    /// # Errors
    /// [`Failure`] on an exception.
    pub fn run(&mut self, until: u64) -> Result<u64, Failure> {
        self.context.save(&self.engine)?;
        let rip = self.context.head().rip;
        *self.engine.get_data_mut() =
            Notes { blocks: std::mem::take(&mut self.engine.get_data_mut().blocks), ..Notes::default() };
        self.engine.ctl_set_exits(&[until]).map_err(|error| failure("set where to stop", error))?;
        let result = self.engine.emu_start(rip, 0, 0, 0).map_err(|error| failure("run", error));
        self.engine.ctl_set_exits(&[]).map_err(|error| failure("forget where to stop", error))?;
        result?;
        let notes = self.engine.get_data();
        match notes.interrupt {
            None => Ok(notes.begun),
            Some((vector, rip, _)) => Err(Failure { request: "run", cause: format!("exception {vector} at {rip:#x}") }),
        }
    }

    /// The outcome of the step, from what the hooks noted; `rip` is where it began.
    fn outcome(&mut self, rip: u64, result: Result<(), uc_error>) -> Result<Outcome, Failure> {
        self.context.save(&self.engine)?;
        let (error_code, software) = self.context.exception();
        let notes = self.engine.get_data();
        if let Some((vector, at, cr2)) = notes.interrupt {
            let next_fetch = limits::fetch_of_next(notes.begun, rip, at, vector, software);
            // Unicorn keeps the exception in flight for ever: the next one would be a double fault.
            self.context.set_old_exception(-1);
            if next_fetch {
                self.context.head_mut().control[2] = self.cr2;
            }
            self.context.restore(&self.engine)?;
            if next_fetch {
                return Ok(Outcome::Retired);
            }
            let vector = vector as u8;
            let error_code = if limits::has_error_code(vector) && !software { error_code } else { 0 };
            return Ok(Outcome::Raised(Raised { vector, error_code, cr2 }));
        }
        match result {
            Ok(()) if notes.syscall => Ok(Outcome::Syscall),
            Ok(()) => Ok(Outcome::Retired),
            Err(uc_error::INSN_INVALID) => {
                let cr2 = self.context.head().control[2];
                Ok(Outcome::Raised(Raised { vector: 6, error_code: 0, cr2 }))
            }
            Err(error) => Err(failure("step", error)),
        }
    }

    /// Maps this many bytes from `physical` on; at most two blocks.
    fn map(&mut self, physical: u64, length: usize) -> Result<(), Failure> {
        let last = physical.saturating_add(length.saturating_sub(1) as u64);
        let result = map_block(&mut self.engine, physical).and_then(|()| map_block(&mut self.engine, last));
        result.map_err(|error| failure("map memory", error))
    }

    /// Unmaps all memory, so that nothing of an earlier image is left.
    fn unmap(&mut self) -> Result<(), Failure> {
        for block in std::mem::take(&mut self.engine.get_data_mut().blocks) {
            self.engine.mem_unmap(block, BLOCK).map_err(|error| failure("unmap memory", error))?;
        }
        Ok(())
    }

    /// Sets the control registers on which hidden flags depend, through the interface that maintains them.
    fn set_control(&mut self, cpu: &Cpu) -> Result<(), Failure> {
        let set = |engine: &mut Engine, register: RegisterX86, value: u64| {
            engine.reg_write(register, value).map_err(|error| failure("write a control register", error))
        };
        let Head { control, efer, .. } = *self.context.head();
        // PAE before PG, and PG before the CR3 that is walked.
        if control[4] != cpu.cr4 {
            set(&mut self.engine, RegisterX86::CR4, cpu.cr4)?;
        }
        if efer != cpu.efer {
            write_msr(&self.engine, msr::EFER, cpu.efer)?;
        }
        if control[0] != cpu.cr0 {
            set(&mut self.engine, RegisterX86::CR0, cpu.cr0)?;
        }
        if control[3] != cpu.cr3 {
            set(&mut self.engine, RegisterX86::CR3, cpu.cr3)?;
        }
        Ok(())
    }
}

fn cache(segment: &Segment) -> SegmentCache {
    SegmentCache {
        selector: segment.selector.into(),
        base: segment.base,
        limit: segment.limit,
        flags: u32::from(segment.attributes) << 8,
    }
}

impl Processor for Native {
    fn load(&mut self, machine: &Machine) -> Result<(), Failure> {
        self.unmap()?;
        for (physical, page) in machine.memory.pages() {
            self.write(physical, page)?;
        }
        self.adopt(&machine.cpu)?;
        self.engine.ctl_flush_tb().map_err(|error| failure("forget translated code", error))?;
        self.flush()
    }

    fn step(&mut self) -> Result<Step, Failure> {
        self.context.save(&self.engine)?;
        let rip = self.context.head().rip;
        self.cr2 = self.context.head().control[2];
        let notes = self.engine.get_data_mut();
        notes.begun = 0;
        notes.interrupt = None;
        notes.syscall = false;
        notes.stores.clear();
        let result = self.engine.emu_start(rip, 0, 0, 1);
        let outcome = self.outcome(rip, result)?;
        Ok(Step { outcome, stores: std::mem::take(&mut self.engine.get_data_mut().stores) })
    }

    fn state(&mut self) -> Result<CpuState, Failure> {
        self.context.save(&self.engine)?;
        let rflags = self.engine.reg_read(RegisterX86::RFLAGS).map_err(|error| failure("read RFLAGS", error))?;
        let [star, lstar, fmask, kernel_gs_base, tsc_aux, mcg_status] = self.context.model_specific();
        let head = self.context.head();
        Ok(CpuState {
            registers: head.registers,
            rip: head.rip,
            rflags,
            selectors: head.segments.map(|segment| segment.selector as u16),
            cpl: (head.hidden_flags & hidden::PRIVILEGE) as u8,
            fs_base: head.segments[SegmentRegister::Fs as usize].base,
            gs_base: head.segments[SegmentRegister::Gs as usize].base,
            kernel_gs_base,
            cr0: head.control[0],
            cr2: head.control[2],
            cr3: head.control[3],
            cr4: head.control[4],
            efer: head.efer,
            star,
            lstar,
            fmask,
            tsc_aux,
            mcg_status,
            gdtr: (head.gdt.base, head.gdt.limit as u16),
            idtr: (head.idt.base, head.idt.limit as u16),
            task: head.task.selector as u16,
            nmi_blocked: head.hidden_flags_2 & hidden::NMI_BLOCKED != 0,
        })
    }

    fn adopt(&mut self, cpu: &Cpu) -> Result<(), Failure> {
        self.context.save(&self.engine)?;
        self.set_control(cpu)?;
        self.context.save(&self.engine)?;
        let kept = hidden::PRIVILEGE | hidden::INHIBIT_INTERRUPT | hidden::LONG_CODE;
        let long = self.hidden_flags & hidden::LONG_CODE;
        let head = self.context.head_mut();
        head.registers = cpu.registers;
        head.rip = cpu.rip;
        // Like `cpu_load_eflags`: running starts from `eflags`, the interface reads the others.
        head.eflags = cpu.rflags;
        head.cc_operation = CC_OP_EFLAGS;
        head.cc_source = cpu.rflags & rflags::STATUS;
        head.direction = if cpu.rflags & rflags::DF == 0 { 1 } else { -1 };
        head.hidden_flags = head.hidden_flags & !kept | long | u32::from(cpu.cpl);
        let blocked = if cpu.events.nmi_blocked { hidden::NMI_BLOCKED } else { 0 };
        head.hidden_flags_2 = head.hidden_flags_2 & !hidden::NMI_BLOCKED | blocked;
        head.segments = cpu.segments.each_ref().map(cache);
        head.task = cache(&cpu.task);
        for (table, place) in [(&cpu.gdtr, &mut head.gdt), (&cpu.idtr, &mut head.idt)] {
            place.base = table.base;
            place.limit = table.limit.into();
        }
        // Our machine has no local descriptor table.
        head.ldt = cache(&Segment::default());
        head.control[2] = cpu.cr2;
        let (msr, mcg_status) = (&cpu.msr, machine_check_status(cpu));
        self.context.set_model_specific([msr.star, msr.lstar, msr.fmask, msr.kernel_gs_base, msr.tsc_aux, mcg_status]);
        self.context.set_debug(&cpu.debug);
        self.context.set_old_exception(-1);
        self.context.restore(&self.engine)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.engine.ctl_flush_tlb().map_err(|error| failure("flush its TLB", error))
    }

    /// Unicorn's writes of memory do not look for translated code, and it forgets by linear address only.
    fn forget_code(&mut self, linear: u64) -> Result<(), Failure> {
        let end = linear.saturating_add(16);
        self.engine.ctl_remove_cache(linear, end).map_err(|error| failure("forget translated code", error))
    }

    fn read(&mut self, physical: u64, bytes: &mut [u8]) -> Result<(), Failure> {
        self.map(physical, bytes.len())?;
        self.engine.mem_read(physical, bytes).map_err(|error| failure("read memory", error))
    }

    fn write(&mut self, physical: u64, bytes: &[u8]) -> Result<(), Failure> {
        self.map(physical, bytes.len())?;
        self.engine.mem_write(physical, bytes).map_err(|error| failure("write memory", error))
    }

    fn executes(&self, instruction: Option<&Instruction>, bytes: &[u8]) -> bool {
        limits::prevented(instruction, bytes).is_none()
    }
}
