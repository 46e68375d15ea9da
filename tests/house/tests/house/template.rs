//! What the template promises: times in order, no more rights than needed, nothing that can be lost by accident.

use house::template::{self, number, target};
use house::{files, requirements};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;

// proves: PAY-02, PAY-03
#[test]
fn a_call_ends_before_its_function_its_function_before_the_lease_and_the_lease_before_the_message_returns() {
    let template = template::product();
    let disbursement = template.function("disbursement");
    let call = number(&disbursement.environment["MOMO_HTTP_TIMEOUT_MS"]);
    let function = number(&disbursement.properties["Timeout"]) * 1_000;
    let lease = number(&disbursement.environment["PAYOUT_LEASE_MS"]);
    let queue = target(&disbursement.properties["Events"]["Payouts"]["Properties"]["Queue"])
        .expect("disbursement reads a queue");
    let visibility = number(&template.resources[&queue]["Properties"]["VisibilityTimeout"]) * 1_000;

    assert!(call < function, "call {call} ms, function {function} ms");
    assert!(function < lease, "function {function} ms, lease {lease} ms");
    assert!(lease < visibility / 6, "lease {lease} ms, a sixth of visibility {} ms", visibility / 6);
    // A send starts only with the call's time and 5 s left; there must be room for several.
    assert!(2 * (call + 5_000) < function);
}

// proves: PAY-03
#[test]
fn payouts_come_in_batches_that_report_single_failures_and_have_a_bound() {
    let disbursement = template::product().function("disbursement");
    let source = &disbursement.properties["Events"]["Payouts"];
    assert_eq!(source["Type"], "SQS");
    let source = &source["Properties"];
    assert_eq!(number(&source["BatchSize"]), 10);
    assert_eq!(source["FunctionResponseTypes"][0], "ReportBatchItemFailures");
    assert!(source["ScalingConfig"]["MaximumConcurrency"].is_object());
}

// proves: OPS-01, COD-03
#[test]
fn a_job_has_its_functions_whole_time_and_its_message_comes_back_only_after_that() {
    let template = template::product();
    for (binary, queue) in [("generation", "GenerationQueue"), ("export", "ExportQueue")] {
        let function = template.function(binary).properties;
        let source = &function["Events"]["Jobs"];
        assert_eq!((&source["Type"], target(&source["Properties"]["Queue"]).as_deref()), (&"SQS".into(), Some(queue)));
        let source = &source["Properties"];
        assert_eq!(number(&source["BatchSize"]), 1, "{binary}: one job at a time");
        assert_eq!(source["FunctionResponseTypes"][0], "ReportBatchItemFailures", "{binary}");
        assert!(number(&source["ScalingConfig"]["MaximumConcurrency"]) >= 2, "{binary}: the least that SQS accepts");
        let function = number(&function["Timeout"]);
        let visibility = number(&template.resources[queue]["Properties"]["VisibilityTimeout"]);
        assert!(function <= 900 && visibility >= 6 * function, "{binary}: {function} s, {visibility} s");
        // A worker writes within its lease, and whoever holds a lapsed one is followed long before the message is.
        assert!(domain::job::LEASE_MS / 1_000 < i64::try_from(function).expect("seconds"), "{binary}");
    }
    let names = files::text(&files::root().join("infra/local/src/names.rs"));
    assert!(names.contains("JOB_VISIBILITY_S: u32 = 5_400"), "a laptop's queues are as the deployed ones");
}

#[test]
fn the_telephone_gets_its_answer_within_5_seconds_and_the_sweeper_within_its_minute() {
    let template = template::product();
    assert!(number(&template.function("ussd").properties["Timeout"]) <= 5);
    assert!(number(&template.function("momo-callback").properties["Timeout"]) <= 5);
    let sweeper = template.function("sweeper").properties;
    assert!(number(&sweeper["Timeout"]) < 60);
    assert_eq!(sweeper["Events"]["EveryMinute"]["Properties"]["Schedule"], "rate(1 minute)");
    assert_eq!(number(&sweeper["ReservedConcurrentExecutions"]), 1);
}

