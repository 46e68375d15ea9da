//! Verifying a period: digests by themselves, as a chain, and against the entries that are there now.

use crate::{
    SealError,
    archive::Kept,
    log::{Log, leaf, tree},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    identity::hex,
    seal::{
        Before, Comparison, Difference, Digest, Finding, Found, Hour, Leaf, Part, Row, Sealed, Tree, chain, from_lines,
        is_late, newest_due,
    },
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use store::{Deadline, keys};

/// So many findings are named, the first ones; all are counted.
const MOST_FINDINGS: usize = 200;
const TABLE_MS: u64 = 5_000;

/// What a verification saw.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub from: Hour,
    pub to: Hour,
    /// Sealed hours that were checked, and the entries in them.
    pub hours: u64,
    pub entries: u64,
    /// Of these, the entries that were read in the archive.
    pub archived: u64,
    /// The first findings, in order of time.
    pub findings: Vec<Finding>,
    pub found: u64,
    /// The first seal of all, where the period begins before it.
    pub begins: Option<Hour>,
    /// From here on nothing is sealed yet.
    pub unsealed_from: Option<Hour>,
    /// The first hour that wasn't looked at because time was up.
    pub cut_short_at: Option<Hour>,
    /// Who signed.
    pub signers: BTreeSet<String>,
    /// Whether the archive keeps versions, so that a second version of a digest would be seen.
    pub versions_checked: bool,
}

impl Report {
    fn of(from: Hour, to: Hour) -> Self {
        Self {
            from,
            to,
            hours: 0,
            entries: 0,
            archived: 0,
            findings: Vec::new(),
            found: 0,
            begins: None,
            unsealed_from: None,
            cut_short_at: None,
            signers: BTreeSet::new(),
            versions_checked: false,
        }
    }

    fn note(&mut self, hour: Hour, found: Found) {
        self.found += 1;
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(Finding { hour, found });
        }
    }

    fn add(&mut self, hour: Hour, checked: Checked) {
        self.hours += 1;
        self.entries += checked.entries;
        self.archived += checked.archived;
        let unnamed = checked.found - checked.findings.len() as u64;
        for found in checked.findings {
            self.note(hour, found);
        }
        self.found += unnamed;
    }
}

/// What one sealed hour is like.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Entries as sealed.
    pub entries: u64,
    pub archived: u64,
    /// First the digest's, then the first entries in order of time.
    pub findings: Vec<Found>,
    pub found: u64,
}

impl Checked {
    /// Whether the hour is what was sealed, even if it was sealed late.
    pub fn is_whole(&self) -> bool {
        self.found == self.findings.len() as u64
            && self.findings.iter().all(|found| matches!(found, Found::Late { .. }))
    }

    fn note(&mut self, found: Found) {
        self.found += 1;
        self.findings.push(found);
    }
}

/// What one shard is like.
#[derive(Default)]
struct CheckedShard {
    /// Entries that differ, with their sort keys; the first ones.
    differences: Vec<(Difference, String)>,
    found: u64,
    other: Option<Found>,
    archived: u64,
}

impl Log {
    /// Verifies the hours `from` to `to`, both included, until `deadline`.
    ///
    /// # Errors
    /// When table or archive can't be read. What is wrong with the log is in the report.
    pub async fn verify(&self, from: Hour, to: Hour, deadline: Deadline) -> Result<Report, SealError> {
        let mut report = Report::of(from, to);
        let now = self.clock.now();
        let hint = self.store.last_sealed_hour(Deadline::in_ms(TABLE_MS)).await?;
        let hint = hint.map(|hint| hint.min(newest_due(now)));
        let Some(first) = self.archive.first(Hour::of(now)).await? else {
            match hint {
                Some(hint) if hint >= from => report.note(hint, Found::DigestMissing),
                _ => report.unsealed_from = Some(from),
            }
            return Ok(report);
        };
        let last = self.last_sealed().await?.max(hint).unwrap_or(first);
        if from < first {
            report.begins = Some(first);
        }
        let mut hour = from.max(first);
        let mut before = match self.archive.digest(hour.plus(-1)).await? {
            Kept::Digest(sealed) => Some(sealed.digest),
            Kept::Absent | Kept::Unreadable => None,
        };
        let mut versions: Option<BTreeMap<String, u32>> = None;
        let mut listed = None;
        while hour <= to {
            if deadline.passed() {
                report.cut_short_at = Some(hour);
                break;
            }
            if listed != Some(hour.day()) {
                versions = self.archive.versions(hour).await?;
                listed = Some(hour.day());
                report.versions_checked |= versions.is_some();
            }
            let count = versions.as_ref().and_then(|versions| versions.get(&self.archive.digest_key(hour)));
            if let Some(versions) = count.copied().filter(|count| *count > 1) {
                report.note(hour, Found::SecondVersion { versions });
            }
            before = match self.archive.digest(hour).await? {
                Kept::Digest(sealed) => {
                    if hour == first && sealed.digest.previous.is_some() {
                        report.note(hour.plus(-1), Found::DigestMissing);
                    }
                    report.signers.insert(sealed.digest.signer.clone());
                    if let Some(found) = follows(before.as_ref(), hour == first, &sealed.digest) {
                        report.note(hour, found);
                    }
                    report.add(hour, self.check_hour(hour, &sealed).await?);
                    Some(sealed.digest)
                }
                Kept::Unreadable => {
                    report.note(hour, Found::DigestUnreadable);
                    None
                }
                Kept::Absent if hour <= last => {
                    report.note(hour, Found::DigestMissing);
                    None
                }
                Kept::Absent => {
                    if is_late(hour, now) {
                        report.note(hour, Found::NotSealed);
                    }
                    report.unsealed_from = Some(hour);
                    break;
                }
            };
            hour = hour.plus(1);
        }
        Ok(report)
    }

