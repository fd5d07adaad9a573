//! A system, stepped by hand, and what it did.

use cr3_core::linux::layout::{USER_DATA_PHYSICAL, USER_PCID_FLUSH_MASK_PHYSICAL};
use cr3_core::linux::{self, Config, Features, Form, Handler, Handlers, System};
use cr3_core::machine::observe::{ControlAccess, Cr3Flush, Delivered, Written};
use cr3_core::machine::{self, Cpu, Event, Exception, Fault, Machine, Observer, Register, Stop};
use iced_x86::{Instruction, Mnemonic};

/// More steps than any run here needs.
const BUDGET: usize = 200_000;

pub(crate) const FORMS: [Form; 5] = [Form::A, Form::B2, Form::C, Form::E, Form::Never];
pub(crate) const HANDLERS: [Handler; 3] = [Handler::Quiet, Handler::Perf, Handler::PendingFlush];

/// The 32 combinations of the five switches of the processor.
pub(crate) fn all_features() -> impl Iterator<Item = Features> {
    Features::every_set().filter(|features| features.sev_es)
}

pub(crate) const ALL_ON: Features = Features::ALL;

/// A MOV to CR3 that retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cr3Write {
    /// RIP of the instruction.
    pub(crate) rip: u64,
    pub(crate) before: u64,
    pub(crate) after: u64,
    pub(crate) flush: Cr3Flush,
}

/// What happened since the log was cleared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    rip: u64,
    pub(crate) cr3_writes: Vec<Cr3Write>,
    pub(crate) cr4_writes: usize,
    pub(crate) invpcids: usize,
    pub(crate) delivered: Vec<Delivered>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) returns: Vec<Mnemonic>,
}

impl Observer for Log {
    fn before(&mut self, machine: &Machine, _: &Instruction) {
        self.rip = machine.cpu.rip;
    }

    fn retired(&mut self, machine: &Machine, instruction: &Instruction) {
        let mnemonic = instruction.mnemonic();
        match mnemonic {
            Mnemonic::Iretq | Mnemonic::Sysretq if machine.cpu.cpl == 3 => self.returns.push(mnemonic),
            Mnemonic::Invpcid => self.invpcids += 1,
            _ => {}
        }
    }

    fn control(&mut self, access: &ControlAccess) {
        match *access {
            ControlAccess::Write { written: Written::Cr3 { flush, .. }, before, after, .. } => {
                self.cr3_writes.push(Cr3Write { rip: self.rip, before, after, flush });
            }
            ControlAccess::Write { written: Written::Cr4, .. } => self.cr4_writes += 1,
            _ => {}
        }
    }

    fn fault(&mut self, fault: &Fault) {
        self.faults.push(fault.clone());
    }

    fn delivered(&mut self, _: &Machine, delivered: &Delivered) {
        self.delivered.push(delivered.clone());
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) system: System,
    pub(crate) machine: Machine,
    pub(crate) log: Log,
}

impl Run {
    pub(crate) fn new(features: Features, form: Form, handler: impl Into<Handlers>) -> Self {
        Self::of(&Config { features, form, handler: handler.into(), ..Config::default() })
    }

    pub(crate) fn of(config: &Config) -> Self {
        let system = linux::boot(config).unwrap_or_else(|diagnostics| panic!("{config:?}: {diagnostics:#?}"));
        Self { machine: system.machine.clone(), system, log: Log::default() }
    }

    pub(crate) fn address(&self, label: &str) -> u64 {
        *self.system.image.symbols.get(label).unwrap_or_else(|| panic!("no label {label}"))
    }

    /// Nearest label that is not local, and the distance in bytes.
    pub(crate) fn place(&self) -> String {
        let rip = self.machine.cpu.rip;
        let labels = self.system.image.symbols.iter().filter(|(name, _)| !name.starts_with(".L"));
        let nearest = labels.filter(|&(_, &address)| address <= rip).max_by_key(|&(_, &address)| address);
        nearest.map_or_else(|| format!("{rip:#x}"), |(name, address)| format!("{name}+{:#x}", rip - address))
    }

