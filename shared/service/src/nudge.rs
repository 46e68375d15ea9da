//! Messages on the queues of payouts and jobs. They are nudges: the row says what is to be done, a lost message costs
//! only time.

use crate::{aws::Aws, config::Environment};
use domain::{
    id::JobId,
    identity::{CustomerId, RedemptionId},
    job::Job,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The body of a message to the payout worker, the only function that holds MoMo's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nudge {
    /// Look at this payout.
    Payout(RedemptionId),
    /// Whose account is the number that this customer has named?
    Name(CustomerId),
    /// How much is left in the float?
    Balance,
}

#[derive(Debug, thiserror::Error)]
#[error("the message could not be sent in time")]
pub struct NotSent;

/// The body of a message about a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobNudge {
    pub job: JobId,
}

/// The payout queue, under a time limit of its own.
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
        self.ask(&Nudge::Payout(payout.clone())).await
    }

    /// As [`Nudges::send`], for whatever the payout worker can be asked.
    ///
    /// # Errors
    /// [`NotSent`].
    pub async fn ask(&self, nudge: &Nudge) -> Result<(), NotSent> {
        send(&self.client, &self.url, nudge, self.limit).await
    }
}

/// The queues of jobs: one whose worker writes codes, one whose worker makes files of them.
#[derive(Clone)]
pub struct JobNudges {
    client: aws_sdk_sqs::Client,
    generation_url: String,
    export_url: String,
    limit: Duration,
}

impl JobNudges {
    pub fn new(
        client: aws_sdk_sqs::Client,
        generation_url: impl Into<String>,
        export_url: impl Into<String>,
        limit: Duration,
    ) -> Self {
        Self { client, generation_url: generation_url.into(), export_url: export_url.into(), limit }
    }

    /// From `GENERATION_QUEUE_URL` and `EXPORT_QUEUE_URL`.
    pub fn from_environment(environment: &mut Environment, aws: &Aws, limit: Duration) -> Self {
        let generation_url = environment.required("GENERATION_QUEUE_URL");
        let export_url = environment.required("EXPORT_QUEUE_URL");
        Self::new(aws.sqs(), generation_url, export_url, limit)
    }

    /// Sends one nudge to the queue of this kind of job and waits for its answer. To be done after the row is written.
    ///
    /// # Errors
    /// [`NotSent`]; the due index finds the row later.
    pub async fn send(&self, job: &Job) -> Result<(), NotSent> {
        let url = if job.work.is_export() { &self.export_url } else { &self.generation_url };
        send(&self.client, url, &JobNudge { job: job.id.clone() }, self.limit).await
    }
}

async fn send<T: Serialize>(
    client: &aws_sdk_sqs::Client,
    url: &str,
    nudge: &T,
    limit: Duration,
) -> Result<(), NotSent> {
    let body = serde_json::to_string(nudge).map_err(|_| NotSent)?;
    let call = client.send_message().queue_url(url).message_body(body).send();
    match tokio::time::timeout(limit, call).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(NotSent),
    }
}
