//! A change that is sent twice is made once, and calls are counted: over the real SDK client and an embedded table.

use axum::{
    Extension, Router,
    body::Body,
    extract::Request,
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::post,
};
use domain::time;
use http_body_util::BodyExt;
use local::{
    emulators::{Emulators, Storage},
    system::local_aws,
};
use rig::{Fault, Script, wire};
use service::{Clock, aws::Aws};
use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicUsize, Ordering},
};
use store::{Answer, Begun, Call, Deadline, LEASE_MS, Once, Store, StoreError};
use tower::ServiceExt;
use web::{Caller, Done, Json, Keep, Kept, NotStored, Problem};

/// 20 November 2026, 10:00:00 in Kigali.
const START_MS: i64 = 1_795_161_600_000;
const DAY_MS: i64 = 24 * 3_600_000;

struct Table {
    store: Store,
    now_ms: Arc<AtomicI64>,
    script: Script,
    _emulators: Emulators,
}

impl Table {
    async fn start() -> Self {
        Self::with(Script::default()).await
    }

    async fn with(script: Script) -> Self {
        let emulators = Emulators::start(&Storage::Memory, None).await.expect("loopback ports can be had");
        let plain = Aws { http: wire::plain(), ..local_aws(&emulators) };
        Store::new(plain.dynamodb(), "calls").create_table().await.expect("a table");
        let aws = Aws { http: wire::Wire::over(plain.http.clone(), script.clone(), |_, _| false), ..plain };
        Self {
            store: Store::new(aws.dynamodb(), "calls"),
            now_ms: Arc::new(AtomicI64::new(START_MS)),
            script,
            _emulators: emulators,
        }
    }

    fn advance(&self, milliseconds: i64) {
        self.now_ms.fetch_add(milliseconds, Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let now = Arc::clone(&self.now_ms);
        Clock::from_millis(move || now.load(Ordering::SeqCst))
    }

    async fn begin(&self, key: &str, request: &str) -> Begun {
        let call = Call { caller: "u1", key, request };
        self.store.begin_call(&call, self.clock().now(), soon()).await.expect("the table answers")
    }

    async fn mine(&self, key: &str) -> Once {
        match self.begin(key, "request").await {
            Begun::Mine(once) => once,
            other @ (Begun::Running { .. } | Begun::Done(_) | Begun::OtherCall) => panic!("{other:?}"),
        }
    }
}

fn soon() -> Deadline {
    Deadline::in_ms(5_000)
}

fn answer(body: &str) -> Answer {
    Answer {
        status: 201,
        content_type: Some("application/json".to_owned()),
        etag: Some("\"e\"".to_owned()),
        location: Some("/things/1".to_owned()),
        body: body.to_owned(),
    }
}

// proves: RED-03
#[tokio::test]
async fn the_first_answer_is_given_to_every_repeat_for_a_day() {
    let table = Table::start().await;
    let once = table.mine("k").await;
    assert!(matches!(table.begin("k", "request").await, Begun::Running { retry_after_s: 1.. }));
    table.store.end_call(&once, &answer("first"), soon()).await.expect("kept");
    table.advance(DAY_MS - 1);
    assert_eq!(table.begin("k", "request").await, Begun::Done(answer("first")));
    assert_eq!(table.begin("k", "another request").await, Begun::OtherCall);
    table.advance(1);
    assert_ne!(table.mine("k").await, once);
}

// proves: RED-03
#[tokio::test]
async fn keys_of_different_callers_have_nothing_to_do_with_each_other() {
    let table = Table::start().await;
    table.mine("k").await;
    let other = Call { caller: "u2", key: "k", request: "another request" };
    let begun = table.store.begin_call(&other, table.clock().now(), soon()).await.expect("the table answers");
    assert!(matches!(begun, Begun::Mine(_)), "{begun:?}");
}

// proves: RED-03
#[tokio::test]
async fn who_was_thought_dead_keeps_no_answer() {
    let table = Table::start().await;
    let dead = table.mine("k").await;
    table.advance(LEASE_MS);
    let heir = table.mine("k").await;
    assert!(matches!(table.store.end_call(&dead, &answer("late"), soon()).await, Err(StoreError::Changed)));
    assert!(matches!(table.store.drop_call(&dead, soon()).await, Err(StoreError::Changed)));
    table.store.end_call(&heir, &answer("right"), soon()).await.expect("kept");
    assert!(matches!(table.store.end_call(&heir, &answer("twice"), soon()).await, Err(StoreError::Changed)));
    assert_eq!(table.begin("k", "request").await, Begun::Done(answer("right")));
}

// proves: RED-03
#[tokio::test]
async fn what_was_refused_before_anything_was_done_is_looked_at_anew() {
    let table = Table::start().await;
    let first = table.mine("k").await;
    table.store.drop_call(&first, soon()).await.expect("forgotten");
    let second = table.mine("k").await;
    assert_ne!(first, second);
    assert!(matches!(table.store.end_call(&first, &answer("late"), soon()).await, Err(StoreError::Changed)));
}

// proves: RED-03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_begin_at_once_one_goes_on() {
    let table = Arc::new(Table::start().await);
    for round in 0..5 {
        let begun = (0..8).map(|_| {
            let table = Arc::clone(&table);
            tokio::spawn(async move { table.begin(&format!("k{round}"), "request").await })
        });
        let begun: Vec<_> = begun.collect();
        let mut mine = 0;
        for one in begun {
            match one.await.expect("no panic") {
                Begun::Mine(_) => mine += 1,
                Begun::Running { .. } => {}
                other @ (Begun::Done(_) | Begun::OtherCall) => panic!("{other:?}"),
            }
        }
        assert_eq!(mine, 1);
    }
}

