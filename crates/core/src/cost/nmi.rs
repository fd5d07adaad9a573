//! The cost of one CR3 write for each NMI.

use super::Cycles;

/// How often NMIs strike, and which of them count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// NMIs per second on one busy processor. perf record asks for 4000 by default; kernel.perf_event_max_sample_rate
    /// is 100,000 by default (kernel/events/core.c).
    pub nmis_per_second: f64,
    /// The share that strikes while the kernel's tables are loaded, from 0 to 1. Only those return without a CR3 write.
    pub kernel_share: f64,
    /// Cycles per second.
    pub hertz: f64,
}

/// A range of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The share of a processor's time, 0.01 for one percent: low and high.
    pub share: [f64; 2],
    /// Seconds per year of one processor: low and high.
    pub seconds_per_year: [f64; 2],
}

/// The formula of [`estimate`].
pub const FORMULA: &str =
    "share = NMIs per second x share that strikes in the kernel x cycles of each / cycles per second";

/// A year of 365.25 days.
const SECONDS_PER_YEAR: f64 = 31_557_600.0;

/// The share of a processor's time that `cycles` for each NMI in the kernel take.
pub fn estimate(load: Load, cycles: Cycles) -> Estimate {
    let share = |cycles: u64| load.nmis_per_second * load.kernel_share * cycles as f64 / load.hertz;
    let share = [share(cycles.low), share(cycles.high)];
    Estimate { share, seconds_per_year: share.map(|share| share * SECONDS_PER_YEAR) }
}
