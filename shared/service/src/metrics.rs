//! Metrics in CloudWatch's embedded format: one JSON line on standard output, no call, no agent.
//!
//! Written by hand because it is one object; the crates for it bring a registry and more start-up than the format.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::{
    io::Write,
    sync::{Mutex, OnceLock, PoisonError},
};

const NAMESPACE: &str = "MbelycoPromo";

type Sink = Mutex<Box<dyn Write + Send>>;

static SINK: OnceLock<Sink> = OnceLock::new();

/// Sends the lines somewhere else than standard output, where the platform reads them. Only the first call counts.
pub fn send_to(sink: Box<dyn Write + Send>) {
    SINK.get_or_init(|| Mutex::new(sink));
}

#[derive(Clone, Copy)]
pub enum Unit {
    Count,
    Milliseconds,
    Seconds,
}

/// Emits one value under `name`, with its dimensions (low cardinality; never a phone or a code).
pub fn emit(name: &str, value: f64, unit: Unit, dimensions: &[(&str, &str)]) {
    let line = line(name, value, unit, dimensions, Timestamp::now().as_millisecond());
    // Nobody can be told that the output is gone.
    drop(match SINK.get() {
        Some(sink) => writeln!(sink.lock().unwrap_or_else(PoisonError::into_inner), "{line}"),
        None => writeln!(std::io::stdout().lock(), "{line}"),
    });
}

fn line(name: &str, value: f64, unit: Unit, dimensions: &[(&str, &str)], at_ms: i64) -> Value {
    let unit = match unit {
        Unit::Count => "Count",
        Unit::Milliseconds => "Milliseconds",
        Unit::Seconds => "Seconds",
    };
    let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    let mut object = Map::new();
    object.insert(
        "_aws".to_owned(),
        json!({ "Timestamp": at_ms, "CloudWatchMetrics": [{
            "Namespace": NAMESPACE, "Dimensions": [names], "Metrics": [{ "Name": name, "Unit": unit }] }] }),
    );
    for (key, value) in dimensions {
        object.insert((*key).to_owned(), Value::from(*value));
    }
    object.insert(name.to_owned(), Value::from(value));
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: OPS-04
    #[test]
    fn a_metric_is_one_object_in_the_embedded_format() {
        let line = line("redemption_attempts_total", 1.0, Unit::Count, &[("result", "redeemed")], 1_790_000_000_000);
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"], "redemption_attempts_total");
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0][0], "result");
        assert_eq!(line["result"], "redeemed");
        assert_eq!(line["redemption_attempts_total"], 1.0);
        assert_eq!(line["_aws"]["Timestamp"], 1_790_000_000_000_i64);
    }
}
