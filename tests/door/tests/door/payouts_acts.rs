//! What people do about payouts: hold, release, agree, cancel, retry, hurry, pay by other means, take back.

use super::payouts::Fixture;
use domain::{
    audit::{Class, Entry},
    id::UserId,
    identity::RedemptionId,
    payout::{Hold, Payout, State},
    settings::Settings,
    time::MINUTE_MS,
};
use door::{
    Got, Person,
    codes::text_of,
    payouts::{PAYOUTS, REDEMPTIONS, redemption_of},
};
use momo_simulator::{Outcome, TransferState};
use rig::Ended;
use serde_json::{Value, json};
use store::Deadline;

impl Fixture {
    async fn act(&self, by: &Person, id: &RedemptionId, act: &str, form: Option<Value>) -> Got {
        let mut asking = self.office.ask("POST", &format!("{PAYOUTS}/{id}/{act}")).by(by);
        if ["approve", "refuse", "resolve", "cancel"].contains(&act) {
            asking = asking.if_match(&self.office.payout_tag(&self.first, id).await);
        }
        match form {
            Some(form) => asking.json(&form).send().await,
            None => asking.send().await,
        }
    }

    /// As the first one, with a reason where one is wanted.
    async fn does(&self, id: &RedemptionId, act: &str) -> Got {
        let form = match act {
            "hold" | "urgent" | "cancel" | "refuse" => Some(json!({ "reason": "The customer has called." })),
            "retry" => Some(json!({})),
            "resolve" => Some(json!({ "receipt": "R-100", "note": "Paid in cash." })),
            _ => None,
        };
        self.act(&self.first, id, act, form).await
    }

    async fn reverse(&self, id: &RedemptionId, block: bool) -> Got {
        let form = json!({ "reason": "Redeemed by mistake.", "block": block });
        self.office.ask("POST", &format!("{REDEMPTIONS}/{id}/reverse")).by(&self.first).json(&form).send().await
    }

    /// No payout of more than this from now on, for workers that have just started.
    async fn limited_to(&mut self, amount: u64) {
        let world = &mut self.office.world;
        let key = store::keys::settings();
        let deadline = Deadline::in_ms(5_000);
        let before: Settings = world.store.one(&key, deadline).await.expect("the table answers").expect("settings");
        let mut after = Settings { version: before.version + 1, ..before.clone() };
        after.payouts.most_per_payout = Some(amount);
        let (at, by) = (world.now(), "system:test".to_owned());
        let entry = Entry::new("limited".to_owned(), at, Class::Change, "settings.set", by, "settings:all".to_owned());
        world.store.save_settings(before.version, &after, &entry, deadline).await.expect("good settings");
        world.restart();
    }

    async fn another(&self) -> Person {
        self.office.person(&["financial-administrator"], true).await
    }

    /// References under which MoMo has paid.
    fn paid(&self) -> Vec<String> {
        let transfers = self.office.world.simulator.transfers().into_iter();
        let paid = transfers.filter(|transfer| transfer.state == TransferState::Successful);
        paid.map(|transfer| transfer.reference).collect()
    }

    /// A payout that has failed for good, by way of MoMo.
    async fn failed(&mut self, number: usize) -> RedemptionId {
        self.behave(Outcome::Failed { reason: "PAYEE_NOT_FOUND".to_owned() });
        let id = self.redeem(number).await;
        self.office.pay_for(25).await;
        self.behave(Outcome::Successful);
        self.signed_in_again().await;
        assert_eq!(self.state(&id).await, "refused");
        id
    }
}

