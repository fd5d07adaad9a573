//! How long each part of the set-up took on this machine, for `cargo xtask bench`.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::project::Project;

fn file(project: &Project) -> PathBuf {
    project.tools().join("setup-times.tsv")
}

/// Notes that installing `part` took `elapsed`, replacing an earlier note of the same part.
pub(crate) fn record(project: &Project, part: &str, elapsed: Duration) {
    let mut times = read(project);
    times.retain(|(name, _)| name != part);
    times.push((part.to_owned(), elapsed));
    let text: String = times.iter().map(|(name, elapsed)| format!("{name}\t{:.1}\n", elapsed.as_secs_f64())).collect();
    // A missing note only costs a line in the benchmark.
    let _ = fs::create_dir_all(project.tools());
    let _ = fs::write(file(project), text);
}

/// The parts installed on this machine with their times, in the order of their installation.
pub(crate) fn read(project: &Project) -> Vec<(String, Duration)> {
    let text = fs::read_to_string(file(project)).unwrap_or_default();
    text.lines().filter_map(parse).collect()
}

fn parse(line: &str) -> Option<(String, Duration)> {
    let (name, seconds) = line.split_once('\t')?;
    let elapsed = Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
    Some((name.to_owned(), elapsed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_line_is_no_time() {
        assert_eq!(parse("trunk\t12.5"), Some(("trunk".into(), Duration::from_millis(12_500))));
        assert_eq!(parse("trunk\t-1"), None);
        assert_eq!(parse("trunk"), None);
    }
}
