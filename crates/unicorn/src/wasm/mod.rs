//! Unicorn 2.1.5 compiled to WebAssembly, as a [`Processor`] in a browser's worker.
//!
//! The module has a memory of its own and imports nothing, so that nothing that happens in it reaches the page: a trap
//! comes back as a [`Failure`], after which the instance is of no use any more and [`Engine::open`] makes another.

mod exports;
mod state;

use crate::limits::{self, Limit};
use crate::processor::{CpuState, Delivery, Failure, Outcome, Processor, Raised, Step, Store};
use cr3_core::machine::{Cpu, Event, Exception, Machine};
use exports::Exports;
use js_sys::WebAssembly::{Instance, Module};
use js_sys::{BigUint64Array, Object, Uint8Array};
use state::Words;
use std::collections::BTreeSet;
use wasm_bindgen::prelude::*;

/// Physical memory is given to the engine in blocks of this size, in bytes.
const BLOCK: u64 = 2 << 20;

/// Bytes that cross the border at once.
const BUFFER: u32 = 4096;

/// `STORES` of `csrc/engine.c`.
const STORES: u32 = 128;

/// Words of `struct engine_run`.
const RUN_WORDS: usize = 8;

/// Words of `struct engine_store`.
const STORE_WORDS: usize = 3;

/// `ENGINE_STOP` of `enum engine_exceptions`.
const STOP: u32 = 0;

/// `enum engine_end`.
mod end {
    pub(super) const SHUTDOWN: u64 = 2;
    pub(super) const EXCEPTION: u64 = 3;
    pub(super) const ERROR: u64 = 4;
}

/// `kind` of `engine_deliver`.
mod kind {
    pub(super) const EXCEPTION: u32 = 0;
    pub(super) const INTERRUPT: u32 = 1;
    pub(super) const NMI: u32 = 2;
    pub(super) const SOFTWARE: u32 = 3;
}

/// `struct engine_run`.
struct Run {
    end: u64,
    begun: u64,
    vector: u32,
    error_code: u32,
    software: bool,
    error: u32,
    address: u64,
}

/// One engine in an instance of its own.
pub struct Engine {
    exports: Exports,
    handle: u32,
    state: u32,
    result: u32,
    stores: u32,
    buffer: u32,
    /// Start addresses of the mapped blocks.
    blocks: BTreeSet<u64>,
}

/// A trap, or an exception that longjmp left behind.
fn trap(request: &'static str) -> impl Fn(JsValue) -> Failure {
    move |error| {
        let text = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
        Failure { request, cause: text.unwrap_or_else(|| "the WebAssembly module trapped".into()) }
    }
}

