//! What each instruction moves, and what it looks at. One without a rule looks at everything.
//!
//! Everything that the processor looks at by itself is part of every key: control and segment registers, the flags of the system,
//! words of tables, descriptors and text that change.

use super::guard::{FOLLOWED, Flags, Guard, Held, Item, Slot, seen_by};
use super::operands::{Given, RSP, enters_handler, is_near_target, name};
use super::registers::Registers;
use super::shadow::Shadow;
use super::value::{BLOCKED, CHECKING, CR2, GS, KERNEL_GS, Loc, OWES, REGISTERS, RIP, SS, Value, ones};
use crate::machine::observe::AccessKind;
use crate::machine::rflags::RF;
use crate::machine::{Machine, Register as Number};
use iced_x86::{Instruction, Mnemonic as M, OpKind, Register};

/// IA32_GS_BASE and IA32_KERNEL_GS_BASE (SDM vol. 4 table 2-2).
const GS_BASE: u32 = 0xc000_0101;
const KERNEL_GS_BASE: u32 = 0xc000_0102;
/// IA32_MCG_STATUS (the same table).
const MCG_STATUS: u32 = 0x17a;

/// The condition of a jump, as its instruction encodes it.
fn condition(mnemonic: M) -> Option<u8> {
    const JUMPS: [M; 16] = [
        M::Jo,
        M::Jno,
        M::Jb,
        M::Jae,
        M::Je,
        M::Jne,
        M::Jbe,
        M::Ja,
        M::Js,
        M::Jns,
        M::Jp,
        M::Jnp,
        M::Jl,
        M::Jge,
        M::Jle,
        M::Jg,
    ];
    JUMPS.iter().position(|&jump| jump == mnemonic).map(|position| position as u8)
}

impl Shadow {
    // Instructions

    pub(super) fn follow(&mut self, machine: &Machine, i: &Instruction) {
        if self.registers[RIP] != Held::KNOWN {
            self.look_register(RIP);
            self.registers[RIP] = Held::KNOWN;
        }
        if i.mnemonic() == M::Mov
            && Self::address(i).any(|number| self.registers[number] != Held::KNOWN)
            && let Some(value) = self.loads_blindly(i)
        {
            return self.set(i, 0, Held::Word(value));
        }
        self.look_address(i);
        if self.rule(machine, i).is_none() {
            self.look_at_all();
        }
        if !matches!(i.mnemonic(), M::Iretq) {
            self.flags.clear_resume();
        }
    }

    /// Nothing if there is none.
    fn rule(&mut self, machine: &Machine, i: &Instruction) -> Option<()> {
        use M::{
            Add, And, Bt, Btr, Bts, Call, Clac, Cld, Cli, Cmp, Dec, Endbr64, Hlt, Inc, Invlpg, Jmp, Lea, Lfence, Lsl,
            Mfence, Mov, Movsq, Movsx, Movsxd, Movzx, Nop, Or, Pause, Pop, Push, Pushfq, Rdgsbase, Rdmsr, Ret, Sfence,
            Stac, Std, Sti, Sub, Swapgs, Test, Verw, Wrgsbase, Wrmsr, Xor,
        };
        match i.mnemonic() {
            Cld | Std => {
                self.flags.direction = Slot::Known;
                Some(())
            }
            mnemonic if enters_handler(mnemonic) => Some(()),
            Nop | Endbr64 | Clac | Stac | Cli | Sti | Lfence | Mfence | Sfence | Pause | Hlt | Invlpg => Some(()),
            Swapgs => {
                self.registers.swap(GS, KERNEL_GS);
                Some(())
            }
            Mov => self.moves(i),
            Movzx => self.extends(i),
            Movsx | Movsxd => self.looks_and_sets(i),
            Push => self.pushes(i),
            Pop => self.pops(i),
            Pushfq => self.pushes_flags(),
            Call => self.calls(i),
            Ret => self.returns(),
            Jmp => self.jumps(i),
            Lea => self.loads_address(i),
            Movsq => self.copies(i),
            Cmp | Test => self.compares(i),
            Add | Sub | Inc | Dec | And => self.computes(i),
            Or | Xor => self.combines(i),
            Bt | Btr | Bts => self.bit(i),
            Verw | Lsl => self.looks_and_compares(i),
            Rdgsbase => {
                self.set(i, 0, self.registers[GS]);
                Some(())
            }
            Wrgsbase => self.writes_base(i),
            M::Invpcid => self.invalidates(i),
            Rdmsr => self.reads_msr(),
            Wrmsr => self.writes_msr(),
            M::Iretq => self.interrupt_returns(machine),
            mnemonic => self.jumps_if(condition(mnemonic)?),
        }
    }

