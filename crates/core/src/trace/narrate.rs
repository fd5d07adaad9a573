//! One sentence for each step.
