//! How long searches take, for `cr3play bench --explore`.

use super::{Measured, milliseconds};
use crate::diagnostic;
use crate::outcome::WrongUse;
use cr3_core::explore::{Assumptions, Explorer, Method, Progress, Query};
use cr3_core::linux::{Config, Form, Handler, Handlers};
use cr3_core::scenario::Vector;

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

/// Searches that take a minute or more are not repeated.
fn samples_of(vectors: &[Vector], samples: u32) -> u32 {
    if vectors.len() < FOUR.len() { samples } else { 1 }
}

/// All features, the handler quiet.
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

/// From the text to the verdict, by one thread.
fn search(query: &Query) -> Result<(), WrongUse> {
    let mut explorer = Explorer::new(query.clone()).map_err(|diagnostics| diagnostic::refused(&diagnostics))?;
    while explorer.work(1_000_000) == Progress::More {}
    Ok(())
}

fn measured(name: &'static str, what: &'static str, samples: u32, queries: &[Query]) -> Result<Measured, WrongUse> {
    let mut times = Vec::new();
    for _ in 0..samples {
        let mut result = Ok(());
        times.push(milliseconds(|| result = queries.iter().try_for_each(search)));
        result?;
    }
    Ok(Measured::new(name, what, "ms", times))
}

/// Searches up to `depth`, each so many times.
pub(super) fn searches(samples: u32, depth: u32) -> Result<Vec<Measured>, WrongUse> {
    let sides = [Form::A, Form::E].map(|form| query(form, &THREE, 1, Method::CutOff));
    let mut all = vec![
        measured("explore-1", "depth 1, five vectors", samples, &[query(Form::E, &FIVE, 1, Method::CutOff)])?,
        measured("explore-1-plain", "the same, plain", samples, &[query(Form::E, &FIVE, 1, Method::Plain)])?,
        measured("explore-edit", "depth 1 of A and E, nmi,db,mc, as after an edit", samples, &sides)?,
    ];
    if depth > 1 {
        let two = query(Form::E, &THREE, 2, Method::CutOff);
        all.push(measured("explore-2", "depth 2, nmi,db,mc", samples, &[two])?);
        for (name, what, vectors, handler) in ANY {
            let query = query(Form::E, vectors, 1, Method::Summaries);
            let configs =
                query.configs.iter().map(|config| Config { handler: Handlers::only(handler), ..config.clone() });
            let query = Query { configs: configs.collect(), ..query };
            all.push(measured(name, what, samples_of(vectors, samples), &[query])?);
        }
    }
    Ok(all)
}
