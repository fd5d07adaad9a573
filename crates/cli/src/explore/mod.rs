//! `cr3play explore`: threads, progress and exit status; the search itself is the library's.

mod arguments;
mod costs;
mod json;
mod text;

pub(crate) use arguments::{AFTER, ExploreArguments};

use crate::diagnostic;
use crate::outcome::{WrongUse, print, print_json, tell};
use cr3_core::explore::{Done, Explorer, Query, Report, Task, Verdict};
use cr3_core::linux::{Form, System, boot};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A search that was carried out.
struct Searched {
    query: Query,
    report: Report,
    /// What carries it out again, with the one that it is held against.
    command: String,
}

pub(crate) fn explore(arguments: &ExploreArguments) -> ExitCode {
    let verdict = if arguments.list_assumptions { list(arguments).map(|()| Verdict::Holds) } else { answer(arguments) };
    let no_answer = if arguments.bisect { 125 } else { 3 };
    match verdict {
        Ok(Verdict::Holds) => ExitCode::SUCCESS,
        Ok(Verdict::Breaks) => ExitCode::from(1),
        Ok(Verdict::NotFinished | Verdict::Empty) => ExitCode::from(no_answer),
        Err(wrong) => {
            tell(&format!("cr3play: {wrong}\n"));
            ExitCode::from(if arguments.bisect { 125 } else { 2 })
        }
    }
}

fn list(arguments: &ExploreArguments) -> Result<(), WrongUse> {
    if arguments.json { print_json(&json::assumptions(None)) } else { print(&text::assumptions()) }
}

/// What the form comes to. That of the form it is held against is shown, and decides nothing.
fn answer(arguments: &ExploreArguments) -> Result<Verdict, WrongUse> {
    let (query, against) = arguments.queries()?;
    let own = own_system(&query)?;
    if let Some(own) = own.as_ref().filter(|_| !arguments.json) {
        tell(&diagnostic::notes(&own.notes));
    }
    let jobs = arguments.jobs();
    let command = arguments.command(&query);
    let search = |query: Query| {
        let command = command.clone();
        search(&query, jobs).map(|report| Searched { query, report, command })
    };
    let searched = search(query)?;
    let against = against.map(search).transpose()?;
    if arguments.json {
        print_json(&json::Answer::new(arguments, &searched, against.as_ref(), own.as_ref()))?;
    } else {
        print(&text::text(arguments, &searched, against.as_ref()))?;
    }
    Ok(searched.report.verdict)
}

/// The system of a person's own text, which has notes.
fn own_system(query: &Query) -> Result<Option<System>, WrongUse> {
    let own = query.configs.first().filter(|config| config.form == Form::Custom);
    own.map(boot).transpose().map_err(|diagnostics| diagnostic::refused(&diagnostics))
}

fn search(query: &Query, jobs: usize) -> Result<Report, WrongUse> {
    let mut explorer = Explorer::new(query.clone()).map_err(|diagnostics| diagnostic::refused(&diagnostics))?;
    loop {
        let tasks = explorer.tasks();
        if tasks.is_empty() {
            return Ok(explorer.report());
        }
        let progress = Progress::new(explorer.strikes(), tasks.len());
        let done = carry_out(tasks, jobs, &progress);
        progress.clear();
        explorer.absorb(done);
    }
}

/// Carries out `tasks` by `jobs` threads; what they came to, in the order of the tasks.
fn carry_out(tasks: Vec<Task>, jobs: usize, progress: &Progress) -> Vec<Done> {
    let results: Vec<Mutex<Option<Done>>> = tasks.iter().map(|_| Mutex::new(None)).collect();
    let queue = Mutex::new(tasks.into_iter().enumerate());
    // A closure of its own frees the queue before the task is carried out.
    let next = || queue.lock().ok()?.next();
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(results.len()) {
            scope.spawn(|| {
                while let Some((index, task)) = next() {
                    let done = task.run(|| true);
                    if let Some(mut place) = results.get(index).and_then(|place| place.lock().ok()) {
                        *place = done;
                    }
                    progress.advance();
                }
            });
        }
    });
    results.into_iter().filter_map(|place| place.into_inner().ok().flatten()).collect()
}

/// A line on standard error that says how far a search is, where that is a terminal.
struct Progress {
    strikes: u32,
    tasks: usize,
    done: AtomicUsize,
    shown: bool,
}

impl Progress {
    fn new(strikes: u32, tasks: usize) -> Self {
        Self { strikes, tasks, done: AtomicUsize::new(0), shown: std::io::stderr().is_terminal() }
    }

    fn advance(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.say(&format!("\rdepth {}: {done} of {} parts", self.strikes, self.tasks));
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
