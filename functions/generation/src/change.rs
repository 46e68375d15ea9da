//! What staff do to many codes at once: chunk by chunk, with a result for each.

use crate::{Stop, WRITE_MS, Wrote, hold::Hold, soon};
use domain::{
    batch::{Act, Batch, Code, CodeId, CodeState, Run, RunState, STRIP_CODES},
    code::CodeText,
    job::{self, Half, JobFile, Selection, SheetRange, Work},
};
use files::result_key;
use service::metrics::{self, Unit};
use sheets::csv::Writer;
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use store::{CodeChange, CodeResult, Deadline};
use tokio::time::Instant;

/// Codes of one transaction where each can be of another batch.
const SELECTED_CODES: usize = 32;
/// Rows of one chunk beside those of its codes: the job, the results, a batch's counters.
const BESIDE_CODES: u32 = 3;
/// Strips that are kept in hand.
const STRIPS_KEPT: usize = 64;
const SHOWN_EVERY: Duration = Duration::from_secs(2);

/// The batches and runs of one chunk, as they are now.
type Places = HashMap<String, Option<(Batch, Run)>>;

/// The codes of half a strip that lie in `sheets`.
fn codes_of(half: &Half, runs: &[Run], sheets: Option<SheetRange>) -> Vec<CodeId> {
    let Some(run) = runs.get(half.run) else { return Vec::new() };
    (half.first..half.first + half.count)
        .filter(|n| sheets.is_none_or(|range| (range.first..=range.last).contains(&run.place(*n).0)))
        .map(|n| CodeId { run: run.id.clone(), n })
        .collect()
}

