//! `cargo xtask`: every task of the project that takes more than one command.
//!
//! It has no dependencies, so it compiles in seconds on a machine with only git, Rust and Node. It installs what else a
//! command needs: packages by apt after naming them, everything else under the ignored `.tools/`.

mod apt;
mod audit;
mod bench;
mod budget;
mod build;
mod checks;
mod ci;
mod command;
mod components;
mod debian;
mod editor;
mod failure;
mod fuzz;
mod http;
mod linux;
mod npm;
mod offline;
mod parts;
mod policy;
mod project;
mod robustness;
mod serve;
mod setup;
mod stage;
mod steps;
mod test;
mod timings;
mod tools;
mod unchanged;
mod unicorn;
mod version;
mod wasm_module;
mod wasm_target;
mod weight;

use std::process::ExitCode;

use command::{Command, Parsed};
use failure::Failure;
use project::Project;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match command::parse(&arguments) {
        Parsed::Help => {
            print!("{}", command::HELP);
            ExitCode::SUCCESS
        }
        Parsed::Wrong(why) => {
            eprint!("cargo xtask: {why}\n\n{}", command::HELP);
            ExitCode::from(2)
        }
        Parsed::Run(command) => match run(&command) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                eprintln!("\n{failure}");
                ExitCode::FAILURE
            }
        },
    }
}

fn run(command: &Command) -> Result<(), Failure> {
    let project = Project::find()?;
    match command {
        Command::Setup => setup::run(&project),
        Command::Serve(profile) => serve::run(&project, *profile),
        Command::Announce => serve::announce(),
        Command::Build => build::run(&project),
        Command::Test => test::run(&project),
        Command::Fuzz(minutes, input) => fuzz::run(&project, *minutes, *input),
        Command::Linux => linux::run(&project),
        Command::Bench => bench::run(&project),
        Command::Unicorn => unicorn::ensure(&project).map(|folder| println!("{}", folder.display())),
        Command::Stage => stage::run(&project),
        Command::Ci => ci::run(&project),
    }
}
