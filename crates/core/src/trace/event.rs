//! The names of events of a run.

use crate::machine::Event;
use crate::run::Origin;

/// The manual's name for an event, or its vector.
pub fn event_name(event: Event) -> String {
    match event {
        Event::Exception(_) => event.name().to_owned(),
        Event::Software(3) => "INT3".to_owned(),
        Event::Interrupt(vector) | Event::Software(vector) => format!("{} {vector:#x}", event.name()),
    }
}

/// An event and where it comes from, in words.
pub fn delivery(event: Event, origin: Origin) -> String {
    let name = event_name(event);
    match (origin, event) {
        (Origin::Trapped, Event::Software(_)) => format!("{name} enters its handler"),
        (Origin::Injected(_), _) => format!("{name} strikes"),
        (Origin::Faulted, _) => format!("{name} is delivered"),
        (Origin::Trapped, _) => format!("{name} follows the instruction"),
        (Origin::Latched, _) => format!("{name}, held until now, is delivered"),
    }
}