impl Hold<'_> {
    pub(crate) async fn change_codes(&mut self) -> Result<(), Stop> {
        let Work::ChangeCodes { act, selection, .. } = self.job.work.clone() else { return Err(Stop::Lost) };
        let mut strips = HashMap::new();
        match &selection {
            Selection::Codes { codes } => {
                while let Some(ids) = codes.chunks(SELECTED_CODES).nth(self.job.checkpoint as usize) {
                    self.change(ids, act, None, &mut strips).await?;
                }
            }
            Selection::Batch { batch_id, sheets, state } => {
                let batch = self.generation.store.batch(batch_id, soon()).await?;
                let batch = batch.ok_or_else(|| Stop::failed("batch_gone", "there is no such batch"))?;
                self.must_see(&batch)?;
                let runs = self.generation.store.live_runs(batch_id, Deadline::in_ms(WRITE_MS)).await?;
                let halves = job::halves(&runs, *sheets);
                let all: usize = halves.iter().map(|half| codes_of(half, &runs, *sheets).len()).sum();
                if self.job.asked != all as u64 {
                    self.ask_for(all as u64).await?;
                }
                while let Some(half) = halves.get(self.job.checkpoint as usize) {
                    let ids = codes_of(half, &runs, *sheets);
                    self.change(&ids, act, *state, &mut strips).await?;
                }
            }
        }
        let results = self.put_results().await?;
        self.finish(vec![results]).await
    }

    async fn ask_for(&mut self, codes: u64) -> Result<(), Stop> {
        let after = self.job.with_work(self.job.work.clone(), codes, self.now());
        let result = self.generation.store.save_job(&self.job, &after, Deadline::in_ms(WRITE_MS)).await;
        self.wrote(after, result).await.map(drop)
    }

    /// One chunk, read and decided anew until it is written. Codes that are not `only` in that state are left out.
    async fn change(
        &mut self,
        ids: &[CodeId],
        act: Act,
        only: Option<CodeState>,
        strips: &mut HashMap<(String, u64), Vec<CodeText>>,
    ) -> Result<(), Stop> {
        let chunk = self.job.checkpoint;
        // A write of unknown fate that was applied after all has moved the job on.
        while self.job.checkpoint == chunk {
            self.before_chunk(ids.len() as u32 * 2 + BESIDE_CODES).await?;
            let (found, places) = self.look_at(ids, strips).await?;
            let (mut changes, mut results) = (Vec::new(), Vec::new());
            let (now, grace_hours) = (self.now(), self.settings.redemption.grace_hours);
            let mut seen = HashSet::new();
            for (id, code) in ids.iter().zip(&found) {
                let place =
                    code.as_ref().and_then(|code| places.get(&code.run_id)?.as_ref().map(|place| (code, place)));
                let Some((code, (batch, _))) = place else {
                    if only.is_none() {
                        let (masked, result) = (String::new(), "not_found".to_owned());
                        results.push(CodeResult { id: id.clone(), masked, batch: None, result });
                    }
                    continue;
                };
                let state = code.state(batch, grace_hours, now);
                if only.is_some_and(|only| only != state) {
                    continue;
                }
                let result = match code.after(act, state) {
                    Ok(_) if !seen.insert(id) => "repeated",
                    Ok(after) => {
                        changes.push((code, after));
                        CHANGED
                    }
                    Err(not_possible) => not_possible.name(),
                };
                results.push(CodeResult {
                    id: id.clone(),
                    masked: code.text.masked(),
                    batch: Some(batch.number),
                    result: result.to_owned(),
                });
            }
            let failed = results.len() - changes.len();
            let after = self.job.advanced(results.len() as u64, failed as u64, now);
            let changed: Vec<CodeChange<'_>> =
                changes.iter().map(|(before, after)| CodeChange { before, after, act }).collect();
            let jobs = (&self.job, &after);
            let store = &self.generation.store;
            let result = store.commit_changes(jobs, &changed, &results, self.owner()?, Deadline::in_ms(WRITE_MS)).await;
            let wrote = self.wrote(after, result).await?;
            self.after_chunk();
            if wrote == Wrote::Applied {
                let count = changed.len() as f64;
                metrics::emit("codes_changed_total", count, Unit::Count, &[("act", act.name())]);
            }
        }
        Ok(())
    }

    /// The codes of these ids, with the live runs and the batches that they are in; `None` for what isn't there for the
    /// job's owner.
    async fn look_at(
        &self,
        ids: &[CodeId],
        strips: &mut HashMap<(String, u64), Vec<CodeText>>,
    ) -> Result<(Vec<Option<Code>>, Places), Stop> {
        let store = &self.generation.store;
        let mut texts = Vec::with_capacity(ids.len());
        for id in ids {
            let place = (id.run.clone(), u64::from(id.n / STRIP_CODES));
            if !strips.contains_key(&place) {
                if strips.len() >= STRIPS_KEPT {
                    strips.clear();
                }
                let strip = store.strip(&place.0, place.1, soon()).await?;
                // A run that is still being filled has more of them later.
                if strip.is_empty() {
                    texts.push(None);
                    continue;
                }
                strips.insert(place.clone(), strip);
            }
            texts.push(strips.get(&place).and_then(|strip| strip.get((id.n % STRIP_CODES) as usize)).cloned());
        }
        let wanted: Vec<CodeText> = texts.iter().flatten().cloned().collect();
        let mut rows = store.codes(&wanted, soon()).await?.into_iter();
        let mut found: Vec<Option<Code>> = Vec::with_capacity(ids.len());
        for (id, text) in ids.iter().zip(&texts) {
            let code = if text.is_some() { rows.next().flatten() } else { None };
            // The text of a run that was given up can be another run's by now.
            found.push(code.filter(|code| code.id() == *id));
        }
        let mut places: Places = HashMap::new();
        for code in found.iter().flatten() {
            if !places.contains_key(&code.run_id) {
                let batch = store.batch(&code.batch_id, soon()).await?;
                let run = store.run(&code.batch_id, &code.run_id, soon()).await?;
                let place = batch.zip(run).filter(|(_, run)| run.state == RunState::Live);
                let place = match place {
                    Some((batch, run)) if self.sees(&batch)? => Some((batch, run)),
                    Some(_) | None => None,
                };
                places.insert(code.run_id.clone(), place);
            }
        }
        Ok((found, places))
    }

    /// What became of each code, as a file.
    async fn put_results(&mut self) -> Result<JobFile, Stop> {
        let (store, files) = (self.generation.store.clone(), self.generation.files.clone());
        let name = "results.csv";
        let key = result_key(&self.job.id, self.job.version, name);
        let mut upload = files.upload(key, name, "text/csv; charset=utf-8");
        let mut table = Writer::new(&["code id", "code", "batch", "result"]);
        let (mut chunk, mut shown) = (Some(0), Instant::now());
        while let Some(from) = chunk {
            self.in_time()?;
            if shown.elapsed() >= SHOWN_EVERY {
                shown = Instant::now();
                self.show(self.job.done, self.job.asked).await?;
            }
            let (results, next) = store.job_results(&self.job.id, from, soon()).await?;
            for result in results {
                let batch = result.batch.map(|number| number.to_string()).unwrap_or_default();
                table.row(&[result.id.to_string(), result.masked, batch, result.result]);
            }
            upload.write(table.take()).await?;
            chunk = next;
        }
        Ok(upload.finish().await?)
    }
}

/// What stands beside a code to which it was done.
const CHANGED: &str = "changed";
