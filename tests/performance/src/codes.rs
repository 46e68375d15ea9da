//! Making codes: a job of the real worker beside bare transactions of the same rows, and what people who redeem notice
//! of a job that goes on meanwhile.

use crate::{
    Result,
    embedded::Embedded,
    recorded,
    redemption::{Ours, our_lap, percentile, share},
    table::{Row, Table, grouped, median, milliseconds},
};
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, Put, TransactWriteItem},
};
use domain::{
    access::System,
    audit::Class,
    batch::{Batch, BatchState, Origin, Run},
    code::CodeText,
    id::{JobId, UserId},
    job::{Job, JobState, Seed, Work},
    money::{Currency, Money},
    role::Predefined,
    settings::Settings,
    staff::{Email, User},
    time::{self, DAY_MS},
};
use files::Files;
use generation::Generation;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use rig::{Fault, Script, wire::Wire};
use service::{Clock, aws::Aws, nudge::JobNudges};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use store::{Deadline, Store, chance};

type Item = HashMap<String, AttributeValue>;

/// Codes of one round, and rounds; 100,000 in all.
const CODES: u64 = 20_000;
const ROUNDS: usize = 5;
/// Time of our rounds over that of bare ones.
const AIM: f64 = 1.3;
/// People redeeming beside a job: callers, and codes of each.
const CALLERS: usize = 8;
const EACH: usize = 60;
/// The write budget where people redeem meanwhile, as it is by default.
const BUDGET: u32 = 1_000;
const NO_BUDGET: u32 = 100_000;
const LONG: Duration = Duration::from_secs(600);

fn within() -> Deadline {
    Deadline::in_ms(30_000)
}

/// Whoever the jobs are done for, and the settings that they go by.
async fn owner(store: &Store) -> Result<UserId> {
    let now = Clock::system().now();
    let mut user = User::new(
        UserId::drawn(now, chance()?),
        Email::parse("owner@performance.example")?,
        "An".to_owned(),
        "Owner".to_owned(),
        now,
    );
    user.roles = vec![Predefined::SuperAdministrator.id()];
    let system = System("performance");
    let act = store.act(&system, now, Class::System, "user.made", format!("user:{}", user.id))?;
    act.user(None, &user)?.commit(within()).await?;
    Ok(user.id)
}

/// How fast jobs may write.
async fn budget(store: &Store, per_second: u32) -> Result<()> {
    let (_, _, before) = store.governance(within()).await?;
    let mut after = Settings { version: before.version + 1, ..before.clone() };
    after.codes.writes_per_second = per_second;
    let system = System("performance");
    let act = store.act(&system, Clock::system().now(), Class::System, "settings.set", "settings:codes".to_owned())?;
    Ok(act.settings(before.version, &after)?.commit(within()).await?)
}

/// A new batch whose codes are to be made by a job, as the API writes it.
async fn ask(store: &Store, owner: &UserId, number: u64, codes: u64) -> Result<JobId> {
    // Beside the numbers of batches that are made for redeeming.
    let number = 1_000_000 + number;
    let now = Clock::system().now();
    let money = Money::new(crate::embedded::AMOUNT, Currency::Rwf)?;
    let id = format!("made-{number}");
    let name = format!("BATCH_MADE_{number}");
    let batch = Batch::new(id, number, name, money, time::plus(now, 90 * DAY_MS), now);
    let batch = Batch { state: BatchState::Generating, coming: codes, ..batch };
    let job_id = JobId::drawn(now, chance()?);
    let run = Run {
        job: Some(job_id.clone()),
        day: Some(time::day(now, &Settings::default().zone())),
        ..Run::staging(format!("run-{number}"), batch.id.clone(), codes, Origin::Generated)
    };
    let work = Work::Generate {
        batch_id: batch.id.clone(),
        run_id: run.id.clone(),
        seed: Some(Seed::new(chance()?)),
        redraw: 0,
    };
    let job = Job::new(job_id.clone(), work, owner.clone(), codes, now);
    let system = System("performance");
    let act = store.act(&system, now, Class::System, "batch.made", format!("batch:{}", batch.id))?;
    act.batch(None, &batch)?.run(None, &run)?.job(None, &job)?.commit(within()).await?;
    Ok(job_id)
}

