//! Letters, to whoever carries them.

use crate::Boxed;

/// A finished letter to one address. It may hold a link that opens an account: never log it.
#[derive(Clone)]
pub struct OutgoingMail {
    pub to: String,
    /// One line.
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// The letter wasn't taken, or nobody knows whether it was. Sending it again then brings it twice at worst.
///
/// The words name what went wrong, never whom the letter is for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the letter was not taken: {0}")]
pub struct NotTaken(pub String);

pub trait Mailer: Send + Sync {
    /// Hands the letter over. Success means that it was taken, not that it arrived.
    fn send<'a>(&'a self, mail: &'a OutgoingMail) -> Boxed<'a, Result<(), NotTaken>>;
}
