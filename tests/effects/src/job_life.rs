//! One job's life: asked for, taken, worked on, and whatever dies on the way is taken up again.

use domain::{
    batch::{Act, CodeId, CodeState, RunState},
    id::{JobId, UserId},
    job::{Job, JobState, LEASE_MS, Selection, SheetRange, Work},
};
use rig::{Ended, Fault, Script, World, world::Setup};
use std::{future::Future, pin::Pin};
use tokio::task::JoinSet;

/// Workers that one job may need: one for each fault, and one that isn't disturbed.
const MAX_WORKERS: usize = 8;

/// What a job does. Each fills or changes so many strips that the first, one in the middle and the last are met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Three strips, the last one not full.
    Generate,
    /// Two strips.
    GenerateFew,
    Import,
    /// Two bad lines and one that is taken are left out.
    ImportTheGood,
    /// Bad lines: nothing may come of it but a report.
    ImportNothing,
    /// Blocks three sheets of a batch, over two halves of a strip.
    Block,
    /// Deletes four codes of different states and one that there isn't.
    DeleteSome,
    /// Reports a whole batch.
    Report,
}

pub const ALL: [Kind; 8] = [
    Kind::Generate,
    Kind::GenerateFew,
    Kind::Import,
    Kind::ImportTheGood,
    Kind::ImportNothing,
    Kind::Block,
    Kind::DeleteSome,
    Kind::Report,
];

/// What happens while a worker stands still, and when it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meanwhile {
    /// Its lease ends, another worker does the job, then it goes on.
    Replaced,
    /// Its lease ends and it goes on before anybody else comes.
    Lapsed,
    /// Its lease ends, and it goes on together with another worker.
    Together,
    /// Somebody cancels the job.
    Cancelled,
    /// The owner loses every right.
    Deprived,
}

impl Meanwhile {
    pub const ALL: [Self; 5] = [Self::Replaced, Self::Lapsed, Self::Together, Self::Cancelled, Self::Deprived];
}

/// What one scenario came to.
pub struct Lived {
    pub calls: usize,
    pub broken: Vec<String>,
    /// `done`, `failed`, `cancelled`
    pub end: String,
}

type Frozen = Pin<Box<dyn Future<Output = bool> + Send>>;

struct Life {
    world: World,
    kind: Kind,
    job: JobId,
    owner: UserId,
    frozen: Vec<Frozen>,
    meanwhile: Meanwhile,
    /// Whether the job may end otherwise than done.
    disturbed: bool,
    broken: Vec<String>,
}

/// 10 codes with a column beside them; `bad` lines among them.
fn list(bad: &str, taken: &str) -> String {
    let mut csv = "Code;Shop\r\n".to_owned();
    for n in 0..100 {
        csv += &format!("SHOP{n:04};Kigali {n}\r\n");
    }
    csv + bad + taken
}

async fn prepare(world: &World, kind: Kind) -> (Job, UserId) {
    let owner = world.owner().await;
    let batch = world.empty_batch(2, 500).await;
    let made = world.codes.first().expect("a world has a code").printed();
    let bad = "!!!;Huye\r\nSHOP0007;again\r\n";
    let job = match kind {
        Kind::Generate => world.ask_generate(&owner, &batch.id, 200).await,
        Kind::GenerateFew => world.ask_generate(&owner, &batch.id, 97).await,
        Kind::Import => world.ask_import(&owner, &batch.id, Some(list("", "").as_bytes()), false).await,
        Kind::ImportTheGood => {
            let csv = list(bad, &format!("{made};taken\r\n"));
            world.ask_import(&owner, &batch.id, Some(csv.as_bytes()), true).await
        }
        Kind::ImportNothing => world.ask_import(&owner, &batch.id, Some(list(bad, "").as_bytes()), false).await,
        Kind::Block => {
            let selection = Selection::Batch {
                batch_id: "batch-1".to_owned(),
                sheets: Some(SheetRange { first: 3, last: 5 }),
                state: None,
            };
            world.ask_change(&owner, Act::Block, selection).await
        }
        Kind::DeleteSome => {
            let id = |n| CodeId { run: "batch-1-1".to_owned(), n };
            let none = CodeId { run: "nowhere".to_owned(), n: 1 };
            let selection = Selection::Codes { codes: vec![id(0), id(1), id(20), id(59), id(0), none] };
            world.ask_change(&owner, Act::Delete, selection).await
        }
        Kind::Report => {
            let selection = Selection::Batch { batch_id: "batch-1".to_owned(), sheets: None, state: None };
            world.ask_change(&owner, Act::Report, selection).await
        }
    };
    (job, owner)
}

