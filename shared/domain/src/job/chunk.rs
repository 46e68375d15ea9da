//! Which codes belong to which chunk of a job.

use super::SheetRange;
use crate::batch::{Run, SHEET_CODES, STRIP_CODES};

/// Codes that a bulk act changes in one transaction: each with an audit entry of its own, half a strip.
pub const HALF_CODES: u32 = STRIP_CODES / 2;

/// Half a strip of a run: codes `first..first + count`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Half {
    pub run: usize,
    pub strip: u64,
    pub first: u32,
    pub count: u32,
}

/// The codes of one strip of a run: `first..first + count`.
pub fn strip_range(run: &Run, strip: u64) -> (u32, u32) {
    let all = u32::try_from(run.asked).unwrap_or(u32::MAX);
    let first = u32::try_from(strip).unwrap_or(u32::MAX).saturating_mul(STRIP_CODES);
    (first, all.saturating_sub(first).min(STRIP_CODES))
}

/// The half strips of `runs` (live ones, by their first sheet) that lie in `sheets`, in order. Runs that go live later
/// come behind, so the number of a half never changes.
pub fn halves(runs: &[Run], sheets: Option<SheetRange>) -> Vec<Half> {
    let mut found = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        let all = u32::try_from(run.asked).unwrap_or(u32::MAX);
        let mut first = 0;
        while first < all {
            let count = (all - first).min(HALF_CODES);
            let (from, to) =
                (run.first_sheet + first / SHEET_CODES, run.first_sheet + (first + count - 1) / SHEET_CODES);
            if sheets.is_none_or(|range| from <= range.last && to >= range.first) {
                found.push(Half { run: index, strip: u64::from(first / STRIP_CODES), first, count });
            }
            first += count;
        }
    }
    found
}
