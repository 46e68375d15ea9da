//! Payouts as staff find them, and what whoever is on call learns and does.

use domain::{
    access::System,
    audit::{Class, Severity},
    gate::{Gate, Pause, PauseWhy},
    identity::RedemptionId,
    settings::Settings,
    switches::Switches,
    time::{DAY_MS, HOUR_MS},
};
use door::{
    Got, Office, Person,
    codes::text_of,
    payouts::{EXPLAIN, PAYOUTS, SWITCHES},
};
use momo_simulator::{Behaviour, Outcome};
use rig::world::{EPOCH, Setup};
use serde_json::{Value, json};
use store::{Deadline, StoreError};

const PHONE: &str = "+250788123456";

pub async fn open(codes: usize, change: impl FnOnce(&mut Settings)) -> Office {
    let mut settings = Settings { version: 1, ..Settings::default() };
    settings.security.limits.api_per_minute = 10_000;
    settings.security.limits.api_per_hour = 100_000;
    change(&mut settings);
    Office::with(Setup { codes, settings: Some(settings), ..Setup::default() }).await
}

impl Fixture {
    /// An office with so many codes.
    pub async fn open(codes: usize, change: impl FnOnce(&mut Settings)) -> Self {
        let office = open(codes, change).await;
        let first = office.first().await;
        Self { office, first }
    }
}

/// An office and who may do everything in it.
pub struct Fixture {
    pub office: Office,
    pub first: Person,
}

impl Fixture {
    /// Redeems the code of this number.
    pub async fn redeem(&self, number: usize) -> RedemptionId {
        let phone = format!("+25078{:07}", 8_200_000 + number);
        self.office.redeem(&phone, &self.office.world.codes[number].printed()).await
    }

    pub async fn get(&self, path: &str) -> Got {
        self.office.ask("GET", path).by(&self.first).send().await
    }

    /// One payout as the API shows it.
    pub async fn shown(&self, id: &RedemptionId) -> Value {
        self.get(&format!("{PAYOUTS}/{id}")).await.expect(200).body
    }

    pub async fn state(&self, id: &RedemptionId) -> String {
        text_of(&self.shown(id).await, "/state").to_owned()
    }

    /// Time passes, and whoever is here signs in again.
    pub async fn signed_in_again(&mut self) {
        self.office.sign_in(&mut self.first).await;
    }

    pub fn behave(&self, outcome: Outcome) {
        self.office.world.simulator.behave(Behaviour { outcome, ..Behaviour::default() });
    }

    /// What the checks of money find wrong.
    pub async fn broken(&self, settled: bool) -> Vec<String> {
        self.office.world.broken(settled).await
    }
}

