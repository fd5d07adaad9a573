//! `cr3play tree`, and reading a kernel tree from a folder.

use crate::outcome::{Outcome, WrongUse, print, print_json};
use crate::settings::Settings;
use crate::table::wrap;
use crate::{diagnostic, jobs};
use clap::Args;
use cr3_core::beside::{Difference, Lockstep, Mismatch, Pair, Spot, lockstep};
use cr3_core::counters::Counter;
use cr3_core::linux::tree::File;
use cr3_core::linux::{Config, Features, Handler, Handlers, Kernel, Tree, Variation};
use cr3_core::scenario::presets::PRESETS;
use cr3_core::scenario::{Schedule, Vector};
use cr3_session::library::Volume;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) const AFTER: &str = "\
Exit status: 0 no difference, or declared ones only; 1 another difference; 2 wrong use.";

#[derive(Debug, Args)]
pub(crate) struct TreeArguments {
    /// Folder of the kernel tree, built or not
    #[arg(long, value_name = "DIR")]
    tree: PathBuf,
    /// Features that are on, as for `run`
    #[arg(long, default_value_t)]
    features: Features,
    /// Differences of both kernels from v6.12, as for `run`
    #[arg(long, default_value_t)]
    kernel: Kernel,
    #[command(flatten)]
    settings: Settings,
    /// Both with PTI, PCID and FSGSBASE on and off, with and without CONFIG_DEBUG_ENTRY: 16 configurations
    #[arg(long, conflicts_with_all = ["features", "kernel"])]
    every_configuration: bool,
    /// Runs both texts too: every preset, and NMI, #DB and #MC at every place
    #[arg(long)]
    runs: bool,
    /// Threads for the runs [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    jobs: Option<u32>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

// --- Reading -----------------------------------------------------------------------------------------------------------

/// The largest file that is read, in bytes. The largest header of Linux that entry code includes has a tenth of it.
const MAX_FILE: u64 = 1 << 20;
/// The most files that are read. Linux's entry code includes about 100.
const MAX_FILES: usize = 2000;

/// The kernel tree in a folder, and its files, with those that only `settings` let its text include.
pub(crate) fn read(folder: &Path, settings: &str) -> Result<Volume, WrongUse> {
    let top = folder.canonicalize().map_err(|error| {
        WrongUse::new(format!("cannot read {}: {error}", folder.display()), "name the top folder of a kernel tree")
    })?;
    let mut files = 0;
    let mut find = |path: &str| {
        let file = file(&top, path);
        files += usize::from(matches!(file, File::Text(_)));
        if files > MAX_FILES { File::Refused(format!("{MAX_FILES} files were read before it")) } else { file }
    };
    Volume::read(&mut find, settings).map_err(|diagnostics| {
        let text: String = diagnostics.iter().map(diagnostic::text).collect();
        WrongUse::new(format!("{} is not a tree that can be run", folder.display()), text.trim_end())
    })
}

/// The file at a path of the tree whose top is `top`. Nothing outside is read, and only regular files are.
fn file(top: &Path, path: &str) -> File {
    let Ok(real) = top.join(path).canonicalize() else { return File::Absent };
    let Ok(metadata) = real.metadata() else { return File::Absent };
    match () {
        () if !real.starts_with(top) => File::Refused("a link leads out of the tree".to_owned()),
        () if metadata.is_dir() => File::Absent,
        () if !metadata.is_file() => File::Refused("it is not a regular file".to_owned()),
        () if metadata.len() > MAX_FILE => File::Refused(format!("it has more than {} KiB", MAX_FILE >> 10)),
        () => match std::fs::read(&real) {
            Ok(bytes) => File::Text(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => File::Refused(format!("it cannot be read: {error}")),
        },
    }
}

// --- Walking and running -----------------------------------------------------------------------------------------------

pub(crate) fn tree(arguments: &TreeArguments) -> Result<Outcome, WrongUse> {
    let tree = read(&arguments.tree, &arguments.settings.lines())?.tree;
    if arguments.every_configuration {
        return every_configuration(&tree, arguments);
    }
    let report = compare(&tree, arguments, (arguments.features, arguments.kernel))?;
    match arguments.json {
        true => print_json(&report)?,
        false => print(&report.text())?,
    }
    Ok(Outcome::finding_if(report.is_finding()))
}

fn every_configuration(tree: &Arc<Tree>, arguments: &TreeArguments) -> Result<Outcome, WrongUse> {
    let reports = configurations().map(|configuration| compare(tree, arguments, configuration));
    let reports = reports.collect::<Result<Vec<_>, _>>()?;
    match arguments.json {
        true => print_json(&reports)?,
        false => print(&summary(&reports))?,
    }
    Ok(Outcome::finding_if(reports.iter().any(Report::is_finding)))
}

/// PTI, PCID with INVPCID, and FSGSBASE, each on and off, with and without CONFIG_DEBUG_ENTRY.
fn configurations() -> impl Iterator<Item = (Features, Kernel)> {
    let kernels = [Kernel::V6_12, Kernel::only(Variation::DebugEntry)];
    (0..8).rev().flat_map(move |set: u32| {
        let on = |bit: u32| set >> bit & 1 != 0;
        let features = Features { pti: on(2), pcid: on(1), invpcid: on(1), fsgsbase: on(0), ..Features::ALL };
        kernels.map(|kernel| (features, kernel))
    })
}

fn compare(
    tree: &Arc<Tree>,
    arguments: &TreeArguments,
    (features, kernel): (Features, Kernel),
) -> Result<Report, WrongUse> {
    let kernel = arguments.settings.kernel(tree.kernel(kernel));
    let settings = arguments.settings.lines();
    let walked =
        lockstep(tree, &settings, features, kernel).map_err(|diagnostics| diagnostic::refused(&diagnostics))?;
    let runs = match arguments.runs {
        true => Some(run(tree, arguments, (features, kernel))?),
        false => None,
    };
    Ok(Report::new(tree, (features, kernel), &walked, runs.as_ref()))
}

/// Runs of both texts, and those that are not the same.
#[derive(Default)]
struct Runs {
    runs: usize,
    struck: usize,
    /// How many differ in what, and the first of them.
    differ: BTreeMap<Mismatch, (usize, String)>,
}

impl Runs {
    fn add(&mut self, pair: &Pair, schedule: &Schedule) {
        let [ours, theirs] = pair.run(schedule);
        self.runs += 1;
        self.struck += usize::from(ours.unfired.is_empty());
        for mismatch in ours.differs(&theirs) {
            self.differ.entry(mismatch).or_insert_with(|| (0, schedule.to_string())).0 += 1;
        }
    }

    fn join(&mut self, other: Self) {
        self.runs += other.runs;
        self.struck += other.struck;
        for (mismatch, (count, first)) in other.differ {
            self.differ.entry(mismatch).or_insert((0, first)).0 += count;
        }
    }
}

/// The exceptions of the standard set.
const VECTORS: [Vector; 3] = [Vector::Nmi, Vector::Debug, Vector::MachineCheck];
/// What a declared difference in steps changes by itself.
const STEPS: [Mismatch; 4] =
    [Mismatch::Steps, Mismatch::Strikes, Mismatch::Counter(Counter::Instructions), Mismatch::Counter(Counter::TlbHits)];
/// Schedules that a thread takes at once.
const CHUNK: usize = 64;

fn run(
    tree: &Arc<Tree>,
    arguments: &TreeArguments,
    (own_features, kernel): (Features, Kernel),
) -> Result<Runs, WrongUse> {
    let refused = |diagnostics: Vec<_>| diagnostic::refused(&diagnostics);
    // Without isolation every form is the same; presets have it on.
    let settings: Arc<str> = arguments.settings.lines().into();
    let form = lockstep(tree, &settings, Features::ALL, kernel).map_err(refused)?.form;
    let pair = |features, handler| {
        let config = Config { features, kernel, handler, custom: settings.clone(), ..Config::default() };
        Pair::new(tree, form, &config).map_err(refused)
    };
    let mut runs = Runs::default();
    for preset in PRESETS {
        runs.add(&pair(preset.features, preset.handler)?, &preset.schedule());
    }
    for handler in [Handlers::QUIET, Handlers::only(Handler::Perf)] {
        let pair = pair(own_features, handler)?;
        let schedules = pair.single_injections(&VECTORS);
        let chunks: Vec<_> = schedules.chunks(CHUNK).collect();
        let done = jobs::carry_out(chunks, jobs::threads(arguments.jobs), |chunk| {
            let mut runs = Runs::default();
            chunk.iter().for_each(|schedule| runs.add(&pair, schedule));
            Some(runs)
        });
        done.into_iter().for_each(|done| runs.join(done));
    }
    Ok(runs)
}

// --- Report --------------------------------------------------------------------------------------------------------------

#[derive(Serialize)]
struct Report {
    features: String,
    kernel: String,
    release: String,
    c_side: &'static str,
    form: &'static str,
    files: usize,
    lines: usize,
    unmodelled: Vec<String>,
    entries: usize,
    pairs: usize,
    differences: Vec<DifferenceReport>,
    unreached: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<RunsReport>,
}

#[derive(Serialize)]
struct DifferenceReport {
    what: String,
    declared: Option<&'static str>,
    reason: Option<&'static str>,
    built_in: SpotReport,
    tree: SpotReport,
}

#[derive(Serialize)]
struct SpotReport {
    source: String,
    line: u32,
    text: String,
}

#[derive(Serialize)]
struct RunsReport {
    runs: usize,
    struck: usize,
    differ: Vec<DifferReport>,
}

#[derive(Serialize)]
struct DifferReport {
    what: String,
    runs: usize,
    first: String,
    /// Whether declared differences explain it.
    declared: bool,
}

impl Report {
    fn new(tree: &Tree, configuration: (Features, Kernel), walked: &Lockstep, runs: Option<&Runs>) -> Self {
        let declared = walked.differences.iter().any(|difference| difference.declared.is_some_and(|d| d.changes_steps));
        let (features, kernel) = configuration;
        Self {
            features: features.to_string(),
            kernel: kernel.to_string(),
            release: walked.release.to_string(),
            c_side: walked.release.checked().name(),
            form: walked.form.name(),
            files: tree.files().len(),
            lines: tree.files().map(|(_, text)| text.lines().count()).sum(),
            unmodelled: tree.unmodelled().map(str::to_owned).collect(),
            entries: walked.entries,
            pairs: walked.pairs,
            differences: walked.differences.iter().map(DifferenceReport::new).collect(),
            unreached: walked.unreached.clone(),
            runs: runs.map(|runs| RunsReport::new(runs, declared)),
        }
    }

    fn is_finding(&self) -> bool {
        let undeclared = self.differences.iter().any(|difference| difference.declared.is_none());
        let runs = self.runs.iter().flat_map(|runs| &runs.differ).any(|differ| !differ.declared);
        undeclared || runs
    }

    fn text(&self) -> String {
        let mut text = wrap(
            &format!(
                "{}, {} files with {} lines; the C side is modelled ({}). The macro is that of form {}.",
                self.release, self.files, self.lines, self.c_side, self.form
            ),
            0,
        );
        text += &wrap(&format!("{} pairs of instructions agree, from {} entry points.", self.pairs, self.entries), 0);
        for difference in &self.differences {
            text += "\n";
            text += &difference.text();
        }
        if !self.unreached.is_empty() {
            text += "\n";
            text += &wrap(&format!("not in the built-in text: {}", self.unreached.join(", ")), 0);
        }
        if !self.unmodelled.is_empty() {
            text += &wrap(&format!("not modelled, a call panics: {}", self.unmodelled.join(", ")), 0);
        }
        if let Some(runs) = &self.runs {
            text += "\n";
            text += &runs.text();
        }
        text
    }
}

/// One line for each configuration, what is wrong in any, and the sums.
fn summary(reports: &[Report]) -> String {
    let mut text = String::new();
    let (mut pairs, mut runs, mut wrong) = (0, 0, 0);
    for report in reports {
        let undeclared = report.differences.iter().filter(|difference| difference.declared.is_none());
        let differ = report.runs.iter().flat_map(|runs| &runs.differ).filter(|differ| !differ.declared);
        let bad: Vec<_> = undeclared.map(DifferenceReport::text).chain(differ.map(DifferReport::text)).collect();
        let ran = report.runs.as_ref().map_or(0, |runs| runs.runs);
        text += &wrap(&format!("{}, {}: {} pairs, {ran} runs", report.features, report.kernel, report.pairs), 2);
        text += &bad.concat();
        pairs += report.pairs;
        runs += ran;
        wrong += bad.len();
    }
    let head = reports.first().map_or(String::new(), |first| format!("{}, form {}: ", first.release, first.form));
    let sums = format!(
        "{head}{} configurations, {pairs} pairs of instructions, {runs} runs of each text; undeclared differences: {wrong}",
        reports.len()
    );
    text + &wrap(&sums, 0)
}

impl DifferenceReport {
    fn new(difference: &Difference) -> Self {
        Self {
            what: difference.what.clone(),
            declared: difference.declared.map(|declared| declared.name),
            reason: difference.declared.map(|declared| declared.reason),
            built_in: SpotReport::new(&difference.ours),
            tree: SpotReport::new(&difference.theirs),
        }
    }

    fn text(&self) -> String {
        let head = match (self.declared, self.reason) {
            (Some(name), Some(reason)) => format!("declared ({name}): {reason}"),
            _ => format!("DIFFERENT: {}", self.what),
        };
        let spot = |name: &str, spot: &SpotReport| format!("  {name:<9}{}:{}: {}\n", spot.source, spot.line, spot.text);
        wrap(&head, 2) + &spot("built in", &self.built_in) + &spot("tree", &self.tree)
    }
}

impl SpotReport {
    fn new(spot: &Spot) -> Self {
        Self { source: spot.source.clone(), line: spot.line, text: spot.text.clone() }
    }
}

impl RunsReport {
    fn new(runs: &Runs, declared: bool) -> Self {
        let differ = |(mismatch, (count, first)): (&Mismatch, &(usize, String))| DifferReport {
            what: mismatch.to_string(),
            runs: *count,
            first: first.clone(),
            declared: declared && STEPS.contains(mismatch),
        };
        Self { runs: runs.runs, struck: runs.struck, differ: runs.differ.iter().map(differ).collect() }
    }

    fn text(&self) -> String {
        let mut text =
            format!("{} runs of each text, {} of them with every injection struck.\n", self.runs, self.struck);
        if self.differ.is_empty() {
            text += "All are the same: steps, ends, promises, counters.\n";
        }
        for differ in &self.differ {
            text += &differ.text();
        }
        text
    }
}

impl DifferReport {
    fn text(&self) -> String {
        let mark = if self.declared { "declared" } else { "DIFFERENT" };
        wrap(&format!("{mark}: {} in {} runs, first {}", self.what, self.runs, self.first), 2)
    }
}

#[cfg(test)]
mod tests {
    use cr3_core::beside::DECLARED;

    #[test]
    fn declared_differences_stand_in_the_documents() {
        let limits = include_str!("../../../docs/LIMITS.md");
        let missing: Vec<_> = DECLARED
            .iter()
            .map(|declared| declared.name)
            .filter(|name| !limits.contains(&format!("`{name}`")))
            .collect();
        assert_eq!(missing, [""; 0]);
    }
}
