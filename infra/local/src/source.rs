//! What Lambda's event source mapping does for SQS: batches, partial failures, visibility, dead letters.

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use aws_sdk_sqs::types::Message;
use disbursement::Disbursement;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// As in the template.
const BATCH: i32 = 10;
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(50);
/// Between two looks after a failed one.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Polls `queue` and runs the payout worker on what comes. Runs until dropped.
pub async fn run(sqs: aws_sdk_sqs::Client, queue: String, disbursement: Arc<Disbursement>) {
    loop {
        if let Err(error) = poll(&sqs, &queue, &disbursement, 20).await {
            tracing::error!(error, "the payout queue cannot be polled");
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
}

/// One poll of up to `wait_seconds`; the messages that were finished are deleted, the others come again after
/// their visibility time. Says how many came.
///
/// # Errors
/// The queue's refusal, in words.
pub async fn poll(
    sqs: &aws_sdk_sqs::Client,
    queue: &str,
    disbursement: &Arc<Disbursement>,
    wait_seconds: i32,
) -> Result<usize, String> {
    let got = sqs.receive_message().queue_url(queue).max_number_of_messages(BATCH).wait_time_seconds(wait_seconds);
    let messages = got.send().await.map_err(|error| format!("{error:?}"))?.messages.unwrap_or_default();
    if messages.is_empty() {
        return Ok(0);
    }
    let records = messages.iter().map(record).collect();
    let mut event = SqsEvent::default();
    event.records = records;
    let response = disbursement.handle(event, Instant::now() + FUNCTION_TIMEOUT).await;
    for message in &messages {
        let id = message.message_id.as_deref().unwrap_or_default();
        if response.batch_item_failures.iter().any(|failure| failure.item_identifier == id) {
            continue;
        }
        let receipt = message.receipt_handle.as_deref().unwrap_or_default();
        let deleted = sqs.delete_message().queue_url(queue).receipt_handle(receipt).send().await;
        deleted.map_err(|error| format!("{error:?}"))?;
    }
    Ok(messages.len())
}

fn record(message: &Message) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id = message.message_id.clone();
    record.receipt_handle = message.receipt_handle.clone();
    record.body = message.body.clone();
    record
}