// proves: PAY-08
#[tokio::test(flavor = "multi_thread")]
async fn past_a_limit_a_payout_is_released_by_one_approved_by_another_and_paid() {
    let mut fixture = Fixture::open(2, |_| {}).await;
    let mut second = fixture.another().await;
    // The limit is lowered after they were redeemed; before that it would have refused them.
    let (id, other) = (fixture.redeem(0).await, fixture.redeem(1).await);
    fixture.limited_to(4_000).await;
    fixture.office.pay().await;
    let held = fixture.shown(&id).await;
    assert_eq!((&held["state"], &held["why"]), (&json!("held"), &json!("limit")));
    assert!(fixture.office.world.simulator.transfers().is_empty());
    let released = fixture.does(&id, "release").await.expect(200);
    assert_eq!(
        (&released.body["state"], &released.body["status"]),
        (&json!("awaiting_approval"), &json!("awaiting_approval"))
    );
    let seen = released.etag();

    // Nobody approves what they have touched, nor what they have not seen.
    let refused = fixture.does(&id, "approve").await.expect(409);
    assert_eq!(refused.code(), "second_person");
    assert!(text_of(&refused.body, "/detail").contains("omebody else must decide"));
    let path = format!("{PAYOUTS}/{id}/approve");
    fixture.office.ask("POST", &path).by(&second).send().await.expect(428);
    let hurried = fixture.does(&id, "urgent").await.expect(200);
    assert_eq!(hurried.body["urgent"], true);
    fixture.office.ask("POST", &path).by(&second).if_match(&seen).send().await.expect(412);
    assert_eq!(fixture.office.payout(&id).await.version, hurried.body["version"].as_u64().expect("a version"));
    let approved = fixture.office.ask("POST", &path).by(&second).if_match(&hurried.etag()).send().await.expect(200);
    assert_eq!(approved.body["state"], "queued");
    assert_eq!(
        fixture.office.ask("POST", &path).by(&second).if_match(&approved.etag()).send().await.expect(409).code(),
        "not_waiting"
    );
    fixture.office.pay_for(6).await;
    fixture.signed_in_again().await;
    assert_eq!(fixture.state(&id).await, "paid");
    assert_eq!(fixture.paid().len(), 1);
    fixture.office.sign_in(&mut second).await;

    // Another one isn't agreed to: it is cancelled, and somebody is told.
    fixture.does(&other, "release").await.expect(200);
    fixture.act(&second, &other, "refuse", None).await.expect(415);
    let refused = fixture.act(&second, &other, "refuse", Some(json!({ "reason": "Too much." }))).await.expect(200);
    assert_eq!((&refused.body["state"], &refused.body["why"]), (&json!("cancelled"), &json!("Too much.")));
    let alerts = fixture.office.world.rows().await.alerts;
    let told: Vec<_> = alerts.iter().filter(|alert| alert.kind.name() == "approval_refused").collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].entity, format!("payout:{other}"));
    assert_eq!(fixture.broken(true).await, Vec::<String>::new());
}

// proves: PAY-07, PAY-08
#[tokio::test(flavor = "multi_thread")]
async fn what_the_state_does_not_allow_is_refused_with_its_reason_and_writes_nothing() {
    let mut fixture = Fixture::open(5, |_| {}).await;
    let failed = fixture.failed(0).await;
    let paid = fixture.redeem(1).await;
    fixture.office.pay_for(6).await;
    fixture.behave(Outcome::PendingForever);
    let sent = fixture.redeem(2).await;
    fixture.office.pay().await;
    let fresh = fixture.redeem(3).await;
    fixture.office.world.messages().await;
    let held = fixture.redeem(4).await;
    fixture.office.world.messages().await;
    fixture.signed_in_again().await;
    fixture.does(&held, "hold").await.expect(200);
    let cases = [
        (&paid, "retry", "not_failed"),
        (&paid, "hold", "ended"),
        (&paid, "release", "ended"),
        (&paid, "cancel", "ended"),
        (&paid, "urgent", "ended"),
        (&paid, "resolve", "ended"),
        (&paid, "approve", "not_waiting"),
        (&sent, "cancel", "perhaps_sent"),
        (&sent, "retry", "not_failed"),
        (&sent, "resolve", "perhaps_sent"),
        (&sent, "release", "not_held"),
        (&sent, "refuse", "not_waiting"),
        (&fresh, "release", "not_held"),
        (&fresh, "retry", "not_failed"),
        (&fresh, "approve", "not_waiting"),
        (&held, "hold", "held_already"),
        (&failed, "hold", "ended"),
        (&failed, "release", "ended"),
    ];
    for (id, act, code) in cases {
        let before = fixture.office.payout(id).await;
        let got = fixture.does(id, act).await;
        assert_eq!((got.status, got.code()), (409, code), "{act} of one that is {}: {}", before.state.name(), got.text);
        assert_eq!(fixture.office.payout(id).await, before, "{act}");
        // What is offered is what is possible.
        let shown = fixture.shown(id).await;
        assert!(!shown["more"]["acts"].as_array().expect("a list").contains(&json!(act)), "{act}: {shown}");
    }
    for at in ["2026-11-20T07:00:00Z", "2027-02-20T07:00:00Z"] {
        let got = fixture.act(&fixture.first, &failed, "retry", Some(json!({ "at": at }))).await.expect(409);
        assert_eq!(got.code(), "bad_time");
    }
    let got = fixture.reverse(&sent, false).await.expect(409);
    assert_eq!(got.code(), "perhaps_sent");
    assert!(text_of(&got.body, "/detail").contains("omething may have been sent"));
    assert_eq!(fixture.reverse(&paid, false).await.expect(409).code(), "perhaps_sent");
    assert_eq!(fixture.broken(false).await, Vec::<String>::new());
}

