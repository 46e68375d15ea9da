//! The embedded AWS services, each on a loopback port of its own.

use axum::{Router, body::Body, extract::State, response::Response};
use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use std::{io, path::Path, sync::Arc};
use tokio::net::TcpListener;
use winterbaume_core::{MockRequest, MockService};

/// The largest request that the queue and the secrets take; SQS allows 1 MiB.
const MAX_REQUEST: usize = 2 * 1024 * 1024;

/// Where the services keep what they hold.
#[derive(Clone, Debug)]
pub enum Storage {
    Memory,
    Folder(std::path::PathBuf),
}

/// What runs for the services; it ends when the last one who uses them lets go.
#[derive(Default)]
struct Serving(Vec<tokio::task::AbortHandle>);

impl Drop for Serving {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

/// The services' addresses. They run as long as a clone of this is held.
#[derive(Clone)]
pub struct Emulators {
    _serving: Arc<Serving>,
    pub dynamodb: String,
    pub sqs: String,
    pub secrets_manager: String,
    /// Where objects are kept, if a folder was given.
    pub s3: Option<String>,
    /// The table's engine, for what no API offers: sweeping expired rows.
    pub database: dynoxide::Database,
}

fn failed(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

impl Emulators {
    /// Starts DynamoDB, SQS and Secrets Manager, and S3 when `objects` is a folder for it.
    ///
    /// # Errors
    /// When a port cannot be had or the folder cannot be used.
    pub async fn start(storage: &Storage, objects: Option<&Path>) -> io::Result<Self> {
        let database = match storage {
            Storage::Memory => dynoxide::Database::memory().map_err(failed)?,
            Storage::Folder(folder) => {
                let file = folder.join("dynamodb.sqlite");
                let file = file.to_str().ok_or_else(|| failed("the folder's name is not UTF-8"))?;
                dynoxide::Database::new(file).map_err(failed)?
            }
        };
        let mut serving = Serving::default();
        let s3 = match objects {
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                Some(serve_s3(folder, &mut serving).await?)
            }
            None => None,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let dynamodb = format!("http://{}", listener.local_addr()?);
        serving.0.push(tokio::spawn(dynoxide::server::serve_on(listener, database.clone())).abort_handle());
        let sqs = serve(Arc::new(winterbaume_sqs::SqsService::new()), &mut serving).await?;
        let secrets = winterbaume_secretsmanager::SecretsManagerService::new();
        let secrets_manager = serve(Arc::new(secrets), &mut serving).await?;
        Ok(Self { _serving: Arc::new(serving), dynamodb, sqs, secrets_manager, s3, database })
    }
}

/// Serves one in-memory service.
async fn serve(service: Arc<dyn MockService>, serving: &mut Serving) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let base = address.clone();
    let app = Router::new().fallback(pass).with_state((service, base));
    serving.0.push(tokio::spawn(async move { axum::serve(listener, app).await }).abort_handle());
    Ok(address)
}

async fn pass(State((service, base)): State<(Arc<dyn MockService>, String)>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body = match http_body_util::Limited::new(body, MAX_REQUEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return answer(413, Bytes::new()),
    };
    let uri = format!("{base}{}", parts.uri);
    let reply =
        service.handle(MockRequest { method: parts.method.to_string(), uri, headers: parts.headers, body }).await;
    let mut response = answer(reply.status, reply.body);
    *response.headers_mut() = reply.headers;
    response
}

fn answer(status: u16, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response
}

async fn serve_s3(folder: &Path, serving: &mut Serving) -> io::Result<String> {
    let files = s3s_fs::FileSystem::new(folder).map_err(|error| failed(format!("{error:?}")))?;
    let mut builder = s3s::service::S3ServiceBuilder::new(files);
    builder
        .set_auth(s3s::auth::SimpleAuth::from_single(crate::names::LOCAL_ACCESS_KEY, crate::names::LOCAL_SECRET_KEY));
    let service = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let accepting = tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // Head and body of an answer are two writes: without this the second waits 40 ms for the client's word.
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!(%error, "an S3 connection will be slow");
            }
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                let served = hyper_util::server::conn::auto::Builder::new(hyper_util::rt::TokioExecutor::new())
                    .serve_connection(TokioIo::new(socket), service)
                    .await;
                if let Err(error) = served {
                    tracing::debug!(%error, "an S3 connection ended");
                }
            });
        }
    });
    serving.0.push(accepting.abort_handle());
    Ok(address)
}
