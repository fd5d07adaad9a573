use super::*;
use crate::action::Action;
use crate::choice::{Form, Overlay, Side};
use crate::explore::Message;
use crate::explore::wire::{self, Request};
use crate::library::Library;
use crate::state::{Settings, State};
use crate::update::update;
use crate::view::claims;
use cr3_core::query::Shorter;
use cr3_core::scenario::Schedule;

/// A macro that never restores.
const EMPTY: &str = ".macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req\n.endm\n";

fn opened(link: &str) -> State {
    State::open(link, Settings::default())
}

fn own(text: &str) -> State {
    let state = update(&opened("v=1&a=A&b=E"), Action::EditDraft(text.into()));
    update(&update(&state, Action::SetForm(Side::Right, Form::Custom)), Action::Close)
}

#[test]
fn ones_own_macro_stands_in_the_place_of_form_e() {
    let state = update(&own(EMPTY), Action::Open(Overlay::Claims));
    let subject = state.explore.studies.claims.subject.clone().expect("it was asked");
    assert_eq!(*subject, Subject::own(EMPTY));
    let shown = update(&state, Action::OpenClaim(1, 0));
    assert_eq!((shown.setup.forms, &**shown.text()), ([Form::A, Form::Custom], EMPTY));
}

#[test]
fn what_is_known_is_not_asked_again() {
    let asked = update(&opened(""), Action::Open(Overlay::Claims));
    let again = update(&update(&asked, Action::Close), Action::Open(Overlay::Claims));
    assert_eq!(again.explore, asked.explore);
    let ticket = asked.explore.studies.claims.ticket;
    let broken = update(&asked, Action::Explored(ticket, Message::Broke("no worker".into())));
    assert_eq!(claims::summary(&broken), "Not finished: no worker.");
    assert_eq!(broken.explore.questions(), []);
    let retried = update(&update(&broken, Action::Close), Action::Open(Overlay::Claims));
    assert_ne!(retried.explore.studies.claims.ticket, ticket);
    assert_eq!(claims::summary(&retried), "0 of 24 claims are judged so far.");
}

#[test]
fn answers_of_every_kind_are_read_back() {
    let found = Counterexample {
        promise: cr3_core::promises::Promise::KernelCr3,
        cause: "why".into(),
        beyond: Some("goes to a place".into()),
        schedule: Schedule::default(),
        step: 7,
        shorter: Shorter::None,
        features: Default::default(),
        handler: Default::default(),
    };
    let kinds = [
        Without::Breaks(found, "a\u{1f}text\u{1e}of\u{1d}a person's".into()),
        Without::Stores(0x1000),
        Without::Slower { writes: 3, flushes: 0 },
        Without::Nothing,
        Without::Refused("no such register".into()),
        Without::Unseen(None),
        Without::Unseen(Some("for a reason".into())),
    ];
    for without in kinds {
        let (source, statement) = ("calling.h".to_owned(), "nop".to_owned());
        let message = Message::Learned(Learned::Line(Line { part: Macro::Save, source, line: 3, statement, without }));
        assert_eq!(wire::decode(&wire::encode(1, &message)), Some((1, message)));
    }
    for damaged in ["1\u{1f}claim", "1\u{1f}line\u{1f}restore", "1\u{1f}round\u{1f}1", "1\u{1f}claim\u{1f}1 perhaps "] {
        assert_eq!(wire::decode(damaged), None, "{damaged:?}");
    }
    for damaged in
        ["study\u{1f}1", "study\u{1f}1\u{1f}claims", "study\u{1f}1\u{1f}lines\u{1f}E", "study\u{1f}1\u{1f}more\u{1f}"]
    {
        assert_eq!(Request::decode(damaged, &Library::default()), None, "{damaged:?}");
    }
}
