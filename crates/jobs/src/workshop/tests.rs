use super::*;
use cr3_core::linux::{Feature, Kernel, Variation};
use cr3_session::assembly::ready::Ready;
use cr3_session::assembly::wire::{answer, asked};
use cr3_session::choice::Own;
use cr3_session::command::Command;
use cr3_session::export::Export;
use cr3_session::tree::wire::decode;
use cr3_session::view::trees::{rows, said, status};
use cr3_session::{Action, Assembler, Form, Runs, Settings, Side, State, Texts, is_valid, link, report, update};
use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/tree");

fn on_disk(path: &str) -> File {
    std::fs::read_to_string(Path::new(ROOT).join(path)).map_or(File::Absent, File::Text)
}

fn text(path: &str) -> String {
    match on_disk(path) {
        File::Text(text) => text,
        other => panic!("{path}: {other:?}"),
    }
}

/// The page and the worker that assembles for it.
struct Page {
    state: State,
    worker: Workshop,
    gifts: Vec<String>,
    asked: u32,
}

impl Page {
    fn new(link: &str) -> Self {
        let texts = Texts::new(Assembler::Elsewhere, Ready::default());
        let state = State::open_by(link, Settings::default(), &[], texts);
        let mut page = Self { state, worker: Workshop::default(), gifts: Vec::new(), asked: 0 };
        page.answer();
        page
    }

    fn tell(&mut self, messages: Vec<String>) {
        for message in messages {
            match decode(&message) {
                Some(read) => {
                    assert_eq!(encode(&read), message, "it is written as it was read");
                    self.act(Action::Tree(read));
                }
                None => self.gifts.push(message),
            }
        }
    }

    fn open(&mut self, find: &mut dyn FnMut(&str) -> File) {
        self.act(Action::Tree(Message::Opening));
        assert_eq!(status(&self.state), "The tree is being read.");
        let messages = self.worker.open(find);
        self.tell(messages);
        self.answer();
    }

    fn act(&mut self, action: Action) {
        self.state = update(&self.state, action);
    }

    /// Lets the worker assemble what is wanted, as often as something is.
    fn answer(&mut self) {
        loop {
            let mut wanted: Vec<_> = self.state.texts.wanted().collect();
            let Some((last, _)) = wanted.first().copied() else { return };
            wanted.reverse();
            self.worker.take(&asked(&wanted));
            self.asked = last;
            while let Some(message) = self.worker.slice() {
                let (ticket, answer) = answer(&message).expect("an answer");
                self.act(Action::Assembled(ticket, answer));
            }
        }
    }

    fn after(&mut self, action: Action) -> &State {
        self.act(action);
        self.answer();
        &self.state
    }
}

fn counters(runs: &Runs, side: Side) -> Option<(usize, cr3_core::counters::Counters)> {
    runs.trace(side).map(|trace| (trace.steps.len(), trace.counters))
}

#[test]
fn a_tree_runs_in_the_page_as_in_the_worker() {
    let mut page = Page::new("v=1&a=E&b=A&s=kernel_loop%2B1:nmi");
    page.open(&mut on_disk);
    let state = &page.state;
    assert_eq!(state.setup.forms, [Form::E, Form::Custom]);
    assert_eq!(state.tree_name(Side::Right).as_deref(), Some("v6.12"));
    assert_eq!(counters(&state.runs, Side::Left), counters(&state.runs, Side::Right), "form E's text");
    assert_eq!(state.runs.comparison.differences, []);
    // What the worker itself would start.
    let mut library = Library::default();
    assert!(receive(&page.gifts[0], &mut library));
    assert!(!receive("1\u{1f}no gift", &mut library));
    let config = state.setup.scenario(Side::Right, &state.custom).config;
    let id = state.setup.tree(Side::Right).expect("a tree");
    let here = boot(&Config { base: library.base(id), ..config }).expect("it assembles");
    let there = &state.runs.trace(Side::Right).expect("a run").system;
    assert_eq!(here.machine, there.machine);
    assert_eq!((&here.image.symbols, &here.image.listing), (&there.image.symbols, &there.image.listing));
    assert_eq!(here.notes, there.notes);
}

#[test]
fn a_change_waits_for_the_worker_and_keeps_its_place() {
    let mut page = Page::new("v=1&a=A&b=E&s=kernel_loop%2B1:nmi");
    page.open(&mut on_disk);
    let id = page.state.setup.tree(Side::Right).expect("a tree");
    page.after(Action::SetOwn(Side::Left, Own::Tree(id)));
    page.act(Action::Seek(700));
    let place = page.state.runs.place(700);
    page.act(Action::ToggleFeature(Feature::Nx));
    assert!(Side::BOTH.into_iter().all(|side| page.state.awaits(side)));
    assert_eq!(page.state.runs.place(page.state.cursor), place, "the runs stay");
    page.answer();
    assert_eq!(page.state.runs.place(page.state.cursor), place);
    // Back again nothing is asked.
    let asked = page.asked;
    page.after(Action::ToggleFeature(Feature::Nx));
    assert_eq!(page.asked, asked);
    assert_eq!(page.state.runs.place(page.state.cursor), place);
}

