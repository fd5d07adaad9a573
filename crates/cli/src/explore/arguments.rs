//! The arguments of `cr3play explore`.

use super::random::Random;
use crate::forms::{self, Chosen};
use crate::jobs;
use crate::outcome::WrongUse;
use crate::own_text::OwnText;
use crate::shell::kernel_option;
use crate::system::SystemArguments;
use clap::Args;
use cr3_core::choice::UnknownName;
use cr3_core::explore::{
    Assumption, Assumptions, MAX_SHARES, Method, Query, Shard, standard_features, standard_handlers,
};
use cr3_core::linux::{Config, Features, Handlers, Kernel};
use cr3_core::scenario::Vector;
use std::fmt::{self, Display, Formatter};

pub(crate) const AFTER: &str = "\
Exit status: 0 every schedule up to the depth keeps every promise, 1 some schedule breaks one, 2 wrong use, 3 no answer: the \
search did not finish, nothing struck where it matters, or each counterexample first enters code of a tree that is \
not modelled. With --bisect 0, 1, and 125 for wrong use and no answer, as `git bisect run` wants it.\n\n\
Without options, any number of exceptions of nmi, db and mc strikes form E in each system of the standard set. That takes a \
minute or two and up to 2 GB; --depth 1 takes seconds.\n\n\
The depth is the number of exceptions of a schedule, nested in one another and one after the other. A choice is a boundary of \
a run, at any arrival, and a vector. It is refused by the architecture, excluded by an assumption, or a schedule.";

#[derive(Debug, Args)]
pub(crate) struct ExploreArguments {
    /// Form of the macro: A, B2, C, E, never; custom is what --macro and --tree give together, text is --macro alone, tree is --tree
    /// alone [default: E, or custom with --macro or --tree]
    #[arg(long)]
    form: Option<String>,
    #[command(flatten)]
    pub(super) own: OwnText,
    /// Another form, explored too: what single exceptions that break nothing cost with both; text, tree and custom take what is given
    /// after what --form takes, as in --forms of `compare`. Runs every schedule to its end, which takes hours from two exceptions on
    #[arg(long, value_name = "FORM")]
    pub(super) against: Option<String>,
    /// Maximum number of exceptions in a schedule, or `any`, which covers every number by summing up what handlers do [default: any, or 1 with
    /// --plain, --against or --shard]
    #[arg(long, value_name = "N", value_parser = depth)]
    depth: Option<Depth>,
    /// What strikes, of nmi, db, mc, vc, df, irq
    #[arg(long, value_name = "LIST", default_value = "nmi,db,mc", value_delimiter = ',', value_parser = vector)]
    vectors: Vec<Vector>,
    /// What runs when something strikes: standard, or sets as --handler of `run` takes them, with ',' between them
    #[arg(long, value_name = "SETS", default_value = STANDARD)]
    handler: String,
    /// Features that are on: standard, or one set as --features of `run` takes it
    #[arg(long, value_name = "SET", default_value = STANDARD)]
    features: String,
    /// Differences of the kernel from v6.12, as --kernel of `run` takes it
    #[arg(long, default_value_t)]
    kernel: Kernel,
    /// Drops an assumption; may be given several times
    #[arg(long, value_name = "ID")]
    without: Vec<Assumption>,
    /// Says which assumptions a verdict needs: searches again without each of them
    #[arg(long)]
    pub(super) why: bool,
    /// Runs each schedule to its end
    #[arg(long)]
    plain: bool,
    /// Runs N random schedules instead, of up to 16 exceptions, nested up to 6 deep
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with_all = ["plain", "against", "why", "depth", "max_states", "max_memory"])]
    random: Option<u64>,
    /// Seed of the random schedules [default: 1]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Threads [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    jobs: Option<u32>,
    /// Runs after which the search gives up
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_states: Option<u64>,
    /// MiB that the states of a search may take, estimated, with up to 16 threads; then the search gives up
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 24))]
    max_memory: Option<u64>,
    /// A share of the schedules of the last depth, if that is more than 1: 1/4 to 4/4, for example
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub(super) shard: Option<Shard>,
    /// Exit status for `git bisect run`
    #[arg(long)]
    pub(super) bisect: bool,
    /// Lists the assumptions and explores nothing
    #[arg(long)]
    pub(super) list_assumptions: bool,
    /// Prints JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// What is asked about a form.
