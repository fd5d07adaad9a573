//! One share of a search, read from a file.

use super::value::{list, word};
use crate::explore::json::VERSION;
use crate::input::read;
use crate::outcome::WrongUse;
use cr3_core::explore::{MAX_SHARES, Verdict};
use serde_json::Value;
use serde_json::error::Category;
use std::path::Path;

/// One share, read.
pub(super) struct Share {
    pub(super) file: String,
    pub(super) answer: Value,
    pub(super) index: u64,
    pub(super) of: u64,
}

impl Share {
    /// # Errors
    /// What the file has instead.
    pub(super) fn read(file: &Path) -> Result<Self, WrongUse> {
        let text = read(file)?;
        let file = file.display().to_string();
        let refuse = |Unfit { cause, mend }: Unfit| {
            WrongUse::new(format!("{file} is not a result of `cr3play explore --json --shard I/N`: {cause}"), mend)
        };
        let answer = parsed(&text).map_err(refuse)?;
        let (index, of) = numbers(&answer).map_err(refuse)?;
        Ok(Self { file, answer, index, of })
    }

    /// What ended it early, if something did.
    pub(super) fn early(&self) -> Option<&str> {
        self.answer["obstacle"]["what"].as_str()
    }
}

/// Why a file is no share, and what to do about it.
struct Unfit {
    cause: String,
    mend: &'static str,
}

/// What to give instead.
const OTHER: &str = "give what it printed, a file for each share";

/// For a file that has a part of an answer, or nothing.
const AGAIN: &str = "run this share again: the search printed no complete answer";

impl Unfit {
    fn new(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), mend: OTHER }
    }
}

/// The answer of a search.
fn parsed(text: &str) -> Result<Value, Unfit> {
    if text.trim().is_empty() {
        return Err(Unfit { cause: "it is empty".to_owned(), mend: AGAIN });
    }
    let answer: Value = serde_json::from_str(text).map_err(|error| match error.classify() {
        Category::Eof => Unfit { cause: "it ends in the middle".to_owned(), mend: AGAIN },
        _ => Unfit::new(format!("it is not JSON at line {}, column {}", error.line(), error.column())),
    })?;
    match &answer["version"] {
        _ if !answer["shares"].is_null() => Err(Unfit::new("shares are joined in it already")),
        _ if !answer["systems"].is_array() => Err(Unfit::new("it is JSON of another kind")),
        version if *version != VERSION => Err(Unfit {
            cause: format!("its format has version {version}, and this program reads {VERSION}"),
            mend: "run all shares with one version of cr3play, and merge with the same",
        }),
        _ => Ok(answer),
    }
}

/// Which share it is, and of how many.
fn numbers(answer: &Value) -> Result<(u64, u64), Unfit> {
    let Some(shard) = answer["shard"].as_str() else {
        let cause = "it is of a whole search, not of a share".to_owned();
        return Err(Unfit { cause, mend: "its verdict needs no others; --shard I/N searches a share" });
    };
    let numbers = shard.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
    let is_share = |(index, of): &(u64, u64)| (1..=*of).contains(index) && *of <= u64::from(MAX_SHARES);
    let numbers = numbers.filter(is_share).ok_or_else(|| Unfit::new(format!("its `shard` is '{shard}', not I/N")))?;
    match verdict(answer) {
        Some(_) => Ok(numbers),
        None => Err(Unfit::new(format!("its `verdict` is '{}', which no search says", word(&answer["verdict"])))),
    }
}

/// What it says, or what it says of one system.
pub(super) fn verdict(answer: &Value) -> Option<Verdict> {
    let all = [Verdict::Breaks, Verdict::NotFinished, Verdict::Empty, Verdict::Holds];
    all.into_iter().find(|verdict| answer["verdict"] == verdict.name())
}

/// The shares in their order, if they are all that there are.
pub(super) fn complete(mut shares: Vec<Share>) -> Result<Vec<Share>, WrongUse> {
    shares.sort_by_key(|share| share.index);
    let of = shares.first().map_or(0, |share| share.of);
    for pair in shares.windows(2) {
        if let [left, right] = pair
            && left.index == right.index
        {
            let cause = format!("{} and {} are both share {}/{of}", left.file, right.file, left.index);
            return Err(WrongUse::new(cause, "give each share once"));
        }
    }
    let missing: Vec<_> = (1..=of).filter(|index| shares.iter().all(|share| share.index != *index)).collect();
    match missing.as_slice() {
        [] => Ok(shares),
        [index, more @ ..] => {
            let more = if more.is_empty() { String::new() } else { format!(", and {} more", more.len()) };
            Err(WrongUse::new(format!("share {index}/{of} is missing{more}"), "run it, and give its file too"))
        }
    }
}

/// What each share says of a system, system by system.
pub(super) fn by_system<'a>(answers: &[&'a Value]) -> Vec<Vec<&'a Value>> {
    let systems = answers.first().map_or(0, |answer| list(&answer["systems"]).len());
    let of = |system: usize| answers.iter().filter_map(|answer| list(&answer["systems"]).get(system)).collect();
    (0..systems).map(of).collect()
}
