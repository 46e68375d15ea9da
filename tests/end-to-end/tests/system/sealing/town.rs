//! A log of its own on embedded services, and ways past the store to tamper with it.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use books::Books;
use domain::{
    audit::{Class, Entry},
    money::Currency,
    seal::{Finding, Hour, Sealed},
    settings::Settings,
    switches::Switches,
    time::{self, DAY_MS, HOUR_MS, MINUTE_MS},
};
use files::Files;
use jiff::Timestamp;
use local::{
    emulators::{Emulators, Storage},
    system::local_aws,
};
use nightly::Nightly;
use rig::{
    fault::{Fault, Script},
    wire::{self, Wire},
};
use seal::{Archive, Kept, LocalSigner, Log, PublicKeys, Report, Sealer, Signer};
use service::{Clock, aws::Aws, live::LiveSettings};
use std::{
    collections::HashMap,
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};
use store::{Deadline, Store, keys};

pub const TABLE: &str = "town-table";
pub const BUCKET: &str = "town-files";
/// 20 November 2026, 13:00 UTC.
pub const FIRST_HOUR: &str = "2026112013";

static TOWNS: AtomicUsize = AtomicUsize::new(0);

pub struct Town {
    pub store: Store,
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub s3: aws_sdk_s3::Client,
    pub nightly: Nightly,
    /// What the archive answers when it is asked for versions of a digest; it knows of none by itself.
    pub versions: Versions,
    pub signer: Arc<LocalSigner>,
    now_ms: Arc<AtomicI64>,
    plain: Aws,
    folder: PathBuf,
    _emulators: Emulators,
}

impl Drop for Town {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

pub fn soon() -> Deadline {
    Deadline::in_ms(20_000)
}

/// Which calls are made to fail, given the calls of a run without failures: each is lost after it was applied, with its
/// process or alone. Of queries that follow each other the first stands for all; they change nothing.
pub fn failures(calls: &[String]) -> Vec<(usize, Fault)> {
    let repeats = |at: usize| at > 0 && calls[at] == "Query" && calls[at - 1] == "Query";
    let places: Vec<usize> = (0..calls.len()).filter(|at| !repeats(*at)).collect();
    // Queries and puts of one hour run side by side, so the number varies by a few.
    assert!(places.len() > 5, "a run is more than {calls:?}");
    places.into_iter().flat_map(|at| [(at, Fault::DieAfter), (at, Fault::LoseAnswer)]).collect()
}

pub fn first_hour() -> Hour {
    FIRST_HOUR.parse().expect("an hour")
}

impl Town {
    /// An empty log. It is 13:00, and nothing has been sealed.
    pub async fn start() -> Self {
        service::metrics::send_to(Box::new(std::io::sink()));
        let number = TOWNS.fetch_add(1, Ordering::Relaxed);
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("town-{}-{number}", std::process::id()));
        let emulators = Emulators::start(&Storage::Memory, Some(&folder)).await.expect("loopback ports can be had");
        let versions = Versions::default();
        let http = SharedHttpClient::new(Between { inner: wire::plain(), versions: versions.clone() });
        let plain = Aws { http, ..local_aws(&emulators) };
        let store = Store::new(plain.dynamodb(), TABLE);
        store.create_table().await.expect("a table");
        let objects = files::s3(&plain);
        objects.create_bucket().bucket(BUCKET).send().await.expect("a bucket");
        let now_ms = Arc::new(AtomicI64::new(first_hour().start().as_millisecond()));
        let signer = Arc::new(LocalSigner::draw().expect("a key"));
        let nightly = nightly(&plain, &now_ms, &signer);
        Self {
            store,
            dynamodb: plain.dynamodb(),
            s3: objects,
            nightly,
            versions,
            signer,
            now_ms,
            plain,
            folder,
            _emulators: emulators,
        }
    }

    /// A log with five entries in its first hour, none in the second, three in the third, one in the fourth; the
    /// first three are sealed in time.
    pub async fn sealed() -> Self {
        let town = Self::start().await;
        for (hour, entries) in [(0, 5), (1, 0), (2, 3)] {
            let start = first_hour().plus(hour).start();
            for n in 0..entries {
                town.write(&format!("e{hour}{n}"), time::plus(start, (n + 1) * MINUTE_MS)).await;
            }
            town.at(first_hour().plus(hour).end(), 20);
            town.nightly.seal(soon()).await.expect("an hour can be sealed");
        }
        town.write("e30", time::plus(first_hour().plus(3).start(), MINUTE_MS)).await;
        assert_eq!(town.verify().await, Vec::<String>::new());
        town
    }

