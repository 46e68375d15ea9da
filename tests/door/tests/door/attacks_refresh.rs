//! Refresh tokens: kept, copied, made up, and used by many at once.

use domain::alert::{Alert, Kind};
use door::{Got, Office, Person};
use serde_json::json;
use std::{collections::BTreeSet, sync::Arc};
use tokio::task::JoinSet;

async fn renewed(office: &Office, token: &str) -> Got {
    office.ask("POST", "/api/v1/auth/refresh").json(&json!({ "refresh_token": token })).send().await
}

fn successor(got: &Got) -> String {
    got.body["refresh_token"].as_str().expect("a token").to_owned()
}

async fn lives(office: &Office, person: &Person) -> bool {
    office.ask("GET", "/api/v1/auth/me").by(person).send().await.status == 200
}

async fn alerts(office: &Office) -> Vec<Alert> {
    office.world.rows().await.alerts
}

// proves: ACC-02
#[tokio::test]
async fn a_refresh_token_rotates_and_its_predecessor_gets_the_same_successor_for_twenty_seconds() {
    let office = Office::open().await;
    let person = office.person(&["viewer"], false).await;
    let second = successor(&renewed(&office, &person.refresh).await.expect(200));
    assert_ne!(second, person.refresh);
    office.world.advance(20_000);
    let again = renewed(&office, &person.refresh).await.expect(200);
    assert_eq!(successor(&again), second, "another page of the same browser");
    assert!(lives(&office, &person).await);
    let third = successor(&renewed(&office, &second).await.expect(200));
    assert_ne!(third, second);
    assert!(alerts(&office).await.is_empty());
}

// proves: ACC-02, ACC-07
#[tokio::test]
async fn an_old_refresh_token_ends_the_session_for_both_who_hold_it_with_an_alert() {
    for late in [true, false] {
        let office = Office::open().await;
        let person = office.person(&["viewer"], false).await;
        let mut elsewhere = person.clone();
        office.sign_in(&mut elsewhere).await;
        let mut newest = successor(&renewed(&office, &person.refresh).await.expect(200));
        if late {
            office.world.advance(20_001);
        } else {
            // At once, but two steps old.
            newest = successor(&renewed(&office, &newest).await.expect(200));
        }
        assert_eq!(renewed(&office, &person.refresh).await.expect(401).code(), "no_session");
        renewed(&office, &newest).await.expect(401);
        assert!(!lives(&office, &person).await, "the access token too");
        assert!(lives(&office, &elsewhere).await, "another session is another matter");
        let alerts = alerts(&office).await;
        let reused: Vec<_> = alerts.iter().filter(|alert| alert.kind == Kind::RefreshReused).collect();
        assert_eq!(reused.len(), 1, "once, however often it comes");
        assert_eq!(reused[0].entity, format!("user:{}", person.id));
        let entries = office.world.rows().await.audit;
        let noted = entries.iter().filter(|entry| entry.action == "session.refresh_reused");
        assert_eq!(noted.count(), 1);
    }
}

// proves: ACC-02
#[tokio::test(flavor = "multi_thread")]
async fn thirty_renewals_at_once_all_get_the_same_successor() {
    let office = Arc::new(Office::open().await);
    let person = office.person(&["viewer"], false).await;
    let mut asked = JoinSet::new();
    for _ in 0..30 {
        let (office, token) = (Arc::clone(&office), person.refresh.clone());
        asked.spawn(async move { renewed(&office, &token).await });
    }
    let successors: BTreeSet<_> = asked.join_all().await.into_iter().map(|got| successor(&got.expect(200))).collect();
    assert_eq!(successors.len(), 1);
    assert!(lives(&office, &person).await);
    let next = successors.first().expect("one");
    renewed(&office, next).await.expect(200);
    assert!(alerts(&office).await.is_empty());
}

// proves: ACC-02
#[tokio::test]
async fn a_made_up_refresh_token_opens_nothing_and_ends_nothing() {
    let office = Office::open().await;
    let person = office.person(&["viewer"], false).await;
    let other = office.person(&["viewer"], false).await;
    let parts: Vec<&str> = person.refresh.strip_prefix("mbr_").expect("ours").split('.').collect();
    let [user, session, generation, proof] = parts[..] else { panic!("four parts") };
    let bent = |c: char| if c == 'A' { 'B' } else { 'A' };
    let other_proof: String = proof.chars().enumerate().map(|(at, c)| if at == 9 { bent(c) } else { c }).collect();
    let other_parts: Vec<&str> = other.refresh.strip_prefix("mbr_").expect("ours").split('.').collect();
    for (what, token) in [
        ("the next one", format!("mbr_{user}.{session}.2.{proof}")),
        ("one before", format!("mbr_{user}.{session}.0.{proof}")),
        ("the same number in other figures", format!("mbr_{user}.{session}.01.{other_proof}")),
        ("another user", format!("mbr_{}.{session}.{generation}.{proof}", other.id)),
        ("another session", format!("mbr_{user}.{}.{generation}.{proof}", other.session)),
        ("another's proof", format!("mbr_{user}.{session}.{generation}.{}", other_parts[3])),
        ("another proof", format!("mbr_{user}.{session}.{generation}.{other_proof}")),
        ("a proof cut short", format!("mbr_{user}.{session}.{generation}.{}", &proof[..20])),
        ("no proof", format!("mbr_{user}.{session}.{generation}.")),
        ("no proof at all", format!("mbr_{user}.{session}.{generation}")),
        ("a part too many", format!("{}.x", person.refresh)),
        ("no such number", format!("mbr_{user}.{session}.4294967296.{proof}")),
        ("a number below none", format!("mbr_{user}.{session}.-1.{proof}")),
        ("without its name", parts.join(".")),
        ("an access token", person.token.clone()),
    ] {
        let got = renewed(&office, &token).await;
        assert!([401, 422].contains(&got.status), "{what}: {}", got.text);
    }
    renewed(&office, &"x".repeat(257)).await.expect(422);
    assert!(lives(&office, &person).await, "forgeries end nobody's session");
    assert!(alerts(&office).await.is_empty());
    renewed(&office, &person.refresh).await.expect(200);
}
