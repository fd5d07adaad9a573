//! The modules of the machine form layers: each uses only those below it.
//!
//! `fast` stands beside them. It may use all of them, and only three of them store its notes or call it.

use cr3_testing::source::Modules;
use std::collections::BTreeSet;

/// From the bottom up.
const LAYERS: [&str; 17] = [
    "order",
    "bits",
    "rflags",
    "level",
    "cpu",
    "fault",
    "rights",
    "tlb",
    "memory",
    "paging",
    "watched",
    "observe",
    "access",
    "control",
    "descriptor",
    "event",
    "exec",
];

const USES_FAST: [&str; 3] = ["tlb", "memory", "access"];

/// The place of a module among the layers.
fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|name| *name == module)
}

/// Whether one module at the crate's root may use another.
fn may_use(user: &str, used: &str) -> bool {
    match (layer(user), layer(used)) {
        (Some(_), None) => USES_FAST.contains(&user),
        (Some(user), Some(used)) => used <= user,
        (None, _) => true,
    }
}

#[test]
fn every_module_has_a_layer() {
    let modules = Modules::read("machine");
    let found: BTreeSet<&str> = modules.at_top().collect();
    assert_eq!(found, LAYERS.into_iter().chain(["fast"]).collect());
}

#[test]
fn every_module_uses_only_those_below_it() {
    let mut uses = 0;
    for (user, used, item) in Modules::read("machine").uses() {
        // What the root defines belongs to all of them.
        let ([from, ..], [to, ..]) = (user.as_slice(), used.as_slice()) else { continue };
        assert!(may_use(from, to), "{} uses {}::{item}", user.join("::"), used.join("::"));
        uses += usize::from(from != to);
    }
    assert!(uses > 200, "only {uses} uses were found");
}