    /// Another process on the same log, whose calls can fail.
    pub fn another(&self, script: &Script) -> Nightly {
        let http = Wire::over(self.plain.http.clone(), script.clone(), |_, _| false);
        nightly(&Aws { http, ..self.plain.clone() }, &self.now_ms, &self.signer)
    }

    pub fn log(&self) -> &Log {
        &self.nightly.sealer.log
    }

    pub fn now(&self) -> Timestamp {
        time::from_millis(self.now_ms.load(Ordering::SeqCst))
    }

    /// Turns the clock to so many minutes after `moment`.
    pub fn at(&self, moment: Timestamp, minutes: i64) {
        self.now_ms.store(time::plus(moment, minutes * MINUTE_MS).as_millisecond(), Ordering::SeqCst);
    }

    pub fn advance_hours(&self, hours: i64) {
        self.now_ms.fetch_add(hours * HOUR_MS, Ordering::SeqCst);
    }

    pub fn advance_days(&self, days: i64) {
        self.now_ms.fetch_add(days * DAY_MS, Ordering::SeqCst);
    }

    /// Writes an entry as a change does.
    pub async fn write(&self, id: &str, at: Timestamp) -> keys::Key {
        let entry = entry(id, at);
        self.store.save_switches(&Switches::all_on("7"), &entry, soon()).await.expect("a change");
        keys::audit(at, id)
    }

    /// The key of an entry of [`Town::sealed`].
    pub fn key(hour: i64, n: i64) -> keys::Key {
        let at = time::plus(first_hour().plus(hour).start(), (n + 1) * MINUTE_MS);
        keys::audit(at, &format!("e{hour}{n}"))
    }

    pub async fn retain_for(&self, days: u32) {
        let mut settings = Settings::default();
        settings.security.audit.retention_days = days;
        let changed = self.store.save_settings(0, &settings, &entry("settings", self.now()), soon()).await;
        changed.expect("good settings");
    }

    pub async fn report(&self) -> Report {
        let to = Hour::of(self.now());
        self.log().verify(first_hour(), to, soon()).await.expect("a report")
    }

    /// Everything that a verification of the whole log finds, in words.
    pub async fn verify(&self) -> Vec<String> {
        let report = self.report().await;
        assert_eq!(report.found, report.findings.len() as u64, "all are named");
        report.findings.iter().map(Finding::to_string).collect()
    }

    pub async fn digest(&self, hour: i64) -> Sealed {
        match self.log().archive.digest(first_hour().plus(hour)).await.expect("an archive") {
            Kept::Digest(sealed) => *sealed,
            other @ (Kept::Absent | Kept::Unreadable) => panic!("{other:?}"),
        }
    }

    /// Puts another object in place of one, as somebody with rights on the bucket can.
    pub async fn put_over(&self, key: &str, bytes: Vec<u8>) {
        self.s3.put_object().bucket(BUCKET).key(key).body(bytes.into()).send().await.expect("the bucket takes it");
    }

    pub async fn drop_object(&self, key: &str) {
        self.s3.delete_object().bucket(BUCKET).key(key).send().await.expect("the bucket lets go");
    }

    pub async fn drop_digest(&self, hour: i64) {
        self.drop_object(&self.log().archive.digest_key(first_hour().plus(hour))).await;
    }

    /// Every object with its content.
    pub async fn objects(&self) -> Vec<(String, Vec<u8>)> {
        let page = self.s3.list_objects_v2().bucket(BUCKET).send().await.expect("a list");
        let mut found = Vec::new();
        for object in page.contents.unwrap_or_default() {
            let key = object.key.expect("a key");
            let bytes = self.log().archive.get(&key).await.expect("an archive").expect("an object");
            found.push((key, bytes));
        }
        found
    }

    pub async fn row(&self, key: &keys::Key) -> Option<HashMap<String, AttributeValue>> {
        let get = self.dynamodb.get_item().table_name(TABLE).set_key(Some(attributes(key))).consistent_read(true);
        get.send().await.expect("the table answers").item
    }

