//! Many simulated weeks, each from its own seed: `WEEK_SEED=<n>` lives one again and tells what happened in it,
//! `WEEK_SCHEDULES=<n>` takes another number of them, from `WEEK_FIRST=<n>` on.

#![expect(clippy::print_stdout, reason = "what was lived through is printed beside the verdict")]

use effects::week::{self, CODES, Lived};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Semaphore, task::JoinSet};

const SCHEDULES: u64 = 300;
const AT_ONCE: usize = 8;
/// A week that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(180);

async fn all(seeds: Vec<u64>) -> BTreeMap<u64, Lived> {
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let mut work = JoinSet::new();
    for seed in seeds {
        let gate = Arc::clone(&gate);
        work.spawn(async move {
            let _permit = gate.acquire_owned().await.expect("the gate stays open");
            let lived = tokio::time::timeout(LONGEST, week::live(seed)).await;
            let hangs = || Lived { broken: vec!["it doesn't come to an end".to_owned()], ..Lived::default() };
            (seed, lived.unwrap_or_else(|_| hangs()))
        });
    }
    let mut lived = BTreeMap::new();
    while let Some(done) = work.join_next().await {
        let (seed, week) = done.expect("a week doesn't panic");
        lived.insert(seed, week);
    }
    lived
}

fn added<K: Ord + Clone>(of: &BTreeMap<u64, Lived>, counts: fn(&Lived) -> &BTreeMap<K, usize>) -> BTreeMap<K, usize> {
    let mut sums = BTreeMap::new();
    for (name, count) in of.values().flat_map(counts) {
        *sums.entry(name.clone()).or_default() += count;
    }
    sums
}

fn report(lived: &BTreeMap<u64, Lived>, seconds: f64) {
    let sum = |count: fn(&Lived) -> usize| lived.values().map(count).sum::<usize>();
    let redemptions = sum(|week| week.redemptions);
    println!("{} weeks of {CODES} codes, seeds {:?} to {:?}", lived.len(), lived.keys().next(), lived.keys().last());
    println!(
        "{redemptions} redemptions, {} sends, {} questions, {} calls of MoMo, {} calls in all",
        sum(|week| week.sends),
        sum(|week| week.asks),
        sum(|week| week.momo_calls),
        sum(|week| week.calls)
    );
    println!(
        "{} weeks restored, {} payouts with a second reference",
        sum(|week| usize::from(week.restored)),
        sum(|week| week.second_references)
    );
    println!("events: {:?}", added(lived, |week| &week.events));
    println!("ends: {:?}", added(lived, |week| &week.ends));
    println!("{:.1} payouts a second, {seconds:.0} s", redemptions as f64 / seconds);
}

// proves: RED-01, RED-02, PAY-02, PAY-04, PAY-05, PAY-07, PAY-09, PAY-10, AUD-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_week_of_everything_that_goes_wrong_leaves_our_books_and_momos_equal() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("WEEK_FIRST").unwrap_or(1);
    let seeds: Vec<u64> = match number("WEEK_SEED") {
        Some(seed) => vec![seed],
        None => (first..first + number("WEEK_SCHEDULES").unwrap_or(SCHEDULES)).collect(),
    };
    let alone = seeds.len() == 1;
    let started = Instant::now();
    let lived = all(seeds).await;
    for told in lived.values().filter(|_| alone).flat_map(|week| &week.told) {
        println!("{told}");
    }
    report(&lived, started.elapsed().as_secs_f64());
    let broken: BTreeMap<u64, &Vec<String>> =
        lived.iter().filter(|(_, week)| !week.broken.is_empty()).map(|(seed, week)| (*seed, &week.broken)).collect();
    assert!(broken.is_empty(), "WEEK_SEED=<n> lives one again: {broken:#?}");
}
