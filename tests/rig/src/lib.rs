//! What tests run the system with: embedded services, the real functions over the real SDK clients, a simulated MoMo,
//! a clock that is turned by hand, and a wire on which every outgoing call can be made to fail.

pub mod check;
pub mod direct;
pub mod fault;
pub mod jobs;
pub mod payouts;
pub mod rail;
pub mod recount;
pub mod restore;
pub mod table;
pub mod wire;
pub mod world;

pub use fault::{Fault, Script};
pub use world::{Answered, Ended, World};
