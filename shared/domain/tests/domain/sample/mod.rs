//! One code of one batch, one customer and the payout of their redemption, for the tests to vary.
#![allow(dead_code, reason = "each test file uses a part of it")]

use domain::{
    batch::{Batch, Code, Origin, Run, RunState},
    code::CodeText,
    customer::Customer,
    gate::Gate,
    identity::{CustomerId, RedemptionId},
    money::{Currency, Money},
    payout::{AccountCheck, CustomerSums, Ground, Payout, Rail, ReportedTransfer, Step, plan},
    phone::{Msisdn, Network},
    redemption::{Facts, Refusal},
    settings::{PayoutPolicy, Settings},
    switches::Switches,
    time::{MINUTE_MS, SECOND_MS, plus},
    totals::Totals,
};
use jiff::{Timestamp, civil::date};

/// Cases of a property, without a file that remembers failures: each is minimised and belongs in a test of its own.
pub fn cases(count: u32) -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        cases: count,
        failure_persistence: None,
        ..proptest::test_runner::Config::default()
    }
}

pub const ENVIRONMENT: &str = "test";
pub const LEASE_MS: i64 = 60 * SECOND_MS;
pub const PRINTED: &str = "7K3M-9A26-CE11-XH05";

/// 20 November 2026, noon in Kigali.
pub fn noon() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().expect("a time")
}

pub fn minutes(count: i64) -> Timestamp {
    plus(noon(), count * MINUTE_MS)
}

pub fn code_text(typed: &str) -> CodeText {
    CodeText::parse(typed).expect("a code")
}

pub fn phone(typed: &str) -> Msisdn {
    Msisdn::parse(typed).expect("a Rwandan mobile number")
}

pub fn francs(amount: u64) -> Money {
    Money::new(amount, Currency::Rwf).expect("an amount")
}

pub fn customer() -> Customer {
    let phone = phone("0788123456");
    Customer::new(CustomerId::of(b"pepper", &phone), phone, noon())
}

pub fn code() -> Code {
    let batch = Batch::new("batch-1".to_owned(), 1, "November".to_owned(), francs(5_000), noon(), noon());
    let run = Run::staging("run-1".to_owned(), "batch-1".to_owned(), 100, Origin::Generated);
    Code { version: 3, ..Code::made(code_text(PRINTED), &batch, &run, 0) }
}

/// Everything that is known when a code is sent; by default it redeems.
pub struct Moment {
    pub typed: CodeText,
    pub code: Option<Code>,
    pub batch: Option<Batch>,
    pub run: Option<Run>,
    pub customer: Customer,
    pub network: Network,
    pub named: Option<Msisdn>,
    pub switches: Switches,
    pub settings: Settings,
    pub now: Timestamp,
}

impl Moment {
    pub fn redeemable() -> Self {
        Self {
            typed: code_text(PRINTED),
            code: Some(code()),
            batch: Some(Batch::new(
                "batch-1".to_owned(),
                1,
                "November".to_owned(),
                francs(5_000),
                "2026-12-31T22:00:00Z".parse().expect("a time"),
                noon(),
            )),
            run: Some(Run {
                state: RunState::Live,
                first_sheet: 1,
                ..Run::staging("run-1".to_owned(), "batch-1".to_owned(), 100, Origin::Generated)
            }),
            customer: customer(),
            network: Network::Mtn,
            named: None,
            switches: Switches::all_on("blue"),
            settings: Settings::default(),
            now: noon(),
        }
    }

    pub fn code(&mut self) -> &mut Code {
        self.code.as_mut().expect("the moment has a code")
    }

    pub fn batch(&mut self) -> &mut Batch {
        self.batch.as_mut().expect("the moment has a batch")
    }

    pub fn run(&mut self) -> &mut Run {
        self.run.as_mut().expect("the moment has a run")
    }

    pub fn facts(&self) -> Facts<'_> {
        Facts {
            typed: &self.typed,
            code: self.code.as_ref(),
            batch: self.batch.as_ref(),
            run: self.run.as_ref(),
            customer: &self.customer,
            network: self.network,
            named: self.named.as_ref(),
            switches: &self.switches,
            settings: &self.settings,
            now: self.now,
        }
    }
}

