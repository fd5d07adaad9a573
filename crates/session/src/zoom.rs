//! Which rows the timeline shows: all of them, or a range around the cursor.

use std::ops::Range;

/// The fewest rows that the timeline shows, if there are as many.
const LEAST: usize = 10;

/// What to show instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zoom {
    /// Half as many rows, about the cursor.
    In,
    /// Twice as many.
    Out,
    /// All rows.
    All,
    /// The rows from one to another, whichever comes first.
    To(usize, usize),
}

/// The rows to show of `total`, with those shown so far; none means all.
#[must_use]
pub(crate) fn zoomed(shown: Option<&Range<usize>>, cursor: usize, total: usize, zoom: Zoom) -> Option<Range<usize>> {
    let shown = shown.cloned().unwrap_or(0..total);
    let about = if shown.contains(&cursor) { cursor } else { usize::midpoint(shown.start, shown.end) };
    match zoom {
        Zoom::All => None,
        Zoom::In => around(about, shown.len() / 2, total),
        Zoom::Out => around(about, shown.len().saturating_mul(2), total),
        Zoom::To(one, other) => {
            let (first, last) = (one.min(other), one.max(other).min(total.saturating_sub(1)));
            match last.saturating_sub(first) + 1 {
                rows @ LEAST.. if rows < total => Some(first..last + 1),
                rows => around(usize::midpoint(first, last), rows, total),
            }
        }
    }
}

/// So many rows about one of them; none if those are all.
fn around(row: usize, rows: usize, total: usize) -> Option<Range<usize>> {
    let rows = rows.max(LEAST);
    let start = row.saturating_sub(rows / 2).min(total.checked_sub(rows)?);
    (rows < total).then_some(start..start + rows)
}

/// As many rows as `shown` has, moved so that the cursor is among them; as they are if it is.
#[must_use]
pub(crate) fn followed(shown: Range<usize>, cursor: usize, total: usize) -> Option<Range<usize>> {
    match shown.contains(&cursor) && shown.end <= total {
        true => Some(shown),
        false => around(cursor, shown.len(), total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(shown: Option<Range<usize>>, cursor: usize, total: usize, zoom: Zoom, expected: Option<Range<usize>>) {
        assert_eq!(zoomed(shown.as_ref(), cursor, total, zoom), expected, "{shown:?} {cursor} {total} {zoom:?}");
    }

    #[test]
    fn a_range_is_zoomed_about_the_cursor() {
        check(None, 50, 100, Zoom::In, Some(25..75));
        check(None, 0, 100, Zoom::In, Some(0..50));
        check(None, 99, 100, Zoom::In, Some(50..100));
        check(Some(25..75), 30, 100, Zoom::In, Some(18..43));
        check(Some(25..75), 90, 100, Zoom::In, Some(38..63));
        check(Some(40..60), 50, 100, Zoom::Out, Some(30..70));
        check(Some(25..75), 50, 100, Zoom::Out, None);
        check(Some(25..75), 50, 100, Zoom::All, None);
        check(None, 5, 100_000, Zoom::Out, None);
        check(None, 5, 100_000, Zoom::In, Some(0..50_000));
    }

    #[test]
    fn a_range_is_chosen_from_either_end_and_is_never_too_small() {
        check(None, 0, 100, Zoom::To(20, 60), Some(20..61));
        check(None, 0, 100, Zoom::To(60, 20), Some(20..61));
        check(None, 0, 100, Zoom::To(50, 50), Some(45..55));
        check(None, 0, 100, Zoom::To(99, 400), Some(90..100));
        check(None, 0, 100, Zoom::To(0, 99), None);
        check(None, 0, 8, Zoom::To(2, 5), None);
        check(None, 0, 0, Zoom::In, None);
        check(Some(45..55), 50, 100, Zoom::In, Some(45..55));
    }

    #[test]
    fn a_range_goes_where_the_cursor_goes() {
        assert_eq!(followed(20..40, 30, 100), Some(20..40));
        assert_eq!(followed(20..40, 40, 100), Some(30..50));
        assert_eq!(followed(20..40, 2, 100), Some(0..20));
        assert_eq!(followed(20..40, 99, 100), Some(80..100));
        assert_eq!(followed(20..40, 25, 30), Some(10..30), "the runs became shorter");
        assert_eq!(followed(20..40, 5, 15), None);
    }
}
