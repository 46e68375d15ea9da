//! What wakes somebody: every function and every queue is watched, and silence is heard where silence is the fault.

use house::files;
use house::template::{self, number, target};
use serde_json::Value;
use std::collections::BTreeSet;

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
    for name in ["DeadLetters", "OldestNudge", "UssdServerErrors", "SweeperAbsent", "SlowDials"] {
        assert!(alarms.resources.contains_key(name), "no alarm {name}");
    }
    let watched = |metric: &str| -> BTreeSet<String> {
        let on = |alarm: &Value| alarm["Properties"]["MetricName"] == metric;
        let of = alarms.of_type("AWS::CloudWatch::Alarm").filter(|(_, alarm)| on(alarm));
        of.filter_map(|(_, alarm)| target(&alarm["Properties"]["Dimensions"][0]["Value"])).collect()
    };
    let template = template::product();
    let queues: BTreeSet<String> = template.of_type("AWS::SQS::Queue").map(|(name, _)| name.clone()).collect();
    let (dead, fed): (BTreeSet<_>, BTreeSet<_>) = queues.into_iter().partition(|name| name.ends_with("DeadLetters"));
    assert_eq!(watched("ApproximateNumberOfMessagesVisible"), dead);
    assert_eq!(watched("ApproximateAgeOfOldestMessage"), fed);
    let silence = &alarms.resources["SweeperAbsent"]["Properties"];
    assert_eq!(silence["TreatMissingData"], "breaching", "silence is the fault");
    assert_eq!(number(&silence["Period"]) * number(&silence["EvaluationPeriods"]), 180);
    for (name, alarm) in alarms.of_type("AWS::CloudWatch::Alarm") {
        assert_eq!(target(&alarm["Properties"]["AlarmActions"][0]).as_deref(), Some("Topic"), "{name} rings nowhere");
    }
}

// proves: OPS-01, AUD-02
#[test]
fn an_alarm_rings_when_no_hour_is_sealed_for_2_hours_and_when_staff_get_5xx() {
    let alarms = template::alarms();
    let silence = &alarms.resources["SealAbsent"]["Properties"];
    assert_eq!(silence["TreatMissingData"], "breaching", "silence is the fault");
    assert_eq!(number(&silence["Period"]) * number(&silence["EvaluationPeriods"]), 7_200);
    for (alarm, count, from) in [
        ("SealAbsent", "SealedHourCount", "NightlyLogGroup"),
        ("BooksAbsent", "BooksKeptCount", "NightlyLogGroup"),
        ("UnverifiedHour", "UnverifiedHourCount", "NightlyLogGroup"),
        ("StaffServerErrors", "StaffServerErrorCount", "ApiLogGroup"),
    ] {
        let (alarm, count) = (&alarms.resources[alarm]["Properties"], &alarms.resources[count]["Properties"]);
        assert_eq!(target(&count["LogGroupName"]).as_deref(), Some(from));
        let counted = &count["MetricTransformations"][0];
        assert_eq!((&alarm["MetricName"], &alarm["Namespace"]), (&counted["MetricName"], &counted["MetricNamespace"]));
    }
    // The filters name what is written: the function's metrics, and the API's routes.
    let nightly: String =
        files::below(&files::root().join("functions/nightly/src"), "rs").iter().map(|path| files::text(path)).collect();
    for count in ["SealedHourCount", "BooksKeptCount", "UnverifiedHourCount"] {
        let metric = alarms.resources[count]["Properties"]["MetricTransformations"][0]["MetricValue"].as_str();
        let metric = metric.and_then(|metric| metric.strip_prefix("$.")).expect("a field");
        assert!(nightly.contains(&format!("metrics::emit(\"{metric}\"")), "{count} counts {metric}");
    }
    let pattern = alarms.resources["StaffServerErrorCount"]["Properties"]["FilterPattern"].as_str().expect("a pattern");
    for route in template::product().routes("admin-api") {
        assert!(pattern.contains(&format!("$.route = \"{route}\"")), "{route} is not counted");
    }
    let parameters = &template::product().resources["Alarms"]["Properties"]["Parameters"];
    assert_eq!(target(&parameters["NightlyLogGroup"]).as_deref(), Some("NightlyLogs"));
    let given: BTreeSet<&String> = parameters.as_object().expect("parameters").keys().collect();
    assert_eq!(given, alarms.parameters.keys().collect(), "given to the alarms, asked for by them");
}
