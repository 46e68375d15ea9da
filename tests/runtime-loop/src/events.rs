//! The samples in `events/`.

use base64::{Engine, engine::general_purpose::STANDARD};
use house::files;
use serde_json::Value;
use std::collections::HashMap;

/// The names of all samples, without `.json`.
///
/// # Panics
/// When the folder can't be read.
pub fn names() -> Vec<String> {
    let stem = |path: &std::path::PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    files::below(&files::root().join("events"), "json").iter().filter_map(stem).collect()
}

/// # Panics
/// When there is no such sample or it is no JSON.
pub fn read(name: &str) -> Value {
    let text = files::text(&files::root().join("events").join(format!("{name}.json")));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("events/{name}.json: {error}"))
}

/// The function that a sample is for: the one whose name the sample's begins with.
///
/// # Panics
/// When there is none.
pub fn function_of(name: &str) -> String {
    let fits = |function: &String| name == function || name.starts_with(&format!("{function}-"));
    let longest = files::crates_in("functions").into_iter().filter(fits).max_by_key(String::len);
    longest.unwrap_or_else(|| panic!("events/{name}.json names no function"))
}

/// The fields of a request's form.
///
/// # Panics
/// When the body isn't base64.
pub fn form(event: &Value) -> HashMap<String, String> {
    let body = event["body"].as_str().expect("a request with a body");
    let body = STANDARD.decode(body).expect("the HTTP API delivers forms in base64");
    form_urlencoded::parse(&body).into_owned().collect()
}

/// The body of a request that is JSON.
///
/// # Panics
/// When it isn't.
pub fn body(event: &Value) -> Value {
    let body = event["body"].as_str().expect("a request with a body");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}
