//! The security settings, as a form: every field with its bounds. The domain's own rules say the rest.

use super::kept;
use crate::{
    App,
    caller::Needs,
    fields::{Fields, role_id},
};
use axum::extract::State;
use domain::{
    permission::right::{SystemRateLimitsConfigure, SystemSettingsRead},
    security::{
        AccessRules, AuditPolicy, CallLimits, Hours, PasswordPolicy, Registration, SecuritySettings, SignIn, Span,
    },
};
use garde::Validate;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use staff::{Keep, Trouble};
use web::{Api, IfMatch, IfNoneMatch, Json, Kept, Problem, Tagged, routing};

/// All of it is replaced at once.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityForm {
    #[garde(dive)]
    sign_in: SignInForm,
    #[garde(dive)]
    password: PasswordForm,
    #[garde(dive)]
    registration: RegistrationForm,
    #[garde(dive)]
    limits: LimitsForm,
    #[garde(dive)]
    access: AccessForm,
    /// Other origins whose pages may call the API, such as `https://console.example.rw`.
    #[garde(length(max = 250), inner(length(chars, min = 1, max = 200)))]
    cors_origins: Vec<String>,
    #[garde(dive)]
    audit: AuditForm,
}

#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInForm {
    #[garde(range(min = 5, max = 43_200))]
    session_minutes: u32,
    /// A new sign-in ends the user's other sessions.
    #[garde(skip)]
    single_session: bool,
    #[garde(range(min = 3, max = 20))]
    max_failures: u32,
    #[garde(range(min = 1, max = 1_440))]
    lockout_minutes: u32,
    /// An authenticator app for everybody, not only for those whose permissions demand it.
    #[garde(skip)]
    mfa_for_all: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordForm {
    #[garde(range(min = 8, max = 64))]
    min_length: u32,
    #[garde(skip)]
    upper_case: bool,
    #[garde(skip)]
    lower_case: bool,
    #[garde(skip)]
    digit: bool,
    #[garde(skip)]
    special: bool,
    /// 0 for never.
    #[garde(range(max = 3_650))]
    max_age_days: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistrationForm {
    #[garde(skip)]
    enabled: bool,
    /// The most that an approved applicant gets; never an administrator's.
    #[garde(inner(custom(role_id)))]
    #[schemars(inner(regex(pattern = r"^[a-z0-9-]{1,64}$")))]
    default_role: Option<String>,
    #[garde(length(chars, max = 500))]
    message: String,
    #[garde(range(min = 1, max = 1_000))]
    per_hour: u32,
    #[garde(range(min = 1, max = 10_000))]
    per_day: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsForm {
    #[garde(range(min = 10, max = 100_000))]
    api_per_minute: u32,
    #[garde(range(min = 10, max = 1_000_000))]
    api_per_hour: u32,
    #[garde(range(min = 1, max = 1_000))]
    sign_ins_per_minute: u32,
    #[garde(range(min = 1, max = 1_000))]
    uploads_per_hour: u32,
    #[garde(range(min = 1, max = 10_000))]
    downloads_per_hour: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessForm {
    /// Addresses or networks; an empty list admits every one.
    #[garde(length(max = 250), inner(length(chars, min = 1, max = 64)))]
    allow_addresses: Vec<String>,
    #[garde(length(max = 250), inner(length(chars, min = 1, max = 64)))]
    deny_addresses: Vec<String>,
    /// ISO 3166, two capital letters. Known only behind CloudFront.
    #[garde(length(max = 250), inner(length(chars, min = 2, max = 2)))]
    allow_countries: Vec<String>,
    #[garde(length(max = 250), inner(length(chars, min = 2, max = 2)))]
    deny_countries: Vec<String>,
    #[garde(dive)]
    hours: HoursForm,
}

#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoursForm {
    #[garde(skip)]
    enabled: bool,
    #[garde(length(max = 20), dive)]
    allowed: Vec<SpanForm>,
    /// An IANA name.
    #[garde(length(chars, min = 1, max = 64))]
    timezone: String,
}

/// Minutes of the day: from the first, up to but without the second.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpanForm {
    #[garde(range(max = 1_439))]
    from_minute: u16,
    #[garde(range(min = 1, max = 1_440))]
    to_minute: u16,
}

#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditForm {
    /// Days until an entry leaves the table for the archive.
    #[garde(range(min = 365, max = 36_500))]
    retention_days: u32,
}

