//! The claims, in the order of the thread.

use super::measure::{End, Measure, Scene, Sweep, Tally};
use super::phrases::{
    ALL, FLUSH, NO_INVPCID, NO_PCID, NO_PTI, PERF, POKE, QUIET, breaking, breaks, but, ends, entry, exception, exit,
    extra, flushing, is, kernel, less, measured, more, of, same, scene, show, some, strikes, sweep, times, with,
    writes,
};
use super::show::Look;
use super::sums::{Sum, Where};
use super::{Basis, Claim};
use crate::counters::Counter;
use crate::linux::Form::{A, B2, C, E, Never};
use crate::linux::Handler;
use crate::promises::Promise;
use crate::scenario::Vector;
use crate::trace::Ending;

/// A mail of the thread, or what else says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mail {
    /// The patch that was sent again.
    Patch,
    /// The note below its changelog.
    Note,
    /// A comment that it removes.
    Removed,
    /// The answer to the patch by who had sent it again.
    Addendum,
    /// Ingo Molnar's answer.
    Ingo,
    /// Andy Lutomirski's answer.
    Andy,
    /// Thomas Gleixner's answer to Andy Lutomirski.
    ToAndy,
    /// Thomas Gleixner's answer to the patch.
    ToPatch,
    /// Not in the thread.
    Beyond,
}

impl Mail {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Patch => "the patch, 17 August 2023",
            Self::Note => "the note with the patch, 17 August 2023",
            Self::Removed => "the patch, 17 August 2023, in what it removes",
            Self::Addendum => "Brendan Jackman's answer to the patch, August 2023",
            Self::Ingo => "Ingo Molnar's answer, September 2023",
            Self::Andy => "Andy Lutomirski's answer, 18 September 2023",
            Self::ToAndy => "Thomas Gleixner's answer to Andy Lutomirski, September 2023",
            Self::ToPatch => "Thomas Gleixner's review, September 2023",
            Self::Beyond => "beyond the thread",
        }
    }
}

// --- Scenes ----------------------------------------------------------------------------------------------------------

const IN_KERNEL: Scene = scene(ALL, QUIET, "kernel_loop+1:nmi");
const SAMPLED: Scene = scene(ALL, PERF, "kernel_loop+1:nmi");
const SAMPLED_NO_PCID: Scene = scene(NO_PCID, PERF, "kernel_loop+1:nmi");
const BEFORE_SYSRET: Scene = scene(ALL, QUIET, "sysret_exit_user_cr3:nmi");
const BEFORE_SYSRET_FLUSH: Scene = scene(NO_INVPCID, FLUSH, "sysret_exit_user_cr3:nmi");
const IN_ENTRY: Scene = scene(ALL, QUIET, "entry_SYSCALL_64+1:nmi");
const IN_USER: Scene = scene(ALL, QUIET, "user_loop+1:nmi");
const DOUBLE_FAULT_IN_USER: Scene = scene(ALL, QUIET, "user_loop+1:df");
const POKED: Scene = scene(ALL, POKE, "kernel_loop+1:db");
const SCHEDULED: Scene = scene(ALL, Handler::Schedule, "kernel_loop+1:nmi");
const SCHEDULED_NO_PTI: Scene = scene(NO_PTI, Handler::Schedule, "kernel_loop+1:nmi");
const POKED_IN_SWITCH: Scene = scene(ALL, POKE, "kernel_loop+1:db > switch_mm_switching:nmi");
const SCHEDULED_IN_SWITCH: Scene = scene(ALL, Handler::Schedule, "kernel_loop+1:db > switch_mm_between_records:nmi");
const ROGUE_CR3: Scene = scene(ALL, Handler::RogueCr3, "kernel_loop+1:nmi");
const ROGUE_SWITCH: Scene = scene(ALL, Handler::RogueSwitchMm, "kernel_loop+1:nmi");
const VC_IN_GAP: Scene = scene(ALL, QUIET, "entry_SYSCALL_64+1:vc");
const VC_IN_KERNEL: Scene = scene(ALL, QUIET, "kernel_loop+1:vc");

/// What is said of #NMI, #DB, #MC and #VC alike, of the sweep that each makes.
const fn in_kernel(vector: Vector) -> Sweep {
    sweep(Where::KernelTables, vector, E, QUIET)
}

const fn in_user(vector: Vector) -> Sweep {
    sweep(Where::UserMode, vector, E, QUIET)
}

// --- Claims ----------------------------------------------------------------------------------------------------------

