//! What the functions work on: table, queues, secrets, archive and mail on embedded services, one code, one member of
//! the staff, and a simulated MoMo.

use crate::{
    LIMIT,
    archive::{Folder, Kms},
    binaries::binary,
    events,
    gate::{self, Call, Refused, Services},
    process::Process,
};
use domain::{
    access::{self, MfaDemand},
    audit::{Class, Entry},
    batch::{Batch, Code, Origin, Run},
    code::CodeText,
    id::UserId,
    identity::RedemptionId,
    job::{Job, Work},
    money::{Currency, Money},
    payout::Payout,
    staff::Email,
    time::{self, DAY_MS},
};
use files::Files;
use house::template;
use jiff::Timestamp;
use local::{
    demo,
    emulators::{Emulators, Storage},
    mail::Letterbox,
    names::{self, Names},
    system::local_aws,
};
use momo_simulator::Simulator;
use seal::{Archive, Log, PublicKeys};
use serde_json::{Value, json};
use service::{Clock, aws::Aws, nudge::JobNudge, secret::Secret};
use staff::{Desk, First};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::Duration,
};
use store::{Ceilings, Deadline, Saving, Store};
use tokio::net::TcpListener;

/// What all samples have as their last path segment.
pub const PATH_SECRET: &str = "local-only-secret";
pub const PEPPER: &str = "a-pepper-for-tests";
pub const API_KEY: &str = "an-api-key-for-tests";
pub const SUBSCRIPTION_KEY: &str = "a-subscription-key-for-tests";
const API_USER: &str = "11111111-1111-4111-8111-111111111111";
pub const STAFF_SEAL_KEY: &str = "a-seal-key-for-tests-that-is-as-long-as-one";
const STAFF_TOKEN_KEY: &str = "a-token-key-for-tests-that-is-as-long-as-one";
const STAFF_PEPPER: &str = "a-pepper-of-staff-for-tests";
const AUDIT_KEY_ID: &str = "arn:aws:kms:eu-west-1:123456789012:key/5d1c0e2f-7a3b-4c68-9f10-2b6d8e4a7c35";
/// Letters' links lead there.
pub const CONSOLE_BASE: &str = "https://console.mbelyco.example";
const MAIL_FROM: &str = "MBELYCO Promo <no-reply@mbelyco.example>";
const SESSION_TOKEN: &str = "a-session-token-for-tests";
const ENVIRONMENT: &str = "staging";
const EPOCH: &str = "1";
const TARGET: &str = "mtnrwanda";
/// Where MTN finds us: the host of the samples.
pub const CALLBACK_BASE: &str = "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com";
/// Every other address is turned away; the samples' is one of these.
const GATEWAY_ADDRESSES: &str = "198.51.100.0/24";
pub const AMOUNT: u64 = 500;
/// Codes that a job makes here: more than one strip.
pub const RUN_CODES: u64 = 100;

pub struct System {
    pub store: Store,
    pub simulator: Simulator,
    /// The code as printed that the sample means.
    pub code: CodeText,
    names: Names,
    aws: Aws,
    momo: String,
    /// What SES was given.
    pub letterbox: Letterbox,
    kms: Kms,
    /// Where each function finds the services: behind its own gate.
    gates: BTreeMap<String, String>,
    refused: Refused,
    /// They serve as long as they are held.
    _emulators: Emulators,
    _objects: Folder,
}

fn within() -> Deadline {
    Deadline::in_ms(u64::try_from(LIMIT.as_millis()).unwrap_or(u64::MAX))
}

