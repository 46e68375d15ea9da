//! Money as whole numbers of the currency's smallest unit. The Rwandan franc has no smaller unit than 1.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The most a single code may ever pay, whatever the settings say.
pub const MAX_AMOUNT: u64 = 10_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Currency {
    /// Rwandan franc, no decimals.
    #[serde(rename = "RWF")]
    Rwf,
    /// MTN's sandbox knows only this one; amounts are sent as whole euros there.
    #[serde(rename = "EUR")]
    Eur,
}

impl Currency {
    pub fn code(self) -> &'static str {
        match self {
            Self::Rwf => "RWF",
            Self::Eur => "EUR",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "RWF" => Some(Self::Rwf),
            "EUR" => Some(Self::Eur),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    pub amount: u64,
    pub currency: Currency,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAmount {
    #[error("an amount is a whole number of at least 1")]
    TooSmall,
    #[error("an amount is at most {MAX_AMOUNT}")]
    TooLarge,
    #[error("an amount is written in figures, without a fraction")]
    NotWhole,
}

impl Money {
    /// # Errors
    /// [`BadAmount`] outside 1 to [`MAX_AMOUNT`].
    pub fn new(amount: u64, currency: Currency) -> Result<Self, BadAmount> {
        match amount {
            0 => Err(BadAmount::TooSmall),
            1..=MAX_AMOUNT => Ok(Self { amount, currency }),
            _ => Err(BadAmount::TooLarge),
        }
    }

    /// See [`grouped`].
    pub fn grouped(self) -> String {
        grouped(self.amount)
    }
}

/// `5,000`: comma groups, because 5.000 reads as a decimal to some.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Reads an amount as a provider writes it: `5`, `5.0` and `5.00` are the same, `5.5` is none of ours.
///
/// # Errors
/// [`BadAmount::NotWhole`] for anything that is not a whole number, [`BadAmount::TooLarge`] beyond `u64`.
pub fn whole_amount(text: &str) -> Result<u64, BadAmount> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let figures = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !figures(whole) || !figures(fraction) || fraction.bytes().any(|byte| byte != b'0') {
        return Err(BadAmount::NotWhole);
    }
    whole.parse().map_err(|_| BadAmount::TooLarge)
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.grouped(), self.currency.code())
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
