//! What the page tables of the current CR3 alone map at a linear address: no TLB, no rights, no accessed flags, as a
//! debugger looks.

use crate::machine::paging::{self, End, Start};
use crate::machine::{Cpu, Memory};

/// Physical address in a paging-structure entry, bits 51:12 (SDM vol. 3A 4.5).
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// The physical address behind `linear`; none if nothing is mapped.
pub fn physical(cpu: &Cpu, memory: &Memory, linear: u64) -> Option<u64> {
    if !paging::canonical(cpu, linear) {
        return None;
    }
    let walk = paging::walk(cpu, memory, linear, Start::root(cpu));
    let End::Page { size, .. } = walk.end else { return None };
    let (leaf, offset) = (walk.steps().last()?.value, size.offset_mask());
    Some(leaf & ADDRESS & !offset | linear & offset)
}

/// The eight bytes at `linear`, which may lie in two pages.
pub fn read_u64(cpu: &Cpu, memory: &Memory, linear: u64) -> Option<u64> {
    if linear & 0xfff <= 0xff8 {
        return Some(memory.read_u64(physical(cpu, memory, linear)?));
    }
    let byte = |nth| Some(memory.read_u8(physical(cpu, memory, linear.wrapping_add(nth))?));
    (0..8).rev().try_fold(0, |value, nth| Some(value << 8 | u64::from(byte(nth)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::layout::{KERNEL_DATA, THREAD_STACK, THREAD_STACK_PHYSICAL, THREAD_STACK_TOP, image_physical};
    use crate::linux::{Config, boot};

    #[test]
    fn addresses_lead_where_the_kernel_has_mapped_them() {
        let mut machine = boot(&Config::default()).expect("the merged form").machine;
        let data = KERNEL_DATA + 0x12_3456;
        assert_eq!(physical(&machine.cpu, &machine.memory, data), None, "the user half has no kernel data");
        machine.cpu.cr3 &= !0x1fff;
        assert_eq!(physical(&machine.cpu, &machine.memory, data), Some(image_physical(data)), "in a large page");
        assert_eq!(physical(&machine.cpu, &machine.memory, data & u64::MAX >> 16), None, "not canonical");
        machine.memory.write_bytes(THREAD_STACK_PHYSICAL + 0xffd, &[1, 2, 3, 4, 5, 6, 7, 8]);
        let read = |linear| read_u64(&machine.cpu, &machine.memory, linear);
        assert_eq!(read(THREAD_STACK + 0xffd), Some(0x0807_0605_0403_0201), "in two pages");
        assert_eq!(read(THREAD_STACK + 0x1000), Some(0x0008_0706_0504));
        assert_eq!(read(THREAD_STACK_TOP - 4), None, "the second page is a guard page");
    }
}
