//! The arguments that decide how the system starts, and the configurations that they give.

use crate::forms;
use crate::outcome::WrongUse;
use crate::own_text::{Given, OwnText};
use clap::Args;
use cr3_core::geometry::Geometry;
use cr3_core::linux::{Config, Features, Handlers, Kernel};

/// Everything that decides how the system starts, except the form.
#[derive(Debug, Args)]
pub(crate) struct SystemArguments {
    /// Features that are on, of pti, pcid, invpcid, fsgsbase, nx; or none. SEV-ES is on without no-sev-es
    #[arg(long, default_value_t)]
    features: Features,
    /// Differences of the kernel from v6.12: early-switching, debug-entry, sev-es-nmi-complete; several as
    /// debug-entry+early-switching
    #[arg(long, default_value_t)]
    pub(crate) kernel: Kernel,
    /// What runs when something strikes: quiet, perf, pending-flush, kgdb-poke, rogue-cr3, rogue-switch-mm, schedule,
    /// efi-call; several as perf+pending-flush
    #[arg(long, default_value_t)]
    handler: Handlers,
    /// How the TLB is built: architectural for verdicts, a processor for costs; `cr3play cpus` lists them
    #[arg(long, default_value_t)]
    geometry: Geometry,
    #[command(flatten)]
    pub(crate) own: OwnText,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl SystemArguments {
    /// The built-in system, with a person's own text.
    pub(crate) fn with_own(own: OwnText) -> Self {
        Self::of_kernel(Kernel::V6_12, own)
    }

    /// The same with another kernel.
    pub(crate) fn of_kernel(kernel: Kernel, own: OwnText) -> Self {
        let Config { features, handler, geometry, .. } = Config::default();
        Self { features, kernel, handler, geometry, own, json: false }
    }

    /// The configuration of the one form of a run. A macro file means form `custom`. If a person names another form,
    /// the file would have no effect, so that is an error.
    pub(crate) fn config(&self, form: Option<&str>) -> Result<Config, WrongUse> {
        let form = forms::one(form, &self.own)?;
        let configs = forms::configs(form, &self.own, &self.own.read()?, &self.system())?;
        let [config] = <[_; 1]>::try_from(configs)
            .map_err(|_| WrongUse::new(format!("'{form}' is more than one form"), "`cr3play compare` takes several"))?;
        Ok(config)
    }

    /// What the one form of a search comes to, and the one that it is held against.
    pub(crate) fn against(&self, form: Option<&str>, other: Option<&str>) -> Result<Vec<forms::Chosen>, WrongUse> {
        let forms = match other {
            Some(other) => forms::pair(form, other, &self.own)?.join(","),
            None => forms::one(form, &self.own)?.to_owned(),
        };
        forms::chosen(&forms, &self.own, &self.own.read()?, &self.system())
    }

    /// The configurations of a list of forms, or of those that are meant where none are named.
    pub(crate) fn configs(&self, forms: Option<&str>) -> Result<Vec<Config>, WrongUse> {
        let usual = forms::usual("A,E", "A,E,custom", &self.own);
        forms::configs(forms.unwrap_or(&usual), &self.own, &self.own.read()?, &self.system())
    }

    /// The same for a command that compares two, with what was read.
    pub(crate) fn pair(&self, forms: Option<&str>, given: &Given) -> Result<[Config; 2], WrongUse> {
        let usual = forms::usual("A,E", "E,custom", &self.own);
        let configs = forms::configs(forms.unwrap_or(&usual), &self.own, given, &self.system())?;
        <[_; 2]>::try_from(configs).map_err(|configs| {
            WrongUse::new(format!("a report is about two forms, not {}", configs.len()), "try --forms A,E")
        })
    }

    /// Everything but the form and its text.
    fn system(&self) -> Config {
        let Self { features, kernel, handler, geometry, .. } = *self;
        Config { features, kernel, handler, geometry, ..Config::default() }
    }
}
