//! Answers other than 200, so that the document knows their statuses: [`Created`], [`Accepted`], [`Done`].

use crate::{Json, NotStored, openapi};
use aide::{
    OperationOutput,
    generate::GenContext,
    openapi::{Operation, Response as Described, StatusCode as Status},
};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

/// 201: where the new thing is, its entity tag where it has one, and the thing itself.
#[derive(Clone, Debug)]
pub struct Created<T> {
    pub location: String,
    pub etag: Option<String>,
    pub body: T,
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.body).into_response();
        // A body that can't be written has made it a 500.
        if response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::CREATED;
            let etag = self.etag.unwrap_or_default();
            for (name, text) in [(header::LOCATION, self.location), (header::ETAG, etag)] {
                if let (false, Ok(value)) = (text.is_empty(), HeaderValue::from_str(&text)) {
                    response.headers_mut().insert(name, value);
                }
            }
        }
        response
    }
}

impl<T: JsonSchema> OperationOutput for Created<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, _: &mut Operation) -> Option<Described> {
        let mut response = openapi::json_response::<T>(ctx, "");
        openapi::response_header(&mut response, "Location", "Where it is.");
        openapi::response_header(&mut response, "ETag", "Names this version, where versions are told apart.");
        Some(response)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<Status>, Described)> {
        openapi::inferred::<Self>(ctx, operation, 201)
    }
}

/// 202: it will be done; the body says where to look.
#[derive(Clone, Debug)]
pub struct Accepted<T>(pub T);

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.0).into_response();
        if response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::ACCEPTED;
        }
        response
    }
}

impl<T: JsonSchema> OperationOutput for Accepted<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, _: &mut Operation) -> Option<Described> {
        Some(openapi::json_response::<T>(ctx, ""))
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<Status>, Described)> {
        openapi::inferred::<Self>(ctx, operation, 202)
    }
}

/// 202 with where to look.
#[derive(Clone, Debug)]
pub struct AcceptedAt<T> {
    pub location: String,
    pub body: T,
}

impl<T: Serialize> IntoResponse for AcceptedAt<T> {
    fn into_response(self) -> Response {
        let mut response = Accepted(self.body).into_response();
        if let (StatusCode::ACCEPTED, Ok(value)) = (response.status(), HeaderValue::from_str(&self.location)) {
            response.headers_mut().insert(header::LOCATION, value);
        }
        response
    }
}

impl<T: JsonSchema> OperationOutput for AcceptedAt<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, _: &mut Operation) -> Option<Described> {
        let mut response = openapi::json_response::<T>(ctx, "");
        openapi::response_header(&mut response, "Location", "Where to look what becomes of it.");
        Some(response)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<Status>, Described)> {
        openapi::inferred::<Self>(ctx, operation, 202)
    }
}

/// An answer with a secret in it: it is given once, and not kept for a repeat of its call.
#[derive(Clone, Copy, Debug)]
pub struct Unkept<R>(pub R);

impl<R: IntoResponse> IntoResponse for Unkept<R> {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        response.extensions_mut().insert(NotStored);
        response
    }
}

impl<R: OperationOutput> OperationOutput for Unkept<R> {
    type Inner = R::Inner;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Described> {
        R::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<Status>, Described)> {
        R::inferred_responses(ctx, operation)
    }
}

/// 204: done, and there is nothing to say.
#[derive(Clone, Copy, Debug)]
pub struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl OperationOutput for Done {
    type Inner = ();

    fn operation_response(_: &mut GenContext, _: &mut Operation) -> Option<Described> {
        Some(Described { description: "Done.".to_owned(), ..Described::default() })
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<Status>, Described)> {
        openapi::inferred::<Self>(ctx, operation, 204)
    }
}
