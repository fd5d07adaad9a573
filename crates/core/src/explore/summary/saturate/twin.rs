//! The plain twin of what a round takes in while it goes on: one more round, made as a whole under all that is known, finds nothing.

use super::{Aim, Pace, Reached, Round, Saturation};
use crate::explore::assume::Assumptions;
use crate::explore::summary::flaws::custom;
use crate::explore::summary::learned::News;
use crate::explore::summary::round::Flaw;
use crate::explore::sweep::Progress;
use crate::explore::world::World;
use crate::linux::Config;
use crate::scenario::Scenario;
use crate::scenario::Vector::{self, Debug, MachineCheck, Nmi, VmmCommunication};
use std::sync::Arc;

impl Saturation {
    /// What one more round finds.
    fn found_by_another_round(&self) -> Vec<String> {
        let Some(last) = self.fixpoint() else { return vec![format!("no fixpoint: {:?}", self.obstacle)] };
        let aim = Aim { flaw: Flaw::None, ..Aim::clone(&self.aim) };
        let (world, learned) = (Arc::clone(&self.world), Arc::clone(&self.learned));
        let mut round = Round::new(world, Arc::new(aim), learned, last.classes.clone(), Pace::Whole);
        while round.advance() {}
        let mut found = round.mistakes.clone();
        let mut note = |is: bool, what: &str| found.extend(is.then(|| what.to_owned()));
        note(round.has_grown(), "something to follow runs by");
        note(round.demand(), "something that is demanded");
        note(round.failures != last.failures, "another counterexample");
        let news = (*self.learned).clone().take(std::mem::take(&mut round.fresh), &self.world.system.machine);
        note(news != News::Nothing, "something that is stored, cached or looked at");
        found
    }
}

/// What one more round finds after a search with a flaw.
fn found(config: &Config, vectors: &[Vector], flaw: Flaw) -> Vec<String> {
    let world = World::new(config).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"));
    let aim =
        Aim { vectors: vectors.into(), assumed: Assumptions::default(), max_runs: 20_000, max_memory: u64::MAX, flaw };
    let mut saturation = Saturation::new(Arc::new(world), aim);
    while saturation.work(1_000_000) == Progress::More {}
    assert_eq!(saturation.reached(), Reached::Fixpoint, "{vectors:?} {:?}", saturation.obstacle);
    saturation.found_by_another_round()
}

fn check(config: &Config, vectors: &[Vector]) {
    assert_eq!(found(config, vectors, Flaw::None), [""; 0], "{} {vectors:?}", config.custom);
}

#[test]
fn one_more_round_finds_nothing() {
    let linux = |text: &str| text.parse::<Scenario>().expect("a scenario").config;
    check(&linux("form=E handler=quiet"), &[Nmi]);
    check(&linux("form=never handler=quiet"), &[Nmi]);
    check(&linux("form=E handler=quiet"), &[Nmi, VmmCommunication]);
    check(&linux("form=E handler=quiet"), &[Nmi, Debug, MachineCheck]);
    check(&linux("form=E handler=perf"), &[Debug, MachineCheck, VmmCommunication]);
    check(&linux("form=E handler=pending-flush"), &[Debug, MachineCheck]);
    check(&linux("form=B2 handler=pending-flush features=pti,pcid"), &[Debug, MachineCheck]);
}

#[test]
fn one_more_round_finds_nothing_in_texts_that_are_to_fool_a_search() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/explore");
    let files = std::fs::read_dir(folder).expect("texts").map(|entry| entry.expect("an entry").file_name());
    let files: Vec<_> = files.map(|file| file.into_string().expect("a name")).collect();
    let mut names: Vec<_> = files.iter().filter_map(|file| file.strip_suffix(".S")).collect();
    names.sort_unstable();
    assert!(names.len() >= 20, "{names:?}");
    names.iter().for_each(|name| check(&custom(name), &[Debug, MachineCheck]));
}

/// Without them the search finds a counterexample that is not the one with the fewest exceptions, or none.
#[test]
fn one_more_round_finds_what_was_not_decided_again() {
    let found = found(&custom("three_deep"), &[Nmi, Debug, MachineCheck], Flaw::NotAgain);
    assert_eq!(found, ["another counterexample"]);
}