// proves: PAY-07, RED-08
#[tokio::test(flavor = "multi_thread")]
async fn two_clicks_on_retry_make_one_attempt_and_a_retry_can_be_put_off() {
    let mut fixture = Fixture::open(2, |_| {}).await;
    let id = fixture.failed(0).await;
    let facts = fixture.office.world.rows().await.redemptions;
    let (one, two) = tokio::join!(fixture.does(&id, "retry"), fixture.does(&id, "retry"));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", one.text, two.text);
    // A repeat of a call gets the first answer.
    fixture.office.pay_for(20).await;
    fixture.signed_in_again().await;
    let shown = fixture.shown(&id).await;
    assert_eq!((&shown["state"], &shown["references"]), (&json!("paid"), &json!(2)));
    assert_eq!((fixture.paid().len(), fixture.office.world.simulator.transfers().len()), (1, 2));

    let other = fixture.failed(1).await;
    let at = domain::time::plus(fixture.office.world.now(), 3 * 60 * MINUTE_MS);
    let form = Some(json!({ "at": at.to_string() }));
    let put_off = fixture.act(&fixture.first, &other, "retry", form).await.expect(200);
    assert_eq!((&put_off.body["state"], &put_off.body["due_at"]), (&json!("retrying"), &json!(at.to_string())));
    fixture.office.pay_for(60).await;
    assert_eq!(fixture.office.payout(&other).await.attempts.len(), 1, "not yet");
    fixture.office.pay_for(130).await;
    assert!(matches!(fixture.office.payout(&other).await.state, State::Paid { .. }));
    // The facts of a redemption are as they were.
    let after = fixture.office.world.rows().await.redemptions;
    assert!(facts.iter().all(|fact| after.contains(fact)));
    assert_eq!(fixture.broken(true).await, Vec::<String>::new());
}