fn worker(embedded: &Embedded, aws: &Aws) -> Generation {
    Generation {
        store: Store::new(aws.dynamodb(), &embedded.names.table),
        // Making codes asks for no file.
        files: Files::new(files::s3(aws), "none"),
        clock: Clock::system(),
        nudges: JobNudges::new(aws.sqs(), "none", "none", Duration::from_secs(1)),
    }
}

async fn make(worker: &Generation, job: &JobId) -> Result<Duration> {
    let begun = Instant::now();
    worker.run(job, tokio::time::Instant::now() + LONG).await?;
    let took = begun.elapsed();
    match worker.store.job(job, within()).await? {
        Some(job) if job.state == JobState::Done => Ok(took),
        other => Err(format!("a job is not done: {:?}", other.map(|job| (job.state, job.problem))).into()),
    }
}

/// The rows of one chunk as the worker sends them.
struct Bare {
    client: Client,
    puts: Vec<Put>,
}

impl Bare {
    async fn of(embedded: &Embedded, owner: &UserId, patient: &Aws) -> Result<Self> {
        let http = Wire::over(embedded.aws.http.clone(), Script::default(), recorded::keep);
        let aws = Aws { http, ..patient.clone() };
        let job = ask(embedded.store(), owner, 1, 96).await?;
        drop(recorded::take());
        make(&worker(embedded, &aws), &job).await?;
        let requests = recorded::bodies(&recorded::take(), "TransactWriteItems")?;
        let chunk = requests.iter().find(|request| recorded::list(request, "TransactItems").len() > 90);
        let chunk = chunk.ok_or("a job sends no chunk of 96 codes")?;
        let mut puts = Vec::new();
        for action in recorded::list(chunk, "TransactItems") {
            let put = &action["Put"];
            let item: Item = serde_json::from_value::<serde_dynamo::Item>(put["Item"].clone())?.into();
            puts.push(Put::builder().table_name(&embedded.names.table).set_item(Some(item)).build()?);
        }
        Ok(Self { client: patient.dynamodb(), puts })
    }

    /// The same rows with these codes. Every code's put has the condition that our own has.
    async fn send(&self, round: usize, number: usize, texts: &[CodeText]) -> Result<()> {
        let mut left = texts.iter();
        let joined = texts.iter().map(CodeText::as_str).collect::<Vec<_>>().join(" ");
        let mut items = Vec::with_capacity(self.puts.len());
        for put in &self.puts {
            let mut put = put.clone();
            let pk = put.item.get("pk").and_then(|pk| pk.as_s().ok()).cloned().unwrap_or_default();
            let set = |put: &mut Put, name: &str, text: String| {
                put.item.insert(name.to_owned(), AttributeValue::S(text));
            };
            match pk.split('#').next().unwrap_or_default() {
                "CODE" => {
                    let Some(text) = left.next() else { continue };
                    set(&mut put, "pk", format!("CODE#{}", text.as_str()));
                    set(&mut put, "text", text.as_str().to_owned());
                    put.condition_expression = Some("attribute_not_exists(pk)".to_owned());
                }
                "RUN" => {
                    set(&mut put, "pk", format!("RUN#bare-{round}"));
                    set(&mut put, "sk", format!("STRIP#{number:07}"));
                    set(&mut put, "codes", joined.clone());
                }
                _ => set(&mut put, "sk", format!("JOB#bare-{round}")),
            }
            items.push(TransactWriteItem::builder().put(put).build());
        }
        let sent = self.client.transact_write_items().set_transact_items(Some(items));
        sent.client_request_token(format!("{round:016x}{number:016x}")).send().await?;
        Ok(())
    }

    async fn round(&self, round: usize, random: &mut ChaCha20Rng) -> Result<Duration> {
        let day = time::day(Clock::system().now(), &Settings::default().zone());
        let texts = Seed::draw(random, day, CODES as usize);
        let begun = Instant::now();
        for (number, chunk) in texts.chunks(96).enumerate() {
            self.send(round, number, chunk).await?;
        }
        Ok(begun.elapsed())
    }
}

/// The waits of people who redeem, with whatever goes on beside them.
async fn redeem(embedded: &mut Embedded, ours: &Arc<Ours>, first: &mut u64) -> Result<Vec<Duration>> {
    let codes = embedded.codes(CALLERS * EACH).await?;
    let work = share(&codes, *first, 0, CALLERS, EACH);
    *first += (CALLERS * EACH) as u64;
    Ok(our_lap(ours, work).await?.waits)
}

