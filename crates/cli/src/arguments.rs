//! The command line.

use crate::outcome::WrongUse;
use clap::{Args, Parser, Subcommand};
use cr3_core::linux::{Config, Features, Form, Geometry, Handler};
use cr3_core::run::DEFAULT_BUDGET;
use cr3_core::scenario::{Scenario, Schedule};
use std::path::{Path, PathBuf};

const AFTER: &str = "\
Exit status: 0 success, 1 a finding or a mismatch, 2 wrong use.

A schedule is a list of injections, each label+offset#occurrence:vector: before which instruction after
which label, on which arrival (both may be left out), what strikes (nmi, db, mc, vc, df, irq). After ','
the next one strikes when the handler has returned, after '>' inside the handler. For example
  --inject 'kernel_loop+1:nmi > exc_nmi+2:mc, sysret_exit_user_cr3+1#2:db'
`cr3play places` lists the labels.";

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
    /// Assembles texts
    Asm(AsmArguments),
    /// Runs test vectors of TLB and control-register rules
    Tlb(TlbArguments),
    /// Measures instructions per second on this machine
    Bench(BenchArguments),
}

/// Everything that decides how the system starts, but the form.
#[derive(Debug, Args)]
pub(crate) struct SystemArguments {
    /// Features that are on, of pti, pcid, invpcid, fsgsbase, nx; or none
    #[arg(long, default_value_t)]
    features: Features,
    /// What runs when something strikes: quiet, perf, pending-flush, kgdb-poke, rogue-cr3, rogue-switch-mm, schedule
    #[arg(long, default_value_t = Handler::Quiet)]
    handler: Handler,
    /// How the TLB is built: architectural, skylake
    #[arg(long, default_value_t)]
    geometry: Geometry,
    /// File with the text of form `custom`
    #[arg(long, value_name = "FILE")]
    r#macro: Option<PathBuf>,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ScheduleArguments {
    /// What strikes where
    #[arg(long, value_name = "SCHEDULE", default_value_t)]
    inject: Schedule,
    /// Steps after which a run stops
    #[arg(long, value_name = "STEPS", default_value_t = DEFAULT_BUDGET)]
    pub(crate) budget: u32,
}

#[derive(Debug, Args)]
pub(crate) struct PlacesArguments {
    /// Form of the macro: A, B2, C, E, never, custom
    #[arg(long, default_value = "E")]
    pub(crate) form: String,
    /// Only places whose name contains this
    #[arg(value_name = "TEXT", default_value = "")]
    pub(crate) filter: String,
    #[command(flatten)]
    pub(crate) system: SystemArguments,
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Form of the macro: A, B2, C, E, never, custom
    #[arg(long, default_value = "E")]
    pub(crate) form: String,
    #[command(flatten)]
    pub(crate) schedule: ScheduleArguments,
    #[command(flatten)]
    pub(crate) system: SystemArguments,
    /// Which steps to show: key (deliveries, CR3, invalidations, returns), all, none, FROM..TO, FROM.. or ..TO
    #[arg(long, default_value = "key")]
    pub(crate) steps: Shown,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    /// Forms of the macro, the first is what the others are held against: A, B2, C, E, never, custom
    #[arg(long, default_value = "A,E")]
    pub(crate) forms: String,
    #[command(flatten)]
    pub(crate) schedule: ScheduleArguments,
    #[command(flatten)]
    pub(crate) system: SystemArguments,
    /// Rows to show of each difference
    #[arg(long, default_value_t = 12)]
    pub(crate) rows: usize,
}

#[derive(Debug, Args)]
pub(crate) struct AsmArguments {
    /// Files, assembled in order as if they were one; `-` reads standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Features for which ALTERNATIVE takes its second arm: pti,pcid or X86_FEATURE_PTI,...; or none
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
pub(crate) struct BenchArguments {
    /// Samples; the median is reported
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) samples: u32,
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
    /// From a step on, up to another, that one not included.
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
            _ => text.parse::<usize>().map(Some).map_err(|_| format!("'{text}' is no step")),
        };
        let (from, to) = (number(from)?.unwrap_or(0), number(to)?);
        match to {
            Some(to) if to <= from => Err(format!("no step is from {from} on and before {to}")),
            _ => Ok(Self::Range { from, to }),
        }
    }
}

impl SystemArguments {
    /// The configuration of the one form of a run. With --macro and another form than `custom` the file would say nothing.
    pub(crate) fn config(&self, form: &str) -> Result<Config, WrongUse> {
        if self.r#macro.is_some() && form != "custom" {
            return Err(WrongUse::new(format!("--macro is given but the form is '{form}'"), "try --form custom"));
        }
        self.with_form(form)
    }

    fn with_form(&self, form: &str) -> Result<Config, WrongUse> {
        let form = self.form(form)?;
        Ok(Config { features: self.features, form, handler: self.handler, geometry: self.geometry })
    }

    fn form(&self, name: &str) -> Result<Form, WrongUse> {
        match (name, &self.r#macro) {
            ("custom", Some(file)) => Ok(Form::Custom(read(file)?.into())),
            ("custom", None) => Err(WrongUse::new("form 'custom' has no text", "give it with --macro FILE")),
            _ => name.parse().map_err(|unknown| WrongUse::new(unknown, "or custom, with --macro FILE")),
        }
    }

    /// The configurations of a list of forms. With --macro and no `custom` in the list the file would say nothing.
    pub(crate) fn configs(&self, forms: &str) -> Result<Vec<Config>, WrongUse> {
        let names: Vec<_> = forms.split(',').map(str::trim).collect();
        if self.r#macro.is_some() && !names.contains(&"custom") {
            return Err(WrongUse::new("--macro is given but no form 'custom'", format!("try --forms {forms},custom")));
        }
        names.into_iter().map(|name| self.with_form(name)).collect()
    }
}

impl ScheduleArguments {
    pub(crate) fn scenario(&self, config: Config) -> Scenario {
        Scenario { config, schedule: self.inject.clone() }
    }
}

/// Reads a text file, or standard input for `-`.
pub(crate) fn read(file: &Path) -> Result<String, WrongUse> {
    let text = match file.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin()),
        _ => std::fs::read_to_string(file),
    };
    text.map_err(|error| {
        WrongUse::new(
            format!("cannot read {}: {error}", file.display()),
            "name a text file that exists, or - for standard input",
        )
    })
}
