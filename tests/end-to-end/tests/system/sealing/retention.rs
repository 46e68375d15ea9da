//! Old entries go to the archive and stay readable and verifiable.

use super::town::{Town, failures, first_hour, soon};
use domain::seal::SHARDS;
use nightly::Retained;
use rig::fault::Script;
use store::keys;

/// A log that is old enough; the fourth hour with the change of the setting in it is sealed too, and late.
async fn old() -> Town {
    let town = Town::sealed().await;
    town.retain_for(400).await;
    town.at(first_hour().plus(3).end(), 20);
    town.nightly.seal(soon()).await.expect("sealed");
    town.advance_days(401);
    town
}

/// Verifies the first four hours; what is written later can't be sealed in time any more.
async fn verify(town: &Town) -> (Vec<String>, u64, u64) {
    let report = town.log().verify(first_hour(), first_hour().plus(3), soon()).await.expect("a report");
    (report.findings.iter().map(ToString::to_string).collect(), report.entries, report.archived)
}

async fn entries(town: &Town) -> usize {
    let mut count = 0;
    for hour in 0..4 {
        for shard in 0..SHARDS {
            count += town.log().page(first_hour().plus(hour), shard, None).await.expect("a page").rows.len();
        }
    }
    count
}

// proves: AUD-04
#[tokio::test]
async fn what_is_not_old_enough_stays() {
    let town = Town::sealed().await;
    town.retain_for(400).await;
    town.advance_days(399);
    assert_eq!(town.nightly.retain(soon()).await.expect("nothing to do"), Retained::default());
    assert_eq!(town.clean_up().await, 0);
}

// proves: AUD-04
#[tokio::test]
async fn old_entries_go_to_the_archive_and_stay_readable_and_verifiable() {
    let town = old().await;
    let in_all = entries(&town).await;
    let mut rows = Vec::new();
    for shard in 0..SHARDS {
        rows.extend(town.log().page(first_hour(), shard, None).await.expect("a page").rows);
    }
    assert_eq!(verify(&town).await, (vec![], in_all as u64, 0));

    let done = town.nightly.retain(soon()).await.expect("retained");
    assert_eq!(done, Retained { hours: 4, entries: in_all as u64, refused: vec![] });
    // In the table and in the archive at once, until the clean-up comes.
    assert_eq!(verify(&town).await.0, Vec::<String>::new());
    assert_eq!(town.clean_up().await, in_all);
    assert_eq!(entries(&town).await, 0);
    assert_eq!(verify(&town).await, (vec![], in_all as u64, in_all as u64));

    let mut archived = Vec::new();
    for shard in 0..SHARDS {
        archived.extend(town.log().archive.entries(first_hour(), shard).await.expect("an archive").unwrap_or_default());
    }
    let texts = |rows: &[domain::seal::Row]| rows.iter().map(domain::seal::Row::canonical).collect::<Vec<_>>();
    assert_eq!(texts(&archived), texts(&rows), "word for word");
    assert_eq!(town.nightly.retain(soon()).await.expect("nothing left"), Retained::default());
}

// proves: AUD-04
#[tokio::test]
async fn what_was_archived_is_on_record() {
    let town = old().await;
    town.nightly.retain(soon()).await.expect("retained");
    let key = keys::audit(town.now(), "audit.archive-2026112013");
    let row = town.row(&key).await.expect("an entry");
    assert_eq!(row["entity"].as_s().map(String::as_str), Ok("audit:2026112013"));
    assert_eq!(row["class"].as_s().map(String::as_str), Ok("system"));
    assert_eq!(row["changes"].as_l().map(Vec::len), Ok(1));
    let empty = keys::audit(town.now(), "audit.archive-2026112014");
    assert_eq!(town.row(&empty).await, None, "of an empty hour there is nothing to tell");
}

