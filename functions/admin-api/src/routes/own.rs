//! One's own account: profile, password, authenticator app, sessions.

use crate::{
    App,
    caller::{Anybody, Me},
    fields::{Fields, Tongue, drawn_id},
    views::{SessionView, UserView, user_tag},
};
use axum::extract::State;
use domain::{id::SessionId, session::Why};
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use staff::{Profile, Trouble};
use web::{Api, Done, IfMatch, IfNoneMatch, Json, Path, Problem, Tagged, Unkept, openapi::answers, routing};

/// Who one is and what one may.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MeView {
    #[serde(flatten)]
    user: UserView,
    /// What one may now.
    permissions: Vec<String>,
    session: Option<String>,
    /// `mfa_missing` or `password_too_old`: what must be done before anything else.
    confined: Option<&'static str>,
    csrf_token: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileForm {
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 80))]
    first_name: Option<String>,
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 80))]
    last_name: Option<String>,
    /// A Rwandan mobile number; an empty text takes it out.
    #[serde(default)]
    #[garde(length(chars, max = 20))]
    phone: Option<String>,
    #[serde(default)]
    #[garde(skip)]
    language: Option<Tongue>,
    /// Taken over once the link that is sent there was followed.
    #[serde(default)]
    #[garde(length(chars, min = 3, max = 254))]
    email: Option<String>,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordForm {
    #[garde(length(chars, min = 1, max = 128))]
    present: String,
    #[garde(length(chars, min = 1, max = 128))]
    new: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkPasswordForm {
    /// The token at the end of the letter's link.
    #[garde(length(chars, min = 1, max = 128))]
    token: String,
    #[garde(length(chars, min = 1, max = 128))]
    password: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkForm {
    /// The token at the end of the letter's link.
    #[garde(length(chars, min = 1, max = 128))]
    token: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginForm {
    #[garde(length(chars, min = 1, max = 128))]
    password: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeForm {
    #[garde(length(chars, min = 6, max = 20))]
    code: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordAndCode {
    #[garde(length(chars, min = 1, max = 128))]
    password: String,
    /// Six figures of the app, or a recovery code.
    #[garde(length(chars, min = 6, max = 20))]
    code: String,
}

/// What the authenticator app is shown, once.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EnrolmentView {
    /// Base32, for typing in.
    secret: String,
    /// `otpauth://…`
    address: String,
    /// The address as a QR code, SVG.
    picture: Option<String>,
}

/// Each works once, in place of a code. Shown once.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RecoveryCodes {
    recovery_codes: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Sessions {
    items: Vec<SessionView>,
}

#[derive(Deserialize, Validate, JsonSchema)]
pub struct SessionPath {
    #[garde(custom(drawn_id))]
    #[schemars(regex(pattern = r"^[0-9a-f]{32}$"))]
    id: String,
}

async fn me(me: Me, if_none_match: IfNoneMatch, State(app): State<App>) -> Result<Tagged<MeView>, Problem> {
    let actor = &me.oneself.0;
    let user = app.desk.me(&me.oneself).await.map_err(|trouble| app.problem(trouble))?;
    let session = actor.session().ok_or_else(Problem::internal)?;
    let csrf_token = app.desk.csrf_token(session).await.map_err(|trouble| app.problem(trouble))?;
    let confined = actor.confined().map(|confined| match confined {
        domain::access::Confined::MfaMissing => "mfa_missing",
        domain::access::Confined::PasswordTooOld => "password_too_old",
    });
    let view = MeView {
        user: UserView::from(&user),
        permissions: actor.permissions().iter().map(|permission| permission.key().to_owned()).collect(),
        session: Some(session.to_string()),
        confined,
        csrf_token,
    };
    Ok(if_none_match.tagged(web::etag(ME, &seen_as(&me), user.version), view))
}

/// The kind of thing that `auth/me` shows, for its tag.
const ME: &str = "me";

/// What one may can change without one's row changing: the tag takes both in.
fn seen_as(me: &Me) -> String {
    let actor = &me.oneself.0;
    format!("{}|{:?}|{:?}|{:?}", actor.user(), actor.permissions(), actor.confined(), actor.session())
}

async fn update_me(
    me: Me,
    if_match: IfMatch,
    State(app): State<App>,
    Json(form): Json<ProfileForm>,
) -> Result<Tagged<UserView>, Problem> {
    let mut fields = Fields::default();
    let profile = Profile {
        first_name: form.first_name.map(|text| fields.name("first_name", &text)),
        last_name: form.last_name.map(|text| fields.name("last_name", &text)),
        phone: form.phone.map(|text| fields.phone("phone", &text)),
        language: form.language.map(Into::into),
        email: form.email.and_then(|text| fields.email("email", &text)),
    };
    fields.finish()?;
    // The tag of `GET auth/me`, or that of the answer to the last change.
    let seen = |user: &domain::staff::User| {
        if_match
            .matches(ME, &seen_as(&me), user.version)
            .or_else(|_| if_match.matches("user", user.id.as_str(), user.version))
            .map_err(|_| Trouble::Stale)
    };
    let user = app.desk.update_profile(&me.oneself, seen, profile).await.map_err(|trouble| app.problem(trouble))?;
    Ok(Tagged::new(user_tag(&user), UserView::from(&user)))
}

async fn change_password(me: Me, State(app): State<App>, Json(form): Json<PasswordForm>) -> Result<Done, Problem> {
    app.desk.change_password(&me.oneself, &form.present, &form.new).await.map_err(|trouble| app.problem(trouble))?;
    Ok(Done)
}

async fn password_by_link(
    anybody: Anybody,
    State(app): State<App>,
    Json(form): Json<LinkPasswordForm>,
) -> Result<Done, Problem> {
    let done = app.desk.set_password_by_link(anybody.presence, &form.token, &form.password).await;
    done.map_err(|trouble| app.problem(trouble))?;
    Ok(Done)
}

async fn confirm_email(anybody: Anybody, State(app): State<App>, Json(form): Json<LinkForm>) -> Result<Done, Problem> {
    app.desk.confirm_email(anybody.presence, &form.token).await.map_err(|trouble| app.problem(trouble))?;
    Ok(Done)
}

async fn begin_mfa(
    me: Me,
    State(app): State<App>,
    Json(form): Json<BeginForm>,
) -> Result<Unkept<Json<EnrolmentView>>, Problem> {
    let issuer = format!("{} Promo", me.settings.brand);
    let begun = app.desk.enrol(&me.oneself, &form.password, &issuer).await.map_err(|trouble| app.problem(trouble))?;
    Ok(Unkept(Json(EnrolmentView { secret: begun.secret, address: begun.address, picture: begun.picture })))
}

async fn confirm_mfa(
    me: Me,
    State(app): State<App>,
    Json(form): Json<CodeForm>,
) -> Result<Unkept<Json<RecoveryCodes>>, Problem> {
    let codes = app.desk.confirm_enrolment(&me.oneself, &form.code).await.map_err(|trouble| app.problem(trouble))?;
    Ok(Unkept(Json(RecoveryCodes { recovery_codes: codes })))
}

async fn give_up_mfa(me: Me, State(app): State<App>, Json(form): Json<PasswordAndCode>) -> Result<Done, Problem> {
    app.desk.give_up_mfa(&me.oneself, &form.password, &form.code).await.map_err(|trouble| app.problem(trouble))?;
    Ok(Done)
}

async fn recovery_codes(
    me: Me,
    State(app): State<App>,
    Json(form): Json<PasswordAndCode>,
) -> Result<Unkept<Json<RecoveryCodes>>, Problem> {
    let codes = app.desk.new_recovery_codes(&me.oneself, &form.password, &form.code).await;
    Ok(Unkept(Json(RecoveryCodes { recovery_codes: codes.map_err(|trouble| app.problem(trouble))? })))
}

async fn sessions(me: Me, State(app): State<App>) -> Result<Json<Sessions>, Problem> {
    let minutes = me.settings.security.sign_in.session_minutes;
    let sessions = app.desk.sessions(&me.oneself, minutes).await.map_err(|trouble| app.problem(trouble))?;
    let current = me.oneself.0.session();
    let items =
        sessions.iter().map(|session| SessionView::of(session, minutes, Some(&session.id) == current)).collect();
    Ok(Json(Sessions { items }))
}

async fn end_session(me: Me, Path(path): Path<SessionPath>, State(app): State<App>) -> Result<Done, Problem> {
    let id = SessionId::parse(&path.id).map_err(|_| Problem::not_found("There is no such session."))?;
    app.desk.end_session(&me.oneself, &id, Why::EndedByUser).await.map_err(|trouble| app.problem(trouble))?;
    Ok(Done)
}

pub fn routes(api: Api<App>) -> Api<App> {
    api.route(
        "/api/v1/auth/me",
        routing::get_with(me, |op| op.id("me").tag("auth").summary("Who one is and what one may."))
            .put_with(update_me, |op| op.id("updateMe").tag("auth").summary("Change one's own profile.")),
    )
    .route(
        "/api/v1/auth/password",
        routing::post_with(change_password, |op| {
            op.id("changePassword").tag("auth").summary("Set a new password; one's other sessions end.")
        }),
    )
    .route(
        "/api/v1/auth/password/link",
        routing::post_with(password_by_link, |op| {
            op.id("setPasswordByLink").tag("auth").summary("Set a password by a letter's link.").with(answers(&[410]))
        }),
    )
    .route(
        "/api/v1/auth/email/confirm",
        routing::post_with(confirm_email, |op| {
            op.id("confirmEmail")
                .tag("auth")
                .summary("Confirm a new address by its letter's link.")
                .with(answers(&[410]))
        }),
    )
    .route(
        "/api/v1/auth/mfa/enrolment",
        routing::post_with(begin_mfa, |op| {
            op.id("beginMfa").tag("auth").summary("Begin to set up an authenticator app.").with(answers(&[409]))
        })
        .put_with(confirm_mfa, |op| {
            op.id("confirmMfa").tag("auth").summary("Confirm the app by its first code.").with(answers(&[409]))
        }),
    )
    .route(
        "/api/v1/auth/mfa/removal",
        routing::post_with(give_up_mfa, |op| {
            op.id("giveUpMfa").tag("auth").summary("Give the authenticator app up.").with(answers(&[409]))
        }),
    )
    .route(
        "/api/v1/auth/mfa/recovery-codes",
        routing::post_with(recovery_codes, |op| {
            op.id("newRecoveryCodes")
                .tag("auth")
                .summary("New recovery codes in place of the old.")
                .with(answers(&[409]))
        }),
    )
    .route(
        "/api/v1/auth/sessions",
        routing::get_with(sessions, |op| op.id("sessions").tag("auth").summary("One's open sessions, newest first.")),
    )
    .route(
        "/api/v1/auth/sessions/{id}",
        routing::delete_with(end_session, |op| op.id("endSession").tag("auth").summary("End one of one's sessions.")),
    )
}
