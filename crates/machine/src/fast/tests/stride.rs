//! A stride is its steps.

use super::{DATA, Everything, Inattentive, Watching};
use crate::observe::{Ordinary, Watched};
use crate::testbed::with_code;
use crate::{Machine, Observer, Register, Stepper};

/// Takes strides of up to one, two, and five steps in turn, and the same steps one by one. Both do the same, and what a
/// stride reports is the sum of what its steps report.
pub(super) fn by_strides(start: &Machine, steps: u32) {
    let [mut long, mut short] = [start, start].map(|start| Stepper::new(start.clone()));
    let mut taken = 0;
    for limit in [1, 2, 5].into_iter().cycle() {
        let mut whole = Inattentive::default();
        let result = long.stride(&mut whole, limit);
        let count = result.as_ref().map_or(1, |count| *count);
        assert!((1..=limit).contains(&count), "{count} of {limit} steps");
        let mut sum = Inattentive::default();
        for _ in 0..count {
            let hits = sum.ordinary.map_or(0, |ordinary| ordinary.hits);
            let stepped = short.step(&mut sum);
            assert_eq!(stepped, result.clone().map(|_| ()), "step {taken}");
            sum.ordinary = sum.ordinary.map(|last| Ordinary { count, hits: hits + last.hits, ..last });
        }
        assert_eq!((whole.ordinary, whole.told.0), (sum.ordinary, sum.told.0), "step {taken}");
        assert!(long.machine() == short.machine(), "step {taken}");
        taken += count;
        if taken >= steps || result.is_err() {
            break;
        }
    }
}

/// A stride ends at what is not ordinary, and where the observer asks for each step.
#[test]
fn a_stride_ends_before_what_is_not_ordinary() {
    // mov %rax,(%rbx); inc %eax; inc %eax; jmp to the first
    let mut machine = with_code(&[0x48, 0x89, 0x03, 0xff, 0xc0, 0xff, 0xc0, 0xeb, 0xf7]);
    machine.cpu.registers[Register::Rbx as usize] = DATA;
    let watching = |start, end| Watching { stores: Watched::range(start, end), heard: Vec::new(), ordinary: 0 };
    let mut stepper = Stepper::new(machine);
    let mut strides = |mut observer: &mut dyn Observer, limit: u32| -> Vec<u32> {
        (0..4).map(|_| stepper.stride(&mut observer, limit).expect("the code goes on")).collect()
    };
    // The first fetches decode, the first store walks, and the second searches the TLB.
    assert_eq!(strides(&mut (), 9), [1, 1, 1, 1]);
    assert_eq!(strides(&mut (), 9), [1, 9, 9, 9]);
    assert_eq!(strides(&mut watching(DATA, DATA + 1), 9), [1, 3, 1, 3]);
    assert_eq!(strides(&mut watching(DATA, DATA + 1), 2), [1, 2, 1, 1]);
    assert_eq!(strides(&mut Everything::default(), 9), [1, 1, 1, 1]);
}
