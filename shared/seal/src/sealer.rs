//! Sealing: an hour at a time, in order, once.

use crate::{
    SealError,
    archive::{Kept, Put},
    log::{Log, leaf, tree},
    signer::{KmsSigner, LocalSigner, Signer, kms},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::seal::{Digest, Hour, Leaf, Part, Sealed, newest_due, to_lines};
use service::{Clock, aws::Aws, config::Environment};
use std::{path::Path, sync::Arc};
use store::Deadline;

const TABLE_MS: u64 = 5_000;

/// Seals the log. Any number of them may run at once: the archive takes one digest for an hour.
#[derive(Clone)]
pub struct Sealer {
    pub log: Log,
    pub signer: Arc<dyn Signer>,
    /// The first hour to be sealed where there is no seal yet; without it the newest one that is due.
    pub begin: Option<Hour>,
}

/// An hour that is sealed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedHour {
    pub digest: Digest,
    /// Whether it was this call that sealed it.
    pub written: bool,
}

impl Sealer {
    /// From what [`Log::from_environment`] reads, `AUDIT_KEY_ID` (a key in KMS) and `AUDIT_FROM` (optional, the first
    /// hour to be sealed where none is). `AUDIT_LOCAL_KEY_FILE` in place of the key signs without KMS.
    ///
    /// `None` when something is missing or malformed, which `environment` remembers.
    pub fn from_environment(environment: &mut Environment, aws: &Aws, clock: Clock) -> Option<Self> {
        let log = Log::from_environment(environment, aws, clock);
        let signer: Option<Arc<dyn Signer>> = match environment.optional("AUDIT_LOCAL_KEY_FILE") {
            Some(file) => match LocalSigner::kept_in(Path::new(&file)) {
                Ok(signer) => Some(Arc::new(signer)),
                // The log has told.
                Err(_) => None,
            },
            None => {
                let id = environment.required("AUDIT_KEY_ID");
                log.keys.present().map(|key| Arc::new(KmsSigner::new(kms(aws), id, key.clone())) as Arc<dyn Signer>)
            }
        };
        let begin = environment.optional("AUDIT_FROM").and_then(|text| match text.parse() {
            Ok(hour) => Some(hour),
            Err(error) => {
                environment.problem(format!("AUDIT_FROM: {error}"));
                None
            }
        });
        Some(Self { log, signer: signer?, begin })
    }

    /// Seals every hour that is due and isn't sealed, in order, until `deadline`. Answers those that are sealed now.
    ///
    /// # Errors
    /// Where it stopped; what was sealed by then stays sealed, and the next run goes on from there.
    pub async fn seal_due(&self, deadline: Deadline) -> Result<Vec<SealedHour>, SealError> {
        let newest = newest_due(self.log.clock.now());
        let (mut hour, mut before) = match self.log.last_sealed().await? {
            Some(last) => (last.plus(1), Some(self.named(last).await?)),
            None => (self.begin.unwrap_or(newest), None),
        };
        let mut sealed = Vec::new();
        while hour <= newest && !deadline.passed() {
            let done = self.seal_behind(hour, before).await?;
            before = Some(done.digest.hash());
            sealed.push(done);
            hour = hour.plus(1);
        }
        Ok(sealed)
    }

    /// Seals one hour behind the one before it. An hour that is sealed already stays as it is.
    ///
    /// # Errors
    /// [`SealError::NotDue`], [`SealError::Gap`]; see [`SealError`] for the rest.
    pub async fn seal_hour(&self, hour: Hour) -> Result<SealedHour, SealError> {
        if hour > newest_due(self.log.clock.now()) {
            return Err(SealError::NotDue(hour));
        }
        let before = match self.log.archive.digest(hour.plus(-1)).await? {
            Kept::Absent if self.log.archive.first(hour).await?.is_none_or(|first| first == hour) => None,
            Kept::Absent => return Err(SealError::Gap(hour.plus(-1))),
            Kept::Unreadable | Kept::Digest(_) => Some(self.named(hour.plus(-1)).await?),
        };
        self.seal_behind(hour, before).await
    }

    /// What the next digest calls the digest of `hour`.
    async fn named(&self, hour: Hour) -> Result<String, SealError> {
        match self.log.archive.digest(hour).await? {
            Kept::Digest(sealed) => Ok(sealed.digest.hash()),
            Kept::Absent => Err(SealError::Gap(hour)),
            // Sealing goes on, and a verification says which digest is broken.
            Kept::Unreadable => Ok("unreadable".to_owned()),
        }
    }

    async fn seal_behind(&self, hour: Hour, before: Option<String>) -> Result<SealedHour, SealError> {
        let archive = &self.log.archive;
        let parts = self.log.each_shard(|shard| self.keep_leaves(hour, shard)).await?;
        let key = self.signer.public_key();
        let named = (self.signer.name(), key.fingerprint());
        let digest = Digest::of(archive.environment(), hour, parts, before, self.log.clock.now(), named);
        let message = digest.signed_bytes();
        let signature = self.signer.sign(&message).await?;
        // A seal that nobody can verify would stay for years.
        if !key.verifies(&message, &signature) || self.log.keys.find(key.fingerprint()).is_none() {
            return Err(SealError::Signer("the public key that was given is not the signing key's".to_owned()));
        }
        let sealed = Sealed { digest, signature: STANDARD.encode(signature) };
        let put = archive.put(&archive.digest_key(hour), "application/json", sealed.to_bytes()).await?;
        let done = match put {
            Put::Written => SealedHour { digest: sealed.digest, written: true },
            Put::Exists => match archive.digest(hour).await? {
                Kept::Digest(theirs) => SealedHour { digest: theirs.digest, written: false },
                Kept::Absent | Kept::Unreadable => {
                    return Err(SealError::Archive(format!("{hour} is being sealed by somebody else")));
                }
            },
        };
        let noted = self.log.store.note_sealed_hour(hour, done.digest.count, Deadline::in_ms(TABLE_MS)).await;
        if let Err(error) = noted {
            // Only a hint: the next seal writes it again, a search looks into an hour that it could pass over.
            tracing::warn!(%error, %hour, "the table was not told of a seal");
        }
        Ok(done)
    }

    /// Reads one shard and keeps the list of its leaves.
    async fn keep_leaves(&self, hour: Hour, shard: u8) -> Result<Part, SealError> {
        let mut leaves: Vec<Leaf> = Vec::new();
        self.log.each_entry(hour, shard, |row| leaves.push(leaf(row))).await?;
        let part = Part::of(&tree(&leaves));
        if part.count > 0 {
            let key = self.log.archive.leaves_key(hour, shard, &part);
            self.log.archive.put(&key, "application/x-ndjson", to_lines(&leaves).into_bytes()).await?;
        }
        Ok(part)
    }
}
