//! The one table from mnemonic to function, in the manual's order within each group.

use super::bits::{self, BitChange};
use super::condition::Condition;
use super::flow::{self, LoopWhile};
use super::width::Width;
use super::{Context, Done, alu, arithmetic, data, far, multiply, segment, shift, stack, string, system, unmodelled};
use crate::rflags::{AC, CF, DF};
use crate::{Fault, SegmentRegister};
use iced_x86::{Code, Instruction, Mnemonic, Register};

/// Executes `i`. An instruction that is not modelled raises #UD with a cause that says so.
#[inline]
pub(super) fn execute(c: &mut Context<'_>, i: &Instruction) -> Done {
    use Mnemonic as M;
    match i.mnemonic() {
        // Data transfer.
        M::Mov => mov(c, i),
        M::Movzx | M::Movnti => data::mov(c, i),
        M::Movsx | M::Movsxd => data::movsx(c, i),
        M::Movbe => bits::movbe(c, i),
        M::Lea => data::lea(c, i),
        M::Xchg => data::xchg(c, i),
        M::Xlatb => data::xlatb(c, i),
        M::Bswap => bits::bswap(c, i),
        M::Cbw => data::extend_accumulator(c, Width::Byte, Width::Word),
        M::Cwde => data::extend_accumulator(c, Width::Word, Width::Doubleword),
        M::Cdqe => data::extend_accumulator(c, Width::Doubleword, Width::Quadword),
        M::Cwd => data::extend_into_rdx(c, Width::Word),
        M::Cdq => data::extend_into_rdx(c, Width::Doubleword),
        M::Cqo => data::extend_into_rdx(c, Width::Quadword),

        // Stack.
        M::Push => stack::push(c, i),
        M::Pop => stack::pop(c, i),
        M::Pushf | M::Pushfq => stack::pushf(c, i),
        M::Popf | M::Popfq => stack::popf(c, i),
        M::Enter => stack::enter(c, i),
        M::Leave => stack::leave(c, i),

        // Arithmetic and logic.
        M::Add => alu::binary(c, i, arithmetic::add),
        M::Adc => alu::binary(c, i, arithmetic::adc),
        M::Adcx => alu::binary(c, i, arithmetic::adcx),
        M::Adox => alu::binary(c, i, arithmetic::adox),
        M::Sub => alu::binary(c, i, arithmetic::sub),
        M::Sbb => alu::binary(c, i, arithmetic::sbb),
        M::And => alu::binary(c, i, arithmetic::and),
        M::Or => alu::binary(c, i, arithmetic::or),
        M::Xor => alu::binary(c, i, arithmetic::xor),
        M::Cmp => alu::compare(c, i, arithmetic::sub),
        M::Test => alu::compare(c, i, arithmetic::and),
        M::Inc => alu::unary(c, i, arithmetic::inc),
        M::Dec => alu::unary(c, i, arithmetic::dec),
        M::Neg => alu::unary(c, i, arithmetic::neg),
        M::Not => alu::not(c, i),
        M::Mul => alu::multiply_accumulator(c, i, multiply::mul),
        M::Imul => alu::imul(c, i),
        M::Div => alu::divide(c, i, multiply::div),
        M::Idiv => alu::divide(c, i, multiply::idiv),
        M::Xadd => alu::xadd(c, i),
        M::Cmpxchg => alu::cmpxchg(c, i),
        M::Cmpxchg8b => alu::cmpxchg_pair(c, i, Width::Doubleword),
        M::Cmpxchg16b => alu::cmpxchg_pair(c, i, Width::Quadword),

        // Shifts and rotates.
        M::Shl | M::Sal => alu::shift(c, i, shift::shl),
        M::Shr => alu::shift(c, i, shift::shr),
        M::Sar => alu::shift(c, i, shift::sar),
        M::Rol => alu::shift(c, i, shift::rol),
        M::Ror => alu::shift(c, i, shift::ror),
        M::Rcl => alu::shift(c, i, shift::rcl),
        M::Rcr => alu::shift(c, i, shift::rcr),
        M::Shld => alu::double_shift(c, i, shift::shld),
        M::Shrd => alu::double_shift(c, i, shift::shrd),

        // Bits.
        M::Bt => bits::test_bit(c, i, BitChange::Keep),
        M::Bts => bits::test_bit(c, i, BitChange::Set),
        M::Btr => bits::test_bit(c, i, BitChange::Reset),
        M::Btc => bits::test_bit(c, i, BitChange::Complement),
        M::Bsf => bits::scan(c, i, bits::trailing_zeros),
        M::Bsr => bits::scan(c, i, bits::highest_bit),
        M::Tzcnt => bits::count_zeros(c, i, bits::trailing_zeros),
        M::Lzcnt => bits::count_zeros(c, i, bits::leading_zeros),
        M::Popcnt => bits::popcnt(c, i),

        // Flags.
        M::Clc => data::set_flags(c, CF, 0),
        M::Stc => data::set_flags(c, CF, CF),
        M::Cmc => data::set_flags(c, CF, !c.machine.cpu.rflags),
        M::Cld => data::set_flags(c, DF, 0),
        M::Std => data::set_flags(c, DF, DF),
        M::Lahf => data::lahf(c),
        M::Sahf => data::sahf(c),
        M::Cli => system::cli(c),
        M::Sti => system::sti(c),
        M::Clac => system::set_access_check(c, 0),
        M::Stac => system::set_access_check(c, AC),

        // Control transfer.
        M::Jmp => jmp(c, i),
        M::Call => call(c, i),
        M::Ret => flow::ret(c, i),
        M::Retf => far::retf(c, i),
        M::Iret | M::Iretd | M::Iretq => far::iret(c, i),
        M::Loop => flow::loop_while(c, i, LoopWhile::Counting),
        M::Loope => flow::loop_while(c, i, LoopWhile::Equal),
        M::Loopne => flow::loop_while(c, i, LoopWhile::NotEqual),
        M::Jecxz | M::Jrcxz => flow::jump_if_counter_zero(c, i),
        M::Seto => data::set_if(c, i, Condition::O),
        M::Setno => data::set_if(c, i, Condition::No),
        M::Setb => data::set_if(c, i, Condition::B),
        M::Setae => data::set_if(c, i, Condition::Ae),
        M::Sete => data::set_if(c, i, Condition::E),
        M::Setne => data::set_if(c, i, Condition::Ne),
        M::Setbe => data::set_if(c, i, Condition::Be),
        M::Seta => data::set_if(c, i, Condition::A),
        M::Sets => data::set_if(c, i, Condition::S),
        M::Setns => data::set_if(c, i, Condition::Ns),
        M::Setp => data::set_if(c, i, Condition::P),
        M::Setnp => data::set_if(c, i, Condition::Np),
        M::Setl => data::set_if(c, i, Condition::L),
        M::Setge => data::set_if(c, i, Condition::Ge),
        M::Setle => data::set_if(c, i, Condition::Le),
        M::Setg => data::set_if(c, i, Condition::G),
        M::Cmovo => data::cmov(c, i, Condition::O),
        M::Cmovno => data::cmov(c, i, Condition::No),
        M::Cmovb => data::cmov(c, i, Condition::B),
        M::Cmovae => data::cmov(c, i, Condition::Ae),
        M::Cmove => data::cmov(c, i, Condition::E),
        M::Cmovne => data::cmov(c, i, Condition::Ne),
        M::Cmovbe => data::cmov(c, i, Condition::Be),
        M::Cmova => data::cmov(c, i, Condition::A),
        M::Cmovs => data::cmov(c, i, Condition::S),
        M::Cmovns => data::cmov(c, i, Condition::Ns),
        M::Cmovp => data::cmov(c, i, Condition::P),
        M::Cmovnp => data::cmov(c, i, Condition::Np),
        M::Cmovl => data::cmov(c, i, Condition::L),
        M::Cmovge => data::cmov(c, i, Condition::Ge),
        M::Cmovle => data::cmov(c, i, Condition::Le),
        M::Cmovg => data::cmov(c, i, Condition::G),

        // Strings. MOVSD and CMPSD are names of SSE2 instructions too.
        M::Movsb => string::movs(c, i, Width::Byte),
        M::Movsw => string::movs(c, i, Width::Word),
        M::Movsd if i.code() == Code::Movsd_m32_m32 => string::movs(c, i, Width::Doubleword),
        M::Movsq => string::movs(c, i, Width::Quadword),
        M::Stosb => string::stos(c, i, Width::Byte),
        M::Stosw => string::stos(c, i, Width::Word),
        M::Stosd => string::stos(c, i, Width::Doubleword),
        M::Stosq => string::stos(c, i, Width::Quadword),
        M::Lodsb => string::lods(c, i, Width::Byte),
        M::Lodsw => string::lods(c, i, Width::Word),
        M::Lodsd => string::lods(c, i, Width::Doubleword),
        M::Lodsq => string::lods(c, i, Width::Quadword),
        M::Scasb => string::scas(c, i, Width::Byte),
        M::Scasw => string::scas(c, i, Width::Word),
        M::Scasd => string::scas(c, i, Width::Doubleword),
        M::Scasq => string::scas(c, i, Width::Quadword),
        M::Cmpsb => string::cmps(c, i, Width::Byte),
        M::Cmpsw => string::cmps(c, i, Width::Word),
        M::Cmpsd if i.code() == Code::Cmpsd_m32_m32 => string::cmps(c, i, Width::Doubleword),
        M::Cmpsq => string::cmps(c, i, Width::Quadword),

        // Segments and descriptor tables.
        M::Lss => segment::load_far_pointer(c, i, Register::SS),
        M::Lfs => segment::load_far_pointer(c, i, Register::FS),
        M::Lgs => segment::load_far_pointer(c, i, Register::GS),
        M::Lsl => segment::lsl(c, i),
        M::Lar => segment::lar(c, i),
        M::Verr => segment::verr(c, i),
        M::Verw => segment::verw(c, i),
        M::Lgdt => system::lgdt(c, i),
        M::Lidt => system::lidt(c, i),
        M::Sgdt => segment::store_table(c, i, c.machine.cpu.gdtr),
        M::Sidt => segment::store_table(c, i, c.machine.cpu.idtr),
        M::Ltr => segment::ltr(c, i),
        M::Str => segment::store_system_word(c, i, c.machine.cpu.task.selector.into()),
        M::Lldt => segment::lldt(c, i),
        M::Sldt => segment::store_system_word(c, i, 0),
        M::Swapgs => system::swapgs(c),
        M::Rdfsbase => system::read_base(c, i, SegmentRegister::Fs),
        M::Rdgsbase => system::read_base(c, i, SegmentRegister::Gs),
        M::Wrfsbase => system::write_base(c, i, SegmentRegister::Fs),
        M::Wrgsbase => system::write_base(c, i, SegmentRegister::Gs),

        // System.
        M::Smsw => system::smsw(c, i),
        M::Lmsw => system::lmsw(c, i),
        M::Clts => system::clts(c),
        M::Invlpg => system::invlpg(c, i),
        M::Invpcid => system::invpcid(c, i),
        M::Rdmsr => system::rdmsr(c),
        M::Wrmsr => system::wrmsr(c),
        M::Rdtsc => system::rdtsc(c),
        M::Rdtscp => system::rdtscp(c),
        M::Rdpid => system::rdpid(c, i),
        M::Cpuid => system::cpuid_instruction(c),
        M::Syscall => system::syscall(c),
        M::Sysretq => system::sysretq(c),
        M::Hlt => system::hlt(c),
        M::Wbinvd | M::Invd => system::invalidate_caches(c),
        M::Int => system::software_interrupt(c, i.immediate8()),
        M::Int3 => system::software_interrupt(c, 3),
        M::Int1 => system::int1(c),
        M::Ud0 | M::Ud1 | M::Ud2 => system::undefined(),

        // Hints and fences: there is one processor, in order, without data caches.
        M::Nop | M::Pause | M::Endbr64 | M::Endbr32 => Ok(()),
        M::Lfence | M::Mfence | M::Sfence | M::Serialize => Ok(()),
        M::Prefetch | M::Prefetchw | M::Prefetchwt1 => Ok(()),
        M::Prefetchnta | M::Prefetcht0 | M::Prefetcht1 | M::Prefetcht2 => Ok(()),
        M::Clflush | M::Clflushopt | M::Clwb => data::flush_line(c, i),

        // Jcc, or an instruction that is not modelled.
        other => match flow::condition(other) {
            Some(condition) => flow::jump_if(c, i, condition),
            None => not_modelled(other),
        },
    }
}

