//! The question whose account a named number is, and the screens that show its answer.

use crate::{
    Deadline, Store, StoreError,
    keys::{self, Key},
    redemptions::expires,
    write::{Expect, Transaction},
};
use domain::{
    identity::CustomerId,
    ussd::{Answer, KEPT_MS, PayeeCheck},
};
use jiff::Timestamp;

/// How long the table's own clean-up leaves what holds a name.
const KEPT_S: i64 = KEPT_MS / 1_000;

impl Store {
    /// # Errors
    /// See [`StoreError`].
    pub async fn payee_check(
        &self,
        customer: &CustomerId,
        deadline: Deadline,
    ) -> Result<Option<PayeeCheck>, StoreError> {
        let key = keys::payee_check(customer);
        self.read(std::slice::from_ref(&key), deadline).await?.get(&key)
    }

    /// Stores a question, or its answer, in place of the version before it.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when the row is another one by now; see [`StoreError`] for the rest.
    pub async fn save_payee_check(
        &self,
        customer: &CustomerId,
        check: &PayeeCheck,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.put_payee_check(customer, check)?;
        self.commit(transaction, deadline).await
    }

    /// Stores what a hop about the number was answered and, where that shows the name, that this session has seen it:
    /// all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when the hop was answered already or the row is another one by now; see [`StoreError`]
    /// for the rest.
    pub async fn save_payee_screen(
        &self,
        shown: Option<(&CustomerId, &PayeeCheck)>,
        hop: &Key,
        answer: &Answer,
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        if let Some((customer, check)) = shown {
            transaction.put_payee_check(customer, check)?;
        }
        // It may hold the name, and goes no later than the question does.
        transaction.put(hop, answer, [expires(at, KEPT_S)], Expect::Absent)?;
        self.commit(transaction, deadline).await
    }
}

impl Transaction {
    fn put_payee_check(&mut self, customer: &CustomerId, check: &PayeeCheck) -> Result<(), StoreError> {
        let expires = expires(check.asked_at, KEPT_S);
        self.put(&keys::payee_check(customer), check, [expires], Expect::Version(check.version - 1))
    }
}
