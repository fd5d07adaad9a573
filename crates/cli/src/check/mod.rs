//! `cr3play check`: every step on a second CPU too, and who vouches for what.

#[cfg(feature = "unicorn")]
mod follow;
#[cfg(feature = "unicorn")]
mod report;

use crate::arguments::CheckArguments;
use crate::outcome::{Outcome, WrongUse};

#[cfg(feature = "unicorn")]
pub(crate) fn check(arguments: &CheckArguments) -> Result<Outcome, WrongUse> {
    let followed = follow::all(arguments)?;
    report::give(arguments, &followed)?;
    Ok(Outcome::finding_if(followed.iter().any(|followed| followed.difference.is_some())))
}

/// Unicorn's C sources need cmake and a minute to build, so it is linked only on demand.
#[cfg(not(feature = "unicorn"))]
pub(crate) fn check(_: &CheckArguments) -> Result<Outcome, WrongUse> {
    Err(WrongUse::new(
        "this cr3play was built without Unicorn",
        "cargo run --release -p cr3-cli --features unicorn -- check ...; \
         it needs cmake, a C compiler and libclang, which `cargo xtask setup` installs",
    ))
}
