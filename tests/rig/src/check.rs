//! The invariants of money, checked after every scenario. Each failure says which one and for which payout.

use crate::{
    table::{Rows, text},
    world::{ENVIRONMENT, World},
};
use domain::{
    batch::Code,
    identity::RedemptionId,
    payout::{Payout, State},
    totals,
};
use momo_simulator::TransferState;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

impl World {
    /// What is broken, if anything; empty when every invariant holds. `settled`: everything should have ended.
    pub async fn broken(&self, settled: bool) -> Vec<String> {
        let mut broken = self.broken_money(settled, &HashSet::new()).await;
        broken.extend(self.miscounted(&self.rows().await).await);
        broken
    }

    /// As [`World::broken`], without counting batches and codes again: for thousands of short lives, and for codes that
    /// were put into a state past what the system does. `forgotten` are redemptions that a restored table doesn't know
    /// of any more.
    pub async fn broken_money(&self, settled: bool, forgotten: &HashSet<String>) -> Vec<String> {
        let rows = self.rows().await;
        let mut broken = Vec::new();
        self.money_left_once(&rows, settled, forgotten, &mut broken);
        for (payout, item) in &rows.payouts {
            let id = &payout.id;
            if payout.due_at().is_some() && (text(item, "due_key").is_empty() || !item.contains_key("due_at")) {
                broken.push(format!("{id}: {} and not in the due index", payout.state.name()));
            }
            if settled {
                ended(payout, &rows, &mut broken);
            }
            audited(payout, &rows, &mut broken);
        }
        whole(&rows, &mut broken);
        counted(&rows, &mut broken);
        gauged(&rows, &mut broken);
        if self.simulator.max_in_flight_per_reference() > 1 {
            broken.push("two sends of one reference were in flight".to_owned());
        }
        broken
    }

    /// A code pays at most once, and what we call paid is what MoMo paid.
    fn money_left_once(&self, rows: &Rows, settled: bool, forgotten: &HashSet<String>, broken: &mut Vec<String>) {
        let mut paid: HashMap<String, (usize, u64, String)> = HashMap::new();
        for transfer in self.simulator.transfers() {
            if transfer.state == TransferState::Successful {
                let entry = paid.entry(transfer.external_id.clone()).or_default();
                entry.0 += 1;
                entry.1 += transfer.amount.parse::<u64>().unwrap_or(0);
                entry.2.clone_from(&transfer.payee);
            }
        }
        for (external_id, (times, ..)) in &paid {
            if *times > 1 {
                broken.push(format!("{external_id}: MoMo paid it {times} times"));
            }
            let known = forgotten.contains(external_id)
                || rows.payouts.iter().any(|(payout, _)| payout.id.as_str() == external_id);
            if !known {
                broken.push(format!("{external_id}: MoMo paid what was never redeemed"));
            }
        }
        for (payout, _) in &rows.payouts {
            let there = paid.get(payout.id.as_str());
            let here = matches!(payout.state, State::Paid { .. });
            if here && there.is_none() {
                broken.push(format!("{}: called paid, and MoMo has not paid it", payout.id));
            }
            if let Some((_, amount, _)) = there
                && *amount != payout.money.amount
            {
                broken.push(format!("{}: MoMo paid another amount", payout.id));
            }
            // After a restore the same redemption may have been dialled by somebody else before.
            let to_ours = there.is_some_and(|(.., payee)| *payee == payout.payee.party_id());
            if settled && to_ours && matches!(payout.state, State::Refused { .. } | State::Cancelled { .. }) {
                broken.push(format!("{}: MoMo has paid it and we call it {}", payout.id, payout.state.name()));
            }
        }
    }
}

/// Every committed redemption ends paid, refused with an alert, or held with an alert.
fn ended(payout: &Payout, rows: &Rows, broken: &mut Vec<String>) {
    let alerted = rows.alerts.iter().any(|alert| alert.entity == format!("payout:{}", payout.id));
    match &payout.state {
        State::Paid { .. } | State::Cancelled { .. } | State::Settled { .. } => {}
        State::Refused { .. } | State::Held { .. } if alerted => {}
        State::Refused { .. } | State::Held { .. } => {
            broken.push(format!("{}: {} and nobody was told", payout.id, payout.state.name()));
        }
        State::Queued { .. }
        | State::Sending { .. }
        | State::Submitted { .. }
        | State::Retrying { .. }
        | State::AwaitingApproval { .. } => {
            broken.push(format!("{}: still {} at the end: {payout:?}", payout.id, payout.state.name()));
        }
    }
}

/// The entries of a payout tell its states in order, without a gap.
fn audited(payout: &Payout, rows: &Rows, broken: &mut Vec<String>) {
    let entity = format!("payout:{}", payout.id);
    let prefix = format!("{}-", payout.id);
    let mut told: Vec<(u64, &str, &str)> = rows
        .audit
        .iter()
        .filter(|entry| entry.entity == entity)
        .filter_map(|entry| {
            // What people do has an id that is drawn, and names the version.
            let named = entry.changes.iter().find(|change| change.field == "version");
            let named = named.and_then(|change| change.after.as_deref());
            let version = entry.id.strip_prefix(&prefix).or(named)?.parse().ok()?;
            let change = entry.changes.iter().find(|change| change.field == "state")?;
            Some((version, change.before.as_deref()?, change.after.as_deref()?))
        })
        .collect();
    told.sort_unstable();
    // A payout begins queued, or waiting for a person: the redemption's entry says which.
    let redemption = format!("redemption:{}", payout.id);
    let mut state = (rows.audit.iter().filter(|entry| entry.entity == redemption))
        .flat_map(|entry| &entry.changes)
        .find(|change| change.field == "payout")
        .and_then(|change| change.after.as_deref())
        .unwrap_or("queued");
    for (_, before, after) in told {
        if before != state {
            broken.push(format!("{}: the audit log jumps from {state} to {before}", payout.id));
        }
        state = after;
    }
    if state != payout.state.name() {
        broken.push(format!("{}: is {} and the audit log ends with {state}", payout.id, payout.state.name()));
    }
}

