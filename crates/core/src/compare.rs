//! Two or more runs aligned step by step, and their counters.
