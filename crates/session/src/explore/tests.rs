use super::wire::Request;
use super::*;
use crate::action::Action;
use crate::library::Library;
use crate::state::{Settings, State};
use crate::update::update;
use cr3_core::linux::{Feature, Handler};

fn opened(link: &str) -> State {
    State::open(link, Settings::default())
}

fn tickets(state: &State) -> [u32; 2] {
    state.explore.sides.each_ref().map(|judged| judged.ticket)
}

#[test]
fn only_what_is_judged_begins_a_new_search() {
    let state = opened("v=1&a=A&b=E");
    let same = [
        Action::SetGeometry(cr3_core::geometry::Geometry::ALL[1]),
        Action::EditSchedule("exc_nmi:db".into()),
        Action::EditDraft("nobody runs it".into()),
        Action::Seek(3),
    ];
    for action in same {
        assert_eq!(tickets(&update(&state, action.clone())), tickets(&state), "{action:?}");
    }
    let [left, right] = tickets(&state);
    let other = [
        Action::ToggleFeature(Feature::Pcid),
        Action::SetHandler(Handler::Perf.into()),
        Action::SetScope(Scope::Standard),
        Action::ToggleAssumption(Assumption::NmiFrame),
    ];
    for action in other {
        assert!(
            tickets(&update(&state, action.clone())).iter().all(|ticket| ![left, right].contains(ticket)),
            "{action:?}"
        );
    }
    let swapped = update(&state, Action::SwapForms);
    assert_eq!(tickets(&swapped), [right, left]);
    let alike = update(&state, Action::SetForm(Side::Left, Form::E));
    assert_eq!(tickets(&alike), [right, right]);
    assert_eq!(alike.explore.wanted().len(), 1);
    let standard = update(&state, Action::SetScope(Scope::Standard));
    assert_eq!(tickets(&update(&standard, Action::ToggleFeature(Feature::Nx))), tickets(&standard));
}

#[test]
fn a_side_that_does_not_assemble_is_not_judged() {
    let state = update(&opened("v=1&a=A&b=custom&c="), Action::EditDraft("nonsense".into()));
    assert_eq!(state.explore.side(Side::Right), &Judged::default());
    assert_eq!(state.explore.wanted().len(), 1);
}

#[test]
fn what_an_earlier_search_tells_is_not_heard() {
    let state = opened("v=1&a=A&b=E");
    let edited = update(&state, Action::ToggleFeature(Feature::Pcid));
    let message = Action::Explored(tickets(&state)[0], Message::Broke("late".into()));
    assert_eq!(update(&edited, message), edited);
}

#[test]
fn the_standard_set_is_the_terminals() {
    let state = update(&opened("v=1&a=custom&b=E&c=K0otLsmvUChILMrMSwYA"), Action::SetScope(Scope::Standard));
    let subject = state.explore.side(Side::Right).subject.clone().expect("it runs");
    assert_eq!((subject.systems(), subject.searches()), (18, &[Reach::Depth(1)][..]));
    assert_eq!(
        subject.command(Reach::Depth(1)),
        "cr3play explore --form E --depth 1 --vectors nmi,db,mc --handler standard --features standard"
    );
    let off = update(&state, Action::ToggleAssumption(Assumption::NoPoke));
    let subject = off.explore.side(Side::Right).subject.clone().expect("it runs");
    assert_eq!(subject.systems(), 24);
    assert!(subject.command(Reach::Depth(1)).ends_with(" --features standard --without no-poke"));
}

#[test]
fn a_damaged_message_is_none() {
    for text in ["", "judge", "judge\u{1f}x", "keep\u{1f}1\u{1e}x", "found", "judge\u{1f}1\u{1f}displayed"] {
        assert_eq!(Request::decode(text, &Library::default()), None, "{text:?}");
    }
    for text in
        ["", "x", "1\u{1f}found", "1\u{1f}found\u{1f}perhaps", "1\u{1f}begun\u{1f}1 2", "1\u{1f}places\u{1f}1\u{1f}g 1"]
    {
        assert_eq!(wire::decode(text), None, "{text:?}");
    }
}
