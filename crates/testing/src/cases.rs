//! How many cases a property runs, and where its failures are stored.

use proptest::test_runner::{Config, FileFailurePersistence};

/// `usual` cases, times `CR3_CASES_TIMES`. `PROPTEST_RNG_SEED` chooses them; seeds that failed are stored beside the
/// source.
pub fn cases(usual: u32) -> Config {
    let times = std::env::var("CR3_CASES_TIMES").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let cases = usual.saturating_mul(times);
    println!("{cases} cases");
    let kept = FileFailurePersistence::WithSource("regressions");
    Config { cases, failure_persistence: Some(Box::new(kept)), max_shrink_time: 60_000, ..Config::default() }
}
