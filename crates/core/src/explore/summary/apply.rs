//! A summary applied to a state, and states compared.

use super::context::Situation;
use super::family::{End, Looked, Node, Sampled};
use super::guard::{FOLLOWED, Flags, Held, REST, Slot};
use super::hash::hash;
use super::learned::Learned;
use super::round::Round;
use super::shadow::Shadow;
use super::value::{BLOCKED, Loc, OWES, Origin, Part, REGISTERS, Source, TooMany, Value, shifted};
use crate::machine::Machine;
use crate::machine::rflags::CF;
use std::cell::OnceCell;

/// A state of a family.
pub(super) struct State<'a> {
    pub(super) situation: Situation,
    pub(super) registers: [Sampled; REGISTERS],
    pub(super) flags: (Flags, u64),
    /// What a word holds.
    pub(super) word: Box<dyn Fn(u64) -> Sampled + 'a>,
    /// Words that may not be as they were interrupted.
    written: Box<dyn Fn() -> Vec<u64> + 'a>,
    /// The same in order, once somebody has asked for them.
    sorted: OnceCell<Vec<u64>>,
}

/// What has to be looked at for two states to be one.
pub(super) type Looks = Vec<Held>;

impl State<'_> {
    pub(super) fn of<'a>(situation: Situation, shadow: &'a Shadow, machine: &'a Machine) -> State<'a> {
        State {
            situation,
            registers: std::array::from_fn(|number| (shadow.registers[number], shadow.sample(&machine.cpu, number))),
            flags: (shadow.flags.clone(), machine.cpu.rflags & FOLLOWED),
            word: Box::new(|word| (shadow.held_word(word), shadow.learned.on(machine, word))),
            written: Box::new(|| shadow.memory.keys().chain(shadow.sums.keys()).copied().collect()),
            sorted: OnceCell::new(),
        }
    }

    /// Words that may not be as they were interrupted, in order.
    fn written(&self) -> &[u64] {
        self.sorted.get_or_init(|| {
            let mut words = (self.written)();
            words.sort_unstable();
            words.dedup();
            words
        })
    }

    /// States for which it differs are not one.
    pub(super) fn fingerprint(&self, learned: &Learned) -> u64 {
        let told = learned.telling().map(|word| in_common((self.word)(word)));
        fingerprint(self.situation, self.registers.map(in_common), told)
    }
}

impl Shadow {
    /// [`State::fingerprint`] of the state at hand.
    pub(super) fn fingerprint(&self, situation: Situation, machine: &Machine) -> u64 {
        let told = |word| in_common((self.held_word(word), self.learned.on(machine, word)));
        fingerprint(situation, self.registers.seen(&machine.cpu), self.learned.telling().map(told))
    }
}

/// Of what is seen of the registers, and of the word that tells states apart.
fn fingerprint(situation: Situation, mut seen: [u64; REGISTERS], told: Option<u64>) -> u64 {
    // These are not always compared, or not on the machine.
    (seen[BLOCKED], seen[OWES]) = (0, 0);
    hash(&(situation, seen, told))
}

/// The bits of a place that states have in common if they are one.
fn in_common((held, sample): Sampled) -> u64 {
    match held {
        Held::Word(value) => sample & !value.opaque(),
        Held::Sum(_) => sample,
    }
}

/// Marks and states are small numbers.
const MARK: u64 = 0xff;

/// Bits of what a place holds that depend on what was interrupted, and that the family has not looked at.
fn unseen(held: Held, seen: &Looked) -> u64 {
    let of_part = |part: Part| part.input().map_or(0, |loc| part.mask & !shifted(seen.of(loc), part.shift));
    match held {
        Held::Word(value) => value.parts().map(of_part).fold(0, |bits, part| bits | part),
        // A carry goes where it likes.
        Held::Sum(sum) if sum.part.map_or(0, of_part) == 0 => 0,
        Held::Sum(_) => u64::MAX,
    }
}

/// Whether two places hold one thing; what must be looked at for that. Nothing if they do not. What the family has `seen` is the same in
/// all of its calls.
pub(super) fn alike(left: Sampled, right: Sampled, seen: &Looked, looks: &mut Looks) -> bool {
    let [known, opaque] = match (left.0, right.0) {
        (Held::KNOWN, Held::KNOWN) => return left.1 == right.1,
        (Held::Word(one), Held::Word(other)) => {
            if one == other && (left.1 ^ right.1) & !one.unknown() == 0 {
                return true;
            }
            [one.unknown() | other.unknown(), one.opaque() | other.opaque()]
        }
        (one, other) if one == other => return true,
        _ => [u64::MAX, 0],
    };
    // Bits that are opaque in both for one reason are one thing.
    let same_opaque = || match (left.0, right.0) {
        (Held::Word(one), Held::Word(other)) => one.masked(opaque) == other.masked(opaque),
        _ => false,
    };
    if (left.1 ^ right.1) & !opaque != 0 || (opaque != 0 && !same_opaque()) {
        return false;
    }
    if known & !opaque != 0 {
        // To look costs classes. At a mark or a state it is worth that, at an address it never is.
        let unseen = (unseen(left.0, seen) | unseen(right.0, seen)) & !opaque;
        if left.1 & unseen > MARK {
            return false;
        }
        if unseen == 0 {
            return true;
        }
        let visible = |held| match held {
            Held::Word(value) => Held::Word(value.masked(!opaque)),
            sum => sum,
        };
        looks.extend([visible(left.0), visible(right.0)]);
    }
    true
}

