//! Each instruction in hand-worked cases: text, the bytes that GNU `as` makes, the state before, the changes.
//!
//! States use hexadecimal: `rax=1`, eight bytes of memory as `[20000]=1`, the base of FS or GS as `gs=1000`, the status
//! flags that are set as `f=oszapc` (and `d` for DF). Whatever the last column does not name stays the same; a fault
//! there means that nothing changes. RIP moves behind the instruction unless the case names it.

use crate::fault::Fault;
use crate::rflags::{AF, CF, DF, OF, PF, RF, SF, ZF};
use crate::{Cpu, Machine, Observer, SegmentRegister, exec, testbed};

type Case = (&'static str, &'static str, &'static str, &'static str);

const REGISTERS: [&str; 16] =
    ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];
const FLAGS: [(char, u64); 7] = [('o', OF), ('s', SF), ('z', ZF), ('a', AF), ('p', PF), ('c', CF), ('d', DF)];

#[derive(Default)]
struct Faults(Vec<String>);

impl Observer for Faults {
    fn fault(&mut self, fault: &Fault) {
        let code = fault.error_code.map(|code| format!("({code:x})"));
        self.0.push(format!("{}{}", fault.exception.name(), code.unwrap_or_default()));
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap()).collect()
}

/// Brings the state that `text` names into `machine`.
fn set(machine: &mut Machine, text: &str) {
    for assignment in text.split_whitespace() {
        let (place, value) = assignment.split_once('=').unwrap();
        if place == "f" {
            let all = FLAGS.iter().fold(0, |all, (_, mask)| all | mask) & !DF;
            machine.cpu.rflags &= !all;
            for letter in value.chars() {
                machine.cpu.rflags |= FLAGS.iter().find(|(name, _)| *name == letter).unwrap().1;
            }
            continue;
        }
        let value = u64::from_str_radix(value, 16).unwrap();
        if let Some(register) = REGISTERS.iter().position(|name| *name == place) {
            machine.cpu.registers[register] = value;
        } else if let Some(address) = place.strip_prefix('[') {
            let address = u64::from_str_radix(address.trim_end_matches(']'), 16).unwrap();
            machine.memory.write_u64(address, value);
        } else {
            match place {
                "rip" => machine.cpu.rip = value,
                "fs" => machine.cpu.segments[SegmentRegister::Fs as usize].base = value,
                "gs" => machine.cpu.segments[SegmentRegister::Gs as usize].base = value,
                _ => panic!("{place}"),
            }
        }
    }
}

fn check(cases: &[Case]) {
    let wrong: Vec<String> = cases.iter().flat_map(wrong).collect();
    assert_eq!(wrong, Vec::<String>::new());
}

/// How the outcome differs from the case.
fn wrong((text, hex, before, after): &Case) -> Vec<String> {
    let code = bytes(hex);
    let mut machine = testbed::with_code(&code);
    (0..32).for_each(|vector| testbed::set_gate(&mut machine, vector, 0xe, 3, 1));
    set(&mut machine, before);
    let mut expected = machine.clone();
    let mut faults = Faults::default();
    exec::step(&mut machine, &mut faults).unwrap();
    if let Some(fault) = after.strip_prefix('#') {
        let found = faults.0.first().cloned().unwrap_or_default();
        let mut wrong = differences(&after_fault(machine), &expected);
        if found != format!("#{fault}") {
            wrong.push(format!("fault {found}"));
        }
        return wrong.into_iter().map(|what| format!("{text}: {before}: {what}, not {after}")).collect();
    }
    expected.cpu.rip += code.len() as u64;
    set(&mut expected, after);
    let mut wrong = differences(&machine, &expected);
    wrong.extend(faults.0);
    wrong.into_iter().map(|what| format!("{text}: {before}: {what}, not {after}")).collect()
}

/// The machine as it was when an event entered its handler on the stack of IST 1, from its frame.
fn after_fault(mut machine: Machine) -> Machine {
    let frame = testbed::IST + 0x1000 - 40;
    let word = |nth: u64| machine.memory.read_u64(frame + 8 * nth);
    let (rip, rflags, rsp) = (word(0), word(2), word(3));
    let cpu = &mut machine.cpu;
    (cpu.rip, cpu.rflags, cpu.registers[4]) = (rip, rflags & !RF, rsp);
    cpu.cr2 = 0;
    machine.memory.write_bytes(frame - 8, &[0; 48]);
    machine
}

