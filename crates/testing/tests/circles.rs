//! No circles: of the modules below one module, none uses another that uses it, directly or through others.
//!
//! The test reads the sources. A module uses another if its code mentions an item that the other one's files define. A
//! declaration (`mod a;`) and a re-export (`pub use a::B;`) are no use, and a mention of a re-exported item is a use of
//! the module that defines it. A module and those below it may use each other: what a module's own file defines belongs
//! to all of them. Methods are invisible here, because their calls do not name a module.

use cr3_testing::source::{self, Modules, Path};
use std::collections::{BTreeMap, BTreeSet};

/// Modules whose circles are allowed: crate, the module around them, the module itself, and the reason.
const BESIDE: [(&str, &str, &str, &str); 4] = [
    ("machine", "", "fast", "it stands beside the layers; crates/machine/tests/layers.rs holds what may use it"),
    (
        "core",
        "explore::summary",
        "learned",
        "it says what words hold in the frame of a shadow, which follows what was learned",
    ),
    ("core", "explore::summary", "round", "a round applies the summaries that it makes"),
    ("core", "explore", "world", "a world, the lanes in it and its journal are one recursive structure"),
];

/// The modules below one module, each with those beside it that it uses.
type Siblings = BTreeMap<String, BTreeSet<String>>;

/// The modules below each module of a crate, with an example for each use.
struct Crate {
    siblings: BTreeMap<Path, Siblings>,
    examples: BTreeMap<(Path, String, String), String>,
}

impl Crate {
    fn read(name: &str) -> Self {
        let mut found = Self { siblings: BTreeMap::new(), examples: BTreeMap::new() };
        for (user, used, item) in Modules::read(name).uses() {
            found.add(&user, &used, &item);
        }
        found
    }

    fn add(&mut self, user: &Path, used: &Path, item: &str) {
        let shared = user.iter().zip(used).take_while(|(a, b)| a == b).count();
        let (Some(from), Some(to)) = (user.get(shared), used.get(shared)) else { return };
        let around = user[..shared].to_vec();
        let siblings = self.siblings.entry(around.clone()).or_default();
        siblings.entry(to.clone()).or_default();
        siblings.entry(from.clone()).or_default().insert(to.clone());
        let example = format!("{} uses {}::{item}", user.join("::"), used.join("::"));
        self.examples.entry((around, from.clone(), to.clone())).or_insert(example);
    }

    /// The circles among the modules below `around`, each with examples, if `left_out` is not among them.
    fn circles(&self, around: &Path, left_out: &[&str]) -> Vec<String> {
        let siblings = &self.siblings[around];
        let reach: BTreeMap<&str, BTreeSet<&str>> =
            siblings.keys().map(|from| (from.as_str(), reachable(siblings, from, left_out))).collect();
        let in_circle = |from: &str, to: &str| reach[from].contains(to) && reach[to].contains(from);
        let uses = siblings.iter().flat_map(|(from, used)| used.iter().map(move |to| (from, to)));
        let kept = uses.filter(|(from, to)| ![from, to].iter().any(|name| left_out.contains(&name.as_str())));
        kept.filter(|(from, to)| in_circle(from, to))
            .map(|(from, to)| self.examples[&(around.clone(), from.clone(), to.clone())].clone())
            .collect()
    }
}

fn reachable<'s>(siblings: &'s Siblings, from: &str, left_out: &[&str]) -> BTreeSet<&'s str> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(at) = waiting.pop() {
        for next in siblings[at].iter().map(String::as_str).filter(|next| !left_out.contains(next)) {
            if found.insert(next) {
                waiting.push(next);
            }
        }
    }
    found
}

/// The modules of `name` below `around` whose circles are allowed.
fn beside(name: &str, around: &Path) -> Vec<&'static str> {
    let around = around.join("::");
    BESIDE.iter().filter(|(of, below, ..)| *of == name && *below == around).map(|(_, _, module, _)| *module).collect()
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    let mut uses = 0;
    for name in source::crates() {
        let found = Crate::read(&name);
        uses += found.examples.len();
        for around in found.siblings.keys() {
            let circles = found.circles(around, &beside(&name, around));
            assert!(circles.is_empty(), "crates/{name}: a circle below `{}`: {circles:#?}", around.join("::"));
        }
    }
    assert!(uses > 500, "only {uses} uses were found");
}

#[test]
fn each_exception_is_needed() {
    for (name, around, module, reason) in BESIDE {
        let around: Path = around.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let others: Vec<&str> = beside(name, &around).into_iter().filter(|other| *other != module).collect();
        let circles = Crate::read(name).circles(&around, &others);
        assert!(!circles.is_empty(), "crates/{name}: {module} is in no circle any more: {reason}");
    }
}
