//! What the simulated MoMo does, as its callers see it. The clock is turned by hand; nothing sleeps.
#![allow(clippy::unwrap_used)]

mod access;
mod behaviours;
mod caller;
mod controls;
mod ledger;
mod payments;
