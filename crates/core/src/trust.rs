//! Who vouches for what this project shows, besides the code that computed it.
//!
//! One table for the terminal, the page and `docs/TRUST.md`. The comparing code counts how much of a run was compared.

/// Somebody else's program, or one written independently of what it checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Voucher {
    /// Unicorn Engine 2.1.5 executes each step on the same memory.
    Unicorn,
    /// A model of sets of entries, written from the manual's text alone.
    SecondTlbModel,
    /// GNU `as` assembles the same text.
    GnuAs,
    /// The entry code of Linux itself, as Debian's source packages have it.
    LinuxSources,
    /// A file and a version that the code names.
    CitedSource,
    /// Nothing outside.
    Nobody,
}

impl Voucher {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unicorn => "Unicorn 2.1.5",
            Self::SecondTlbModel => "a second model, from the manual's text",
            Self::GnuAs => "GNU as",
            Self::LinuxSources => "Linux v6.1.172 and v6.12.117",
            Self::CitedSource => "the source that the code cites",
            Self::Nobody => "nobody",
        }
    }
}

/// The unit of comparison for runs with a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// Steps that both executed.
    Steps,
    /// Exceptions that both raised.
    Faults,
    /// Events that both delivered.
    Deliveries,
    /// It is compared in tests, not in runs.
    Tests,
}

/// Something that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// What a person sees.
    pub name: &'static str,
    /// Who vouches for it.
    pub voucher: Voucher,
    /// The unit in which comparisons are counted.
    pub counted: Counted,
    /// The part that nobody compares.
    pub unchecked: &'static str,
}

/// Everything that is shown.
pub const FIELDS: [Field; 15] = [
    Field {
        name: "RAX to R15, RIP",
        voucher: Voucher::Unicorn,
        counted: Counted::Steps,
        unchecked: "results that the manual leaves undefined, as of BSF with a source of 0",
    },
    Field {
        name: "RFLAGS",
        voucher: Voucher::Unicorn,
        counted: Counted::Steps,
        unchecked: "flags that the manual leaves undefined; RF between two instructions",
    },
    Field {
        name: "selectors, FS and GS bases, CPL",
        voucher: Voucher::Unicorn,
        counted: Counted::Steps,
        unchecked: "hidden limits, attributes and bases that 64-bit mode ignores; SS after a delivery through the IST at CPL 0",
    },
    Field {
        name: "CR0, CR2, CR4, MSRs, GDTR, IDTR, TR",
        voucher: Voucher::Unicorn,
        counted: Counted::Steps,
        unchecked: "CR8, DR0 to DR7; which values MOV to a control register and WRMSR refuse; MCG_STATUS.MCIP",
    },
    Field {
        name: "CR3, bits 62:0",
        voucher: Voucher::Unicorn,
        counted: Counted::Steps,
        unchecked: "what INVPCID does: Unicorn has none",
    },
    Field {
        name: "memory, stack, pending-flush mask",
        voucher: Voucher::Unicorn,
        counted: Counted::Steps,
        unchecked: "accessed flags that Unicorn sets a step early, until our machine sets them too",
    },
    Field {
        name: "faults: vector, error code, address",
        voucher: Voucher::Unicorn,
        counted: Counted::Faults,
        unchecked: "encodings that we refuse and Unicorn accepts; accesses of one instruction in another order",
    },
    Field {
        name: "whether NMIs are blocked",
        voucher: Voucher::Unicorn,
        counted: Counted::Steps,
        unchecked: "that a faulting IRET unblocks them; the interrupt shadow of MOV SS and STI",
    },
    Field {
        name: "deliveries: IDT, TSS, IST, frame",
        voucher: Voucher::Unicorn,
        counted: Counted::Deliveries,
        unchecked: "natively all, because its library stops at events; in the page faults of a delivery in part",
    },
    Field {
        name: "CR3 bit 63, PCID, TLB, flushes",
        voucher: Voucher::SecondTlbModel,
        counted: Counted::Tests,
        unchecked: "which of several allowed behaviours a processor shows: the reading names the chosen one; writes of MTRRs, virtual machines and protection keys are not modelled",
    },
    Field {
        name: "bytes of assembled text",
        voucher: Voucher::GnuAs,
        counted: Counted::Tests,
        unchecked: "texts that we refuse and GNU as accepts",
    },
    Field {
        name: "Linux: entry code",
        voucher: Voucher::LinuxSources,
        counted: Counted::Tests,
        unchecked: "differences that are declared; other releases",
    },
    Field {
        name: "Linux: C side, layout, constants",
        voucher: Voucher::CitedSource,
        counted: Counted::Tests,
        unchecked: "whether we misread any of it: no Linux runs here",
    },
    Field {
        name: "counters, verdicts",
        voucher: Voucher::Nobody,
        counted: Counted::Tests,
        unchecked: "they follow from the steps by rules that only unit tests compare with cases worked out by hand",
    },
    Field {
        name: "cycles",
        voucher: Voucher::CitedSource,
        counted: Counted::Tests,
        unchecked: "nothing is timed: published ranges times counters",
    },
];
