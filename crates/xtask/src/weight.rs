//! What the files of `dist/` weigh, plain and compressed.

use std::iter::Sum;
use std::ops::Add;

use crate::failure::Failure;
use crate::project::Project;
use crate::steps::{ask, cannot_start};

/// Compresses every file as a static host would. Node has both compressors built in.
const WEIGH: &str = include_str!("weigh.mjs");

/// Bytes in each form in which a host may send them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    pub(crate) plain: u64,
    pub(crate) gzip: u64,
    pub(crate) brotli: u64,
}

impl Add for Weight {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let Self { plain, gzip, brotli } = other;
        Self { plain: self.plain + plain, gzip: self.gzip + gzip, brotli: self.brotli + brotli }
    }
}

impl Sum for Weight {
    fn sum<I: Iterator<Item = Self>>(weights: I) -> Self {
        weights.fold(Self::default(), Add::add)
    }
}

/// A file of the page by its path in `dist/`, with `/`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) weight: Weight,
}

/// Every file of `dist/`, the heaviest first.
pub(crate) fn files(project: &Project) -> Result<Vec<File>, Failure> {
    let mut node = project.command("node");
    node.args(["--input-type=module", "--eval", WEIGH, "--"]).arg(project.dist());
    let told = ask(&mut node);
    told.and_then(|text| text.lines().map(file).collect())
        .ok_or_else(|| cannot_start(&node, &std::io::Error::other("it could not weigh dist/")))
}

/// `plain gzip brotli path`.
fn file(line: &str) -> Option<File> {
    let mut words = line.splitn(4, ' ');
    let mut number = || words.next()?.parse().ok();
    let weight = Weight { plain: number()?, gzip: number()?, brotli: number()? };
    Some(File { path: words.next()?.to_owned(), weight })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_node_tells_is_read() {
        let weight = Weight { plain: 30, gzip: 20, brotli: 10 };
        assert_eq!(file("30 20 10 a file.js"), Some(File { path: "a file.js".into(), weight }));
        assert_eq!(file("30 20 x"), None);
        assert_eq!([weight, weight].into_iter().sum::<Weight>(), Weight { plain: 60, gzip: 40, brotli: 20 });
    }
}
