//! Unicorn 2.1.5 compiled to WebAssembly, as a [`Processor`] in a browser's worker.
//!
//! The module has its own memory and imports nothing, so nothing that happens in it reaches the page. A trap comes back
//! as a [`Failure`]. The instance is then useless, and [`Engine::open`] makes another one.

mod exports;
mod state;

use crate::limits::{self, Limit};
use crate::processor::{CpuState, Delivery, Failure, Outcome, Processor, Raised, Step, Store};
use cr3_core::machine::{Cpu, Event, Exception, Machine};
use exports::Exports;
use iced_x86::Instruction;
use js_sys::WebAssembly::{Instance, Module};
use js_sys::{BigUint64Array, Object, Uint8Array};
use state::{RUN_WORDS, Run, STORE_WORDS, Words};
use std::collections::BTreeSet;
use wasm_bindgen::prelude::*;

/// The engine gets physical memory in blocks of this size, in bytes.
const BLOCK: u64 = 2 << 20;

/// Bytes copied across the border in one call.
const BUFFER: u32 = 4096;

/// `ENGINE_STORES` of `csrc/engine.h`.
const STORES: usize = 128;

/// Stores that are fetched together with the state. Most instructions have at most one, a delivery has six.
const FIRST_STORES: usize = 8;

/// Words of `struct engine_step` up to the first store.
const HEAD: usize = RUN_WORDS + state::WORDS + 1;

/// Words that are fetched at once.
const FETCHED: usize = HEAD + FIRST_STORES * STORE_WORDS;

/// Bytes of `struct engine_step`.
const STEP_SIZE: usize = 8 * (HEAD + STORES * STORE_WORDS);

/// Blocks that one instruction can touch, with some to spare.
const TOUCHED: usize = 16;

/// `enum engine_event`.
mod event {
    pub(super) const EXCEPTION: u32 = 0;
    pub(super) const INTERRUPT: u32 = 1;
    pub(super) const NMI: u32 = 2;
    pub(super) const SOFTWARE: u32 = 3;
}

/// One engine in an instance of its own, which is dropped with it.
pub struct Engine {
    exports: Exports,
    handle: u32,
    /// Addresses in the module's memory: a `struct engine_step`, a `struct engine_state`, bytes.
    step: u32,
    state: u32,
    buffer: u32,
    /// The first words of the `struct engine_step`. Empty if the memory has grown since.
    view: BigUint64Array,
    fetched: [u64; FETCHED],
    /// Whether `fetched` holds the current registers.
    fresh: bool,
    /// Start addresses of the mapped blocks.
    blocks: BTreeSet<u64>,
}

/// A trap, or an exception that longjmp left behind.
fn trap(request: &'static str) -> impl Fn(JsValue) -> Failure {
    move |error| {
        let text = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
        let reason = text.unwrap_or_else(|| "it says no more".into());
        Failure { request, cause: format!("the WebAssembly module trapped: {reason}") }
    }
}

impl Engine {
    /// Makes an instance of the compiled module and opens an engine without memory.
    ///
    /// # Errors
    /// [`Failure`] if there is no memory for one, or the module is not that of `csrc/`.
    pub fn open(module: &Module) -> Result<Self, Failure> {
        const REQUEST: &str = "start";
        let instance = Instance::new(module, &Object::new()).map_err(trap(REQUEST))?;
        let exports: Exports = instance.exports().unchecked_into();
        exports.initialize().map_err(trap(REQUEST))?;
        for (name, size, expected) in [
            ("state", exports.engine_state_size().map_err(trap(REQUEST))?, 8 * state::WORDS),
            ("step", exports.engine_step_size().map_err(trap(REQUEST))?, STEP_SIZE),
        ] {
            if size as usize != expected {
                return Err(Failure { request: REQUEST, cause: format!("its {name} has {size} bytes") });
            }
        }
        let handle = exports.engine_open(limits::CPU_MODEL as u32).map_err(trap(REQUEST))?;
        let allocate = |size: usize| exports.engine_allocate(size as u32).map_err(trap(REQUEST));
        let (step, state, buffer) = (allocate(STEP_SIZE)?, allocate(8 * state::WORDS)?, allocate(BUFFER as usize)?);
        if [handle, step, state, buffer].contains(&0) {
            return Err(Failure { request: REQUEST, cause: "out of memory".into() });
        }
        let view = BigUint64Array::new_with_length(0);
        let (fetched, blocks) = ([0; FETCHED], BTreeSet::new());
        Ok(Self { exports, handle, step, state, buffer, view, fetched, fresh: false, blocks })
    }

