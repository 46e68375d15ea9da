//! What the functions have in common: configuration, AWS clients, clock, secrets, callers' proof, nudges, telemetry.

pub mod aws;
pub mod clock;
pub mod config;
pub mod door;
pub mod live;
pub mod metrics;
pub mod nudge;
pub mod secret;
pub mod telemetry;

pub use clock::Clock;
