//! From a configuration to a machine that is about to run the user program. Boot is a state, not code: Rust writes
//! everything that firmware and kernel would have done by now, once, before the first instruction.

use super::layout::{self as at, IstStack};
use super::own::Texts;
use super::{Base, Config, Features, Form, GivenLine, System, constants, naming, own, sources, tables, tree};
use crate::asm::{Assembled, Diagnostic, Image, Line, Position, Section, Severity, Source};
use crate::machine::bits::{cr0, cr4, efer};
use crate::machine::control::current_pcid;
use crate::machine::cpu::{DescriptorTable, Events, ModelSpecific};
use crate::machine::{Cpu, CpuFeatures, Machine, Memory, Register, Segment, SegmentRegister};
use std::sync::Arc;

/// Builds the system.
///
/// # Errors
/// Diagnostics of the assembler, if a person's macro does not assemble or does not define what it should.
pub fn boot(config: &Config) -> Result<System, Vec<Diagnostic>> {
    match own::around(config)? {
        Some(around) => booted(&around).map(whole),
        None => booted(config),
    }
}

/// A person gave all of entry_64.S.
fn whole(system: System) -> System {
    let source = tree::ENTRY_INDEX;
    let lines = (1..).zip(system.sources[source].text.lines()).map(|(line, _)| GivenLine { source, line, given: line });
    System { given: lines.collect(), ..system }
}

fn booted(config: &Config) -> Result<System, Vec<Diagnostic>> {
    let options = constants::options(config.features, config.kernel);
    let refused = |diagnostics: Vec<Diagnostic>| own::named_syntax(config, &options, diagnostics);
    let texts = own::texts(config, &options).map_err(|diagnostic| refused(vec![*diagnostic]))?;
    let Assembled { mut image, diagnostics, included } = texts.assemble();
    let Texts { mut sources, restore, notes, origins, .. } = texts;
    sources.extend(included);
    let mended = |told: Diagnostic| match config.base.tree() {
        Some(tree) => tree::mended(tree, told),
        None => told,
    };
    let diagnostics: Vec<_> = diagnostics.into_iter().map(|told| mended(origins.given(told))).collect();
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(refused(without_notes(config, &sources, diagnostics)));
    }
    let machine = machine(config, &image).map_err(|refused| vec![of_entry(config, origins.given(*refused))])?;
    let adopted = adopted(config, &mut image)?;
    let notes = match config.form {
        Form::Custom => {
            let empty = own::empty(&image, &restore.name, restore.at).map(|note| origins.given(note));
            let mut notes = own::own_notes(diagnostics.into_iter().chain(notes).chain(empty));
            notes.extend(adopted);
            notes
        }
        _ => Vec::new(),
    };
    let given = origins.given_lines().into();
    Ok(System { machine, image: Arc::new(image), sources: sources.into(), notes: notes.into(), given })
}

/// The system whose texts another program assembled: of a tree, which need not be here.
///
/// # Errors
/// A diagnostic if the image is not that of a kernel.
pub fn start(
    config: &Config,
    image: Arc<Image>,
    sources: Arc<[Source]>,
    notes: Arc<[Diagnostic]>,
    given: Arc<[GivenLine]>,
) -> Result<System, Vec<Diagnostic>> {
    let machine = machine(config, &image).map_err(|refused| vec![of_entry(config, *refused)])?;
    Ok(System { machine, image, sources, notes, given })
}

/// Which names of the configuration are off fills pages in a tree; what is wrong with it does not. A header that is missing comes before
/// what follows from it.
fn without_notes(config: &Config, sources: &[Source], mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if config.base == Base::BuiltIn {
        return diagnostics;
    }
    let mut said = Vec::new();
    // What a macro lacks is missing at each of its calls.
    diagnostics.retain(|diagnostic| {
        let key = (diagnostic.position, diagnostic.message.clone());
        let is_new = diagnostic.severity == Severity::Error && !said.contains(&key);
        said.push(key);
        is_new
    });
    let (mut first, others): (Vec<_>, Vec<_>) =
        diagnostics.into_iter().partition(|diagnostic| own::of_include(sources, diagnostic));
    first.extend(others);
    first
}

