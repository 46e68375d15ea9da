//! Rwandan mobile numbers and the networks behind them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A Rwandan mobile number in E.164: `+2507` and eight figures, of a known network prefix.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Msisdn(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Rwandan mobile number")]
pub struct NotRwandan;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    Mtn,
    Airtel,
    Ktrn,
}

impl Msisdn {
    /// Reads `+250788123456`, `250788123456`, `0788123456` or `788123456`, with spaces or dashes.
    ///
    /// # Errors
    /// [`NotRwandan`] for anything else, other countries' numbers and land lines included.
    pub fn parse(typed: &str) -> Result<Self, NotRwandan> {
        if typed.len() > 32 {
            return Err(NotRwandan);
        }
        let mut figures = String::with_capacity(12);
        for (index, character) in typed.trim().chars().enumerate() {
            match character {
                '0'..='9' => figures.push(character),
                '+' if index == 0 => {}
                ' ' | '-' => {}
                _ => return Err(NotRwandan),
            }
        }
        let plus = typed.trim_start().starts_with('+');
        let subscriber = match (plus, figures.len()) {
            (_, 12) => figures.strip_prefix("250"),
            (false, 10) => figures.strip_prefix('0'),
            (false, 9) => Some(figures.as_str()),
            _ => None,
        }
        .ok_or(NotRwandan)?;
        match subscriber.as_bytes() {
            [b'7', b'2' | b'3' | b'7' | b'8' | b'9', ..] => Ok(Self(format!("+250{subscriber}"))),
            _ => Err(NotRwandan),
        }
    }

    /// `+250788123456`.
    pub fn e164(&self) -> &str {
        &self.0
    }

    /// `250788123456`, the form of MTN's API.
    pub fn party_id(&self) -> &str {
        &self.0[1..]
    }

    /// `0788123456`, the form people write.
    pub fn local(&self) -> String {
        format!("0{}", &self.0[4..])
    }

    /// `07*****456`: for screens and logs.
    pub fn masked(&self) -> String {
        format!("07*****{}", &self.0[10..])
    }

    /// What the number's prefix hints at; numbers can be carried to another network.
    pub fn prefix_network(&self) -> Network {
        match self.0.as_bytes()[5] {
            b'8' | b'9' => Network::Mtn,
            b'7' => Network::Ktrn,
            _ => Network::Airtel,
        }
    }

    /// The network a caller is on: what the aggregator says when it names one we know, else the prefix.
    /// The sandbox and simulators send 99999 or words.
    pub fn network(&self, network_code: &str) -> Network {
        match network_code {
            "63510" => Network::Mtn,
            "63513" | "63514" => Network::Airtel,
            _ => self.prefix_network(),
        }
    }
}

/// Whole numbers never appear in logs; a debug print shows the masked form.
impl fmt::Debug for Msisdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Msisdn({})", self.masked())
    }
}

impl TryFrom<String> for Msisdn {
    type Error = NotRwandan;
    fn try_from(text: String) -> Result<Self, NotRwandan> {
        Self::parse(&text)
    }
}

impl From<Msisdn> for String {
    fn from(phone: Msisdn) -> Self {
        phone.0
    }
}
