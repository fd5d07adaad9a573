//! How checks end: passed, failed or skipped. A failed check does not stop the others.

use std::time::Duration;

use crate::failure::Failure;
use crate::steps::seconds;

/// How a check ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    /// It could not run here; its name.
    Skipped(&'static str),
}

/// The checks so far.
#[derive(Default)]
pub(crate) struct Checks {
    passed: usize,
    failed: usize,
    skipped: Vec<&'static str>,
}

impl Checks {
    /// Counts a check, shows its failure, and returns whether it passed.
    pub(crate) fn note(&mut self, outcome: Result<(), Failure>) -> bool {
        self.judge(outcome.map(|()| Verdict::Passed))
    }

    /// Like [`Self::note`], for a check that may be skipped, which does not count as passed.
    pub(crate) fn judge(&mut self, outcome: Result<Verdict, Failure>) -> bool {
        match outcome {
            Ok(Verdict::Passed) => self.passed += 1,
            Ok(Verdict::Skipped(name)) => self.skipped.push(name),
            Err(failure) => {
                self.failed += 1;
                println!("{failure}\n");
                return false;
            }
        }
        true
    }

    pub(crate) fn conclude(self, elapsed: Duration) -> Result<(), Failure> {
        let elapsed = seconds(elapsed);
        let closing = self.closing(&elapsed);
        if self.failed == 0 {
            println!("{closing}");
            return Ok(());
        }
        Err(Failure::new(closing, "see each failed check above"))
    }

    fn closing(&self, elapsed: &str) -> String {
        let Self { passed, failed, skipped } = self;
        let closing = match failed {
            0 => format!("all {passed} checks passed in {elapsed}"),
            _ => format!("{failed} of {} checks, in {elapsed}", passed + failed),
        };
        match skipped.as_slice() {
            [] => closing,
            names => format!("{closing}; skipped: {}", names.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_fails_the_whole() {
        let mut checks = Checks::default();
        assert!(checks.note(Ok(())));
        assert!(!checks.note(Err(Failure::new("lints", "mend them"))));
        assert!(checks.note(Ok(())));
        let failure = checks.conclude(Duration::ZERO).unwrap_err().to_string();
        assert!(failure.contains("1 of 3 checks"), "{failure}");
    }

    #[test]
    fn a_skipped_check_has_not_passed() {
        let mut checks = Checks::default();
        checks.note(Ok(()));
        assert_eq!(checks.closing("2 s"), "all 1 checks passed in 2 s");
        assert!(checks.judge(Ok(Verdict::Skipped("advisories"))), "it does not fail the whole");
        assert_eq!(checks.closing("2 s"), "all 1 checks passed in 2 s; skipped: advisories");
        checks.note(Err(Failure::new("lints", "mend them")));
        assert_eq!(checks.closing("2 s"), "1 of 2 checks, in 2 s; skipped: advisories");
    }
}