impl System {
    /// # Panics
    /// When a loopback port can't be had or a service doesn't take its resources.
    pub async fn start() -> Self {
        let objects = Folder::draw();
        let emulators = Emulators::start(&Storage::Memory, Some(&objects.0)).await;
        let emulators = emulators.expect("loopback ports can be had");
        let aws = local_aws(&emulators);
        let names = Names::under("mbelyco-promo-staging");
        let secrets = [
            (
                names.ussd_secret.as_str(),
                json!({ "path_secrets": [PATH_SECRET], "customer_pepper": PEPPER }).to_string(),
            ),
            (names.callback_secret.as_str(), json!({ "path_secrets": [PATH_SECRET] }).to_string()),
            (
                names.momo_secret.as_str(),
                json!({ "api_user": API_USER, "api_key": API_KEY, "subscription_key": SUBSCRIPTION_KEY }).to_string(),
            ),
            (
                names.staff_secret.as_str(),
                json!({
                    "token_keys": [{ "id": "1", "secret": STAFF_TOKEN_KEY }],
                    "seal_key": STAFF_SEAL_KEY, "pepper": STAFF_PEPPER,
                })
                .to_string(),
            ),
        ];
        let names = names::create(&aws, names.clone(), &secrets).await.expect("the services take their resources");
        names::create_buckets(&aws, &names).await.expect("buckets can be made");
        let store = Store::new(aws.dynamodb(), &names.table);
        let now = time::from_millis(Timestamp::now().as_millisecond());
        demo::switch_on(&store, EPOCH, now).await.expect("switches can be set");
        let code = code_of_the_sample();
        batch_of(&store, &code, now).await;

        let config = momo_simulator::Config {
            currency: "RWF".to_owned(),
            target_environment: TARGET.to_owned(),
            api_user: API_USER.to_owned(),
            api_key: API_KEY.to_owned(),
            subscription_key: SUBSCRIPTION_KEY.to_owned(),
            opening_balance: 1_000_000,
            ledger_file: None,
        };
        let simulator = Simulator::new(config, Arc::new(|| Timestamp::now().as_millisecond()));
        let simulator = simulator.expect("a simulator without a file");
        let momo = served(simulator.router()).await;
        let letterbox = Letterbox::new(Clock::system());
        let kms = Kms::with_key(AUDIT_KEY_ID);
        let services = Arc::new(Services {
            dynamodb: emulators.dynamodb.clone(),
            sqs: emulators.sqs.clone(),
            secrets_manager: emulators.secrets_manager.clone(),
            s3: emulators.s3.clone().expect("a folder was given"),
            kms: kms.clone().serve().await.expect("a loopback port can be had"),
            ses: served(letterbox.router()).await,
            resources: resources(&names),
            environment: ENVIRONMENT.to_owned(),
        });
        let refused = Refused::default();
        let mut gates = BTreeMap::new();
        for function in template::product().functions() {
            let gate = gate::start(&function, &services, &refused).await.expect("a loopback port can be had");
            gates.insert(function.binary, gate);
        }
        Self {
            store,
            simulator,
            code,
            names,
            aws,
            momo,
            letterbox,
            kms,
            gates,
            refused,
            _emulators: emulators,
            _objects: objects,
        }
    }

    /// What functions tried that their roles in template.yaml don't allow.
    pub fn refused(&self) -> Vec<(String, Call)> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes the member of the staff whom the samples know.
    ///
    /// # Panics
    /// When the table doesn't answer.
    pub async fn administrator(&self) -> UserId {
        let sample = events::body(&events::read("admin-api-login"));
        let secret = Secret::new(self.aws.secrets_manager(), &self.names.staff_secret);
        let (environment, mfa) = (ENVIRONMENT.to_owned(), MfaDemand::Relaxed);
        let desk = Desk::new(self.store.clone(), Clock::system(), secret, environment, mfa);
        let text = |name: &str| sample[name].as_str().expect("a text").to_owned();
        let first = First {
            email: Email::parse(&text("email")).expect("an address"),
            first_name: "First".to_owned(),
            last_name: "Administrator".to_owned(),
            password: Some(text("password")),
        };
        desk.first_administrator(first).await.expect("nobody administers yet").0.id
    }

    /// The bucket of files, past every gate.
    pub fn files(&self) -> Files {
        Files::new(files::s3(&self.aws), &self.names.files_bucket)
    }

    /// What staff write when they ask for work on the samples' batch: the job that the sample of this function names.
    ///
    /// # Panics
    /// When the table doesn't answer.
    pub async fn asked(&self, function: &str, work: Work, owner: &UserId) -> Job {
        let body = events::read(function)["Records"][0]["body"].as_str().map(serde_json::from_str::<JobNudge>);
        let id = body.expect("a nudge").expect("about a job").job;
        let now = time::from_millis(Timestamp::now().as_millisecond());
        let batch = self.store.batch("samples", within()).await.expect("the table answers").expect("the samples");
        let act = self.store.act(&access::System("test"), now, Class::Change, "job.asked", format!("job:{id}"));
        let mut act = act.expect("chance");
        let mut asked = 1;
        if let Some((_, run_id)) = work.fills() {
            asked = RUN_CODES;
            let staging = Run::staging(run_id.to_owned(), batch.id.clone(), asked, Origin::Generated);
            let day = time::day(now, &jiff::tz::TimeZone::UTC);
            let run = Run { job: Some(id.clone()), day: Some(day), ..staging };
            act = act.run(None, &run).and_then(|act| act.batch(Some(&batch), &batch.expecting(asked))).expect("rows");
        }
        let job = Job::new(id, work, owner.clone(), asked, now);
        act.job(None, &job).expect("a row").commit(within()).await.expect("nobody else writes it");
        job
    }

    /// The audit log as it can be verified: by the public key alone.
    ///
    /// # Panics
    /// When the key can't be read.
    pub fn log(&self) -> Log {
        let clock = Clock::system();
        Log {
            store: self.store.clone(),
            archive: Archive::new(files::s3(&self.aws), &self.names.bucket, ENVIRONMENT, clock.clone(), None),
            keys: PublicKeys::parse(&self.kms.public_key()).expect("a public key"),
            clock,
        }
    }

