//! What lies in S3: digests, lists of leaves, and entries whose time in the table is over.
//!
//! Nothing is ever written over: every object is put with `If-None-Match: *`.

use crate::SealError;
use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::{ByteStream, DateTime},
    types::ObjectLockMode,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use domain::seal::{Hour, Part, Row, Sealed};
use service::Clock;
use std::collections::BTreeMap;

/// The largest object that is read; a shard of 1,000,000 entries would be less.
const MOST_BYTES: i64 = 1 << 30;
const DAY_S: i64 = 24 * 3_600;

/// What became of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    Written,
    /// Something lies there already, or is being written there. It stays as it is.
    Exists,
}

/// A digest that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    Absent,
    Unreadable,
    Digest(Box<Sealed>),
}

/// The bucket, as far as one environment's audit log goes. Cheap to clone.
#[derive(Clone)]
pub struct Archive {
    client: Client,
    bucket: String,
    environment: String,
    clock: Clock,
    /// For how many days nobody, not even the account's owner, can remove an object. Needs a bucket with Object Lock.
    lock_days: Option<u32>,
}

fn failed<E: ProvideErrorMetadata>(what: &str, error: &SdkError<E, HttpResponse>) -> SealError {
    SealError::Archive(format!("{what}: {}", error.code().unwrap_or("no answer")))
}

impl Archive {
    pub fn new(
        client: Client,
        bucket: impl Into<String>,
        environment: impl Into<String>,
        clock: Clock,
        lock_days: Option<u32>,
    ) -> Self {
        Self { client, bucket: bucket.into(), environment: environment.into(), clock, lock_days }
    }

    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// `audit/<environment>/2026/11/20/13`
    fn stem(&self, root: &str, hour: Hour) -> String {
        format!("{root}/{}/{}/{:02}", self.environment, hour.day().strftime("%Y/%m/%d"), hour.of_day())
    }

    pub fn digest_key(&self, hour: Hour) -> String {
        format!("{}.digest.json", self.stem("audit", hour))
    }

    /// Named by its content, so that a list that an interrupted sealing left behind is never taken for another one.
    pub fn leaves_key(&self, hour: Hour, shard: u8, part: &Part) -> String {
        format!("{}.{shard:02}.{}.leaves", self.stem("audit", hour), part.root.get(..16).unwrap_or(&part.root))
    }

    pub fn entries_key(&self, hour: Hour, shard: u8) -> String {
        format!("{}.{shard:02}.ndjson", self.stem("audit-archive", hour))
    }

    /// Writes an object where there is none.
    ///
    /// # Errors
    /// When the archive refuses or doesn't answer; the object may be there then.
    pub async fn put(&self, key: &str, kind: &str, bytes: Vec<u8>) -> Result<Put, SealError> {
        let mut call = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(kind)
            .if_none_match("*")
            .body(ByteStream::from(bytes));
        if let Some(days) = self.lock_days {
            let until = self.clock.now().as_second().saturating_add(i64::from(days).saturating_mul(DAY_S));
            call = call
                .object_lock_mode(ObjectLockMode::Compliance)
                .object_lock_retain_until_date(DateTime::from_secs(until));
        }
        match call.send().await {
            Ok(_) => Ok(Put::Written),
            Err(error) => match error.raw_response().map(|response| response.status().as_u16()) {
                // The second is a put of the same key that is under way.
                Some(412 | 409) => Ok(Put::Exists),
                _ => Err(failed("put", &error)),
            },
        }
    }

