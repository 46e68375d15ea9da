//! One system in one test, on embedded services of its own.

use crate::{
    direct,
    fault::Script,
    rail::SimulatedRail,
    table::{self, Rows},
    wire::{self, Wire},
};
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use aws_sdk_sqs::types::DeleteMessageBatchRequestEntry;
use bytes::Bytes;
use domain::{
    access::MfaDemand,
    code::CodeText,
    money::Currency,
    payout::{Payout, State},
    settings::Settings,
    time,
};
use export::Export;
use files::Files;
use generation::Generation;
use jiff::Timestamp;
use lambda_http::Body;
use local::{
    demo,
    emulators::{Emulators, Storage},
    functions::{Deployment, Functions, Rail},
    gateway,
    names::{self, Names},
    system::local_aws,
};
use momo_simulator::Simulator;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use seal::PublicKeys;
use service::{
    Clock,
    aws::Aws,
    nudge::{JobNudge, JobNudges},
};
use std::{
    collections::VecDeque,
    future::Future,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use store::{Deadline, Store};
use tokio::time::Instant;

pub const PATH_SECRET: &str = "a-path-secret-for-tests";
pub const CALLBACK_SECRET: &str = "a-callback-secret-for-tests";
pub const ENVIRONMENT: &str = "test";
pub const EPOCH: &str = "7";
/// 20 November 2026, 10:00 in Kigali.
pub const START_MS: i64 = 1_795_161_600_000;
const API_USER: &str = "11111111-1111-4111-8111-111111111111";
pub const API_KEY: &str = "key";
const SUBSCRIPTION_KEY: &str = "subscription";
/// A message whose worker died comes again after the queue's visibility time.
pub const VISIBILITY_MS: i64 = 420_000;

static WORLDS: AtomicUsize = AtomicUsize::new(0);

/// What one hop was answered: HTTP status and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub status: u16,
    pub body: String,
}

/// What became of one run of a function.
pub enum Ended<'w, T> {
    Answered(T),
    Died,
    /// It stands still and can be taken up again.
    Stalled(Pin<Box<dyn Future<Output = T> + Send + 'w>>),
}

pub struct World {
    pub functions: Functions,
    pub simulator: Simulator,
    pub script: Script,
    pub codes: Vec<CodeText>,
    pub store: Store,
    pub names: Names,
    now_ms: Arc<AtomicI64>,
    plain: Aws,
    /// Messages whose worker did not finish, with the time from which they come again.
    again: Mutex<VecDeque<(i64, SqsMessage)>>,
    aws: Aws,
    pub(crate) rail: Rail,
    _emulators: Emulators,
    _folder: Option<Scratch>,
}

/// A folder that goes with its world.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// How a world is set up.
pub struct Setup {
    pub script: Script,
    pub codes: usize,
    pub amount: u64,
    pub settings: Option<Settings>,
    /// Calls that are passed on without being counted or failed.
    pub quiet: fn(&str, &str) -> bool,
    /// Whether there is a bucket. Without one, whoever asks for an object has no answer.
    pub files: bool,
    /// Whether the table is called without a socket: a third faster, for lives of thousands of calls.
    pub direct: bool,
    /// What codes are drawn from; without it each world of a process has others.
    pub seed: Option<u64>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            script: Script::default(),
            codes: 1,
            amount: 5_000,
            settings: None,
            quiet: |_, _| false,
            files: false,
            direct: false,
            seed: None,
        }
    }
}

