//! Bits of RFLAGS (SDM vol. 1 3.4.3) as masks.

/// Carry.
pub const CF: u64 = 1 << 0;
/// Always reads as one.
pub const FIXED: u64 = 1 << 1;
/// Even parity of the low byte of the result.
pub const PF: u64 = 1 << 2;
/// Carry out of bit 3.
pub const AF: u64 = 1 << 4;
/// Result is zero.
pub const ZF: u64 = 1 << 6;
/// Sign of the result.
pub const SF: u64 = 1 << 7;
/// Single step.
pub const TF: u64 = 1 << 8;
/// Maskable interrupts enabled.
pub const IF: u64 = 1 << 9;
/// String instructions go down.
pub const DF: u64 = 1 << 10;
/// Signed overflow.
pub const OF: u64 = 1 << 11;
/// I/O privilege level, two bits.
pub const IOPL: u64 = 3 << 12;
/// Nested task.
pub const NT: u64 = 1 << 14;
/// Resume: one instruction without instruction breakpoints.
pub const RF: u64 = 1 << 16;
/// Virtual-8086 mode; never set in long mode.
pub const VM: u64 = 1 << 17;
/// Alignment check; with CR4.SMAP also lets the supervisor access user pages.
pub const AC: u64 = 1 << 18;
/// Virtual interrupt flag.
pub const VIF: u64 = 1 << 19;
/// Virtual interrupt pending.
pub const VIP: u64 = 1 << 20;
/// CPUID can be executed, which software learns by changing this bit.
pub const ID: u64 = 1 << 21;

/// The six flags that arithmetic writes.
pub const STATUS: u64 = CF | PF | AF | ZF | SF | OF;

/// IOPL as a privilege level.
pub fn io_privilege_level(rflags: u64) -> u8 {
    ((rflags & IOPL) >> 12) as u8
}
