//! The modelled handlers, and which of them run when something strikes: any of them together.

use crate::choice::{self, UnknownName};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// The modelled C handler that runs when an exception or NMI strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Handler {
    /// Returns at once.
    Quiet,
    /// Samples user and kernel memory, as perf does.
    Perf,
    /// Flushes one page the way the kernel does and so may set a pending flush.
    PendingFlush,
    /// Changes kernel text through a temporary address space, as kgdb does.
    KgdbPoke,
    /// Writes CR3 without recording it. No code of Linux does this.
    RogueCr3,
    /// Switches to `init_mm` and not back. No code of Linux does this.
    RogueSwitchMm,
    /// Switches to the address space of another task and back, as if it had scheduled. No code of Linux does this.
    Schedule,
    /// Calls firmware on tables of its own, whose address has bit 12 set, and goes back. Linux aligns these tables so that it is clear.
    EfiCall,
}

impl Handler {
    /// All handlers.
    pub const ALL: [Self; 8] = [
        Self::Quiet,
        Self::Perf,
        Self::PendingFlush,
        Self::KgdbPoke,
        Self::RogueCr3,
        Self::RogueSwitchMm,
        Self::Schedule,
        Self::EfiCall,
    ];

    /// The name in links and lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Perf => "perf",
            Self::PendingFlush => "pending-flush",
            Self::KgdbPoke => "kgdb-poke",
            Self::RogueCr3 => "rogue-cr3",
            Self::RogueSwitchMm => "rogue-switch-mm",
            Self::Schedule => "schedule",
            Self::EfiCall => "efi-call",
        }
    }

    /// What the handler does.
    pub fn description(self) -> &'static str {
        match self {
            Self::Quiet => "returns at once",
            Self::Perf => "samples user and kernel memory, as perf does",
            Self::PendingFlush => "flushes one page as the kernel does and may leave a user flush pending",
            Self::KgdbPoke => "changes kernel text through a temporary address space, as kgdb does",
            Self::RogueCr3 => "writes CR3 without recording it; no kernel code does",
            Self::RogueSwitchMm => "switches to init_mm and not back; no kernel code does",
            Self::Schedule => "switches to another task's address space and back; no kernel code does",
            Self::EfiCall => "calls firmware on tables with bit 12 of their address set; Linux aligns them",
        }
    }
}

impl Display for Handler {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Handler {
    type Err = UnknownName;
    /// pending-flush models `ghes`, so that name is accepted too.
    fn from_str(given: &str) -> Result<Self, UnknownName> {
        match given {
            "ghes" => Ok(Self::PendingFlush),
            _ => choice::find("handler", given, &Self::ALL, |handler| handler.name()),
        }
    }
}

/// A set of handlers, one bit each in the order of [`Handler::ALL`]. [`Handler::Quiet`] is the empty set, because a set
/// with any other handler is not quiet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handlers(u8);

const fn bit(handler: Handler) -> u8 {
    match handler {
        Handler::Quiet => 0,
        busy => 1 << busy as u8,
    }
}

impl Handlers {
    /// No handler does anything.
    pub const QUIET: Self = Self(0);

    /// One handler by itself.
    pub const fn only(handler: Handler) -> Self {
        Self(bit(handler))
    }

    /// These and `handler`.
    #[must_use]
    pub const fn with(self, handler: Handler) -> Self {
        Self(self.0 | bit(handler))
    }

    /// The same with `handler` added or removed. Toggling [`Handler::Quiet`] removes all others.
    #[must_use]
    pub const fn toggled(self, handler: Handler) -> Self {
        match handler {
            Handler::Quiet => Self::QUIET,
            busy => Self(self.0 ^ bit(busy)),
        }
    }

    /// Whether `handler` runs.
    pub fn contains(self, handler: Handler) -> bool {
        match handler {
            Handler::Quiet => self == Self::QUIET,
            busy => self.0 & bit(busy) != 0,
        }
    }

    /// The handlers that run, in the order of [`Handler::ALL`], which is the order in which they are called. Never
    /// empty: without any other it is [`Handler::Quiet`].
    pub fn iter(self) -> impl Iterator<Item = Handler> {
        Handler::ALL.into_iter().filter(move |&handler| self.contains(handler))
    }

    /// The handler that runs by itself, if it does.
    pub fn single(self) -> Option<Handler> {
        Handler::ALL.into_iter().find(|&handler| self == Self::only(handler))
    }

    /// What they do, one after the other.
    pub fn description(self) -> String {
        let descriptions: Vec<_> = self.iter().map(Handler::description).collect();
        descriptions.join("; then ")
    }
}

impl From<Handler> for Handlers {
    fn from(handler: Handler) -> Self {
        Self::only(handler)
    }
}

impl FromIterator<Handler> for Handlers {
    fn from_iter<I: IntoIterator<Item = Handler>>(handlers: I) -> Self {
        handlers.into_iter().fold(Self::QUIET, Self::with)
    }
}

impl Display for Handlers {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Handler::name).collect();
        f.write_str(&names.join("+"))
    }
}

impl FromStr for Handlers {
    type Err = UnknownName;
    /// Names with `+` between them, such as `perf+pending-flush`.
    fn from_str(names: &str) -> Result<Self, UnknownName> {
        names.split('+').map(|name| name.trim().parse::<Handler>()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = Handlers> {
        (0..1 << (Handler::ALL.len() - 1)).map(|bits: u8| Handlers(bits << 1))
    }

    #[test]
    fn every_set_is_what_its_members_make() {
        assert_eq!(all().count(), 128);
        for handlers in all() {
            assert_eq!(handlers.iter().collect::<Handlers>(), handlers);
            assert_eq!(handlers.to_string().parse(), Ok(handlers), "{handlers}");
            assert_eq!(handlers.single().is_some(), handlers.iter().count() == 1, "{handlers}");
            assert!(handlers.iter().is_sorted_by_key(|handler| handler as u8), "{handlers}");
            for handler in Handler::ALL {
                assert_eq!(handlers.contains(handler), handlers.iter().any(|member| member == handler));
                assert!(handler == Handler::Quiet || handlers.with(handler).contains(handler));
                assert_eq!(handlers.with(handler).with(handler), handlers.with(handler));
                assert_ne!(
                    handlers.toggled(handler).contains(handler),
                    handlers.contains(handler) && handler != Handler::Quiet
                );
            }
        }
    }

    #[test]
    fn only_one_is_that_one() {
        for handler in Handler::ALL {
            assert_eq!(Handlers::only(handler).iter().collect::<Vec<_>>(), [handler]);
            assert_eq!(Handlers::only(handler).to_string(), handler.name());
            assert_eq!(Handlers::only(handler).description(), handler.description());
        }
    }

    fn check(text: &str, canonical: Result<&str, &str>) {
        let parsed = text.parse::<Handlers>().map(|handlers| handlers.to_string()).map_err(|unknown| unknown.given);
        assert_eq!(parsed.as_deref().map_err(String::as_str), canonical, "{text}");
    }

    #[test]
    fn texts_have_one_canonical_form() {
        check("quiet", Ok("quiet"));
        check("ghes", Ok("pending-flush"));
        check("perf+pending-flush", Ok("perf+pending-flush"));
        check("Pending-Flush + perf+perf+quiet", Ok("perf+pending-flush"));
        check("schedule+rogue-switch-mm+rogue-cr3", Ok("rogue-cr3+rogue-switch-mm+schedule"));
        check("", Err(""));
        check("perf+", Err(""));
        check("perf,quiet", Err("perf,quiet"));
        check("perf+prof", Err("prof"));
    }
}
