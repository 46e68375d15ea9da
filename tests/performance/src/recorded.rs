//! Requests to the table as they were really sent.

use crate::Result;
use serde_json::Value;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A call's name and body.
pub type Call = (String, String);

static CALLS: Mutex<Vec<Call>> = Mutex::new(Vec::new());

fn calls() -> MutexGuard<'static, Vec<Call>> {
    CALLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps a call, for a `rig::wire::Wire` that doesn't count it.
pub fn keep(name: &str, body: &str) -> bool {
    calls().push((name.to_owned(), body.to_owned()));
    true
}

/// Keeps a call, for a `rig::wire::Wire` that counts it too.
pub fn keep_and_count(name: &str, body: &str) -> bool {
    !keep(name, body)
}

/// The calls since the last time this was asked.
pub fn take() -> Vec<Call> {
    std::mem::take(&mut *calls())
}

/// The bodies of those calls that have this name.
pub fn bodies(calls: &[Call], name: &str) -> Result<Vec<Value>> {
    let bodies = calls.iter().filter(|(is, _)| is == name).map(|(_, body)| serde_json::from_str(body));
    Ok(bodies.collect::<std::result::Result<_, _>>()?)
}

/// A list in a request; empty when it isn't there.
pub fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}
