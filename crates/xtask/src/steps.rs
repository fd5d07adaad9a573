//! A step: one command with a headline and its elapsed time. It is quiet unless it fails or takes long.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// A longer step reports at this interval where it is.
const REPORT_EVERY: Duration = Duration::from_secs(20);
const POLL_EVERY: Duration = Duration::from_millis(20);
/// Number of lines of a failed step's output to show.
const SHOWN_ON_FAILURE: usize = 300;

/// What a finished command printed (standard output and error as they came), and how it ended.
pub(crate) struct Finished {
    pub(crate) status: Option<ExitStatus>,
    pub(crate) lines: Vec<String>,
    pub(crate) elapsed: Duration,
}

impl Finished {
    pub(crate) fn success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }
}

/// Which lines of a successful step to show.
pub(crate) type Closing = fn(&str) -> bool;

/// A step without closing lines.
pub(crate) fn quiet(_: &str) -> bool {
    false
}

/// Runs `command` under `headline`. A failure shows its output, and `mend` says what to do.
pub(crate) fn run(headline: &str, command: &mut Command, mend: &str) -> Result<Duration, Failure> {
    run_showing(headline, command, quiet, mend)
}

/// Like [`run`], and prints the lines that `closing` picks from the output of a success.
pub(crate) fn run_showing(
    headline: &str,
    command: &mut Command,
    closing: Closing,
    mend: &str,
) -> Result<Duration, Failure> {
    let finished = try_run(headline, command, None)?;
    judge(headline, &program(command), &finished, closing, mend)
}

fn judge(
    headline: &str,
    program: &str,
    finished: &Finished,
    closing: Closing,
    mend: &str,
) -> Result<Duration, Failure> {
    if finished.success() {
        for line in finished.lines.iter().filter(|line| closing(line)) {
            println!("    {}", line.trim());
        }
        return Ok(finished.elapsed);
    }
    show_output(&finished.lines);
    let status = finished.status.map_or_else(|| "did not end".to_owned(), |status| format!("ended with {status}"));
    Err(Failure::new(format!("{headline}: {program} {status}"), mend))
}

/// A step that goes on while others run. Nothing of it is printed before somebody waits for it.
pub(crate) struct Beside {
    headline: &'static str,
    program: String,
    mend: &'static str,
    running: Running,
}

impl Beside {
    pub(crate) fn start(headline: &'static str, command: &mut Command, mend: &'static str) -> Result<Self, Failure> {
        let running = Running::start(command)?;
        Ok(Self { headline, program: program(command), mend, running })
    }

    /// Waits until the step has ended. A failure shows its output. The time is that of the step, not of the wait.
    pub(crate) fn wait(self) -> Result<Duration, Failure> {
        let Self { headline, program, mend, running } = self;
        let finished = under(headline, |progress| running.wait(None, progress))?;
        judge(headline, &program, &finished, quiet, mend)
    }
}

/// Runs `command` under `headline` and lets the caller judge how it ended. With a `limit` the command is ended after
/// that time, and its status is `None`.
pub(crate) fn try_run(headline: &str, command: &mut Command, limit: Option<Duration>) -> Result<Finished, Failure> {
    under(headline, |progress| Running::start(command)?.wait(limit, progress))
}

/// What `work` comes to, under a headline that says how long it took.
fn under(
    headline: &str,
    work: impl FnOnce(&mut dyn FnMut(Duration, &str)) -> Result<Finished, Failure>,
) -> Result<Finished, Failure> {
    let mut headline = Headline::print(headline);
    let finished = work(&mut |elapsed, last| headline.progress(elapsed, last));
    match &finished {
        Ok(finished) if finished.success() => headline.end(&seconds(finished.elapsed)),
        Ok(finished) => headline.end(&format!("failed after {}", seconds(finished.elapsed))),
        Err(_) => headline.end("could not be started"),
    }
    finished
}

/// One line of progress on a terminal or in a log: the headline first, its time when known.
struct Headline {
    open: bool,
}

impl Headline {
    fn print(text: &str) -> Self {
        print!("{text} ... ");
        flush();
        Self { open: true }
    }

    fn progress(&mut self, elapsed: Duration, last: &str) {
        if std::mem::replace(&mut self.open, false) {
            println!();
        }
        let last: String = last.trim().chars().take(80).collect();
        println!("    {:>3} s: {last}", elapsed.as_secs());
    }

    fn end(&mut self, text: &str) {
        let indent = if self.open { "" } else { "    " };
        println!("{indent}{text}");
        flush();
    }
}

fn flush() {
    // Nothing is lost if the reader of our output has gone away.
    let _ = std::io::stdout().flush();
}