    pub async fn put_row(&self, row: HashMap<String, AttributeValue>) {
        self.dynamodb.put_item().table_name(TABLE).set_item(Some(row)).send().await.expect("the table takes it");
    }

    pub async fn delete_row(&self, key: &keys::Key) {
        let delete = self.dynamodb.delete_item().table_name(TABLE).set_key(Some(attributes(key)));
        delete.send().await.expect("the table lets go");
    }

    /// Sets one attribute of a row.
    pub async fn set(&self, key: &keys::Key, name: &str, value: &str) {
        let mut row = self.row(key).await.expect("an entry");
        row.insert(name.to_owned(), AttributeValue::S(value.to_owned()));
        self.put_row(row).await;
    }

    /// What the table's clean-up does: removes rows whose time has come. Answers how many.
    pub async fn clean_up(&self) -> usize {
        let rows = self.dynamodb.scan().table_name(TABLE).send().await.expect("the table answers").items;
        let mut removed = 0;
        for row in rows.unwrap_or_default() {
            let text = |name: &str| row.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
            let key = keys::Key { pk: text("pk"), sk: text("sk") };
            if key.pk.starts_with("AUD#") && row.contains_key("expires_at") {
                self.delete_row(&key).await;
                removed += 1;
            }
        }
        removed
    }
}

pub fn entry(id: &str, at: Timestamp) -> Entry {
    let (actor, entity) = ("system:test".to_owned(), "switches:all".to_owned());
    Entry::new(id.to_owned(), at, Class::Security, "switches.set", actor, entity).change(
        "payouts",
        Some("false".to_owned()),
        Some("true".to_owned()),
    )
}

fn nightly(aws: &Aws, now_ms: &Arc<AtomicI64>, signer: &Arc<LocalSigner>) -> Nightly {
    let now = Arc::clone(now_ms);
    let clock = Clock::from_millis(move || now.load(Ordering::SeqCst));
    let log = Log {
        store: Store::new(aws.dynamodb(), TABLE),
        archive: Archive::new(files::s3(aws), BUCKET, "test", clock.clone(), None),
        keys: PublicKeys::one(signer.public_key().clone()),
        clock,
    };
    Nightly {
        books: Books { store: log.store.clone(), files: Files::new(files::s3(aws), BUCKET) },
        sealer: Sealer { log, signer: Arc::clone(signer) as Arc<dyn Signer>, begin: Some(first_hour()) },
        settings: LiveSettings::default(),
        currency: Currency::Rwf,
    }
}

pub fn attributes(key: &keys::Key) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(key.pk.clone())),
        ("sk".to_owned(), AttributeValue::S(key.sk.clone())),
    ])
}

/// Answers for a bucket that keeps versions: keys, each with the number of its versions.
#[derive(Clone, Default)]
pub struct Versions(Arc<Mutex<Option<Counts>>>);

type Counts = Vec<(String, u32)>;

impl Versions {
    pub fn are(&self, versions: Counts) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(versions);
    }

    fn listed(&self) -> Option<String> {
        let versions = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let mut list = String::from("<?xml version=\"1.0\"?><ListVersionsResult><IsTruncated>false</IsTruncated>");
        for (key, count) in versions {
            for version in 0..count {
                list += &format!("<Version><Key>{key}</Key><VersionId>{version}</VersionId></Version>");
            }
        }
        Some(list + "</ListVersionsResult>")
    }
}

/// What S3 does and the embedded one doesn't: one put at a time decides `If-None-Match`, and versions can be listed.
#[derive(Clone)]
struct Between {
    inner: SharedHttpClient,
    versions: Versions,
}

impl fmt::Debug for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Between")
    }
}

impl HttpClient for Between {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, versions: self.versions.clone() })
    }
}

#[derive(Clone)]
struct Connector {
    inner: SharedHttpConnector,
    versions: Versions,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

static PUTS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let asked = request.uri().split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
        if asked.split('&').any(|name| name == "versions" || name == "versions=")
            && let Some(list) = self.versions.listed()
        {
            let ok = StatusCode::try_from(200).expect("a status");
            return HttpConnectorFuture::ready(Ok(HttpResponse::new(ok, SdkBody::from(list))));
        }
        let inner = self.inner.clone();
        HttpConnectorFuture::new(async move {
            let _one = if request.method() == "PUT" { Some(PUTS.lock().await) } else { None };
            inner.call(request).await
        })
    }
}
