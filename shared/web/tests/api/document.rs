//! The OpenAPI document tells what the routes do, because it is made from them.

use crate::demo::{api, get, send};
use http::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn document() -> Value {
    api().1.value().clone()
}

fn statuses(operation: &Value) -> Vec<&str> {
    let mut statuses: Vec<&str> =
        operation["responses"].as_object().expect("answers").keys().map(String::as_str).collect();
    statuses.sort_unstable();
    statuses
}

// proves: API-02
#[test]
fn the_document_is_openapi_3_1_and_without_fault() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(
        (document["info"]["title"].as_str(), document["info"]["version"].as_str()),
        (Some("Demo"), Some("1.2.3"))
    );
    assert_eq!(api().1.faults(), Vec::<String>::new());
    let text = document.to_string();
    assert!(document["components"]["schemas"].get("ThingPath").is_none(), "nothing refers to it");
    assert!(document["components"]["schemas"].get("PageOfFilter").is_some(), "each page has a name of its own");
    for older in ["\"definitions\"", "nullable\":", "exclusiveMinimum\":true"] {
        assert!(!text.contains(older), "{older} is not of 3.1");
    }
}

// proves: API-02
#[test]
fn every_route_is_in_the_document_with_the_answers_it_can_give() {
    let document = document();
    let paths: BTreeSet<&str> = document["paths"].as_object().expect("paths").keys().map(String::as_str).collect();
    assert_eq!(paths, BTreeSet::from(["/api/v1/fault", "/api/v1/things", "/api/v1/things/{id}"]));
    let things = &document["paths"]["/api/v1/things"];
    assert_eq!(statuses(&things["get"]), ["200", "400", "422", "429", "500", "503"]);
    assert_eq!(
        statuses(&things["post"]),
        ["201", "400", "401", "403", "409", "413", "415", "422", "429", "500", "503"]
    );
    let thing = &document["paths"]["/api/v1/things/{id}"];
    assert_eq!(statuses(&thing["get"]), ["200", "304", "404", "429", "500", "503"]);
    assert_eq!(
        statuses(&thing["delete"]),
        ["204", "400", "401", "403", "404", "409", "412", "422", "428", "429", "500", "503"]
    );
    let conflict = &document["components"]["responses"]["Problem409"]["content"]["application/problem+json"];
    assert_eq!(conflict["schema"]["$ref"], "#/components/schemas/Problem");
    for member in ["type", "title", "status", "detail", "code", "errors", "request_id"] {
        assert!(document["components"]["schemas"]["Problem"]["properties"][member].is_object(), "{member}");
    }
}

// proves: API-02
#[test]
fn what_is_checked_is_what_is_documented() {
    let document = document();
    let new = &document["components"]["schemas"]["NewThing"];
    assert_eq!(new["additionalProperties"], false);
    assert_eq!(
        (new["properties"]["name"]["minLength"].as_u64(), new["properties"]["name"]["maxLength"].as_u64()),
        (Some(1), Some(8))
    );
    assert_eq!(
        (new["properties"]["amount"]["minimum"].as_u64(), new["properties"]["amount"]["maximum"].as_u64()),
        (Some(1), Some(100))
    );
    assert_eq!(new["properties"]["parts"]["maxItems"], 3);
    let mut required: Vec<&str> =
        new["required"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    required.sort_unstable();
    assert_eq!(required, ["amount", "name"]);
    let parameters = document["paths"]["/api/v1/things"]["get"]["parameters"].as_array().expect("parameters").clone();
    let limit = parameters.iter().find(|parameter| parameter["name"] == "limit").expect("it is documented");
    assert_eq!((limit["in"].as_str(), limit["schema"]["maximum"].as_u64()), (Some("query"), Some(50)));
    assert_eq!(limit["schema"]["type"], "integer", "a query has no null");
    let colour = parameters.iter().find(|parameter| parameter["name"] == "colour").expect("it is documented");
    assert_eq!((colour["explode"].as_bool(), colour["schema"]["type"].as_str()), (Some(false), Some("array")));
    assert_eq!(
        document["components"]["schemas"]["Thing"]["properties"]["id"]["maximum"], 4_294_967_295_u64,
        "an end of the type is an end of the value"
    );
    let id = &document["paths"]["/api/v1/things/{id}"]["get"]["parameters"][1];
    assert_eq!(
        (id["in"].as_str(), id["name"].as_str(), id["required"].as_bool()),
        (Some("path"), Some("id"), Some(true))
    );
}

// proves: API-02
#[test]
fn a_permit_says_for_itself_what_it_asks_for() {
    let document = document();
    let post = &document["paths"]["/api/v1/things"]["post"];
    assert_eq!(post["x-permission"], "things.write");
    assert_eq!(post["security"], json!([{ "bearer": [] }, { "cookie": [], "csrf": [] }]));
    let key = post["parameters"].as_array().expect("parameters").iter().find(|p| p["name"] == "Idempotency-Key");
    assert_eq!(key.expect("a change takes a key")["in"], "header");
    let get = &document["paths"]["/api/v1/things"]["get"];
    assert!(get.get("security").is_none() && get.get("x-permission").is_none());
    for scheme in ["bearer", "cookie", "csrf"] {
        assert!(document["components"]["securitySchemes"][scheme].is_object(), "{scheme}");
    }
}

// proves: API-02
#[tokio::test]
async fn the_document_and_its_page_are_served() {
    let (router, document) = api();
    let served = send(&router, get("/api/v1/openapi.json")).await;
    assert_eq!((served.status, served.header("content-type")), (StatusCode::OK, "application/json"));
    assert_eq!(&served.json(), document.value());
    let page = send(&router, get("/api/v1/docs")).await;
    assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    for shown in ["createThing", "things.write", "Makes a thing", "width=device-width", "Idempotency-Key", "NewThing"] {
        assert!(page.text.contains(shown), "{shown}");
    }
    for absent in ["<script", "http://", "https://", " style=", "onclick"] {
        assert!(!page.text.contains(absent), "{absent}");
    }
}

#[tokio::test]
async fn a_document_with_a_fault_says_so() {
    use web::{Api, Done, routing};
    let (_, document) = Api::new("Faulty", "1")
        .route("/a/{id}", routing::get_with(async || Done, |op| op.id("same")))
        .route("/b", routing::get_with(async || Done, |op| op.id("same").tag("unheard-of").summary("B")))
        .finish(());
    let faults = document.faults().join("\n");
    for expected in ["no tag", "no summary", "another's too", "unheard-of is not declared", "id is in the path"] {
        assert!(faults.contains(expected), "{expected}: {faults}");
    }
}
