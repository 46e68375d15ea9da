//! Whose account is a number? Asked for somebody who waits at a telephone; only this function can ask MoMo.

use crate::TABLE_MS;
use domain::{
    identity::CustomerId,
    ussd::{Holder, HolderName},
};
use providers::{MobileMoney, NotReady};
use std::time::Duration;
use store::{Deadline, Store, StoreError};
use tokio::time::timeout;

/// Nobody waits at a telephone for longer, and payouts of the same batch of messages have their own time.
const ASK_LIMIT: Duration = Duration::from_secs(8);

/// Answers the customer's question, if it is still open. Trouble at the provider leaves it open: it comes again as soon
/// as the customer does.
///
/// # Errors
/// The row could not be read or written; the same again changes nothing that is known by then.
pub async fn answer_name(store: &Store, money: &dyn MobileMoney, customer: &CustomerId) -> Result<(), StoreError> {
    let Some(check) = store.payee_check(customer, Deadline::in_ms(TABLE_MS)).await? else { return Ok(()) };
    if check.holder != Holder::Awaited {
        return Ok(());
    }
    let holder = match timeout(ASK_LIMIT, holder(money, check.payee.party_id())).await {
        Ok(Ok(holder)) => holder,
        Ok(Err(not_ready)) => {
            tracing::warn!(%not_ready, "whose account it is stays open");
            return Ok(());
        }
        Err(_) => {
            tracing::warn!("whose account it is stays open: no answer in time");
            return Ok(());
        }
    };
    let Some(answered) = check.answered(holder) else { return Ok(()) };
    match store.save_payee_check(customer, &answered, Deadline::in_ms(TABLE_MS)).await {
        // The customer has named another number since, or another worker was faster.
        Ok(()) | Err(StoreError::Changed) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn holder(money: &dyn MobileMoney, payee: &str) -> Result<Holder, NotReady> {
    if !money.account_active(payee).await? {
        return Ok(Holder::NoAccount);
    }
    let Some(name) = money.holder_name(payee).await? else { return Ok(Holder::NoAccount) };
    let name =
        HolderName::new(&name).ok_or_else(|| NotReady("the account has no name that can be shown".to_owned()))?;
    Ok(Holder::Known { name })
}