/// Where two machines differ outside the page tables, whose accessed bits may differ.
fn differences(machine: &Machine, expected: &Machine) -> Vec<String> {
    let (a, b) = (&machine.cpu, &expected.cpu);
    let mut found = Vec::new();
    let registers = REGISTERS.into_iter().zip(a.registers.into_iter().zip(b.registers));
    for (name, (a, b)) in registers.chain([("rip", (a.rip, b.rip)), ("rflags", (a.rflags, b.rflags))]) {
        if a != b {
            found.push(format!("{name} is {a:#x}, should be {b:#x}"));
        }
    }
    let rest = Cpu { registers: b.registers, rip: b.rip, rflags: b.rflags, ..a.clone() };
    if rest != *b {
        found.push(format!("{rest:?} should be {b:?}"));
    }
    let pages = machine.memory.differences(&expected.memory);
    for address in pages.into_iter().filter(|page| *page < 0x20_0000).flat_map(|page| (page..page + 0x1000).step_by(8))
    {
        let (a, b) = (machine.memory.read_u64(address), expected.memory.read_u64(address));
        if a != b {
            found.push(format!("[{address:x}] is {a:#x}, should be {b:#x}"));
        }
    }
    found
}

#[test]
fn data_moves() {
    check(DATA);
}

#[test]
fn the_stack() {
    check(STACK);
}

#[test]
fn arithmetic_and_logic() {
    check(ALU);
}

#[test]
fn bits_and_bit_strings() {
    check(BITS);
}

#[test]
fn control_flow() {
    check(FLOW);
}

#[test]
fn string_instructions() {
    check(STRINGS);
}

