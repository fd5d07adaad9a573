//! `cr3play explore`: threads, progress and exit status; the search itself is the library's.

mod arguments;
mod costs;
mod extent;
mod json;
mod merge;
mod random;
mod text;
mod why;

pub(crate) use arguments::{AFTER, ExploreArguments};
pub(crate) use merge::{MergeArguments, merge};

use crate::outcome::{WrongUse, print, print_json, tell};
use crate::{diagnostic, jobs, own_text};
use arguments::Asked;
use cr3_core::explore::{Done, Explorer, Query, Report, Setting, Task, Verdict};
use cr3_core::linux::System;
use random::Random;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How a search is carried out. No number depends on it, unless it is stopped.
struct Settings {
    jobs: usize,
    /// Bytes that states may take.
    memory: Option<u64>,
    random: Option<Random>,
    /// Set by Ctrl-C, and by who asks the program to end.
    stop: Arc<AtomicBool>,
}

impl Settings {
    fn new(arguments: &ExploreArguments) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        // Where a signal cannot be caught it ends the program at once; so does a second one.
        for signal in [SIGINT, SIGTERM] {
            let _ = signal_hook::flag::register_conditional_shutdown(signal, ENDED_BY + signal, Arc::clone(&stop));
            let _ = signal_hook::flag::register(signal, Arc::clone(&stop));
        }
        Self { jobs: arguments.jobs(), memory: arguments.memory(), random: arguments.random(), stop }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// What shells report of a program that a signal ended, less the number of the signal.
const ENDED_BY: i32 = 128;

/// A search that was carried out.
struct Searched {
    query: Query,
    report: Report,
    /// What the form is called.
    name: String,
    /// The arguments that give it alone.
    options: String,
    /// The command that repeats it, with the form that it is compared with.
    command: String,
    /// The schedules that were drawn, if any.
    random: Option<Random>,
    /// For each violation, where its run goes to code of a person's tree or entry text that nothing here has before it breaks a promise.
    unmodelled: Vec<Option<String>>,
}

impl Searched {
    /// Whether all that breaks a promise goes to such code, so that nothing is known of Linux.
    fn is_untold(&self) -> bool {
        !self.unmodelled.is_empty() && self.unmodelled.iter().all(Option::is_some)
    }
}

/// The exit status with which `git bisect run` skips a commit. It counts a commit with 2 as bad.
const UNTESTABLE: u8 = 125;

pub(crate) fn explore(arguments: &ExploreArguments) -> ExitCode {
    let verdict = if arguments.list_assumptions { list(arguments).map(|()| Verdict::Holds) } else { answer(arguments) };
    match arguments.bisect {
        true => exit(verdict, UNTESTABLE, UNTESTABLE),
        false => exit(verdict, 3, 2),
    }
}

/// The exit status when the parser refuses these arguments of the program.
pub(crate) fn wrong_use(mut arguments: impl Iterator<Item = OsString>) -> u8 {
    let bisects = arguments.any(|argument| argument == "explore") && arguments.any(|argument| argument == "--bisect");
    if bisects { UNTESTABLE } else { 2 }
}

fn exit(verdict: Result<Verdict, WrongUse>, no_answer: u8, wrong_use: u8) -> ExitCode {
    match verdict {
        Ok(Verdict::Holds) => ExitCode::SUCCESS,
        Ok(Verdict::Breaks) => ExitCode::from(1),
        Ok(Verdict::NotFinished | Verdict::Empty) => ExitCode::from(no_answer),
        Err(wrong) => {
            tell(&format!("cr3play: {wrong}\n"));
            ExitCode::from(wrong_use)
        }
    }
}

fn list(arguments: &ExploreArguments) -> Result<(), WrongUse> {
    if arguments.json { print_json(&json::assumptions(None)) } else { print(&text::assumptions()) }
}

/// The verdict on the form. The verdict on the form it is compared with is shown, and decides nothing.
fn answer(arguments: &ExploreArguments) -> Result<Verdict, WrongUse> {
    let mut asked = arguments.asked()?.into_iter();
    let (Some(form), against) = (asked.next(), asked.next()) else {
        return Err(WrongUse::new("no form is given", "try --form E"));
    };
    let own = own_systems(std::iter::once(&form).chain(&against))?;
    if !arguments.json {
        own.iter().for_each(|own| tell(&diagnostic::notes(&own.notes)));
    }
    let settings = Settings::new(arguments);
    let depth = form.query.depth;
    if against.is_some() && depth > 1 {
        tell(&format!(
            "cr3play: with --against every schedule of up to {depth} exceptions runs to its end, with both forms\n"
        ));
    }
    let command = arguments.command(&form);
    let search = |asked| search(asked, &settings, command.clone());
    let searched = search(form)?;
    let against = against.map(search).transpose()?;
    let why = why::why(arguments, &searched, &settings)?;
    if arguments.json {
        print_json(&json::Answer::new(&searched, against.as_ref(), why.as_deref(), &own))?;
    } else {
        print(&text::text(&searched, against.as_ref(), why.as_deref()))?;
    }
    Ok(searched.report.verdict)
}

/// The systems of a person's own texts, each with the notes that none before it has.
fn own_systems<'a>(asked: impl Iterator<Item = &'a Asked>) -> Result<Vec<System>, WrongUse> {
    let systems = asked.map(|asked| own_text::system(asked.query.configs.first()));
    let mut systems: Vec<_> = systems.filter_map(Result::transpose).collect::<Result<_, _>>()?;
    let mut said = Vec::new();
    for system in &mut systems {
        let notes: Vec<_> = system.notes.iter().filter(|note| !said.contains(*note)).cloned().collect();
        said.extend(notes.iter().cloned());
        system.notes = notes.into();
    }
    Ok(systems)
}

