//! Starting the whole system and keeping it going.

use crate::{
    demo,
    emulators::{Emulators, Storage},
    functions::{Deployment, Functions, Rail},
    gateway,
    mail::{self, Letterbox},
    names::{self, LOCAL_ACCESS_KEY, LOCAL_SECRET_KEY, Names},
    options::Options,
    page::{self, Demo},
    sealing,
    secrets::LocalSecrets,
    source::Source,
};
use aws_credential_types::Credentials;
use domain::{access::MfaDemand, code::CodeText, money::Currency, settings::Settings, staff::Email, time};
use momo_simulator::Simulator;
use providers::transport::Https;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use seal::{LocalSigner, PublicKeys, Signer};
use serde_json::{Value, json};
use service::{Clock, aws::Aws, config::Environment};
use staff::{First, FirstError};
use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use store::Store;
use tokio::net::TcpListener;

pub const ENVIRONMENT: &str = "local";
pub const EPOCH: &str = "1";
const REGION: &str = "af-south-1";
const SWEEP_EVERY: Duration = Duration::from_secs(60);
const CALLBACKS_EVERY: Duration = Duration::from_millis(200);
/// Jobs of one kind at one time, so that a small one doesn't wait for a large one.
const JOBS_AT_ONCE: usize = 2;
const HTTP_TIMEOUT: Duration = Duration::from_secs(10);

/// A system that answers. It runs until the runtime ends.
pub struct System {
    pub ready: Value,
    pub phone_url: String,
    _emulators: Option<Emulators>,
    /// Kept locked while this process uses the folder.
    _lock: Option<fs::File>,
    _scratch: Option<Scratch>,
}

/// A folder that goes when the program ends.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "the scratch folder could not be removed");
        }
    }
}

/// The clock of one laptop: the system's, moved on by hand. How far is kept, so that due times stay due.
#[derive(Clone)]
pub struct LocalClock {
    offset_ms: Arc<AtomicI64>,
    file: Option<PathBuf>,
}

impl LocalClock {
    fn kept_in(folder: Option<&Path>) -> io::Result<Self> {
        let file = folder.map(|folder| folder.join("clock-offset-ms"));
        let offset = match file.as_ref().map(fs::read_to_string) {
            None => 0,
            Some(Ok(text)) => text.trim().parse().map_err(io::Error::other)?,
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => 0,
            Some(Err(error)) => return Err(error),
        };
        Ok(Self { offset_ms: Arc::new(AtomicI64::new(offset)), file })
    }

    pub fn now_ms(&self) -> i64 {
        jiff::Timestamp::now().as_millisecond().saturating_add(self.offset_ms.load(Ordering::Relaxed))
    }

    /// Moves the clock on; only forward, as time goes.
    pub fn advance(&self, milliseconds: u64) -> io::Result<()> {
        let by = i64::try_from(milliseconds).map_err(io::Error::other)?;
        let offset = self.offset_ms.fetch_add(by, Ordering::Relaxed).saturating_add(by);
        match &self.file {
            Some(file) => fs::write(file, offset.to_string()),
            None => Ok(()),
        }
    }

    pub fn clock(&self) -> Clock {
        let clock = self.clone();
        Clock::from_millis(move || clock.now_ms())
    }
}

/// AWS clients for embedded services.
pub fn local_aws(emulators: &Emulators) -> Aws {
    Aws {
        region: REGION.to_owned(),
        credentials: Credentials::new(LOCAL_ACCESS_KEY, LOCAL_SECRET_KEY, None, None, "local"),
        dynamodb: Some(emulators.dynamodb.clone()),
        sqs: Some(emulators.sqs.clone()),
        secrets_manager: Some(emulators.secrets_manager.clone()),
        s3: emulators.s3.clone(),
        kms: None,
        http: service::aws::https(),
        call_timeout: Duration::from_millis(900),
    }
}

fn data_folder(options: &Options) -> io::Result<Option<PathBuf>> {
    if options.memory {
        return Ok(None);
    }
    let folder = match &options.data {
        Some(folder) => folder.clone(),
        None => dirs::data_dir()
            .ok_or_else(|| {
                io::Error::other("there is no data directory for this user; name one with --data DIR or use --memory")
            })?
            .join("mbelyco-promo"),
    };
    fs::create_dir_all(&folder)?;
    Ok(Some(folder))
}

fn lock(folder: &Path) -> io::Result<fs::File> {
    let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(folder.join("lock"))?;
    file.try_lock().map_err(|_| {
        io::Error::other(format!("another one runs in {}; stop it, or choose --data DIR or --memory", folder.display()))
    })?;
    Ok(file)
}

