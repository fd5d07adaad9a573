//! Mutants: the macros of a form, wrong on purpose, to try the explorer.
//!
//! Each mutant changes one thing in the restore macro, in `SAVE_AND_SWITCH_TO_KERNEL_CR3` or in `SWITCH_TO_USER_CR3`. It does the same as the
//! form by proof ([`Verdict::Equivalent`], [`Verdict::Slower`]), or the explorer is asked for a schedule that breaks a promise.
//!
//! Who calls holds the clock and the threads: [`Mutants::tasks`] gives what may be done at once, in a few rounds.

mod alone;
mod body;
mod operators;
mod proof;
mod report;
mod search;
mod struck;
mod survivors;

pub use body::{Id, Mutant};
pub use operators::{MaskChange, Neighbour, Operator};
pub use report::{Extra, Judged, LineFate, Report, Score, Verdict};
pub use survivors::REASONS;

pub use crate::linux::Macro;

use crate::asm::{Diagnostic, Section};
use crate::linux::Config;
use crate::scenario::Vector;
use search::{Searched, Shared, Tried};
use std::collections::HashMap;
use std::sync::Arc;

/// What strikes.
pub const VECTORS: [Vector; 4] = [Vector::Nmi, Vector::Debug, Vector::MachineCheck, Vector::VmmCommunication];

/// Which mutants to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// All.
    All,
    /// Those that delete a statement: what each line is for.
    Deletions,
    /// One.
    One(Id),
}

impl Chosen {
    fn has(self, id: Id) -> bool {
        match self {
            Self::All => true,
            Self::Deletions => id.operator == Operator::Delete,
            Self::One(one) => one == id,
        }
    }
}

/// What to ask.
#[derive(Clone, Debug)]
pub struct Query {
    /// The form; features and handlers are those of the standard set.
    pub config: Config,
    /// Which mutants.
    pub chosen: Chosen,
    /// The most strikes of a schedule.
    pub depth: u32,
}

/// Every mutant of a form, judged or not.
///
/// # Errors
/// Diagnostics when a person's text does not define the restore macro, or not so that it can be called.
pub fn mutants(config: &Config) -> Result<Vec<Mutant>, Vec<Diagnostic>> {
    Ok(body::mutants(&crate::linux::written::Macros::of(config)?))
}

/// The mutants of a form, and how far they are judged.
#[derive(Debug)]
pub struct Mutants {
    shared: Arc<Shared>,
    /// The outcome of the form itself, system by system, as far as that was asked.
    originals: Arc<Vec<Searched>>,
    open: Vec<Open>,
    settled: Vec<(usize, Verdict)>,
    unconfirmed: Vec<String>,
    stage: Stage,
}

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Mutants are assembled and compared with the form; the form itself is searched on the first system of each group.
    Try,
    /// The form itself is searched on the systems that are left.
    Search,
    /// What is open is searched on the systems from this one on.
    Judge {
        from: usize,
    },
    Over,
}

/// A mutant that is to be searched, by number.
#[derive(Clone, Debug)]
struct Open {
    mutant: usize,
    /// Whether it does the same as the form, group by group.
    same: Vec<bool>,
}

/// A piece of work that depends on no other that is to be had at the same time.
pub struct Task {
    shared: Arc<Shared>,
    what: What,
}

enum What {
    /// Search a system of the form itself.
    Search(usize),
    /// Assemble a mutant and hold it against the form.
    Try(usize),
    /// Search a mutant on the systems from `from` on that the form was searched on.
    Judge { open: Open, originals: Arc<Vec<Searched>>, from: usize },
}

/// A task that was carried out.
pub struct Done(Outcome);

enum Outcome {
    Searched(Searched),
    Tried(usize, Result<Tried, String>),
    /// A mutant that is killed, or still open.
    Judged(Open, Searched),
    /// A mutant that nothing kills.
    Left(usize, Verdict),
}

impl Task {
    /// Carries it out.
    pub fn run(&self) -> Done {
        let shared = &*self.shared;
        Done(match &self.what {
            What::Search(system) => Outcome::Searched(shared.original(*system)),
            What::Try(index) => Outcome::Tried(*index, shared.tried(*index)),
            What::Judge { open, originals, from } => {
                let searched = shared.hunted(open.mutant, &open.same, originals, *from);
                let is_over = originals.len() == shared.systems.len();
                match searched.violation {
                    None if is_over && searched.unconfirmed.is_empty() => {
                        Outcome::Left(open.mutant, shared.left(open.mutant))
                    }
                    _ => Outcome::Judged(open.clone(), searched),
                }
            }
        })
    }
}

impl Mutants {
    /// Writes the mutants of a form.
    ///
    /// # Errors
    /// The assembler's diagnostics when a person's macro does not assemble.
    pub fn new(query: &Query) -> Result<Self, Vec<Diagnostic>> {
        let shared = Arc::new(Shared::new(query)?);
        Ok(Self {
            shared,
            originals: Arc::default(),
            open: Vec::new(),
            settled: Vec::new(),
            unconfirmed: Vec::new(),
            stage: Stage::Try,
        })
    }

