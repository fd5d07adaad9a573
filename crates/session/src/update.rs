//! What each action does to the state. Nothing a person can do makes these fail.

mod landing;
mod visit;

use crate::action::Action;
use crate::aim::Aim;
use crate::check::{Check, Engine, Origin, Progress, Report, SelfTest, Stage, Sweep};
use crate::choice::{Direction, Filter, Form, Overlay, Own, Pane, Scope, Side, Target};
use crate::drafts;
use crate::explore::Told;
use crate::inject;
use crate::link::{self, Note};
use crate::runs::Runs;
use crate::setup::{OwnTexts, Setup};
use crate::state::{State, awaits, ignored};
use crate::story::STORIES;
use crate::study::Question;
use crate::tree;
use cr3_core::query::Assumption;
use cr3_core::scenario::{Nesting, Schedule, Vector};
use std::rc::Rc;
use std::sync::Arc;
use visit::{broken_without, claimed, open_claim, open_counterexample, open_line, shown};

/// Maximum length of a custom form in bytes. The rest of a longer paste is dropped, with a notice.
const DRAFT_LIMIT: usize = crate::link::TEXT_LIMIT;

/// The state after an action.
#[must_use]
pub fn update(state: &State, action: Action) -> State {
    let seeks = matches!(action, Action::Seek(_) | Action::Move(..)) || opens_run(&action);
    let mut next = state.clone();
    match action {
        Action::OpenLink(text) => return state.reopen(&text),
        Action::OpenStory(index) => open_story(&mut next, index),
        Action::SetForm(side, form) => set_form(&mut next, side, form),
        Action::SetOwn(side, own) => set_own(&mut next, side, own),
        Action::Tree(told) => of_tree(&mut next, told),
        Action::Assembled(ticket, answer) => {
            next.texts.take(ticket, answer);
            go_on(&mut next);
        }
        Action::NotAssembled(why) => {
            next.texts.lose(&why);
            go_on(&mut next);
        }
        Action::SwapForms => swap(&mut next),
        Action::ToggleFeature(feature) => {
            let features = state.setup.features.toggled(feature);
            rerun(&mut next, Aim::Step, |setup| setup.features = features);
        }
        Action::SetHandler(handlers) => rerun(&mut next, Aim::Step, |setup| setup.handler = handlers),
        Action::ToggleHandler(handler) => {
            let handlers = state.setup.handler.toggled(handler);
            rerun(&mut next, Aim::Step, |setup| setup.handler = handlers);
        }
        Action::SetGeometry(geometry) => rerun(&mut next, Aim::Step, |setup| setup.geometry = geometry),
        Action::EditSchedule(text) => edit_schedule(&mut next, text),
        Action::OpenSwept(side, schedule) => open_swept(&mut next, side, &schedule),
        Action::Inject(spot, vector, nesting) => {
            let (schedule, index) = inject::added(&state.runs, &state.setup.schedule, &spot, vector, nesting);
            add(&mut next, schedule, index, vector);
        }
        Action::RemoveInjection(index) => remove(&mut next, index),
        Action::EditDraft(text) => edit_draft(&mut next, text),
        Action::LeaveDraft(before, text) if before == *state.text() => edit_draft(&mut next, text),
        Action::LeaveDraft(_, text) => put_aside(&mut next, shortened(text).into()),
        Action::SetEdited(side) => next.edited = side,
        Action::AskLines => ask_lines(&mut next, state.edited),
        Action::SetAgainst(against) => next.against = against,
        Action::TakeOtherText => take_other_text(&mut next),
        Action::TakeDraft(index) => take_draft(&mut next, index),
        Action::ForgetDraft(index) => forget_draft(&mut next, index),
        Action::Remember(memory) => next.memory = memory,
        Action::SetTitle(title) => title.trim().clone_into(&mut next.title),
        Action::SetNote(row, text) => next.notes = link::pinned(&state.notes, state.runs.clamp(row), &text),
        Action::Seek(row) => seek(&mut next, row),
        Action::Move(target, direction) => go(&mut next, target, direction),
        Action::TogglePlay => toggle_play(&mut next),
        Action::Tick => tick(&mut next),
        Action::SetFilter(filter) => next.filter = filter,
        Action::SetSide(side) => next.side = side,
        Action::SetTab(tab) => next.tab = tab,
        Action::SetPane(pane) => next.pane = pane,
        Action::ToggleFollow => next.follow = !state.follow,
        Action::Browse(place) => next.browsed = Some(place),
        Action::ToggleCounters => next.all_counters = !state.all_counters,
        Action::SetTheme(theme) => next.settings.theme = theme,
        Action::ToggleShortcuts => next.settings.shortcuts = !state.settings.shortcuts,
        Action::ToggleJudging => toggle_judging(&mut next),
        Action::Open(overlay) => open(&mut next, overlay),
        Action::Close => next.overlay = Overlay::None,
        Action::Dismiss => next.notice = None,
        Action::TakeLimits(document) => next.limits = document,
        Action::Tell(words) => next.notice = Some(words),
        Action::ToggleCheck => next.check = state.check.toggled(),
        Action::Checked(ticket, report) => checked(&mut next, ticket, report),
        Action::Sweep(side) => sweep(&mut next, side),
        Action::StopSweep => stop_sweep(&mut next),
        Action::TestCheck if can_start(state) => next.check.self_test = SelfTest::Running,
        Action::TestCheck => {}
        Action::SetScope(scope) => judge(&mut next, scope),
        Action::ToggleAssumption(assumption) => assume(&mut next, assumption),
        Action::Explored(ticket, told) => explored(&mut next, ticket, &told),
        Action::OpenCounterexample(side, promise, landing) => open_counterexample(&mut next, side, promise, landing),
        Action::OpenClaim(id, index) => open_claim(&mut next, id, index),
        Action::OpenLine(index) => open_line(&mut next, index),
    }
    let judges = |state: &State| (state.explore.scope, state.explore.assumed, state.settings.judging);
    if !Rc::ptr_eq(&next.runs, &state.runs) || judges(&next) != judges(state) {
        next.explore = next.explore.followed(&next.setup, &next.custom, &next.runs);
    }
    if seeks || !Rc::ptr_eq(&next.runs, &state.runs) {
        next.sought = state.sought.wrapping_add(1);
    }
    browse(&mut next, state);
    next
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

/// Whether an action shows the run that something else speaks of.
fn opens_run(action: &Action) -> bool {
    matches!(action, Action::OpenCounterexample(..) | Action::OpenClaim(..) | Action::OpenLine(_))
}

/// Whether an action would change anything. This decides whether its button is enabled.
#[must_use]
pub fn is_valid(state: &State, action: &Action) -> bool {
    match action {
        Action::OpenStory(index) => STORIES.get(*index).is_some_and(|story| story.setup() != state.setup),
        Action::SetForm(side, form) => state.setup.forms[side.index()] != *form,
        Action::SetOwn(side, own) => {
            let set = Setup { forms: [Form::Custom; 2], own: [*own; 2], ..state.setup.clone() };
            let has = |setup: &Setup| (setup.tree(*side), setup.uses_text(*side));
            has(&set) != has(&state.setup)
        }
        Action::SwapForms => differ(state),
        Action::SetEdited(side) => state.edited != *side,
        Action::AskLines => state.runs.trace(state.edited).is_some(),
        Action::SetAgainst(against) => state.against != *against,
        Action::TakeOtherText => is_another(state),
        Action::SetHandler(handlers) => state.setup.handler != *handlers,
        Action::ToggleHandler(handler) => state.setup.handler.toggled(*handler) != state.setup.handler,
        Action::SetGeometry(geometry) => state.setup.geometry != *geometry,
        Action::RemoveInjection(index) => *index < state.setup.schedule.injections.len(),
        Action::SetTitle(title) => title.trim() != state.title,
        Action::SetNote(row, text) => link::pinned(&state.notes, state.runs.clamp(*row), text) != state.notes,
        Action::Seek(row) => state.runs.clamp(*row) != state.cursor,
        Action::Move(target, direction) => destination(state, *target, *direction).is_some(),
        Action::TogglePlay => state.playing || state.runs.len() > 1,
        Action::Tick => state.playing,
        Action::SetFilter(filter) => state.filter != *filter,
        Action::SetSide(side) => state.side != *side,
        Action::SetTab(tab) => state.tab != *tab,
        Action::SetPane(pane) => state.pane != *pane,
        Action::SetTheme(theme) => state.settings.theme != *theme,
        Action::Open(Overlay::Lines) => state.overlay != Overlay::Lines && state.runs.trace(state.side).is_some(),
        Action::Open(overlay) => state.overlay != *overlay,
        Action::Close => state.overlay != Overlay::None,
        Action::TakeLimits(document) => state.limits != *document,
        Action::Dismiss => state.notice.is_some(),
        Action::Sweep(side) => can_start(state) && state.runs.trace(*side).is_some(),
        Action::TestCheck => can_start(state),
        Action::StopSweep => state.check.sweep.as_ref().is_some_and(|sweep| sweep.stage == Stage::Running),
        Action::Browse(place) => state.browsed.as_ref() != Some(place) && state.runs.unknown(place).is_none(),
        Action::Checked(ticket, report) => state.check.told(*ticket, report.clone()) != state.check,
        Action::SetScope(scope) => state.explore.scope != *scope,
        Action::Explored(ticket, told) => state.explore.told(*ticket, told) != state.explore,
        Action::OpenCounterexample(side, promise, _) => state.explore.side(*side).counterexample(*promise).is_some(),
        Action::OpenClaim(id, index) => shown(*id, *index).is_some(),
        Action::OpenLine(index) => broken_without(state, *index).is_some(),
        Action::TakeDraft(index) | Action::ForgetDraft(index) => *index < state.aside.len(),
        Action::Remember(memory) => state.memory != *memory,
        Action::OpenLink(_)
        | Action::ToggleCheck
        | Action::Tree(_)
        | Action::Assembled(..)
        | Action::NotAssembled(_)
        | Action::ToggleFeature(_)
        | Action::OpenSwept(..)
        | Action::EditSchedule(_)
        | Action::ToggleAssumption(_)
        | Action::Inject(..)
        | Action::EditDraft(_)
        | Action::LeaveDraft(..)
        | Action::ToggleFollow
        | Action::ToggleCounters
        | Action::ToggleShortcuts
        | Action::ToggleJudging
        | Action::Tell(_) => true,
    }
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
    let mut setup = state.setup.clone();
    change(&mut setup);
    setup.kernel = state.trees.kernel(setup.kernel, state.setup.trees(), setup.trees());
    if setup == state.setup && state.aim.is_none() {
        return landing::land(state, aim, state.cursor);
    }
    state.setup = setup;
    state.schedule_draft = None;
    record(state, aim);
}

/// Asks for the texts that are run, and runs them. Until all of them are there, the runs stay as they are.
fn record(state: &mut State, aim: Aim) {
    ask(state);
    state.playing = false;
    // What a person aimed at is not forgotten for a change that aims at nothing.
    let before = state.aim.take().filter(|_| aim == Aim::Step);
    state.aim = Some(before.unwrap_or(aim));
    go_on(state);
}

/// Asks for the texts that are shown and nobody knows.
fn ask(state: &mut State) {
    let mut shown = Vec::from(state.setup.configs(&state.custom));
    shown.extend(state.draft().filter(|_| state.overlay == Overlay::Editor));
    let trees = &state.trees;
    state.texts.ask(&shown, |base| trees.has(base));
}

/// Runs what is to be run, once its texts are there.
fn go_on(state: &mut State) {
    let Some(aim) = state.aim.take_if(|_| !awaits(&state.setup, &state.custom, &state.texts)) else { return };
    let before = state.runs.clone();
    state.runs = Rc::new(before.record_next(&state.setup, &state.custom, &state.texts));
    let kept = before.follow(state.cursor, &state.runs);
    let row = state.cursor;
    state.cursor = state.runs.clamp(kept.unwrap_or_else(|| state.runs.decisive()));
    state.notes = match aim {
        // A link's notes have the numbers of the rows to come.
        Aim::Link(_) => link::moved(&state.notes, &state.runs, |row| row),
        _ => moved(&state.notes, &before, &state.runs),
    };
    state.playing = false;
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
    state.check = state.check.told(ticket, report);
    let Some(found) = state.check.disagreement.clone().filter(|_| !known) else { return };
    state.playing = false;
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

fn explored(state: &mut State, ticket: u32, told: &Told) {
    state.explore = state.explore.told(ticket, told);
}

fn open_story(state: &mut State, index: usize) {
    // A story that is already open is not opened again: the person may have changed something in it.
    let Some(story) = STORIES.get(index).filter(|story| story.setup() != state.setup) else {
        return;
    };
    rerun(state, Aim::Decisive, |setup| *setup = story.setup());
    state.filter = Filter::All;
    state.overlay = Overlay::None;
    // They are about something else. Back has them.
    (state.title, state.notes) = Default::default();
}

fn set_form(state: &mut State, side: Side, form: Form) {
    if state.setup.forms[side.index()] == form {
        return;
    }
    if form == Form::Custom {
        begin(state, side);
    }
    rerun(state, Aim::Step, |setup| {
        setup.forms[side.index()] = form;
        setup.own[side.index()] = Own::Text;
    });
    if form == Form::Custom {
        state.overlay = Overlay::Editor;
    }
}

/// A side without a text of its own takes that of the other side, which keeps it only if it runs it; without either, a
/// person starts from the macro that the side has run so far.
fn begin(state: &mut State, side: Side) {
    state.edited = side;
    let other = side.other();
    if !state.custom.of(side).is_empty() {
        return;
    }
    if state.custom.of(other).is_empty() {
        let written = state.runs.restore_source(side).or_else(|| state.runs.restore_source(other));
        state.custom = state.custom.clone().with(side, written.unwrap_or_default().into());
    } else if state.setup.uses_text(other) {
        state.custom = OwnTexts::both(state.custom.of(other).clone());
    } else {
        state.custom = state.custom.clone().swapped();
    }
}

fn set_own(state: &mut State, side: Side, own: Own) {
    if own.has_text() {
        begin(state, side);
    }
    rerun(state, Aim::Step, |setup| {
        setup.forms[side.index()] = Form::Custom;
        setup.own[side.index()] = own;
    });
}

/// A tree that was opened runs on the right at once, unless a side waits for that very tree.
fn of_tree(state: &mut State, told: tree::Told) {
    let opened = match &told {
        tree::Told::Opened(opened) => Some(opened.clone()),
        _ => None,
    };
    state.trees.take(told);
    if let Some(opened) = opened {
        let before = state.setup.trees();
        if Side::BOTH.into_iter().all(|side| state.setup.tree(side) != Some(opened.id)) {
            state.setup.forms[1] = Form::Custom;
            state.setup.own[1] = Own::Tree(opened.id);
            state.notice = Some(format!(
                "{} runs on the right: {} files of it were read, and nothing left this browser. A link cannot carry it; {}.",
                opened.release,
                opened.files,
                opened.c_side()
            ));
        }
        state.setup.kernel = state.trees.kernel(state.setup.kernel, before, state.setup.trees());
        record(state, Aim::Step);
    }
}

fn swap(state: &mut State) {
    if !differ(state) {
        return;
    }
    state.setup.forms.swap(0, 1);
    state.setup.own.swap(0, 1);
    state.custom = state.custom.clone().swapped();
    state.edited = state.edited.other();
    state.schedule_draft = None;
    record(state, Aim::SameRow);
}

fn edit_schedule(state: &mut State, text: String) {
    match text.trim() {
        "" => rerun(state, Aim::Step, |setup| setup.schedule = Schedule::default()),
        trimmed => match trimmed.parse::<Schedule>() {
            Ok(schedule) => {
                state.schedule_draft = None;
                rerun(state, Aim::Step, |setup| setup.schedule = schedule);
            }
            Err(error) => state.schedule_draft = Some((text, error.to_string())),
        },
    }
}

fn add(state: &mut State, schedule: Schedule, index: usize, vector: Vector) {
    rerun(state, Aim::Added(index, vector), |setup| setup.schedule = schedule);
    state.overlay = Overlay::None;
    state.browsed = None;
    state.pane = Pane::Runs;
}

fn remove(state: &mut State, index: usize) {
    rerun(state, Aim::Step, |setup| {
        if index < setup.schedule.injections.len() {
            setup.schedule.injections.remove(index);
        }
        if let Some(first) = setup.schedule.injections.first_mut() {
            first.nesting = Nesting::After;
        }
    });
}

fn edit_draft(state: &mut State, text: String) {
    if text.len() > DRAFT_LIMIT {
        state.notice =
            Some(format!("A custom form can have up to {} KiB; the rest of the text was dropped.", DRAFT_LIMIT >> 10));
    }
    replace_custom(state, state.edited, shortened(text).into());
}

fn shortened(mut text: String) -> String {
    if text.len() > DRAFT_LIMIT {
        text.truncate(drafts::shortened(&text).len());
    }
    text
}

fn replace_custom(state: &mut State, side: Side, text: Arc<str>) {
    if *state.custom.of(side) == text {
        return;
    }
    state.custom = state.custom.clone().with(side, text);
    match state.setup.uses_text(side) {
        true => record(state, Aim::Step),
        false => ask(state),
    }
}

/// Whether the other side has a text that this one could take.
fn is_another(state: &State) -> bool {
    let other = state.custom.of(state.edited.other());
    !other.trim().is_empty() && other != state.text()
}

fn take_other_text(state: &mut State) {
    if is_another(state) {
        let before = state.text().clone();
        replace_custom(state, state.edited, state.custom.of(state.edited.other()).clone());
        put_aside(state, before);
    }
}

fn put_aside(state: &mut State, text: Arc<str>) {
    state.aside.insert(0, text);
    tidy_aside(state);
}

/// The texts of the sides are not put aside too.
fn tidy_aside(state: &mut State) {
    let others = state.aside.iter().filter(|text| !state.custom.contains(text)).cloned();
    state.aside = drafts::tidy(others);
}

fn take_draft(state: &mut State, index: usize) {
    if index < state.aside.len() {
        let text = state.aside.remove(index);
        state.aside.insert(0, state.text().clone());
        replace_custom(state, state.edited, text);
        tidy_aside(state);
    }
}

fn forget_draft(state: &mut State, index: usize) {
    if index < state.aside.len() {
        state.aside.remove(index);
    }
}

/// The row that a move leads to among the listed rows.
fn destination(state: &State, target: Target, direction: Direction) -> Option<usize> {
    let plain = matches!(target, Target::Row | Target::Page | Target::End);
    match state.runs.rows(state.filter) {
        Some(listed) if plain => among(listed, state.cursor, target, direction),
        _ => state.runs.target(state.cursor, target, direction),
    }
}

fn among(listed: &[u32], from: usize, target: Target, direction: Direction) -> Option<usize> {
    let from = u32::try_from(from).ok()?;
    let distance = if target == Target::Page { 10 } else { 1 };
    let last = listed.len().checked_sub(1)?;
    let index = match direction {
        Direction::Forward => {
            let next = listed.partition_point(|row| *row <= from);
            let index = if target == Target::End { last } else { (next + distance - 1).min(last) };
            (next <= last).then_some(index)?
        }
        Direction::Backward => {
            let before = listed.partition_point(|row| *row < from);
            let index = if target == Target::End { 0 } else { before.saturating_sub(distance) };
            (before > 0).then_some(index)?
        }
    };
    listed.get(index).map(|row| *row as usize)
}

fn go(state: &mut State, target: Target, direction: Direction) {
    if let Some(row) = destination(state, target, direction) {
        seek(state, row);
    }
}

/// Who moves while texts are assembled wants to stay there in the runs that come.
fn seek(state: &mut State, row: usize) {
    state.cursor = state.runs.clamp(row);
    if let Some(aim) = state.aim.as_mut().filter(|_| !state.runs.is_empty()) {
        *aim = Aim::Step;
    }
}

fn toggle_play(state: &mut State) {
    let at_end = destination(state, Target::Row, Direction::Forward).is_none();
    if !state.playing && at_end {
        state.cursor = 0;
    }
    state.playing = !state.playing && state.runs.len() > 1;
}

fn tick(state: &mut State) {
    if !state.playing {
        return;
    }
    match destination(state, Target::Row, Direction::Forward) {
        Some(row) => state.cursor = row,
        None => state.playing = false,
    }
}

/// Asks what fails without each line of what a side runs.
fn ask_lines(state: &mut State, side: Side) {
    if let Some(config) = state.shown(side) {
        state.explore = state.explore.asking(Question::Lines(config));
    }
}

fn open(state: &mut State, overlay: Overlay) {
    if matches!(overlay, Overlay::Inject(_)) {
        state.playing = false;
    }
    match overlay {
        Overlay::Limits => state.limits = std::mem::take(&mut state.limits).opened(),
        Overlay::Claims => state.explore = state.explore.asking(Question::Claims(claimed(state))),
        Overlay::Lines if state.listed().is_none() => return,
        Overlay::Lines => ask_lines(state, state.side),
        _ => {}
    }
    state.overlay = overlay;
    ask(state);
}

#[cfg(test)]
mod tests;
