//! The cost of both whole runs on the chosen processor.

use crate::choice::Side;
use crate::runs::Runs;
use cr3_core::cost::{self, Cycles, Part};
use cr3_core::geometry::Geometry;

/// A part of the cost in both runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What costs.
    pub part: Part,
    /// What is counted.
    pub label: &'static str,
    /// Each run, as `2 × 70 to 250`; none if there is no run.
    pub sides: [Option<String>; 2],
    /// Where the figure was published and how reliable it is, or that there is none.
    pub source: String,
}

/// The cost of both runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Costs {
    /// The processor.
    pub processor: &'static str,
    /// The sum of everything with a price, in cycles; none if there is no run.
    pub totals: [Option<Cycles>; 2],
    /// How much more the right run cost, from least to most, in cycles; none if nothing differs, a run is missing, or
    /// the runs are not comparable.
    pub difference: Option<[i64; 2]>,
    /// Part by part, without parts that happened in neither run.
    pub rows: Vec<Row>,
    /// What the processor has and needs.
    pub facts: &'static str,
    /// What is unknown about its caches.
    pub doubts: &'static str,
    /// What the runs use and the processor does not have.
    pub warnings: Vec<String>,
}

/// The cost; none if the TLB model is no processor.
#[must_use]
pub fn costs(runs: &Runs, geometry: Geometry) -> Option<Costs> {
    let profile = cost::profile(geometry)?;
    let sides = Side::BOTH.map(|side| runs.trace(side).map(|trace| cost::cost(&trace.counters, profile)));
    let row = |(index, part): (usize, Part)| {
        let items = sides.each_ref().map(|side| side.as_ref().map(|cost| cost.items[index]));
        let happened = items.iter().flatten().any(|item| item.count > 0);
        let words = |count: u64| match part.figure(profile) {
            Some(figure) => format!("{count} × {}", figure.cycles),
            None => format!("{count} × ?"),
        };
        happened.then(|| Row {
            part,
            label: part.label(),
            sides: items.map(|item| item.map(|item| words(item.count))),
            source: source(part, profile),
        })
    };
    let features = Side::BOTH.iter().find_map(|side| runs.trace(*side)).map(|trace| trace.scenario.config.features);
    let features = features.unwrap_or_default();
    let counters = Side::BOTH.map(|side| runs.trace(side).map(|trace| &trace.counters));
    let difference = match counters {
        [Some(left), Some(right)] if runs.comparable => {
            Some(cost::difference(left, right, profile)).filter(|more| *more != [0, 0])
        }
        _ => None,
    };
    Some(Costs {
        difference,
        processor: profile.hierarchy.name,
        totals: sides.each_ref().map(|side| side.as_ref().map(cost::Cost::total)),
        rows: Part::ALL.into_iter().enumerate().filter_map(row).collect(),
        facts: profile.facts,
        doubts: profile.hierarchy.doubts,
        warnings: cost::lacks(features, profile).map(|lack| lack.to_string()).collect(),
    })
}

impl Costs {
    /// The difference as people write it, with true minus signs: `−330 to −134`.
    #[must_use]
    pub fn difference_text(&self) -> Option<String> {
        let signed = |cycles: i64| match cycles {
            0 => "0".to_owned(),
            less if less < 0 => format!("−{}", less.unsigned_abs()),
            more => format!("+{more}"),
        };
        let [low, high] = self.difference?;
        Some(if low == high { signed(low) } else { format!("{} to {}", signed(low), signed(high)) })
    }
}

fn source(part: Part, profile: &cost::Profile) -> String {
    match part.figure(profile) {
        Some(figure) => format!("{}; doubt: {}", figure.source, figure.doubt),
        None => "no figure is published; not in the sum".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assembly::Texts;
    use crate::state::Setup;
    use crate::story::STORIES;
    use cr3_core::linux::Features;
    use expect_test::{Expect, expect};

    #[test]
    fn the_first_story_on_skylake_and_on_no_processor() {
        let mut setup = STORIES[0].setup();
        setup.geometry = Geometry::Skylake;
        let runs = Runs::record(&setup, &"".into(), &Texts::default());
        let costs = costs(&runs, Geometry::Skylake).expect("a processor");
        let rows = costs.rows.iter().map(|row| {
            let [left, right] = row.sides.clone().map(Option::unwrap_or_default);
            format!("{}: {left} → {right}\n", row.label)
        });
        let [left, right] = costs.totals.map(Option::unwrap_or_default);
        let text = format!(
            "{}{}: {left} → {right} ({})",
            rows.collect::<String>(),
            costs.processor,
            costs.difference_text().unwrap_or_default()
        );
        expect![[r#"
            CR3 writes: 16 × 70 to 250 → 15 × 70 to 250
            other walks: 28 × 16 to 200 → 28 × 16 to 200
            Skylake: 1568 to 9600 → 1498 to 9350 (−250 to −70)"#]]
        .assert_eq(&text);
        assert_eq!(super::costs(&runs, Geometry::Architectural), None);
    }

    #[test]
    fn features_that_the_processor_lacks_are_said() {
        let check = |features, geometry, expected: Expect| {
            let setup = Setup { features, geometry, ..STORIES[0].setup() };
            let runs = Runs::record(&setup, &"".into(), &Texts::default());
            let costs = costs(&runs, geometry).expect("a processor");
            expected.assert_eq(&costs.warnings.join("\n"));
        };
        let without_pcid = Features { pcid: false, invpcid: false, ..Features::ALL };
        check(Features::ALL, Geometry::Skylake, expect![[""]]);
        check(without_pcid, Geometry::Zen2, expect![[""]]);
        check(
            Features::ALL,
            Geometry::Zen2,
            expect![[r#"
            the run uses PCID, which Zen 2 does not have; switch pcid off to see a processor without it
            the run uses INVPCID, which Zen 2 does not have; switch invpcid off to see a processor without it"#]],
        );
    }
}
