//! Every outgoing call of every job's worker fails in every way, then pairs of calls. Afterwards exactly the codes that
//! were asked for are there, or none that anybody can redeem, and every figure equals a recount.
//!
//! A failing case is printed as `kind/meanwhile/call-fault/call-fault`; `JOBS_CASE=<that>` lives it alone. `JOBS_PAIRS=all`
//! takes everything: all pairs of every kind, not a third of those of the shortest, and each fault that services hide at
//! each call, not one in turn.

#![expect(clippy::print_stdout, reason = "what was lived through is printed beside the verdict")]

use effects::job_life::{ALL, Kind, Meanwhile, live};
use rig::Fault;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::JoinSet};

/// Cases at once; more only wait for each other, and a call that waits too long is one more fault.
const AT_ONCE: usize = 8;
/// A life that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(120);
const DEATHS: [Fault; 3] = [Fault::DieBefore, Fault::DieAfter, Fault::LoseAnswer];
const HIDDEN: [Fault; 5] =
    [Fault::Conflict, Fault::MixedReasons, Fault::Throttle, Fault::InProgress, Fault::Unprocessed];

fn everything() -> bool {
    std::env::var("JOBS_PAIRS").is_ok_and(|wanted| wanted == "all")
}

type Case = (Kind, Meanwhile, Vec<(usize, Fault)>);

struct Found {
    case: Case,
    calls: usize,
    broken: Vec<String>,
    end: String,
}

fn name((kind, meanwhile, faults): &Case) -> String {
    let faults: Vec<String> = faults.iter().map(|(call, fault)| format!("/{call}-{fault:?}")).collect();
    format!("{kind:?}/{meanwhile:?}{}", faults.concat())
}

fn parse(case: &str) -> Case {
    let mut parts = case.split('/');
    let (kind, meanwhile) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let kind = ALL.into_iter().find(|known| format!("{known:?}") == kind).expect("a kind");
    let meanwhile = Meanwhile::ALL.into_iter().find(|known| format!("{known:?}") == meanwhile).expect("a meanwhile");
    let faults = parts.map(|part| {
        let (call, fault) = part.split_once('-').expect("call-fault");
        let mut known = DEATHS.into_iter().chain(HIDDEN).chain([Fault::Stall]);
        let fault = known.find(|known| format!("{known:?}") == fault).expect("a fault");
        (call.parse().expect("a call's number"), fault)
    });
    (kind, meanwhile, faults.collect())
}

async fn all(what: &str, cases: Vec<Case>) -> Vec<Found> {
    let started = std::time::Instant::now();
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let mut work = JoinSet::new();
    for case in cases {
        let permit = Arc::clone(&gate).acquire_owned().await.expect("the gate stays open");
        work.spawn(async move {
            let lived = tokio::time::timeout(LONGEST, live(case.0, &case.2, case.1)).await;
            drop(permit);
            match lived {
                Ok(lived) => Found { case, calls: lived.calls, broken: lived.broken, end: lived.end },
                Err(_) => Found {
                    case,
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
    let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
    for case in &found {
        *ends.entry(&case.end).or_default() += 1;
    }
    println!("{what}: {} cases, {ends:?}, {:.0} s", found.len(), started.elapsed().as_secs_f64());
    found
}

fn assert_whole(found: &[Found]) {
    let broken: Vec<String> =
        found.iter().flat_map(|found| found.broken.iter().map(|why| format!("{}: {why}", name(&found.case)))).collect();
    assert!(broken.is_empty(), "{} things are wrong: {:#?}", broken.len(), &broken[..broken.len().min(20)]);
}

/// How many calls each kind makes when nothing fails.
async fn undisturbed() -> Vec<(Kind, usize)> {
    let found = all("without a fault", ALL.map(|kind| (kind, Meanwhile::Replaced, Vec::new())).to_vec()).await;
    assert_whole(&found);
    found.iter().map(|found| (found.case.0, found.calls)).collect()
}

// proves: COD-01, COD-04, COD-09, BAT-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_failure_of_any_call_makes_a_job_lose_a_code_or_do_anything_twice() {
    if let Ok(case) = std::env::var("JOBS_CASE") {
        assert_whole(&all("replayed", vec![parse(&case)]).await);
        return;
    }
    let calls = undisturbed().await;
    println!("calls: {calls:?}");
    let mut singles = Vec::new();
    for (kind, calls) in calls {
        // Its calls are a part of the longer one's; pairs are for it.
        if kind == Kind::GenerateFew && !everything() {
            continue;
        }
        let all_hidden = everything() || matches!(kind, Kind::Generate | Kind::DeleteSome);
        for call in 0..calls {
            let turn = HIDDEN[call % HIDDEN.len()];
            let hidden = HIDDEN.into_iter().filter(|fault| all_hidden || *fault == turn);
            for fault in DEATHS.into_iter().chain(hidden) {
                singles.push((kind, Meanwhile::Replaced, vec![(call, fault)]));
            }
            for meanwhile in [Meanwhile::Replaced, Meanwhile::Lapsed, Meanwhile::Together] {
                singles.push((kind, meanwhile, vec![(call, Fault::Stall)]));
            }
        }
    }
    assert_whole(&all("one fault", singles).await);
}

// proves: COD-01, COD-04, COD-09
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_cancelled_or_whose_owner_loses_the_right_at_any_call_leaves_nothing_redeemable() {
    let calls = undisturbed().await;
    let mut cases = Vec::new();
    for (kind, calls) in calls {
        for call in 0..calls {
            for meanwhile in [Meanwhile::Cancelled, Meanwhile::Deprived] {
                cases.push((kind, meanwhile, vec![(call, Fault::Stall)]));
            }
        }
    }
    let found = all("cancelled or deprived", cases).await;
    assert_whole(&found);
    assert!(found.iter().any(|found| found.end == "cancelled") && found.iter().any(|found| found.end == "failed"));
}

// proves: COD-01, COD-04, COD-09
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_two_failures_together_do_either() {
    let kinds: &[Kind] = if everything() { &ALL } else { &[Kind::GenerateFew] };
    let calls = undisturbed().await;
    let faults = [Fault::DieBefore, Fault::DieAfter, Fault::LoseAnswer, Fault::Stall];
    let mut cases = Vec::new();
    for (kind, calls) in calls.into_iter().filter(|(kind, _)| kinds.contains(kind)) {
        // The second worker's calls come behind the first one's.
        for first in 0..calls {
            for second in first + 1..calls + first {
                for (nth, one) in faults.into_iter().enumerate() {
                    // Each in turn, or all of them.
                    let others = [Fault::DieAfter, Fault::LoseAnswer, Fault::DieBefore];
                    let turn = others[(first + second + nth) % others.len()];
                    for other in others.into_iter().filter(|other| everything() || *other == turn) {
                        cases.push((kind, Meanwhile::Together, vec![(first, one), (second, other)]));
                    }
                }
            }
        }
    }
    assert_whole(&all("two faults", cases).await);
}