/// The ids on all pages of a list.
async fn all(fixture: &Fixture, query: &str) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let got = fixture.get(&format!("{PAYOUTS}?{query}{cursor}")).await.expect(200);
        let items = got.body["items"].as_array().expect("a list");
        ids.extend(items.iter().map(|item| text_of(item, "/id").to_owned()));
        match got.body["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

// proves: PAY-11
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_payouts_make_up_the_whole_once_newest_first_and_each_filter_takes_what_fits() {
    let mut fixture = Fixture::open(24, |_| {}).await;
    let mut made = Vec::new();
    for number in 0..24 {
        made.insert(0, fixture.redeem(number).await.to_string());
        // Over several days, some at the same moment.
        fixture.office.world.advance(if number % 3 == 0 { 0 } else { 7 * HOUR_MS });
    }
    fixture.signed_in_again().await;
    let sorted = |ids: &[String]| {
        let mut ids = ids.to_vec();
        ids.sort();
        ids
    };
    for limit in [1, 5, 23, 200] {
        let found = all(&fixture, &format!("limit={limit}")).await;
        assert_eq!(found.len(), 24, "{limit}");
        assert_eq!(sorted(&found), sorted(&made), "{limit}");
    }
    let got = fixture.get(&format!("{PAYOUTS}?limit=200")).await.expect(200);
    let times: Vec<&str> =
        got.body["items"].as_array().expect("a list").iter().map(|item| text_of(item, "/redeemed_at")).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    assert!(got.body["searched_back_to"].is_string());
    assert!(!got.text.contains("+25078"), "numbers are masked in lists");
    // One day, and none.
    let day = all(&fixture, "from=2026-11-20&to=2026-11-20").await;
    assert!((1..24).contains(&day.len()) && day.iter().all(|id| made.contains(id)));
    assert!(all(&fixture, "from=2026-10-01&to=2026-11-19").await.is_empty());
    // By customer, batch, state, urgency, amount.
    let one = fixture.shown(&RedemptionId::parse(&made[3]).expect("an id")).await;
    assert_eq!(all(&fixture, &format!("customer={}", text_of(&one, "/customer"))).await, [made[3].clone()]);
    assert_eq!(all(&fixture, "batch_id=batch-1&status=queued&max_amount=5000&min_amount=5000").await.len(), 24);
    for none in ["batch_id=batch-2", "status=completed", "urgent=true", "min_amount=5001", "max_amount=4999"] {
        assert!(all(&fixture, none).await.is_empty(), "{none}");
    }
    let hold = fixture.office.ask("POST", &format!("{PAYOUTS}/{}/hold", made[5])).by(&fixture.first);
    hold.json(&json!({ "reason": "The customer has called." })).send().await.expect(200);
    for query in ["attention=true", "status=held"] {
        assert_eq!(all(&fixture, query).await, [made[5].clone()], "{query}");
    }
    for (query, field) in [
        ("from=2026-11-21&to=2026-11-20", "from"),
        ("from=2025-01-01&to=2026-11-20", "from"),
        ("from=2026-11-31", "from"),
        ("to=2026-1-0001", "to"),
        ("min_amount=2&max_amount=1", "min_amount"),
        ("attention=true&from=2026-11-20", "attention"),
    ] {
        let got = fixture.get(&format!("{PAYOUTS}?{query}")).await.expect(422);
        assert_eq!(text_of(&got.body, "/errors/0/field"), field, "{query}");
    }
    assert_eq!(fixture.broken(false).await, Vec::<String>::new());
}

// proves: COD-14, PAY-11
#[tokio::test(flavor = "multi_thread")]
async fn one_payout_is_shown_with_attempts_timeline_and_what_happens_next_and_masked_for_who_may_not_see() {
    let mut fixture = Fixture::open(2, |_| {}).await;
    let finance = fixture.office.person(&["financial-administrator"], true).await;
    let id = fixture.redeem(0).await;
    let code = fixture.office.world.codes[0].printed();
    let before = fixture.shown(&id).await;
    assert_eq!((&before["status"], &before["state"]), (&json!("queued"), &json!("queued")));
    assert!(text_of(&before, "/next_step").starts_with("A worker sends it"));
    assert_eq!(before["code"], format!("{}-****", &code[..4]));
    assert_eq!(before["payee"], "+250788200000");
    let acts = before["more"]["acts"].as_array().expect("a list").clone();
    assert_eq!(json!(acts), json!(["cancel", "hold", "resolve", "reverse", "urgent"]));

    let path = format!("{PAYOUTS}/{id}");
    let revealed = fixture.get(&format!("{path}?reveal=true")).await.expect(200);
    assert_eq!(revealed.body["code"], code);
    fixture.office.ask("GET", &format!("{path}?reveal=true")).by(&finance).send().await.expect(403);
    let masked = fixture.office.ask("GET", &path).by(&finance).send().await.expect(200);
    assert!(!masked.text.contains("788200000") && !masked.text.contains(&code), "{}", masked.text);
    let entries = fixture.office.world.rows().await.audit;
    assert_eq!(entries.iter().filter(|entry| entry.action == "code.revealed").count(), 1);

    fixture.office.pay().await;
    fixture.office.pay_for(7).await;
    fixture.signed_in_again().await;
    let paid = fixture.shown(&id).await;
    assert_eq!((&paid["status"], &paid["state"]), (&json!("completed"), &json!("paid")));
    let attempt = &paid["more"]["attempts"][0];
    assert_eq!(
        (&attempt["number"], &attempt["sends"], &attempt["last_answer"]),
        (&json!(1), &json!(1), &json!("SUCCESSFUL"))
    );
    assert_eq!(attempt["provider"], "mtn-momo-disbursement");
    assert!(attempt["transaction"].is_string() && attempt["first_sent_at"].is_string());
    assert_eq!((&paid["code"], &paid["code_masked"]), (&json!(code), &json!(false)), "its value was delivered");
    assert_eq!(paid["more"]["acts"], json!([]));
    let timeline = paid["more"]["timeline"].as_array().expect("a list");
    let acts: Vec<&str> = timeline.iter().map(|entry| text_of(entry, "/action")).collect();
    assert!(acts.contains(&"payout.sending") && acts.contains(&"payout.paid"), "{acts:?}");
    assert!(acts.iter().any(|act| act.starts_with("redemption.")), "{acts:?}");
    fixture.get(&format!("{PAYOUTS}/{}", "0".repeat(32))).await.expect(404);
    assert_eq!(fixture.broken(true).await, Vec::<String>::new());
}

// proves: PAY-11
#[tokio::test(flavor = "multi_thread")]
async fn a_payout_is_found_by_id_reference_code_and_phone_by_who_may_ask_so() {
    let fixture = Fixture::open(2, |_| {}).await;
    let finance = fixture.office.person(&["financial-administrator"], true).await;
    let id = fixture.office.redeem(PHONE, &fixture.office.world.codes[0].printed()).await;
    fixture.office.pay().await;
    let reference = text_of(&fixture.shown(&id).await, "/reference").to_owned();
    let code = fixture.office.world.codes[0].printed();
    let ask = async |by: &Person, q: &str| fixture.office.ask("GET", &format!("{EXPLAIN}?q={q}")).by(by).send().await;
    let found = |got: &Got| -> Vec<String> {
        got.body["items"].as_array().expect("a list").iter().map(|item| text_of(item, "/id").to_owned()).collect()
    };
    let short = id.short();
    for q in
        [id.as_str(), &reference, &reference.to_uppercase(), &code, &code.replace('-', "").to_lowercase(), "0788123456"]
    {
        let got = ask(&fixture.first, q).await.expect(200);
        assert_eq!(found(&got), [id.to_string()], "{q}");
        assert!(got.body["items"][0]["more"]["timeline"].is_array() && got.body["items"][0]["next_step"].is_string());
    }
    for q in [id.as_str(), &reference] {
        assert_eq!(found(&ask(&finance, q).await.expect(200)), [id.to_string()]);
    }
    for q in [code.as_str(), "0788123456"] {
        assert_eq!(ask(&finance, q).await.expect(403).code(), "permission_missing");
    }
    for nobodys in ["0788123457", "00000000000000000000000000000000", "00000000-0000-4000-8000-000000000000"] {
        assert!(found(&ask(&fixture.first, nobodys).await.expect(200)).is_empty(), "{nobodys}");
    }
    for (by, q, code) in [
        (&fixture.first, short.as_str(), "short_form"),
        (&finance, &short, "short_form"),
        (&finance, "a%00b", "malformed"),
    ] {
        let got = ask(by, q).await.expect(422);
        assert_eq!((text_of(&got.body, "/errors/0/field"), text_of(&got.body, "/errors/0/code")), ("q", code), "{q}");
    }
    // Who asked for a customer is on record, by id and not by number.
    let entries = fixture.office.world.rows().await.audit;
    let looked: Vec<_> = entries.iter().filter(|entry| entry.action == "customer.looked_up").collect();
    assert_eq!(looked.len(), 2);
    assert!(looked.iter().all(|entry| entry.actor == format!("user:{}", fixture.first.id)));
    let log = format!("{entries:?}");
    assert!(!log.contains("788123456") && !log.contains(&code), "neither numbers nor codes are in the log");
}

// proves: PAY-11
#[tokio::test(flavor = "multi_thread")]
async fn figures_of_payouts_are_what_the_payouts_are() {
    let mut fixture = Fixture::open(6, |settings| {
        settings.payouts.total_per_day = Some(1_000_000);
        settings.payouts.balance_alert = 1;
    })
    .await;
    let stats = async |fixture: &Fixture| fixture.get(&format!("{PAYOUTS}/stats")).await.expect(200).body;
    let empty = stats(&fixture).await;
    assert_eq!((&empty["queue_depth"], &empty["durations"]["p50_seconds"]), (&json!(0), &json!(null)));
    for number in 0..4 {
        fixture.redeem(number).await;
    }
    assert_eq!(stats(&fixture).await["queue_depth"], 4);
    fixture.office.pay_for(6).await;
    fixture.behave(Outcome::PendingForever);
    fixture.redeem(4).await;
    fixture.redeem(5).await;
    fixture.office.pay().await;
    fixture.signed_in_again().await;
    let figures = stats(&fixture).await;
    let state = |name: &str| {
        let states = figures["states"].as_array().expect("a list");
        let found = states.iter().find(|one| one["state"] == name);
        found
            .map_or((0, 0), |one| (one["count"].as_i64().expect("a count"), one["amount"].as_i64().expect("an amount")))
    };
    assert_eq!((state("paid"), state("submitted"), state("queued")), ((4, 20_000), (2, 10_000), (0, 0)));
    assert_eq!((&figures["today"]["sent"], &figures["today"]["limit"]), (&json!(30_000), &json!(1_000_000)));
    assert_eq!((&figures["this_month"]["sent"], &figures["this_month"]["limit"]), (&json!(30_000), &json!(null)));
    assert_eq!((&figures["outcomes"], &figures["outcomes_paid"]), (&json!(4), &json!(4)));
    let durations = &figures["durations"];
    assert_eq!(
        (&durations["looked_at"], &durations["paid"], &durations["complete"]),
        (&json!(6), &json!(4), &json!(true))
    );
    assert!(durations["p50_seconds"].is_number() && durations["p99_seconds"].is_number());
    assert!(durations["oldest_open"].is_string());
    assert_eq!((&figures["payouts_on"], &figures["gate"]["sends"]["state"]), (&json!(true), &json!("closed")));

    // After a day without an answer nobody knows.
    fixture.office.world.advance(DAY_MS + HOUR_MS);
    fixture.office.pay().await;
    fixture.signed_in_again().await;
    let figures = stats(&fixture).await;
    assert_eq!((&figures["unknown_count"], &figures["unknown_amount"]), (&json!(2), &json!(10_000)));
    assert_eq!(figures["attention"], 2);
    assert!(figures["unknown_since"].is_string());
    assert_eq!(fixture.broken(false).await, Vec::<String>::new());
}

async fn switch(fixture: &Fixture, form: Value) -> Got {
    fixture.office.ask("PUT", SWITCHES).by(&fixture.first).json(&form).send().await
}

// proves: PAY-11
#[tokio::test(flavor = "multi_thread")]
async fn a_person_stops_payouts_at_once_and_starts_them_again() {
    let mut fixture = Fixture::open(3, |_| {}).await;
    let before = fixture.get(SWITCHES).await.expect(200);
    assert_eq!((&before.body["payouts"], &before.body["of_this_deployment"]), (&json!(true), &json!(true)));
    let first = fixture.redeem(0).await;
    // The message is on its way already when somebody stops.
    let messages = fixture.office.world.messages().await;
    assert_eq!(messages.len(), 1);
    let off = switch(&fixture, json!({ "payouts": false, "reason": "Something is wrong." })).await.expect(200);
    assert_eq!((&off.body["payouts"], &off.body["redemptions"]), (&json!(false), &json!(true)));
    for message in messages {
        fixture.office.world.work(message).await;
    }
    fixture.redeem(1).await;
    fixture.office.pay_for(5).await;
    assert!(fixture.office.world.simulator.transfers().is_empty(), "nothing was sent");
    assert_eq!(
        switch(&fixture, json!({ "payouts": false, "reason": "Again." })).await.expect(409).code(),
        "already_so"
    );
    // Redemptions stop by themselves, with words; the code stays as it is.
    switch(&fixture, json!({ "redemptions": false, "reason": "All of it." })).await.expect(200);
    fixture.office.world.hop("s-off", PHONE, &fixture.office.world.codes[2].printed()).await;
    assert_eq!(fixture.office.world.rows().await.redemptions.len(), 2);
    let on = json!({ "redemptions": true, "payouts": true, "reason": "Mended." });
    let on = switch(&fixture, on).await.expect(200);
    assert_eq!((&on.body["payouts"], &on.body["redemptions"]), (&json!(true), &json!(true)));
    fixture.office.pay_for(8).await;
    fixture.signed_in_again().await;
    assert_eq!(fixture.state(&first).await, "paid");
    assert_eq!(fixture.office.world.simulator.transfers().len(), 2);

    let rows = fixture.office.world.rows().await;
    let entries: Vec<_> = rows.audit.iter().filter(|entry| entry.action == "switches.changed").collect();
    assert_eq!(entries.len(), 3);
    assert!(entries.iter().all(|entry| entry.class == Class::Money && entry.severity == Severity::Warning));
    assert!(entries.iter().all(|entry| entry.actor == format!("user:{}", fixture.first.id)));
    assert_eq!(rows.alerts.iter().filter(|alert| alert.kind.name() == "switched").count(), 3);
    assert_eq!(fixture.broken(true).await, Vec::<String>::new());
}

// proves: PAY-11
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_came_by_itself_is_ended_by_a_person_and_what_led_to_it_counts_no_more() {
    let fixture = Fixture::open(0, |_| {}).await;
    let store = &fixture.office.world.store;
    let now = fixture.office.world.now();
    let deadline = Deadline::in_ms(5_000);
    let (provider, key) = (domain::payout::MTN_MOMO, store::keys::gate(domain::payout::MTN_MOMO));
    let before: Gate = store.one(&key, deadline).await.expect("the table answers").unwrap_or_default();
    let mut paused = Gate { version: before.version + 1, ..before.clone() };
    paused.pause = Some(Pause { why: PauseWhy::Outcomes, since: now });
    store.save_gate(provider, (&before, &paused), &[], ("test", now), deadline).await.expect("it is written");
    assert_eq!(fixture.get(SWITCHES).await.expect(200).body["gate"]["pause"], "outcomes");
    assert_eq!(fixture.get(&format!("{PAYOUTS}/stats")).await.expect(200).body["gate"]["pause"], "outcomes");
    // Switching on what is on ends no pause by itself.
    assert_eq!(switch(&fixture, json!({ "payouts": true, "reason": "Go on." })).await.expect(409).code(), "already_so");
    let on = switch(&fixture, json!({ "resume": true, "reason": "Mended." })).await.expect(200);
    assert_eq!(on.body["gate"]["pause"], json!(null));
    let gate: Gate = store.one(&key, deadline).await.expect("the table answers").expect("a gate");
    assert_eq!((gate.pause, gate.version), (None, paused.version + 1));
    assert_eq!(switch(&fixture, json!({ "resume": true, "reason": "Again." })).await.expect(409).code(), "already_so");
}

// proves: PAY-07
#[tokio::test(flavor = "multi_thread")]
async fn two_who_switch_at_once_do_not_undo_each_other() {
    let fixture = Fixture::open(0, |_| {}).await;
    let off = |what: &str| {
        let form = json!({ what: false, "reason": "At once." });
        let put = fixture.office.ask("PUT", SWITCHES).by(&fixture.first);
        put.json(&form).send()
    };
    let (one, two, three) = tokio::join!(off("payouts"), off("redemptions"), off("sms"));
    assert_eq!([one.status, two.status, three.status], [200; 3]);
    let got = fixture.get(SWITCHES).await.expect(200).body;
    assert_eq!((&got["payouts"], &got["redemptions"], &got["sms"]), (&json!(false), &json!(false), &json!(false)));
    // Whoever decides by what was there before is refused and looks again.
    let world = &fixture.office.world;
    let stale = Switches::all_on(EPOCH);
    let late =
        world.store.act(&System("test"), world.now(), Class::Money, "switches.changed", "switches:all".to_owned());
    let late =
        late.and_then(|act| act.switches(Some(&stale), &Switches { sms: false, ..stale.clone() })).expect("a row");
    let late = late.commit(Deadline::in_ms(5_000)).await;
    assert!(matches!(late, Err(StoreError::Changed)), "{late:?}");
}
