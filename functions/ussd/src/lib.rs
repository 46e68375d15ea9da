//! Africa's Talking's callback: the menu, the code, and how a session ended.
//!
//! A proven caller always gets 200 and words that a customer can read, also for our own faults; anybody else gets 403.

mod form;
mod menu;
mod notice;
mod payee;
mod redeem;

pub use payee::NAME_WAIT;

use domain::{
    customer::Customer,
    identity::CustomerId,
    redemption::asks_number,
    settings::Settings,
    text::{Language, Texts},
    ussd::{Answer, Screen, Step, step},
};
use form::{Hop, Unreadable};
use ipnet::IpNet;
use lambda_http::{Body, Request, RequestExt, Response, request::RequestContext};
use payee::Named;
use redeem::Wish;
use service::{
    Clock,
    aws::Aws,
    config::{BadConfig, Environment},
    door,
    live::LiveSettings,
    metrics::{self, Unit},
    nudge::Nudges,
    secret::{Secret, UssdSecret},
};
use std::{net::IpAddr, sync::Arc, time::Duration};
use store::{Deadline, Store, keys};

/// Where the gateway sends hops; the secret segment follows.
pub const HANDLE_PATH: &str = "/api/v1/ussd/handle/";
/// Where the gateway tells how a session ended; the secret segment follows.
pub const STATUS_PATH: &str = "/api/v1/webhooks/ussd/status/";
/// Time for reading, deciding and writing; then it is "received, dial again".
const BUDGET_MS: u64 = 2_000;
/// How long a nudge to the payout queue may hold the answer up.
const NUDGE_LIMIT: Duration = Duration::from_millis(400);

pub struct Ussd {
    pub store: Store,
    pub nudges: Nudges,
    pub secret: Secret<UssdSecret>,
    pub settings: LiveSettings,
    pub clock: Clock,
    /// Goes into every id and payout reference.
    pub environment: String,
    /// The epoch that the switches must carry to be in force.
    pub epoch: String,
    /// Who may call; empty admits every address that knows the path.
    pub addresses: Vec<IpNet>,
    /// How long a hop waits for the name on an account; zero looks once.
    pub name_wait: Duration,
}

/// One hop, read and understood.
struct Context {
    hop: Hop,
    customer_id: CustomerId,
    address: Option<String>,
    settings: Arc<Settings>,
}

impl Ussd {
    /// # Errors
    /// Every variable that is missing or malformed.
    pub fn from_environment() -> Result<Self, BadConfig> {
        let mut environment = Environment::of_process();
        let aws = Aws::from_environment(&mut environment);
        let table = environment.required("TABLE_NAME");
        let queue = environment.required("PAYOUT_QUEUE_URL");
        let secret = environment.required("USSD_SECRET_ID");
        let list = environment.optional("USSD_ALLOWED_ADDRESSES").unwrap_or_default();
        let addresses = door::address_list(&list).unwrap_or_else(|problem| {
            environment.problem(format!("USSD_ALLOWED_ADDRESSES: {problem}"));
            Vec::new()
        });
        let ussd = Self {
            store: Store::new(aws.dynamodb(), table),
            nudges: Nudges::new(aws.sqs(), queue, NUDGE_LIMIT),
            secret: Secret::new(aws.secrets_manager(), secret),
            settings: LiveSettings::default(),
            clock: Clock::system(),
            environment: environment.required("ENVIRONMENT"),
            epoch: environment.required("SWITCH_EPOCH"),
            addresses,
            name_wait: NAME_WAIT,
        };
        environment.finish()?;
        Ok(ussd)
    }

    /// Reads the secret and the settings, which also opens the connections. A failure here shows on the first hop.
    pub async fn warm(&self) {
        let (secret, settings) = tokio::join!(self.secret.get(), self.read_settings(Deadline::in_ms(BUDGET_MS)));
        if secret.is_err() || settings.is_err() {
            tracing::warn!("starting without the secret or the settings; they are read on the first hop");
        }
    }

    async fn read_settings(&self, deadline: Deadline) -> Result<Arc<Settings>, store::StoreError> {
        match self.settings.wanted() {
            Some(key) => {
                let items = self.store.read(std::slice::from_ref(&key), deadline).await?;
                self.settings.current(&items, true)
            }
            None => Ok(self.settings.last()),
        }
    }

    pub async fn handle(&self, request: Request) -> Response<Body> {
        let path = request.uri().path();
        let (secret_segment, is_notice) = match (path.strip_prefix(HANDLE_PATH), path.strip_prefix(STATUS_PATH)) {
            (Some(segment), _) => (segment.to_owned(), false),
            (None, Some(segment)) => (segment.to_owned(), true),
            (None, None) => return plain(404, "There is nothing here."),
        };
        if request.method() != "POST" {
            return plain(405, "Only POST.");
        }
        let known = match self.secret.get().await {
            Ok(known) => known,
            Err(error) => {
                // Nobody can be proven or refused now; whoever it is reads that there is trouble, and nothing is written.
                tracing::error!(%error, "no secret to compare with");
                metrics::emit("ussd_unproven_total", 1.0, Unit::Count, &[]);
                let settings = self.settings.last();
                let texts = Texts::new(&settings, settings.ussd.default_language);
                return plain(200, &Screen::Trouble.render(&settings, &texts).body());
            }
        };
        let Some((secret, address)) = self.proven(&request, &secret_segment, known).await else {
            metrics::emit("ussd_callers_refused_total", 1.0, Unit::Count, &[]);
            tracing::warn!(notice = is_notice, "a caller could not prove itself");
            return plain(403, "Forbidden.");
        };
        let pepper = secret.customer_pepper;
        if is_notice {
            return self.take_notice(&request, &pepper).await;
        }
        let answer = self.answer(&request, &pepper, address).await;
        if self.store.take_contention() > 0 {
            metrics::emit("contention_total", 1.0, Unit::Count, &[("function", "ussd")]);
        }
        plain(200, &answer.body())
    }

