//! The routes. A handler reads, calls one use case of `staff`, and shows what came of it.

pub mod approvals;
pub mod audit;
pub mod auth;
pub mod batch_forms;
pub mod batches;
pub mod batches_csv;
pub mod books;
pub mod changes;
pub mod code_jobs;
pub mod codes;
pub mod health;
pub mod jobs;
pub mod keys;
pub mod own;
pub mod payout_acts;
pub mod payouts;
pub mod roles;
pub mod security;
pub mod switches;
pub mod users;

use crate::App;
use serde::{Serialize, de::DeserializeOwned};
use store::Answer;
use web::Problem;

/// The least and most items of one page of a list.
pub const PAGE_DEFAULT: u32 = 50;
pub const PAGE_MAX: u32 = 200;

/// An answer as it is kept for a repeat of its call.
fn kept<T: Serialize>(status: u16, etag: Option<String>, location: Option<String>, body: &T) -> Answer {
    Answer {
        status,
        content_type: Some("application/json".to_owned()),
        etag,
        location,
        // Views are text, numbers and lists; they can always be written.
        body: serde_json::to_string(body).unwrap_or_default(),
    }
}

fn kept_empty() -> Answer {
    Answer { status: 204, content_type: None, etag: None, location: None, body: String::new() }
}

impl App {
    /// The position that a cursor holds, if it is ours and of this very list.
    async fn position<T: DeserializeOwned>(&self, list: &str, cursor: Option<&str>) -> Result<Option<T>, Problem> {
        let Some(text) = cursor else { return Ok(None) };
        let cursors = web::Cursors::new(&self.desk.cursor_key().await.map_err(|trouble| self.problem(trouble))?);
        cursors.open(list, text).map(Some)
    }

    async fn cursor(&self, list: &str, position: Option<String>) -> Result<Option<String>, Problem> {
        let Some(position) = position else { return Ok(None) };
        let cursors = web::Cursors::new(&self.desk.cursor_key().await.map_err(|trouble| self.problem(trouble))?);
        Ok(Some(cursors.seal(list, &position)))
    }
}
