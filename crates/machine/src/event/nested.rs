//! Exceptions during the delivery of another (SDM vol. 3A tables 6-4 and 6-5).

use super::Event;
use crate::fault::{Class, Exception, Fault};

/// The outcome of an exception that arises while the processor delivers another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The second is delivered. The first is lost, and recurs if its instruction runs again.
    Serial,
    /// Both become one #DF.
    DoubleFault,
    /// The processor shuts down: a triple fault.
    Shutdown,
}

/// Class of an event. Software and external interrupts are benign.
fn class(event: Event) -> Class {
    match event {
        Event::Exception(exception) => exception.class(),
        Event::Interrupt(_) | Event::Software(_) => Class::Benign,
    }
}

/// The rule of table 6-5.
pub fn outcome(first: Event, second: Exception) -> Outcome {
    match (class(first), second.class()) {
        (_, Class::Benign) | (Class::Benign, _) | (Class::Contributory, Class::PageFault) => Outcome::Serial,
        (Class::DoubleFault, _) => Outcome::Shutdown,
        (Class::Contributory | Class::PageFault, _) => Outcome::DoubleFault,
    }
}

/// The double fault that replaces two exceptions.
pub(super) fn double_fault(first: Event, second: Exception) -> Fault {
    let first = match first {
        Event::Exception(exception) => exception.name(),
        Event::Interrupt(_) | Event::Software(_) => "an interrupt",
    };
    let cause = format!("{} while {first} was delivered", second.name());
    Fault::with_code(Exception::DoubleFault, 0, cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Exception::*;

    const BENIGN: [Exception; 11] = [
        Debug,
        Nmi,
        Breakpoint,
        Overflow,
        BoundRange,
        InvalidOpcode,
        DeviceNotAvailable,
        X87,
        AlignmentCheck,
        MachineCheck,
        Simd,
    ];
    const CONTRIBUTORY: [Exception; 5] = [DivideError, InvalidTss, SegmentNotPresent, StackSegment, GeneralProtection];

    fn check(first: &[Exception], second: &[Exception], expected: Outcome) {
        for &first in first {
            for &second in second {
                let found = outcome(Event::Exception(first), second);
                assert_eq!(found, expected, "{} then {}", first.name(), second.name());
            }
        }
    }

    #[test]
    fn table_6_5_holds_for_every_pair() {
        let page = &[PageFault];
        let double = &[DoubleFault];
        check(&BENIGN, &BENIGN, Outcome::Serial);
        check(&BENIGN, &CONTRIBUTORY, Outcome::Serial);
        check(&BENIGN, page, Outcome::Serial);
        check(&CONTRIBUTORY, &BENIGN, Outcome::Serial);
        check(&CONTRIBUTORY, &CONTRIBUTORY, Outcome::DoubleFault);
        check(&CONTRIBUTORY, page, Outcome::Serial);
        check(page, &BENIGN, Outcome::Serial);
        check(page, &CONTRIBUTORY, Outcome::DoubleFault);
        check(page, page, Outcome::DoubleFault);
        check(double, &BENIGN, Outcome::Serial);
        check(double, &CONTRIBUTORY, Outcome::Shutdown);
        check(double, page, Outcome::Shutdown);
    }

    #[test]
    fn interrupts_are_benign() {
        for event in [Event::Interrupt(0x20), Event::Software(8), Event::Software(14)] {
            assert_eq!(outcome(event, GeneralProtection), Outcome::Serial);
            assert_eq!(outcome(event, PageFault), Outcome::Serial);
        }
    }
}