    /// The secret and the caller's address, if the path's segment and the address are right.
    async fn proven(
        &self,
        request: &Request,
        segment: &str,
        mut secret: UssdSecret,
    ) -> Option<(UssdSecret, Option<IpAddr>)> {
        if !door::opens(segment, &secret.path_secrets) {
            // Perhaps it has just been changed.
            secret = self.secret.fresh().await.ok()?;
            if !door::opens(segment, &secret.path_secrets) {
                return None;
            }
        }
        let address = match &secret.origin_secret {
            None => source_address(request),
            Some(expected) => {
                let given = header(request, "x-origin-secret");
                if !door::opens(given, std::slice::from_ref(expected)) {
                    return None;
                }
                // `198.51.100.7:46532`; an IPv6 address has colons of its own, so the last one is the port's.
                header(request, "cloudfront-viewer-address")
                    .rsplit_once(':')
                    .and_then(|(address, _)| address.parse().ok())
            }
        };
        door::admits(&self.addresses, address).then_some((secret, address))
    }

    async fn answer(&self, request: &Request, pepper: &str, address: Option<IpAddr>) -> Answer {
        let deadline = Deadline::in_ms(BUDGET_MS);
        if self.settings.never_read()
            && let Err(error) = self.read_settings(deadline).await
        {
            tracing::error!(%error, "the settings cannot be read; the built-in ones are in force");
        }
        let settings = self.settings.last();
        let default = Texts::new(&settings, settings.ussd.default_language);
        let hop = match Hop::read(request) {
            Ok(hop) => hop,
            Err(Unreadable::ForeignNumber) => return Screen::OnlyRwanda.render(&settings, &default),
            Err(Unreadable::Form(why)) => {
                tracing::warn!(why, "a hop that cannot be read");
                return Screen::Trouble.render(&settings, &default);
            }
        };
        let asks_number = asks_number(hop.phone.network(&hop.network_code), &settings);
        let step = step(&hop.text, &hop.dialled, &settings, asks_number);
        let customer_id = CustomerId::of(pepper.as_bytes(), &hop.phone);
        let context = Context { hop, customer_id, address: address.map(|address| address.to_string()), settings };
        match step {
            Step::Redeem(code) => self.redeem(&context, Wish { code: &code, named: None }, deadline).await,
            Step::PayTo { code, number } => {
                let named = Some(Named { number: &number, says_yes: false });
                self.redeem(&context, Wish { code: &code, named }, deadline).await
            }
            Step::Confirmed { code, number } => {
                let named = Some(Named { number: &number, says_yes: true });
                self.redeem(&context, Wish { code: &code, named }, deadline).await
            }
            Step::AskNumber => self.plain_screen(context, &Screen::AskNumber, deadline).await,
            Step::NotMomo => self.plain_screen(context, &Screen::NotMomo, deadline).await,
            Step::Welcome => self.welcome(context, deadline).await,
            Step::Rewards => self.rewards(context, deadline).await,
            Step::SetLanguage(language) => self.set_language(context, language, deadline).await,
            Step::LanguageMenu => self.plain_screen(context, &Screen::LanguageMenu, deadline).await,
            Step::Help => self.plain_screen(context, &Screen::Help, deadline).await,
            Step::TooDeep => self.plain_screen(context, &Screen::TooDeep, deadline).await,
            Step::Malformed(_) => {
                redeem::count("malformed");
                self.plain_screen(context, &Screen::Malformed, deadline).await
            }
        }
    }
}

impl Context {
    fn language(&self, customer: Option<&Customer>) -> Language {
        language(&self.settings, customer)
    }

    fn customer_key(&self) -> keys::Key {
        keys::customer(&self.customer_id)
    }
}

fn language(settings: &Settings, customer: Option<&Customer>) -> Language {
    customer.and_then(|customer| customer.language).unwrap_or(settings.ussd.default_language)
}

fn header<'r>(request: &'r Request, name: &str) -> &'r str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The address that API Gateway saw; never a header that the caller can write.
fn source_address(request: &Request) -> Option<IpAddr> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref()?.parse().ok(),
        _ => None,
    }
}

fn plain(status: u16, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::Text(text.to_owned()));
    *response.status_mut() = lambda_http::http::StatusCode::from_u16(status).unwrap_or_default();
    response
        .headers_mut()
        .insert("content-type", lambda_http::http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert("cache-control", lambda_http::http::HeaderValue::from_static("no-store"));
    response
}
