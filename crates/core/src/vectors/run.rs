//! Plays the scenes of vectors on the machine and compares.

use super::{Action, Case, ExpectedFault, Scene, Step, Suite, TableEntry, Vector, tables};
use crate::machine::access::{self, Privilege};
use crate::machine::control;
use crate::machine::observe::{ControlAccess, ControlRegister, DropCause, TlbEvent};
use crate::machine::paging::{Access, Mode};
use crate::machine::tlb::{Entry, Operation, Reading, StructureEntry};
use crate::machine::{Fault, Machine, Observer, Tlb, step};

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
    /// The machine cannot play it, for this reason.
    Unrepresentable(String),
}

/// Runs every vector of the file, in its order.
pub fn run(suite: &Suite) -> Vec<Report> {
    suite.vectors.iter().map(report).collect()
}

fn report(vector: &Vector) -> Report {
    let outcome = match &vector.case {
        Case::Unrepresentable(reason) => Outcome::Unrepresentable(reason.clone()),
        Case::Run(scene) => {
            let differences: Vec<_> = [Reading::Min, Reading::Max]
                .into_iter()
                .flat_map(|reading| play(scene, reading).into_iter().map(move |line| format!("{reading:?}: {line}")))
                .collect();
            if differences.is_empty() { Outcome::Passed } else { Outcome::Failed(differences) }
        }
    };
    Report { id: vector.id.clone(), title: vector.title.clone(), source: vector.source.clone(), outcome }
}

/// What happened that the state does not show.
#[derive(Default)]
struct Seen {
    hit: Option<Entry>,
    cr3_writes: u64,
    fault: Option<Fault>,
}

impl Observer for Seen {
    fn tlb(&mut self, event: &TlbEvent) {
        if let TlbEvent::Hit { entry, .. } = event {
            self.hit = Some(*entry);
        }
    }

    fn control(&mut self, access: &ControlAccess) {
        if let ControlAccess::Write { register: ControlRegister::Cr3, .. } = access {
            self.cr3_writes += 1;
        }
    }

    fn fault(&mut self, fault: &Fault) {
        self.fault.get_or_insert_with(|| fault.clone());
    }
}

/// The differences between what happened and what the scene expects.
fn play(scene: &Scene, reading: Reading) -> Vec<String> {
    let mut machine = start(scene, reading);
    let mut seen = Seen::default();
    let mut differences = Vec::new();
    for (index, step) in scene.steps.iter().enumerate() {
        if step.only.is_some_and(|only| only != reading) {
            continue;
        }
        seen.hit = None;
        seen.fault = None;
        let done = perform(&mut machine, &mut seen, &step.action);
        let found = compare_step(scene, step, reading, &done, &seen);
        differences.extend(found.into_iter().map(|line| format!("steps[{index}]: {line}")));
    }
    differences.extend(compare_survivors(scene, reading, &machine));
    differences.extend(compare_after(scene, reading, &machine, &seen));
    differences
}

fn start(scene: &Scene, reading: Reading) -> Machine {
    let mut tlb = Tlb::new(reading);
    for (_, entry) in &scene.cached {
        tlb.insert(*entry);
    }
    for (_, structure) in &scene.structures {
        tlb.insert_structure(*structure);
    }
    Machine { cpu: scene.cpu.clone(), memory: scene.memory.clone(), tlb }
}

/// What a step gave: a value or physical address, nothing, or a fault.
type Done = Result<Option<u64>, Fault>;

fn perform(machine: &mut Machine, seen: &mut Seen, action: &Action) -> Done {
    match *action {
        Action::MovToCr3(value) => control::write_cr3(machine, seen, value).map(|()| None),
        Action::MovFromCr3 => control::read_control(machine, seen, ControlRegister::Cr3).map(Some),
        Action::ChangeControl { register, set, clear } => {
            change_control(machine, seen, register, set, clear).map(|()| None)
        }
        Action::Invlpg(linear) => control::invlpg(machine, seen, linear).map(|()| None),
        Action::Invpcid { kind, low, high } => control::invpcid(machine, seen, kind, low, high).map(|()| None),
        Action::InvpcidFromMemory { kind, descriptor } => {
            control::check_invpcid(&machine.cpu)?;
            let low = access::read(machine, seen, descriptor, 8, Privilege::Current)?;
            let high = access::read(machine, seen, descriptor.wrapping_add(8), 8, Privilege::Current)?;
            control::invpcid(machine, seen, kind, low, high).map(|()| None)
        }
        Action::Access { kind, linear } => {
            let mode = if machine.cpu.cpl == 3 { Mode::User } else { Mode::Supervisor };
            access::translate(machine, seen, linear, Access { kind, mode }).map(Some)
        }
        Action::Execute { linear } => execute(machine, seen, linear),
        Action::Edit { entry, set, clear } => {
            edit(machine, entry, set, clear);
            Ok(None)
        }
        Action::Expect { entry, set, clear } => Ok(Some(u64::from(holds(machine, entry, set, clear)))),
        Action::ProcessorDropsEverything => {
            machine.tlb.invalidate(seen, Operation::Everything, DropCause::Capacity);
            Ok(None)
        }
    }
}