// proves: RED-03
#[tokio::test]
async fn trouble_on_the_way_neither_loses_a_call_nor_its_answer() {
    let plans: [&[(usize, Fault)]; 5] = [
        // Calls: read, write; look, keep; read.
        &[(0, Fault::Throttle), (2, Fault::Throttle)],
        &[(1, Fault::LoseAnswer)],
        &[(1, Fault::Conflict), (2, Fault::InProgress)],
        &[(3, Fault::LoseAnswer)],
        &[(2, Fault::Unprocessed), (4, Fault::Throttle)],
    ];
    for plan in plans {
        let table = Table::with(Script::plan(plan.iter().copied())).await;
        let once = table.mine("k").await;
        table.store.end_call(&once, &answer("first"), soon()).await.expect("kept");
        assert_eq!(table.begin("k", "request").await, Begun::Done(answer("first")), "{plan:?}");
    }
}

// proves: RED-03
#[tokio::test]
async fn an_answer_that_is_too_large_is_refused_and_the_largest_is_kept() {
    let table = Table::start().await;
    let once = table.mine("k").await;
    let large = |bytes| answer(&"x".repeat(bytes));
    let refused = table.store.end_call(&once, &large(store::ANSWER_MAX_BYTES + 1), soon()).await;
    assert!(matches!(refused, Err(StoreError::Rejected(_))), "{refused:?}");
    table.store.end_call(&once, &large(store::ANSWER_MAX_BYTES), soon()).await.expect("kept");
}

// proves: API-06
#[tokio::test]
async fn calls_are_counted_by_minute_hour_and_day() {
    let table = Table::start().await;
    let count = async |kind: &str, who: &str| {
        let count = table.store.count_call(kind, who, table.clock().now(), soon()).await.expect("counted");
        (count.minute, count.hour)
    };
    assert_eq!(count("api", "u1").await, (1, 1));
    assert_eq!(count("api", "u1").await, (2, 2));
    assert_eq!(count("api", "u2").await, (1, 1));
    assert_eq!(count("sign_in", "u1").await, (1, 1));
    table.advance(59_999);
    assert_eq!(count("api", "u1").await, (3, 3));
    table.advance(1);
    assert_eq!(count("api", "u1").await, (1, 4));
    table.advance(time::HOUR_MS);
    assert_eq!(count("api", "u1").await, (1, 1));
    let of_day = async || table.store.count_call_of_day("downloads", "u1", table.clock().now(), soon()).await;
    assert_eq!(of_day().await.expect("counted"), 1);
    table.advance(3 * time::HOUR_MS);
    assert_eq!(of_day().await.expect("counted"), 2);
    table.advance(DAY_MS);
    assert_eq!(of_day().await.expect("counted"), 1);
}

