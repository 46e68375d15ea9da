//! Messages on the payout queue. They are nudges: the row says what is to be done, a lost message costs only time.

use domain::identity::RedemptionId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The body of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nudge {
    pub payout: RedemptionId,
}

#[derive(Debug, thiserror::Error)]
#[error("the message could not be sent in time")]
pub struct NotSent;

/// The queue, under a time limit of its own.
#[derive(Clone)]
pub struct Nudges {
    client: aws_sdk_sqs::Client,
    url: String,
    limit: Duration,
}

impl Nudges {
    pub fn new(client: aws_sdk_sqs::Client, url: impl Into<String>, limit: Duration) -> Self {
        Self { client, url: url.into(), limit }
    }

    /// Sends one nudge and waits for the queue's answer: work left running would freeze with the function.
    ///
    /// # Errors
    /// [`NotSent`]; the due index finds the row later.
    pub async fn send(&self, payout: &RedemptionId) -> Result<(), NotSent> {
        let body = serde_json::to_string(&Nudge { payout: payout.clone() }).map_err(|_| NotSent)?;
        let call = self.client.send_message().queue_url(&self.url).message_body(body).send();
        match tokio::time::timeout(self.limit, call).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(NotSent),
        }
    }
}
