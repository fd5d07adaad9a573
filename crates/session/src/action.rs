//! Everything a person can do, as values. A list of actions replays a session.

use crate::check::Report;
use crate::drafts::Memory;
use cr3_core::geometry::Geometry;
pub use cr3_core::linux::{Feature, Form};
use cr3_core::linux::{Handler, Handlers};
use cr3_core::scenario::{Nesting, Place, Vector};
use std::sync::Arc;

/// One of the two runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Side {
    /// The first form, shown left.
    #[default]
    Left,
    /// The second form, shown right.
    Right,
}

impl Side {
    /// Both, in the order in which they are shown.
    pub const BOTH: [Self; 2] = [Self::Left, Self::Right];

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }

    /// 0 for left, 1 for right.
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

/// Where to go from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Towards the end of the run.
    Forward,
    /// Towards its start.
    Backward,
}

/// What to look for when moving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The next row.
    Row,
    /// The next row at this nesting level or an outer one: steps over handlers.
    SameLevel,
    /// Several rows at once, as Page Up and Page Down do.
    Page,
    /// The first or last row.
    End,
    /// A row in which the runs differ.
    Difference,
    /// A row in which a run writes CR3.
    Cr3Write,
    /// A row in which a run invalidates translations.
    Flush,
    /// A row at which an event is delivered.
    Delivery,
}

/// Which aligned rows are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Filter {
    /// Every row.
    #[default]
    All,
    /// Rows that write CR3, change the TLB, or deliver an event.
    Translation,
    /// Rows in which the runs differ.
    Differences,
}

impl Filter {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::All, Self::Translation, Self::Differences];
}

/// A part of the inspector that is shown below CR3, one at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tab {
    /// The entries by PCID.
    #[default]
    Tlb,
    /// General registers, segments, control registers.
    Registers,
    /// The words above RSP.
    Stack,
}

impl Tab {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Tlb, Self::Registers, Self::Stack];
}

/// What the page shows on narrow screens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pane {
    /// The listing with its gutter.
    Code,
    /// Both runs, aligned.
    #[default]
    Runs,
    /// The machines at the cursor.
    Inspector,
}

impl Pane {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Code, Self::Runs, Self::Inspector];
}

/// Colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// What floats above the page. Esc closes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Overlay {
    /// Nothing.
    #[default]
    None,
    /// The list of keys.
    Keys,
    /// What is not modelled.
    Limits,
    /// The editor of the custom form.
    Editor,
    /// The step on which the two processors do not agree.
    Disagreement,
    /// What the page is made of, under which licences.
    About,
    /// The choice of several handlers.
    Handlers,
    /// The choice of a vector to inject there.
    Inject(Spot),
}

/// Where to inject: an instruction, and the very step if it was pointed at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The instruction boundary by name.
    pub place: Place,
    /// The aligned row; without one the next arrival at the place is meant.
    pub row: Option<usize>,
}

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
    /// Makes the second CPU wrong on purpose, to see that it is found.
    TestCheck,
    /// Says something to the person, for example that a link was copied.
    Tell(String),
}