/// A number that a function's source holds, such as `const BUDGET_MS: u64 = 600_000;`.
fn constant(file: &str, name: &str) -> u64 {
    let source = files::text(&files::root().join(file));
    let line = source.lines().find_map(|line| line.trim().strip_prefix(&format!("const {name}: u64 = ")));
    let figures = line.unwrap_or_else(|| panic!("{file} has no {name}")).trim_end_matches(';').replace('_', "");
    figures.parse().unwrap_or_else(|error| panic!("{file}: {name}: {error}"))
}

// proves: OPS-01
#[test]
fn staff_are_answered_before_the_api_gives_up_and_each_job_ends_before_its_function_does() {
    let template = template::product();
    let time_ms = |function: &str| number(&template.function(function).properties["Timeout"]) * 1_000;
    assert!(time_ms("admin-api") < 30_000, "the API gives up after 30 s");
    for name in ["EXPORT_MS", "VERIFY_MS"] {
        // Before that the caller is looked up, counted and admitted, and the answer is written.
        let budget = constant("functions/admin-api/src/routes/audit.rs", name);
        assert!(budget + 8_000 < time_ms("admin-api"), "{name} {budget} ms");
    }

    // The hour that a run is at when its time is up takes minutes at most.
    let budget = constant("functions/nightly/src/lib.rs", "BUDGET_MS");
    assert!(budget + 240_000 <= time_ms("nightly"), "nightly may run {budget} ms");
    assert!(time_ms("nightly") <= 900_000, "Lambda's longest");

    // So long one letter takes at most, as the notifier counts it.
    let letter = 26_000;
    let budget = constant("functions/notifier/src/lib.rs", "BUDGET_MS");
    assert!(budget + letter < time_ms("notifier"), "a run of letters takes {} ms", budget + letter);
    assert!(time_ms("notifier") < 60_000, "the next run begins");
    assert_eq!(number(&template.function("notifier").properties["ReservedConcurrentExecutions"]), 1);
}

// proves: OPS-01, AUD-02
#[test]
fn nightly_is_sent_its_two_jobs_and_seals_as_soon_as_an_hour_may_be_sealed() {
    let nightly = template::product().function("nightly").properties;
    let schedule = |event: &str| nightly["Events"][event]["Properties"].clone();
    for (event, sample) in [("Seal", "nightly-seal"), ("Retain", "nightly-retain")] {
        let sent = schedule(event)["Input"].as_str().map(serde_json::from_str::<Value>);
        let sent = sent.unwrap_or_else(|| panic!("{event} sends nothing")).expect("JSON");
        let sample = files::text(&files::root().join(format!("events/{sample}.json")));
        assert_eq!(sent, serde_json::from_str::<Value>(&sample).expect("JSON"), "{event}");
    }
    assert_eq!(schedule("Seal")["Schedule"], "cron(21 * * * ? *)", "20 minutes after the hour, each hour");
    // Without these the hour of a failed run would be sealed late.
    assert!(number(&nightly["EventInvokeConfig"]["MaximumRetryAttempts"]) > 0);
}

// proves: OPS-01
#[test]
fn letters_wait_for_a_sender_and_production_has_one() {
    let template = template::product();
    let wake = &template.function("notifier").properties["Events"]["EveryMinute"]["Properties"];
    assert_eq!(wake["State"], serde_json::json!({ "Fn::If": ["HasMail", "ENABLED", "DISABLED"] }));
    assert_eq!(wake["Schedule"], "rate(1 minute)");
    let demanded = template.rules["ProductionGuardsItsStaffAndItsLog"].to_string();
    for parameter in ["StaffMfa", "AuditLockDays", "MailFrom", "ConsoleBaseUrl", "SesIdentity"] {
        assert!(
            demanded.contains(&format!("{{\"Ref\":\"{parameter}\"}}")),
            "production may leave {parameter} as it is"
        );
    }
}

