//! Unicorn's saved context, read and written in place.
//!
//! Unicorn's register interface has no name for the privilege level, the error code of an exception, the hidden parts
//! of CS and SS, and the exception in flight. In 64-bit mode a write of CS or SS changes only the selector. Unicorn's
//! saved context is the C structure `CPUX86State` up to `end_reset_fields` (`qemu/target/i386/cpu.h` of Unicorn 2.1.5,
//! behind a header that `include/uc_priv.h` keeps private), and it contains all of these. [`Head`] mirrors the start of
//! the structure. To find later fields, [`Context::open`] writes a mark through the interface and looks where it
//! appears. It refuses to work if it does not find a mark exactly once: the layout is proved, never assumed.
#![allow(unsafe_code)] // The context is C memory; every access below stays within the size that Unicorn reports.

use super::engine::{Engine, INITIAL_EFER, failure, write_msr};
use crate::processor::Failure;
use std::ptr::NonNull;
use unicorn_engine::{RegisterX86, uc_context, uc_context_alloc, uc_context_free, uc_context_restore, uc_context_save};
use unicorn_engine::{uc_context_size, uc_error};

/// `SegmentCache`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct SegmentCache {
    pub(super) selector: u32,
    pub(super) base: u64,
    pub(super) limit: u32,
    /// The second doubleword of the descriptor.
    pub(super) flags: u32,
}

/// The start of `CPUX86State`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) registers: [u64; 16],
    pub(super) rip: u64,
    pub(super) eflags: u64,
    pub(super) cc_destination: u64,
    pub(super) cc_source: u64,
    pub(super) cc_source_2: u64,
    pub(super) cc_operation: u32,
    pub(super) direction: i32,
    /// `HF_` constants: what the translator depends on, including the privilege level.
    pub(super) hidden_flags: u32,
    pub(super) hidden_flags_2: u32,
    /// ES, CS, SS, DS, FS, GS.
    pub(super) segments: [SegmentCache; 6],
    pub(super) ldt: SegmentCache,
    pub(super) task: SegmentCache,
    pub(super) gdt: SegmentCache,
    pub(super) idt: SegmentCache,
    pub(super) control: [u64; 9],
    pub(super) a20_mask: i32,
    pub(super) bounds: [u64; 11],
    pub(super) efer: u64,
}

/// Offsets of the fields behind [`Head`] in the context, in bytes.
#[derive(Clone, Copy, Debug)]
struct Layout {
    /// `CPUX86State` within `struct uc_context`.
    head: usize,
    star: usize,
    lstar: usize,
    fmask: usize,
    kernel_gs_base: usize,
    tsc_aux: usize,
    mcg_status: usize,
    /// `dr`, the landmark for `error_code` and `old_exception`.
    debug: usize,
}

/// Marks are this number plus at most 0xffff.
const MARK: u64 = 0x00c0_ffee_5eed_0000;

/// Model-specific registers by number (SDM vol. 4 table 2-2).
pub(super) mod msr {
    pub(in super::super) const EFER: u32 = 0xc000_0080;
    pub(in super::super) const MCG_STATUS: u32 = 0x17a;
    pub(in super::super) const STAR: u32 = 0xc000_0081;
    pub(in super::super) const LSTAR: u32 = 0xc000_0082;
    pub(in super::super) const FMASK: u32 = 0xc000_0084;
    pub(in super::super) const KERNEL_GS_BASE: u32 = 0xc000_0102;
    pub(in super::super) const TSC_AUX: u32 = 0xc000_0103;
}

/// A saved context and the offsets of its fields.
pub(super) struct Context {
    raw: NonNull<uc_context>,
    size: usize,
    layout: Layout,
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: `raw` came from uc_context_alloc and is freed once.
        unsafe { uc_context_free(self.raw.as_ptr()) };
    }
}

