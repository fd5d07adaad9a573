//! `cr3play report`.

use super::copy::Copy;
use super::{Answer, check, json, play};
use expect_test::expect;

/// What a report prints, and the exit status.
fn report(arguments: &str) -> (String, i32) {
    let answer = play(&format!("report --verdict no {arguments}"), "");
    assert_eq!(answer.err, "", "{arguments}");
    (answer.out, answer.status)
}

#[test]
fn a_report_of_options() {
    check(
        "report --forms never,E --inject entry_SYSRETQ_unsafe_stack:nmi --verdict no",
        1,
        expect![[r#"
        CR3 playground 0.1.0

        left  never: does not restore: shows why the macro exists
        right E: PARANOID_RESTORE_CR3, merged in v6.9: skips a kernel CR3, BTR
              on the pending flush
        with  features pti,pcid,invpcid,fsgsbase,nx, handler quiet, TLB
              architectural (reading MIN)
        inject entry_SYSRETQ_unsafe_stack:nmi

        never: the program exited after #### steps; breaks
           restored at step ###, entry_SYSRETQ_unsafe_stack: the exception
           struck with CR3 0x###### and returned with 0x######
           user-cr3 at step ###, user_write_done: user mode on the kernel's
           tables, CR3 0x######
        E: the program exited after #### steps; user-cr3, kernel-cr3, restored,
           no-stale, flush-kept, regs, gs, mapped and nested held in this run

        Every NMI, #DB, #MC at every instruction: not asked.

        The counters are not comparable: never breaks restored at step ###.
        whole run                          never         E      diff
          CR3 writes                          ##        ##       n/c
          redundant CR3 writes                 1         0       n/c
          flushing CR3 writes                  0         0
          no-flush CR3 writes                 ##        ##       n/c
          dropped entries                      0         0
          TLB misses                          ##        ##       n/c
          refill misses                        0         0
          instructions                      ####      ####       n/c
          CR3 reads                           ##        ##       n/c
          TLB hits                          ####      ####       n/c
          cold misses                         ##        ##       n/c
          page-walk reads                     ##        ##       n/c
          deliveries                           8         7       n/c
          NMIs                                 1         1
          page faults                          3         2       n/c
          other events                         4         4

        ### of #### rows differ, in 2 places; each run numbers its own steps.
          no step                              ### bt $##, %r##
          no step                              ### jnc .Lend_##
          no step                              ### movq %r##, %r##
          no step                              ### andq $(0x7FF), %r##
          no step                              ### btr %r##, %gs:cpu_tlbstat...
          no step                              ### jc .Lwrcr3_##
          no step                              ### bts $##, %r##
          no step                              ### movq %r##, %cr3 [no flush]
            ### wrgsbase %rbx                  ### wrgsbase %rbx
            ### jmp nmi_restore                ### jmp nmi_restore
            ### popq %r##                      ### popq %r##
            ### popq %r##                      ### popq %r##
            ### popq %r##                      ### popq %r##
            ### popq %r##                      ### popq %r##
            ### popq %rbp                      ### popq %rbp
            ### popq %rbx                      ### popq %rbx
            ### popq %r##                      ### popq %r##
            ### popq %r##                      ### popq %r##
            ### popq %r9                       ### popq %r9
            ### popq %r8                       ### popq %r8
            ### popq %rax                      ### popq %rax
            ### popq %rcx                      ### popq %rcx
            ### popq %rdx                      ### popq %rdx
            ### popq %rsi                      ### popq %rsi
            ### popq %rdi                      ### popq %rdi
            ### addq $(6*8), %rsp              ### addq $(6*8), %rsp
            ### std                            ### std
            ### movq $0, 5*8(%rsp)             ### movq $0, 5*8(%rsp)
            ### iretq                          ### iretq
            ### swapgs [breaks restored]       ### swapgs
            ### verw mds_verw_sel(%rip)        ### verw mds_verw_sel(%rip)
            ### sysretq                        ### sysretq
              never has no such step (7 rows)
              E: writes CR3: user tables, PCID 0x###, no flush; nothing dropped;
              never has no such step
              CR3 0x###### against 0x###### (## rows)
              and 3 more reasons
              TLB misses 0 against 1, cold misses 0 against 1
                and ### more rows

        at step ### of #### in never, ### of #### in E:
          never: no step
          E: writes CR3: user tables, PCID 0x###, no flush; nothing dropped

        In a terminal:
          cr3play compare --forms never,E \
              --features pti,pcid,invpcid,fsgsbase,nx --handler quiet \
              --inject 'entry_SYSRETQ_unsafe_stack:nmi' --budget ######

        Numbers are those of a model: one CPU, no speculation, handlers
        modelled, steps not timed.

        #v=1&a=never&b=E&f=pti,pcid,invpcid,fsgsbase,nx&h=quiet&s=entry_SYSRETQ_unsafe_stack:nmi&at=###
    "#]],
    );
}

#[test]
fn the_explorer_is_asked_unless_a_person_says_no() {
    let answer = play("report --inject kernel_loop+1:nmi", "");
    assert_eq!((answer.status, answer.err.as_str()), (0, ""));
    let words = answer.out.split_whitespace().filter(|word| *word != "\\").collect::<Vec<_>>().join(" ");
    for said in [
        "E: holds for all",
        "holds for all single exceptions: 4,134 schedules cr3play explore",
        "cr3play explore --form E --depth 1 --vectors nmi,db,mc --handler quiet",
        "cr3play compare --forms A,E",
    ] {
        assert!(words.contains(said), "{said}: {}", answer.out);
    }
    assert!(report("--inject kernel_loop+1:nmi").0.contains("at every instruction: not asked."));
}

/// A link, the part of it after `#`, a file that has one, a mail on standard input: all open the same.
#[test]
fn a_link_is_taken_wherever_it_stands() {
    let link = "v=1&a=B2&b=E&f=pti,pcid&h=quiet&s=kernel_loop%2B1:nmi&at=40";
    let (expected, status) = report(link);
    assert_eq!(status, 0);
    assert!(expected.ends_with(&format!("\n#{link}\n")), "{expected}");
    assert_eq!(report(&format!("https://example.org/x/#{link}")), (expected.clone(), 0));
    let mail = format!("> See\n> <https://example.org/#{link}>, please.\n");
    let answer = play("report --verdict no -", &mail);
    assert_eq!((answer.out.as_str(), answer.status), (expected.as_str(), 0));
    assert_eq!(play("report --verdict no -", &expected).out, expected, "a report opens what it reports");
    let saved = play(&format!("report --verdict no --format link {link}"), "").out;
    assert_eq!(play("report --verdict no -", &saved).out, expected);
    let based = play(&format!("report --verdict no --base-address https://example.org/cr3/ {link}"), "").out;
    assert!(based.ends_with(&format!("\nhttps://example.org/cr3/#{link}\n")), "{based}");
}

#[test]
fn two_thousand_injections_fit_a_mail() {
    let schedule = vec!["kernel_loop+1:nmi"; 2000].join(",");
    let answer = play(&format!("report --verdict no --inject {schedule}"), "");
    assert!(answer.out.len() < 8000, "{} bytes", answer.out.len());
    assert!(answer.out.lines().all(|line| line.chars().count() <= 72), "{}", answer.out);
    let saved = play(&format!("report --verdict no --format link --inject {schedule}"), "").out;
    assert_eq!(play("report --verdict no -", &saved).out, answer.out, "the file has all of it");
}

#[test]
fn a_text_of_ones_own_travels_in_the_link() {
    let (text, status) = report("--macro crates/core/src/linux/restore/b2.S --inject entry_SYSRETQ_unsafe_stack:nmi");
    assert_eq!(status, 0);
    assert!(text.contains(include_str!("../../../core/src/linux/restore/b2.S")), "{text}");
    let link = text.lines().last().expect("a link");
    assert!(link.starts_with("#v=2&a=E&b=custom&") && link.contains("&d=B2,"), "{link}");
    assert_eq!(report(link), (text, 0));
}

#[test]
fn other_formats() {
    let of = |format: &str| report(&format!("--inject kernel_loop+1:nmi --format {format}")).0;
    let counters = json("report --verdict no --inject kernel_loop+1:nmi --json", 0);
    assert_eq!(counters, serde_json::from_str::<serde_json::Value>(&of("json")).expect("JSON"));
    let compared = json("compare --inject kernel_loop+1:nmi --json", 0);
    let by_name = |all: &serde_json::Value| {
        let all = all.as_array().expect("a list").iter();
        all.map(|one| (one["name"].to_string(), one["values"].to_string())).collect::<Vec<_>>()
    };
    assert_eq!(by_name(&counters["counters"]), by_name(&compared["counters"]));
    assert_eq!(of("csv").lines().count(), by_name(&compared["counters"]).len() + 1);
    assert!(of("svg").starts_with("<svg xmlns="));
    assert!(of("html").starts_with("<!doctype html>"));
}

#[test]
fn what_a_report_cannot_be_about_is_said() {
    check(
        "report --forms A,B2,E",
        2,
        expect![[r#"
        --- standard error
        cr3play: a report is about two forms, not 3
          try --forms A,E
    "#]],
    );
    check(
        "report Cargo.toml",
        2,
        expect![[r#"
        --- standard error
        cr3play: Cargo.toml has no link
          a link begins with #v=; the page copies one, or saves it as a file
    "#]],
    );
    check(
        "report v=1 --forms A,E",
        2,
        expect![[r#"
        --- standard error
        error: the argument '[LINK]' cannot be used with '--forms <FORMS>'

        Usage: cr3play report <LINK>

        For more information, try '--help'.
    "#]],
    );
    check(
        "report 'v=9&a=Z&b=E&s=&b=E' --verdict no --format link",
        0,
        expect![[r#"
            CR3 playground: drop this file on the page, or give it to `cr3play report`.
            #v=1&a=A&b=E&f=pti,pcid,invpcid,fsgsbase,nx&h=quiet&s=&at=##
            --- standard error
            cr3play: Parts of the link were ignored. v: the link has version 9, this program reads up to 3; it
              shows what it understands; a: "Z" is not a name on this page; b: the link has it more than once;
              the last one counts
        "#]],
    );
}

/// The command that a report prints, as a line of a shell.
fn command(report: &str) -> String {
    let lines = report.lines().skip_while(|line| !line.starts_with("  cr3play compare "));
    let command = lines.take_while(|line| !line.is_empty()).map(|line| line.trim().trim_end_matches('\\'));
    let command = command.collect::<Vec<_>>().join(" ");
    command.trim().strip_prefix("cr3play ").expect("a command").to_owned()
}

/// The same with the tree of testdata in the place of each folder.
fn reproduced(report: &str) -> String {
    command(report).replace("LEFT_DIR", "DIR").replace("RIGHT_DIR", "DIR").replace("DIR", "testdata/tree")
}

/// Each side's own text or tree runs in the report as in `compare`; the command that it prints counts the same.
#[test]
fn a_report_of_trees_and_texts() {
    const A: &str = "crates/core/src/linux/restore/a.S";
    const TREE: &str = "testdata/tree";
    for (options, forms) in [
        (format!("--tree {TREE}"), "E,tree"),
        (format!("--forms text,tree --macro {A} --tree {TREE}"), "text,tree"),
        (format!("--forms custom,E --macro {A} --tree {TREE}"), "custom,E"),
        (format!("--tree {TREE} --tree {TREE}"), "tree,tree"),
        (format!("--forms tree,custom --tree {TREE} --macro {A}"), "tree,custom"),
    ] {
        let options = format!("{options} --inject kernel_loop+1:nmi");
        let (text, status) = report(&options);
        assert_eq!(status, 0, "{text}");
        let command = reproduced(&text);
        assert!(command.starts_with(&format!("compare --forms {forms} ")), "{command}");
        let again = json(&format!("{} --json", command.replace("my.S", A)), 0);
        let of_report = json(&format!("report --verdict no --json {options}"), 0);
        assert_eq!(values(&of_report), values(&again), "{options}");
        assert_eq!(values(&of_report), values(&json(&format!("compare --json {options}"), 0)), "{options}");
    }
}

fn values(report: &serde_json::Value) -> Vec<(String, String)> {
    let of_last_two = |one: &serde_json::Value| {
        let values = one["values"].as_array().expect("a list");
        format!("{:?}", &values[values.len() - 2..])
    };
    let all = report["counters"].as_array().expect("a list").iter();
    all.map(|one| (one["name"].to_string(), of_last_two(one))).collect()
}

/// The report on two trees says which C side each has, and its link and its command have them again.
#[test]
fn each_tree_of_a_report_has_its_own_c_side() {
    let other = Copy::new("reported");
    std::fs::write(other.file(".config"), "CONFIG_DEBUG_ENTRY=y\n").expect("the file can be written");
    let trees = format!("--tree testdata/tree --tree {}", other.folder());
    let (text, status) = report(&format!("{trees} --inject kernel_loop+1:nmi"));
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("\nkernel v6.12 on the left, v6.12+debug-entry on the right\n"), "{text}");
    let link = text.lines().last().expect("a link");
    assert!(!link.contains("&k="), "{link}");
    let again = |link: &str| play(&format!("report --verdict no {link} {trees}"), "");
    let Answer { out, err, .. } = again(link);
    assert_eq!(out, text);
    expect![[r#"
        cr3play: The kernel on the right is v6.12+debug-entry: CONFIG_DEBUG_ENTRY, on in defconfig: the
          first NMI unblocks NMIs by an IRET of its own, and exits check what they return to.
    "#]]
    .assert_eq(&err);
    let command = command(&text).replace("LEFT_DIR", "testdata/tree").replace("RIGHT_DIR", &other.folder());
    assert!(!command.contains("--kernel"), "{command}");
    let of_report = json(&format!("report --verdict no --json {trees} --inject kernel_loop+1:nmi"), 0);
    assert_eq!(values(&of_report), values(&json(&format!("{command} --json"), 0)));
    let kernels = [0, 1].map(|side| of_report["runs"][side]["kernel"].clone());
    assert_eq!(
        (&of_report["kernel"], kernels),
        (&serde_json::Value::Null, ["v6.12", "v6.12+debug-entry"].map(Into::into))
    );
    // A link that names a kernel means both sides, as it did when both had what either tree has.
    for (kernel, said) in [
        ("v6.12%2Bdebug-entry", "\nkernel v6.12+debug-entry\n"),
        (
            "v6.12%2Bearly-switching",
            "\nkernel v6.12+early-switching on the left,\n       v6.12+early-switching+debug-entry on the right\n",
        ),
    ] {
        let text = again(&format!("{link}&k={kernel}")).out;
        assert!(text.contains(said), "{text}");
    }
}

/// Links do not carry trees; the caller gives them.
#[test]
fn a_link_with_a_tree_takes_the_tree() {
    const OPTIONS: &str = "--forms A,tree --tree testdata/tree --inject kernel_loop+1:nmi";
    let (text, status) = report(OPTIONS);
    assert_eq!(status, 0);
    let link = text.lines().last().expect("a link");
    assert!(link.starts_with("#v=2&a=A&b=custom&") && link.contains("&tb="), "{link}");
    assert_eq!(report(&format!("{link} --tree testdata/tree")), (text.clone(), status));
    let said = |arguments: &str| {
        let answer = play(&format!("report --verdict no {arguments}"), "");
        (answer.err.replace(char::is_numeric, "#"), answer.status)
    };
    let id = link.split_once("&tb=").expect("a tree").1.split('&').next().expect("a tree");
    let missing = play(&format!("report --verdict no {link}"), "");
    assert_eq!(missing.status, 1);
    assert_eq!(
        missing.err,
        format!(
            "cr3play: the link runs the kernel tree {id}, which no link carries\n  give its folder with --tree DIR\n"
        )
    );
    let other = link.replace(id, "0000000000000001");
    expect![[r#"
        cr#play: the link runs the kernel tree ################, and --tree gives ###c#######e####, v#.##
          the number is a sum over the files that are read: give the tree as it was
    "#]]
    .assert_eq(&said(&format!("{other} --tree testdata/tree")).0);
    expect![[r#"
        cr#play: the link runs no kernel tree, and --tree gives ###c#######e####, v#.##
          leave --tree out
    "#]]
    .assert_eq(&said("v=1&a=A&b=E --tree testdata/tree").0);
}

#[test]
fn the_explorer_judges_a_tree() {
    let answer = play("report --forms never,tree --tree testdata/tree --inject kernel_loop+1:nmi", "");
    let words = answer.out.split_whitespace().filter(|word| *word != "\\").collect::<Vec<_>>().join(" ");
    let said = [
        "right custom: v6.12, which a link cannot carry",
        "custom: holds for all single exceptions",
        "cr3play explore --tree DIR --depth 1",
        "In a terminal, with v6.12 in the folder DIR:",
        "cr3play compare --forms never,tree",
    ];
    assert!(said.iter().all(|said| words.contains(said)), "{}", answer.out);
}

/// The report says that a budget ended a run, and its command repeats the budget.
#[test]
fn a_report_has_a_budget() {
    let (text, status) = report("--budget 500 --inject kernel_loop+1:nmi");
    assert_eq!(status, 1, "{text}");
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("budget 500 steps; the link opens with 100,000, which it cannot change"), "{text}");
    let command = reproduced(&text);
    assert!(command.ends_with(" --budget 500"), "{command}");
    let again = json(&format!("{command} --json"), 1);
    assert_eq!(again["runs"][0]["steps"], 500);
    let of_report = json("report --verdict no --json --budget 500 --inject kernel_loop+1:nmi", 1);
    assert_eq!((values(&of_report), &of_report["budget"]), (values(&again), &serde_json::json!(500)));
    assert!(!report("--inject kernel_loop+1:nmi").0.contains("\nbudget "));
}
