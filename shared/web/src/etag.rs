//! Entity tags (RFC 9110, 8.8.3): a change names the version that it changes, a read is spared when nothing changed.

use crate::{Json, Problem, openapi};
use aide::{OperationInput, OperationOutput, generate::GenContext, openapi::Operation};
use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use domain::identity::{digest, hex};
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use schemars::{JsonSchema, json_schema};
use serde::Serialize;
use std::convert::Infallible;

/// Tags in one header; nobody needs more, and each is compared.
const TAGS_MAX: usize = 16;
/// As [`IfMatch`] reads them.
const TAGS_PATTERN: &str = r#"^(?:W/)?"[!#-~]*"(?:[ \t]*,[ \t]*(?:W/)?"[!#-~]*"){0,15}$"#;

/// The strong entity tag of one version of one thing, quotes included. `kind` such as `user`: versions of different
/// things never have the same tag.
pub fn etag(kind: &str, id: &str, version: u64) -> String {
    format!("\"{}\"", hex(&digest(&["etag", kind, id, &version.to_string()])[..12]))
}

/// The version that a change is meant for. Missing: 428. Malformed, or `*`, which names no version: 400.
#[derive(Clone, Debug)]
pub struct IfMatch(Vec<String>);

impl IfMatch {
    /// # Errors
    /// 412 unless one of the tags is of exactly this version.
    pub fn matches(&self, kind: &str, id: &str, version: u64) -> Result<(), Problem> {
        let current = etag(kind, id, version);
        // A weak tag has its W/ before the quotes, so it never equals a strong one, as RFC 9110 wants it here.
        if self.0.contains(&current) { Ok(()) } else { Err(Problem::precondition_failed()) }
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if !parts.headers.contains_key(header::IF_MATCH) {
            return Err(Problem::precondition_required());
        }
        tags(&parts.headers, &header::IF_MATCH).map(Self).ok_or_else(|| {
            Problem::bad_request("malformed_if_match", "If-Match holds no entity tag.")
                .on("If-Match", "one or more entity tags in quotes, not *")
        })
    }
}

impl OperationInput for IfMatch {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let example = etag("kind", "id", 1);
        let shape = json_schema!({ "type": "string", "pattern": TAGS_PATTERN, "examples": [example] });
        let what = "The ETag of what is changed, as it was read.";
        openapi::shaped_header_parameter(operation, "If-Match", what, true, shape);
        openapi::may_answer(operation, &[400, 412, 428]);
    }
}

/// The versions that the caller has already. What can't be read is as good as missing: the answer is then given in full.
#[derive(Clone, Debug)]
pub struct IfNoneMatch(Vec<String>);

impl IfNoneMatch {
    /// The answer, or 304 when the caller has it. `etag` from [`etag`].
    pub fn tagged<T>(&self, etag: String, body: T) -> Tagged<T> {
        let known = self.0.iter().any(|tag| tag.strip_prefix("W/").unwrap_or(tag) == etag);
        Tagged { etag, body: (!known).then_some(body) }
    }
}

impl<S: Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(tags(&parts.headers, &header::IF_NONE_MATCH).unwrap_or_default()))
    }
}

impl OperationInput for IfNoneMatch {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        openapi::header_parameter(operation, "If-None-Match", "ETags of versions that you have already.", false);
        openapi::plain_answer(operation, 304, "You have it already.");
    }
}

/// 200 with its entity tag, or 304 without a body.
#[derive(Clone, Debug)]
pub struct Tagged<T> {
    etag: String,
    body: Option<T>,
}

impl<T> Tagged<T> {
    pub fn new(etag: String, body: T) -> Self {
        Self { etag, body: Some(body) }
    }

    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// `None` when the caller has it already.
    pub fn body(&self) -> Option<&T> {
        self.body.as_ref()
    }
}

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut response = match self.body {
            Some(body) => Json(body).into_response(),
            None => StatusCode::NOT_MODIFIED.into_response(),
        };
        if let Ok(tag) = HeaderValue::from_str(&self.etag) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

impl<T: JsonSchema> OperationOutput for Tagged<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, _: &mut Operation) -> Option<aide::openapi::Response> {
        let mut response = openapi::json_response::<T>(ctx, "");
        openapi::response_header(&mut response, "ETag", "Names this version; send it back as If-Match.");
        Some(response)
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<aide::openapi::StatusCode>, aide::openapi::Response)> {
        openapi::inferred::<Self>(ctx, operation, 200)
    }
}

/// All entity tags of a header, each as it stands there. `None` when one is malformed or there is none.
fn tags(headers: &HeaderMap, name: &header::HeaderName) -> Option<Vec<String>> {
    let mut tags = Vec::new();
    for value in headers.get_all(name) {
        let mut rest = value.to_str().ok()?.trim_matches([' ', '\t']);
        while !rest.is_empty() {
            let (tag, after) = one_tag(rest)?;
            tags.push(tag.to_owned());
            if tags.len() > TAGS_MAX {
                return None;
            }
            rest = after.trim_start_matches([' ', '\t']);
            if let Some(next) = rest.strip_prefix(',') {
                rest = next.trim_start_matches([' ', '\t']);
            } else if !rest.is_empty() {
                return None;
            }
        }
    }
    (!tags.is_empty()).then_some(tags)
}

/// `"abc"` or `W/"abc"` at the start of `text`, and what follows.
fn one_tag(text: &str) -> Option<(&str, &str)> {
    let prefix = if text.starts_with("W/") { 2 } else { 0 };
    let inner = text[prefix..].strip_prefix('"')?;
    let end = inner.find('"')?;
    let fits = inner[..end].bytes().all(|byte| byte == 0x21 || (0x23..=0x7e).contains(&byte));
    fits.then(|| text.split_at(prefix + end + 2))
}
