//! Airtime's answers, sorted by what they prove.

use crate::{Transfer, transport::json};
use bytes::Bytes;
use domain::{money::whole_amount, payout::TransferAnswer};
use http::{Response, StatusCode};
use serde::Deserialize;

/// The most characters that are kept of the provider's own words.
const MAX_WORDS: usize = 64;
/// A longer request id is cut.
const MAX_REQUEST: usize = 64;

/// In refusals that may be about an earlier request or about trouble over there: they prove nothing about this one.
const UNSURE: [&str; 9] =
    ["duplicate", "already", "internal", "exception", "unavailable", "timeout", "timed out", "later", "try again"];
/// In refusals of our account: funds, or a service that isn't turned on.
const OURS: [&str; 6] = ["insufficient", "balance", "credit", "not enabled", "account", "permission"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default)]
    error_message: String,
    num_sent: u64,
    responses: Vec<Recipient>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    phone_number: String,
    /// `RWF 100.0000`.
    amount: String,
    status: String,
    #[serde(default)]
    error_message: String,
    #[serde(default)]
    request_id: String,
}

/// `Accepted` and refusals only where the answer speaks of just this transfer; whatever else it is, it proves nothing.
pub fn read(answer: &Response<Bytes>, transfer: &Transfer) -> TransferAnswer {
    let status = answer.status();
    let code = status.as_u16();
    match status {
        StatusCode::CREATED => {}
        // The key or the account is refused, whoever the payee is.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return TransferAnswer::Config(code.to_string()),
        _ => return TransferAnswer::Unknown(code.to_string()),
    }
    let Some(body) = json::<Body>(answer) else {
        return TransferAnswer::Unknown(format!("{code} that is no answer"));
    };
    let [recipient] = body.responses.as_slice() else {
        return TransferAnswer::Unknown(format!(
            "{code} for {} recipients: {}",
            body.responses.len(),
            words(&body.error_message)
        ));
    };
    if !is_ours(recipient, transfer) {
        return TransferAnswer::Unknown(format!("{code} for another transfer"));
    }
    match recipient.status.as_str() {
        "Sent" => {
            // The only thread from our reference to what the provider's list and its callback say.
            tracing::info!(reference = transfer.reference, request = request(recipient), "airtime was taken");
            TransferAnswer::Accepted
        }
        "Failed" if body.num_sent == 0 && is_none(&recipient.request_id) && !is_none(&recipient.error_message) => {
            refused(&recipient.error_message)
        }
        other => TransferAnswer::Unknown(format!("{code} {}: {}", words(other), words(&recipient.error_message))),
    }
}

fn is_ours(recipient: &Recipient, transfer: &Transfer) -> bool {
    recipient.phone_number.strip_prefix('+') == Some(transfer.payee.as_str())
        && recipient.amount.split_once(' ').is_some_and(|(currency, amount)| {
            currency == transfer.currency && whole_amount(amount) == Ok(transfer.amount)
        })
}

/// A refusal that made no request and spent nothing. Its words only say whose matter it is; there is no list of them.
fn refused(message: &str) -> TransferAnswer {
    let lower = message.to_lowercase();
    let says = |some: &[&str]| some.iter().any(|word| lower.contains(word));
    if says(&UNSURE) {
        TransferAnswer::Unknown(words(message))
    } else if says(&OURS) {
        TransferAnswer::Config(words(message))
    } else {
        TransferAnswer::Invalid(words(message))
    }
}

/// The provider writes the word None where it means nothing.
fn is_none(text: &str) -> bool {
    matches!(text.trim(), "" | "None")
}

/// Some of the provider's words, without the figures: a number of somebody's may be among them.
pub fn words(text: &str) -> String {
    text.chars()
        .take(MAX_WORDS)
        .map(|c| match c {
            '0'..='9' => '#',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect()
}

fn request(recipient: &Recipient) -> String {
    recipient.request_id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(MAX_REQUEST).collect()
}