/// RF apart: a fault leaves it set for one instruction, and where it counts, because a breakpoint is armed, it belongs to the context.
pub(super) fn flags_alike(left: (&Flags, u64), right: (&Flags, u64)) -> bool {
    if left.0 == right.0 || left.0.without_resume() == right.0.without_resume() {
        let differ = (left.1 ^ right.1) & FOLLOWED;
        return differ == 0 || differ & !(left.0.word().unknown() | compared(left.0)) == 0;
    }
    false
}

/// Flags that come from comparisons.
fn compared(flags: &Flags) -> u64 {
    let mask = |slot: &Slot, mask| if matches!(slot, Slot::Compared(_)) { mask } else { 0 };
    mask(&flags.carry, CF) | mask(&flags.rest, REST)
}

impl Round {
    /// What a place holds at a boundary.
    pub(super) fn at(&self, node: Node, loc: Loc) -> Sampled {
        let run = self.run(node.run);
        if let Loc::Flags = loc {
            let (flags, sample) = self.flags_at(node);
            return (Held::Word(flags.word()), sample);
        }
        if let Some(moment) = run.history.at(loc, node.boundary) {
            return (moment.held, moment.sample);
        }
        let family = self.family(run.family);
        match loc {
            Loc::Memory(word) => {
                let sample = self.learned.on(family.entry.machine(), word);
                (Held::Word(self.learned.held(family.frame, word, None)), sample)
            }
            loc => (Held::KNOWN, super::guard::read(&self.learned, &family.entry, loc)),
        }
    }

    /// What a place of a summary holds after it was applied at a boundary.
    pub(super) fn after(&self, node: Node, (value, sample): (Value, u64)) -> (Result<Value, TooMany>, u64) {
        if value.is_known() {
            return (Ok(value), sample);
        }
        let places = value.inputs().map(|loc| loc.map(|loc| (loc, self.at(node, loc))));
        let places = || places.iter().flatten();
        let place = |loc| places().find(|(other, _)| *other == loc).map(|(_, sampled)| sampled);
        let is_whole = |(loc, sampled): &(Loc, Sampled)| match loc {
            Loc::Flags => {
                let flags = self.run(node.run).history.flags_at(node.boundary);
                flags.is_none_or(|(flags, _)| flags.guards().next().is_none())
            }
            _ => matches!(sampled.0, Held::Word(_)),
        };
        let word = value.evaluate(sample, |loc| place(loc).map_or(0, |sampled| sampled.1));
        if !places().all(is_whole) {
            return (Err(TooMany), word);
        }
        let held = |loc| match place(loc) {
            Some((Held::Word(value), _)) => *value,
            _ => Value::KNOWN,
        };
        (value.through(held), word)
    }

    /// A register after a summary was applied.
    fn register_after(&self, node: Node, end: &End, number: u8) -> Sampled {
        if end.changed >> number & 1 == 0 {
            return self.at(node, Loc::Register(number));
        }
        match self.after(node, end.registers[usize::from(number)]) {
            (Ok(value), sample) => (Held::Word(value), sample),
            (Err(TooMany), sample) => (Held::Word(MIXED), sample),
        }
    }

    /// A word after a summary was applied.
    pub(super) fn word_after(&self, node: Node, end: &End, word: u64) -> Sampled {
        match end.words.binary_search_by_key(&word, |entry| entry.0) {
            Err(_) => self.at(node, Loc::Memory(word)),
            Ok(index) => {
                let (_, value, sample) = end.words[index];
                let (value, sample) = self.after(node, (value, sample));
                (Held::Word(value.unwrap_or(mixture(word))), sample)
            }
        }
    }

    /// A handler returns with the flags that it interrupted, RF excepted, or has looked at them.
    pub(super) fn flags_after(&self, node: Node, end: &End) -> (Flags, u64) {
        if end.flags.0 == Flags::KNOWN {
            return (Flags::KNOWN, end.flags.1);
        }
        let (flags, sample) = self.flags_at(node);
        let flags = if end.changes_flags { flags.without_resume() } else { flags.clone() };
        (flags, sample & FOLLOWED)
    }