// proves: API-06
#[tokio::test]
async fn a_count_survives_throttling_and_is_never_too_low() {
    let table = Table::with(Script::plan([(0, Fault::Throttle), (2, Fault::LoseAnswer)])).await;
    let now = table.clock().now();
    assert_eq!(table.store.count_call("api", "u1", now, soon()).await.expect("counted").hour, 1);
    // Its answer was lost, so it was sent again and counted twice.
    assert_eq!(table.store.count_call("api", "u1", now, soon()).await.expect("counted").hour, 3);
    assert_eq!(table.script.calls(), ["UpdateItem"; 4]);
}

/// An API whose handlers count how often they run.
struct Doors {
    table: Table,
    router: Router,
    runs: Arc<AtomicUsize>,
}

/// What a call was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answered {
    status: u16,
    replayed: bool,
    retry_after: Option<String>,
    location: Option<String>,
    text: String,
}

impl Answered {
    fn code(&self) -> String {
        let problem: serde_json::Value = serde_json::from_str(&self.text).expect("a problem");
        problem["code"].as_str().expect("a code").to_owned()
    }
}

impl Doors {
    async fn open() -> Self {
        let table = Table::start().await;
        let runs = Arc::new(AtomicUsize::new(0));
        let idempotency = web::Idempotency::new(table.store.clone(), table.clock());
        let router = Router::new()
            .route("/made", post(made))
            .route("/refused/{status}", post(refused))
            .route("/secret", post(secret))
            .route("/own", post(own))
            .with_state(table.store.clone())
            .layer(Extension(Arc::clone(&runs)))
            .layer(from_fn_with_state(idempotency, web::idempotent))
            .layer(from_fn(async |mut request: Request, next: axum::middleware::Next| {
                if let Some(id) = request.headers().get("x-caller").and_then(|id| id.to_str().ok()) {
                    let id = id.to_owned();
                    request.extensions_mut().insert(Caller { id });
                }
                next.run(request).await
            }));
        Self { table, router: web::ground(router), runs }
    }

