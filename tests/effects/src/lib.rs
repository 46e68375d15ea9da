//! One code's life, one job's and a whole week under failure, and the ways in which MoMo behaves.

pub mod behaviours;
pub mod job_life;
pub mod life;
pub mod week;
