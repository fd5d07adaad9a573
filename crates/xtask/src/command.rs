//! The command line of `cargo xtask`.

pub(crate) const HELP: &str = "\
usage: cargo xtask COMMAND

  serve [--release]  install what is missing, build, and serve the playground at http://127.0.0.1:8080
  test               install what is missing and run every test: format, lints, licences, native, wasm, end to end
  build              a release build in dist/, for any static host, from any sub-path
  setup              install everything that the other commands would install
  unicorn            Unicorn Engine as WebAssembly, the second CPU of the page
  fuzz [MINUTES [KIND]]
                     random input with new seeds, each kind for so long (10 minutes if not said), or one alone:
                     instructions, injections, blobs, tlb, robustness, explorer
  linux              Debian's kernel sources, and their entry code beside the built-in one
  bench              instructions per second beside Unicorn, the check in Chromium, set-up time and page weight
  ci                 run .ci/run on a fresh clone of the committed state

Whatever is installed goes into .tools/ and node_modules/ (both ignored by git), except Debian packages, which are
named before apt-get is asked for them.
";

/// How long `fuzz` runs by default.
const FUZZ_MINUTES: u32 = 10;

/// How `serve` compiles the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServeProfile {
    /// The cargo profile `web-dev`: rebuilds in seconds.
    Development,
    /// The cargo profile `web`, as in `dist/`.
    Release,
}

/// The kinds of random input of `fuzz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// All kinds below, one after the other.
    Every,
    /// Single instructions, on our machine and on Unicorn.
    Instructions,
    /// Events at every place of the Linux image, on both.
    Injections,
    /// Code, on Unicorn's JIT and on its WebAssembly build.
    Blobs,
    /// Operations on both models of the TLB.
    Tlb,
    /// Whatever might make the engine panic, hang or grow.
    Robustness,
    /// Pairs and random schedules, against the summaries of the explorer, and its ways of searching against each other.
    Explorer,
}

impl Input {
    /// Each kind by its name, in the order in which `fuzz` runs all of them.
    pub(crate) const KINDS: [(&str, Self); 6] = [
        ("instructions", Self::Instructions),
        ("injections", Self::Injections),
        ("blobs", Self::Blobs),
        ("tlb", Self::Tlb),
        ("robustness", Self::Robustness),
        ("explorer", Self::Explorer),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::KINDS.into_iter().find_map(|(other, input)| (other == name).then_some(input))
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Setup,
    Serve(ServeProfile),
    /// Started by `serve` for itself: announces when the page answers.
    Announce,
    Build,
    Test,
    /// For this many minutes.
    Fuzz(u32, Input),
    /// The built-in entry code beside that of real kernels.
    Linux,
    Bench,
    Unicorn,
    /// Called by trunk: completes the page that it has built.
    Stage,
    Ci,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    Run(Command),
    Help,
    Wrong(String),
}

pub(crate) fn parse(arguments: &[String]) -> Parsed {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let command = match arguments[..] {
        [] | ["help" | "--help" | "-h", ..] | [_, "--help" | "-h"] => return Parsed::Help,
        ["setup"] => Command::Setup,
        ["serve"] => Command::Serve(ServeProfile::Development),
        ["serve", "--release"] => Command::Serve(ServeProfile::Release),
        ["serve-announce"] => Command::Announce,
        ["build"] => Command::Build,
        ["test"] => Command::Test,
        ["fuzz"] => Command::Fuzz(FUZZ_MINUTES, Input::Every),
        ["fuzz", minutes] => return fuzz(minutes, Some(Input::Every)),
        ["fuzz", minutes, kind] => return fuzz(minutes, Input::named(kind)),
        ["linux"] => Command::Linux,
        ["bench"] => Command::Bench,
        ["unicorn"] => Command::Unicorn,
        ["stage"] => Command::Stage,
        ["ci"] => Command::Ci,
        [name @ ("setup" | "serve" | "build" | "test" | "linux" | "bench" | "unicorn" | "ci"), extra, ..]
        | [name @ "fuzz", _, _, extra, ..] => {
            return Parsed::Wrong(format!("{name} does not take '{extra}'"));
        }
        [unknown, ..] => return Parsed::Wrong(format!("there is no command '{unknown}'")),
    };
    Parsed::Run(command)
}

fn fuzz(minutes: &str, input: Option<Input>) -> Parsed {
    match (minutes.parse(), input) {
        (Ok(minutes @ 1..=10_000), Some(input)) => Parsed::Run(Command::Fuzz(minutes, input)),
        (Ok(1..=10_000), None) => {
            Parsed::Wrong(format!("fuzz takes one of {}", Input::KINDS.map(|(name, _)| name).join(", ")))
        }
        _ => Parsed::Wrong(format!("fuzz takes a number of minutes from 1 to 10000, not '{minutes}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &Parsed) {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        assert_eq!(&parse(&arguments), expected, "cargo xtask {line}");
    }

    #[test]
    fn commands() {
        check("", &Parsed::Help);
        check("help", &Parsed::Help);
        check("test --help", &Parsed::Help);
        check("test", &Parsed::Run(Command::Test));
        check("serve", &Parsed::Run(Command::Serve(ServeProfile::Development)));
        check("serve --release", &Parsed::Run(Command::Serve(ServeProfile::Release)));
        check("fuzz", &Parsed::Run(Command::Fuzz(FUZZ_MINUTES, Input::Every)));
        check("fuzz 3", &Parsed::Run(Command::Fuzz(3, Input::Every)));
        check("fuzz 3 tlb", &Parsed::Run(Command::Fuzz(3, Input::Tlb)));
    }

    #[test]
    fn wrong_use_names_the_word() {
        check("tset", &Parsed::Wrong("there is no command 'tset'".into()));
        check("test core", &Parsed::Wrong("test does not take 'core'".into()));
        check("fuzz ever", &Parsed::Wrong("fuzz takes a number of minutes from 1 to 10000, not 'ever'".into()));
        check(
            "fuzz 1 2",
            &Parsed::Wrong("fuzz takes one of instructions, injections, blobs, tlb, robustness, explorer".into()),
        );
        check("fuzz 1 tlb blobs", &Parsed::Wrong("fuzz does not take 'blobs'".into()));
        check("serve --port", &Parsed::Wrong("serve does not take '--port'".into()));
    }

    #[test]
    fn help_names_every_command() {
        assert!(Input::KINDS.iter().all(|(name, _)| HELP.contains(name)));
        for name in ["serve", "test", "build", "setup", "fuzz", "linux", "bench", "unicorn", "ci"] {
            assert!(HELP.lines().any(|line| line.starts_with(&format!("  {name} "))), "{name}");
        }
    }
}
