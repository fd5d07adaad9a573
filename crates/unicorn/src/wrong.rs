//! A second CPU that is wrong on purpose, to show that the checker finds a disagreement.

use crate::processor::{CpuState, Delivery, Failure, Processor, Step};
use cr3_core::machine::{Cpu, Event, Machine};
use iced_x86::Instruction;

/// Behaves like `inner`, but flips bit 0 of RAX from some step on.
pub struct Wrong<P> {
    inner: P,
    right_steps: u64,
}

impl<P> Wrong<P> {
    /// Right for this many steps.
    pub fn after(right_steps: u64, inner: P) -> Self {
        Self { inner, right_steps }
    }

    /// The wrapped processor.
    pub fn into_inner(self) -> P {
        self.inner
    }
}

impl<P: Processor> Processor for Wrong<P> {
    fn load(&mut self, machine: &Machine) -> Result<(), Failure> {
        self.inner.load(machine)
    }

    fn step(&mut self) -> Result<Step, Failure> {
        self.right_steps = self.right_steps.saturating_sub(1);
        self.inner.step()
    }

    fn state(&mut self) -> Result<CpuState, Failure> {
        let mut state = self.inner.state()?;
        state.registers[0] ^= u64::from(self.right_steps == 0);
        Ok(state)
    }

    fn adopt(&mut self, cpu: &Cpu) -> Result<(), Failure> {
        self.inner.adopt(cpu)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.inner.flush()
    }

    fn forget_code(&mut self, linear: u64) -> Result<(), Failure> {
        self.inner.forget_code(linear)
    }

    fn read(&mut self, physical: u64, bytes: &mut [u8]) -> Result<(), Failure> {
        self.inner.read(physical, bytes)
    }

    fn write(&mut self, physical: u64, bytes: &[u8]) -> Result<(), Failure> {
        self.inner.write(physical, bytes)
    }

    fn executes(&self, instruction: Option<&Instruction>, bytes: &[u8]) -> bool {
        self.inner.executes(instruction, bytes)
    }

    fn deliver(&mut self, event: Event, error_code: u32) -> Result<Delivery, Failure> {
        self.inner.deliver(event, error_code)
    }
}
