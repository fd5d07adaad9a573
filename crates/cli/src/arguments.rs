//! The command line.

use crate::explore::{ExploreArguments, MergeArguments};
use crate::mutants::MutantsArguments;
use crate::own_text::OwnText;
use crate::system::SystemArguments;
use crate::tree::TreeArguments;
use clap::{Args, Parser, Subcommand};
use cr3_core::choice::UnknownName;
use cr3_core::cost::Cycles;
use cr3_core::linux::Config;
use cr3_core::run::DEFAULT_BUDGET;
use cr3_core::scenario::presets::{PRESETS, Preset};
use cr3_core::scenario::{Scenario, Schedule};
use cr3_session::setup::BUDGET as PAGE_BUDGET;
use std::path::PathBuf;

const AFTER: &str = "\
Exit status: 0 success, 1 a finding or a mismatch, 2 wrong use.\n\n\
A schedule is a list of injections. Write each one as label+offset#occurrence:vector. It strikes before the instruction at \
label+offset, on the given arrival; +offset, in instructions, and #occurrence are optional. The vector is nmi, db, mc, vc, df \
or irq. After ',' the next one strikes when the handler has returned, after '>' inside the handler. For example\n\
\x20 --inject 'kernel_loop+1:nmi > exc_nmi+2:mc, sysret_exit_user_cr3+1#2:db'\n\
`cr3play places` lists the labels.";

const AFTER_REPORT: &str = "\
LINK is an address of the page, what follows # in it, a file that has one (a saved link, a mail, a report), or - for standard \
input. Links carry neither a kernel tree nor --budget: the report says both, and its command has them.\n\n\
Exit status: as that of `compare`.";

/// Fires exceptions at chosen instructions of the Linux entry code and compares what CR3, PCID and TLB do.
#[derive(Debug, Parser)]
#[command(name = "cr3play", version, after_help = AFTER, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists every instruction boundary at which something can be injected
    Places(PlacesArguments),
    /// Runs one scenario
    Run(RunArguments),
    /// Runs one scenario with several forms of the macro and aligns the runs step by step
    Compare(CompareArguments),
    /// Writes the page's report on a comparison, for a mail: scenario, verdict, how the runs went, differences, counters,
    /// the command and the link that show it again
    #[command(after_help = AFTER_REPORT)]
    Report(ReportArguments),
    /// Tries the exceptions of --vectors at every instruction boundary, up to --depth of them, and shows the shortest schedule that
    /// breaks a promise
    #[command(after_help = crate::explore::AFTER)]
    Explore(ExploreArguments),
    /// Joins the shares of one search into one verdict
    #[command(after_help = "Exit status: as that of `explore`.")]
    Merge(MergeArguments),
    /// Makes the macros wrong on purpose, one statement at a time, and shows which of these mutants the explorer finds
    #[command(after_help = crate::mutants::AFTER)]
    Mutants(MutantsArguments),
    /// Lets a second CPU execute every step too, and prints the first difference
    Check(CheckArguments),
    /// Judges each claim of the review thread by experiments, with your macro instead of the merged one if you give one
    Claims(ClaimsArguments),
    /// Walks the entry code of a kernel tree and the built-in one side by side, and prints where they differ
    #[command(after_help = crate::tree::AFTER)]
    Tree(TreeArguments),
    /// Lists the situations that have a name, for --preset
    Presets(PresetsArguments),
    /// Assembles texts
    Asm(AsmArguments),
    /// Runs test vectors of TLB and control-register rules
    Tlb(TlbArguments),
    /// Lists the TLB models, and what is published about the processors among them
    Cpus(CpusArguments),
    /// Estimates the cost of one CR3 write for each NMI
    Nmi(NmiArguments),
    /// Measures instructions per second on this machine
    Bench(BenchArguments),
}

#[derive(Debug, Args)]
pub(crate) struct StrikeArguments {
    /// What strikes where
    #[arg(long, value_name = "SCHEDULE", default_value_t)]
    inject: Schedule,
    /// A situation by name, in place of --features, --handler and --inject: `cr3play presets` lists them
    #[arg(long, value_name = "NAME", value_parser = preset, conflicts_with_all = ["features", "handler", "inject"])]
    preset: Option<&'static Preset>,
}

#[derive(Debug, Args)]
pub(crate) struct ScheduleArguments {
    #[command(flatten)]
    strikes: StrikeArguments,
    /// Steps after which a run stops
    #[arg(long, value_name = "STEPS", default_value_t = DEFAULT_BUDGET)]
    pub(crate) budget: u32,
}