// proves: AUD-02, AUD-04
#[tokio::test]
async fn tampering_with_archived_entries_is_named() {
    let town = old().await;
    town.nightly.retain(soon()).await.expect("retained");
    town.clean_up().await;
    let key = Town::key(0, 2);
    let shard = keys::shard("e02", keys::SHARDS);
    let object = town.log().archive.entries_key(first_hour(), shard);
    let kept = town.log().archive.get(&object).await.expect("an archive").expect("an object");
    let kept = String::from_utf8(kept).expect("text");

    let line = |line: &&str| line.contains(&key.sk);
    let altered: String = kept
        .lines()
        .map(|l| if line(&l) { l.replace("system:test", "system:none") } else { l.to_owned() } + "\n")
        .collect();
    assert_ne!(altered, kept);
    town.put_over(&object, altered.into_bytes()).await;
    assert_eq!(verify(&town).await.0, [format!("2026112013: entry altered: {} {}", key.pk, key.sk)]);

    let without: String = kept.lines().filter(|l| !line(l)).map(|line| format!("{line}\n")).collect();
    town.put_over(&object, without.into_bytes()).await;
    assert_eq!(verify(&town).await.0, [format!("2026112013: entry missing: {} {}", key.pk, key.sk)]);

    town.drop_object(&object).await;
    assert!(verify(&town).await.0.contains(&format!("2026112013: entry missing: {} {}", key.pk, key.sk)));
    town.put_over(&object, b"not an entry".to_vec()).await;
    assert!(verify(&town).await.0.contains(&format!("2026112013: entry missing: {} {}", key.pk, key.sk)));
}

// proves: AUD-04
#[tokio::test]
async fn an_hour_that_does_not_verify_stays_in_the_table() {
    let town = old().await;
    let in_all = entries(&town).await;
    town.set(&Town::key(0, 2), "actor", "user:somebody-else").await;
    let done = town.nightly.retain(soon()).await.expect("retained");
    assert_eq!((done.hours, done.refused), (3, vec![first_hour()]));
    assert_eq!(town.clean_up().await, in_all - 5);
    let refusal = town.row(&keys::audit(town.now(), "audit.archive_refused-2026112013")).await.expect("an entry");
    assert_eq!(refusal["severity"].as_s().map(String::as_str), Ok("critical"));
    let key = Town::key(0, 2);
    assert_eq!(verify(&town).await.0, [format!("2026112013: entry altered: {} {}", key.pk, key.sk)]);
}

// proves: AUD-04
#[tokio::test]
async fn what_lies_in_the_archive_already_is_not_taken_for_the_entries_unless_it_is() {
    let town = old().await;
    let shard = keys::shard("e02", keys::SHARDS);
    let object = town.log().archive.entries_key(first_hour(), shard);
    town.put_over(&object, b"{\"pk\":{\"S\":\"AUD\"},\"sk\":{\"S\":\"1\"}}\n".to_vec()).await;
    let done = town.nightly.retain(soon()).await.expect("retained");
    assert_eq!(done.refused, [first_hour()]);
    assert!(town.row(&Town::key(0, 2)).await.is_some_and(|row| !row.contains_key("expires_at")));
}

/// The smallest log that has something to archive: two entries in one hour.
async fn small() -> Town {
    let town = Town::start().await;
    town.write("e0", town.now()).await;
    town.retain_for(400).await;
    town.at(first_hour().end(), 20);
    town.nightly.seal(soon()).await.expect("sealed");
    town.advance_days(401);
    town
}

// proves: AUD-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_any_call_that_fails_or_kills_retention_no_entry_is_lost() {
    let verify = async |town: &Town| {
        let report = town.log().verify(first_hour(), first_hour(), soon()).await.expect("a report");
        (report.findings, report.entries, report.archived)
    };
    let calm = Script::default();
    small().await.another(&calm).retain(soon()).await.expect("retained");
    for (at, fault) in failures(&calm.calls()) {
        let town = small().await;
        let script = Script::plan([(at, fault)]);
        let dying = town.another(&script);
        tokio::select! {
            biased;
            _ = dying.retain(soon()) => {}
            () = script.stopped.notified() => {}
        }
        town.clean_up().await;
        assert_eq!(verify(&town).await.0, vec![], "{fault:?} at {at}");
        // The next run is at another time, so its entry would be another one.
        town.advance_hours(24);
        let done = town.nightly.retain(soon()).await.unwrap_or_else(|error| panic!("{fault:?} at {at}: {error}"));
        assert_eq!(done.refused, vec![], "{fault:?} at {at}");
        town.clean_up().await;
        assert_eq!(verify(&town).await, (vec![], 2, 2), "{fault:?} at {at}");
    }
}