/// What a job does to people who redeem: their waits without one, beside one, and beside one that the table throttles.
async fn beside_people(embedded: &mut Embedded, owner: &UserId, patient: &Aws, table: &mut Table) -> Result<()> {
    budget(embedded.store(), BUDGET).await?;
    let ours = Arc::new(Ours::new(embedded).await?);
    // Numbers of callers; the first lap warms up and isn't counted.
    let mut first = 1_000_000;
    redeem(embedded, &ours, &mut first).await?;
    let mut alone = redeem(embedded, &ours, &mut first).await?;
    let throttled = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&throttled);
    let mut calls = 0u64;
    // One write of the job in ten is throttled.
    let script = Script::drawn(move |name| {
        calls += u64::from(name == "TransactWriteItems");
        let now = name == "TransactWriteItems" && calls.is_multiple_of(10);
        count.fetch_add(u64::from(now), Ordering::Relaxed);
        now.then_some(Fault::Throttle)
    });
    let http = Wire::over(embedded.aws.http.clone(), script, |_, _| false);
    let throttling = Aws { http, ..patient.clone() };
    let p99 = |waits: &mut Vec<Duration>| percentile(waits, 0.99);
    let quiet = p99(&mut alone);
    for (what, aws, number) in
        [("beside a job", patient.clone(), 900), ("beside a job that is throttled", throttling, 901)]
    {
        let job = ask(embedded.store(), owner, number, 100_000).await?;
        let worker = worker(embedded, &aws);
        let id = job.clone();
        let working = tokio::spawn(async move { worker.run(&id, tokio::time::Instant::now() + LONG).await });
        let mut waits = redeem(embedded, &ours, &mut first).await?;
        let made = embedded.store().job(&job, within()).await?.map_or(0, |job| job.done);
        working.abort();
        drop(working.await);
        if made == 0 {
            table.wrong.push(format!("{what}: the job did nothing meanwhile"));
        }
        let busy = p99(&mut waits);
        table.rows.push(
            Row::new(format!("p99 of redeeming, {what}"), milliseconds(busy), milliseconds(quiet))
                .ratio(busy.as_secs_f64() / quiet.as_secs_f64()),
        );
    }
    table.notes.push(format!(
        "{CALLERS} callers redeem while a job of 100,000 codes writes at its default budget of {BUDGET} items a second; \
         the table throttled the job {} times",
        throttled.load(Ordering::Relaxed)
    ));
    Ok(())
}

/// Ten runs fill one batch at one time.
const RUNS: u64 = 10;
const RUN_CODES: u64 = 100_000;