/// What a tree lacks, it lacks in its entry code.
fn of_entry(config: &Config, refused: Diagnostic) -> Diagnostic {
    match config.base == Base::BuiltIn || !config.custom.is_empty() {
        true => refused,
        false => Diagnostic {
            position: Position { source: tree::ENTRY_INDEX, line: 0, column: 0 },
            source: tree::ENTRY.to_owned(),
            hint: Some(
                "an entry point may have had another name in this release: v5.8 and later can be run".to_owned(),
            ),
            ..refused
        },
    }
}

/// Gives the places of a tree's text the names that they have in the built-in one, and those of the built-in text the names of Linux.
fn adopted(config: &Config, image: &mut Image) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let Some(tree) = config.base.tree().filter(|_| config.form == Form::Custom) else {
        naming::understand_linux(image);
        return Ok(Vec::new());
    };
    let plain = Config { base: Base::BuiltIn, form: Form::E, custom: Arc::default(), ..config.clone() };
    Ok(naming::adopt(image, tree, own::settings(&config.custom).0, &boot(&plain)?.image))
}

fn machine(config: &Config, image: &Image) -> Result<Machine, Box<Diagnostic>> {
    let features = config.features;
    let mut memory = Memory::new();
    tables::build(&mut memory, features);
    load(&mut memory, config, image)?;
    write_idt(&mut memory, config, image)?;
    write_gdt(&mut memory);
    write_tss(&mut memory);
    write_per_cpu(&mut memory, features, image)?;
    write_task_registers(&mut memory, image)?;
    memory.write_u64(at::USER_DATA_PHYSICAL + (at::USER_GS_BASE - at::USER_DATA) + 8, USER_THREAD_WORD);
    let cpu = cpu(features, image)?;
    let tlb = config.geometry.tlb().starting_at(current_pcid(&cpu));
    Ok(Machine { cpu, memory, tlb })
}

/// RSP of the user program at its start.
const USER_RSP: u64 = at::TASK_SIZE_MAX - 0x100;
/// IF, and bit 1, which is always set.
const USER_FLAGS: u64 = 0x202;
/// The value at GS:8 of the user program.
const USER_THREAD_WORD: u64 = 0x7468_7265_6164;

/// Writes the sections to the physical pages behind their addresses.
fn load(memory: &mut Memory, config: &Config, image: &Image) -> Result<(), Box<Diagnostic>> {
    let of_tree = config.base != Base::BuiltIn;
    let regions = || constants::REGIONS.iter().chain(constants::OF_TREES.iter().filter(|_| of_tree));
    let has_place = |section: &&Section| !(section.bytes.is_empty() || of_tree && tree::drops(&section.name));
    for section in image.sections.iter().filter(has_place) {
        let Some(region) = regions().find(|region| region.section == section.name) else {
            let message = format!("section '{}' has no place in memory", section.name);
            return Err(misplaced(image, section, message, "Use .text, .entry.text, .data, __ex_table or .user.text"));
        };
        if section.bytes.len() as u64 > region.size {
            let message = format!("section '{}' is larger than its {} bytes of memory", section.name, region.size);
            return Err(misplaced(image, section, message, "Leave out what the macro does not need"));
        }
        memory.write_bytes(region.physical, &section.bytes);
    }
    Ok(())
}

/// Only a person's text can cause this, so the diagnostic points at its first statement in the section.
fn misplaced(image: &Image, section: &Section, message: String, hint: &str) -> Box<Diagnostic> {
    let reach = section.base..=section.base.saturating_add(section.bytes.len() as u64);
    let own = |line: &&Line| line.position.source == sources::FORM_INDEX && reach.contains(&line.address);
    let first = image.listing.iter().find(own).map_or(Position::default(), |line| line.position);
    let position = Position { source: sources::FORM_INDEX, line: first.line.max(1), column: first.column.max(1) };
    Box::new(refusal(position, message, hint))
}

fn symbol(image: &Image, name: &str) -> Result<u64, Box<Diagnostic>> {
    let position = Position { source: sources::FORM_INDEX, line: 1, column: 1 };
    let refused = || Box::new(refusal(position, format!("no text defines '{name}'"), "Leave its name as it is"));
    image.symbols.get(name).copied().ok_or_else(refused)
}

fn refusal(position: Position, message: String, hint: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        position,
        source: sources::CUSTOM.to_owned(),
        message,
        hint: Some(hint.to_owned()),
        expansion: Vec::new(),
    }
}

// --- Descriptor tables ----------------------------------------------------------------------------------------------

struct Gate {
    vector: u8,
    handler: &'static str,
    stack: Option<IstStack>,
    /// The privilege that INT n and INT3 need.
    privilege: u8,
}