const DATA: &[Case] = &[
    ("movabs $0x1122334455667788,%rax", "48b88877665544332211", "", "rax=1122334455667788"),
    ("mov $-1,%eax", "b8ffffffff", "rax=1122334455667788", "rax=ffffffff"),
    ("mov $0x1234,%ax", "66b83412", "rax=1122334455667788", "rax=1122334455661234"),
    ("mov $0x12,%ah", "b412", "rax=1122334455667788", "rax=1122334455661288"),
    ("mov $0x12,%sil", "40b612", "rsi=1122334455667788", "rsi=1122334455667712"),
    ("movq $-2,(%rbx)", "48c703feffffff", "rbx=20000", "[20000]=fffffffffffffffe"),
    (
        "movl $-2,8(%rbx,%rcx,4)",
        "c7448b08feffffff",
        "rbx=20000 rcx=2 [20010]=1111111111111111",
        "[20010]=11111111fffffffe",
    ),
    ("mov %ah,(%rbx)", "8823", "rax=1234 rbx=20000", "[20000]=12"),
    ("mov 0x1000(%rip),%rax", "488b0500100000", "[11007]=77", "rax=77"),
    ("mov (%ebx),%eax", "678b03", "rbx=ffffffff00020000 [20000]=1122334455667788", "rax=55667788"),
    ("mov -8(%ebx),%eax", "678b43f8", "rbx=4 rax=0 rcx=0", "#PF(0)"),
    ("movabs 0x20008,%al", "a00800020000000000", "[20008]=ab rax=ffff", "rax=ffab"),
    ("mov %fs:(%rbx),%rax", "64488b03", "fs=1f000 rbx=1000 [20000]=5", "rax=5"),
    ("mov %gs:0x10(%ebx),%rax", "6567488b4310", "gs=1f000 rbx=ffffffff0 [1f000]=9", "rax=9"),
    ("movzbl (%rbx),%eax", "0fb603", "rbx=20000 [20000]=ff rax=ffffffffffffffff", "rax=ff"),
    ("movzwq %ax,%rcx", "480fb7c8", "rax=ffff8000", "rcx=8000"),
    ("movsbw %ah,%cx", "660fbecc", "rax=8000 rcx=ffffffffffffffff", "rcx=ffffffffffffff80"),
    ("movslq (%rbx),%rax", "486303", "rbx=20000 [20000]=80000000", "rax=ffffffff80000000"),
    ("movsbl %al,%ecx", "0fbec8", "rax=80", "rcx=ffffff80"),
    ("lea 0x10(%rax,%rcx,8),%rdx", "488d54c810", "rax=1000 rcx=ffffffffffffffff", "rdx=1008"),
    ("lea 0x10(%rax,%rcx,8),%edx", "8d54c810", "rax=ffffffff rcx=1", "rdx=17"),
    ("lea -1(%eax),%rdx", "67488d50ff", "rax=0", "rdx=ffffffff"),
    ("lea %gs:8(%rax),%rdx", "65488d5008", "gs=1000 rax=10", "rdx=18"),
    ("xchg %rax,(%rbx)", "488703", "rax=1 rbx=20000 [20000]=2", "rax=2 [20000]=1"),
    ("xchg %eax,%ecx", "91", "rax=1122334455667788 rcx=ffffffff00000001", "rax=1 rcx=55667788"),
    ("xchg %ah,%al", "86e0", "rax=1234", "rax=3412"),
    ("bswap %rax", "480fc8", "rax=1122334455667788", "rax=8877665544332211"),
    ("bswap %eax", "0fc8", "rax=1122334455667788", "rax=88776655"),
    ("movbe (%rbx),%eax", "0f38f003", "rbx=20000 [20000]=11223344", "rax=44332211"),
    ("movbe %ax,(%rbx)", "660f38f103", "rbx=20000 rax=1122", "[20000]=2211"),
    ("cbtw", "6698", "rax=ff80", "rax=ff80"),
    ("cbtw", "6698", "rax=10080", "rax=1ff80"),
    ("cwtl", "98", "rax=1111111100008000", "rax=ffff8000"),
    ("cltq", "4898", "rax=80000000", "rax=ffffffff80000000"),
    ("cwtd", "6699", "rax=8000 rdx=1111111111111111", "rdx=111111111111ffff"),
    ("cltd", "99", "rax=80000000 rdx=1111111111111111", "rdx=ffffffff"),
    ("cqto", "4899", "rax=8000000000000000", "rdx=ffffffffffffffff"),
    ("cmovc %ecx,%eax", "0f42c1", "rax=ffffffffffffffff rcx=1", "rax=ffffffff"),
    ("cmovc (%rbx),%rax", "480f4203", "f=c rbx=20000 [20000]=9", "rax=9"),
    ("sete (%rbx)", "0f9403", "f=z rbx=20000 [20000]=ff00", "[20000]=ff01"),
    ("setne %ah", "0f95c4", "f=z rax=ffff", "rax=ff"),
    ("lahf", "9f", "f=szapc rax=0", "rax=d700"),
    ("sahf", "9e", "rax=d700", "f=szapc"),
    ("xlat", "d7", "rbx=20000 rax=ff08 [20008]=5a", "rax=ff5a"),
    ("movnti %rax,(%rbx)", "480fc303", "rbx=20000 rax=7", "[20000]=7"),
    ("mov %fs,%ax", "668ce0", "rax=ffffffffffffffff", "rax=ffffffffffff0000"),
    ("mov %cs,%eax", "8cc8", "rax=ffffffffffffffff", "rax=10"),
    ("mov %ss,(%rbx)", "8c13", "rbx=20000 [20000]=ffffffff", "[20000]=ffff0018"),
    ("mov (%rbx),%rax", "488b03", "rbx=8000000000000000", "#GP(0)"),
    ("mov (%rbp),%rax", "488b4500", "rbp=8000000000000000", "#SS(0)"),
    ("mov 8(%rsp,%rax,8),%rax", "488b44c408", "rax=1000000000000000", "#SS(0)"),
    ("mov %fs:(%rbp),%rax", "64488b4500", "rbp=8000000000000000", "#GP(0)"),
    ("mov (%rbx),%rax", "488b03", "rbx=7fffffffffff", "#GP(0)"),
];

