//! The routes of one API, and the document and the page that tell of them.

use crate::{
    BODY_MAX_BYTES, Problem, faults,
    openapi::{BEARER, COOKIE, CSRF, problem_name, problem_response, response_header},
    page,
};
use aide::{
    axum::{ApiRouter, routing::ApiMethodRouter},
    generate::{in_context, reset_context},
    openapi::{Components, Info, OpenApi, ReferenceOr, Tag},
};
use axum::{
    Router,
    body::Bytes,
    extract::DefaultBodyLimit,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use http::header;
use schemars::{Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    sync::{Arc, OnceLock},
};

/// Where the document lies.
pub const DOCUMENT_PATH: &str = "/api/v1/openapi.json";
/// Where people read it.
pub const PAGE_PATH: &str = "/api/v1/docs";

/// As [`crate::idempotent()`] reads a key: visible characters, or a structured-field string of them.
const KEY_PATTERN: &str = r#"^(?:[!#-~][!-~]{0,127}|"(?:[!#-\[\]-~]|\\["\\]){1,128}")$"#;
/// Problems that any operation may answer with.
const ALWAYS: [u16; 3] = [429, 500, 503];
/// Problems of changes, because of their `Idempotency-Key`.
const OF_CHANGES: [u16; 3] = [400, 409, 422];
const CHANGING: [&str; 4] = ["post", "put", "patch", "delete"];
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The routes of an API while they are declared. Make it first, then its routes, on one thread: the schemas of their
/// types gather in that thread.
pub struct Api<S> {
    router: ApiRouter<S>,
    open_api: OpenApi,
    cookie: String,
}

impl<S: Clone + Send + Sync + 'static> Api<S> {
    pub fn new(title: &str, version: &str) -> Self {
        in_context(|ctx| {
            // OpenAPI 3.1 speaks JSON Schema 2020-12; aide's own choice is an older one.
            ctx.schema = SchemaSettings::draft2020_12()
                .with(|settings| {
                    settings.definitions_path = "#/components/schemas".into();
                    settings.transforms.push(Box::new(RecursiveTransform(bounded)));
                })
                .into_generator();
        });
        let info = Info { title: title.to_owned(), version: version.to_owned(), ..Info::default() };
        Self {
            router: ApiRouter::new(),
            open_api: OpenApi { info, ..OpenApi::default() },
            cookie: "__Host-session".to_owned(),
        }
    }

    /// What the document says in front.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        self.open_api.info.description = Some(text.to_owned());
        self
    }

    /// The name of the cookie that a browser's session is in.
    #[must_use]
    pub fn cookie(mut self, name: &str) -> Self {
        name.clone_into(&mut self.cookie);
        self
    }

    /// A group of operations, in the order of the page.
    #[must_use]
    pub fn tag(mut self, name: &str, description: &str) -> Self {
        let tag = Tag { name: name.to_owned(), description: Some(description.to_owned()), ..Tag::default() };
        self.open_api.tags.push(tag);
        self
    }

    /// A path with its methods, as `routing::get_with(handler, |operation| operation.id("…").tag("…").summary("…"))`.
    #[must_use]
    pub fn route(mut self, path: &str, methods: ApiMethodRouter<S>) -> Self {
        self.router = self.router.api_route(path, methods);
        self
    }

    /// Routes that were declared elsewhere, documented or not.
    #[must_use]
    pub fn merge(mut self, other: impl Into<ApiRouter<S>>) -> Self {
        self.router = self.router.merge(other);
        self
    }

    /// The router, which also serves the document and its page and answers what isn't there with problems; and the
    /// document itself.
    pub fn finish(mut self, state: S) -> (Router, Document) {
        let problem = in_context(|ctx| problem_response(ctx, "A problem"));
        let router = self.router.finish_api(&mut self.open_api);
        reset_context();
        let components = self.open_api.components.get_or_insert_with(Components::default);
        for status in 400..=599u16 {
            if let Ok(code) = http::StatusCode::from_u16(status)
                && let Some(reason) = code.canonical_reason()
            {
                let mut response = problem.clone();
                reason.clone_into(&mut response.description);
                response_header(&mut response, "X-Request-Id", "Names this request in our logs.");
                if [409, 429, 503].contains(&status) {
                    response_header(&mut response, "Retry-After", "Seconds to wait before trying again.");
                }
                components.responses.insert(problem_name(status), ReferenceOr::Item(response));
            }
        }
        let document = Document(Arc::new(Parts {
            open_api: self.open_api,
            cookie: self.cookie,
            value: OnceLock::new(),
            text: OnceLock::new(),
            page: OnceLock::new(),
        }));
        let router = router
            .with_state(state)
            .route(DOCUMENT_PATH, serve(&document, Document::text_answer))
            .route(PAGE_PATH, serve(&document, Document::page_answer))
            .fallback(|| async { Problem::not_found("There is nothing at this path.") })
            .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
            .layer(DefaultBodyLimit::max(BODY_MAX_BYTES));
        (router, document)
    }
}

/// The OpenAPI 3.1 document. Written when it is first asked for: a function's start doesn't wait for it. Cheap to clone.
#[derive(Clone)]
pub struct Document(Arc<Parts>);

struct Parts {
    open_api: OpenApi,
    cookie: String,
    value: OnceLock<Value>,
    text: OnceLock<Bytes>,
    page: OnceLock<Bytes>,
}

fn serve(document: &Document, answer: fn(&Document) -> Response) -> MethodRouter {
    let document = document.clone();
    get(move || async move { answer(&document) })
}

