//! What an experiment measures: numbers out of runs, sweeps, searches and published figures.

use super::sums::{Sum, Where};
use crate::counters::Counter;
use crate::linux::{Config, Features, Form, Handler, Handlers};
use crate::promises::Promise;
use crate::query::{standard_features, standard_handlers};
use crate::scenario::{Scenario, Vector};
use crate::trace::Ending;

/// A system without its form, and a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scene {
    /// Switches that are on.
    pub features: Features,
    /// What runs when something strikes.
    pub handler: Handler,
    /// What strikes where, as schedules are written.
    pub inject: &'static str,
}

impl Scene {
    /// The whole run, with a form of the macro. A text that is no schedule would strike nowhere; a test holds that there is none.
    pub fn scenario(self, form: Form) -> Scenario {
        let config = Config { features: self.features, form, handler: self.handler.into(), ..Config::default() };
        Scenario { config, schedule: self.inject.parse().unwrap_or_default() }
    }
}

/// One strike at each boundary of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sweep {
    /// The form of the macro; [`Form::E`] stands for the subject.
    pub form: Form,
    /// Switches that are on.
    pub features: Features,
    /// What runs when something strikes.
    pub handler: Handler,
    /// At which boundaries.
    pub kind: Where,
    /// What strikes.
    pub vector: Vector,
}

impl Sweep {
    /// The system.
    pub fn config(self) -> Config {
        Config { features: self.features, form: self.form, handler: self.handler.into(), ..Config::default() }
    }
}

/// The explorer's standard set with one exception, form E.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Search;

impl Search {
    /// What strikes.
    pub const VECTORS: [Vector; 3] = [Vector::Nmi, Vector::Debug, Vector::MachineCheck];

    /// The systems.
    pub fn configs(self) -> impl Iterator<Item = Config> {
        let handlers = standard_handlers(Default::default());
        let each = move |features| {
            let config = move |handler: Handlers| Config { features, handler, ..Config::default() };
            handlers.clone().into_iter().map(config)
        };
        standard_features().into_iter().flat_map(each)
    }
}

/// What a search counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tally {
    /// Schedules that were judged.
    Schedules,
    /// Schedules that break a promise.
    Breaking,
    /// Schedules that break this promise.
    Broken(Promise),
}

/// What one run says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// A counter at its end.
    Counted(Counter),
    /// 1 if it breaks the promise, 0 if not.
    Breaks(Promise),
    /// 1 if it ends so, 0 if not.
    Ends(Ending),
}

/// A number out of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Of one run.
    Run(Form, Scene, Fact),
    /// How much more a counter is in the first run than in the second.
    Beyond([Form; 2], Scene, Counter),
    /// Of a sweep.
    Sweep(Sweep, Sum),
    /// Strikes of a sweep after whose handler CR3 or the mask is not the same with another form.
    Differing(Sweep, Form),
    /// Of the explorer.
    Explored(Tally),
    /// Cycles of one CR3 write: the least and the most that was published.
    PublishedWrite(End),
}

/// An end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The least.
    Least,
    /// The most.
    Most,
}

impl Measure {
    /// What it is, in words; `subject` is the name of what replaces form E.
    pub fn words(self, subject: Form) -> String {
        let named = |form: Form| if form == Form::E { subject } else { form };
        match self {
            Self::Run(form, scene, fact) => format!("{}, form {}, {}", fact.words(), named(form), scene.words()),
            Self::Beyond([first, second], scene, counter) => {
                let forms = format!("form {} beyond {}", named(first), named(second));
                format!("{}, {forms}, {}", counter.label(), scene.words())
            }
            Self::Sweep(sweep, sum) => format!("{}, form {}, {}", sum.words(), named(sweep.form), sweep.words()),
            Self::Differing(sweep, form) => {
                let forms = format!("forms {} and {}", named(sweep.form), named(form));
                format!("strikes that leave another CR3 or mask, {forms}, {}", sweep.words())
            }
            Self::Explored(tally) => format!("{}, form {subject}, one exception in the standard set", tally.words()),
            Self::PublishedWrite(End::Least) => "cycles of a CR3 write, the least that was published".to_owned(),
            Self::PublishedWrite(End::Most) => "cycles of a CR3 write, the most that was published".to_owned(),
        }
    }
}

impl Fact {
    fn words(self) -> String {
        match self {
            Self::Counted(counter) => counter.label().to_owned(),
            Self::Breaks(promise) => format!("runs that break {}", promise.id()),
            Self::Ends(ending) => format!("runs in which {ending}"),
        }
    }
}

impl Tally {
    fn words(self) -> String {
        match self {
            Self::Schedules => "schedules".to_owned(),
            Self::Breaking => "schedules that break a promise".to_owned(),
            Self::Broken(promise) => format!("schedules that break {}", promise.id()),
        }
    }
}

/// Handler and features, where they are not the usual ones.
fn unusual(handler: Handler, features: Features) -> String {
    let handler = if handler == Handler::Quiet { String::new() } else { format!(", handler {handler}") };
    match features == Features::ALL {
        true => handler,
        false => format!("{handler}, features {features}"),
    }
}

impl Scene {
    fn words(self) -> String {
        let strike = if self.inject.is_empty() { "nothing strikes" } else { self.inject };
        format!("{strike}{}", unusual(self.handler, self.features))
    }
}

impl Sweep {
    fn words(self) -> String {
        let (vector, kind) = (self.vector.mnemonic(), self.kind.words());
        format!("{vector} at each boundary {kind}{}", unusual(self.handler, self.features))
    }
}
