//! Which elements of two sequences belong together: a longest common subsequence, or one close to it where that would
//! take long.

/// Number of edits after which the search accepts the best way so far. This bounds the work to about this many steps
/// for each element. Runs of two forms of a macro differ in fewer places between two anchors.
const PATIENCE: usize = 128;

/// Pairs of indices of equal elements, rising in both. Deterministic: of equally long answers it returns the one that
/// skips in `a` first.
pub(super) fn common<T: Eq>(a: &[T], b: &[T]) -> Vec<(usize, usize)> {
    let prefix = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (rest_a, rest_b) = (&a[prefix..], &b[prefix..]);
    let suffix = rest_a.iter().rev().zip(rest_b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (middle_a, middle_b) = (&rest_a[..rest_a.len() - suffix], &rest_b[..rest_b.len() - suffix]);
    let mut pairs: Vec<_> = (0..prefix).map(|i| (i, i)).collect();
    middle(middle_a, middle_b, prefix, &mut pairs);
    let (tail_a, tail_b) = (a.len() - suffix, b.len() - suffix);
    pairs.extend((0..suffix).map(|i| (tail_a + i, tail_b + i)));
    pairs
}

fn middle<T: Eq>(mut a: &[T], mut b: &[T], offset: usize, pairs: &mut Vec<(usize, usize)>) {
    let (mut at_a, mut at_b) = (offset, offset);
    while !a.is_empty() && !b.is_empty() {
        let path = Search::new(a, b).run();
        let (x, y) = path.end;
        pairs.extend(path.pairs.into_iter().map(|(i, j)| (at_a + i, at_b + j)));
        (at_a, at_b) = (at_a + x, at_b + y);
        (a, b) = (&a[x..], &b[y..]);
    }
}

/// A way through the beginning of both sequences.
struct Path {
    pairs: Vec<(usize, usize)>,
    /// Elements of each that the way has passed.
    end: (usize, usize),
}

/// The greedy search of Myers (1986), "An O(ND) difference algorithm and its variations". A point (x, y) means that `x`
/// elements of `a` and `y` of `b` are passed. Diagonal k holds the points with x - y = k.
struct Search<'a, T> {
    a: &'a [T],
    b: &'a [T],
    /// For each number of edits d, the furthest x on diagonals -d, -d + 2, ..., d; none if the diagonal leaves the
    /// sequences.
    rounds: Vec<Vec<Option<usize>>>,
}

/// The diagonal with this index in its round.
fn diagonal(edits: usize, index: usize) -> isize {
    2 * index as isize - edits as isize
}

impl<'a, T: Eq> Search<'a, T> {
    fn new(a: &'a [T], b: &'a [T]) -> Self {
        Self { a, b, rounds: Vec::new() }
    }

    fn run(mut self) -> Path {
        for edits in 0..=PATIENCE {
            let reach = |index| Some(self.slide(self.start(edits, index)?, diagonal(edits, index)));
            self.rounds.push((0..=edits).map(reach).collect());
            let goal = (self.a.len(), self.b.len());
            if let Some(index) = (0..=edits).find(|&index| self.point(edits, index) == Some(goal)) {
                return self.path(edits, index);
            }
        }
        let progress = |&index: &usize| self.point(PATIENCE, index).map(|(x, y)| x + y);
        let best = (0..=PATIENCE).max_by_key(progress).unwrap_or(0);
        self.path(PATIENCE, best)
    }

    /// Where diagonal `index` of round `edits` starts: one edit after the better neighbour in the round before.
    fn start(&self, edits: usize, index: usize) -> Option<usize> {
        if edits == 0 {
            return Some(0);
        }
        let reached = |index: usize| *self.rounds.get(edits - 1)?.get(index)?;
        let skip_a = index.checked_sub(1).and_then(reached).map(|x| x + 1).filter(|&x| x <= self.a.len());
        let skip_b = reached(index).filter(|&x| self.y(x, diagonal(edits, index)).is_some());
        skip_a.max(skip_b)
    }

    fn y(&self, x: usize, diagonal: isize) -> Option<usize> {
        x.checked_add_signed(-diagonal).filter(|&y| y <= self.b.len())
    }

    /// As far along the diagonal as elements are equal.
    fn slide(&self, x: usize, diagonal: isize) -> usize {
        let y = self.y(x, diagonal).unwrap_or(self.b.len());
        x + self.a[x..].iter().zip(&self.b[y..]).take_while(|(p, q)| p == q).count()
    }

    fn point(&self, edits: usize, index: usize) -> Option<(usize, usize)> {
        let x = (*self.rounds.get(edits)?.get(index)?)?;
        Some((x, self.y(x, diagonal(edits, index))?))
    }

    /// The way that led to a point, found backwards.
    fn path(&self, mut edits: usize, mut index: usize) -> Path {
        let end = self.point(edits, index).unwrap_or((0, 0));
        let (mut x, mut y) = end;
        let mut pairs = Vec::new();
        while let Some(start) = self.start(edits, index) {
            while x > start {
                (x, y) = (x - 1, y - 1);
                pairs.push((x, y));
            }
            let Some(before) = edits.checked_sub(1) else {
                break;
            };
            let left = index.checked_sub(1).and_then(|left| self.point(before, left));
            match left.filter(|&(left, _)| left + 1 == start) {
                Some(point) => ((x, y), index) = (point, index - 1),
                None => y -= 1,
            }
            edits = before;
        }
        pairs.reverse();
        Path { pairs, end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(a: &str, b: &str, expected: &str) {
        let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
        let shared: String = common(&a, &b).into_iter().map(|(i, _)| a[i]).collect();
        assert_eq!(shared, expected);
    }

    #[test]
    fn finds_the_longest_common_subsequence() {
        check("", "", "");
        check("abc", "", "");
        check("abc", "abc", "abc");
        check("abc", "xyz", "");
        check("abcabba", "cbabac", "baba");
        check("abXcd", "abcd", "abcd");
        check("abcd", "abYYcd", "abcd");
        check("aXbYc", "aPbQc", "abc");
        check("aaaa", "aa", "aa");
    }

    /// The textbook table, as a check of the lengths.
    fn longest(a: &[u8], b: &[u8]) -> usize {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                table[i + 1][j + 1] = if x == y { table[i][j] + 1 } else { table[i + 1][j].max(table[i][j + 1]) };
            }
        }
        table[a.len()][b.len()]
    }

    fn assert_valid(a: &[u8], b: &[u8], pairs: &[(usize, usize)]) {
        assert!(pairs.iter().all(|&(i, j)| a[i] == b[j]), "pairs are equal");
        assert!(pairs.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 < w[1].1), "pairs rise");
    }

    proptest! {
        #[test]
        fn within_patience_the_answer_is_longest(
            a in prop::collection::vec(0..4u8, 0..50),
            b in prop::collection::vec(0..4u8, 0..50),
        ) {
            let pairs = common(&a, &b);
            assert_valid(&a, &b, &pairs);
            prop_assert_eq!(pairs.len(), longest(&a, &b));
        }

        #[test]
        fn beyond_patience_the_answer_is_valid(
            a in prop::collection::vec(0..6u8, 0..600),
            b in prop::collection::vec(6..12u8, 0..600),
            at in 0..500usize,
        ) {
            let mut a = a;
            a.splice(at.min(a.len())..at.min(a.len()), b.iter().copied());
            assert_valid(&a, &b, &common(&a, &b));
        }
    }
}
