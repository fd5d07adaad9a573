//! The playground in a browser: components that show the session's view data and send its actions.
//!
//! Invariant: nothing here knows what an instruction does or how Linux works. A component that would have to decide
//! something asks the session.
//!
//! Every list and every condition has its own element around it: Yew 0.23 recreates the siblings before a growing list
//! (yewstack/yew issue 3262), and they lose their focus and scroll position.

mod app;
mod effects;
mod overlay;
mod parts;
#[cfg(feature = "bench")]
mod speed;
mod store;
mod view;

pub use app::{App, open, open_with};
pub use effects::{begin, tell_panics};
#[cfg(feature = "bench")]
pub use speed::run_storm;
