//! What a cold start costs: the CPU time from `exec` to the first code redeemed, beside a function that says hello.

use crate::{
    Result, built,
    embedded::{self, ENVIRONMENT, EPOCH, Embedded},
    runtime_api::RuntimeApi,
    table::{Row, Table, median},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::code::CodeText;
use serde_json::Value;
use std::{
    fs::{self, File},
    io,
    path::Path,
    process::{Child, Command},
    time::Duration,
};

const RUNS: usize = 15;
const AIM_RATIO: f64 = 2.5;
const AIM_MIB: f64 = 6.0;
const MIB: f64 = 1_048_576.0;
/// Where systems keep their root certificates in one file.
const BUNDLES: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];
const PATIENCE: Duration = Duration::from_secs(60);
/// After its answer the function waits for ours; the kernel's account of a sleeping thread is exact.
const SETTLE: Duration = Duration::from_millis(20);

/// Ended when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// CPU time of all threads, in milliseconds.
fn cpu_ms(process: u32) -> io::Result<f64> {
    let mut nanoseconds = 0.0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let account = fs::read_to_string(thread?.path().join("schedstat"))?;
        let on_cpu = account.split_whitespace().next().and_then(|first| first.parse::<f64>().ok());
        nanoseconds += on_cpu.ok_or_else(|| io::Error::other("the kernel's account cannot be read"))?;
    }
    Ok(nanoseconds / 1e6)
}

/// Starts the binary, gives it one event; its CPU time and its answer.
async fn measure(binary: &Path, variables: &[(&str, String)], event: &Value) -> Result<(f64, Value)> {
    let mut api = RuntimeApi::offer(event.to_string()).await?;
    let log = binary.with_extension("log");
    let output = File::create(&log)?;
    let child = Command::new(binary)
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "measured")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()?;
    let running = Running(child);
    let answer = tokio::time::timeout(PATIENCE, api.answer()).await;
    let answer = answer.map_err(|_| format!("no answer; its output is in {}", log.display()))??;
    tokio::time::sleep(SETTLE).await;
    let cpu = cpu_ms(running.0.id())?;
    Ok((cpu, serde_json::from_slice(&answer)?))
}

fn variables(embedded: &Embedded) -> Vec<(&'static str, String)> {
    let endpoint = |of: &Option<String>| of.clone().unwrap_or_default();
    let (aws, names) = (&embedded.aws, &embedded.names);
    vec![
        ("AWS_REGION", aws.region.clone()),
        ("AWS_ACCESS_KEY_ID", aws.credentials.access_key_id().to_owned()),
        ("AWS_SECRET_ACCESS_KEY", aws.credentials.secret_access_key().to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint(&aws.dynamodb)),
        ("AWS_ENDPOINT_URL_SQS", endpoint(&aws.sqs)),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint(&aws.secrets_manager)),
        ("TABLE_NAME", names.table.clone()),
        ("PAYOUT_QUEUE_URL", names.payout_queue.clone()),
        ("USSD_SECRET_ID", names.ussd_secret.clone()),
        ("ENVIRONMENT", ENVIRONMENT.to_owned()),
        ("SWITCH_EPOCH", EPOCH.to_owned()),
    ]
}

/// A file with the first of this system's root certificates, to see what loading all of them costs.
fn one_root() -> Result<Option<String>> {
    let end = "-----END CERTIFICATE-----\n";
    let found = BUNDLES.iter().find_map(|bundle| fs::read_to_string(bundle).ok());
    let Some((first, _)) = found.as_deref().and_then(|bundle| bundle.split_once(end)) else { return Ok(None) };
    let file = built::scratch("roots")?.join("one.pem");
    fs::write(&file, format!("{first}{end}"))?;
    Ok(Some(file.display().to_string()))
}

