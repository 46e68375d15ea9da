use super::{
    SHARDS,
    compare::Difference,
    hour::Hour,
    is_late,
    tree::{Hash, Tree, leaf},
};
use crate::identity::hex;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The form of digest that this version writes and reads.
pub const FORMAT: u32 = 1;

/// What one shard of an hour holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    pub count: u64,
    /// The root of its tree, 64 hexadecimal figures.
    pub root: String,
}

impl Part {
    pub fn of(leaves: &Tree) -> Self {
        Self { count: leaves.count(), root: hex(&leaves.root()) }
    }
}

/// One hour of the log: what is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    pub format: u32,
    pub environment: String,
    pub hour: Hour,
    /// The hour's first moment, and the first that doesn't belong to it.
    pub from: Timestamp,
    pub to: Timestamp,
    pub count: u64,
    /// One for each shard, from 0.
    pub shards: Vec<Part>,
    /// The root over the shards' roots.
    pub root: String,
    /// [`Digest::hash`] of the hour before; `None` in the first digest of all.
    pub previous: Option<String>,
    pub sealed_at: Timestamp,
    pub late: bool,
    /// Who signs: `aws-kms`, or `local, not tamper-proof`.
    pub signer: String,
    /// The fingerprint of the public key that verifies it.
    pub key: String,
}

impl Digest {
    /// The digest of `hour` sealed `at`; `parts` has one for each shard, `previous` is the hash of the digest before.
    pub fn of(
        environment: &str,
        hour: Hour,
        parts: Vec<Part>,
        previous: Option<String>,
        at: Timestamp,
        (signer, key): (&str, &str),
    ) -> Self {
        Self {
            format: FORMAT,
            environment: environment.to_owned(),
            hour,
            from: hour.start(),
            to: hour.end(),
            count: parts.iter().map(|part| part.count).sum(),
            root: root_of(&parts),
            shards: parts,
            previous,
            sealed_at: at,
            late: is_late(hour, at),
            signer: signer.to_owned(),
            key: key.to_owned(),
        }
    }

    /// The bytes that are signed: JSON, keys sorted, no blanks.
    pub fn signed_bytes(&self) -> Vec<u8> {
        self.json().to_string().into_bytes()
    }

    /// SHA-256 of the signed bytes, 64 hexadecimal figures.
    pub fn hash(&self) -> String {
        let hash: Hash = Sha256::digest(self.signed_bytes()).into();
        hex(&hash)
    }

    fn json(&self) -> Value {
        let parts = self
            .shards
            .iter()
            .map(|part| sorted([("count", Value::from(part.count)), ("root", Value::from(part.root.as_str()))]));
        sorted([
            ("count", Value::from(self.count)),
            ("environment", Value::from(self.environment.as_str())),
            ("format", Value::from(self.format)),
            ("from", Value::from(self.from.to_string())),
            ("hour", Value::from(self.hour.to_string())),
            ("key", Value::from(self.key.as_str())),
            ("late", Value::from(self.late)),
            ("previous", self.previous.as_deref().map_or(Value::Null, Value::from)),
            ("root", Value::from(self.root.as_str())),
            ("sealed_at", Value::from(self.sealed_at.to_string())),
            ("shards", Value::from_iter(parts)),
            ("signer", Value::from(self.signer.as_str())),
            ("to", Value::from(self.to.to_string())),
        ])
    }

    /// What can be wrong with a digest by itself, signature aside, where `hour` of `environment` is expected.
    pub fn problems(&self, environment: &str, hour: Hour) -> Vec<Found> {
        let mut found = Vec::new();
        let times = self.from == hour.start() && self.to == hour.end();
        if self.format != FORMAT || self.environment != environment || self.hour != hour || !times {
            found.push(Found::AnothersDigest);
        }
        let count: u64 = self.shards.iter().fold(0, |sum, part| sum.saturating_add(part.count));
        if self.shards.len() != usize::from(SHARDS) || count != self.count || root_of(&self.shards) != self.root {
            found.push(Found::SumsWrong);
        }
        if self.late || is_late(hour, self.sealed_at) {
            let minutes = crate::time::between(hour.end(), self.sealed_at) / crate::time::MINUTE_MS;
            found.push(Found::Late { minutes });
        }
        found
    }
}