/// Claim, redemption, payout, customer and audit entry are one write: all are there or none is.
fn whole(rows: &Rows, broken: &mut Vec<String>) {
    for redemption in &rows.redemptions {
        let id = &redemption.id;
        let reversed = rows.reversals.iter().any(|reversal| reversal.redemption == *id);
        let claimed = reversed
            != rows.codes.iter().any(|code| {
                code.text == redemption.code && code.claim.as_ref().is_some_and(|claim| claim.redemption == *id)
            });
        let payouts = rows.payouts.iter().filter(|(payout, _)| payout.id == *id).count();
        let known = rows.customers.iter().any(|customer| customer.id == redemption.customer);
        let entry = rows.audit.iter().any(|entry| entry.entity == format!("redemption:{id}"));
        if !claimed || payouts != 1 || !known || !entry {
            broken.push(format!("{id}: torn (claimed {claimed}, payouts {payouts}, customer {known}, audit {entry})"));
        }
    }
    // A code may come into the world claimed by somebody elsewhere.
    let ours = |code: &&Code| RedemptionId::of(ENVIRONMENT, &code.text, code.generation);
    let claimed = |code: &&Code| code.claim.as_ref().is_some_and(|claim| claim.redemption == ours(code));
    let claims = rows.codes.iter().filter(claimed).count();
    let made = claims + rows.reversals.len();
    if made != rows.redemptions.len() || made != rows.payouts.len() {
        broken.push(format!(
            "{claims} claims, {} taken back, {} redemptions, {} payouts",
            rows.reversals.len(),
            rows.redemptions.len(),
            rows.payouts.len()
        ));
    }
}

/// Figures of payouts by state, what was sent on each day, and the lists equal a walk over the payouts.
fn gauged(rows: &Rows, broken: &mut Vec<String>) {
    let payouts = || rows.payouts.iter().map(|(payout, _)| payout);
    let (mut gauges, mut totals) = (BTreeMap::new(), BTreeMap::<String, BTreeMap<String, i64>>::new());
    for payout in payouts() {
        let (state, amount) = (payout.state.gauge(), payout.money.amount as i64);
        *gauges.entry(format!("n_{state}")).or_insert(0) += 1;
        *gauges.entry(format!("a_{state}")).or_insert(0) += amount;
        if let Some(day) = payout.charged_on {
            let month = totals.entry(totals::month(day)).or_default();
            *month.entry(totals::day_attribute(day)).or_default() += amount;
            *month.entry("sent".to_owned()).or_default() += amount;
        }
    }
    let kept = |sums: &BTreeMap<String, i64>| -> BTreeMap<String, i64> {
        sums.iter().filter(|(_, sum)| **sum != 0).map(|(name, sum)| (name.clone(), *sum)).collect()
    };
    if kept(&rows.gauges) != gauges {
        broken.push(format!("gauges: {:?}, the payouts say {gauges:?}", kept(&rows.gauges)));
    }
    let mut kept_totals: BTreeMap<String, BTreeMap<String, i64>> =
        rows.totals.iter().map(|(month, days)| (month.clone(), kept(days))).collect();
    kept_totals.retain(|_, days| !days.is_empty());
    if kept_totals != totals {
        broken.push(format!("totals: {kept_totals:?}, the payouts say {totals:?}"));
    }
    let ids = |wanted: fn(&Payout) -> bool| -> BTreeSet<&str> {
        payouts().filter(|payout| wanted(payout)).map(|payout| payout.id.as_str()).collect()
    };
    let lists = [
        ("waiting for a person", &rows.attention, ids(|payout| payout.state.needs_attention())),
        ("of days", &rows.listed, ids(|_| true)),
        ("of days of settlement", &rows.settled, ids(|payout| payout.state.is_settled())),
    ];
    for (what, list, should) in lists {
        let is: BTreeSet<&str> = list.iter().map(String::as_str).collect();
        if is != should || list.len() != should.len() {
            broken.push(format!("the list {what} has {} payouts of {}", list.len(), should.len()));
        }
    }
}

/// Counters equal a recount.
fn counted(rows: &Rows, broken: &mut Vec<String>) {
    let mut batches: Vec<&str> = rows.codes.iter().map(|code| code.batch_id.as_str()).collect();
    batches.sort_unstable();
    batches.dedup();
    for batch in batches {
        let mut counters = [0u64; 6];
        for (_, counted) in rows.counters.iter().filter(|(id, _)| id == batch) {
            counters[0] += counted.redeemed;
            counters[1] += counted.redeemed_amount;
            counters[2] += counted.paid;
            counters[3] += counted.paid_amount;
            counters[4] += counted.reversed;
            counters[5] += counted.reversed_amount;
        }
        let payouts = || rows.payouts.iter().map(|(payout, _)| payout).filter(|payout| payout.batch_id == batch);
        let paid = || payouts().filter(|payout| payout.state.is_settled());
        let reversals = || rows.reversals.iter().filter(|reversal| reversal.batch_id == batch);
        let recount = [
            payouts().count() as u64,
            payouts().map(|payout| payout.money.amount).sum(),
            paid().count() as u64,
            paid().map(|payout| payout.money.amount).sum(),
            reversals().count() as u64,
            reversals().map(|reversal| reversal.money.amount).sum(),
        ];
        if counters != recount {
            broken.push(format!("batch {batch}: counters {counters:?}, recount {recount:?}"));
        }
    }
}