impl System {
    /// Starts everything and answers once it does.
    ///
    /// # Errors
    /// In words for the person who started it.
    pub async fn start(options: &Options) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", options.port)).await.map_err(|error| {
            io::Error::other(format!(
                "port {} cannot be used ({error}); choose another with --port N, or any with --port 0",
                options.port
            ))
        })?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let folder = data_folder(options)?;
        let lock = folder.as_deref().map(lock).transpose()?;
        let clock = LocalClock::kept_in(folder.as_deref())?;
        let mut secrets = folder.as_deref().map_or_else(LocalSecrets::draw, LocalSecrets::kept_in)?;
        let external_momo =
            options.momo_url.as_deref().map(|_| ExternalMomo::from_environment(&mut secrets)).transpose()?;

        let (aws, emulators, scratch) = services(options, folder.as_deref()).await?;
        let wanted = [
            ("ussd", secrets.ussd()),
            ("callback", secrets.callback()),
            ("momo", secrets.momo()),
            ("staff", secrets.staff()),
        ];
        let wanted: Vec<(String, String)> =
            wanted.into_iter().map(|(name, text)| (format!("{}/{name}", options.prefix), text)).collect();
        let wanted: Vec<(&str, String)> = wanted.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
        let names = Names::under(&options.prefix);
        let names = if options.external_aws && !options.create {
            names::find(&aws, names).await?
        } else {
            names::create(&aws, names, &wanted).await?
        };
        if aws.s3.is_some() && (!options.external_aws || options.create) {
            names::create_buckets(&aws, &names).await?;
        }

        let simulator = simulator(&secrets, folder.as_deref(), &clock)?;
        let momo_url = options.momo_url.clone().unwrap_or_else(|| format!("{base_url}/momo"));
        let callback_url = format!("{base_url}/api/v1/webhooks/momo/disbursements/{}", secrets.callback_path);
        let currency = external_momo.as_ref().map_or(Currency::Rwf, |momo| momo.currency);
        let rail = Rail {
            transport: Arc::new(Https::new(HTTP_TIMEOUT).map_err(io::Error::other)?),
            host: momo_url.trim_end_matches('/').to_owned(),
            known_as: external_momo.is_none().then(|| "simulator".to_owned()),
            target_environment: external_momo
                .as_ref()
                .map_or("local".to_owned(), |momo| momo.target_environment.clone()),
            api_user: secrets.momo_api_user.clone(),
            currency: currency.code().to_owned(),
            // MTN can't reach a laptop, and the host of a callback is fixed when the API user is made.
            callback_url: external_momo.is_none().then_some(callback_url),
            http_timeout: HTTP_TIMEOUT,
            second: None,
        };
        let signer = match folder.as_deref() {
            Some(folder) => LocalSigner::kept_in(&folder.join("audit-key"))?,
            None => LocalSigner::draw()?,
        };
        let deployment = Deployment {
            environment: ENVIRONMENT.to_owned(),
            epoch: EPOCH.to_owned(),
            // Nobody is kept from trying things out here by an app that isn't set up yet.
            mfa: MfaDemand::Relaxed,
            audit_keys: PublicKeys::one(signer.public_key().clone()),
        };
        let functions = Functions::new(&aws, &names, &rail, &clock.clock(), &deployment);
        let store = Store::new(aws.dynamodb(), &names.table);
        demo::switch_on(&store, EPOCH, clock.clock().now()).await.map_err(io::Error::other)?;
        let first = first_administrator(&functions, &secrets).await?;
        let demo_codes =
            if options.no_demo { Vec::new() } else { demo_codes(&store, folder.as_deref(), &clock, currency).await? };

        let settings = Settings::default();
        let page = page::Page {
            base_url: base_url.clone(),
            ussd_path: format!("{}{}", ussd::HANDLE_PATH, secrets.ussd_path),
            notice_path: format!("{}{}", ussd::STATUS_PATH, secrets.ussd_path),
            settings,
            demo_codes: Arc::new(demo_codes),
            clock: clock.clone(),
            store,
            dynamodb: aws.dynamodb(),
            table: names.table.clone(),
            sweeper: Arc::clone(&functions.sweeper),
            simulator: simulator.clone(),
        };
        let ready = page.ready(&momo_url, first.as_ref());
        let phone_url = format!("{base_url}/phone");

        let app = gateway::router(functions.clone()).merge(page::router(page)).nest("/momo", simulator.router());
        let letterbox = Letterbox::new(clock.clock());
        let app = app.merge(letterbox.router());
        let notifier = mail::notifier(&aws, &functions.admin_api.desk, &base_url);
        tokio::spawn(
            async move { axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await },
        );
        feed(&aws, &names, &functions);
        tokio::spawn(sealing::keep_sealing(sealing::nightly(
            &functions.admin_api.log,
            signer,
            files::Files::new(files::s3(&aws), &names.files_bucket),
            currency,
        )));
        tokio::spawn(keep_sweeping(functions, emulators.as_ref().map(|emulators| emulators.database.clone())));
        tokio::spawn(deliver_callbacks(simulator));
        tokio::spawn(mail::keep_delivering(notifier));

        wait_until_it_answers(&base_url).await?;
        if let Some(file) = &options.ready_file {
            let beside = file.with_extension("part");
            fs::write(&beside, serde_json::to_vec_pretty(&ready).map_err(io::Error::other)?)?;
            fs::rename(beside, file)?;
        }
        Ok(Self { ready, phone_url, _emulators: emulators, _lock: lock, _scratch: scratch })
    }
}

