//! What the explorer says of the forms on display. It searches elsewhere; what it tells are actions, so a list of actions replays a
//! session with its verdicts.

pub mod wire;

use crate::choice::{Form, Scope, Side};
use crate::counterexample::Counterexample;
use crate::runs::Runs;
use crate::setup::{OwnTexts, Setup};
use crate::study::{Learned, Question, Studies};
use crate::words::Files;
use cr3_core::linux::{Base, Config, Kernel};
use cr3_core::promises::Promise;
use cr3_core::query::{
    Assumption, Assumptions, Method, Query, Reach, Standing, Verdict, standard_features, standard_handlers,
};
use cr3_core::scenario::Vector;
use std::rc::Rc;
use std::sync::Arc;
use wire::{Pace, Request};

/// What strikes.
pub const VECTORS: [Vector; 3] = [Vector::Nmi, Vector::Debug, Vector::MachineCheck];

/// What is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The form, and the system on display where that is judged. The text is there for a person's own form only.
    pub config: Config,
    /// Which systems.
    pub scope: Scope,
    /// What is taken for granted.
    pub assumed: Assumptions,
}

impl Subject {
    /// What is judged of a side. The TLB model is none of it: software that invalidates as the manual says cannot tell one from another.
    fn of(setup: &Setup, custom: &OwnTexts, side: Side, scope: Scope, assumed: Assumptions) -> Self {
        let Config { form, base, custom, kernel, .. } = setup.scenario(side, custom).config;
        let custom = if form == Form::Custom { custom } else { Arc::default() };
        let system = match scope {
            Scope::Displayed => Config { features: setup.features, handler: setup.handler, ..Config::default() },
            Scope::Standard => Config::default(),
        };
        Self { config: Config { form, base, custom, kernel, ..system }, scope, assumed }
    }

    /// How far it is searched, one search after the other, as long as none has the last word.
    #[must_use]
    pub fn searches(&self) -> &'static [Reach] {
        match self.scope {
            Scope::Displayed => &[Reach::Depth(1), Reach::Any, Reach::Depth(2)],
            Scope::Standard => &[Reach::Depth(1)],
        }
    }

    /// The search that goes so far.
    #[must_use]
    pub fn query(&self, reach: Reach) -> Query {
        let (method, depth) = match reach {
            Reach::Depth(depth) => (Method::CutOff, depth),
            Reach::Any => (Method::Summaries, 1),
        };
        let (configs, vectors) = (self.configs(), VECTORS.to_vec());
        Query { configs, vectors, depth, assumed: self.assumed, method, max_runs: None, shard: None }
    }

    fn configs(&self) -> Vec<Config> {
        let handlers = || standard_handlers(self.assumed);
        match self.scope {
            Scope::Displayed => vec![self.config.clone()],
            Scope::Standard => {
                let features = standard_features().into_iter();
                let pairs =
                    features.flat_map(|features| handlers().into_iter().map(move |handler| (features, handler)));
                pairs.map(|(features, handler)| Config { features, handler, ..self.config.clone() }).collect()
            }
        }
    }

    /// How many systems are judged.
    #[must_use]
    pub fn systems(&self) -> usize {
        self.configs().len()
    }

    /// How it stands to each assumption, in their order.
    #[must_use]
    pub fn standings(&self) -> [Standing; Assumption::ALL.len()] {
        // How far it goes changes nothing of that.
        let query = self.query(Reach::Depth(1));
        Assumption::ALL.map(|assumption| query.standing(assumption))
    }

    /// How many assumptions its verdict makes.
    #[must_use]
    pub fn assumed(&self) -> usize {
        self.standings().iter().filter(|standing| standing.is_assumed()).count()
    }

    /// The options of `cr3play explore` that say the same of every schedule that goes so far. A person's own text has to
    /// lie in a file.
    #[must_use]
    pub fn options(&self, reach: Reach, files: Files) -> Vec<String> {
        let depth = reach.max(Reach::Depth(1));
        let Files { text, tree } = files;
        let form = match (self.config.form, &self.config.base, self.config.custom.is_empty()) {
            (Form::Custom, Base::BuiltIn, _) => format!("--macro {text}"),
            (Form::Custom, _, true) => format!("--tree {tree}"),
            (Form::Custom, _, false) => format!("--tree {tree} --macro {text}"),
            (form, ..) => format!("--form {form}"),
        };
        let vectors = VECTORS.map(Vector::name).join(",");
        let system = match self.scope {
            Scope::Displayed => {
                [format!("--handler {}", self.config.handler), format!("--features {}", self.config.features)]
            }
            Scope::Standard => ["--handler standard".to_owned(), "--features standard".to_owned()],
        };
        let Config { kernel, .. } = self.config;
        let kernel = (kernel != Kernel::V6_12).then(|| format!("--kernel {kernel}"));
        let off = self.assumed.off().map(|off| format!("--without {off}"));
        let search = [form, format!("--depth {depth}"), format!("--vectors {vectors}")];
        search.into_iter().chain(system).chain(kernel).chain(off).collect()
    }

    /// The whole command in one line.
    #[must_use]
    pub fn command(&self, reach: Reach) -> String {
        format!("cr3play explore {}", self.options(reach, Files::default()).join(" "))
    }
}