impl World {
    /// A new system: table, queues, secrets, a batch of codes, everything switched on.
    ///
    /// # Panics
    /// When the embedded services don't start.
    pub async fn start(setup: Setup) -> World {
        service::metrics::send_to(Box::new(std::io::sink()));
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let name = format!("mbelyco-world-{}-{number}", std::process::id());
        let folder = setup.files.then(|| Scratch(std::env::temp_dir().join(name)));
        let objects = folder.as_ref().map(|folder| folder.0.as_path());
        let emulators = Emulators::start(&Storage::Memory, objects).await.expect("loopback ports can be had");
        // A look at the whole table may take longer than a function's call.
        let http = if setup.direct { direct::over(wire::plain(), &emulators) } else { wire::plain() };
        let plain = Aws { http, call_timeout: Duration::from_secs(20), ..local_aws(&emulators) };
        let names = Names::under(&format!("world-{number}"));
        let secrets = [
            (
                names.ussd_secret.as_str(),
                serde_json::json!({ "path_secrets": [PATH_SECRET], "customer_pepper": "pepper" }).to_string(),
            ),
            (names.callback_secret.as_str(), serde_json::json!({ "path_secrets": [CALLBACK_SECRET] }).to_string()),
            (
                names.momo_secret.as_str(),
                serde_json::json!({ "api_user": API_USER, "api_key": API_KEY, "subscription_key": SUBSCRIPTION_KEY })
                    .to_string(),
            ),
            (names.staff_secret.as_str(), staff_secret().to_string()),
        ];
        let names = names::create(&plain, names.clone(), &secrets).await.expect("the services take their resources");
        if setup.files {
            names::create_buckets(&plain, &names).await.expect("buckets can be made");
        }

        let now_ms = Arc::new(AtomicI64::new(START_MS));
        let store = Store::new(plain.dynamodb(), &names.table);
        demo::switch_on(&store, EPOCH, time::from_millis(START_MS)).await.expect("switches can be set");
        if let Some(settings) = &setup.settings {
            let entry = domain::audit::Entry::new(
                "settings".to_owned(),
                time::from_millis(START_MS),
                domain::audit::Class::Change,
                "settings.set",
                "system:test".to_owned(),
                "settings:all".to_owned(),
            );
            store.save_settings(0, settings, &entry, Deadline::in_ms(5_000)).await.expect("good settings");
        }
        let mut random = ChaCha20Rng::seed_from_u64(setup.seed.unwrap_or(number as u64));
        let plan = demo::Plan {
            id: "batch-1",
            number: 1,
            name: "BATCH_TEST",
            amount: setup.amount,
            count: setup.codes,
            currency: Currency::Rwf,
        };
        let start = time::from_millis(START_MS);
        let day = time::day(start, &Settings::default().zone());
        let codes = demo::make_batch(&store, &plan, day, start, &mut random).await.expect("a batch can be made");

        let clock = Arc::clone(&now_ms);
        let simulator = Simulator::new(
            momo_simulator::Config {
                currency: "RWF".to_owned(),
                target_environment: "test".to_owned(),
                api_user: API_USER.to_owned(),
                api_key: API_KEY.to_owned(),
                subscription_key: SUBSCRIPTION_KEY.to_owned(),
                opening_balance: 10_000_000_000,
                ledger_file: None,
            },
            Arc::new(move || clock.load(Ordering::SeqCst)),
        )
        .expect("a simulator without a file");
        let aws = Aws {
            http: Wire::over(plain.http.clone(), setup.script.clone(), setup.quiet),
            call_timeout: local_aws(&emulators).call_timeout,
            ..plain.clone()
        };
        let rail = Rail {
            transport: Arc::new(SimulatedRail { simulator: simulator.clone(), script: setup.script.clone() }),
            host: "http://momo.test".to_owned(),
            known_as: None,
            target_environment: "test".to_owned(),
            api_user: API_USER.to_owned(),
            currency: "RWF".to_owned(),
            callback_url: Some(format!("http://us.test{}{CALLBACK_SECRET}", momo_callback::PATH)),
            http_timeout: Duration::from_secs(10),
            second: None,
        };
        let functions = functions(&aws, &names, &rail, &now_ms);
        World {
            functions,
            simulator,
            script: setup.script,
            codes,
            store,
            names,
            now_ms,
            plain,
            again: Mutex::default(),
            aws,
            rail,
            _emulators: emulators,
            _folder: folder,
        }
    }
}