/// Connects the queues with their functions.
fn feed(aws: &Aws, names: &Names, functions: &Functions) {
    let disbursement = Arc::clone(&functions.disbursement);
    tokio::spawn(Source::payouts(aws.sqs(), &names.payout_queue).run(move |event, until| {
        let disbursement = Arc::clone(&disbursement);
        async move { disbursement.handle(event, until).await }
    }));
    for _ in 0..JOBS_AT_ONCE {
        let generation = Arc::clone(&functions.generation);
        tokio::spawn(Source::jobs(aws.sqs(), &names.generation_queue).run(move |event, until| {
            let generation = Arc::clone(&generation);
            async move { generation.handle(event, until).await }
        }));
        let export = Arc::clone(&functions.export);
        tokio::spawn(Source::jobs(aws.sqs(), &names.export_queue).run(move |event, until| {
            let export = Arc::clone(&export);
            async move { export.handle(event, until).await }
        }));
    }
}

/// The first administrator of this laptop, made at the first start. The password stands in the folder's secrets.
async fn first_administrator(functions: &Functions, secrets: &LocalSecrets) -> io::Result<Option<(String, String)>> {
    let Some(staff) = &secrets.staff else { return Ok(None) };
    let email = Email::parse("admin@mbelyco.local").map_err(io::Error::other)?;
    let first = First {
        email: email.clone(),
        first_name: "First".to_owned(),
        last_name: "Administrator".to_owned(),
        password: Some(staff.first_password.clone()),
    };
    match functions.admin_api.desk.first_administrator(first).await {
        Ok(_) | Err(FirstError::NotTheFirst) => Ok(Some((email.to_string(), staff.first_password.clone()))),
        Err(error) => Err(io::Error::other(error)),
    }
}

struct ExternalMomo {
    target_environment: String,
    currency: Currency,
}

impl ExternalMomo {
    fn from_environment(secrets: &mut LocalSecrets) -> io::Result<Self> {
        let mut environment = Environment::of_process();
        secrets.momo_api_user = environment.required("MOMO_API_USER");
        secrets.momo_api_key = environment.required("MOMO_API_KEY");
        secrets.momo_subscription_key = environment.required("MOMO_SUBSCRIPTION_KEY");
        let target_environment = environment.required("MOMO_TARGET_ENVIRONMENT");
        let currency = environment.required("MOMO_CURRENCY");
        let currency = Currency::parse(&currency).unwrap_or_else(|| {
            environment.problem("MOMO_CURRENCY is RWF or EUR");
            Currency::Rwf
        });
        environment.finish().map_err(io::Error::other)?;
        Ok(Self { target_environment, currency })
    }
}

type Services = (Aws, Option<Emulators>, Option<Scratch>);

async fn services(options: &Options, folder: Option<&Path>) -> io::Result<Services> {
    if options.external_aws {
        let mut environment = Environment::of_process();
        let aws = Aws::from_environment(&mut environment);
        environment.finish().map_err(io::Error::other)?;
        return Ok((aws, None, None));
    }
    let scratch =
        folder.is_none().then(|| Scratch(std::env::temp_dir().join(format!("mbelyco-promo-{}", std::process::id()))));
    let objects = match (folder, &scratch) {
        (Some(folder), _) => folder.join("s3"),
        (None, Some(scratch)) => scratch.0.clone(),
        (None, None) => return Err(io::Error::other("no folder for objects")),
    };
    let storage = folder.map_or(Storage::Memory, |folder| Storage::Folder(folder.to_owned()));
    let emulators = Emulators::start(&storage, Some(&objects)).await?;
    Ok((local_aws(&emulators), Some(emulators), scratch))
}