fn search(asked: Asked, settings: &Settings, command: String) -> Result<Searched, WrongUse> {
    let Asked { query, name, options } = asked;
    let report = carry_through(&query, settings)?;
    let unmodelled = report.violations.iter().map(cr3_jobs::goes_beyond).collect();
    let mut searched = Searched { query, report, name, options, command, random: settings.random, unmodelled };
    if searched.is_untold() {
        searched.report.verdict = Verdict::NotFinished;
        let breaks = |setting: &&mut Setting| setting.verdict == Verdict::Breaks;
        let settings = searched.report.settings.iter_mut().filter(breaks);
        settings.for_each(|setting| setting.verdict = Verdict::NotFinished);
    }
    Ok(searched)
}

fn carry_through(query: &Query, settings: &Settings) -> Result<Report, WrongUse> {
    let mut explorer = Explorer::new(query.clone()).map_err(|diagnostics| diagnostic::refused(&diagnostics))?;
    if let Some(bytes) = settings.memory {
        explorer.limit_memory(bytes);
    }
    if let Some(random) = &settings.random {
        random::carry_out(&mut explorer, random, settings);
    }
    loop {
        let tasks = explorer.tasks();
        if tasks.is_empty() {
            return Ok(explorer.report());
        }
        let progress = Progress::new(&explorer, tasks.len());
        let done = carry_out(tasks, settings, &progress);
        progress.clear();
        explorer.absorb(done);
    }
}

/// Carries out `tasks` by several threads. Returns what they found, in the order of the tasks.
fn carry_out(tasks: Vec<Task>, settings: &Settings, progress: &Progress) -> Vec<Done> {
    jobs::carry_out(tasks, settings.jobs, |task| {
        if settings.is_stopped() {
            return None;
        }
        let done = task.run_until(|| !settings.is_stopped()).without_summaries();
        progress.advance();
        Some(done)
    })
}

/// A line on standard error that says how far a search is, where that is a terminal.
struct Progress {
    what: String,
    of: u64,
    done: AtomicU64,
    shown: bool,
}

impl Progress {
    /// Of what is to be done at once.
    fn new(explorer: &Explorer, tasks: usize) -> Self {
        match explorer.is_at_any_depth() {
            true => Self::of("any depth, systems".to_owned(), tasks as u64),
            false => Self::of(format!("depth {}, parts", explorer.strikes()), tasks as u64),
        }
    }

    fn of_random(schedules: u64) -> Self {
        Self::of("random schedules".to_owned(), schedules)
    }

    fn of(what: String, of: u64) -> Self {
        Self { what, of, done: AtomicU64::new(0), shown: std::io::stderr().is_terminal() }.begun()
    }

    fn begun(self) -> Self {
        self.say(&format!("\r{}: 0 of {}", self.what, self.of));
        self
    }

    fn advance(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        // A terminal need not be written to more than a thousand times.
        if done.is_multiple_of((self.of / 1000).max(1)) {
            self.say(&format!("\r{}: {done} of {}", self.what, self.of));
        }
    }

    fn clear(&self) {
        self.say("\r\x1b[K");
    }

    fn say(&self, text: &str) {
        if self.shown {
            let mut err = std::io::stderr().lock();
            // A terminal that went away says nothing about the search.
            let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
        }
    }
}
