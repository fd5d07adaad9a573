//! Names of instructions that entry code may hold and this machine does not execute.

use iced_x86::Mnemonic as M;

/// What the assembler of `cr3-asm` takes beyond `dispatch`. The names of all instructions of x86-64 would be heavier than a pane of
/// the page.
#[rustfmt::skip]
const NAMES: &[(M, &str)] = &[
    (M::Clgi, "clgi"), (M::Clrssbsy, "clrssbsy"), (M::Encls, "encls"), (M::Fxrstor, "fxrstor"),
    (M::Fxrstor64, "fxrstor64"), (M::Fxsave, "fxsave"), (M::Fxsave64, "fxsave64"), (M::In, "in"),
    (M::Incsspd, "incsspd"), (M::Incsspq, "incsspq"), (M::Insb, "insb"), (M::Insd, "insd"), (M::Insw, "insw"),
    (M::Invept, "invept"), (M::Invvpid, "invvpid"), (M::Ldmxcsr, "ldmxcsr"), (M::Monitor, "monitor"),
    (M::Mwait, "mwait"), (M::Out, "out"), (M::Outsb, "outsb"), (M::Outsd, "outsd"), (M::Outsw, "outsw"),
    (M::Rdpkru, "rdpkru"), (M::Rdpmc, "rdpmc"), (M::Rdrand, "rdrand"), (M::Rdseed, "rdseed"), (M::Rdsspd, "rdsspd"),
    (M::Rdsspq, "rdsspq"), (M::Rsm, "rsm"), (M::Rstorssp, "rstorssp"), (M::Saveprevssp, "saveprevssp"),
    (M::Setssbsy, "setssbsy"), (M::Stgi, "stgi"), (M::Stmxcsr, "stmxcsr"), (M::Sysenter, "sysenter"),
    (M::Sysexit, "sysexit"), (M::Sysexitq, "sysexitq"), (M::Sysret, "sysret"), (M::Tdcall, "tdcall"),
    (M::Vmcall, "vmcall"), (M::Vmgexit, "vmgexit"), (M::Vmlaunch, "vmlaunch"), (M::Vmload, "vmload"),
    (M::Vmmcall, "vmmcall"), (M::Vmresume, "vmresume"), (M::Vmrun, "vmrun"), (M::Vmsave, "vmsave"),
    (M::Vmxoff, "vmxoff"), (M::Wbnoinvd, "wbnoinvd"), (M::Wrpkru, "wrpkru"), (M::Wrssd, "wrssd"), (M::Wrssq, "wrssq"),
    (M::Xgetbv, "xgetbv"), (M::Xrstor, "xrstor"), (M::Xrstor64, "xrstor64"), (M::Xsave, "xsave"),
    (M::Xsave64, "xsave64"), (M::Xsaveopt, "xsaveopt"), (M::Xsaveopt64, "xsaveopt64"), (M::Xsetbv, "xsetbv"),
];

/// The name of an instruction of the table.
pub(super) fn name(mnemonic: M) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == mnemonic).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_decoder() {
        for (mnemonic, name) in NAMES {
            assert_eq!(format!("{mnemonic:?}").to_lowercase(), *name);
        }
    }
}
