//! All payouts in figures, for who watches over them.

use crate::{Desk, Trouble, payouts::start_of};
use domain::{
    access::Permit,
    gate::{Gate, Outcomes},
    payout::{
        Hold, MTN_MOMO, Payout, State,
        figures::{ATTENTION_GAUGES, UNKNOWN_GAUGES, float_hours, percentile},
    },
    permission::right,
    settings::PayoutPolicy,
    switches::Switches,
    time::{self, DAY_MS},
    totals::{self, Totals},
};
use jiff::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};
use store::{Gauges, InState, keys};

/// The most payouts of the last day whose durations are looked at.
const DURATIONS: usize = 700;

/// How long payouts took that were redeemed in the last day; milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    /// How many were looked at, paid or not.
    pub looked_at: u64,
    /// All of the last day were looked at.
    pub whole: bool,
    pub paid: u64,
    pub p50: Option<i64>,
    pub p95: Option<i64>,
    pub p99: Option<i64>,
    /// When the oldest of them was redeemed that neither has ended nor waits for a person.
    pub oldest_open: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub struct PayoutFigures {
    pub gauges: Gauges,
    /// How many wait for a person.
    pub attention: i64,
    /// Money that perhaps was paid and perhaps not.
    pub unknown: InState,
    /// When the oldest of it was sent.
    pub unknown_since: Option<Timestamp>,
    pub switches: Switches,
    pub gate: Gate,
    pub outcomes: Outcomes,
    pub sent_today: i64,
    pub sent_this_month: i64,
    pub policy: PayoutPolicy,
    pub float_hours: Option<u64>,
    pub durations: Durations,
}

impl Desk {
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn payout_figures(
        &self,
        _permit: &Permit<right::DisbursementsMonitor>,
    ) -> Result<PayoutFigures, Trouble> {
        let settings = self.settings().await?;
        let (zone, now) = (settings.zone(), self.now());
        let today = time::day(now, &zone);
        let wanted =
            [keys::gate(MTN_MOMO), keys::outcomes(MTN_MOMO), keys::totals(&totals::month(today)), keys::switches()];
        let since = time::plus(now, -DAY_MS);
        let looked_at = AtomicU64::new(0);
        let recent = |payout: &Payout| {
            let recent = payout.created_at >= since;
            looked_at.fetch_add(u64::from(recent), Ordering::Relaxed);
            recent
        };
        let days = (time::day(since, &zone), today);
        let unknown = |payout: &Payout| matches!(payout.state, State::Held { why: Hold::Unknown | Hold::Mismatch, .. });
        let items = self.store.read(&wanted, self.deadline()).await?;
        let gauges = self.store.gauges(self.deadline()).await?;
        let listed = self.store.payouts(days, None, DURATIONS, recent, self.deadline()).await?;
        let oldest = self.store.payouts_for_attention(None, 1, unknown, self.deadline()).await?;

        let gate: Gate = items.get(&wanted[0])?.unwrap_or_default();
        let totals: Totals = items.get(&wanted[2])?.unwrap_or_default();
        let sum = |names: &[&str]| {
            names.iter().filter_map(|name| gauges.get(*name)).fold(InState::default(), |sum, one| InState {
                count: sum.count + one.count,
                amount: sum.amount + one.amount,
            })
        };
        let sent_today = totals.on(today);
        let midnight_ms = time::between(start_of(today, &zone), now);
        let balance = gate.balance.as_ref().map(|balance| balance.amount);
        Ok(PayoutFigures {
            attention: sum(&ATTENTION_GAUGES).count,
            unknown: sum(&UNKNOWN_GAUGES),
            unknown_since: oldest.items.first().and_then(Payout::attempt).map(|attempt| attempt.first_sent_at),
            switches: Switches::in_force(items.get(&wanted[3])?, &self.epoch),
            outcomes: items.get(&wanted[1])?.unwrap_or_default(),
            float_hours: balance.and_then(|balance| float_hours(balance, sent_today, midnight_ms)),
            sent_this_month: totals.sent,
            policy: settings.payouts,
            durations: durations(&listed.items, looked_at.load(Ordering::Relaxed), listed.next.is_none()),
            gauges,
            gate,
            sent_today,
        })
    }
}

fn durations(payouts: &[Payout], looked_at: u64, whole: bool) -> Durations {
    let took = |payout: &Payout| match payout.state {
        State::Paid { at } => Some(time::between(payout.created_at, at)),
        State::Queued { .. }
        | State::Sending { .. }
        | State::Submitted { .. }
        | State::Retrying { .. }
        | State::Held { .. }
        | State::AwaitingApproval { .. }
        | State::Refused { .. }
        | State::Cancelled { .. }
        | State::Settled { .. } => None,
    };
    let mut took: Vec<i64> = payouts.iter().filter_map(took).collect();
    let open = payouts.iter().filter(|payout| !payout.state.is_end() && !payout.state.needs_attention());
    Durations {
        looked_at,
        whole,
        paid: took.len() as u64,
        p50: percentile(&mut took, 50),
        p95: percentile(&mut took, 95),
        p99: percentile(&mut took, 99),
        oldest_open: open.map(|payout| payout.created_at).min(),
    }
}
