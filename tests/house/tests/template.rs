//! What the template promises: times in order, no more rights than needed, nothing that can be lost by accident.

use house::template::{self, number, target};
use house::{files, requirements};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Actions that AWS doesn't let anybody bind to a resource.
const WITHOUT_A_RESOURCE: [&str; 8] = [
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    // Network interfaces are made by Lambda itself, before they have a name.
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
];

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
fn no_function_has_a_wildcard_action_or_resource() {
    for function in template::product().functions() {
        let name = &function.resource;
        assert!(function.properties["Policies"].is_null(), "{name}: its role is the only place for its rights");
        assert!(!function.grants.is_empty(), "{name} may do nothing at all");
        for grant in &function.grants {
            for action in &grant.actions {
                assert!(!action.contains('*'), "{name} may {action}");
            }
            let bindable = grant.actions.iter().any(|action| !WITHOUT_A_RESOURCE.contains(&action.as_str()));
            for resource in &grant.resources {
                assert!(
                    !bindable || !resource.to_string().contains('*'),
                    "{name} may {:?} on {resource}",
                    grant.actions
                );
            }
        }
    }
}

#[test]
fn no_role_takes_rights_from_a_policy_that_is_not_written_here() {
    for (name, role) in template::product().of_type("AWS::IAM::Role") {
        assert!(role["Properties"]["ManagedPolicyArns"].is_null(), "{name}");
    }
}

#[test]
fn no_function_may_delete_rows_or_scan_the_table() {
    for function in template::product().functions() {
        for action in function.grants.iter().flat_map(|grant| &grant.actions) {
            assert!(
                !["dynamodb:DeleteItem", "dynamodb:Scan", "dynamodb:BatchWriteItem"].contains(&action.as_str()),
                "{} may {action}",
                function.resource
            );
        }
    }
}

#[test]
fn only_disbursement_can_read_the_momo_secret() {
    let functions = template::product().functions();
    let readers: Vec<&str> = functions
        .iter()
        .filter(|function| {
            function.grants.iter().any(|grant| {
                grant.actions.iter().any(|action| action.starts_with("secretsmanager:"))
                    && grant.resources.iter().any(|resource| target(resource).as_deref() == Some("MomoSecret"))
            })
        })
        .map(|function| function.binary.as_str())
        .collect();
    assert_eq!(readers, ["disbursement"]);

    let knowers: Vec<&str> = functions
        .iter()
        .filter(|function| function.environment.values().any(|value| target(value).as_deref() == Some("MomoSecret")))
        .map(|function| function.binary.as_str())
        .collect();
    assert_eq!(knowers, ["disbursement"]);
}

