//! The command line of `cargo xtask`.

pub(crate) const HELP: &str = "\
usage: cargo xtask COMMAND

  serve [--release]  install what is missing, build, and serve the playground at http://127.0.0.1:8080
  test               install what is missing and run every test: format, lints, licences, native, wasm, end to end
  build              a release build in dist/, for any static host, from any sub-path
  setup              install everything that the other commands would install
  unicorn            Unicorn Engine as WebAssembly, the second CPU of the page
  bench              instructions per second, set-up time and page weight
  ci                 run .ci/run on a fresh clone of the committed state

Whatever is installed goes into .tools/ and node_modules/ (both ignored by git), except Debian packages, which are
named before apt-get is asked for them.
";

/// How `serve` compiles the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServeProfile {
    /// The cargo profile `web-dev`: rebuilds in seconds.
    Development,
    /// The cargo profile `web`, as in `dist/`.
    Release,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Setup,
    Serve(ServeProfile),
    /// Started by `serve` for itself: says when the page answers.
    Announce,
    Build,
    Test,
    Bench,
    Unicorn,
    /// Called by trunk: puts Unicorn beside the page.
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
        ["bench"] => Command::Bench,
        ["unicorn"] => Command::Unicorn,
        ["stage-unicorn"] => Command::Stage,
        ["ci"] => Command::Ci,
        [name @ ("setup" | "serve" | "build" | "test" | "bench" | "unicorn" | "ci"), extra, ..] => {
            return Parsed::Wrong(format!("{name} does not take '{extra}'"));
        }
        [unknown, ..] => return Parsed::Wrong(format!("there is no command '{unknown}'")),
    };
    Parsed::Run(command)
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
    }

    #[test]
    fn wrong_use_names_the_word() {
        check("tset", &Parsed::Wrong("there is no command 'tset'".into()));
        check("test core", &Parsed::Wrong("test does not take 'core'".into()));
        check("serve --port", &Parsed::Wrong("serve does not take '--port'".into()));
    }

    #[test]
    fn help_names_every_command() {
        for name in ["serve", "test", "build", "setup", "bench", "unicorn", "ci"] {
            assert!(HELP.lines().any(|line| line.starts_with(&format!("  {name} "))), "{name}");
        }
    }
}
