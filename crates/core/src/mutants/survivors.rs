//! Why nothing kills the mutants of form E that survive.

use super::Id;
use crate::linux::Form;

/// Mutants of form E by id, with the reason.
pub const REASONS: &[(&str, &str)] = &[
    (
        "user:7:delete",
        "The request stays in the mask, so each later return to user mode flushes again. That costs time and breaks no promise; it is not \
         proven slower, because it leaves another mask.",
    ),
    (
        "user:7:double",
        "The second BTR can take only a request that came between the two. The write to CR3 comes after both and flushes for both.",
    ),
];

/// The reason for a mutant.
pub(super) fn reason(form: Form, id: Id) -> Option<&'static str> {
    let id = (form == Form::E).then(|| id.to_string())?;
    REASONS.iter().find(|(known, _)| *known == id).map(|(_, reason)| *reason)
}
