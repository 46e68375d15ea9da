//! Writing down what an answer means, and what follows for the gate.

use crate::{Disbursement, TABLE_MS, Unfinished, work::Loaded};
use domain::{
    gate::Call,
    payout::{Learned, Payout, State, StatusAnswer, TransferAnswer},
    time,
};
use jiff::Timestamp;
use service::metrics::{self, Unit};
use store::{Deadline, StoreError};

pub(crate) enum Answer {
    Transfer(TransferAnswer),
    /// With the time of the question: a worker that stands still before it writes the answer down makes it no younger.
    Status(StatusAnswer, Timestamp),
}

impl Answer {
    /// What only a provider in trouble says, or nothing at all; never what it says of a payee. `asked` where it can be
    /// asked at all.
    fn trouble(&self, asked: bool) -> Option<&str> {
        match self {
            Self::Transfer(
                TransferAnswer::Unknown(why) | TransferAnswer::Config(why) | TransferAnswer::Unsent(why),
            ) => Some(why),
            Self::Status(StatusAnswer::Unknown(why), _) => asked.then_some(why.as_str()),
            Self::Transfer(TransferAnswer::Accepted | TransferAnswer::Exists | TransferAnswer::Invalid(_))
            | Self::Status(
                StatusAnswer::Pending(_)
                | StatusAnswer::Successful(_)
                | StatusAnswer::Failed(_)
                | StatusAnswer::NotFound,
                _,
            ) => None,
        }
    }

    /// What kind of calls a trouble speaks of.
    fn call(&self) -> Call {
        match self {
            Self::Transfer(_) => Call::Send,
            Self::Status(..) => Call::Ask,
        }
    }

    /// What kind of calls a good answer speaks of. That a transfer is refused or known already says nothing of taking
    /// one.
    pub(crate) fn proves(&self) -> Option<Call> {
        match self {
            Self::Transfer(TransferAnswer::Accepted) => Some(Call::Send),
            Self::Transfer(
                TransferAnswer::Exists
                | TransferAnswer::Invalid(_)
                | TransferAnswer::Unsent(_)
                | TransferAnswer::Unknown(_)
                | TransferAnswer::Config(_),
            ) => None,
            Self::Status(..) => Some(Call::Ask),
        }
    }

    fn lacks_funds(&self) -> bool {
        let Self::Status(StatusAnswer::Failed(reported), _) = self else { return false };
        reported.reason.as_deref() == Some("NOT_ENOUGH_FUNDS")
    }
}

pub(crate) fn word(answer: &StatusAnswer) -> &str {
    match answer {
        StatusAnswer::Pending(_) => "pending",
        StatusAnswer::Successful(_) => "successful",
        StatusAnswer::Failed(_) => "failed",
        StatusAnswer::NotFound => "not found",
        StatusAnswer::Unknown(why) => why,
    }
}

impl Disbursement {
    /// Writes what an answer means. If the row has changed meanwhile the answer is applied to what it is now:
    /// outcomes are taken from anyone, lease or not.
    pub(crate) async fn learn(
        &self,
        claimed: &Payout,
        reference: &str,
        answer: &Answer,
        loaded: &Loaded,
    ) -> Result<Option<Payout>, Unfinished> {
        let settings = &loaded.settings;
        let mut before = claimed.clone();
        let deadline = Deadline::in_ms(2 * TABLE_MS);
        let learned = loop {
            let learned = match answer {
                Answer::Transfer(answer) => {
                    before.after_transfer(reference, answer, &settings.payouts, self.clock.now())
                }
                Answer::Status(answer, asked_at) => {
                    before.after_status(reference, answer, &settings.payouts, *asked_at)
                }
            };
            let Some(Learned { payout, alerts }) = learned else { break None };
            match self.save(&before, &payout, &alerts, settings).await {
                Ok(()) => break Some(payout),
                Err(StoreError::Changed) if deadline.passed() => return Err(StoreError::Busy.into()),
                Err(StoreError::Changed) => {
                    before =
                        self.store.payout(&claimed.id, Deadline::in_ms(TABLE_MS)).await?.ok_or(StoreError::Changed)?;
                }
                Err(error) => return Err(error.into()),
            }
        };
        // Only now: the money's own row comes first, and the gate is rebuilt by the next answers if this is lost.
        let provider = loaded.money.rail().provider;
        match answer.trouble(loaded.money.can_be_asked()) {
            Some(why) => self.troubled(&provider, answer.call(), why, &settings.payouts).await,
            None if !loaded.money.can_be_asked() && matches!(answer, Answer::Status(..)) => {}
            None => self.recovered(&provider, answer, &loaded.gate).await,
        }
        if let Some(after) = &learned {
            self.tell(&before, after, loaded).await;
        }
        if answer.lacks_funds()
            && let Err(error) = self.look_at_balance().await
        {
            tracing::warn!(%error, "the float could not be looked at; it is within minutes");
        }
        Ok(learned)
    }

    /// Metrics, how the last payouts ended, and the dead-letter queue for what is refused for good. The alert is
    /// already written.
    async fn tell(&self, before: &Payout, after: &Payout, loaded: &Loaded) {
        match (&before.state, &after.state) {
            (State::Paid { .. }, State::Paid { .. }) | (State::Refused { .. }, State::Refused { .. }) => {}
            (_, State::Paid { at }) => {
                let seconds = time::between(after.created_at, *at) as f64 / 1_000.0;
                metrics::emit("disbursement_duration_seconds", seconds, Unit::Seconds, &[("result", "paid")]);
                metrics::emit("disbursements_total", 1.0, Unit::Count, &[("result", "paid")]);
                self.ended(after, true, loaded).await;
            }
            (_, State::Refused { .. }) => {
                metrics::emit("disbursements_total", 1.0, Unit::Count, &[("result", "refused")]);
                if self.dead_letters.send(&after.id).await.is_err() {
                    tracing::error!(payout = %after.id, "refused for good; the alert is written but the dead-letter queue did not take it");
                }
                self.ended(after, false, loaded).await;
            }
            _ => {}
        }
    }
}