impl Document {
    pub fn value(&self) -> &Value {
        self.0.value.get_or_init(|| {
            // It is text, numbers and lists only, so writing it can't fail; an empty document fails every check.
            let mut document = serde_json::to_value(&self.0.open_api).unwrap_or_default();
            complete(&mut document, &self.0.cookie);
            document
        })
    }

    /// What would mislead its readers, one line each; a test of every API expects none.
    pub fn faults(&self) -> Vec<String> {
        faults::of(self.value())
    }

    fn text_answer(&self) -> Response {
        let text = self.0.text.get_or_init(|| Bytes::from(self.value().to_string())).clone();
        ([(header::CONTENT_TYPE, "application/json")], text).into_response()
    }

    fn page_answer(&self) -> Response {
        let html = self.0.page.get_or_init(|| Bytes::from(page::html(self.value()))).clone();
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
            (header::CONTENT_SECURITY_POLICY, page::security_policy()),
        ];
        (headers, html).into_response()
    }
}

/// Adds what holds for all operations alike.
fn complete(document: &mut Value, cookie: &str) {
    document["components"]["securitySchemes"] = json!({
        BEARER: { "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "For programs." },
        COOKIE: { "type": "apiKey", "in": "cookie", "name": cookie, "description": "For browsers." },
        CSRF: {
            "type": "apiKey", "in": "header", "name": "X-CSRF-Token",
            "description": "Goes with the cookie on every request that changes something.",
        },
    });
    for (_, method, operation) in operations_mut(document) {
        let changing = CHANGING.contains(&method.as_str());
        let known = operation["security"].as_array().is_some_and(|list| !list.is_empty());
        for status in ALWAYS {
            refer(operation, status);
        }
        if changing && known {
            for status in OF_CHANGES {
                refer(operation, status);
            }
            if let Some(list) = operation["security"].as_array_mut() {
                for requirement in list.iter_mut().filter(|requirement| requirement.get(COOKIE).is_some()) {
                    requirement[CSRF] = json!([]);
                }
            }
            let key = json!({
                "in": "header", "name": "Idempotency-Key", "required": false,
                "description": "Any text of yours for this change, such as a UUID, also in double quotes. For 24 hours \
                    the same key with the same request gets the first answer and changes nothing more.",
                "schema": { "type": "string", "pattern": KEY_PATTERN },
            });
            match operation["parameters"].as_array_mut() {
                Some(list) => list.push(key),
                None => operation["parameters"] = json!([key]),
            }
        }
    }
    drop_unused(document);
}

/// Leaves out shared parts that nothing refers to, such as the types of whole queries.
fn drop_unused(document: &mut Value) {
    let mut used = HashSet::new();
    mark(document, &document["paths"], &mut used);
    for (kind, parts) in document["components"].as_object_mut().into_iter().flatten() {
        if let ("schemas" | "responses", Some(parts)) = (kind.as_str(), parts.as_object_mut()) {
            parts.retain(|name, _| used.contains(&format!("#/components/{kind}/{name}")));
        }
    }
}

/// Gathers every reference in `part` and in what it leads to.
fn mark(document: &Value, part: &Value, used: &mut HashSet<String>) {
    match part {
        Value::Object(entries) => {
            if let Some(Value::String(reference)) = entries.get("$ref")
                && used.insert(reference.clone())
                && let Some(target) = faults::resolve(document, reference)
            {
                mark(document, target, used);
            }
            entries.values().for_each(|value| mark(document, value, used));
        }
        Value::Array(items) => items.iter().for_each(|item| mark(document, item, used)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Says of whole numbers how large they can be: their Rust types have ends that are refused beyond.
fn bounded(schema: &mut Schema) {
    let (smallest, largest): (Value, Value) = match schema.get("format").and_then(Value::as_str) {
        Some("int8") => (i8::MIN.into(), i8::MAX.into()),
        Some("int16") => (i16::MIN.into(), i16::MAX.into()),
        Some("int32") => (i32::MIN.into(), i32::MAX.into()),
        Some("int64" | "int") => (i64::MIN.into(), i64::MAX.into()),
        Some("uint8") => (0.into(), u8::MAX.into()),
        Some("uint16") => (0.into(), u16::MAX.into()),
        Some("uint32") => (0.into(), u32::MAX.into()),
        Some("uint64" | "uint") => (0.into(), u64::MAX.into()),
        Some(_) | None => return,
    };
    let object = schema.ensure_object();
    object.entry("minimum").or_insert(smallest);
    object.entry("maximum").or_insert(largest);
}

fn refer(operation: &mut Value, status: u16) {
    let responses = &mut operation["responses"];
    if responses.get(status.to_string()).is_none() {
        responses[status.to_string()] = json!({ "$ref": format!("#/components/responses/{}", problem_name(status)) });
    }
}

/// Path, method and operation of each operation of a document.
pub(crate) fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    document["paths"].as_object().into_iter().flatten().flat_map(|(path, item)| {
        METHODS.iter().filter_map(move |method| Some((path.as_str(), *method, item.get(method)?)))
    })
}

fn operations_mut(document: &mut Value) -> impl Iterator<Item = (String, String, &mut Value)> {
    document["paths"].as_object_mut().into_iter().flatten().flat_map(|(path, item)| {
        let path = path.clone();
        item.as_object_mut()
            .into_iter()
            .flatten()
            .filter(|(method, _)| METHODS.contains(&method.as_str()))
            .map(move |(method, operation)| (path.clone(), method.clone(), operation))
    })
}
