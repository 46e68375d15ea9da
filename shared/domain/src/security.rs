//! What staff can set about signing in, registering, limits of calls, and from where and when one may work.

use crate::role::{Predefined, RoleId};
use ipnet::IpNet;
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecuritySettings {
    pub sign_in: SignIn,
    pub password: PasswordPolicy,
    pub registration: Registration,
    pub limits: CallLimits,
    pub access: AccessRules,
    /// Other origins whose pages may call the API, such as `https://console.example.rw`. None by default.
    pub cors_origins: Vec<String>,
    pub audit: AuditPolicy,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SignIn {
    /// The life of a session from its sign-in, in minutes.
    pub session_minutes: u32,
    /// A new sign-in ends the user's other sessions.
    pub single_session: bool,
    /// Wrong passwords before an account is locked.
    pub max_failures: u32,
    pub lockout_minutes: u32,
    /// An authenticator app for everybody, not only for those whose permissions demand it.
    pub mfa_for_all: bool,
}

impl Default for SignIn {
    fn default() -> Self {
        Self { session_minutes: 1_440, single_session: false, max_failures: 5, lockout_minutes: 15, mfa_for_all: false }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PasswordPolicy {
    pub min_length: u32,
    pub upper_case: bool,
    pub lower_case: bool,
    pub digit: bool,
    pub special: bool,
    /// Days after which a password must be changed; 0 for never.
    pub max_age_days: u32,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { min_length: 12, upper_case: true, lower_case: true, digit: true, special: false, max_age_days: 0 }
    }
}

/// The most characters a password may have. Hashing takes all of them.
pub const PASSWORD_MAX: usize = 128;

/// Why a password isn't taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    #[error("at least {0} characters")]
    TooShort(u32),
    #[error("at most {PASSWORD_MAX} characters")]
    TooLong,
    #[error("at least one capital letter")]
    NoUpperCase,
    #[error("at least one small letter")]
    NoLowerCase,
    #[error("at least one figure")]
    NoDigit,
    #[error("at least one character that is neither letter nor figure")]
    NoSpecial,
    #[error("not the same as the email address or a part of it")]
    LikeEmail,
}

impl PasswordPolicy {
    /// Everything that is wrong with a password, at once.
    pub fn problems(&self, password: &str, email: &str) -> Vec<WeakPassword> {
        let mut found = Vec::new();
        let length = password.chars().count();
        if length < self.min_length as usize {
            found.push(WeakPassword::TooShort(self.min_length));
        }
        if length > PASSWORD_MAX {
            found.push(WeakPassword::TooLong);
        }
        let wants = [
            (self.upper_case, password.chars().any(char::is_uppercase), WeakPassword::NoUpperCase),
            (self.lower_case, password.chars().any(char::is_lowercase), WeakPassword::NoLowerCase),
            (self.digit, password.chars().any(char::is_numeric), WeakPassword::NoDigit),
            (self.special, password.chars().any(|c| !c.is_alphanumeric()), WeakPassword::NoSpecial),
        ];
        found.extend(wants.into_iter().filter(|(wanted, has, _)| *wanted && !has).map(|(_, _, problem)| problem));
        let (lower, email) = (password.to_lowercase(), email.to_lowercase());
        let name = email.split('@').next().unwrap_or(&email);
        // A name of three letters is in too many good passwords; its whole address is in none.
        if (name.len() >= 4 && lower.contains(name)) || (!email.is_empty() && lower.contains(&email)) {
            found.push(WeakPassword::LikeEmail);
        }
        found
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Registration {
    /// Whether people may ask for an account. Each waits for approval.
    pub enabled: bool,
    /// The most that an approved applicant gets; never an administrator's.
    pub default_role: Option<RoleId>,
    /// Shown beside the form.
    pub message: String,
    pub per_hour: u32,
    pub per_day: u32,
}

impl Default for Registration {
    fn default() -> Self {
        Self {
            enabled: false,
            default_role: Some(Predefined::Viewer.id()),
            message: String::new(),
            per_hour: 10,
            per_day: 50,
        }
    }
}

/// Calls of one user, or of one address where nobody is signed in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallLimits {
    pub api_per_minute: u32,
    pub api_per_hour: u32,
    /// Tries to sign in from one address.
    pub sign_ins_per_minute: u32,
    pub uploads_per_hour: u32,
    pub downloads_per_hour: u32,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            api_per_minute: 300,
            api_per_hour: 6_000,
            sign_ins_per_minute: 10,
            uploads_per_hour: 20,
            downloads_per_hour: 60,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditPolicy {
    /// Days until an entry leaves the table for the archive. Seven years by default.
    pub retention_days: u32,
}

impl Default for AuditPolicy {
    fn default() -> Self {
        Self { retention_days: 2_557 }
    }
}

/// From where and when staff may work. An empty list admits everybody.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessRules {
    pub allow_addresses: Vec<IpNet>,
    pub deny_addresses: Vec<IpNet>,
    /// ISO 3166 two-letter codes. The country is known only behind CloudFront; with a list here, unknown is refused.
    pub allow_countries: Vec<String>,
    pub deny_countries: Vec<String>,
    pub hours: Hours,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hours {
    pub enabled: bool,
    pub allowed: Vec<Span>,
    /// An IANA name.
    pub timezone: String,
}

impl Default for Hours {
    fn default() -> Self {
        Self { enabled: false, allowed: Vec::new(), timezone: "Africa/Kigali".to_owned() }
    }
}

/// Minutes of the day: from the first, up to but without the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub from_minute: u16,
    pub to_minute: u16,
}

/// Where a request comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    pub address: Option<IpAddr>,
    pub country: Option<String>,
    /// The program that calls, at most 200 characters of what it says.
    pub agent: Option<String>,
}

/// Which rule keeps a caller out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeptOut {
    #[error("your network address may not be used for this system")]
    Address,
    #[error("this system may not be used from your country")]
    Country,
    #[error("this system may not be used at this hour")]
    Hour,
}