    /// Bytes of the instance's memory.
    pub fn memory_size(&self) -> u32 {
        Uint8Array::new(&self.exports.memory().buffer()).length()
    }

    fn words(&self, pointer: u32, count: usize) -> BigUint64Array {
        let buffer = self.exports.memory().buffer();
        BigUint64Array::new_with_byte_offset_and_length(&buffer, pointer, count as u32)
    }

    fn bytes(&self, count: usize) -> Uint8Array {
        let buffer = self.exports.memory().buffer();
        Uint8Array::new_with_byte_offset_and_length(&buffer, self.buffer, count as u32)
    }

    /// The failure of a call that returned a `uc_err`.
    fn check(&self, request: &'static str, error: u32) -> Result<(), Failure> {
        if error == 0 { Ok(()) } else { Err(Failure { request, cause: self.text(error) }) }
    }

    fn text(&self, error: u32) -> String {
        const LONGEST: u32 = 80;
        let Ok(pointer) = self.exports.engine_error_text(error) else { return format!("error {error}") };
        let buffer = self.exports.memory().buffer();
        let text = Uint8Array::new_with_byte_offset_and_length(&buffer, pointer, LONGEST).to_vec();
        String::from_utf8_lossy(text.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
    }

    fn map(&mut self, physical: u64) -> Result<(), Failure> {
        const REQUEST: &str = "map memory";
        let block = physical & !(BLOCK - 1);
        if self.blocks.contains(&block) {
            return Ok(());
        }
        let error = self.exports.engine_map(self.handle, block, BLOCK as u32).map_err(trap(REQUEST))?;
        self.check(REQUEST, error)?;
        self.blocks.insert(block);
        Ok(())
    }

    /// Unmaps all memory, so that nothing of an earlier image is left.
    fn unmap(&mut self) -> Result<(), Failure> {
        const REQUEST: &str = "unmap memory";
        for block in std::mem::take(&mut self.blocks) {
            let error = self.exports.engine_unmap(self.handle, block, BLOCK as u32).map_err(trap(REQUEST))?;
            self.check(REQUEST, error)?;
        }
        Ok(())
    }

    /// Copies the first words of the `struct engine_step` over.
    fn fetch(&mut self) {
        if self.view.length() == 0 {
            self.view = self.words(self.step, FETCHED);
        }
        self.view.copy_to(&mut self.fetched);
        self.fresh = true;
    }

    /// Does something that fills the `struct engine_step`. Maps memory that no page of the image backs as zeros, as in
    /// our machine, and then does it again.
    fn done(
        &mut self,
        request: &'static str,
        what: impl Fn(&Exports, u32, u32) -> Result<(), JsValue>,
    ) -> Result<Run, Failure> {
        for _ in 0..TOUCHED {
            what(&self.exports, self.handle, self.step).map_err(trap(request))?;
            self.fetch();
            let run = Run::of(&self.fetched);
            let missing = run.end == state::end::ERROR && !self.blocks.contains(&(run.address & !(BLOCK - 1)));
            if !missing {
                return Ok(run);
            }
            self.map(run.address)?;
        }
        Err(Failure { request, cause: "it touches memory endlessly".into() })
    }

    fn registers(&mut self) -> Result<&Words, Failure> {
        const FIRST: usize = RUN_WORDS;
        if !self.fresh {
            self.exports.engine_state_get(self.handle, self.state).map_err(trap("read its state"))?;
            let words = self.words(self.state, state::WORDS);
            words.copy_to(&mut self.fetched[FIRST..FIRST + state::WORDS]);
            self.fresh = true;
        }
        let words = self.fetched[FIRST..].first_chunk();
        words.ok_or_else(|| Failure { request: "read its state", cause: "it is short".into() })
    }

    fn outcome(&mut self, run: &Run) -> Result<Outcome, Failure> {
        match run.end {
            state::end::EXCEPTION => self.raised(run),
            state::end::ERROR => Err(Failure { request: "step", cause: self.text(run.error) }),
            _ => Ok(Outcome::Retired),
        }
    }

    fn raised(&mut self, run: &Run) -> Result<Outcome, Failure> {
        let cr2 = state::cr2(self.registers()?);
        let vector = run.vector as u8;
        let error_code = if limits::has_error_code(vector) && !run.software { run.error_code } else { 0 };
        Ok(Outcome::Raised(Raised { vector, error_code, cr2 }))
    }

    fn stores(&self) -> Result<Vec<Store>, Failure> {
        let count = self.fetched[HEAD - 1] as usize;
        if count > STORES {
            return Err(Failure { request: "tell its stores", cause: format!("{count} in one instruction") });
        }
        if count <= FIRST_STORES {
            return Ok(state::stores(&self.fetched[HEAD..HEAD + STORE_WORDS * count]));
        }
        let mut words = vec![0; STORE_WORDS * count];
        self.words(self.step + 8 * HEAD as u32, words.len()).copy_to(&mut words);
        Ok(state::stores(&words))
    }
}

impl Drop for Engine {
    /// The instance becomes garbage with it. Closing the engine exposes mistakes in freeing to the tests.
    fn drop(&mut self) {
        for pointer in [self.step, self.state, self.buffer] {
            // After a trap nothing can be done about another one.
            let _ = self.exports.engine_free(pointer);
        }
        let _ = self.exports.engine_close(self.handle);
    }
}

impl Processor for Engine {
    fn load(&mut self, machine: &Machine) -> Result<(), Failure> {
        self.unmap()?;
        for (physical, page) in machine.memory.pages() {
            self.write(physical, page)?;
        }
        self.adopt(&machine.cpu)?;
        self.flush()
    }

