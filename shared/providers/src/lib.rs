//! What we don't own, behind small traits: MTN MoMo, Africa's Talking's airtime and mail now, its SMS later.

pub mod airtime;
pub mod mail;
pub mod momo;
pub mod rails;
pub mod transport;

use domain::payout::{Rail, StatusAnswer, TransferAnswer};
use std::{future::Future, pin::Pin};

/// A future that is boxed so that a trait with it can be made into an object.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A transfer to be made, in our words.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// A UUID v4, fixed before the first send.
    pub reference: String,
    pub external_id: String,
    pub amount: u64,
    pub currency: &'static str,
    /// The payee's number in figures with country code.
    pub payee: String,
    /// What the payee reads: at most 128 characters, no apostrophe.
    pub message: String,
}

/// The provider can't be used at all right now; nothing has been sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the provider is not ready: {0}")]
pub struct NotReady(pub String);

/// A rail for money: three answers to a send (has it, refuses it, nobody knows), never two.
pub trait MobileMoney: Send + Sync {
    /// The identity under which references are sent and asked about.
    fn rail(&self) -> Rail;
    /// Whether [`MobileMoney::status`] can ever prove anything. Where it can't, not knowing is no sign of trouble.
    fn can_be_asked(&self) -> bool {
        true
    }
    /// Makes sure that a send can be tried: a token in hand. Called before a payout is claimed.
    fn ready(&self) -> Boxed<'_, Result<(), NotReady>>;
    fn transfer<'a>(&'a self, transfer: &'a Transfer) -> Boxed<'a, TransferAnswer>;
    fn status<'a>(&'a self, reference: &'a str) -> Boxed<'a, StatusAnswer>;
    /// The float in whole units of the currency.
    fn balance(&self) -> Boxed<'_, Result<u64, NotReady>>;
    /// Whether the payee's account is active; an error means that nobody knows.
    fn account_active<'a>(&'a self, payee: &'a str) -> Boxed<'a, Result<bool, NotReady>>;
    /// The name on the payee's account; none where there is no such account. Nothing but the name is kept.
    fn holder_name<'a>(&'a self, payee: &'a str) -> Boxed<'a, Result<Option<String>, NotReady>>;
}
