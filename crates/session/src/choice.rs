//! What a person chooses from: sides, forms, filters, panes. Every other file may use these, and they use none.

use cr3_core::linux::{Base, Config, TreeId};
pub use cr3_core::linux::{Feature, Form};
use cr3_core::scenario::Place;

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

/// The target of a move.
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

impl Target {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Row,
        Self::SameLevel,
        Self::Page,
        Self::End,
        Self::Difference,
        Self::Cr3Write,
        Self::Flush,
        Self::Delivery,
    ];
}

/// How fast a run goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pace {
    /// One step a second.
    One,
    /// Ten.
    #[default]
    Ten,
    /// A hundred.
    Hundred,
    /// No step is shown but the last.
    AtOnce,
}

impl Pace {
    /// All, the slowest first.
    pub const ALL: [Self; 4] = [Self::One, Self::Ten, Self::Hundred, Self::AtOnce];

    /// Steps a second; none if no time passes.
    #[must_use]
    pub fn rate(self) -> Option<u32> {
        match self {
            Self::One => Some(1),
            Self::Ten => Some(10),
            Self::Hundred => Some(100),
            Self::AtOnce => None,
        }
    }

    /// The next faster one, or the next slower one; itself if there is none.
    #[must_use]
    pub fn beside(self, direction: Direction) -> Self {
        let index = self as usize;
        let index = match direction {
            Direction::Forward => index + 1,
            Direction::Backward => index.saturating_sub(1),
        };
        Self::ALL.get(index).copied().unwrap_or(self)
    }
}

/// What a person runs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// This row.
    Row(usize),
    /// The next arrival at this instruction, or the last one before.
    Place(Place),
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

/// A part of the inspector below CR3. One is shown at a time.
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

/// Which systems the explorer judges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The one on display.
    #[default]
    Displayed,
    /// Those of the standard set.
    Standard,
}

impl Scope {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Displayed, Self::Standard];
}

/// Where a counterexample is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Landing {
    /// At the step at which a promise is broken.
    Failure,
    /// Where the first exception strikes.
    Injection,
}

/// Whether the explorer judges what is on display without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judging {
    /// It does.
    ByItself,
    /// It does not.
    Off,
}

impl Judging {
    /// The other one.
    #[must_use]
    pub fn toggled(self) -> Self {
        match self {
            Self::ByItself => Self::Off,
            Self::Off => Self::ByItself,
        }
    }
}

/// Colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Theme {
    /// As the system chooses.
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
    /// The search.
    Find,
    /// What is not modelled.
    Limits,
    /// The editor of the custom form.
    Editor,
    /// The step on which the two processors disagree.
    Disagreement,
    /// The page's components and their licences.
    About,
    /// The choice of several handlers.
    Handlers,
    /// The schedules that break a promise.
    Counterexamples,
    /// What verdicts take for granted.
    Assumptions,
    /// The review thread, claim by claim.
    Claims,
    /// What each line of the listed form is for.
    Lines,
    /// Title, notes, and everything in which a comparison leaves the page.
    Report,
    /// The choice of a vector to inject there.
    Inject(Spot),
}

/// What the text of a person's own is shown against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Against {
    /// Nothing: the text as it is.
    #[default]
    Nothing,
    /// The form that it has most lines in common with.
    Base,
    /// The text of the other side.
    Other,
}

impl Against {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Nothing, Self::Base, Self::Other];
}

/// Where to inject: an instruction, and the exact step if the person pointed at one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The instruction boundary by name.
    pub place: Place,
    /// The aligned row. Without one, the next arrival at the place counts.
    pub row: Option<usize>,
}

/// The text of a side that runs [`Form::Custom`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Own {
    /// The person's own text on the built-in one.
    #[default]
    Text,
    /// A kernel tree as it stands.
    Tree(TreeId),
    /// The person's own text as an edit of a kernel tree.
    EditedTree(TreeId),
}

impl Own {
    /// What a configuration has.
    pub(crate) fn of(config: &Config) -> Self {
        match config.base {
            Base::Elsewhere(id) if config.custom.is_empty() => Self::Tree(id),
            Base::Elsewhere(id) => Self::EditedTree(id),
            Base::BuiltIn | Base::Tree(_) => Self::Text,
        }
    }

    /// The tree of it.
    #[must_use]
    pub fn tree(self) -> Option<TreeId> {
        match self {
            Self::Text => None,
            Self::Tree(id) | Self::EditedTree(id) => Some(id),
        }
    }

    /// Whether the person's own text is in it.
    #[must_use]
    pub fn has_text(self) -> bool {
        !matches!(self, Self::Tree(_))
    }

    /// The same with the person's own text.
    #[must_use]
    pub fn with_text(self) -> Self {
        match self {
            Self::Tree(id) => Self::EditedTree(id),
            other => other,
        }
    }

    /// The same without the person's own text, where that leaves a text.
    #[must_use]
    pub fn without_text(self) -> Self {
        match self {
            Self::EditedTree(id) => Self::Tree(id),
            other => other,
        }
    }
}

/// Something that a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// An aligned row.
    Row(usize),
    /// An instruction of the listed code that its run never executes.
    Code(Place),
}