fn change_control(
    machine: &mut Machine,
    seen: &mut Seen,
    register: ControlRegister,
    set: u64,
    clear: u64,
) -> Result<(), Fault> {
    let cpu = &machine.cpu;
    match register {
        ControlRegister::Cr0 => control::write_cr0(machine, seen, cpu.cr0 & !clear | set),
        ControlRegister::Cr4 => control::write_cr4(machine, seen, cpu.cr4 & !clear | set),
        _ => control::write_efer(machine, seen, cpu.efer & !clear | set),
    }
}

/// Executes one instruction. A fault it raises is told before it is delivered, and what delivery does is not looked at.
fn execute(machine: &mut Machine, seen: &mut Seen, linear: u64) -> Done {
    machine.cpu.rip = linear;
    let _ = step(machine, seen);
    match seen.fault.take() {
        Some(fault) => Err(fault),
        None => Ok(None),
    }
}

fn edit(machine: &mut Machine, entry: TableEntry, set: u64, clear: u64) {
    if let Some(address) = tables::locate(&machine.memory, entry) {
        let value = machine.memory.read_u64(address);
        machine.memory.write_u64(address, value & !clear | set);
    }
}

fn holds(machine: &Machine, entry: TableEntry, set: u64, clear: u64) -> bool {
    tables::locate(&machine.memory, entry).is_some_and(|address| {
        let value = machine.memory.read_u64(address);
        value & set == set && value & clear == 0
    })
}

fn compare_step(scene: &Scene, step: &Step, reading: Reading, done: &Done, seen: &Seen) -> Vec<String> {
    let mut differences = Vec::new();
    let fault =
        done.as_ref().err().map(|fault| ExpectedFault { exception: fault.exception, error_code: fault.error_code });
    if fault != *step.fault.of(reading) {
        let cause = done.as_ref().err().map(|fault| fault.cause.clone()).unwrap_or_default();
        differences.push(format!("expected {}, got {} {cause}", told(step.fault.of(reading)), told(&fault)));
        return differences;
    }
    let value = done.as_ref().ok().copied().flatten();
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
        let served = scene.cached.iter().find(|(_, entry)| seen.hit == Some(*entry)).map(|(name, _)| name);
        if served != Some(name) {
            let served = served.map_or("by none of the cached entries".to_owned(), |name| format!("by `{name}`"));
            differences.push(format!("was not served by `{name}` but {served}"));
        }
    }
    differences
}

fn told(fault: &Option<ExpectedFault>) -> String {
    match fault {
        None => "no fault".to_owned(),
        Some(ExpectedFault { exception, error_code: None }) => exception.name().to_owned(),
        Some(ExpectedFault { exception, error_code: Some(code) }) => format!("{}({code})", exception.name()),
    }
}

/// Whether a translation is still there: the same page, tag and frame, whatever is known of its dirty flag.
fn survives(machine: &Machine, entry: &Entry) -> bool {
    machine.tlb.entries().any(|cached| Entry { dirty: entry.dirty, ..*cached } == *entry)
}

fn survives_structure(machine: &Machine, structure: &StructureEntry) -> bool {
    machine.tlb.structures().any(|cached| cached == structure)
}

fn compare_survivors(scene: &Scene, reading: Reading, machine: &Machine) -> Option<String> {
    let expected = scene.survivors.of(reading).as_ref()?;
    let entries = scene.cached.iter().filter(|(_, entry)| survives(machine, entry)).map(|(name, _)| name);
    let structures =
        scene.structures.iter().filter(|(_, entry)| survives_structure(machine, entry)).map(|(name, _)| name);
    let mut found: Vec<_> = entries.chain(structures).cloned().collect();
    found.sort();
    (found != *expected).then(|| format!("left are [{}], expected [{}]", found.join(" "), expected.join(" ")))
}

fn compare_after(scene: &Scene, reading: Reading, machine: &Machine, seen: &Seen) -> Vec<String> {
    let after = &scene.after;
    let cpu = &machine.cpu;
    let mut differences = Vec::new();
    let mut same = |what: &str, found: u64, expected: Option<u64>| {
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            differences.push(format!("{what} is {found:#x}, expected {expected:#x}"));
        }
    };
    let long_mode = cpu.efer & crate::machine::bits::efer::LMA != 0;
    same("CR3", cpu.cr3, after.cr3);
    same("the PCID", control::current_pcid(cpu).into(), after.pcid.map(u64::from));
    same("EFER.LMA", long_mode.into(), after.long_mode_active.map(u64::from));
    same("the number of writes to CR3", seen.cr3_writes, after.cr3_writes);
    let dirty = |name: &&String| {
        let entry = scene.cached.iter().find(|(known, _)| known == *name).map(|(_, entry)| *entry);
        entry.is_some_and(|entry| machine.tlb.entries().any(|cached| *cached == Entry { dirty: true, ..entry }))
    };
    if reading == Reading::Min {
        let clean = after.dirty.iter().filter(|name| !dirty(name));
        differences.extend(clean.map(|name| format!("`{name}` does not know its dirty flag to be set")));
    }
    for linear in &after.no_structures_for {
        let pcid = control::current_pcid(cpu);
        if machine.tlb.structures().any(|cached| cached.pcid == pcid && cached.covers(*linear)) {
            differences.push(format!("a paging-structure entry for {linear:#x} is cached"));
        }
    }
    differences
}
