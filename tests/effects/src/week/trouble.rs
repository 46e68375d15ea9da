//! What goes wrong for a while: at MoMo, in the table, with our processes, and by what people set.

use super::dice::Dice;
use domain::settings::Settings;
use momo_simulator::{Behaviour, CallbackTiming, Outcome, ReasonShape, StatusAnswer, TokenAnswer, TransferAnswer};
use rig::Fault;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const MINUTE_MS: i64 = 60_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// MoMo answers with 500 and 503, before or after it took a transfer.
    Errors,
    /// MoMo doesn't answer.
    Hangs,
    /// No connection to MoMo can be had.
    NoConnection,
    Throttled,
    /// HTML, redirects, broken JSON and empty refusals.
    Pages,
    /// Transfers settle after minutes or a day.
    Slow,
    Fails,
    /// FAILED, and paid within a quarter of an hour after all.
    FailsThenPays,
    FloatDry,
    /// A transfer that was taken is not known for minutes.
    Lags,
    Tokens,
    /// MoMo's key is another one already, the secret's still the old one.
    KeyRotated,
    CallbacksLost,
    CallbacksTwice,
    CallbacksLate,
    Table,
    Index,
    Deaths,
    Stalls,
    PayoutsOff,
    RedemptionsOff,
    /// Every payout, or every one this large, needs a second person.
    Approval,
    Limits,
    /// A day's total with room for a few.
    DayTotal,
    /// Accounts are asked about before anything is sent.
    Accounts,
}

impl Trouble {
    pub const ALL: [Self; 25] = [
        Self::Errors,
        Self::Hangs,
        Self::NoConnection,
        Self::Throttled,
        Self::Pages,
        Self::Slow,
        Self::Fails,
        Self::FailsThenPays,
        Self::FloatDry,
        Self::Lags,
        Self::Tokens,
        Self::KeyRotated,
        Self::CallbacksLost,
        Self::CallbacksTwice,
        Self::CallbacksLate,
        Self::Table,
        Self::Index,
        Self::Deaths,
        Self::Stalls,
        Self::PayoutsOff,
        Self::RedemptionsOff,
        Self::Approval,
        Self::Limits,
        Self::DayTotal,
        Self::Accounts,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Hangs => "hangs",
            Self::NoConnection => "no connection",
            Self::Throttled => "throttled",
            Self::Pages => "pages",
            Self::Slow => "slow",
            Self::Fails => "fails",
            Self::FailsThenPays => "fails, then pays",
            Self::FloatDry => "float dry",
            Self::Lags => "404 lags",
            Self::Tokens => "tokens",
            Self::KeyRotated => "key rotated",
            Self::CallbacksLost => "callbacks lost",
            Self::CallbacksTwice => "callbacks twice",
            Self::CallbacksLate => "callbacks late",
            Self::Table => "table",
            Self::Index => "index",
            Self::Deaths => "deaths",
            Self::Stalls => "stalls",
            Self::PayoutsOff => "payouts off",
            Self::RedemptionsOff => "redemptions off",
            Self::Approval => "approval",
            Self::Limits => "limits",
            Self::DayTotal => "day total",
            Self::Accounts => "accounts",
        }
    }
}

fn transfer_answer(trouble: Trouble, dice: &mut Dice) -> Option<TransferAnswer> {
    let of: &[TransferAnswer] = match trouble {
        Trouble::Errors => &[
            TransferAnswer::Error500BeforeAccepting,
            TransferAnswer::Error500AfterAccepting,
            TransferAnswer::Unavailable503,
        ],
        Trouble::Hangs => &[TransferAnswer::TimeoutBeforeAccepting, TransferAnswer::TimeoutAfterAccepting],
        Trouble::Throttled => &[TransferAnswer::TooMany429],
        Trouble::Pages => &[
            TransferAnswer::Html200,
            TransferAnswer::Html411,
            TransferAnswer::Garbage,
            TransferAnswer::Redirect302,
            TransferAnswer::Forbidden403,
            TransferAnswer::BadRequestEmpty400,
            TransferAnswer::Conflict409AfterAccepting,
        ],
        Trouble::NoConnection
        | Trouble::Slow
        | Trouble::Fails
        | Trouble::FailsThenPays
        | Trouble::FloatDry
        | Trouble::Lags
        | Trouble::Tokens
        | Trouble::KeyRotated
        | Trouble::CallbacksLost
        | Trouble::CallbacksTwice
        | Trouble::CallbacksLate
        | Trouble::Table
        | Trouble::Index
        | Trouble::Deaths
        | Trouble::Stalls
        | Trouble::PayoutsOff
        | Trouble::RedemptionsOff
        | Trouble::Approval
        | Trouble::Limits
        | Trouble::DayTotal
        | Trouble::Accounts => return None,
    };
    Some(dice.pick(of).clone())
}

const REASONS: [&str; 7] = [
    "NOT_ENOUGH_FUNDS",
    "PAYEE_NOT_FOUND",
    "EXPIRED",
    "EXPIRED",
    "NOT_ALLOWED",
    "INTERNAL_PROCESSING_ERROR",
    "PAYEE_LIMIT_REACHED",
];

fn failed(dice: &mut Dice) -> (Outcome, ReasonShape) {
    let reason = (*dice.pick(&REASONS)).to_owned();
    (Outcome::Failed { reason }, *dice.pick(&[ReasonShape::String, ReasonShape::Object]))
}

