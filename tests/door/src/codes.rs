//! Batches, codes and jobs that requests are about.

use crate::{
    Got, Office, Person,
    routes::{Caller, Operation, Request, Stage},
};
use domain::{
    access::System,
    audit::Class,
    batch::{Act, CodeId},
    id::{JobId, UserId},
    job::{Job, JobFile, JobProblem, Selection, Work},
};
use serde_json::{Value, json};
use std::time::Duration;
use store::{Deadline, chance};
use tokio::time::Instant;

pub const BATCHES: &str = "/api/v1/admin/batches";
pub const CODES: &str = "/api/v1/admin/promo-codes";
pub const JOBS: &str = "/api/v1/admin/jobs";

/// What one code pays at most before a second person is asked, where three codes pass the stage's ceiling.
pub const STAGE_CEILING: u64 = 1_000_000;
const DEAR: u64 = 500_000;

fn soon() -> Deadline {
    Deadline::in_ms(5_000)
}

/// A text of an answer.
///
/// # Panics
/// When there is none.
pub fn text_of<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer} of {value}"))
}

impl Office {
    /// A new batch with codes, which are live.
    ///
    /// # Panics
    /// When it can't be made.
    pub async fn batch_of(&self, by: &Person, name: &str, amount: u64, codes: u64) -> String {
        let form = json!({ "name": name, "amount": amount, "total_codes": codes });
        let made = self.ask("POST", BATCHES).by(by).json(&form).send().await.expect(201);
        if codes > 0 {
            assert_eq!(self.work(text_of(&made.body, "/job/id")).await, "done");
        }
        text_of(&made.body, "/batch/id").to_owned()
    }

    /// Lets a worker do a job as far as it goes. Answers the state that it is in afterwards.
    ///
    /// # Panics
    /// When the worker has trouble.
    pub async fn work(&self, job: &str) -> &'static str {
        let id = JobId::parse(job).expect("an id");
        let until = Instant::now() + Duration::from_secs(300);
        let job = self.world.store.job(&id, soon()).await.expect("the table answers").expect("a job");
        if job.work.is_export() {
            Box::pin(self.world.functions.export.run(&id, until)).await.expect("it is worked on");
        } else {
            Box::pin(self.world.functions.generation.run(&id, until)).await.expect("it is worked on");
        }
        self.world.job(&id).await.state.name()
    }

    /// The ids of a batch's codes and their texts, in order, past the API.
    ///
    /// # Panics
    /// When the table doesn't answer.
    pub async fn codes_of(&self, batch: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for run in self.world.store.live_runs(batch, soon()).await.expect("the table answers") {
            let mut n = 0;
            for strip in 0..run.strips() {
                for text in self.world.store.strip(&run.id, strip, soon()).await.expect("the table answers") {
                    found.push((CodeId { run: run.id.clone(), n }.to_string(), text.printed()));
                    n += 1;
                }
            }
        }
        found
    }

    /// A batch as the API shows it.
    pub async fn batch(&self, by: &Person, id: &str) -> Got {
        self.ask("GET", &format!("{BATCHES}/{id}")).by(by).send().await.expect(200)
    }

    /// Brings a batch into a state.
    pub async fn bring(&self, by: &Person, id: &str, state: &str) -> Got {
        let tag = self.batch(by, id).await.etag();
        let put = self.ask("PUT", &format!("{BATCHES}/{id}/status")).by(by).if_match(&tag);
        put.json(&json!({ "state": state })).send().await
    }
}

