//! One code: its state in the words of the documents, and what staff may do to it.

use super::{Batch, BatchState, Code};
use crate::time::{self, HOUR_MS};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The most columns that an import keeps beside the code.
pub const CODE_METADATA_MAX: usize = 10;

/// `active → used → redeemed`, beside them blocked, reported, expired and deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeState {
    Active,
    Blocked,
    /// Claimed; the payout is not settled.
    Used,
    /// The value was delivered.
    Redeemed,
    Reported,
    Expired,
    Deleted,
}

impl CodeState {
    pub const ALL: [Self; 7] =
        [Self::Active, Self::Blocked, Self::Used, Self::Redeemed, Self::Reported, Self::Expired, Self::Deleted];

    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Blocked => "blocked",
            Self::Used => "used",
            Self::Redeemed => "redeemed",
            Self::Reported => "reported",
            Self::Expired => "expired",
            Self::Deleted => "deleted",
        }
    }
}

/// What staff do to a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    Block,
    Unblock,
    Delete,
    Report,
}

impl Act {
    pub fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Unblock => "unblock",
            Self::Delete => "delete",
            Self::Report => "report",
        }
    }
}

/// Why an act isn't possible for a code as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPossible {
    #[error("it is so already")]
    Already,
    #[error("a code that is {} can't be done that to", .0.name())]
    In(CodeState),
}

impl NotPossible {
    /// The reason in a word, for a list of results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Already => "already",
            Self::In(CodeState::Active) => "is_active",
            Self::In(CodeState::Blocked) => "is_blocked",
            Self::In(CodeState::Used) => "is_used",
            Self::In(CodeState::Redeemed) => "is_redeemed",
            Self::In(CodeState::Reported) => "is_reported",
            Self::In(CodeState::Expired) => "is_expired",
            Self::In(CodeState::Deleted) => "is_deleted",
        }
    }
}

impl Code {
    pub fn id(&self) -> CodeId {
        CodeId { run: self.run_id.clone(), n: self.n }
    }

    pub fn is_settled(&self) -> bool {
        self.settled_generation == Some(self.generation) && self.claim.is_some()
    }

    /// Until when it redeems.
    pub fn ends_at(&self, batch: &Batch, grace_hours: u32) -> Timestamp {
        time::plus(self.own_expiry.unwrap_or(batch.expires_at), i64::from(grace_hours) * HOUR_MS)
    }

    /// Whether its time is over, by its own date or its batch's. A batch that was expired by hand takes all with it.
    pub fn is_over(&self, batch: &Batch, grace_hours: u32, now: Timestamp) -> bool {
        let by_batch = match batch.standing() {
            // A date of its own outlives the batch's date, never a person's word.
            BatchState::Expired => self.own_expiry.is_none() || batch.expired_by_hand || batch.was_blocked,
            BatchState::Completed => true,
            BatchState::Generating
            | BatchState::Active
            | BatchState::Blocked
            | BatchState::Archived
            | BatchState::Deleted => false,
        };
        by_batch || now >= self.ends_at(batch, grace_hours)
    }

    pub fn state(&self, batch: &Batch, grace_hours: u32, now: Timestamp) -> CodeState {
        if self.deleted || batch.state == BatchState::Deleted {
            CodeState::Deleted
        } else if self.reported {
            CodeState::Reported
        } else if self.claim.is_some() {
            if self.is_settled() { CodeState::Redeemed } else { CodeState::Used }
        } else if self.is_over(batch, grace_hours, now) {
            CodeState::Expired
        } else if self.blocked {
            CodeState::Blocked
        } else {
            CodeState::Active
        }
    }

    /// The code after `act`, one version on.
    ///
    /// # Errors
    /// [`NotPossible`].
    pub fn after(&self, act: Act, state: CodeState) -> Result<Self, NotPossible> {
        use CodeState::{Active, Blocked, Deleted, Expired, Redeemed, Reported, Used};
        let mut after = Self { version: self.version + 1, ..self.clone() };
        match (act, state) {
            (Act::Block, Active) => after.blocked = true,
            (Act::Unblock, Blocked) => after.blocked = false,
            (Act::Delete, Active | Blocked | Expired) if self.claim.is_none() => after.deleted = true,
            (Act::Report, Active | Blocked | Used | Redeemed) => after.reported = true,
            (Act::Block, Blocked) | (Act::Delete, Deleted) | (Act::Report, Reported) => {
                return Err(NotPossible::Already);
            }
            (Act::Unblock, Active) => return Err(NotPossible::Already),
            (Act::Block | Act::Unblock | Act::Delete | Act::Report, state) => return Err(NotPossible::In(state)),
        }
        Ok(after)
    }
}

/// What a code is called where its text must not be: its run and its place in it, `<run>-<n>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeId {
    pub run: String,
    pub n: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a code's id is a run's id, a dash and a number")]
pub struct BadCodeId;

impl CodeId {
    /// # Errors
    /// [`BadCodeId`].
    pub fn parse(text: &str) -> Result<Self, BadCodeId> {
        let (run, n) = text.rsplit_once('-').ok_or(BadCodeId)?;
        let shaped = !run.is_empty()
            && run.len() <= 64
            && run.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && n.len() <= 9
            && !n.is_empty()
            && n.bytes().all(|b| b.is_ascii_digit());
        if !shaped {
            return Err(BadCodeId);
        }
        Ok(Self { run: run.to_owned(), n: n.parse().map_err(|_| BadCodeId)? })
    }
}

impl fmt::Display for CodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.run, self.n)
    }
}

impl TryFrom<String> for CodeId {
    type Error = BadCodeId;
    fn try_from(text: String) -> Result<Self, BadCodeId> {
        Self::parse(&text)
    }
}

impl From<CodeId> for String {
    fn from(id: CodeId) -> Self {
        id.to_string()
    }
}
