//! What each action does to the state. Nothing a person can do makes these fail.

mod landing;
mod moving;
mod running;
mod setup;
mod texts;
mod valid;
mod visit;

pub use valid::is_valid;

use crate::action::Action;
use crate::aim::Aim;
use crate::check::{Check, Engine, Origin, Progress, Report, SelfTest, Stage, Sweep};
use crate::choice::{Form, Match, Overlay, Own, Scope, Side, Spot};
use crate::explore::Message;
use crate::inject;
use crate::link::{self, Note};
use crate::runs::Runs;
use crate::setup::Setup;
use crate::state::{State, awaits, ignored};
use crate::study::Question;
use crate::zoom;
use cr3_core::query::Assumption;
use cr3_core::scenario::Schedule;
use std::rc::Rc;
use std::sync::Arc;
use texts::{edit_draft, forget_draft, put_aside, replace_custom, shortened, take_draft, take_other_text, take_text};
use visit::{claimed, open_claim, open_counterexample, open_line};

/// The state after an action.
#[must_use]
pub fn update(state: &State, action: Action) -> State {
    if let Action::OpenLink(text) = action {
        return state.reopen(&text);
    }
    let seeks = is_move(&action) || opens_run(&action);
    let mut next = state.clone();
    act(&mut next, state, action);
    judge_what_runs(&mut next, state);
    count_move(&mut next, state, seeks);
    browse(&mut next, state);
    zoom_to_cursor(&mut next, state);
    next.halt = next.halt.filter(|halt| halt.row == next.cursor);
    next
}

