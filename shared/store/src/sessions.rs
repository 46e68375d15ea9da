//! USSD sessions: how they ended, as the aggregator tells it.

use crate::{
    Deadline, SESSION_KEPT_S, Store, StoreError, keys,
    redemptions::expires,
    write::{Expect, Transaction},
};
use domain::{customer::Customer, time};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How a session ended. What was typed and shown is not kept: it holds codes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    pub session: String,
    /// `completed`, `incomplete`, `failed` or `other`.
    pub status: String,
    #[serde(with = "time::required")]
    pub at: Timestamp,
    pub duration_ms: Option<u64>,
    pub hops: Option<u32>,
    pub network_code: String,
    pub phone_masked: String,
}

impl Store {
    /// Stores how a session ended and, where its result has reached the phone, that the customer has been told.
    /// A notice that comes again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when it is a repeat, or the customer has moved on; see [`StoreError`] for the rest.
    pub async fn save_notice(
        &self,
        notice: &Notice,
        told: Option<(&Customer, &Customer)>,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.put(
            &keys::session_end(&notice.session),
            notice,
            [expires(notice.at, SESSION_KEPT_S)],
            Expect::Absent,
        )?;
        if let Some((before, after)) = told {
            transaction.put(&keys::customer(&after.id), after, [], Expect::Version(before.version))?;
        }
        self.commit(transaction, deadline).await
    }
}