// proves: OPS-01
#[test]
fn samconfig_names_parameters_that_the_template_has_and_locks_production_longer_than_the_log_is_kept() {
    let template = template::product();
    let config = files::text(&files::root().join("samconfig.toml"));
    let mut section = "";
    let mut lock_days = 0;
    let mut seen = 0;
    for line in config.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').filter(|name| name.contains(".parameters")) {
            section = name;
        }
        let pairs = line.split('"').skip(1).step_by(2).filter_map(|text| text.split_once('='));
        for (name, value) in pairs.filter(|_| section.contains(".deploy.") && !line.starts_with("tags")) {
            let parameter = template.parameters.get(name);
            let parameter = parameter.unwrap_or_else(|| panic!("{section} {name} is no parameter"));
            if let Some(allowed) = parameter["AllowedValues"].as_array() {
                let fits = |one: &Value| *one == value || one.as_u64().is_some_and(|one| value.parse() == Ok(one));
                assert!(allowed.iter().any(fits), "{section} {name}={value}");
            }
            if name == "AuditLockDays" && section.starts_with("production.") {
                lock_days = value.parse().expect("a number");
            }
            seen += 1;
        }
    }
    assert!(seen > 0, "no parameters were found");
    // The setting's default, `AuditPolicy::retention_days`.
    assert!(lock_days > 2_557, "production's seals are locked for {lock_days} days");
}

// proves: OPS-01
#[test]
fn every_queue_has_a_dead_letter_queue_that_outlives_it() {
    let template = template::product();
    let queues: Vec<_> = template.of_type("AWS::SQS::Queue").collect();
    let dead: BTreeSet<String> = queues
        .iter()
        .filter_map(|(_, queue)| target(&queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]))
        .collect();
    assert!(!queues.is_empty());
    for (name, queue) in &queues {
        assert_eq!(queue["Properties"]["SqsManagedSseEnabled"], true, "{name} is not encrypted");
        if dead.contains(*name) {
            assert_eq!(number(&queue["Properties"]["MessageRetentionPeriod"]), 1_209_600, "{name}");
            assert_eq!(queue["Properties"]["RedriveAllowPolicy"]["redrivePermission"], "byQueue", "{name}");
            continue;
        }
        let policy = &queue["Properties"]["RedrivePolicy"];
        let letters =
            target(&policy["deadLetterTargetArn"]).unwrap_or_else(|| panic!("{name} has no dead-letter queue"));
        assert!(template.resources.contains_key(&letters), "{name} names {letters}, which isn't there");
        assert!(number(&policy["maxReceiveCount"]) > 1, "{name} gives up at once");
        assert!(
            number(&queue["Properties"]["MessageRetentionPeriod"])
                < number(&template.resources[&letters]["Properties"]["MessageRetentionPeriod"]),
            "{letters} would forget before {name}"
        );
    }
}

// proves: OPS-01
#[test]
fn every_function_crate_is_deployed_and_nothing_else_is() {
    let deployed: BTreeSet<String> =
        template::product().functions().into_iter().map(|function| function.binary).collect();
    let written: BTreeSet<String> = files::crates_in("functions").into_iter().collect();
    assert_eq!(deployed, written, "binaries in template.yaml, crates in functions/");
}

#[test]
fn every_function_is_built_from_its_own_folder_for_arm() {
    let source = files::text(&files::root().join("template.yaml"));
    assert!(source.contains("Architectures: [arm64]") && source.contains("Runtime: provided.al2023"));
    let template = template::product();
    for function in template.functions() {
        let folder = format!("functions/{}", function.binary);
        assert_eq!(function.properties["CodeUri"], folder.as_str(), "{}", function.resource);
        let build = &template.resources[&function.resource]["Metadata"]["BuildMethod"];
        assert_eq!(build, "rust-cargolambda", "{}", function.resource);
    }
}

