//! The business: types, states, decisions and texts.
//!
//! Everything here is a pure function of its arguments. No AWS, no HTTP, no clock, no async: the caller
//! reads, asks this crate what follows, and writes the answer in one transaction.

pub mod access;
pub mod alert;
pub mod audit;
pub mod batch;
pub mod change;
pub mod code;
pub mod customer;
pub mod gate;
pub mod id;
pub mod identity;
pub mod job;
pub mod mail;
pub mod money;
pub mod payout;
pub mod permission;
pub mod phone;
pub mod reconcile;
pub mod redemption;
pub mod reversal;
pub mod role;
pub mod seal;
pub mod security;
pub mod session;
pub mod settings;
pub mod staff;
pub mod switches;
pub mod text;
pub mod time;
pub mod totals;
pub mod ussd;