/// The sample event, with a code and a caller of its own.
fn event(number: u64, code: &CodeText) -> Result<Value> {
    let mut event: Value = serde_json::from_str(include_str!("../../../events/ussd-code.json"))?;
    let form = embedded::form(&embedded::session(number), &embedded::phone(number), &code.printed());
    event["body"] = Value::from(STANDARD.encode(form));
    Ok(event)
}

fn answered(answer: &Value) -> Result<()> {
    let right = answer["statusCode"] == 200 && answer["body"].as_str().is_some_and(|body| body.starts_with("END "));
    if right { Ok(()) } else { Err(format!("the event was answered: {answer}").into()) }
}

pub async fn run() -> Result<Table> {
    let mut table = Table {
        title: "a cold start, from exec to the first committed transaction answered".to_owned(),
        beside: "hello",
        ..Table::default()
    };
    if !Path::new("/proc/self/schedstat").exists() {
        table
            .notes
            .push("skipped: this system has no /proc/<pid>/task/<tid>/schedstat to read CPU time from.".to_owned());
        return Ok(table);
    }
    let (ussd, hello) = (built::ussd()?, built::hello()?);
    let mut embedded = Embedded::start().await?;
    let variables = variables(&embedded);
    let one_root = one_root()?;
    let mut with_one_root = variables.clone();
    with_one_root.extend(one_root.iter().map(|file| ("SSL_CERT_FILE", file.clone())));
    let codes = embedded.codes(2 * (RUNS + 1)).await?;
    let (mut ours, mut ours_one_root, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for (run, pair) in codes.texts.chunks(2).enumerate() {
        let events = pair.iter().zip(2 * run as u64..).map(|(code, number)| event(number, code));
        let events = events.collect::<Result<Vec<_>>>()?;
        for ((binary, variables, figures), event) in [
            (&ussd, &variables[..], &mut ours),
            (&ussd, &with_one_root[..], &mut ours_one_root),
            (&hello, &[][..], &mut theirs),
        ]
        .into_iter()
        .zip(events.iter().cycle())
        {
            let (cpu, answer) = measure(binary, variables, event).await?;
            answered(&answer)?;
            // The first start of each reads its binary from the disk.
            if run > 0 {
                figures.push(cpu);
            }
        }
    }
    let redeemed = embedded.redeemed(&codes.batch).await?;
    if redeemed != codes.texts.len() as u64 {
        table.wrong.push(format!("{} first events, {redeemed} redemptions in the table", codes.texts.len()));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let ratio = ours / theirs;
    table.rows.push(
        Row::new("CPU time", format!("{ours:.2} ms"), format!("{theirs:.2} ms"))
            .ratio(ratio)
            .aim(&format!("≤ {AIM_RATIO}"), ratio <= AIM_RATIO),
    );
    if one_root.is_some() {
        let ours = median(ours_one_root);
        table.rows.push(
            Row::new("with one root certificate", format!("{ours:.2} ms"), format!("{theirs:.2} ms"))
                .ratio(ours / theirs),
        );
    }
    let mib = |binary: &Path| fs::metadata(binary).map(|data| data.len() as f64 / MIB);
    let (our_size, their_size) = (mib(&ussd)?, mib(&hello)?);
    table.rows.push(
        Row::new("binary", format!("{our_size:.2} MiB"), format!("{their_size:.2} MiB"))
            .ratio(our_size / their_size)
            .aim(&format!("≤ {AIM_MIB} MiB"), our_size <= AIM_MIB),
    );
    table.notes.push(format!("medians of {RUNS} starts each, in turns; both built with --release, each alone."));
    table.notes.push(
        "ours: secret, settings, two reads, the transaction and the SQS call, with the SDK's clients.".to_owned(),
    );
    table.notes.push(
        "services are spoken to over http on loopback: deployed, TLS handshakes come on top. The trust store is"
            .to_owned(),
    );
    table
        .notes
        .push("loaded all the same; how many certificates it has differs by system, hence the second row.".to_owned());
    Ok(table)
}