/// Lives one life with `faults` at the numbered calls of its workers.
pub async fn live(kind: Kind, faults: &[(usize, Fault)], meanwhile: Meanwhile) -> Lived {
    // Another worker is nudged by the sweeper too; what is counted are the worker's own calls.
    let script = Script::plan(faults.iter().copied());
    let world = World::start(Setup { script, codes: 60, files: true, ..Setup::default() }).await;
    let (job, owner) = prepare(&world, kind).await;
    let disturbed = matches!(meanwhile, Meanwhile::Cancelled | Meanwhile::Deprived);
    let mut life =
        Life { world, kind, job: job.id, owner, frozen: Vec::new(), meanwhile, disturbed, broken: Vec::new() };
    life.work().await;
    life.end().await
}

impl Life {
    async fn is_over(&mut self) -> bool {
        self.world.job(&self.job).await.state.is_over()
    }

    async fn work(&mut self) {
        for _ in 0..MAX_WORKERS {
            let worker = self.world.generation();
            let work = self.world.works(&worker, &self.job);
            match self.world.run(work).await {
                Ended::Answered(_) | Ended::Died => {}
                Ended::Stalled(frozen) => {
                    self.frozen.push(frozen);
                    self.while_it_stands_still().await;
                }
            }
            self.look().await;
            if self.is_over().await {
                break;
            }
            self.world.advance(LEASE_MS + 1);
        }
        self.thaw().await;
    }

    /// Figures are right at any moment. A write whose worker is gone can still arrive between the reads of one look:
    /// what is wrong stays so in a second one.
    async fn look(&mut self) {
        let mut broken = Vec::new();
        for _ in 0..2 {
            let rows = self.world.rows().await;
            broken = self.world.miscounted(&rows).await;
            if broken.is_empty() {
                return;
            }
        }
        self.broken.extend(broken.into_iter().map(|why| format!("on the way: {why}")));
    }

    async fn while_it_stands_still(&mut self) {
        match self.meanwhile {
            Meanwhile::Replaced => {}
            Meanwhile::Lapsed => {
                self.world.advance(LEASE_MS + 1);
                self.thaw().await;
            }
            Meanwhile::Together => {
                self.world.advance(LEASE_MS + 1);
                let worker = self.world.generation();
                let second = self.world.works(&worker, &self.job);
                self.world.script.resume.notify_one();
                let Some(first) = self.frozen.pop() else { return };
                let mut both = JoinSet::new();
                both.spawn(first);
                both.spawn(second);
                // One of them can die in its turn: then only the other one is waited for.
                let mut left = 2;
                while left > 0 {
                    tokio::select! {
                        biased;
                        Some(_) = both.join_next() => left -= 1,
                        () = self.world.script.stopped.notified() => left -= 1,
                    }
                }
            }
            Meanwhile::Cancelled => {
                self.world.cancel(&self.job, &self.owner).await;
                self.thaw().await;
            }
            Meanwhile::Deprived => {
                self.world.takes_all_rights(&self.owner).await;
                self.thaw().await;
            }
        }
    }

    /// Whatever stood still goes on.
    async fn thaw(&mut self) {
        for frozen in std::mem::take(&mut self.frozen) {
            self.world.script.resume.notify_one();
            match self.world.run(frozen).await {
                Ended::Answered(_) | Ended::Died => {}
                Ended::Stalled(again) => self.frozen.push(Box::pin(again)),
            }
        }
        // A second time of standing still is the end of it.
        self.frozen.clear();
    }

    async fn end(mut self) -> Lived {
        let calls = self.world.script.calls().len();
        self.world.script.heal();
        let job = self.world.job(&self.job).await;
        self.broken.extend(self.world.broken(true).await);
        self.as_asked(&job).await;
        Lived { calls, broken: self.broken, end: job.state.name().to_owned() }
    }

    fn wrong(&mut self, what: impl Into<String>) {
        self.broken.push(what.into());
    }