fn simulator(secrets: &LocalSecrets, folder: Option<&Path>, clock: &LocalClock) -> io::Result<Simulator> {
    let clock = clock.clone();
    let config = momo_simulator::Config {
        currency: "RWF".to_owned(),
        target_environment: "local".to_owned(),
        api_user: secrets.momo_api_user.clone(),
        api_key: secrets.momo_api_key.clone(),
        subscription_key: secrets.momo_subscription_key.clone(),
        opening_balance: 10_000_000,
        ledger_file: folder.map(|folder| folder.join("momo-ledger.jsonl")),
    };
    Simulator::new(config, Arc::new(move || clock.now_ms()))
}

/// The demo codes of an earlier start, or new ones.
async fn demo_codes(
    store: &Store,
    folder: Option<&Path>,
    clock: &LocalClock,
    currency: Currency,
) -> io::Result<Vec<Demo>> {
    let file = folder.map(|folder| folder.join("demo-codes.json"));
    if let Some(bytes) = file.as_ref().and_then(|file| fs::read(file).ok()) {
        return serde_json::from_slice(&bytes).map_err(io::Error::other);
    }
    let now = clock.clock().now();
    let day = time::day(now, &Settings::default().zone());
    let mut random = ChaCha20Rng::try_from_os_rng().map_err(|error| io::Error::other(error.to_string()))?;
    let mut demos = Vec::new();
    // A batch's id has the time in it: after the data was lost in part, a new start makes new batches.
    for (name, amount, count) in [("BATCH_DEMO_5000", 5_000, 20), ("BATCH_DEMO_25000", 25_000, 5)] {
        let (number, name) = demo::free(store, name, now).await.map_err(io::Error::other)?;
        let id = format!("demo-{number}-{}", now.as_millisecond());
        let plan = demo::Plan { id: &id, number, name: &name, amount, count, currency };
        let codes: Vec<CodeText> =
            demo::make_batch(store, &plan, day, now, &mut random).await.map_err(io::Error::other)?;
        demos.extend(codes.into_iter().map(|code| Demo { code, amount, currency }));
    }
    if let Some(file) = file {
        fs::write(file, serde_json::to_vec_pretty(&demos).map_err(io::Error::other)?)?;
    }
    Ok(demos)
}

async fn keep_sweeping(functions: Functions, database: Option<dynoxide::Database>) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    loop {
        every.tick().await;
        if let Err(error) = functions.sweeper.sweep().await {
            tracing::error!(%error, "a sweep failed; the next one follows in a minute");
        }
        if let Some(database) = database.clone() {
            let swept = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
            if !matches!(swept, Ok(Ok(_))) {
                tracing::error!("expired rows could not be swept");
            }
        }
    }
}

async fn deliver_callbacks(simulator: Simulator) {
    let Ok(client) = reqwest::Client::builder().timeout(Duration::from_secs(10)).build() else {
        tracing::error!("no HTTP client for callbacks; payouts settle without them");
        return;
    };
    let mut every = tokio::time::interval(CALLBACKS_EVERY);
    loop {
        every.tick().await;
        simulator.settle_due();
        for callback in simulator.due_callbacks() {
            let request = match callback.method {
                "POST" => client.post(&callback.url),
                _ => client.put(&callback.url),
            };
            if let Err(error) = request.json(&callback.body).send().await {
                tracing::warn!(error = %error.without_url(), "a callback did not arrive");
            }
        }
    }
}

async fn wait_until_it_answers(base_url: &str) -> io::Result<()> {
    let url = format!("{base_url}/local/info");
    for _ in 0..50 {
        if reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(io::Error::other("the system does not answer on its own address"))
}

/// The JSON object of `--ready-file`.
pub fn ready(
    base_url: &str,
    ussd_path: &str,
    notice_path: &str,
    momo_url: &str,
    codes: &[Demo],
    first: Option<&(String, String)>,
) -> Value {
    json!({
        "base_url": base_url,
        "ussd_url": format!("{base_url}{ussd_path}"),
        "notice_url": format!("{base_url}{notice_path}"),
        "phone_url": format!("{base_url}/phone"),
        "momo_url": momo_url,
        "mail_url": format!("{base_url}/local/mail"),
        "api_docs_url": format!("{base_url}/api/v1/docs"),
        "admin_email": first.map(|(email, _)| email),
        "admin_password": first.map(|(_, password)| password),
        "demo_codes": codes.iter().map(|demo| demo.code.printed()).collect::<Vec<_>>(),
    })
}
