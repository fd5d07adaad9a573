//! Exceptions, NMI and interrupts: what may strike, and how the processor enters a handler (SDM vol. 3A chapter 6).

use super::fault::{Exception, Stop};
use super::{Machine, Observer};

/// Something that strikes at an instruction boundary, or that an instruction raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Event {
    /// An exception or NMI.
    Exception(Exception),
    /// A maskable external interrupt with its vector.
    Interrupt(u8),
    /// INT n, INT3 (vector 3) of software.
    Software(u8),
}

/// Why an event may not be injected here and now, with the architectural reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// One sentence with the manual's section.
    pub reason: String,
}

/// Whether `event` may strike `machine` at this boundary; `None` means it may.
pub fn refusal(machine: &Machine, event: Event) -> Option<Refusal> {
    let _ = (machine, event);
    None
}

/// Delivers `event` from outside at this instruction boundary: frame pushed through the page tables of the current CR3.
///
/// # Errors
/// [`Stop::Shutdown`] on a triple fault or a machine check during a machine check.
pub fn deliver<O: Observer>(
    machine: &mut Machine,
    event: Event,
    error_code: Option<u32>,
    observer: &mut O,
) -> Result<(), Stop> {
    let _ = (machine, event, error_code, observer);
    Ok(())
}
