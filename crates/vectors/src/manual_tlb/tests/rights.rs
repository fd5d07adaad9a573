//! Access rights and error codes (rule 2.2), and what happens to rights that are out of date (rule 2.1).

use super::*;

pub(in crate::manual_tlb) const ACCESSES: [Access; 3] = [Access::Read, Access::Write, Access::Fetch];
pub(in crate::manual_tlb) const ACCESSORS: [Accessor; 3] =
    [Accessor::User, Accessor::Supervisor, Accessor::ImplicitSupervisor];

fn every_rights() -> impl Iterator<Item = Rights> {
    (0..8).map(|state| Rights { writable: state & 1 != 0, user: state & 2 != 0, execute_disable: state & 4 != 0 })
}

/// WP, SMEP, SMAP, AC and NXE, all 32 states.
fn every_control() -> impl Iterator<Item = Controls> {
    (0..32u32).map(|state| {
        let has = |bit: u32| state >> bit & 1 != 0;
        Controls {
            cr0: PG | when(has(0), WP),
            cr4: PAE | when(has(1), SMEP) | when(has(2), SMAP),
            alignment_check_flag: has(3),
            no_execute_enable: has(4),
            ..BASE
        }
    })
}

fn every_access() -> impl Iterator<Item = (Controls, Access, Accessor)> {
    let pairs = ACCESSES.into_iter().flat_map(|kind| ACCESSORS.map(|by| (kind, by)));
    every_control().flat_map(move |controls| pairs.clone().map(move |(kind, by)| (controls, kind, by)))
}

/// Whether one of the reasons in 4.6.1 refuses the access, each by itself (rule 2.2).
fn refused(controls: &Controls, rights: &Rights, kind: Access, by: Accessor) -> bool {
    let user_mode = by == Accessor::User;
    let acts_on_user_page = !user_mode && rights.user;
    let explicit_with_ac = by == Accessor::Supervisor && controls.alignment_check_flag;
    [
        user_mode && !rights.user,
        kind == Access::Write && !rights.writable && (user_mode || controls.cr0 & WP != 0),
        kind == Access::Fetch && rights.execute_disable && controls.no_execute_enable,
        kind == Access::Fetch && acts_on_user_page && controls.cr4 & SMEP != 0,
        kind != Access::Fetch && acts_on_user_page && controls.cr4 & SMAP != 0 && !explicit_with_ac,
    ]
    .contains(&true)
}

/// Rule 2.2: all rights, accesses and accessors under all control bits, 2304.
#[test]
fn access_rights() {
    let mut allowed = [0; 3];
    for (controls, kind, by) in every_access() {
        for rights in every_rights() {
            let expected = !refused(&controls, &rights, kind, by);
            assert_eq!(allows(&controls, &rights, kind, by), expected, "{rights:?} {kind:?} {by:?} {controls:x?}");
            allowed[by as usize] += usize::from(expected);
        }
    }
    assert_eq!(allowed, [288, 536, 480]);
}

/// Rule 2.1: a walk may start from a structure entry as long as some rights below it allow the access.
#[test]
fn rights_of_upper_levels() {
    let below = |upper: &Rights, lower: &Rights| Rights {
        writable: upper.writable && lower.writable,
        user: upper.user && lower.user,
        execute_disable: upper.execute_disable || lower.execute_disable,
    };
    for (controls, kind, by) in every_access() {
        for rights in every_rights() {
            let expected = every_rights().any(|lower| allows(&controls, &below(&rights, &lower), kind, by));
            assert_eq!(
                allows_later(&controls, &rights, kind, by),
                expected,
                "{rights:?} {kind:?} {by:?} {controls:x?}"
            );
        }
    }
}

/// 4.7, rule 2.2: every reason, access and accessor, with and without SMEP and no-execute.
#[test]
fn error_codes() {
    let reasons = [(Why::NotPresent, 0), (Why::Rights, 1), (Why::ReservedBit, 9)];
    let kinds = [(Access::Read, 0), (Access::Write, 2), (Access::Fetch, 16)];
    let accessors = [(Accessor::User, 4), (Accessor::Supervisor, 0), (Accessor::ImplicitSupervisor, 0)];
    for controls in every_control() {
        let reports_fetches = controls.cr4 & SMEP != 0 || controls.no_execute_enable;
        for ((why, reason), (kind, access)) in reasons.into_iter().flat_map(|reason| kinds.map(|kind| (reason, kind))) {
            let access = if kind == Access::Fetch && !reports_fetches { 0 } else { access };
            for (by, mode) in accessors {
                assert_eq!(
                    rules::error_code(&controls, kind, by, why),
                    reason + access + mode,
                    "{why:?} {kind:?} {by:?}"
                );
            }
        }
    }
}

/// Rule 2.2: SMAP, AC and the accessor. The caller has already excluded user mode.
#[test]
fn supervisor_mode_access_prevention() {
    for (controls, by) in every_control().flat_map(|controls| ACCESSORS.map(|by| (controls, by))) {
        let excused = controls.alignment_check_flag && by != Accessor::ImplicitSupervisor;
        assert_eq!(smap_denies(&controls, by), controls.cr4 & SMAP != 0 && !excused, "{by:?} {controls:x?}");
    }
}

/// Rule 2.1: both choices, over all rights and accesses.
#[test]
fn rights_out_of_date() {
    let mut faults = 0;
    for ((controls, kind, by), rights) in every_access().flat_map(|it| every_rights().map(move |rights| (it, rights))) {
        let by_choice = [StaleRights::WalkAgain, StaleRights::Fault]
            .map(|choice| faults_by_stale_rights(choice, &controls, &rights, kind, by));
        assert_eq!(
            by_choice,
            [false, refused(&controls, &rights, kind, by)],
            "{rights:?} {kind:?} {by:?} {controls:x?}"
        );
        faults += u32::from(by_choice[1]);
    }
    assert_eq!(faults, 2304 - 288 - 536 - 480);
}
