//! Everything a person can do, as values. A list of actions replays a session.

use crate::check::Report;
use crate::choice::{Direction, Feature, Filter, Form, Landing, Overlay, Pane, Scope, Side, Spot, Tab, Target, Theme};
use crate::drafts::Memory;
use crate::explore::Told;
use cr3_core::explore::Assumption;
use cr3_core::geometry::Geometry;
use cr3_core::linux::{Handler, Handlers};
use cr3_core::promises::Promise;
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
    /// Turns a feature over.
    ToggleFeature(Feature),
    /// Runs other handlers.
    SetHandler(Handlers),
    /// Puts a handler in or takes it out.
    ToggleHandler(Handler),
    /// Runs on another TLB.
    SetGeometry(Geometry),
    /// Replaces the schedule by its text form.
    EditSchedule(String),
    /// Adds an injection. At a row, its nesting and its position in the schedule follow from the run; elsewhere it
    /// comes last, nested as given.
    Inject(Spot, Vector, Nesting),
    /// Takes an injection out of the schedule by index.
    RemoveInjection(usize),
    /// Replaces the text of the custom form; it runs when a side has [`Form::Custom`].
    EditDraft(String),
    /// Takes what was typed into the editor when it went away; with the text that it was typed over. Where another link
    /// has been opened since, its text stays and the typed one is put aside.
    LeaveDraft(Arc<str>, String),
    /// Edits the text with this index among those that are put aside, and puts the present one aside.
    TakeDraft(usize),
    /// Forgets the text with this index among those that are put aside.
    ForgetDraft(usize),
    /// What the browser does with the texts that it should keep.
    Remember(Memory),
    /// Goes to an aligned row.
    Seek(usize),
    /// Looks for a row in a direction.
    Move(Target, Direction),
    /// Starts or stops running.
    TogglePlay,
    /// The next row while running; ignored otherwise.
    Tick,
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
    /// Reads in the listing from an instruction on; if it follows, the next move of the cursor ends it.
    Browse(Place),
    /// Shows all counters or only the first.
    ToggleCounters,
    /// Chooses the colours.
    SetTheme(Theme),
    /// Turns single-letter keys on or off (WCAG 2.1.4).
    ToggleShortcuts,
    /// Opens what floats above the page.
    Open(Overlay),
    /// Closes it.
    Close,
    /// Takes the notice away.
    Dismiss,
    /// Lets a second CPU follow the runs, or stops that.
    ToggleCheck,
    /// What the second CPU tells about the recording with this ticket.
    Checked(u32, Report),
    /// Tries every single injection on the form of a side, on both processors.
    Sweep(Side),
    /// Stops that.
    StopSweep,
    /// Shows the run of a swept schedule where it goes wrong on that side.
    OpenSwept(Side, String),
    /// Makes the second CPU wrong on purpose, to see that it is found.
    TestCheck,
    /// Chooses which systems the explorer judges.
    SetScope(Scope),
    /// Makes an assumption, or does not make it any more.
    ToggleAssumption(Assumption),
    /// What the search with this ticket tells.
    Explored(u32, Told),
    /// Shows the run of the schedule that breaks a promise on a side.
    OpenCounterexample(Side, Promise, Landing),
    /// Says something to the person, for example that a link was copied.
    Tell(String),
}
