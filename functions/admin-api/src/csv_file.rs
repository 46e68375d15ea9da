//! CSV files as answers.

use aide::openapi::MediaType;
use axum::{body::Body, response::Response};
use http::{HeaderName, HeaderValue};

/// The answer that is saved as `name`, with headers of its own.
pub fn answer(name: &str, bytes: Vec<u8>, headers: &[(&'static str, &str)]) -> Response {
    let mut response = Response::new(Body::from(bytes));
    let saved_as = format!("attachment; filename=\"{name}\"");
    let always = [("content-type", "text/csv; charset=utf-8; header=present"), ("content-disposition", &saved_as)];
    for (name, value) in always.iter().chain(headers) {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// What the document says of such an answer; `headers` with their descriptions.
pub fn documented(description: &str, headers: &[(&str, &str)]) -> aide::openapi::Response {
    let content = [("text/csv".to_owned(), MediaType::default())].into_iter().collect();
    let mut response = aide::openapi::Response { description: description.to_owned(), content, ..Default::default() };
    for (name, description) in headers {
        web::openapi::response_header(&mut response, name, description);
    }
    response
}
