//! Unicorn Engine as a second CPU.
