//! Promo codes: reading what a person typed, and making new ones.
//!
//! A printed code is `XXXX-XXYY-XXMM-XXDD`: ten random characters and the day it was made.
//! Codes made elsewhere and imported have 4 to 24 letters and digits in any order.

use jiff::civil::Date;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The characters of a generated code: no B D O Q I V, which are misread as 8 0 0 0 1 U.
pub const ALPHABET: &[u8; 30] = b"0123456789ACEFGHJKLMNPRSTUWXYZ";
/// Characters of a printed code without its dashes.
pub const PRINTED_LENGTH: usize = 16;
pub const MIN_LENGTH: usize = 4;
pub const MAX_LENGTH: usize = 24;
/// What is shown to somebody who typed a code wrongly.
pub const EXAMPLE: &str = "7K3M-9A26-CE11-XH05";

const RANDOM_CHARACTERS: usize = 10;
const COMBINATIONS: u64 = 30u64.pow(RANDOM_CHARACTERS as u32);
/// The largest multiple of [`COMBINATIONS`] in a `u64`; draws at or above it are drawn again (no modulo bias).
const UNBIASED_BELOW: u64 = u64::MAX - u64::MAX % COMBINATIONS;

/// A code's text in its one form: upper-case letters and digits, no dashes, 4 to 24 characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeText(String);

/// Why a typed text cannot be a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("a code has {MIN_LENGTH} to {MAX_LENGTH} letters and digits, not {0}")]
    Length(usize),
    #[error("a code has only letters and digits")]
    Character(char),
    #[error("the date inside the code is not a day")]
    DatePart,
}

impl CodeText {
    /// Reads what a person typed: lower case, spaces and any kind of dash are forgiven.
    ///
    /// # Errors
    /// [`Malformed::Character`] or [`Malformed::Length`]. The date part is not judged here, because an
    /// imported code has none; see [`CodeText::printed_problem`].
    pub fn parse(typed: &str) -> Result<Self, Malformed> {
        let mut text = String::with_capacity(PRINTED_LENGTH);
        for character in typed.chars() {
            match character {
                'a'..='z' | 'A'..='Z' | '0'..='9' => {
                    if text.len() == MAX_LENGTH {
                        return Err(Malformed::Length(typed.chars().filter(char::is_ascii_alphanumeric).count()));
                    }
                    text.push(character.to_ascii_uppercase());
                }
                '-' | '_' | '.' | '/' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}' => {}
                other if other.is_whitespace() => {}
                other => return Err(Malformed::Character(other)),
            }
        }
        if text.len() < MIN_LENGTH {
            return Err(Malformed::Length(text.len()));
        }
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What keeps this text from being a code as we print them, if anything does.
    pub fn printed_problem(&self) -> Option<Malformed> {
        if self.0.len() != PRINTED_LENGTH {
            return Some(Malformed::Length(self.0.len()));
        }
        let read = self.forgiven();
        let text = read.as_ref().unwrap_or(self);
        if text.date_part().is_none() {
            return Some(Malformed::DatePart);
        }
        text.0.bytes().find(|byte| !ALPHABET.contains(byte)).map(|byte| Malformed::Character(char::from(byte)))
    }

    /// The day inside a printed code, if this is one.
    pub fn date_part(&self) -> Option<Date> {
        if self.0.len() != PRINTED_LENGTH {
            return None;
        }
        let number = |at: usize| self.0.get(at..at + 2).filter(|pair| pair.bytes().all(|b| b.is_ascii_digit()));
        let year: i16 = number(6)?.parse().ok()?;
        let month: i8 = number(10)?.parse().ok()?;
        let day: i8 = number(14)?.parse().ok()?;
        Date::new(2000 + year, month, day).ok()
    }

    /// The generated code that was probably meant: O Q D read as 0, I as 1, B as 8, V as U.
    /// `None` when nothing would change or the length is not that of a generated code.
    pub fn forgiven(&self) -> Option<Self> {
        if self.0.len() != PRINTED_LENGTH {
            return None;
        }
        let folded: String = self
            .0
            .chars()
            .map(|character| match character {
                'O' | 'Q' | 'D' => '0',
                'I' => '1',
                'B' => '8',
                'V' => 'U',
                same => same,
            })
            .collect();
        (folded != self.0).then_some(Self(folded))
    }

    /// As on paper: groups of four with dashes.
    pub fn printed(&self) -> String {
        let mut out = String::with_capacity(self.0.len() + self.0.len() / 4);
        for (index, character) in self.0.chars().enumerate() {
            if index > 0 && index % 4 == 0 {
                out.push('-');
            }
            out.push(character);
        }
        out
    }

    /// The first four characters, of a short code the first half: for people who may not see codes, and for logs.
    pub fn masked(&self) -> String {
        format!("{}-****", &self.0[..MIN_LENGTH.min(self.0.len() / 2)])
    }
}

/// Codes never appear in logs; a debug print shows the masked form.
impl fmt::Debug for CodeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodeText({})", self.masked())
    }
}

impl TryFrom<String> for CodeText {
    type Error = Malformed;
    fn try_from(text: String) -> Result<Self, Malformed> {
        Self::parse(&text)
    }
}

impl From<CodeText> for String {
    fn from(code: CodeText) -> Self {
        code.0
    }
}

/// The random part of a generated code, as one number below 30^10: small enough to compare and sort by the million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RandomPart(u64);

impl RandomPart {
    /// Draws uniformly among the 590,490,000,000,000 possible parts.
    pub fn draw(random: &mut impl CryptoRng) -> Self {
        loop {
            let drawn = random.next_u64();
            if drawn < UNBIASED_BELOW {
                return Self(drawn % COMBINATIONS);
            }
        }
    }

    pub fn number(self) -> u64 {
        self.0
    }

    /// The ASCII bytes of the code without dashes. `day` is the day of the whole run in the business's time zone;
    /// years outside 2000 to 2099 cannot be printed in two figures and are taken modulo 100.
    pub fn bytes(self, day: Date) -> [u8; PRINTED_LENGTH] {
        let mut rest = self.0;
        let mut random = [0u8; RANDOM_CHARACTERS];
        for slot in random.iter_mut().rev() {
            *slot = ALPHABET[(rest % 30) as usize];
            rest /= 30;
        }
        let figures = |number: u8| [b'0' + number / 10 % 10, b'0' + number % 10];
        let [y1, y2] = figures(day.year().rem_euclid(100) as u8);
        let [m1, m2] = figures(day.month() as u8);
        let [d1, d2] = figures(day.day() as u8);
        let [a, b, c, d, e, f, g, h, i, j] = random;
        [a, b, c, d, e, f, y1, y2, g, h, m1, m2, i, j, d1, d2]
    }

    pub fn code(self, day: Date) -> CodeText {
        CodeText(self.bytes(day).iter().copied().map(char::from).collect())
    }
}
