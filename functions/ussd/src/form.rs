//! Reading Africa's Talking's forms. Behind API Gateway they come base64-encoded, which `lambda_http` has undone.

use domain::phone::Msisdn;
use lambda_http::{Body, Request};
use std::collections::HashMap;

/// The largest form that is read. A session's text is at most a few hundred characters.
const MAX_FORM: usize = 16 * 1024;
const MAX_SESSION: usize = 128;

/// One hop of a session.
#[derive(Clone, Debug)]
pub struct Hop {
    pub session: String,
    pub phone: Msisdn,
    pub network_code: String,
    /// What was dialled, as far as the gateway says.
    pub dialled: String,
    /// All inputs so far, joined by `*`.
    pub text: String,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Unreadable {
    Form(&'static str),
    ForeignNumber,
}

pub type Fields = HashMap<String, String>;

/// The form's fields; the first of a repeated name counts.
pub fn fields(request: &Request) -> Result<Fields, Unreadable> {
    let kind = request.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
        return Err(Unreadable::Form("not a form"));
    }
    let body: &[u8] = match request.body() {
        Body::Text(text) => text.as_bytes(),
        Body::Binary(bytes) => bytes,
        Body::Empty | _ => &[],
    };
    if body.len() > MAX_FORM {
        return Err(Unreadable::Form("too large"));
    }
    let mut fields = Fields::new();
    for (name, value) in form_urlencoded::parse(body).take(64) {
        fields.entry(name.into_owned()).or_insert_with(|| value.into_owned());
    }
    Ok(fields)
}

/// A session's id: it becomes part of a key and of logs, so only plain characters are taken.
pub fn session(fields: &Fields) -> Result<String, Unreadable> {
    let session = fields.get("sessionId").map(String::as_str).unwrap_or_default();
    let plain = session.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if session.is_empty() || session.len() > MAX_SESSION || !plain {
        return Err(Unreadable::Form("no sessionId that can be used"));
    }
    Ok(session.to_owned())
}

pub fn phone(fields: &Fields) -> Result<Msisdn, Unreadable> {
    let number = fields.get("phoneNumber").ok_or(Unreadable::Form("no phoneNumber"))?;
    Msisdn::parse(number).map_err(|_| Unreadable::ForeignNumber)
}

impl Hop {
    pub fn read(request: &Request) -> Result<Self, Unreadable> {
        let mut fields = fields(request)?;
        Ok(Self {
            session: session(&fields)?,
            phone: phone(&fields)?,
            network_code: fields.remove("networkCode").unwrap_or_default(),
            dialled: fields.remove("serviceCode").unwrap_or_default(),
            text: fields.remove("text").unwrap_or_default(),
        })
    }
}