/// Every refusal once. A new one doesn't compile until it has its place in this chain.
pub fn every_refusal() -> Vec<Refusal> {
    use domain::code::Malformed;
    let mut refusals = vec![Refusal::Maintenance];
    loop {
        let following = match refusals.last().expect("starts with one") {
            Refusal::Maintenance => Refusal::Paused,
            Refusal::Paused => Refusal::TooManyAttempts { until: minutes(1_440) },
            Refusal::TooManyAttempts { .. } => Refusal::Malformed(Malformed::Length(3)),
            Refusal::Malformed(Malformed::Length(_)) => Refusal::Malformed(Malformed::Character('é')),
            Refusal::Malformed(Malformed::Character(_)) => Refusal::Malformed(Malformed::DatePart),
            Refusal::Malformed(Malformed::DatePart) => Refusal::Unknown,
            Refusal::Unknown => Refusal::Expired { on: date(2026, 11, 30) },
            Refusal::Expired { .. } => Refusal::Blocked,
            Refusal::Blocked => Refusal::Reported,
            Refusal::Reported => Refusal::BatchNotActive,
            Refusal::BatchNotActive => {
                Refusal::AlreadyYours { redemption: RedemptionId::of(ENVIRONMENT, &code_text(PRINTED), 1), at: noon() }
            }
            Refusal::AlreadyYours { .. } => Refusal::AlreadyTaken,
            Refusal::AlreadyTaken => Refusal::DayLimit { again_on: date(2026, 11, 21) },
            Refusal::DayLimit { .. } => Refusal::LimitInAll,
            Refusal::LimitInAll => Refusal::OtherBatch,
            Refusal::OtherBatch => Refusal::AmountPerPayout,
            Refusal::AmountPerPayout => Refusal::AmountPerDay { again_on: date(2026, 11, 21) },
            Refusal::AmountPerDay { .. } => Refusal::AmountPerMonth { again_on: date(2026, 12, 1) },
            Refusal::AmountPerMonth { .. } => Refusal::Cooldown { until: minutes(1_440) },
            Refusal::Cooldown { .. } => Refusal::NumberCannotReceive,
            Refusal::NumberCannotReceive => return refusals,
        };
        refusals.push(following);
    }
}

pub fn rail() -> Rail {
    Rail::mtn_momo("https://momo.example", "mtnrwanda", "api-user-1")
}

/// Committed at noon, never sent.
pub fn payout() -> Payout {
    let code = code();
    let customer = customer();
    let id = RedemptionId::of(ENVIRONMENT, &code.text, code.generation);
    Payout::new(&code, id, customer.id, customer.phone, &PayoutPolicy::default(), noon())
}

/// What a payout's next step depends on; by default nothing stands in its way.
#[derive(Clone)]
pub struct Around {
    pub switches: Switches,
    pub policy: PayoutPolicy,
    pub rail: Rail,
    pub gate: Gate,
    pub totals: Totals,
    pub customer: Option<CustomerSums>,
    pub account: AccountCheck,
}

impl Default for Around {
    fn default() -> Self {
        Self {
            switches: Switches::all_on("blue"),
            policy: PayoutPolicy::default(),
            rail: rail(),
            gate: Gate::default(),
            totals: Totals::default(),
            customer: None,
            account: AccountCheck::Unknown,
        }
    }
}

impl Around {
    pub fn plan(&self, payout: &Payout, now: Timestamp) -> Step {
        plan(payout, &self.ground(&Settings::default().zone(), now))
    }

    pub fn ground<'a>(&'a self, zone: &'a jiff::tz::TimeZone, now: Timestamp) -> Ground<'a> {
        Ground {
            switches: &self.switches,
            policy: &self.policy,
            environment: ENVIRONMENT,
            rail: &self.rail,
            gate: &self.gate,
            totals: &self.totals,
            customer: self.customer,
            account: self.account,
            zone,
            now,
            lease_ms: LEASE_MS,
        }
    }
}

/// The provider's report of exactly this payout.
pub fn report(payout: &Payout) -> ReportedTransfer {
    ReportedTransfer {
        amount: payout.money.amount.to_string(),
        currency: payout.money.currency.code().to_owned(),
        payee: payout.payee.party_id().to_owned(),
        external_id: payout.id.to_string(),
        transaction: None,
        reason: None,
    }
}
