//! What events cost on each processor, with the sources and their doubts.

use super::{Cycles, Figure, Profile};
use crate::linux::Geometry;
use crate::machine::tlb::geometry::{self, Hierarchy};

/// The low end is the smaller of two reloads in a system call on an unnamed processor with a time-stamp counter of 1.8 GHz (+92 and +70
/// ticks, a header of a hobby operating system that stops the time of system calls); the documentation of Linux says "order of a hundred
/// cycles" (Documentation/arch/x86/pti.rst). The high end is an assumption: no figure that names its processor was found.
pub const CR3_WRITE: Figure = Figure {
    cycles: Cycles::new(70, 250),
    source: "pti.rst: order of a hundred cycles; +70 and +92 ticks on an unnamed processor",
    doubt: "no figure for this processor, and the high end is an assumption; nobody has published a flushing and a no-flush write of the same one, so both have this range here",
};

/// Averages of walks that mostly hit the caches: Gregg's tlbstat on a c5.9xlarge, 15.9 for fetches and 17.4 for data; Lutomirski's patch
/// mail for PCIDs, 4.4 us for 512 pages at 2.3 GHz under KVM.
const SKYLAKE_WALK: Figure = Figure {
    cycles: Cycles::new(16, 20),
    source: "tlbstat on a c5.9xlarge: 15.9 and 17.4 on average; about 20 from a benchmark in the patch mail for PCIDs",
    doubt: "averages of walks that hit the caches; a cold walk is said to cost up to 1000, without naming a processor",
};

const WALK: Figure = Figure { doubt: "measured on Skylake only, on average and with warm caches", ..SKYLAKE_WALK };

const SKYLAKE_INVPCID: Figure = Figure {
    cycles: Cycles::new(350, 350),
    source: "Dave Hansen, linux-kernel, December 2017: about 350 for each page",
    doubt: "a single figure",
};

const fn without_figures(hierarchy: &'static Hierarchy, facts: &'static str) -> Profile {
    Profile { hierarchy, facts, cr3_write: CR3_WRITE, page_walk: WALK, invpcid: None }
}

/// Every processor, in the order of [`geometry::PROCESSORS`].
pub static PROFILES: [Profile; 8] = [
    without_figures(&geometry::SANDY_BRIDGE, "PCID, no INVPCID; needs page-table isolation"),
    without_figures(&geometry::HASWELL, "PCID and INVPCID; needs page-table isolation"),
    Profile {
        hierarchy: &geometry::SKYLAKE,
        facts: "PCID and INVPCID; needs page-table isolation",
        cr3_write: CR3_WRITE,
        page_walk: SKYLAKE_WALK,
        invpcid: Some(SKYLAKE_INVPCID),
    },
    without_figures(&geometry::ICE_LAKE, "PCID and INVPCID; does not need page-table isolation"),
    without_figures(
        &geometry::GOLDEN_COVE,
        "PCID and INVPCID, off in Linux on Alder Lake; does not need page-table isolation",
    ),
    without_figures(&geometry::ZEN_2, "neither PCID nor INVPCID; does not need page-table isolation"),
    without_figures(&geometry::ZEN_3, "INVPCID, and PCID in server parts only; does not need page-table isolation"),
    without_figures(&geometry::ZEN_4, "INVPCID, and PCID in server parts only; does not need page-table isolation"),
];

/// The profile of a TLB model; none for the unbounded ones, which are no processor.
pub fn profile(geometry: Geometry) -> Option<&'static Profile> {
    let hierarchy = geometry.hierarchy()?;
    PROFILES.iter().find(|profile| std::ptr::eq(profile.hierarchy, hierarchy))
}
