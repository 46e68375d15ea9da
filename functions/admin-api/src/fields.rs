//! Reading fields into the business's own values; everything that doesn't fit is told at once.

use domain::{
    batch::{BatchName, CodeId},
    id::UserId,
    money::Currency,
    permission::{Permission, Permissions},
    phone::Msisdn,
    role::RoleId,
    staff::Email,
    text::Language,
};
use ipnet::IpNet;
use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use web::{FieldProblem, Problem};

#[derive(Default)]
pub struct Fields(Vec<FieldProblem>);

impl Fields {
    fn wrong(&mut self, field: &str, code: &'static str, message: impl Into<String>) {
        self.0.push(FieldProblem::new(field, code, message.into()));
    }

    pub fn email(&mut self, field: &str, text: &str) -> Option<Email> {
        let read = Email::parse(text);
        if let Err(error) = &read {
            self.wrong(field, "malformed", error.to_string());
        }
        read.ok()
    }

    /// A number, or an empty text for none.
    pub fn phone(&mut self, field: &str, text: &str) -> Option<Msisdn> {
        if text.is_empty() {
            return None;
        }
        let read = Msisdn::parse(text);
        if let Err(error) = &read {
            self.wrong(field, "malformed", error.to_string());
        }
        read.ok()
    }

    /// A name on one line, without the spaces around it.
    pub fn name(&mut self, field: &str, text: &str) -> String {
        let text = text.trim();
        if text.is_empty() || text.chars().any(char::is_control) {
            self.wrong(field, "malformed", "a name on one line");
        }
        text.to_owned()
    }

    /// A sentence or more, without the spaces around it.
    pub fn text(&mut self, field: &str, text: &str) -> String {
        let text = text.trim();
        if text.is_empty() || text.chars().any(|c| c.is_control() && c != '\n') {
            self.wrong(field, "malformed", "some words");
        }
        text.to_owned()
    }

    pub fn roles(&mut self, field: &str, list: &[String]) -> Vec<RoleId> {
        let mut roles = Vec::with_capacity(list.len());
        for text in list {
            match RoleId::parse(text) {
                Ok(role) => roles.push(role),
                Err(error) => self.wrong(field, "unknown", error.to_string()),
            }
        }
        roles
    }

    pub fn permissions(&mut self, field: &str, list: &[String]) -> Permissions {
        let mut permissions = Permissions::default();
        for key in list {
            match Permission::parse(key) {
                Some(permission) => permissions.insert(permission),
                None => {
                    let shown: String = key.chars().take(64).collect();
                    self.wrong(field, "unknown", format!("there is no permission {shown:?}"));
                }
            }
        }
        permissions
    }

    /// Addresses or networks.
    pub fn networks(&mut self, field: &str, list: &[String]) -> Vec<IpNet> {
        let mut networks = Vec::with_capacity(list.len());
        for text in list {
            match text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
                Ok(network) => networks.push(network),
                Err(_) => self.wrong(field, "malformed", format!("{text:?} is neither an address nor a network")),
            }
        }
        networks
    }

    /// A point in time with its offset from UTC.
    pub fn time(&mut self, field: &str, text: &str) -> Option<Timestamp> {
        let read = text.parse::<Timestamp>();
        if read.is_err() {
            self.wrong(field, "malformed", "a time with its offset, as in 2026-12-31T23:59:59+02:00");
        }
        read.ok()
    }

    /// A calendar day.
    pub fn day(&mut self, field: &str, text: &str) -> Option<Date> {
        // Only as people write days; the library would also read a week's number.
        let read = text.parse::<Date>().ok().filter(|day| day.to_string() == text);
        if read.is_none() {
            self.wrong(field, "malformed", "a day, as in 2026-11-20");
        }
        read
    }

    /// The number of a receipt: printable characters on one line.
    pub fn receipt(&mut self, field: &str, text: &str) -> String {
        let text = text.trim();
        if text.is_empty() || !text.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
            self.wrong(field, "malformed", "figures, letters and signs that can be printed");
        }
        text.to_owned()
    }

    pub fn batch_name(&mut self, field: &str, text: &str) -> Option<BatchName> {
        let read = BatchName::parse(text);
        if let Err(error) = &read {
            self.wrong(field, "malformed", error.to_string());
        }
        read.ok()
    }

    /// Words on one or more lines, or none.
    pub fn note(&mut self, field: &str, text: &str) -> String {
        let text = text.trim();
        if text.chars().any(|c| c.is_control() && c != '\n') {
            self.wrong(field, "malformed", "words without control characters");
        }
        text.to_owned()
    }

    pub fn user(&mut self, field: &str, text: &str) -> Option<UserId> {
        let read = UserId::parse(text);
        if read.is_err() {
            self.wrong(field, "malformed", "the id of a user");
        }
        read.ok()
    }

    pub fn code_ids(&mut self, field: &str, list: &[String]) -> Vec<CodeId> {
        let mut ids = Vec::with_capacity(list.len());
        for text in list {
            match CodeId::parse(text) {
                Ok(id) => ids.push(id),
                Err(error) => self.wrong(field, "malformed", error.to_string()),
            }
        }
        ids
    }

    /// For what one look finds out.
    pub fn problem(&mut self, field: &str, code: &'static str, message: &str) {
        self.wrong(field, code, message);
    }

    /// # Errors
    /// Everything that didn't fit.
    pub fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::invalid(self.0)) }
    }
}

/// The languages of screens and letters.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub enum Tongue {
    #[serde(rename = "rw")]
    Kinyarwanda,
    #[default]
    #[serde(rename = "en")]
    English,
}

impl From<Tongue> for Language {
    fn from(tongue: Tongue) -> Self {
        match tongue {
            Tongue::Kinyarwanda => Self::Kinyarwanda,
            Tongue::English => Self::English,
        }
    }
}

impl From<Language> for Tongue {
    fn from(language: Language) -> Self {
        match language {
            Language::Kinyarwanda => Self::Kinyarwanda,
            Language::English => Self::English,
        }
    }
}

/// For garde: an id of 32 hexadecimal figures.
pub fn drawn_id(text: &str, _: &()) -> garde::Result {
    let shaped = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if shaped { Ok(()) } else { Err(web::finding("malformed", "32 hexadecimal figures")) }
}

/// What codes pay in.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub enum CurrencyName {
    #[default]
    #[serde(rename = "RWF")]
    Rwf,
    #[serde(rename = "EUR")]
    Eur,
}

impl From<CurrencyName> for Currency {
    fn from(name: CurrencyName) -> Self {
        match name {
            CurrencyName::Rwf => Self::Rwf,
            CurrencyName::Eur => Self::Eur,
        }
    }
}

/// For garde: a batch's id.
pub fn a_batch(text: &str, _: &()) -> garde::Result {
    let shaped = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if shaped { Ok(()) } else { Err(web::finding("malformed", "the id of a batch")) }
}

/// For garde: a code's id.
pub fn code_id(text: &str, _: &()) -> garde::Result {
    CodeId::parse(text).map(|_| ()).map_err(|error| web::finding("malformed", error.to_string()))
}

/// For garde: a user's id, or `me`.
pub fn user_or_me(text: &str, _: &()) -> garde::Result {
    if text == "me" { Ok(()) } else { drawn_id(text, &()) }
}

/// For garde: a role's id.
pub fn role_id(text: &str, _: &()) -> garde::Result {
    RoleId::parse(text).map(|_| ()).map_err(|error| web::finding("malformed", error.to_string()))
}
