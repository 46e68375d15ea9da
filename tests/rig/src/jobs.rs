//! Batches, members of the staff and jobs, written as the staff's use cases write them.

use crate::World;
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use domain::{
    access::System,
    audit::Class,
    batch::{self, Batch, Origin, Run},
    id::{JobId, UserId},
    job::{Job, Seed, Selection, Work},
    money::{Currency, Money},
    permission::Permissions,
    role::Predefined,
    staff::{Email, User},
    time::{self, DAY_MS},
};
use generation::Generation;
use jiff::civil::Date;
use std::{future::Future, sync::Arc, time::Duration};
use store::{Deadline, StoreError, chance};
use tokio::time::Instant;

const BY: System = System("test");

fn soon() -> Deadline {
    Deadline::in_ms(10_000)
}

impl World {
    /// A member of the staff who may everything.
    pub async fn owner(&self) -> UserId {
        let id = UserId::drawn(self.now(), chance().expect("chance"));
        let email = Email::parse(&format!("u{id}@example.rw")).expect("an address");
        let mut user = User::new(id.clone(), email, "Ada".to_owned(), "Uwase".to_owned(), self.now());
        user.roles = vec![Predefined::SuperAdministrator.id()];
        self.save_user(None, &user).await;
        id
    }

    /// Changes a member of the staff.
    pub async fn change_user(&self, id: &UserId, change: impl FnOnce(&mut User)) {
        let caller = self.store.caller(id, None, None, soon()).await.expect("the table answers");
        let before = caller.user.expect("there is such a user");
        let mut after = before.next(self.now());
        change(&mut after);
        self.save_user(Some(&before), &after).await;
    }

    /// Takes every permission from somebody.
    pub async fn takes_all_rights(&self, id: &UserId) {
        self.change_user(id, |user| user.denials = Permissions::all()).await;
    }

    async fn save_user(&self, before: Option<&User>, after: &User) {
        let act = self.store.act(&BY, self.now(), Class::Change, "user.changed", format!("user:{}", after.id));
        let act = act.expect("chance").user(before, after).expect("a row");
        act.commit(soon()).await.expect("the user can be saved");
    }

    /// An empty batch that is active, for 90 days.
    pub async fn empty_batch(&self, number: u64, amount: u64) -> Batch {
        let money = Money::new(amount, Currency::Rwf).expect("an amount");
        let expires_at = time::plus(self.now(), 90 * DAY_MS);
        let (id, name) = (format!("batch-{number}"), format!("BATCH_{number}"));
        let batch = Batch::new(id, number, name, money, expires_at, self.now());
        self.save_batch(None, &batch).await;
        batch
    }

    /// # Panics
    /// When the batch is not `before` any more.
    pub async fn save_batch(&self, before: Option<&Batch>, after: &Batch) {
        let act = self.store.act(&BY, self.now(), Class::Change, "batch.changed", format!("batch:{}", after.id));
        let act = act.expect("chance").batch(before, after).expect("a row");
        act.commit(soon()).await.expect("the batch can be saved");
    }

    pub async fn batch(&self, id: &str) -> Batch {
        self.store.batch(id, soon()).await.expect("the table answers").expect("there is such a batch")
    }

    pub async fn job(&self, id: &JobId) -> Job {
        self.store.job(id, soon()).await.expect("the table answers").expect("there is such a job")
    }

    fn new_job(&self, work: Work, owner: &UserId, codes: u64) -> Job {
        Job::new(JobId::drawn(self.now(), chance().expect("chance")), work, owner.clone(), codes, self.now())
    }

    fn run_id(&self) -> String {
        domain::identity::hex(&chance::<8>().expect("chance"))
    }

    pub fn today(&self) -> Date {
        time::day(self.now(), &domain::settings::Settings::default().zone())
    }

    /// A job that makes `codes` codes for a batch; its run and what is expected of it are written with it.
    pub async fn ask_generate(&self, owner: &UserId, batch_id: &str, codes: u64) -> Job {
        self.ask_generate_from(owner, batch_id, codes, Seed::new(chance().expect("chance"))).await
    }

