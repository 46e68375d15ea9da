//! Signing in and out.

use crate::{
    App,
    caller::{ACCESS_COOKIE, Anybody, Leaving, REFRESH_COOKIE, cookie, same_origin},
    fields::{Fields, Tongue},
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use garde::Validate;
use http::{HeaderMap, HeaderValue, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use staff::{Application, SignedIn, Step};
use web::{Accepted, Api, Done, Json, NotStored, OperationOutput, Problem, openapi::answers, routing};

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    #[garde(length(chars, min = 1, max = 254))]
    email: String,
    #[garde(length(chars, min = 1, max = 128))]
    password: String,
    /// For browsers: the tokens come as cookies and are not in the body.
    #[serde(default)]
    #[garde(skip)]
    cookies: bool,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondStep {
    /// From the first step; good for five minutes.
    #[garde(length(chars, min = 1, max = 2048))]
    challenge: String,
    /// Six figures of the app, or a recovery code.
    #[garde(length(chars, min = 6, max = 20))]
    code: String,
    #[serde(default)]
    #[garde(skip)]
    cookies: bool,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// Absent where it is in the cookie.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 256))]
    refresh_token: Option<String>,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    #[garde(length(chars, min = 3, max = 254))]
    email: String,
    #[garde(length(chars, min = 1, max = 80))]
    first_name: String,
    #[garde(length(chars, min = 1, max = 80))]
    last_name: String,
    /// A Rwandan mobile number.
    #[serde(default)]
    #[garde(length(chars, max = 20))]
    phone: String,
    #[serde(default)]
    #[garde(skip)]
    language: Tongue,
    #[garde(length(chars, min = 1, max = 128))]
    password: String,
}

/// A session, or the demand for a code.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum LoginAnswer {
    SignedIn(SessionTokens),
    /// Send the code of the authenticator app with this to `auth/mfa` within five minutes.
    CodeNeeded {
        challenge: String,
    },
}

/// Tokens are absent where they are in cookies.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SessionTokens {
    pub session: String,
    pub access_token: Option<String>,
    /// Seconds until the access token must be renewed.
    pub expires_in: i64,
    pub refresh_token: Option<String>,
    /// Goes with cookies as the header X-CSRF-Token on everything that changes something.
    pub csrf_token: String,
    pub ends_at: String,
}

/// What was asked for will be looked at.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Received {
    pub message: &'static str,
}

/// An answer with tokens in it: never stored, and in cookies where a browser wants them.
pub struct WithTokens<T> {
    body: T,
    cookies: Option<(String, String, i64)>,
}

impl<T: Serialize> IntoResponse for WithTokens<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.body).into_response();
        if let Some((access, refresh, life_s)) = self.cookies {
            set(&mut response, ACCESS_COOKIE, &access, life_s);
            set(&mut response, REFRESH_COOKIE, &refresh, 30 * 86_400);
        }
        response.extensions_mut().insert(NotStored);
        response
    }
}

impl<T: JsonSchema> OperationOutput for WithTokens<T> {
    type Inner = T;

    fn operation_response(
        ctx: &mut aide::generate::GenContext,
        _: &mut aide::openapi::Operation,
    ) -> Option<aide::openapi::Response> {
        let mut response = web::openapi::json_response::<T>(ctx, "");
        web::openapi::response_header(&mut response, "Set-Cookie", "Where cookies were asked for.");
        Some(response)
    }

    fn inferred_responses(
        ctx: &mut aide::generate::GenContext,
        operation: &mut aide::openapi::Operation,
    ) -> Vec<(Option<aide::openapi::StatusCode>, aide::openapi::Response)> {
        web::openapi::inferred::<Self>(ctx, operation, 200)
    }
}

