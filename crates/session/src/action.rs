//! Everything a person can do, as values. A list of actions replays a session.

use crate::assembly::Answer;
use crate::check::Report;
use crate::choice::{
    Against, Direction, Feature, Filter, Form, Goal, Landing, Match, Overlay, Own, Pace, Pane, Scope, Side, Spot, Tab,
    Target, Theme,
};
use crate::document::{Document, Paper};
use crate::drafts::Memory;
use crate::explore::{Message, wire};
use crate::panes::{Divider, Resize};
use crate::stops::Stop;
use crate::tree;
use crate::zoom::Zoom;
use cr3_core::geometry::Geometry;
use cr3_core::linux::{Handler, Handlers};
use cr3_core::promises::Promise;
use cr3_core::query::Assumption;
use cr3_core::scenario::{Nesting, Place, Vector};
use std::sync::Arc;

/// What a person did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Opens a link: the part of the address after `#`.
    OpenLink(String),
    /// Opens a story by its index in [`crate::story::STORIES`].
    OpenStory(usize),
    /// Runs another form on one side.
    SetForm(Side, Form),
    /// Shows the right form left and the left one right.
    SwapForms,
    /// Switches a feature on or off.
    ToggleFeature(Feature),
    /// Runs other handlers.
    SetHandler(Handlers),
    /// Adds or removes a handler.
    ToggleHandler(Handler),
    /// Runs on another TLB.
    SetGeometry(Geometry),
    /// Replaces the schedule by its text form.
    EditSchedule(String),
    /// Adds an injection. At a row, its nesting and its position in the schedule follow from the run; elsewhere it
    /// comes last, nested as given.
    Inject(Spot, Vector, Nesting),
    /// Removes an injection from the schedule by index.
    RemoveInjection(usize),
    /// Runs another text as the custom form of a side.
    SetOwn(Side, Own),
    /// What the worker that reads kernel trees tells.
    Tree(tree::Message),
    /// The result for the text that was asked for under this ticket.
    Assembled(u32, Answer),
    /// What assembles does not work: why.
    NotAssembled(String),
    /// Replaces the text that is edited. It runs if its side has [`Form::Custom`].
    EditDraft(String),
    /// A text came from elsewhere, as when it is dropped: it takes the place of the edited one, which is put aside.
    TakeText(String),
    /// Takes what was in the editor when it disappeared, and the text that it replaced. If another link has been opened
    /// since, that link's text stays and the typed one is put aside.
    LeaveDraft(Arc<str>, String),
    /// Edits the text of a side.
    SetEdited(Side),
    /// Asks what fails without each line of the edited text.
    AskLines,
    /// Shows the edited text against another.
    SetAgainst(Against),
    /// Edits what the other side has, and puts the text aside that it replaces.
    TakeOtherText,
    /// Edits the text with this index among those put aside, and puts the current one aside.
    TakeDraft(usize),
    /// Forgets the text with this index among those put aside.
    ForgetDraft(usize),
    /// What the browser does with the texts to keep.
    Remember(Memory),
    /// Calls what is on display so; the link and the report say it.
    SetTitle(String),
    /// Notes something at a row, or nothing any more.
    SetNote(usize, String),
    /// Goes to an aligned row.
    Seek(usize),
    /// Looks for a row in a direction.
    Move(Target, Direction),
    /// Runs in a direction; the same again pauses.
    Run(Direction),
    /// Runs to a row or to an instruction, unless a stop comes first.
    RunTo(Goal),
    /// Runs no longer.
    Pause,
    /// Goes on by this many rows while running; ignored otherwise.
    Tick(usize),
    /// Runs at another pace.
    SetPace(Pace),
    /// Sets a stop, or takes it away.
    ToggleStop(Stop),
    /// Shows more or fewer rows in the timeline.
    Zoom(Zoom),
    /// Gives a pane another width.
    Resize(Divider, Resize),
    /// Searches for something else.
    Search(String),
    /// Goes to the next match of the search in a direction.
    Find(Direction),
    /// Goes to what the search found, and leaves it.
    TakeFound(Match),
    /// Lists other rows.
    SetFilter(Filter),
    /// Chooses the side that narrow windows show.
    SetSide(Side),
    /// Chooses the part of the inspector.
    SetTab(Tab),
    /// Chooses the pane that narrow windows show.
    SetPane(Pane),
    /// Chooses whether the listing scrolls to the current instruction.
    ToggleFollow,
    /// Reads in the listing from an instruction on. If the listing follows, the next move of the cursor ends this.
    Browse(Place),
    /// Shows all counters or only the first.
    ToggleCounters,
    /// Chooses the colours.
    SetTheme(Theme),
    /// Turns single-letter keys on or off (WCAG 2.1.4).
    ToggleShortcuts,
    /// Lets the explorer judge by itself, or not.
    ToggleJudging,
    /// Opens an overlay.
    Open(Overlay),
    /// Closes it.
    Close,
    /// A text beside the page, as it was fetched.
    TakePaper(Paper, Document),
    /// Removes the notice.
    Dismiss,
    /// Lets a second CPU follow the runs, or stops it.
    ToggleCheck,
    /// A report of the second CPU about the recording with this ticket.
    Checked(u32, Report),
    /// Tries every single injection on the form of a side, on both processors.
    Sweep(Side),
    /// Stops the sweep.
    StopSweep,
    /// Shows the run of a swept schedule on that side, where it goes wrong.
    OpenSwept(Side, String),
    /// Makes the second CPU wrong on purpose, to show that the check finds it.
    TestCheck,
    /// Chooses which systems the explorer judges.
    SetScope(Scope),
    /// Makes an assumption, or does not make it any more.
    ToggleAssumption(Assumption),
    /// Lets searches go so far: they go deeper while the page rests.
    SearchAt(wire::Pace),
    /// What the search with this ticket tells.
    Explored(u32, Message),
    /// Shows the run of the schedule that breaks a promise on a side.
    OpenCounterexample(Side, Promise, Landing),
    /// Shows the runs of the claim with this number at the step that it speaks of: those with this index.
    OpenClaim(u32, usize),
    /// Shows the run that breaks a promise without the line of this index, beside the form that has it.
    OpenLine(usize),
    /// Shows a notice, for example that a link was copied.
    Tell(String),
}
