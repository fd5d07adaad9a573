//! Which actions would change anything.

use super::moving::{destination, matching, zoomed};
use super::texts::is_another;
use super::visit::{broken_without, shown};
use super::{can_start, differ, running};
use crate::action::Action;
use crate::check::Stage;
use crate::choice::{Form, Overlay};
use crate::link;
use crate::setup::Setup;
use crate::state::State;
use crate::story::STORIES;

/// Whether an action would change anything. This decides whether its button is enabled.
#[must_use]
pub fn is_valid(state: &State, action: &Action) -> bool {
    match action {
        Action::OpenStory(index) => STORIES.get(*index).is_some_and(|story| story.setup() != *state.setup),
        Action::SetForm(side, form) => state.setup.forms[side.index()] != *form,
        Action::SetOwn(side, own) => {
            let set = Setup { forms: [Form::Custom; 2], own: [*own; 2], ..(*state.setup).clone() };
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
        Action::Run(direction) => running::can_run(state, *direction),
        Action::RunTo(goal) => running::row_of(state, goal).is_some_and(|row| row != state.cursor),
        Action::Pause => state.run.is_some(),
        Action::Tick(rows) => state.run.is_some() && *rows > 0,
        Action::SetPace(pace) => state.pace != *pace,
        Action::Zoom(zoom) => zoomed(state, *zoom) != state.zoom,
        Action::Resize(divider, resize) => state.settings.panes.resized(*divider, *resize) != state.settings.panes,
        Action::Search(query) => state.query != *query,
        Action::Find(direction) => matching(state, *direction).is_some(),
        Action::SetFilter(filter) => state.filter != *filter,
        Action::SetSide(side) => state.side != *side,
        Action::SetTab(tab) => state.tab != *tab,
        Action::SetPane(pane) => state.pane != *pane,
        Action::SetTheme(theme) => state.settings.theme != *theme,
        Action::Open(Overlay::Lines) => state.overlay != Overlay::Lines && state.runs.trace(state.side).is_some(),
        Action::Open(overlay) => state.overlay != *overlay,
        Action::Close => state.overlay != Overlay::None,
        Action::TakePaper(paper, document) => state.papers.of(*paper) != document,
        Action::Dismiss => state.notice.is_some(),
        Action::Sweep(side) => can_start(state) && state.runs.trace(*side).is_some(),
        Action::TestCheck => can_start(state),
        Action::StopSweep => state.check.sweep.as_ref().is_some_and(|sweep| sweep.stage == Stage::Running),
        Action::Browse(place) => state.browsed.as_ref() != Some(place) && state.runs.unknown(place).is_none(),
        Action::Checked(ticket, report) => state.check.informed(*ticket, report.clone()) != state.check,
        Action::SetScope(scope) => state.explore.scope != *scope,
        Action::SearchAt(pace) => state.explore.pace != *pace,
        Action::Explored(ticket, message) => state.explore.informed(*ticket, message) != state.explore,
        Action::OpenCounterexample(side, promise, _) => state.explore.side(*side).counterexample(*promise).is_some(),
        Action::OpenClaim(id, index) => shown(*id, *index).is_some(),
        Action::OpenLine(index) => broken_without(state, *index).is_some(),
        Action::TakeDraft(index) | Action::ForgetDraft(index) => *index < state.aside.len(),
        Action::Remember(memory) => state.memory != *memory,
        Action::OpenLink(_)
        | Action::ToggleCheck
        | Action::ToggleStop(_)
        | Action::TakeFound(_)
        | Action::Tree(_)
        | Action::Assembled(..)
        | Action::NotAssembled(_)
        | Action::ToggleFeature(_)
        | Action::OpenSwept(..)
        | Action::EditSchedule(_)
        | Action::ToggleAssumption(_)
        | Action::Inject(..)
        | Action::EditDraft(_)
        | Action::TakeText(_)
        | Action::LeaveDraft(..)
        | Action::ToggleFollow
        | Action::ToggleCounters
        | Action::ToggleShortcuts
        | Action::ToggleJudging
        | Action::Tell(_) => true,
    }
}
