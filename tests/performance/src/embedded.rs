//! The system that is measured: embedded services in memory, the real functions, codes that redeem.

use crate::Result;
use domain::{audit, code::CodeText, money::Currency, settings::Settings, time};
use local::{
    demo,
    emulators::{Emulators, Storage},
    functions::{Deployment, Functions, Rail},
    gateway,
    names::{self, Names},
    system::local_aws,
};
use providers::transport::Https;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use service::{Clock, aws::Aws};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use store::{Deadline, Store, keys};
use tokio::net::TcpListener;

/// The one in `events/`.
pub const PATH_SECRET: &str = "local-only-secret";
pub const ENVIRONMENT: &str = "performance";
pub const EPOCH: &str = "1";
pub const AMOUNT: u64 = 5_000;
const NO_LIMIT: u32 = 1_000_000;

pub struct Embedded {
    pub aws: Aws,
    pub names: Names,
    store: Store,
    batches: u64,
    random: ChaCha20Rng,
    /// The services run as long as this is held.
    _emulators: Emulators,
}

/// Codes that can be redeemed.
pub struct Codes {
    pub batch: String,
    pub texts: Vec<CodeText>,
}

/// The settings of all runs: attempts without limit, so that none is refused.
pub fn settings() -> Settings {
    let mut settings = Settings { version: 1, ..Settings::default() };
    settings.ussd.attempts.per_minute = NO_LIMIT;
    settings.ussd.attempts.per_hour = NO_LIMIT;
    settings.ussd.attempts.per_day = NO_LIMIT;
    settings.redemption.per_day = None;
    settings
}

impl Embedded {
    pub async fn start() -> Result<Self> {
        let emulators = Emulators::start(&Storage::Memory, None).await?;
        let aws = local_aws(&emulators);
        let names = Names::under("performance");
        let secret = serde_json::json!({ "path_secrets": [PATH_SECRET], "customer_pepper": "pepper" }).to_string();
        let secret_name = names.ussd_secret.clone();
        let names = names::create(&aws, names, &[(secret_name.as_str(), secret)]).await?;
        let store = Store::new(aws.dynamodb(), &names.table);
        let now = Clock::system().now();
        demo::switch_on(&store, EPOCH, now).await?;
        let entry = audit::Entry::new(
            "settings".to_owned(),
            now,
            audit::Class::Change,
            "settings.set",
            "system:performance".to_owned(),
            "settings:all".to_owned(),
        );
        store.save_settings(0, &settings(), &entry, Deadline::in_ms(5_000)).await?;
        Ok(Self { aws, names, store, batches: 0, random: ChaCha20Rng::try_from_os_rng()?, _emulators: emulators })
    }

    pub async fn codes(&mut self, count: usize) -> Result<Codes> {
        self.batches += 1;
        let batch = format!("batch-{}", self.batches);
        let name = format!("BATCH_PERFORMANCE_{}", self.batches);
        let plan = demo::Plan {
            id: &batch,
            number: self.batches,
            name: &name,
            amount: AMOUNT,
            count,
            currency: Currency::Rwf,
        };
        let now = Clock::system().now();
        let day = time::day(now, &settings().zone());
        let texts = demo::make_batch(&self.store, &plan, day, now, &mut self.random).await?;
        Ok(Codes { batch, texts })
    }

    /// The functions over these clients. No payout is sent: their worker isn't run.
    pub fn functions(&self, aws: &Aws) -> Result<Functions> {
        let rail = Rail {
            transport: Arc::new(Https::new(Duration::from_secs(1))?),
            host: "http://127.0.0.1:9".to_owned(),
            target_environment: ENVIRONMENT.to_owned(),
            api_user: "nobody".to_owned(),
            known_as: None,
            currency: "RWF".to_owned(),
            callback_url: None,
            http_timeout: Duration::from_secs(1),
            second: None,
        };
        let deployment = Deployment {
            environment: ENVIRONMENT.to_owned(),
            epoch: EPOCH.to_owned(),
            mfa: domain::access::MfaDemand::Enforced,
            audit_keys: seal::PublicKeys::none(),
        };
        Ok(Functions::new(aws, &self.names, &rail, &Clock::system(), &deployment))
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// How many codes of a batch its counters call redeemed.
    pub async fn redeemed(&self, batch: &str) -> Result<u64> {
        let counters = self
            .aws
            .dynamodb()
            .query()
            .table_name(&self.names.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", aws_sdk_dynamodb::types::AttributeValue::S(keys::counter_pk(batch)))
            .send()
            .await?;
        let mut redeemed = 0;
        for item in counters.items.unwrap_or_default() {
            redeemed += self.store.decode::<store::Counted>(item)?.redeemed;
        }
        Ok(redeemed)
    }

    /// Takes all nudges off the queue, so that it doesn't grow while nobody works on it.
    pub async fn empty_queue(&self) -> Result<()> {
        self.aws.sqs().purge_queue().queue_url(&self.names.payout_queue).send().await?;
        Ok(())
    }
}

/// Serves the functions as API Gateway would; the address that hops are posted to.
pub async fn serve(functions: Functions) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}{}{PATH_SECRET}", listener.local_addr()?, ussd::HANDLE_PATH);
    let app = gateway::router(functions);
    tokio::spawn(async move { axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await });
    Ok(url)
}

/// A hop as Africa's Talking posts it.
pub fn form(session: &str, phone: &str, text: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("sessionId", session),
            ("phoneNumber", phone),
            ("networkCode", "63510"),
            ("serviceCode", "*801#"),
            ("text", text),
        ])
        .finish()
}

/// As long as Africa's Talking's are.
pub fn session(number: u64) -> String {
    format!("ATUid_{number:032x}")
}

/// A number of MTN's, one of ten million.
pub fn phone(number: u64) -> String {
    format!("+25078{:07}", number % 10_000_000)
}
