//! The codes of a batch in the order of print, read page by page.

use crate::{Stop, soon};
use domain::{
    batch::{Code, Run, SHEET_CODES, STRIP_CODES},
    code::CodeText,
    job::{SheetRange, strip_range},
};
use store::{Store, StoreError};

/// Strips of one page: 2,400 codes, 24 reads of 100 rows.
const PAGE_STRIPS: usize = 25;
/// Reads under way at one time.
const AT_ONCE: usize = 4;

/// What is to be read: live runs by their first sheet, cut down to a range of sheets.
pub(crate) struct Plan {
    parts: Vec<Part>,
    /// Codes that lie in there, deleted ones too.
    pub codes: u64,
    pub pages: u32,
}

/// Codes `first..end` of one run. `first` begins a sheet.
struct Part {
    run: Run,
    first: u32,
    end: u32,
}

/// One sheet as it is printed.
pub(crate) struct Sheet<'p> {
    pub number: u32,
    pub run: &'p Run,
    /// By their slots; the last sheet of a run may have fewer.
    pub codes: Vec<Code>,
}

/// What one read of the table has brought.
pub(crate) struct Page<'p> {
    pub sheets: Vec<Sheet<'p>>,
    /// Codes read so far.
    pub read: u64,
}

impl Plan {
    pub fn of(runs: Vec<Run>, sheets: Option<SheetRange>) -> Self {
        let mut plan = Self { parts: Vec::new(), codes: 0, pages: 0 };
        for run in runs {
            let all = u32::try_from(run.asked).unwrap_or(u32::MAX);
            let (from, to) = (run.first_sheet, run.last_sheet());
            let range = sheets.unwrap_or(SheetRange { first: from, last: to });
            let (from, to) = (from.max(range.first), to.min(range.last));
            if all == 0 || from > to {
                continue;
            }
            let first = (from - run.first_sheet) * SHEET_CODES;
            let end = (to - run.first_sheet + 1).saturating_mul(SHEET_CODES).min(all);
            plan.codes += u64::from(end - first);
            plan.pages += to - from + 1;
            plan.parts.push(Part { run, first, end });
        }
        plan
    }

    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.parts.iter().map(|part| &part.run)
    }

    /// From the first sheet to the last.
    pub fn sheets(&self) -> SheetRange {
        let sheet = |part: &Part, n: u32| part.run.place(n).0;
        SheetRange {
            first: self.parts.first().map_or(0, |part| sheet(part, part.first)),
            last: self.parts.last().map_or(0, |part| sheet(part, part.end.saturating_sub(1))),
        }
    }

    pub fn walk(&self) -> Walk<'_> {
        Walk { parts: &self.parts, part: 0, next: self.parts.first().map_or(0, |part| part.first), read: 0 }
    }
}

pub(crate) struct Walk<'p> {
    parts: &'p [Part],
    part: usize,
    /// The next code of the present run.
    next: u32,
    read: u64,
}

impl<'p> Walk<'p> {
    /// The next page; `None` behind the last one.
    ///
    /// # Errors
    /// The table's, and [`Stop::Failed`] where a code or a strip isn't there.
    pub async fn next(&mut self, store: &Store) -> Result<Option<Page<'p>>, Stop> {
        let Some(part) = self.parts.get(self.part) else { return Ok(None) };
        let strip = u64::from(self.next / STRIP_CODES);
        let strips = store.strips(&part.run.id, strip, i32::try_from(PAGE_STRIPS).unwrap_or(1), soon()).await?;
        if strips.is_empty() {
            return Err(StoreError::Corrupt(format!("run {} has no strip {strip}", part.run.id)).into());
        }
        // Codes from `begins` on, of which some may lie before or behind what is wanted.
        let begins = strip_range(&part.run, strip).0;
        let texts: Vec<CodeText> = strips.into_iter().flatten().collect();
        let end = part.end.min(begins.saturating_add(u32::try_from(texts.len()).unwrap_or(u32::MAX)));
        let wanted = texts.get((self.next - begins) as usize..end.saturating_sub(begins) as usize);
        let wanted = wanted.filter(|wanted| !wanted.is_empty());
        let missing = || StoreError::Corrupt(format!("run {} lacks codes of strip {strip}", part.run.id));
        let codes = codes(store, wanted.ok_or_else(missing)?).await?;
        let first = self.next;
        self.read += u64::from(end - first);
        self.next = end;
        if end >= part.end {
            self.part += 1;
            self.next = self.parts.get(self.part).map_or(0, |part| part.first);
        }
        let mut sheets = Vec::with_capacity(codes.len() / SHEET_CODES as usize + 1);
        let mut codes = codes.into_iter();
        for n in (first..end).step_by(SHEET_CODES as usize) {
            let codes = codes.by_ref().take(SHEET_CODES as usize).collect();
            sheets.push(Sheet { number: part.run.place(n).0, run: &part.run, codes });
        }
        Ok(Some(Page { sheets, read: self.read }))
    }
}

/// The rows of these codes, several reads at a time.
async fn codes(store: &Store, texts: &[CodeText]) -> Result<Vec<Code>, StoreError> {
    let share = texts.len().div_ceil(AT_ONCE).next_multiple_of(100);
    let mut shares = texts.chunks(share);
    let mut read = || {
        let share = shares.next().unwrap_or_default();
        async move { store.codes(share, soon()).await }
    };
    let (a, b, c, d) = tokio::try_join!(read(), read(), read(), read())?;
    let found: Option<Vec<Code>> = [a, b, c, d].into_iter().flatten().collect();
    found.ok_or_else(|| StoreError::Corrupt("a code of a live run is not there".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::batch::{Origin, RunState};

    fn run(id: &str, asked: u64, first_sheet: u32) -> Run {
        let staging = Run::staging(id.to_owned(), "b".to_owned(), asked, Origin::Generated);
        Run { state: RunState::Live, first_sheet, ..staging }
    }

    // proves: COD-06, COD-13
    #[test]
    fn a_range_of_sheets_cuts_the_runs_at_sheets() {
        let runs = || vec![run("a", 30, 1), run("b", 100, 4), run("c", 12, 13)];
        let whole = Plan::of(runs(), None);
        assert_eq!((whole.codes, whole.pages), (142, 13));
        assert_eq!(whole.sheets(), SheetRange { first: 1, last: 13 });
        let some = Plan::of(runs(), Some(SheetRange { first: 3, last: 5 }));
        let parts: Vec<_> = some.parts.iter().map(|part| (part.run.id.as_str(), part.first, part.end)).collect();
        assert_eq!(parts, [("a", 24, 30), ("b", 0, 24)]);
        assert_eq!((some.codes, some.pages, some.sheets()), (30, 3, SheetRange { first: 3, last: 5 }));
        let none = Plan::of(runs(), Some(SheetRange { first: 14, last: 20 }));
        assert_eq!((none.codes, none.pages), (0, 0));
    }
}