    fn flags_at(&self, node: Node) -> (&Flags, u64) {
        self.run(node.run).history.flags_at(node.boundary).unwrap_or((&Flags::KNOWN, 0))
    }

    /// Whether the flags after a summary was applied at a boundary are those at another boundary.
    fn flags_join(&self, node: Node, end: &End, met: Node) -> bool {
        let there = self.flags_at(met);
        if end.changes_flags {
            let (flags, sample) = self.flags_after(node, end);
            return flags_alike((&flags, sample), there);
        }
        flags_alike(self.flags_at(node), there)
    }

    /// The state after a summary was applied at a boundary.
    pub(super) fn state_after<'a>(&'a self, node: Node, end: &'a End) -> State<'a> {
        let seen = self.run(node.run).contexts.get(node.boundary as usize).map(|situation| situation.seen);
        State {
            situation: Situation { context: end.context, seen: seen.unwrap_or_default() },
            registers: std::array::from_fn(|number| self.register_after(node, end, number as u8)),
            flags: self.flags_after(node, end),
            word: Box::new(move |word| self.word_after(node, end, word)),
            written: Box::new(move || {
                self.run(node.run).history.words().chain(end.words.iter().map(|entry| entry.0)).collect()
            }),
            sorted: OnceCell::new(),
        }
    }

    /// Whether bytes of a word matter to what follows a boundary.
    pub(super) fn matters(&self, mut node: Node, word: u64) -> bool {
        use super::history::Fate;
        if self.learned.read.of(word) != 0 {
            return true;
        }
        let mut bytes = u8::MAX;
        loop {
            let run = self.run(node.run);
            match run.uses.fate(word, bytes, node.boundary) {
                Fate::Read => return true,
                Fate::Left(0) => return false,
                Fate::Left(left) => bytes = left,
            }
            match run.next {
                Some(next) => node = next,
                None => {
                    return self.family(run.family).demanded.of(word) & bytes != 0;
                }
            }
        }
    }

    /// Whether a state goes on as a boundary of a run does, and what must be looked at for that. Otherwise, if it is a word that tells
    /// them apart, which. `differs` is the word that is looked at first.
    pub(super) fn joins(&self, state: &State<'_>, node: Node, differs: Option<u64>) -> Result<Looks, Option<u64>> {
        let mut looks = Looks::new();
        self.shell_joins(state, node, &mut looks).ok_or(None)?;
        if let Some(word) = differs
            && self.run(node.run).matters.binary_search(&word).is_ok()
            && !self.word_joins((state.word)(word), node, word, &mut Looks::new())
        {
            return Err(Some(word));
        }
        // All others are as they were interrupted, in both.
        let run = self.run(node.run);
        let matters = |word: &u64| run.matters.binary_search(word).is_ok();
        let written = state.written().iter().copied().filter(matters);
        for word in merged(written, run.written.iter().copied()) {
            if !self.word_joins((state.word)(word), node, word, &mut looks) {
                return Err(Some(word));
            }
        }
        Ok(looks)
    }

    /// All but memory.
    fn shell_joins(&self, state: &State<'_>, node: Node, looks: &mut Looks) -> Option<()> {
        let run = self.run(node.run);
        (run.contexts.get(node.boundary as usize) == Some(&state.situation)).then_some(())?;
        let ignored = state.situation.ignored();
        let seen = &self.family(run.family).looked;
        for (held, number) in state.registers.iter().zip(0..).filter(|(_, number)| Some(*number) != ignored) {
            alike(*held, self.at(node, Loc::Register(number)), seen, looks).then_some(())?;
        }
        flags_alike((&state.flags.0, state.flags.1), self.flags_at(node)).then_some(())
    }

    /// Whether a word is what it is at a boundary, or does not matter there.
    pub(super) fn word_joins(&self, held: Sampled, node: Node, word: u64, looks: &mut Looks) -> bool {
        let before = looks.len();
        let seen = &self.family(self.run(node.run).family).looked;
        let same = alike(held, self.at(node, Loc::Memory(word)), seen, looks);
        if same && looks.len() == before {
            return true;
        }
        let matters = self.matters(node, word);
        if !matters {
            looks.truncate(before);
        }
        same || !matters
    }

    /// As [`Self::is_harmless`], if the same summary was harmless at boundary `before`. What the run has not written since, and the summary
    /// does not move, is what it was; and a word that matters now mattered then.
    pub(super) fn is_still_harmless(&self, node: Node, end: &End, moving: &[u32], before: u32) -> Option<Looks> {
        let run = self.run(node.run);
        let mut looks = self.shell_is_harmless(node, end)?;
        let mut is_harmless = |index: usize| {
            let Some(&(word, ..)) = end.words.get(index) else { return true };
            self.word_joins(self.word_after(node, end, word), node, word, &mut looks)
        };
        for word in run.history.changed_between(before, node.boundary) {
            if let Ok(index) = end.words.binary_search_by_key(&word, |entry| entry.0)
                && run.matters.binary_search(&word).is_ok()
            {
                is_harmless(index).then_some(())?;
            }
        }
        moving.iter().all(|&index| is_harmless(index as usize)).then_some(looks)
    }

