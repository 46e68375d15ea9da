//! MTN's keys from Secrets Manager.

use providers::{
    Boxed, NotReady,
    momo::{KeySource, Keys},
};
use service::secret::{MomoSecret, Secret};

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