impl AccessRules {
    /// # Errors
    /// The first rule that keeps the caller out.
    pub fn admit(&self, presence: &Presence, now: Timestamp) -> Result<(), KeptOut> {
        // `::ffff:192.0.2.1` is 192.0.2.1, however the listening socket writes it.
        let address = presence.address.map(|address| address.to_canonical());
        let within = |list: &[IpNet]| address.is_some_and(|address| list.iter().any(|net| net.contains(&address)));
        if within(&self.deny_addresses) || (!self.allow_addresses.is_empty() && !within(&self.allow_addresses)) {
            return Err(KeptOut::Address);
        }
        let from = |list: &[String]| {
            presence.country.as_ref().is_some_and(|country| list.iter().any(|held| held.eq_ignore_ascii_case(country)))
        };
        if from(&self.deny_countries) || (!self.allow_countries.is_empty() && !from(&self.allow_countries)) {
            return Err(KeptOut::Country);
        }
        if self.hours.enabled {
            let zone = TimeZone::get(&self.hours.timezone).unwrap_or(TimeZone::UTC);
            let time = zone.to_datetime(now).time();
            let minute = time.hour().unsigned_abs() as u16 * 60 + time.minute().unsigned_abs() as u16;
            if !self.hours.allowed.iter().any(|span| (span.from_minute..span.to_minute).contains(&minute)) {
                return Err(KeptOut::Hour);
            }
        }
        Ok(())
    }
}

impl SecuritySettings {
    /// What is wrong with these settings, each with its field's dotted name.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        let mut bound = |field: &str, value: u32, from: u32, to: u32| {
            if !(from..=to).contains(&value) {
                found.push((field.to_owned(), format!("between {from} and {to}")));
            }
        };
        bound("sign_in.session_minutes", self.sign_in.session_minutes, 5, 43_200);
        bound("sign_in.max_failures", self.sign_in.max_failures, 3, 20);
        bound("sign_in.lockout_minutes", self.sign_in.lockout_minutes, 1, 1_440);
        bound("password.min_length", self.password.min_length, 8, 64);
        bound("password.max_age_days", self.password.max_age_days, 0, 3_650);
        bound("registration.per_hour", self.registration.per_hour, 1, 1_000);
        bound("registration.per_day", self.registration.per_day, self.registration.per_hour.max(1), 10_000);
        bound("limits.api_per_minute", self.limits.api_per_minute, 10, 100_000);
        bound("limits.api_per_hour", self.limits.api_per_hour, self.limits.api_per_minute.max(10), 1_000_000);
        bound("limits.sign_ins_per_minute", self.limits.sign_ins_per_minute, 1, 1_000);
        bound("limits.uploads_per_hour", self.limits.uploads_per_hour, 1, 1_000);
        bound("limits.downloads_per_hour", self.limits.downloads_per_hour, 1, 10_000);
        bound("audit.retention_days", self.audit.retention_days, 365, 36_500);
        let mut say = |field: &str, what: &str| found.push((field.to_owned(), what.to_owned()));
        if self.registration.message.chars().count() > 500 {
            say("registration.message", "at most 500 characters");
        }
        let administrators = [Predefined::SuperAdministrator.id(), Predefined::Administrator.id()];
        if self.registration.default_role.as_ref().is_some_and(|role| administrators.contains(role)) {
            say("registration.default_role", "never an administrator's role");
        }
        for (field, list) in [
            ("access.allow_addresses", self.access.allow_addresses.len()),
            ("access.deny_addresses", self.access.deny_addresses.len()),
            ("access.allow_countries", self.access.allow_countries.len()),
            ("access.deny_countries", self.access.deny_countries.len()),
            ("cors_origins", self.cors_origins.len()),
        ] {
            if list > 250 {
                say(field, "at most 250 entries");
            }
        }
        for (field, list) in [
            ("access.allow_countries", &self.access.allow_countries),
            ("access.deny_countries", &self.access.deny_countries),
        ] {
            if list.iter().any(|code| code.len() != 2 || !code.bytes().all(|b| b.is_ascii_uppercase())) {
                say(field, "two capital letters each, as in RW");
            }
        }
        let hours = &self.access.hours;
        if TimeZone::get(&hours.timezone).is_err() {
            say("access.hours.timezone", "no known time zone");
        }
        if hours.allowed.iter().any(|span| span.from_minute >= span.to_minute || span.to_minute > 1_440) {
            say("access.hours.allowed", "from_minute below to_minute, both within the day's 1440");
        }
        if hours.allowed.len() > 20 {
            say("access.hours.allowed", "at most 20 spans");
        }
        if hours.enabled && hours.allowed.is_empty() {
            say("access.hours.allowed", "at least one span while hours are enabled");
        }
        for origin in &self.cors_origins {
            let host = origin.strip_prefix("https://").unwrap_or_default();
            // As browsers write it, or it never matches.
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:[]".contains(&b);
            if host.is_empty() || origin.len() > 200 || !host.bytes().all(plain) {
                say("cors_origins", "https://host or https://host:port each, in small letters, without a path");
                break;
            }
        }
        found
    }
}
