//! The names of batches: upper case, with `BATCH_` in front, unique regardless of case.

use serde::{Deserialize, Serialize};
use std::fmt;

const PREFIX: &str = "BATCH_";
/// With the prefix.
const MAX: usize = 60;

/// A batch's name in its one form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BatchName(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    #[error("give it a name")]
    Empty,
    #[error("at most {MAX} characters, BATCH_ included")]
    TooLong,
    #[error("only letters A to Z, figures, - and _ (a space becomes _)")]
    Character,
}

impl BatchName {
    /// Reads a name as a person writes it: any case, spaces for `_`, with the prefix or without.
    ///
    /// # Errors
    /// [`BadName`].
    pub fn parse(text: &str) -> Result<Self, BadName> {
        let folded: String = text
            .trim()
            .chars()
            .map(|character| if character == ' ' { '_' } else { character.to_ascii_uppercase() })
            .collect();
        let own = folded.strip_prefix(PREFIX).unwrap_or(&folded);
        if own.is_empty() {
            return Err(BadName::Empty);
        }
        if PREFIX.len() + own.len() > MAX {
            return Err(BadName::TooLong);
        }
        if !own.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-')) {
            return Err(BadName::Character);
        }
        Ok(Self(format!("{PREFIX}{own}")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BatchName {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        Self::parse(&text)
    }
}

impl From<BatchName> for String {
    fn from(name: BatchName) -> Self {
        name.0
    }
}

impl fmt::Display for BatchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
