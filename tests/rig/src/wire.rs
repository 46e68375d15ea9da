//! The HTTP client under every SDK client: passes calls on to the embedded services, or fails them by the script.

use crate::fault::{Fault, Script};
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
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};
use std::{fmt, future::pending};

/// Plain HTTP for loopback, without the trust store that an HTTPS client loads.
#[derive(Clone)]
struct Plain(Client<hyper_util::client::legacy::connect::HttpConnector, Full<Bytes>>);

/// A client for services on loopback.
pub fn plain() -> SharedHttpClient {
    SharedHttpClient::new(Plain(Client::builder(TokioExecutor::new()).build_http()))
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plain")
    }
}

impl HttpClient for Plain {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Plain {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let body = Bytes::copy_from_slice(request.body().bytes().unwrap_or_default());
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let response = client.request(request.map(|_| Full::new(body))).await;
            let (parts, body) = response.map_err(|error| ConnectorError::io(error.into()))?.into_parts();
            let body = body.collect().await.map_err(|error| ConnectorError::io(error.into()))?.to_bytes();
            let response = http::Response::from_parts(parts, SdkBody::from(body));
            HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Calls that fail by a script on their way to `inner`.
#[derive(Clone)]
pub struct Wire {
    inner: SharedHttpClient,
    script: Script,
    /// Names of calls that are passed without being counted.
    quiet: fn(&str, &str) -> bool,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl Wire {
    /// `quiet` gets a call's name and body and says whether it is passed without being counted.
    pub fn over(inner: SharedHttpClient, script: Script, quiet: fn(&str, &str) -> bool) -> SharedHttpClient {
        SharedHttpClient::new(Self { inner, script, quiet })
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            inner: self.inner.http_connector(settings, components),
            script: self.script.clone(),
            quiet: self.quiet,
        })
    }
}

#[derive(Clone)]
struct Connector {
    inner: SharedHttpConnector,
    script: Script,
    quiet: fn(&str, &str) -> bool,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

/// `DynamoDB_20120810.TransactWriteItems` → `TransactWriteItems`.
fn name(request: &HttpRequest) -> String {
    let target = request.headers().get("x-amz-target").unwrap_or("unnamed");
    target.rsplit('.').next().unwrap_or(target).to_owned()
}

fn body(request: &HttpRequest) -> String {
    request.body().bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}

fn lost() -> ConnectorError {
    ConnectorError::timeout("the answer was lost".into())
}

fn answer(status: u16, body: &Value) -> HttpResponse {
    let status = StatusCode::try_from(status).expect("a status of ours");
    let mut response = HttpResponse::new(status, SdkBody::from(body.to_string()));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    response
}

fn cancelled(codes: &[&str]) -> HttpResponse {
    let reasons: Vec<Value> = codes.iter().map(|code| json!({ "Code": code })).collect();
    answer(
        400,
        &json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled", "CancellationReasons": reasons,
        }),
    )
}

fn refused(kind: &str) -> HttpResponse {
    answer(400, &json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"), "message": kind }))
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (name, body) = (name(&request), body(&request));
        if name == "BatchGetItem" || name == "GetItem" {
            // A read that decides must be consistent; a stale one would be a fault that no answer shows.
            assert!(body.contains("\"ConsistentRead\":true"), "an inconsistent read of the base table: {body}");
        }
        if (self.quiet)(&name, &body) {
            return self.inner.call(request);
        }
        let fault = self.script.next(&name);
        let (inner, script) = (self.inner.clone(), self.script.clone());
        HttpConnectorFuture::new(async move {
            let writes = name == "TransactWriteItems";
            match fault {
                None => inner.call(request).await,
                Some(Fault::DieBefore) => {
                    script.stopped.notify_one();
                    pending().await
                }
                Some(Fault::DieAfter) => {
                    drop(inner.call(request).await);
                    script.stopped.notify_one();
                    pending().await
                }
                Some(Fault::LoseAnswer) => {
                    drop(inner.call(request).await);
                    Err(lost())
                }
                Some(Fault::Stall) => {
                    script.stopped.notify_one();
                    script.resume.notified().await;
                    inner.call(request).await
                }
                Some(Fault::Conflict) if writes => Ok(cancelled(&["None", "TransactionConflict"])),
                Some(Fault::MixedReasons) if writes => {
                    Ok(cancelled(&["TransactionConflict", "None", "ConditionalCheckFailed"]))
                }
                Some(Fault::InProgress) if writes => Ok(refused("TransactionInProgressException")),
                Some(Fault::Throttle) => Ok(refused("ThrottlingException")),
                Some(Fault::Unprocessed) if name == "BatchGetItem" => {
                    let asked: Value = serde_json::from_str(&body).expect("the SDK sends JSON");
                    Ok(answer(200, &json!({ "Responses": {}, "UnprocessedKeys": asked["RequestItems"] })))
                }
                Some(Fault::LaggingIndex) if name == "Query" => Ok(answer(200, &json!({ "Items": [], "Count": 0 }))),
                Some(Fault::Twice) if name == "SendMessage" => {
                    let again = request.try_clone().expect("a body in memory");
                    drop(inner.call(again).await);
                    inner.call(request).await
                }
                // A fault that this call cannot have.
                Some(
                    Fault::Conflict
                    | Fault::MixedReasons
                    | Fault::InProgress
                    | Fault::Unprocessed
                    | Fault::LaggingIndex
                    | Fault::Twice
                    | Fault::NoConnection,
                ) => inner.call(request).await,
            }
        })
    }
}