const fn gate(vector: u8, handler: &'static str) -> Gate {
    Gate { vector, handler, stack: None, privilege: 0 }
}

const fn ist_gate(vector: u8, handler: &'static str, stack: IstStack) -> Gate {
    Gate { stack: Some(stack), ..gate(vector, handler) }
}

const fn user_gate(vector: u8, handler: &'static str) -> Gate {
    Gate { privilege: 3, ..gate(vector, handler) }
}

/// `def_idts` and the local timer (arch/x86/kernel/idt.c, v6.12). Vectors without a gate raise #NP.
const GATES: [Gate; 21] = [
    gate(0, "asm_exc_divide_error"),
    ist_gate(1, "asm_exc_debug", IstStack::Debug),
    ist_gate(2, "asm_exc_nmi", IstStack::Nmi),
    user_gate(3, "asm_exc_int3"),
    user_gate(4, "asm_exc_overflow"),
    gate(5, "asm_exc_bounds"),
    gate(6, "asm_exc_invalid_op"),
    gate(7, "asm_exc_device_not_available"),
    ist_gate(8, "asm_exc_double_fault", IstStack::DoubleFault),
    gate(10, "asm_exc_invalid_tss"),
    gate(11, "asm_exc_segment_not_present"),
    gate(12, "asm_exc_stack_segment"),
    gate(13, "asm_exc_general_protection"),
    gate(14, "asm_exc_page_fault"),
    gate(16, "asm_exc_coprocessor_error"),
    gate(17, "asm_exc_alignment_check"),
    ist_gate(18, "asm_exc_machine_check", IstStack::MachineCheck),
    gate(19, "asm_exc_simd_coprocessor_error"),
    gate(21, "asm_exc_control_protection"),
    ist_gate(29, "asm_exc_vmm_communication", IstStack::Vc),
    gate(at::TIMER_VECTOR, "asm_sysvec_apic_timer_interrupt"),
];

/// Gates that came late or that a configuration leaves out: #CP since v6.2, #VC since v5.10.
const OPTIONAL: [&str; 2] = ["asm_exc_control_protection", "asm_exc_vmm_communication"];

/// Limit of the IDT: 256 gates of 16 bytes.
const IDT_LIMIT: u16 = 0xfff;
/// Limit of the GDT: 16 entries (asm/segment.h, `GDT_ENTRIES`).
const GDT_LIMIT: u16 = 0x7f;

/// #VC has its gate in SEV-ES guests; off stands for a kernel without CONFIG_AMD_MEM_ENCRYPT.
///
/// A tree need not have what its release does not: a gate whose handler it lacks stays empty.
fn write_idt(memory: &mut Memory, config: &Config, image: &Image) -> Result<(), Box<Diagnostic>> {
    let of_tree = config.base != Base::BuiltIn;
    for gate in GATES.iter().filter(|gate| config.features.sev_es || gate.stack != Some(IstStack::Vc)) {
        if of_tree && OPTIONAL.contains(&gate.handler) && !image.symbols.contains_key(gate.handler) {
            continue;
        }
        let [low, high] = gate_words(gate, symbol(image, gate.handler)?);
        let place = at::IDT_PHYSICAL + u64::from(gate.vector) * 16;
        memory.write_u64(place, low);
        memory.write_u64(place + 8, high);
    }
    Ok(())
}

/// A 64-bit interrupt gate (SDM vol. 3A figure 6-8).
fn gate_words(gate: &Gate, handler: u64) -> [u64; 2] {
    const INTERRUPT_GATE: u64 = 0xe;
    let ist = gate.stack.map_or(0, IstStack::gate_field);
    let access = 0x80 | u64::from(gate.privilege) << 5 | INTERRUPT_GATE;
    let low = handler & 0xffff
        | u64::from(at::KERNEL_CS) << 16
        | u64::from(ist) << 32
        | access << 40
        | (handler >> 16 & 0xffff) << 48;
    [low, handler >> 32]
}

/// Attributes as [`Segment::attributes`] holds them (asm/desc_defs.h, v6.12: `DESC_CODE64` and others).
const KERNEL_CODE: u16 = 0xa09b;
const KERNEL_DATA: u16 = 0xc093;
const USER_CODE_32: u16 = 0xc0fb;
const USER_CODE: u16 = 0xa0fb;
const USER_DATA: u16 = 0xc0f3;
/// Busy 64-bit TSS.
const BUSY_TSS: u16 = 0x008b;
/// Read-only data, expand-down, DPL 3: `setup_getcpu` (arch/x86/kernel/cpu/common.c). Its limit is the CPU number, here 0.
const CPU_NUMBER: u16 = 0x40f5;

