//! At which boundaries something strikes, and what is summed up then.

use crate::counters::Counter;
use crate::promises::Promise;

/// A kind of boundary, known from the uninterrupted run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Where {
    /// User mode.
    UserMode,
    /// In the kernel, on the kernel's tables.
    KernelTables,
    /// In the kernel, still on the user's tables: entry has not switched yet.
    EntryWindow,
    /// In the kernel, on the user's tables again: exit has switched and not returned yet.
    ExitWindow,
}

impl Where {
    /// In words, after "at each boundary".
    pub fn words(self) -> &'static str {
        match self {
            Self::UserMode => "in user mode",
            Self::KernelTables => "on the kernel's tables",
            Self::EntryWindow => "in the entry windows",
            Self::ExitWindow => "in the exit windows",
        }
    }
}

/// What the thread argues about: on which CR3 the kernel and its user run, and whether requested flushes come.
///
/// `restored` is not among them. It asks what the macro does, and the claims ask what that leads to: without the macro an exception in an
/// entry window returns on another CR3, and entry goes on with that one.
pub(super) const ABOUT_CR3: [Promise; 3] = [Promise::UserCr3, Promise::KernelCr3, Promise::FlushKept];

/// What is summed over the strikes of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sum {
    /// Strikes.
    Strikes,
    /// The most boundaries without another between them.
    Longest,
    /// What the runs count beyond the run in which nothing strikes.
    Extra(Counter),
    /// Runs that break a promise of [`ABOUT_CR3`], or in which the program does not exit.
    Breaking,
    /// Strikes at which the kernel's tables are loaded.
    OnKernelTables,
    /// Strikes whose handling goes through `paranoid_entry`.
    Paranoid,
    /// Strikes whose handling goes through the macro that restores CR3.
    Restoring,
    /// Strikes whose handler runs on an IST stack.
    OnIstStack,
    /// Strikes in whose handler `in_nmi()` holds.
    InNmi,
    /// Stores to the mask of pending flushes until the handler has returned.
    MaskStores,
}

impl Sum {
    /// What is counted, in words.
    pub fn words(self) -> String {
        match self {
            Self::Strikes => "strikes".to_owned(),
            Self::Longest => "boundaries in the longest".to_owned(),
            Self::Extra(counter) => format!("{} added", counter.label()),
            Self::Breaking => {
                let [user, kernel, flush] = ABOUT_CR3.map(Promise::id);
                format!("runs that break {user}, {kernel} or {flush}, or do not end")
            }
            Self::OnKernelTables => "strikes with the kernel's tables".to_owned(),
            Self::Paranoid => "through paranoid_entry".to_owned(),
            Self::Restoring => "through the macro".to_owned(),
            Self::OnIstStack => "with the handler on an IST stack".to_owned(),
            Self::InNmi => "with in_nmi() in the handler".to_owned(),
            Self::MaskStores => "stores to the mask".to_owned(),
        }
    }
}