/// `Duration` as people read it.
pub(crate) fn seconds(duration: Duration) -> String {
    let total = duration.as_secs();
    if total >= 60 {
        format!("{} min {:02} s", total / 60, total % 60)
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// A command that has been started, with what it has printed until now.
struct Running {
    program: String,
    started: Instant,
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    /// Each ends when its pipe is closed, and says when that was.
    readers: Vec<thread::JoinHandle<Instant>>,
}

impl Running {
    fn start(command: &mut Command) -> Result<Self, Failure> {
        let started = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| cannot_start(command, &error))?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        let stdout = child.stdout.take().map(|pipe| read_lines(pipe, &lines));
        let stderr = child.stderr.take().map(|pipe| read_lines(pipe, &lines));
        let readers = stdout.into_iter().chain(stderr).collect();
        Ok(Self { program: program(command), started, child, lines, readers })
    }

    fn wait(mut self, limit: Option<Duration>, progress: &mut dyn FnMut(Duration, &str)) -> Result<Finished, Failure> {
        let mut reported = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().map_err(|error| cannot_wait(&self.program, &error))? {
                break Some(status);
            }
            if limit.is_some_and(|limit| self.started.elapsed() > limit) {
                // It may have ended by itself in between, and then there is nothing left to do.
                let _ = self.child.kill();
                let _ = self.child.wait();
                break None;
            }
            if reported.elapsed() > REPORT_EVERY {
                reported = Instant::now();
                progress(self.started.elapsed(), &last_line(&lock(&self.lines)));
            }
            thread::sleep(POLL_EVERY);
        };
        // A command that the limit ended may leave a child that holds the pipes open.
        let ended = status.and_then(|_| self.readers.into_iter().filter_map(|reader| reader.join().ok()).max());
        let elapsed = ended.unwrap_or_else(Instant::now) - self.started;
        let lines = lock(&self.lines).clone();
        Ok(Finished { status, lines, elapsed })
    }
}

fn last_line(lines: &[String]) -> String {
    lines.iter().rfind(|line| !line.trim().is_empty()).cloned().unwrap_or_default()
}

fn lock(lines: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read_lines(pipe: impl Read + Send + 'static, lines: &Arc<Mutex<Vec<String>>>) -> thread::JoinHandle<Instant> {
    let lines = Arc::clone(lines);
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while pipe.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            lock(&lines).push(line);
            bytes.clear();
        }
        Instant::now()
    })
}

pub(crate) fn show_output(lines: &[String]) {
    let hidden = lines.len().saturating_sub(SHOWN_ON_FAILURE);
    if hidden > 0 {
        println!("    ... {hidden} lines before these");
    }
    for line in lines.iter().skip(hidden) {
        println!("    {line}");
    }
}

fn program(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

pub(crate) fn cannot_start(command: &Command, error: &std::io::Error) -> Failure {
    let program = program(command);
    Failure::new(format!("cannot run {program}: {error}"), format!("install {program}, or put its folder on PATH"))
}

fn cannot_wait(program: &str, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot learn how {program} ends: {error}"), "run the command again")
}

/// What `command` prints, or `None` if it cannot run or fails. For questions, not for work.
pub(crate) fn ask(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// Whether a person could answer a question such as sudo's.
pub(crate) fn someone_can_answer() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn collect(command: &mut Command, limit: Option<Duration>) -> Result<Finished, Failure> {
        Running::start(command)?.wait(limit, &mut |_, _| {})
    }

    #[test]
    fn both_streams_are_collected() {
        let finished = collect(&mut shell("echo out; echo err >&2; exit 3"), None).unwrap();
        let mut lines = finished.lines;
        lines.sort();
        assert_eq!(lines, ["err", "out"]);
        assert_eq!(finished.status.and_then(|status| status.code()), Some(3));
    }

    #[test]
    fn a_command_over_its_limit_is_ended() {
        let limit = Some(Duration::from_millis(50));
        let finished = collect(&mut shell("echo before; exec sleep 60"), limit).unwrap();
        assert!(finished.status.is_none());
        assert!(finished.elapsed < Duration::from_secs(30));
    }

    #[test]
    fn a_missing_program_is_named() {
        let failure = collect(&mut Command::new("no-such-program"), None).err().unwrap();
        assert!(failure.to_string().contains("install no-such-program"), "{failure}");
    }

    #[test]
    fn a_step_beside_others_is_judged_when_it_is_waited_for() {
        let start = |script| Beside::start("beside", &mut shell(script), "mend it").unwrap();
        let (short, failing) = (start("echo done"), start("echo broken; exit 3"));
        thread::sleep(Duration::from_millis(500));
        assert!(short.wait().unwrap() < Duration::from_millis(500), "the wait counts for nothing");
        let failure = failing.wait().unwrap_err().to_string();
        assert!(failure.contains("beside: sh ended with exit status: 3") && failure.contains("mend it"), "{failure}");
    }

    #[test]
    fn times_are_readable() {
        assert_eq!(seconds(Duration::from_millis(1_240)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
    }
}
