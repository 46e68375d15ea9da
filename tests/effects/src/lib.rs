//! One code's life and one job's under failure, and the ways in which MoMo behaves.

pub mod behaviours;
pub mod job_life;
pub mod life;
