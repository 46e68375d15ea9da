//! Sealing the audit log (design.md "Audit"), as values: what is hashed, what is signed, what a comparison finds.
//!
//! Every hour of UTC is sealed once, 20 minutes after its end, empty or not. Each entry is a leaf of a Merkle tree
//! (RFC 6962), one tree for each of the 16 shards in which the table keeps an hour, in the order of the table. The
//! digest names the roots of these trees and the digest of the hour before, and is signed. The list of leaves is kept
//! beside it, so that a verification can say which entry was altered, is missing, or was added.

mod compare;
mod digest;
mod hour;
mod row;
mod tree;

pub use compare::{BadLeaves, Comparison, Difference, Leaf, compare, from_lines, to_lines};
pub use digest::{Before, Digest, FORMAT, Finding, Found, Part, Sealed, chain};
pub use hour::{BadHour, Hour};
pub use row::{Attribute, OWN_ATTRIBUTE, Row};
pub use tree::{Hash, Tree, leaf, node};

use crate::time::{self, MINUTE_MS};
use jiff::Timestamp;

/// Into so many parts the table divides an hour of the log.
pub const SHARDS: u8 = 16;
/// An hour is sealed so long after its end. A writer stamps its entries anew after 2 minutes and gives up after 5, so
/// nothing is written into an hour by then.
pub const SEALED_AFTER_MS: i64 = 20 * MINUTE_MS;
/// A seal so long after the hour's end is late: until then nobody could have seen what was done to the entries.
pub const LATE_AFTER_MS: i64 = 80 * MINUTE_MS;

/// The newest hour that may be sealed at `now`.
pub fn newest_due(now: Timestamp) -> Hour {
    Hour::of(time::plus(now, -SEALED_AFTER_MS)).plus(-1)
}

/// Whether a seal of `hour` at `at` is late.
pub fn is_late(hour: Hour, at: Timestamp) -> bool {
    time::between(hour.end(), at) > LATE_AFTER_MS
}
