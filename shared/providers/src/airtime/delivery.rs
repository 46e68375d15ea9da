//! The delivery report of airtime, as the provider posts it to a callback.

use super::answers::words;
use domain::{
    money::{Currency, Money, whole_amount},
    phone::Msisdn,
};
use std::collections::HashMap;

/// The largest report that is read.
const MAX_BODY: usize = 4 * 1024;
const MAX_FIELDS: usize = 16;
const MAX_REQUEST: usize = 128;

/// What became of one request, as whoever posted it says. Nothing in it is signed: a hint, never a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub phone: Msisdn,
    /// The id that the provider gave the request when it took it.
    pub request: String,
    pub outcome: Delivered,
    /// What it was worth.
    pub value: Money,
    /// The provider's words, without figures, at most 64 characters; empty where there are none.
    pub description: String,
    /// What the provider takes off the price, as it writes it; empty where it says nothing.
    pub discount: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    Success,
    Failed,
}

/// Reads a report's form; `None` for one that is too large, lacks something or says anything else than what it may.
pub fn delivery(body: &[u8]) -> Option<Delivery> {
    if body.len() > MAX_BODY {
        return None;
    }
    let mut fields = HashMap::new();
    // The first of a repeated name counts.
    for (name, value) in form_urlencoded::parse(body).take(MAX_FIELDS) {
        fields.entry(name.into_owned()).or_insert_with(|| value.into_owned());
    }
    let field = |name: &str| fields.get(name).map(String::as_str);
    let request = field("requestId")?;
    let plain = request.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if request.is_empty() || request.len() > MAX_REQUEST || !plain {
        return None;
    }
    let outcome = match field("status")? {
        "Success" => Delivered::Success,
        "Failed" => Delivered::Failed,
        _ => return None,
    };
    let (currency, amount) = field("value")?.split_once(' ')?;
    let value = Money::new(whole_amount(amount).ok()?, Currency::parse(currency)?).ok()?;
    let short = |text: &str| text.chars().filter(|c| !c.is_control()).take(32).collect();
    Some(Delivery {
        phone: Msisdn::parse(field("phoneNumber")?).ok()?,
        request: request.to_owned(),
        outcome,
        value,
        description: field("description").map(words).unwrap_or_default(),
        discount: field("discount").map(short).unwrap_or_default(),
    })
}