    /// As [`Self::joins`], of the state after a summary, if the state after the same summary at boundary `before` goes on as `met` does. What
    /// has not changed since in either run, and what the summary does not move, is what it was; and a word that matters now mattered then.
    pub(super) fn joins_again(&self, node: Node, end: &End, (before, met): (u32, Node)) -> Option<(Node, Looks)> {
        let now = Node { boundary: met.boundary + node.boundary.checked_sub(before)?, ..met };
        let (run, other) = (self.run(node.run), self.run(now.run));
        let (here, there) = (run.contexts.get(node.boundary as usize)?, other.contexts.get(now.boundary as usize)?);
        (*there == Situation { context: end.context, ..*here }).then_some(())?;
        let mut looks = Looks::new();
        let changed = run.history.registers_changed_between(before, node.boundary)
            | other.history.registers_changed_between(met.boundary, now.boundary);
        let seen = &self.family(run.family).looked;
        for number in registers(changed | end.changed, there.ignored()) {
            let after = self.register_after(node, end, number);
            alike(after, self.at(now, Loc::Register(number)), seen, &mut looks).then_some(())?;
        }
        self.flags_join(node, end, now).then_some(())?;
        let changed = run.history.changed_between(before, node.boundary);
        let changed = changed.chain(other.history.changed_between(met.boundary, now.boundary));
        for word in changed.chain(end.moving.iter().copied()) {
            let may_matter = other.matters.binary_search(&word).is_ok();
            (!may_matter || self.word_joins(self.word_after(node, end, word), now, word, &mut looks)).then_some(())?;
        }
        Some((now, looks))
    }

    /// Whether a summary leaves all that matters as it is, and what must be looked at for that. Otherwise, if it is a word that differs,
    /// which. `differs` is the one that is looked at first.
    pub(super) fn is_harmless(
        &self,
        node: Node,
        end: &End,
        words: &[u32],
        differs: Option<u32>,
    ) -> Result<Looks, Option<u32>> {
        let mut looks = self.shell_is_harmless(node, end).ok_or(None)?;
        let is_left = |index: u32, looks: &mut Looks| {
            let word = end.words[index as usize].0;
            self.word_joins(self.word_after(node, end, word), node, word, looks)
        };
        if let Some(index) = differs.filter(|&index| !is_left(index, &mut Looks::new())) {
            return Err(Some(index));
        }
        match words.iter().find(|&&index| !is_left(index, &mut looks)) {
            Some(&index) => Err(Some(index)),
            None => Ok(looks),
        }
    }

    /// All but memory.
    fn shell_is_harmless(&self, node: Node, end: &End) -> Option<Looks> {
        let run = self.run(node.run);
        let mut looks = Looks::new();
        let situation = run.contexts.get(node.boundary as usize)?;
        (situation.context == end.context).then_some(())?;
        let seen = &self.family(run.family).looked;
        for number in registers(end.changed, situation.ignored()) {
            let after = self.register_after(node, end, number);
            alike(after, self.at(node, Loc::Register(number)), seen, &mut looks).then_some(())?;
        }
        (!end.changes_flags || self.flags_join(node, end, node)).then_some(())?;
        Some(looks)
    }
}

/// What is in one of two sorted lists, or in both, in order.
fn merged(left: impl Iterator<Item = u64>, right: impl Iterator<Item = u64>) -> impl Iterator<Item = u64> {
    let (mut left, mut right) = (left.peekable(), right.peekable());
    std::iter::from_fn(move || {
        let next = left.peek().into_iter().chain(right.peek()).min().copied()?;
        left.next_if_eq(&next);
        right.next_if_eq(&next);
        Some(next)
    })
}

/// The registers of a set, without one that nothing looks at.
fn registers(set: u32, ignored: Option<u8>) -> impl Iterator<Item = u8> {
    let ignored = ignored.map_or(0, |number| 1 << number);
    let mut rest = set & !ignored;
    std::iter::from_fn(move || {
        let number = rest.trailing_zeros();
        rest &= rest.wrapping_sub(1);
        (number < u32::BITS).then_some(number as u8)
    })
}

/// A register that mixes more than a value can say: only until a run goes on with it, which looks at all that it mixes.
pub(super) const MIXED: Value = Value::whole(Source::Opaque(Origin::Mixture(u64::MAX)));

/// A word that mixes more than a value can say.
pub(super) fn mixture(word: u64) -> Value {
    Value::whole(Source::Opaque(Origin::Mixture(word)))
}