/// MOV, by the kinds of its two operands.
#[inline]
fn mov(c: &mut Context<'_>, i: &Instruction) -> Done {
    match i.code() {
        Code::Mov_cr_r64 => system::mov_to_control(c, i),
        Code::Mov_r64_cr => system::mov_from_control(c, i),
        Code::Mov_dr_r64 => system::mov_to_debug(c, i),
        Code::Mov_r64_dr => system::mov_from_debug(c, i),
        Code::Mov_Sreg_rm16 | Code::Mov_Sreg_r32m16 | Code::Mov_Sreg_r64m16 => segment::mov_to_segment(c, i),
        Code::Mov_rm16_Sreg | Code::Mov_r32m16_Sreg | Code::Mov_r64m16_Sreg => data::mov_from_segment(c, i),
        _ => data::mov(c, i),
    }
}

#[inline]
fn jmp(c: &mut Context<'_>, i: &Instruction) -> Done {
    match i.code() {
        Code::Jmp_m1616 | Code::Jmp_m1632 | Code::Jmp_m1664 => far::jmp_far(c, i),
        _ => flow::jmp(c, i),
    }
}

#[inline]
fn call(c: &mut Context<'_>, i: &Instruction) -> Done {
    match i.code() {
        Code::Call_m1616 | Code::Call_m1632 | Code::Call_m1664 => far::call_far(c, i),
        _ => flow::call(c, i),
    }
}

#[cold]
fn not_modelled(mnemonic: Mnemonic) -> Done {
    Err(match unmodelled::name(mnemonic) {
        Some(name) => Fault::invalid_opcode(format!("{name} is not modelled")),
        None => Fault::invalid_opcode("x87, MMX, SSE and rarer instructions are not modelled"),
    })
}