/// The outcome of a search so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it says.
    pub verdict: Verdict,
    /// What is complete.
    pub reach: Reach,
    /// Schedules up to the depth that was covered one by one.
    pub schedules: u64,
    /// Those that break a promise.
    pub breaking: u64,
    /// Choices up to that depth that the architecture refuses.
    pub refused: u64,
    /// Those that an assumption excludes, in the order of [`Assumption::ALL`].
    pub excluded: Vec<u64>,
    /// The best for each promise.
    pub counterexamples: Vec<Counterexample>,
    /// What it saw and no run confirms: mistakes of the explorer.
    pub unconfirmed: Vec<String>,
    /// What ended the search of any depth before it had an answer.
    pub obstacle: Option<String>,
    /// Whether it does not go on.
    pub is_over: bool,
}

impl Found {
    /// Whether all that breaks a promise goes to code that nothing here has, so that nothing is known of Linux.
    #[must_use]
    pub fn is_untold(&self) -> bool {
        !self.counterexamples.is_empty() && self.counterexamples.iter().all(|it| it.beyond.is_some())
    }
}

/// How far the search at hand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// How far it goes.
    pub reach: Reach,
    /// Schedules of that depth that were looked at; none of any depth, which are not looked at one by one.
    pub schedules: u64,
    /// How much of it that is, in thousandths; of any depth, how much of the budget is spent.
    pub done: u32,
}

/// The outcome of choices, instruction by instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Which choices: single exceptions, or all of any depth.
    pub reach: Reach,
    /// In order of address. An instruction that is missing is reached by none of their runs.
    pub at: Vec<AtInstruction>,
}

impl Default for Places {
    /// Nothing is known.
    fn default() -> Self {
        Self { reach: Reach::Depth(0), at: Vec::new() }
    }
}

impl Places {
    /// The outcome before the instruction at an address.
    #[must_use]
    pub fn at(&self, address: u64) -> Option<&AtInstruction> {
        let index = self.at.binary_search_by_key(&address, |at| at.address).ok()?;
        self.at.get(index)
    }
}

/// The outcome of the choices before one instruction. Of any depth the numbers are of the runs that stand for all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtInstruction {
    /// Its linear address.
    pub address: u64,
    /// Schedules.
    pub schedules: u64,
    /// Those that break a promise.
    pub breaking: u64,
    /// Choices that the architecture refuses.
    pub refused: u64,
    /// Why.
    pub refusal: Option<String>,
    /// Choices that assumptions exclude.
    pub excluded: Vec<(Assumption, u64)>,
}

/// What a search tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A depth is complete, a promise is broken, or it is over.
    Found(Found),
    /// Choices by instruction. Only of the system on display.
    Places(Places),
    /// How far it is.
    Begun(Begun),
    /// Of a question, which is no search.
    Learned(Learned),
    /// It cannot be carried out, or broke down: in words.
    Broke(String),
}

/// What is known of a side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// What is judged; none while the side does not run.
    pub subject: Option<Rc<Subject>>,
    /// Names the search. Sides that are alike share one.
    pub ticket: u32,
    /// Its outcome so far; none before anything is complete.
    pub found: Option<Rc<Found>>,
    /// How far the depth at hand is.
    pub begun: Option<Begun>,
    /// Choices by instruction, of the furthest search that tells them.
    pub places: Rc<Places>,
    /// Why the search ended too early.
    pub trouble: Option<Rc<str>>,
}

impl Judged {
    /// The counterexample to a promise.
    #[must_use]
    pub fn counterexample(&self, promise: Promise) -> Option<&Counterexample> {
        self.found.as_ref()?.counterexamples.iter().find(|it| it.promise == promise)
    }

    fn take(&mut self, message: &Message) {
        // Whoever answers is at work again.
        self.trouble = None;
        match message {
            Message::Found(found) => {
                // What was begun is complete, or is what was left undone.
                self.begun = self.begun.filter(|begun| begun.reach > found.reach);
                self.found = Some(Rc::new(found.clone()));
            }
            Message::Places(places) => self.places = Rc::new(places.clone()),
            Message::Begun(begun) => self.begun = Some(*begun),
            Message::Learned(_) => {}
            Message::Broke(why) => self.trouble = Some(why.as_str().into()),
        }
    }
}

/// How many outcomes are remembered: with each assumption switched, for both sides.
const REMEMBERED: usize = 4 * Assumption::ALL.len();

/// The explorer as a person sees it.
///
/// Invariant: what is said of a side is about what is on display.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explore {
    /// Which systems are judged.
    pub scope: Scope,
    /// What is taken for granted.
    pub assumed: Assumptions,
    /// Each side.
    pub sides: [Judged; 2],
    /// How far searches go at the moment.
    pub pace: Pace,
    /// What else was asked.
    pub studies: Studies,
    /// Outcomes of what was judged, the latest last.
    outcomes: Rc<Vec<(Rc<Subject>, Rc<Found>)>>,
    /// The last ticket that was given.
    last: u32,
}