impl From<&SecuritySettings> for SecurityForm {
    fn from(settings: &SecuritySettings) -> Self {
        let SecuritySettings { sign_in, password, registration, limits, access, cors_origins, audit } = settings;
        let addresses = |list: &[IpNet]| list.iter().map(ToString::to_string).collect();
        Self {
            sign_in: SignInForm {
                session_minutes: sign_in.session_minutes,
                single_session: sign_in.single_session,
                max_failures: sign_in.max_failures,
                lockout_minutes: sign_in.lockout_minutes,
                mfa_for_all: sign_in.mfa_for_all,
            },
            password: PasswordForm {
                min_length: password.min_length,
                upper_case: password.upper_case,
                lower_case: password.lower_case,
                digit: password.digit,
                special: password.special,
                max_age_days: password.max_age_days,
            },
            registration: RegistrationForm {
                enabled: registration.enabled,
                default_role: registration.default_role.as_ref().map(ToString::to_string),
                message: registration.message.clone(),
                per_hour: registration.per_hour,
                per_day: registration.per_day,
            },
            limits: LimitsForm {
                api_per_minute: limits.api_per_minute,
                api_per_hour: limits.api_per_hour,
                sign_ins_per_minute: limits.sign_ins_per_minute,
                uploads_per_hour: limits.uploads_per_hour,
                downloads_per_hour: limits.downloads_per_hour,
            },
            access: AccessForm {
                allow_addresses: addresses(&access.allow_addresses),
                deny_addresses: addresses(&access.deny_addresses),
                allow_countries: access.allow_countries.clone(),
                deny_countries: access.deny_countries.clone(),
                hours: HoursForm {
                    enabled: access.hours.enabled,
                    allowed: access
                        .hours
                        .allowed
                        .iter()
                        .map(|span| SpanForm { from_minute: span.from_minute, to_minute: span.to_minute })
                        .collect(),
                    timezone: access.hours.timezone.clone(),
                },
            },
            cors_origins: cors_origins.clone(),
            audit: AuditForm { retention_days: audit.retention_days },
        }
    }
}

impl SecurityForm {
    fn read(self) -> Result<SecuritySettings, Problem> {
        let mut fields = Fields::default();
        let access = self.access;
        let settings = SecuritySettings {
            sign_in: SignIn {
                session_minutes: self.sign_in.session_minutes,
                single_session: self.sign_in.single_session,
                max_failures: self.sign_in.max_failures,
                lockout_minutes: self.sign_in.lockout_minutes,
                mfa_for_all: self.sign_in.mfa_for_all,
            },
            password: PasswordPolicy {
                min_length: self.password.min_length,
                upper_case: self.password.upper_case,
                lower_case: self.password.lower_case,
                digit: self.password.digit,
                special: self.password.special,
                max_age_days: self.password.max_age_days,
            },
            registration: Registration {
                enabled: self.registration.enabled,
                default_role: self
                    .registration
                    .default_role
                    .and_then(|role| fields.roles("registration.default_role", &[role]).pop()),
                message: self.registration.message,
                per_hour: self.registration.per_hour,
                per_day: self.registration.per_day,
            },
            limits: CallLimits {
                api_per_minute: self.limits.api_per_minute,
                api_per_hour: self.limits.api_per_hour,
                sign_ins_per_minute: self.limits.sign_ins_per_minute,
                uploads_per_hour: self.limits.uploads_per_hour,
                downloads_per_hour: self.limits.downloads_per_hour,
            },
            access: AccessRules {
                allow_addresses: fields.networks("access.allow_addresses", &access.allow_addresses),
                deny_addresses: fields.networks("access.deny_addresses", &access.deny_addresses),
                allow_countries: access.allow_countries,
                deny_countries: access.deny_countries,
                hours: Hours {
                    enabled: access.hours.enabled,
                    allowed: access
                        .hours
                        .allowed
                        .iter()
                        .map(|span| Span { from_minute: span.from_minute, to_minute: span.to_minute })
                        .collect(),
                    timezone: access.hours.timezone,
                },
            },
            cors_origins: self.cors_origins,
            audit: AuditPolicy { retention_days: self.audit.retention_days },
        };
        fields.finish()?;
        Ok(settings)
    }
}

fn tag(version: u64) -> String {
    web::etag("settings", "all", version)
}

async fn show(
    permit: Needs<SystemSettingsRead>,
    if_none_match: IfNoneMatch,
    State(app): State<App>,
) -> Result<Tagged<SecurityForm>, Problem> {
    let (settings, version) = app.desk.security_settings(&permit).await.map_err(|trouble| app.problem(trouble))?;
    Ok(if_none_match.tagged(tag(version), SecurityForm::from(&settings)))
}

async fn save(
    permit: Needs<SystemRateLimitsConfigure>,
    if_match: IfMatch,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<SecurityForm>,
) -> Result<Tagged<SecurityForm>, Problem> {
    let seen = |version| if_match.matches("settings", "all", version).map_err(|_| Trouble::Stale);
    let answer = |(settings, version): &(SecuritySettings, u64)| {
        kept(200, Some(tag(*version)), None, &SecurityForm::from(settings))
    };
    let keep = Keep::new(once.once(), &answer);
    let done = app.desk.save_security_settings(&permit, seen, form.read()?, keep).await;
    let (settings, version) = done.map_err(|trouble| app.problem(trouble))?;
    Ok(Tagged::new(tag(version), SecurityForm::from(&settings)))
}

pub fn routes(api: Api<App>) -> Api<App> {
    api.route(
        "/api/v1/admin/settings/security",
        routing::get_with(show, |op| op.id("securitySettings").tag("settings").summary("The security settings."))
            .put_with(save, |op| {
                op.id("saveSecuritySettings")
                    .tag("settings")
                    .summary("Replace the security settings; they act with everybody's next request.")
            }),
    )
}
