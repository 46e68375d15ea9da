//! Sealing the audit log into S3, verifying it, and keeping its old entries there (design.md "Audit").
//!
//! [`Log`] reads: the table's entries, the archive's digests, lists of leaves and archived entries. It verifies with
//! public keys alone. Only [`Sealer`] signs. Until an hour is sealed, 20 to 80 minutes after its end, whoever can write
//! to the table can change its entries unseen.

mod archive;
mod keys;
mod log;
mod sealer;
mod signer;
mod verify;

pub use archive::{Archive, Kept, Put};
pub use keys::{BadKey, PublicKey, PublicKeys};
pub use log::Log;
pub use sealer::{SealedHour, Sealer};
pub use signer::{KmsSigner, LOCAL, LocalSigner, Signer, kms};
pub use verify::{Checked, Report};

use domain::seal::Hour;
use std::{future::Future, pin::Pin};
use store::StoreError;

/// A future that is boxed so that a trait with it can be made into an object.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why an hour could not be sealed, verified or archived now. Trying again does no harm.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the audit log: {0}")]
    Store(#[from] StoreError),
    #[error("the archive: {0}")]
    Archive(String),
    #[error("the signing key: {0}")]
    Signer(String),
    #[error("{0} may not be sealed yet")]
    NotDue(Hour),
    /// An hour is sealed only behind the one before.
    #[error("{0} is not sealed, nor is it before the first seal")]
    Gap(Hour),
}