#[test]
fn a_text_edits_the_tree_of_a_side() {
    let mut page = Page::new("v=1&a=A&b=E&s=kernel_loop%2B1:nmi");
    page.open(&mut on_disk);
    let id = page.state.setup.tree(Side::Right).expect("a tree");
    page.after(Action::EditDraft(
        ".macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req\n\tmovq\t\\save_reg, %cr3\n.endm\n".into(),
    ));
    let plain = counters(&page.state.runs, Side::Right);
    let state = page.after(Action::SetOwn(Side::Right, Own::EditedTree(id)));
    assert!(state.runs.trace(Side::Right).is_some() && counters(&state.runs, Side::Right) != plain);
    let shown = link::encode(&state.link());
    assert!(shown.contains(&format!("&tb={id}+")) && shown.contains("&d=E,"), "{shown}");
    // In a page that has the tree, the link shows the same; elsewhere it says what is missing.
    let again = page.after(Action::OpenLink(shown.clone())).clone();
    assert_eq!(again.setup.tree(Side::Right), Some(id));
    let mut other = Page::new(&shown);
    let told = |state: &State| cr3_session::view::outcome::no_run(&state.runs, Side::Right);
    assert_eq!(told(&other.state), "does not run: the kernel tree is not here: a link cannot carry it");
    other.open(&mut on_disk);
    assert_eq!(counters(&other.state.runs, Side::Right), counters(&again.runs, Side::Right));
    // Another form ends it.
    let state = page.after(Action::SetForm(Side::Right, Form::A));
    assert!(!state.uses_tree() && !link::encode(&state.link()).contains("tb="));
}

#[test]
fn what_is_no_tree_is_said() {
    let mut page = Page::new("");
    page.open(&mut |_| File::Absent);
    assert_eq!(
        status(&page.state),
        "These files cannot be run. Makefile: the tree has no such file; it names the release: name the top folder of a kernel tree"
    );
    assert_eq!(page.state.setup.forms, [Form::A, Form::E], "the page stays as it was");
    // A tree whose entry code does not assemble is opened, and its side says why.
    page.open(&mut |path| match path {
        "arch/x86/entry/entry_64.S" => File::Text(text(path).replacen("swapgs", "swapgz", 1)),
        _ => on_disk(path),
    });
    let told = said(&page.state);
    assert_eq!(
        (told[0].place.as_str(), told[0].message.contains("swapgz")),
        ("arch/x86/entry/entry_64.S line 27:", true),
        "{told:?}"
    );
    assert_eq!(rows(&page.state).len(), 1);
}

#[test]
fn the_c_side_follows_the_tree() {
    let mut page = Page::new("");
    page.open(&mut |path| match path {
        "arch/x86/mm/tlb.c" => File::Text(
            "void switch_mm_irqs_off(int a)\n{\n\tset(LOADED_MM_SWITCHING);\n\tchoose_new_asid(a);\n}\n".into(),
        ),
        _ => on_disk(path),
    });
    let early = Kernel::only(Variation::EarlySwitching);
    let kernels = |state: &State| Side::BOTH.map(|side| state.setup.kernel_of(side));
    assert_eq!(kernels(&page.state), [early; 2], "the built-in text has that of the tree beside it");
    assert!(rows(&page.state)[0].words.ends_with("the C side is modelled after v6.12+early-switching, checked"));
    let notice = page.state.notice.clone().expect("it is said");
    assert!(
        notice.ends_with("A link cannot carry it; the C side is modelled after v6.12+early-switching, checked."),
        "{notice}"
    );
    let id = page.state.setup.tree(Side::Right).expect("a tree");
    // A tree that goes takes its C side along, whatever comes in its place.
    assert_eq!(kernels(page.after(Action::SetForm(Side::Right, Form::E))), [Kernel::V6_12; 2]);
    assert_eq!(kernels(page.after(Action::SetOwn(Side::Left, Own::Tree(id)))), [early; 2]);
    page.open(&mut |path| match path {
        "Makefile" => File::Text("VERSION = 6\nPATCHLEVEL = 18\nSUBLEVEL = 0\n".into()),
        _ => on_disk(path),
    });
    assert_eq!(kernels(&page.state), [early, Kernel::V6_12], "each tree has its own");
    let ran = Side::BOTH.map(|side| page.state.runs.trace(side).map(|trace| trace.scenario.config.kernel));
    assert_eq!(ran, kernels(&page.state).map(Some));
    let judged = Side::BOTH.map(|side| page.state.explore.side(side).subject.as_ref().map(|it| it.config.kernel));
    assert_eq!(judged, ran);
    let link = link::encode(&page.state.link());
    assert!(!link.contains("&k=") && !Command::of(&page.state).whole().contains("--kernel"), "{link}");
    assert_eq!(kernels(page.after(Action::SwapForms)), [Kernel::V6_12, early]);
    assert_eq!(kernels(page.after(Action::OpenLink(link.clone()))), [early, Kernel::V6_12]);
    let said = "The kernel on the left is v6.12+early-switching: switch_mm_irqs_off stores";
    assert!(page.state.notice.as_ref().is_some_and(|notice| notice.starts_with(said)), "{:?}", page.state.notice);
    // A kernel that a link names is that of both sides, as it was when both had what either tree has.
    let given = format!("{link}&k=v6.12%2Bearly-switching");
    assert_eq!(kernels(page.after(Action::OpenLink(given))), [early; 2]);
    assert!(link::encode(&page.state.link()).contains("&k=v6.12%2Bearly-switching"));
    page.after(Action::OpenLink(link));
    assert!(rows(&page.state)[0].words.ends_with("the C side is modelled after v6.12, unchecked"));
    assert_eq!(kernels(page.after(Action::SetForm(Side::Left, Form::E))), [Kernel::V6_12; 2]);
}

