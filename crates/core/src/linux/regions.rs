//! What an address or a CR3 value means to Linux, for people.

use super::layout::{self, IstStack};
use std::ops::Range;

/// The stack that an address lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stack {
    /// The user's stack.
    User,
    /// The thread stack; not in the user tables.
    Thread,
    /// The entry ("trampoline") stack: TSS.sp0.
    Entry,
    /// An exception stack.
    Ist(IstStack),
}

impl Stack {
    /// All stacks.
    pub const ALL: [Self; 9] = [
        Self::User,
        Self::Thread,
        Self::Entry,
        Self::Ist(IstStack::DoubleFault),
        Self::Ist(IstStack::Nmi),
        Self::Ist(IstStack::Debug),
        Self::Ist(IstStack::MachineCheck),
        Self::Ist(IstStack::Vc),
        Self::Ist(IstStack::Vc2),
    ];

    /// Lowest address and the address just above.
    pub const fn range(self) -> Range<u64> {
        match self {
            Self::User => layout::USER_STACK..layout::TASK_SIZE_MAX,
            Self::Thread => layout::THREAD_STACK..layout::THREAD_STACK_TOP,
            Self::Entry => layout::ENTRY_STACK..layout::ENTRY_STACK_TOP,
            Self::Ist(stack) => stack.bottom()..stack.top(),
        }
    }

    /// A short name, for example `thread` or `IST-NMI`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Thread => "thread",
            Self::Entry => "entry",
            Self::Ist(IstStack::DoubleFault) => "IST-DF",
            Self::Ist(IstStack::Nmi) => "IST-NMI",
            Self::Ist(IstStack::Debug) => "IST-DB",
            Self::Ist(IstStack::MachineCheck) => "IST-MC",
            Self::Ist(IstStack::Vc) => "IST-VC",
            Self::Ist(IstStack::Vc2) => "IST-VC2",
        }
    }
}

/// The stack to which `rsp` points. A stack pointer may equal the stack's top: that stack is empty.
///
/// `None` for an address on no stack, for example between SWITCH_TO_KERNEL_CR3 and the load of the thread stack, when
/// RSP holds a CR3 value.
pub fn describe_stack(rsp: u64) -> Option<Stack> {
    Stack::ALL.into_iter().find(|stack| {
        let range = stack.range();
        range.start < rsp && rsp <= range.end
    })
}

/// Which table of a pair CR3 selects. Without page-table isolation only the kernel's exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Half {
    /// Everything mapped.
    Kernel,
    /// User memory and the little of the kernel that entry and exit need.
    User,
}

/// The half that `cr3` selects.
pub const fn tables_half(cr3: u64) -> Half {
    if cr3 & layout::PTI_USER_PGTABLE_MASK == 0 { Half::Kernel } else { Half::User }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_do_not_overlap_and_each_describes_itself() {
        for stack in Stack::ALL {
            let range = stack.range();
            assert_eq!(describe_stack(range.start + 8), Some(stack));
            assert_eq!(describe_stack(range.end), Some(stack), "empty stack");
            assert_ne!(describe_stack(range.start), Some(stack), "overflowed");
            assert_ne!(describe_stack(range.end + 8), Some(stack));
        }
        assert_eq!(describe_stack(0x10_1801), None, "a CR3 value in RSP");
    }

    #[test]
    fn bit_12_alone_selects_the_half() {
        assert_eq!(tables_half(0x10_0001), Half::Kernel);
        assert_eq!(tables_half(0x10_0801), Half::Kernel);
        assert_eq!(tables_half(0x10_1801), Half::User);
        assert_eq!(tables_half(0x10_1000), Half::User);
    }
}
