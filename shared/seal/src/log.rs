//! The log as it can be read: entries from the table, everything else from the archive.

use crate::{
    SealError,
    archive::{Archive, Kept},
    keys::PublicKeys,
    signer::{LocalSigner, Signer},
};
use domain::seal::{Hour, Leaf, Row, SHARDS, Tree};
use service::{Clock, aws::Aws, config::Environment};
use std::{future::Future, path::Path};
use store::{AuditPage, Deadline, Store};

const TABLE_MS: u64 = 10_000;

/// Reads and verifies. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    pub store: Store,
    pub archive: Archive,
    pub keys: PublicKeys,
    pub clock: Clock,
}

pub(crate) fn leaf(row: &Row) -> Leaf {
    Leaf { sk: row.text("sk").unwrap_or_default().to_owned(), hash: row.leaf() }
}

pub(crate) fn tree(leaves: &[Leaf]) -> Tree {
    Tree::of(leaves.iter().map(|leaf| leaf.hash))
}

impl Log {
    /// From `TABLE_NAME`, `ENVIRONMENT`, `AUDIT_BUCKET`, `AUDIT_LOCK_DAYS` (optional) and `AUDIT_PUBLIC_KEY`, in whose
    /// place `AUDIT_LOCAL_KEY_FILE` can name a local signing key.
    pub fn from_environment(environment: &mut Environment, aws: &Aws, clock: Clock) -> Self {
        let bucket = environment.required("AUDIT_BUCKET");
        let lock_days = environment.optional("AUDIT_LOCK_DAYS").map(|_| environment.or("AUDIT_LOCK_DAYS", 1));
        let keys = match environment.optional("AUDIT_LOCAL_KEY_FILE") {
            Some(file) => LocalSigner::kept_in(Path::new(&file))
                .map(|signer| PublicKeys::one(signer.public_key().clone()))
                .map_err(|error| format!("AUDIT_LOCAL_KEY_FILE: {error}")),
            None => PublicKeys::parse(&environment.required("AUDIT_PUBLIC_KEY"))
                .map_err(|error| format!("AUDIT_PUBLIC_KEY: {error}")),
        };
        let keys = keys.unwrap_or_else(|problem| {
            environment.problem(problem);
            PublicKeys::none()
        });
        let name = environment.required("ENVIRONMENT");
        Self {
            store: Store::new(aws.dynamodb(), environment.required("TABLE_NAME")),
            archive: Archive::new(files::s3(aws), bucket, name, clock.clone(), lock_days),
            keys,
            clock,
        }
    }

    /// Does `work` on every shard, four at once: a full shard is megabytes.
    pub(crate) async fn each_shard<T, F: Future<Output = Result<T, SealError>>>(
        &self,
        work: impl Fn(u8) -> F,
    ) -> Result<Vec<T>, SealError> {
        let mut done = Vec::with_capacity(usize::from(SHARDS));
        for shard in (0..SHARDS).step_by(4) {
            let work = |next: u8| Box::pin(work(shard + next));
            let (a, b, c, d) = tokio::try_join!(work(0), work(1), work(2), work(3))?;
            done.extend([a, b, c, d]);
        }
        Ok(done)
    }

    /// Entries of one shard as they lie in the table, page by page. `after` is where the page before ended.
    ///
    /// # Errors
    /// See [`store::StoreError`].
    pub async fn page(&self, hour: Hour, shard: u8, after: Option<&str>) -> Result<AuditPage, SealError> {
        Ok(self.store.audit_page(hour, shard, after, Deadline::in_ms(TABLE_MS)).await?)
    }

    /// Shows each entry of one shard of the table, in order.
    pub(crate) async fn each_entry(&self, hour: Hour, shard: u8, mut show: impl FnMut(&Row)) -> Result<(), SealError> {
        let mut after: Option<String> = None;
        loop {
            let page = self.page(hour, shard, after.as_deref()).await?;
            page.rows.iter().for_each(&mut show);
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// The newest hour that is sealed; the table's hint saves the way through the archive, which decides.
    ///
    /// # Errors
    /// See [`SealError`].
    pub async fn last_sealed(&self) -> Result<Option<Hour>, SealError> {
        let now = Hour::of(self.clock.now());
        let hint = self.store.last_sealed_hour(Deadline::in_ms(TABLE_MS)).await?;
        let mut last = match hint.filter(|hint| *hint <= now) {
            Some(hint) if self.archive.digest(hint).await? != Kept::Absent => hint,
            _ => match self.archive.last(now).await? {
                Some(last) => last,
                None => return Ok(None),
            },
        };
        while last < now && self.archive.digest(last.plus(1)).await? != Kept::Absent {
            last = last.plus(1);
        }
        Ok(Some(last))
    }
}
