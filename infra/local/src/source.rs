//! What Lambda's event source mapping does for SQS: batches, partial failures, visibility, dead letters.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::types::Message;
use std::{future::Future, time::Duration};
use tokio::time::Instant;

/// Between two looks after a failed one.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// A queue and how its function is fed, as in the template.
#[derive(Clone)]
pub struct Source {
    pub sqs: aws_sdk_sqs::Client,
    pub queue: String,
    /// Messages at one time.
    pub batch: i32,
    /// The longest that the function may run.
    pub function_timeout: Duration,
}

impl Source {
    /// Payouts: ten at one time.
    pub fn payouts(sqs: aws_sdk_sqs::Client, queue: &str) -> Self {
        Self { sqs, queue: queue.to_owned(), batch: 10, function_timeout: Duration::from_secs(50) }
    }

    /// Jobs: each has the function's whole time for itself.
    pub fn jobs(sqs: aws_sdk_sqs::Client, queue: &str) -> Self {
        Self { sqs, queue: queue.to_owned(), batch: 1, function_timeout: Duration::from_secs(900) }
    }

    /// Polls the queue and runs `function` on what comes. Runs until dropped.
    pub async fn run<F, R>(self, function: F)
    where
        F: Fn(SqsEvent, Instant) -> R,
        R: Future<Output = SqsBatchResponse>,
    {
        loop {
            if let Err(error) = self.poll(&function, 20).await {
                tracing::error!(queue = self.queue, error, "a queue cannot be polled");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }

    /// One poll of up to `wait_seconds`; the messages that were finished are deleted, the others come again after
    /// their visibility time. Says how many came.
    ///
    /// # Errors
    /// The queue's refusal, in words.
    pub async fn poll<F, R>(&self, function: &F, wait_seconds: i32) -> Result<usize, String>
    where
        F: Fn(SqsEvent, Instant) -> R,
        R: Future<Output = SqsBatchResponse>,
    {
        let got = self.sqs.receive_message().queue_url(&self.queue).max_number_of_messages(self.batch);
        let got = got.wait_time_seconds(wait_seconds).send().await.map_err(|error| format!("{error:?}"))?;
        let messages = got.messages.unwrap_or_default();
        if messages.is_empty() {
            return Ok(0);
        }
        let mut event = SqsEvent::default();
        event.records = messages.iter().map(record).collect();
        let response = function(event, Instant::now() + self.function_timeout).await;
        for message in &messages {
            let id = message.message_id.as_deref().unwrap_or_default();
            if response.batch_item_failures.iter().any(|failure| failure.item_identifier == id) {
                continue;
            }
            let receipt = message.receipt_handle.as_deref().unwrap_or_default();
            let deleted = self.sqs.delete_message().queue_url(&self.queue).receipt_handle(receipt).send().await;
            deleted.map_err(|error| format!("{error:?}"))?;
        }
        Ok(messages.len())
    }
}

fn record(message: &Message) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id = message.message_id.clone();
    record.receipt_handle = message.receipt_handle.clone();
    record.body = message.body.clone();
    record
}