/// A million codes in one batch by ten jobs at one time. Whatever is missing, comes twice or has no place is wrong.
pub async fn million() -> Result<Table> {
    let embedded = Embedded::start().await?;
    let store = embedded.store();
    let owner = owner(store).await?;
    budget(store, NO_BUDGET).await?;
    let now = Clock::system().now();
    let money = Money::new(crate::embedded::AMOUNT, Currency::Rwf)?;
    let id = "million".to_owned();
    let batch = Batch::new(id.clone(), 1, "BATCH_MILLION".to_owned(), money, time::plus(now, 90 * DAY_MS), now);
    let batch = Batch { coming: RUNS * RUN_CODES, ..batch };
    let system = System("performance");
    let mut act = store.act(&system, now, Class::System, "batch.made", "batch:million".to_owned())?;
    act = act.batch(None, &batch)?;
    let mut jobs = Vec::new();
    for number in 0..RUNS {
        let job_id = JobId::drawn(now, chance()?);
        let run = Run {
            job: Some(job_id.clone()),
            day: Some(time::day(now, &Settings::default().zone())),
            ..Run::staging(format!("million-{number}"), id.clone(), RUN_CODES, Origin::Generated)
        };
        let seed = Some(Seed::new(chance()?));
        let work = Work::Generate { batch_id: id.clone(), run_id: run.id.clone(), seed, redraw: 0 };
        act = act.run(None, &run)?.job(None, &Job::new(job_id.clone(), work, owner.clone(), RUN_CODES, now))?;
        jobs.push(job_id);
    }
    act.commit(within()).await?;
    let patient = Aws { call_timeout: Duration::from_secs(60), ..embedded.aws.clone() };
    let begun = Instant::now();
    let working: Vec<_> = jobs
        .into_iter()
        .map(|job| {
            let worker = worker(&embedded, &patient);
            tokio::spawn(async move { make(&worker, &job).await })
        })
        .collect();
    for worker in working {
        worker.await??;
    }
    let took = begun.elapsed();
    let mut table =
        Table { title: "a million codes in one batch by ten jobs at one time".to_owned(), ..Table::default() };
    let rate = grouped((RUNS * RUN_CODES) as f64 / took.as_secs_f64());
    table.notes.push(format!("{rate} codes per second, {:.0} s in all", took.as_secs_f64()));
    let Some(batch) = store.batch(&id, within()).await? else { return Err("the batch is gone".into()) };
    let (figures, _) = store.statistics(&batch, 0, Clock::system().now(), within()).await?;
    if (figures.active, batch.coming) != (RUNS * RUN_CODES, 0) {
        table.wrong.push(format!("{} codes are active and {} still coming", figures.active, batch.coming));
    }
    let runs = store.live_runs(&id, within()).await?;
    let mut sheet = 1;
    let mut seen = std::collections::HashSet::with_capacity((RUNS * RUN_CODES) as usize);
    for run in &runs {
        if run.first_sheet != sheet {
            table.wrong.push(format!("a run begins at sheet {} where {sheet} follows", run.first_sheet));
        }
        sheet = run.last_sheet() + 1;
        let mut strip = 0;
        loop {
            let strips = store.strips(&run.id, strip, 500, within()).await?;
            if strips.is_empty() {
                break;
            }
            strip += strips.len() as u64;
            for text in strips.into_iter().flatten() {
                if !seen.insert(text) {
                    table.wrong.push("a code comes twice".to_owned());
                }
            }
        }
    }
    if seen.len() as u64 != RUNS * RUN_CODES {
        table.wrong.push(format!("{} different codes stand in the strips", seen.len()));
    }
    Ok(table)
}

pub async fn run() -> Result<Table> {
    let mut embedded = Embedded::start().await?;
    let owner = owner(embedded.store()).await.map_err(|e| format!("owner: {e}"))?;
    budget(embedded.store(), NO_BUDGET).await.map_err(|e| format!("budget: {e}"))?;
    // Whatever the machine is busy with, a write isn't given up.
    let patient = Aws { call_timeout: Duration::from_secs(60), ..embedded.aws.clone() };
    let bare = Bare::of(&embedded, &owner, &patient).await.map_err(|e| format!("bare: {e}"))?;
    let worker = worker(&embedded, &patient);
    let mut random = ChaCha20Rng::try_from_os_rng()?;
    let (mut our_times, mut bare_times) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let job = ask(embedded.store(), &owner, 10 + round as u64, CODES).await?;
        // Who goes first alternates.
        if round % 2 == 0 {
            our_times.push(make(&worker, &job).await?.as_secs_f64());
            bare_times.push(bare.round(round, &mut random).await?.as_secs_f64());
        } else {
            bare_times.push(bare.round(round, &mut random).await?.as_secs_f64());
            our_times.push(make(&worker, &job).await?.as_secs_f64());
        }
    }
    let ratio = median(our_times.iter().zip(&bare_times).map(|(our, bare)| our / bare).collect());
    let rate = |times: &[f64]| grouped(CODES as f64 / median(times.to_vec()));
    let mut table = Table {
        title: "storing 100,000 codes by jobs, beside bare transactions of the same rows".to_owned(),
        beside: "bare",
        ..Table::default()
    };
    table.rows.push(
        Row::new("codes per second", rate(&our_times), rate(&bare_times))
            .ratio(ratio)
            .aim(&format!("time ≤ {AIM} ×"), ratio <= AIM),
    );
    table.notes.push(format!(
        "{ROUNDS} rounds of {} codes each, in turns, medians; the ratio is of times. Bare: 96 codes, their strip and a \
         job's row in each transaction, ready made.",
        grouped(CODES as f64)
    ));
    beside_people(&mut embedded, &owner, &patient, &mut table).await?;
    Ok(table)
}
