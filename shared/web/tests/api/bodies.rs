//! What is taken from requests and what is refused, with the field named.

use crate::demo::{api, get, post, send};
use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::json;

// proves: API-03
#[tokio::test]
async fn every_bad_body_is_refused_with_the_field_that_is_wrong() {
    let (router, _) = api();
    let cases: &[(&str, &str, &str)] = &[
        (r#"{"amount":1}"#, "name", "missing"),
        (r#"{"name":"a","amount":"1"}"#, "amount", "wrong_type"),
        (r#"{"name":"a","amount":-1}"#, "amount", "out_of_range"),
        (r#"{"name":"a","amount":1.5}"#, "amount", "wrong_type"),
        (r#"{"name":"a","amount":99999999999}"#, "amount", "out_of_range"),
        (r#"{"name":null,"amount":1}"#, "name", "wrong_type"),
        (r#"{"name":"a","amount":1,"is_admin":true}"#, "is_admin", "unknown"),
        (r#"{"name":"a","amount":1,"name":"b"}"#, "name", "repeated"),
        (r#"{"name":"a","amount":1,"notes":{"x":{"y":1,"y":2}}}"#, "notes.x.y", "repeated"),
        (r#"{"name":"a","amount":1,"parts":[{"label":"a"},{"labels":"b"}]}"#, "parts.1.labels", "unknown"),
        (r#"{"name":"a","amount":1,"parts":[{"label":"a"},{}]}"#, "parts.1.label", "missing"),
        (r#"{"name":"a","amount":1,"parts":[{"label":"a"},{"label":2}]}"#, "parts.1.label", "wrong_type"),
        (r#"{"name":"a","amount":1,"parts":{"label":"a"}}"#, "parts", "wrong_type"),
        (r#"{"name":"a","amount":1,"parts":[["a"]]}"#, "parts.0", "wrong_type"),
        (r#"{"name":"a","amount":1,"colour":"green"}"#, "colour", "unknown_value"),
        (r#"{"name":"a","amount":1,"colour":7}"#, "colour", "wrong_type"),
        (r#"["a",1,[],null,null]"#, "", "wrong_type"),
        ("7", "", "wrong_type"),
        ("null", "", "wrong_type"),
        (r#"{"name":"","amount":1}"#, "name", "too_short"),
        (r#"{"name":"123456789","amount":1}"#, "name", "too_long"),
        (r#"{"name":"root","amount":1}"#, "name", "reserved"),
        (r#"{"name":"a","amount":0}"#, "amount", "too_small"),
        (r#"{"name":"a","amount":101}"#, "amount", "too_large"),
        (r#"{"name":"a","amount":1,"parts":[{"label":"12345"}]}"#, "parts.0.label", "too_long"),
    ];
    for (body, field, code) in cases {
        let answered = send(&router, post(*body)).await;
        assert_eq!(answered.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {}", answered.text);
        assert_eq!(answered.header("content-type"), "application/problem+json", "{body}");
        assert_eq!(answered.errors(), [((*field).to_owned(), (*code).to_owned())], "{body}: {}", answered.text);
    }
}

// proves: API-03
#[tokio::test]
async fn every_field_that_breaks_a_rule_is_named_at_once() {
    let (router, _) = api();
    let answered =
        send(&router, post(r#"{"name":"123456789","amount":0,"parts":[{"label":"ok"},{"label":"12345"}]}"#)).await;
    let fields: Vec<String> = answered.errors().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["amount", "name", "parts.1.label"]);
}

// proves: API-03
#[tokio::test]
async fn what_was_sent_is_never_repeated() {
    let (router, _) = api();
    for body in [
        r#"{"name":"a","amount":"hunter2"}"#,
        r#"{"name":"a","amount":1,"colour":"hunter2"}"#,
        r#"{"name":"hunter2hunter2","amount":1}"#,
        r#"{"name":"a","amount":1,"notes":{"hunter2"}}"#,
        r#"{"name":"a","amount":1,"parts":"hunter2"}"#,
    ] {
        let answered = send(&router, post(body)).await;
        assert!(answered.status.is_client_error(), "{body}");
        assert!(!answered.text.contains("hunter2"), "{body}: {}", answered.text);
    }
}

// proves: API-03
#[tokio::test]
async fn what_is_not_json_says_where_and_nothing_else() {
    let (router, _) = api();
    for (body, at) in [
        ("", "line 1, column 0"),
        ("{\n\"name\": oops}", "line 2, column 9"),
        (r#"{"name":"a","amount":1} x"#, "column 25"),
        (r#"{"name":"\ud800","amount":1}"#, "line 1"),
        (r#"{"name":"a","amount":1e999}"#, "line 1"),
        (r#"{"name":"a","amount":1,}"#, "line 1"),
        ("\u{feff}{}", "line 1"),
    ] {
        let answered = send(&router, post(body)).await;
        assert_eq!(answered.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answered.json()["code"], "malformed_json", "{body}");
        assert!(answered.json()["detail"].as_str().is_some_and(|detail| detail.contains(at)), "{}", answered.text);
    }
    let not_utf8 = send(&router, post(b"{\"name\":\"\xff\xfe\",\"amount\":1}".to_vec())).await;
    assert_eq!(not_utf8.json()["code"], "malformed_json");
}

// proves: API-03
#[tokio::test]
async fn what_nests_too_deep_is_refused_before_it_is_followed() {
    let (router, _) = api();
    let nested =
        |depth: usize| format!(r#"{{"name":"a","amount":1,"notes":{}1{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert_eq!(send(&router, post(nested(20))).await.status, StatusCode::CREATED);
    for depth in [24, 200, 20_000] {
        let answered = send(&router, post(nested(depth))).await;
        assert_eq!(
            (answered.status, answered.json()["code"].as_str()),
            (StatusCode::BAD_REQUEST, Some("nested_too_deep"))
        );
    }
}

// proves: API-03
#[tokio::test]
async fn a_body_of_another_type_or_size_is_refused() {
    let (router, _) = api();
    let with_type = |content_type: &str| {
        Request::post("/api/v1/things")
            .header("content-type", content_type)
            .header("authorization", "Bearer x")
            .body(Body::from(r#"{"name":"a","amount":1}"#))
            .expect("a request")
    };
    for fine in
        ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"]
    {
        assert_eq!(send(&router, with_type(fine)).await.status, StatusCode::CREATED, "{fine}");
    }
    for other in ["text/plain", "application/x-www-form-urlencoded", "json", "", "text/json+json"] {
        assert_eq!(send(&router, with_type(other)).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{other}");
    }
    let body = |bytes: usize| {
        let frame = r#"{"name":"a","amount":1,"notes":""}"#.len();
        format!(r#"{{"name":"a","amount":1,"notes":"{}"}}"#, "x".repeat(bytes - frame))
    };
    assert_eq!(send(&router, post(body(web::BODY_MAX_BYTES))).await.status, StatusCode::CREATED);
    let answered = send(&router, post(body(web::BODY_MAX_BYTES + 1))).await;
    assert_eq!((answered.status, answered.json()["code"].as_str()), (StatusCode::PAYLOAD_TOO_LARGE, Some("too_large")));
}

// proves: API-03
#[tokio::test]
async fn every_bad_parameter_of_a_query_is_named() {
    let (router, _) = api();
    for (query, field, code) in [
        ("limits=5", "limits", "unknown"),
        ("limit=5&limit=6", "limit", "repeated"),
        ("limit=many", "limit", "wrong_type"),
        ("limit=", "limit", "wrong_type"),
        ("limit=%2B5", "limit", "out_of_range"),
        ("limit=-1", "limit", "out_of_range"),
        ("limit=256", "limit", "out_of_range"),
        ("limit=51", "limit", "too_large"),
        ("open=yes", "open", "wrong_type"),
        ("colour=red,green", "colour.1", "unknown_value"),
        ("is%5Fadmin", "is_admin", "unknown"),
    ] {
        let answered = send(&router, get(&format!("/api/v1/things?{query}"))).await;
        assert_eq!(answered.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}: {}", answered.text);
        assert_eq!(answered.errors(), [(field.to_owned(), code.to_owned())], "{query}: {}", answered.text);
    }
    let twice = send(&router, get("/api/v1/things?open=true&limit=1&limit=2&open=true&open=false")).await;
    assert_eq!(twice.errors().len(), 2);
    let not_utf8 = send(&router, get("/api/v1/things?cursor=%ff")).await;
    assert_eq!((not_utf8.status, not_utf8.json()["code"].as_str()), (StatusCode::BAD_REQUEST, Some("malformed_query")));
}

// proves: API-04
#[tokio::test]
async fn numbers_booleans_and_lists_of_a_query_are_read() {
    let (router, _) = api();
    let answered =
        send(&router, get("/api/v1/things?limit=50&open=false&colour=red,dark_blue&cursor=a+b%20%26c")).await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.text);
    assert_eq!(
        answered.json()["items"][0],
        json!({ "limit": 50, "open": false, "colour": ["red", "dark_blue"], "cursor": "a b &c" })
    );
    let nothing = send(&router, get("/api/v1/things?")).await;
    assert_eq!(nothing.json()["items"][0], json!({ "limit": null, "open": null, "colour": [], "cursor": null }));
}

// proves: API-03
#[tokio::test]
async fn a_path_that_cannot_be_an_id_is_nowhere() {
    let (router, _) = api();
    assert_eq!(send(&router, get("/api/v1/things/7")).await.status, StatusCode::OK);
    for id in ["x", "0", "-1", "7.0", "99999999999", "%ff", "7%20"] {
        let answered = send(&router, get(&format!("/api/v1/things/{id}"))).await;
        assert_eq!(
            (answered.status, answered.json()["code"].as_str()),
            (StatusCode::NOT_FOUND, Some("not_found")),
            "{id}"
        );
    }
}

// proves: API-03
#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_problems_too() {
    let (router, _) = api();
    let nowhere = send(&router, get("/api/v1/nowhere")).await;
    assert_eq!((nowhere.status, nowhere.json()["code"].as_str()), (StatusCode::NOT_FOUND, Some("not_found")));
    let request = Request::put("/api/v1/things").body(Body::empty()).expect("a request");
    let method = send(&router, request).await;
    assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(method.json()["code"], "method_not_allowed");
    let mut allowed: Vec<&str> = method.header("allow").split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
}
