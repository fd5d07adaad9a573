//! One short function per instruction, grouped by kind.

use super::fault::Stop;
use super::{Machine, Observer};

/// Executes one instruction, or delivers the exception it raised, or a latched NMI that became deliverable.
///
/// # Errors
/// [`Stop`] when the machine cannot go on.
pub fn step<O: Observer>(machine: &mut Machine, observer: &mut O) -> Result<(), Stop> {
    let _ = (machine, observer);
    Ok(())
}
