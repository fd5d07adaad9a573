//! What CPUID reports: a Skylake (family 6, model 5EH) with exactly the features that this machine models (SDM vol. 2,
//! CPUID). TZCNT executes, but BMI1 is not reported, because most of it is encoded with VEX.

use crate::CpuFeatures;

/// EAX, EBX, ECX, EDX of `leaf` and `subleaf`. Leaves beyond the last return the last basic leaf (SDM vol. 2, CPUID).
pub fn cpuid(features: &CpuFeatures, leaf: u32, subleaf: u32) -> [u32; 4] {
    match leaf {
        0 => [LAST_BASIC, word(b"Genu"), word(b"ntel"), word(b"ineI")],
        1 => version(features),
        0x8000_0000 => [LAST_EXTENDED, 0, 0, 0],
        0x8000_0001 => extended(features),
        0x8000_0002..=0x8000_0004 => brand(leaf - 0x8000_0002),
        0x8000_0008 => [address_sizes(features), 0, 0, 0],
        2..LAST_BASIC | 0x8000_0005..=0x8000_0007 => [0; 4],
        _ => structured(features, subleaf),
    }
}

const LAST_BASIC: u32 = 7;
const LAST_EXTENDED: u32 = 0x8000_0008;
const SIGNATURE: u32 = 0x0005_06e3;
const BRAND: &[u8; 48] = b"CR3 playground, after Intel Skylake\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn word(text: &[u8; 4]) -> u32 {
    u32::from_le_bytes(*text)
}

fn brand(part: u32) -> [u32; 4] {
    let mut words = BRAND.chunks_exact(4).skip(4 * part as usize);
    std::array::from_fn(|_| {
        let chunk = words.next().unwrap_or_default();
        chunk.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
    })
}

/// The bits of those features that are present.
fn bits<const N: usize>(features: [(bool, u32); N]) -> u32 {
    features.into_iter().filter(|(present, _)| *present).fold(0, |bits, (_, bit)| bits | 1 << bit)
}

fn version(features: &CpuFeatures) -> [u32; 4] {
    // CMPXCHG16B, PCID, MOVBE, POPCNT.
    let ecx = bits([(true, 13), (features.pcid, 17), (true, 22), (true, 23)]);
    // DE, PSE, TSC, MSR, PAE, MCE, CMPXCHG8B, PGE, MCA, CMOV, CLFLUSH.
    let edx = 0x1fc | 1 << 13 | 1 << 14 | 1 << 15 | 1 << 19;
    const CACHE_LINE_QUADWORDS: u32 = 8;
    [SIGNATURE, CACHE_LINE_QUADWORDS << 8 | 1 << 16, ecx, edx]
}

fn structured(features: &CpuFeatures, subleaf: u32) -> [u32; 4] {
    if subleaf != 0 {
        return [0; 4];
    }
    // Always set: ADX, CLFLUSHOPT, CLWB.
    let ebx = bits([
        (features.fsgsbase, 0),
        (features.smep, 7),
        (features.invpcid, 10),
        (true, 19),
        (features.smap, 20),
        (true, 23),
        (true, 24),
    ]);
    // Always set: RDPID.
    let ecx = bits([(features.umip, 2), (features.la57, 16), (true, 22)]);
    // MD_CLEAR, SERIALIZE, IBRS and IBPB, STIBP, L1D_FLUSH, SSBD.
    let edx = 1 << 10 | 1 << 14 | 1 << 26 | 1 << 27 | 1 << 28 | 1 << 31;
    [0, ebx, ecx, edx]
}

fn extended(features: &CpuFeatures) -> [u32; 4] {
    // LAHF in 64-bit mode, LZCNT, PREFETCHW.
    let ecx = 1 | 1 << 5 | 1 << 8;
    // SYSCALL, XD, 1-GiB pages, RDTSCP, long mode.
    let edx = 1 << 11 | 1 << 26 | 1 << 27 | 1 << 29 | bits([(features.nx, 20)]);
    [0, 0, ecx, edx]
}

fn address_sizes(features: &CpuFeatures) -> u32 {
    let linear = if features.la57 { 57 } else { 48 };
    linear << 8 | u32::from(features.physical_address_bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::cr4;
    use crate::control::cr4_supported;
    use crate::testbed;

    type Switch = fn(&mut CpuFeatures) -> &mut bool;

    /// Each feature changes exactly its own bit.
    #[test]
    fn features_show_in_their_bits() {
        let cases: [(Switch, u32, usize, u32); 8] = [
            (|f| &mut f.pcid, 1, 2, 17),
            (|f| &mut f.fsgsbase, 7, 1, 0),
            (|f| &mut f.smep, 7, 1, 7),
            (|f| &mut f.invpcid, 7, 1, 10),
            (|f| &mut f.smap, 7, 1, 20),
            (|f| &mut f.umip, 7, 2, 2),
            (|f| &mut f.la57, 7, 2, 16),
            (|f| &mut f.nx, 0x8000_0001, 3, 20),
        ];
        for (switch, leaf, register, bit) in cases {
            let mut features = testbed::machine().cpu.features;
            *switch(&mut features) = false;
            let without = cpuid(&features, leaf, 0);
            *switch(&mut features) = true;
            let with = cpuid(&features, leaf, 0);
            let mut changed = [0; 4];
            changed[register] = 1 << bit;
            assert_eq!(std::array::from_fn(|n| with[n] ^ without[n]), changed, "leaf {leaf:#x} bit {bit}");
        }
    }

    #[test]
    fn control_bits_that_are_not_modelled_are_not_reported() {
        let cpu = testbed::machine().cpu;
        let [_, _, _, edx] = cpuid(&cpu.features, 1, 0);
        assert_eq!(edx & 1 << 1, 0, "VME stands for CR4.VME and CR4.PVI");
        assert_eq!(cr4_supported(&cpu) & (cr4::VME | cr4::PVI), 0);
    }

    #[test]
    fn leaves_out_of_range_give_the_last_basic_one() {
        let features = testbed::machine().cpu.features;
        for leaf in [8, 0x4000_0000, 0x7fff_ffff, 0x8000_0009, u32::MAX] {
            assert_eq!(cpuid(&features, leaf, 0), cpuid(&features, 7, 0));
        }
        assert_eq!(cpuid(&features, 7, 1), [0; 4]);
    }

    #[test]
    fn names_and_sizes_read_as_text_and_numbers() {
        let features = testbed::machine().cpu.features;
        let [last, b, c, d] = cpuid(&features, 0, 0);
        let vendor: Vec<u8> = [b, d, c].into_iter().flat_map(u32::to_le_bytes).collect();
        assert_eq!((last, vendor.as_slice()), (7, b"GenuineIntel".as_slice()));
        let brand: Vec<u8> =
            (2..=4).flat_map(|leaf| cpuid(&features, 0x8000_0000 + leaf, 0)).flat_map(u32::to_le_bytes).collect();
        assert_eq!(brand, BRAND);
        let [sizes, ..] = cpuid(&features, 0x8000_0008, 0);
        assert_eq!(sizes, 48 << 8 | u32::from(features.physical_address_bits));
    }
}
