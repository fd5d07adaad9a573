//! The arguments of `cr3play mutants`.

use crate::outcome::WrongUse;
use crate::own_text::OwnText;
use crate::system::SystemArguments;
use crate::{diagnostic, jobs};
use clap::Args;
use cr3_core::linux::Config;
use cr3_core::mutants::{self, Chosen, Mutant, Query};

pub(crate) const AFTER: &str = "\
Exit status: 0 at least 95 % of the mutants that are not the same or slower are killed, 1 fewer, 2 wrong use, 3 no answer: the \
form itself breaks a promise, or the search did not finish.\n\n\
A mutant is the form with one thing wrong in the macro that restores CR3, in SAVE_AND_SWITCH_TO_KERNEL_CR3 or in \
SWITCH_TO_USER_CR3. Its id names the macro, the statement and the change: restore:5:delete. --show prints its text:\n\
\x20 cr3play mutants restore:5:delete --show | cr3play run --macro - --inject 'kernel_loop+1:nmi'";

#[derive(Debug, Args)]
pub(crate) struct MutantsArguments {
    /// One mutant, by its id; without it all are judged
    #[arg(value_name = "ID", conflicts_with = "lines")]
    pub(super) id: Option<String>,
    /// Form of the macro: A, B2, C, E, never, custom [default: E, or custom with --macro]
    #[arg(long)]
    form: Option<String>,
    #[command(flatten)]
    own: OwnText,
    /// The most exceptions of a schedule
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=MAX_DEPTH))]
    depth: u32,
    /// For each line, what fails without it; judges no other mutants
    #[arg(long)]
    pub(super) lines: bool,
    /// Prints the text of the mutant, for --macro, and does not judge it
    #[arg(long, requires = "id", conflicts_with = "json")]
    pub(super) show: bool,
    /// Threads [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    jobs: Option<u32>,
    /// Prints JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// More exceptions take more than a day.
const MAX_DEPTH: i64 = 6;

impl MutantsArguments {
    /// The form. It is read once, because standard input can be read once.
    pub(super) fn config(&self) -> Result<Config, WrongUse> {
        SystemArguments::with_own(self.own.clone()).config(self.form.as_deref())
    }

    pub(super) fn query(&self, config: Config) -> Result<Query, WrongUse> {
        let chosen = match (&self.id, self.lines) {
            (Some(id), _) => Chosen::One(named(id, &config)?.id),
            (None, true) => Chosen::Deletions,
            (None, false) => Chosen::All,
        };
        Ok(Query { config, chosen, depth: self.depth })
    }

    pub(super) fn threads(&self) -> usize {
        jobs::threads(self.jobs)
    }

    /// The options that name the form.
    pub(super) fn form(&self) -> String {
        match &self.form {
            _ if self.own.is_given() => format!(" {}", self.own.options()),
            Some(form) => format!(" --form {form}"),
            None => String::new(),
        }
    }

    /// The options that name the tree in which the form stands.
    pub(super) fn tree(&self) -> String {
        match self.own.folders() {
            0 => String::new(),
            _ => format!(" {}", self.own.options_of(None, Some(0))),
        }
    }
}

/// The mutant of this id.
pub(super) fn named(id: &str, config: &Config) -> Result<Mutant, WrongUse> {
    let all = mutants::mutants(config).map_err(|diagnostics| diagnostic::refused(&diagnostics))?;
    let found = all.into_iter().find(|mutant| mutant.id.to_string() == id);
    found.ok_or_else(|| WrongUse::new(format!("no mutant '{id}'"), "`cr3play mutants --json` lists them"))
}