/// What an action does by itself. `state` is the state before it.
fn act(next: &mut State, state: &State, action: Action) {
    match action {
        // It replaces the whole state.
        Action::OpenLink(_) => {}
        Action::OpenStory(index) => setup::open_story(next, index),
        Action::SetForm(side, form) => setup::set_form(next, side, form),
        Action::SetOwn(side, own) => setup::set_own(next, side, own),
        Action::Tree(message) => setup::of_tree(next, message),
        Action::Assembled(ticket, answer) => {
            next.texts.take(ticket, answer);
            go_on(next);
        }
        Action::NotAssembled(why) => {
            next.texts.lose(&why);
            go_on(next);
        }
        Action::SwapForms => setup::swap(next),
        Action::ToggleFeature(feature) => {
            let features = state.setup.features.toggled(feature);
            rerun(next, Aim::Step, |setup| setup.features = features);
        }
        Action::SetHandler(handlers) => rerun(next, Aim::Step, |setup| setup.handler = handlers),
        Action::ToggleHandler(handler) => {
            let handlers = state.setup.handler.toggled(handler);
            rerun(next, Aim::Step, |setup| setup.handler = handlers);
        }
        Action::SetGeometry(geometry) => rerun(next, Aim::Step, |setup| setup.geometry = geometry),
        Action::EditSchedule(text) => setup::edit_schedule(next, text),
        Action::OpenSwept(side, schedule) => open_swept(next, side, &schedule),
        Action::Inject(spot, vector, nesting) => {
            let (schedule, index) = inject::added(&state.runs, &state.setup.schedule, &spot, vector, nesting);
            setup::add(next, schedule, index, vector);
        }
        Action::RemoveInjection(index) => setup::remove(next, index),
        Action::EditDraft(text) => edit_draft(next, text),
        Action::TakeText(text) => take_text(next, text),
        Action::LeaveDraft(before, text) if before == *state.text() => edit_draft(next, text),
        Action::LeaveDraft(_, text) => put_aside(next, shortened(text).into()),
        Action::SetEdited(side) => next.edited = side,
        Action::AskLines => ask_lines(next, state.edited),
        Action::SetAgainst(against) => next.against = against,
        Action::TakeOtherText => take_other_text(next),
        Action::TakeDraft(index) => take_draft(next, index),
        Action::ForgetDraft(index) => forget_draft(next, index),
        Action::Remember(memory) => next.memory = memory,
        Action::SetTitle(title) => title.trim().clone_into(&mut next.title),
        Action::SetNote(row, text) => next.notes = link::pinned(&state.notes, state.runs.clamp(row), &text),
        Action::Seek(row) => moving::seek(next, row),
        Action::Move(target, direction) => moving::go(next, target, direction),
        Action::Run(direction) => running::toggle(next, direction),
        Action::RunTo(goal) => running::run_to(next, &goal),
        Action::Pause => next.run = None,
        Action::Tick(rows) => running::tick(next, rows),
        Action::SetPace(pace) => next.pace = pace,
        Action::ToggleStop(stop) => running::toggle_stop(next, stop),
        Action::Zoom(zoom) => next.zoom = moving::zoomed(state, zoom),
        Action::Resize(divider, resize) => next.settings.panes = state.settings.panes.resized(divider, resize),
        Action::Search(query) => next.query = query,
        Action::Find(direction) => moving::find(next, direction),
        Action::TakeFound(found) => moving::take_found(next, found),
        Action::SetFilter(filter) => next.filter = filter,
        Action::SetSide(side) => next.side = side,
        Action::SetTab(tab) => next.tab = tab,
        Action::SetPane(pane) => next.pane = pane,
        Action::ToggleFollow => next.follow = !state.follow,
        Action::Browse(place) => next.browsed = Some(place),
        Action::ToggleCounters => next.all_counters = !state.all_counters,
        Action::SetTheme(theme) => next.settings.theme = theme,
        Action::ToggleShortcuts => next.settings.shortcuts = !state.settings.shortcuts,
        Action::ToggleJudging => toggle_judging(next),
        Action::Open(overlay) => open(next, overlay),
        Action::Close => next.overlay = Overlay::None,
        Action::Dismiss => next.notice = None,
        Action::TakePaper(paper, document) => next.papers.take(paper, document),
        Action::Tell(words) => next.notice = Some(words),
        Action::ToggleCheck => next.check = state.check.toggled(),
        Action::Checked(ticket, report) => checked(next, ticket, report),
        Action::Sweep(side) => sweep(next, side),
        Action::StopSweep => stop_sweep(next),
        Action::TestCheck if can_start(state) => next.check.self_test = SelfTest::Running,
        Action::TestCheck => {}
        Action::SetScope(scope) => judge(next, scope),
        Action::ToggleAssumption(assumption) => assume(next, assumption),
        Action::SearchAt(pace) => next.explore.pace = pace,
        Action::Explored(ticket, message) => explored(next, ticket, &message),
        Action::OpenCounterexample(side, promise, landing) => open_counterexample(next, side, promise, landing),
        Action::OpenClaim(id, index) => open_claim(next, id, index),
        Action::OpenLine(index) => open_line(next, index),
    }
}

/// What is on show is judged anew if the runs are others, or what judges them.
fn judge_what_runs(next: &mut State, state: &State) {
    let judges = |state: &State| (state.explore.scope, state.explore.assumed, state.settings.judging);
    if !Rc::ptr_eq(&next.runs, &state.runs) || judges(next) != judges(state) {
        next.explore = next.explore.followed(&next.setup, &next.custom, &next.runs);
    }
}

/// Views bring the current row into sight after an action that asks for a row, and when the runs are others.
fn count_move(next: &mut State, state: &State, seeks: bool) {
    if seeks || !Rc::ptr_eq(&next.runs, &state.runs) {
        next.sought = state.sought.wrapping_add(1);
    }
}

/// The part of the runs that is on show follows the current row.
fn zoom_to_cursor(next: &mut State, state: &State) {
    if (next.cursor, next.sought) != (state.cursor, state.sought) {
        let total = next.runs.len();
        next.zoom = next.zoom.take().and_then(|shown| zoom::followed(shown, next.cursor, total));
    }
}

