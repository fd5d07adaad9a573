//! What the events of a run are called.

use crate::machine::Event;

/// An event by the name that the manual gives it, or by its vector.
pub fn event_name(event: Event) -> String {
    match event {
        Event::Exception(exception) => exception.name().to_owned(),
        Event::Interrupt(vector) => format!("IRQ {vector:#x}"),
        Event::Software(3) => "INT3".to_owned(),
        Event::Software(vector) => format!("INT {vector:#x}"),
    }
}