/// How MoMo behaves towards the next worker, while these troubles last.
pub fn behaviour(lasting: &[Trouble], dice: &mut Dice) -> Behaviour {
    let mut behaviour = Behaviour::default();
    for trouble in lasting {
        // Not even the worst hour is bad for every call.
        if dice.one_in(4) {
            continue;
        }
        if let Some(answer) = transfer_answer(*trouble, dice) {
            behaviour.transfer_answer = answer;
        }
        match trouble {
            Trouble::Errors => {
                behaviour.status_answer = *dice.pick(&[StatusAnswer::Error500, StatusAnswer::Unavailable503]);
            }
            Trouble::Hangs => behaviour.status_answer = StatusAnswer::Timeout,
            Trouble::Pages => {
                let pages = [StatusAnswer::Html200, StatusAnswer::Garbage, StatusAnswer::Redirect302];
                behaviour.status_answer = *dice.pick(&pages);
            }
            Trouble::Slow => {
                let most = if dice.one_in(8) { 30 * 60 } else { 180 };
                behaviour.settle_after_ms = (dice.between(1, most) * MINUTE_MS).unsigned_abs();
            }
            Trouble::Fails => (behaviour.outcome, behaviour.reason_shape) = failed(dice),
            Trouble::FailsThenPays => {
                (behaviour.outcome, behaviour.reason_shape) = failed(dice);
                behaviour.late_success_after_failed_ms = Some((dice.between(1, 14) * MINUTE_MS).unsigned_abs());
            }
            Trouble::Lags => {
                let lag = dice.between(1, 20) * MINUTE_MS;
                behaviour.status_answer = StatusAnswer::NotFound404ForMs(lag.unsigned_abs());
            }
            Trouble::Tokens => {
                let answers = [
                    TokenAnswer::Html200,
                    TokenAnswer::Redirect302,
                    TokenAnswer::Error500,
                    TokenAnswer::ExpiredAtOnce,
                    TokenAnswer::ExpiredAtOnce,
                ];
                behaviour.token_answer = *dice.pick(&answers);
            }
            Trouble::CallbacksLost => behaviour.callback = CallbackTiming::Never,
            Trouble::CallbacksTwice => behaviour.callback = CallbackTiming::Duplicate,
            Trouble::CallbacksLate => {
                let late = dice.between(1, 240) * MINUTE_MS;
                behaviour.callback = CallbackTiming::LateMs(late.unsigned_abs());
            }
            Trouble::NoConnection
            | Trouble::Throttled
            | Trouble::FloatDry
            | Trouble::KeyRotated
            | Trouble::Table
            | Trouble::Index
            | Trouble::Deaths
            | Trouble::Stalls
            | Trouble::PayoutsOff
            | Trouble::RedemptionsOff
            | Trouble::Approval
            | Trouble::Limits
            | Trouble::DayTotal
            | Trouble::Accounts => {}
        }
    }
    behaviour
}

/// The settings while these troubles last, for codes of `amount`.
pub fn settings(lasting: &[Trouble], amount: u64) -> Settings {
    let mut settings = Settings::default();
    settings.ussd.attempts.per_minute = 10_000;
    settings.ussd.attempts.per_hour = 10_000;
    settings.ussd.attempts.per_day = 10_000;
    settings.redemption.per_day = None;
    // Counted by the machine's own clock, on which a week lasts a second.
    settings.payouts.asks_per_second = 100_000;
    settings.payouts.balance_minutes = 120;
    settings.payouts.balance_alert = 4 * amount;
    settings.payouts.balance_pause = 2 * amount;
    settings.payouts.approve_above = lasting.contains(&Trouble::Approval).then_some(amount - 1);
    settings.payouts.most_per_payout = lasting.contains(&Trouble::Limits).then_some(amount - 1);
    settings.payouts.total_per_day = lasting.contains(&Trouble::DayTotal).then_some(5 * amount);
    settings.payouts.check_account = lasting.contains(&Trouble::Accounts);
    settings
}

/// Which calls fail now; shared with the script that fails them.
#[derive(Clone, Default)]
pub struct Weather(Arc<Mutex<Failing>>);

#[derive(Default)]
pub struct Failing {
    pub connection: bool,
    pub table: bool,
    pub index: bool,
    pub deaths: bool,
    pub stalls: bool,
    /// A message was sent since somebody last looked.
    pub message: bool,
}

const OF_TABLE: [Fault; 7] = [
    Fault::Conflict,
    Fault::MixedReasons,
    Fault::Throttle,
    Fault::InProgress,
    Fault::Unprocessed,
    Fault::LoseAnswer,
    Fault::Twice,
];

impl Weather {
    pub fn failing(&self) -> MutexGuard<'_, Failing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on nothing fails.
    pub fn clears(&self) {
        *self.failing() = Failing { message: true, ..Failing::default() };
    }

    /// What happens to the call of that name.
    pub fn fault(&self, name: &str, dice: &mut Dice) -> Option<Fault> {
        let mut failing = self.failing();
        failing.message |= name == "SendMessage";
        let momo = name.starts_with("momo ");
        if momo && failing.connection && !dice.one_in(4) {
            return Some(Fault::NoConnection);
        }
        if failing.stalls && (momo || name == "TransactWriteItems") && dice.one_in(12) {
            return Some(Fault::Stall);
        }
        if failing.deaths && dice.one_in(25) {
            return Some(*dice.pick(&[Fault::DieBefore, Fault::DieAfter]));
        }
        if !momo && failing.table && dice.one_in(8) {
            return Some(*dice.pick(&OF_TABLE));
        }
        (name == "Query" && failing.index && dice.one_in(2)).then_some(Fault::LaggingIndex)
    }
}
