//! How the work is shared out.

use super::sweep::Part;
use crate::query::Shard;

impl Shard {
    /// Everything.
    pub(super) const WHOLE: Self = Self { index: 0, of: 1 };

    /// The share in at least [`PARTS`] parts of the whole.
    pub(super) fn parts(self) -> impl Iterator<Item = Part> {
        let Self { index, of } = self;
        let each = PARTS.div_ceil(of);
        (0..each).map(move |nth| Part { index: index + nth * of, of: each * of })
    }
}

/// Parts into which a system's schedules of more than one strike are divided. More than there are processors, and always as many, so
/// that no result depends on how many there are.
const PARTS: u32 = 16;