const SEGMENTS: [(u16, Segment); 7] = [
    (at::KERNEL_CS, flat(at::KERNEL_CS, KERNEL_CODE)),
    (at::KERNEL_DS, flat(at::KERNEL_DS, KERNEL_DATA)),
    (at::USER32_CS, flat(at::USER32_CS, USER_CODE_32)),
    (at::USER_DS, flat(at::USER_DS, USER_DATA)),
    (at::USER_CS, flat(at::USER_CS, USER_CODE)),
    (
        at::TSS_SELECTOR,
        Segment { selector: at::TSS_SELECTOR, base: at::TSS, limit: at::TSS_LIMIT, attributes: BUSY_TSS },
    ),
    (at::CPUNODE_SEG, Segment { selector: at::CPUNODE_SEG, base: 0, limit: 0, attributes: CPU_NUMBER }),
];

const fn flat(selector: u16, attributes: u16) -> Segment {
    Segment { selector, base: 0, limit: u32::MAX, attributes }
}

fn write_gdt(memory: &mut Memory) {
    let gdt = at::PER_CPU_PHYSICAL + at::PERCPU_GDT_PAGE;
    for (selector, segment) in &SEGMENTS {
        memory.write_u64(gdt + u64::from(selector & !7), descriptor(segment));
    }
    memory.write_u64(gdt + u64::from(at::TSS_SELECTOR) + 8, at::TSS >> 32);
}

/// The eight bytes of a descriptor (SDM vol. 3A figure 3-8); for the TSS the first eight.
fn descriptor(segment: &Segment) -> u64 {
    const GRANULARITY: u16 = 1 << 15;
    let attributes = u64::from(segment.attributes);
    let limit = u64::from(if segment.attributes & GRANULARITY == 0 { segment.limit } else { segment.limit >> 12 });
    limit & 0xffff
        | (segment.base & 0xff_ffff) << 16
        | attributes << 40
        | (limit >> 16 & 0xf) << 48
        | (segment.base >> 24 & 0xff) << 56
}

fn write_tss(memory: &mut Memory) {
    let tss = at::PER_CPU_PHYSICAL + at::PERCPU_CPU_TSS_RW;
    memory.write_u64(tss + at::TSS_SP0, at::ENTRY_STACK_TOP);
    for stack in IstStack::ALL {
        memory.write_u64(tss + at::TSS_IST1 + 8 * stack as u64, stack.top());
    }
    // I/O map base beyond the limit: no port is allowed.
    memory.write_u16(tss + 102, 0x68);
}

/// The contexts of the six ASIDs, all at generation 1: the user program's, then those of tasks that have ended. The
/// next mm without a slot therefore takes the first one, as on any machine that has run for a while.
const CONTEXTS: [u64; at::TLB_NR_DYN_ASIDS as usize] = [3, 5, 6, 7, 8, 9];

fn write_per_cpu(memory: &mut Memory, features: Features, image: &Image) -> Result<(), Box<Diagnostic>> {
    const PREEMPT_NEED_RESCHED: u32 = 1 << 31;
    let hot = at::PER_CPU_PHYSICAL + at::PERCPU_PCPU_HOT;
    memory.write_u64(hot + at::PCPU_HOT_CURRENT_TASK, symbol(image, "current_task_struct")?);
    // The bit is inverted: it is set if nobody asked to reschedule (asm/preempt.h).
    memory.write_u32(hot + at::PCPU_HOT_PREEMPT_COUNT, PREEMPT_NEED_RESCHED);
    memory.write_u64(hot + at::PCPU_HOT_TOP_OF_STACK, at::THREAD_STACK_TOP);

    let tlb = at::PER_CPU_PHYSICAL + at::PERCPU_CPU_TLBSTATE;
    memory.write_u64(tlb + at::TLB_STATE_LOADED_MM, symbol(image, "user_mm")?);
    memory.write_u16(tlb + at::TLB_STATE_LOADED_MM_ASID, 0);
    memory.write_u16(tlb + at::TLB_STATE_NEXT_ASID, at::TLB_NR_DYN_ASIDS);
    memory.write_u64(tlb + at::TLB_STATE_CR4, control_4(features));
    for (slot, context) in (0..).zip(CONTEXTS) {
        memory.write_u64(tlb + at::TLB_STATE_CTXS + 16 * slot, context);
        memory.write_u64(tlb + at::TLB_STATE_CTXS + 16 * slot + 8, 1);
    }
    Ok(())
}

