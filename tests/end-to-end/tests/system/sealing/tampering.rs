//! Whatever is done to entries, digests and lists is named.

use super::town::{Town, entry, first_hour, soon};
use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    seal::{Digest, SHARDS, Sealed},
    time::{self, MINUTE_MS},
};
use seal::{LocalSigner, Signer};
use store::keys::{self, Key};

fn named(difference: &str, hour: &str, key: &Key) -> String {
    format!("{hour}: entry {difference}: {} {}", key.pk, key.sk)
}

async fn signed(signer: &LocalSigner, digest: Digest) -> Vec<u8> {
    let signature = signer.sign(&digest.signed_bytes()).await.expect("a signature");
    Sealed { digest, signature: STANDARD.encode(signature) }.to_bytes()
}

// proves: AUD-02
#[tokio::test]
async fn an_entry_that_was_changed_is_named() {
    let town = Town::sealed().await;
    town.set(&Town::key(0, 2), "actor", "user:somebody-else").await;
    assert_eq!(town.verify().await, [named("altered", "2026112013", &Town::key(0, 2))]);
}

// proves: AUD-02
#[tokio::test]
async fn an_entry_that_was_deleted_is_named() {
    let town = Town::sealed().await;
    town.delete_row(&Town::key(2, 0)).await;
    assert_eq!(town.verify().await, [named("missing", "2026112015", &Town::key(2, 0))]);
}

// proves: AUD-02
#[tokio::test]
async fn an_entry_that_was_inserted_is_named_even_into_an_empty_hour() {
    let town = Town::sealed().await;
    let into_the_first = town.write("forged", time::plus(first_hour().start(), 30 * MINUTE_MS)).await;
    let into_the_empty = town.write("forged", time::plus(first_hour().plus(1).start(), 30 * MINUTE_MS)).await;
    assert_eq!(
        town.verify().await,
        [named("added", "2026112013", &into_the_first), named("added", "2026112014", &into_the_empty)]
    );
}

// proves: AUD-02
#[tokio::test]
async fn an_entry_that_was_moved_to_another_time_is_missing_there_and_added_here() {
    let town = Town::sealed().await;
    let from = Town::key(0, 0);
    let later = time::plus(first_hour().start(), 40 * MINUTE_MS);
    let mut row = town.row(&from).await.expect("an entry");
    let to = keys::audit(later, "e00");
    row.insert("sk".to_owned(), AttributeValue::S(to.sk.clone()));
    row.insert("at".to_owned(), AttributeValue::N(later.as_millisecond().to_string()));
    town.delete_row(&from).await;
    town.put_row(row).await;
    assert_eq!(
        town.verify().await,
        [named("missing", "2026112013", &from), named("added", "2026112013", &to)],
        "in order of time"
    );
}

// proves: AUD-02
#[tokio::test]
async fn two_entries_that_changed_places_are_both_named() {
    let town = Town::sealed().await;
    let (first, second) = (Town::key(0, 1), Town::key(0, 3));
    let (a, b) = (town.row(&first).await.expect("an entry"), town.row(&second).await.expect("an entry"));
    for (mut row, key) in [(a, &second), (b, &first)] {
        row.extend(super::town::attributes(key));
        town.put_row(row).await;
    }
    assert_eq!(town.verify().await, [named("altered", "2026112013", &first), named("altered", "2026112013", &second)]);
}

// proves: AUD-02
#[tokio::test]
async fn an_attribute_that_no_version_of_ours_knows_is_seen() {
    let town = Town::sealed().await;
    town.set(&Town::key(2, 1), "remark", "").await;
    assert_eq!(town.verify().await, [named("altered", "2026112015", &Town::key(2, 1))]);
}

// proves: AUD-02
#[tokio::test]
async fn a_digest_that_was_dropped_is_named_by_its_hour() {
    let town = Town::sealed().await;
    town.drop_digest(1).await;
    assert_eq!(town.verify().await, ["2026112014: digest missing"]);
    // The first of all can't go unseen either: the one behind it names it.
    town.drop_digest(0).await;
    assert_eq!(town.report().await.begins, Some(first_hour().plus(2)));
    assert_eq!(town.verify().await, ["2026112014: digest missing"]);
}

// proves: AUD-02
#[tokio::test]
async fn the_newest_digest_is_missed_too_and_sealing_the_hour_again_is_late() {
    let town = Town::sealed().await;
    town.drop_digest(2).await;
    assert_eq!(town.verify().await, ["2026112015: digest missing"]);
    town.set(&Town::key(2, 1), "actor", "user:somebody-else").await;
    town.advance_hours(2);
    town.nightly.seal(soon()).await.expect("sealed again");
    assert_eq!(town.verify().await, ["2026112015: sealed late: 140 minutes after the hour"]);
}

// proves: AUD-02
#[tokio::test]
async fn a_digest_that_was_written_anew_is_found_by_the_one_behind_it() {
    let town = Town::sealed().await;
    // Even by somebody who can sign: the entries fit, but the chain doesn't.
    town.set(&Town::key(0, 2), "actor", "user:somebody-else").await;
    let old = town.digest(0).await.digest;
    town.drop_digest(0).await;
    let sealed = town.nightly.sealer.seal_hour(first_hour()).await;
    assert!(sealed.is_ok_and(|sealed| sealed.written && sealed.digest.root != old.root));
    assert_eq!(
        town.verify().await,
        [
            "2026112013: sealed late: 140 minutes after the hour",
            "2026112014: digest does not name the digest of the hour before"
        ]
    );
}

