//! Redemptions over HTTP, the whole way, beside bare transactions of the same seven items on the same table.

use crate::{
    Result,
    bare::{Bare, ITEMS, Job, PER_CUSTOMER},
    embedded::{self, AMOUNT, Codes, Embedded},
    recorded,
    table::{Row, Table, grouped, median, milliseconds},
};
use domain::{
    money::{Currency, Money},
    phone::Msisdn,
    text::Texts,
    ussd::Screen,
};
use rig::{Script, wire::Wire};
use service::aws::Aws;
use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

/// Callers, and how many codes each of them sends in a round; a multiple of [`PER_CUSTOMER`].
const LEVELS: [(usize, usize); 3] = [(1, 200), (8, 40), (32, 32)];
const ROUNDS: usize = 7;
const AIM: f64 = 0.5;
const AIM_P99: Duration = Duration::from_millis(100);

/// One round of one side.
pub(crate) struct Lap {
    rate: f64,
    pub(crate) waits: Vec<Duration>,
    /// Answered "received", because the answer took longer than a customer waits.
    late: usize,
}

/// The way that a hop takes, from a caller's socket on.
pub(crate) struct Ours {
    url: String,
    /// One for each caller, so that each keeps a connection of its own.
    clients: Vec<reqwest::Client>,
    amount: String,
    late: [String; 2],
}

impl Ours {
    pub(crate) async fn new(embedded: &Embedded) -> Result<Self> {
        let url = embedded::serve(embedded.functions(&embedded.aws)?).await?;
        let most = LEVELS.iter().map(|(callers, _)| *callers).max().unwrap_or_default();
        let clients = (0..most).map(|_| reqwest::Client::builder().build()).collect::<std::result::Result<_, _>>()?;
        let settings = embedded::settings();
        let texts = Texts::new(&settings, settings.ussd.default_language);
        let late = [Screen::Received, Screen::TroubleKept].map(|screen| screen.render(&settings, &texts).body());
        Ok(Self { url, clients, amount: Money::new(AMOUNT, Currency::Rwf)?.grouped(), late })
    }

    /// Whether the answer came in time. What was answered must be that the code is redeemed.
    async fn redeem(&self, caller: usize, job: &Job) -> Result<bool> {
        let (answer, phone) = post(&self.clients[caller], &self.url, job).await?;
        if self.late.contains(&answer) {
            return Ok(false);
        }
        let told = answer.starts_with("END ") && answer.contains(&self.amount) && answer.contains(&phone);
        if told { Ok(true) } else { Err(format!("a good code was answered: {answer}").into()) }
    }
}

async fn post(client: &reqwest::Client, url: &str, job: &Job) -> Result<(String, String)> {
    let phone = embedded::phone(job.number / PER_CUSTOMER);
    let form = embedded::form(&embedded::session(job.number), &phone, &job.code.printed());
    let request = client.post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
    let answer = request.send().await?.error_for_status()?.text().await?;
    Ok((answer, Msisdn::parse(&phone)?.local()))
}

/// The request of one real redemption, by a customer who has redeemed before.
async fn recorded_transaction(embedded: &mut Embedded) -> Result<serde_json::Value> {
    let http = Wire::over(embedded.aws.http.clone(), Script::default(), recorded::keep);
    let url = embedded::serve(embedded.functions(&Aws { http, ..embedded.aws.clone() })?).await?;
    let codes = embedded.codes(PER_CUSTOMER as usize - 1).await?;
    drop(recorded::take());
    let client = reqwest::Client::builder().build()?;
    for (code, number) in codes.texts.into_iter().zip(0..) {
        post(&client, &url, &Job { number, code }).await?;
    }
    let mut requests = recorded::bodies(&recorded::take(), "TransactWriteItems")?;
    requests.pop().ok_or_else(|| "a redemption sent no transaction".into())
}

/// Runs all callers at once; each gives its waits and how many of its answers were late.
async fn lap<F>(callers: Vec<F>) -> Result<Lap>
where
    F: Future<Output = Result<(Vec<Duration>, usize)>> + Send + 'static,
{
    let started = Instant::now();
    let running: Vec<_> = callers.into_iter().map(tokio::spawn).collect();
    let (mut waits, mut late) = (Vec::new(), 0);
    for caller in running {
        let (caller_waits, caller_late) = caller.await??;
        waits.extend(caller_waits);
        late += caller_late;
    }
    Ok(Lap { rate: waits.len() as f64 / started.elapsed().as_secs_f64(), waits, late })
}

pub(crate) async fn our_lap(ours: &Arc<Ours>, work: Vec<Vec<Job>>) -> Result<Lap> {
    let callers = work.into_iter().enumerate().map(|(caller, jobs)| {
        let ours = Arc::clone(ours);
        async move {
            let (mut waits, mut late) = (Vec::with_capacity(jobs.len()), 0);
            for job in &jobs {
                let started = Instant::now();
                late += usize::from(!ours.redeem(caller, job).await?);
                waits.push(started.elapsed());
            }
            Ok((waits, late))
        }
    });
    lap(callers.collect()).await
}