const STACK: &[Case] = &[
    ("push %rax", "50", "rax=5", "rsp=33ff8 [33ff8]=5"),
    ("push %rsp", "54", "", "rsp=33ff8 [33ff8]=34000"),
    ("push %ax", "6650", "rax=12345", "rsp=33ffe [33ff8]=2345000000000000"),
    ("push $-2", "6afe", "", "rsp=33ff8 [33ff8]=fffffffffffffffe"),
    ("pushq $0x12345678", "6878563412", "", "rsp=33ff8 [33ff8]=12345678"),
    ("pushw $-2", "666afe", "", "rsp=33ffe [33ff8]=fffe000000000000"),
    ("push 8(%rsp)", "ff742408", "rsp=33000 [33008]=77", "rsp=32ff8 [32ff8]=77"),
    ("push %fs", "0fa0", "", "rsp=33ff8"),
    ("pop %rcx", "59", "rsp=33ff8 [33ff8]=9", "rcx=9 rsp=34000"),
    ("pop %rsp", "5c", "rsp=33ff8 [33ff8]=9", "rsp=9"),
    ("pop 8(%rsp)", "8f442408", "rsp=33000 [33000]=7", "rsp=33008 [33010]=7"),
    ("pop %ax", "6658", "rsp=33ff8 [33ff8]=12345 rax=ffffffff", "rsp=33ffa rax=ffff2345"),
    ("pushfq", "9c", "f=zc", "rsp=33ff8 [33ff8]=43"),
    ("popfq", "9d", "rsp=33ff8 [33ff8]=8d5", "rsp=34000 f=oszapc"),
    ("enterw $0x10,$0", "66c8100000", "rbp=123456789abc1111", "rsp=33fee rbp=33ffe [33ff8]=1111000000000000"),
    ("enter $0x20,$0", "c8200000", "rbp=1111", "rsp=33fd8 rbp=33ff8 [33ff8]=1111"),
    (
        "enter $0x10,$3",
        "c8100003",
        "rbp=33800 [337f8]=a [337f0]=b",
        "rsp=33fd0 rbp=33ff8 [33ff8]=33800 [33ff0]=a [33fe8]=b [33fe0]=33ff8",
    ),
    ("leave", "c9", "rbp=33800 [33800]=1234", "rsp=33808 rbp=1234"),
    ("push %rax", "50", "rsp=8000000000000004", "#SS(0)"),
    ("push %rax", "50", "rsp=180008", "#PF(2)"),
    ("push (%rbx)", "ff33", "rbx=180000", "#PF(0)"),
    ("pop (%rbx)", "8f03", "rbx=180000", "#PF(2)"),
    ("enter $0,$1", "c8000001", "rsp=180010 rbp=20000", "#PF(2)"),
];

