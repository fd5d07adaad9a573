use super::*;
use crate::geometry::Geometry;
use expect_test::{Expect, expect};

fn counters(counted: &[(Counter, u64)]) -> Counters {
    let mut counters = Counters::default();
    counted.iter().for_each(|(counter, value)| counters[*counter] = *value);
    counters
}

fn check(geometry: Geometry, counted: &[(Counter, u64)], expected: Expect) {
    let profile = profile(geometry).expect("a processor");
    let cost = cost(&counters(counted), profile);
    let mut text = String::new();
    for Item { part, count, cycles } in cost.items {
        let cycles = cycles.map_or_else(|| "no figure".to_owned(), |cycles| cycles.to_string());
        text += &format!("{} {count}: {cycles}\n", part.name());
    }
    let unpriced = cost.items.iter().filter(|item| item.count > 0 && item.cycles.is_none());
    let unpriced: Vec<_> = unpriced.map(|item| item.part.label()).collect();
    text += &format!("total {}; without a price: {unpriced:?}\n", cost.total());
    expected.assert_eq(&text);
}

#[test]
fn a_cost_is_a_range_with_its_parts() {
    use Counter::{Cr3Writes, Invlpg, Invpcid, RefillMisses, TlbMisses};
    let counted = [(Cr3Writes, 2), (TlbMisses, 10), (RefillMisses, 4), (Invpcid, 1), (Invlpg, 3)];
    check(
        Geometry::Skylake,
        &counted,
        expect![[r#"
            cr3_writes 2: 140 to 500
            refills 4: 64 to 800
            other_walks 6: 96 to 1200
            invpcid 1: 350
            invlpg 3: no figure
            total 650 to 2850; without a price: ["INVLPG"]
        "#]],
    );
    check(
        Geometry::Haswell,
        &counted,
        expect![[r#"
            cr3_writes 2: 140 to 500
            refills 4: 64 to 800
            other_walks 6: 96 to 1200
            invpcid 1: no figure
            invlpg 3: no figure
            total 300 to 2500; without a price: ["INVPCID", "INVLPG"]
        "#]],
    );
    check(
        Geometry::Zen4,
        &[],
        expect![[r#"
            cr3_writes 0: 0
            refills 0: 0
            other_walks 0: 0
            invpcid 0: no figure
            invlpg 0: no figure
            total 0; without a price: []
        "#]],
    );
}

#[test]
fn what_both_runs_did_cancels_in_the_difference() {
    use Counter::{Cr3Writes, RefillMisses, TlbMisses};
    let profile = profile(Geometry::Skylake).expect("a processor");
    let first = counters(&[(Cr3Writes, 16), (TlbMisses, 88), (RefillMisses, 62)]);
    let second = counters(&[(Cr3Writes, 15), (TlbMisses, 84), (RefillMisses, 58)]);
    assert_eq!(difference(&first, &second, profile), [-1050, -134]);
    assert_eq!(difference(&second, &first, profile), [134, 1050]);
    assert_eq!(difference(&first, &first, profile), [0, 0]);
    // One more write, and so many fewer walks that the sign is open.
    let third = counters(&[(Cr3Writes, 17), (TlbMisses, 80), (RefillMisses, 54)]);
    assert_eq!(difference(&first, &third, profile), [70 - 1600, 250 - 128]);
}

#[test]
fn every_processor_has_a_profile_and_no_other_model_has_one() {
    for geometry in Geometry::ALL {
        let name = profile(geometry).map(|profile| profile.hierarchy.name);
        assert_eq!(name, geometry.hierarchy().map(|hierarchy| hierarchy.name), "{geometry}");
    }
    let names: Vec<_> = PROFILES.iter().map(|profile| profile.hierarchy.name).collect();
    assert_eq!(names, ["Sandy Bridge", "Haswell", "Skylake", "Ice Lake", "Golden Cove", "Zen 2", "Zen 3", "Zen 4"]);
    for Profile { hierarchy, facts, cr3_write, page_walk, invpcid, has_invpcid, .. } in &PROFILES {
        assert!(invpcid.is_none() || *has_invpcid != Presence::Nowhere, "{}", hierarchy.name);
        for figure in [Some(cr3_write), Some(page_walk), invpcid.as_ref()].into_iter().flatten() {
            assert!(figure.cycles.low <= figure.cycles.high && !figure.source.is_empty(), "{}", hierarchy.name);
        }
        assert!(!facts.is_empty() && !hierarchy.doubts.is_empty(), "{}", hierarchy.name);
    }
}

/// Percent of a processor and hours per year at 3 GHz, if all NMIs strike in the kernel: rows and columns of the
/// estimates that were made by hand.
#[test]
fn the_price_of_one_write_for_each_nmi() {
    let load = |nmis_per_second| Load { nmis_per_second, kernel_share: 1.0, hertz: 3e9 };
    for (rate, cycles, percent, hours) in [
        (99.0, 200, 0.00066, 0.058),
        (4000.0, 70, 0.0093, 0.82),
        (4000.0, 200, 0.0267, 2.34),
        (4000.0, 700, 0.0933, 8.18),
        (16_000.0, 200, 0.107, 9.35),
        (100_000.0, 200, 0.667, 58.4),
        (4000.0, 10_200, 1.36, 119.2),
    ] {
        let Estimate { share, seconds_per_year } = estimate(load(rate), Cycles::new(cycles, 2 * cycles));
        let close = |value: f64, expected: f64| (value / expected - 1.0).abs() < 0.01;
        assert!(close(share[0] * 100.0, percent), "{rate} {cycles}: {}", share[0] * 100.0);
        assert!(close(seconds_per_year[0] / 3600.0, hours), "{rate} {cycles}: {}", seconds_per_year[0] / 3600.0);
        assert!(close(share[1], 2.0 * share[0]));
    }
    let half = estimate(Load { kernel_share: 0.5, ..load(4000.0) }, Cycles::new(200, 200));
    assert!((half.share[0] * 2.0 - estimate(load(4000.0), Cycles::new(200, 200)).share[0]).abs() < 1e-12);
}

/// Every processor, with both features on.
#[test]
fn what_a_processor_does_not_have_is_said() {
    let all = |profile| lacks(Features::ALL, profile).map(|lack| format!("{lack}\n")).collect::<String>();
    expect![[r#"
        the run uses INVPCID, which Sandy Bridge does not have; switch invpcid off to see a processor without it
        the run uses PCID, and Linux turns it off on Alder Lake, which is Golden Cove; switch pcid off to see a processor without it
        the run uses PCID, which Zen 2 does not have; switch pcid off to see a processor without it
        the run uses INVPCID, which Zen 2 does not have; switch invpcid off to see a processor without it
        the run uses PCID, and of Zen 3 only server parts have it; switch pcid off to see a processor without it
        the run uses PCID, and of Zen 4 only server parts have it; switch pcid off to see a processor without it
    "#]].assert_eq(&PROFILES.iter().map(all).collect::<String>());
    for (profile, state) in PROFILES.iter().flat_map(|profile| (0..4u8).map(move |state| (profile, state))) {
        let features = Features { pcid: state & 1 != 0, invpcid: state & 2 != 0, ..Features::ALL };
        let expected: Vec<_> = lacks(Features::ALL, profile).filter(|lack| features.has(lack.feature)).collect();
        assert_eq!(lacks(features, profile).collect::<Vec<_>>(), expected, "{}", profile.hierarchy.name);
        assert_eq!(lacks(Features::NONE, profile).count(), 0);
    }
}