    fn step(&mut self) -> Result<Step, Failure> {
        let run = self.done("step", Exports::engine_step)?;
        let outcome = self.outcome(&run)?;
        Ok(Step { outcome, stores: self.stores()? })
    }

    fn state(&mut self) -> Result<CpuState, Failure> {
        Ok(state::compared(self.registers()?))
    }

    fn adopt(&mut self, cpu: &Cpu) -> Result<(), Failure> {
        self.fresh = false;
        self.words(self.state, state::WORDS).copy_from(&state::of(cpu));
        self.exports.engine_state_set(self.handle, self.state).map_err(trap("take a state"))
    }

    fn flush(&mut self) -> Result<(), Failure> {
        const REQUEST: &str = "flush its TLB";
        let error = self.exports.engine_flush(self.handle).map_err(trap(REQUEST))?;
        self.check(REQUEST, error)
    }

    /// The write has already forgotten it.
    fn forget_code(&mut self, _: u64) -> Result<(), Failure> {
        Ok(())
    }

    fn read(&mut self, physical: u64, bytes: &mut [u8]) -> Result<(), Failure> {
        const REQUEST: &str = "read memory";
        for (at, part) in (physical..).step_by(BUFFER as usize).zip(bytes.chunks_mut(BUFFER as usize)) {
            self.map(at)?;
            let size = part.len() as u32;
            let error = self.exports.engine_read(self.handle, at, self.buffer, size).map_err(trap(REQUEST))?;
            self.check(REQUEST, error)?;
            self.bytes(part.len()).copy_to(part);
        }
        Ok(())
    }

    fn write(&mut self, physical: u64, bytes: &[u8]) -> Result<(), Failure> {
        const REQUEST: &str = "write memory";
        for (at, part) in (physical..).step_by(BUFFER as usize).zip(bytes.chunks(BUFFER as usize)) {
            self.map(at)?;
            self.bytes(part.len()).copy_from(part);
            let size = part.len() as u32;
            let error = self.exports.engine_write(self.handle, at, self.buffer, size).map_err(trap(REQUEST))?;
            self.check(REQUEST, error)?;
        }
        Ok(())
    }

    /// Everything that Unicorn's library can be given, and SYSCALL.
    fn executes(&self, instruction: Option<&Instruction>, bytes: &[u8]) -> bool {
        matches!(limits::prevented(instruction, bytes), None | Some(Limit::Syscall))
    }

    fn deliver(&mut self, event: Event, error_code: u32) -> Result<Delivery, Failure> {
        const REQUEST: &str = "deliver an event";
        let kind = match event {
            Event::Exception(Exception::Nmi) => event::NMI,
            Event::Exception(_) => event::EXCEPTION,
            Event::Interrupt(_) => event::INTERRUPT,
            Event::Software(_) => event::SOFTWARE,
        };
        let vector = event.vector().into();
        let run =
            self.done(REQUEST, |exports, handle, step| exports.engine_deliver(handle, vector, error_code, kind, step))?;
        match run.end {
            state::end::SHUTDOWN => Ok(Delivery::ShutDown),
            state::end::ERROR => Err(Failure { request: REQUEST, cause: self.text(run.error) }),
            _ => Ok(Delivery::Done),
        }
    }
}
