//! Redeem, ask for the number to pay, or refuse: from what is known to what becomes of a code.

use super::Refusal;
use crate::{
    batch::{Batch, BatchState, Code, Run, RunState},
    code::CodeText,
    customer::Customer,
    phone::{Msisdn, Network},
    settings::{OtherNetworks, PayoutPolicy, Settings},
    switches::Switches,
    time::{self, MINUTE_MS},
};
use jiff::Timestamp;

/// What is known when somebody sends a code.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    pub typed: &'a CodeText,
    pub code: Option<&'a Code>,
    pub batch: Option<&'a Batch>,
    pub run: Option<&'a Run>,
    pub customer: &'a Customer,
    pub network: Network,
    /// The number that the caller has named to be paid, who is asked for one on another network.
    pub named: Option<&'a Msisdn>,
    pub switches: &'a Switches,
    pub settings: &'a Settings,
    pub now: Timestamp,
}

/// What becomes of a code that nothing speaks against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision<'a> {
    /// Redeem exactly this code and pay this number.
    Redeem { code: &'a Code, payee: &'a Msisdn },
    /// All is well but the number to pay: the caller's own cannot receive, and none that can has been named.
    AskNumber,
}

/// Whether somebody on this network is asked for the number to pay.
pub fn asks_number(network: Network, settings: &Settings) -> bool {
    match (network, settings.payouts.other_networks) {
        (Network::Airtel | Network::Ktrn, OtherNetworks::AskNumber) => true,
        (Network::Airtel | Network::Ktrn, OtherNetworks::SecondRail | OtherNetworks::Refuse) | (Network::Mtn, _) => {
            false
        }
    }
}

/// Redeem this code, ask for the number to pay, or say why not.
///
/// # Errors
/// The first [`Refusal`] that applies; limits are judged before anything about the code is told.
pub fn decide<'a>(facts: &Facts<'a>) -> Result<Decision<'a>, Refusal> {
    let Facts { settings, customer, now, .. } = *facts;
    if settings.ussd.maintenance {
        return Err(Refusal::Maintenance);
    }
    if !facts.switches.redemptions {
        return Err(Refusal::Paused);
    }
    if let Some(until) = customer.shut_out_until(&settings.ussd.attempts, now) {
        return Err(Refusal::TooManyAttempts { until });
    }
    let (code, batch) = known(facts)?;
    may_be_redeemed(facts, code, batch)?;
    let payee = payee(facts)?;
    within_limits(facts, code)?;
    Ok(payee.map_or(Decision::AskNumber, |payee| Decision::Redeem { code, payee }))
}

/// The code, if it may be known to anybody.
fn known<'a>(facts: &Facts<'a>) -> Result<(&'a Code, &'a Batch), Refusal> {
    let live = facts.run.is_some_and(|run| run.state == RunState::Live);
    match (facts.code.filter(|code| !code.deleted), facts.batch, live) {
        (Some(code), Some(batch), true) => Ok((code, batch)),
        (Some(_) | None, Some(_) | None, true | false) => {
            Err(facts.typed.printed_problem().map_or(Refusal::Unknown, Refusal::Malformed))
        }
    }
}

fn may_be_redeemed(facts: &Facts<'_>, code: &Code, batch: &Batch) -> Result<(), Refusal> {
    let Facts { settings, customer, now, .. } = *facts;
    if let Some(claim) = &code.claim {
        if claim.customer == customer.id {
            return Err(Refusal::AlreadyYours { redemption: claim.redemption.clone(), at: claim.at });
        }
        return Err(if code.reported { Refusal::Reported } else { Refusal::AlreadyTaken });
    }
    if code.reported {
        return Err(Refusal::Reported);
    }
    if code.blocked {
        return Err(Refusal::Blocked);
    }
    match batch.state {
        BatchState::Active | BatchState::Expired => {}
        BatchState::Generating
        | BatchState::Blocked
        | BatchState::Completed
        | BatchState::Archived
        | BatchState::Deleted => {
            return Err(Refusal::BatchNotActive);
        }
    }
    if code.is_over(batch, settings.redemption.grace_hours, now) {
        let on = time::day(code.own_expiry.unwrap_or(batch.expires_at), &settings.zone());
        return Err(Refusal::Expired { on });
    }
    Ok(())
}

/// Whom to pay; `None` when the caller must name a number. MoMo is MTN's.
fn payee<'a>(facts: &Facts<'a>) -> Result<Option<&'a Msisdn>, Refusal> {
    let own = &facts.customer.phone;
    match (facts.network, facts.settings.payouts.other_networks) {
        (Network::Mtn, _) => Ok(Some(own)),
        (Network::Airtel | Network::Ktrn, OtherNetworks::AskNumber) => {
            Ok(facts.named.filter(|named| named.prefix_network() == Network::Mtn))
        }
        // The setting may have changed since a number was asked for; what was named then is still whom to pay.
        (Network::Airtel | Network::Ktrn, OtherNetworks::SecondRail) => Ok(Some(facts.named.unwrap_or(own))),
        // The code stays active until there is a rail for other networks.
        (Network::Airtel | Network::Ktrn, OtherNetworks::Refuse) => Err(Refusal::NumberCannotReceive),
    }
}

/// The customer's limits (RED-04, PAY-09): of several that are reached the one that lasts longest is told.
fn within_limits(facts: &Facts<'_>, code: &Code) -> Result<(), Refusal> {
    let Facts { settings, customer, now, .. } = *facts;
    let (rules, policy) = (&settings.redemption, &settings.payouts);
    let (today, amount) = (time::day(now, &settings.zone()), code.money.amount);
    if rules.in_all.is_some_and(|most| customer.redeemed_in_all >= most) {
        return Err(Refusal::LimitInAll);
    }
    if !rules.several_batches && customer.first_batch.as_ref().is_some_and(|first| *first != code.batch_id) {
        return Err(Refusal::OtherBatch);
    }
    if most_at_once(policy).is_some_and(|most| amount > most) {
        return Err(Refusal::AmountPerPayout);
    }
    let over = |limit: Option<u64>, so_far: u64| limit.is_some_and(|most| so_far.saturating_add(amount) > most);
    let tomorrow = today.tomorrow().unwrap_or(today);
    if over(policy.customer_per_month, customer.amount_in_month(today)) {
        return Err(Refusal::AmountPerMonth { again_on: today.last_of_month().tomorrow().unwrap_or(today) });
    }
    if rules.per_day.is_some_and(|most| customer.redeemed_on_day(today) >= most) {
        return Err(Refusal::DayLimit { again_on: tomorrow });
    }
    if over(policy.customer_per_day, customer.amount_on_day(today)) {
        return Err(Refusal::AmountPerDay { again_on: tomorrow });
    }
    if let Some(last) = customer.recent.first() {
        let until = time::plus(last.at, i64::from(rules.cooldown_minutes) * MINUTE_MS);
        if rules.cooldown_minutes > 0 && now < until {
            return Err(Refusal::Cooldown { until });
        }
    }
    Ok(())
}

/// Beyond this no waiting helps: not for a payout, and not for a whole day or month of one customer.
fn most_at_once(policy: &PayoutPolicy) -> Option<u64> {
    [policy.most_per_payout, policy.customer_per_day, policy.customer_per_month].into_iter().flatten().min()
}
