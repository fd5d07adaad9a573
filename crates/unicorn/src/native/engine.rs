//! The C engine with its hooks, and what they note.

use crate::limits;
use crate::processor::{Failure, Store};
use std::collections::BTreeSet;
use unicorn_engine::unicorn_const::{Arch, HookType, MemType, Mode, Prot, X86Insn, uc_error};
use unicorn_engine::{RegisterX86, Unicorn};

/// The C engine with the notes of its hooks.
pub(super) type Engine = Unicorn<'static, Notes>;

/// IA32_EFER of a fresh engine in 64-bit mode: LME and LMA.
pub(super) const INITIAL_EFER: u64 = 0x500;

/// Unicorn gets physical memory in blocks of this size, in bytes.
pub(super) const BLOCK: u64 = 2 << 20;

/// What the hooks saw during one step.
#[derive(Default)]
pub(super) struct Notes {
    /// Instructions begun.
    pub(super) begun: u64,
    /// The interrupt hook's number, with RIP and CR2 at that moment.
    pub(super) interrupt: Option<(u32, u64, u64)>,
    pub(super) syscall: bool,
    pub(super) stores: Vec<Store>,
    /// Start addresses of the mapped blocks.
    pub(super) blocks: BTreeSet<u64>,
}

/// What Unicorn has to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hooks {
    /// Instructions, exceptions and stores: what [`Processor`](crate::processor::Processor) needs.
    All,
    /// Instructions and exceptions.
    Instructions,
}

/// Opens an engine of the model that [`limits`] names, without memory.
pub(super) fn open(hooks: Hooks) -> Result<Engine, Failure> {
    let setup = |error| failure("start", error);
    let mut engine = Unicorn::new_with_data(Arch::X86, Mode::MODE_64, Notes::default()).map_err(setup)?;
    engine.ctl_set_cpu_model(limits::CPU_MODEL).map_err(setup)?;
    engine.ctl_exits_enable().map_err(setup)?;
    engine.add_code_hook(1, 0, |engine, _, _| engine.get_data_mut().begun += 1).map_err(setup)?;
    engine.add_intr_hook(on_interrupt).map_err(setup)?;
    engine.add_insn_sys_hook(X86Insn::SYSCALL, 1, 0, |engine| engine.get_data_mut().syscall = true).map_err(setup)?;
    if hooks == Hooks::All {
        engine.add_mem_hook(HookType::MEM_WRITE, 1, 0, on_store).map_err(setup)?;
    }
    engine.add_mem_hook(HookType::MEM_UNMAPPED, 1, 0, on_unmapped).map_err(setup)?;
    Ok(engine)
}

pub(super) fn failure(request: &'static str, error: uc_error) -> Failure {
    Failure { request, cause: format!("{error:?}") }
}

pub(super) fn write_msr(engine: &Engine, number: u32, value: u64) -> Result<(), Failure> {
    // `uc_x86_msr`: number, padding, value.
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    bytes[8..].copy_from_slice(&value.to_le_bytes());
    engine.reg_write_long(RegisterX86::MSR, &bytes).map_err(|error| failure("write a model-specific register", error))
}

fn on_interrupt(engine: &mut Unicorn<'_, Notes>, vector: u32) {
    let read = |register| engine.reg_read(register).unwrap_or_default();
    let at = (vector, read(RegisterX86::RIP), read(RegisterX86::CR2));
    engine.get_data_mut().interrupt.get_or_insert(at);
    // Its only error is a dead handle.
    let _ = engine.emu_stop();
}

fn on_store(engine: &mut Unicorn<'_, Notes>, _: MemType, physical: u64, size: usize, value: i64) -> bool {
    let size = size.min(8) as u8;
    let value = limits::truncate(value as u64, size);
    engine.get_data_mut().stores.push(Store { physical, size, value });
    true
}

/// Memory that no page of the image backs appears as zeros, as in our machine.
fn on_unmapped(engine: &mut Unicorn<'_, Notes>, _: MemType, physical: u64, size: usize, _: i64) -> bool {
    let last = physical.saturating_add(size.max(1) as u64 - 1);
    map_block(engine, physical).is_ok() && map_block(engine, last).is_ok()
}

/// Maps the block of `physical`, once.
pub(super) fn map_block(engine: &mut Unicorn<'_, Notes>, physical: u64) -> Result<(), uc_error> {
    let block = physical & !(BLOCK - 1);
    if engine.get_data_mut().blocks.insert(block) {
        engine.mem_map(block, BLOCK, Prot::ALL)?;
    }
    Ok(())
}
