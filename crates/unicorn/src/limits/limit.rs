//! The limits, and the fields in which the two may differ under each.

use super::fields::Field;
use cr3_core::machine::rflags;

/// Declares the limits once: identifier, fields that may differ, and reason.
macro_rules! limits {
    ($($variant:ident [$($field:expr),*] $reason:literal)*) => {
        /// Why a step was mirrored.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Limit { $(#[doc = $reason] $variant,)* }

        impl Limit {
            /// All limits, in the order in which they are tried.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The reason for people: why Unicorn cannot vouch for the step.
            pub fn reason(self) -> &'static str { match self { $(Self::$variant => $reason,)* } }

            /// The fields in which the two may differ. Empty for instructions that Unicorn is not given, and for
            /// deliveries, which are not instructions.
            pub(super) fn fields(self) -> &'static [Field] { match self { $(Self::$variant => &[$($field),*],)* } }
        }
    };
}

limits! {
    Syscall []
        "Unicorn does not execute SYSCALL, it only calls a hook"
    Invpcid []
        "Unicorn does not know INVPCID"
    LockedRegister []
        "Unicorn aborts the process on LOCK before a bit test of a register"
    Cpuid []
        "CPUID reports Unicorn's own processor model"
    TimeStamp []
        "Unicorn's time-stamp counter is the host's clock"
    Unknown []
        "Unicorn does not know RDPID and SERIALIZE"
    DebugTrap []
        "Unicorn treats INT1 as an event of its own debugger"
    Gate [Field::Outcome]
        "Unicorn does not read the IDT, so it checks no gate"
    ControlValue [Field::Outcome, Field::Control, Field::Tables]
        "Unicorn does not check what is written to a control, debug or descriptor-table register"
    ModelSpecificValue [Field::Outcome, Field::ModelSpecific]
        "Unicorn checks neither number and value of a model-specific register nor FS and GS bases"
    BranchTarget [Field::Outcome, Field::Memory, Field::Far]
        "Unicorn faults at a non-canonical target, the manual at the branch and before it pushes"
    SysretTarget [Field::Outcome, Field::Far]
        "Unicorn's SYSRET to a non-canonical address faults in user mode, as AMD's does"
    SysretFlags [Field::Flags(rflags::VM | rflags::VIF | rflags::VIP)]
        "Unicorn's SYSRET loads VM and leaves VIF and VIP"
    IretFlags [Field::Flags(rflags::VIF | rflags::VIP)]
        "Unicorn's IRET leaves VIF and VIP"
    StackFault [Field::Outcome]
        "Unicorn raises #GP where a non-canonical stack access is #SS"
    ReadBeforeWrite [Field::Outcome]
        "Unicorn reads the operand of a read-modify-write first, so its page fault lacks the write bit"
    CanonicalEdge [Field::Outcome]
        "Unicorn looks up the first page of an access that runs out of the canonical addresses, and faults there"
    CacheLine [Field::Outcome]
        "Unicorn's cache-line instructions access nothing"
    FetchAhead [Field::Outcome, Field::Memory, Field::ModelSpecific, Field::Tables]
        "Unicorn translates beyond the end of the page, and faults before the instruction is executed"
    Encoding [Field::Outcome, Field::Memory, Field::General, Field::Far, Field::ModelSpecific, Field::Control, Field::Tables]
        "Unicorn accepts more encodings than the manual defines"
    RedundantRex [Field::Outcome, Field::Memory, Field::General]
        "Unicorn counts REX.R as part of the opcode of MOV with an immediate, and REX.B as part of that of PAUSE"
    TestAlias [Field::Outcome]
        "Unicorn does not know the second encoding of TEST with an immediate"
    NarrowBranch [Field::Outcome, Field::Memory, Field::Rip, Field::Stack]
        "Unicorn truncates near branches with an operand-size prefix to 16 bits, as AMD processors do"
    ReturnImmediate [Field::Outcome, Field::Stack, Field::Far]
        "Unicorn treats the immediate of RET as signed"
    FarReturn [Field::Outcome, Field::Memory, Field::Rip, Field::Stack, Field::Far]
        "Unicorn's far returns read the stack as supervisor, and narrow ones and narrow far calls use 32 bits of RSP, 16 if SS is null"
    LowByteRex [Field::General, Field::Flags(rflags::STATUS)]
        "Unicorn's LAHF and SAHF with a REX prefix use SPL"
    WideFarPointer [Field::Outcome, Field::Memory, Field::Rip, Field::Stack, Field::Far, Field::Written]
        "Unicorn ignores REX.W of far pointers, as AMD processors do"
    ShiftRelative [Field::Outcome, Field::Memory, Field::Destination, Field::Flags(rflags::STATUS)]
        "Unicorn forgets the immediate of SHLD and SHRD in RIP-relative addresses"
    NarrowBase [Field::Outcome, Field::ModelSpecific]
        "Unicorn ignores the register size of WRFSBASE and WRGSBASE with an operand-size prefix"
    Enter [Field::Outcome, Field::Memory, Field::Stack]
        "Unicorn's ENTER pushes between its reads, leaves pushes of a fault behind, and does not probe the new stack"
    FetchOrder [Field::Outcome]
        "Unicorn raises what the first bytes of an instruction raise before it fetches the rest"
    NarrowTable [Field::Outcome, Field::Memory, Field::Tables]
        "Unicorn truncates the bases of SGDT, SIDT, LGDT and LIDT with an operand-size prefix to 24 bits"
    StoredLimit [Field::Outcome, Field::Memory]
        "Unicorn's SGDT and SIDT leave the limit of a fault behind"
    PrefixOrder [Field::Outcome, Field::Memory, Field::Written, Field::Flags(rflags::STATUS)]
        "Unicorn picks another one of several prefixes to select the instruction"
    RepeatFlags [Field::Flags(rflags::STATUS)]
        "Unicorn's repeated CMPS and SCAS leave the flags of the iteration before a fault"
    NullStack [Field::Outcome, Field::Far]
        "Unicorn accepts a null selector with another privilege level in SS"
    InterruptSix [Field::Outcome, Field::Rip]
        "Unicorn cannot tell INT 6 from #UD"
    NarrowExtension [Field::Outcome, Field::Destination]
        "Unicorn's MOVSXD with an operand-size prefix reads 32 bits"
    CompareExchange [Field::UpperHalf]
        "Unicorn's 32-bit CMPXCHG clears the upper half of what it does not write"
    LockedNegate [Field::Flags(rflags::STATUS)]
        "Unicorn's LOCK NEG takes its flags from the operand instead of the result"
    RotateFlags [Field::Outcome, Field::Flags(rflags::CF | rflags::OF)]
        "Unicorn's RCL and RCR change the carry before their store faults"
    NarrowCount [Field::Outcome, Field::Destination, Field::Flags(rflags::STATUS)]
        "Unicorn's POPCNT with an operand-size prefix ignores REX.W"
    PushedResume [Field::Memory]
        "Unicorn's PUSHF pushes RF"
    DebugAlias [Field::Outcome, Field::Destination]
        "Unicorn's DR4 and DR5 are registers of their own"
    SelfModifying [Field::Memory, Field::Rip, Field::Written, Field::Flags(rflags::STATUS)]
        "Unicorn stops before an instruction that stores into the block in which it was translated"
    CompareOrder [Field::Outcome, Field::Flags(rflags::STATUS)]
        "Unicorn's CMPS reads its operands in another order"
    NullTask [Field::Outcome, Field::Tables]
        "Unicorn accepts a null selector in LTR"
    VirtualReturn [Field::Outcome, Field::Memory, Field::Far]
        "Unicorn's IRETD returns to virtual-8086 mode where the image has VM set, which IA-32e mode ignores"
    ReturnOrder [Field::Outcome]
        "Unicorn's IRET checks CS before it reads RSP and SS"
    TaskSwitched [Field::Outcome, Field::Memory]
        "Unicorn's integer instructions of the opcode map 0F 38 raise #NM while CR0.TS is set"
    UndefinedResult [Field::Destination]
        "the manual leaves the result undefined"
    StaleTranslation [Field::Outcome, Field::Memory, Field::Written, Field::Tables]
        "our TLB used a translation that the manual allows to be stale; Unicorn flushed it"
    Delivery []
        "Unicorn's library stops at an event and does not deliver it"
    DeliveryFault []
        "when a delivery faults, Unicorn pushes words until one faults, and its error codes count gates by 16 and lack EXT"
    InterruptStack []
        "Unicorn loads a null SS with every stack of the interrupt stack table, not only when CPL changes"
    IretUnblocks []
        "Unicorn's IRET leaves NMIs blocked where it faults"
    MachineCheckStatus []
        "Unicorn does not set IA32_MCG_STATUS.MCIP when a machine check strikes"
    ShutDown []
        "the processor shuts down, and Unicorn does not report it"
}
