//! Queries, paths and cursors.

use super::{asking, caller, differences, malformed::shape, patient, rows, wrong};
use door::{
    Office, Person,
    routes::{Operation, Request, Stage, operations},
};
use serde_json::{Value, json};
use std::fmt::Write as _;

fn parameters<'o>(operation: &'o Operation, place: &'o str) -> impl Iterator<Item = &'o Value> {
    let list = operation.value["parameters"].as_array().into_iter().flatten();
    list.filter(move |parameter| parameter["in"] == place)
}

/// Values of one parameter that don't fit, as they stand in the query, each with the field that must be named.
fn bad_values(document: &Value, parameter: &Value) -> Vec<(String, String)> {
    let name = parameter["name"].as_str().expect("a name");
    let shape = shape(document, &parameter["schema"]);
    let longest = usize::try_from(shape.number("maxLength").unwrap_or(3_000)).expect("short");
    let mut values = Vec::new();
    match shape.kind() {
        "string" => {
            // A letter of two bytes, percent-encoded.
            values.extend(["x".repeat(longest + 1), "%C3%A9".repeat(longest + 1)]);
            if shape.is_enum() || shape.schema["pattern"].is_string() {
                values.extend(["!!".to_owned(), String::new(), "null".to_owned() + "!"]);
            } else if shape.number("minLength").is_some_and(|least| least > 0) {
                values.push(String::new());
            }
        }
        "integer" => {
            let beyond = shape.number("maximum").expect("an end") + 1;
            let bad =
                ["", "abc", "-1", "0", "1.5", "1e1", "+1", "0x10", "99999999999999999999999", "NaN", "null", "%20"];
            values.extend(bad.map(str::to_owned));
            values.push(beyond.to_string());
        }
        "boolean" => values.extend(["", "yes", "1", "TRUE", "null"].map(str::to_owned)),
        "array" => {
            let most = usize::try_from(shape.number("maxItems").expect("an end")).expect("few");
            values.push(vec!["viewer"; most + 1].join(","));
            let items = [String::new(), ",viewer".to_owned(), "x".repeat(65)];
            return values
                .into_iter()
                .map(|value| (value, name.to_owned()))
                .chain(items.into_iter().map(|value| (value, format!("{name}.0"))))
                .collect();
        }
        other => panic!("a parameter of type {other}"),
    }
    values.into_iter().map(|value| (value, name.to_owned())).collect()
}

/// The good path without this parameter of its query.
fn without(path: &str, name: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let kept: Vec<&str> =
        query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with(&format!("{name}="))).collect();
    format!("{path}?{}", kept.join("&"))
}

