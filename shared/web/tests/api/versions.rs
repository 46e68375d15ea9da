//! Entity tags and cursors: what a caller holds of ours.

use crate::demo::{api, get, send};
use axum::body::Body;
use http::{Request, StatusCode};
use serde::{Deserialize, Serialize};
use web::{CURSOR_MAX_BYTES, Cursors, etag};

fn removal(if_match: Option<&str>) -> Request<Body> {
    let request = Request::delete("/api/v1/things/7").header("authorization", "Bearer x");
    let request = match if_match {
        Some(tag) => request.header("if-match", tag),
        None => request,
    };
    request.body(Body::empty()).expect("a request")
}

// proves: API-04
#[tokio::test]
async fn a_change_must_name_the_version_it_changes() {
    let (router, _) = api();
    let current = etag("thing", "7", 3);
    let cases = [
        (None, StatusCode::PRECONDITION_REQUIRED, "precondition_required"),
        (Some("*".to_owned()), StatusCode::BAD_REQUEST, "malformed_if_match"),
        (Some("".to_owned()), StatusCode::BAD_REQUEST, "malformed_if_match"),
        (Some(current.replace('"', "")), StatusCode::BAD_REQUEST, "malformed_if_match"),
        (Some(format!("{current} {current}")), StatusCode::BAD_REQUEST, "malformed_if_match"),
        (Some(format!("\"{}", current)), StatusCode::BAD_REQUEST, "malformed_if_match"),
        (Some(vec!["\"a\""; 17].join(",")), StatusCode::BAD_REQUEST, "malformed_if_match"),
        (Some(etag("thing", "7", 2)), StatusCode::PRECONDITION_FAILED, "stale"),
        (Some(etag("thing", "8", 3)), StatusCode::PRECONDITION_FAILED, "stale"),
        (Some(etag("user", "7", 3)), StatusCode::PRECONDITION_FAILED, "stale"),
        (Some(format!("W/{current}")), StatusCode::PRECONDITION_FAILED, "stale"),
        (Some("\"forged\"".to_owned()), StatusCode::PRECONDITION_FAILED, "stale"),
    ];
    for (tag, status, code) in cases {
        let answered = send(&router, removal(tag.as_deref())).await;
        assert_eq!((answered.status, answered.json()["code"].as_str()), (status, Some(code)), "{tag:?}");
    }
    for fitting in [current.clone(), format!("\"other\" , {current}")] {
        assert_eq!(send(&router, removal(Some(&fitting))).await.status, StatusCode::NO_CONTENT, "{fitting}");
    }
}

// proves: API-04
#[tokio::test]
async fn a_read_is_spared_when_nothing_has_changed() {
    let (router, _) = api();
    let first = send(&router, get("/api/v1/things/7")).await;
    assert_eq!(first.header("etag"), etag("thing", "7", 3));
    let again = |tag: String| {
        Request::get("/api/v1/things/7").header("if-none-match", tag).body(Body::empty()).expect("a request")
    };
    for known in [
        first.header("etag").to_owned(),
        format!("W/{}", first.header("etag")),
        format!("\"a\",{}", first.header("etag")),
    ] {
        let spared = send(&router, again(known.clone())).await;
        assert_eq!((spared.status, spared.text.as_str()), (StatusCode::NOT_MODIFIED, ""), "{known}");
        assert_eq!(spared.header("etag"), first.header("etag"));
    }
    for other in [etag("thing", "7", 2), "*".to_owned(), "junk".to_owned()] {
        assert_eq!(send(&router, again(other.clone())).await.status, StatusCode::OK, "{other}");
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Position {
    at: i64,
    id: String,
}

fn position() -> Position {
    Position { at: 1_795_161_600_000, id: "seven".to_owned() }
}

// proves: API-04
#[test]
fn a_cursor_goes_on_where_its_query_stopped() {
    let cursors = Cursors::new(b"a key of this environment");
    let text = cursors.seal("caller-1|status=live", &position());
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'), "{text}");
    assert_eq!(cursors.open::<Position>("caller-1|status=live", &text).expect("our own cursor"), position());
}

// proves: API-04
#[test]
fn a_cursor_that_is_not_ours_or_not_this_querys_is_refused() {
    let cursors = Cursors::new(b"a key of this environment");
    let query = "caller-1|status=live";
    let text = cursors.seal(query, &position());
    let refused = |query: &str, text: &str| {
        let problem = cursors.open::<Position>(query, text).expect_err("refused");
        assert_eq!(problem.status(), StatusCode::BAD_REQUEST);
        assert_eq!((problem.code(), problem.errors()[0].field.as_str()), ("bad_cursor", "cursor"));
    };
    refused("caller-2|status=live", &text);
    refused("caller-1|status=ended", &text);
    refused(query, &Cursors::new(b"a key of another place").seal(query, &position()));
    refused(query, &cursors.seal(query, &"another shape"));
    refused(query, "");
    refused(query, "not a cursor");
    refused(query, &"A".repeat(CURSOR_MAX_BYTES + 4));
    refused(query, &cursors.seal(query, &"x".repeat(CURSOR_MAX_BYTES)));
    for at in 0..text.len() {
        // Cut anywhere, or with any one character changed.
        refused(query, &text[..at]);
        let other = if &text[at..=at] == "A" { "B" } else { "A" };
        let mut changed = text.clone();
        changed.replace_range(at..=at, other);
        refused(query, &changed);
    }
}