    /// Verifies one sealed hour by itself: its digest, its signature, its entries.
    ///
    /// # Errors
    /// When table or archive can't be read.
    pub async fn check_hour(&self, hour: Hour, sealed: &Sealed) -> Result<Checked, SealError> {
        let digest = &sealed.digest;
        let mut checked = Checked { entries: digest.count, ..Checked::default() };
        match self.keys.find(&digest.key) {
            None => checked.note(Found::KeyUnknown { key: digest.key.clone() }),
            Some(key) => {
                let signature = STANDARD.decode(&sealed.signature).unwrap_or_default();
                if !key.verifies(&digest.signed_bytes(), &signature) {
                    checked.note(Found::SignatureWrong);
                }
            }
        }
        digest.problems(self.archive.environment(), hour).into_iter().for_each(|found| checked.note(found));

        let nothing = Part::of(&Tree::default());
        let part = |shard: u8| digest.shards.get(usize::from(shard)).unwrap_or(&nothing);
        let shards = self.each_shard(|shard| self.check_shard(hour, shard, part(shard))).await?;
        let mut entries = Vec::new();
        for (shard, seen) in (0..).zip(shards) {
            checked.archived += seen.archived;
            checked.found += seen.found;
            if let Some(other) = seen.other {
                checked.note(other);
            }
            entries.extend(seen.differences.into_iter().map(|(difference, sk)| (sk, shard, difference)));
        }
        entries.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        entries.truncate(MOST_FINDINGS);
        checked.findings.extend(entries.into_iter().map(|(sk, shard, difference)| Found::Entry {
            difference,
            pk: keys::audit_pk(&hour.to_string(), shard),
            sk,
        }));
        Ok(checked)
    }

    async fn check_shard(&self, hour: Hour, shard: u8, part: &Part) -> Result<CheckedShard, SealError> {
        let Some(sealed) = self.sealed_leaves(hour, shard, part).await? else {
            return self.check_without_leaves(hour, shard, part).await;
        };
        let mut comparison = Comparison::new(&sealed, MOST_FINDINGS);
        self.each_entry(hour, shard, |row| comparison.show(&leaf(row))).await?;
        let (differences, found) = comparison.finish();
        if found == 0 {
            return Ok(CheckedShard::default());
        }
        // What isn't in the table may have been archived, and must be there then as it was sealed.
        let Some(archived) = self.archived(hour, shard).await? else {
            return Ok(CheckedShard { differences, found, ..CheckedShard::default() });
        };
        let mut in_table = Comparison::new(&sealed, MOST_FINDINGS).some_may_be_missing();
        self.each_entry(hour, shard, |row| in_table.show(&leaf(row))).await?;
        let mut in_archive = Comparison::new(&sealed, MOST_FINDINGS);
        archived.iter().for_each(|row| in_archive.show(&leaf(row)));
        let ((mut differences, found), (more, found_more)) = (in_table.finish(), in_archive.finish());
        differences.extend(more);
        Ok(CheckedShard { differences, found: found + found_more, other: None, archived: archived.len() as u64 })
    }

    /// The list of leaves kept beside a digest; `None` unless it is the sealed one.
    async fn sealed_leaves(&self, hour: Hour, shard: u8, part: &Part) -> Result<Option<Vec<Leaf>>, SealError> {
        let leaves = if part.count == 0 {
            Some(Vec::new())
        } else {
            let bytes = self.archive.get(&self.archive.leaves_key(hour, shard, part)).await?;
            bytes.and_then(|bytes| from_lines(&bytes).ok())
        };
        Ok(leaves.filter(|leaves| Part::of(&tree(leaves)) == *part))
    }

    /// Without the list no entry can be named, but whether all are as they were sealed can be said.
    async fn check_without_leaves(&self, hour: Hour, shard: u8, part: &Part) -> Result<CheckedShard, SealError> {
        let mut present = Tree::default();
        self.each_entry(hour, shard, |row| present.push(row.leaf())).await?;
        let mut archived = 0;
        let mut whole = Part::of(&present) == *part;
        if !whole && let Some(rows) = self.archived(hour, shard).await? {
            archived = rows.len() as u64;
            whole = hex(&Tree::of(rows.iter().map(Row::leaf)).root()) == part.root;
        }
        let found = if whole { Found::LeavesWrong { shard } } else { Found::EntriesWrong { shard } };
        Ok(CheckedShard { other: Some(found), archived, ..CheckedShard::default() })
    }

    /// Archived entries; damaged ones count as none, so that they are found missing.
    async fn archived(&self, hour: Hour, shard: u8) -> Result<Option<Vec<Row>>, SealError> {
        let key = self.archive.entries_key(hour, shard);
        let Some(bytes) = self.archive.get(&key).await? else { return Ok(None) };
        Ok(Some(crate::archive::rows(&bytes).unwrap_or_default()))
    }
}

fn follows(before: Option<&Digest>, first: bool, digest: &Digest) -> Option<Found> {
    let before = match before {
        Some(before) => Before::Digest(before),
        // That an earlier one is missing has been told already.
        None if first && digest.previous.is_none() => Before::Nothing,
        None => Before::Lost,
    };
    chain(before, digest)
}