pub(super) struct Asked {
    pub(super) query: Query,
    /// What the form is called.
    pub(super) name: String,
    /// The arguments that give it alone.
    pub(super) options: String,
}

/// The standard set of handlers, or of features.
const STANDARD: &str = "standard";

fn is_standard(name: &str) -> bool {
    name.trim().eq_ignore_ascii_case(STANDARD)
}

/// More exceptions take more than a day.
const MAX_DEPTH: u32 = 6;

/// The exceptions of a schedule.
#[derive(Clone, Copy, Debug)]
enum Depth {
    UpTo(u32),
    Any,
}

impl Depth {
    /// Up to which every schedule is run.
    fn by_itself(self) -> u32 {
        match self {
            Self::UpTo(depth) => depth,
            Self::Any => 1,
        }
    }
}

impl Display for Depth {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::UpTo(depth) => depth.fmt(f),
            Self::Any => f.write_str("any"),
        }
    }
}

fn depth(text: &str) -> Result<Depth, String> {
    let number = || text.parse().ok().filter(|depth| (1..=MAX_DEPTH).contains(depth)).map(Depth::UpTo);
    let depth = if text == "any" { Some(Depth::Any) } else { number() };
    depth.ok_or_else(|| format!("expected a number from 1 to {MAX_DEPTH}, or `any`"))
}

/// One of a list, as a person writes it: with spaces around it, or in capital letters.
fn vector(text: &str) -> Result<Vector, String> {
    let given = text.trim();
    let names = || Vector::ALL.map(Vector::name).join(", ");
    given.to_ascii_lowercase().parse().map_err(|_| match given {
        "" => format!("a vector is missing: one of {}", names()),
        _ => format!("unknown vector: one of {}", names()),
    })
}

fn shard(text: &str) -> Result<Shard, String> {
    let numbers = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
    let shard = numbers.and_then(|(number, of)| Shard::new(number, of));
    shard.ok_or_else(|| format!("expected I/N, with I from 1 to N and N at most {MAX_SHARES}"))
}

impl ExploreArguments {
    /// What is asked about the form, and about the form to hold it against.
    pub(super) fn asked(&self) -> Result<Vec<Asked>, WrongUse> {
        if self.seed.is_some() && self.random.is_none() {
            return Err(WrongUse::new(
                "--seed chooses random schedules, and no --random asks for any",
                "try --random 1000",
            ));
        }
        let system = SystemArguments::of_kernel(self.kernel, self.own.clone());
        let chosen = system.against(self.form.as_deref(), self.against.as_deref())?;
        let names = forms::names(chosen.iter().map(|chosen| &chosen.config));
        let asked = chosen.into_iter().zip(names).map(|(Chosen { config, options }, name)| {
            Ok(Asked { query: self.query(&config, self.assumed())?, name, options })
        });
        asked.collect()
    }

    /// As many exceptions as the search that is asked for can do.
    fn depth(&self) -> Depth {
        let one_by_one = self.plain || self.against.is_some() || self.shard.is_some() || self.random.is_some();
        self.depth.unwrap_or(if one_by_one { Depth::UpTo(1) } else { Depth::Any })
    }

    /// The query about the form of `base` under these assumptions.
    pub(super) fn query(&self, base: &Config, assumed: Assumptions) -> Result<Query, WrongUse> {
        let mut vectors = self.vectors.clone();
        vectors.sort_unstable();
        vectors.dedup();
        let to_the_end = self.plain || self.against.is_some();
        let depth = self.depth();
        if matches!(depth, Depth::Any) && self.shard.is_some() {
            return Err(WrongUse::new(
                "--shard shares out schedules that run one by one, and --depth any sums them up",
                "give the depth as a number, or leave --shard out",
            ));
        }
        let method = match (depth, to_the_end) {
            (Depth::Any, true) => {
                return Err(WrongUse::new(
                    "--depth any does not run schedules to their end, as --plain and --against do",
                    "leave one of them out",
                ));
            }
            (Depth::Any, false) => Method::Summaries,
            (Depth::UpTo(_), true) => Method::Plain,
            (Depth::UpTo(_), false) => Method::CutOff,
        };
        Ok(Query {
            configs: self.configs(base, assumed)?,
            vectors,
            depth: depth.by_itself(),
            assumed,
            method,
            max_runs: self.max_states,
            shard: self.shard,
        })
    }

