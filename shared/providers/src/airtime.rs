//! Africa's Talking airtime: a second rail, for numbers that MTN's wallet doesn't reach. Off unless it is wired.
//!
//! The provider must confirm, before anybody turns it on: that airtime is sold for Rwanda's networks and in which
//! amounts; for how long an `Idempotency-Key` is remembered and what a repeated one is answered with; its words for a
//! refusal; a question by our own reference. Until then no answer but a refusal to the first send ends a payout here:
//!
//! - A reference is sent once. Nothing here says "not found", which would be leave to send it again.
//! - `Sent` means taken, not delivered, and there is no documented question about our reference. So a payout on this
//!   rail is held after a day, and a person settles it by the provider's list of transactions, where it stands under
//!   the request's id; [`delivery`] is a hint for that person, as unsigned as any callback of this provider.
//! - A second request for one number within five minutes is refused as a duplicate. It may be another payout that it
//!   repeats, or this very one, so that proves nothing either.

mod answers;
mod delivery;

pub use delivery::{Delivered, Delivery, delivery};

use crate::{
    Boxed, MobileMoney, NotReady, Transfer,
    transport::{Transport, TransportError},
};
use bytes::Bytes;
use domain::payout::{Rail, StatusAnswer, TransferAnswer};
use http::{HeaderValue, Request, Response, StatusCode};
use std::sync::Arc;

/// Where the API key comes from; asked again when it is refused, so that a new key needs no new deployment.
pub trait KeySource: Send + Sync {
    /// The key that goes with the rail's user name; `fresh` passes by what is kept of it.
    fn api_key(&self, fresh: bool) -> Boxed<'_, Result<String, NotReady>>;
}

pub struct Airtime {
    transport: Arc<dyn Transport>,
    keys: Arc<dyn KeySource>,
    host: String,
    username: String,
    rail: Rail,
}

impl Airtime {
    /// `host` is `https://…`, without a slash at the end; `environment` is part of the rail's identity only.
    pub fn new(
        transport: Arc<dyn Transport>,
        keys: Arc<dyn KeySource>,
        host: impl Into<String>,
        environment: &str,
        username: impl Into<String>,
    ) -> Self {
        let (host, username) = (host.into(), username.into());
        let rail = Rail::airtime(&host, environment, &username);
        Self { transport, keys, host, username, rail }
    }

    async fn send(&self, transfer: &Transfer, key: &str) -> Result<Response<Bytes>, TransferAnswer> {
        let unbuilt = |_| TransferAnswer::Unsent("the request could not be built".to_owned());
        let recipients = serde_json::json!([{
            "phoneNumber": format!("+{}", transfer.payee),
            "amount": format!("{} {}", transfer.currency, transfer.amount),
        }]);
        // No `maxNumRetry`: whoever sends again must know what became of the first one.
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("username", &self.username)
            .append_pair("recipients", &recipients.to_string())
            .finish();
        let mut key = HeaderValue::from_str(key)
            .map_err(|_| TransferAnswer::Unsent("the key is none that can be sent".to_owned()))?;
        key.set_sensitive(true);
        let request = Request::post(format!("{}/version1/airtime/send", self.host))
            .header("apikey", key)
            .header("accept", "application/json")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("idempotency-key", &transfer.reference)
            .body(Bytes::from(form))
            .map_err(unbuilt)?;
        self.transport.send(request).await.map_err(|error| match error {
            TransportError::NotConnected => TransferAnswer::Unsent(error.to_string()),
            TransportError::NoAnswer => TransferAnswer::Unknown(error.to_string()),
        })
    }

    /// One send, and once more under another key if this one is refused: nothing has been done then.
    async fn sent(&self, transfer: &Transfer) -> Result<Response<Bytes>, TransferAnswer> {
        let key = self.keys.api_key(false).await.map_err(|NotReady(why)| TransferAnswer::Unsent(why))?;
        let answer = self.send(transfer, &key).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        match self.keys.api_key(true).await {
            Ok(fresh) if fresh != key => self.send(transfer, &fresh).await,
            Ok(_) | Err(_) => Ok(answer),
        }
    }
}

impl MobileMoney for Airtime {
    fn rail(&self) -> Rail {
        self.rail.clone()
    }

    fn can_be_asked(&self) -> bool {
        false
    }

    fn ready(&self) -> Boxed<'_, Result<(), NotReady>> {
        Box::pin(async move { self.keys.api_key(false).await.map(|_| ()) })
    }

    fn transfer<'a>(&'a self, transfer: &'a Transfer) -> Boxed<'a, TransferAnswer> {
        Box::pin(async move {
            match self.sent(transfer).await {
                Ok(answer) => answers::read(&answer, transfer),
                Err(answer) => answer,
            }
        })
    }

    fn status<'a>(&'a self, _reference: &'a str) -> Boxed<'a, StatusAnswer> {
        Box::pin(async { StatusAnswer::Unknown("airtime cannot be asked about by its reference".to_owned()) })
    }

    fn balance(&self) -> Boxed<'_, Result<u64, NotReady>> {
        nobody_knows("airtime has no balance that can be asked for")
    }

    fn account_active<'a>(&'a self, _payee: &'a str) -> Boxed<'a, Result<bool, NotReady>> {
        nobody_knows("airtime does not say whether a number is active")
    }

    fn holder_name<'a>(&'a self, _payee: &'a str) -> Boxed<'a, Result<Option<String>, NotReady>> {
        nobody_knows("airtime does not say whose a number is")
    }
}

fn nobody_knows<'a, T: Send + 'a>(why: &'static str) -> Boxed<'a, Result<T, NotReady>> {
    Box::pin(async move { Err(NotReady(why.to_owned())) })
}