/// The user's registers at the top of the thread stack, as exec leaves them (`start_thread`). A sample of the user's
/// stack reads them before the program has entered the kernel for the first time.
fn write_task_registers(memory: &mut Memory, image: &Image) -> Result<(), Box<Diagnostic>> {
    let frame = [symbol(image, "user_start")?, at::USER_CS.into(), USER_FLAGS, USER_RSP, at::USER_DS.into()];
    let top = at::THREAD_STACK_PHYSICAL + at::THREAD_STACK_SIZE;
    for (index, word) in (0..).zip(frame) {
        memory.write_u64(top - 40 + 8 * index, word);
    }
    Ok(())
}

// --- Registers ------------------------------------------------------------------------------------------------------

fn cpu(features: Features, image: &Image) -> Result<Cpu, Box<Diagnostic>> {
    let mut registers = [0; 16];
    registers[Register::Rsp as usize] = USER_RSP;
    Ok(Cpu {
        registers,
        rip: symbol(image, "user_start")?,
        rflags: USER_FLAGS,
        segments: user_segments(),
        cpl: 3,
        cr0: cr0::PE | cr0::MP | cr0::ET | cr0::NE | cr0::WP | cr0::AM | cr0::PG,
        cr2: 0,
        cr3: tables::user_cr3(features),
        cr4: control_4(features),
        cr8: 0,
        efer: efer::SCE | efer::LME | efer::LMA | if features.nx { efer::NXE } else { 0 },
        // DR6 and DR7 with their fixed bits (SDM vol. 3B 17.2).
        debug: [0, 0, 0, 0, 0xffff_0ff0, 0x400],
        msr: model_specific(image)?,
        gdtr: DescriptorTable { base: at::GDT, limit: GDT_LIMIT },
        idtr: DescriptorTable { base: at::IDT, limit: IDT_LIMIT },
        task: SEGMENTS[5].1,
        events: Events::default(),
        features: processor(features),
    })
}

fn control_4(features: Features) -> u64 {
    let always = cr4::PSE | cr4::PAE | cr4::MCE | cr4::PGE | cr4::OSFXSR | cr4::OSXMMEXCPT | cr4::SMEP | cr4::SMAP;
    let pcid = if features.pcid { cr4::PCIDE } else { 0 };
    let fsgsbase = if features.fsgsbase { cr4::FSGSBASE } else { 0 };
    always | pcid | fsgsbase
}

fn user_segments() -> [Segment; 6] {
    let mut segments = [Segment::default(); 6];
    segments[SegmentRegister::Cs as usize] = flat(at::USER_CS, USER_CODE);
    segments[SegmentRegister::Ss as usize] = flat(at::USER_DS, USER_DATA);
    segments[SegmentRegister::Gs as usize].base = at::USER_GS_BASE;
    segments
}

fn model_specific(image: &Image) -> Result<ModelSpecific, Box<Diagnostic>> {
    Ok(ModelSpecific {
        star: u64::from(at::USER32_CS) << 48 | u64::from(at::KERNEL_CS) << 32,
        lstar: symbol(image, "entry_SYSCALL_64")?,
        fmask: at::SYSCALL_MASK,
        kernel_gs_base: at::PER_CPU,
        ..ModelSpecific::default()
    })
}

fn processor(features: Features) -> CpuFeatures {
    CpuFeatures {
        pcid: features.pcid,
        invpcid: features.invpcid,
        fsgsbase: features.fsgsbase,
        smep: true,
        smap: true,
        nx: features.nx,
        umip: false,
        lam: false,
        la57: false,
        sev_es: features.sev_es,
        physical_address_bits: 46,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_stub_has_a_gate() {
        let system = boot(&Config::default()).expect("a form of the repository");
        let is_stub = |name: &&String| name.starts_with("asm_exc_") || name.starts_with("asm_sysvec_");
        let stubs = system.image.symbols.keys().filter(is_stub);
        let unreached: Vec<_> = stubs.filter(|name| GATES.iter().all(|gate| gate.handler != *name)).collect();
        assert_eq!(unreached, [""; 0]);
    }
}
