//! What doesn't fit is refused, by name, and leaves nothing behind; and what every call owes and is owed.

mod bodies;
mod calls;
mod headers;
mod limits;
mod malformed;
mod queries;

use domain::settings::Settings;
use door::{
    Asking, Got, Office,
    routes::{Caller, Operation, Request, Stage},
};
use rig::{
    table::{Item, text},
    world::Setup,
};
use std::collections::BTreeMap;

/// An office that nobody is too fast for.
async fn patient() -> Office {
    let mut settings = Settings { version: 1, ..Settings::default() };
    settings.security.registration.enabled = true;
    settings.codes.ceiling_per_batch = Some(door::codes::STAGE_CEILING);
    settings.codes.lookups_per_hour = 100_000;
    settings.security.limits.uploads_per_hour = 1_000;
    settings.security.limits.downloads_per_hour = 10_000;
    settings.security.limits.api_per_minute = 100_000;
    settings.security.limits.api_per_hour = 1_000_000;
    Office::with(Setup { codes: 0, files: true, settings: Some(settings), ..Setup::default() }).await
}

/// The helper as caller, who may do everything.
fn caller(stage: &Stage<'_>) -> Caller {
    Caller {
        person: stage.helper.clone(),
        token: Some(stage.helper.token.clone()),
        address: [192, 0, 2, 10],
        spare_session: "0".repeat(32),
    }
}

/// A request without its body.
fn asking<'o>(office: &'o Office, operation: &Operation, request: &Request, caller: &Caller) -> Asking<'o> {
    let mut asking = office.ask(&operation.method, &request.path).from(caller.address).by(&caller.person);
    if let Some(tag) = &request.if_match {
        asking = asking.if_match(tag);
    }
    asking
}

/// Every row but those that each call may leave: the log, counts, kept answers, tries to sign in.
async fn rows(office: &Office) -> BTreeMap<(String, String), Item> {
    let mut rows = BTreeMap::new();
    let mut from = None;
    loop {
        let scan = office.world.dynamodb().scan().table_name(&office.world.names.table).consistent_read(true);
        let page = scan.set_exclusive_start_key(from).send().await.expect("the table can be scanned");
        for item in page.items.unwrap_or_default() {
            let (pk, sk) = (text(&item, "pk").to_owned(), text(&item, "sk").to_owned());
            if !["AUD#", "CALL#", "CALLS#", "SIGNIN#"].iter().any(|kind| pk.starts_with(kind)) {
                rows.insert((pk, sk), item);
            }
        }
        from = page.last_evaluated_key;
        if from.is_none() {
            return rows;
        }
    }
}

/// What has come, gone or become otherwise.
fn differences(before: &BTreeMap<(String, String), Item>, after: &BTreeMap<(String, String), Item>) -> Vec<String> {
    let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
    keys.filter(|key| before.get(*key) != after.get(*key)).map(|(pk, sk)| format!("{pk} {sk}")).collect()
}

/// What is wrong with a refusal that should be this one.
fn wrong(got: &Got, status: u16, field: Option<&str>) -> Option<String> {
    let body = &got.body;
    let shaped = got.header("content-type") == "application/problem+json"
        && body["status"] == got.status
        && !got.code().is_empty()
        && body["title"].is_string()
        && body["detail"].is_string()
        && !got.header("x-request-id").is_empty()
        // A fault's words would be long, and so would what was sent.
        && got.text.len() < 4_000;
    let named = field.is_none_or(|field| {
        let errors = body["errors"].as_array().into_iter().flatten();
        let mut fields = errors.filter(|error| error["code"].is_string() && error["message"].is_string());
        fields.any(|error| error["field"].as_str().is_some_and(|named| named == field))
    });
    let fits = got.status == status && shaped && named;
    (!fits)
        .then(|| format!("not {status} on {field:?} but {} {}", got.status, got.text.get(..400).unwrap_or(&got.text)))
}