/// The staff's secret in tests, as Secrets Manager holds it.
pub fn staff_secret() -> serde_json::Value {
    serde_json::json!({
        "token_keys": [{ "id": "t1", "secret": "a-token-key-for-tests-0123456789abcdef" }],
        "seal_key": "a-seal-key-for-tests", "pepper": "a-pepper-for-tests",
    })
}

fn functions(aws: &Aws, names: &Names, rail: &Rail, now_ms: &Arc<AtomicI64>) -> Functions {
    let now = Arc::clone(now_ms);
    let clock = Clock::from_millis(move || now.load(Ordering::SeqCst));
    let deployment = Deployment {
        environment: ENVIRONMENT.to_owned(),
        epoch: EPOCH.to_owned(),
        mfa: MfaDemand::Enforced,
        audit_keys: PublicKeys::none(),
    };
    let mut functions = Functions::new(aws, names, rail, &clock, &deployment);
    // Tests say when the payout worker answers; a hop looks once.
    let ussd = Arc::get_mut(&mut functions.ussd).expect("nobody else holds it yet");
    ussd.name_wait = Duration::ZERO;
    functions
}

impl World {
    pub fn now(&self) -> Timestamp {
        time::from_millis(self.now_ms.load(Ordering::SeqCst))
    }

    pub fn advance(&self, milliseconds: i64) {
        self.now_ms.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// New processes in place of the ones that run: nothing that was held in memory is left.
    pub fn restart(&mut self) {
        self.functions = functions(&self.aws, &self.names, &self.rail, &self.now_ms);
    }

    /// A new worker for jobs, on the wire. Nothing of an earlier one's memory is in it.
    pub fn generation(&self) -> Arc<Generation> {
        let now = Arc::clone(&self.now_ms);
        let queues = (&self.names.generation_queue, &self.names.export_queue);
        Arc::new(Generation {
            store: Store::new(self.aws.dynamodb(), &self.names.table),
            files: Files::new(files::s3(&self.aws), &self.names.files_bucket),
            clock: Clock::from_millis(move || now.load(Ordering::SeqCst)),
            nudges: JobNudges::new(self.aws.sqs(), queues.0, queues.1, Duration::from_secs(2)),
        })
    }

    /// A new worker for exports, on the wire. It looks at its job between any two reads of codes.
    pub fn export(&self) -> Export {
        let now = Arc::clone(&self.now_ms);
        let clock = Clock::from_millis(move || now.load(Ordering::SeqCst));
        let files = Files::new(files::s3(&self.aws), &self.names.files_bucket);
        let worker = Export::new(Store::new(self.aws.dynamodb(), &self.names.table), files, clock);
        Export { beat: Duration::ZERO, ..worker }
    }

    /// What processes that a test starts by itself reach the services with, past the wire.
    pub fn plain(&self) -> &Aws {
        &self.plain
    }

    /// The bucket of files, past the wire.
    pub fn files(&self) -> Files {
        Files::new(files::s3(&self.plain), &self.names.files_bucket)
    }

    /// Puts another key for MTN's API into the secret, as whoever rotates it does.
    ///
    /// # Panics
    /// When the secret can't be written.
    pub async fn set_momo_key(&self, api_key: &str) {
        let secret =
            serde_json::json!({ "api_user": API_USER, "api_key": api_key, "subscription_key": SUBSCRIPTION_KEY });
        let secrets = self.plain.secrets_manager();
        let put = secrets.put_secret_value().secret_id(&self.names.momo_secret).secret_string(secret.to_string());
        put.send().await.expect("the secret can be written");
    }

    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        self.plain.dynamodb()
    }

    pub async fn rows(&self) -> Rows {
        table::rows(&self.plain.dynamodb(), &self.names.table).await
    }

