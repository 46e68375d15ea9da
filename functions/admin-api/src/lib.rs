//! The REST API of staff, under `/api/v1`. Its document is at `/api/v1/openapi.json`, a page of it at `/api/v1/docs`.

mod caller;
mod csv_file;
mod fields;
mod pages;
mod refusal;
mod routes;
mod views;

pub use caller::{ACCESS_COOKIE, REFRESH_COOKIE};

use axum::{Router, middleware};
use domain::{access::MfaDemand, money::Currency, settings::Settings};
use files::Files;
use lambda_http::{Body, Request, Response};
use serde_json::Value;
use service::{
    Clock,
    aws::Aws,
    config::{BadConfig, Environment},
    live::LiveSettings,
    metrics::{self, Unit},
    nudge::{JobNudges, Nudges},
    secret::Secret,
};
use staff::{Desk, Trouble};
use std::{sync::Arc, time::Duration};
use store::{Deadline, Store};
use web::{Api, Document};

/// Time for counting a call.
const COUNT_BUDGET_MS: u64 = 3_000;
/// Time for reading the settings where they are not read along.
const SETTINGS_BUDGET_MS: u64 = 3_000;
/// A nudge that takes longer is left to the sweeper.
const NUDGE_LIMIT: Duration = Duration::from_secs(1);

/// What every handler can reach.
#[derive(Clone)]
pub struct App {
    pub desk: Arc<Desk>,
    pub log: Arc<seal::Log>,
    /// Where a job is told of once its row is written.
    pub jobs: JobNudges,
    /// Where a worker is told to look at a payout at once.
    pub payouts: Nudges,
    /// Links to uploads and to what jobs have made.
    pub files: Files,
    settings: LiveSettings,
}

impl App {
    /// The settings, at most ten seconds old.
    pub(crate) async fn settings(&self) -> Result<Arc<Settings>, Trouble> {
        match self.settings.wanted() {
            Some(key) => {
                let deadline = Deadline::in_ms(SETTINGS_BUDGET_MS);
                let items = self.desk.store.read(std::slice::from_ref(&key), deadline).await?;
                Ok(self.settings.current(&items, true)?)
            }
            None => Ok(self.settings.last()),
        }
    }
}

pub struct AdminApi {
    pub desk: Arc<Desk>,
    pub log: Arc<seal::Log>,
    router: Router,
    document: Document,
}

impl AdminApi {
    pub fn new(desk: Arc<Desk>, log: Arc<seal::Log>, (jobs, payouts): (JobNudges, Nudges), files: Files) -> Self {
        let settings = LiveSettings::default();
        let app = App { desk: Arc::clone(&desk), log: Arc::clone(&log), jobs, payouts, files, settings };
        let api = Api::new("MBELYCO Promo", "1.0.0")
            .cookie(ACCESS_COOKIE)
            .description("What staff do. Times are RFC 3339 in UTC; amounts are whole RWF; problems are RFC 9457.");
        let api = routes::health::routes(api);
        let api = routes::auth::routes(api);
        let api = routes::own::routes(api);
        let api = routes::keys::routes(api);
        let api = routes::users::routes(api);
        let api = routes::changes::routes(api);
        let api = routes::roles::routes(api);
        let api = routes::security::routes(api);
        let api = routes::audit::routes(api);
        let api = routes::batches::routes(api);
        let api = routes::batches_csv::routes(api);
        let api = routes::codes::routes(api);
        let api = routes::code_jobs::routes(api);
        let api = routes::approvals::routes(api);
        let api = routes::books::routes(api);
        let api = routes::jobs::routes(api);
        let api = routes::payouts::routes(api);
        let api = routes::payout_acts::routes(api);
        let api = routes::switches::routes(api);
        let (router, document) = api.finish(app.clone());
        let idempotency = web::Idempotency::new(desk.store.clone(), desk.clock.clone());
        // The last layer is the outermost.
        let router = router
            .merge(pages::routes())
            .layer(middleware::from_fn_with_state(idempotency, web::idempotent))
            .layer(middleware::from_fn_with_state(app.clone(), caller::identify))
            .layer(middleware::from_fn(web::cors))
            .layer(middleware::from_fn_with_state(app, origins));
        Self { desk, log, router: web::ground(router), document }
    }

    /// # Errors
    /// Every variable that is missing or malformed.
    pub fn from_environment() -> Result<Self, BadConfig> {
        let mut environment = Environment::of_process();
        let mut desk = desk(&mut environment);
        let aws = Aws::from_environment(&mut environment);
        desk.epoch = environment.required("SWITCH_EPOCH");
        desk.customers = Some(Secret::new(aws.secrets_manager(), environment.required("USSD_SECRET_ID")));
        let payouts = Nudges::new(aws.sqs(), environment.required("PAYOUT_QUEUE_URL"), NUDGE_LIMIT);
        let log = seal::Log::from_environment(&mut environment, &aws, desk.clock.clone());
        let jobs = JobNudges::from_environment(&mut environment, &aws, NUDGE_LIMIT);
        let files = Files::from_environment(&mut environment, &aws);
        environment.finish()?;
        Ok(Self::new(Arc::new(desk), Arc::new(log), (jobs, payouts), files))
    }

    pub async fn handle(&self, request: Request) -> Response<Body> {
        let response = web::call(&self.router, request).await;
        let class = match response.status().as_u16() {
            200..=299 => "2xx",
            300..=399 => "3xx",
            400..=499 => "4xx",
            _ => "5xx",
        };
        metrics::emit("api_requests_total", 1.0, Unit::Count, &[("function", "admin-api"), ("status", class)]);
        if self.desk.store.take_contention() > 0 {
            metrics::emit("contention_total", 1.0, Unit::Count, &[("function", "admin-api")]);
        }
        response
    }

    /// The OpenAPI document.
    pub fn document(&self) -> &Value {
        self.document.value()
    }
}

/// The desk, by the usual variables.
pub fn desk(environment: &mut Environment) -> Desk {
    let aws = Aws::from_environment(environment);
    let store = Store::new(aws.dynamodb(), environment.required("TABLE_NAME"));
    let secret = Secret::new(aws.secrets_manager(), environment.required("STAFF_SECRET_ID"));
    let mfa = match environment.optional("STAFF_MFA").as_deref() {
        None | Some("enforced") => MfaDemand::Enforced,
        Some("relaxed") => MfaDemand::Relaxed,
        Some(_) => {
            environment.problem("STAFF_MFA is enforced or relaxed");
            MfaDemand::Enforced
        }
    };
    let currency = match environment.optional("MOMO_CURRENCY").as_deref().map(Currency::parse) {
        None => Currency::Rwf,
        Some(Some(currency)) => currency,
        Some(None) => {
            environment.problem("MOMO_CURRENCY is RWF or EUR");
            Currency::Rwf
        }
    };
    let mut desk = Desk::new(store, Clock::system(), secret, environment.required("ENVIRONMENT"), mfa);
    desk.currency = currency;
    desk
}

/// Tells the layer of CORS which origins the settings allow. Asked only where a browser names one.
async fn origins(
    axum::extract::State(app): axum::extract::State<App>,
    mut request: axum::extract::Request,
    next: middleware::Next,
) -> axum::response::Response {
    if request.headers().contains_key(http::header::ORIGIN) {
        match app.settings().await {
            Ok(settings) => {
                let allowed: Arc<[String]> = settings.security.cors_origins.clone().into();
                request.extensions_mut().insert(web::AllowedOrigins(allowed));
            }
            Err(trouble) => tracing::warn!(%trouble, "the settings cannot be read; no other origin is allowed"),
        }
    }
    next.run(request).await
}