fn set(response: &mut Response, name: &str, value: &str, life_s: i64) {
    let text = format!("{name}={value}; Path=/; Max-Age={life_s}; Secure; HttpOnly; SameSite=Strict");
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

fn tokens(signed_in: SignedIn, in_cookies: bool) -> (SessionTokens, Option<(String, String, i64)>) {
    let life_s = signed_in.expires_in_s;
    let cookies = in_cookies.then(|| (signed_in.access_token.clone(), signed_in.refresh_token.clone(), life_s));
    let body = SessionTokens {
        session: signed_in.session.to_string(),
        access_token: (!in_cookies).then_some(signed_in.access_token),
        expires_in: life_s,
        refresh_token: (!in_cookies).then_some(signed_in.refresh_token),
        csrf_token: signed_in.csrf_token,
        ends_at: signed_in.ends_at.to_string(),
    };
    (body, cookies)
}

async fn login(
    anybody: Anybody,
    State(app): State<App>,
    headers: HeaderMap,
    Json(form): Json<Login>,
) -> Result<WithTokens<LoginAnswer>, Problem> {
    if form.cookies {
        same_origin(&headers, &anybody.settings.security.cors_origins)?;
    }
    let step = app.desk.sign_in(anybody.presence, &form.email, &form.password).await;
    Ok(match step.map_err(|trouble| app.problem(trouble))? {
        Step::Done(signed_in) => {
            let (body, cookies) = tokens(*signed_in, form.cookies);
            WithTokens { body: LoginAnswer::SignedIn(body), cookies }
        }
        Step::CodeNeeded { challenge } => WithTokens { body: LoginAnswer::CodeNeeded { challenge }, cookies: None },
    })
}

async fn second_step(
    anybody: Anybody,
    State(app): State<App>,
    headers: HeaderMap,
    Json(form): Json<SecondStep>,
) -> Result<WithTokens<SessionTokens>, Problem> {
    if form.cookies {
        same_origin(&headers, &anybody.settings.security.cors_origins)?;
    }
    let signed_in = app.desk.sign_in_with_code(anybody.presence, &form.challenge, &form.code).await;
    let (body, cookies) = tokens(signed_in.map_err(|trouble| app.problem(trouble))?, form.cookies);
    Ok(WithTokens { body, cookies })
}

async fn refresh(
    anybody: Anybody,
    State(app): State<App>,
    headers: HeaderMap,
    Json(form): Json<Refresh>,
) -> Result<WithTokens<SessionTokens>, Problem> {
    let from_cookie = form.refresh_token.is_none();
    let token = match form.refresh_token {
        Some(token) => token,
        None => {
            same_origin(&headers, &anybody.settings.security.cors_origins)?;
            cookie(&headers, REFRESH_COOKIE)
                .ok_or_else(|| Problem::unauthorized("no_session", "There is no refresh token."))?
        }
    };
    let signed_in = app.desk.refresh(anybody.presence, &token).await;
    let (body, cookies) = tokens(signed_in.map_err(|trouble| app.problem(trouble))?, from_cookie);
    Ok(WithTokens { body, cookies })
}

/// Signing out always works: whatever is left of a session ends, and the cookies go.
struct SignedOut;

impl IntoResponse for SignedOut {
    fn into_response(self) -> Response {
        let mut response = Done.into_response();
        for name in [ACCESS_COOKIE, REFRESH_COOKIE] {
            set(&mut response, name, "", 0);
        }
        response
    }
}

impl OperationOutput for SignedOut {
    type Inner = ();

    fn inferred_responses(
        ctx: &mut aide::generate::GenContext,
        operation: &mut aide::openapi::Operation,
    ) -> Vec<(Option<aide::openapi::StatusCode>, aide::openapi::Response)> {
        web::openapi::inferred::<Done>(ctx, operation, 204)
    }
}

async fn logout(
    leaving: Leaving,
    anybody: Anybody,
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<SignedOut, Problem> {
    match leaving.0 {
        Ok(me) => app.desk.sign_out(&me.oneself).await.map_err(|trouble| app.problem(trouble))?,
        // The access token has run out, or a rule keeps its owner out: the refresh cookie still names the session.
        Err(problem) => {
            let token = cookie(&headers, REFRESH_COOKIE).ok_or(problem)?;
            same_origin(&headers, &anybody.settings.security.cors_origins)?;
            app.desk.sign_out_by_refresh(anybody.presence, &token).await.map_err(|trouble| app.problem(trouble))?;
        }
    }
    Ok(SignedOut)
}

async fn register(
    anybody: Anybody,
    State(app): State<App>,
    Json(form): Json<Register>,
) -> Result<Accepted<Received>, Problem> {
    let mut fields = Fields::default();
    let email = fields.email("email", &form.email);
    let first_name = fields.name("first_name", &form.first_name);
    let last_name = fields.name("last_name", &form.last_name);
    let phone = fields.phone("phone", &form.phone);
    fields.finish()?;
    let email = email.ok_or_else(Problem::internal)?;
    let application =
        Application { email, first_name, last_name, phone, language: form.language.into(), password: form.password };
    app.desk.register(anybody.presence, application).await.map_err(|trouble| app.problem(trouble))?;
    Ok(Accepted(Received {
        message: "If this address can be registered, a letter is on its way to it, and an administrator looks at it.",
    }))
}

pub fn routes(api: Api<App>) -> Api<App> {
    api.tag("auth", "Signing in and out, and one's own account.")
        .route(
            "/api/v1/auth/login",
            routing::post_with(login, |op| {
                op.id("login").tag("auth").summary("Sign in with email and password.").with(answers(&[401, 403]))
            }),
        )
        .route(
            "/api/v1/auth/mfa",
            routing::post_with(second_step, |op| {
                op.id("secondStep").tag("auth").summary("Give the code of the authenticator app.").with(answers(&[401]))
            }),
        )
        .route(
            "/api/v1/auth/refresh",
            routing::post_with(refresh, |op| {
                op.id("refresh").tag("auth").summary("Renew the tokens.").with(answers(&[401]))
            }),
        )
        .route(
            "/api/v1/auth/logout",
            routing::post_with(logout, |op| op.id("logout").tag("auth").summary("End this session, at once.")),
        )
        .route(
            "/api/v1/auth/register",
            routing::post_with(register, |op| {
                op.id("register").tag("auth").summary("Ask for an account, where registration is on.")
            }),
        )
}
