//! May this code be redeemed by this customer, now? And everything that is written if so, or if not.

mod decision;

pub use decision::{Decision, Facts, asks_number, decide};

use crate::{
    audit::{Class, Entry},
    batch::{Claim, Code, Origin},
    code::{CodeText, Malformed},
    customer::{Customer, Redeemed, Untold},
    identity::{CustomerId, RedemptionId},
    money::Money,
    payout::Payout,
    phone::{Msisdn, Network},
    settings::OtherNetworks,
    time::{self, DAY_MS},
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

/// The facts of a redemption. They never change: corrections and reversals are further records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Redemption {
    pub id: RedemptionId,
    pub code: CodeText,
    pub generation: u32,
    pub batch_id: String,
    pub customer: CustomerId,
    pub money: Money,
    #[serde(with = "time::required")]
    pub at: Timestamp,
    /// `ussd` or, at the counter, `user:<id>`.
    pub actor: String,
    pub session: String,
}

/// Why a code was not redeemed. Each has its own words on the screen.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    Maintenance,
    /// Redemptions are switched off; the code stays as it is.
    Paused,
    TooManyAttempts {
        until: Timestamp,
    },
    Malformed(Malformed),
    Unknown,
    Expired {
        on: Date,
    },
    Blocked,
    Reported,
    BatchNotActive,
    AlreadyYours {
        redemption: RedemptionId,
        at: Timestamp,
    },
    AlreadyTaken,
    DayLimit {
        again_on: Date,
    },
    LimitInAll,
    /// A code of one batch was redeemed before, and this one is of another.
    OtherBatch,
    /// More than any payout, or any day or month of one customer, may be.
    AmountPerPayout,
    AmountPerDay {
        again_on: Date,
    },
    AmountPerMonth {
        again_on: Date,
    },
    Cooldown {
        until: Timestamp,
    },
    NumberCannotReceive,
}

impl Refusal {
    /// The reason in a word, for the log of attempts and for metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Maintenance => "maintenance",
            Self::Paused => "paused",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::Malformed(_) => "malformed",
            Self::Unknown => "unknown",
            Self::Expired { .. } => "expired",
            Self::Blocked => "blocked",
            Self::Reported => "reported",
            Self::BatchNotActive => "batch_not_active",
            Self::AlreadyYours { .. } => "already_yours",
            Self::AlreadyTaken => "already_taken",
            Self::DayLimit { .. } => "day_limit",
            Self::LimitInAll => "limit_in_all",
            Self::OtherBatch => "other_batch",
            Self::AmountPerPayout => "amount_per_payout",
            Self::AmountPerDay { .. } => "amount_per_day",
            Self::AmountPerMonth { .. } => "amount_per_month",
            Self::Cooldown { .. } => "cooldown",
            Self::NumberCannotReceive => "number_cannot_receive",
        }
    }

    /// A guess at a code that doesn't exist; these weigh more.
    fn is_guess(&self) -> bool {
        match self {
            Self::Unknown | Self::Malformed(_) => true,
            Self::Maintenance
            | Self::Paused
            | Self::TooManyAttempts { .. }
            | Self::Expired { .. }
            | Self::Blocked
            | Self::Reported
            | Self::BatchNotActive
            | Self::AlreadyYours { .. }
            | Self::AlreadyTaken
            | Self::DayLimit { .. }
            | Self::LimitInAll
            | Self::OtherBatch
            | Self::AmountPerPayout
            | Self::AmountPerDay { .. }
            | Self::AmountPerMonth { .. }
            | Self::Cooldown { .. }
            | Self::NumberCannotReceive => false,
        }
    }
}

/// The code that a typed text means: itself if it exists, else the generated code it was misread from.
/// An imported code is only ever meant by its exact text.
pub fn meant(exact: Option<Code>, forgiven: Option<Code>) -> Option<Code> {
    exact.or(forgiven.filter(|code| code.origin == Origin::Generated))
}

/// Everything that one redemption writes, in one transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    pub code: Code,
    pub redemption: Redemption,
    pub payout: Payout,
    pub customer: Customer,
    pub audit: Entry,
}

/// Where a redemption comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origins<'a> {
    pub environment: &'a str,
    pub session: &'a str,
    pub address: Option<&'a str>,
}

