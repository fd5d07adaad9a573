//! cr3-core