#[test]
fn every_function_may_use_exactly_the_secrets_and_queues_that_its_environment_names() {
    for function in template::product().functions() {
        let named: BTreeSet<String> = function
            .environment
            .iter()
            .filter(|(key, _)| key.ends_with("_SECRET_ID") || key.ends_with("_URL") && key.contains("PAYOUT"))
            .filter_map(|(_, value)| target(value))
            .collect();
        let granted: BTreeSet<String> = function
            .grants
            .iter()
            .filter(|grant| {
                grant
                    .actions
                    .iter()
                    .any(|action| ["secretsmanager:GetSecretValue", "sqs:SendMessage"].contains(&action.as_str()))
            })
            .flat_map(|grant| grant.resources.iter().filter_map(target))
            .collect();
        assert_eq!(named, granted, "{}: named in the environment, granted by the role", function.resource);
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
    let index = &properties["GlobalSecondaryIndexes"][0];
    assert_eq!(index["IndexName"], "due");
    assert_eq!(index["Projection"]["ProjectionType"], "KEYS_ONLY");
    assert!(index["WarmThroughput"].is_object() && properties["WarmThroughput"].is_object());
}

#[test]
fn secrets_outlive_the_stack_and_no_value_stands_in_the_template() {
    let template = template::product();
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
            assert!(
                template.resources[made]["Properties"]["GenerateSecretString"].is_object(),
                "{name}: {made} isn't generated"
            );
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

// proves: OPS-01
#[test]
fn every_function_has_alarms_on_errors_and_throttles_and_a_log_that_ends() {
    let template = template::product();
    let alarms = template::alarms();
    let watched: BTreeSet<(String, String)> = alarms
        .of_type("AWS::CloudWatch::Alarm")
        .filter_map(|(_, alarm)| {
            let properties = &alarm["Properties"];
            let metric = properties["MetricName"].as_str()?.to_owned();
            Some((target(&properties["Dimensions"][0]["Value"])?, metric))
        })
        .collect();
    let told = &template.resources["Alarms"]["Properties"]["Parameters"];
    for function in template.functions() {
        let name = &function.resource;
        assert_eq!(target(&told[name]).as_ref(), Some(name), "alarms know another {name}");
        for metric in ["Errors", "Throttles"] {
            assert!(watched.contains(&(name.clone(), metric.to_owned())), "{name}: no alarm on {metric}");
        }
        let log =
            target(&function.properties["LoggingConfig"]["LogGroup"]).unwrap_or_else(|| panic!("{name} logs for ever"));
        assert!(!template.resources[&log]["Properties"]["RetentionInDays"].is_null(), "{log}");
    }
}

// proves: OPS-01
#[test]
fn alarms_ring_for_dead_letters_old_messages_failed_dials_and_a_silent_sweeper() {
    let alarms = template::alarms();
    for name in ["DeadLetters", "OldestNudge", "UssdServerErrors", "SweeperAbsent"] {
        assert!(alarms.resources.contains_key(name), "no alarm {name}");
    }
    let silence = &alarms.resources["SweeperAbsent"]["Properties"];
    assert_eq!(silence["TreatMissingData"], "breaching", "silence is the fault");
    assert_eq!(number(&silence["Period"]) * number(&silence["EvaluationPeriods"]), 180);
    for (name, alarm) in alarms.of_type("AWS::CloudWatch::Alarm") {
        assert_eq!(target(&alarm["Properties"]["AlarmActions"][0]).as_deref(), Some("Topic"), "{name} rings nowhere");
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
    let template = template::product();
    let functions = files::crates_in("functions");
    for path in sample_events() {
        let event: Value = serde_json::from_str(&files::text(&path)).expect("a sample event is JSON");
        let Some(route) = event["routeKey"].as_str() else {
            continue;
        };
        let owner = owner_of(&path, &functions).expect("the file's prefix is a function");
        let routes: Vec<String> = template.function(owner).properties["Events"]
            .as_object()
            .expect("a function with requests has events")
            .values()
            .map(|event| &event["Properties"])
            .filter_map(|event| Some(format!("{} {}", event["Method"].as_str()?, event["Path"].as_str()?)))
            .collect();
        assert!(
            routes.iter().any(|known| known == route),
            "{} comes by {route}; {owner} has {routes:?}",
            files::name(&path)
        );
        assert_eq!(
            event["pathParameters"]["secret"],
            "local-only-secret",
            "{}: no real secret in a sample",
            files::name(&path)
        );
    }
}

#[test]
fn the_ids_that_the_template_is_said_to_prove_look_like_ids() {
    let source = files::text(&files::root().join("tests/house/tests/template.rs"));
    let read = requirements::tests_in("template.rs", &source);
    assert!(read.differences.is_empty(), "{:?}", read.differences);
    assert!(read.tests.iter().any(|test| test.ids.contains("PAY-03")));
}

fn words_in(value: &Value, words: &mut Vec<String>) {
    if let Some(word) = value.as_str() {
        words.push(word.to_owned());
    }
    for item in value.as_array().into_iter().flatten() {
        words_in(item, words);
    }
    for field in value.as_object().into_iter().flat_map(|fields| fields.values()) {
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
