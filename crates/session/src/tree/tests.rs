use super::wire;
use super::*;
use crate::choice::Own;
use crate::setup::Texts;
use cr3_core::linux::boot;

#[test]
fn a_system_comes_through_the_wire_as_it_was() {
    let custom = "/* a \u{1f} \u{1e} \u{1d} */\n.macro RESTORE_CR3 scratch_reg:req save_reg:req\n\tmovq \\save_reg, %cr3\n.endm\n";
    let config = Config { form: Form::Custom, custom: custom.into(), ..Config::default() };
    let system = boot(&config).expect("it assembles");
    let sent = Told::Assembled(3, Ok(wire::assembly(&system)));
    let Some(Told::Assembled(3, Ok(got))) = wire::decode(&wire::encode(&sent)) else { panic!("it cannot be read") };
    let started = linux::start(&config, got.image.clone(), got.sources.clone(), got.notes.clone()).expect("it starts");
    assert_eq!(started.machine, system.machine);
    assert_eq!(got.image.sections, system.image.sections);
    assert_eq!(got.image.symbols, system.image.symbols);
    assert_eq!(got.image.listing, system.image.listing);
    assert_eq!(got.notes, system.notes);
}

#[test]
fn what_is_told_is_read_as_it_was_written() {
    let opened = Opened {
        id: TreeId(7),
        release: "v6.12.1".into(),
        kernel: Kernel::V6_12,
        files: 71,
        configured: String::new(),
    };
    let wrong = Diagnostic {
        severity: Severity::Error,
        position: Position { source: 3, line: 12, column: 4 },
        source: "arch/x86/entry/entry_64.S".into(),
        message: "no such thing".into(),
        hint: None,
        expansion: vec![("OUTER".into(), Position { source: 1, line: 2, column: 3 })],
    };
    for told in [Told::Opened(opened), Told::Refused("why".into()), Told::Assembled(9, Err(vec![wrong]))] {
        assert_eq!(wire::decode(&wire::encode(&told)), Some(told));
    }
    for damaged in ["", "opened", "opened\u{1f}x", "assembled\u{1f}1\u{1f}", "wrong\u{1f}1\u{1f}x"] {
        assert_eq!(wire::decode(damaged), None, "{damaged:?}");
    }
    let files = [("Makefile".to_owned(), "VERSION = 6\n\u{1e}".to_owned())];
    let read = [("Makefile".to_owned(), "VERSION = 6\n ".to_owned())];
    assert_eq!(wire::given(&wire::gift(TreeId(1), &files)), Some((TreeId(1), read.to_vec())));
    assert_eq!(wire::given("tree"), None);
}

#[test]
fn texts_that_nobody_shows_any_more_are_forgotten_in_the_end() {
    let mut trees = Trees::default();
    let setup = |features| Setup {
        forms: [Form::E, Form::Custom],
        own: [Own::Text, Own::Tree(TreeId(1))],
        features,
        ..crate::story::STORIES[0].setup()
    };
    let opened =
        Opened { id: TreeId(1), release: "v6.12".into(), kernel: Kernel::V6_12, files: 1, configured: String::new() };
    trees.ask(&setup(cr3_core::linux::Features::ALL), &Texts::default());
    assert_eq!(trees.wanted().count(), 0, "nobody has the tree");
    trees.take(Told::Opened(opened));
    for set in 0..32_u32 {
        let on = |bit: u32| set >> bit & 1 != 0;
        let features = cr3_core::linux::Features {
            pti: on(0),
            pcid: on(1),
            fsgsbase: on(2),
            nx: on(3),
            ..cr3_core::linux::Features::ALL
        };
        trees.ask(&setup(features), &Texts::default());
        let wanted: Vec<u32> = trees.wanted().map(|(ticket, _)| ticket).collect();
        assert!(wanted.len() <= 1, "only what is shown");
        for ticket in wanted {
            trees.take(Told::Assembled(ticket, Err(Vec::new())));
        }
    }
    assert!(trees.texts.len() <= KEPT + 1, "{} texts", trees.texts.len());
}
