//! Jobs of every kind, people who redeem, payouts, cancellations and the sweeper in any order, while one call in a dozen
//! fails in a way that only real services have. Afterwards everything ends, and every figure equals a recount.
//! Seeded: `JOBS_SEED=<n>` lives one seed again, `JOBS_SEEDS=<n>` takes more of them.

#![expect(clippy::print_stdout, reason = "what was lived through is printed beside the verdict")]

use domain::{
    batch::{Act, CodeId, CodeState},
    id::{JobId, UserId},
    job::{LEASE_MS, Selection, SheetRange},
    settings::Settings,
    time::MINUTE_MS,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use rig::{Ended, Fault, Script, World, world::Setup};
use std::{collections::BTreeMap, future::Future, sync::Arc};
use tokio::{sync::Semaphore, task::JoinSet};

const CODES: usize = 30;
const ACTS: usize = 60;
const SEEDS: u64 = 30;
const AT_ONCE: usize = 6;
/// One call in this many fails.
const ONE_IN: u32 = 12;
const FAULTS: [Fault; 9] = [
    Fault::Conflict,
    Fault::MixedReasons,
    Fault::Throttle,
    Fault::InProgress,
    Fault::Unprocessed,
    Fault::LaggingIndex,
    Fault::LoseAnswer,
    Fault::DieBefore,
    Fault::DieAfter,
];

struct Chaos {
    world: World,
    random: ChaCha20Rng,
    owner: UserId,
    jobs: Vec<JobId>,
}

impl Chaos {
    fn below(&mut self, most: usize) -> usize {
        self.random.next_u32() as usize % most
    }

    async fn run<T: Send + 'static>(&mut self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        match self.world.run(work).await {
            Ended::Answered(done) => Some(done),
            Ended::Died | Ended::Stalled(_) => {
                self.world.restart();
                None
            }
        }
    }

    async fn act(&mut self) {
        // Entries of one code tell their order by their time.
        self.world.advance(1);
        match self.below(12) {
            0 | 1 => {
                let n = self.below(CODES);
                let phone = format!("+2507880000{n:02}");
                let hop = self.world.hop(&format!("s{n}"), &phone, &self.world.codes[n].printed());
                self.run(hop).await;
            }
            2 => {
                let codes = 90 + self.below(60) as u64;
                self.jobs.push(self.world.ask_generate(&self.owner, "batch-2", codes).await.id);
            }
            3 => {
                // Few different files, so that they meet each other's codes.
                let (from, skip_bad) = (self.below(3) * 60, self.below(2) == 0);
                let csv = (from..from + 110).fold("Code\n".to_owned(), |csv, n| csv + &format!("SHOP{n:04}\n"));
                self.jobs.push(self.world.ask_import(&self.owner, "batch-2", Some(csv.as_bytes()), skip_bad).await.id);
            }
            4 => {
                let act = [Act::Block, Act::Unblock, Act::Delete, Act::Report][self.below(4)];
                let selection = self.selection();
                self.jobs.push(self.world.ask_change(&self.owner, act, selection).await.id);
            }
            5..=7 if !self.jobs.is_empty() => {
                let at = self.below(self.jobs.len());
                let work = self.world.works(&self.world.generation(), &self.jobs[at]);
                self.run(work).await;
            }
            8 if !self.jobs.is_empty() => {
                let at = self.below(self.jobs.len());
                self.world.cancel(&self.jobs[at], &self.owner).await;
            }
            9 => self.payouts().await,
            10 => self.sweep().await,
            _ => {
                let seconds = self.below(120) as i64;
                self.world.advance(seconds * 1_000);
            }
        }
    }

    fn selection(&mut self) -> Selection {
        let batch_id = "batch-1".to_owned();
        match self.below(3) {
            0 => {
                let codes = (0..6).map(|_| CodeId { run: "batch-1-1".to_owned(), n: self.below(CODES + 2) as u32 });
                Selection::Codes { codes: codes.collect() }
            }
            1 => {
                let first = 1 + self.below(3) as u32;
                Selection::Batch { batch_id, sheets: Some(SheetRange { first, last: first }), state: None }
            }
            _ => {
                let state = [CodeState::Active, CodeState::Blocked, CodeState::Used][self.below(3)];
                Selection::Batch { batch_id, sheets: None, state: Some(state) }
            }
        }
    }

    async fn payouts(&mut self) {
        for message in self.world.messages().await {
            let work = self.world.work(message.clone());
            if self.run(work).await != Some(true) {
                self.world.comes_again(message);
            }
        }
    }

    async fn sweep(&mut self) {
        let sweeper = Arc::clone(&self.world.functions.sweeper);
        let _swept = self.run(async move { sweeper.sweep().await.is_ok() }).await;
        for nudge in self.world.nudged_jobs().await.0 {
            let work = self.world.works(&self.world.generation(), &nudge.job);
            self.run(work).await;
        }
    }
}

