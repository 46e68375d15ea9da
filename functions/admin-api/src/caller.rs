//! Who calls: where from, with which credentials, and whether they may come in. Read once per request, before any route.

use crate::App;
use aide::{generate::GenContext, openapi::Operation};
use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::{
    access::{Oneself, Permit, Refused},
    permission::Right,
    security::Presence,
    settings::Settings,
};
use http::{HeaderMap, Method, header, request::Parts};
use lambda_http::request::RequestContext;
use service::door;
use staff::{Credentials, Trouble};
use std::{convert::Infallible, net::IpAddr, ops::Deref, sync::Arc};
use web::{OperationInput, Problem};

/// Cookies of a browser's session. `__Host-`: only over HTTPS, only for this host, for all of its paths.
pub const ACCESS_COOKIE: &str = "__Host-access";
pub const REFRESH_COOKIE: &str = "__Host-refresh";
/// The longest that is kept of what a program calls itself.
const AGENT_MAX: usize = 200;

/// The caller of a request, as the middleware found it.
#[derive(Clone)]
enum Who {
    Nobody,
    In(Arc<staff::Admitted>),
    /// Credentials that don't open; which problem, if the route needs somebody.
    Refused(Arc<Problem>),
}

#[derive(Clone)]
struct Found {
    who: Who,
    presence: Presence,
    settings: Arc<Settings>,
}

/// Finds out who calls, counts the call against the limits, and guards cookies against forged requests.
pub async fn identify(State(app): State<App>, request: Request, next: Next) -> Response {
    let now = app.desk.now();
    let source = source_address(&request);
    let presence = match presence(&app, request.headers(), source).await {
        Ok(presence) => presence,
        Err(problem) => return problem.into_response(),
    };
    let (credentials, by_cookie) = credentials(request.headers());
    let identified = match &credentials {
        None => None,
        Some(credentials) => Some(app.desk.identify(credentials).await),
    };
    // Anybody can write a key's text with somebody's id in it. It counts as theirs only once it has opened: else a
    // stranger could use up their allowance, or have a new one with each id.
    let by_key = matches!(&identified, Some(Ok(identified)) if identified.api_key.is_some());
    let early = if by_key { admit(&app, &identified, &presence).await } else { None };
    let known = match &identified {
        Some(Ok(identified)) if !by_key || matches!(early, Some(Ok(_))) => Some(identified.user.to_string()),
        Some(Ok(_) | Err(_)) | None => None,
    };
    let counted_as = match (known, presence.address) {
        (Some(user), _) => user,
        (None, Some(address)) => match app.desk.counted_as(address).await {
            Ok(digest) => digest,
            Err(trouble) => return app.problem(trouble).into_response(),
        },
        (None, None) => "nowhere".to_owned(),
    };
    let deadline = store::Deadline::in_ms(crate::COUNT_BUDGET_MS);
    // Both ask the table, neither needs the other.
    let (counted, late) = tokio::join!(app.desk.store.count_call("api", &counted_as, now, deadline), async {
        if by_key { None } else { admit(&app, &identified, &presence).await }
    });
    let admitted = match (early.or(late), identified) {
        (Some(admitted), _) => Some(admitted),
        (None, Some(Err(trouble))) => Some(Err(trouble)),
        (None, Some(Ok(_)) | None) => None,
    };
    let settings = match &admitted {
        Some(Ok(admitted)) => Arc::clone(&admitted.settings),
        Some(Err(_)) | None => match app.settings().await {
            Ok(settings) => settings,
            Err(trouble) => return app.problem(trouble).into_response(),
        },
    };
    let limits = &settings.security.limits;
    let standing = match counted {
        Ok(count) => web::Standing::of(limits.api_per_minute, limits.api_per_hour, count, now),
        Err(error) => return Problem::from(error).into_response(),
    };
    let answer = match standing.check() {
        Err(problem) => problem.into_response(),
        Ok(()) => route(&app, request, next, (admitted, by_cookie), presence, settings).await,
    };
    with_standing(&standing, answer)
}

/// `None` where there is nobody to admit; why not is in `identified`.
async fn admit(
    app: &App,
    identified: &Option<Result<staff::Identified, Trouble>>,
    presence: &Presence,
) -> Option<Result<staff::Admitted, Trouble>> {
    match identified {
        Some(Ok(identified)) => Some(app.desk.admit(identified, presence.clone()).await),
        Some(Err(_)) | None => None,
    }
}

fn with_standing(standing: &web::Standing, mut answer: Response) -> Response {
    standing.write(answer.headers_mut());
    answer
}

