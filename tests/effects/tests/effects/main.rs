//! What becomes of codes, money and jobs when calls fail.
//!
//! One program for all of them: each test program links the whole system, and twenty of those fill a disk.

mod exhaustive;
mod hidden_faults;
mod jobs;
mod jobs_chaos;
mod week;
