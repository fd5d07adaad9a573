//! `cr3play`: the playground in a terminal.
//!
//! Exit status 0: success; 1: a finding or a mismatch; 2: wrong use.

mod arguments;
mod asm;
mod bench;
mod check;
mod claims;
mod compare;
mod cost;
mod diagnostic;
mod explore;
mod findings;
mod forms;
mod input;
mod jobs;
mod json;
mod mutants;
mod origin;
mod outcome;
mod own_text;
mod places;
mod presets;
mod report;
mod run;
mod settings;
mod shell;
mod system;
mod table;
mod tlb;
mod tree;

use arguments::{Arguments, Command};
use clap::Parser;
use outcome::{Outcome, tell};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => {
            tell(&error.to_string());
            return ExitCode::from(explore::wrong_use(std::env::args_os().skip(1)));
        }
        Err(help) => help.exit(),
    };
    let result = match arguments.command {
        Command::Places(arguments) => places::places(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        Command::Explore(arguments) => return explore::explore(&arguments),
        Command::Merge(arguments) => return explore::merge(&arguments),
        Command::Mutants(arguments) => return mutants::mutants(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Claims(arguments) => claims::claims(&arguments),
        Command::Tree(arguments) => tree::tree(&arguments),
        Command::Presets(arguments) => presets::presets(&arguments),
        Command::Asm(arguments) => asm::asm(&arguments),
        Command::Tlb(arguments) => tlb::tlb(&arguments),
        Command::Cpus(arguments) => cost::cpus(&arguments),
        Command::Nmi(arguments) => cost::nmi(&arguments),
        Command::Bench(arguments) => bench::bench(&arguments),
    };
    match result {
        Ok(Outcome::Success) => ExitCode::SUCCESS,
        Ok(Outcome::Finding) => ExitCode::from(1),
        Err(wrong) => {
            tell(&format!("cr3play: {wrong}\n"));
            ExitCode::from(2)
        }
    }
}
