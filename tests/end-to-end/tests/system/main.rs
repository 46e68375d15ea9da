//! The whole system in one process, from event to table.
//!
//! One program for all of them: each test program links the whole system, and twenty of those fill a disk.

mod bad_input;
mod calls;
mod codes;
mod exports;
mod letters;
mod other_networks;
mod races;
mod sealing;
mod stories;
mod sweeping;
mod trouble;