// proves: OPS-01
#[test]
fn the_table_can_be_restored_and_not_be_lost() {
    let template = template::product();
    let tables: Vec<_> = template.of_type("AWS::DynamoDB::Table").collect();
    assert_eq!(tables.len(), 1, "one table");
    let (name, table) = tables[0];
    assert_eq!(table["DeletionPolicy"], "Retain", "{name}");
    assert_eq!(table["UpdateReplacePolicy"], "Retain", "{name}");
    let properties = &table["Properties"];
    assert_eq!(properties["DeletionProtectionEnabled"], true);
    assert_eq!(properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true);
    assert_eq!(properties["SSESpecification"]["SSEEnabled"], true);
    assert_eq!(properties["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(properties["TimeToLiveSpecification"]["AttributeName"], "expires_at");
    assert_eq!(properties["TimeToLiveSpecification"]["Enabled"], true);
    for index in properties["GlobalSecondaryIndexes"].as_array().expect("indexes") {
        assert_eq!(index["Projection"]["ProjectionType"], "KEYS_ONLY", "{index}");
        // A throttled index slows the table down.
        assert!(index["WarmThroughput"].is_object(), "{index}");
    }
    assert!(properties["WarmThroughput"].is_object());
}

// proves: OPS-01
#[test]
fn a_laptops_table_has_the_shape_of_the_deployed_one() {
    let source = files::text(&files::root().join("shared/store/src/table.rs"));
    // `attribute("pk", ScalarAttributeType::S)`, `index("due", "due_key", "due_at")`, and the table's own two keys.
    let calls = |name: &str| -> Vec<String> {
        source
            .split(&format!("({name}("))
            .skip(1)
            .filter_map(|rest| Some(rest.split_once(')')?.0.replace('"', "").replace("ScalarAttributeType::", "")))
            .collect()
    };
    let template = template::product();
    let table = &template.resources["Table"]["Properties"];
    let list = |name: &str| table[name].as_array().expect("a list").clone();
    let keys = |of: &Value| -> Vec<String> {
        let keys = of["KeySchema"].as_array().expect("a key");
        assert_eq!((&keys[0]["KeyType"], &keys[1]["KeyType"]), (&"HASH".into(), &"RANGE".into()));
        keys.iter().filter_map(|key| key["AttributeName"].as_str().map(str::to_owned)).collect()
    };
    let pair = |one: &Value| {
        format!("{}, {}", one["AttributeName"].as_str().unwrap_or("?"), one["AttributeType"].as_str().unwrap_or("?"))
    };
    assert_eq!(calls("attribute"), list("AttributeDefinitions").iter().map(pair).collect::<Vec<_>>());
    assert_eq!(calls("key")[2..], ["pk, KeyType::Hash", "sk, KeyType::Range"]);
    assert_eq!(keys(table), ["pk", "sk"]);
    let indexes: Vec<String> = list("GlobalSecondaryIndexes")
        .iter()
        .map(|index| format!("{}, {}", index["IndexName"].as_str().unwrap_or("?"), keys(index).join(", ")))
        .collect();
    assert_eq!(calls("index"), indexes);
    assert_eq!(source.matches("ProjectionType::KeysOnly").count(), 1, "all by the same function");
    assert!(source.contains("attribute_name(\"expires_at\")"));
}

#[test]
fn secrets_outlive_the_stack_and_no_value_stands_in_the_template() {
    let template = template::product();
    let mut given_out = BTreeSet::new();
    for (name, secret) in template.of_type("AWS::SecretsManager::Secret") {
        assert_eq!(secret["DeletionPolicy"], "Retain", "{name}");
        assert_eq!(secret["UpdateReplacePolicy"], "Retain", "{name}");
        let value = &secret["Properties"]["SecretString"];
        if value.is_null() {
            continue;
        }
        // Put together from generated parts: what is between the quotes is looked up, whatever is left is the shape.
        let source = value["Fn::Sub"].as_str().unwrap_or_else(|| panic!("{name} is written out"));
        let shape: Value = serde_json::from_str(source).unwrap_or_else(|error| panic!("{name} is JSON: {error}"));
        let mut parts = Vec::new();
        words_in(&shape, &mut parts);
        assert!(!parts.is_empty(), "{name} is empty");
        for part in parts {
            let made = part
                .strip_prefix("{{resolve:secretsmanager:${")
                .and_then(|rest| rest.strip_suffix("}}}"))
                .unwrap_or_else(|| panic!("{name} holds a value that is written out"));
            let generated = &template.resources[made]["Properties"]["GenerateSecretString"];
            assert!(generated.is_object(), "{name}: {made} isn't generated");
            assert!(number(&generated["PasswordLength"]) >= 48, "{name}: {made} is short");
            assert_eq!(generated["ExcludePunctuation"], true, "{name}: {made} would have to be escaped");
            assert!(given_out.insert(made.to_owned()), "{made} stands in two places");
        }
    }
}

#[test]
fn the_access_log_names_the_route_and_never_the_path() {
    let template = template::product();
    let apis: Vec<_> = template.of_type("AWS::Serverless::HttpApi").collect();
    assert!(!apis.is_empty());
    for (name, api) in apis {
        let format = api["Properties"]["AccessLogSettings"]["Format"]
            .as_str()
            .unwrap_or_else(|| panic!("{name} keeps no access log"));
        assert!(format.contains("$context.routeKey"), "{name}: {format}");
        for leak in ["$context.path", "$context.http", "$context.requestPath", "$input", "$request"] {
            assert!(!format.contains(leak), "{name} would log {leak}, which holds the caller's secret");
        }
        serde_json::from_str::<Value>(format).unwrap_or_else(|error| panic!("{name}'s log is JSON: {error}"));
    }
}

#[test]
fn no_output_gives_a_secret_away() {
    for (name, output) in &template::product().outputs {
        let value = output["Value"].to_string();
        assert!(!value.contains("resolve:secretsmanager"), "{name}: {value}");
    }
}

// proves: OPS-02
#[test]
fn every_sample_event_names_a_function_and_every_function_has_one() {
    let functions = files::crates_in("functions");
    let mut without: BTreeSet<&String> = functions.iter().collect();
    for path in sample_events() {
        let owner = owner_of(&path, &functions);
        let owner = owner.unwrap_or_else(|| panic!("{} names no function", files::name(&path)));
        without.remove(owner);
    }
    assert!(without.is_empty(), "no sample event for {without:?}");
}

// proves: OPS-02
#[test]
fn every_sample_request_arrives_on_a_route_of_its_function() {
    let functions = files::crates_in("functions");
    for path in sample_events() {
        let event: Value = serde_json::from_str(&files::text(&path)).expect("a sample event is JSON");
        let Some(route) = event["routeKey"].as_str() else {
            continue;
        };
        let owner = owner_of(&path, &functions).expect("the file's prefix is a function");
        let routes = template::product().routes(owner);
        assert!(
            routes.iter().any(|known| known == route),
            "{} comes by {route}; {owner} has {routes:?}",
            files::name(&path)
        );
        if route.ends_with("{secret}") {
            assert_eq!(
                event["pathParameters"]["secret"],
                "local-only-secret",
                "{}: no real secret in a sample",
                files::name(&path)
            );
        }
        let token = event["headers"]["authorization"].as_str().unwrap_or("Bearer of-a-sign-in");
        assert_eq!(token, "Bearer of-a-sign-in", "{}: no real token in a sample", files::name(&path));
    }
}

#[test]
fn the_ids_that_the_template_is_said_to_prove_look_like_ids() {
    let source = files::text(&files::root().join("tests/house/tests/house/template.rs"));
    let read = requirements::tests_in("template.rs", &source);
    assert!(read.differences.is_empty(), "{:?}", read.differences);
    assert!(read.tests.iter().any(|test| test.ids.contains("PAY-03")));
}

/// A key's `id` only tells it from the next one.
fn words_in(value: &Value, words: &mut Vec<String>) {
    if let Some(word) = value.as_str() {
        words.push(word.to_owned());
    }
    for item in value.as_array().into_iter().flatten() {
        words_in(item, words);
    }
    for (_, field) in value.as_object().into_iter().flatten().filter(|(name, _)| *name != "id") {
        words_in(field, words);
    }
}

fn sample_events() -> Vec<PathBuf> {
    let found = files::below(&files::root().join("events"), "json");
    assert!(!found.is_empty(), "events/ is empty");
    found
}

fn owner_of<'a>(path: &std::path::Path, functions: &'a [String]) -> Option<&'a String> {
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    functions
        .iter()
        .filter(|function| stem == **function || stem.starts_with(&format!("{function}-")))
        .max_by_key(|function| function.len())
}
