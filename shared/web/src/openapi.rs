//! What extractors and answers say of themselves in the OpenAPI 3.1 document.
//!
//! An extractor of yours joins in by `impl OperationInput` with the functions here: [`needs_permission`],
//! [`may_answer`], [`header_parameter`].

use crate::problem::{Details, MEDIA_TYPE};
use aide::{
    OperationOutput,
    generate::GenContext,
    openapi::{
        Header, HeaderStyle, MediaType, Operation, Parameter, ParameterData, ParameterSchemaOrContent, ReferenceOr,
        Response, Responses, SchemaObject, StatusCode,
    },
    transform::TransformOperation,
};
use schemars::{JsonSchema, Schema, json_schema};
use serde_json::Value;

/// The name of the security scheme for programs.
pub const BEARER: &str = "bearer";
/// The name of the security scheme for browsers.
pub const COOKIE: &str = "cookie";
/// The header that a browser's changes carry beside the cookie.
pub const CSRF: &str = "csrf";
/// The extension that names the permission an operation asks for.
pub const X_PERMISSION: &str = "x-permission";

/// Says that the operation asks who calls: bearer token or cookie, else 401.
pub fn needs_caller(operation: &mut Operation) {
    if operation.security.is_empty() {
        for scheme in [BEARER, COOKIE] {
            operation.security.push([(scheme.to_owned(), Vec::new())].into_iter().collect());
        }
    }
    may_answer(operation, &[401]);
}

/// Says that the operation asks for this permission, such as `users.read`: `x-permission`, and 401 and 403. Where it
/// asks for several, they stand there with spaces between.
pub fn needs_permission(operation: &mut Operation, key: &str) {
    needs_caller(operation);
    may_answer(operation, &[403]);
    let others = operation.extensions.get(X_PERMISSION).and_then(Value::as_str);
    let all = others.map_or_else(|| key.to_owned(), |others| format!("{others} {key}"));
    operation.extensions.insert(X_PERMISSION.to_owned(), Value::from(all));
}

/// Says that the operation may answer with a problem of these statuses. What it says of itself already stays.
pub fn may_answer(operation: &mut Operation, statuses: &[u16]) {
    let responses = operation.responses.get_or_insert_with(Responses::default);
    for status in statuses {
        responses.responses.entry(StatusCode::Code(*status)).or_insert_with(|| ReferenceOr::Reference {
            reference: format!("#/components/responses/{}", problem_name(*status)),
            summary: None,
            description: None,
        });
    }
}

/// What a handler itself refuses with, where its route is declared: `.with(answers(&[404, 409]))`.
pub fn answers(statuses: &[u16]) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |mut operation| {
        may_answer(operation.inner_mut(), statuses);
        operation
    }
}

/// Says that the operation may answer so, without a body.
pub fn plain_answer(operation: &mut Operation, status: u16, description: &str) {
    let responses = operation.responses.get_or_insert_with(Responses::default);
    responses
        .responses
        .entry(StatusCode::Code(status))
        .or_insert_with(|| ReferenceOr::Item(Response { description: description.to_owned(), ..Response::default() }));
}

/// Says that the operation reads this header.
pub fn header_parameter(operation: &mut Operation, name: &str, description: &str, required: bool) {
    shaped_header_parameter(operation, name, description, required, json_schema!({ "type": "string" }));
}

/// As [`header_parameter`], with what the header looks like.
pub(crate) fn shaped_header_parameter(
    operation: &mut Operation,
    name: &str,
    description: &str,
    required: bool,
    schema: Schema,
) {
    if has_parameter(operation, name) {
        return;
    }
    operation.parameters.push(ReferenceOr::Item(Parameter::Header {
        parameter_data: parameter(name, description, required, schema),
        style: HeaderStyle::Simple,
    }));
}

/// Says that the answer carries this header.
pub fn response_header(response: &mut Response, name: &str, description: &str) {
    let header = Header {
        description: Some(description.to_owned()),
        style: HeaderStyle::Simple,
        required: false,
        deprecated: None,
        format: ParameterSchemaOrContent::Schema(schema_object(json_schema!({ "type": "string" }))),
        example: None,
        examples: Default::default(),
        extensions: Default::default(),
    };
    response.headers.insert(name.to_owned(), ReferenceOr::Item(header));
}

/// An answer with a JSON body of type `T`.
pub fn json_response<T: JsonSchema>(ctx: &mut GenContext, description: &str) -> Response {
    let schema = ctx.schema.subschema_for::<T>();
    let described = ctx.resolve_schema(&schema).get("description").and_then(Value::as_str).map(str::to_owned);
    let description =
        if description.is_empty() { described.unwrap_or_else(|| "Done.".to_owned()) } else { description.to_owned() };
    Response {
        description,
        content: [("application/json".to_owned(), media_type(schema))].into_iter().collect(),
        ..Response::default()
    }
}

pub(crate) fn problem_response(ctx: &mut GenContext, description: &str) -> Response {
    let schema = ctx.schema.subschema_for::<Details>();
    Response {
        description: description.to_owned(),
        content: [(MEDIA_TYPE.to_owned(), media_type(schema))].into_iter().collect(),
        ..Response::default()
    }
}

/// The name under which the document keeps the problems of one status.
pub(crate) fn problem_name(status: u16) -> String {
    format!("Problem{status}")
}

/// The single answer of a type, for `OperationOutput::inferred_responses`.
pub fn inferred<O: OperationOutput>(
    ctx: &mut GenContext,
    operation: &mut Operation,
    status: u16,
) -> Vec<(Option<StatusCode>, Response)> {
    O::operation_response(ctx, operation)
        .map(|response| (Some(StatusCode::Code(status)), response))
        .into_iter()
        .collect()
}

pub(crate) fn media_type(schema: Schema) -> MediaType {
    MediaType { schema: Some(schema_object(schema)), ..MediaType::default() }
}

fn schema_object(json_schema: Schema) -> SchemaObject {
    SchemaObject { json_schema, example: None, external_docs: None }
}

fn parameter(name: &str, description: &str, required: bool, schema: Schema) -> ParameterData {
    ParameterData {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required,
        deprecated: None,
        format: ParameterSchemaOrContent::Schema(schema_object(schema)),
        example: None,
        examples: Default::default(),
        explode: None,
        extensions: Default::default(),
    }
}

pub(crate) fn has_parameter(operation: &Operation, name: &str) -> bool {
    operation
        .parameters
        .iter()
        .filter_map(ReferenceOr::as_item)
        .any(|parameter| parameter.parameter_data_ref().name.eq_ignore_ascii_case(name))
}