/// Keeps the place at which the listing is read, unless the cursor leaves it or no run has it.
fn browse(next: &mut State, state: &State) {
    // What a link asks for may have to be assembled first. That its runs arrive is no move away from the place that it names.
    let arrives = matches!(state.aim, Some(Aim::Link(_))) && next.aim.is_none();
    let at = |state: &State| (state.cursor, state.side, state.follow, state.sought);
    if next.follow && !arrives && at(next) != at(state) {
        next.browsed = None;
    }
    let new = !Rc::ptr_eq(&next.runs, &state.runs) || next.browsed != state.browsed;
    if let Some(why) = new.then(|| next.forget_unknown_place()).flatten().filter(|_| arrives) {
        let ignored = ignored(&[format!("code: {why}")]);
        next.notice = Some(next.notice.take().map_or_else(|| ignored.clone(), |said| format!("{said} {ignored}")));
    }
}

/// Whether an action asks for a row, even if that is the current one.
fn is_move(action: &Action) -> bool {
    matches!(
        action,
        Action::Seek(_)
            | Action::Move(..)
            | Action::Run(_)
            | Action::RunTo(_)
            | Action::Find(_)
            | Action::TakeFound(Match::Row(_))
    )
}

/// Whether an action shows the run that something else speaks of.
fn opens_run(action: &Action) -> bool {
    matches!(action, Action::OpenCounterexample(..) | Action::OpenClaim(..) | Action::OpenLine(_))
}

/// Whether the sides run different things.
fn differ(state: &State) -> bool {
    ran(state, Side::Left) != ran(state, Side::Right)
}

/// What a side runs: the form, and the text where that is a person's own.
fn ran(state: &State, side: Side) -> (Form, Option<(Own, &Arc<str>)>) {
    let form = state.setup.forms[side.index()];
    (form, (form == Form::Custom).then(|| (state.setup.own[side.index()], state.custom.of(side))))
}

/// Changes the setup and runs it. The cursor goes where `aim` says: to the same arrival at the same instruction, or to what
/// the action is about.
fn rerun(state: &mut State, aim: Aim, change: impl FnOnce(&mut Setup)) {
    let mut setup = (*state.setup).clone();
    change(&mut setup);
    setup.of_trees = state.trees.kernels(setup.trees());
    if setup == *state.setup && state.aim.is_none() {
        return landing::land(state, aim, state.cursor);
    }
    state.setup = setup.into();
    state.schedule_draft = None;
    record(state, aim);
}

/// Asks for the texts that are run, and runs them. Until all of them are there, the runs stay as they are.
fn record(state: &mut State, aim: Aim) {
    ask(state);
    state.run = None;
    // What a person aimed at is not forgotten for a change that aims at nothing.
    let before = state.aim.take().filter(|_| aim == Aim::Step);
    state.aim = Some(before.unwrap_or(aim));
    go_on(state);
}

/// Asks for the texts that are shown and nobody knows.
fn ask(state: &mut State) {
    let mut shown = Vec::from(state.setup.configs(&state.custom));
    shown.extend(state.runs.earlier_texts(&state.setup, &state.custom));
    shown.extend(state.draft().filter(|_| state.overlay == Overlay::Editor));
    let trees = &state.trees;
    state.texts.ask(&shown, |base| trees.has(base));
}

/// Runs what is to be run, once its texts are there.
fn go_on(state: &mut State) {
    let before = state.runs.clone();
    let earlier = before.earlier_texts(&state.setup, &state.custom);
    let is_awaited = earlier.iter().any(|text| state.texts.awaits(text));
    let is_awaited = is_awaited || awaits(&state.setup, &state.custom, &state.texts);
    let Some(aim) = state.aim.take_if(|_| !is_awaited) else { return };
    state.runs = Rc::new(before.record_next(&state.setup, &state.custom, &state.texts));
    let kept = before.follow(state.cursor, &state.runs);
    let row = state.cursor;
    state.cursor = state.runs.clamp(kept.unwrap_or_else(|| state.runs.decisive()));
    state.notes = match aim {
        // A link's notes have the numbers of the rows to come.
        Aim::Link(_) => link::moved(&state.notes, &state.runs, |row| row),
        _ => moved(&state.notes, &before, &state.runs),
    };
    (state.run, state.halt) = (None, None);
    state.check = state.check.restarted();
    landing::land(state, aim, row);
}

/// The notes at the places of the new runs at which they stood in those before. Where the new runs do not come, a note
/// stands at the nearest row; where nothing runs, as it did.
fn moved(notes: &[Note], before: &Runs, runs: &Runs) -> Vec<Note> {
    link::moved(notes, runs, |row| before.follow(row, runs).unwrap_or(row))
}