/// Puts what was found where the routes' extractors look for it.
async fn route(
    app: &App,
    mut request: Request,
    next: Next,
    (admitted, by_cookie): (Option<Result<staff::Admitted, Trouble>>, bool),
    presence: Presence,
    settings: Arc<Settings>,
) -> Response {
    let who = match admitted {
        None => Who::Nobody,
        Some(Ok(admitted)) => {
            if by_cookie
                && changes(request.method())
                && let Err(problem) = guard(app, request.headers(), &admitted, &settings).await
            {
                return problem.into_response();
            }
            request.extensions_mut().insert(web::Caller { id: admitted.actor.user().to_string() });
            Who::In(Arc::new(admitted))
        }
        Some(Err(trouble)) => Who::Refused(Arc::new(app.problem(trouble))),
    };
    request.extensions_mut().insert(Found { who, presence, settings });
    next.run(request).await
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// A bearer token is meant; a cookie comes by itself. The token in a header wins.
fn credentials(headers: &HeaderMap) -> (Option<Credentials>, bool) {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let text = value.to_str().unwrap_or_default();
        let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
        let token = if scheme.eq_ignore_ascii_case("bearer") { token.trim() } else { "" };
        return match token.starts_with("mbk_") {
            true => (Some(Credentials::ApiKey(token.to_owned())), false),
            false => (Some(Credentials::Access(token.to_owned())), false),
        };
    }
    match cookie(headers, ACCESS_COOKIE) {
        Some(token) => (Some(Credentials::Access(token)), true),
        None => (None, false),
    }
}

pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(held, _)| *held == name)
        .map(|(_, value)| value.to_owned())
}

/// A browser sends cookies along with whatever page asks. A page of ours has the session's token; a foreign one is
/// told apart by its origin as well.
async fn guard(app: &App, headers: &HeaderMap, admitted: &staff::Admitted, settings: &Settings) -> Result<(), Problem> {
    same_origin(headers, &settings.security.cors_origins)?;
    let given = headers.get("x-csrf-token").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let session = admitted.actor.session().ok_or_else(|| forged("A session is needed."))?;
    if app.desk.guarded(session, given).await.map_err(|trouble| app.problem(trouble))? {
        Ok(())
    } else {
        Err(forged("Send the session's csrf_token as X-CSRF-Token."))
    }
}

fn forged(detail: &'static str) -> Problem {
    Problem::forbidden("csrf", detail)
}

/// # Errors
/// When the browser says that another site's page asks.
pub fn same_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(origin) = text("origin") {
        let host = text("host").unwrap_or_default();
        let own = origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
        if !own && !allowed.iter().any(|held| held.eq_ignore_ascii_case(origin)) {
            return Err(forged("Another site's page may not ask for this."));
        }
    } else if text("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        return Err(forged("Another site's page may not ask for this."));
    }
    Ok(())
}

/// Where a request comes from.
async fn presence(app: &App, headers: &HeaderMap, source: Option<IpAddr>) -> Result<Presence, Problem> {
    let secret = app.desk.secret.get().await.map_err(|_| Problem::busy(30))?;
    presence_behind(secret.origin_secret, headers, source)
}

/// The address that API Gateway saw. Behind CloudFront, what CloudFront says, if it proves itself with its secret; a
/// request that doesn't is refused there.
fn presence_behind(
    origin_secret: Option<String>,
    headers: &HeaderMap,
    source: Option<IpAddr>,
) -> Result<Presence, Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let agent: String = text("user-agent").chars().filter(|c| !c.is_control()).take(AGENT_MAX).collect();
    let agent = (!agent.is_empty()).then_some(agent);
    let Some(expected) = origin_secret else {
        return Ok(Presence { address: source, country: None, agent });
    };
    let not_this_way = || Problem::forbidden("not_this_way", "This address is not the door.");
    if !door::opens(text("x-origin-secret"), &[expected]) {
        return Err(not_this_way());
    }
    // `192.0.2.1:443`, `2001:db8::1:443` or `[2001:db8::1]:443`. Without an address no rule could refuse it.
    let viewer = text("cloudfront-viewer-address").rsplit_once(':').map(|(address, _)| address);
    let address = viewer.and_then(|address| address.trim_matches(['[', ']']).parse().ok()).ok_or_else(not_this_way)?;
    let country = Some(text("cloudfront-viewer-country")).filter(|code| code.len() == 2).map(str::to_owned);
    Ok(Presence { address: Some(address), country, agent })
}

fn source_address(request: &Request) -> Option<IpAddr> {
    match request.extensions().get::<RequestContext>()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref()?.parse().ok(),
        _ => None,
    }
}

fn found(parts: &Parts) -> Result<&Found, Problem> {
    // Every route lies behind `identify`.
    parts.extensions.get::<Found>().ok_or_else(Problem::internal)
}

fn admitted(parts: &Parts) -> Result<Arc<staff::Admitted>, Problem> {
    match &found(parts)?.who {
        Who::In(admitted) => Ok(Arc::clone(admitted)),
        Who::Nobody => Err(Problem::unauthorized("no_session", "Sign in first.")),
        Who::Refused(problem) => Err(problem.as_ref().clone()),
    }
}

/// A caller who holds the right `R`. The only way into a route that needs it.
pub struct Needs<R>(pub Permit<R>);

impl<R> Deref for Needs<R> {
    type Target = Permit<R>;
    fn deref(&self) -> &Permit<R> {
        &self.0
    }
}

