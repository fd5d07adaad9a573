//! Links that people have in their mails, each with the step that it opens at, how both runs went, and the explorer's verdict on every
//! single NMI, #DB and #MC of both sides. They must open for good: each version adds some, and nobody changes one. What they open may get
//! other numbers of steps and schedules when the kernel's texts change, and nothing else.
//!
//! Each system is judged once for a file, and a search ends when a promise is broken. That leaves 66 searches of 144 sides, about ten
//! seconds. No link carries a kernel tree, so a side that runs one has no verdict to pin; none of these links names one.

use cr3_core::query::Verdict;
use cr3_jobs::Jobs;
use cr3_session::explore::wire::{Pace, Request};
use cr3_session::explore::{Message, Subject};
use cr3_session::view::outcome::{no_run, outcome};
use cr3_session::view::{position, verdict};
use cr3_session::{Action, Settings, Side, State, link, update};
use expect_test::{ExpectFile, expect_file};

/// Steps of a slice of a search.
const STEPS: u64 = 1_000_000;

/// What the explorer told of subjects.
#[derive(Default)]
struct Explorer(Vec<(Subject, Vec<Message>)>);

impl Explorer {
    fn judged(&mut self, mut state: State) -> State {
        for (ticket, subject) in state.explore.wanted() {
            for message in self.messages(&subject) {
                state = update(&state, Action::Explored(ticket, message));
            }
        }
        state
    }

    fn messages(&mut self, subject: &Subject) -> Vec<Message> {
        if let Some((_, messages)) = self.0.iter().find(|(known, _)| known == subject) {
            return messages.clone();
        }
        let mut jobs = Jobs::default();
        jobs.take(Request::Judge(1, subject.clone()));
        jobs.take(Request::Go(Pace::Rest));
        let mut messages = Vec::new();
        while !jobs.is_idle() && !messages.iter().any(breaks) {
            messages.extend(jobs.slice(STEPS).into_iter().map(|(_, message)| message));
        }
        self.0.push((subject.clone(), messages.clone()));
        messages
    }
}

fn breaks(message: &Message) -> bool {
    matches!(message, Message::Found(found) if found.verdict == Verdict::Breaks)
}

/// What a link opens: the link that the page writes for it, where it is another one; the step; how both runs went and
/// the outcomes of single exceptions; and what was ignored.
fn opened(given: &str, explorer: &mut Explorer) -> String {
    let state = explorer.judged(State::open(given, Settings::default()));
    let again = link::encode(&state.link());
    let text = given.strip_prefix('#').unwrap_or(given);
    // In a file or a mail it is the same link.
    for around in [link::file(text), format!("see <https://example.org/#{}>", text.replace('>', "%3E"))] {
        assert_eq!(
            link::find(&around).map(|found| found.replace("%3E", ">")),
            Some(text.replace("%3E", ">")),
            "{around}"
        );
    }
    let again = (again != text).then_some(format!("    is #{again}\n"));
    let place = state.runs.place(state.cursor).map_or_else(|| "nowhere".to_owned(), |place| place.to_string());
    let own = state.uses_custom().then(|| format!("    text: {} lines\n", state.text().lines().count()));
    let runs = Side::BOTH.map(|side| {
        let words = outcome(&state.runs, side).map_or_else(|| no_run(&state.runs, side), |outcome| outcome.words());
        let verdict::Line { form, words: verdict, .. } = verdict::line(&state, side);
        format!("    {form}: {words}\n    {form}: {verdict}\n")
    });
    let at = format!("    at {}, {place}\n", position::words(&state));
    let said = state.notice.iter().map(|notice| format!("    said: {notice}\n"));
    std::iter::once(format!("{given}\n")).chain(again).chain([at]).chain(own).chain(runs).chain(said).collect()
}

#[track_caller]
fn check(file: &str, (count, judged): (usize, usize), expected: ExpectFile) {
    let links: Vec<_> = file.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(links.len(), count);
    let mut explorer = Explorer::default();
    expected.assert_eq(&links.into_iter().map(|link| opened(link, &mut explorer)).collect::<Vec<_>>().join("\n"));
    assert_eq!(explorer.0.len(), judged);
}

#[test]
fn golden_links_of_version_1() {
    let file = include_str!("../../../testdata/links/v1.txt");
    check(file, (57, 51), expect_file!["../../../testdata/links/v1.txt"]);
}

#[test]
fn golden_links_of_version_2() {
    let file = include_str!("../../../testdata/links/v2.txt");
    check(file, (8, 7), expect_file!["../../../testdata/links/v2.txt"]);
}

#[test]
fn golden_links_of_version_3() {
    let file = include_str!("../../../testdata/links/v3.txt");
    check(file, (7, 8), expect_file!["../../../testdata/links/v3.txt"]);
}
