//! Hours are sealed once, in order, whatever dies or runs beside.

use super::town::{Town, failures, first_hour, soon};
use domain::time::{self, MINUTE_MS};
use rig::fault::{Fault, Script};
use seal::{LOCAL, SealError};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::timeout;

// proves: AUD-02
#[tokio::test]
async fn every_hour_is_sealed_in_order_empty_ones_too_and_verifies() {
    let town = Town::sealed().await;
    let report = town.report().await;
    assert_eq!((report.hours, report.entries, report.found), (3, 8, 0));
    assert_eq!(report.unsealed_from, Some(first_hour().plus(3)), "the entry of the fourth hour can't be judged yet");
    assert_eq!(report.signers.into_iter().collect::<Vec<_>>(), [LOCAL], "a laptop's seals say what they are");
    let (first, second) = (town.digest(0).await.digest, town.digest(1).await.digest);
    assert_eq!((first.count, first.previous.clone()), (5, None));
    assert_eq!((second.count, second.previous), (0, Some(first.hash())));
}

// proves: AUD-02
#[tokio::test]
async fn an_hour_is_not_sealed_before_its_time_and_not_out_of_order() {
    let town = Town::start().await;
    town.at(first_hour().end(), 19);
    assert_eq!(town.nightly.seal(soon()).await.expect("nothing to do").len(), 0);
    assert!(matches!(town.nightly.sealer.seal_hour(first_hour()).await, Err(SealError::NotDue(_))));
    town.at(first_hour().end(), 20);
    assert_eq!(town.nightly.seal(soon()).await.expect("one hour").len(), 1);
    town.advance_hours(3);
    let gap = town.nightly.sealer.seal_hour(first_hour().plus(2)).await;
    assert!(matches!(gap, Err(SealError::Gap(hour)) if hour == first_hour().plus(1)), "{gap:?}");
}

// proves: AUD-02
#[tokio::test]
async fn sealing_again_writes_nothing() {
    let town = Town::sealed().await;
    let before = town.objects().await;
    let again = town.nightly.sealer.seal_hour(first_hour()).await.expect("no error");
    assert!(!again.written);
    assert_eq!(again.digest, town.digest(0).await.digest);
    assert_eq!(town.nightly.seal(soon()).await.expect("nothing to do"), vec![]);
    assert_eq!(town.objects().await, before);
}

// proves: AUD-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_sealers_at_once_seal_each_hour_once() {
    let town = Town::start().await;
    for hour in 0..6 {
        town.write(&format!("e{hour}"), time::plus(first_hour().plus(hour).start(), MINUTE_MS)).await;
    }
    town.at(first_hour().plus(5).end(), 20);
    let none = Script::default();
    let (one, two) = (town.another(&none), town.another(&none));
    let (one, two) = tokio::join!(one.seal(soon()), two.seal(soon()));
    let (one, two) = (one.expect("sealed"), two.expect("sealed"));
    let mut sealed: BTreeMap<_, usize> = BTreeMap::new();
    for hour in one.iter().chain(&two) {
        *sealed.entry(hour.digest.hour).or_default() += usize::from(hour.written);
        let distance = first_hour().until(hour.digest.hour);
        assert_eq!(hour.digest, town.digest(distance).await.digest, "both know the one that counts");
    }
    assert_eq!(sealed.into_values().collect::<Vec<_>>(), [1; 6]);
    let late = |finding: &String| finding.contains("sealed late");
    assert!(town.verify().await.iter().all(late));
    assert_eq!(town.report().await.entries, 6);
}

// proves: AUD-02
#[tokio::test]
async fn after_any_call_that_fails_or_kills_the_sealer_the_log_is_whole_again() {
    let start = async || {
        let town = Town::start().await;
        town.write("e0", time::plus(first_hour().start(), MINUTE_MS)).await;
        town.at(first_hour().end(), 20);
        town
    };
    let calm = Script::default();
    start().await.another(&calm).seal(soon()).await.expect("sealed");
    for (at, fault) in failures(&calm.calls()) {
        let town = start().await;
        let script = Script::plan([(at, fault)]);
        let sealer = town.another(&script);
        // A dead one never answers.
        tokio::select! {
            biased;
            _ = sealer.seal(soon()) => {}
            () = script.stopped.notified() => {}
        }
        town.nightly.seal(soon()).await.unwrap_or_else(|error| panic!("{fault:?} at {at}: {error}"));
        assert_eq!(town.verify().await, Vec::<String>::new(), "{fault:?} at {at}");
        assert_eq!(town.report().await.entries, 1, "{fault:?} at {at}");
    }
}

// proves: AUD-02
#[tokio::test]
async fn what_an_interrupted_seal_left_behind_is_never_taken_for_the_sealed_list() {
    let town = Town::start().await;
    town.write("e0", time::plus(first_hour().start(), MINUTE_MS)).await;
    town.at(first_hour().end(), 20);
    // It dies when the digest is to be put: after the one list of leaves.
    let script = Script::default();
    let counted = town.another(&script);
    counted.sealer.log.last_sealed().await.expect("nothing yet");
    let before_sealing = script.calls().len();
    let script = Script::plan([(before_sealing + 17, Fault::DieBefore)]);
    let dying = town.another(&script);
    let died = timeout(Duration::from_secs(20), async {
        tokio::select! {
            biased;
            _ = dying.sealer.seal_due(soon()) => false,
            () = script.stopped.notified() => true,
        }
    });
    assert_eq!(died.await, Ok(true));
    assert_eq!(town.objects().await.len(), 1, "a list without its digest");
    town.write("e1", time::plus(first_hour().start(), MINUTE_MS)).await;
    town.nightly.seal(soon()).await.expect("sealed");
    assert_eq!(town.verify().await, Vec::<String>::new());
    assert_eq!(town.report().await.entries, 2);
}

// proves: AUD-02
#[tokio::test]
async fn a_hint_that_was_tampered_with_neither_skips_nor_repeats_an_hour() {
    let town = Town::sealed().await;
    for hint in [first_hour(), first_hour().plus(2), first_hour().plus(900)] {
        town.store.note_sealed_hour(hint, 0, soon()).await.expect("a hint");
        assert_eq!(town.log().last_sealed().await.expect("an archive"), Some(first_hour().plus(2)), "{hint}");
    }
}

// proves: AUD-02
#[tokio::test]
async fn the_counts_of_sealed_hours_are_at_hand_for_a_search() {
    let town = Town::sealed().await;
    let day = first_hour().day();
    let hours = town.store.sealed_hours(&[day, day.tomorrow().expect("a day")], soon()).await.expect("hours");
    let expected = [(first_hour(), 5), (first_hour().plus(1), 0), (first_hour().plus(2), 3)];
    assert_eq!(hours, BTreeMap::from(expected));
}
