use super::tree::Hash;
use crate::identity::hex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{cmp::Ordering, iter::Peekable, slice::Iter};

/// One entry as it was sealed: its sort key in its shard, and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    pub sk: String,
    pub hash: Hash,
}

/// A list of leaves can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {0} is no leaf")]
pub struct BadLeaves(pub usize);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    hash: String,
    sk: String,
}

/// The list of leaves that is kept beside a digest: one JSON object a line.
pub fn to_lines(leaves: &[Leaf]) -> String {
    let mut lines = String::with_capacity(leaves.len() * 140);
    for leaf in leaves {
        // The sort key is a JSON text, so it can hold anything; the hash needs no quoting.
        lines.push_str(&format!("{{\"hash\":\"{}\",\"sk\":{}}}\n", hex(&leaf.hash), Value::from(leaf.sk.as_str())));
    }
    lines
}

/// # Errors
/// The number of the first line that isn't what [`to_lines`] writes, from 1.
pub fn from_lines(lines: &[u8]) -> Result<Vec<Leaf>, BadLeaves> {
    let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let read = |(at, line): (usize, &[u8])| {
        let line: Line = serde_json::from_slice(line).map_err(|_| BadLeaves(at + 1))?;
        let hash = unhex(&line.hash).ok_or(BadLeaves(at + 1))?;
        Ok(Leaf { sk: line.sk, hash })
    };
    lines.split(|byte| *byte == b'\n').enumerate().map(read).collect()
}

fn unhex(text: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    if text.len() != 64 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (byte, figures) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(figures).ok()?, 16).ok()?;
    }
    Some(hash)
}

/// What is not as it was sealed. An entry that was moved is missing at its old time and added at its new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    Altered,
    Missing,
    Added,
}

/// Compares the leaves of one shard as sealed with those that are there now, which are shown to it one by one.
///
/// Both come in the order of their sort keys, which begin with the time.
pub struct Comparison<'a> {
    sealed: Peekable<Iter<'a, Leaf>>,
    first: Vec<(Difference, String)>,
    found: u64,
    most: usize,
    missing_counts: bool,
}

impl<'a> Comparison<'a> {
    /// Keeps the first `most` differences, and counts all.
    pub fn new(sealed: &'a [Leaf], most: usize) -> Self {
        Self { sealed: sealed.iter().peekable(), first: Vec::new(), found: 0, most, missing_counts: true }
    }

    /// Entries may be missing: they were archived.
    #[must_use]
    pub fn some_may_be_missing(self) -> Self {
        Self { missing_counts: false, ..self }
    }

    /// The next leaf that is there.
    pub fn show(&mut self, present: &Leaf) {
        loop {
            let order = self.sealed.peek().map(|sealed| sealed.sk.cmp(&present.sk));
            match order {
                Some(Ordering::Less) => self.skip(),
                Some(Ordering::Equal) => {
                    if self.sealed.next().is_some_and(|sealed| sealed.hash != present.hash) {
                        self.note(Difference::Altered, &present.sk);
                    }
                    return;
                }
                Some(Ordering::Greater) | None => return self.note(Difference::Added, &present.sk),
            }
        }
    }

    /// The first differences in order of time, and how many there are in all.
    pub fn finish(mut self) -> (Vec<(Difference, String)>, u64) {
        while self.sealed.peek().is_some() {
            self.skip();
        }
        (self.first, self.found)
    }

    fn skip(&mut self) {
        if let Some(missing) = self.sealed.next()
            && self.missing_counts
        {
            self.note(Difference::Missing, &missing.sk);
        }
    }

    fn note(&mut self, difference: Difference, sk: &str) {
        self.found += 1;
        if self.first.len() < self.most {
            self.first.push((difference, sk.to_owned()));
        }
    }
}

/// [`Comparison`] of two lists.
pub fn compare(sealed: &[Leaf], present: &[Leaf], most: usize) -> (Vec<(Difference, String)>, u64) {
    let mut comparison = Comparison::new(sealed, most);
    for leaf in present {
        comparison.show(leaf);
    }
    comparison.finish()
}
