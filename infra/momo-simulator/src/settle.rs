//! Time passing for transfers: they settle, they are called back about, a refusal turns out to be a payment.

use std::io;

use serde::Serialize;
use serde_json::Value;

use crate::{
    behaviour::{CallbackMethod, CallbackTiming},
    ledger::{DueCallback, Row, TransferState},
    state::State,
    status,
};

/// The second callback of a pair comes this long after the first, as seen at MTN.
const REPEAT_AFTER_MS: i64 = 3 * 60 * 1000;

/// A call that MoMo makes to the address a transfer named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Callback {
    pub url: String,
    /// `PUT` or `POST`.
    pub method: &'static str,
    /// Like the status body; it doesn't hold the reference, only `externalId`.
    pub body: Value,
}

impl State {
    /// Settles everything whose time has come, in the order of their times.
    pub(crate) fn settle_due(&mut self, now: i64) -> io::Result<()> {
        while let Some(&(at, index)) = self.ledger.settling.first() {
            if at > now {
                break;
            }
            let Some(row) = self.ledger.row(index).cloned() else {
                break;
            };
            let (row, balance) = self.settled(row, at);
            self.ledger.put(row, balance)?;
        }
        Ok(())
    }

    /// The row and the float after settlement at `at`.
    fn settled(&mut self, mut row: Row, at: i64) -> (Row, u64) {
        let balance = self.ledger.balance();
        let late = row.state == TransferState::Failed;
        let refused = match &row.plan.fails_with {
            Some(reason) if !late => Some(reason.clone()),
            Some(_) | None if balance < row.units => Some("NOT_ENOUGH_FUNDS".to_owned()),
            Some(_) | None => None,
        };
        row.plan.settle_at = None;
        if late {
            if refused.is_none() {
                row.state = TransferState::Successful;
                row.reason = None;
                row.settled_at = Some(at);
                return (row.clone(), balance - row.units);
            }
            return (row, balance);
        }
        row.settled_at = Some(at);
        row.financial_transaction_id = Some(self.new_transaction_id());
        row.callbacks = self.callbacks_for(&row, at);
        match refused {
            Some(reason) => {
                row.state = TransferState::Failed;
                row.reason = Some(reason);
                row.plan.settle_at = row.plan.late_success_ms.map(|ms| later(at, ms));
                (row, balance)
            }
            None => {
                row.state = TransferState::Successful;
                let left = balance - row.units;
                (row, left)
            }
        }
    }

    fn callbacks_for(&mut self, row: &Row, settled_at: i64) -> Vec<DueCallback> {
        if row.callback_url.is_none() {
            return Vec::new();
        }
        let times = match row.plan.callback {
            CallbackTiming::Once | CallbackTiming::BeforeAnswer => vec![settled_at],
            CallbackTiming::Never => Vec::new(),
            CallbackTiming::Duplicate => vec![settled_at, settled_at + REPEAT_AFTER_MS],
            CallbackTiming::LateMs(ms) => vec![later(settled_at, ms)],
        };
        times
            .into_iter()
            .map(|at| {
                let post = match row.plan.callback_method {
                    CallbackMethod::Put => false,
                    CallbackMethod::Post => true,
                    CallbackMethod::Alternate => self.callbacks_planned % 2 == 1,
                };
                self.callbacks_planned += 1;
                DueCallback { at, post }
            })
            .collect()
    }

    /// Takes out the callbacks whose time has come, oldest first.
    pub(crate) fn take_callbacks(&mut self, now: i64) -> io::Result<Vec<Callback>> {
        let mut taken = Vec::new();
        while let Some(&(at, index)) = self.ledger.calling.first() {
            if at > now {
                break;
            }
            let Some(mut row) = self.ledger.row(index).cloned() else {
                break;
            };
            let (due, kept) = row.callbacks.iter().partition::<Vec<_>, _>(|due| due.at <= at);
            row.callbacks = kept;
            let body = status::body(&row);
            for due in due {
                if let Some(url) = &row.callback_url {
                    let method = if due.post { "POST" } else { "PUT" };
                    taken.push(Callback { url: url.clone(), method, body: body.clone() });
                }
            }
            let balance = self.ledger.balance();
            self.ledger.put(row, balance)?;
        }
        Ok(taken)
    }
}

/// `at` plus milliseconds, without going past the end of time.
pub(crate) fn later(at: i64, ms: u64) -> i64 {
    at.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX))
}
