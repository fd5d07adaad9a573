//! Actions that show a run of which something else speaks: a counterexample, a claim, a line of a macro.

use super::{put_aside, replace_custom, rerun};
use crate::aim::Aim;
use crate::choice::{Filter, Form, Landing, Overlay, Pane, Side};
use crate::counterexample::Counterexample;
use crate::setup::Setup;
use crate::state::State;
use crate::study::Without;
use cr3_core::claims::{Claim, Show, Subject};
use cr3_core::geometry::Geometry;
use cr3_core::linux::Config;
use cr3_core::promises::Promise;
use cr3_core::scenario::Scenario;
use std::sync::Arc;

/// Shows the very system and schedule that break the promise. What the explorer says stays, where it is about this system too.
pub(super) fn open_counterexample(state: &mut State, side: Side, promise: Promise, landing: Landing) {
    let Some(found) = state.explore.side(side).counterexample(promise).cloned() else { return };
    visit(state, side, Aim::Counterexample(side, landing, found.step), |setup| set_counterexample(setup, &found));
}

/// Runs something and looks at all of it.
fn visit(state: &mut State, side: Side, aim: Aim, change: impl FnOnce(&mut Setup)) {
    state.side = side;
    state.pane = Pane::Runs;
    state.filter = Filter::All;
    state.overlay = Overlay::None;
    state.browsed = None;
    rerun(state, aim, change);
}

fn set_counterexample(setup: &mut Setup, found: &Counterexample) {
    setup.features = found.features;
    setup.handler = found.handler;
    setup.geometry = Geometry::default();
    setup.schedule = found.schedule.clone();
}

pub(super) fn shown(id: u32, index: usize) -> Option<Show> {
    Claim::numbered(id)?.shows.get(index).copied()
}

/// Shows both runs of a claim, those of the person's macro where the claims were judged with it.
pub(super) fn open_claim(state: &mut State, id: u32, index: usize) {
    let Some(Show { forms, scene, .. }) = shown(id, index) else { return };
    let subject = state.explore.studies.claims.subject.as_deref().map_or(Form::E, |subject| subject.form);
    let Scenario { config, schedule } = scene.scenario(subject);
    let forms = forms.map(|form| if form == Form::E { subject } else { form });
    let (features, kernel, handler, geometry) = (config.features, config.kernel, config.handler, config.geometry);
    visit(state, Side::Right, Aim::Claim(id, index), |next| {
        *next = Setup { forms, features, kernel, handler, geometry, schedule, ..next.clone() };
    });
}

/// Looks at what a claim shows.
pub(super) fn look(state: &mut State, id: u32, index: usize) {
    let Some(Show { look, .. }) = shown(id, index) else { return };
    let [left, right] = Side::BOTH.map(|side| state.runs.trace(side));
    let Some((at, step)) = left.zip(right).map(|(left, right)| look.of([left, right])) else { return };
    state.side = Side::BOTH[at];
    state.cursor = state.runs.row_of(state.side, step).unwrap_or(state.cursor);
}

/// The form, the counterexample to it without the line of that index, and the text without that line.
pub(super) fn broken_without(state: &State, index: usize) -> Option<(Form, Counterexample, Arc<str>)> {
    let study = &state.explore.studies.lines;
    match &study.answers.get(index)?.without {
        Without::Breaks(found, text) => Some((study.subject.as_ref()?.form, found.clone(), text.clone())),
        _ => None,
    }
}

/// Shows the form without a line beside the form. A person's own form gives way to the text without the line, and is put aside.
pub(super) fn open_line(state: &mut State, index: usize) {
    let Some((form, found, text)) = broken_without(state, index) else { return };
    let kernel = state.explore.studies.lines.subject.as_ref().map(|config| config.kernel);
    let place = |form| Side::BOTH.into_iter().find(|side| state.setup.forms[side.index()] == form);
    let side = match form {
        Form::Custom => place(form).unwrap_or(Side::Right),
        form => place(form).map_or(Side::Right, Side::other),
    };
    if *state.custom.of(side) != text {
        let before = state.custom.of(side).clone();
        replace_custom(state, side, text);
        put_aside(state, before);
    }
    visit(state, side, Aim::Counterexample(side, Landing::Failure, found.step), |setup| {
        if form != Form::Custom {
            setup.forms[side.other().index()] = form;
        }
        setup.forms[side.index()] = Form::Custom;
        setup.own[side.index()] = setup.own[side.index()].with_text();
        setup.kernel = kernel.filter(|kernel| *kernel != setup.kernel_of(side)).unwrap_or(setup.kernel);
        set_counterexample(setup, &found);
    });
}

/// What the claims are about: form E, or the person's macro if a side runs it.
pub(super) fn claimed(state: &State) -> Subject {
    let runs_own = |side: &Side| state.setup.forms[side.index()] == Form::Custom && state.runs.trace(*side).is_some();
    let Some(side) = Side::BOTH.into_iter().find(runs_own) else { return Subject::default() };
    let Config { base, custom, .. } = state.setup.scenario(side, &state.custom).config;
    Subject::on(base, custom)
}
