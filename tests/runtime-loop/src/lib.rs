//! The functions' binaries, run as Lambda runs them: each a process of its own that asks the Runtime API for events.
//!
//! Around them stand a stub of that API, the embedded AWS services behind a gate that knows the functions' roles, and a
//! simulated MoMo, all on loopback ports.

pub mod archive;
pub mod binaries;
pub mod events;
pub mod gate;
pub mod process;
pub mod runtime_api;
pub mod system;

use std::time::Duration;

/// Nothing here is waited for longer.
pub const LIMIT: Duration = Duration::from_secs(20);
