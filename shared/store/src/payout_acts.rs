//! What people do about payouts, as parts of an act.

use crate::{
    Act, Ceilings, StoreError,
    keys::{self, SHARDS},
    write::Expect,
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    batch::{Code, Tally},
    gate::{Gate, Outcomes},
    payout::Payout,
    reversal::Reversed,
    switches::Switches,
};
use jiff::civil::Date;

impl Act<'_> {
    /// A payout as it becomes. One that is settled by it settles its code, which is read before: whether the code is
    /// reported decides what is counted.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn payout(
        mut self,
        before: &Payout,
        after: &Payout,
        code: Option<&Code>,
        today: Date,
    ) -> Result<Self, StoreError> {
        self.transaction.move_payout(Some(before), after, Ceilings::default())?;
        if let (true, false, Some(code)) = (after.state.is_settled(), before.state.is_settled(), code) {
            self.transaction.settle_code(after, code.reported, today)?;
        }
        Ok(self.told(before, after))
    }

    /// Both states in the newest entry, and the version by which the payout's own entries are in order.
    fn told(mut self, before: &Payout, after: &Payout) -> Self {
        for change in before.audit(after, "").map(|entry| entry.changes).unwrap_or_default() {
            self = self.changed(&change.field, change.before, change.after);
        }
        self.changed("version", Some(before.version.to_string()), Some(after.version.to_string()))
    }

    /// A redemption that is taken back: payout, code, the record of it, and the figures of its batch.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn reversal(
        mut self,
        (code, payout): (&Code, &Payout),
        reversed: &Reversed,
        redeemed_on: Date,
    ) -> Result<Self, StoreError> {
        self.transaction.move_payout(Some(payout), &reversed.payout, Ceilings::default())?;
        self.transaction.put(&keys::code(&code.text), &reversed.code, [], Expect::Version(code.version))?;
        self.transaction.put(&keys::reversal(&payout.id), &reversed.reversal, [], Expect::Absent)?;
        let shard = keys::shard(code.text.as_str(), SHARDS);
        let counter = keys::counter(&code.batch_id, redeemed_on, shard);
        self.transaction.add(&counter, &[("reversed", 1), ("reversed_amount", payout.money.amount)])?;
        if reversed.code.blocked && !code.blocked {
            self.transaction.add_tally(&code.batch_id, shard, Tally { blocked: 1, ..Tally::default() })?;
        }
        Ok(self.told(payout, &reversed.payout))
    }

    /// What is switched on, in place of what was read: of two who switch at once neither undoes the other's.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn switches(mut self, before: Option<&Switches>, after: &Switches) -> Result<Self, StoreError> {
        let Some(before) = before else {
            self.transaction.put(&keys::switches(), after, [], Expect::Absent)?;
            return Ok(self);
        };
        let text = |epoch: &str| AttributeValue::S(epoch.to_owned());
        self.transaction.update(&keys::switches(), |update| {
            update
                .update_expression("SET payouts = :p, redemptions = :r, sms = :s, epoch = :e")
                .condition_expression("payouts = :was_p AND redemptions = :was_r AND sms = :was_s AND epoch = :was_e")
                .expression_attribute_values(":p", AttributeValue::Bool(after.payouts))
                .expression_attribute_values(":r", AttributeValue::Bool(after.redemptions))
                .expression_attribute_values(":s", AttributeValue::Bool(after.sms))
                .expression_attribute_values(":e", text(&after.epoch))
                .expression_attribute_values(":was_p", AttributeValue::Bool(before.payouts))
                .expression_attribute_values(":was_r", AttributeValue::Bool(before.redemptions))
                .expression_attribute_values(":was_s", AttributeValue::Bool(before.sms))
                .expression_attribute_values(":was_e", text(&before.epoch))
        })?;
        Ok(self)
    }

    /// The gate in front of a provider, opened by a person; what ended before counts no more.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn gate(
        mut self,
        provider: &str,
        (before, after): (&Gate, &Gate),
        outcomes: (&Outcomes, &Outcomes),
    ) -> Result<Self, StoreError> {
        self.transaction.put(&keys::gate(provider), after, [], Expect::Version(before.version))?;
        self.transaction.put(&keys::outcomes(provider), outcomes.1, [], Expect::Version(outcomes.0.version))?;
        Ok(self)
    }
}
