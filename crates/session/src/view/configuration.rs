//! Names of the kernel's configuration in a person's own text: what each counts as, and how to set it.

use super::diagnostics::Problem;
use super::trees::Switch;
use crate::action::Action;
use crate::state::State;
use cr3_core::linux::{NoteKind, settings};

/// A name and its switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// The name.
    pub name: String,
    /// Whether it is set, and what a press does: the text then begins with a line that sets it, or does not any more.
    pub switch: Switch,
}

/// The names that the text sets, then those that count as off, as `notes` on it say.
#[must_use]
pub fn chips(state: &State, notes: &[Problem]) -> Vec<Chip> {
    let text = &**state.text();
    let set = settings(text).lines().filter_map(|line| line.strip_prefix("#define ")?.strip_suffix(" 1"));
    let off = notes.iter().filter_map(|note| NoteKind::of(&note.message).off());
    let chip = |name: &str, is_on: bool| {
        let line = format!("#define {name} 1\n");
        let text = if is_on { text.replacen(&line, "", 1) } else { format!("{line}{text}") };
        Chip { name: name.to_owned(), switch: Switch { is_on, action: Action::EditDraft(text) } }
    };
    let off = off.filter(|name| name.starts_with("CONFIG_")).map(|name| chip(name, false));
    set.map(|name| chip(name, true)).chain(off).collect()
}

#[cfg(test)]
mod tests {
    use super::super::diagnostics::verdict;
    use super::*;
    use crate::choice::{Form, Side};
    use crate::state::Settings;
    use crate::update::update;

    const TEXT: &str = "#ifdef CONFIG_ODD\n\tnop\n#endif\n.macro RESTORE_CR3 scratch_reg:req save_reg:req\n#if IS_ENABLED(CONFIG_EVEN)\n\tnop\n#endif\n\tmovq \\save_reg, %cr3\n.endm\n";

    fn shown(state: &State) -> Vec<Chip> {
        chips(state, &verdict(state).notes)
    }

    #[test]
    fn a_name_is_set_and_taken_back_by_its_chip() {
        let names =
            |state: &State| shown(state).into_iter().map(|chip| (chip.name, chip.switch.is_on)).collect::<Vec<_>>();
        let named = |list: &[(&str, bool)]| list.iter().map(|(name, on)| ((*name).to_owned(), *on)).collect::<Vec<_>>();
        let state = State::open("v=1&a=A&b=E", Settings::default());
        assert_eq!(names(&state), []);
        let state = update(&update(&state, Action::EditDraft(TEXT.into())), Action::SetForm(Side::Right, Form::Custom));
        assert_eq!(names(&state), named(&[("CONFIG_ODD", false), ("CONFIG_EVEN", false)]));
        let on = update(&state, shown(&state)[1].switch.action.clone());
        assert_eq!(names(&on), named(&[("CONFIG_EVEN", true), ("CONFIG_ODD", false)]));
        assert!(on.runs.trace(Side::Right).is_some());
        let off = update(&on, shown(&on)[0].switch.action.clone());
        assert_eq!(&**off.text(), TEXT);
    }
}
