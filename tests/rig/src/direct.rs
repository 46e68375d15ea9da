//! The embedded table without a socket: the SDK's calls are answered by the table's engine itself.
//!
//! For lives of thousands of calls, in which two HTTP stacks would take a third of the time. What the SDK writes and
//! reads is the same; what the engine's own server checks of a call's shape before is left out.

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use local::emulators::Emulators;
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;

#[derive(Clone)]
struct Direct {
    emulators: Emulators,
    /// For whatever is no common call of a table.
    others: SharedHttpClient,
}

/// A client whose calls of the table need no socket; all others go by `others`.
pub fn over(others: SharedHttpClient, emulators: &Emulators) -> SharedHttpClient {
    SharedHttpClient::new(Direct { emulators: emulators.clone(), others })
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Direct")
    }
}

impl HttpClient for Direct {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            emulators: self.emulators.clone(),
            others: self.others.http_connector(settings, components),
        })
    }
}

#[derive(Clone)]
struct Connector {
    emulators: Emulators,
    others: SharedHttpConnector,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

fn asked<T: DeserializeOwned>(body: &[u8]) -> Result<T, ConnectorError> {
    serde_json::from_slice(body).map_err(|error| ConnectorError::user(error.into()))
}

fn answer(status: u16, body: String) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}

fn done<T: Serialize>(reply: &T) -> Result<HttpResponse, ConnectorError> {
    answer(200, serde_json::to_string(reply).map_err(|error| ConnectorError::other(error.into(), None))?)
}

/// One call of the table, answered as its server answers it.
macro_rules! call {
    ($database:expr, $name:ident, $body:expr) => {
        match $database.$name(asked($body)?) {
            Ok(reply) => done(&reply),
            Err(error) => answer(error.status_code(), error.to_json()),
        }
    };
}

impl Connector {
    /// `None` for a call that is left to the others.
    fn table(&self, name: &str, body: &[u8]) -> Option<Result<HttpResponse, ConnectorError>> {
        let database = &self.emulators.database;
        let answered = || match name {
            "BatchGetItem" => call!(database, batch_get_item, body),
            "Query" => call!(database, query, body),
            "Scan" => call!(database, scan, body),
            "BatchWriteItem" => call!(database, batch_write_item, body),
            "TransactWriteItems" => call!(database, transact_write_items, body),
            other => Err(ConnectorError::user(format!("{other} is not answered here").into())),
        };
        ["BatchGetItem", "Query", "Scan", "BatchWriteItem", "TransactWriteItems"].contains(&name).then(answered)
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").and_then(|target| target.strip_prefix("DynamoDB_20120810."));
        let answered = target.and_then(|name| self.table(name, request.body().bytes().unwrap_or_default()));
        match answered {
            Some(answered) => HttpConnectorFuture::ready(answered),
            None => self.others.call(request),
        }
    }
}