    async fn send(&self, path: &str, caller: Option<&str>, key: &str, body: &str) -> Answered {
        let request = http::Request::post(path).header("idempotency-key", key);
        let request = match caller {
            Some(caller) => request.header("x-caller", caller),
            None => request,
        };
        let request = request.body(Body::from(body.to_owned())).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("a router always answers");
        let (parts, body) = response.into_parts();
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let bytes = body.collect().await.expect("a body").to_bytes();
        Answered {
            status: parts.status.as_u16(),
            replayed: parts.headers.contains_key(web::REPLAYED_HEADER),
            retry_after: text("retry-after"),
            location: text("location"),
            text: String::from_utf8(bytes.to_vec()).expect("text"),
        }
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

type Runs = Extension<Arc<AtomicUsize>>;

async fn made(Extension(runs): Runs, body: String) -> Response {
    let run = runs.fetch_add(1, Ordering::SeqCst) + 1;
    let created = web::Created { location: format!("/made/{run}"), etag: None, body: format!("{run}: {body}") };
    created.into_response()
}

async fn refused(Extension(runs): Runs, axum::extract::Path(status): axum::extract::Path<u16>) -> Problem {
    runs.fetch_add(1, Ordering::SeqCst);
    Problem::new(http::StatusCode::from_u16(status).expect("a status"), "refused", "No.")
}

async fn secret(Extension(runs): Runs) -> Response {
    runs.fetch_add(1, Ordering::SeqCst);
    let mut response = Json("hunter2").into_response();
    response.extensions_mut().insert(NotStored);
    response
}

/// Keeps its answer itself, as a business write does, and then fails to give it.
async fn own(
    Extension(runs): Runs,
    axum::extract::State(store): axum::extract::State<Store>,
    kept: Kept,
) -> Result<Done, Problem> {
    runs.fetch_add(1, Ordering::SeqCst);
    if let Some(once) = kept.once() {
        store.end_call(once, &Json("kept").answer(), soon()).await?;
    }
    Err(Problem::internal())
}

// proves: RED-03
#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_changes_nothing() {
    let doors = Doors::open().await;
    let first = doors.send("/made", Some("u1"), "k-1", "a").await;
    assert_eq!((first.status, first.replayed, first.location.as_deref()), (201, false, Some("/made/1")));
    // The quoted form is the same key.
    for key in ["k-1", "\"k-1\""] {
        let again = doors.send("/made", Some("u1"), key, "a").await;
        assert_eq!(again, Answered { replayed: true, ..first.clone() });
    }
    assert_eq!(doors.runs(), 1);
    let other_body = doors.send("/made", Some("u1"), "k-1", "b").await;
    assert_eq!((other_body.status, other_body.code().as_str()), (422, "idempotency_key_reused"));
    let other_path = doors.send("/own", Some("u1"), "k-1", "a").await;
    assert_eq!((other_path.status, other_path.code().as_str()), (422, "idempotency_key_reused"));
    assert_eq!(doors.runs(), 1);
    assert_eq!(doors.send("/made", Some("u2"), "k-1", "a").await.text, "\"2: a\"");
    assert_eq!(doors.send("/made", Some("u1"), "k-2", "a").await.text, "\"3: a\"");
    doors.table.advance(DAY_MS);
    assert_eq!(doors.send("/made", Some("u1"), "k-1", "a").await.text, "\"4: a\"");
}

// proves: RED-03
#[tokio::test]
async fn a_malformed_key_is_refused_and_a_key_of_nobody_means_nothing() {
    let doors = Doors::open().await;
    for key in ["", "a b", "\"a", &"x".repeat(129)] {
        let answered = doors.send("/made", Some("u1"), key, "a").await;
        assert_eq!((answered.status, answered.code().as_str()), (400, "malformed_idempotency_key"), "{key}");
    }
    assert_eq!(doors.runs(), 0);
    for run in 1..=2 {
        assert_eq!(doors.send("/made", None, "k", "a").await.text, format!("\"{run}: a\""));
    }
}

// proves: RED-03
#[tokio::test]
async fn a_call_that_is_still_running_is_waited_for() {
    let doors = Doors::open().await;
    let first = doors.send("/refused/500", Some("u1"), "k", "").await;
    assert_eq!(first.status, 500);
    // Whether a fault changed something is open, as it is while the first call runs.
    let again = doors.send("/refused/500", Some("u1"), "k", "").await;
    assert_eq!((again.status, again.code().as_str()), (409, "still_running"));
    assert!(again.retry_after.is_some());
    assert_eq!(doors.runs(), 1);
    doors.table.advance(LEASE_MS);
    assert_eq!(doors.send("/refused/500", Some("u1"), "k", "").await.status, 500);
    assert_eq!(doors.runs(), 2);
}

// proves: RED-03
#[tokio::test]
async fn refusals_of_the_request_are_kept_and_refusals_at_the_door_are_not() {
    let doors = Doors::open().await;
    for (status, kept) in [(404, true), (409, true), (422, true), (401, false), (403, false), (429, false)] {
        let path = format!("/refused/{status}");
        let before = doors.runs();
        for again in [false, true] {
            let answered = doors.send(&path, Some("u1"), &path, "").await;
            assert_eq!((answered.status, answered.replayed), (status, again && kept), "{status}");
        }
        assert_eq!(doors.runs() - before, if kept { 1 } else { 2 }, "{status}");
    }
}

// proves: RED-03
#[tokio::test]
async fn a_secret_is_shown_once_and_never_kept() {
    let doors = Doors::open().await;
    assert_eq!(doors.send("/secret", Some("u1"), "k", "").await.text, "\"hunter2\"");
    let again = doors.send("/secret", Some("u1"), "k", "").await;
    assert_eq!((again.status, again.code().as_str()), (409, "answer_not_kept"));
    assert_eq!(doors.runs(), 1);
}

// proves: RED-03
#[tokio::test]
async fn an_answer_kept_by_the_change_itself_outlives_a_crash_after_it() {
    let doors = Doors::open().await;
    assert_eq!(doors.send("/own", Some("u1"), "k", "").await.status, 500);
    let again = doors.send("/own", Some("u1"), "k", "").await;
    assert_eq!((again.status, again.replayed, again.text.as_str()), (200, true, "\"kept\""));
    assert_eq!(doors.runs(), 1);
}