impl Engine {
    /// Makes an instance of the compiled module and opens an engine without memory.
    ///
    /// # Errors
    /// [`Failure`] when there is no memory for one, or the module is another than that of `csrc/`.
    pub fn open(module: &Module) -> Result<Self, Failure> {
        const REQUEST: &str = "start";
        let instance = Instance::new(module, &Object::new()).map_err(trap(REQUEST))?;
        let exports: Exports = instance.exports().unchecked_into();
        exports.initialize().map_err(trap(REQUEST))?;
        let size = exports.engine_state_size().map_err(trap(REQUEST))?;
        if size as usize != 8 * state::WORDS {
            return Err(Failure { request: REQUEST, cause: format!("its state has {size} bytes") });
        }
        let handle = exports.engine_open(limits::CPU_MODEL as u32).map_err(trap(REQUEST))?;
        let allocate = |size: usize| exports.engine_allocate(size as u32).map_err(trap(REQUEST));
        let state = allocate(8 * state::WORDS)?;
        let result = allocate(8 * RUN_WORDS)?;
        let stores = allocate(8 * STORE_WORDS * STORES as usize)?;
        let buffer = allocate(BUFFER as usize)?;
        if [handle, state, result, stores, buffer].contains(&0) {
            return Err(Failure { request: REQUEST, cause: "out of memory".into() });
        }
        Ok(Self { exports, handle, state, result, stores, buffer, blocks: BTreeSet::new() })
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

    fn words_now(&self) -> Result<Words, Failure> {
        self.exports.engine_state_get(self.handle, self.state).map_err(trap("read its state"))?;
        let mut words = [0; state::WORDS];
        self.words(self.state, words.len()).copy_to(&mut words);
        Ok(words)
    }

    fn set_words(&self, words: &Words) -> Result<(), Failure> {
        self.words(self.state, words.len()).copy_from(words);
        self.exports.engine_state_set(self.handle, self.state).map_err(trap("take a state"))
    }

    fn run_once(&self) -> Result<Run, Failure> {
        self.exports.engine_run(self.handle, 1, STOP, 0, 0, self.result).map_err(trap("step"))?;
        let mut words = [0; RUN_WORDS];
        self.words(self.result, words.len()).copy_to(&mut words);
        let [end, begun, _, vector, error_code, software, error, address] = words;
        let software = software != 0;
        Ok(Run {
            end,
            begun,
            vector: vector as u32,
            error_code: error_code as u32,
            software,
            error: error as u32,
            address,
        })
    }

    /// One instruction; memory that no page of the image backs comes to life as zeros, as in our machine.
    fn run(&mut self) -> Result<Run, Failure> {
        /// Pages that one instruction can touch, with some to spare.
        const BLOCKS: usize = 16;
        for _ in 0..BLOCKS {
            let run = self.run_once()?;
            let missing = run.end == end::ERROR && !self.blocks.contains(&(run.address & !(BLOCK - 1)));
            if !missing {
                return Ok(run);
            }
            self.map(run.address)?;
        }
        Err(Failure { request: "step", cause: "one instruction touches memory without end".into() })
    }

    fn outcome(&self, before: &Words, run: &Run) -> Result<Outcome, Failure> {
        match run.end {
            end::EXCEPTION => self.raised(before, run),
            end::ERROR => Err(Failure { request: "step", cause: self.text(run.error) }),
            _ => Ok(Outcome::Retired),
        }
    }

    fn raised(&self, before: &Words, run: &Run) -> Result<Outcome, Failure> {
        let now = self.words_now()?;
        let at = state::rip(&now);
        if limits::fetch_of_next(run.begun, state::rip(before), at, run.vector, run.software) {
            self.set_words(&state::with_cr2(&now, state::cr2(before)))?;
            return Ok(Outcome::Retired);
        }
        let vector = run.vector as u8;
        let error_code = if limits::has_error_code(vector) && !run.software { run.error_code } else { 0 };
        Ok(Outcome::Raised(Raised { vector, error_code, cr2: state::cr2(&now) }))
    }

    fn stores(&self) -> Result<Vec<Store>, Failure> {
        const REQUEST: &str = "tell its stores";
        let count = self.exports.engine_stores(self.handle, self.stores, STORES).map_err(trap(REQUEST))?;
        if count > STORES {
            return Err(Failure { request: REQUEST, cause: format!("{count} in one instruction") });
        }
        let mut words = vec![0; STORE_WORDS * count as usize];
        self.words(self.stores, words.len()).copy_to(&mut words);
        let store = |words: &[u64]| {
            let size = words[1].min(8) as u8;
            Store { physical: words[0], size, value: limits::truncate(words[2], size) }
        };
        Ok(words.chunks_exact(STORE_WORDS).map(store).collect())
    }
}

impl Processor for Engine {
    fn load(&mut self, machine: &Machine) -> Result<(), Failure> {
        for (physical, page) in machine.memory.pages() {
            self.write(physical, page)?;
        }
        self.adopt(&machine.cpu)?;
        self.flush()
    }

    fn step(&mut self) -> Result<Step, Failure> {
        let before = self.words_now()?;
        let run = self.run()?;
        let outcome = self.outcome(&before, &run)?;
        Ok(Step { outcome, stores: self.stores()? })
    }

    fn state(&mut self) -> Result<CpuState, Failure> {
        Ok(state::compared(&self.words_now()?))
    }

    fn adopt(&mut self, cpu: &Cpu) -> Result<(), Failure> {
        self.set_words(&state::of(cpu))
    }

    fn flush(&mut self) -> Result<(), Failure> {
        const REQUEST: &str = "flush its TLB";
        let error = self.exports.engine_flush(self.handle).map_err(trap(REQUEST))?;
        self.check(REQUEST, error)
    }

    fn forget_code(&mut self, _: u64) -> Result<(), Failure> {
        self.flush()
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

    fn overcomes(&self, limit: Limit) -> bool {
        matches!(limit, Limit::Syscall)
    }

    fn deliver(&mut self, event: Event, error_code: u32) -> Result<Delivery, Failure> {
        const REQUEST: &str = "deliver an event";
        let kind = match event {
            Event::Exception(Exception::Nmi) => kind::NMI,
            Event::Exception(_) => kind::EXCEPTION,
            Event::Interrupt(_) => kind::INTERRUPT,
            Event::Software(_) => kind::SOFTWARE,
        };
        let vector = event.vector().into();
        let end = self.exports.engine_deliver(self.handle, vector, error_code, kind).map_err(trap(REQUEST))?;
        Ok(if u64::from(end) == end::SHUTDOWN { Delivery::ShutDown } else { Delivery::Done })
    }
}
