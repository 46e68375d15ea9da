//! The payout worker: claims a row, asks or pays MTN MoMo, writes what it learned.
//!
//! The row decides, the message is only a nudge. What to do is `domain::payout::plan`, what an answer means is
//! `after_transfer` and `after_status`, whether the provider may be called at all is `domain::gate`; here is the order
//! of writes and calls.

mod gate;
mod keys;
mod learn;
mod names;
mod work;

pub use keys::{AirtimeKey, SecretKeys};

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use domain::payout::Payout;
use providers::{MobileMoney, airtime::Airtime, momo::MtnMomo, rails::Rails, transport::Https};
use service::{
    Clock,
    aws::Aws,
    config::Environment,
    live::LiveSettings,
    metrics::{self, Unit},
    nudge::{Nudge, Nudges},
    secret::{AirtimeSecret, CallbackSecret, MomoSecret, Secret},
};
use std::{error::Error, sync::Arc, time::Duration};
use store::{Store, StoreError};
use tokio::{task::JoinSet, time::Instant};

/// The name under which this function's changes are audited.
const ACTOR: &str = "disbursement";
/// How long the table may take for one read or write.
const TABLE_MS: u64 = 5_000;

pub struct Disbursement {
    pub store: Store,
    pub rails: Rails,
    pub settings: LiveSettings,
    pub clock: Clock,
    pub environment: String,
    pub epoch: String,
    /// The currency of MoMo's account: `RWF`, or `EUR` in MTN's sandbox.
    pub currency: String,
    /// Where a payout that is refused for good is put for people to find.
    pub dead_letters: Nudges,
    /// The limit of one exchange with the provider.
    pub http_timeout: Duration,
    /// How long a claim lasts: longer than the function may run.
    pub lease: Duration,
}

/// What one message's work ended in, when it can't be acknowledged.
#[derive(Debug, thiserror::Error)]
enum Unfinished {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("too little time was left to send")]
    NoTime,
    #[error("the message is no nudge")]
    Malformed,
}

impl Disbursement {
    /// # Errors
    /// Every variable that is missing or malformed, or a secret that can't be read.
    pub async fn from_environment() -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut environment = Environment::of_process();
        let aws = Aws::from_environment(&mut environment);
        let table = environment.required("TABLE_NAME");
        let momo_secret = environment.required("MOMO_SECRET_ID");
        let callback_secret = environment.required("CALLBACK_SECRET_ID");
        let callback_base = environment.optional("MOMO_CALLBACK_BASE_URL");
        let host = environment.required("MOMO_HOST");
        let target = environment.required("MOMO_TARGET_ENVIRONMENT");
        let dead_letters = environment.required("PAYOUT_DLQ_URL");
        let http_timeout = Duration::from_millis(environment.or("MOMO_HTTP_TIMEOUT_MS", 10_000));
        let lease = Duration::from_millis(environment.or("PAYOUT_LEASE_MS", 60_000));
        let currency = environment.required("MOMO_CURRENCY");
        let (name, epoch) = (environment.required("ENVIRONMENT"), environment.required("SWITCH_EPOCH"));
        // There is no second rail unless its host is named.
        let airtime = environment
            .optional("AIRTIME_HOST")
            .map(|host| (host, environment.required("AIRTIME_USERNAME"), environment.required("AIRTIME_SECRET_ID")));
        environment.finish()?;
        let secrets = aws.secrets_manager();
        let callback_url = match callback_base {
            Some(base) => {
                let secret = Secret::<CallbackSecret>::new(secrets.clone(), callback_secret).get().await;
                let secret = secret.map_err(|error| format!("CALLBACK_SECRET_ID: {error}"))?;
                let segment = secret.path_secrets.first().ok_or("the callback secret has no path secret")?.clone();
                Some(format!("{}/api/v1/webhooks/momo/disbursements/{segment}", base.trim_end_matches('/')))
            }
            None => None,
        };
        let secret: Secret<MomoSecret> = Secret::new(secrets.clone(), momo_secret);
        let api_user = secret.get().await.map_err(|error| format!("MOMO_SECRET_ID: {error}"))?.api_user;
        let transport: Arc<Https> = Arc::new(Https::new(http_timeout)?);
        let second = airtime.map(|(host, username, secret)| {
            let key = AirtimeKey(Secret::<AirtimeSecret>::new(secrets, secret));
            let host = host.trim_end_matches('/');
            Arc::new(Airtime::new(transport.clone(), Arc::new(key), host, &name, username)) as Arc<dyn MobileMoney>
        });
        let money = MtnMomo::new(
            transport,
            Arc::new(SecretKeys(secret)),
            host.trim_end_matches('/'),
            target,
            api_user,
            callback_url,
        );
        Ok(Self {
            store: Store::new(aws.dynamodb(), table),
            rails: Rails { mobile_money: Arc::new(money), second },
            settings: LiveSettings::default(),
            clock: Clock::system(),
            environment: name,
            epoch,
            currency,
            dead_letters: Nudges::new(aws.sqs(), dead_letters, Duration::from_secs(5)),
            http_timeout,
            lease,
        })
    }

    /// Works on all messages of a batch at once and reports those that must come again. Ends before `until`.
    pub async fn handle(self: &Arc<Self>, event: SqsEvent, until: Instant) -> SqsBatchResponse {
        let mut work = JoinSet::new();
        for message in event.records {
            let worker = Arc::clone(self);
            work.spawn(async move { worker.message(message, until).await });
        }
        let mut response = SqsBatchResponse::default();
        while let Some(done) = work.join_next().await {
            match done {
                Ok(Ok(())) => {}
                Ok(Err(message_id)) => {
                    let mut failure = BatchItemFailure::default();
                    failure.item_identifier = message_id;
                    response.batch_item_failures.push(failure);
                }
                // Which message it was is not known any more, so the whole batch comes again; rows make that harmless.
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            }
        }
        if self.store.take_contention() > 0 {
            metrics::emit("contention_total", 1.0, Unit::Count, &[("function", ACTOR)]);
        }
        response
    }

    /// # Errors
    /// The message's id, when it must come again.
    async fn message(&self, message: SqsMessage, until: Instant) -> Result<(), String> {
        let id = message.message_id.unwrap_or_default();
        let body = message.body.unwrap_or_default();
        let nudge = serde_json::from_str::<Nudge>(&body).map_err(|_| Unfinished::Malformed);
        let worked = match nudge {
            Ok(Nudge::Payout(id)) => self.work(&id, until).await,
            Ok(Nudge::Balance) => self.look_at_balance().await.map_err(Unfinished::from),
            Ok(Nudge::Name(customer)) => {
                let money = self.rails.mobile_money.as_ref();
                names::answer_name(&self.store, money, &customer).await.map_err(Unfinished::from)
            }
            Err(malformed) => Err(malformed),
        };
        worked.map_err(|unfinished| {
            tracing::error!(message = id, %unfinished, "a nudge is not finished and comes again");
            id
        })
    }

    /// The rail that a payout goes by: the one it was sent by, as long as that is in use; else the one it was redeemed
    /// for. What was sent by a rail that is gone, or would have to be, is held.
    fn rail_of(&self, payout: &Payout) -> &Arc<dyn MobileMoney> {
        let known = match payout.attempt() {
            Some(attempt) => self.rails.known(&attempt.rail),
            None => self.rails.of(payout),
        };
        known.unwrap_or(&self.rails.mobile_money)
    }

    /// It was redeemed for the second rail, which is not wired any more, and nothing of it was sent.
    fn lacks_rail(&self, payout: &Payout) -> bool {
        !payout.was_sent() && self.rails.of(payout).is_none()
    }
}
