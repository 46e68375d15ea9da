//! The books after a week: ours, MoMo's, and a count of the rows.

use super::{Week, soon};
use domain::{
    alert::Kind,
    batch::Code,
    identity::RedemptionId,
    payout::{Attempt, Payout, RECHECK_AFTER_MS, State},
    time::{self, MINUTE_MS},
};
use momo_simulator::{Transfer, TransferState};
use rig::{table::Rows, world::ENVIRONMENT};
use std::collections::{BTreeMap, HashMap, HashSet};
use store::keys::{self, Key};

/// Two sends of one reference are at least so far apart: ten minutes, less what a worker may stand still before its
/// send.
const SENDS_APART_MS: i64 = 5 * MINUTE_MS;
/// How often one code is taken back in a week, at most.
pub(super) const MOST_GENERATIONS: u32 = 8;

impl Week {
    /// What is broken, if anything; empty when every invariant holds.
    pub(super) async fn unbalanced(&mut self, rows: &Rows) -> Vec<String> {
        let transfers = self.world.simulator.transfers();
        let forgotten = self.forgotten(rows);
        let mut broken = self.world.broken_money(true, &forgotten).await;
        broken.extend(self.world.miscounted(rows).await);
        once_per_code(rows, &transfers, &mut broken);
        let mut sums = [0; 2];
        for (payout, _) in &rows.payouts {
            self.payout_by_payout(payout, &transfers, &mut sums, &mut broken);
            self.ended(payout, rows, &mut broken);
            asked_after_the_end(payout, &mut broken);
        }
        if sums[0] != sums[1] {
            broken.push(format!("we call {} francs paid, MoMo has paid {}", sums[0], sums[1]));
        }
        settled_codes(rows, &mut broken);
        self.references_lead_back(rows, &mut broken).await;
        if self.world.simulator.closest_sends_ms().is_some_and(|apart| apart < SENDS_APART_MS) {
            broken
                .push(format!("one reference was sent twice within {:?} ms", self.world.simulator.closest_sends_ms()));
        }
        if let Some(due) = self.next_due().await {
            broken.push(format!("something is due at {due}"));
        }
        for (code, text) in self.world.codes.iter().enumerate() {
            if !rows.redemptions.iter().any(|redemption| redemption.code == *text) {
                let promised = if self.promised.contains(&code) { ", and its customer was promised money" } else { "" };
                broken.push(format!("code {code} isn't redeemed{promised}"));
            }
        }
        broken
    }

    /// Redemptions of a later generation than a restored table has of their code: it was taken back and dialled again
    /// after the copy. What the table has instead is never paid: MoMo has its reference for another redemption.
    fn forgotten(&self, rows: &Rows) -> HashSet<String> {
        let unpaid = |code: &&Code| {
            let of_code = |payout: &&Payout| payout.code == code.text && payout.generation == code.generation;
            let payout = rows.payouts.iter().map(|(payout, _)| payout).find(of_code);
            payout.is_some_and(|payout| matches!(payout.state, State::Cancelled { .. }))
        };
        let later = |code: &Code| {
            (code.generation + 1..=code.generation + MOST_GENERATIONS)
                .map(|later| (code.text.clone(), later))
                .collect::<Vec<_>>()
        };
        let codes = rows.codes.iter().filter(|_| self.restored).filter(unpaid).flat_map(later);
        codes.map(|(text, generation)| RedemptionId::of(ENVIRONMENT, &text, generation).to_string()).collect()
    }

    /// Paid here is paid there: the same reference, amount and payee, and MoMo's own number of it.
    fn payout_by_payout(&self, payout: &Payout, transfers: &[Transfer], sums: &mut [u64; 2], broken: &mut Vec<String>) {
        let there: Vec<&Transfer> =
            transfers.iter().filter(|transfer| paid(transfer) && transfer.external_id == payout.id.as_str()).collect();
        let to_us = |transfer: &&&Transfer| transfer.payee == payout.payee.party_id();
        sums[1] += there.iter().filter(to_us).map(|transfer| transfer.amount.parse::<u64>().unwrap_or(0)).sum::<u64>();
        let State::Paid { .. } = payout.state else {
            // A restored code that somebody else has dialled first is a mismatch, and given up.
            let given_up = self.restored && matches!(payout.state, State::Cancelled { .. });
            if there.iter().any(|transfer| to_us(&transfer) || !given_up) {
                broken.push(format!("{}: MoMo has paid it and we call it {}", payout.id, payout.state.name()));
            }
            return;
        };
        sums[0] += payout.money.amount;
        let [transfer] = there[..] else {
            broken.push(format!("{}: paid here, and {} times there", payout.id, there.len()));
            return;
        };
        let ours = payout.attempts.iter().find(|attempt| attempt.reference == transfer.reference);
        let same = transfer.amount == payout.money.amount.to_string() && to_us(&&transfer);
        if !same || ours.is_none_or(|attempt| attempt.transaction != transfer.financial_transaction_id) {
            broken.push(format!("{}: paid as {ours:?}, and MoMo has {transfer:?}", payout.id));
        }
    }