    /// The id of the redemption and of the payout.
    pub fn payout_id(&self) -> RedemptionId {
        RedemptionId::of(ENVIRONMENT, &self.code, 1)
    }

    /// # Panics
    /// When the table doesn't answer.
    pub async fn payout(&self) -> Option<Payout> {
        self.store.payout(&self.payout_id(), within()).await.expect("the table answers")
    }

    /// Makes the payout due, as if it had waited. Answers what it was before.
    ///
    /// # Panics
    /// When there is none, or somebody else writes it.
    pub async fn due_now(&self) -> Payout {
        let fresh = self.payout().await.expect("a payout");
        let mut waited = fresh.clone();
        waited.state = waited.state.due(fresh.created_at);
        waited.version += 1;
        let today = time::day(fresh.created_at, &jiff::tz::TimeZone::UTC);
        let saving = Saving { alerts: &[], actor: "test", today, ceilings: Ceilings::default() };
        let saved = self.store.save_payout(&fresh, &waited, saving, within()).await;
        saved.expect("nobody else writes it");
        fresh
    }

    /// Starts a function as it is deployed, with the variables that template.yaml gives it.
    pub async fn function(&self, name: &str) -> Process {
        let mut variables = self.of_the_platform(name);
        variables.extend(self.of_the_template(name));
        self.function_with(name, &variables).await
    }

    /// Starts a function with these variables alone.
    pub async fn function_with(&self, name: &str, variables: &BTreeMap<String, String>) -> Process {
        let time = template::number(&template::product().function(name).properties["Timeout"]);
        Process::start(name, &binary(name), variables, Duration::from_secs(time)).await
    }