    /// Runs one function until it ends, dies or stands still.
    pub async fn run<'w, T: 'w>(&self, work: impl Future<Output = T> + Send + 'w) -> Ended<'w, T> {
        let mut work: Pin<Box<dyn Future<Output = T> + Send + 'w>> = Box::pin(work);
        tokio::select! {
            biased;
            done = &mut work => Ended::Answered(done),
            () = self.script.stopped.notified() => {
                if self.script.stands_still() { Ended::Stalled(work) } else { Ended::Died }
            }
        }
    }

    /// One hop of a caller on MTN as API Gateway passes it on.
    pub fn hop(&self, session: &str, phone: &str, text: &str) -> impl Future<Output = Answered> + Send + use<> {
        self.hop_on("63510", session, phone, text)
    }

    /// One hop of a caller on the network of that code: 63510 is MTN, 63514 Airtel.
    pub fn hop_on(
        &self,
        network_code: &str,
        session: &str,
        phone: &str,
        text: &str,
    ) -> impl Future<Output = Answered> + Send + use<> {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("sessionId", session),
                ("phoneNumber", phone),
                ("networkCode", network_code),
                ("serviceCode", "*801#"),
                ("text", text),
            ])
            .finish();
        self.post(
            &format!("{}{PATH_SECRET}", ussd::HANDLE_PATH),
            "application/x-www-form-urlencoded",
            body.into_bytes(),
        )
    }

    /// A POST to the `ussd` function.
    pub fn post(&self, path: &str, kind: &str, body: Vec<u8>) -> impl Future<Output = Answered> + Send + use<> {
        let request = request("POST", path, kind, body);
        let ussd = Arc::clone(&self.functions.ussd);
        async move { answered(ussd.handle(request).await) }
    }

    /// A request to the `momo-callback` function.
    pub fn callback(&self, method: &str, path: &str, body: Vec<u8>) -> impl Future<Output = Answered> + Send + use<> {
        let request = request(method, path, "application/json", body);
        let callback = Arc::clone(&self.functions.momo_callback);
        async move { answered(callback.handle(request).await) }
    }

    /// The messages that are on the queue now, and those that come again by now.
    pub async fn messages(&self) -> Vec<SqsMessage> {
        let sqs = self.plain.sqs();
        let mut messages = Vec::new();
        loop {
            let got = sqs.receive_message().queue_url(&self.names.payout_queue).max_number_of_messages(10).send().await;
            let got = got.expect("the queue answers").messages.unwrap_or_default();
            if got.is_empty() {
                break;
            }
            let receipts = got.iter().zip(0..).map(|(message, n)| {
                let receipt = message.receipt_handle.clone().expect("a receipt");
                let entry = DeleteMessageBatchRequestEntry::builder().id(format!("m{n}")).receipt_handle(receipt);
                entry.build().expect("an entry")
            });
            let delete = sqs.delete_message_batch().queue_url(&self.names.payout_queue);
            let deleted = delete.set_entries(Some(receipts.collect())).send().await.expect("the queue answers");
            assert!(deleted.failed().is_empty(), "a message can't be taken off the queue");
            let fewer = got.len() < 10;
            for message in got {
                let mut record = SqsMessage::default();
                record.message_id = message.message_id;
                record.body = message.body;
                messages.push(record);
            }
            // All that lay there have come.
            if fewer {
                break;
            }
        }
        let now = self.now_ms.load(Ordering::SeqCst);
        let mut again = self.again.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = std::mem::take(&mut *again);
        for (at, message) in waiting {
            if at <= now { messages.push(message) } else { again.push_back((at, message)) }
        }
        messages
    }

    /// Takes everything off the queues of jobs: what is to write codes, what is to make files.
    ///
    /// # Panics
    /// When a queue doesn't answer.
    pub async fn nudged_jobs(&self) -> (Vec<JobNudge>, Vec<JobNudge>) {
        (self.taken(&self.names.generation_queue).await, self.taken(&self.names.export_queue).await)
    }

    async fn taken(&self, queue: &str) -> Vec<JobNudge> {
        let sqs = self.plain.sqs();
        let mut nudges = Vec::new();
        loop {
            let got = sqs.receive_message().queue_url(queue).max_number_of_messages(10).send().await;
            let got = got.expect("the queue answers").messages.unwrap_or_default();
            if got.is_empty() {
                return nudges;
            }
            for message in got {
                let receipt = message.receipt_handle.expect("a receipt");
                let deleted = sqs.delete_message().queue_url(queue).receipt_handle(receipt).send().await;
                deleted.expect("the queue answers");
                nudges.push(serde_json::from_str(&message.body.unwrap_or_default()).expect("a nudge about a job"));
            }
        }
    }

    /// Takes what lies in the dead-letter queue: the messages' bodies.
    ///
    /// # Panics
    /// When the queue doesn't answer.
    pub async fn dead_letters(&self) -> Vec<String> {
        let got = self.plain.sqs().receive_message().queue_url(&self.names.payout_dead_letters);
        let got = got.max_number_of_messages(10).visibility_timeout(0).send().await.expect("the queue answers");
        got.messages.unwrap_or_default().into_iter().filter_map(|message| message.body).collect()
    }

    /// The worker's run on one message. What is not finished comes again after the visibility time.
    pub fn work(&self, message: SqsMessage) -> impl Future<Output = bool> + Send + use<> {
        let worker = Arc::clone(&self.functions.disbursement);
        let mut event = SqsEvent::default();
        event.records = vec![message];
        async move { worker.handle(event, Instant::now() + Duration::from_secs(50)).await.batch_item_failures.is_empty() }
    }

    pub fn comes_again(&self, message: SqsMessage) {
        let at = self.now_ms.load(Ordering::SeqCst) + VISIBILITY_MS;
        self.again.lock().unwrap_or_else(PoisonError::into_inner).push_back((at, message));
    }

    pub async fn payout(&self, code: &CodeText) -> Option<Payout> {
        let id = domain::identity::RedemptionId::of(ENVIRONMENT, code, 1);
        self.store.payout(&id, Deadline::in_ms(5_000)).await.expect("the table answers")
    }

    /// The next time at which some payout is shown by the due index; `None` when all have ended. Those that have are
    /// asked about again, which nobody waits for here.
    pub async fn next_due(&self) -> Option<Timestamp> {
        let rows = self.rows().await;
        let open = rows.payouts.iter().filter(|(payout, _)| !payout.state.is_end());
        open.filter_map(|(payout, _)| payout.shown_at()).min()
    }

    /// Whether every payout has ended or waits for a person.
    pub async fn at_rest(&self) -> bool {
        let rows = self.rows().await;
        rows.payouts.iter().all(|(payout, _)| match payout.state {
            State::Paid { .. }
            | State::Refused { .. }
            | State::Cancelled { .. }
            | State::Settled { .. }
            | State::Held { .. } => true,
            State::Queued { .. }
            | State::Sending { .. }
            | State::Submitted { .. }
            | State::Retrying { .. }
            | State::AwaitingApproval { .. } => false,
        })
    }
}

fn request(method: &str, path: &str, kind: &str, body: Vec<u8>) -> lambda_http::Request {
    let (parts, ()) = http::Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", kind)
        .body(())
        .expect("a request")
        .into_parts();
    gateway::event(&parts, &Bytes::from(body), SocketAddr::from(([127, 0, 0, 1], 40_000))).expect("an event")
}

fn answered(response: lambda_http::Response<Body>) -> Answered {
    let status = response.status().as_u16();
    let body = match response.into_body() {
        Body::Text(text) => text,
        Body::Binary(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Body::Empty | _ => String::new(),
    };
    Answered { status, body }
}

impl World {
    /// The link in the newest letter to this address, as whoever sends it reads it.
    ///
    /// # Panics
    /// When there is no such letter.
    pub async fn letter_link(&self, address: &str) -> String {
        let letters = self.store.due_mail(self.now(), 100, Deadline::in_ms(5_000)).await.expect("the table answers");
        let newest = letters.iter().filter(|mail| mail.to.as_str() == address && mail.link.is_some());
        let letter = newest.max_by_key(|mail| mail.id.clone()).expect("a letter with a link");
        self.functions.admin_api.desk.link_of(letter).await.expect("it can be unsealed").expect("it has one")
    }
}
