//! One sign-in: its life, and the rotation of its refresh token.

use crate::{
    id::{SessionId, UserId},
    time::{self, MINUTE_MS, SECOND_MS},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// For how long the predecessor of a refresh token gives the same successor again: two tabs that refresh at once both
/// go on.
pub const REPEAT_MS: i64 = 20 * SECOND_MS;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    /// The user's epoch at the sign-in; when the user's moves on, this session has ended.
    pub epoch: u32,
    #[serde(with = "time::required")]
    pub created_at: Timestamp,
    /// Which refresh token is good now. Token n is derived from the secret, the session and n.
    pub generation: u32,
    #[serde(with = "time::required")]
    pub rotated_at: Timestamp,
    /// Whether an authenticator app's code was given at the sign-in.
    pub mfa: bool,
    pub address: Option<String>,
    pub agent: Option<String>,
    pub ended: Option<Ended>,
    pub version: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    #[serde(with = "time::required")]
    pub at: Timestamp,
    pub why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    SignedOut,
    EndedByUser,
    EndedByAdministrator,
    /// A refresh token came again after it had been replaced: somebody else holds a copy.
    RefreshReused,
    Superseded,
}

/// What a refresh token of generation `n` is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// The current one: the session as it is after its rotation.
    Rotate(Session),
    /// The predecessor, again within [`REPEAT_MS`]: the current one is given out once more.
    Repeat,
    /// An older one, or the predecessor too late: the session as it is after its end.
    Reused(Session),
    /// The session has ended or its time is over.
    Over,
}

impl Session {
    pub fn open(&self, session_minutes: u32, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.expires_at(session_minutes)
    }

    /// By the setting of now: a shorter life acts on open sessions.
    pub fn expires_at(&self, session_minutes: u32) -> Timestamp {
        time::plus(self.created_at, i64::from(session_minutes) * MINUTE_MS)
    }

    #[must_use]
    pub fn end(&self, why: Why, now: Timestamp) -> Self {
        Self { ended: Some(Ended { at: now, why }), version: self.version + 1, ..self.clone() }
    }

    pub fn refresh(&self, generation: u32, session_minutes: u32, now: Timestamp) -> Refresh {
        if !self.open(session_minutes, now) {
            return Refresh::Over;
        }
        if generation == self.generation {
            // There is no number after the last: that session can only begin anew.
            let Some(next) = generation.checked_add(1) else { return Refresh::Over };
            return Refresh::Rotate(Self {
                generation: next,
                rotated_at: now,
                version: self.version + 1,
                ..self.clone()
            });
        }
        let predecessor = generation.checked_add(1) == Some(self.generation);
        if predecessor && time::between(self.rotated_at, now) <= REPEAT_MS {
            return Refresh::Repeat;
        }
        Refresh::Reused(self.end(Why::RefreshReused, now))
    }
}
