//! Cursors of lists: opaque to the caller, signed, and good for the query only that they were made for.

use crate::Problem;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac, digest::KeyInit};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

/// Longer texts are no cursors of ours.
pub const CURSOR_MAX_BYTES: usize = 2_048;
const MAC_BYTES: usize = 16;

/// Makes cursors and reads them again. Cheap to clone.
#[derive(Clone)]
pub struct Cursors(Hmac<Sha256>);

impl Cursors {
    /// `key` is secret and belongs to one environment; at least 16 bytes.
    pub fn new(key: &[u8]) -> Self {
        // A whole block as key can't be refused, so there is no error to invent an answer to.
        let mut block = [0u8; 64];
        block[..32].copy_from_slice(&Sha256::digest(key));
        Self(<Hmac<Sha256> as KeyInit>::new(&block.into()))
    }

    /// A cursor that stands at `position` of `query`, which names the caller and every filter in one fixed form.
    pub fn seal<T: Serialize>(&self, query: &str, position: &T) -> String {
        // Positions are our own plain types. One that can't be written makes a cursor that can't be read: a 400.
        let mut bytes = serde_json::to_vec(position).unwrap_or_default();
        let mac = self.mac(query, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac[..MAC_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position that `text` stands at.
    ///
    /// # Errors
    /// 400 on the field `cursor` when it isn't ours, is damaged, or belongs to another query.
    pub fn open<T: DeserializeOwned>(&self, query: &str, text: &str) -> Result<T, Problem> {
        self.read(query, text).ok_or_else(|| {
            Problem::bad_request("bad_cursor", "This cursor doesn't belong to this query. Start again without it.")
                .on("cursor", "a cursor from an answer to the same query")
        })
    }

    fn read<T: DeserializeOwned>(&self, query: &str, text: &str) -> Option<T> {
        if text.len() > CURSOR_MAX_BYTES {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (payload, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        self.mac(query, payload).verify_truncated_left(mac).ok()?;
        serde_json::from_slice(payload).ok()
    }

    fn mac(&self, query: &str, payload: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(b"cursor");
        mac.update(&(query.len() as u64).to_be_bytes());
        mac.update(query.as_bytes());
        mac.update(payload);
        mac
    }
}

/// One page of a list. Empty pages with a cursor are normal: a request reads so much and no more.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "PageOf{T}")]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Send it as `cursor` to go on; missing at the end of the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// How far back this page has looked, where that is further than its last item.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub searched_back_to: Option<String>,
}

impl<T> Page<T> {
    pub fn new(items: Vec<T>, next: Option<String>) -> Self {
        Self { items, next, searched_back_to: None }
    }

    #[must_use]
    pub fn searched_back_to(mut self, at: Timestamp) -> Self {
        self.searched_back_to = Some(at.to_string());
        self
    }
}
