//! The few instructions that Unicorn cannot be given at all.

use super::encoding::split;
use super::limit::Limit;
use iced_x86::{Instruction, Mnemonic};

/// A limit that keeps the instruction from Unicorn; `bytes` are those at RIP.
pub fn prevented(instruction: Option<&Instruction>, bytes: &[u8]) -> Option<Limit> {
    match instruction.map(Instruction::mnemonic) {
        Some(Mnemonic::Syscall) => Some(Limit::Syscall),
        Some(Mnemonic::Invpcid) => Some(Limit::Invpcid),
        Some(Mnemonic::Cpuid) => Some(Limit::Cpuid),
        Some(Mnemonic::Rdtsc | Mnemonic::Rdtscp) => Some(Limit::TimeStamp),
        Some(Mnemonic::Rdpid | Mnemonic::Serialize) => Some(Limit::Unknown),
        Some(Mnemonic::Clflush | Mnemonic::Clflushopt | Mnemonic::Clwb) => Some(Limit::CacheLine),
        Some(Mnemonic::Int1) => Some(Limit::DebugTrap),
        None | Some(Mnemonic::INVALID) => locked_bit_test(bytes).then_some(Limit::LockedRegister),
        _ => None,
    }
}

fn locked_bit_test(bytes: &[u8]) -> bool {
    let (prefixes, opcode) = split(bytes);
    let register = match opcode {
        [0x0f, 0xba, modrm, ..] => modrm >> 5 == 0b111,
        [0x0f, 0xa3 | 0xab | 0xb3 | 0xbb, modrm, ..] => *modrm >= 0xc0,
        _ => false,
    };
    register && prefixes.contains(&0xf0)
}
