//! The providers' keys from Secrets Manager.

use providers::{
    Boxed, NotReady, airtime,
    momo::{KeySource, Keys},
};
use service::secret::{AirtimeSecret, MomoSecret, Secret};

/// Keys that are read again when MTN refuses the ones in hand.
pub struct SecretKeys(pub Secret<MomoSecret>);

impl KeySource for SecretKeys {
    fn keys(&self, fresh: bool) -> Boxed<'_, Result<Keys, NotReady>> {
        Box::pin(async move {
            let secret = if fresh { self.0.fresh().await } else { self.0.get().await };
            let MomoSecret { api_user, api_key, subscription_key } =
                secret.map_err(|error| NotReady(error.to_string()))?;
            Ok(Keys { api_user, api_key, subscription_key })
        })
    }
}

/// The key of the second rail, read again when it is refused.
pub struct AirtimeKey(pub Secret<AirtimeSecret>);

impl airtime::KeySource for AirtimeKey {
    fn api_key(&self, fresh: bool) -> Boxed<'_, Result<String, NotReady>> {
        Box::pin(async move {
            let secret = if fresh { self.0.fresh().await } else { self.0.get().await };
            secret.map(|secret| secret.api_key).map_err(|error| NotReady(error.to_string()))
        })
    }
}
