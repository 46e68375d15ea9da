//! Secrets from Secrets Manager, kept for five minutes, read again at once when a caller's proof doesn't fit.

use serde::{Deserialize, de::DeserializeOwned};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::Instant};

const KEPT: Duration = Duration::from_secs(300);
/// A wrong proof re-reads the secret at most this often, so that guessing doesn't load Secrets Manager.
const REREAD: Duration = Duration::from_secs(30);

/// The longest wait for one reading, tries included.
const READ_LIMIT: Duration = Duration::from_millis(1_000);

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the secret cannot be read")]
    Unreadable,
    #[error("the secret is not of the expected shape: {0}")]
    Shape(String),
}

/// What the USSD door needs.
#[derive(Clone, Deserialize)]
pub struct UssdSecret {
    /// The path's secret segment; the second one is accepted while the first is being introduced.
    pub path_secrets: Vec<String>,
    /// Never changed: customers' keys are derived with it.
    pub customer_pepper: String,
    /// What CloudFront adds to prove itself, where it stands in front.
    #[serde(default)]
    pub origin_secret: Option<String>,
}

/// What the callback door needs.
#[derive(Clone, Deserialize)]
pub struct CallbackSecret {
    pub path_secrets: Vec<String>,
}

/// MTN's keys.
#[derive(Clone, Deserialize)]
pub struct MomoSecret {
    pub api_user: String,
    pub api_key: String,
    pub subscription_key: String,
}

/// Africa's Talking's key, where airtime is the second rail.
#[derive(Clone, Deserialize)]
pub struct AirtimeSecret {
    pub api_key: String,
}

/// One secret, a JSON object of type `T`.
#[derive(Clone)]
pub struct Secret<T> {
    client: aws_sdk_secretsmanager::Client,
    id: String,
    kept: Arc<Mutex<Option<(Instant, T)>>>,
}

impl<T: DeserializeOwned + Clone> Secret<T> {
    pub fn new(client: aws_sdk_secretsmanager::Client, id: impl Into<String>) -> Self {
        Self { client, id: id.into(), kept: Arc::default() }
    }

    /// # Errors
    /// [`SecretError`] when it was never read and can't be now. One that was read stays in use.
    pub async fn get(&self) -> Result<T, SecretError> {
        self.at_most(KEPT).await
    }

    /// As it is now, for when the one in hand didn't fit.
    ///
    /// # Errors
    /// As [`Secret::get`].
    pub async fn fresh(&self) -> Result<T, SecretError> {
        self.at_most(REREAD).await
    }

    async fn at_most(&self, age: Duration) -> Result<T, SecretError> {
        let mut kept = self.kept.lock().await;
        if let Some((read, secret)) = kept.as_ref().filter(|(read, _)| read.elapsed() < age) {
            let _ = read;
            return Ok(secret.clone());
        }
        match self.read().await {
            Ok(secret) => {
                *kept = Some((Instant::now(), secret.clone()));
                Ok(secret)
            }
            Err(error) => match kept.as_ref() {
                Some((_, old)) => {
                    tracing::warn!(%error, "a secret could not be read again; the one in hand stays in use");
                    let old = old.clone();
                    // Not asked for again at once: each try would hold up a customer.
                    *kept = Some((Instant::now(), old.clone()));
                    Ok(old)
                }
                None => Err(error),
            },
        }
    }

    async fn read(&self) -> Result<T, SecretError> {
        let call = self.client.get_secret_value().secret_id(&self.id).send();
        let answer = tokio::time::timeout(READ_LIMIT, call)
            .await
            .map_err(|_| SecretError::Unreadable)?
            .map_err(|_| SecretError::Unreadable)?;
        let text = answer.secret_string().ok_or(SecretError::Unreadable)?;
        serde_json::from_str(text)
            .map_err(|error| SecretError::Shape(format!("line {}, column {}", error.line(), error.column())))
    }
}
