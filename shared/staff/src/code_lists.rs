//! Lists of codes, in the order of print, newest batches first. There is no index of codes: the strips are read.

use crate::{Desk, Trouble, batches::sees, codes::Found};
use domain::{
    access::Permit,
    batch::{Batch, CodeState, Run, STRIP_CODES},
    code::CodeText,
    job::SheetRange,
    permission::right,
};
use std::sync::Arc;
use store::Listed;

/// Pages of strips that one request reads.
const PAGES: usize = 8;
/// Strips of one page: of their codes all are read.
const STRIPS: u64 = 8;
/// Strips of one page where only those codes are read whose text fits.
const STRIPS_OF_TEXT: i32 = 96;
/// Rows of codes that one request reads.
const ROWS: usize = 800;
/// Batches that one request looks at.
const BATCHES: usize = 100;

#[derive(Clone, Debug, Default)]
pub struct CodeFilter {
    pub batch_id: Option<String>,
    pub state: Option<CodeState>,
    /// Part of the text, folded as a code is; only within a batch.
    pub text: Option<CodeText>,
    /// Only within a batch.
    pub sheets: Option<SheetRange>,
}

/// Where a list goes on: the batch's number, the run's first sheet, and a place in the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Position {
    batch: u64,
    first_sheet: u32,
    n: u32,
}

impl Position {
    fn text(self) -> String {
        format!("{}:{}:{}", self.batch, self.first_sheet, self.n)
    }

    /// Our own text, so one that doesn't read is the beginning.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let position = Self {
            batch: parts.next()?.parse().ok()?,
            first_sheet: parts.next()?.parse().ok()?,
            n: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(position)
    }
}

/// A list while it is gathered.
struct Gathering<'a> {
    filter: &'a CodeFilter,
    limit: usize,
    grace_hours: u32,
    items: Vec<Found>,
    pages: usize,
    rows: usize,
}

impl Gathering<'_> {
    fn is_full(&self) -> bool {
        self.items.len() >= self.limit || self.pages >= PAGES || self.rows >= ROWS
    }

    /// The codes of a strip that may be wanted, by their place in the run.
    fn candidates(&self, run: &Run, strip: u64, texts: Vec<CodeText>, from: u32) -> Vec<(u32, CodeText)> {
        let first = u32::try_from(strip).unwrap_or(u32::MAX).saturating_mul(STRIP_CODES);
        let wanted = |(n, text): &(u32, CodeText)| {
            let (sheet, _) = run.place(*n);
            *n >= from
                && self.filter.sheets.is_none_or(|range| (range.first..=range.last).contains(&sheet))
                && self.filter.text.as_ref().is_none_or(|part| text.as_str().contains(part.as_str()))
        };
        (first..).zip(texts).filter(wanted).collect()
    }
}