#[test]
fn a_pasted_entry_text_runs_with_stand_ins() {
    let mut page = Page::new("v=1&a=E&b=E&s=kernel_loop%2B1:nmi");
    page.act(Action::EditDraft(text("arch/x86/entry/entry_64.S")));
    page.after(Action::SetForm(Side::Right, Form::Custom));
    let state = &page.state;
    assert_eq!(cr3_session::view::outcome::no_run(&state.runs, Side::Right), "");
    assert_eq!(state.runs.comparison.differences, []);
    assert_eq!(counters(&state.runs, Side::Left), counters(&state.runs, Side::Right));
    let notes = &state.runs.trace(Side::Right).expect("a run").system.notes;
    assert!(
        notes.iter().any(|note| note.message.contains("taken for a whole entry_64.S that came without its tree")),
        "{notes:?}"
    );
}

#[test]
fn buttons_say_what_a_side_runs() {
    let mut page = Page::new("");
    page.open(&mut on_disk);
    let [row] = &rows(&page.state)[..] else { panic!("one tree") };
    assert_eq!((row.sides[0].is_on, row.sides[1].is_on), (false, true));
    assert!(row.words.starts_with("v6.12, "), "{}", row.words);
    for switch in &row.sides {
        assert!(is_valid(&page.state, &switch.action));
    }
    let [left, right] = row.sides.clone();
    let state = page.after(left.action).clone();
    assert_eq!(state.setup.tree(Side::Left), Some(row.id));
    let state = page.after(right.action);
    assert_eq!(state.setup.forms, [Form::Custom, Form::E]);
}

/// A worker that was given the tree makes the files that the page would.
#[test]
fn files_of_a_comparison_have_the_run_of_a_tree() {
    let mut page = Page::new("v=1&a=A&b=E&s=kernel_loop%2B1:nmi");
    page.open(&mut on_disk);
    page.act(Action::EditDraft(
        ".macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req\n\tmovq\t\\save_reg, %cr3\n.endm\n".into(),
    ));
    let id = page.state.setup.tree(Side::Right).expect("a tree");
    let mut library = Library::default();
    assert!(page.gifts.iter().all(|gift| receive(gift, &mut library)));
    for own in [Own::Tree(id), Own::EditedTree(id)] {
        let state = page.after(Action::SetOwn(Side::Right, own));
        let address = format!("https://example.org/#{}", link::encode(&state.link()));
        let text = report::text(state, &address);
        let made = Export::ALL.map(|export| {
            let file = export.file(state, &address, &text);
            let request = export.request(state, &address);
            assert_eq!(Export::answer(&request, &library).as_ref(), Some(&file));
            // Without the tree there is no run to export.
            assert_ne!(Export::answer(&request, &Library::default()), Some(file.clone()));
            file
        });
        let [report, json, csv, svg, html] = made;
        let what = if own.has_text() { "your own text in v6.12" } else { "v6.12" };
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&report).contains(&format!("right custom: {what}, which a link cannot carry")), "{report}");
        assert!(json.contains("\"tree\": \"v6.12\"") && !json.contains("\"ending\": null"), "{json}");
        assert!(csv.starts_with("counter,unit,left A,right custom (v6.12),difference\r\n"), "{csv}");
        assert!(svg.contains("<title>CR3 playground: A and custom (v6.12)</title>"), "{svg}");
        assert!(html.contains("The right side runs a kernel tree, custom (v6.12). Links do not carry trees"), "{html}");
        assert!(!html.contains("does not run"), "{html}");
    }
}