/// The keys are given in order, so the object is in order whether or not serde_json was built to keep one.
fn sorted<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    debug_assert!(pairs.is_sorted_by_key(|(name, _)| *name));
    Value::Object(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn root_of(parts: &[Part]) -> String {
    hex(&Tree::of(parts.iter().map(|part| leaf(part.root.as_bytes()))).root())
}

/// A digest with its signature, as it lies in the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    pub digest: Digest,
    /// ECDSA with SHA-256 over [`Digest::signed_bytes`], ASN.1, base64.
    pub signature: String,
}

impl Sealed {
    pub fn to_bytes(&self) -> Vec<u8> {
        sorted([("digest", self.digest.json()), ("signature", Value::from(self.signature.as_str()))])
            .to_string()
            .into_bytes()
    }

    /// `None` unless the bytes are a digest of this version with nothing beside.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// What lies before a digest.
#[derive(Clone, Copy, Debug)]
pub enum Before<'a> {
    /// No digest at all: the one that is looked at is the first.
    Nothing,
    /// The digest of the hour before.
    Digest(&'a Digest),
    /// The hour before has no digest, or one that can't be read, though there are earlier ones.
    Lost,
}

/// Whether `digest` follows what lies before it.
pub fn chain(before: Before<'_>, digest: &Digest) -> Option<Found> {
    let follows = match (before, &digest.previous) {
        (Before::Nothing, None) => true,
        (Before::Digest(before), Some(named)) => before.hash() == *named,
        // What it names is not there any more, which is told of the hour that lost it.
        (Before::Lost, Some(_)) => true,
        (Before::Nothing, Some(_)) | (Before::Digest(_) | Before::Lost, None) => false,
    };
    (!follows).then_some(Found::ChainBroken)
}

/// What is wrong in one hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Found {
    /// One entry, by its keys in the table.
    Entry {
        difference: Difference,
        pk: String,
        sk: String,
    },
    /// The hour was sealed, but its digest is gone.
    DigestMissing,
    DigestUnreadable,
    /// It is of another hour, environment or format.
    AnothersDigest,
    SignatureWrong,
    /// Signed with a key that the verification wasn't given.
    KeyUnknown {
        key: String,
    },
    /// It doesn't name the digest of the hour before.
    ChainBroken,
    /// Somebody wrote or deleted the digest after it was sealed.
    SecondVersion {
        versions: u32,
    },
    Late {
        minutes: i64,
    },
    /// It should have been sealed by now.
    NotSealed,
    /// Count or root don't follow from the digest's own shards.
    SumsWrong,
    /// The list of leaves is gone or not the sealed one, and the entries aren't the sealed ones either, so that none
    /// can be named.
    EntriesWrong {
        shard: u8,
    },
    /// The list of leaves is gone or not the sealed one; the entries are as they were sealed.
    LeavesWrong {
        shard: u8,
    },
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry { difference: Difference::Altered, pk, sk } => write!(f, "entry altered: {pk} {sk}"),
            Self::Entry { difference: Difference::Missing, pk, sk } => write!(f, "entry missing: {pk} {sk}"),
            Self::Entry { difference: Difference::Added, pk, sk } => write!(f, "entry added: {pk} {sk}"),
            Self::DigestMissing => write!(f, "digest missing"),
            Self::DigestUnreadable => write!(f, "digest unreadable"),
            Self::AnothersDigest => write!(f, "digest of another hour, environment or format"),
            Self::SignatureWrong => write!(f, "signature wrong"),
            Self::KeyUnknown { key } => write!(f, "signed with an unknown key: {key}"),
            Self::ChainBroken => write!(f, "digest does not name the digest of the hour before"),
            Self::SecondVersion { versions } => write!(f, "digest has {versions} versions"),
            Self::Late { minutes } => write!(f, "sealed late: {minutes} minutes after the hour"),
            Self::NotSealed => write!(f, "not sealed in time"),
            Self::SumsWrong => write!(f, "count or root do not match the digest's own shards"),
            Self::EntriesWrong { shard } => {
                write!(f, "entries of shard {shard:02} are not the sealed ones, and the list of leaves is lost")
            }
            Self::LeavesWrong { shard } => write!(f, "list of leaves of shard {shard:02} is not the sealed one"),
        }
    }
}

/// What is wrong, and in which hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub hour: Hour,
    #[serde(flatten)]
    pub found: Found,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.hour, self.found)
    }
}
