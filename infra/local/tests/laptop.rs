//! The whole system as a program: started, driven by script, killed, started again.

use local::{
    emulators::{Emulators, Storage},
    names::{LOCAL_ACCESS_KEY, LOCAL_SECRET_KEY},
};
use momo_simulator::{Config, Simulator};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

const LIMIT: Duration = Duration::from_secs(60);

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("laptop-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

struct Laptop {
    child: Child,
    /// Held open: it has more to say, and ends when nobody can hear it.
    _said: Lines<BufReader<ChildStdout>>,
    ready: Value,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

impl Laptop {
    /// Starts the program and waits until it says where it is, which it does last.
    async fn start(folder: &Path, arguments: &[&str], variables: &[(&str, String)]) -> Self {
        let file = folder.join("ready.json");
        drop(std::fs::remove_file(&file));
        let mut command = command(&["--port", "0", "--ready-file", file.to_str().expect("UTF-8")]);
        command.args(arguments).envs(variables.iter().map(|(name, value)| (*name, value.as_str())));
        let mut child = command.spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let said = timeout(LIMIT, async {
            while let Some(line) = lines.next_line().await.expect("its output") {
                if line.trim_start().starts_with("http://127.0.0.1:") {
                    return;
                }
            }
            panic!("it ended without an address");
        });
        said.await.expect("it answers in time");
        let ready = serde_json::from_slice(&std::fs::read(file).expect("the ready file")).expect("JSON");
        Self { child, _said: lines, ready }
    }

    fn url(&self, name: &str) -> String {
        self.ready[name].as_str().unwrap_or_default().to_owned()
    }

    /// A token of the first administrator.
    async fn token(&self) -> String {
        let body = json!({ "email": self.ready["admin_email"], "password": self.ready["admin_password"] });
        let url = format!("{}/api/v1/auth/login", self.url("base_url"));
        let answer = reqwest::Client::new().post(url).json(&body).send().await.expect("an answer");
        let answer: Value = answer.json().await.expect("JSON");
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// What the staff's API answers to a call of the first administrator.
    async fn staff(&self, token: &str, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}/api/v1/admin/{path}", self.url("base_url"));
        let call = match body {
            Some(body) => reqwest::Client::new().post(url).json(&body),
            None => reqwest::Client::new().get(url),
        };
        let answer = call.bearer_auth(token).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {answer:?}");
        answer.json().await.expect("JSON")
    }

    /// Turns the clock and sweeps.
    async fn advance(&self, milliseconds: u64) {
        let url = format!("{}/local/clock", self.url("base_url"));
        let by = json!({ "advance_ms": milliseconds });
        let answer = reqwest::Client::new().post(url).json(&by).send().await.expect("an answer");
        assert!(answer.status().is_success());
    }

    fn code(&self, number: usize) -> String {
        self.ready["demo_codes"][number].as_str().expect("a demo code").to_owned()
    }

    async fn hop(&self, session: &str, phone: &str, text: &str) -> String {
        let form = [
            ("sessionId", session),
            ("phoneNumber", phone),
            ("networkCode", "63510"),
            ("serviceCode", "*801#"),
            ("text", text),
        ];
        let answer = reqwest::Client::new().post(self.url("ussd_url")).form(&form).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        answer.text().await.expect("words")
    }

    async fn get(&self, url: &str) -> Value {
        reqwest::get(url).await.expect("an answer").json().await.expect("JSON")
    }

    /// Waits until the ledger at `momo` shows `count` transfers that were paid.
    async fn paid(&self, momo: &str, count: usize) -> Vec<Value> {
        let mut every = tokio::time::interval(Duration::from_millis(50));
        let waited = timeout(LIMIT, async {
            loop {
                every.tick().await;
                let transfers = self.get(&format!("{momo}/_simulator/transfers")).await;
                let transfers = transfers.as_array().cloned().unwrap_or_default();
                if transfers.iter().filter(|transfer| transfer["state"] == "SUCCESSFUL").count() >= count {
                    return transfers;
                }
            }
        });
        waited.await.expect("paid in time")
    }
}

// proves: OPS-03, OPS-08, USD-01, PAY-01
#[tokio::test]
async fn a_code_is_redeemed_in_both_languages_and_the_wallets_fill() {
    let folder = Folder::new("both");
    let laptop = Laptop::start(&folder.0, &["--memory"], &[]).await;
    for name in ["base_url", "ussd_url", "notice_url", "phone_url", "momo_url"] {
        assert!(laptop.url(name).starts_with("http://127.0.0.1:"), "{name}");
    }
    assert!(laptop.hop("s1", "+250788000001", "").await.starts_with("CON Murakaza neza"));
    let words = laptop.hop("s1", "+250788000001", &laptop.code(0)).await;
    assert!(words.starts_with("END Murakoze! Murabona 5,000 RWF kuri MoMo 0788000001"), "{words}");
    assert!(laptop.hop("s2", "+250788000002", "2*2").await.starts_with("CON Welcome"));
    let words = laptop.hop("s2", "+250788000002", &format!("2*2*{}", laptop.code(1))).await;
    assert!(words.starts_with("END Thank you! You get 5,000 RWF on MoMo 0788000002"), "{words}");

    let momo = laptop.url("momo_url");
    let mut transfers = laptop.paid(&momo, 2).await;
    assert_eq!(transfers.len(), 2);
    transfers.sort_by_key(|transfer| transfer["payee"].to_string());
    for (transfer, payee) in transfers.iter().zip(["250788000001", "250788000002"]) {
        assert_eq!((transfer["payee"].as_str(), transfer["amount"].as_str()), (Some(payee), Some("5000")));
    }
    for page in ["/phone", "/phone.css", "/phone.js", "/local/info", "/local/payouts"] {
        let answer = reqwest::get(format!("{}{page}", laptop.url("base_url"))).await.expect("an answer");
        assert_eq!(answer.status(), 200, "{page}");
    }
    let info = laptop.get(&format!("{}/local/info", laptop.url("base_url"))).await;
    let redeemed = info["demo_codes"].as_array().expect("codes").iter().filter(|code| code["state"] == "redeemed");
    assert_eq!(redeemed.count(), 2);
}

// proves: OPS-03, RED-02, PAY-02
#[tokio::test]
async fn killed_right_after_a_redemption_it_pays_once_when_it_is_started_again() {
    let folder = Folder::new("killed");
    let data = folder.0.join("data");
    let data = ["--data", data.to_str().expect("UTF-8")];
    let mut laptop = Laptop::start(&folder.0, &data, &[]).await;
    let momo = laptop.url("momo_url");
    // The send is accepted and never answered, so the kill comes while nobody knows.
    let behaviour = json!({ "transfer_answer": "timeout_after_accepting", "remaining": 1 });
    let put = reqwest::Client::new().put(format!("{momo}/_simulator/behaviour")).json(&behaviour).send().await;
    assert!(put.expect("an answer").status().is_success());
    let code = laptop.code(0);
    assert!(laptop.hop("s1", "+250788000001", &code).await.starts_with("END Murakoze!"));
    laptop.paid(&momo, 1).await;
    laptop.child.kill().await.expect("SIGKILL");

    let laptop = Laptop::start(&folder.0, &data, &[]).await;
    assert_eq!(laptop.code(0), code, "the demo codes are the same");
    let words = laptop.hop("s2", "+250788000001", &code).await;
    assert!(words.starts_with("END Iyi kode mwamaze kuyikoresha"), "{words}");
    let client = reqwest::Client::new();
    let clock = format!("{}/local/clock", laptop.url("base_url"));
    let mut every = tokio::time::interval(Duration::from_millis(50));
    let settled = timeout(LIMIT, async {
        loop {
            every.tick().await;
            let payouts = laptop.get(&format!("{}/local/payouts", laptop.url("base_url"))).await;
            if payouts[0]["state"] == "paid" {
                return;
            }
            let advance = client.post(&clock).json(&json!({ "advance_ms": 120_000 })).send().await;
            assert!(advance.expect("an answer").status().is_success());
        }
    });
    settled.await.expect("asked about, and settled");
    let transfers = laptop.get(&format!("{}/_simulator/transfers", laptop.url("momo_url"))).await;
    assert_eq!(transfers.as_array().map(Vec::len), Some(1), "{transfers}");
    assert_eq!(transfers[0]["sends"], 1);
}

// proves: OPS-03, COD-03, COD-05, COD-07, API-07
#[tokio::test]
async fn killed_while_codes_are_made_it_goes_on_and_its_file_has_each_code_once() {
    let folder = Folder::new("jobs");
    let data = folder.0.join("data");
    let data = ["--data", data.to_str().expect("UTF-8")];
    let mut laptop = Laptop::start(&folder.0, &data, &[]).await;
    let mut token = laptop.token().await;
    let form = json!({ "name": "May", "total_codes": 3_000, "amount": 500 });
    let made = laptop.staff(&token, "batches/generate", Some(form)).await;
    assert_eq!(made["batch"]["number"], 3, "behind the demo's two");
    let (batch, job) = (made["batch"]["id"].clone(), made["job"]["id"].clone());
    let job = format!("jobs/{}", job.as_str().expect("an id"));
    let mut every = tokio::time::interval(Duration::from_millis(50));
    for kill in 1..=2 {
        let started = timeout(LIMIT, async {
            while laptop.staff(&token, &job, None).await["done"].as_u64() < Some(kill * 500) {
                every.tick().await;
            }
        });
        started.await.expect("it moves on");
        laptop.child.kill().await.expect("SIGKILL");
        laptop = Laptop::start(&folder.0, &data, &[]).await;
        token = laptop.token().await;
        let found = laptop.staff(&token, &job, None).await;
        assert!(found["done"].as_u64() >= Some(kill * 500) && found["state"] == "running", "{found}");
        // Past the dead worker's lease; the sweep finds it.
        laptop.advance(120_000).await;
    }
    let over = timeout(LIMIT, async {
        loop {
            every.tick().await;
            let found = laptop.staff(&token, &job, None).await;
            if found["state"] != "running" {
                return found;
            }
        }
    });
    let over = over.await.expect("it ends");
    assert_eq!((&over["state"], &over["done"]), (&json!("done"), &json!(3_000)), "{over}");

    let wish = format!("promo-codes/download?format=csv&batch_id={}", batch.as_str().expect("an id"));
    let file = timeout(LIMIT, async {
        loop {
            every.tick().await;
            let answer = laptop.staff(&token, &wish, None).await;
            if let Some(file) = answer["files"].get(0).filter(|file| file["url"].is_string()) {
                return file.clone();
            }
        }
    });
    let file = file.await.expect("a link");
    let csv = reqwest::get(file["url"].as_str().expect("a link")).await.expect("an answer");
    assert_eq!(csv.status(), 200);
    let csv = csv.text().await.expect("text");
    let codes: std::collections::HashSet<&str> =
        csv.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    assert_eq!((codes.len(), csv.lines().count()), (3_000, 3_001));
    let words = laptop.hop("s1", "+250788000001", codes.iter().next().expect("a code")).await;
    assert!(words.starts_with("END Murakoze!"), "{words}");
}

// proves: OPS-03
#[tokio::test]
async fn what_keeps_it_from_starting_is_said_in_words() {
    let folder = Folder::new("words");
    let data = folder.0.join("data");
    let data = data.to_str().expect("UTF-8");
    let laptop = Laptop::start(&folder.0, &["--data", data, "--no-demo"], &[]).await;
    assert_eq!(laptop.ready["demo_codes"], json!([]));
    let port = laptop.url("base_url").rsplit(':').next().unwrap_or_default().to_owned();
    let cases: [(&[&str], &str); 5] = [
        (&["--port", "0", "--data", data], "another one runs in"),
        (&["--memory", "--port", &port], "choose another with --port N"),
        (&["--memory", "--data", data], "cannot be used with"),
        (&["--port", "many"], "invalid value"),
        // The separator that somebody types out of habit changes nothing.
        (&["--", "--port", "many"], "invalid value"),
    ];
    for (arguments, words) in cases {
        let ended = timeout(LIMIT, command(arguments).output()).await.expect("it ends").expect("output");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success() && said.contains(words), "{arguments:?}: {said}");
    }
}

// proves: OPS-03, PAY-01
#[tokio::test]
async fn it_runs_against_services_elsewhere_and_pays_through_another_momo() {
    let folder = Folder::new("elsewhere");
    let emulators = Emulators::start(&Storage::Memory, Some(&folder.0.join("s3"))).await.expect("services");
    let user = "22222222-2222-4222-8222-222222222222";
    let simulator = Simulator::new(
        Config {
            currency: "EUR".to_owned(),
            target_environment: "sandbox".to_owned(),
            api_user: user.to_owned(),
            api_key: "key".to_owned(),
            subscription_key: "subscription".to_owned(),
            opening_balance: 1_000_000,
            ledger_file: None,
        },
        Arc::new(|| jiff::Timestamp::now().as_millisecond()),
    );
    let simulator = simulator.expect("a simulator");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let momo = format!("http://{}", listener.local_addr().expect("its address"));
    let router = simulator.router();
    tokio::spawn(async move { axum::serve(listener, router).await });

    let variables = [
        ("AWS_REGION", "af-south-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", LOCAL_ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", LOCAL_SECRET_KEY.to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB", emulators.dynamodb.clone()),
        ("AWS_ENDPOINT_URL_SQS", emulators.sqs.clone()),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", emulators.secrets_manager.clone()),
        ("AWS_ENDPOINT_URL_S3", emulators.s3.clone().unwrap_or_default()),
        ("MOMO_API_USER", user.to_owned()),
        ("MOMO_API_KEY", "key".to_owned()),
        ("MOMO_SUBSCRIPTION_KEY", "subscription".to_owned()),
        ("MOMO_TARGET_ENVIRONMENT", "sandbox".to_owned()),
        ("MOMO_CURRENCY", "EUR".to_owned()),
    ];
    let arguments = ["--memory", "--external-aws", "--create", "--momo-url", &momo];
    let laptop = Laptop::start(&folder.0, &arguments, &variables).await;
    assert_eq!(laptop.url("momo_url"), momo);
    let words = laptop.hop("s1", "+250788000001", &laptop.code(0)).await;
    assert!(words.starts_with("END Murakoze!"), "{words}");
    let transfers = laptop.paid(&momo, 1).await;
    assert_eq!((transfers.len(), transfers[0]["currency"].as_str()), (1, Some("EUR")));
}
