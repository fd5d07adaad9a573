//! Plays the scenes of vectors on an engine and compares.

use super::engine::{Engine, Performed};
use super::on_machine::{Fast, OnMachine, Plain};
use super::on_manual::OnManual;
use super::{Action, Case, Edit, ExpectedFault, Scene, Step, Suite, TableEntry, Vector, tables};
use cr3_machine::tlb::{Entry, Reading};

/// Who plays the vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Player {
    /// [`cr3_machine`], on which everything else runs.
    Machine,
    /// The same without everything that makes it fast.
    PlainMachine,
    /// [`crate::manual_tlb`], the second model.
    Manual,
}

/// How one vector went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Id of the vector.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Where its expectation comes from.
    pub source: String,
    /// How it went.
    pub outcome: Outcome,
}

/// How one vector went, under both readings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As expected under both.
    Passed,
    /// One line for each difference, with its reading.
    Failed(Vec<String>),
    /// The player cannot represent it, for this reason.
    Unrepresentable(String),
}

/// Runs every vector of the file in order on the machine.
pub fn run(suite: &Suite) -> Vec<Report> {
    run_on(Player::Machine, suite)
}

/// Runs every vector of the file in order.
pub fn run_on(player: Player, suite: &Suite) -> Vec<Report> {
    suite.vectors.iter().map(|vector| report(player, vector)).collect()
}

fn report(player: Player, vector: &Vector) -> Report {
    let outcome = match (&vector.case, player) {
        (Case::Unrepresentable(reason), _) => Outcome::Unrepresentable(reason.clone()),
        (Case::Run(scene), Player::Machine) => outcome::<OnMachine<Fast>>(scene),
        (Case::Run(scene), Player::PlainMachine) => outcome::<OnMachine<Plain>>(scene),
        (Case::Run(scene), Player::Manual) => outcome::<OnManual>(scene),
    };
    Report { id: vector.id.clone(), title: vector.title.clone(), source: vector.source.clone(), outcome }
}

fn outcome<E: Engine>(scene: &Scene) -> Outcome {
    let mut differences = Vec::new();
    for reading in [Reading::Min, Reading::Max] {
        match E::begin(scene, reading) {
            Ok(engine) => {
                let lines = play(engine, scene, reading).into_iter();
                differences.extend(lines.map(|line| format!("{reading:?}: {line}")));
            }
            Err(reason) => return Outcome::Unrepresentable(reason),
        }
    }
    if differences.is_empty() { Outcome::Passed } else { Outcome::Failed(differences) }
}

/// The differences between what happened and what the scene expects.
fn play(mut engine: impl Engine, scene: &Scene, reading: Reading) -> Vec<String> {
    let mut cr3_writes = 0;
    let mut differences = Vec::new();
    for (index, step) in scene.steps.iter().enumerate() {
        if step.only.is_some_and(|only| only != reading) {
            continue;
        }
        let (performed, refused) = perform(&mut engine, &step.action);
        cr3_writes += u64::from(matches!(step.action, Action::MovToCr3(_)) && performed.done.is_ok());
        let found = refused.into_iter().chain(compare_step(scene, step, reading, &performed));
        differences.extend(found.map(|line| format!("steps[{index}]: {line}")));
    }
    differences.extend(compare_survivors(scene, reading, &engine));
    differences.extend(compare_after(scene, reading, &engine, cr3_writes));
    differences
}

/// Changes an entry in memory, which needs no engine.
fn edit_table(engine: &mut impl Engine, entry: TableEntry, edit: Edit) -> Result<(), String> {
    let address = locate(engine, entry).ok_or("there is nothing to edit: an entry above it names no table")?;
    let value = tables::edited(engine.quadword(address), entry.level, edit)?;
    engine.set_quadword(address, value);
    Ok(())
}

/// The result of a step, and why it was impossible. Edits and expectations of tables need no engine; all other steps
/// do.
fn perform(engine: &mut impl Engine, action: &Action) -> (Performed, Option<String>) {
    match *action {
        Action::Edit { entry, edit } => (Performed::done(None), edit_table(engine, entry, edit).err()),
        Action::Expect { entry, set, clear } => {
            let value = locate(engine, entry).map(|address| engine.quadword(address));
            let holds = value.is_some_and(|value| value & set == set && value & clear == 0);
            (Performed::done(Some(holds.into())), None)
        }
        _ => (engine.perform(action), None),
    }
}

fn locate(engine: &impl Engine, entry: TableEntry) -> Option<u64> {
    tables::locate(|address| engine.quadword(address), entry)
}

