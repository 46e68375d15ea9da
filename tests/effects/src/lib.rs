//! One code's life under failure, and the ways in which MoMo behaves.

pub mod behaviours;
pub mod life;