    fn looks_at(&mut self, registers: &[Number]) -> Option<()> {
        registers.iter().for_each(|&number| self.look_register(number as usize));
        Some(())
    }

    fn writes_base(&mut self, i: &Instruction) -> Option<()> {
        let given = self.given(i, 0)?;
        let value = self.word_of(given);
        // A base that is not canonical faults.
        self.registers[GS] = if given.bits == 64 { Held::Word(value) } else { Held::KNOWN };
        (given.bits == 64).then_some(())
    }

    fn writes_msr(&mut self) -> Option<()> {
        self.looks_at(&[Number::Rax, Number::Rcx, Number::Rdx])?;
        match self.before[Number::Rcx as usize] as u32 {
            GS_BASE => self.registers[GS] = Held::KNOWN,
            KERNEL_GS_BASE => self.registers[KERNEL_GS] = Held::KNOWN,
            MCG_STATUS => self.registers[CHECKING] = Held::KNOWN,
            _ => {}
        }
        Some(())
    }

    /// INVPCID reads its type from a register and a descriptor from memory, and changes no register.
    fn invalidates(&mut self, i: &Instruction) -> Option<()> {
        let given = self.given(i, 0)?;
        self.look_held(given.held);
        self.load_and_look();
        Some(())
    }

    fn sets_known(&mut self, i: &Instruction) -> Option<()> {
        self.set(i, 0, Held::KNOWN);
        Some(())
    }

    fn looks_and_sets(&mut self, i: &Instruction) -> Option<()> {
        let given = self.given(i, 1)?;
        self.look_held(given.held);
        self.sets_known(i)
    }

    /// VERW and LSL read a descriptor, and set ZF alone.
    fn looks_and_compares(&mut self, i: &Instruction) -> Option<()> {
        let last = i.op_count().checked_sub(1)?;
        if i.op_kind(last) == OpKind::Register {
            let given = self.given(i, last)?;
            self.look_held(given.held);
        }
        for access in self.accesses.clone() {
            let value = self.load(access.physical, access.size);
            self.look(value);
            if access.kind == AccessKind::Write {
                self.store(access.physical, access.size, Value::KNOWN);
            }
        }
        if i.mnemonic() == M::Lsl {
            let given = self.given(i, 0)?;
            self.look_held(given.held);
            self.set(i, 0, Held::KNOWN);
        }
        self.look_flags();
        self.flags = Flags::KNOWN;
        Some(())
    }

