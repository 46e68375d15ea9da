//! What can be wrong with a document though it is made from the code.

use crate::api::operations;
use serde_json::Value;
use std::collections::HashSet;

pub(crate) fn of(document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut ids = HashSet::new();
    let tags: HashSet<&str> =
        document["tags"].as_array().into_iter().flatten().filter_map(|tag| tag["name"].as_str()).collect();
    for (path, method, operation) in operations(document) {
        let mut fault = |what: String| faults.push(format!("{method} {path}: {what}"));
        match operation["operationId"].as_str() {
            None => fault("has no id".to_owned()),
            Some(id) if !ids.insert(id) => fault(format!("its id {id} is another's too")),
            Some(_) => {}
        }
        if operation["summary"].as_str().is_none_or(str::is_empty) {
            fault("has no summary".to_owned());
        }
        match operation["tags"][0].as_str() {
            None => fault("has no tag".to_owned()),
            Some(tag) if !tags.contains(tag) => fault(format!("its tag {tag} is not declared")),
            Some(_) => {}
        }
        let in_path: HashSet<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        let described: HashSet<&str> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "path")
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        for name in in_path.symmetric_difference(&described) {
            fault(format!("{name} is in the path or among its parameters, not in both"));
        }
        let answers = operation["responses"].as_object();
        if !answers.into_iter().flatten().any(|(status, _)| status.starts_with('2') || status.starts_with('3')) {
            fault("says of no answer that is no problem".to_owned());
        }
    }
    references(document, document, &mut faults);
    faults
}

/// Names every `$ref` that leads nowhere.
fn references(document: &Value, part: &Value, faults: &mut Vec<String>) {
    match part {
        Value::Object(entries) => {
            if let Some(Value::String(reference)) = entries.get("$ref")
                && resolve(document, reference).is_none()
            {
                faults.push(format!("{reference} leads nowhere"));
            }
            entries.values().for_each(|value| references(document, value, faults));
        }
        Value::Array(items) => items.iter().for_each(|item| references(document, item, faults)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What a reference inside the document points to.
pub(crate) fn resolve<'d>(document: &'d Value, reference: &str) -> Option<&'d Value> {
    document.pointer(reference.strip_prefix('#')?)
}
