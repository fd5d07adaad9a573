//! `cr3play check`: with Unicorn linked, and without.

use super::check;
use expect_test::expect;

#[cfg(not(feature = "unicorn"))]
#[test]
fn without_unicorn_it_says_how_to_build_it() {
    check(
        "check --inject kernel_loop+1:nmi",
        2,
        expect![[r#"
            --- standard error
            cr3play: this cr3play was built without Unicorn
              cargo run --release -p cr3-cli --features unicorn -- check ...; it needs cmake, a C compiler and
                libclang, which `cargo xtask setup` installs
        "#]],
    );
}

#[cfg(feature = "unicorn")]
mod with_unicorn {
    use super::super::json;
    use super::*;
    use serde_json::Value;

    #[test]
    fn agreement_is_told_with_its_vouchers() {
        check(
            "check --against unicorn --inject kernel_loop+1:nmi",
            0,
            expect![[r#"
                form      A, E
                features  pti,pcid,invpcid,fsgsbase,nx
                handler   quiet: returns at once
                TLB       architectural: unbounded; drops exactly what the manual requires
                reading   MIN
                inject    kernel_loop+1:nmi
                A         the program exited after #### steps; Unicorn agrees
                E         the program exited after #### steps; Unicorn agrees

                steps and deliveries that Unicorn took over:
                  A 5, E 5: Unicorn does not execute SYSCALL, it only calls a hook
                  A 7, E 7: Unicorn's library stops at an event and does not deliver it

                how often each was compared:
                                                     who vouches                                A     E
                RAX to R##, RIP                      Unicorn 2.1.5                           ####  ####
                    not compared: results that the manual leaves undefined, as of BSF with a source of 0
                RFLAGS                               Unicorn 2.1.5                           ####  ####
                    not compared: flags that the manual leaves undefined; RF between two instructions
                selectors, FS and GS bases, CPL      Unicorn 2.1.5                           ####  ####
                    not compared: hidden limits, attributes and bases that ##-bit mode ignores; SS after a delivery
                    through the IST at CPL 0
                CR0, CR2, CR4, MSRs, GDTR, IDTR, TR  Unicorn 2.1.5                           ####  ####
                    not compared: CR8, DR0 to DR7; which values MOV to a control register and WRMSR refuse;
                    MCG_STATUS.MCIP
                CR3, bits ##:0                       Unicorn 2.1.5                           ####  ####
                    not compared: what INVPCID does: Unicorn has none
                memory, stack, pending-flush mask    Unicorn 2.1.5                           ####  ####
                    not compared: accessed flags that Unicorn sets a step early, until our machine sets them too
                faults: vector, error code, address  Unicorn 2.1.5                              6     6
                    not compared: encodings that we refuse and Unicorn accepts; accesses of one instruction in
                    another order
                whether NMIs are blocked             Unicorn 2.1.5                           ####  ####
                    not compared: that a faulting IRET unblocks them; the interrupt shadow of MOV SS and STI
                deliveries: IDT, TSS, IST, frame     Unicorn 2.1.5                              0     0
                    not compared: natively all, because its library stops at events; in the page faults of a
                    delivery in part
                CR3 bit ##, PCID, TLB, flushes       a second model, from the manual's text     -     -
                    not compared: which of several allowed behaviours a processor shows: the reading names the
                    chosen one; writes of MTRRs, virtual machines and protection keys are not modelled
                bytes of assembled text              GNU as                                     -     -
                    not compared: texts that we refuse and GNU as accepts
                Linux: entry code                    Linux v6.1.### and v6.##.###               -     -
                    not compared: differences that are declared; other releases
                Linux: C side, layout, constants     the source that the code cites             -     -
                    not compared: whether we misread any of it: no Linux runs here
                counters, verdicts                   nobody                                     -     -
                    not compared: they follow from the steps by rules that only unit tests compare with cases worked
                    out by hand
                cycles                               the source that the code cites             -     -
                    not compared: nothing is timed: published ranges times counters
            "#]],
        );
    }

    #[test]
    fn the_first_difference_is_shown_with_both_states() {
        check(
            "check --forms E --inject kernel_loop+1:nmi --wrong-after 7",
            1,
            expect![[r#"
                form      E
                features  pti,pcid,invpcid,fsgsbase,nx
                handler   quiet: returns at once
                TLB       architectural: unbounded; drops exactly what the manual requires
                reading   MIN
                inject    kernel_loop+1:nmi
                E         the program exited after #### steps; Unicorn differs at step 8

                E: the first difference, at user_loop+5
                  pop %rcx [##]
                  rax: ours 0x1, theirs 0x0
                                  before            ours              theirs
                  rax             ################  ################  ################  differs
                  rcx             ################  ################  ################
                  rdx             ################  ################  ################
                  rbx             ################  ################  ################
                  rsp             #####fffffffeef8  #####fffffffef##  #####fffffffef##
                  rbp             ################  ################  ################
                  rsi             ################  ################  ################
                  rdi             ################  ################  ################
                  r8              ################  ################  ################
                  r9              ################  ################  ################
                  r##             ################  ################  ################
                  r##             ################  ################  ################
                  r##             ################  ################  ################
                  r##             ################  ################  ################
                  r##             ################  ################  ################
                  r##             ################  ################  ################
                  es              ################  ################  ################
                  cs              ################  ################  ################
                  ss              ###############b  ###############b  ###############b
                  ds              ################  ################  ################
                  fs              ################  ################  ################
                  gs              ################  ################  ################
                  rip             ################  ################  ################
                  rflags          ################  ################  ################
                  cpl             ################  ################  ################
                  fs_base         ################  ################  ################
                  gs_base         ################  ################  ################
                  kernel_gs_base  ffff######c#####  ffff######c#####  ffff######c#####
                  cr0             ################  ################  ################
                  cr2             ################  ################  ################
                  cr3             ################  ################  ################
                  cr4             ##############f0  ##############f0  ##############f0
                  efer            #############d##  #############d##  #############d##
                  star            ################  ################  ################
                  lstar           ffffffff########  ffffffff########  ffffffff########
                  fmask           #############fd5  #############fd5  #############fd5
                  tsc_aux         ################  ################  ################
                  mcg_status      ################  ################  ################
                  gdtr_base       fffffe##########  fffffe##########  fffffe##########
                  gdtr_limit      ###############f  ###############f  ###############f
                  idtr_base       fffffe##########  fffffe##########  fffffe##########
                  idtr_limit      #############fff  #############fff  #############fff
                  tr              ################  ################  ################
                  nmi_blocked     ################  ################  ################

                how often each was compared:
                                                     who vouches                             E
                RAX to R##, RIP                      Unicorn 2.1.5                           7
                    not compared: results that the manual leaves undefined, as of BSF with a source of 0
                RFLAGS                               Unicorn 2.1.5                           7
                    not compared: flags that the manual leaves undefined; RF between two instructions
                selectors, FS and GS bases, CPL      Unicorn 2.1.5                           7
                    not compared: hidden limits, attributes and bases that ##-bit mode ignores; SS after a delivery
                    through the IST at CPL 0
                CR0, CR2, CR4, MSRs, GDTR, IDTR, TR  Unicorn 2.1.5                           7
                    not compared: CR8, DR0 to DR7; which values MOV to a control register and WRMSR refuse;
                    MCG_STATUS.MCIP
                CR3, bits ##:0                       Unicorn 2.1.5                           7
                    not compared: what INVPCID does: Unicorn has none
                memory, stack, pending-flush mask    Unicorn 2.1.5                           7
                    not compared: accessed flags that Unicorn sets a step early, until our machine sets them too
                faults: vector, error code, address  Unicorn 2.1.5                           0
                    not compared: encodings that we refuse and Unicorn accepts; accesses of one instruction in
                    another order
                whether NMIs are blocked             Unicorn 2.1.5                           7
                    not compared: that a faulting IRET unblocks them; the interrupt shadow of MOV SS and STI
                deliveries: IDT, TSS, IST, frame     Unicorn 2.1.5                           0
                    not compared: natively all, because its library stops at events; in the page faults of a
                    delivery in part
                CR3 bit ##, PCID, TLB, flushes       a second model, from the manual's text  -
                    not compared: which of several allowed behaviours a processor shows: the reading names the
                    chosen one; writes of MTRRs, virtual machines and protection keys are not modelled
                bytes of assembled text              GNU as                                  -
                    not compared: texts that we refuse and GNU as accepts
                Linux: entry code                    Linux v6.1.### and v6.##.###            -
                    not compared: differences that are declared; other releases
                Linux: C side, layout, constants     the source that the code cites          -
                    not compared: whether we misread any of it: no Linux runs here
                counters, verdicts                   nobody                                  -
                    not compared: they follow from the steps by rules that only unit tests compare with cases worked
                    out by hand
                cycles                               the source that the code cites          -
                    not compared: nothing is timed: published ranges times counters
            "#]],
        );
    }

    #[test]
    fn every_injection_is_followed() {
        check(
            "check --forms E --features none --every-injection --budget 300",
            0,
            expect![[r#"
                form      E
                features  none
                handler   quiet: returns at once
                TLB       architectural: unbounded; drops exactly what the manual requires
                reading   MIN
                inject    nothing
                E         #### single injections struck, ### are refused by the architecture; Unicorn agrees
                    none of these #### runs of E breaks user-cr3, kernel-cr3, restored, no-stale, flush-kept, regs,
                    gs, mapped and nested, and each ends as it should

                steps and deliveries that Unicorn took over:
                  E ###: Unicorn does not execute SYSCALL, it only calls a hook
                  E ####: Unicorn's library stops at an event and does not deliver it

                how often each was compared:
                                                     who vouches                                  E
                RAX to R##, RIP                      Unicorn 2.1.5                           ######
                    not compared: results that the manual leaves undefined, as of BSF with a source of 0
                RFLAGS                               Unicorn 2.1.5                           ######
                    not compared: flags that the manual leaves undefined; RF between two instructions
                selectors, FS and GS bases, CPL      Unicorn 2.1.5                           ######
                    not compared: hidden limits, attributes and bases that ##-bit mode ignores; SS after a delivery
                    through the IST at CPL 0
                CR0, CR2, CR4, MSRs, GDTR, IDTR, TR  Unicorn 2.1.5                           ######
                    not compared: CR8, DR0 to DR7; which values MOV to a control register and WRMSR refuse;
                    MCG_STATUS.MCIP
                CR3, bits ##:0                       Unicorn 2.1.5                           ######
                    not compared: what INVPCID does: Unicorn has none
                memory, stack, pending-flush mask    Unicorn 2.1.5                           ######
                    not compared: accessed flags that Unicorn sets a step early, until our machine sets them too
                faults: vector, error code, address  Unicorn 2.1.5                              ###
                    not compared: encodings that we refuse and Unicorn accepts; accesses of one instruction in
                    another order
                whether NMIs are blocked             Unicorn 2.1.5                           ######
                    not compared: that a faulting IRET unblocks them; the interrupt shadow of MOV SS and STI
                deliveries: IDT, TSS, IST, frame     Unicorn 2.1.5                                0
                    not compared: natively all, because its library stops at events; in the page faults of a
                    delivery in part
                CR3 bit ##, PCID, TLB, flushes       a second model, from the manual's text       -
                    not compared: which of several allowed behaviours a processor shows: the reading names the
                    chosen one; writes of MTRRs, virtual machines and protection keys are not modelled
                bytes of assembled text              GNU as                                       -
                    not compared: texts that we refuse and GNU as accepts
                Linux: entry code                    Linux v6.1.### and v6.##.###                 -
                    not compared: differences that are declared; other releases
                Linux: C side, layout, constants     the source that the code cites               -
                    not compared: whether we misread any of it: no Linux runs here
                counters, verdicts                   nobody                                       -
                    not compared: they follow from the steps by rules that only unit tests compare with cases worked
                    out by hand
                cycles                               the source that the code cites               -
                    not compared: nothing is timed: published ranges times counters
            "#]],
        );
        check(
            "check --preset schedule --every-injection",
            2,
            expect![[r#"
            --- standard error
            error: the argument '--preset <NAME>' cannot be used with '--every-injection'

            Usage: cr3play check --preset <NAME>

            For more information, try '--help'.
        "#]],
        );
        check(
            "check --inject nowhere:nmi",
            2,
            expect![[r#"
            --- standard error
            cr3play: nowhere:nmi did not strike: no such label
              `cr3play places` lists the places
        "#]],
        );
    }

    /// Name, value before the step, ours, theirs.
    fn register<'a>(difference: &'a Value, name: &str) -> [&'a str; 3] {
        let registers = difference["registers"].as_array().expect("registers");
        let found = registers.iter().find(|register| register["name"] == name).expect("the register is there");
        ["before", "ours", "theirs"].map(|field| found[field].as_str().expect("a number"))
    }

    #[test]
    fn json_has_counts_and_the_difference() {
        let agreed = json("check --forms A,E --inject kernel_loop+1:nmi --json", 0);
        let traced = json("compare --forms A,E --inject kernel_loop+1:nmi --json", 0);
        for (run, traced) in
            agreed["runs"].as_array().expect("runs").iter().zip(traced["runs"].as_array().expect("runs"))
        {
            assert_eq!(run["steps"], traced["steps"]);
            let not_compared = run["not_compared"][0]["count"].as_u64().expect("SYSCALLs");
            // The injected NMI is a step without an instruction.
            let steps = run["compared"].as_u64().expect("a count") + not_compared + 1;
            assert_eq!(Some(steps), run["steps"].as_u64(), "each step is counted once");
            assert!(run["difference"].is_null());
        }
        let wrong = json("check --forms E --inject kernel_loop+1:nmi --wrong-after 7 --json", 1);
        let difference = &wrong["runs"][0]["difference"];
        assert_eq!(difference["step"], 8, "wrong after seven steps");
        let [before, ours, theirs] = register(difference, "rax");
        assert_eq!((before, ours, theirs), ("0x1", "0x1", "0x0"), "{difference}");
        let [rip, next, their_next] = register(difference, "rip");
        assert!(rip != next && next == their_next);
    }
}