impl Explore {
    /// Nothing is judged yet.
    #[must_use]
    pub(crate) fn new(scope: Scope, assumed: Assumptions) -> Self {
        Self { scope, assumed, ..Self::default() }
    }

    /// The same about another scope and other assumptions; [`Self::followed`] is to come after it.
    #[must_use]
    pub(crate) fn about(&self, scope: Scope, assumed: Assumptions) -> Self {
        Self { scope, assumed, ..self.clone() }
    }

    /// The same without what was said of the sides; [`Self::followed`] is to come after it.
    #[must_use]
    pub(crate) fn forgotten(&self) -> Self {
        Self { sides: Default::default(), ..self.clone() }
    }

    /// What is known of what is on display now. A side whose subject is new gets a new ticket.
    #[must_use]
    pub(crate) fn followed(&self, setup: &Setup, custom: &OwnTexts, runs: &Runs) -> Self {
        let mut next = Self { sides: Default::default(), ..self.clone() };
        for side in Side::BOTH {
            // What is judged is what is on display.
            let earlier = runs.text(side).filter(|_| runs.is_of_earlier_text(side));
            let custom = earlier.map_or_else(|| custom.clone(), |text| OwnTexts::both(text.clone()));
            let subject = runs.trace(side).map(|_| Subject::of(setup, &custom, side, self.scope, self.assumed));
            next.sides[side.index()] = next.judged(side, subject, &self.sides);
        }
        next
    }

    /// What was found of a side's subject with this assumption switched; none if that was never judged.
    #[must_use]
    pub fn toggled(&self, side: Side, assumption: Assumption) -> Option<&Found> {
        let subject = self.side(side).subject.as_deref()?;
        let other = Subject { assumed: subject.assumed.toggled(assumption), ..subject.clone() };
        self.outcomes.iter().find(|(subject, _)| **subject == other).map(|(_, found)| &**found)
    }

    /// Remembers what is known of the subject with that ticket now.
    fn remember(&mut self, ticket: u32) {
        let told = self.sides.iter().find(|judged| judged.ticket == ticket);
        let Some((subject, found)) = told.and_then(|it| Some((it.subject.clone()?, it.found.clone()?))) else { return };
        let outcomes = Rc::make_mut(&mut self.outcomes);
        outcomes.retain(|(other, _)| *other != subject);
        outcomes.push((subject, found));
        outcomes.drain(..outcomes.len().saturating_sub(REMEMBERED));
    }

    fn judged(&mut self, side: Side, subject: Option<Subject>, before: &[Judged; 2]) -> Judged {
        let Some(subject) = subject else { return Judged::default() };
        let own = [&before[side.index()], &before[side.other().index()]];
        let known = own.into_iter().chain(&self.sides).find(|judged| judged.subject.as_deref() == Some(&subject));
        if let Some(known) = known {
            return known.clone();
        }
        self.last = self.last.wrapping_add(1);
        Judged { subject: Some(Rc::new(subject)), ticket: self.last, ..Judged::default() }
    }

    /// What is known of a side.
    #[must_use]
    pub fn side(&self, side: Side) -> &Judged {
        &self.sides[side.index()]
    }

    /// The searches that are wanted, each once.
    #[must_use]
    pub fn wanted(&self) -> Vec<(u32, Rc<Subject>)> {
        let [left, right] = &self.sides;
        let right = Some(right).filter(|right| right.ticket != left.ticket);
        let judged = [Some(left), right].into_iter().flatten();
        judged.filter_map(|judged| Some((judged.ticket, judged.subject.clone()?))).collect()
    }

    /// The same with a question. What is known of its answer already stays.
    #[must_use]
    pub(crate) fn asking(&self, question: Question) -> Self {
        let mut next = self.clone();
        next.studies.ask(question, &mut next.last);
        next
    }

    /// The requests of the searches that are wanted, with their tickets.
    #[must_use]
    pub fn searches(&self) -> Vec<(u32, Request)> {
        let wanted = self.wanted().into_iter();
        wanted.map(|(ticket, subject)| (ticket, Request::Judge(ticket, (*subject).clone()))).collect()
    }

    /// The requests of the questions that are not answered yet, with their tickets.
    #[must_use]
    pub fn questions(&self) -> Vec<(u32, Request)> {
        self.studies.open().map(|(ticket, question)| (ticket, Request::Study(ticket, question))).collect()
    }

    /// After what the search or question with that ticket tells; searches that nobody wants any more are not listened to.
    #[must_use]
    pub(crate) fn informed(&self, ticket: u32, message: &Message) -> Self {
        let mut next = self.clone();
        let of = next.sides.iter_mut().filter(|judged| judged.subject.is_some() && judged.ticket == ticket);
        of.for_each(|judged| judged.take(message));
        match message {
            Message::Learned(learned) => next.studies.take(ticket, learned),
            Message::Broke(why) => next.studies.end_early(ticket, why),
            Message::Found(_) => next.remember(ticket),
            Message::Places(_) | Message::Begun(_) => {}
        }
        next
    }
}

#[cfg(test)]
mod tests;