    pub(crate) fn step(&mut self) -> Result<(), Stop> {
        machine::step(&mut self.machine, &mut self.log)
    }

    /// Steps until the next instruction is at `label`.
    pub(crate) fn run_to(&mut self, label: &str) {
        let address = self.address(label);
        self.run_until(|machine| machine.cpu.rip == address);
    }

    pub(crate) fn run_until(&mut self, reached: impl Fn(&Machine) -> bool) {
        for _ in 0..BUDGET {
            if reached(&self.machine) {
                return;
            }
            if let Err(stop) = self.step() {
                panic!("stopped at {} before it got there: {stop:?}", self.place());
            }
        }
        panic!("did not get there; now at {}", self.place());
    }

    /// Steps until the machine stops. Returns the label of its HLT, or why it shut down.
    pub(crate) fn run_to_end(&mut self) -> String {
        for _ in 0..BUDGET {
            match self.step() {
                Ok(()) => {}
                Err(Stop::Halted) => {
                    let place = self.place();
                    return place.split('+').next().unwrap_or(&place).to_owned();
                }
                Err(Stop::Shutdown { rip, chain }) => return format!("shutdown at {rip:#x}: {chain:?}"),
            }
        }
        format!("still running at {}", self.place())
    }

    /// Injects at this boundary; panics if the architecture forbids it.
    pub(crate) fn inject(&mut self, exception: Exception) {
        let event = Event::Exception(exception);
        if let Some(reason) = machine::refusal_reason(&self.machine.cpu, event) {
            panic!("{exception:?} at {}: {}", self.place(), reason);
        }
        machine::deliver(&mut self.machine, event, error_code(exception), &mut self.log)
            .unwrap_or_else(|stop| panic!("{exception:?} at {}: {stop:?}", self.place()));
    }

    /// Steps until the code that `before` interrupted continues.
    pub(crate) fn run_back_to(&mut self, before: &Cpu) {
        let stack = before.registers[Register::Rsp as usize];
        self.run_until(|machine| {
            let cpu = &machine.cpu;
            cpu.rip == before.rip && cpu.cpl == before.cpl && cpu.registers[Register::Rsp as usize] == stack
        });
    }

    /// Writes the word at an address of the thread stack.
    pub(crate) fn write_thread_stack(&mut self, address: u64, word: u64) {
        use linux::layout::{THREAD_STACK, THREAD_STACK_PHYSICAL};
        self.machine.memory.write_u64(address - THREAD_STACK + THREAD_STACK_PHYSICAL, word);
    }

    pub(crate) fn mask(&self) -> u16 {
        self.machine.memory.read_u16(USER_PCID_FLUSH_MASK_PHYSICAL)
    }

    pub(crate) fn set_mask(&mut self, mask: u16) {
        self.machine.memory.write_u16(USER_PCID_FLUSH_MASK_PHYSICAL, mask);
    }

    /// The eight-byte word of user data at `offset`.
    pub(crate) fn user_word(&self, offset: u64) -> u64 {
        self.machine.memory.read_u64(USER_DATA_PHYSICAL + offset)
    }

    /// The eight-byte per-CPU variable `name`.
    pub(crate) fn per_cpu(&self, name: &str) -> u64 {
        let offset = self.system.image.constants.get(name).unwrap_or_else(|| panic!("no per-CPU variable {name}"));
        self.machine.memory.read_u64(linux::layout::PER_CPU_PHYSICAL + offset.cast_unsigned())
    }
}

/// #DF and #VC push an error code.
pub(crate) fn error_code(exception: Exception) -> Option<u32> {
    matches!(exception, Exception::DoubleFault | Exception::VmmCommunication).then_some(0)
}

/// What an exception may not change. RF is set in the frame of a fault, so that a breakpoint on the instruction does
/// not strike again (SDM vol. 3B 17.3.1.1).
pub(crate) fn preserved(cpu: &Cpu) -> Cpu {
    const RF: u64 = 1 << 16;
    Cpu { rflags: cpu.rflags & !RF, cr2: 0, debug: [0; 6], events: Default::default(), ..cpu.clone() }
}
