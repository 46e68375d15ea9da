//! Every outgoing call of a code's whole life fails in every way, then every pair of calls, against every behaviour of
//! MoMo. Afterwards the invariants of money hold.
//!
//! A failing case is printed as `behaviour/call-fault/call-fault`; `EFFECTS_CASE=<that>` lives it alone.
//! `EFFECTS_PAIRS=all` takes the pairs against every behaviour, not only against the hardest; `none` takes
//! no pairs, `hardest` nothing but that one.

#![expect(clippy::print_stdout, reason = "what was lived through is printed beside the verdict")]

use effects::{behaviours, life::live};
use rig::Fault;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Semaphore, task::JoinSet};

/// Cases at once; each waits now and then for a table that doesn't answer.
const AT_ONCE: usize = 16;
/// A life that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(90);
/// Calls of one life that fail in turn. A life has some twenty; where MoMo doesn't say how it went, what follows are
/// the same four calls of asking, again and again.
const MOST_CALLS: usize = 30;
/// Behaviours against which pairs are taken in every run.
const HARDEST: [&str; 1] = ["time-out after accepting"];

struct Found {
    name: String,
    calls: usize,
    broken: Vec<String>,
    end: String,
}

fn name(behaviour: usize, faults: &[(usize, Fault)]) -> String {
    let faults: Vec<String> = faults.iter().map(|(call, fault)| format!("/{call}-{fault:?}")).collect();
    format!("{behaviour}{}", faults.concat())
}

fn parse(case: &str) -> (usize, Vec<(usize, Fault)>) {
    let mut parts = case.split('/');
    let behaviour = parts.next().and_then(|part| part.parse().ok()).expect("EFFECTS_CASE starts with a number");
    let faults = parts.map(|part| {
        let (call, fault) = part.split_once('-').expect("call-fault");
        let known = [Fault::DieBefore, Fault::DieAfter, Fault::LoseAnswer, Fault::Stall];
        let fault = known.into_iter().find(|known| format!("{known:?}") == fault).expect("a fault");
        (call.parse().expect("a call's number"), fault)
    });
    (behaviour, faults.collect())
}

async fn all(cases: Vec<(usize, Vec<(usize, Fault)>)>) -> Vec<Found> {
    let behaviours = Arc::new(behaviours::all());
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let mut work = JoinSet::new();
    for (number, (behaviour, faults)) in cases.into_iter().enumerate() {
        if number % 1_000 == 999 {
            println!("  {} cases so far", number + 1);
        }
        let permit = Arc::clone(&gate).acquire_owned().await.expect("the gate stays open");
        let behaviours = Arc::clone(&behaviours);
        work.spawn(async move {
            let name = name(behaviour, &faults);
            let lived = tokio::time::timeout(LONGEST, live(&behaviours[behaviour].1, &faults)).await;
            drop(permit);
            match lived {
                Ok(lived) => Found { name, calls: lived.calls, broken: lived.broken, end: lived.end },
                Err(_) => Found {
                    name: {
                        println!("  {name} doesn't come to an end");
                        name
                    },
                    calls: 0,
                    broken: vec!["it doesn't come to an end".to_owned()],
                    end: "hangs".to_owned(),
                },
            }
        });
    }
    let mut found = Vec::new();
    while let Some(done) = work.join_next().await {
        found.push(done.expect("a case doesn't panic"));
    }
    found
}

fn report(found: &[Found], kind: &str, total: &AtomicUsize) -> Vec<String> {
    let count = total.fetch_add(found.len(), Ordering::Relaxed) + found.len();
    let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
    for case in found {
        *ends.entry(&case.end).or_default() += 1;
    }
    println!("{kind}: {} cases, {ends:?}; {count} in all", found.len());
    found.iter().flat_map(|case| case.broken.iter().map(|why| format!("{}: {why}", case.name))).collect()
}

// proves: RED-01, RED-02, RED-05, PAY-02, PAY-04, PAY-06, USD-05, AUD-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_failure_of_any_call_or_pair_of_calls_pays_twice_or_loses_a_payout() {
    let behaviours = behaviours::all();
    let total = AtomicUsize::new(0);
    if let Ok(case) = std::env::var("EFFECTS_CASE") {
        let found = all(vec![parse(&case)]).await;
        let broken = report(&found, "replayed", &total);
        assert!(broken.is_empty(), "{broken:#?}");
        return;
    }
    let mut broken = Vec::new();
    let started = std::time::Instant::now();

    let well = all((0..behaviours.len()).map(|behaviour| (behaviour, Vec::new())).collect()).await;
    broken.extend(report(&well, "without a fault", &total));
    let mut calls = vec![0; behaviours.len()];
    for found in &well {
        calls[parse(&found.name).0] = found.calls;
    }

    let modes = [Fault::DieBefore, Fault::DieAfter, Fault::LoseAnswer, Fault::Stall];
    let wanted = std::env::var("EFFECTS_PAIRS").unwrap_or_default();
    let is_hardest = |behaviour: usize| HARDEST.contains(&behaviours[behaviour].0);
    let singles: Vec<_> = (0..behaviours.len())
        .filter(|behaviour| wanted != "hardest" || is_hardest(*behaviour))
        .flat_map(|behaviour| (0..calls[behaviour].min(MOST_CALLS)).map(move |call| (behaviour, call)))
        .flat_map(|(behaviour, call)| modes.map(|mode| (behaviour, vec![(call, mode)])))
        .collect();
    let singles = all(singles).await;
    broken.extend(report(&singles, "one fault", &total));

    for why in &broken {
        println!("  {why}");
    }
    let everywhere = wanted == "all";
    let pairs: Vec<_> = singles
        .iter()
        .map(|single| (parse(&single.name), single.calls))
        .filter(|_| wanted != "none")
        .filter(|((behaviour, _), _)| everywhere || is_hardest(*behaviour))
        .flat_map(|((behaviour, first), calls)| {
            let from = first[0].0 + 1;
            (from..calls.min(MOST_CALLS)).flat_map(move |call| {
                let first = first.clone();
                Fault::DEATHS_AND_LOSSES.map(move |mode| (behaviour, vec![first[0], (call, mode)]))
            })
        })
        .collect();
    let pairs = all(pairs).await;
    broken.extend(report(&pairs, "two faults", &total));
    println!("{} cases in {:.0} s", total.load(Ordering::Relaxed), started.elapsed().as_secs_f64());
    assert!(
        broken.is_empty(),
        "{} of {}:\n{:#?}",
        broken.len(),
        total.load(Ordering::Relaxed),
        &broken[..broken.len().min(20)]
    );
}