const ALU: &[Case] = &[
    ("add %rcx,%rax", "4801c8", "rax=ffffffffffffffff rcx=1", "rax=0 f=zapc"),
    ("add $0x7f,%al", "047f", "rax=101", "rax=180 f=osa"),
    ("add %eax,(%rbx)", "0103", "rbx=20000 rax=1 [20000]=7fffffff7fffffff", "[20000]=7fffffff80000000 f=osap"),
    ("adc (%rbx),%ax", "661303", "f=c rbx=20000 [20000]=ffff rax=110000", "rax=110000 f=zapc"),
    ("sub $1,%rax", "4883e801", "rax=0", "rax=ffffffffffffffff f=sapc"),
    ("sbb %eax,%eax", "19c0", "f=c rax=1234567812345678", "rax=ffffffff f=sapc"),
    ("cmp %rcx,%rax", "4839c8", "rax=8000000000000000 rcx=1", "f=oap"),
    ("cmpb $0x80,(%rbx)", "803b80", "rbx=20000 [20000]=80", "f=zp"),
    ("test %eax,%eax", "85c0", "f=oac rax=ff00000000", "f=zp"),
    ("testb $3,8(%rsp)", "f644240803", "rsp=33000 [33008]=33", "f=p"),
    ("and $~0x1800,%rax", "4825ffe7ffff", "rax=8000000000001fff", "rax=80000000000007ff f=sp"),
    ("or $0x1000,%rdi", "4881cf00100000", "rdi=1", "rdi=1001 f="),
    ("xor %eax,%eax", "31c0", "f=osac rax=ffffffffffffffff", "rax=0 f=zp"),
    ("inc %eax", "ffc0", "f=c rax=ffffffff", "rax=0 f=zapc"),
    ("decw (%rbx)", "66ff0b", "rbx=20000 [20000]=18000", "[20000]=17fff f=oap"),
    ("neg %rax", "48f7d8", "rax=8000000000000000", "rax=8000000000000000 f=ospc"),
    ("neg %rax", "48f7d8", "f=c rax=0", "f=zp"),
    ("notb (%rbx)", "f613", "f=c rbx=20000 [20000]=ff0f", "[20000]=fff0"),
    ("lock addl $2,(%rbx)", "f0830302", "rbx=20000 [20000]=2", "[20000]=4 f="),
    ("shl $4,%eax", "c1e004", "rax=ffffffff1000000f", "rax=f0 f=ocp"),
    ("shl %cl,%rax", "48d3e0", "rcx=41 rax=4000000000000000", "rax=8000000000000000 f=osp"),
    ("shl %cl,%rax", "48d3e0", "rcx=40 f=oc rax=1", ""),
    ("shr $1,%al", "d0e8", "rax=181", "rax=140 f=oc"),
    ("sar $7,%ax", "66c1f807", "rax=8000", "rax=ff00 f=sp"),
    ("sarl (%rbx)", "d13b", "rbx=20000 [20000]=80000001", "[20000]=c0000000 f=spc"),
    ("rol $8,%ax", "66c1c008", "rax=11234", "rax=13412 f="),
    ("ror $1,%al", "d0c8", "rax=1", "rax=80 f=oc"),
    ("rcl $1,%eax", "d1d0", "f=c rax=80000000", "rax=1 f=oc"),
    ("rcr $1,%rax", "48d1d8", "f=c rax=2", "rax=8000000000000001 f=o"),
    ("shld $8,%rcx,%rax", "480fa4c808", "rax=1122334455667788 rcx=ff00000000000000", "rax=22334455667788ff f=opc"),
    ("shrd %cl,%edx,(%rbx)", "0fad13", "rbx=20000 rcx=4 rdx=f [20000]=12345678", "[20000]=f1234567 f=sc"),
    ("mul %rcx", "48f7e1", "rax=ffffffffffffffff rcx=2", "rax=fffffffffffffffe rdx=1 f=osc"),
    ("mulb (%rbx)", "f623", "rbx=20000 rax=ff10 [20000]=10", "rax=100 f=ozpc"),
    ("imul %ecx", "f7e9", "rax=ffffffff rcx=2 rdx=5", "rax=fffffffe rdx=ffffffff f=s"),
    ("imul %rcx,%rax", "480fafc1", "rax=ffffffffffffffff rcx=2", "rax=fffffffffffffffe f=s"),
    ("imul $-3,(%rbx),%eax", "6b03fd", "rbx=20000 [20000]=40000000", "rax=40000000 f=opc"),
    ("div %ecx", "f7f1", "rdx=1 rax=0 rcx=2", "rax=80000000 rdx=0"),
    ("divb (%rbx)", "f633", "rbx=20000 [20000]=10 rax=123", "rax=312"),
    (
        "idiv %rcx",
        "48f7f9",
        "rdx=ffffffffffffffff rax=fffffffffffffff9 rcx=2",
        "rax=fffffffffffffffd rdx=ffffffffffffffff",
    ),
    ("div %rcx", "48f7f1", "rdx=2 rcx=2", "#DE"),
    ("div %rcx", "48f7f1", "rcx=0", "#DE"),
    ("idivb %cl", "f6f9", "rax=80 rcx=ff f=c", "rax=80"),
    ("idivb %cl", "f6f9", "rax=ff80 rcx=ff", "#DE"),
    ("xadd %rax,%rcx", "480fc1c1", "rax=1 rcx=2", "rax=2 rcx=3 f=p"),
    ("xadd %eax,%eax", "0fc1c0", "rax=ff00000003", "rax=6 f=p"),
    ("lock xadd %eax,(%rbx)", "f00fc103", "rbx=20000 rax=ffffffffffffffff [20000]=1", "rax=1 [20000]=0 f=zapc"),
    ("cmpxchg %rcx,(%rbx)", "480fb10b", "rbx=20000 rax=5 rcx=9 [20000]=5", "[20000]=9 f=zp"),
    ("cmpxchg %ecx,(%rbx)", "0fb10b", "rbx=20000 rax=ffffffff00000005 rcx=9 [20000]=6", "rax=6 f=sapc"),
    ("cmpxchg8b (%rbx)", "0fc70b", "rbx=20000 rax=1 rdx=2 rcx=7 [20000]=200000001", "[20000]=700020000 f=z"),
    ("cmpxchg8b (%rbx)", "0fc70b", "rbx=20000 f=z rax=1 rdx=2 [20000]=200000002", "rax=2 f="),
    (
        "lock cmpxchg16b (%rbx)",
        "f0480fc70b",
        "rbx=20000 rax=1 rdx=2 rcx=7 [20000]=1 [20008]=2",
        "[20000]=20000 [20008]=7 f=z",
    ),
    ("cmpxchg16b (%rbx)", "480fc70b", "rbx=20000 rax=1 rdx=2 [20000]=1 [20008]=3", "rdx=3 f="),
    ("cmpxchg16b 8(%rbx)", "480fc74b08", "rbx=20000", "#GP(0)"),
    ("adcx %ecx,%eax", "660f38f6c1", "f=oc rax=ffffffff rcx=0", "rax=0 f=oc"),
    ("adox %rcx,%rax", "f3480f38f6c1", "f=o rax=ffffffffffffffff rcx=0", "rax=0 f=o"),
];

