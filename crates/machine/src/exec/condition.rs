//! The sixteen conditions of Jcc, SETcc and CMOVcc.

use crate::rflags::{CF, OF, PF, SF, ZF};

/// A condition in encoding order (SDM vol. 1 appendix B). Each odd one negates the even one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// OF=1.
    O,
    /// OF=0.
    No,
    /// Below: CF=1.
    B,
    /// Above or equal: CF=0.
    Ae,
    /// Equal: ZF=1.
    E,
    /// Not equal: ZF=0.
    Ne,
    /// Below or equal: CF=1 or ZF=1.
    Be,
    /// Above: CF=0 and ZF=0.
    A,
    /// SF=1.
    S,
    /// SF=0.
    Ns,
    /// Parity even: PF=1.
    P,
    /// Parity odd: PF=0.
    Np,
    /// Less: SF and OF differ.
    L,
    /// Greater or equal: SF and OF agree.
    Ge,
    /// Less or equal: ZF=1, or SF and OF differ.
    Le,
    /// Greater: ZF=0, and SF and OF agree.
    G,
}

impl Condition {
    /// Whether the condition holds under `rflags`.
    #[inline]
    pub fn holds(self, rflags: u64) -> bool {
        let set = |mask| rflags & mask != 0;
        let less = set(SF) != set(OF);
        match self {
            Self::O => set(OF),
            Self::No => !set(OF),
            Self::B => set(CF),
            Self::Ae => !set(CF),
            Self::E => set(ZF),
            Self::Ne => !set(ZF),
            Self::Be => set(CF | ZF),
            Self::A => !set(CF | ZF),
            Self::S => set(SF),
            Self::Ns => !set(SF),
            Self::P => set(PF),
            Self::Np => !set(PF),
            Self::L => less,
            Self::Ge => !less,
            Self::Le => set(ZF) || less,
            Self::G => !set(ZF) && !less,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Condition::*;
    use crate::exec::arithmetic::sub;
    use crate::exec::width::Width;
    use crate::rflags::FIXED;

    #[test]
    fn conditions_after_cmp_compare_numbers() {
        for a in 0..=255u8 {
            for b in 0..=255u8 {
                let flags = sub(Width::Byte, a.into(), b.into(), FIXED).1;
                let (x, y) = (a as i8, b as i8);
                let difference = a.wrapping_sub(b);
                for (condition, opposite, expected) in [
                    (B, Ae, a < b),
                    (E, Ne, a == b),
                    (Be, A, a <= b),
                    (L, Ge, x < y),
                    (Le, G, x <= y),
                    (S, Ns, difference >= 128),
                    (O, No, x.checked_sub(y).is_none()),
                    (P, Np, difference.count_ones().is_multiple_of(2)),
                ] {
                    assert_eq!(condition.holds(flags), expected, "{condition:?} {a} {b}");
                    assert_eq!(opposite.holds(flags), !expected, "{opposite:?} {a} {b}");
                }
            }
        }
    }
}