/// All claims, in the order of the thread.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: 1,
        mail: Mail::Patch,
        who: "Lai Jiangshan",
        says: "A return to the kernel's CR3 needs no write: it is loaded already.",
        basis: measured(&[
            same(writes(kernel(A, QUIET)), strikes(kernel(A, QUIET))),
            is(writes(kernel(C, QUIET)), 0),
            is(writes(kernel(E, QUIET)), 0),
            is(Measure::Differing(kernel(A, QUIET), E), 0),
        ]),
        shows: &[show([A, E], IN_KERNEL, Look::Macro)],
    },
    Claim {
        id: 2,
        mail: Mail::Note,
        who: "Brendan Jackman, quoting commit 21e94459110252",
        says: "Most NMIs and other paranoid exceptions change no page tables.",
        basis: measured(&[
            is(writes(kernel(Never, QUIET)), 0),
            is(writes(kernel(Never, PERF)), 0),
            is(writes(kernel(Never, FLUSH)), 0),
            times(writes(kernel(Never, POKE)), 2, strikes(kernel(Never, POKE))),
        ]),
        shows: &[show([A, E], POKED, Look::Strike)],
    },
    Claim {
        id: 3,
        mail: Mail::Note,
        who: "Brendan Jackman; Andy Lutomirski doubts it",
        says: "Andy Lutomirski wrote of the patch of 2020 that it looks correct.",
        basis: Basis::Undecidable(
            "This is history. His mail of 29 May 2020 answers the opening mail of the series, 0/2, which holds both patches; the link in the \
             note leads to 2/2, which always flushes.",
        ),
        shows: &[],
    },
    Claim {
        id: 4,
        mail: Mail::Note,
        who: "Brendan Jackman",
        says: "The purpose of the second patch of 2020, which always flushes the user's CR3, is not obvious.",
        basis: but(
            &[
                same(writes(exit(B2, QUIET)), writes(exit(E, QUIET))),
                more(flushing(exit(B2, QUIET)), flushing(exit(E, QUIET))),
                more(
                    extra(Counter::LeftoverFlushes, with(NO_INVPCID, exit(B2, FLUSH))),
                    extra(Counter::LeftoverFlushes, with(NO_INVPCID, exit(E, FLUSH))),
                ),
            ],
            &[exception(
                less(extra(Counter::Instructions, exit(B2, QUIET)), extra(Counter::Instructions, exit(E, QUIET))),
                "It is shorter: fewer instructions, no look at the mask, no scratch register.",
            )],
        ),
        shows: &[show([B2, E], BEFORE_SYSRET_FLUSH, Look::Macro)],
    },
    Claim {
        id: 22,
        mail: Mail::Removed,
        who: "a comment in calling.h until v6.8",
        says: "Skipping the write would need a CR3 read and a scratch register.",
        basis: measured(&[
            more(extra(Counter::Cr3Reads, kernel(E, QUIET)), extra(Counter::Cr3Reads, kernel(A, QUIET))),
            more(extra(Counter::Cr3Reads, kernel(B2, QUIET)), extra(Counter::Cr3Reads, kernel(A, QUIET))),
        ]),
        shows: &[show([A, B2], IN_KERNEL, Look::Macro)],
    },
    Claim {
        id: 5,
        mail: Mail::Addendum,
        who: "Brendan Jackman",
        says: "The macro is there to go back to the user's tables; from the kernel's tables entry switched nothing.",
        basis: measured(&[
            is(writes(kernel(Never, QUIET)), 0),
            times(writes(exit(E, QUIET)), 2, strikes(exit(E, QUIET))),
            same(writes(kernel(A, QUIET)), strikes(kernel(A, QUIET))),
        ]),
        shows: &[show([A, E], BEFORE_SYSRET, Look::Macro)],
    },
    Claim {
        id: 6,
        mail: Mail::Addendum,
        who: "Brendan Jackman",
        says: "If such an exception did switch tasks, a restore in paranoid_exit could load a PCID that was given away.",
        basis: measured(&[
            is(breaks(A, SCHEDULED, Promise::KernelCr3), 1),
            is(breaks(E, SCHEDULED, Promise::KernelCr3), 0),
            is(breaks(A, POKED, Promise::KernelCr3), 1),
            is(breaks(E, POKED, Promise::KernelCr3), 0),
            same(breaking(kernel(A, Handler::Schedule)), strikes(kernel(A, Handler::Schedule))),
            less(breaking(kernel(E, Handler::Schedule)), strikes(kernel(E, Handler::Schedule))),
        ]),
        shows: &[show([A, E], SCHEDULED, Look::Breaks), show([A, E], POKED, Look::Breaks)],
    },
    Claim {
        id: 7,
        mail: Mail::Addendum,
        who: "Brendan Jackman",
        says: "If the restore were needed, it would be needed without page-table isolation too.",
        basis: measured(&[
            is(breaking(with(NO_PTI, kernel(A, Handler::Schedule))), 0),
            is(breaking(with(NO_PTI, kernel(Never, Handler::Schedule))), 0),
            is(Measure::Differing(with(NO_PTI, kernel(A, Handler::Schedule)), Never), 0),
            is(Measure::Differing(with(NO_PTI, kernel(E, Handler::Schedule)), Never), 0),
        ]),
        shows: &[show([A, Never], SCHEDULED_NO_PTI, Look::Macro)],
    },
    Claim {
        id: 21,
        mail: Mail::Ingo,
        who: "Ingo Molnar",
        says: "It is a good change, and an ack of Andy Lutomirski or Thomas Gleixner would be nice.",
        basis: Basis::Undecidable(
            "This is history: Peter Zijlstra acked the second version, Thomas Gleixner merged the third as bb998361999e for v6.9.",
        ),
        shows: &[],
    },
    Claim {
        id: 8,
        mail: Mail::Andy,
        who: "Andy Lutomirski",
        says: "An invariant that every handler keeps must guarantee that the final CR3 is the right one.",
        basis: but(
            &[
                some(Measure::Explored(Tally::Schedules)),
                is(Measure::Explored(Tally::Breaking), 0),
                is(breaks(A, ROGUE_CR3, Promise::UserCr3), 0),
                is(breaks(E, ROGUE_CR3, Promise::UserCr3), 1),
            ],
            &[exception(
                is(breaks(A, ROGUE_SWITCH, Promise::KernelCr3), 1),
                "The write is no safety net if a handler switches the mm by the book and not back: form A then disagrees with the records.",
            )],
        ),
        shows: &[show([A, E], ROGUE_CR3, Look::Breaks), show([A, E], ROGUE_SWITCH, Look::Breaks)],
    },
    Claim {
        id: 9,
        mail: Mail::Andy,
        who: "Andy Lutomirski",
        says: "It is a minor optimisation for that much thinking and fragility.",
        basis: but(
            &[
                is(Measure::Beyond([A, E], SAMPLED, Counter::Cr3Writes), 1),
                is(Measure::Beyond([A, E], SAMPLED, Counter::RefillMisses), 0),
            ],
            &[exception(
                some(Measure::Beyond([A, E], SAMPLED_NO_PCID, Counter::RefillMisses)),
                "Without PCIDs the write empties the TLB of all that is not global, at each NMI.",
            )],
        ),
        shows: &[show([A, E], SAMPLED, Look::Macro), show([A, E], SAMPLED_NO_PCID, Look::Macro)],
    },
    Claim {
        id: 10,
        mail: Mail::ToAndy,
        who: "Thomas Gleixner",
        says: "Entry from user mode cannot have the kernel's CR3, and does not use the paranoid paths at all.",
        basis: but(
            &[
                is(of(in_user(Vector::Nmi), Sum::Paranoid), 0),
                is(of(in_user(Vector::Debug), Sum::Paranoid), 0),
                is(of(in_user(Vector::MachineCheck), Sum::Paranoid), 0),
                is(of(in_user(Vector::VmmCommunication), Sum::Paranoid), 0),
                is(of(in_user(Vector::Nmi), Sum::OnKernelTables), 0),
            ],
            &[exception(
                same(of(in_user(Vector::DoubleFault), Sum::Paranoid), strikes(in_user(Vector::DoubleFault))),
                "#DF always goes the paranoid way.",
            )],
        ),
        shows: &[show([A, E], IN_USER, Look::Strike), show([A, E], DOUBLE_FAULT_IN_USER, Look::Macro)],
    },
    Claim {
        id: 11,
        mail: Mail::ToAndy,
        who: "Thomas Gleixner",
        says: "Entry from the kernel can have either CR3.",
        basis: measured(&[
            some(strikes(kernel(E, QUIET))),
            some(strikes(entry(E, QUIET))),
            some(strikes(exit(E, QUIET))),
        ]),
        shows: &[show([A, E], IN_KERNEL, Look::Strike), show([A, E], BEFORE_SYSRET, Look::Strike)],
    },
    Claim {
        id: 12,
        mail: Mail::ToAndy,
        who: "Thomas Gleixner",
        says: "On an IST stack nothing can schedule, so CR3 stays what it is until the return.",
        basis: but(
            &[
                same(of(in_kernel(Vector::Nmi), Sum::OnIstStack), strikes(in_kernel(Vector::Nmi))),
                same(of(in_kernel(Vector::Debug), Sum::OnIstStack), strikes(in_kernel(Vector::Debug))),
                same(of(in_kernel(Vector::MachineCheck), Sum::OnIstStack), strikes(in_kernel(Vector::MachineCheck))),
                same(of(in_kernel(Vector::Nmi), Sum::InNmi), strikes(in_kernel(Vector::Nmi))),
                same(of(in_kernel(Vector::Debug), Sum::InNmi), strikes(in_kernel(Vector::Debug))),
                same(of(in_kernel(Vector::MachineCheck), Sum::InNmi), strikes(in_kernel(Vector::MachineCheck))),
                same(of(in_kernel(Vector::VmmCommunication), Sum::InNmi), strikes(in_kernel(Vector::VmmCommunication))),
                is(Measure::Explored(Tally::Broken(Promise::Restored)), 0),
            ],
            &[exception(
                less(
                    of(in_kernel(Vector::VmmCommunication), Sum::OnIstStack),
                    strikes(in_kernel(Vector::VmmCommunication)),
                ),
                "#VC leaves its IST stack; what keeps it from scheduling is in_nmi().",
            )],
        ),
        shows: &[show([A, E], VC_IN_KERNEL, Look::Macro)],
    },
    Claim {
        id: 13,
        mail: Mail::ToAndy,
        who: "Thomas Gleixner",
        says: "Only stupid code would switch the mm inside a switch of the mm, and then the restore is the least of the problems.",
        basis: but(
            &[
                is(ends(A, POKED_IN_SWITCH, Ending::KernelPanic), 1),
                is(ends(E, POKED_IN_SWITCH, Ending::KernelPanic), 1),
            ],
            &[exception(
                less(
                    breaks(A, SCHEDULED_IN_SWITCH, Promise::UserCr3),
                    breaks(E, SCHEDULED_IN_SWITCH, Promise::UserCr3),
                ),
                "If a handler schedules between the two records, user mode gets the right PCID with form A and not with those that skip.",
            )],
        ),
        shows: &[show([A, E], POKED_IN_SWITCH, Look::End), show([A, E], SCHEDULED_IN_SWITCH, Look::Breaks)],
    },
    Claim {
        id: 14,
        mail: Mail::ToAndy,
        who: "Thomas Gleixner",
        says: "CR3 writes are not cheap even without a flush, and the exception that matters is the NMI of perf.",
        basis: measured(&[
            same(writes(kernel(A, PERF)), strikes(kernel(A, PERF))),
            same(extra(Counter::NoflushCr3Writes, kernel(A, PERF)), strikes(kernel(A, PERF))),
            is(writes(kernel(E, PERF)), 0),
            some(Measure::PublishedWrite(End::Least)),
            some(Measure::PublishedWrite(End::Most)),
        ]),
        shows: &[show([A, E], SAMPLED, Look::Macro)],
    },
    Claim {
        id: 15,
        mail: Mail::ToAndy,
        who: "Thomas Gleixner",
        says: "The patch that always flushes was only about the way back to the user's CR3.",
        basis: measured(&[
            is(writes(kernel(B2, QUIET)), 0),
            is(writes(kernel(C, QUIET)), 0),
            is(Measure::Differing(kernel(B2, QUIET), C), 0),
            same(flushing(exit(B2, QUIET)), strikes(exit(B2, QUIET))),
            is(flushing(exit(C, QUIET)), 0),
        ]),
        shows: &[show([B2, C], BEFORE_SYSRET, Look::Macro), show([B2, C], IN_KERNEL, Look::Macro)],
    },
    Claim {
        id: 16,
        mail: Mail::ToPatch,
        who: "Thomas Gleixner",
        says: "The macro is reached by NMI, #MC, #VC and #DB from the kernel only, and by #DF always.",
        basis: measured(&[
            same(of(in_kernel(Vector::Nmi), Sum::Restoring), strikes(in_kernel(Vector::Nmi))),
            same(of(in_kernel(Vector::MachineCheck), Sum::Restoring), strikes(in_kernel(Vector::MachineCheck))),
            same(of(in_kernel(Vector::VmmCommunication), Sum::Restoring), strikes(in_kernel(Vector::VmmCommunication))),
            same(of(in_kernel(Vector::Debug), Sum::Restoring), strikes(in_kernel(Vector::Debug))),
            same(of(in_kernel(Vector::DoubleFault), Sum::Restoring), strikes(in_kernel(Vector::DoubleFault))),
            is(of(in_kernel(Vector::Interrupt), Sum::Restoring), 0),
            is(of(in_user(Vector::Nmi), Sum::Restoring), 0),
            is(of(in_user(Vector::MachineCheck), Sum::Restoring), 0),
            is(of(in_user(Vector::VmmCommunication), Sum::Restoring), 0),
            is(of(in_user(Vector::Debug), Sum::Restoring), 0),
            same(of(in_user(Vector::DoubleFault), Sum::Restoring), strikes(in_user(Vector::DoubleFault))),
        ]),
        shows: &[show([A, E], IN_KERNEL, Look::Macro), show([A, E], DOUBLE_FAULT_IN_USER, Look::Macro)],
    },
    Claim {
        id: 17,
        mail: Mail::ToPatch,
        who: "Thomas Gleixner",
        says: "The kernel runs on the user's CR3 only between the switch and the return, for a few instructions.",
        basis: but(
            &[
                less(of(exit(E, QUIET), Sum::Longest), of(kernel(E, QUIET), Sum::Longest)),
                less(strikes(exit(E, QUIET)), strikes(kernel(E, QUIET))),
            ],
            &[exception(
                more(of(entry(E, QUIET), Sum::Longest), of(exit(E, QUIET), Sum::Longest)),
                "Entry runs on the user's CR3 too until it switches, and for longer.",
            )],
        ),
        shows: &[show([A, E], BEFORE_SYSRET, Look::Strike), show([A, E], IN_ENTRY, Look::Strike)],
    },
    Claim {
        id: 18,
        mail: Mail::ToPatch,
        who: "Thomas Gleixner",
        says: "The conditional flush avoids a pointless flush now and then when perf runs.",
        basis: measured(&[same(flushing(exit(B2, PERF)), strikes(exit(B2, PERF))), is(flushing(exit(E, PERF)), 0)]),
        shows: &[show([B2, E], scene(ALL, PERF, "sysret_exit_user_cr3:nmi"), Look::Macro)],
    },
    Claim {
        id: 19,
        mail: Mail::ToPatch,
        who: "Thomas Gleixner",
        says: "BT, JNC, BTR and JMP can be one BTR and one JC.",
        basis: but(
            &[
                is(Measure::Differing(kernel(C, QUIET), E), 0),
                is(Measure::Differing(exit(C, QUIET), E), 0),
                is(Measure::Differing(entry(C, QUIET), E), 0),
                is(Measure::Differing(with(NO_INVPCID, kernel(C, FLUSH)), E), 0),
                is(Measure::Differing(with(NO_INVPCID, exit(C, FLUSH)), E), 0),
                is(Measure::Differing(with(NO_PCID, exit(C, FLUSH)), E), 0),
            ],
            &[exception(
                more(of(exit(E, QUIET), Sum::MaskStores), of(exit(C, QUIET), Sum::MaskStores)),
                "BTR writes the mask even when no flush is pending.",
            )],
        ),
        shows: &[show([C, E], BEFORE_SYSRET, Look::Macro), show([C, E], BEFORE_SYSRET_FLUSH, Look::Macro)],
    },
    Claim {
        id: 20,
        mail: Mail::ToPatch,
        who: "Thomas Gleixner",
        says: "With the patch the name RESTORE_CR3 misleads: it does not restore every CR3.",
        basis: measured(&[
            times(writes(exit(C, QUIET)), 2, strikes(exit(C, QUIET))),
            is(writes(kernel(C, QUIET)), 0),
            is(breaks(C, ROGUE_CR3, Promise::UserCr3), 1),
        ]),
        shows: &[show([A, C], ROGUE_CR3, Look::Macro)],
    },
    Claim {
        id: 23,
        mail: Mail::Beyond,
        who: "nobody in the thread",
        says: "Without any restore the kernel returns to user mode on its own tables.",
        basis: but(
            &[same(breaking(exit(Never, QUIET)), strikes(exit(Never, QUIET))), is(breaking(exit(E, QUIET)), 0)],
            &[exception(
                is(breaking(entry(Never, QUIET)), 0),
                "Entry would survive it: it reads whatever CR3 is loaded and goes on.",
            )],
        ),
        shows: &[show([E, Never], BEFORE_SYSRET, Look::Breaks), show([E, Never], IN_ENTRY, Look::Macro)],
    },
    Claim {
        id: 24,
        mail: Mail::Beyond,
        who: "a comment at the #VC stub in entry_64.S, v6.12",
        says: "The stack on which #VC returns is mapped also with page-table isolation.",
        basis: measured(&[
            is(breaking(sweep(Where::KernelTables, Vector::VmmCommunication, E, QUIET)), 0),
            is(ends(E, VC_IN_GAP, Ending::KernelPanic), 0),
        ]),
        shows: &[show([Never, E], VC_IN_GAP, Look::End)],
    },
];
