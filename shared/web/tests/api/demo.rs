//! A small API that uses every piece.

use axum::{
    Router,
    body::Body,
    extract::{FromRequestParts, State},
};
use http::{Request, Response, StatusCode, request::Parts};
use http_body_util::BodyExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower::ServiceExt;
use web::{
    Api, Created, Document, Done, IfMatch, IfNoneMatch, Json, OperationInput, Page, Path, Problem, Query, Tagged, etag,
    finding, openapi, routing,
};

/// What is sent to make a thing.
#[derive(Debug, Serialize, Deserialize, garde::Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewThing {
    #[garde(length(chars, min = 1, max = 8), custom(not_root))]
    pub name: String,
    #[garde(range(min = 1, max = 100))]
    pub amount: u32,
    #[serde(default)]
    #[garde(length(max = 3), dive)]
    pub parts: Vec<Part>,
    #[garde(skip)]
    pub colour: Option<Colour>,
    /// Anything.
    #[serde(default)]
    #[garde(skip)]
    pub notes: Value,
}

#[derive(Debug, Serialize, Deserialize, garde::Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    #[garde(length(chars, max = 4))]
    pub label: String,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    Red,
    DarkBlue,
}

fn not_root(name: &str, _: &()) -> garde::Result {
    if name == "root" { Err(finding("reserved", "is reserved")) } else { Ok(()) }
}

#[derive(Debug, Serialize, Deserialize, garde::Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    #[garde(range(min = 1, max = 50))]
    pub limit: Option<u8>,
    #[garde(skip)]
    pub open: Option<bool>,
    #[serde(default)]
    #[garde(skip)]
    pub colour: Vec<Colour>,
    #[garde(length(max = 2048))]
    pub cursor: Option<String>,
}

#[derive(Debug, Deserialize, garde::Validate, JsonSchema)]
pub struct ThingPath {
    #[garde(range(min = 1))]
    pub id: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Thing {
    pub id: u32,
    pub name: String,
}

/// Lets everybody in who says so.
pub struct Permit;

impl<S: Sync> FromRequestParts<S> for Permit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.headers.get("authorization") {
            Some(_) => Ok(Self),
            None => Err(Problem::unauthorized("not_signed_in", "Sign in first.")),
        }
    }
}

impl OperationInput for Permit {
    fn operation_input(_: &mut aide::generate::GenContext, operation: &mut aide::openapi::Operation) {
        openapi::needs_permission(operation, "things.write");
    }
}

#[derive(Clone)]
pub struct Demo;

async fn list(Query(filter): Query<Filter>) -> Json<Page<Filter>> {
    Json(Page::new(vec![filter], None))
}

async fn create(_: Permit, State(Demo): State<Demo>, Json(new): Json<NewThing>) -> Result<Created<NewThing>, Problem> {
    if new.name == "taken" {
        return Err(Problem::conflict("taken", "There is one already."));
    }
    Ok(Created { location: "/things/7".to_owned(), etag: Some(etag("thing", "7", 1)), body: new })
}

async fn read(known: IfNoneMatch, Path(path): Path<ThingPath>) -> Result<Tagged<Thing>, Problem> {
    if path.id == 404 {
        return Err(Problem::not_found("There is no such thing."));
    }
    Ok(known.tagged(etag("thing", &path.id.to_string(), 3), Thing { id: path.id, name: "seven".to_owned() }))
}

async fn remove(_: Permit, Path(path): Path<ThingPath>, known: IfMatch) -> Result<Done, Problem> {
    known.matches("thing", &path.id.to_string(), 3)?;
    Ok(Done)
}

async fn panics() -> Json<Thing> {
    panic!("a fault of ours, with a secret in its words")
}

pub fn api() -> (Router, Document) {
    Api::new("Demo", "1.2.3")
        .tag("things", "What there is")
        .route(
            "/api/v1/things",
            routing::get_with(list, |op| op.id("listThings").tag("things").summary("Lists things"))
                .post_with(create, |op| {
                    op.id("createThing").tag("things").summary("Makes a thing").with(openapi::answers(&[409]))
                }),
        )
        .route(
            "/api/v1/things/{id}",
            routing::get_with(read, |op| op.id("readThing").tag("things").summary("Reads a thing"))
                .delete_with(remove, |op| op.id("removeThing").tag("things").summary("Removes a thing")),
        )
        .route("/api/v1/fault", routing::get_with(panics, |op| op.id("fault").tag("things").summary("Fails")))
        .finish(Demo)
}

/// What an answer is: status, headers, JSON where it is JSON.
pub struct Answered {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub text: String,
}

impl Answered {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("the answer is JSON")
    }

    /// Field and code of each error, sorted.
    pub fn errors(&self) -> Vec<(String, String)> {
        let word = |value: &Value| value.as_str().expect("a word").to_owned();
        let mut errors: Vec<_> = self.json()["errors"]
            .as_array()
            .expect("a problem with fields")
            .iter()
            .map(|error| (word(&error["field"]), word(&error["code"])))
            .collect();
        errors.sort();
        errors
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("plain text"))
    }
}

pub async fn send(router: &Router, request: Request<Body>) -> Answered {
    let response: Response<Body> = router.clone().oneshot(request).await.expect("a router always answers");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("the body can be read").to_bytes();
    Answered {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).expect("answers are text"),
    }
}

pub fn post(body: impl Into<Body>) -> Request<Body> {
    Request::post("/api/v1/things")
        .header("content-type", "application/json")
        .header("authorization", "Bearer x")
        .body(body.into())
        .expect("a request")
}

pub fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a request")
}
