//! The payout worker: claims a row, asks or pays MTN MoMo, writes what it learned.
//!
//! The row decides, the message is only a nudge. What to do is `domain::payout::plan`, what an answer means is
//! `after_transfer` and `after_status`; here is the order of writes and calls.

mod keys;
mod names;

pub use keys::SecretKeys;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use domain::{
    alert::{self, Alert},
    identity::RedemptionId,
    payout::{Learned, Payout, State, StatusAnswer, Step, TransferAnswer, plan},
    settings::Settings,
    switches::Switches,
    time,
};
use providers::{MobileMoney, NotReady, Transfer, momo::MtnMomo, transport::Https};
use service::{
    Clock,
    aws::Aws,
    config::Environment,
    live::LiveSettings,
    metrics::{self, Unit},
    nudge::{Nudge, Nudges},
    secret::{CallbackSecret, MomoSecret, Secret},
};
use std::{error::Error, sync::Arc, time::Duration};
use store::{Deadline, Store, StoreError, keys as rows};
use tokio::{task::JoinSet, time::Instant};

/// The name under which this function's changes are audited.
const ACTOR: &str = "disbursement";
/// How long the table may take for one read or write.
const TABLE_MS: u64 = 5_000;
/// Steps for one payout in one go: ask, send, ask again; more wait for the next nudge.
const MAX_STEPS: usize = 6;
/// A send starts only with this much time left beyond the HTTP time-out, to write down what came of it.
const AFTER_SEND: Duration = Duration::from_secs(8);

