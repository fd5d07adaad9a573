//! How long searches take, for `cr3play bench --explore`.

use super::{Measured, milliseconds};
use crate::diagnostic;
use crate::outcome::WrongUse;
use cr3_core::benchmark::{self, Length, Search};

fn measured(search: &Search, samples: u32) -> Result<Measured, WrongUse> {
    // Searches that take a minute or more are not repeated.
    let samples = if search.length == Length::Huge { 1 } else { samples };
    let mut times = Vec::new();
    for _ in 0..samples {
        let mut result = Ok(());
        times.push(milliseconds(|| result = search.run()));
        result.map_err(|diagnostics| diagnostic::refused(&diagnostics))?;
    }
    Ok(Measured::new(search.name, search.what, "ms", times))
}

/// Searches up to `depth`, each so many times.
pub(super) fn searches(samples: u32, depth: u32) -> Result<Vec<Measured>, WrongUse> {
    let deepest = if depth > 1 { Length::Huge } else { Length::Single };
    benchmark::searches().iter().filter(|search| search.length <= deepest).map(|it| measured(it, samples)).collect()
}