#[derive(Debug, Args)]
pub(crate) struct PlacesArguments {
    /// Form of the macro: A, B2, C, E, never, custom [default: E, or custom with --macro]
    #[arg(long)]
    pub(crate) form: Option<String>,
    /// Only places whose name contains this
    #[arg(value_name = "TEXT", default_value = "")]
    pub(crate) filter: String,
    #[command(flatten)]
    pub(crate) system: SystemArguments,
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Form of the macro: A, B2, C, E, never, custom [default: E, or custom with --macro]
    #[arg(long)]
    pub(crate) form: Option<String>,
    #[command(flatten)]
    pub(crate) schedule: ScheduleArguments,
    #[command(flatten)]
    pub(crate) system: SystemArguments,
    /// Which steps to show: key (deliveries, CR3, invalidations, returns), all, none, FROM..TO, FROM.. or ..TO; TO is
    /// not included, and steps are counted from 1
    #[arg(long, default_value = "key")]
    pub(crate) steps: Shown,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    /// Forms of the macro, each compared with the first: A, B2, C, E, never; custom is what --macro and --tree give together, text is
    /// --macro alone, tree is --tree alone [default: A,E, or A,E,custom with --macro or --tree, or custom for each of several]
    #[arg(long)]
    pub(crate) forms: Option<String>,
    #[command(flatten)]
    pub(crate) schedule: ScheduleArguments,
    #[command(flatten)]
    pub(crate) system: SystemArguments,
    /// Rows to show of each difference
    #[arg(long, default_value_t = 12)]
    pub(crate) rows: usize,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// A link of the page, or a file with one, in place of the options that choose what is run; --tree gives the trees that it names
    #[arg(value_name = "LINK", conflicts_with_all = ["forms", "features", "kernel", "handler", "geometry", "macro", "config",
        "inject", "preset"])]
    pub(crate) link: Option<String>,
    /// Two forms of the macro: A, B2, C, E, never; custom is what --macro and --tree give together, text is --macro alone, tree is --tree
    /// alone [default: A,E, or E,custom with --macro or --tree, or custom,custom with two]
    #[arg(long)]
    pub(crate) forms: Option<String>,
    #[command(flatten)]
    pub(crate) strikes: StrikeArguments,
    /// Steps after which a run stops; without it as many as in the page
    #[arg(long, value_name = "STEPS", default_value_t = PAGE_BUDGET)]
    pub(crate) budget: u32,
    #[command(flatten)]
    pub(crate) system: SystemArguments,
    /// Where the page is: what stands before # in the report's link
    #[arg(long, value_name = "URL", default_value = "")]
    pub(crate) base_address: String,
    /// Whether the explorer is asked about both sides
    #[arg(long, value_enum, default_value_t = Asked::Single)]
    pub(crate) verdict: Asked,
    /// What is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// How far the explorer is asked to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Asked {
    /// It is not asked
    No,
    /// About single exceptions, as the page asks at once
    Single,
    /// As far as the page goes when it rests, which may take a minute
    Deep,
}

/// What a report is printed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Plain text of 72 columns, for a mail
    Text,
    /// The link in a file, which the page opens when it is dropped there
    Link,
    /// Every counter of both runs, and how the runs went
    Json,
    /// Every counter of both runs
    Csv,
    /// The timeline
    Svg,
    /// The comparison as one file that a browser opens from disk without a network
    Html,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The second CPU
    #[arg(long, value_enum, default_value_t = Against::Unicorn)]
    pub(crate) against: Against,
    /// Forms of the macro, as for `compare` [default: A,E, or A,E,custom with --macro or --tree, or custom for each of several]
    #[arg(long)]
    pub(crate) forms: Option<String>,
    #[command(flatten)]
    pub(crate) schedule: ScheduleArguments,
    #[command(flatten)]
    pub(crate) system: SystemArguments,
    /// Every vector at every place that the run reaches, one injection at a time
    #[arg(long, conflicts_with_all = ["inject", "preset"])]
    pub(crate) every_injection: bool,
    /// Flips a bit of the second CPU's RAX after this many steps, to show what a difference looks like
    #[arg(long, value_name = "STEPS")]
    pub(crate) wrong_after: Option<u64>,
}

/// Second CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Against {
    /// Unicorn Engine 2.1.5
    Unicorn,
}

