//! Schedules that no search here is deep enough for, followed strike by strike; and strides beside steps.

use super::assume::{Assumption, Assumptions};
use super::lane::{Lane, Went};
use super::witness;
use super::world::World;
use crate::counters::Counters;
use crate::linux::{Config, Form, Handler, Handlers};
use crate::machine::{Machine, refusal_reason};
use crate::promises::Breakage;
use crate::scenario::{Injection, Nesting, Schedule, Vector};
use expect_test::{Expect, expect};

/// Steps to where an injection strikes: its place, reached for the first time since the last one.
fn step_to(world: &World, lane: &mut Lane, injection: &Injection) {
    let place = world.places.resolve(&injection.place).expect("a place");
    let address = world.places.site(place).address;
    let waits = |lane: &Lane| injection.nesting == Nesting::After && !lane.runner().has_returned();
    while lane.machine().cpu.rip != address || waits(lane) {
        assert_eq!(lane.step(world, &mut ()), Went::On, "{injection}");
    }
}

/// The assumption that excludes each strike.
fn excluded(world: &World, schedule: &Schedule) -> Vec<Option<Assumption>> {
    let mut lane = Lane::start(world);
    let each = schedule.injections.iter().map(|injection| {
        step_to(world, &mut lane, injection);
        let excluded = Assumptions::default().excluding(world, &lane, injection.vector);
        lane.strike(world, injection.vector, &mut ());
        excluded
    });
    each.collect()
}

/// What excludes each strike, and what breaks if nothing does; forms that come to the same share a line.
#[track_caller]
fn check(schedule: &str, expected: Expect) {
    let schedule: Schedule = schedule.parse().expect("a schedule");
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for form in [Form::A, Form::B2, Form::C, Form::E, Form::Never] {
        let world = World::new(&Config { form, ..Config::default() }).expect("it assembles");
        let id = |assumption: Option<Assumption>| assumption.map_or("-", Assumption::id);
        let excluded: Vec<_> = excluded(&world, &schedule).into_iter().map(id).collect();
        let broken = witness::replay(&world, &schedule);
        let broken: Vec<_> =
            broken.iter().map(|breakage| format!("{}: {}", breakage.broken.invariant(), breakage.broken)).collect();
        let line = format!("excluded: {}\n  {}\n", excluded.join(" "), broken.join("\n  "));
        match lines.iter_mut().find(|(other, _)| *other == line) {
            Some((_, forms)) => forms.push(form.name()),
            None => lines.push((line, vec![form.name()])),
        }
    }
    let text: String = lines.iter().map(|(line, forms)| format!("{}: {line}", forms.join(" "))).collect();
    expected.assert_eq(&text);
}

/// Linux knows no premise that excludes them: the IRET of an exception unblocks NMIs, and two of the three tests of a nested NMI see
/// only code that it interrupts itself.
#[test]
fn nmis_while_the_frame_of_an_nmi_is_needed() {
    check(
        "kernel_loop+1:nmi > exc_nmi:mc, nmi_iret:db > asm_exc_debug:nmi",
        expect![[r#"
        A B2 C E never: excluded: - - - nmi-frame
          mapped: the program has not finished 20000 steps after the last exception
    "#]],
    );
    check(
        "do_syscall_64+3:nmi > exc_nmi:mc, exc_nmi+5:nmi, repeat_nmi+4:mc > asm_exc_machine_check:nmi",
        expect![[r#"
            A B2 C E never: excluded: - - - - nmi-frame
              mapped: the kernel takes an unhandled #PF at 0x10
        "#]],
    );
}

/// A run to its end in strides of at most `limit` steps: its steps, what it counted, what it broke, and the machine.
fn to_the_end(world: &World, mut lane: Lane, limit: u32) -> (u32, Counters, Vec<Breakage>, Machine) {
    while lane.stride(world, limit, &mut ()) == Went::On {}
    (lane.steps(), *lane.counters(), lane.broken().to_vec(), lane.machine().clone())
}

/// Among the handlers are those that store to the kernel's records or write CR3, so that promises break on the way.
#[test]
fn a_run_in_strides_is_the_run_step_by_step() {
    let (mut runs, mut broken) = (0, 0);
    for (form, handler) in [
        (Form::E, Handler::Perf),
        (Form::Never, Handler::Quiet),
        (Form::E, Handler::PendingFlush),
        (Form::A, Handler::Schedule),
        (Form::E, Handler::RogueSwitchMm),
        (Form::C, Handler::RogueCr3),
    ] {
        let config = Config { form, handler: Handlers::only(handler), ..Config::default() };
        let world = World::new(&config).expect("it assembles");
        let mut trunk = Lane::start(&world);
        while trunk.step(&world, &mut ()) == Went::On {
            let vector = Vector::ALL[trunk.steps() as usize % Vector::ALL.len()];
            let is_refused = refusal_reason(&trunk.machine().cpu, vector.event()).is_some();
            let mut struck = trunk.clone();
            if !trunk.steps().is_multiple_of(29) || is_refused || struck.strike(&world, vector, &mut ()) != Went::On {
                continue;
            }
            let in_strides = to_the_end(&world, struck.clone(), u32::MAX);
            assert!(in_strides == to_the_end(&world, struck, 1), "{form:?} {handler:?} {vector:?} {}", trunk.steps());
            runs += 1;
            broken += usize::from(!in_strides.2.is_empty());
        }
    }
    assert_eq!((runs, broken), (246, 115));
}