    /// Every redemption has come to an end.
    fn ended(&self, payout: &Payout, rows: &Rows, broken: &mut Vec<String>) {
        let entity = format!("payout:{}", payout.id);
        let told = |kind: Kind| rows.alerts.iter().any(|alert| alert.entity == entity && alert.kind == kind);
        let well = match &payout.state {
            State::Paid { .. } | State::Cancelled { .. } | State::Settled { .. } => true,
            State::Refused { .. } => told(Kind::PayoutRefused),
            State::Held { .. }
            | State::Queued { .. }
            | State::Sending { .. }
            | State::Submitted { .. }
            | State::Retrying { .. }
            | State::AwaitingApproval { .. } => false,
        };
        if !well {
            broken.push(format!("{}: ends as {:?}", payout.id, payout.state));
        }
    }

    /// Each reference that was used is found by people who have it from MTN.
    async fn references_lead_back(&mut self, rows: &Rows, broken: &mut Vec<String>) {
        let attempts: Vec<(&Payout, &Attempt)> =
            rows.payouts.iter().flat_map(|(payout, _)| payout.attempts.iter().map(move |one| (payout, one))).collect();
        for some in attempts.chunks(100) {
            let wanted: Vec<Key> = some.iter().map(|(_, attempt)| keys::reference(&attempt.reference)).collect();
            let found = self.world.store.read(&wanted, soon()).await.expect("the table answers");
            for ((payout, attempt), key) in some.iter().zip(&wanted) {
                let row: Option<HashMap<String, serde_json::Value>> = found.get(key).expect("a row of ours");
                if row.is_none_or(|row| row["payout"] != payout.id.as_str()) {
                    broken.push(format!("{}: attempt {} isn't found by its reference", payout.id, attempt.number));
                }
            }
        }
    }
}

fn paid(transfer: &Transfer) -> bool {
    transfer.state == TransferState::Successful
}

/// MoMo has paid no code twice, whatever was taken back or restored.
fn once_per_code(rows: &Rows, transfers: &[Transfer], broken: &mut Vec<String>) {
    let mut codes: BTreeMap<String, usize> = BTreeMap::new();
    for (at, code) in rows.codes.iter().enumerate() {
        for generation in 1..=code.generation + MOST_GENERATIONS {
            codes.insert(RedemptionId::of(ENVIRONMENT, &code.text, generation).to_string(), at);
        }
    }
    let mut times: BTreeMap<usize, usize> = BTreeMap::new();
    for transfer in transfers.iter().filter(|transfer| paid(transfer)) {
        match codes.get(&transfer.external_id) {
            Some(code) => *times.entry(*code).or_default() += 1,
            None => broken.push(format!("{}: MoMo has paid what is no code's", transfer.external_id)),
        }
    }
    for (code, times) in times.into_iter().filter(|(_, times)| *times > 1) {
        broken.push(format!("code {} was paid {times} times", rows.codes[code].id()));
    }
}

/// Whatever was sent is asked about until three days after its last send.
fn asked_after_the_end(payout: &Payout, broken: &mut Vec<String>) {
    let Some(last) = payout.attempts.iter().map(|attempt| attempt.last_sent_at).max() else { return };
    if !payout.state.is_end() {
        return;
    }
    let round = time::plus(last, RECHECK_AFTER_MS[1]);
    for attempt in &payout.attempts {
        if attempt.answered_at.is_none_or(|at| at < round) {
            broken.push(format!(
                "{}: attempt {} was last answered at {:?}, and not after {round}",
                payout.id, attempt.number, attempt.answered_at
            ));
        }
    }
}

/// A code whose payout is settled says so, of the right generation.
fn settled_codes(rows: &Rows, broken: &mut Vec<String>) {
    for (payout, _) in rows.payouts.iter().filter(|(payout, _)| payout.state.is_settled()) {
        let code = rows.codes.iter().find(|code| code.text == payout.code);
        if code.is_none_or(|code| code.settled_generation != Some(payout.generation)) {
            broken.push(format!("{}: settled, and its code doesn't say so", payout.id));
        }
    }
}