#[derive(Debug, Args)]
pub(crate) struct ClaimsArguments {
    /// Number of a claim; without one all are judged
    #[arg(value_name = "ID")]
    pub(crate) id: Option<u32>,
    #[command(flatten)]
    pub(crate) own: OwnText,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PresetsArguments {
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AsmArguments {
    /// Files, assembled in order as if they were one; `-` reads standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Features for which ALTERNATIVE takes its second arm, as for `run`, or by the kernel's names: pti,pcid or
    /// X86_FEATURE_PTI,...; or none. SEV-ES chooses no arm
    #[arg(long, default_value = "none")]
    pub(crate) features: String,
    /// A constant, as if by #define
    #[arg(long = "define", short = 'D', value_name = "NAME=NUMBER")]
    pub(crate) defines: Vec<String>,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TlbArguments {
    /// File of vectors, in the format of testdata/tlb
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CpusArguments {
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct NmiArguments {
    /// NMIs per second on one busy processor; perf record asks for 4000
    #[arg(long, default_value_t = 4000.0, value_parser = positive)]
    pub(crate) rate: f64,
    /// Share of them that strikes while the kernel's tables are loaded, from 0 to 1
    #[arg(long, default_value_t = 1.0, value_parser = part)]
    pub(crate) kernel_share: f64,
    /// Clock of the processor in GHz
    #[arg(long, default_value_t = 3.0, value_parser = positive)]
    pub(crate) ghz: f64,
    /// Cycles for each NMI, LOW..HIGH; without it the range published for a CR3 write
    #[arg(long, value_name = "LOW..HIGH")]
    pub(crate) cycles: Option<Range>,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A number above zero.
fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "expected a number above zero".to_owned())
}

/// A number from 0 to 1.
fn part(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

/// A range of cycles as `LOW..HIGH`, or one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range(pub(crate) Cycles);

impl std::str::FromStr for Range {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<u64>().map_err(|_| format!("'{text}' is not a number of cycles"));
        let (low, high) = text.split_once("..").unwrap_or((text, text));
        match (number(low)?, number(high)?) {
            (low, high) if low <= high => Ok(Self(Cycles::new(low, high))),
            _ => Err("expected LOW..HIGH, the smaller number first".to_owned()),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct BenchArguments {
    /// Samples; the median is reported
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) samples: u32,
    /// Measures searches up to this depth instead, by one thread: form E, all features, the handler quiet
    #[arg(long, value_name = "DEPTH", value_parser = clap::value_parser!(u32).range(1..=2))]
    pub(crate) explore: Option<u32>,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which steps to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Key,
    All,
    None,
    /// From a step on, counted from 1, up to but excluding another.
    Range {
        from: usize,
        to: Option<usize>,
    },
}

impl std::str::FromStr for Shown {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.split_once("..")) {
            ("key", _) => Ok(Self::Key),
            ("all", _) => Ok(Self::All),
            ("none", _) => Ok(Self::None),
            (_, Some((from, to))) => Self::range(from, to),
            _ => Err("expected key, all, none, FROM..TO, FROM.. or ..TO".to_owned()),
        }
    }
}

impl Shown {
    fn range(from: &str, to: &str) -> Result<Self, String> {
        let number = |text: &str| match text {
            "" => Ok(None),
            "0" => Err("steps are counted from 1".to_owned()),
            _ => text.parse::<usize>().map(Some).map_err(|_| format!("'{text}' is not a step")),
        };
        let (from, to) = (number(from)?.unwrap_or(1), number(to)?);
        match to {
            Some(to) if to <= from => Err(format!("no step is from {from} on and before {to}")),
            _ => Ok(Self::Range { from, to }),
        }
    }
}

impl ScheduleArguments {
    pub(crate) fn scenario(&self, config: Config) -> Scenario {
        self.strikes.scenario(config)
    }
}

impl StrikeArguments {
    pub(crate) fn scenario(&self, config: Config) -> Scenario {
        match self.preset {
            Some(preset) => Scenario {
                config: Config { features: preset.features, handler: preset.handler, ..config },
                schedule: preset.schedule(),
            },
            None => Scenario { config, schedule: self.inject.clone() },
        }
    }
}

fn preset(name: &str) -> Result<&'static Preset, UnknownName> {
    Preset::named(name).ok_or_else(|| UnknownName {
        kind: "preset",
        given: name.to_owned(),
        known: PRESETS.iter().map(|preset| preset.name).collect(),
    })
}

#[cfg(test)]
mod tests;
