//! Names of the kernel's configuration that are set on the command line.

use clap::Args;
use cr3_core::linux::{Kernel, Variation};
use std::str::FromStr;

/// Those of a command.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Settings {
    /// A name of the kernel's configuration for the text of --macro or --tree, with or without CONFIG_; may be given several times
    #[arg(long, value_name = "NAME=y|n")]
    config: Vec<Setting>,
}

impl Settings {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.config.is_empty()
    }

    /// `kernel` with what they turn on and a variation is for.
    pub(crate) fn kernel(&self, kernel: Kernel) -> Kernel {
        let debugs = self.config.iter().any(|setting| setting.set && setting.name == "CONFIG_DEBUG_ENTRY");
        if debugs { kernel.with(Variation::DebugEntry) } else { kernel }
    }

    /// They as lines before a text.
    pub(crate) fn lines(&self) -> String {
        self.config.iter().map(Setting::line).collect()
    }

    /// They as an option takes them.
    pub(crate) fn words(&self) -> impl Iterator<Item = String> {
        self.config.iter().map(Setting::word)
    }
}

/// A name of the configuration and whether it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    /// With `CONFIG_`.
    name: String,
    set: bool,
}

impl Setting {
    fn line(&self) -> String {
        match self.set {
            true => format!("#define {} 1\n", self.name),
            false => format!("#undef {}\n", self.name),
        }
    }

    fn word(&self) -> String {
        format!("{}={}", self.name, if self.set { "y" } else { "n" })
    }
}

impl FromStr for Setting {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("expected NAME=y or NAME=n")?;
        let name = name.strip_prefix("CONFIG_").unwrap_or(name);
        let letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || !name.bytes().all(letter) {
            return Err(format!("'{name}' is not a name of the configuration: use capital letters, digits and _"));
        }
        let set = match value {
            "y" => true,
            "n" => false,
            _ => return Err(format!("'{value}' is neither y nor n")),
        };
        Ok(Self { name: format!("CONFIG_{name}"), set })
    }
}