// proves: AUD-02
#[tokio::test]
async fn a_second_version_of_a_digest_is_named_where_the_archive_keeps_versions() {
    let town = Town::sealed().await;
    assert!(!town.report().await.versions_checked, "the embedded archive keeps none, and the report says so");
    let key = |hour: i64| town.log().archive.digest_key(first_hour().plus(hour));
    town.versions.are(vec![(key(0), 1), (key(1), 2), (key(2), 1)]);
    assert_eq!(town.verify().await, ["2026112014: digest has 2 versions"]);
    assert!(town.report().await.versions_checked);
}

// proves: AUD-02
#[tokio::test]
async fn a_forged_signature_is_found_out() {
    let town = Town::sealed().await;
    let key = town.log().archive.digest_key(first_hour().plus(2));
    let digest = town.digest(2).await.digest;
    let stranger = LocalSigner::draw().expect("a key");
    // It claims our key.
    town.put_over(&key, signed(&stranger, digest.clone()).await).await;
    assert_eq!(town.verify().await, ["2026112015: signature wrong"]);
    // It names its own.
    let fingerprint = stranger.public_key().fingerprint().to_owned();
    town.put_over(&key, signed(&stranger, Digest { key: fingerprint.clone(), ..digest.clone() }).await).await;
    assert_eq!(town.verify().await, [format!("2026112015: signed with an unknown key: {fingerprint}")]);
    // A good signature, of another text.
    let other = Sealed { digest: Digest { count: 9, ..digest }, signature: town.digest(0).await.signature };
    town.put_over(&key, other.to_bytes()).await;
    let found = ["2026112015: signature wrong", "2026112015: count or root do not match the digest's own shards"];
    assert_eq!(town.verify().await, found);
    town.put_over(&key, b"{}".to_vec()).await;
    assert_eq!(town.verify().await, ["2026112015: digest unreadable"]);
}

// proves: AUD-02
#[tokio::test]
async fn the_digest_of_another_hour_or_environment_does_not_stand_in() {
    let town = Town::sealed().await;
    let key = town.log().archive.digest_key(first_hour().plus(2));
    let digest = town.digest(2).await.digest;
    let elsewhere = Digest { environment: "staging".to_owned(), ..digest };
    town.put_over(&key, signed(&town.signer, elsewhere).await).await;
    assert_eq!(town.verify().await, ["2026112015: digest of another hour, environment or format"]);
}

// proves: AUD-02
#[tokio::test]
async fn a_late_seal_says_so_and_is_named() {
    let town = Town::start().await;
    town.at(first_hour().end(), 81);
    let sealed = town.nightly.seal(soon()).await.expect("sealed");
    assert!(sealed[0].digest.late);
    assert_eq!(town.verify().await, ["2026112013: sealed late: 81 minutes after the hour"]);
}

// proves: AUD-02
#[tokio::test]
async fn an_hour_that_nobody_seals_is_named_once_its_time_is_over() {
    let town = Town::sealed().await;
    town.at(first_hour().plus(3).end(), 80);
    assert_eq!(town.verify().await, Vec::<String>::new());
    assert_eq!(town.report().await.unsealed_from, Some(first_hour().plus(3)));
    town.at(first_hour().plus(3).end(), 81);
    assert_eq!(town.verify().await, ["2026112016: not sealed in time"]);
}

// proves: AUD-02
#[tokio::test]
async fn without_its_list_of_leaves_an_hour_is_still_right_or_wrong() {
    let town = Town::sealed().await;
    let digest = town.digest(2).await.digest;
    let full = (0..SHARDS).find(|shard| digest.shards[usize::from(*shard)].count > 0).expect("a shard with an entry");
    let list = town.log().archive.leaves_key(first_hour().plus(2), full, &digest.shards[usize::from(full)]);
    town.drop_object(&list).await;
    let told = format!("2026112015: list of leaves of shard {full:02} is not the sealed one");
    assert_eq!(town.verify().await, [told.as_str()]);
    town.put_over(&list, b"{}\n".to_vec()).await;
    assert_eq!(town.verify().await, [told]);
    let entry = (0..3).map(|n| Town::key(2, n)).find(|key| key.pk.ends_with(&format!("#{full:02}")));
    town.delete_row(&entry.expect("an entry of that shard")).await;
    let told =
        format!("2026112015: entries of shard {full:02} are not the sealed ones, and the list of leaves is lost");
    assert_eq!(town.verify().await, [told]);
}

// proves: AUD-02
#[tokio::test]
async fn of_very_many_findings_the_first_are_named_and_all_are_counted() {
    let town = Town::start().await;
    town.at(first_hour().end(), 20);
    town.nightly.seal(soon()).await.expect("sealed");
    for second in 0..300 {
        let at = time::plus(first_hour().start(), second * time::SECOND_MS);
        town.store.save_switches(&domain::switches::Switches::all_on("7"), &entry("x", at), soon()).await.expect("one");
    }
    let report = town.report().await;
    assert_eq!((report.found, report.findings.len()), (300, 200));
    let first = keys::audit(first_hour().start(), "x");
    assert_eq!(report.findings[0].to_string(), named("added", "2026112013", &first));
}