impl Commit {
    /// The records of redeeming `code` for `payee`, as [`decide`] has said. Versions are one above what was read.
    pub fn new(facts: &Facts<'_>, code: &Code, payee: &Msisdn, origins: Origins<'_>) -> Self {
        let now = facts.now;
        let id = RedemptionId::of(origins.environment, &code.text, code.generation);
        let redeemed = Redeemed { redemption: id.clone(), amount: code.money.amount, at: now };

        let mut customer = facts.customer.clone();
        customer.version += 1;
        customer.count_attempt(&facts.settings.ussd.attempts, 1, false, now);
        customer.count_redemption(redeemed.clone(), &code.batch_id, time::day(now, &facts.settings.zone()));
        customer.untold = Some(Untold {
            session: origins.session.to_owned(),
            at: now,
            redeemed: Some(redeemed),
            words: String::new(),
        });

        let mut claimed = code.clone();
        claimed.version += 1;
        claimed.claim = Some(Claim { redemption: id.clone(), customer: customer.id.clone(), at: now });

        let redemption = Redemption {
            id: id.clone(),
            code: code.text.clone(),
            generation: code.generation,
            batch_id: code.batch_id.clone(),
            customer: customer.id.clone(),
            money: code.money,
            at: now,
            actor: "ussd".to_owned(),
            session: origins.session.to_owned(),
        };
        let policy = &facts.settings.payouts;
        let mut payout = Payout::new(code, id.clone(), customer.id.clone(), payee.clone(), policy, now);
        payout.second_rail = facts.network != Network::Mtn && policy.other_networks == OtherNetworks::SecondRail;
        let mut audit = Entry::new(
            format!("{id}-redeemed"),
            now,
            Class::Money,
            "redemption.create",
            format!("customer:{}", customer.id.as_str()),
            format!("redemption:{id}"),
        )
        .change("code", Some("active".to_owned()), Some("used".to_owned()))
        .change("amount", None, Some(code.money.to_string()))
        .change("batch", None, Some(code.batch_id.clone()))
        .change("payout", None, Some(payout.state.name().to_owned()));
        if payout.payee != customer.phone {
            audit = audit.change("payee", None, Some(payout.payee.masked()));
        }
        audit.session = Some(origins.session.to_owned());
        audit.address = origins.address.map(str::to_owned);
        Self { code: claimed, redemption, payout, customer, audit }
    }
}

/// A refused attempt as it is logged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Derived from session, phone and text: a hop delivered twice is one attempt.
    pub id: String,
    #[serde(with = "time::required")]
    pub at: Timestamp,
    pub customer: CustomerId,
    /// Masked: the number itself stands on the customer's row.
    pub phone: String,
    /// Masked; a code that exists is found through `batch_id` and the customer.
    pub code: String,
    pub batch_id: Option<String>,
    pub reason: String,
    pub session: String,
}

/// The customer after a refused attempt, when it counts for a limit. `None` when nothing about the customer changes:
/// who is shut out already, or is told of our own pause, is not charged again.
pub fn charged(facts: &Facts<'_>, refusal: &Refusal, session: &str, words: &str) -> Option<Customer> {
    match refusal {
        Refusal::Maintenance | Refusal::Paused | Refusal::TooManyAttempts { .. } => return None,
        Refusal::Malformed(_)
        | Refusal::Unknown
        | Refusal::Expired { .. }
        | Refusal::Blocked
        | Refusal::Reported
        | Refusal::BatchNotActive
        | Refusal::AlreadyYours { .. }
        | Refusal::AlreadyTaken
        | Refusal::DayLimit { .. }
        | Refusal::LimitInAll
        | Refusal::OtherBatch
        | Refusal::AmountPerPayout
        | Refusal::AmountPerDay { .. }
        | Refusal::AmountPerMonth { .. }
        | Refusal::Cooldown { .. }
        | Refusal::NumberCannotReceive => {}
    }
    let limits = &facts.settings.ussd.attempts;
    let weight = if refusal.is_guess() { limits.failed_weight } else { 1 };
    let mut customer = facts.customer.clone();
    customer.version += 1;
    customer.count_attempt(limits, weight, refusal.is_guess(), facts.now);
    // Money on its way is the more important news: a refusal doesn't take its place.
    let news = customer.untold.as_ref().and_then(|untold| untold.redeemed.as_ref());
    if news.is_none_or(|redeemed| time::between(redeemed.at, facts.now) >= DAY_MS) {
        customer.untold =
            Some(Untold { session: session.to_owned(), at: facts.now, redeemed: None, words: words.to_owned() });
    }
    Some(customer)
}
