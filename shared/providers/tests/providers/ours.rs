//! One payout of ours, and both rails over recorded answers.

use crate::recorded::{Answer, Recorded, json};
use domain::{
    batch::{Batch, Code, Origin, Run},
    code::CodeText,
    gate::Gate,
    identity::{CustomerId, RedemptionId},
    money::{Currency, Money},
    payout::{AccountCheck, Ground, Payout, Rail, Step, plan},
    phone::Msisdn,
    settings::PayoutPolicy,
    switches::Switches,
    time::SECOND_MS,
    totals::Totals,
};
use jiff::{Timestamp, tz::TimeZone};
use providers::{
    Boxed, NotReady, Transfer,
    airtime::{self, Airtime},
    momo::{KeySource, Keys, MtnMomo},
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

pub const ENVIRONMENT: &str = "test";
pub const LEASE_MS: i64 = 60 * SECOND_MS;
pub const MOMO: &str = "https://momo.example";
pub const CALLBACK: &str = "https://promo.example/momo/secret";
pub const AIRTIME: &str = "https://airtime.example";

pub fn noon() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().expect("a time")
}

/// Committed at noon, never sent.
pub fn payout(phone: &str) -> Payout {
    let payee = Msisdn::parse(phone).expect("a number");
    let money = Money::new(5_000, Currency::Rwf).expect("an amount");
    let batch = Batch::new("batch-1".to_owned(), 1, "November".to_owned(), money, noon(), noon());
    let run = Run::staging("run-1".to_owned(), "batch-1".to_owned(), 1, Origin::Generated);
    let code = Code::made(CodeText::parse("7K3M-9A26-CE11-XH05").expect("a code"), &batch, &run, 0);
    let id = RedemptionId::of(ENVIRONMENT, &code.text, 1);
    Payout::new(&code, id, CustomerId::of(b"pepper", &payee), payee, &PayoutPolicy::default(), noon())
}

/// What is next where nothing stands in the way.
pub fn next(payout: &Payout, rail: &Rail, now: Timestamp) -> Step {
    let (switches, policy) = (Switches::all_on("blue"), PayoutPolicy::default());
    let ground = Ground {
        switches: &switches,
        policy: &policy,
        environment: ENVIRONMENT,
        rail,
        gate: &Gate::default(),
        totals: &Totals::default(),
        customer: None,
        account: AccountCheck::Unknown,
        zone: &TimeZone::UTC,
        now,
        lease_ms: LEASE_MS,
    };
    plan(payout, &ground)
}

/// The same, its first send written down at noon.
pub fn sending(phone: &str, rail: &Rail) -> Payout {
    let step = next(&payout(phone), rail, noon());
    let Step::Send(sent) = step else { panic!("a new payout is sent: {step:?}") };
    sent
}

/// What is sent of it.
pub fn transfer_of(payout: &Payout) -> Transfer {
    Transfer {
        reference: payout.attempt().expect("an attempt").reference.clone(),
        external_id: payout.id.to_string(),
        amount: payout.money.amount,
        currency: payout.money.currency.code(),
        payee: payout.payee.party_id().to_owned(),
        message: "MBELYCO Promo".to_owned(),
    }
}

pub fn transfer() -> Transfer {
    Transfer {
        reference: "ef7e29c9-ddd2-420b-85a5-5373ca1a48dd".to_owned(),
        external_id: "6353636".to_owned(),
        amount: 5_000,
        currency: "RWF",
        payee: "250788123456".to_owned(),
        message: "MBELYCO Promo".to_owned(),
    }
}

/// Keys that are another pair each time they are asked for afresh.
pub struct OurKeys {
    pub api_user: &'static str,
    pub afresh: AtomicUsize,
}

impl KeySource for OurKeys {
    fn keys(&self, fresh: bool) -> Boxed<'_, Result<Keys, NotReady>> {
        let times = self.afresh.fetch_add(usize::from(fresh), SeqCst) + usize::from(fresh);
        let keys = Keys {
            api_user: self.api_user.to_owned(),
            api_key: format!("key-{times}"),
            subscription_key: format!("subscription-{times}"),
        };
        Box::pin(async move { Ok(keys) })
    }
}

/// MTN with a token in hand, which then answers so.
pub fn momo(answers: impl IntoIterator<Item = Answer>) -> (MtnMomo, Arc<Recorded>) {
    momo_from([token("token-0")].into_iter().chain(answers))
}

/// MTN that answers so from the first token on.
pub fn momo_from(answers: impl IntoIterator<Item = Answer>) -> (MtnMomo, Arc<Recorded>) {
    momo_of("api-user", answers)
}

/// MTN for this deployment's API user, with the keys of `api_user`.
pub fn momo_of(api_user: &'static str, answers: impl IntoIterator<Item = Answer>) -> (MtnMomo, Arc<Recorded>) {
    let recorded = Recorded::playing(answers);
    let keys = Arc::new(OurKeys { api_user, afresh: AtomicUsize::new(0) });
    let callback = Some(CALLBACK.to_owned());
    (MtnMomo::new(recorded.clone(), keys, MOMO, "mtnrwanda", "api-user", callback), recorded)
}

pub fn token(bearer: &str) -> Answer {
    json(200, &format!("{{\"access_token\":\"{bearer}\",\"token_type\":\"access_token\",\"expires_in\":3600}}"))
}

/// `fresh` is what there is when the key is asked for afresh.
pub struct OneKey {
    pub kept: &'static str,
    pub fresh: Result<&'static str, NotReady>,
}

impl airtime::KeySource for OneKey {
    fn api_key(&self, fresh: bool) -> Boxed<'_, Result<String, NotReady>> {
        let key = if fresh { self.fresh.clone() } else { Ok(self.kept) };
        Box::pin(async move { key.map(str::to_owned) })
    }
}

/// Airtime that answers so.
pub fn airtime(answers: impl IntoIterator<Item = Answer>) -> (Airtime, Arc<Recorded>) {
    airtime_with(OneKey { kept: "key", fresh: Ok("key") }, answers)
}

pub fn airtime_with(key: OneKey, answers: impl IntoIterator<Item = Answer>) -> (Airtime, Arc<Recorded>) {
    let recorded = Recorded::playing(answers);
    (Airtime::new(recorded.clone(), Arc::new(key), AIRTIME, "live", "mbelyco"), recorded)
}
