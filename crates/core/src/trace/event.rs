//! The names of events of a run.

use crate::machine::Event;

/// The manual's name for an event, or its vector.
pub fn event_name(event: Event) -> String {
    match event {
        Event::Exception(exception) => exception.name().to_owned(),
        Event::Interrupt(vector) => format!("IRQ {vector:#x}"),
        Event::Software(3) => "INT3".to_owned(),
        Event::Software(vector) => format!("INT {vector:#x}"),
    }
}