pub struct Disbursement {
    pub store: Store,
    pub money: Arc<dyn MobileMoney>,
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

struct Loaded {
    payout: Option<Payout>,
    switches: Switches,
    settings: Arc<Settings>,
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
        let secret: Secret<MomoSecret> = Secret::new(secrets, momo_secret);
        let api_user = secret.get().await.map_err(|error| format!("MOMO_SECRET_ID: {error}"))?.api_user;
        let transport = Arc::new(Https::new(http_timeout)?);
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
            money: Arc::new(money),
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
            Ok(Nudge::Name(customer)) => {
                names::answer_name(&self.store, self.money.as_ref(), &customer).await.map_err(Unfinished::from)
            }
            Ok(Nudge::Balance) => Ok(()),
            Err(malformed) => Err(malformed),
        };
        worked.map_err(|unfinished| {
            tracing::error!(message = id, %unfinished, "a nudge is not finished and comes again");
            id
        })
    }

    /// Takes a payout as far as it goes now.
    async fn work(&self, id: &RedemptionId, until: Instant) -> Result<(), Unfinished> {
        for _ in 0..MAX_STEPS {
            let loaded = self.load(id).await?;
            let Some(payout) = loaded.payout else {
                tracing::warn!(payout = %id, "a nudge for a payout that does not exist is dropped");
                return Ok(());
            };
            let now = self.clock.now();
            let policy = &loaded.settings.payouts;
            let lease_ms = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
            let step = plan(&payout, &loaded.switches, policy, &self.environment, &self.money.rail(), now, lease_ms);
            let learned = match step {
                Step::Rest => return Ok(()),
                Step::Postpone(later) => return self.save_or_leave(&payout, &later, &[], &loaded.settings).await,
                Step::Hold(held, kind) => {
                    let alert = hold_alert(&held, kind);
                    return self.save_or_leave(&payout, &held, &[alert], &loaded.settings).await;
                }
                Step::Ask(claimed, reference) => {
                    if let Err(not_ready) = self.money.ready().await {
                        return self.put_off(&payout, &not_ready, &loaded.settings).await;
                    }
                    if !self.claim(&payout, &claimed, &loaded.settings).await? {
                        continue;
                    }
                    self.ask(&claimed, &reference, &loaded.settings).await?
                }
                Step::Send(_) if payout.money.currency.code() != self.currency => {
                    let held = payout.misconfigured(now);
                    let alert = hold_alert(&held, alert::Kind::RailMisconfigured);
                    return self.save_or_leave(&payout, &held, &[alert], &loaded.settings).await;
                }
                Step::Send(claimed) => {
                    if let Err(not_ready) = self.money.ready().await {
                        return self.put_off(&payout, &not_ready, &loaded.settings).await;
                    }
                    if Instant::now() + self.longest_send() > until {
                        return Err(Unfinished::NoTime);
                    }
                    let claimed_at = Instant::now();
                    match self.claim(&payout, &claimed, &loaded.settings).await? {
                        // A claim that took so long that its lease may end during the send is left to be asked about.
                        true if claimed_at.elapsed() + self.longest_send() > self.lease => return Ok(()),
                        true => self.send(&claimed, &loaded.settings).await?,
                        false => continue,
                    }
                }
            };
            let again = learned.is_some_and(|payout| payout.state.due_at().is_some_and(|due| due <= self.clock.now()));
            if !again {
                return Ok(());
            }
        }
        // Whatever is left is due, and the sweeper finds it.
        Ok(())
    }

    /// A send, at worst: refused for its token, a new token, sent again; and time to write down what came of it.
    fn longest_send(&self) -> Duration {
        self.http_timeout * 3 + AFTER_SEND
    }

    /// Comes back in a minute; nothing was claimed and nothing was sent.
    async fn put_off(&self, payout: &Payout, not_ready: &NotReady, settings: &Settings) -> Result<(), Unfinished> {
        tracing::warn!(payout = %payout.id, %not_ready, "put off");
        metrics::emit("momo_not_ready_total", 1.0, Unit::Count, &[]);
        self.save_or_leave(payout, &payout.put_off(self.clock.now()), &[], settings).await
    }

    async fn load(&self, id: &RedemptionId) -> Result<Loaded, StoreError> {
        let payout_key = rows::payout(id);
        let settings_key = self.settings.wanted();
        let mut wanted = vec![payout_key.clone(), rows::switches()];
        wanted.extend(settings_key.clone());
        let items = self.store.read(&wanted, Deadline::in_ms(TABLE_MS)).await?;
        Ok(Loaded {
            payout: items.get(&payout_key)?,
            switches: Switches::in_force(items.get(&rows::switches())?, &self.epoch),
            settings: self.settings.current(&items, settings_key.is_some())?,
        })
    }

    async fn save(
        &self,
        before: &Payout,
        after: &Payout,
        alerts: &[Alert],
        settings: &Settings,
    ) -> Result<(), StoreError> {
        let today = time::day(after.updated_at, &settings.zone());
        self.store.save_payout(before, after, alerts, ACTOR, today, Deadline::in_ms(TABLE_MS)).await?;
        for alert in alerts {
            metrics::emit("alerts_total", 1.0, Unit::Count, &[("kind", alert.kind.name())]);
            // The alarm watches the sum over all kinds.
            metrics::emit("alerts_raised_total", 1.0, Unit::Count, &[]);
        }
        Ok(())
    }

    /// Saves, or leaves it to whoever has changed the row meanwhile.
    async fn save_or_leave(
        &self,
        before: &Payout,
        after: &Payout,
        alerts: &[Alert],
        settings: &Settings,
    ) -> Result<(), Unfinished> {
        match self.save(before, after, alerts, settings).await {
            Ok(()) | Err(StoreError::Changed) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// `true` when this worker has the payout now. An ambiguous claim is no claim: nothing is sent on it.
    async fn claim(&self, before: &Payout, claimed: &Payout, settings: &Settings) -> Result<bool, Unfinished> {
        match self.save(before, claimed, &[], settings).await {
            Ok(()) => Ok(true),
            Err(StoreError::Changed) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn send(&self, claimed: &Payout, settings: &Settings) -> Result<Option<Payout>, Unfinished> {
        let Some(attempt) = claimed.attempt() else { return Ok(None) };
        let transfer = Transfer {
            reference: attempt.reference.clone(),
            external_id: claimed.id.to_string(),
            amount: claimed.money.amount,
            currency: claimed.money.currency.code(),
            payee: claimed.payee.party_id().to_owned(),
            message: format!("{} {}", settings.brand, claimed.id.short()),
        };
        let answer = self.money.transfer(&transfer).await;
        log_answer(claimed, "sent", &format!("{answer:?}"));
        self.learn(claimed, &attempt.reference, &Answer::Transfer(answer), settings).await
    }

    async fn ask(&self, claimed: &Payout, reference: &str, settings: &Settings) -> Result<Option<Payout>, Unfinished> {
        let answer = self.money.status(reference).await;
        log_answer(claimed, "asked", answer_word(&answer));
        self.learn(claimed, reference, &Answer::Status(answer), settings).await
    }

    /// Writes what an answer means. If the row has changed meanwhile the answer is applied to what it is now:
    /// outcomes are taken from anyone, lease or not.
    async fn learn(
        &self,
        claimed: &Payout,
        reference: &str,
        answer: &Answer,
        settings: &Settings,
    ) -> Result<Option<Payout>, Unfinished> {
        let mut before = claimed.clone();
        let deadline = Deadline::in_ms(2 * TABLE_MS);
        loop {
            let now = self.clock.now();
            let learned = match answer {
                Answer::Transfer(answer) => before.after_transfer(reference, answer, &settings.payouts, now),
                Answer::Status(answer) => before.after_status(reference, answer, &settings.payouts, now),
            };
            let Some(Learned { payout, alerts }) = learned else { return Ok(None) };
            match self.save(&before, &payout, &alerts, settings).await {
                Ok(()) => {
                    self.tell(&before, &payout).await;
                    return Ok(Some(payout));
                }
                Err(StoreError::Changed) if deadline.passed() => return Err(StoreError::Busy.into()),
                Err(StoreError::Changed) => {
                    before =
                        self.store.payout(&claimed.id, Deadline::in_ms(TABLE_MS)).await?.ok_or(StoreError::Changed)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Metrics, and the dead-letter queue for what is refused for good. The alert is already written.
    async fn tell(&self, before: &Payout, after: &Payout) {
        match (&before.state, &after.state) {
            (_, State::Paid { at }) => {
                let seconds = time::between(after.created_at, *at) as f64 / 1_000.0;
                metrics::emit("disbursement_duration_seconds", seconds, Unit::Seconds, &[("result", "paid")]);
            }
            (State::Refused { .. }, State::Refused { .. }) => {}
            (_, State::Refused { .. }) => {
                metrics::emit("disbursements_total", 1.0, Unit::Count, &[("result", "refused")]);
                if self.dead_letters.send(&after.id).await.is_err() {
                    tracing::error!(payout = %after.id, "refused for good; the alert is written but the dead-letter queue did not take it");
                }
            }
            _ => {}
        }
    }
}

enum Answer {
    Transfer(TransferAnswer),
    Status(StatusAnswer),
}

fn answer_word(answer: &StatusAnswer) -> &str {
    match answer {
        StatusAnswer::Pending(_) => "pending",
        StatusAnswer::Successful(_) => "successful",
        StatusAnswer::Failed(_) => "failed",
        StatusAnswer::NotFound => "not found",
        StatusAnswer::Unknown(why) => why,
    }
}

fn log_answer(payout: &Payout, what: &str, answer: &str) {
    let reference = payout.attempt().map(|attempt| attempt.reference.as_str()).unwrap_or_default();
    tracing::info!(payout = %payout.id, reference, answer, "{what}");
}

fn hold_alert(held: &Payout, kind: alert::Kind) -> Alert {
    let note = if kind == alert::Kind::RailMisconfigured {
        "This payout does not belong to the MoMo account in use: it was sent under another one, or its currency is another. Look it up there, or bring the old keys back, before anything is paid again."
    } else if kind == alert::Kind::PayoutPoison {
        "Five workers took this payout and none lived to write what it learned. Read the function's log, then release it."
    } else {
        "A person must look at this payout."
    };
    Alert {
        id: format!("{}-{}-{}", held.id, held.version, kind.name()),
        at: held.updated_at,
        kind,
        entity: format!("payout:{}", held.id),
        note: note.to_owned(),
    }
}