impl Desk {
    /// Codes as the filter wants them, behind `position`. One request reads so much and no more: a page may be empty
    /// and go on.
    ///
    /// # Errors
    /// [`Trouble::NotFound`] for a batch that isn't there for the caller.
    pub async fn codes(
        &self,
        permit: &Permit<right::PromoCodesRead>,
        filter: &CodeFilter,
        position: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Found>, Trouble> {
        let actor = permit.actor();
        let position = position.and_then(Position::parse);
        let grace_hours = self.settings().await?.redemption.grace_hours;
        let mut gathering = Gathering { filter, limit, grace_hours, items: Vec::new(), pages: 0, rows: 0 };
        let (batches, more) = match &filter.batch_id {
            Some(id) => (vec![self.seen_batch(actor, id).await?], None),
            None => {
                let wanted = |batch: &Batch| batch.codes > 0 && sees(actor, batch);
                // The batch that the position stands in is looked at again.
                let behind = position.map(|position| position.batch + 1);
                let listed = self.store.batches(true, behind, BATCHES, wanted, self.deadline()).await?;
                (listed.items, listed.next.and_then(|number| number.parse::<u64>().ok()))
            }
        };
        for batch in batches {
            let begin = position.filter(|position| position.batch == batch.number);
            if let Some(next) = self.gather(&mut gathering, Arc::new(batch), begin.unwrap_or_default()).await? {
                return Ok(Listed { items: gathering.items, next: Some(next.text()) });
            }
        }
        // `more` is the last batch that was looked at: the list goes on below it.
        let next = more.filter(|number| *number > 1);
        let next = next.map(|number| Position { batch: number - 1, ..Position::default() }.text());
        Ok(Listed { items: gathering.items, next })
    }

    /// Gathers the codes of one batch from `begin` on. Answers where to go on when the request has read enough.
    async fn gather(
        &self,
        gathering: &mut Gathering<'_>,
        batch: Arc<Batch>,
        begin: Position,
    ) -> Result<Option<Position>, Trouble> {
        let at = |run: &Run, n: u32| Position { batch: batch.number, first_sheet: run.first_sheet, n };
        let runs = self.store.live_runs(&batch.id, self.deadline()).await?;
        for run in runs.into_iter().filter(|run| run.first_sheet >= begin.first_sheet) {
            let run = Arc::new(run);
            let sheets = gathering.filter.sheets;
            if sheets.is_some_and(|range| run.first_sheet > range.last || run.last_sheet() < range.first) {
                continue;
            }
            let mut from = if run.first_sheet == begin.first_sheet { begin.n } else { 0 };
            if let Some(range) = sheets {
                from = from.max(range.first.saturating_sub(run.first_sheet) * domain::batch::SHEET_CODES);
            }
            while u64::from(from) < run.asked {
                if gathering.is_full() {
                    return Ok(Some(at(&run, from)));
                }
                if sheets.is_some_and(|range| run.place(from).0 > range.last) {
                    break;
                }
                let strip = u64::from(from / STRIP_CODES);
                let missing = (gathering.limit - gathering.items.len()) as u64;
                let limit = match gathering.filter.text {
                    Some(_) => STRIPS_OF_TEXT,
                    None => i32::try_from((missing.div_ceil(u64::from(STRIP_CODES)) + 1).min(STRIPS)).unwrap_or(1),
                };
                gathering.pages += 1;
                let strips = self.store.strips(&run.id, strip, limit, self.deadline()).await?;
                if strips.is_empty() {
                    break;
                }
                for (number, texts) in (strip..).zip(strips) {
                    let candidates = gathering.candidates(&run, number, texts, from);
                    if let Some(next) = self.read_codes(gathering, &batch, &run, candidates).await? {
                        return Ok(Some(at(&run, next)));
                    }
                    from = u32::try_from(number + 1).unwrap_or(u32::MAX).saturating_mul(STRIP_CODES);
                }
            }
        }
        Ok(None)
    }

    /// Reads the rows of a strip's candidates and takes those in the wanted state. Answers the place to go on from when
    /// the list is full before they are through.
    async fn read_codes(
        &self,
        gathering: &mut Gathering<'_>,
        batch: &Arc<Batch>,
        run: &Arc<Run>,
        candidates: Vec<(u32, CodeText)>,
    ) -> Result<Option<u32>, Trouble> {
        if candidates.is_empty() {
            return Ok(None);
        }
        if gathering.rows + candidates.len() > ROWS + STRIP_CODES as usize || gathering.items.len() >= gathering.limit {
            return Ok(candidates.first().map(|(n, _)| *n));
        }
        let texts: Vec<CodeText> = candidates.iter().map(|(_, text)| text.clone()).collect();
        gathering.rows += texts.len();
        let now = self.now();
        let codes = self.store.codes(&texts, self.deadline()).await?;
        for ((n, _), code) in candidates.iter().zip(codes) {
            if gathering.items.len() >= gathering.limit {
                return Ok(Some(*n));
            }
            let Some(code) = code.filter(|code| code.run_id == run.id) else { continue };
            let state = code.state(batch, gathering.grace_hours, now);
            if gathering.filter.state.is_none_or(|wanted| wanted == state) {
                gathering.items.push(Found { code, batch: Arc::clone(batch), run: Arc::clone(run), state });
            }
        }
        Ok(None)
    }
}