    /// The job has come to what was asked for, or to nothing that anybody can redeem.
    async fn as_asked(&mut self, job: &Job) {
        let bad_file = self.kind == Kind::ImportNothing;
        let ends = match job.state {
            JobState::Done => !bad_file,
            JobState::Failed => bad_file || self.disturbed,
            JobState::Cancelled => self.disturbed,
            JobState::Waiting | JobState::Queued | JobState::Running => false,
        };
        if !ends {
            self.wrong(format!("the job ends {}: {:?}", job.state.name(), job.problem));
        }
        match &job.work {
            Work::Generate { batch_id, run_id, .. } | Work::Import { batch_id, run_id, .. } => {
                let asked = match self.kind {
                    Kind::Generate => 200,
                    Kind::GenerateFew => 97,
                    Kind::Import | Kind::ImportTheGood | Kind::ImportNothing => 100,
                    Kind::Block | Kind::DeleteSome | Kind::Report => 0,
                };
                let done = job.state == JobState::Done;
                let batch = self.world.batch(batch_id).await;
                if (batch.codes, batch.coming) != (if done { asked } else { 0 }, 0) {
                    self.wrong(format!("the batch has {} codes and {} to come", batch.codes, batch.coming));
                }
                self.redeems(run_id, done).await;
            }
            Work::ChangeCodes { act, .. } => self.changed(job, *act).await,
            Work::Export { .. } | Work::Reconcile { .. } | Work::ExportPayouts { .. } => self.wrong("an export"),
        }
        let files = match (self.kind, job.state) {
            (Kind::Generate | Kind::GenerateFew | Kind::Import, _) => Some(0),
            (
                Kind::ImportNothing | Kind::ImportTheGood | Kind::Block | Kind::DeleteSome | Kind::Report,
                JobState::Done,
            ) => Some(1),
            (_, _) => None,
        };
        if files.is_some_and(|files| files != job.files.len()) {
            self.wrong(format!("{} files", job.files.len()));
        }
        for file in &job.files {
            if self.world.files().link(file).await.is_err() {
                self.wrong(format!("{} isn't there as it was verified", file.name));
            }
        }
    }

    /// The first code of the run redeems, or it doesn't.
    async fn redeems(&mut self, run_id: &str, should: bool) {
        let texts = self.world.texts(run_id).await;
        let Some(text) = texts.first().map(|text| text.printed()) else {
            if should {
                self.wrong("it has no codes");
            }
            return;
        };
        let answered = self.world.hop("s1", "+250788000001", &text).await;
        if answered.body.starts_with("END Murakoze!") != should {
            self.wrong(format!("redeems should be {should}: {}", answered.body));
        }
    }

    async fn changed(&mut self, job: &Job, act: Act) {
        let rows = self.world.rows().await;
        let flagged =
            |flag: fn(&domain::batch::Code) -> bool| rows.codes.iter().filter(|code| flag(code)).count() as u64;
        let changed = match act {
            Act::Block | Act::Unblock => flagged(|code| code.blocked),
            Act::Delete => flagged(|code| code.deleted),
            Act::Report => flagged(|code| code.reported),
        };
        let expected = match self.kind {
            Kind::Block => (36, 0),
            Kind::DeleteSome => (4, 2),
            Kind::Report => (60, 0),
            Kind::Generate | Kind::GenerateFew | Kind::Import | Kind::ImportTheGood | Kind::ImportNothing => (0, 0),
        };
        let done = (job.done - job.failed, job.failed);
        if job.state == JobState::Done && done != expected {
            self.wrong(format!("{done:?} changed and not possible, {expected:?} expected"));
        }
        if changed != job.done - job.failed {
            self.wrong(format!("{changed} codes are changed, the job says {}", job.done - job.failed));
        }
        let alerts = rows.alerts.iter().filter(|alert| alert.entity == format!("job:{}", job.id)).count();
        if alerts != usize::from(act == Act::Report && changed > 0) {
            self.wrong(format!("{alerts} alerts"));
        }
        let live = rows.runs.iter().all(|run| run.state == RunState::Live);
        if !live {
            self.wrong("a run is not live any more");
        }
        let state = match act {
            Act::Block | Act::Unblock => CodeState::Blocked,
            Act::Delete => CodeState::Deleted,
            Act::Report => CodeState::Reported,
        };
        let results = self.world.store.job_results(&job.id, 0, store::Deadline::in_ms(5_000)).await;
        let results = results.expect("the table answers").0;
        if results.len() as u64 != job.done {
            self.wrong(format!("{} results of {} codes that are {}", results.len(), job.done, state.name()));
        }
    }
}