impl Context {
    /// Allocates a context for `engine` and finds its fields.
    pub(super) fn open(engine: &mut Engine) -> Result<Self, Failure> {
        let mut raw = std::ptr::null_mut();
        // SAFETY: the handle is alive as long as `engine`.
        let (error, size) =
            unsafe { (uc_context_alloc(engine.get_handle(), &raw mut raw), uc_context_size(engine.get_handle())) };
        let raw = NonNull::new(raw).filter(|_| error == uc_error::OK);
        let raw = raw.ok_or_else(|| failure("allocate a context", error))?;
        let layout =
            Layout { head: 0, star: 0, lstar: 0, fmask: 0, kernel_gs_base: 0, tsc_aux: 0, mcg_status: 0, debug: 0 };
        let mut context = Self { raw, size, layout };
        context.locate(engine)?;
        Ok(context)
    }

    /// Copies the engine's registers into the context.
    pub(super) fn save(&mut self, engine: &Engine) -> Result<(), Failure> {
        // SAFETY: both are alive; the context was allocated for this engine.
        match unsafe { uc_context_save(engine.get_handle(), self.raw.as_ptr()) } {
            uc_error::OK => Ok(()),
            error => Err(failure("save its context", error)),
        }
    }

    /// Copies the context into the engine's registers. Cached translations stay.
    pub(super) fn restore(&self, engine: &Engine) -> Result<(), Failure> {
        // SAFETY: as in `save`.
        match unsafe { uc_context_restore(engine.get_handle(), self.raw.as_ptr()) } {
            uc_error::OK => Ok(()),
            error => Err(failure("restore its context", error)),
        }
    }

    pub(super) fn head(&self) -> &Head {
        // SAFETY: `locate` proved that a whole `Head` lies there, and found it aligned.
        unsafe { &*self.raw.as_ptr().cast::<u8>().add(self.layout.head).cast::<Head>() }
    }

    pub(super) fn head_mut(&mut self) -> &mut Head {
        // SAFETY: as in `head`, and `self` is borrowed alone.
        unsafe { &mut *self.raw.as_ptr().cast::<u8>().add(self.layout.head).cast::<Head>() }
    }

    /// IA32_STAR, IA32_LSTAR, IA32_FMASK, IA32_KERNEL_GS_BASE, IA32_TSC_AUX, IA32_MCG_STATUS.
    pub(super) fn model_specific(&self) -> [u64; 6] {
        let Layout { star, lstar, fmask, kernel_gs_base, tsc_aux, mcg_status, .. } = self.layout;
        [star, lstar, fmask, kernel_gs_base, tsc_aux, mcg_status].map(|offset| self.get(offset))
    }

