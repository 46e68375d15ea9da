//! Ids that are derived from facts, never drawn: made again after a restore they come out the same.

use crate::{code::CodeText, phone::Msisdn};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// HMAC-SHA256(pepper, phone): computable without a look-up, and with nothing to erase in keys. 32 hex figures.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CustomerId(String);

impl CustomerId {
    pub fn of(pepper: &[u8], phone: &Msisdn) -> Self {
        // An HMAC takes a key of any length.
        let mac = Hmac::<Sha256>::new_from_slice(pepper).map(|mut mac| {
            mac.update(phone.e164().as_bytes());
            mac.finalize().into_bytes()
        });
        Self(hex(&mac.unwrap_or_default()[..16]))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of a redemption and of its payout: from environment, code and the code's generation. 32 hex figures.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedemptionId(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id has 32 hexadecimal figures")]
pub struct BadId;

impl RedemptionId {
    pub fn of(environment: &str, code: &CodeText, generation: u32) -> Self {
        Self(hex(&digest(&["redemption", environment, code.as_str(), &generation.to_string()])[..16]))
    }

    /// # Errors
    /// [`BadId`] unless it has the shape that [`RedemptionId::of`] makes.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let shaped = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if shaped { Ok(Self(text.to_owned())) } else { Err(BadId) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The eight characters that a customer reads to support.
    pub fn short(&self) -> String {
        self.0[..8].to_ascii_uppercase()
    }
}

impl TryFrom<String> for RedemptionId {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        Self::parse(&text)
    }
}

impl From<RedemptionId> for String {
    fn from(id: RedemptionId) -> Self {
        id.0
    }
}

impl fmt::Display for RedemptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The reference of one payout attempt: SHA-256(environment ‖ code ‖ attempt) shaped as a UUID v4.
///
/// Derived, so that a restored table makes the same reference again and the provider answers "exists". Of the code and
/// not of its generation: a table that has forgotten that a redemption was taken back would else pay the code twice.
pub fn payout_reference(environment: &str, code: &CodeText, attempt: u8) -> String {
    let hash = digest(&["payout", environment, code.as_str(), &attempt.to_string()]);
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&hash[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex(&bytes);
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

/// SHA-256 over parts, each preceded by its length so that no two lists of parts read alike.
pub fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const FIGURES: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [FIGURES[usize::from(byte >> 4)], FIGURES[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}
