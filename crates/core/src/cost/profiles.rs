//! The cost of events on each processor, with the sources and their doubts.

use super::{Cycles, Figure, Presence, Profile};
use crate::geometry::Geometry;
use crate::machine::tlb::geometry::{self, Hierarchy};

/// The low end is the smaller of two reloads in a system call on an unnamed processor with a time-stamp counter of 1.8
/// GHz: +92 and +70 ticks, in a header of a hobby operating system that times system calls. The documentation of Linux
/// says "order of a hundred cycles" (Documentation/arch/x86/pti.rst). The high end is an assumption: no published
/// figure names its processor.
pub const CR3_WRITE: Figure = Figure {
    cycles: Cycles::new(70, 250),
    source: "pti.rst: order of a hundred cycles; +70 and +92 ticks on an unnamed processor",
    doubt: "no figure for this processor, and the high end is an assumption; nobody has published a flushing and a no-flush write of the same one, so both have this range here",
};

/// The low end is an average of walks that mostly hit the caches. Gregg's tlbstat on a c5.9xlarge reports 15.9 for
/// fetches and 17.4 for data. Lutomirski's patch mail for PCIDs gives 20, with 4.4 us for 512 pages at 2.3 GHz under
/// KVM. The high end is for cold caches, and an assumption: no published figure names its processor. The mmu-handbook
/// says 720 to 1000, without naming a processor.
const SKYLAKE_WALK: Figure = Figure {
    cycles: Cycles::new(16, 200),
    source: "tlbstat on a c5.9xlarge: 15.9 and 17.4 on average; about 20 from a benchmark in the patch mail for PCIDs",
    doubt: "the low end is an average with warm caches, the high end an assumption for cold ones; the mmu-handbook has 720 to 1000 for a \
            cold walk, without naming a processor",
};

const WALK: Figure = Figure {
    doubt: "measured on Skylake only, on average and with warm caches; the high end is an assumption for cold ones; the mmu-handbook has \
            720 to 1000 for a cold walk, without naming a processor",
    ..SKYLAKE_WALK
};

const SKYLAKE_INVPCID: Figure = Figure {
    cycles: Cycles::new(350, 350),
    source: "Dave Hansen, linux-kernel, December 2017: about 350 for each page",
    doubt: "a single figure",
};

const fn without_figures(hierarchy: &'static Hierarchy, facts: &'static str, has: [Presence; 2]) -> Profile {
    let [has_pcid, has_invpcid] = has;
    Profile { hierarchy, facts, has_pcid, has_invpcid, cr3_write: CR3_WRITE, page_walk: WALK, invpcid: None }
}

/// Every processor, in the order of [`geometry::PROCESSORS`]. PCID and INVPCID: CPUID leaves 1 and 7 in InstLatx64 @ 087af2c7.
pub static PROFILES: [Profile; 8] = [
    without_figures(
        &geometry::SANDY_BRIDGE,
        "PCID, no INVPCID; needs page-table isolation",
        [Presence::Everywhere, Presence::Nowhere],
    ),
    without_figures(&geometry::HASWELL, "PCID and INVPCID; needs page-table isolation", [Presence::Everywhere; 2]),
    Profile {
        invpcid: Some(SKYLAKE_INVPCID),
        page_walk: SKYLAKE_WALK,
        ..without_figures(&geometry::SKYLAKE, "PCID and INVPCID; needs page-table isolation", [Presence::Everywhere; 2])
    },
    without_figures(
        &geometry::ICE_LAKE,
        "PCID and INVPCID; does not need page-table isolation",
        [Presence::Everywhere; 2],
    ),
    without_figures(
        &geometry::GOLDEN_COVE,
        "PCID and INVPCID, off in Linux on Alder Lake; does not need page-table isolation",
        [Presence::Partly("Linux turns it off on Alder Lake, which is Golden Cove"), Presence::Everywhere],
    ),
    without_figures(
        &geometry::ZEN_2,
        "neither PCID nor INVPCID; does not need page-table isolation",
        [Presence::Nowhere; 2],
    ),
    without_figures(
        &geometry::ZEN_3,
        "INVPCID, and PCID in server parts only; does not need page-table isolation",
        [Presence::Partly("of Zen 3 only server parts have it"), Presence::Everywhere],
    ),
    without_figures(
        &geometry::ZEN_4,
        "INVPCID, and PCID in server parts only; does not need page-table isolation",
        [Presence::Partly("of Zen 4 only server parts have it"), Presence::Everywhere],
    ),
];

/// The profile of a TLB model; none for the unbounded ones, which are no processor.
pub fn profile(geometry: Geometry) -> Option<&'static Profile> {
    let hierarchy = geometry.hierarchy()?;
    PROFILES.iter().find(|profile| std::ptr::eq(profile.hierarchy, hierarchy))
}