    /// What may be done at once. None when all is done.
    pub fn tasks(&self) -> Vec<Task> {
        let task = |what| Task { shared: Arc::clone(&self.shared), what };
        let searches = |systems: std::ops::Range<usize>| systems.map(What::Search);
        match self.stage {
            Stage::Try => {
                searches(0..self.shared.first).chain((0..self.shared.mutants.len()).map(What::Try)).map(task).collect()
            }
            Stage::Search => searches(self.originals.len()..self.shared.systems.len()).map(task).collect(),
            Stage::Judge { from } => {
                let judge =
                    |open: &Open| What::Judge { open: open.clone(), originals: Arc::clone(&self.originals), from };
                self.open.iter().map(judge).map(task).collect()
            }
            Stage::Over => Vec::new(),
        }
    }

    /// Takes in the outcomes of the tasks, in the order of the tasks.
    pub fn absorb(&mut self, done: Vec<Done>) {
        let own: Vec<_> = self.shared.groups.iter().map(|group| group.code.clone()).collect();
        let mut seen = HashMap::from([(hashable(&own), None)]);
        if matches!(self.stage, Stage::Judge { .. }) {
            self.open.clear();
        }
        for Done(outcome) in done {
            match outcome {
                Outcome::Searched(searched) => self.searched(searched),
                Outcome::Tried(index, Err(message)) => self.settle(index, Verdict::NotAssembling(message)),
                Outcome::Tried(index, Ok(tried)) => self.sort(index, &tried, &mut seen),
                Outcome::Judged(open, searched) => self.judged(open, searched),
                Outcome::Left(index, verdict) => self.settle(index, verdict),
            }
        }
        self.stage = self.next();
    }

    fn searched(&mut self, searched: Searched) {
        self.unconfirmed.extend(searched.unconfirmed.clone());
        Arc::make_mut(&mut self.originals).push(searched);
    }

    fn settle(&mut self, index: usize, verdict: Verdict) {
        self.settled.push((index, verdict));
    }

    /// Settles a mutant whose code is known or that does the same as the form; others stay open.
    fn sort(&mut self, index: usize, tried: &Tried, seen: &mut HashMap<Code, Option<Id>>) {
        let code = hashable(&tried.code);
        let whole = tried.same.iter().try_fold(Extra::default(), |sum, same| Some(sum + (*same)?));
        match (seen.get(&code), whole) {
            (Some(other), _) => self.settle(index, Verdict::SameBytes(*other)),
            (None, Some(extra)) => self.settle(index, Verdict::same(extra)),
            (None, None) => {
                self.open.push(Open { mutant: index, same: tried.same.iter().map(Option::is_some).collect() });
            }
        }
        seen.entry(code).or_insert_with(|| self.shared.mutants.get(index).map(|mutant| mutant.id));
    }

    /// Settles a killed mutant. If the explorer made a mistake about it, the mistake is reported and the mutant has no verdict.
    fn judged(&mut self, open: Open, Searched { violation, unconfirmed, .. }: Searched) {
        match violation {
            Some(violation) => self.settle(open.mutant, Verdict::Killed(Box::new(violation))),
            None if unconfirmed.is_empty() => self.open.push(open),
            None => {}
        }
        self.unconfirmed.extend(unconfirmed);
    }

    /// Then nothing can be said about what is open.
    fn form_breaks(&self) -> bool {
        self.originals.iter().any(|searched| searched.violation.is_some())
    }

    fn next(&self) -> Stage {
        let has_all = self.originals.len() == self.shared.systems.len();
        match self.stage {
            _ if self.open.is_empty() || self.form_breaks() => Stage::Over,
            Stage::Try => Stage::Judge { from: 0 },
            Stage::Judge { .. } if has_all => Stage::Over,
            Stage::Judge { .. } => Stage::Search,
            Stage::Search => Stage::Judge { from: self.shared.first },
            Stage::Over => Stage::Over,
        }
    }

    /// Their outcomes, when all is done.
    pub fn report(&self) -> Option<Report> {
        let judged = |(index, verdict): &(usize, Verdict)| {
            Some(Judged { mutant: self.shared.mutants.get(*index)?.clone(), verdict: verdict.clone() })
        };
        let mut settled = self.settled.clone();
        settled.sort_by_key(|(index, _)| *index);
        let original = self.originals.iter().filter_map(|searched| searched.violation.clone());
        (self.stage == Stage::Over).then(|| Report {
            form: self.shared.query.config.form,
            depth: self.shared.query.depth,
            original: original.collect(),
            judged: settled.iter().filter_map(judged).collect(),
            unconfirmed: self.unconfirmed.clone(),
        })
    }

    /// Does all tasks, one after the other.
    pub fn run(mut self) -> Report {
        loop {
            let done = self.tasks().iter().map(Task::run).collect();
            self.absorb(done);
            if let Some(report) = self.report() {
                return report;
            }
        }
    }
}

/// Name, address and bytes of each section of each group.
type Code = Vec<(String, u64, Vec<u8>)>;

fn hashable(code: &[Vec<Section>]) -> Code {
    code.iter().flatten().map(|section| (section.name.clone(), section.base, section.bytes.clone())).collect()
}
