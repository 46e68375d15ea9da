//! Payouts in figures, the gate and the switches, as the API shows them.

use super::time;
use domain::gate::{Breaker, Gate};
use schemars::JsonSchema;
use serde::Serialize;
use staff::{PayoutFigures, Switching};
use store::InState;

/// Payouts in one state.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct GaugeView {
    /// The state, of held ones with the reason: `held_unknown`.
    pub state: String,
    pub count: i64,
    pub amount: i64,
}

/// A circuit breaker.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BreakerView {
    /// `closed` lets all through, `open` none, `half_open` one to see.
    pub state: &'static str,
    pub why: Option<String>,
    pub until: Option<String>,
}

impl From<&Breaker> for BreakerView {
    fn from(breaker: &Breaker) -> Self {
        let (until, why) = match breaker {
            Breaker::Closed { .. } => (None, None),
            Breaker::Open { until, why, .. } => (Some(*until), Some(why.clone())),
            Breaker::HalfOpen { until, .. } => (Some(*until), None),
        };
        Self { state: breaker.name(), why, until: time(until) }
    }
}

/// What keeps payouts from being sent, beside the switch.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct GateView {
    /// Of questions, and of what every call needs.
    pub breaker: BreakerView,
    /// Of sends alone.
    pub sends: BreakerView,
    /// `funds` ends by itself, `outcomes` by a person.
    pub pause: Option<&'static str>,
    pub paused_since: Option<String>,
    /// The float as it was last read.
    pub balance: Option<u64>,
    pub balance_at: Option<String>,
    /// What was sending or submitted then.
    pub on_its_way: Option<u64>,
}

impl From<&Gate> for GateView {
    fn from(gate: &Gate) -> Self {
        Self {
            breaker: (&gate.breaker).into(),
            sends: (&gate.sends).into(),
            pause: gate.pause.as_ref().map(|pause| pause.why.name()),
            paused_since: gate.pause.as_ref().map(|pause| pause.since.to_string()),
            balance: gate.balance.as_ref().map(|balance| balance.amount),
            balance_at: gate.balance.as_ref().map(|balance| balance.at.to_string()),
            on_its_way: gate.balance.as_ref().map(|balance| balance.on_its_way),
        }
    }
}

/// What was sent in a period, and the most that may be.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TotalView {
    pub sent: i64,
    /// Missing where there is no limit.
    pub limit: Option<u64>,
}

/// How long payouts took that were redeemed in the last 24 hours, from redemption to paid.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DurationsView {
    /// How many payouts were looked at, paid or not.
    pub looked_at: u64,
    /// Whether these are all of the last 24 hours; else the newest.
    pub complete: bool,
    /// How many of them are paid: those that the figures are about.
    pub paid: u64,
    pub p50_seconds: Option<f64>,
    pub p95_seconds: Option<f64>,
    pub p99_seconds: Option<f64>,
    /// When the oldest of them was redeemed that is neither at its end nor waits for a person.
    pub oldest_open: Option<String>,
}

/// All payouts in figures.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PayoutFiguresView {
    pub states: Vec<GaugeView>,
    /// Committed and not sent yet.
    pub queue_depth: i64,
    /// How many wait for a person.
    pub attention: i64,
    /// Money of which nobody knows whether it was paid.
    pub unknown_count: i64,
    pub unknown_amount: i64,
    pub unknown_since: Option<String>,
    pub payouts_on: bool,
    pub gate: GateView,
    /// Of the last payouts that ended, how many there were and how many were paid.
    pub outcomes: u64,
    pub outcomes_paid: u64,
    pub today: TotalView,
    pub this_month: TotalView,
    /// Whole hours that the float lasts if as much is sent an hour as was today; missing while that isn't known.
    pub float_hours: Option<u64>,
    pub durations: DurationsView,
}

impl From<&PayoutFigures> for PayoutFiguresView {
    fn from(figures: &PayoutFigures) -> Self {
        let gauge = |(state, one): (&String, &InState)| GaugeView {
            state: state.clone(),
            count: one.count,
            amount: one.amount,
        };
        #[expect(clippy::cast_precision_loss, reason = "a duration of years would lose a millisecond")]
        let seconds = |milliseconds: Option<i64>| milliseconds.map(|milliseconds| milliseconds as f64 / 1_000.0);
        let durations = &figures.durations;
        Self {
            states: figures.gauges.iter().map(gauge).collect(),
            queue_depth: figures.gauges.get("queued").map_or(0, |queued| queued.count),
            attention: figures.attention,
            unknown_count: figures.unknown.count,
            unknown_amount: figures.unknown.amount,
            unknown_since: time(figures.unknown_since),
            payouts_on: figures.switches.payouts,
            gate: (&figures.gate).into(),
            outcomes: figures.outcomes.last.len() as u64,
            outcomes_paid: figures.outcomes.paid() as u64,
            today: TotalView { sent: figures.sent_today, limit: figures.policy.total_per_day },
            this_month: TotalView { sent: figures.sent_this_month, limit: figures.policy.total_per_month },
            float_hours: figures.float_hours,
            durations: DurationsView {
                looked_at: durations.looked_at,
                complete: durations.whole,
                paid: durations.paid,
                p50_seconds: seconds(durations.p50),
                p95_seconds: seconds(durations.p95),
                p99_seconds: seconds(durations.p99),
                oldest_open: time(durations.oldest_open),
            },
        }
    }
}

/// What is switched on.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SwitchesView {
    pub payouts: bool,
    pub redemptions: bool,
    pub sms: bool,
    /// False after a restore: then everything is off until somebody switches it on.
    pub of_this_deployment: bool,
    pub gate: GateView,
}

impl From<&Switching> for SwitchesView {
    fn from(switching: &Switching) -> Self {
        Self {
            payouts: switching.switches.payouts,
            redemptions: switching.switches.redemptions,
            sms: switching.switches.sms,
            of_this_deployment: switching.of_deployment,
            gate: (&switching.gate).into(),
        }
    }
}
