//! How deep in handlers a run is.

/// The handlers that have not returned, outermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nest {
    frames: Vec<Frame>,
}

/// What a handler interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frame {
    stack: u64,
    cpl: u8,
}