    /// As [`World::ask_generate`], with codes that are known beforehand to who knows the seed.
    pub async fn ask_generate_from(&self, owner: &UserId, batch_id: &str, codes: u64, seed: Seed) -> Job {
        let run_id = self.run_id();
        let work =
            Work::Generate { batch_id: batch_id.to_owned(), run_id: run_id.clone(), seed: Some(seed), redraw: 0 };
        let job = self.new_job(work, owner, codes);
        let run = Run {
            job: Some(job.id.clone()),
            day: Some(self.today()),
            ..Run::staging(run_id, batch_id.to_owned(), codes, Origin::Generated)
        };
        let month = self.today().strftime("%Y-%m").to_string();
        loop {
            let batch = self.batch(batch_id).await;
            let (_, issued, _) = self.store.issuing(&month, owner, soon()).await.expect("the table answers");
            let act = self.store.act(&BY, self.now(), Class::Change, "job.asked", format!("job:{}", job.id));
            let act = act.expect("chance").batch(Some(&batch), &batch.expecting(codes)).expect("a row");
            let act = act.run(None, &run).expect("a row").job(None, &job).expect("a row");
            let act = act.issued(&month, &issued, codes * batch.money.amount).expect("a row");
            match act.commit(soon()).await {
                Ok(()) => return job,
                Err(StoreError::Changed) => {}
                Err(error) => panic!("the job can't be written: {error}"),
            }
        }
    }

    /// A job that imports `csv`, which is uploaded if it is given.
    pub async fn ask_import(&self, owner: &UserId, batch_id: &str, csv: Option<&[u8]>, skip_bad: bool) -> Job {
        let upload = format!("uploads/{owner}/{}.csv", self.run_id());
        if let Some(csv) = csv {
            self.upload(&upload, csv).await;
        }
        let work = Work::Import {
            batch_id: batch_id.to_owned(),
            run_id: self.run_id(),
            upload,
            file_name: "codes.csv".to_owned(),
            skip_bad,
            checked: None,
        };
        self.ask(self.new_job(work, owner, 0)).await
    }

    /// Puts an upload, as its user would by the link.
    pub async fn upload(&self, key: &str, csv: &[u8]) {
        let mut upload = self.files().upload(key.to_owned(), "codes.csv", "text/csv");
        upload.write(csv.to_vec()).await.expect("the bucket takes it");
        upload.finish().await.expect("the bucket has it");
    }

    pub async fn ask_change(&self, owner: &UserId, act: batch::Act, selection: Selection) -> Job {
        let work = Work::ChangeCodes { act, reason: "a test".to_owned(), selection };
        self.ask(self.new_job(work, owner, 0)).await
    }

    async fn ask(&self, job: Job) -> Job {
        let act = self.store.act(&BY, self.now(), Class::Change, "job.asked", format!("job:{}", job.id));
        act.expect("chance").job(None, &job).expect("a row").commit(soon()).await.expect("the job can be written");
        job
    }

    /// Somebody wants the job to stop. `false` when it is over.
    pub async fn cancel(&self, id: &JobId, by: &UserId) -> bool {
        loop {
            let job = self.job(id).await;
            let Some(cancelled) = job.cancelled_by(by, self.now()) else { return false };
            match self.store.save_job(&job, &cancelled, soon()).await {
                Ok(()) => return true,
                Err(StoreError::Changed) => {}
                Err(error) => panic!("the job can't be written: {error}"),
            }
        }
    }

    /// A worker's run on a nudge about a job; `true` when the message is done with.
    pub fn works(&self, worker: &Arc<Generation>, job: &JobId) -> impl Future<Output = bool> + Send + use<> {
        let worker = Arc::clone(worker);
        let mut message = SqsMessage::default();
        message.message_id = Some("m".to_owned());
        message.body = Some(serde_json::json!({ "job": job }).to_string());
        let mut event = SqsEvent::default();
        event.records = vec![message];
        async move { worker.handle(event, Instant::now() + Duration::from_secs(60)).await.batch_item_failures.is_empty() }
    }

    /// Nudges new workers, each a lease later, until the job is over.
    ///
    /// # Panics
    /// When it doesn't come to an end.
    pub async fn work_off(&self, id: &JobId) -> Job {
        for _ in 0..8 {
            let worker = self.generation();
            self.works(&worker, id).await;
            let job = self.job(id).await;
            if job.state.is_over() {
                return job;
            }
            self.advance(domain::job::LEASE_MS + 1);
        }
        panic!("the job doesn't come to an end: {:?}", self.job(id).await);
    }

    /// Every text of a run in the order of print, whatever its state.
    pub async fn texts(&self, run_id: &str) -> Vec<domain::code::CodeText> {
        let mut texts = Vec::new();
        for number in 0.. {
            let strip = self.store.strip(run_id, number, soon()).await.expect("the table answers");
            if strip.is_empty() {
                break;
            }
            texts.extend(strip);
        }
        texts
    }
}
