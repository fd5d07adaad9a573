//! Which limit explains a disagreement.

use crate::difference::{Difference, Observed};
use crate::processor::{Outcome, Raised};
use cr3_core::machine::{Cpu, rflags};
use iced_x86::{Code, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};

/// Declares the limits once: identifier and reason.
macro_rules! limits {
    ($($variant:ident $reason:literal)*) => {
        /// Why a step was mirrored.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Limit { $(#[doc = $reason] $variant,)* }

        impl Limit {
            /// All limits, in the order in which they are asked.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// What a person reads: why Unicorn cannot vouch for the step.
            pub fn reason(self) -> &'static str { match self { $(Self::$variant => $reason,)* } }
        }
    };
}

limits! {
    Syscall "Unicorn does not execute SYSCALL, it only calls a hook"
    Invpcid "Unicorn does not know INVPCID"
    LockedRegister "Unicorn aborts the process on LOCK before a bit test of a register"
    Cpuid "CPUID tells of Unicorn's own processor model"
    TimeStamp "Unicorn's time-stamp counter is the host's clock"
    Unknown "Unicorn does not know RDPID and SERIALIZE"
    DebugTrap "Unicorn treats INT1 as an event of its own debugger"
    Gate "Unicorn does not read the IDT, so it checks no gate"
    ControlValue "Unicorn does not check what is written to a control, debug or descriptor-table register"
    ModelSpecificValue "Unicorn does not check number and value of a model-specific register, nor FS and GS bases"
    BranchTarget "Unicorn faults at a non-canonical target, the manual at the branch and before it pushes"
    SysretTarget "Unicorn's SYSRET to a non-canonical address faults in user mode, as AMD's does"
    SysretFlags "Unicorn's SYSRET loads VM and leaves VIF and VIP"
    IretFlags "Unicorn's IRET leaves VIF and VIP"
    StackFault "Unicorn raises #GP where a non-canonical stack access is #SS"
    ReadBeforeWrite "Unicorn reads the operand of a read-modify-write first, so its page fault lacks the write bit"
    CanonicalEdge "Unicorn looks up the first page of an access that runs out of the canonical addresses, and faults there"
    CacheLine "Unicorn's cache-line instructions access nothing"
    FetchAhead "Unicorn translates beyond the end of the page, and faults before the instruction is executed"
    Encoding "Unicorn accepts more encodings than the manual defines"
    RedundantRex "Unicorn takes REX.R for part of the opcode of MOV with an immediate, and for PAUSE REX.B"
    TestAlias "Unicorn does not know the second encoding of TEST with an immediate"
    NarrowBranch "Unicorn truncates near branches with an operand-size prefix to 16 bits, as AMD processors do"
    ReturnImmediate "Unicorn takes the immediate of RET to be signed"
    FarReturn "Unicorn's far returns read the stack as supervisor, and narrow ones and narrow far calls use 32 bits of RSP"
    LowByteRex "Unicorn's LAHF and SAHF with a REX prefix use SPL"
    WideFarPointer "Unicorn ignores REX.W of far pointers, as AMD processors do"
    ShiftRelative "Unicorn forgets the immediate of SHLD and SHRD in RIP-relative addresses"
    NarrowBase "Unicorn ignores the register size of WRFSBASE and WRGSBASE with an operand-size prefix"
    Enter "Unicorn's ENTER pushes between its reads, leaves pushes of a fault behind, and does not probe the new stack"
    FetchOrder "Unicorn raises what the first bytes of an instruction raise before it fetches the rest"
    NarrowTable "Unicorn truncates the bases of SGDT, SIDT, LGDT and LIDT with an operand-size prefix to 24 bits"
    StoredLimit "Unicorn's SGDT and SIDT leave the limit of a fault behind"
    PrefixOrder "Unicorn lets another one of several prefixes select the instruction"
    RepeatFlags "Unicorn's repeated CMPS and SCAS leave the flags of the iteration before a fault"
    NullStack "Unicorn accepts a null selector with another privilege level in SS"
    InterruptSix "Unicorn cannot tell INT 6 from #UD"
    NarrowExtension "Unicorn's MOVSXD with an operand-size prefix reads 32 bits"
    CompareExchange "Unicorn's 32-bit CMPXCHG clears the upper half of what it does not write"
    LockedNegate "Unicorn's LOCK NEG takes its flags from the operand instead of the result"
    RotateFlags "Unicorn's RCL and RCR change the carry before their store faults"
    NarrowCount "Unicorn's POPCNT with an operand-size prefix ignores REX.W"
    PushedResume "Unicorn's PUSHF pushes RF"
    DebugAlias "Unicorn's DR4 and DR5 are registers of their own"
    SelfModifying "Unicorn starts an instruction again that stores into the block in which it was translated"
    CompareOrder "Unicorn's CMPS reads its operands in another order"
    NullTask "Unicorn accepts a null selector in LTR"
    UndefinedResult "the manual leaves the result undefined"
    StaleTranslation "our TLB used a translation that the manual allows to be stale; Unicorn flushed it"
}

/// A limit that keeps Unicorn from being given the instruction at all; `bytes` are those at RIP.
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

