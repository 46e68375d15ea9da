//! The one table. Keys are made in [`keys`]; each business write is one function and one transaction.
//!
//! Consistent reads of the base table decide; the index only suggests.

mod act;
mod audit_hours;
pub mod batches;
mod books;
mod calls;
mod codes;
mod error;
mod gates;
mod histories;
mod jobs;
pub mod keys;
mod names;
mod payout_acts;
mod payout_lists;
mod payouts;
mod read;
mod redemptions;
mod sessions;
mod staff;
mod table;
mod trail;
mod write;

pub use act::{Act, chance};
pub use audit_hours::{Archived, AuditPage};
pub use batches::{Issued, Logo, Made};
pub use books::{ComparedBooks, Recount};
pub use calls::{ANSWER_MAX_BYTES, Answer, Begun, Call, CallCount, LEASE_MS, Once};
pub use codes::{CodeChange, DayCounts};
pub use error::StoreError;
pub use gates::{Gauges, InState, KnownAccount};
pub use jobs::{Asked, CodeResult, Strip};
pub use payouts::{Ceilings, Due, Saving};
pub use read::Items;
pub use redemptions::{Counted, Refused};
pub use sessions::Notice;
pub use staff::{ApiKey, Caller, Listed, SignIns};
pub use trail::{Found, ReadsTrail, Sought};

use aws_sdk_dynamodb::Client;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::time::Instant;

/// How long the table's own clean-up leaves the stored answer of a hop.
const HOP_KEPT_S: i64 = 3 * 24 * 3_600;
/// How long session notices and refused attempts are kept.
const SESSION_KEPT_S: i64 = 90 * 24 * 3_600;

/// The table, with the real SDK client under it. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    client: Client,
    table: String,
    contention: Arc<AtomicU64>,
}

impl Store {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into(), contention: Arc::default() }
    }

    /// Conflicts, throttles and lost races since the last call.
    pub fn take_contention(&self) -> u64 {
        self.contention.swap(0, Ordering::Relaxed)
    }

    fn contended(&self) {
        self.contention.fetch_add(1, Ordering::Relaxed);
    }
}

/// The point in time by which a call must have an answer, whatever it is.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    pub fn in_ms(milliseconds: u64) -> Self {
        Self(Instant::now() + std::time::Duration::from_millis(milliseconds))
    }

    pub fn passed(self) -> bool {
        Instant::now() >= self.0
    }

    pub fn instant(self) -> Instant {
        self.0
    }
}
