//! Schedules that no search here is deep enough for, followed strike by strike.

use super::assume::{Assumption, Assumptions};
use super::lane::{Lane, Went};
use super::witness;
use super::world::World;
use crate::linux::{Config, Form};
use crate::scenario::{Injection, Nesting, Schedule};
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