// proves: PAY-07
#[tokio::test(flavor = "multi_thread")]
async fn many_are_retried_each_with_its_result_and_unknown_ones_are_asked_about() {
    let mut fixture = Fixture::open(4, |_| {}).await;
    let failed = fixture.failed(0).await;
    let fresh = fixture.redeem(1).await;
    fixture.office.world.messages().await;
    let nobodys = "0".repeat(32);
    let bulk = async |fixture: &Fixture, form: Value| {
        fixture.office.ask("POST", &format!("{PAYOUTS}/bulk-retry")).by(&fixture.first).json(&form).send().await
    };
    let got = bulk(&fixture, json!({ "ids": [fresh, failed, nobodys] })).await.expect(200);
    let items = got.body["items"].as_array().expect("a list");
    let results: Vec<_> = items.iter().map(|item| (&item["done"], &item["code"])).collect();
    assert_eq!(
        results,
        [(&json!(false), &json!("not_failed")), (&json!(true), &json!(null)), (&json!(false), &json!("not_found"))]
    );
    assert!(items[0]["detail"].as_str().is_some_and(|words| words.contains("queued")));
    let twice = bulk(&fixture, json!({ "ids": [failed, failed] })).await.expect(422);
    assert_eq!(text_of(&twice.body, "/errors/0/code"), "repeated");
    fixture.office.pay_for(20).await;
    assert!(matches!(fixture.office.payout(&failed).await.state, State::Paid { .. }));

    // Asking: only about those of which nobody knows, and nothing is sent by it.
    fixture.behave(Outcome::PendingForever);
    let unknown = fixture.redeem(2).await;
    fixture.office.pay().await;
    fixture.office.world.advance(25 * 60 * MINUTE_MS);
    fixture.office.pay().await;
    let row = fixture.office.payout(&unknown).await;
    assert!(matches!(row.state, State::Held { why: Hold::Unknown, .. }), "{:?}", row.state);
    fixture.office.world.advance(10 * MINUTE_MS);
    fixture.signed_in_again().await;
    let asked = row.attempt().expect("an attempt").asks;
    let got = bulk(&fixture, json!({ "ids": [unknown, failed], "ask": true })).await.expect(200);
    assert_eq!((&got.body["items"][0]["done"], &got.body["items"][1]["code"]), (&json!(true), &json!("not_unknown")));
    // The nudge is on the queue: nobody waits for the sweeper.
    let messages = fixture.office.world.messages().await;
    assert_eq!(messages.len(), 1);
    for message in messages {
        let Ended::Answered(true) = fixture.office.world.run(fixture.office.world.work(message)).await else {
            panic!("it is not finished")
        };
    }
    let row = fixture.office.payout(&unknown).await;
    assert_eq!((row.attempt().expect("an attempt").asks, row.attempts.len()), (asked + 1, 1));
    assert_eq!(fixture.broken(false).await, Vec::<String>::new());
}

// proves: PAY-07, PAY-08
#[tokio::test(flavor = "multi_thread")]
async fn paid_by_other_means_takes_two_people_and_ends_every_retry() {
    let mut fixture = Fixture::open(2, |_| {}).await;
    let id = fixture.failed(0).await;
    let second = fixture.another().await;
    let asked = fixture.does(&id, "resolve").await.expect(200);
    assert_eq!((&asked.body["settlement_waits"], &asked.body["state"]), (&json!(true), &json!("refused")));
    assert_eq!(fixture.does(&id, "approve").await.expect(409).code(), "second_person");
    assert_eq!(fixture.does(&id, "retry").await.expect(409).code(), "settlement_waits");
    assert_eq!(fixture.does(&id, "resolve").await.expect(409).code(), "settlement_waits");
    // Refused it stays as it was; asked for once more and agreed to it is settled.
    let refused = fixture.act(&second, &id, "refuse", Some(json!({ "reason": "No such receipt." }))).await.expect(200);
    assert_eq!((&refused.body["settlement_waits"], &refused.body["state"]), (&json!(false), &json!("refused")));
    fixture.does(&id, "resolve").await.expect(200);
    let settled = fixture.act(&second, &id, "approve", None).await.expect(200);
    assert_eq!((&settled.body["state"], &settled.body["status"]), (&json!("settled"), &json!("completed")));
    assert_eq!(settled.body["why"], "receipt R-100");
    assert_eq!(fixture.does(&id, "retry").await.expect(409).code(), "not_failed");
    assert_eq!(fixture.shown(&id).await["more"]["acts"], json!([]));
    // One that was never sent isn't sent, nor released or taken back, while somebody says that it was paid.
    let other = fixture.redeem(1).await;
    fixture.does(&other, "resolve").await.expect(200);
    assert_eq!(fixture.does(&other, "release").await.expect(409).code(), "settlement_waits");
    assert_eq!(fixture.reverse(&other, false).await.expect(409).code(), "settlement_waits");
    fixture.office.pay_for(3).await;
    fixture.act(&second, &other, "approve", None).await.expect(200);
    fixture.office.pay_for(3).await;
    assert!(fixture.paid().is_empty(), "MoMo has paid nothing");
    assert_eq!(fixture.broken(true).await, Vec::<String>::new());
}

