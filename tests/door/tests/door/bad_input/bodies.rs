//! Bodies.

use super::{
    asking, caller, differences,
    malformed::{self, Malformed},
    patient, rows, wrong,
};
use door::routes::{Stage, operations};
use serde_json::{Value, json};
use std::fmt::Write as _;

const JSON: &str = "application/json";

/// A body that doesn't fit, and its refusal.
struct Bad {
    what: String,
    kind: &'static str,
    bytes: Vec<u8>,
    status: u16,
    code: &'static str,
    /// The field that must be named, where one field is the matter.
    field: Option<String>,
}

impl Bad {
    fn field(field: String, what: &str, text: String) -> Self {
        let what = format!("{field}: {what}");
        Self { what, kind: JSON, bytes: text.into_bytes(), status: 422, code: "invalid", field: Some(field) }
    }
}

/// Bodies that are no good whatever is wanted.
fn hopeless(good: &Value) -> Vec<Bad> {
    let text = good.to_string();
    let deep = |open: &str, shut: &str| format!("{}{}", open.repeat(200), shut.repeat(200)).into_bytes();
    let mut broken = text.clone().into_bytes();
    broken.insert(2, 0xff);
    let bodies = [
        ("empty", JSON, Vec::new(), 400, "malformed_json"),
        ("no JSON", JSON, b"email=a&b=c".to_vec(), 400, "malformed_json"),
        ("cut off", JSON, text.as_bytes()[..text.len() - 1].to_vec(), 400, "malformed_json"),
        ("two of them", JSON, format!("{text}{text}").into_bytes(), 400, "malformed_json"),
        ("a number that is none", JSON, b"{\"a\":1e999}".to_vec(), 400, "malformed_json"),
        ("not UTF-8", JSON, broken, 400, "malformed_json"),
        ("UTF-16", JSON, text.encode_utf16().flat_map(u16::to_le_bytes).collect(), 400, "malformed_json"),
        ("lists 200 deep", JSON, deep("[", "]"), 400, "nested_too_deep"),
        ("objects 200 deep", JSON, deep("{\"a\":", "}"), 400, "nested_too_deep"),
        ("100 KB", JSON, json!({ "a": "x".repeat(100_000) }).to_string().into_bytes(), 413, "too_large"),
        ("100 KB of spaces", JSON, format!("{}{text}", " ".repeat(100_000)).into_bytes(), 413, "too_large"),
        ("as text", "text/plain", text.clone().into_bytes(), 415, "unsupported_media_type"),
        ("as a form", "application/x-www-form-urlencoded", text.clone().into_bytes(), 415, "unsupported_media_type"),
        ("as nothing", "", text.clone().into_bytes(), 415, "unsupported_media_type"),
        ("as XML", "application/xml", text.into_bytes(), 415, "unsupported_media_type"),
    ];
    let bad = |(what, kind, bytes, status, code): (&str, _, _, _, _)| Bad {
        what: what.to_owned(),
        kind,
        bytes,
        status,
        code,
        field: None,
    };
    bodies.map(bad).into()
}

