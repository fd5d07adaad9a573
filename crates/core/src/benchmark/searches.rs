//! Searches to measure: form E with all features, from the text to the verdict, by one thread.

use crate::asm::Diagnostic;
use crate::explore::{Assumptions, Explorer, Method, Progress, Query};
use crate::linux::{Config, Form, Handler, Handlers};
use crate::scenario::Vector;

const THREE: [Vector; 3] = [Vector::Nmi, Vector::Debug, Vector::MachineCheck];
const FOUR: [Vector; 4] = [Vector::Nmi, Vector::Debug, Vector::MachineCheck, Vector::VmmCommunication];
const FIVE: [Vector; 5] =
    [Vector::Nmi, Vector::Debug, Vector::MachineCheck, Vector::VmmCommunication, Vector::DoubleFault];

const NMI_AND_VC: [Vector; 2] = [Vector::Nmi, Vector::VmmCommunication];

const DEBUG_AND_MACHINE_CHECK: [Vector; 2] = [Vector::Debug, Vector::MachineCheck];

/// Searches of any depth and number: name, what it is, what strikes, and what handles it.
const ANY: [(&str, &str, &[Vector], Handler); 8] = [
    ("explore-any-nmi", "any depth, nmi", &[Vector::Nmi], Handler::Quiet),
    ("explore-any-nmi-vc", "any depth, nmi,vc", &NMI_AND_VC, Handler::Quiet),
    ("explore-any-db-mc", "any depth, db,mc", &DEBUG_AND_MACHINE_CHECK, Handler::Quiet),
    ("explore-any-three", "any depth, nmi,db,mc", &THREE, Handler::Quiet),
    ("explore-any-three-perf", "any depth, nmi,db,mc, perf", &THREE, Handler::Perf),
    (
        "explore-any-db-mc-pending-flush",
        "any depth, db,mc, pending-flush",
        &DEBUG_AND_MACHINE_CHECK,
        Handler::PendingFlush,
    ),
    ("explore-any-three-pending-flush", "any depth, nmi,db,mc, pending-flush", &THREE, Handler::PendingFlush),
    ("explore-any-four", "any depth, nmi,db,mc,vc", &FOUR, Handler::Quiet),
];

/// How long a search takes, roughly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Length {
    /// Single exceptions: a fraction of a second.
    Single,
    /// Deeper: seconds.
    Deep,
    /// A minute or more, and gigabytes.
    Huge,
}

/// A search to measure.
#[derive(Clone, Debug)]
pub struct Search {
    /// A short name for other programs.
    pub name: &'static str,
    /// What people read.
    pub what: &'static str,
    /// How long it takes.
    pub length: Length,
    queries: Vec<Query>,
}

impl Search {
    /// Searches, from the text to the verdict.
    ///
    /// # Errors
    /// The text of a form does not assemble.
    pub fn run(&self) -> Result<(), Vec<Diagnostic>> {
        self.queries.iter().try_for_each(|query| {
            let mut explorer = Explorer::new(query.clone())?;
            while explorer.work(1_000_000) == Progress::More {}
            Ok(())
        })
    }
}

fn query(form: Form, vectors: &[Vector], depth: u32, method: Method) -> Query {
    Query {
        configs: vec![Config { form, ..Config::default() }],
        vectors: vectors.to_vec(),
        depth,
        assumed: Assumptions::default(),
        method,
        max_runs: None,
        shard: None,
    }
}

fn any_depth(name: &'static str, what: &'static str, vectors: &[Vector], handler: Handler) -> Search {
    let configs = vec![Config { handler: Handlers::only(handler), ..Config::default() }];
    let length = if vectors.len() < FOUR.len() { Length::Deep } else { Length::Huge };
    Search { name, what, length, queries: vec![Query { configs, ..query(Form::E, vectors, 1, Method::Summaries) }] }
}

/// All of them, the shorter ones first.
#[must_use]
pub fn searches() -> Vec<Search> {
    let one = |name, what, queries| Search { name, what, length: Length::Single, queries };
    let sides = [Form::A, Form::E].map(|form| query(form, &THREE, 1, Method::CutOff));
    let mut all = vec![
        one("explore-1", "depth 1, five vectors", vec![query(Form::E, &FIVE, 1, Method::CutOff)]),
        one("explore-1-plain", "the same, plain", vec![query(Form::E, &FIVE, 1, Method::Plain)]),
        one("explore-edit", "depth 1 of A and E, nmi,db,mc, as after an edit", sides.into()),
    ];
    let two = vec![query(Form::E, &THREE, 2, Method::CutOff)];
    all.push(Search { name: "explore-2", what: "depth 2, nmi,db,mc", length: Length::Deep, queries: two });
    all.extend(ANY.map(|(name, what, vectors, handler)| any_depth(name, what, vectors, handler)));
    all
}