impl Stage<'_> {
    fn code_name(&self, what: &str) -> String {
        format!("{what} {}", self.number())
    }

    /// A batch without codes: id and entity tag.
    async fn empty_batch(&self) -> (String, String) {
        let form = json!({ "name": self.code_name("Empty"), "amount": 500 });
        let got = self.office.ask("POST", BATCHES).by(&self.helper).json(&form).send().await.expect(201);
        (text_of(&got.body, "/batch/id").to_owned(), got.etag())
    }

    async fn full_batch(&self) -> String {
        self.office.batch_of(&self.helper, &self.code_name("Full"), 500, 3).await
    }

    /// A live code: id and text.
    pub(crate) async fn live_code(&self) -> (String, String) {
        let batch = self.full_batch().await;
        self.office.codes_of(&batch).await.swap_remove(1)
    }

    /// Codes that wait for a second person: the change.
    async fn approval(&self) -> String {
        let form = json!({ "name": self.code_name("Dear"), "amount": DEAR, "total_codes": 3 });
        let got = self.office.ask("POST", BATCHES).by(&self.helper).json(&form).send().await.expect(201);
        assert_eq!(got.body["job"]["state"], "waiting");
        text_of(&got.body, "/change/id").to_owned()
    }

    /// A job of the caller's (of the helper's where nobody calls), put straight into the table.
    async fn job(&self, caller: &Caller, change: impl FnOnce(Job) -> Job) -> String {
        let world = &self.office.world;
        let owner = if caller.person.id.is_empty() { &self.helper.id } else { &caller.person.id };
        let work = Work::ChangeCodes {
            act: Act::Block,
            reason: "stolen".to_owned(),
            selection: Selection::Codes { codes: vec![CodeId { run: "none".to_owned(), n: 0 }] },
        };
        let id = JobId::drawn(world.now(), chance().expect("randomness"));
        let job = change(Job::new(id, work, UserId::parse(owner).expect("an id"), 1, world.now()));
        let act = world.store.act(&System("test"), world.now(), Class::System, "job.placed", format!("job:{}", job.id));
        let act = act.and_then(|act| act.job(None, &job)).expect("a row");
        act.commit(soon()).await.expect("the table takes it");
        job.id.to_string()
    }

    async fn finished_job(&self, caller: &Caller) -> String {
        let now = self.office.world.now();
        let id = JobId::drawn(now, chance().expect("randomness"));
        let made = self.office.world.files().put_result(&id, "results.csv", "text/csv", b"id\r\n".to_vec()).await;
        let file: JobFile = made.expect("the bucket takes it");
        self.job(caller, |job| job.finished(vec![file], now)).await
    }

    /// A good request about batches, codes and jobs; `None` for what isn't about these.
    ///
    /// # Panics
    /// When what it is about can't be made.
    pub(crate) async fn request_of_codes(&self, operation: &Operation, caller: &Caller) -> Option<Request> {
        let request = Request { path: operation.path.clone(), ..Request::default() };
        let at =
            |id: &str| Request { path: operation.path.replace("{id}", id).replace("{n}", "0"), ..Request::default() };
        let asked = |query: &str| Request { path: format!("{}?{query}", operation.path), ..Request::default() };
        let upload = "0".repeat(32);
        let now = self.office.world.now();
        Some(match operation.id.as_str() {
            "listBatches" | "downloadBatches" | "listCodes" | "codeStatistics" | "listJobs" | "listNotices"
            | "listCodeApprovals" => request,
            "createBatch" => request.body(json!({ "name": self.code_name("New"), "amount": 500 })),
            "generateBatch" => request.body(json!({ "name": self.code_name("New"), "amount": 500, "total_codes": 3 })),
            "importBatch" => request.body(json!({ "name": self.code_name("New"), "amount": 500, "upload": upload })),
            "changeBatches" => request.body(json!({ "ids": [self.empty_batch().await.0], "action": "block" })),
            "getBatch" | "batchStatistics" | "batchPrints" => at(&self.empty_batch().await.0),
            "updateBatch" => {
                let (id, tag) = self.empty_batch().await;
                at(&id).body(json!({ "description": "Another one." })).if_match(tag)
            }
            "deleteBatch" => {
                let (id, _) = self.empty_batch().await;
                let tag = self.office.bring(&self.helper, &id, "blocked").await.expect(200).etag();
                self.office.world.advance(domain::batch::IN_FLIGHT_MS);
                at(&id).if_match(tag)
            }
            "assignBatch" => at(&self.empty_batch().await.0).body(json!({ "user": self.helper.id })),
            "setBatchStatus" => {
                let (id, tag) = self.empty_batch().await;
                at(&id).body(json!({ "state": "blocked" })).if_match(tag)
            }
            "createUpload" => request.body(json!({ "bytes": 5, "file_name": "codes.csv" })),
            "generateCodes" => request.body(json!({ "batch_id": self.empty_batch().await.0, "count": 3 })),
            "importCodes" => request.body(json!({ "batch_id": self.empty_batch().await.0, "upload": upload })),
            "downloadCodes" | "exportedCodes" | "exportCodes" => {
                asked(&format!("batch_id={}", self.full_batch().await))
            }
            "changeCodes" => {
                let codes = [self.live_code().await.0];
                request.body(json!({ "act": "block", "reason": "A sheet was stolen.", "codes": codes }))
            }
            "approveCodes" => at(&self.approval().await),
            "refuseCodes" => at(&self.approval().await).body(json!({ "reason": "Not now." })),
            "getCode" | "deleteCode" => at(&self.live_code().await.0),
            "updateCode" => {
                let (id, _) = self.live_code().await;
                let tag = self.office.ask("GET", &format!("{CODES}/{id}")).by(&self.helper).send().await.expect(200);
                at(&id).body(json!({ "metadata": [{ "name": "shop", "value": "Kimironko" }] })).if_match(tag.etag())
            }
            "setCodeStatus" => at(&self.live_code().await.0).body(json!({ "state": "blocked", "reason": "Stolen." })),
            "disableCode" => at(&self.live_code().await.0).body(json!({ "reason": "Stolen." })),
            "validateCode" => request.body(json!({ "code": self.live_code().await.1 })),
            "searchCode" => asked(&format!("code={}", self.live_code().await.1)),
            "getJob" | "cancelJob" => at(&self.job(caller, |job| job).await),
            "retryJob" => {
                let failed = |job: Job| job.gave_up(JobProblem::new("keeps_failing", "Try again."), Vec::new(), now);
                at(&self.job(caller, failed).await)
            }
            "getJobFile" => at(&self.finished_job(caller).await),
            _ => return None,
        })
    }
}
