//! Our books against MoMo's: every payout of a day by reference, amount, state and payee, and the counters against the
//! records they count.
//!
//! MoMo is not called here. The payout worker asks about each reference again a day after its last send and keeps the
//! answer on the attempt; a day is compared two days later, with these answers, or with a statement from MTN's portal.

mod compare;
mod records;
mod recount;

pub use compare::{Books, Compared, Made, Places, newest_askable};
pub use records::Day;
pub use recount::Recounted;

use files::FilesError;
use store::StoreError;

/// How long the table may take for one read or write.
pub(crate) const TABLE_MS: u64 = 5_000;

#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A statement that can't be read as a whole, in words.
    #[error("{0}")]
    Statement(String),
    #[error("the report could not be made: {0}")]
    Report(String),
    /// There was no time for all of it, or it was more than fits; nothing of it counts.
    #[error("there were too many payouts for one comparison")]
    NoTime,
}