    /// Writes what [`Context::model_specific`] reads.
    pub(super) fn set_model_specific(&mut self, values: [u64; 6]) {
        let Layout { star, lstar, fmask, kernel_gs_base, tsc_aux, mcg_status, .. } = self.layout;
        for (offset, value) in [star, lstar, fmask, kernel_gs_base, tsc_aux, mcg_status].into_iter().zip(values) {
            self.bytes_mut()[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
        }
    }

    /// `error_code` and whether the exception is a software interrupt (`exception_is_int`). These two 32-bit fields and
    /// the 64-bit `exception_next_eip` precede `dr`.
    pub(super) fn exception(&self) -> (u32, bool) {
        let both = self.get(self.layout.debug - 16);
        (both as u32, both >> 32 != 0)
    }

    /// Sets `old_exception`, which follows `dr` and the four breakpoint pointers.
    pub(super) fn set_old_exception(&mut self, value: i32) {
        let offset = self.layout.debug + 8 * 8 + 4 * size_of::<usize>();
        self.bytes_mut()[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// Writes DR0 to DR3, DR6 and DR7. Does not arm the breakpoints that DR7 enables: our machine delivers their
    /// exceptions.
    pub(super) fn set_debug(&mut self, values: &[u64; 6]) {
        for (register, value) in [0, 1, 2, 3, 6, 7].into_iter().zip(values) {
            let offset = self.layout.debug + 8 * register;
            self.bytes_mut()[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
        }
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: Unicorn reports `size` for the whole allocation, and it is plain data.
        unsafe { std::slice::from_raw_parts(self.raw.as_ptr().cast(), self.size) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and `self` is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.raw.as_ptr().cast(), self.size) }
    }

    fn get(&self, offset: usize) -> u64 {
        let mut value = [0; 8];
        value.copy_from_slice(&self.bytes()[offset..offset + 8]);
        u64::from_le_bytes(value)
    }

    /// Unicorn does not clear what it allocates, and saving does not fill all of it: a freed context may have left its
    /// marks there.
    fn forget_marks(&mut self) {
        for word in self.bytes_mut().chunks_exact_mut(8) {
            if word[2..] == MARK.to_le_bytes()[2..] {
                word.fill(0);
            }
        }
    }

    fn locate(&mut self, engine: &mut Engine) -> Result<(), Failure> {
        self.forget_marks();
        let general = [RegisterX86::RAX, RegisterX86::RCX, RegisterX86::R15, RegisterX86::RIP];
        let places = [0, 1, 15, 16];
        let numbers = [msr::STAR, msr::LSTAR, msr::FMASK, msr::KERNEL_GS_BASE, msr::TSC_AUX, msr::MCG_STATUS];
        for (register, place) in general.into_iter().zip(places) {
            engine.reg_write(register, MARK + place).map_err(|error| failure("set a mark", error))?;
        }
        for (number, mark) in numbers.into_iter().zip(0x100..) {
            write_msr(engine, number, MARK + mark)?;
        }
        engine.reg_write(RegisterX86::DR0, MARK + 0x200).map_err(|error| failure("set a mark", error))?;
        engine.reg_write(RegisterX86::DR3, MARK + 0x203).map_err(|error| failure("set a mark", error))?;
        engine.reg_write(RegisterX86::GS_BASE, MARK + 0x300).map_err(|error| failure("set a mark", error))?;
        engine.reg_write(RegisterX86::CR2, MARK + 0x400).map_err(|error| failure("set a mark", error))?;
        self.save(engine)?;
        let head = self.find(MARK)?;
        let layout = Layout {
            head,
            star: self.find(MARK + 0x100)?,
            lstar: self.find(MARK + 0x101)?,
            fmask: self.find(MARK + 0x102)?,
            kernel_gs_base: self.find(MARK + 0x103)?,
            tsc_aux: self.find(MARK + 0x104)?,
            mcg_status: self.find(MARK + 0x105)?,
            debug: self.find(MARK + 0x200)?,
        };
        self.layout = layout;
        let efer = std::mem::offset_of!(Head, efer);
        let proved = head % align_of::<Head>() == 0
            && head + size_of::<Head>() <= self.size
            && layout.debug >= 16 + head
            && layout.debug + 8 * 8 + 4 * size_of::<usize>() + 4 <= self.size
            && self.find(MARK + 1)? == head + 8
            && self.find(MARK + 15)? == head + 15 * 8
            && self.find(MARK + 16)? == head + 16 * 8
            && self.find(MARK + 0x203)? == layout.debug + 3 * 8
            && self.find(MARK + 0x300)? == head + std::mem::offset_of!(Head, segments) + 5 * 24 + 8
            && self.find(MARK + 0x400)? == head + std::mem::offset_of!(Head, control) + 16
            && self.get(head + efer) == INITIAL_EFER;
        if proved { Ok(()) } else { Err(unexpected("a register stands elsewhere".to_owned())) }
    }

    /// The offset of `mark`, if it occurs exactly once.
    fn find(&self, mark: u64) -> Result<usize, Failure> {
        let offsets = (0..=self.size.saturating_sub(8)).step_by(8);
        let found: Vec<usize> = offsets.filter(|offset| self.get(*offset) == mark).collect();
        match found[..] {
            [offset] => Ok(offset),
            _ => Err(unexpected(format!("mark {mark:#x} is found at {found:?}"))),
        }
    }
}

fn unexpected(cause: String) -> Failure {
    Failure { request: "use this version of Unicorn, whose saved context has another layout than 2.1.5", cause }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::Native;

    #[test]
    fn a_mark_that_an_earlier_context_left_is_not_found() {
        let mut native = Native::open().expect("Unicorn opens");
        let Native { engine, context, .. } = &mut native;
        // `struct uc_context` has eight bytes here that nothing sets; see `include/uc_priv.h`.
        context.bytes_mut()[24..32].copy_from_slice(&MARK.to_le_bytes());
        context.locate(engine).expect("each mark is found once");
    }
}