    /// The systems: the form of `base` with each set of features and each set of handlers.
    fn configs(&self, base: &Config, assumed: Assumptions) -> Result<Vec<Config>, WrongUse> {
        let features = self.features()?;
        let handlers = self.handlers(assumed)?;
        let pairs = features.iter().flat_map(|features| handlers.iter().map(move |handler| (*features, *handler)));
        let config = |(features, handler)| Config { features, handler, ..base.clone() };
        Ok(pairs.map(config).collect())
    }

    /// The arguments that name the form, of which `alone` gives it alone. That of --against may take a text or tree of its own.
    fn options(&self, alone: &str) -> String {
        let own = self.own.options();
        match &self.form {
            Some(form) if self.against.is_some() && !own.is_empty() => format!("--form {form} {own}"),
            None if self.own.is_given() => own,
            _ => alone.to_owned(),
        }
    }

    fn features(&self) -> Result<Vec<Features>, WrongUse> {
        if is_standard(&self.features) {
            return Ok(standard_features());
        }
        if self.features.split(',').any(is_standard) {
            return Err(WrongUse::new(
                format!("--features {} names the standard set beside others", self.features),
                "give --features standard alone, which is six sets of features, or one set such as pti,pcid",
            ));
        }
        let features: Result<Features, UnknownName> = self.features.parse();
        features.map(|features| vec![features]).map_err(|unknown| WrongUse::new(unknown, "or --features standard"))
    }

    fn handlers(&self, assumed: Assumptions) -> Result<Vec<Handlers>, WrongUse> {
        if is_standard(&self.handler) {
            return Ok(standard_handlers(assumed));
        }
        let mut each = Vec::new();
        for name in self.handler.split(',') {
            let set = self.handler_set(name)?;
            if !each.contains(&set) {
                each.push(set);
            }
        }
        Ok(each)
    }

    /// One of the sets with ',' between them.
    fn handler_set(&self, name: &str) -> Result<Handlers, WrongUse> {
        let mend = match name.trim() {
            _ if is_standard(name) => {
                let standard =
                    standard_handlers(Assumptions::default()).iter().map(Handlers::to_string).collect::<Vec<_>>();
                let cause = format!("--handler {} names the standard set beside others", self.handler);
                let sets = standard.join(",");
                return Err(WrongUse::new(
                    cause,
                    format!("give --handler standard alone, or each handler by its name: {sets}"),
                ));
            }
            "none" => "try --handler quiet, which returns at once",
            _ => "or --handler standard; sets have ',' between them, handlers of one set '+'",
        };
        name.parse().map_err(|unknown: UnknownName| WrongUse::new(unknown, mend))
    }

    fn assumed(&self) -> Assumptions {
        self.without.iter().fold(Assumptions::default(), |assumed, &off| assumed.without(off))
    }

    /// Which schedules to draw, if any.
    pub(super) fn random(&self) -> Option<Random> {
        self.random.map(|schedules| Random { schedules, seed: self.seed.unwrap_or(1), shard: self.shard })
    }

    /// Bytes that states may take.
    pub(super) fn memory(&self) -> Option<u64> {
        self.max_memory.map(|mib| mib << 20)
    }

    pub(super) fn jobs(&self) -> usize {
        jobs::threads(self.jobs)
    }

    /// The command that says the same, with what was left out written down.
    pub(super) fn command(&self, Asked { query, options, .. }: &Asked) -> String {
        let mut command = format!("cr3play explore {}", self.options(options));
        let vectors: Vec<_> = query.vectors.iter().map(|vector| vector.name()).collect();
        if self.random.is_none() {
            command += &format!(" --depth {}", self.depth());
        }
        command += &format!(" --vectors {}", vectors.join(","));
        command += &format!(" --handler {} --features {}", self.handler, self.features);
        command += &kernel_option(self.kernel);
        self.without.iter().for_each(|off| command += &format!(" --without {off}"));
        command += self.against.as_ref().map_or(String::new(), |other| format!(" --against {other}")).as_str();
        command += if self.plain { " --plain" } else { "" };
        command += if self.why { " --why" } else { "" };
        let random = |random: Random| format!(" --random {} --seed {}", random.schedules, random.seed);
        command += self.random().map_or(String::new(), random).as_str();
        command += self.max_states.map_or(String::new(), |max| format!(" --max-states {max}")).as_str();
        command += self.max_memory.map_or(String::new(), |mib| format!(" --max-memory {mib}")).as_str();
        command += self.shard.map_or(String::new(), |shard| format!(" --shard {shard}")).as_str();
        command
    }
}
