//! The books against MoMo's, as finance asks for them, and what two people say of a difference.

use super::payouts::open;
use door::{books::DAY, codes::text_of, payouts::PAYOUTS};
use rig::world::Setup;
use serde_json::json;
use std::sync::Arc;

// proves: REC-02
#[tokio::test(flavor = "multi_thread")]
async fn whoever_explains_a_difference_does_not_close_it_and_the_list_shows_where_each_stands() {
    let office = open(0, |_| {}).await;
    let first = office.first().await;
    let second = office.person(&["financial-administrator"], true).await;
    let found = office.difference(None).await;
    let path = |act: &str| format!("{PAYOUTS}/differences/{}/{}/{act}", found.day, found.id);
    let open = office.ask("GET", &format!("{PAYOUTS}/differences?standing=open")).by(&first).send().await.expect(200);
    assert_eq!(open.body["items"][0]["id"], found.id.as_str());
    assert_eq!(open.body["items"][0]["kind"], "missing_there");
    let unsaid = text_of(&open.body, "/items/0/etag").to_owned();
    let say = |act: &str, tag: &str| office.ask("POST", &path(act)).if_match(tag);

    // Nothing was said of it that could be agreed to.
    say("close", &unsaid).by(&second).send().await.expect(409);
    let note = json!({ "note": "MTN booked it a day later; receipt 4711." });
    let proposed = office.ask("POST", &path("propose")).by(&first).json(&note).send().await.expect(200);
    assert_eq!((&proposed.body["standing"], &proposed.body["note"]), (&json!("proposed"), &note["note"]));
    let own = say("close", &proposed.etag()).by(&first).send().await.expect(409);
    assert_eq!(own.code(), "not_now");
    // What is agreed to is what was read.
    office.ask("POST", &path("close")).by(&second).send().await.expect(428);
    say("close", &unsaid).by(&second).send().await.expect(412);

    // Rejected it is open again; another explanation is agreed to by another person.
    let rejected = say("reject", &proposed.etag()).by(&second).send().await.expect(200);
    assert_eq!(rejected.body["standing"], "open");
    let again = office.ask("POST", &path("propose")).by(&second).json(&note).send().await.expect(200);
    assert_eq!(again.body["etag"], again.etag());
    say("close", &proposed.etag()).by(&first).send().await.expect(412);
    let closed = say("close", &again.etag()).by(&first).send().await.expect(200);
    assert_eq!(closed.body["standing"], "closed");
    assert_eq!(closed.body["closed_by"], first.id.as_str());
    assert_eq!(closed.body["proposed_by"], second.id.as_str());
    office.ask("POST", &path("propose")).by(&first).json(&note).send().await.expect(409);
    let gone = format!("{PAYOUTS}/differences/{DAY}/{}/close", "0".repeat(32));
    office.ask("POST", &gone).by(&first).if_match(&again.etag()).send().await.expect(404);

    let entries = office.world.rows().await.audit;
    for action in ["difference.proposed", "difference.rejected", "difference.closed"] {
        assert!(entries.iter().any(|entry| entry.action == action), "{action} has its entry");
    }
}

// proves: REC-01, REC-03, API-07
#[tokio::test(flavor = "multi_thread")]
async fn the_books_of_a_day_are_compared_once_for_all_who_ask_and_shown_from_then_on() {
    let office = door::Office::with(Setup { codes: 1, files: true, ..Setup::default() }).await;
    let mut first = office.first().await;
    let code = office.world.codes[0].printed();
    office.redeem("+250788200000", &code).await;
    office.pay().await;
    let today = "2026-11-20";
    let path = format!("{PAYOUTS}/reconcile?day={today}");
    let early = office.ask("GET", &path).by(&first).send().await.expect(422);
    assert!(text_of(&early.body, "/errors/0/message").contains("two days later"), "{}", early.body);
    let path_afresh = format!("{PAYOUTS}/reconcile");
    let afresh = office.ask("POST", &path_afresh).by(&first).json(&json!({ "day": today })).send().await.expect(422);
    assert_eq!(afresh.body["errors"], early.body["errors"]);

    for _ in 0..3 {
        office.pay_for(24 * 60).await;
    }
    office.sign_in(&mut first).await;
    let office = Arc::new(office);
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (office, first, path) = (Arc::clone(&office), first.clone(), path.clone());
        asked.spawn(async move { office.ask("GET", &path).by(&first).send().await.expect(202) });
    }
    let mut jobs: Vec<String> = asked.join_all().await.iter().map(|got| text_of(&got.body, "/id").to_owned()).collect();
    jobs.sort();
    jobs.dedup();
    assert_eq!(jobs.len(), 1, "one job for one question");
    assert_eq!(office.work(&jobs[0]).await, "done");

    let books = office.ask("GET", &path).by(&first).send().await.expect(200).body;
    assert_eq!((&books["verdict"], &books["differences"]), (&json!("agrees"), &json!(0)));
    assert_eq!(books["paid_here"], books["paid_there"]);
    assert_eq!(books["paid_here"]["count"], 1);
    let names: Vec<&str> = (0..2).map(|n| text_of(&books, &format!("/files/{n}/name"))).collect();
    assert!(names.iter().any(|name| name.ends_with(".pdf")) && names.iter().any(|name| name.ends_with(".csv")));
    assert!(text_of(&books, "/files/0/url").contains("X-Amz-Expires=600"));
    let entries = office.world.rows().await.audit;
    let noted = entries.iter().filter(|entry| entry.action == "books.file.downloaded").count();
    assert_eq!(noted, names.len(), "each link is on record");
    let listed = office.ask("GET", &format!("{PAYOUTS}/reconciliations")).by(&first).send().await.expect(200);
    assert_eq!(listed.body["items"][0]["from"], today);
}

// proves: API-07, BAT-08
#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_payouts_that_was_given_up_is_begun_anew_and_there_is_none_of_a_batch_that_is_not_seen() {
    let office = open(0, |_| {}).await;
    let first = office.first().await;
    let path = format!("{PAYOUTS}/export?from={DAY}&to={DAY}");
    let ask = async || {
        let got = office.ask("GET", &path).by(&first).send().await.expect(202);
        text_of(&got.body, "/id").to_owned()
    };
    let begun = ask().await;
    assert_eq!(ask().await, begun, "one job for one question");
    office.ask("POST", &format!("/api/v1/admin/jobs/{begun}/cancel")).by(&first).send().await.expect(202);
    assert_eq!(office.work(&begun).await, "cancelled");
    assert_ne!(ask().await, begun, "nothing comes of a job that is over");
    for method in ["GET", "POST"] {
        office.ask(method, &format!("{path}&batch_id=nobodys")).by(&first).send().await.expect(404);
    }
}
