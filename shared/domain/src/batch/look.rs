//! What becomes of a batch by itself (BAT-07): it expires when its date has passed, and is complete when every code is
//! settled. The due index brings it up; this says what follows.

use super::{Batch, BatchState, Statistics};
use crate::time::{self, DAY_MS, HOUR_MS};
use jiff::Timestamp;

/// An expired batch can be revived by a later date for this long; then, with nothing in payment, it is complete.
pub const COMPLETE_AFTER_MS: i64 = 30 * DAY_MS;
/// Between two looks at a batch whose last codes are in payment.
const AGAIN_MS: i64 = HOUR_MS;

/// What follows from a look at a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// Not due: somebody has looked or moved it meanwhile.
    Rest,
    /// As it was, to be looked at again later.
    Later(Batch),
    Becomes(Batch),
}

impl Batch {
    /// What the system does about it at `now`; `statistics` are its figures at `now`.
    pub fn looked_at(&self, statistics: &Statistics, grace_hours: u32, now: Timestamp) -> Look {
        if self.look_at.is_none_or(|at| now < at) {
            return Look::Rest;
        }
        let ends_at = self.ends_at(grace_hours);
        let later =
            |at: Option<Timestamp>| Look::Later(Self { look_at: at, version: self.version + 1, ..self.clone() });
        match self.state {
            BatchState::Active | BatchState::Blocked if now >= ends_at => {
                Look::Becomes(Self { look_at: Some(time::plus(now, AGAIN_MS)), ..self.expired(now) })
            }
            BatchState::Active if self.codes > 0 && self.coming == 0 && statistics.nothing_open() => {
                Look::Becomes(Self { look_at: None, ..self.moved(BatchState::Completed, now) })
            }
            BatchState::Expired if self.coming == 0 && statistics.nothing_open() => {
                let since = self.state_since.unwrap_or(self.expires_at);
                let at = time::plus(since.max(ends_at), COMPLETE_AFTER_MS);
                if now >= at {
                    Look::Becomes(Self { look_at: None, ..self.moved(BatchState::Completed, now) })
                } else {
                    later(Some(at))
                }
            }
            BatchState::Active | BatchState::Blocked => later(Some(time::plus(now, AGAIN_MS).min(ends_at))),
            BatchState::Expired => later(Some(time::plus(now, AGAIN_MS))),
            BatchState::Generating => later(Some(time::plus(now, AGAIN_MS))),
            BatchState::Completed | BatchState::Archived | BatchState::Deleted => later(None),
        }
    }
}