    /// What Lambda sets for every function, and where the embedded services are.
    ///
    /// # Panics
    /// When template.yaml has no such function.
    pub fn of_the_platform(&self, function: &str) -> BTreeMap<String, String> {
        let memory = template::number(&template::product().function(function).properties["MemorySize"]).to_string();
        let variables = [
            ("AWS_LAMBDA_FUNCTION_NAME", format!("mbelyco-promo-staging-{function}")),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory),
            ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/mbelyco-promo-staging-{function}")),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/20/[$LATEST]0123456789abcdef".to_owned()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
            ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".to_owned()),
            ("_HANDLER", "bootstrap".to_owned()),
            ("TZ", ":UTC".to_owned()),
            ("AWS_REGION", self.aws.region.clone()),
            ("AWS_ACCESS_KEY_ID", names::LOCAL_ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", names::LOCAL_SECRET_KEY.to_owned()),
            ("AWS_SESSION_TOKEN", SESSION_TOKEN.to_owned()),
            ("AWS_ENDPOINT_URL", self.gates[function].clone()),
        ];
        variables.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// The variables that template.yaml has for this function, with the values of this system.
    pub fn of_the_template(&self, function: &str) -> BTreeMap<String, String> {
        let variables = template::product().function(function).environment;
        variables
            .into_iter()
            .map(|(name, value)| {
                // What is written out there holds here, too.
                let value = value.as_str().map_or_else(|| self.stands_for(&name), str::to_owned);
                (name, value)
            })
            .collect()
    }

    fn stands_for(&self, variable: &str) -> String {
        let value = match variable {
            "TABLE_NAME" => &self.names.table,
            "PAYOUT_QUEUE_URL" => &self.names.payout_queue,
            "PAYOUT_DLQ_URL" => &self.names.payout_dead_letters,
            "USSD_SECRET_ID" => &self.names.ussd_secret,
            "CALLBACK_SECRET_ID" => &self.names.callback_secret,
            "MOMO_SECRET_ID" => &self.names.momo_secret,
            "STAFF_SECRET_ID" => &self.names.staff_secret,
            "GENERATION_QUEUE_URL" => &self.names.generation_queue,
            "EXPORT_QUEUE_URL" => &self.names.export_queue,
            "FILES_BUCKET" => &self.names.files_bucket,
            "AUDIT_BUCKET" => &self.names.bucket,
            "AUDIT_KEY_ID" => AUDIT_KEY_ID,
            "AUDIT_PUBLIC_KEY" => return self.kms.public_key(),
            "AUDIT_LOCK_DAYS" => "1",
            // Nothing is sealed yet; the newest hour is the first.
            "AUDIT_FROM" => "",
            // There is no second rail.
            "AIRTIME_HOST" | "AIRTIME_USERNAME" | "AIRTIME_SECRET_ID" => "",
            "STAFF_MFA" => "relaxed",
            "MAIL_FROM" => MAIL_FROM,
            "CONSOLE_BASE_URL" => CONSOLE_BASE,
            "ENVIRONMENT" => ENVIRONMENT,
            "SWITCH_EPOCH" => EPOCH,
            "USSD_ALLOWED_ADDRESSES" => GATEWAY_ADDRESSES,
            "MOMO_HOST" => &self.momo,
            "MOMO_TARGET_ENVIRONMENT" => TARGET,
            "MOMO_CURRENCY" => "RWF",
            "MOMO_CALLBACK_BASE_URL" => CALLBACK_BASE,
            other => panic!("template.yaml has a new variable, {other}: say here what it is in this system"),
        };
        value.to_owned()
    }

    /// Takes everything off the payout queue, as records of an event.
    ///
    /// # Panics
    /// When the queue doesn't answer.
    pub async fn records(&self) -> Vec<Value> {
        let sqs = self.aws.sqs();
        let queue = &self.names.payout_queue;
        let mut records = Vec::new();
        loop {
            let got = sqs.receive_message().queue_url(queue).max_number_of_messages(10).send().await;
            let got = got.expect("the queue answers").messages.unwrap_or_default();
            if got.is_empty() {
                return records;
            }
            for message in got {
                let receipt = message.receipt_handle.expect("a received message has a receipt");
                let deleted = sqs.delete_message().queue_url(queue).receipt_handle(&receipt).send().await;
                deleted.expect("the queue answers");
                let mut record = events::read("disbursement")["Records"][0].clone();
                record["messageId"] = message.message_id.into();
                record["receiptHandle"] = receipt.into();
                record["md5OfBody"] = message.md5_of_body.into();
                record["body"] = message.body.into();
                records.push(record);
            }
        }
    }

    /// Nothing of this may stand in a log.
    pub fn secrets(&self) -> Vec<String> {
        let typed = events::form(&events::read("ussd-code"));
        let password =
            events::body(&events::read("admin-api-login"))["password"].as_str().unwrap_or_default().to_owned();
        vec![
            PATH_SECRET.to_owned(),
            PEPPER.to_owned(),
            API_KEY.to_owned(),
            SUBSCRIPTION_KEY.to_owned(),
            STAFF_TOKEN_KEY.to_owned(),
            STAFF_SEAL_KEY.to_owned(),
            STAFF_PEPPER.to_owned(),
            password,
            SESSION_TOKEN.to_owned(),
            names::LOCAL_SECRET_KEY.to_owned(),
            typed["phoneNumber"].trim_start_matches("+250").to_owned(),
            typed["text"].clone(),
            self.code.as_str().to_owned(),
            self.code.printed(),
        ]
    }
}

/// The template's names of what the services hold.
fn resources(names: &Names) -> std::collections::HashMap<String, String> {
    [
        (names.table.as_str(), "Table"),
        (&names.payout_queue, "PayoutQueue"),
        (&names.payout_dead_letters, "PayoutDeadLetters"),
        (&names.ussd_secret, "UssdSecret"),
        (&names.callback_secret, "CallbackSecret"),
        (&names.momo_secret, "MomoSecret"),
        (&names.staff_secret, "StaffSecret"),
        (&names.generation_queue, "GenerationQueue"),
        (&names.generation_dead_letters, "GenerationDeadLetters"),
        (&names.export_queue, "ExportQueue"),
        (&names.export_dead_letters, "ExportDeadLetters"),
        (&names.bucket, "AuditBucket"),
        (&names.files_bucket, "FilesBucket"),
        (AUDIT_KEY_ID, "AuditKey"),
    ]
    .map(|(real, name)| (real.to_owned(), name.to_owned()))
    .into()
}

/// Serves a router on a loopback port and answers its address.
async fn served(router: axum::Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port can be had");
    let address = format!("http://{}", listener.local_addr().expect("a bound port has a number"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// The sample's customer read a 0 as a D.
fn code_of_the_sample() -> CodeText {
    let typed = events::form(&events::read("ussd-code"))["text"].clone();
    let typed = CodeText::parse(&typed).expect("the sample's text is a code's");
    typed.forgiven().unwrap_or(typed)
}

async fn batch_of(store: &Store, code: &CodeText, now: Timestamp) {
    let money = Money::new(AMOUNT, Currency::Rwf).expect("an amount that may be paid");
    let expires_at = time::plus(now, 90 * DAY_MS);
    let batch = Batch::new("samples".to_owned(), 1, "BATCH_SAMPLES".to_owned(), money, expires_at, now);
    let run = Run::staging("samples-1".to_owned(), batch.id.clone(), 1, Origin::Generated);
    let code = Code::made(code.clone(), &batch, &run, 0);
    let entry = Entry::new(
        "samples-1-live".to_owned(),
        now,
        Class::Change,
        "run.live",
        "system:test".to_owned(),
        "batch:samples".to_owned(),
    );
    let made = store.create_batch(&batch, &run, &[code], &entry, within()).await;
    made.expect("a batch can be made");
}