fn compare_step(scene: &Scene, step: &Step, reading: Reading, performed: &Performed) -> Vec<String> {
    let mut differences = Vec::new();
    let fault = performed.done.as_ref().err().map(|refused| refused.fault);
    if fault != *step.fault.of(reading) {
        let cause = performed.done.as_ref().err().map_or("", |refused| refused.cause.as_str());
        let line = format!("expected {}, got {} {cause}", described(step.fault.of(reading)), described(&fault));
        return vec![line.trim_end().to_owned()];
    }
    let value = performed.done.as_ref().ok().copied().flatten();
    if matches!(step.action, Action::Expect { .. }) && value != Some(1) {
        differences.push("the paging-structure entry is not as expected".to_owned());
    }
    if let (Some(allowed), Some(physical)) = (step.physical.of(reading), value)
        && !allowed.contains(&physical)
    {
        let allowed: Vec<_> = allowed.iter().map(|address| format!("{address:#x}")).collect();
        differences.push(format!("reached {physical:#x}, expected {}", allowed.join(" or ")));
    }
    if step.gives.is_some() && step.gives != value {
        let number = |value: Option<u64>| value.map_or("nothing".to_owned(), |value| format!("{value:#x}"));
        differences.push(format!("gave {}, expected {}", number(value), number(step.gives)));
    }
    if let (Some(name), Reading::Min) = (&step.from, reading) {
        differences.extend(compare_source(scene, name, performed.served));
    }
    differences
}

fn compare_source(scene: &Scene, name: &str, served: Option<Entry>) -> Option<String> {
    let served = scene.cached.iter().find(|(_, entry)| served == Some(*entry)).map(|(name, _)| name.as_str());
    let by = served.map_or("by none of the cached entries".to_owned(), |name| format!("by `{name}`"));
    (served != Some(name)).then(|| format!("was not served by `{name}` but {by}"))
}

fn described(fault: &Option<ExpectedFault>) -> String {
    match fault {
        None => "no fault".to_owned(),
        Some(ExpectedFault { exception, error_code: None }) => exception.name().to_owned(),
        // A digit below ten is the same in both notations.
        Some(ExpectedFault { exception, error_code: Some(code @ ..10) }) => format!("{}({code})", exception.name()),
        Some(ExpectedFault { exception, error_code: Some(code) }) => {
            format!("{}({code:#x} = {code})", exception.name())
        }
    }
}

/// Whether a translation survives: the same page, tag and frame, whatever is known of its dirty flag.
fn survives(entries: &[Entry], entry: &Entry) -> bool {
    entries.iter().any(|cached| Entry { dirty: entry.dirty, ..*cached } == *entry)
}

fn compare_survivors(scene: &Scene, reading: Reading, engine: &impl Engine) -> Option<String> {
    let expected = scene.survivors.of(reading).as_ref()?;
    let (entries, structures) = (engine.entries(), engine.structures());
    let kept = scene.cached.iter().filter(|(_, entry)| survives(&entries, entry)).map(|(name, _)| name);
    let kept_structures = scene.structures.iter().filter(|(_, entry)| structures.contains(entry));
    let mut found: Vec<_> = kept.chain(kept_structures.map(|(name, _)| name)).cloned().collect();
    found.sort();
    (found != *expected).then(|| format!("left are [{}], expected [{}]", found.join(" "), expected.join(" ")))
}

fn compare_after(scene: &Scene, reading: Reading, engine: &impl Engine, cr3_writes: u64) -> Vec<String> {
    let after = &scene.after;
    let registers = engine.registers();
    let mut differences = Vec::new();
    let mut same = |what: &str, found: u64, expected: Option<u64>| {
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            differences.push(format!("{what} is {found:#x}, expected {expected:#x}"));
        }
    };
    same("CR3", registers.cr3, after.cr3);
    same("the PCID", registers.pcid.into(), after.pcid.map(u64::from));
    same("EFER.LMA", registers.long_mode_active.into(), after.long_mode_active.map(u64::from));
    same("the number of writes to CR3", cr3_writes, after.cr3_writes);
    let entries = engine.entries();
    let dirty = |name: &&String| {
        let entry = scene.cached.iter().find(|(known, _)| known == *name).map(|(_, entry)| *entry);
        entry.is_some_and(|entry| entries.contains(&Entry { dirty: true, ..entry }))
    };
    if reading == Reading::Min {
        let clean = after.dirty.iter().filter(|name| !dirty(name));
        differences.extend(clean.map(|name| format!("`{name}` does not know its dirty flag to be set")));
    }
    let structures = engine.structures();
    for linear in &after.no_structures_for {
        if structures.iter().any(|cached| cached.pcid == registers.pcid && cached.covers(*linear)) {
            differences.push(format!("a paging-structure entry for {linear:#x} is cached"));
        }
    }
    differences
}
