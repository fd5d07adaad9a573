//! What is run: stories, forms, kernel trees, the schedule.

use super::{differ, record, rerun};
use crate::aim::Aim;
use crate::choice::{Filter, Form, Overlay, Own, Pane, Side};
use crate::setup::OwnTexts;
use crate::state::State;
use crate::story::STORIES;
use crate::tree;
use cr3_core::linux::sources::form_source;
use cr3_core::scenario::{Nesting, Schedule, Vector};
use std::rc::Rc;

pub(super) fn open_story(state: &mut State, index: usize) {
    // A story that is already open is not opened again: the person may have changed something in it.
    let Some(story) = STORIES.get(index).filter(|story| story.setup() != *state.setup) else {
        return;
    };
    rerun(state, Aim::Decisive, |setup| *setup = story.setup());
    state.filter = Filter::All;
    state.overlay = Overlay::None;
    // They are about something else. Back has them.
    (state.title, state.notes) = Default::default();
}

pub(super) fn set_form(state: &mut State, side: Side, form: Form) {
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
        state.papers.open(&Overlay::Editor);
        state.overlay = Overlay::Editor;
    }
}

/// A side without a text of its own takes that of the other side, which keeps it only if it runs it; without either, a
/// person starts from the macro that the side has.
fn begin(state: &mut State, side: Side) {
    state.edited = side;
    let other = side.other();
    if !state.custom.of(side).is_empty() {
        return;
    }
    if state.custom.of(other).is_empty() {
        let written = written(state, side).or_else(|| written(state, other));
        state.custom = state.custom.clone().with(side, written.unwrap_or_default().into());
    } else if state.setup.uses_text(other) {
        state.custom = OwnTexts::both(state.custom.of(other).clone());
    } else {
        state.custom = state.custom.clone().swapped();
    }
}

/// The text of the macro that a side has. The runs still show what a side had before while its form is being assembled, so
/// they are asked only for what nobody but them knows: the macro of a tree.
fn written(state: &State, side: Side) -> Option<String> {
    match state.setup.forms[side.index()] {
        Form::Custom => state.runs.restore_source(side),
        form => Some(form_source(form, "").text),
    }
}

pub(super) fn set_own(state: &mut State, side: Side, own: Own) {
    if own.has_text() {
        begin(state, side);
    }
    rerun(state, Aim::Step, |setup| {
        setup.forms[side.index()] = Form::Custom;
        setup.own[side.index()] = own;
    });
}

/// A tree that was opened runs on the right at once, unless a side waits for that very tree.
pub(super) fn of_tree(state: &mut State, message: tree::Message) {
    let opened = match &message {
        tree::Message::Opened(opened) => Some(opened.clone()),
        _ => None,
    };
    state.trees.take(message);
    if let Some(opened) = opened {
        if Side::BOTH.into_iter().all(|side| state.setup.tree(side) != Some(opened.id)) {
            let setup = Rc::make_mut(&mut state.setup);
            setup.forms[1] = Form::Custom;
            setup.own[1] = Own::Tree(opened.id);
            state.notice = Some(format!(
                "{} runs on the right: {} files of it were read, and nothing left this browser. A link cannot carry it; {}.",
                opened.release,
                opened.files,
                opened.c_side()
            ));
        }
        let of_trees = state.trees.kernels(state.setup.trees());
        Rc::make_mut(&mut state.setup).of_trees = of_trees;
        record(state, Aim::Step);
    }
}

pub(super) fn swap(state: &mut State) {
    if !differ(state) {
        return;
    }
    let setup = Rc::make_mut(&mut state.setup);
    setup.forms.swap(0, 1);
    setup.own.swap(0, 1);
    setup.of_trees.swap(0, 1);
    state.custom = state.custom.clone().swapped();
    state.edited = state.edited.other();
    state.schedule_draft = None;
    record(state, Aim::SameRow);
}

pub(super) fn edit_schedule(state: &mut State, text: String) {
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

pub(super) fn add(state: &mut State, schedule: Schedule, index: usize, vector: Vector) {
    rerun(state, Aim::Added(index, vector), |setup| setup.schedule = schedule);
    state.overlay = Overlay::None;
    state.browsed = None;
    state.pane = Pane::Runs;
}

pub(super) fn remove(state: &mut State, index: usize) {
    rerun(state, Aim::Step, |setup| {
        if index < setup.schedule.injections.len() {
            setup.schedule.injections.remove(index);
        }
        if let Some(first) = setup.schedule.injections.first_mut() {
            first.nesting = Nesting::After;
        }
    });
}