// proves: API-03, API-04
#[tokio::test(flavor = "multi_thread")]
async fn every_query_that_does_not_fit_is_refused_with_its_parameter_named_and_nothing_written() {
    let office = patient().await;
    let stage = Stage::set(&office).await;
    let caller = caller(&stage);
    let document = office.api.document().clone();
    let mut complaints = String::new();
    let mut asked = 0;
    for operation in operations(&document) {
        let list: Vec<&Value> = parameters(&operation, "query").collect();
        if list.is_empty() {
            continue;
        }
        let request = stage.request(&operation, &caller).await;
        let before = rows(&office).await;
        let mut bad: Vec<(String, u16, Option<String>)> = Vec::new();
        for parameter in &list {
            let name = parameter["name"].as_str().expect("a name");
            let rest = without(&request.path, name);
            for (value, field) in bad_values(&document, parameter) {
                bad.push((format!("{rest}&{name}={value}"), 422, Some(field)));
            }
            if parameter["required"] == true {
                bad.push((rest.clone(), 422, Some(name.to_owned())));
            }
            bad.push((format!("{rest}&{name}=1&{name}=1"), 422, Some(name.to_owned())));
            bad.push((format!("{rest}&{name}=%ff%fe"), 400, None));
        }
        bad.push((format!("{}&nonsense=1", without(&request.path, "nonsense")), 422, Some("nonsense".to_owned())));
        bad.push((format!("{}&%ff=1", without(&request.path, "nonsense")), 400, None));
        for (path, status, field) in bad {
            asked += 1;
            let request = Request { path: path.clone(), ..request.clone() };
            let got = asking(&office, &operation, &request, &caller).send().await;
            if let Some(wrong) = wrong(&got, status, field.as_deref()) {
                let path = path.get(..200).unwrap_or(&path);
                writeln!(complaints, "{} {path}: {wrong}", operation.method).expect("a text");
            }
        }
        for row in differences(&before, &rows(&office).await) {
            writeln!(complaints, "{}: has written {row}", operation.name()).expect("a text");
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
    assert!(asked > 100, "{asked}");
}

// proves: API-03
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_an_id_is_nobodys() {
    let office = patient().await;
    let stage = Stage::set(&office).await;
    let caller = caller(&stage);
    let mut complaints = String::new();
    let mut asked = 0;
    let long = "a".repeat(3_000);
    let ids = [
        "0",
        "nobody",
        "%00",
        "%ff",
        "%F0%9F%A6%8A",
        "a%20b",
        "0123456789ABCDEF0123456789ABCDEF",
        "0123456789abcdef0123456789abcde",
        "0123456789abcdef0123456789abcdef0",
        "0123456789abcdef0123456789abcdef",
        "00000000000000000000000000000000",
        "null",
        "*",
        "%27%20OR%201=1",
        "%7B%22S%22:%22x%22%7D",
        long.as_str(),
    ];
    for operation in operations(office.api.document()).iter().filter(|operation| operation.path.contains("{id}")) {
        let request = stage.request(operation, &caller).await;
        let query = request.path.split_once('?').map_or_else(String::new, |(_, query)| format!("?{query}"));
        let before = rows(&office).await;
        for id in ids {
            asked += 1;
            let path = format!("{}{query}", operation.path.replace("{id}", id).replace("{n}", "0"));
            let request = Request { path, ..request.clone() };
            let mut asking = asking(&office, operation, &request, &caller);
            if let Some(body) = &request.body {
                asking = asking.json(body);
            }
            if let Some(wrong) = wrong(&asking.send().await, 404, None) {
                writeln!(complaints, "{} with {id:.40}: {wrong}", operation.name()).expect("a text");
            }
        }
        for row in differences(&before, &rows(&office).await) {
            writeln!(complaints, "{}: has written {row}", operation.name()).expect("a text");
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
    assert!(asked > 100, "{asked}");
}

async fn next(office: &Office, person: &Person, path: &str) -> String {
    let got = office.ask("GET", path).by(person).send().await.expect(200);
    match got.body["next"].as_str() {
        Some(cursor) => cursor.to_owned(),
        None => got.header("x-next-cursor").to_owned(),
    }
}

// proves: API-04
#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_was_forged_cut_or_made_for_another_list_is_refused() {
    let office = patient().await;
    let stage = Stage::set(&office).await;
    let me = caller(&stage);
    let other = office.person(&["super-administrator"], true).await;
    // Two of everything that is listed.
    let all = operations(office.api.document());
    for id in ["approveUser", "approveRoleRequest", "approveCodes", "getCode", "getDisbursement", "getJob"] {
        let made = all.iter().find(|operation| operation.id == id).expect("an operation");
        stage.request(made, &me).await;
        stage.request(made, &me).await;
    }
    let lists = [
        "/api/v1/admin/users",
        "/api/v1/admin/users/pending",
        "/api/v1/admin/users/role-requests",
        "/api/v1/admin/audit-logs",
        "/api/v1/admin/audit-logs/export",
        "/api/v1/admin/batches",
        "/api/v1/admin/batches/download",
        "/api/v1/admin/promo-codes",
        "/api/v1/admin/promo-codes/approvals",
        "/api/v1/admin/disbursements",
        "/api/v1/admin/jobs",
    ];
    let mut cursors = Vec::new();
    for path in lists {
        let cursor = next(&office, &stage.helper, &format!("{path}?limit=1")).await;
        assert!(!cursor.is_empty(), "{path}");
        let good = format!("{path}?limit=1&cursor={cursor}");
        office.ask("GET", &good).by(&stage.helper).send().await.expect(200);
        cursors.push(cursor);
    }
    for (at, path) in lists.iter().enumerate() {
        let cursor = &cursors[at];
        let mut flipped = cursor.clone().into_bytes();
        flipped[2] = if flipped[2] == b'A' { b'B' } else { b'A' };
        let mut bad = vec![
            cursor[..cursor.len() - 1].to_owned(),
            cursor[1..].to_owned(),
            format!("{cursor}AA"),
            String::from_utf8(flipped).expect("text"),
            "0".to_owned(),
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
            next(&office, &other, &format!("{path}?limit=1")).await,
        ];
        bad.extend(cursors.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, cursor)| cursor.clone()));
        for bad in bad {
            let got = office.ask("GET", &format!("{path}?limit=1&cursor={bad}")).by(&stage.helper).send().await;
            assert_eq!(wrong(&got, 400, Some("cursor")), None, "{path} {bad}");
            assert_eq!(got.code(), "bad_cursor");
        }
    }
    // The same list with another filter is another list.
    for (at, path) in [(0, "/api/v1/admin/users?state=active"), (3, "/api/v1/admin/audit-logs?class=change")] {
        let got = office.ask("GET", &format!("{path}&cursor={}", cursors[at])).by(&stage.helper).send().await;
        assert_eq!(wrong(&got, 400, Some("cursor")), None, "{path}");
    }
}

// proves: API-04
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_size_make_up_the_whole_list_once() {
    let office = patient().await;
    let first = office.first().await;
    for number in 0..23 {
        office.placed(&[["viewer", "batch-manager"][number % 2]]).await;
    }
    for filter in ["", "&role=viewer"] {
        let whole = office.ask("GET", &format!("/api/v1/admin/users?limit=200{filter}")).by(&first).send().await;
        let whole = whole.expect(200).body;
        assert!(whole.get("next").is_none());
        let whole = whole["items"].as_array().expect("a list").clone();
        assert_eq!(whole.len(), if filter.is_empty() { 24 } else { 12 });
        for limit in [1, 5, 23] {
            let mut pieces: Vec<Value> = Vec::new();
            let mut cursor = String::new();
            loop {
                let path = format!("/api/v1/admin/users?limit={limit}{filter}{cursor}");
                let got = office.ask("GET", &path).by(&first).send().await.expect(200);
                pieces.extend(got.body["items"].as_array().expect("a list").iter().cloned());
                match got.body["next"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!(json!(pieces), json!(whole), "{limit}{filter}");
        }
    }
}
