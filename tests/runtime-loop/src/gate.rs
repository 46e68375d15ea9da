//! What IAM does: it stands between a function and the services, and lets through what the function's role allows.
//!
//! The roles are those of template.yaml. A call that a role doesn't allow is refused as AWS would, and remembered.

use axum::{
    Router,
    body::{self, Body},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use house::template::{self, Function, Grant, grants_in, place, target};
use reqwest::{Client, header};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::net::TcpListener;

const MOST_BYTES: usize = 64 * 1024 * 1024;
/// The audit bucket's objects lie in folders that are named after the environment.
const ENVIRONMENT: &str = "${Environment}";

/// Where the services are, and what the template calls what they hold.
#[derive(Clone, Debug, Default)]
pub struct Services {
    pub dynamodb: String,
    pub sqs: String,
    pub secrets_manager: String,
    pub s3: String,
    pub kms: String,
    pub ses: String,
    /// From a table's, queue's, secret's, bucket's or key's real name to the template's.
    pub resources: HashMap<String, String>,
    pub environment: String,
}

/// A call, as roles speak of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    pub action: String,
    pub resource: String,
}

/// Calls that were refused, each behind the function that tried.
pub type Refused = Arc<Mutex<Vec<(String, Call)>>>;

#[derive(Clone)]
struct Gate {
    function: String,
    grants: Arc<Vec<Grant>>,
    services: Arc<Services>,
    refused: Refused,
    client: Client,
}