const BITS: &[Case] = &[
    ("bt $12,%rax", "480fbae00c", "rax=1000", "f=c"),
    ("bt $1,%ebx", "0fbae301", "rbx=ffffffff00000002", "f=c"),
    ("bts $63,%rax", "480fbae83f", "rax=1", "rax=8000000000000001 f="),
    ("btr %rcx,%rax", "480fb3c8", "rax=6 rcx=41", "rax=4 f=c"),
    ("btc %ecx,%eax", "0fbbc8", "rax=ffffffff00000001 rcx=20", "rax=0 f=c"),
    ("bt %rax,(%rbx)", "480fa303", "rbx=20000 rax=41 [20008]=2", "f=c"),
    ("bts %rax,(%rbx)", "480fab03", "rbx=20100 rax=ffffffffffffffff", "[200f8]=8000000000000000 f="),
    ("btr %ax,(%rbx)", "660fb303", "f=z rbx=20000 rax=10011 [20002]=2", "[20002]=0 f=zc"),
    ("btr %rdi,%gs:0x16", "65480fb33c2516000000", "gs=20000 rdi=1 [20016]=7", "[20016]=5 f=c"),
    ("lock btsq $65,(%rbx)", "f0480fba2b41", "rbx=20000 [20000]=0", "[20000]=2 f="),
    ("lock btr %eax,(%rbx)", "f00fb303", "rbx=20000 rax=20 [20004]=1", "[20004]=0 f=c"),
    ("bt %eax,(%ebx)", "670fa303", "rbx=100020000 rax=ffffffe0 [1fffc]=1", "f=c"),
    ("bsf %rcx,%rax", "480fbcc1", "rcx=100", "rax=8 f=p"),
    ("bsr %ecx,%eax", "0fbdc1", "rax=ff00000000 rcx=80000001", "rax=1f f=s"),
    ("bsf %rcx,%rax", "480fbcc1", "rax=77 rcx=0", "f=zp"),
    ("tzcnt %ecx,%eax", "f30fbcc1", "rcx=0 f=s", "rax=20 f=c"),
    ("lzcnt %cx,%ax", "66f30fbdc1", "rcx=1 rax=11111", "rax=1000f f="),
    ("lzcnt %rcx,%rax", "f3480fbdc1", "rcx=ffffffffffffffff rax=1", "rax=0 f=z"),
    ("popcnt (%rbx),%rax", "f3480fb803", "rbx=20000 [20000]=ff00ff00ff00ff00 f=oszapc", "rax=20 f="),
];

