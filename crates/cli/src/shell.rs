//! Commands as a shell takes them.

use cr3_core::linux::Kernel;

/// The option that chooses a kernel; nothing for v6.12.
pub(crate) fn kernel_option(kernel: Kernel) -> String {
    if kernel == Kernel::V6_12 { String::new() } else { format!(" --kernel {kernel}") }
}

/// A word for a shell.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,=+:".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
