//! What every answer carries, whatever made it.

use crate::demo::{api, get, post, send};
use axum::{
    Router,
    body::Body,
    middleware::{Next, from_fn},
};
use http::{HeaderMap, Request, StatusCode};
use jiff::Timestamp;
use lambda_http::request::RequestContext;
use std::sync::Arc;
use store::CallCount;
use web::{AllowedOrigins, Standing, Window};

fn grounded() -> Router {
    web::ground(api().0)
}

// proves: API-04
#[tokio::test]
async fn every_answer_and_problem_carries_an_id_of_ours() {
    let router = grounded();
    let mut seen = Vec::new();
    for path in ["/api/v1/things", "/api/v1/things/404", "/api/v1/nowhere", "/api/v1/fault"] {
        let request = Request::get(path).header("x-request-id", "mine").body(Body::empty()).expect("a request");
        let answered = send(&router, request).await;
        let id = answered.header("x-request-id").to_owned();
        assert_eq!(id.len(), 32, "{path}: {id}");
        if !answered.status.is_success() {
            assert_eq!(answered.json()["request_id"], id, "{path}");
        }
        assert!(!seen.contains(&id));
        seen.push(id);
    }
}

// proves: API-04
#[tokio::test]
async fn the_gateways_own_id_is_taken() {
    let context = serde_json::json!({
        "accountId": "1", "apiId": "a", "domainName": "d", "domainPrefix": "p", "requestId": "JKJaXmPLvHcESHA=",
        "routeKey": "$default", "stage": "$default", "time": "t", "timeEpoch": 1,
        "http": { "method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "198.51.100.7", "userAgent": "u" },
    });
    let context = serde_json::from_value(context).expect("a context of an HTTP API");
    let mut request = get("/api/v1/nowhere");
    request.extensions_mut().insert(RequestContext::ApiGatewayV2(context));
    let answered = send(&grounded(), request).await;
    assert_eq!(answered.header("x-request-id"), "JKJaXmPLvHcESHA=");
    assert_eq!(answered.json()["request_id"], "JKJaXmPLvHcESHA=");
}

// proves: API-03
#[tokio::test]
async fn a_panic_is_a_problem_that_tells_nothing() {
    let answered = send(&grounded(), get("/api/v1/fault")).await;
    assert_eq!(answered.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answered.json()["code"], "internal");
    assert!(!answered.text.contains("secret"), "{}", answered.text);
}

// proves: API-03
#[tokio::test]
async fn a_problem_has_every_member_of_rfc_9457() {
    let answered = send(&grounded(), post(r#"{"name":"taken","amount":1}"#)).await;
    assert_eq!((answered.status, answered.header("content-type")), (StatusCode::CONFLICT, "application/problem+json"));
    let problem = answered.json();
    assert_eq!(problem["type"], "/api/v1/problems/taken");
    assert_eq!((problem["title"].as_str(), problem["status"].as_u64()), (Some("Conflict"), Some(409)));
    assert_eq!((problem["code"].as_str(), problem["detail"].as_str()), (Some("taken"), Some("There is one already.")));
    let unknown = Request::post("/api/v1/things").body(Body::empty()).expect("a request");
    let unknown = send(&grounded(), unknown).await;
    assert_eq!((unknown.status, unknown.header("www-authenticate")), (StatusCode::UNAUTHORIZED, "Bearer"));
}

// proves: API-03
#[tokio::test]
async fn the_tables_refusals_are_told_in_words_without_insides() {
    let told = |error: store::StoreError| {
        let problem = web::Problem::from(error);
        (problem.status().as_u16(), problem.code().to_owned(), format!("{problem:?}"))
    };
    use store::StoreError::{Ambiguous, Busy, Changed, Corrupt, Rejected};
    for (error, status, code) in [
        (Changed, 409, "changed"),
        (Busy, 503, "busy"),
        (Ambiguous, 503, "unknown_outcome"),
        (Rejected("hunter2".to_owned()), 500, "internal"),
        (Corrupt("hunter2".to_owned()), 500, "internal"),
    ] {
        let (was, named, words) = told(error);
        assert_eq!((was, named.as_str()), (status, code));
        assert!(!words.contains("hunter2"));
        assert_eq!(status == 503, words.contains("retry_after_s: Some"));
    }
}

// proves: API-06
#[tokio::test]
async fn browsers_are_told_what_they_must_not_do() {
    for path in ["/api/v1/things", "/api/v1/nowhere", "/api/v1/fault", "/api/v1/openapi.json"] {
        let answered = send(&grounded(), get(path)).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("referrer-policy", "no-referrer"),
            ("strict-transport-security", "max-age=63072000; includeSubDomains"),
        ] {
            assert_eq!(answered.header(name), value, "{path}");
        }
    }
    let page = send(&grounded(), get("/api/v1/docs")).await;
    assert!(page.header("content-security-policy").contains("style-src 'sha256-"), "a page of its own says more");
}

fn with_origins(origins: &[&str]) -> Router {
    let origins = AllowedOrigins(origins.iter().map(|origin| (*origin).to_owned()).collect::<Arc<[String]>>());
    let router = api().0.layer(from_fn(web::cors));
    web::ground(router.layer(from_fn(move |mut request: axum::extract::Request, next: Next| {
        request.extensions_mut().insert(origins.clone());
        next.run(request)
    })))
}

fn preflight(origin: &str) -> Request<Body> {
    Request::options("/api/v1/things")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .body(Body::empty())
        .expect("a request")
}

// proves: API-06
#[tokio::test]
async fn pages_of_other_origins_read_nothing_unless_they_are_listed() {
    let from =
        |origin: &str| Request::get("/api/v1/things").header("origin", origin).body(Body::empty()).expect("a request");
    let listed = "https://console.example.rw";
    for (router, origin) in [
        (grounded(), listed),
        (with_origins(&[]), listed),
        (with_origins(&[listed]), "https://console.example.rw.evil.example"),
        (with_origins(&[listed]), "https://CONSOLE.example.rw"),
        (with_origins(&[listed]), "null"),
        (with_origins(&["*", "null"]), listed),
        (with_origins(&["*", "null"]), "null"),
        (with_origins(&["*", "null"]), "*"),
    ] {
        for request in [from(origin), preflight(origin)] {
            let answered = send(&router, request).await;
            assert!(!answered.headers.keys().any(|name| name.as_str().starts_with("access-control-")), "{origin}");
        }
        assert_eq!(send(&router, preflight(origin)).await.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    let router = with_origins(&[listed]);
    let answered = send(&router, from(listed)).await;
    assert_eq!(answered.status, StatusCode::OK);
    assert_eq!(answered.header("access-control-allow-origin"), listed);
    assert_eq!(answered.header("access-control-allow-credentials"), "true");
    assert_eq!(answered.header("vary"), "Origin");
    let asked = send(&router, preflight(listed)).await;
    assert_eq!((asked.status, asked.header("access-control-allow-origin")), (StatusCode::NO_CONTENT, listed));
    assert!(asked.header("access-control-allow-methods").contains("PATCH"));
    assert!(asked.header("access-control-allow-headers").contains("idempotency-key"));
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a point in time")
}

// proves: API-04, API-06
#[test]
fn a_caller_is_told_its_limits_and_where_it_stands() {
    let now = at("2026-11-20T08:10:20Z");
    let mut standing = Standing::of(120, 3_000, CallCount { minute: 20, hour: 2_999 }, now);
    standing.0.push(Window::day("downloads-day", 10, 11, now));
    let mut headers = HeaderMap::new();
    standing.write(&mut headers);
    assert_eq!(
        headers["ratelimit-policy"],
        "\"minute\";q=120;w=60, \"hour\";q=3000;w=3600, \"downloads-day\";q=10;w=86400"
    );
    assert_eq!(headers["ratelimit"], "\"minute\";r=100;t=40, \"hour\";r=1;t=2980, \"downloads-day\";r=0;t=56980");
}

// proves: API-04, API-06
#[test]
fn the_call_after_the_last_one_waits_until_every_passed_limit_is_free() {
    let now = at("2026-11-20T08:59:59.999Z");
    let check = |minute, hour| Standing::of(10, 20, CallCount { minute, hour }, now).check();
    assert!(check(10, 20).is_ok());
    for (minute, hour, wait) in [(11, 20, "1"), (10, 21, "1"), (11, 21, "1")] {
        let problem = check(minute, hour).expect_err("refused");
        assert_eq!(problem.status(), StatusCode::TOO_MANY_REQUESTS);
        let response = axum::response::IntoResponse::into_response(problem);
        assert_eq!(response.headers()["retry-after"], wait);
    }
    let early = Standing::of(10, 20, CallCount { minute: 11, hour: 21 }, at("2026-11-20T08:00:00Z"));
    let response = axum::response::IntoResponse::into_response(early.check().expect_err("refused"));
    assert_eq!(response.headers()["retry-after"], "3600");
}

// proves: API-02
#[tokio::test]
async fn text_goes_through_the_gateway_as_text() {
    let router = grounded();
    let request = |path: &str| http::Request::get(path).body(lambda_http::Body::Empty).expect("a request");
    for path in ["/api/v1/things", "/api/v1/nowhere", "/api/v1/docs"] {
        assert!(matches!(web::call(&router, request(path)).await.into_body(), lambda_http::Body::Text(_)), "{path}");
    }
    let with_bytes = router.route("/bytes", axum::routing::get(|| async { [0xff_u8, 0xfe].to_vec() }));
    assert!(matches!(web::call(&with_bytes, request("/bytes")).await.into_body(), lambda_http::Body::Binary(_)));
    let body = |body: lambda_http::Body| {
        http::Request::post("/api/v1/things")
            .header("content-type", "application/json")
            .header("authorization", "Bearer x")
            .body(body)
            .expect("a request")
    };
    let text = r#"{"name":"a","amount":1}"#;
    for sent in [lambda_http::Body::Text(text.to_owned()), lambda_http::Body::Binary(text.as_bytes().to_vec())] {
        assert_eq!(web::call(&with_bytes, body(sent)).await.status(), StatusCode::CREATED);
    }
}