async fn bare_lap(bare: &Arc<Bare>, work: Vec<Vec<Job>>) -> Result<Lap> {
    let callers = work.into_iter().map(|jobs| {
        let bare = Arc::clone(bare);
        async move {
            let mut waits = Vec::with_capacity(jobs.len());
            for job in &jobs {
                let started = Instant::now();
                bare.send(job).await?;
                waits.push(started.elapsed());
            }
            Ok((waits, 0))
        }
    });
    lap(callers.collect()).await
}

/// The codes of one round, shared out among the callers.
pub(crate) fn share(codes: &Codes, first: u64, round: usize, callers: usize, each: usize) -> Vec<Vec<Job>> {
    let from = round * callers * each;
    let jobs = codes.texts[from..from + callers * each].iter().zip(first + from as u64..);
    let jobs: Vec<Job> = jobs.map(|(code, number)| Job { number, code: code.clone() }).collect();
    jobs.chunks(each).map(<[Job]>::to_vec).collect()
}

pub(crate) fn percentile(waits: &mut [Duration], part: f64) -> Duration {
    waits.sort_unstable();
    let index = (waits.len() as f64 * part).ceil() as usize;
    waits.get(index.saturating_sub(1)).copied().unwrap_or_default()
}

/// Measures one level and adds its rows.
async fn level(
    embedded: &mut Embedded,
    (ours, bare): (&Arc<Ours>, &Arc<Bare>),
    (callers, each): (usize, usize),
    first: u64,
    table: &mut Table,
) -> Result<()> {
    // The first round warms both sides and isn't counted.
    let total = (ROUNDS + 1) * callers * each;
    let (our_codes, bare_codes) = (embedded.codes(total).await?, embedded.codes(total).await?);
    let (mut our_laps, mut bare_laps) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let our_work = share(&our_codes, first, round, callers, each);
        let bare_work = share(&bare_codes, first, round, callers, each);
        // Who goes first alternates.
        let (our, bare) = if round % 2 == 0 {
            let our = our_lap(ours, our_work).await?;
            (our, bare_lap(bare, bare_work).await?)
        } else {
            let bare = bare_lap(bare, bare_work).await?;
            (our_lap(ours, our_work).await?, bare)
        };
        if round > 0 {
            our_laps.push(our);
            bare_laps.push(bare);
        }
        embedded.empty_queue().await?;
    }
    let late: usize = our_laps.iter().map(|lap| lap.late).sum();
    let redeemed = embedded.redeemed(&our_codes.batch).await? as usize;
    if late > 0 {
        table.notes.push(format!("at {callers}: {late} answers came after the time a customer waits"));
    } else if redeemed != total {
        table.wrong.push(format!("at {callers}: {total} codes were called redeemed, the table counts {redeemed}"));
    }
    let rate = |laps: &[Lap]| median(laps.iter().map(|lap| lap.rate).collect());
    let ratio = median(our_laps.iter().zip(&bare_laps).map(|(our, bare)| our.rate / bare.rate).collect());
    let at = if callers == 1 { "1 caller".to_owned() } else { format!("{callers} callers") };
    table.rows.push(
        Row::new(format!("{at}: per second"), grouped(rate(&our_laps)), grouped(rate(&bare_laps)))
            .ratio(ratio)
            .aim(&format!("≥ {AIM}"), ratio >= AIM),
    );
    let waits = |laps: Vec<Lap>| laps.into_iter().flat_map(|lap| lap.waits).collect::<Vec<_>>();
    let (mut our_waits, mut bare_waits) = (waits(our_laps), waits(bare_laps));
    for (name, part) in [("p50", 0.5), ("p99", 0.99)] {
        let (our, bare) = (percentile(&mut our_waits, part), percentile(&mut bare_waits, part));
        let row = Row::new(format!("{at}: {name}"), milliseconds(our), milliseconds(bare))
            .ratio(our.as_secs_f64() / bare.as_secs_f64());
        let aimed_at = name == "p99" && callers == 32;
        table.rows.push(if aimed_at { row.aim("< 100 ms", our < AIM_P99) } else { row });
    }
    Ok(())
}

pub async fn run() -> Result<Table> {
    let mut embedded = Embedded::start().await?;
    let request = recorded_transaction(&mut embedded).await?;
    // Whatever the machine is busy with, a bare transaction isn't given up.
    let patient = Aws { call_timeout: Duration::from_secs(60), ..embedded.aws.clone() };
    let bare = Arc::new(Bare::of(patient.dynamodb(), &request)?);
    let ours = Arc::new(Ours::new(&embedded).await?);
    let mut table = Table {
        title: "one code over HTTP, from socket to answer, beside its bare transaction".to_owned(),
        beside: "bare",
        ..Table::default()
    };
    // Numbers below were used while recording.
    let mut first = 10 * PER_CUSTOMER;
    for (callers, each) in LEVELS {
        level(&mut embedded, (&ours, &bare), (callers, each), first, &mut table).await?;
        first += ((ROUNDS + 1) * callers * each) as u64;
    }
    table.notes.push(format!(
        "bare: TransactWriteItems of the same {ITEMS} items under fresh keys ({} bytes of request), the same kind of client,",
        bare.bytes
    ));
    table
        .notes
        .push("the same embedded table in memory. A redemption is that, two reads and one SQS call more.".to_owned());
    table.notes.push(format!(
        "{ROUNDS} rounds each, in turns, medians. Callers, functions and services share this process and {} cores.",
        std::thread::available_parallelism().map_or(1, usize::from)
    ));
    Ok(table)
}
