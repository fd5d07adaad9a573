//! When an event may not strike, and why.

use super::Event;
use crate::bits::cr4;
use crate::cpu::{Events, Shadow};
use crate::fault::Exception;
use crate::rflags::IF;
use crate::{Cpu, CpuFeatures};

/// Whether an NMI has to wait in its latch.
pub(super) fn nmi_waits(events: &Events) -> bool {
    events.nmi_blocked || events.shadow == Shadow::MovSs
}

/// Why `event` may not strike at this boundary, as one sentence with the manual's section; `None` if it may.
pub fn refusal_reason(cpu: &Cpu, event: Event) -> Option<&'static str> {
    if cpu.events.shut_down {
        return Some("the processor is shut down, and only a reset ends that here (SDM vol. 3A 6.15, #DF)");
    }
    match event {
        Event::Exception(Exception::Nmi) => nmi_reason(&cpu.events),
        Event::Exception(Exception::MachineCheck) => machine_check_reason(cpu),
        Event::Exception(Exception::Debug) => debug_reason(&cpu.events),
        Event::Exception(Exception::VmmCommunication) => communication_reason(&cpu.features),
        Event::Exception(_) => None,
        Event::Interrupt(vector) => interrupt_reason(cpu, vector),
        Event::Software(_) => Some("INT n is an instruction and does not strike from outside (SDM vol. 3A 6.4.4)"),
    }
}

fn nmi_reason(events: &Events) -> Option<&'static str> {
    if events.nmi_blocked {
        Some("NMIs are blocked from the delivery of one until the next IRET (SDM vol. 3A 6.7.1)")
    } else if events.shadow == Shadow::MovSs {
        Some("the instruction after MOV SS or POP SS comes first (SDM vol. 3A 6.8.3)")
    } else {
        None
    }
}

/// Why a machine check would shut the processor down instead of entering its handler.
pub(super) fn machine_check_reason(cpu: &Cpu) -> Option<&'static str> {
    if cpu.events.machine_check_in_progress {
        Some(
            "a machine check is in progress: a second one while IA32_MCG_STATUS.MCIP is set shuts the processor down \
             (SDM vol. 3B 15.3.1.2)",
        )
    } else if cpu.cr4 & cr4::MCE == 0 {
        Some("CR4.MCE is clear: a machine check shuts the processor down (SDM vol. 3A 2.5)")
    } else {
        None
    }
}

fn debug_reason(events: &Events) -> Option<&'static str> {
    (events.shadow == Shadow::MovSs)
        .then_some("debug exceptions wait for the instruction after MOV SS or POP SS (SDM vol. 3A 6.8.3)")
}

fn communication_reason(features: &CpuFeatures) -> Option<&'static str> {
    (!features.sev_es).then_some("#VC arises in SEV-ES guests only (AMD APM vol. 2 15.35.5)")
}

fn interrupt_reason(cpu: &Cpu, vector: u8) -> Option<&'static str> {
    if vector < 16 {
        Some("external interrupts have vectors from 16 (SDM vol. 3A 10.5.2)")
    } else if cpu.rflags & IF == 0 {
        Some("RFLAGS.IF is clear: maskable interrupts wait (SDM vol. 3A 6.8.1)")
    } else if cpu.events.shadow != Shadow::None {
        Some("the instruction after STI, MOV SS or POP SS comes first (SDM vol. 3A 6.8.3; vol. 2B, STI)")
    } else if u64::from(vector >> 4) <= cpu.cr8 {
        Some("the task priority in CR8 is not below the priority of the vector (SDM vol. 3A 10.8.3.1)")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testbed;

    const NMI: Event = Event::Exception(Exception::Nmi);
    const DEBUG: Event = Event::Exception(Exception::Debug);
    const MACHINE_CHECK: Event = Event::Exception(Exception::MachineCheck);
    const DOUBLE_FAULT: Event = Event::Exception(Exception::DoubleFault);
    const COMMUNICATION: Event = Event::Exception(Exception::VmmCommunication);
    const TIMER: Event = Event::Interrupt(0xec);

    /// Asserts which of the six events are refused after `change`.
    fn check(change: fn(&mut Cpu), refused: &[Event]) {
        let mut machine = testbed::machine();
        machine.cpu.rflags |= IF;
        change(&mut machine.cpu);
        for event in [NMI, DEBUG, MACHINE_CHECK, DOUBLE_FAULT, COMMUNICATION, TIMER] {
            let found = refusal_reason(&machine.cpu, event);
            assert_eq!(found.is_some(), refused.contains(&event), "{event:?}: {found:?}");
            assert!(found.is_none_or(|reason| reason.contains("SDM vol. 3") || reason.contains("APM vol. 2")));
        }
    }

    #[test]
    fn only_the_architecture_refuses() {
        check(|_| (), &[]);
        check(|cpu| cpu.rflags &= !IF, &[TIMER]);
        check(|cpu| cpu.cr8 = 14, &[TIMER]);
        check(|cpu| cpu.events.shadow = Shadow::Sti, &[TIMER]);
        check(|cpu| cpu.events.shadow = Shadow::MovSs, &[NMI, DEBUG, TIMER]);
        check(|cpu| cpu.events.nmi_blocked = true, &[NMI]);
        check(|cpu| cpu.events.machine_check_in_progress = true, &[MACHINE_CHECK]);
        check(|cpu| cpu.cr4 &= !cr4::MCE, &[MACHINE_CHECK]);
        check(|cpu| cpu.features.sev_es = false, &[COMMUNICATION]);
        let all = [NMI, DEBUG, MACHINE_CHECK, DOUBLE_FAULT, COMMUNICATION, TIMER];
        check(|cpu| cpu.events.shut_down = true, &all);
    }

    #[test]
    fn software_interrupts_are_instructions() {
        assert!(refusal_reason(&testbed::machine().cpu, Event::Software(3)).is_some());
    }
}