    fn moves(&mut self, i: &Instruction) -> Option<()> {
        let [to, from] = [i.op0_register(), i.op1_register()];
        let is_register = |operand| i.op_kind(operand) == OpKind::Register;
        match () {
            () if is_register(0) && to == Register::CR2 => {
                let given = self.given(i, 1)?;
                self.registers[CR2] = Held::Word(self.word_of(given));
            }
            () if is_register(1) && from == Register::CR2 => self.set(i, 0, self.registers[CR2]),
            () if is_register(0) && !to.is_gpr() => {
                let given = self.given(i, 1)?;
                self.look_held(given.held);
                self.load_and_look();
                if to == Register::SS {
                    self.registers[SS] = Held::KNOWN;
                }
                if to == Register::GS {
                    // A null selector leaves the base alone on some processors.
                    self.look_register(GS);
                    self.registers[GS] = Held::KNOWN;
                }
            }
            () if is_register(1) && from == Register::SS => self.set(i, 0, self.registers[SS]),
            // Control, debug and other segment registers are part of the key.
            () if is_register(1) && !from.is_gpr() => self.set(i, 0, Held::KNOWN),
            () if i.op1_kind() == OpKind::Memory || is_register(1) => {
                let given = self.given(i, 1)?;
                self.set(i, 0, given.held);
            }
            () => self.set(i, 0, Held::KNOWN),
        }
        Some(())
    }

    fn extends(&mut self, i: &Instruction) -> Option<()> {
        let given = self.given(i, 1)?;
        let value = self.word_of(given).masked(ones(given.bits));
        let to = name(i.op0_register())?;
        self.registers[to.number] = Held::Word(value);
        (to.bits >= 32).then_some(())
    }

    fn pushes(&mut self, i: &Instruction) -> Option<()> {
        let value = match i.op0_kind() {
            OpKind::Register | OpKind::Memory => {
                let given = self.given(i, 0)?;
                (given.bits == 64).then_some(())?;
                self.word_of(given)
            }
            _ => Value::KNOWN,
        };
        let write = self.accesses.iter().rev().find(|access| access.kind == AccessKind::Write && access.size == 8)?;
        self.store(write.physical, 8, value);
        Some(())
    }

    fn pops(&mut self, i: &Instruction) -> Option<()> {
        (i.op0_kind() == OpKind::Register && i.op0_register().is_gpr64()).then_some(())?;
        let access = self.access(64)?;
        let value = self.load(access.physical, 8);
        self.set(i, 0, Held::Word(value));
        Some(())
    }

    fn pushes_flags(&mut self) -> Option<()> {
        let value = self.flags_word();
        let access = self.access(64)?;
        self.store(access.physical, 8, value.masked(!RF));
        Some(())
    }

    pub(super) fn flags_word(&mut self) -> Value {
        let guards: Vec<Guard> = self.flags.guards().collect();
        guards.into_iter().for_each(|guard| self.look_guard(guard));
        self.flags.word()
    }

    fn calls(&mut self, i: &Instruction) -> Option<()> {
        is_near_target(i).then_some(())?;
        let access = self.access(64)?;
        self.store(access.physical, 8, Value::KNOWN);
        Some(())
    }

    fn returns(&mut self) -> Option<()> {
        self.load_and_look();
        Some(())
    }

    fn jumps(&mut self, i: &Instruction) -> Option<()> {
        is_near_target(i).then_some(())
    }

    fn jumps_if(&mut self, condition: u8) -> Option<()> {
        let (carry, rest) = seen_by(condition);
        let used = [(carry, &self.flags.carry), (rest, &self.flags.rest)];
        let slots: Vec<Slot> = used.into_iter().filter(|(used, _)| *used).map(|(_, slot)| slot.clone()).collect();
        let differ = slots.first() != slots.last();
        for slot in slots {
            match slot {
                Slot::Known => {}
                Slot::Copied(part) => self.look_part(part),
                Slot::Compared(guard) if differ => self.look_guard(*guard),
                Slot::Compared(guard) => self.depend(Some(Item::Taken { guard: *guard, condition })),
            }
        }
        Some(())
    }

    fn loads_address(&mut self, i: &Instruction) -> Option<()> {
        // Its registers were looked at as those of an address.
        self.sets_known(i)
    }

