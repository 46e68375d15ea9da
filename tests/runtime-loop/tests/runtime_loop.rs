//! Each function's binary, asked through the Runtime API.

use domain::{
    batch::Code,
    job::{Format, JobState, Seed, Work},
    payout::State,
    redemption::Redemption,
    seal::newest_due,
};
use runtime_loop::{
    events::{self, form, function_of, read},
    runtime_api::Came,
    system::{AMOUNT, CALLBACK_BASE, CONSOLE_BASE, RUN_CODES, System},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use store::{Deadline, Notice, keys};

/// In the order of a promo code's life; then staff's day.
const SAMPLES: [&str; 16] = [
    "ussd-dial",
    "ussd-code",
    "ussd-session-end",
    "momo-callback-put",
    "momo-callback-post",
    "momo-callback-balance",
    "disbursement",
    "generation",
    "export",
    "sweeper",
    "admin-api-login",
    "admin-api-users",
    "nightly-seal",
    "nightly-retain",
    "nightly-books",
    "notifier",
];

/// Without these a function doesn't start.
const REQUIRED: [(&str, &[&str]); 9] = [
    ("ussd", &["ENVIRONMENT", "PAYOUT_QUEUE_URL", "SWITCH_EPOCH", "TABLE_NAME", "USSD_SECRET_ID"]),
    ("momo-callback", &["CALLBACK_SECRET_ID", "PAYOUT_QUEUE_URL", "TABLE_NAME"]),
    (
        "disbursement",
        &[
            "CALLBACK_SECRET_ID",
            "ENVIRONMENT",
            "MOMO_CURRENCY",
            "MOMO_HOST",
            "MOMO_SECRET_ID",
            "MOMO_TARGET_ENVIRONMENT",
            "PAYOUT_DLQ_URL",
            "SWITCH_EPOCH",
            "TABLE_NAME",
        ],
    ),
    ("generation", &["FILES_BUCKET", "GENERATION_QUEUE_URL", "TABLE_NAME"]),
    ("export", &["FILES_BUCKET", "TABLE_NAME"]),
    ("sweeper", &["EXPORT_QUEUE_URL", "GENERATION_QUEUE_URL", "PAYOUT_QUEUE_URL", "TABLE_NAME"]),
    (
        "admin-api",
        &[
            "AUDIT_BUCKET",
            "AUDIT_PUBLIC_KEY",
            "ENVIRONMENT",
            "EXPORT_QUEUE_URL",
            "FILES_BUCKET",
            "GENERATION_QUEUE_URL",
            "PAYOUT_QUEUE_URL",
            "STAFF_SECRET_ID",
            "SWITCH_EPOCH",
            "TABLE_NAME",
            "USSD_SECRET_ID",
        ],
    ),
    (
        "nightly",
        &[
            "AUDIT_BUCKET",
            "AUDIT_KEY_ID",
            "AUDIT_PUBLIC_KEY",
            "ENVIRONMENT",
            "FILES_BUCKET",
            "MOMO_CURRENCY",
            "TABLE_NAME",
        ],
    ),
    ("notifier", &["CONSOLE_BASE_URL", "ENVIRONMENT", "MAIL_FROM", "STAFF_SECRET_ID", "TABLE_NAME"]),
];

fn soon() -> Deadline {
    Deadline::in_ms(5_000)
}

/// The body of an answer to the HTTP API, which must be a 200 in plain text.
#[track_caller]
fn words(answer: &Value) -> &str {
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert_eq!(answer["headers"]["content-type"], "text/plain; charset=utf-8", "{answer}");
    assert_eq!(answer["isBase64Encoded"], false, "{answer}");
    answer["body"].as_str().unwrap_or_else(|| panic!("no body: {answer}"))
}

/// The body of an answer to the HTTP API with this status, which must be JSON.
#[track_caller]
fn json_of(answer: &Value, status: u16) -> Value {
    assert_eq!(answer["statusCode"], status, "{answer}");
    let kind = answer["headers"]["content-type"].as_str().unwrap_or_default();
    assert!(kind.starts_with("application/") && kind.contains("json"), "{answer}");
    let body = answer["body"].as_str().unwrap_or_else(|| panic!("no body: {answer}"));
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

/// `event` with the token of a sign-in in its header.
fn with_token(mut event: Value, token: &str) -> Value {
    event["headers"]["authorization"] = format!("Bearer {token}").into();
    event
}

/// Every call of a function is one that its role in template.yaml allows.
#[track_caller]
fn no_role_was_too_narrow(system: &System) {
    assert!(system.refused().is_empty(), "{:#?}", system.refused());
}

#[track_caller]
fn gives_nothing_away(system: &System, output: &str) {
    assert!(!output.is_empty(), "a function that writes nothing gives nothing away");
    for secret in system.secrets() {
        assert!(!output.contains(&secret), "`{secret}` is written down:\n{output}");
    }
}

// proves: OPS-02
#[tokio::test]
async fn each_sample_event_is_accepted_by_its_function_through_the_runtime_loop() {
    assert_eq!(BTreeSet::from_iter(events::names()), BTreeSet::from(SAMPLES.map(str::to_owned)), "events/, SAMPLES");
    let system = System::start().await;
    system.administrator().await;
    let mut token = String::new();
    // One process for all events of a function, as Lambda keeps one for the next event.
    let mut running = BTreeMap::new();
    for sample in SAMPLES {
        let name = function_of(sample);
        if !running.contains_key(&name) {
            running.insert(name.clone(), system.function(&name).await);
        }
        let function = running.get_mut(&name).expect("it was started");
        let answer = function.invoke(&read(sample)).await;
        match sample {
            "ussd-dial" => assert!(words(&answer).starts_with("CON "), "{answer}"),
            "ussd-code" => is_redeemed(&system, words(&answer)).await,
            "ussd-session-end" => {
                assert_eq!(words(&answer), "Stored.");
                is_noted(&system).await;
            }
            // Hints about payouts that nobody knows are taken, so that MTN doesn't send them again.
            "momo-callback-put" | "momo-callback-post" | "momo-callback-balance" => {
                assert_eq!(words(&answer), "Taken.")
            }
            // Neither payout exists and no job does, so there is nothing that should come again.
            "disbursement" | "generation" | "export" => assert_eq!(answer, json!({ "batchItemFailures": [] })),
            // The payout just made is due in 90 s, if its message is lost.
            "sweeper" => assert_eq!(answer, json!({ "routed": 0, "passed": 0, "jobs": 0, "batches": 0 })),
            "admin-api-login" => {
                let signed_in = json_of(&answer, 200);
                assert_eq!(signed_in["result"], "signed_in", "{signed_in}");
                signed_in["access_token"].as_str().expect("a token").clone_into(&mut token);
            }
            // What stands in the sample is nobody's token.
            "admin-api-users" => {
                json_of(&answer, 401);
                let answer = function.invoke(&with_token(read(sample), &token)).await;
                let users = json_of(&answer, 200);
                assert_eq!(users["items"][0]["email"], events::body(&read("admin-api-login"))["email"], "{users}");
            }
            // Everything on record is of this hour, which isn't due.
            "nightly-seal" => {
                assert_eq!(answer, json!({ "sealed": 1, "entries": 0 }));
                is_sealed(&system).await;
            }
            "nightly-retain" => assert_eq!(answer, json!({ "hours": 0, "entries": 0, "refused": 0 })),
            // Five weeks of days without payouts: compared, and nothing differs.
            "nightly-books" => assert_eq!(answer, json!({ "compared": 35, "differences": 0, "corrected": 0 })),
            "notifier" => {
                let sent = system.letterbox.letters().len();
                assert_eq!(answer, json!({ "sent": sent, "postponed": 0, "given_up": 0, "passed": 0 }));
            }
            other => panic!("say here what {other} is answered"),
        }
    }
    assert!(system.simulator.transfers().is_empty(), "no sample sends money by itself");
    no_role_was_too_narrow(&system);
    for mut function in running.into_values() {
        gives_nothing_away(&system, &function.stop().await);
    }
}

/// By the archive, and by the public key alone.
async fn is_sealed(system: &System) {
    let log = system.log();
    let hour = newest_due(log.clock.now());
    let report = log.verify(hour, hour, soon()).await.expect("the archive answers");
    assert_eq!((report.hours, report.found), (1, 0), "{report:?}");
    assert_eq!(Vec::from_iter(report.signers), ["aws-kms"]);
}

/// The last screen says so, and the table does.
async fn is_redeemed(system: &System, screen: &str) {
    let id = system.payout_id();
    assert!(screen.starts_with("END ") && screen.contains(&id.short()), "{screen}");
    let (redemption, code) = (keys::redemption(&id), keys::code(&system.code));
    let rows = system.store.read(&[redemption.clone(), code.clone()], soon()).await.expect("the table answers");
    let redemption: Redemption = rows.get(&redemption).expect("a good row").expect("a redemption");
    assert_eq!(redemption.money.amount, AMOUNT);
    let code: Code = rows.get(&code).expect("a good row").expect("the code");
    assert_eq!(code.claim.map(|claim| claim.redemption), Some(id));
    let payout = system.payout().await.expect("a payout");
    assert!(matches!(payout.state, State::Queued { .. }), "{:?}", payout.state);
    assert_eq!(payout.payee.e164(), form(&read("ussd-code"))["phoneNumber"]);
}

async fn is_noted(system: &System) {
    let end = keys::session_end(&form(&read("ussd-session-end"))["sessionId"]);
    let rows = system.store.read(std::slice::from_ref(&end), soon()).await.expect("the table answers");
    let notice: Notice = rows.get(&end).expect("a good row").expect("a notice");
    assert_eq!((notice.status.as_str(), notice.hops, notice.duration_ms), ("completed", Some(2), Some(15_400)));
}

// proves: OPS-02, PAY-03, COD-15
#[tokio::test]
async fn the_deployed_binaries_pay_a_typed_code_once_however_often_its_message_comes() {
    let system = System::start().await;
    let mut ussd = system.function("ussd").await;
    // A D was typed where a 0 is printed.
    assert_ne!(form(&read("ussd-code"))["text"], system.code.printed());
    is_redeemed(&system, words(&ussd.invoke(&read("ussd-code")).await)).await;

    let nudge = system.records().await;
    assert_eq!(nudge.len(), 1, "one redemption, one message");
    let mut sender = system.function("disbursement").await;
    let answer = sender.invoke(&json!({ "Records": nudge })).await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    let payout = system.payout().await.expect("a payout");
    assert!(matches!(payout.state, State::Submitted { .. }), "{:?}", payout.state);

    // MTN's hint comes where it was asked to, and makes the question come sooner.
    let hints = system.simulator.due_callbacks();
    let [hint] = hints.as_slice() else { panic!("one transfer, one hint: {hints:?}") };
    let mut event = read("momo-callback-put");
    assert_eq!(hint.url, format!("{CALLBACK_BASE}{}", event["rawPath"].as_str().expect("a path")));
    event["body"] = hint.body.to_string().into();
    let mut callback = system.function("momo-callback").await;
    assert_eq!(words(&callback.invoke(&event).await), "Taken.");

    // The first message comes once more beside the hint's, to a process that has never heard of the payout.
    let mut records = system.records().await;
    assert_eq!(records.len(), 1, "one hint, one message");
    records.extend(nudge);
    let event = json!({ "Records": records });
    let mut asker = system.function("disbursement").await;
    assert_eq!(asker.invoke(&event).await, json!({ "batchItemFailures": [] }));
    let payout = system.payout().await.expect("a payout");
    assert!(matches!(payout.state, State::Paid { .. }), "{:?}", payout.state);

    // And after all is settled, to both.
    for worker in [&mut sender, &mut asker] {
        assert_eq!(worker.invoke(&event).await, json!({ "batchItemFailures": [] }));
    }
    let transfers = system.simulator.transfers();
    let [transfer] = transfers.as_slice() else { panic!("one transfer: {transfers:?}") };
    assert_eq!((transfer.external_id.as_str(), transfer.sends), (payout.id.as_str(), 1));
    assert_eq!(transfer.payee, payout.payee.party_id());
    assert_eq!(system.simulator.paid_total(), AMOUNT);
    no_role_was_too_narrow(&system);
    for mut function in [ussd, sender, callback, asker] {
        gives_nothing_away(&system, &function.stop().await);
    }
}

// proves: OPS-02, PAY-03
#[tokio::test]
async fn a_message_that_cannot_be_read_comes_again_alone_and_the_next_batch_is_answered() {
    let system = System::start().await;
    let mut disbursement = system.function("disbursement").await;
    let good = read("disbursement");
    let mut bad = good.clone();
    bad["Records"][1]["body"] = "no nudge".into();
    let answer = disbursement.invoke(&bad).await;
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": good["Records"][1]["messageId"] }] }));
    assert_eq!(disbursement.invoke(&good).await, json!({ "batchItemFailures": [] }));
}

// proves: OPS-02
#[tokio::test]
async fn the_sweeper_counts_a_payout_whose_message_was_lost_and_sends_another_once() {
    let system = System::start().await;
    let mut ussd = system.function("ussd").await;
    is_redeemed(&system, words(&ussd.invoke(&read("ussd-code")).await)).await;
    assert_eq!(system.records().await.len(), 1, "here it gets lost");

    let fresh = system.due_now().await;

    let mut sweeper = system.function("sweeper").await;
    assert_eq!(sweeper.invoke(&read("sweeper")).await, json!({ "routed": 1, "passed": 0, "jobs": 0, "batches": 0 }));
    assert_eq!(sweeper.invoke(&read("sweeper")).await, json!({ "routed": 0, "passed": 0, "jobs": 0, "batches": 0 }));
    let records = system.records().await;
    let [record] = records.as_slice() else { panic!("one lost, one sent: {records:?}") };
    assert_eq!(record["body"], json!({ "payout": fresh.id }).to_string());
    no_role_was_too_narrow(&system);
}

// proves: OPS-01, OPS-02, COD-03, COD-07
#[tokio::test]
async fn the_deployed_binaries_make_codes_and_a_file_of_them_with_the_rights_of_their_roles() {
    let system = System::start().await;
    let owner = system.administrator().await;
    let seed = Some(Seed::new([5; 32]));
    let (batch_id, run_id) = ("samples".to_owned(), "samples-2".to_owned());
    let made = Work::Generate { batch_id: batch_id.clone(), run_id, seed, redraw: 0 };
    let made = system.asked("generation", made, &owner).await;
    let mut generation = system.function("generation").await;
    assert_eq!(generation.invoke(&read("generation")).await, json!({ "batchItemFailures": [] }));
    let job = system.store.job(&made.id, soon()).await.expect("the table answers").expect("the job");
    assert_eq!((job.state, job.done), (JobState::Done, RUN_CODES), "{:?}", job.problem);

    let wish = Work::Export { batch_id, format: Format::Csv, qr: false, sheets: None };
    let wish = system.asked("export", wish, &owner).await;
    let mut export = system.function("export").await;
    assert_eq!(export.invoke(&read("export")).await, json!({ "batchItemFailures": [] }));
    // A second delivery finds it done.
    assert_eq!(export.invoke(&read("export")).await, json!({ "batchItemFailures": [] }));
    let job = system.store.job(&wish.id, soon()).await.expect("the table answers").expect("the job");
    assert_eq!(job.state, JobState::Done, "{:?}", job.problem);
    let [file] = job.files.as_slice() else { panic!("one file: {:?}", job.files) };
    let (bytes, _) = system.files().get(&file.key, 1 << 20).await.expect("it lies there");
    // Its first line names the columns; the sample's own code is the first.
    assert_eq!(bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count(), 2 + RUN_CODES as usize);
    no_role_was_too_narrow(&system);
    for mut function in [generation, export] {
        gives_nothing_away(&system, &function.stop().await);
    }
}

// proves: OPS-02
#[tokio::test]
async fn a_letter_that_the_api_owes_somebody_is_sent_by_the_notifier_once_with_a_link_to_the_console() {
    let system = System::start().await;
    system.administrator().await;
    let mut api = system.function("admin-api").await;
    let signed_in = json_of(&api.invoke(&read("admin-api-login")).await, 200);
    let token = signed_in["access_token"].as_str().expect("a token");

    let mut event = with_token(read("admin-api-users"), token);
    event["requestContext"]["http"]["method"] = "POST".into();
    event["headers"]["content-type"] = "application/json".into();
    event["headers"]["idempotency-key"] = "5f0c6a7e-6c0b-4f1d-9a35-0d1f1a2b3c4d".into();
    let email = "second@mbelyco.example";
    event["body"] = json!({ "email": email, "first_name": "Second", "last_name": "Person" }).to_string().into();
    json_of(&api.invoke(&event).await, 201);

    let mut notifier = system.function("notifier").await;
    notifier.invoke(&read("notifier")).await;
    notifier.invoke(&read("notifier")).await;
    let letters = system.letterbox.letters();
    let to_them: Vec<_> = letters.iter().filter(|letter| letter.to == [email]).collect();
    let [letter] = to_them.as_slice() else { panic!("one account, one letter: {letters:?}") };
    let link = letter.text.split_whitespace().find(|word| word.starts_with("https://")).expect("a link");
    assert!(link.starts_with(CONSOLE_BASE), "{link}");
    no_role_was_too_narrow(&system);
    let proof = link.rsplit(['#', '=', '/']).next().expect("a last part");
    for mut function in [api, notifier] {
        let output = function.stop().await;
        gives_nothing_away(&system, &output);
        assert!(!output.contains(proof) && !output.contains(email), "{output}");
    }
}

// proves: OPS-01, OPS-02
#[tokio::test]
async fn what_a_role_does_not_allow_is_refused_and_noticed() {
    let system = System::start().await;
    // The sweeper's work with the notifier's gate: both look into the index, but the queue isn't the notifier's.
    let mut ussd = system.function("ussd").await;
    is_redeemed(&system, words(&ussd.invoke(&read("ussd-code")).await)).await;
    // The batch has been looked at: only the payout is due.
    system.function("sweeper").await.invoke(&read("sweeper")).await;
    system.due_now().await;
    let mut variables = system.of_the_platform("notifier");
    variables.extend(system.of_the_template("sweeper"));
    let mut sweeper = system.function_with("sweeper", &variables).await;
    sweeper.invoke(&read("sweeper")).await;
    let refused: BTreeSet<(String, String, String)> =
        system.refused().into_iter().map(|(by, call)| (by, call.action, call.resource)).collect();
    let expected = ("notifier", "sqs:SendMessage", "PayoutQueue");
    let expected = (expected.0.to_owned(), expected.1.to_owned(), expected.2.to_owned());
    assert_eq!(refused, BTreeSet::from([expected]));
}

/// Runs a function that can't start, and answers the variables that it says aren't set.
async fn missed(system: &System, function: &str, variables: &BTreeMap<String, String>) -> BTreeSet<String> {
    let (status, output, came) = system.function_with(function, variables).await.ended().await;
    assert!(!status.success(), "{function} ended well:\n{output}");
    assert!(!came.iter().any(|came| matches!(came, Came::Response { .. })), "{function} answered: {came:?}");
    gives_nothing_away(system, &output);
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let before = output.match_indices(" is not set").map(|(at, _)| &output[..at]);
    before.filter_map(|text| text.rsplit(|letter| !is_part(letter)).next().map(str::to_owned)).collect()
}

// proves: OPS-02
#[tokio::test]
async fn a_function_without_its_variables_ends_and_names_every_one_and_no_secret() {
    let system = System::start().await;
    for (function, required) in REQUIRED {
        let required: BTreeSet<String> = required.iter().map(|name| (*name).to_owned()).collect();
        let platform = system.of_the_platform(function);
        assert_eq!(missed(&system, function, &platform).await, required, "{function} with none of its own");

        // An empty one is as good as none.
        let mut all = platform.clone();
        all.extend(system.of_the_template(function));
        all.insert("TABLE_NAME".to_owned(), String::new());
        let keys = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
        all.retain(|name, _| !keys.contains(&name.as_str()));
        let expected = BTreeSet::from_iter([&keys[..], &["TABLE_NAME"]].concat().into_iter().map(str::to_owned));
        assert_eq!(missed(&system, function, &all).await, expected, "{function} without keys and table");
    }
}
