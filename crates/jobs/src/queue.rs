//! What is asked for, and whose turn it is.

use crate::search::Search;
use crate::study::{Work, is_last};
use cr3_core::claims::Lab;
use cr3_core::explore::Progress;
use cr3_session::explore::wire::{Pace, Request};
use cr3_session::explore::{Message, Subject};
use cr3_session::study::Question;

/// The searches and questions that are wanted.
#[derive(Default)]
pub struct Jobs {
    jobs: Vec<Job>,
    pace: Pace,
    /// Whose turn it is.
    turn: usize,
    /// What the claims were measured with, form E: a person's own macro is compared with it.
    merged: Lab,
}

struct Job {
    ticket: u32,
    stage: Stage,
}

enum Stage {
    Wanted(Subject),
    Searching(Box<Search>),
    Asked(Question),
    Studying(Work),
    Over,
}

impl Jobs {
    /// Takes a request.
    pub fn take(&mut self, request: Request) {
        match request {
            Request::Keep(tickets) => self.jobs.retain(|job| tickets.contains(&job.ticket)),
            Request::Judge(ticket, subject) if self.jobs.iter().all(|job| job.ticket != ticket) => {
                self.jobs.push(Job { ticket, stage: Stage::Wanted(subject) });
            }
            Request::Study(ticket, question) if self.jobs.iter().all(|job| job.ticket != ticket) => {
                self.jobs.push(Job { ticket, stage: Stage::Asked(question) });
            }
            Request::Judge(..) | Request::Study(..) => {}
            Request::Go(pace) => self.pace = pace,
        }
    }

    /// Whether there is nothing to do, unless something else is asked for.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.next().is_none()
    }

    /// What is to go on: in turn, but first the searches that have nothing complete, and then what a person waits for.
    fn next(&self) -> Option<usize> {
        let count = self.jobs.len();
        let in_turn = |is_meant: fn(&Job) -> bool| {
            let mut order = (1..=count).map(|ahead| (self.turn + ahead) % count);
            order.find(|&index| self.jobs.get(index).is_some_and(is_meant))
        };
        let asked = || in_turn(Job::is_question);
        in_turn(Job::is_shallow).or_else(asked).or_else(|| in_turn(Job::is_deep).filter(|_| self.pace == Pace::Deepen))
    }

    /// Takes about so many steps of one search, or a piece of a question; what it tells, with its ticket.
    pub fn slice(&mut self, steps: u64) -> Vec<(u32, Message)> {
        let Some(index) = self.next() else { return Vec::new() };
        self.turn = index;
        let Some(job) = self.jobs.get_mut(index) else { return Vec::new() };
        let messages = job.slice(steps, &mut self.merged);
        messages.into_iter().map(|message| (job.ticket, message)).collect()
    }
}

impl Job {
    fn is_shallow(&self) -> bool {
        match &self.stage {
            Stage::Wanted(_) => true,
            Stage::Searching(search) => search.is_shallow(),
            Stage::Over | Stage::Asked(_) | Stage::Studying(_) => false,
        }
    }

    fn is_deep(&self) -> bool {
        matches!(self.stage, Stage::Searching(_)) && !self.is_shallow()
    }

    fn is_question(&self) -> bool {
        matches!(self.stage, Stage::Asked(_) | Stage::Studying(_))
    }

    fn slice(&mut self, steps: u64, merged: &mut Lab) -> Vec<Message> {
        let (stage, messages) = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Wanted(subject) => match Search::new(subject) {
                Ok(search) => (Stage::Searching(Box::new(search)), Vec::new()),
                Err(why) => (Stage::Over, vec![Message::Broke(why)]),
            },
            Stage::Searching(mut search) => {
                let (progress, messages) = search.work(steps);
                let stage = if progress == Progress::Done { Stage::Over } else { Stage::Searching(search) };
                (stage, messages)
            }
            Stage::Asked(question) => match Work::new(&question) {
                Ok(work) => (Stage::Studying(work), Vec::new()),
                Err(why) => (Stage::Over, vec![Message::Broke(why)]),
            },
            Stage::Studying(mut work) => {
                let messages = work.slice(merged);
                let stage = if messages.iter().any(is_last) { Stage::Over } else { Stage::Studying(work) };
                (stage, messages)
            }
            Stage::Over => (Stage::Over, Vec::new()),
        };
        self.stage = stage;
        messages
    }
}

#[cfg(test)]
mod tests;
