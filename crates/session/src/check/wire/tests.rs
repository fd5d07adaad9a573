use super::*;
use crate::choice::Form;
use cr3_core::geometry::Geometry;
use cr3_core::linux::{Base, Config, Features, Kernel, TreeId, Variation};

fn task(form: Form, custom: &str) -> Task {
    let schedule = "kernel_loop+1:nmi > exc_nmi+2:mc".parse().expect("a schedule");
    let handler = "perf+pending-flush".parse().expect("handlers");
    let (features, geometry) = (Features::NONE, Geometry::Skylake);
    let kernel = Kernel::only(Variation::DebugEntry);
    let base = Base::Elsewhere(TreeId(0x12));
    let config = Config { features, kernel, base, form, custom: custom.into(), handler, geometry };
    Task { ticket: 7, side: Side::Right, scenario: Scenario { config, schedule } }
}

fn plain() -> Task {
    Task { ticket: 0, side: Side::Left, scenario: Scenario::default() }
}

#[test]
fn requests_are_read_as_they_were_written() {
    let requests = [
        Request::Follow(plain()),
        Request::Follow(task(Form::A, "")),
        Request::Sweep(task(Form::Custom, ".macro X\n\u{1f}\u{1e}")),
        Request::Test { ticket: u32::MAX },
        Request::Stop,
        Request::Forget,
    ];
    for request in requests {
        assert_eq!(Request::decode(&request.encode(), &Library::default()), Some(request));
    }
    for text in ["", "follow", "follow\u{1f}1\u{1f}q\u{1f}", "test\u{1f}-1", "frob"] {
        assert_eq!(Request::decode(text, &Library::default()), None, "{text:?}");
    }
}

#[test]
fn reports_are_read_as_they_were_written() {
    let unjudged = |why: &str| Mark::Unjudged(why.into());
    let marks = vec![
        unjudged("no INVPCID"),
        Mark::Agrees,
        Mark::Delivered,
        unjudged("only a hook"),
        unjudged("no INVPCID"),
        Mark::Differs,
    ];
    let found = Disagreement {
        origin: Origin::Sweep(Side::Left),
        step: 12,
        schedule: "kernel_loop+1:nmi > exc_nmi+2:mc".to_owned(),
        instruction: "mov %rax,%rbx".to_owned(),
        bytes: vec![0x48, 0x89, 0x0f],
        differences: vec!["rax: ours 0x1, theirs 0x0".to_owned(), "ours retired, theirs raised".to_owned()],
        fields: vec![Field { name: "rax".to_owned(), before: u64::MAX, ours: 1, theirs: 0 }],
    };
    let kind =
        |words: &str| Kind { words: words.to_owned(), runs: 2, first: "kernel_loop+1:nmi > exc_nmi:mc".to_owned() };
    let findings = Findings { runs: 5, kinds: vec![kind("break user-cr3"), kind("end in a kernel panic")] };
    let progress = Progress { done: 1, total: 2, struck: 3, refused: 4, compared: u64::MAX, findings };
    let reports = [
        Report::Received(123),
        Report::Opened,
        Report::Broke("out of memory: it trapped".to_owned()),
        Report::Steps(Side::Right, marks),
        Report::Steps(Side::Left, Vec::new()),
        Report::Ended(Side::Left),
        Report::Swept(progress, Stage::Agrees),
        Report::Disagrees(Disagreement {
            origin: Origin::Test,
            differences: vec![],
            fields: vec![],
            bytes: vec![],
            ..found.clone()
        }),
        Report::Disagrees(Disagreement { origin: Origin::Run(Side::Right), ..found.clone() }),
        Report::Disagrees(found),
        Report::TestMissed("nothing was found".to_owned()),
    ];
    for report in reports {
        assert_eq!(decode(&encode(9, &report)), Some((9, report)));
    }
    for text in [
        "",
        "1",
        "1\u{1f}steps\u{1f}a\u{1f}?\u{1f}",
        "1\u{1f}steps\u{1f}a\u{1f}\u{101}\u{1f}one",
        "x\u{1f}opened",
        "1\u{1f}differs\u{1f}run a",
    ] {
        assert_eq!(decode(text), None, "{text:?}");
    }
}