/// What is broken, how many calls were made, and how the jobs ended.
async fn live(seed: u64) -> (Vec<String>, usize, Vec<String>) {
    let random = ChaCha20Rng::seed_from_u64(seed);
    let mut faults = ChaCha20Rng::seed_from_u64(seed ^ 0xfa17);
    let script = Script::default();
    let mut settings = Settings::default();
    settings.codes.writes_per_second = 100_000;
    settings.ussd.attempts.per_minute = 50;
    settings.ussd.attempts.per_hour = 500;
    settings.ussd.attempts.per_day = 500;
    let setup =
        Setup { script: script.clone(), codes: CODES, settings: Some(settings), files: true, ..Setup::default() };
    let world = World::start(setup).await;
    let owner = world.owner().await;
    world.empty_batch(2, 500).await;
    let mut chaos = Chaos { world, random, owner, jobs: Vec::new() };
    script.draw_by(move |name| {
        // Secrets are read once in a function's life, before anything is begun.
        let fails = name != "GetSecretValue" && faults.next_u32() % ONE_IN == 0;
        fails.then(|| FAULTS[faults.next_u32() as usize % FAULTS.len()])
    });
    for _ in 0..ACTS {
        chaos.act().await;
    }
    let mut broken: Vec<String> =
        chaos.world.broken(false).await.into_iter().map(|why| format!("on the way: {why}")).collect();

    // Everything is well again: what was begun must end.
    script.heal();
    for _ in 0..40 {
        chaos.world.advance(45 * MINUTE_MS);
        chaos.sweep().await;
        chaos.payouts().await;
        if chaos.world.at_rest().await && chaos.world.next_due().await.is_none() {
            break;
        }
    }
    let mut ends = Vec::new();
    for id in chaos.jobs.clone() {
        chaos.world.advance(LEASE_MS + 1);
        let job = chaos.world.work_off(&id).await;
        ends.push(format!("{} {}", job.work.name(), job.state.name()));
    }
    broken.extend(chaos.world.broken(true).await);
    (broken, chaos.world.script.calls().len(), ends)
}

// proves: COD-01, COD-04, COD-09, BAT-04, RED-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_and_people_in_any_order_under_faults_leave_every_figure_right() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds: Vec<u64> = match number("JOBS_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("JOBS_SEEDS").unwrap_or(SEEDS)).collect(),
    };
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let mut work = JoinSet::new();
    for seed in seeds {
        let permit = Arc::clone(&gate).acquire_owned().await.expect("the gate stays open");
        work.spawn(async move {
            let lived = live(seed).await;
            drop(permit);
            (seed, lived)
        });
    }
    let (mut calls, mut lives, mut failed) = (0, 0, BTreeMap::new());
    let mut ended: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(done) = work.join_next().await {
        let (seed, (broken, made, ends)) = done.expect("a life doesn't panic");
        calls += made;
        lives += 1;
        for end in ends {
            *ended.entry(end).or_default() += 1;
        }
        if !broken.is_empty() {
            failed.insert(seed, broken);
        }
    }
    println!("{lives} lives, {calls} calls, one in {ONE_IN} failed; {ended:?}");
    assert!(failed.is_empty(), "JOBS_SEED=<n> lives one again: {failed:#?}");
}
