//! The life of a difference: somebody says what it was, and somebody else agrees.

use super::Difference;
use crate::{id::UserId, time};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

/// Characters of a note.
pub const NOTE_MAX: usize = 1_000;

/// How a difference was resolved, in the words of who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Note(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNote {
    #[error("say how the difference was resolved")]
    Empty,
    #[error("a note has at most {NOTE_MAX} characters; this one has {0}")]
    TooLong(usize),
    #[error("a note has no control characters but line ends")]
    Control,
}

impl Note {
    /// Without spaces and line ends around it.
    ///
    /// # Errors
    /// [`BadNote`].
    pub fn parse(text: &str) -> Result<Self, BadNote> {
        let text = text.trim();
        match text.chars().count() {
            0 => Err(BadNote::Empty),
            1..=NOTE_MAX if text.chars().any(|character| character.is_control() && character != '\n') => {
                Err(BadNote::Control)
            }
            1..=NOTE_MAX => Ok(Self(text.to_owned())),
            count => Err(BadNote::TooLong(count)),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Note {
    type Error = BadNote;
    fn try_from(text: String) -> Result<Self, BadNote> {
        Self::parse(&text)
    }
}

impl From<Note> for String {
    fn from(note: Note) -> Self {
        note.0
    }
}

/// What one person says of a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    pub by: UserId,
    #[serde(with = "time::required")]
    pub at: Timestamp,
    pub note: Note,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Standing {
    Open,
    Proposed {
        proposal: Proposal,
    },
    Closed {
        proposal: Proposal,
        by: UserId,
        #[serde(with = "time::required")]
        at: Timestamp,
    },
}

impl Standing {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Proposed { .. } => "proposed",
            Self::Closed { .. } => "closed",
        }
    }
}

/// A difference that was found, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The difference's: found again, it is no second finding.
    pub id: String,
    pub day: Date,
    pub difference: Difference,
    #[serde(with = "time::required")]
    pub found_at: Timestamp,
    pub standing: Standing,
    pub version: u64,
}

/// Why a step is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("somebody has proposed how to resolve it; close or reject that first")]
    Proposed,
    #[error("nobody has proposed how to resolve it yet")]
    NotProposed,
    #[error("it is closed")]
    Closed,
    #[error("somebody else than who proposed it must close it")]
    SecondPerson,
}

impl Finding {
    pub fn new(day: Date, difference: Difference, now: Timestamp) -> Self {
        Self { id: difference.id.clone(), day, difference, found_at: now, standing: Standing::Open, version: 1 }
    }

    /// Somebody says how it was resolved.
    ///
    /// # Errors
    /// [`Refusal::Proposed`], [`Refusal::Closed`].
    pub fn propose(&self, by: &UserId, note: Note, now: Timestamp) -> Result<Self, Refusal> {
        match &self.standing {
            Standing::Open => {
                let proposal = Proposal { by: by.clone(), at: now, note };
                Ok(self.next(Standing::Proposed { proposal }))
            }
            Standing::Proposed { .. } => Err(Refusal::Proposed),
            Standing::Closed { .. } => Err(Refusal::Closed),
        }
    }

    /// A second person agrees.
    ///
    /// # Errors
    /// [`Refusal::NotProposed`], [`Refusal::Closed`], [`Refusal::SecondPerson`].
    pub fn close(&self, by: &UserId, now: Timestamp) -> Result<Self, Refusal> {
        let proposal = self.proposal()?;
        if proposal.by == *by {
            return Err(Refusal::SecondPerson);
        }
        Ok(self.next(Standing::Closed { proposal: proposal.clone(), by: by.clone(), at: now }))
    }

    /// Somebody doesn't agree, or takes their own proposal back: it is open again. Who and when is for the audit log.
    ///
    /// # Errors
    /// [`Refusal::NotProposed`], [`Refusal::Closed`].
    pub fn reject(&self) -> Result<Self, Refusal> {
        self.proposal().map(|_| self.next(Standing::Open))
    }

    fn proposal(&self) -> Result<&Proposal, Refusal> {
        match &self.standing {
            Standing::Open => Err(Refusal::NotProposed),
            Standing::Proposed { proposal } => Ok(proposal),
            Standing::Closed { .. } => Err(Refusal::Closed),
        }
    }

    fn next(&self, standing: Standing) -> Self {
        Self { standing, version: self.version + 1, ..self.clone() }
    }
}