    fn copies(&mut self, i: &Instruction) -> Option<()> {
        let moves: &[Number] =
            if i.has_rep_prefix() { &[Number::Rsi, Number::Rdi, Number::Rcx] } else { &[Number::Rsi, Number::Rdi] };
        self.looks_at(moves)?;
        moves.iter().for_each(|&number| self.registers[number as usize] = Held::KNOWN);
        if let Slot::Copied(part) = self.flags.direction {
            self.look_part(part);
        }
        let accesses = self.accesses.clone();
        let pairs = accesses.chunks(2).map(|pair| match pair {
            [read, write]
                if read.kind == AccessKind::Read && write.kind == AccessKind::Write && read.size == write.size =>
            {
                Some((*read, *write))
            }
            _ => None,
        });
        let pairs = pairs.collect::<Option<Vec<_>>>()?;
        for (read, write) in pairs {
            let value = self.load(read.physical, read.size);
            self.store(write.physical, write.size, value);
        }
        Some(())
    }

    fn reads_msr(&mut self) -> Option<()> {
        self.looks_at(&[Number::Rcx])?;
        let base = match self.before[Number::Rcx as usize] as u32 {
            GS_BASE => self.registers[GS],
            KERNEL_GS_BASE => self.registers[KERNEL_GS],
            MCG_STATUS => {
                self.look_register(CHECKING);
                Held::KNOWN
            }
            _ => Held::KNOWN,
        };
        let value = self.word_of(Given { held: base, sample: 0, bits: 64 });
        self.registers[Number::Rax as usize] = Held::Word(value.masked(ones(32)));
        self.registers[Number::Rdx as usize] = Held::Word(value.moved(32));
        Some(())
    }

    /// IRET from a frame of five words.
    fn interrupt_returns(&mut self, machine: &Machine) -> Option<()> {
        let top = self.before[RSP];
        let accesses = self.accesses.clone();
        let mut frame = [Value::KNOWN; 5];
        let mut seen = 0;
        for access in &accesses {
            let value = self.load(access.physical, access.size);
            let place = access.linear.wrapping_sub(top);
            match frame.get_mut((place / 8) as usize) {
                Some(slot) if place % 8 == 0 && access.size == 8 && access.kind == AccessKind::Read && seen < 5 => {
                    *slot = value;
                    seen += 1;
                }
                _ => {
                    self.look(value);
                    if access.kind == AccessKind::Write {
                        self.store(access.physical, access.size, Value::KNOWN);
                    }
                }
            }
        }
        let [rip, code, flags, stack, data] = frame;
        self.look(code);
        self.look(flags.masked(!(FOLLOWED | RF)));
        self.flags = Flags::of(flags).unwrap_or_else(|_| {
            self.look(flags);
            Flags::KNOWN
        });
        self.registers[RIP] = Held::Word(rip);
        self.registers[RSP] = Held::Word(stack);
        self.registers[BLOCKED] = Held::KNOWN;
        // The selector that was interrupted is one that can be loaded.
        if data == Value::input(Loc::Register(SS as u8)) && machine.cpu.cpl == 0 {
            self.registers[SS] = Held::Word(data);
        } else {
            self.look(data);
            self.registers[SS] = Held::KNOWN;
        }
        if machine.cpu.cpl == 3 {
            // Segments that user mode may not use become null, and their bases zero.
            self.look_register(GS);
        }
        (seen == 5).then_some(())
    }

    pub(super) fn load_and_look(&mut self) {
        for access in self.accesses.clone() {
            let value = self.load(access.physical, access.size);
            self.look(value);
        }
    }

    /// What was stored follows from what was looked at.
    pub(super) fn store_known(&mut self) {
        for access in self.accesses.clone() {
            if access.kind == AccessKind::Write {
                self.store(access.physical, access.size, Value::KNOWN);
            }
        }
    }

    /// Whatever it reads was looked at. So whatever it writes is known.
    pub(super) fn look_at_all(&mut self) {
        self.look_registers();
        self.look_flags();
        self.load_and_look();
        self.store_known();
        let owes = self.registers[OWES];
        self.registers = Registers::new([Held::KNOWN; REGISTERS]);
        self.registers[OWES] = owes;
        self.flags = Flags::KNOWN;
    }
}
