//! The whole system on one laptop: embedded AWS services, the functions behind their API paths, a simulated MoMo,
//! a phone in the browser. The functions are the deployed ones; nothing in them knows that it runs here.
//!
//! One thing a laptop can not be: a witness. The seals of its audit log are signed with a key of its own ([`sealing`]).

pub mod demo;
pub mod emulators;
pub mod functions;
pub mod gateway;
pub mod mail;
pub mod names;
pub mod options;
mod page;
pub mod sealing;
mod secrets;
pub mod source;
pub mod system;