const FLOW: &[Case] = &[
    ("jmp .+0x20", "eb1e", "", "rip=10020"),
    ("jc .+0x20", "721e", "f=c", "rip=10020"),
    ("jnc .+0x20", "731e", "f=c", ""),
    ("ja .+0x200", "0f87fa010000", "f=", "rip=10200"),
    ("jmp *%rax", "ffe0", "rax=123456789abc", "rip=123456789abc"),
    ("jmp *8(%rbx)", "ff6308", "rbx=20000 [20008]=10100", "rip=10100"),
    ("jmp *%rax", "ffe0", "rax=800000000000", "#GP(0)"),
    ("call .+0x100", "e8fb000000", "", "rip=10100 rsp=33ff8 [33ff8]=10005"),
    ("call *(%rsp)", "ff1424", "rsp=33000 [33000]=10200", "rip=10200 rsp=32ff8 [32ff8]=10003"),
    ("call *%rax", "ffd0", "rax=800000000000", "#GP(0)"),
    ("call .+0x100", "e8fb000000", "rsp=180008", "#PF(2)"),
    ("ret", "c3", "rsp=33000 [33000]=10300", "rip=10300 rsp=33008"),
    ("ret $0x10", "c21000", "rsp=33000 [33000]=10300", "rip=10300 rsp=33018"),
    ("ret", "c3", "rsp=33000 [33000]=8000000000000000", "#GP(0)"),
    ("loop .+0x10", "e20e", "rcx=2", "rcx=1 rip=10010"),
    ("loop .+0x10", "e20e", "rcx=1", "rcx=0"),
    ("loopl .+0x10", "67e20d", "rcx=100000001", "rcx=0"),
    ("loope .+0x10", "e10e", "rcx=2 f=z", "rcx=1 rip=10010"),
    ("loopne .+0x10", "e00e", "rcx=2 f=z", "rcx=1"),
    ("jrcxz .+0x10", "e30e", "rcx=0", "rip=10010"),
    ("jecxz .+0x10", "67e30d", "rcx=100000000", "rip=10010"),
    ("jrcxz .+0x10", "e30e", "rcx=100000000", ""),
    ("nop", "90", "", ""),
    ("endbr64", "f30f1efa", "", ""),
    ("lfence", "0faee8", "", ""),
    ("mfence", "0faef0", "", ""),
    ("sfence", "0faef8", "", ""),
    ("pause", "f390", "", ""),
    ("clc", "f8", "f=c", "f="),
    ("stc", "f9", "", "f=c"),
    ("cmc", "f5", "", "f=c"),
    ("cmc", "f5", "f=c", "f="),
    ("clflush (%rbx)", "0fae3b", "rbx=20000", ""),
    ("clflush (%rbx)", "0fae3b", "rbx=180000", "#PF(0)"),
    ("prefetcht0 (%rbx)", "0f180b", "rbx=180000", ""),
    ("ud2", "0f0b", "", "#UD"),
    ("movaps %xmm0,%xmm1", "0f28c8", "", "#UD"),
];

const STRINGS: &[Case] = &[
    ("movsb", "a4", "rsi=20000 rdi=20100 [20000]=55", "rsi=20001 rdi=20101 [20100]=55"),
    ("movsq", "48a5", "f=d rsi=20008 rdi=20108 [20008]=55", "rsi=20000 rdi=20100 [20108]=55"),
    (
        "rep movsq",
        "f348a5",
        "rcx=3 rsi=20000 rdi=20100 [20000]=1 [20008]=2 [20010]=3",
        "rcx=0 rsi=20018 rdi=20118 [20100]=1 [20108]=2 [20110]=3",
    ),
    ("rep movsl", "f3a5", "rcx=0 rsi=180000 rdi=180000", ""),
    ("rep stosl", "f3ab", "rcx=2 rdi=20000 rax=aabbccdd", "rcx=0 rdi=20008 [20000]=aabbccddaabbccdd"),
    ("stosb %al,(%edi)", "67aa", "rdi=100020000 rax=7", "rdi=20001 [20000]=7"),
    ("lodsw", "66ad", "rsi=20000 rax=ffffffff [20000]=1234", "rsi=20002 rax=ffff1234"),
    ("lodsq %gs:(%rsi),%rax", "6548ad", "gs=1000 rsi=1f000 [20000]=9", "rsi=1f008 rax=9"),
    ("repne scasb", "f2ae", "rcx=8 rdi=20000 rax=33 [20000]=44332211", "rcx=5 rdi=20003 f=zp"),
    ("repe scasl", "f3af", "rcx=2 rdi=20000 rax=0 [20000]=0", "rcx=0 rdi=20008 f=zp"),
    ("repe cmpsb", "f3a6", "rcx=8 rsi=20000 rdi=20100 [20000]=1122 [20100]=1222", "rcx=6 rsi=20002 rdi=20102 f=sapc"),
    ("cmpsq", "48a7", "rsi=20000 rdi=20100 [20000]=5 [20100]=5", "rsi=20008 rdi=20108 f=zp"),
];
