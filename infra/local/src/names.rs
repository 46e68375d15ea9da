//! Names of the resources that a laptop uses, and making them.

use aws_sdk_sqs::types::QueueAttributeName;
use service::aws::Aws;
use std::{collections::HashMap, io};
use store::{Deadline, Store};

/// Credentials that open nothing but the embedded services.
pub const LOCAL_ACCESS_KEY: &str = "local-only";
pub const LOCAL_SECRET_KEY: &str = "local-only-secret-key";

/// What a function would be told by its environment variables.
#[derive(Clone, Debug)]
pub struct Names {
    pub table: String,
    pub payout_queue: String,
    pub payout_dead_letters: String,
    pub ussd_secret: String,
    pub callback_secret: String,
    pub momo_secret: String,
    pub staff_secret: String,
    pub bucket: String,
}

impl Names {
    /// Names beside each other's under `prefix`; the queues' are names until [`create`] or [`find`] makes addresses of them.
    pub fn under(prefix: &str) -> Self {
        Self {
            table: format!("{prefix}-table"),
            payout_queue: format!("{prefix}-payouts"),
            payout_dead_letters: format!("{prefix}-payouts-dead-letters"),
            ussd_secret: format!("{prefix}/ussd"),
            callback_secret: format!("{prefix}/callback"),
            momo_secret: format!("{prefix}/momo"),
            staff_secret: format!("{prefix}/staff"),
            bucket: format!("{prefix}-files"),
        }
    }
}

fn failed(what: &str, error: impl std::fmt::Debug) -> io::Error {
    io::Error::other(format!("{what}: {error:?}"))
}

/// Makes table, queues and secrets as the template does, where they are not there yet. `secrets` are JSON texts.
///
/// # Errors
/// The first service that refuses.
pub async fn create(aws: &Aws, mut names: Names, secrets: &[(&str, String)]) -> io::Result<Names> {
    let table = Store::new(aws.dynamodb(), &names.table);
    table.create_table().await.map_err(|error| failed("the table", error))?;
    let ready = store::keys::switches();
    let mut tries = 0;
    // A real table takes seconds to become active.
    while let Err(error) = table.read(std::slice::from_ref(&ready), Deadline::in_ms(2_000)).await {
        tries += 1;
        if tries == 30 {
            return Err(failed("the table does not become active", error));
        }
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    }
    let sqs = aws.sqs();
    let dead = sqs
        .create_queue()
        .queue_name(&names.payout_dead_letters)
        .send()
        .await
        .map_err(|error| failed("the dead-letter queue", error))?;
    names.payout_dead_letters = dead.queue_url.unwrap_or_default();
    let arn = sqs
        .get_queue_attributes()
        .queue_url(&names.payout_dead_letters)
        .attribute_names(QueueAttributeName::QueueArn)
        .send()
        .await
        .map_err(|error| failed("the dead-letter queue", error))?
        .attributes
        .and_then(|mut attributes| attributes.remove(&QueueAttributeName::QueueArn))
        .unwrap_or_default();
    // As in the template.
    let redrive = serde_json::json!({ "deadLetterTargetArn": arn, "maxReceiveCount": 6 }).to_string();
    let attributes = HashMap::from([
        (QueueAttributeName::RedrivePolicy, redrive),
        (QueueAttributeName::VisibilityTimeout, "420".to_owned()),
    ]);
    let queue = sqs
        .create_queue()
        .queue_name(&names.payout_queue)
        .set_attributes(Some(attributes))
        .send()
        .await
        .map_err(|error| failed("the payout queue", error))?;
    names.payout_queue = queue.queue_url.unwrap_or_default();
    for (name, value) in secrets {
        match aws.secrets_manager().create_secret().name(*name).secret_string(value).send().await {
            Ok(_) => {}
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_exists_exception()) => {}
            Err(error) => return Err(failed("a secret", error)),
        }
    }
    Ok(names)
}

/// Finds the queues' addresses where everything is there already.
///
/// # Errors
/// When a queue is not there.
pub async fn find(aws: &Aws, mut names: Names) -> io::Result<Names> {
    for name in [&mut names.payout_queue, &mut names.payout_dead_letters] {
        let found = aws.sqs().get_queue_url().queue_name(name.as_str()).send().await;
        *name = found.map_err(|error| failed(name, error))?.queue_url.unwrap_or_default();
    }
    Ok(names)
}