/// Starts the gate of one function. Answers its address, which takes the place of every service's.
///
/// # Errors
/// When no loopback port can be had.
pub async fn start(function: &Function, services: &Arc<Services>, refused: &Refused) -> io::Result<String> {
    let gate = Gate {
        function: function.binary.clone(),
        grants: Arc::new(grants(function, &services.environment)),
        services: Arc::clone(services),
        refused: Arc::clone(refused),
        client: Client::builder().no_proxy().build().map_err(io::Error::other)?,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let app = Router::new().fallback(pass).with_state(gate);
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

/// What the role allows, and what a key's policy allows the role.
fn grants(function: &Function, environment: &str) -> Vec<Grant> {
    let named = |grant: &Grant| Grant {
        actions: grant.actions.clone(),
        resources: grant.resources.iter().map(|one| place(one).replace(ENVIRONMENT, environment).into()).collect(),
    };
    let mut grants: Vec<Grant> = function.grants.iter().map(named).collect();
    let role = target(&function.properties["Role"]).expect("a function has a role");
    for (name, key) in template::product().of_type("AWS::KMS::Key") {
        let statements = key["Properties"]["KeyPolicy"]["Statement"].as_array().cloned().unwrap_or_default();
        for statement in statements.iter().filter(|one| place(&one["Principal"]["AWS"]) == role) {
            let of_key = |grant: Grant| Grant { actions: grant.actions, resources: vec![name.as_str().into()] };
            grants.extend(grants_in(statement).into_iter().map(of_key));
        }
    }
    grants
}

async fn pass(State(gate): State<Gate>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = body::to_bytes(body, MOST_BYTES).await.unwrap_or_default();
    let wire = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let (to, calls) = match wire.and_then(|wire| wire.split_once('.')) {
        Some((service, operation)) => {
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            gate.services.by_target(service, operation, &body)
        }
        None if path.starts_with("/v2/email/") => (&gate.services.ses, vec![gate.services.letter()]),
        None => (&gate.services.s3, gate.services.on_objects(parts.method.as_str(), path, &parts.headers)),
    };
    let allowed = |call: &&Call| !gate.grants.iter().any(|grant| grant.allows(&call.action, &call.resource));
    let refused: Vec<Call> = calls.iter().filter(allowed).cloned().collect();
    if calls.is_empty() || !refused.is_empty() {
        let unknown =
            Call { action: format!("{} {path}", wire.unwrap_or(parts.method.as_str())), resource: String::new() };
        let refused = if refused.is_empty() { vec![unknown] } else { refused };
        let mut all = gate.refused.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(refused.into_iter().map(|call| (gate.function.clone(), call)));
        return denied(wire.is_some());
    }
    let mut headers = parts.headers;
    // These are the connection's own. The host stays: it is a part of what is signed.
    for own in [header::CONNECTION, header::TRANSFER_ENCODING, header::EXPECT] {
        headers.remove(own);
    }
    let sent = gate.client.request(parts.method, format!("{to}{path}")).headers(headers).body(body).send().await;
    match sent {
        Ok(answer) => handed_back(answer).await,
        Err(error) => (axum::http::StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn handed_back(answer: reqwest::Response) -> Response {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = Response::new(Body::from(answer.bytes().await.unwrap_or_default()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.headers_mut().remove(header::TRANSFER_ENCODING);
    response
}

/// A refusal in the service's own protocol.
pub(crate) fn denied(json: bool) -> Response {
    let status = if json { axum::http::StatusCode::BAD_REQUEST } else { axum::http::StatusCode::FORBIDDEN };
    let body = match json {
        true => json!({ "__type": "AccessDeniedException", "message": "the role doesn't allow it" }).to_string(),
        false => "<Error><Code>AccessDenied</Code></Error>".to_owned(),
    };
    (status, body).into_response()
}

impl Services {
    fn called(&self, action: impl Into<String>, name: &Value) -> Call {
        let name = name.as_str().unwrap_or_default();
        let resource = self.resources.get(name).cloned().unwrap_or_else(|| format!("unknown {name}"));
        Call { action: action.into(), resource }
    }

    /// Services that are told by a header what is wanted of them.
    fn by_target(&self, service: &str, operation: &str, body: &Value) -> (&String, Vec<Call>) {
        let one = |prefix: &str, name: &str| vec![self.called(format!("{prefix}:{operation}"), &body[name])];
        match service {
            "DynamoDB_20120810" => (&self.dynamodb, self.on_rows(operation, body)),
            "AmazonSQS" => (&self.sqs, one("sqs", "QueueUrl")),
            "secretsmanager" => (&self.secrets_manager, one("secretsmanager", "SecretId")),
            "TrentService" => (&self.kms, one("kms", "KeyId")),
            _ => (&self.dynamodb, Vec::new()),
        }
    }

    fn on_rows(&self, operation: &str, body: &Value) -> Vec<Call> {
        let entries = |value: &Value| value.as_object().cloned().unwrap_or_default();
        match operation {
            // Each action of a transaction is judged by itself.
            "TransactWriteItems" => body["TransactItems"]
                .as_array()
                .into_iter()
                .flatten()
                .flat_map(entries)
                .map(|(kind, action)| {
                    let kind = if kind == "ConditionCheck" { kind + "Item" } else { format!("{kind}Item") };
                    self.called(format!("dynamodb:{kind}"), &action["TableName"])
                })
                .collect(),
            "BatchGetItem" => entries(&body["RequestItems"])
                .into_iter()
                .map(|(table, _)| self.called("dynamodb:BatchGetItem", &table.into()))
                .collect(),
            _ => {
                let mut call = self.called(format!("dynamodb:{operation}"), &body["TableName"]);
                if let Some(index) = body["IndexName"].as_str() {
                    call.resource.push_str(&format!("/index/{index}"));
                }
                vec![call]
            }
        }
    }

    /// Objects are named by their path, below the bucket's.
    fn on_objects(&self, method: &str, path: &str, headers: &header::HeaderMap) -> Vec<Call> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (bucket, key) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
        let of_bucket = |action: &str| vec![self.called(action, &bucket.into())];
        let of_object = |action: &str| {
            let mut call = self.called(action, &bucket.into());
            call.resource.push_str(&format!("/{key}"));
            call
        };
        match (method, key) {
            ("GET", "") if query.contains("list-type=2") => of_bucket("s3:ListBucket"),
            ("GET", "") if query.split('&').any(|part| part.starts_with("versions")) => {
                of_bucket("s3:ListBucketVersions")
            }
            ("GET" | "HEAD", key) if !key.is_empty() => vec![of_object("s3:GetObject")],
            // The steps of an upload in parts: begun, put together, given up.
            ("POST", key) if !key.is_empty() => vec![of_object("s3:PutObject")],
            ("DELETE", key) if !key.is_empty() && query.contains("uploadId=") => {
                vec![of_object("s3:AbortMultipartUpload")]
            }
            ("PUT", key) if !key.is_empty() => {
                let lock = headers.contains_key("x-amz-object-lock-mode");
                let lock = lock.then(|| of_object("s3:PutObjectRetention"));
                std::iter::once(of_object("s3:PutObject")).chain(lock).collect()
            }
            _ => Vec::new(),
        }
    }

    fn letter(&self) -> Call {
        let identity = "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/${SesIdentity}";
        Call { action: "ses:SendEmail".to_owned(), resource: identity.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services() -> Services {
        let names = [("t", "Table"), ("b", "AuditBucket"), ("q", "PayoutQueue"), ("k", "AuditKey")];
        Services {
            resources: names.map(|(real, name)| (real.to_owned(), name.to_owned())).into(),
            environment: "staging".to_owned(),
            ..Services::default()
        }
    }

    fn read(calls: &[Call]) -> Vec<(&str, &str)> {
        calls.iter().map(|call| (call.action.as_str(), call.resource.as_str())).collect()
    }

    #[test]
    fn a_transaction_takes_the_right_to_each_of_its_actions() {
        let items = json!({ "TransactItems": [
            { "Put": { "TableName": "t" } }, { "Update": { "TableName": "t" } }, { "ConditionCheck": { "TableName": "x" } },
        ]});
        let services = services();
        let (_, calls) = services.by_target("DynamoDB_20120810", "TransactWriteItems", &items);
        let expected = [
            ("dynamodb:PutItem", "Table"),
            ("dynamodb:UpdateItem", "Table"),
            ("dynamodb:ConditionCheckItem", "unknown x"),
        ];
        assert_eq!(read(&calls), expected);
    }

    #[test]
    fn an_index_and_an_object_are_resources_of_their_own() {
        let services = services();
        let query = json!({ "TableName": "t", "IndexName": "due" });
        let (_, calls) = services.by_target("DynamoDB_20120810", "Query", &query);
        assert_eq!(read(&calls), [("dynamodb:Query", "Table/index/due")]);
        let mut headers = header::HeaderMap::new();
        assert_eq!(
            read(&services.on_objects("PUT", "/b/audit/staging/x.json?x-id=PutObject", &headers)),
            [("s3:PutObject", "AuditBucket/audit/staging/x.json")]
        );
        headers.insert("x-amz-object-lock-mode", header::HeaderValue::from_static("COMPLIANCE"));
        assert_eq!(services.on_objects("PUT", "/b/x", &headers).len(), 2);
        assert_eq!(
            read(&services.on_objects("GET", "/b/?list-type=2&prefix=a", &headers)),
            [("s3:ListBucket", "AuditBucket")]
        );
        assert_eq!(services.on_objects("DELETE", "/b/x", &headers), []);
        let given_up = services.on_objects("DELETE", "/b/x?uploadId=1", &headers);
        assert_eq!(read(&given_up), [("s3:AbortMultipartUpload", "AuditBucket/x")]);
        assert_eq!(read(&services.on_objects("POST", "/b/x?uploads", &headers)), [("s3:PutObject", "AuditBucket/x")]);
    }

    #[test]
    fn a_function_is_allowed_what_its_role_says_and_the_key_its_own_policy() {
        let allows = |function: &str, action: &str, resource: &str| {
            let grants = grants(&template::product().function(function), "staging");
            grants.iter().any(|grant| grant.allows(action, resource))
        };
        assert!(allows("nightly", "kms:Sign", "AuditKey"));
        assert!(!allows("admin-api", "kms:Sign", "AuditKey"));
        assert!(allows("nightly", "s3:PutObject", "AuditBucket/audit/staging/2026/11/20/13.digest.json"));
        assert!(!allows("nightly", "s3:PutObject", "AuditBucket/audit/production/2026/11/20/13.digest.json"));
        assert!(!allows("admin-api", "s3:PutObject", "AuditBucket/audit/staging/2026/11/20/13.digest.json"));
        assert!(allows("export", "s3:PutObject", "FilesBucket/jobs/j/1/x.csv"));
        assert!(!allows("export", "s3:PutObject", "FilesBucket/uploads/u/x.csv"));
        assert!(allows("notifier", "dynamodb:Query", "Table/index/due"));
        assert!(!allows("notifier", "dynamodb:Query", "Table"));
        let letter = services().letter();
        assert!(allows("notifier", &letter.action, &letter.resource));
        assert!(!allows("admin-api", &letter.action, &letter.resource));
    }
}
