//! Names of the resources that a laptop uses, and making them.

use aws_sdk_sqs::types::QueueAttributeName;
use service::aws::Aws;
use std::{collections::HashMap, io};
use store::{Deadline, Store};

/// Credentials that open nothing but the embedded services.
pub const LOCAL_ACCESS_KEY: &str = "local-only";
pub const LOCAL_SECRET_KEY: &str = "local-only-secret-key";

/// Six times the longest that a function may run.
const JOB_VISIBILITY_S: u32 = 5_400;

/// What a function would be told by its environment variables.
#[derive(Clone, Debug)]
pub struct Names {
    pub table: String,
    pub payout_queue: String,
    pub payout_dead_letters: String,
    pub generation_queue: String,
    pub generation_dead_letters: String,
    pub export_queue: String,
    pub export_dead_letters: String,
    pub ussd_secret: String,
    pub callback_secret: String,
    pub momo_secret: String,
    pub staff_secret: String,
    /// Seals and old entries of the audit log.
    pub bucket: String,
    /// What users upload and what jobs make.
    pub files_bucket: String,
}

/// One queue and its dead letters, as the template makes them.
struct Queue<'a> {
    name: &'a mut String,
    dead_letters: &'a mut String,
    visibility_s: u32,
    receives: u32,
}

impl Names {
    /// Names beside each other's under `prefix`; the queues' are names until [`create`] or [`find`] makes addresses of them.
    pub fn under(prefix: &str) -> Self {
        Self {
            table: format!("{prefix}-table"),
            payout_queue: format!("{prefix}-payouts"),
            payout_dead_letters: format!("{prefix}-payouts-dead-letters"),
            generation_queue: format!("{prefix}-generation"),
            generation_dead_letters: format!("{prefix}-generation-dead-letters"),
            export_queue: format!("{prefix}-export"),
            export_dead_letters: format!("{prefix}-export-dead-letters"),
            ussd_secret: format!("{prefix}/ussd"),
            callback_secret: format!("{prefix}/callback"),
            momo_secret: format!("{prefix}/momo"),
            staff_secret: format!("{prefix}/staff"),
            bucket: format!("{prefix}-files"),
            files_bucket: format!("{prefix}-uploads"),
        }
    }

    fn queues(&mut self) -> [Queue<'_>; 3] {
        [
            Queue {
                name: &mut self.payout_queue,
                dead_letters: &mut self.payout_dead_letters,
                visibility_s: 420,
                receives: 6,
            },
            Queue {
                name: &mut self.generation_queue,
                dead_letters: &mut self.generation_dead_letters,
                visibility_s: JOB_VISIBILITY_S,
                receives: 3,
            },
            Queue {
                name: &mut self.export_queue,
                dead_letters: &mut self.export_dead_letters,
                visibility_s: JOB_VISIBILITY_S,
                receives: 3,
            },
        ]
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
    for queue in names.queues() {
        let dead = sqs.create_queue().queue_name(queue.dead_letters.as_str()).send().await;
        *queue.dead_letters = dead.map_err(|error| failed("a dead-letter queue", error))?.queue_url.unwrap_or_default();
        let arn = sqs
            .get_queue_attributes()
            .queue_url(queue.dead_letters.as_str())
            .attribute_names(QueueAttributeName::QueueArn)
            .send()
            .await
            .map_err(|error| failed("a dead-letter queue", error))?
            .attributes
            .and_then(|mut attributes| attributes.remove(&QueueAttributeName::QueueArn))
            .unwrap_or_default();
        let redrive = serde_json::json!({ "deadLetterTargetArn": arn, "maxReceiveCount": queue.receives }).to_string();
        let attributes = HashMap::from([
            (QueueAttributeName::RedrivePolicy, redrive),
            (QueueAttributeName::VisibilityTimeout, queue.visibility_s.to_string()),
        ]);
        let made = sqs.create_queue().queue_name(queue.name.as_str()).set_attributes(Some(attributes)).send().await;
        *queue.name = made.map_err(|error| failed("a queue", error))?.queue_url.unwrap_or_default();
    }
    for (name, value) in secrets {
        match aws.secrets_manager().create_secret().name(*name).secret_string(value).send().await {
            Ok(_) => {}
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_exists_exception()) => {}
            Err(error) => return Err(failed("a secret", error)),
        }
    }
    Ok(names)
}

/// Makes the buckets where they are not there yet.
///
/// # Errors
/// The service's refusal.
pub async fn create_buckets(aws: &Aws, names: &Names) -> io::Result<()> {
    let s3 = files::s3(aws);
    for name in [&names.bucket, &names.files_bucket] {
        match s3.create_bucket().bucket(name).send().await {
            Ok(_) => {}
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_bucket_already_owned_by_you() || e.is_bucket_already_exists()) => {}
            Err(error) => return Err(failed("a bucket", error)),
        }
    }
    Ok(())
}

/// Finds the queues' addresses where everything is there already.
///
/// # Errors
/// When a queue is not there.
pub async fn find(aws: &Aws, mut names: Names) -> io::Result<Names> {
    for name in names.queues().into_iter().flat_map(|queue| [queue.name, queue.dead_letters]) {
        let found = aws.sqs().get_queue_url().queue_name(name.as_str()).send().await;
        *name = found.map_err(|error| failed(name, error))?.queue_url.unwrap_or_default();
    }
    Ok(names)
}
