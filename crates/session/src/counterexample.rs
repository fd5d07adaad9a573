//! A counterexample, and how the workers write it.

use crate::fields::PART;
use cr3_core::linux::{Features, Handlers};
use cr3_core::promises::Promise;
use cr3_core::query::Shorter;
use cr3_core::scenario::Schedule;

/// A schedule that breaks a promise, confirmed by a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// The promise.
    pub promise: Promise,
    /// What does not hold, in words.
    pub cause: String,
    /// Where its run goes to code of a person's text that nothing here has, before it breaks the promise: nobody knows then whether Linux
    /// breaks it.
    pub beyond: Option<String>,
    /// What strikes; empty if the system breaks the promise by itself.
    pub schedule: Schedule,
    /// The step at which it is broken, from 1.
    pub step: u32,
    /// What is known of shorter ones.
    pub shorter: Shorter,
    /// The features of the system.
    pub features: Features,
    /// Its handlers.
    pub handler: Handlers,
}

impl Counterexample {
    /// Better ones come first: those that stay in the model, then those of fewest strikes and steps.
    #[must_use]
    pub fn order(&self) -> impl Ord + Copy + use<> {
        (self.beyond.is_some(), self.schedule.injections.len(), self.step, self.shorter)
    }

    /// As fields of a message.
    pub(crate) fn encode(&self) -> String {
        let Counterexample { promise, cause, beyond, schedule, step, shorter, features, handler } = self;
        let shorter = *shorter as u32;
        let (id, beyond) = (promise.id(), beyond.as_deref().unwrap_or_default());
        format!(
            "{id}{PART}{step}{PART}{shorter}{PART}{features}{PART}{handler}{PART}{schedule}{PART}{beyond}{PART}{cause}"
        )
    }

    /// Read back; `None` if it is none.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let mut parts = text.splitn(8, PART);
        let id = parts.next()?;
        Some(Self {
            promise: Promise::ALL.into_iter().find(|promise| promise.id() == id)?,
            step: parts.next()?.parse().ok()?,
            shorter: *Shorter::ALL.get(parts.next()?.parse::<usize>().ok()?)?,
            features: parts.next()?.parse().ok()?,
            handler: parts.next()?.parse().ok()?,
            schedule: match parts.next()? {
                "" => Default::default(),
                schedule => schedule.parse().ok()?,
            },
            beyond: parts.next().map(|words| (!words.is_empty()).then(|| words.to_owned()))?,
            cause: parts.next()?.to_owned(),
        })
    }
}
