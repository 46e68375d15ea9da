//! Bodies, queries and paths: one type parses, checks and describes each.
//!
//! A type derives `Deserialize`, `garde::Validate` and `JsonSchema`, and carries `#[serde(deny_unknown_fields)]`.
//! Lengths of text are counted in characters, as JSON Schema counts them: `#[garde(length(chars, max = 80))]`. A field
//! that serde renames needs `#[garde(rename = "…")]` too, or it is named wrongly in problems.

use crate::{
    Problem,
    json::{self, DEPTH_MAX},
    openapi::{self, may_answer},
    problem::FieldProblem,
    query, words,
};
use aide::{
    OperationInput, OperationOutput,
    generate::GenContext,
    openapi::{Operation, Parameter, ReferenceOr, RequestBody, Response as Described, StatusCode},
    operation::{ParamLocation, parameters_from_schema},
};
use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Request},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, header, request::Parts};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

/// A body has at most this many bytes; a route may say otherwise with axum's `DefaultBodyLimit`.
pub const BODY_MAX_BYTES: usize = 64 * 1024;

/// What a type must be to be read from a request: it parses itself, knows its rules, and describes both.
pub trait Wanted: DeserializeOwned + garde::Validate<Context = ()> + JsonSchema {}

impl<T: DeserializeOwned + garde::Validate<Context = ()> + JsonSchema> Wanted for T {}

/// A JSON body, read and checked; as an answer, 200 with that body.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: Wanted, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::unsupported_media_type());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|refused| {
            if refused.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
                Problem::too_large("The body is larger than this route takes.")
            } else {
                Problem::bad_request("unreadable_body", "The body could not be read.")
            }
        })?;
        let value = json::read(&bytes).map_err(body_problem)?;
        words::validate(&value).map_err(Problem::invalid)?;
        Ok(Self(value))
    }
}

fn body_problem(refused: json::Refused) -> Problem {
    match refused {
        json::Refused::Syntax { line, column } => {
            Problem::bad_request("malformed_json", format!("The body is not JSON: line {line}, column {column}."))
        }
        json::Refused::TooDeep => Problem::bad_request(
            "nested_too_deep",
            format!("The body nests lists and objects more than {DEPTH_MAX} deep."),
        ),
        json::Refused::Duplicate(path) => {
            Problem::invalid(vec![FieldProblem::new(path, "repeated", "is given more than once")])
        }
        json::Refused::Unfit { path, why } => Problem::invalid(vec![words::of_serde(path, &why)]),
    }
}

/// `application/json` or a type with the suffix `+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(text) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let media_type = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json" || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

impl<T: JsonSchema> OperationInput for Json<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let schema = ctx.schema.subschema_for::<T>();
        operation.request_body = Some(ReferenceOr::Item(RequestBody {
            description: None,
            content: [("application/json".to_owned(), openapi::media_type(schema))].into_iter().collect(),
            required: true,
            extensions: Default::default(),
        }));
        may_answer(operation, &[400, 413, 415, 422]);
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => {
                let mut response = Response::new(Body::from(bytes));
                response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written");
                Problem::internal().into_response()
            }
        }
    }
}

impl<T: JsonSchema> OperationOutput for Json<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, _: &mut Operation) -> Option<Described> {
        Some(openapi::json_response::<T>(ctx, ""))
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<StatusCode>, Described)> {
        openapi::inferred::<Self>(ctx, operation, 200)
    }
}

/// The query, read and checked: 422 names every parameter that is unknown, repeated or doesn't fit.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: Wanted, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let value = query::read(parts.uri.query().unwrap_or_default()).map_err(|refused| match refused {
            query::Refused::Encoding => {
                Problem::bad_request("malformed_query", "The query is not UTF-8 after percent decoding.")
            }
            query::Refused::Repeated(fields) => Problem::invalid(fields),
            query::Refused::Unfit { path, why } => Problem::invalid(vec![words::of_serde(path, &why)]),
        })?;
        words::validate(&value).map_err(Problem::invalid)?;
        Ok(Self(value))
    }
}

impl<T: JsonSchema> OperationInput for Query<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        parameters::<T>(ctx, operation, ParamLocation::Query);
        may_answer(operation, &[400, 422]);
    }
}

/// The path's parameters, read and checked. What can't be an id isn't anybody's: 404. `T` is a struct whose fields are
/// named as in the route.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: Wanted + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let nothing = || Problem::not_found("There is nothing at this path.");
        let axum::extract::Path(value) =
            axum::extract::Path::<T>::from_request_parts(parts, state).await.map_err(|_| nothing())?;
        words::validate(&value).map_err(|_| nothing())?;
        Ok(Self(value))
    }
}

impl<T: JsonSchema> OperationInput for Path<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        parameters::<T>(ctx, operation, ParamLocation::Path);
        may_answer(operation, &[404]);
    }
}

fn parameters<T: JsonSchema>(ctx: &mut GenContext, operation: &mut Operation, location: ParamLocation) {
    let schema = ctx.schema.subschema_for::<T>();
    for mut parameter in parameters_from_schema(ctx, schema, location) {
        if openapi::has_parameter(operation, &parameter.parameter_data_ref().name) {
            continue;
        }
        if let Parameter::Query { parameter_data, .. } = &mut parameter {
            // A list is one parameter with commas. For anything else this says nothing.
            parameter_data.explode = Some(false);
        }
        operation.parameters.push(ReferenceOr::Item(parameter));
    }
}