/// A step in which the two differ.
#[derive(Clone, Copy, Debug)]
pub struct Disagreement<'a> {
    /// None when it could not be fetched or decoded.
    pub instruction: Option<&'a Instruction>,
    /// The bytes at RIP.
    pub bytes: &'a [u8],
    /// The registers before the step.
    pub before: &'a Cpu,
    /// What our machine came to.
    pub ours: &'a Observed,
    /// What the second CPU came to.
    pub theirs: &'a Observed,
    /// What is not equal.
    pub differences: &'a [Difference],
    /// Whether the manual leaves the result undefined.
    pub undefined: bool,
    /// Whether the instruction stores beside its own bytes.
    pub modifies_itself: bool,
    /// Whether our machine used a translation that its page tables do not give.
    pub stale: bool,
}

impl Disagreement<'_> {
    /// The first limit that explains the disagreement.
    pub fn explained(&self) -> Option<Limit> {
        Limit::ALL.iter().copied().find(|limit| self.by(*limit))
    }

    fn by(&self, limit: Limit) -> bool {
        use Mnemonic as M;
        let any = |mnemonics: &[M]| mnemonics.contains(&self.mnemonic());
        match limit {
            Limit::Gate => any(&[M::Int, M::Int3]) && self.ours.outcome != self.theirs.outcome,
            Limit::ControlValue => (self.only_ours_checks() || self.differs_in("cr0")) && self.writes_system_register(),
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
            Limit::SelfModifying => self.modifies_itself,
            Limit::CompareOrder => self.compares_strings() && self.both_raised(),
            Limit::NullTask => any(&[M::Ltr]) && self.only_ours_checks(),
            Limit::UndefinedResult => self.undefined,
            Limit::StaleTranslation => self.stale,
            // Prevented: never executed by Unicorn.
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

    /// Nothing differs but flags within `mask`.
    fn only_flags(&self, mask: u64) -> bool {
        match self.differences {
            [Difference::Register { name: "rflags", ours, theirs }] => (ours ^ theirs) & !mask == 0,
            _ => false,
        }
    }

    /// As [`Self::only_flags`], beside a difference of the exceptions themselves.
    fn only_exception_and_flags(&self, mask: u64) -> bool {
        let within = |difference: &Difference| match difference {
            Difference::Outcome { .. } => true,
            Difference::Register { name: "rflags", ours, theirs } => (ours ^ theirs) & !mask == 0,
            _ => false,
        };
        self.differences.iter().all(within)
    }

    fn only_pushed_resume(&self) -> bool {
        let resume = |difference: &Difference| match difference {
            Difference::Memory { ours, theirs, .. } => ours ^ theirs == rflags::RF,
            _ => false,
        };
        self.differences.iter().all(resume)
    }

    /// Both page-faulted, theirs as for a read. Where the operand crosses a page they may fault on different ones.
    fn lacks_write_bit(&self) -> bool {
        const WRITE: u32 = 2;
        let (Some(ours), Some(theirs)) = (raised(self.ours), raised(self.theirs)) else { return false };
        let codes = ours.error_code & WRITE != 0 && theirs.error_code & WRITE == 0;
        codes && self.vectors(14, 14) && self.modifies_memory()
    }

    fn has_narrow_source(&self) -> bool {
        self.instruction.is_some_and(|instruction| instruction.op1_register().is_gpr32())
    }

    fn names_debug_alias(&self) -> bool {
        let alias = |register| matches!(register, Register::DR4 | Register::DR5);
        self.instruction
            .is_some_and(|instruction| alias(instruction.op0_register()) || alias(instruction.op1_register()))
    }

    fn modifies_memory(&self) -> bool {
        let Some(instruction) = self.instruction else { return false };
        let mut factory = InstructionInfoFactory::new();
        let modifies = |access| matches!(access, OpAccess::ReadWrite | OpAccess::ReadCondWrite | OpAccess::CondWrite);
        factory.info(instruction).used_memory().iter().any(|memory| modifies(memory.access()))
    }

    fn writes_system_register(&self) -> bool {
        let writes = matches!(self.code(), Code::Mov_cr_r64 | Code::Mov_dr_r64);
        writes || matches!(self.mnemonic(), Mnemonic::Lgdt | Mnemonic::Lidt | Mnemonic::Lmsw)
    }

    /// Theirs faulted on the page behind the one that the instruction ends with.
    fn fetches_ahead(&self) -> bool {
        let Some(instruction) = self.instruction else { return false };
        let end = self.before.rip.wrapping_add(instruction.len() as u64);
        self.theirs_raised(14) && end & 0xfff == 0 && self.their_address() == end
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
        any && (narrow || self.before.cpl == 3)
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

    /// How many of the prefixes that can select an instruction are there.
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

fn is_rex(byte: u8) -> bool {
    byte & 0xf0 == 0x40
}

/// Prefixes, REX among them, and the rest.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let prefix =
        |byte: &u8| is_rex(*byte) || matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3);
    let count = bytes.iter().take_while(|byte| prefix(byte)).count();
    bytes.split_at(count)
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
