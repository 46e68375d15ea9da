//! The two pages that letters' links lead to: set a password, confirm an address. The link's token stands behind the #,
//! so it is in no log; a script of ours sends it once.

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::header;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

fn file(kind: &'static str, text: impl Into<String>) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, text.into()).into_response()
}

fn page(title: &str, lead: &str, kind: &str, fields: &str, button: &str) -> Response {
    let text = include_str!("../pages/link.html")
        .replace("{title}", title)
        .replace("{lead}", lead)
        .replace("{kind}", kind)
        .replace("{fields}", fields)
        .replace("{button}", button);
    file("text/html; charset=utf-8", text)
}

pub fn routes() -> Router {
    Router::new()
        .route(
            "/password",
            get(|| async {
                page(
                    "Set your password",
                    "Choose one that you use nowhere else. The link works once.",
                    "password",
                    include_str!("../pages/fields.html"),
                    "Set password",
                )
            }),
        )
        .route(
            "/confirm",
            get(|| async {
                page(
                    "Confirm your new address",
                    "From then on you sign in with it. The link works once.",
                    "confirm",
                    "",
                    "Confirm this address",
                )
            }),
        )
        .route("/link.css", get(|| async { file("text/css; charset=utf-8", include_str!("../pages/link.css")) }))
        .route("/link.js", get(|| async { file("text/javascript; charset=utf-8", include_str!("../pages/link.js")) }))
}