// proves: API-03
#[tokio::test(flavor = "multi_thread")]
async fn every_body_that_does_not_fit_is_refused_with_its_field_named_and_nothing_written() {
    let office = patient().await;
    let stage = Stage::set(&office).await;
    let caller = caller(&stage);
    let document = office.api.document().clone();
    let mut complaints = String::new();
    let (mut asked, mut operations_with_body) = (0, 0);
    for operation in operations(&document) {
        let schema = &operation.value["requestBody"]["content"][JSON]["schema"];
        if schema.is_null() {
            continue;
        }
        operations_with_body += 1;
        let request = stage.request(&operation, &caller).await;
        let good = request.body.clone().expect("a body");
        let before = rows(&office).await;
        let mut all: Vec<Bad> = hopeless(&good);
        for Malformed { what, field, value } in malformed::of(&document, schema, Some(&good)) {
            all.push(Bad::field(field.join("."), what, value.to_string()));
        }
        for (field, text) in malformed::repeated(&good) {
            all.push(Bad::field(field, "twice", text));
        }
        for Bad { what, kind, bytes, status, code, field } in all {
            asked += 1;
            let got = asking(&office, &operation, &request, &caller).bytes(kind, bytes).send().await;
            if let Some(wrong) = wrong(&got, status, field.as_deref()) {
                writeln!(complaints, "{}: {what}: {wrong}", operation.name()).expect("a text");
            } else if code != got.code() {
                writeln!(complaints, "{}: {what}: not {code:?} but {}", operation.name(), got.code()).expect("a text");
            }
        }
        for row in differences(&before, &rows(&office).await) {
            writeln!(complaints, "{}: has written {row}", operation.name()).expect("a text");
        }
        // The good body does write: else nothing is shown by the bad ones not writing.
        if operation.id == "createUser" {
            asking(&office, &operation, &request, &caller).json(&good).send().await.expect(201);
            assert!(!differences(&before, &rows(&office).await).is_empty());
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
    assert!(operations_with_body > 15 && asked > 1_000, "{asked} bodies for {operations_with_body} operations");
}

/// What no schema says: operation, what is set in its good body, the field that must be named.
fn against_the_rules() -> Vec<(&'static str, &'static str, Value)> {
    let mut cases = Vec::new();
    for operation in ["createUser", "updateUser", "updateMe", "register"] {
        for bad in [
            "no address",
            "a@b",
            "two@at@example.rw",
            "a@exa mple.rw",
            "a@example.rw\nbcc:x@example.rw",
            "\u{430}@x.rw",
        ] {
            cases.push((operation, "email", json!(bad)));
        }
        for bad in ["1234567", "0788", "+15551234567", "o788123456", "0788123456;"] {
            cases.push((operation, "phone", json!(bad)));
        }
        for field in ["first_name", "last_name"] {
            for bad in ["   ", "two\nlines", "nul\u{0}", "tab\there", "\u{85}"] {
                cases.push((operation, field, json!(bad)));
            }
        }
    }
    for operation in ["setPasswordByLink", "register"] {
        for bad in ["short", "alllowercaseletters7", "ALLUPPERCASELETTERS7", "No-figures-at-all"] {
            cases.push((operation, "password", json!(bad)));
        }
    }
    for bad in ["short", "alllowercaseletters7", door::PASSWORD] {
        cases.push(("changePassword", "new", json!(bad)));
    }
    for operation in ["rejectUser", "rejectRoleRequest"] {
        for bad in ["  ", "bell\u{7}"] {
            cases.push((operation, "reason", json!(bad)));
        }
    }
    for bad in [json!(["nobody"]), json!(["Viewer"]), json!(["viewer", "no-such-role"])] {
        cases.push(("assignRoles", "roles", bad.clone()));
        cases.push(("createUser", "roles", bad));
    }
    for operation in ["createRole", "editRole", "setUserPermissions", "createApiKey"] {
        let field = match operation {
            "setUserPermissions" => "grants",
            "createApiKey" => "scope",
            _ => "permissions",
        };
        cases.push((operation, field, json!(["users.read", "users.everything"])));
        cases.push((operation, field, json!(["USERS.READ"])));
    }
    cases.push(("createRole", "name", json!("viewer")));
    cases.push(("createRole", "name", json!("two\nlines")));
    cases.push(("setUserPermissions", "denials", json!(["reports.export"])));
    cases.push(("createApiKey", "name", json!("\u{1b}[2J")));
    cases.extend(about_codes());
    cases.extend(about_payouts());
    for (field, bad) in [
        ("cors_origins", json!(["http://console.example.rw"])),
        ("cors_origins", json!(["https://console.example.rw/path"])),
        ("cors_origins", json!(["*"])),
        ("access.allow_addresses", json!(["10.0.0.0/33"])),
        ("access.deny_addresses", json!(["localhost"])),
        ("access.allow_countries", json!(["rw"])),
        ("access.hours.timezone", json!("Africa/Nowhere")),
        ("access.hours.allowed", json!([{ "from_minute": 600, "to_minute": 600 }])),
        ("registration.default_role", json!("administrator")),
        ("registration.default_role", json!("no-such-role")),
        ("registration.per_day", json!(1)),
        ("limits.api_per_hour", json!(20)),
        // Would keep out whoever saves it.
        ("access", json!({ "allow_addresses": ["10.0.0.0/8"] })),
        ("access", json!({ "deny_addresses": ["192.0.2.0/24"] })),
        (
            "access",
            json!({ "hours": { "enabled": true, "allowed": [{ "from_minute": 0, "to_minute": 1 }], "timezone": "UTC" } }),
        ),
    ] {
        cases.push(("saveSecuritySettings", field, bad));
    }
    cases
}

/// The same of batches and codes.
fn about_codes() -> Vec<(&'static str, &'static str, Value)> {
    let mut cases = Vec::new();
    for operation in ["createBatch", "generateBatch", "importBatch"] {
        for bad in ["\u{e9}t\u{e9}", "   ", "batch_", "a/b", "a\nb", "test"] {
            cases.push((operation, "name", json!(bad)));
        }
        for bad in ["2026-12-31", "2026-12-31T10:00:00", "in a week", "2026-11-20T00:00:00Z", "9999-12-31T00:00:00Z"] {
            cases.push((operation, "expires_at", json!(bad)));
        }
        cases.push((operation, "description", json!("bell\u{7}")));
        cases.push((operation, "assigned_to", json!("0".repeat(32))));
        cases.push((operation, "currency", json!("EUR")));
    }
    cases.push(("generateBatch", "total_codes", json!(0)));
    cases.push(("importBatch", "file_name", json!("nul\u{0}")));
    cases.push(("updateBatch", "name", json!("test")));
    cases.push(("updateBatch", "expires_at", json!("2026-11-20T00:00:00Z")));
    cases.push(("assignBatch", "user", json!("0".repeat(32))));
    cases.push(("createUpload", "file_name", json!("two\nlines\u{1}")));
    cases.push(("generateCodes", "count", json!(0)));
    for operation in ["changeCodes", "setCodeStatus", "disableCode", "refuseCodes"] {
        cases.push((operation, "reason", json!("  ")));
        cases.push((operation, "reason", json!("\u{1b}[2J")));
    }
    for bad in [json!(["no id"]), json!(["a-1", "a-1x"]), json!(["-1"])] {
        cases.push(("changeCodes", "codes", bad));
    }
    for bad in ["tomorrow", "2026-11-20T00:00:00Z", "2036-12-31T00:00:00Z"] {
        cases.push(("updateCode", "expires_at", json!(bad)));
    }
    let twice = json!([{ "name": "a", "value": "1" }, { "name": "a", "value": "2" }]);
    cases.push(("updateCode", "metadata", twice));
    cases
}

/// The same of payouts.
fn about_payouts() -> Vec<(&'static str, &'static str, Value)> {
    let mut cases = Vec::new();
    for operation in [
        "holdDisbursement",
        "hurryDisbursement",
        "cancelDisbursement",
        "refuseDisbursement",
        "reverseRedemption",
        "setSwitches",
    ] {
        for bad in ["  ", "\u{1b}[2J", "bell\u{7}"] {
            cases.push((operation, "reason", json!(bad)));
        }
    }
    cases.push(("resolveDisbursement", "note", json!(" \n ")));
    for bad in ["  ", "two\nlines", "n\u{b0} 7", "nul\u{0}"] {
        cases.push(("resolveDisbursement", "receipt", json!(bad)));
    }
    for bad in ["2026-11-21", "2026-11-21T10:00:00", "in an hour"] {
        cases.push(("retryDisbursement", "at", json!(bad)));
    }
    let id = "0".repeat(32);
    cases.push(("retryDisbursements", "ids", json!([id, id])));
    cases
}

/// Puts `value` at a dotted place; an object's fields beside the others there.
fn put(body: &mut Value, field: &str, value: Value) {
    let mut at = body;
    for step in field.split('.') {
        at = &mut at[step];
    }
    match (at.as_object_mut(), value) {
        (Some(held), Value::Object(more)) => held.extend(more),
        (_, value) => *at = value,
    }
}

// proves: API-03
#[tokio::test(flavor = "multi_thread")]
async fn what_no_schema_says_is_refused_by_name_as_well() {
    let office = patient().await;
    let stage = Stage::set(&office).await;
    let caller = caller(&stage);
    let operations = operations(office.api.document());
    let mut complaints = String::new();
    let cases = against_the_rules();
    for operation in &operations {
        let mine: Vec<_> = cases.iter().filter(|(id, _, _)| *id == operation.id).collect();
        if mine.is_empty() {
            continue;
        }
        let request = stage.request(operation, &caller).await;
        let before = rows(&office).await;
        for (_, field, value) in mine {
            let mut body = request.body.clone().expect("a body");
            put(&mut body, field, value.clone());
            let got = asking(&office, operation, &request, &caller).json(&body).send().await;
            if let Some(wrong) = wrong(&got, 422, Some(field)) {
                writeln!(complaints, "{}: {field} as {value}: {wrong}", operation.name()).expect("a text");
            }
        }
        for row in differences(&before, &rows(&office).await) {
            writeln!(complaints, "{}: has written {row}", operation.name()).expect("a text");
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
    let unknown: Vec<_> = cases.iter().filter(|(id, _, _)| !operations.iter().any(|o| o.id == *id)).collect();
    assert!(unknown.is_empty(), "no operation has these: {unknown:?}");
}
