//! Filling a run strip by strip, from drawn codes or from a file.

use crate::{Stop, WRITE_MS, Wrote, ending::batch_closed, hold::Hold, soon};
use domain::{
    batch::{Batch, BatchState, Code, Origin, Run, RunState},
    code::CodeText,
    job::{Seed, Work, strip_range},
    time,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use service::metrics::{self, Unit};
use sheets::import::{Checked, Line};
use std::{collections::HashMap, ops::Range};
use store::{Deadline, Strip};

/// Rows of one strip's transaction beside its codes: the strip and the job.
const BESIDE_CODES: u32 = 2;

/// Codes that a file brings, in its order.
pub(crate) struct Lines {
    pub checked: Checked,
    /// Whether the table has to be asked before each strip what is there: some text was.
    pub look_first: bool,
}

impl Hold<'_> {
    pub(crate) async fn generate(&mut self) -> Result<(), Stop> {
        let Work::Generate { batch_id, run_id, .. } = self.job.work.clone() else { return Err(Stop::Lost) };
        let (batch, run) = self.filled_by(&batch_id, &run_id).await?;
        let today = time::day(self.now(), &self.settings.zone());
        let day = run.day.unwrap_or(today);
        while self.job.checkpoint < run.strips() {
            let Work::Generate { seed: Some(seed), redraw, .. } = &self.job.work else {
                return Err(Stop::failed("no_seed", "there is nothing to draw its codes from; make the codes anew"));
            };
            let (first, count) = strip_range(&run, self.job.checkpoint);
            let mut random = ChaCha20Rng::from_seed(seed.of_chunk(self.job.checkpoint, *redraw));
            let texts = Seed::draw(&mut random, day, count as usize);
            let codes = texts.into_iter().zip(first..).map(|(text, n)| (Code::made(text, &batch, &run, n), 0));
            let codes: Vec<(Code, u64)> = codes.collect();
            if self.store_strip(&run, &codes).await? == Wrote::Refused {
                self.draw_anew().await?;
            }
        }
        self.go_live(&batch_id, &run_id, Vec::new()).await
    }

    /// The batch and the run as they are, if the run may be filled.
    pub(crate) async fn filled_by(&self, batch_id: &str, run_id: &str) -> Result<(Batch, Run), Stop> {
        let batch = self.open_batch(batch_id).await?;
        let run = self.generation.store.run(batch_id, run_id, soon()).await?;
        match run {
            Some(run) if run.state == RunState::Staging => Ok((batch, run)),
            Some(_) => Err(Stop::Lost),
            None => Err(Stop::failed("batch_closed", "its run is gone; make the codes anew")),
        }
    }

    /// The batch, if codes may still go live in it and its owner may see it.
    pub(crate) async fn open_batch(&self, batch_id: &str) -> Result<Batch, Stop> {
        let batch = self.generation.store.batch(batch_id, soon()).await?;
        let batch = batch.ok_or_else(|| Stop::failed("batch_closed", "the batch is gone"))?;
        self.must_see(&batch)?;
        match batch.state {
            BatchState::Generating | BatchState::Active | BatchState::Blocked | BatchState::Expired => Ok(batch),
            BatchState::Completed | BatchState::Archived | BatchState::Deleted => Err(batch_closed(&batch)),
        }
    }

    /// Whether the owner works with this batch at all.
    pub(crate) fn sees(&self, batch: &Batch) -> Result<bool, Stop> {
        let owner = self.owner()?;
        Ok(!owner.assigned_only() || batch.assigned_to.as_ref() == Some(owner.user()))
    }

    pub(crate) fn must_see(&self, batch: &Batch) -> Result<(), Stop> {
        if self.sees(batch)? {
            return Ok(());
        }
        Err(Stop::failed("not_permitted", "the batch is not assigned to the job's owner any more"))
    }

    /// One strip: its codes, its row, and the job one chunk further.
    async fn store_strip(&mut self, run: &Run, codes: &[(Code, u64)]) -> Result<Wrote, Stop> {
        self.before_chunk(codes.len() as u32 + BESIDE_CODES).await?;
        let after = self.job.advanced(codes.len() as u64, 0, self.now());
        let strip = Strip { run, number: self.job.checkpoint, codes };
        let result = self.generation.store.commit_strip(&self.job, &after, &strip, Deadline::in_ms(WRITE_MS)).await;
        let wrote = self.wrote(after, result).await?;
        self.after_chunk();
        if wrote == Wrote::Applied {
            let origin = match run.origin {
                Origin::Generated => "generated",
                Origin::Imported => "imported",
            };
            metrics::emit("codes_written_total", codes.len() as f64, Unit::Count, &[("origin", origin)]);
        }
        Ok(wrote)
    }

    /// A text of the chunk is taken: other ones are drawn, by whoever makes the chunk.
    async fn draw_anew(&mut self) -> Result<(), Stop> {
        let mut work = self.job.work.clone();
        if let Work::Generate { redraw, .. } = &mut work {
            *redraw += 1;
        }
        metrics::emit("codes_redrawn_total", 1.0, Unit::Count, &[]);
        let after = self.job.with_work(work, self.job.asked, self.now());
        let result = self.generation.store.save_job(&self.job, &after, Deadline::in_ms(WRITE_MS)).await;
        self.wrote(after, result).await.map(drop)
    }

    /// The strips that are still missing, from a file that has been checked.
    pub(crate) async fn store_lines(&mut self, batch: &Batch, run: &Run, file: &mut Lines) -> Result<(), Stop> {
        while self.job.checkpoint < run.strips() {
            let (first, count) = strip_range(run, self.job.checkpoint);
            let range: Range<usize> = first as usize..(first + count) as usize;
            let lines = file.checked.lines.get(range).ok_or_else(replaced)?;
            let versions =
                if file.look_first { self.replaced_versions(run, lines).await? } else { vec![0; lines.len()] };
            let made = lines.iter().zip(versions).zip(first..).map(|((line, replaces), n)| {
                // Never the version that was there: whoever has read the old row must not write over this one.
                let code = Code::made(line.code.clone(), batch, run, n);
                let beside = file.checked.metadata(line).map(|(name, value)| (name.to_owned(), value.to_owned()));
                (Code { metadata: beside.collect(), version: replaces + 1, ..code }, replaces)
            });
            let codes: Vec<(Code, u64)> = made.collect();
            if self.store_strip(run, &codes).await? == Wrote::Refused {
                file.look_first = true;
            }
        }
        Ok(())
    }

    /// The version of the row that each line replaces, 0 for none. Codes of a run that was given up never were.
    async fn replaced_versions(&self, run: &Run, lines: &[Line]) -> Result<Vec<u64>, Stop> {
        let texts: Vec<CodeText> = lines.iter().map(|line| line.code.clone()).collect();
        let there = self.generation.store.codes(&texts, soon()).await?;
        let mut given_up = HashMap::new();
        let mut versions = Vec::with_capacity(there.len());
        for code in there {
            let Some(code) = code else {
                versions.push(0);
                continue;
            };
            if code.run_id != run.id && !self.is_given_up(&code, &mut given_up).await? {
                return Err(Stop::failed(
                    "taken",
                    "a code of the file has come into use since the file was checked; nothing was imported. \
                     Upload the file again",
                ));
            }
            versions.push(code.version);
        }
        Ok(versions)
    }

    /// Whether a code belongs to a run that was given up. `known` remembers runs.
    pub(crate) async fn is_given_up(&self, code: &Code, known: &mut HashMap<String, bool>) -> Result<bool, Stop> {
        if let Some(given_up) = known.get(&code.run_id) {
            return Ok(*given_up);
        }
        let run = self.generation.store.run(&code.batch_id, &code.run_id, soon()).await?;
        let given_up = run.is_some_and(|run| run.state == RunState::Discarded);
        known.insert(code.run_id.clone(), given_up);
        Ok(given_up)
    }
}

pub(crate) fn replaced() -> Stop {
    Stop::failed("replaced", "the file was replaced after it was checked; nothing was imported. Upload it again")
}