/// Switched off, nothing is said any more; switched on, everything is judged anew.
fn toggle_judging(state: &mut State) {
    state.settings.judging = state.settings.judging.toggled();
    state.explore = state.explore.forgotten();
}

/// Whether the second CPU is free for a long task.
fn can_start(state: &State) -> bool {
    state.check.engine == Engine::Ready && !state.check.is_busy()
}

fn sweep(state: &mut State, side: Side) {
    if can_start(state) && state.runs.trace(side).is_some() {
        state.check.sweep = Some(Sweep { side, progress: Progress::default(), stage: Stage::Running });
    }
}

fn stop_sweep(state: &mut State) {
    if let Some(sweep) = state.check.sweep.as_mut().filter(|sweep| sweep.stage == Stage::Running) {
        sweep.stage = Stage::Stopped;
    }
}

/// A disagreement stops the cursor and opens both states at its step.
fn checked(state: &mut State, ticket: u32, report: Report) {
    let known = state.check.disagreement.is_some();
    state.check = state.check.informed(ticket, report);
    let Some(found) = state.check.disagreement.clone().filter(|_| !known) else { return };
    state.run = None;
    state.overlay = Overlay::Disagreement;
    match found.origin {
        Origin::Run(side) => state.cursor = state.runs.row_of(side, found.step).unwrap_or(state.cursor),
        Origin::Sweep(_) => open_schedule(state, &found.schedule),
        Origin::Test => {}
    }
}

/// Shows the run of a sweep on which the processors disagree. The second CPU's report stays.
fn open_schedule(state: &mut State, schedule: &str) {
    let check = state.check.clone();
    if let Ok(schedule) = schedule.parse::<Schedule>() {
        rerun(state, Aim::Strike(0), |setup| setup.schedule = schedule);
    }
    state.check = Check { ticket: state.check.ticket, sides: state.check.sides.clone(), ..check };
}

/// Shows a run of a sweep where it goes wrong. The sweep's findings stay, so that others can be opened.
fn open_swept(state: &mut State, side: Side, schedule: &str) {
    let Ok(schedule) = schedule.parse::<Schedule>() else { return };
    stop_sweep(state);
    let swept = state.check.sweep.clone();
    rerun(state, Aim::Swept(side), |setup| setup.schedule = schedule);
    state.check.sweep = swept;
    state.side = side;
}

fn judge(state: &mut State, scope: Scope) {
    state.explore = state.explore.about(scope, state.explore.assumed);
}

fn assume(state: &mut State, assumption: Assumption) {
    state.explore = state.explore.about(state.explore.scope, state.explore.assumed.toggled(assumption));
}

fn explored(state: &mut State, ticket: u32, message: &Message) {
    state.explore = state.explore.informed(ticket, message);
}

/// Asks what fails without each line of what a side runs.
fn ask_lines(state: &mut State, side: Side) {
    if let Some(config) = state.shown(side) {
        state.explore = state.explore.asking(Question::Lines(config));
    }
}

/// Whether the run of a side has the instruction of a spot.
fn has(state: &State, side: Side, spot: &Spot) -> bool {
    state.runs.trace(side).is_some_and(|trace| trace.places.resolve(&spot.place).is_ok())
}

fn open(state: &mut State, overlay: Overlay) {
    if matches!(overlay, Overlay::Inject(_)) {
        state.run = None;
    }
    match &overlay {
        // The menu stands in the listing, so that is of a side that has the instruction.
        Overlay::Inject(spot) if !has(state, state.side, spot) && has(state, state.side.other(), spot) => {
            state.side = state.side.other();
        }
        Overlay::Claims => state.explore = state.explore.asking(Question::Claims(claimed(state))),
        Overlay::Lines if state.listed().is_none() => return,
        Overlay::Lines => ask_lines(state, state.side),
        _ => {}
    }
    state.papers.open(&overlay);
    state.overlay = overlay;
    ask(state);
}

#[cfg(test)]
mod tests;