impl<R: Right> FromRequestParts<App> for Needs<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let admitted = admitted(parts)?;
        let route = parts.extensions.get::<MatchedPath>().map_or("unknown", MatchedPath::as_str);
        let what = format!("{} {route}", parts.method);
        let permit = app.desk.permit::<R>(&admitted.actor, &what).await.map_err(|trouble| app.problem(trouble))?;
        if !changes(&parts.method) {
            let kind = route.strip_prefix("/api/v1/").unwrap_or(route);
            app.desk.count_read(&permit, kind).await.map_err(|trouble| app.problem(trouble))?;
        }
        Ok(Self(permit))
    }
}

impl<R: Right> OperationInput for Needs<R> {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        web::openapi::needs_permission(operation, R::PERMISSION.key());
    }
}

/// A caller about their own account. It takes a session, no permission.
pub struct Me {
    pub oneself: Oneself,
    pub settings: Arc<Settings>,
}

impl FromRequestParts<App> for Me {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let admitted = admitted(parts)?;
        if admitted.actor.session().is_none() {
            return Err(Problem::forbidden("needs_session", "A program's key can't manage its owner's account."));
        }
        Ok(Self { oneself: Oneself(Arc::clone(&admitted.actor)), settings: Arc::clone(&admitted.settings) })
    }
}

/// A caller who is signed in, in person or by a program's key, and may work: for what everybody has who may do anything.
pub struct SignedIn(pub Oneself);

impl FromRequestParts<App> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let admitted = admitted(parts)?;
        if let Some(confined) = admitted.actor.confined() {
            return Err(app.problem(Trouble::Refused(Refused::Confined(confined))));
        }
        Ok(Self(Oneself(Arc::clone(&admitted.actor))))
    }
}

impl OperationInput for SignedIn {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        web::openapi::needs_caller(operation);
        web::openapi::may_answer(operation, &[403]);
    }
}

/// A caller who wants to go: signed in, or why not.
pub struct Leaving(pub Result<Me, Problem>);

impl FromRequestParts<App> for Leaving {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self(Me::from_request_parts(parts, app).await))
    }
}

impl OperationInput for Leaving {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        Me::operation_input(ctx, operation);
    }
}

impl OperationInput for Me {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        web::openapi::needs_caller(operation);
        web::openapi::may_answer(operation, &[403]);
    }
}

/// Anybody. Where a request comes from, for routes that need no session.
pub struct Anybody {
    pub presence: Presence,
    pub settings: Arc<Settings>,
}

impl FromRequestParts<App> for Anybody {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let found = found(parts)?;
        Ok(Self { presence: found.presence.clone(), settings: Arc::clone(&found.settings) })
    }
}

impl OperationInput for Anybody {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        web::openapi::may_answer(operation, &[403]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("a header"));
        }
        headers
    }

    const SEEN: &str = "203.0.113.9";

    fn address(origin_secret: Option<&str>, pairs: &[(&'static str, &str)]) -> Result<Presence, u16> {
        let source = Some(SEEN.parse().expect("an address"));
        presence_behind(origin_secret.map(str::to_owned), &headers(pairs), source)
            .map_err(|problem| problem.status().as_u16())
    }

    // proves: ACC-15
    #[test]
    fn what_a_caller_says_of_its_address_is_not_believed() {
        let said = [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-real-ip", "192.0.2.1"),
            ("forwarded", "for=192.0.2.1"),
            ("cloudfront-viewer-address", "192.0.2.1:443"),
            ("cloudfront-viewer-country", "RW"),
            ("x-origin-secret", "secret"),
        ];
        let presence = address(None, &said).expect("there is no CloudFront");
        assert_eq!(presence.address, Some(SEEN.parse().expect("an address")));
        assert_eq!(presence.country, None);
    }

    // proves: ACC-15
    #[test]
    fn behind_cloudfront_only_who_proves_to_be_cloudfront_comes_in_and_says_where_from() {
        let said = |secret: &'static str, viewer: &'static str| {
            let pairs = [
                ("x-origin-secret", secret),
                ("cloudfront-viewer-address", viewer),
                ("cloudfront-viewer-country", "RW"),
                ("x-forwarded-for", "192.0.2.77"),
            ];
            address(Some("an-origin-secret"), &pairs)
        };
        for (viewer, read) in [
            ("192.0.2.1:443", "192.0.2.1"),
            ("2001:db8:0:0:0:0:0:1:443", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
        ] {
            let presence = said("an-origin-secret", viewer).expect("it is CloudFront");
            assert_eq!(presence.address, Some(read.parse().expect("an address")));
            assert_eq!(presence.country.as_deref(), Some("RW"));
        }
        assert_eq!(said("another-secret", "192.0.2.1:443").err(), Some(403));
        assert_eq!(said("", "192.0.2.1:443").err(), Some(403));
        assert_eq!(address(Some("an-origin-secret"), &[]).err(), Some(403));
        assert_eq!(said("an-origin-secret", "").err(), Some(403), "no rule could refuse an unknown address");
        assert_eq!(said("an-origin-secret", "nowhere").err(), Some(403));
    }
}