// proves: RED-07, RED-08
#[tokio::test(flavor = "multi_thread")]
async fn a_redemption_taken_back_frees_its_code_which_pays_once_under_a_new_reference() {
    let mut fixture = Fixture::open(3, |_| {}).await;
    let viewer = fixture.office.person(&["viewer"], true).await;
    let id = fixture.redeem(0).await;
    let form = json!({ "reason": "Mistake." });
    let path = format!("{REDEMPTIONS}/{id}/reverse");
    fixture.office.ask("POST", &path).by(&viewer).json(&form).send().await.expect(403);
    let fact = fixture.office.world.rows().await.redemptions.remove(0);
    let got = fixture.reverse(&id, false).await.expect(200);
    assert_eq!((&got.body["payout"]["state"], &got.body["payout"]["why"]), (&json!("cancelled"), &json!("reversed")));
    assert_eq!(
        (&got.body["reversal"]["code_blocked"], &got.body["reversal"]["reason"]),
        (&json!(false), &json!("Redeemed by mistake."))
    );
    assert_eq!(fixture.reverse(&id, false).await.expect(409).code(), "not_claimed");
    assert!(!fixture.shown(&id).await["more"]["acts"].as_array().expect("a list").contains(&json!("reverse")));
    fixture.office.pay_for(3).await;
    assert!(fixture.office.world.simulator.transfers().is_empty());

    // The same code, somebody else, a new generation; both facts stay.
    let code = fixture.office.world.codes[0].clone();
    let again = fixture.office.redeem("+250788999999", &code.printed()).await;
    assert_eq!((&again, &id), (&redemption_of(&code, 2), &redemption_of(&code, 1)));
    fixture.office.pay_for(6).await;
    fixture.signed_in_again().await;
    assert_eq!(fixture.state(&again).await, "paid");
    assert_eq!(fixture.paid().len(), 1);
    let rows = fixture.office.world.rows().await;
    assert!(rows.redemptions.contains(&fact));
    assert_eq!((rows.redemptions.len(), rows.reversals.len()), (2, 1));
    let both = fixture.get(&format!("/api/v1/admin/payouts/explain?q={}", code.printed())).await.expect(200);
    assert_eq!(both.body["items"].as_array().expect("a list").len(), 2);
    assert_eq!(both.body["items"][1]["more"]["reversal"]["redemption"], id.as_str());
    // The one that was taken back shows nobody the code that the other has delivered.
    assert_eq!(both.body["items"][1]["code_masked"], true);

    // Blocked, where that is wanted.
    let blocked = fixture.redeem(1).await;
    assert_eq!(fixture.reverse(&blocked, true).await.expect(200).body["reversal"]["code_blocked"], true);
    fixture.office.world.hop("s-blocked", "+250788999998", &fixture.office.world.codes[1].printed()).await;
    assert_eq!(fixture.office.world.rows().await.redemptions.len(), 3);
    assert_eq!(fixture.broken(true).await, Vec::<String>::new());
}