    /// # Errors
    /// When the archive refuses or doesn't answer. An object that isn't there is `None`.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, SealError> {
        let answer = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => return Ok(None),
            Err(error) => return Err(failed("get", &error)),
        };
        if answer.content_length.is_some_and(|bytes| bytes > MOST_BYTES) {
            return Err(SealError::Archive(format!("{key} is too large")));
        }
        let body = answer.body.collect().await;
        body.map(|body| Some(body.to_vec())).map_err(|_| SealError::Archive("an object broke off".to_owned()))
    }

    /// The digest of one hour, as it lies there; nothing about it is checked.
    ///
    /// # Errors
    /// See [`Archive::get`].
    pub async fn digest(&self, hour: Hour) -> Result<Kept, SealError> {
        let Some(bytes) = self.get(&self.digest_key(hour)).await? else { return Ok(Kept::Absent) };
        Ok(Sealed::from_bytes(&bytes).map_or(Kept::Unreadable, |sealed| Kept::Digest(Box::new(sealed))))
    }

    /// Archived entries of one shard of an hour, in their order; `None` when the hour was not archived.
    ///
    /// # Errors
    /// [`SealError::Archive`] too when a line is no entry.
    pub async fn entries(&self, hour: Hour, shard: u8) -> Result<Option<Vec<Row>>, SealError> {
        let Some(bytes) = self.get(&self.entries_key(hour, shard)).await? else { return Ok(None) };
        let rows = rows(&bytes);
        rows.map(Some).ok_or_else(|| SealError::Archive(format!("{} is damaged", self.entries_key(hour, shard))))
    }

    /// The first hour that has a digest.
    ///
    /// # Errors
    /// When the archive can't be listed.
    pub async fn first(&self, no_later: Hour) -> Result<Option<Hour>, SealError> {
        self.outermost(no_later, false).await
    }

    /// The last hour up to `no_later` that has a digest.
    ///
    /// # Errors
    /// When the archive can't be listed.
    pub async fn last(&self, no_later: Hour) -> Result<Option<Hour>, SealError> {
        self.outermost(no_later, true).await
    }

    /// Goes down by year, month and day, so that the calls don't grow with the log.
    async fn outermost(&self, no_later: Hour, last: bool) -> Result<Option<Hour>, SealError> {
        let root = format!("audit/{}/", self.environment);
        let mut ahead = vec![(root, 0)];
        while let Some((prefix, depth)) = ahead.pop() {
            let mut below = self.below(&prefix).await?;
            // The one that is wanted most is taken from the end.
            if !last {
                below.reverse();
            }
            if depth < 3 {
                ahead.extend(below.into_iter().filter(|name| name.ends_with('/')).map(|name| (name, depth + 1)));
            } else {
                let hours = below.iter().rev().filter_map(|key| self.hour_of(key));
                if let Some(hour) = hours.into_iter().find(|hour| *hour <= no_later) {
                    return Ok(Some(hour));
                }
            }
        }
        Ok(None)
    }

    fn hour_of(&self, key: &str) -> Option<Hour> {
        let stem = key.strip_suffix(".digest.json")?.strip_prefix(&format!("audit/{}/", self.environment))?;
        stem.replace('/', "").parse().ok()
    }

    /// Folders and objects directly below `prefix`, sorted.
    async fn below(&self, prefix: &str) -> Result<Vec<String>, SealError> {
        let mut names = Vec::new();
        let mut next = None;
        loop {
            let call = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).delimiter("/");
            let page = call.set_continuation_token(next).send().await.map_err(|error| failed("list", &error))?;
            names.extend(page.common_prefixes.unwrap_or_default().into_iter().filter_map(|below| below.prefix));
            names.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
            next = page.next_continuation_token;
            if next.is_none() {
                names.sort_unstable();
                return Ok(names);
            }
        }
    }

    /// How many versions each object of the hour's day has, marks of deletion counted. `None` where the service keeps
    /// no versions.
    ///
    /// # Errors
    /// When the archive can't be listed.
    pub async fn versions(&self, hour: Hour) -> Result<Option<BTreeMap<String, u32>>, SealError> {
        let prefix = format!("audit/{}/{}/", self.environment, hour.day().strftime("%Y/%m/%d"));
        let mut versions = BTreeMap::new();
        let (mut next_key, mut next_version) = (None, None);
        loop {
            let call = self.client.list_object_versions().bucket(&self.bucket).prefix(&prefix);
            let page = match call.set_key_marker(next_key).set_version_id_marker(next_version).send().await {
                Ok(page) => page,
                Err(error) => match error.raw_response().map(|response| response.status().as_u16()) {
                    Some(501 | 405) => return Ok(None),
                    _ => return Err(failed("list of versions", &error)),
                },
            };
            let kept = page.versions.unwrap_or_default().into_iter().filter_map(|version| version.key);
            let deleted = page.delete_markers.unwrap_or_default().into_iter().filter_map(|mark| mark.key);
            for key in kept.chain(deleted) {
                *versions.entry(key).or_default() += 1;
            }
            (next_key, next_version) = (page.next_key_marker, page.next_version_id_marker);
            if next_key.is_none() {
                return Ok(Some(versions));
            }
        }
    }
}

/// Reads archived entries: one row a line, in the form that is hashed.
pub(crate) fn rows(bytes: &[u8]) -> Option<Vec<Row>> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    bytes.split(|byte| *byte == b'\n').map(serde_json::from_slice).collect::<Result<_, _>>().ok()
}
