//! Which limit explains a disagreement.

use super::disagreement::Disagreement;
use super::encoding::{is_rex, split};
use super::limit::Limit;
use super::order::modifies_memory;
use crate::difference::{Difference, Observed};
use crate::processor::{CpuState, Outcome, Raised};
use cr3_core::machine::bits::cr0;
use cr3_core::machine::{Register as StackPointer, SegmentRegister, rflags};
use iced_x86::{Code, FlowControl, Instruction, Mnemonic, OpKind, Register};

impl Disagreement<'_> {
    /// The first limit that explains the disagreement.
    pub fn explained(&self) -> Option<Limit> {
        Limit::ALL.iter().copied().find(|limit| self.by(*limit) && self.within(limit.fields()))
    }

    fn by(&self, limit: Limit) -> bool {
        use Mnemonic as M;
        let any = |mnemonics: &[M]| mnemonics.contains(&self.mnemonic());
        match limit {
            Limit::Gate => any(&[M::Int, M::Int3]) && self.ours.outcome != self.theirs.outcome,
            Limit::ControlValue => {
                (self.only_ours_checks() || self.only_reserved_bits()) && self.writes_system_register()
            }
            Limit::ModelSpecificValue => {
                self.only_ours_checks() && any(&[M::Rdmsr, M::Wrmsr, M::Wrfsbase, M::Wrgsbase])
            }
            Limit::BranchTarget => {
                let retires = self.only_ours_checks() && !canonical(self.theirs.state.rip);
                retires || any(&[M::Call]) && self.ours_raised(13) && self.theirs_raised(14)
            }
            Limit::SysretTarget => any(&[M::Sysretq]) && !canonical(self.theirs.state.rip),
            Limit::SysretFlags => any(&[M::Sysretq]) && self.only_flags(rflags::VM | rflags::VIF | rflags::VIP),
            Limit::IretFlags => any(&[M::Iret, M::Iretd, M::Iretq]) && self.only_flags(rflags::VIF | rflags::VIP),
            Limit::StackFault => self.vectors(12, 13) && self.only_outcome(),
            Limit::ReadBeforeWrite => self.lacks_write_bit(),
            Limit::CanonicalEdge => {
                (self.vectors(12, 14) || self.vectors(13, 14)) && self.their_address() >> 12 == 0x7_ffff_ffff
            }
            Limit::CacheLine => any(&[M::Clflush, M::Clflushopt, M::Clwb]) && self.theirs.outcome == Outcome::Retired,
            Limit::FetchAhead => self.fetches_ahead(),
            Limit::Encoding => self.ours_raised(6) && matches!(self.mnemonic(), M::INVALID),
            Limit::RedundantRex => self.redundant_rex(),
            Limit::TestAlias => self.opcode_extension() == 1 && self.is_group_3(),
            Limit::NarrowBranch => self.has_prefix(|byte| byte == 0x66) && self.is_near_branch(),
            Limit::ReturnImmediate => any(&[M::Ret, M::Retf]) && self.immediate() & 0x8000 != 0,
            Limit::FarReturn => self.far_return(),
            Limit::LowByteRex => any(&[M::Lahf, M::Sahf]) && self.has_prefix(is_rex),
            Limit::WideFarPointer => self.wide_far_pointer(),
            Limit::ShiftRelative => any(&[M::Shld, M::Shrd]) && self.is_relative_with_immediate(),
            Limit::NarrowBase => any(&[M::Wrfsbase, M::Wrgsbase]) && self.has_prefix(|byte| byte == 0x66),
            Limit::Enter => any(&[M::Enter]),
            Limit::FetchOrder => self.instruction.is_none() && self.ours_raised(14) && !self.theirs_raised(14),
            Limit::NarrowTable => any(&[M::Sgdt, M::Sidt, M::Lgdt, M::Lidt]) && self.has_prefix(|byte| byte == 0x66),
            Limit::StoredLimit => any(&[M::Sgdt, M::Sidt]) && self.both_raised(),
            Limit::PrefixOrder => self.selecting_prefixes() > 1 && split(self.bytes).1.first() == Some(&0x0f),
            Limit::RepeatFlags => self.both_raised() && self.searches_strings() && self.only_flags(rflags::STATUS),
            Limit::NullStack => self.only_ours_checks() && self.differs_in("ss"),
            Limit::CompareExchange => any(&[M::Cmpxchg]) && self.has_narrow_source(),
            Limit::InterruptSix => any(&[M::Int]) && self.ours_raised(6),
            Limit::NarrowExtension => any(&[M::Movsxd]) && self.has_prefix(|byte| byte == 0x66),
            Limit::LockedNegate => {
                any(&[M::Neg]) && self.has_prefix(|byte| byte == 0xf0) && self.only_flags(rflags::STATUS)
            }
            Limit::RotateFlags => {
                any(&[M::Rcl, M::Rcr]) && self.both_raised() && self.only_exception_and_flags(rflags::CF | rflags::OF)
            }
            Limit::NarrowCount => {
                any(&[M::Popcnt]) && self.has_prefix(|byte| byte == 0x66) && self.has_prefix(|byte| byte & 0xf8 == 0x48)
            }
            Limit::PushedResume => any(&[M::Pushf, M::Pushfq]) && self.only_pushed_resume(),
            Limit::DebugAlias => matches!(self.code(), Code::Mov_r64_dr | Code::Mov_dr_r64) && self.names_debug_alias(),
            Limit::SelfModifying => self.modifies_itself && self.theirs_did_nothing(),
            Limit::CompareOrder => self.compares_strings() && self.both_raised(),
            Limit::NullTask => any(&[M::Ltr]) && self.only_ours_checks(),
            Limit::VirtualReturn => any(&[M::Iretd]) && self.pops_nine_words(),
            Limit::ReturnOrder => {
                any(&[M::Iret, M::Iretd, M::Iretq])
                    && (self.ours_raised(14) || self.ours_raised(12))
                    && (self.theirs_raised(13) || self.theirs_raised(11))
            }
            Limit::TaskSwitched => {
                self.theirs_raised(7) && self.before.cr0 & cr0::TS != 0 && self.opcode().starts_with(&[0x0f, 0x38])
            }
            Limit::UndefinedResult => self.undefined,
            Limit::StaleTranslation => self.stale,
            // Unicorn never executes these, or they concern deliveries, which are not instructions.
            _ => false,
        }
    }

    fn mnemonic(&self) -> Mnemonic {
        self.instruction.map_or(Mnemonic::INVALID, Instruction::mnemonic)
    }

    fn code(&self) -> Code {
        self.instruction.map_or(Code::INVALID, Instruction::code)
    }

    /// Ours raised #GP where theirs retired.
    fn only_ours_checks(&self) -> bool {
        self.ours_raised(13) && self.theirs.outcome == Outcome::Retired
    }

    /// Except for the carry: RCL and RCR change it first, see [`Limit::RotateFlags`].
    fn theirs_did_nothing(&self) -> bool {
        let without = |state: CpuState| CpuState { rflags: state.rflags & !rflags::STATUS, ..state };
        self.theirs.outcome == Outcome::Retired && without(self.theirs.state) == without(CpuState::of(self.before))
    }

    fn ours_raised(&self, vector: u8) -> bool {
        raised(self.ours).is_some_and(|raised| raised.vector == vector)
    }

    fn theirs_raised(&self, vector: u8) -> bool {
        raised(self.theirs).is_some_and(|raised| raised.vector == vector)
    }

    fn vectors(&self, ours: u8, theirs: u8) -> bool {
        self.ours_raised(ours) && self.theirs_raised(theirs)
    }

    fn both_raised(&self) -> bool {
        raised(self.ours).is_some() && raised(self.theirs).is_some()
    }

    fn their_address(&self) -> u64 {
        raised(self.theirs).map_or(0, |raised| raised.cr2)
    }

    /// The registers and memory are equal, the exceptions are not.
    fn only_outcome(&self) -> bool {
        matches!(self.differences, [Difference::Outcome { .. }])
    }

    /// Only flags within `mask` differ.
    fn only_flags(&self, mask: u64) -> bool {
        match self.differences {
            [Difference::Register { name: "rflags", ours, theirs }] => (ours ^ theirs) & !mask == 0,
            _ => false,
        }
    }

    /// Like [`Self::only_flags`], besides a difference of the exceptions themselves.
    fn only_exception_and_flags(&self, mask: u64) -> bool {
        let within = |difference: &Difference| match difference {
            Difference::Outcome { .. } => true,
            Difference::Register { name: "rflags", ours, theirs } => (ours ^ theirs) & !mask == 0,
            _ => false,
        };
        self.differences.iter().all(within)
    }

    /// Only bits of CR0 that the manual does not define differ.
    fn only_reserved_bits(&self) -> bool {
        match self.differences {
            [Difference::Register { name: "cr0", ours, theirs }] => (ours ^ theirs) & CR0_DEFINED == 0,
            _ => false,
        }
    }

    fn only_pushed_resume(&self) -> bool {
        let resume = |difference: &Difference| match difference {
            Difference::Memory { ours, theirs, .. } => ours ^ theirs == rflags::RF,
            _ => false,
        };
        self.differences.iter().all(resume)
    }

    /// Both page-faulted, theirs as for a read. If the operand crosses a page they may fault on different ones.
    fn lacks_write_bit(&self) -> bool {
        const WRITE: u32 = 2;
        let (Some(ours), Some(theirs)) = (raised(self.ours), raised(self.theirs)) else { return false };
        let same_page = ours.cr2 == theirs.cr2;
        let codes = ours.error_code & WRITE != 0 && theirs.error_code & WRITE == 0;
        let only_that = !same_page || ours.error_code ^ theirs.error_code == WRITE;
        codes && only_that && self.vectors(14, 14) && self.instruction.is_some_and(modifies_memory)
    }

    fn has_narrow_source(&self) -> bool {
        self.instruction.is_some_and(|instruction| instruction.op1_register().is_gpr32())
    }

    fn names_debug_alias(&self) -> bool {
        let alias = |register| matches!(register, Register::DR4 | Register::DR5);
        self.instruction
            .is_some_and(|instruction| alias(instruction.op0_register()) || alias(instruction.op1_register()))
    }

    fn writes_system_register(&self) -> bool {
        let writes = matches!(self.code(), Code::Mov_cr_r64 | Code::Mov_dr_r64);
        writes || matches!(self.mnemonic(), Mnemonic::Lgdt | Mnemonic::Lidt | Mnemonic::Lmsw)
    }

    /// Theirs faulted on the page behind the instruction, into which a later instruction reaches.
    fn fetches_ahead(&self) -> bool {
        const LONGEST: u64 = 15;
        let Some(instruction) = self.instruction else { return false };
        let end = self.before.rip.wrapping_add(instruction.len() as u64);
        let address = self.their_address();
        self.theirs_raised(14) && address & 0xfff == 0 && address.wrapping_sub(end) < LONGEST
    }

    fn redundant_rex(&self) -> bool {
        let immediate = matches!(self.opcode(), [0xc6 | 0xc7, ..]) && self.theirs_raised(6);
        let pause = self.mnemonic() == Mnemonic::Pause;
        (immediate || pause) && self.has_prefix(is_rex)
    }

    fn is_near_branch(&self) -> bool {
        let Some(instruction) = self.instruction else { return false };
        let far = matches!(
            instruction.code(),
            Code::Jmp_m1616
                | Code::Jmp_m1632
                | Code::Jmp_m1664
                | Code::Call_m1616
                | Code::Call_m1632
                | Code::Call_m1664
        );
        let branches = matches!(
            instruction.flow_control(),
            FlowControl::UnconditionalBranch
                | FlowControl::IndirectBranch
                | FlowControl::ConditionalBranch
                | FlowControl::Call
                | FlowControl::IndirectCall
                | FlowControl::Return
        );
        branches && !far
    }

    /// Theirs entered virtual-8086 mode, or faulted in the frame of nine words that leads there.
    fn pops_nine_words(&self) -> bool {
        const FRAME: u64 = 9 * 4;
        let above = self.their_address().wrapping_sub(self.before.registers[StackPointer::Rsp as usize]);
        self.theirs.state.rflags & rflags::VM != 0 || self.theirs_raised(14) && above < FRAME
    }

    fn immediate(&self) -> u16 {
        self.instruction.map_or(0, |instruction| match instruction.op0_kind() {
            OpKind::Immediate16 => instruction.immediate16(),
            _ => 0,
        })
    }

    fn far_return(&self) -> bool {
        let narrow = matches!(self.mnemonic(), Mnemonic::Iret | Mnemonic::Iretd)
            || matches!(self.code(), Code::Retfw | Code::Retfd | Code::Retfw_imm16 | Code::Retfd_imm16)
            || matches!(self.code(), Code::Call_m1616 | Code::Call_m1632);
        let any = narrow || matches!(self.mnemonic(), Mnemonic::Iretq | Mnemonic::Retf);
        let big = self.before.segments[SegmentRegister::Ss as usize].attributes & 1 << 14 != 0;
        let used = if big { u64::from(u32::MAX) } else { u64::from(u16::MAX) };
        let high = self.before.registers[StackPointer::Rsp as usize] > used;
        let may_not_read = self.before.cpl == 3 && self.ours.outcome != self.theirs.outcome;
        narrow && high || any && may_not_read
    }

    fn wide_far_pointer(&self) -> bool {
        matches!(
            self.code(),
            Code::Lfs_r64_m1664 | Code::Lgs_r64_m1664 | Code::Lss_r64_m1664 | Code::Jmp_m1664 | Code::Call_m1664
        )
    }

    fn is_relative_with_immediate(&self) -> bool {
        self.instruction.is_some_and(|instruction| {
            instruction.is_ip_rel_memory_operand() && instruction.op2_kind() == OpKind::Immediate8
        })
    }

    fn compares_strings(&self) -> bool {
        matches!(self.mnemonic(), Mnemonic::Cmpsb | Mnemonic::Cmpsw | Mnemonic::Cmpsd | Mnemonic::Cmpsq)
    }

    fn searches_strings(&self) -> bool {
        let searches = matches!(self.mnemonic(), Mnemonic::Scasb | Mnemonic::Scasw | Mnemonic::Scasd | Mnemonic::Scasq);
        searches || self.compares_strings()
    }

    fn differs_in(&self, register: &str) -> bool {
        self.differences
            .iter()
            .any(|difference| matches!(difference, Difference::Register { name, .. } if *name == register))
    }

    fn is_group_3(&self) -> bool {
        matches!(self.opcode(), [0xf6 | 0xf7, ..])
    }

    /// How many different prefixes that can select an instruction it has.
    fn selecting_prefixes(&self) -> usize {
        [0x66, 0xf2, 0xf3].into_iter().filter(|wanted| self.has_prefix(|byte| byte == *wanted)).count()
    }

    fn has_prefix(&self, wanted: impl Fn(u8) -> bool) -> bool {
        split(self.bytes).0.iter().any(|byte| wanted(*byte))
    }

    fn opcode(&self) -> &[u8] {
        split(self.bytes).1
    }

    /// The `reg` field of the ModRM byte of a one-byte opcode.
    fn opcode_extension(&self) -> u8 {
        self.opcode().get(1).map_or(0, |modrm| modrm >> 3 & 7)
    }
}

/// PE, MP, EM, TS, ET, NE, WP, AM, NW, CD and PG (SDM vol. 3A 2.5).
const CR0_DEFINED: u64 = 0xe005_003f;

fn raised(observed: &Observed) -> Option<Raised> {
    match observed.outcome {
        Outcome::Raised(raised) => Some(raised),
        _ => None,
    }
}

/// 48-bit canonical: Unicorn has no 57-bit addresses.
fn canonical(linear: u64) -> bool {
    matches!((linear as i64) >> 47, 0 | -1)
}