// proves: PAY-02, RED-07
#[tokio::test(flavor = "multi_thread")]
async fn a_reversal_that_races_the_payout_takes_it_back_or_is_too_late_and_never_both() {
    const RACES: usize = 12;
    let fixture = Fixture::open(RACES, |_| {}).await;
    let (mut reversed, mut paid) = (0, 0);
    for number in 0..RACES {
        let id = fixture.redeem(number).await;
        let message = fixture.office.world.messages().await.remove(0);
        let work = fixture.office.world.work(message);
        let got = match number {
            // Both orders, then at once.
            0 => {
                let got = fixture.reverse(&id, false).await;
                work.await;
                assert_eq!(got.status, 200);
                got
            }
            1 => {
                work.await;
                let got = fixture.reverse(&id, false).await;
                assert_eq!(got.status, 409);
                got
            }
            _ => tokio::join!(work, fixture.reverse(&id, false)).1,
        };
        let there = fixture.office.world.simulator.transfers();
        let sent = there.iter().any(|transfer| transfer.external_id == id.as_str());
        match got.status {
            200 => {
                reversed += 1;
                assert!(!sent, "taken back and sent");
                assert!(fixture.office.payout(&id).await.is_reversed());
            }
            409 => {
                paid += 1;
                assert!(sent, "too late and not sent: {}", got.text);
                assert_eq!(got.code(), "perhaps_sent");
            }
            _ => panic!("{}", got.text),
        }
    }
    assert_eq!(reversed + paid, RACES);
    fixture.office.pay_for(6).await;
    assert_eq!(fixture.paid().len(), paid);
    assert_eq!(fixture.broken(true).await, Vec::<String>::new());
}

// proves: PAY-12
#[tokio::test(flavor = "multi_thread")]
async fn an_urgent_payout_starts_before_all_waiting_ones_and_skips_no_check() {
    let mut fixture = Fixture::open(3, |settings| settings.payouts.approve_above = Some(4_000)).await;
    let config = fixture.office.person(&["support-agent"], true).await;
    let waiting = fixture.redeem(0).await;
    let urgent = fixture.redeem(1).await;
    let form = Some(json!({ "reason": "She stands at the counter." }));
    fixture.act(&config, &urgent, "urgent", form.clone()).await.expect(403);
    let got = fixture.act(&fixture.first, &urgent, "urgent", form.clone()).await.expect(200);
    assert_eq!((&got.body["urgent"], &got.body["state"]), (&json!(true), &json!("awaiting_approval")));
    assert_eq!(fixture.act(&fixture.first, &urgent, "urgent", form).await.expect(409).code(), "urgent_already");
    fixture.office.pay_for(3).await;
    assert!(fixture.office.world.simulator.transfers().is_empty(), "it waits for a second person as the others do");
    let second = fixture.another().await;
    for id in [&waiting, &urgent] {
        fixture.office.sign_in(&mut fixture.first).await;
        fixture.act(&second, id, "approve", None).await.expect(200);
    }
    // The messages are lost: the sweeper finds both, the urgent one first.
    fixture.office.world.messages().await;
    fixture.office.world.functions.sweeper.sweep().await.expect("it sweeps");
    let bodies: Vec<String> =
        fixture.office.world.messages().await.into_iter().filter_map(|message| message.body).collect();
    assert!(bodies.first().is_some_and(|body| body.contains(urgent.as_str())), "{bodies:?}");
    assert_eq!(bodies.len(), 2);
    assert_eq!(fixture.broken(false).await, Vec::<String>::new());
}

// proves: PAY-07
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_of_an_act_with_its_key_gets_the_first_answer() {
    let fixture = Fixture::open(1, |_| {}).await;
    let id = fixture.redeem(0).await;
    let hold = || {
        let asking = fixture.office.ask("POST", &format!("{PAYOUTS}/{id}/hold")).by(&fixture.first).once("one-hold");
        asking.json(&json!({ "reason": "The customer has called." })).send()
    };
    let first = hold().await.expect(200);
    let again = hold().await.expect(200);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!((again.text, again.headers["etag"].clone()), (first.text, first.headers["etag"].clone()));
    let row: Payout = fixture.office.payout(&id).await;
    assert_eq!(row.hands.touched_by, [UserId::parse(&fixture.first.id).expect("an id")]);
    assert!(row.hands.barred.is_some());
    let entries = fixture.office.world.rows().await.audit;
    assert_eq!(entries.iter().filter(|entry| entry.action == "payout.held_by_hand").count(), 1);
}
