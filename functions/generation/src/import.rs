//! Importing a file: read and judged as a whole first, then stored strip by strip from the very same bytes.

use crate::{
    READ_MS, Stop, WRITE_MS, Wrote,
    ending::month_of,
    fill::{Lines, replaced},
    hold::Hold,
    soon,
};
use domain::{
    audit::Class,
    batch::{Batch, Code, Origin, RUN_CODES_MAX, Run},
    code::CodeText,
    identity::hex,
    job::{CheckedFile, Job, JobFile, Work},
    money::grouped,
    settings::Payable,
    time,
};
use files::FilesError;
use jiff::civil::Date;
use ring::digest::{SHA256, digest};
use sheets::import::{Checked, Limits, Line, LineProblem, Reason, check, report};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use store::{Deadline, StoreError};
use tokio::{task::JoinSet, time::Instant};

/// Codes that one task asks the table for, and tasks at once.
const LOOKED_UP: usize = 500;
const TASKS: usize = 4;
/// How often somebody who watches sees the file being checked move on.
const SHOWN_EVERY: Duration = Duration::from_secs(2);
/// Times that a run is begun against others who write the same batch.
const TRIES: usize = 60;
const LINES_TYPE: &str = "text/plain; charset=utf-8";
const CSV_TYPE: &str = "text/csv; charset=utf-8";

/// A file with all that is wrong with it, in its order.
struct Judged {
    file: Checked,
    problems: Vec<LineProblem>,
    /// Lines whose code the system has already.
    taken: Vec<u32>,
}

impl Judged {
    /// Puts the taken lines from the good ones to the bad ones.
    fn new(mut file: Checked, taken: &HashSet<u32>) -> Self {
        let mut problems = std::mem::take(&mut file.problems);
        for line in file.lines.iter().filter(|line| taken.contains(&line.line)) {
            problems.push(LineProblem { line: line.line, value: line.code.printed(), reason: Reason::Taken });
        }
        file.lines.retain(|line| !taken.contains(&line.line));
        problems.sort_by_key(|problem| problem.line);
        let mut taken: Vec<u32> = taken.iter().copied().collect();
        taken.sort_unstable();
        Self { file, problems, taken }
    }
}

impl Hold<'_> {
    pub(crate) async fn import(&mut self) -> Result<(), Stop> {
        let Work::Import { batch_id, run_id, upload, checked, .. } = self.job.work.clone() else {
            return Err(Stop::Lost);
        };
        let limits = Limits::on(time::day(self.now(), &self.settings.zone()));
        let bytes = match self.generation.files.get(&upload, limits.bytes as u64).await {
            Ok((bytes, _)) => bytes,
            Err(FilesError::Missing) => return Err(Stop::failed("no_upload", "upload the file first")),
            Err(FilesError::TooLarge { most }) => {
                let most = most / (1 << 20);
                return Err(Stop::failed("bad_file", format!("the file is larger than {most} MB; divide it")));
            }
            Err(error) => return Err(error.into()),
        };
        let sha256 = hex(digest(&SHA256, &bytes).as_ref());
        let judged = match checked {
            None => {
                let judged = self.judge(&bytes, &limits).await?;
                self.begin_run(&batch_id, &run_id, &judged, sha256, limits.today).await?;
                judged
            }
            Some(checked) if checked.sha256 == sha256 => self.judged_before(&bytes, &checked, &limits).await?,
            Some(_) => return Err(replaced()),
        };
        let (batch, run) = self.filled_by(&batch_id, &run_id).await?;
        if judged.file.lines.len() as u64 != run.asked {
            return Err(replaced());
        }
        let mut lines = Lines { checked: judged.file, look_first: false };
        self.store_lines(&batch, &run, &mut lines).await?;
        let files =
            if judged.problems.is_empty() { Vec::new() } else { vec![self.put_report(&judged.problems).await?] };
        self.go_live(&batch_id, &run_id, files).await
    }

    /// Everything that is wrong with a file, in itself and against the table.
    async fn judge(&mut self, bytes: &[u8], limits: &Limits) -> Result<Judged, Stop> {
        let Work::Import { skip_bad, .. } = self.job.work else { return Err(Stop::Lost) };
        let file = check(bytes, limits).map_err(|refused| Stop::failed("bad_file", refused.to_string()))?;
        let all = file.lines.len() + file.problems.len();
        let taken = self.taken(&file.lines, all).await?;
        let judged = Judged::new(file, &taken);
        let bad = judged.problems.len();
        if bad > 0 && (!skip_bad || judged.file.lines.is_empty()) {
            let report = self.put_report(&judged.problems).await?;
            let (are, all) = (if bad == 1 { "is" } else { "are" }, grouped(all as u64));
            let text = format!("{} of {all} lines {are} bad; nothing was imported", grouped(bad as u64));
            return Err(Stop::Failed(domain::job::JobProblem::new("bad_lines", text), vec![report]));
        }
        Ok(judged)
    }

    /// The same file as it was judged before this worker came: what the table says of it now doesn't count.
    async fn judged_before(&self, bytes: &[u8], checked: &CheckedFile, limits: &Limits) -> Result<Judged, Stop> {
        let Some((batch_id, run_id)) = self.job.work.fills() else { return Err(Stop::Lost) };
        let (_, run) = self.filled_by(batch_id, run_id).await?;
        let limits = Limits { today: run.day.unwrap_or(limits.today), ..*limits };
        let file = check(bytes, &limits).map_err(|_| replaced())?;
        let mut taken = HashSet::new();
        if let Some(list) = &checked.taken {
            let (bytes, _) = self.generation.files.get(&list.key, list.bytes).await?;
            if hex(digest(&SHA256, &bytes).as_ref()) != list.sha256 {
                return Err(FilesError::Different.into());
            }
            let text = String::from_utf8_lossy(&bytes);
            taken.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
        }
        Ok(Judged::new(file, &taken))
    }

    /// Numbers of the lines whose codes are in the table already. Codes of a run that was given up don't count.
    async fn taken(&mut self, lines: &[Line], all: usize) -> Result<HashSet<u32>, Stop> {
        let (mut taken, mut given_up) = (HashSet::new(), HashMap::new());
        let mut shown = Instant::now();
        for (nth, window) in lines.chunks(LOOKED_UP * TASKS).enumerate() {
            self.in_time()?;
            self.still_permitted().await?;
            if shown.elapsed() >= SHOWN_EVERY {
                shown = Instant::now();
                self.show((nth * LOOKED_UP * TASKS) as u64, all as u64).await?;
            }
            for (line, code) in window.iter().zip(self.look_up(window).await?) {
                if let Some(code) = code
                    && !self.is_given_up(&code, &mut given_up).await?
                {
                    taken.insert(line.line);
                }
            }
        }
        Ok(taken)
    }

    /// The codes of these lines, as far as the table has them, in their order.
    async fn look_up(&self, lines: &[Line]) -> Result<Vec<Option<Code>>, Stop> {
        let mut tasks = JoinSet::new();
        for (nth, part) in lines.chunks(LOOKED_UP).enumerate() {
            let store = self.generation.store.clone();
            let texts: Vec<CodeText> = part.iter().map(|line| line.code.clone()).collect();
            tasks.spawn(async move { (nth, store.codes(&texts, Deadline::in_ms(READ_MS)).await) });
        }
        let mut found = Vec::new();
        for (nth, codes) in tasks.join_all().await {
            found.push((nth, codes?));
        }
        found.sort_by_key(|(nth, _)| *nth);
        Ok(found.into_iter().flat_map(|(_, codes)| codes).collect())
    }

    /// Shows how far reading has come, and holds on to the lease.
    pub(crate) async fn show(&mut self, done: u64, asked: u64) -> Result<(), Stop> {
        // What has only been read is no progress that lasts: who always dies later is given up in the end.
        let after = Job { claims: self.job.claims, ..self.job.alive(done, asked, self.now()) };
        let result = self.generation.store.save_job(&self.job, &after, Deadline::in_ms(WRITE_MS)).await;
        self.wrote(after, result).await.map(drop)
    }

    async fn put_report(&self, problems: &[LineProblem]) -> Result<JobFile, Stop> {
        self.put_file("problems.csv", CSV_TYPE, report(problems)).await
    }

    /// One write: the run, what the batch and the month expect of it, and that the file is good.
    async fn begin_run(
        &mut self,
        batch_id: &str,
        run_id: &str,
        judged: &Judged,
        sha256: String,
        today: Date,
    ) -> Result<(), Stop> {
        let codes = judged.file.lines.len() as u64;
        let taken = match judged.taken.as_slice() {
            [] => None,
            lines => {
                let list: String = lines.iter().map(|line| format!("{line}\n")).collect();
                Some(self.put_file("taken.txt", LINES_TYPE, list.into_bytes()).await?)
            }
        };
        let checked = CheckedFile { sha256, codes, bad: judged.problems.len() as u64, taken };
        let month = month_of(today);
        for _ in 0..TRIES {
            self.in_time()?;
            self.look_up_owner().await?;
            let batch = self.open_batch(batch_id).await?;
            let store = &self.generation.store;
            // Before the sum: whoever changes the sum meanwhile changes this row too, and is noticed.
            let (_, issued, _) = store.issuing(&month, &self.job.owner, soon()).await?;
            self.within_bounds(&batch, codes, issued.amount).await?;
            let now = self.now();
            let run = Run {
                job: Some(self.job.id.clone()),
                day: Some(today),
                ..Run::staging(run_id.to_owned(), batch_id.to_owned(), codes, Origin::Imported)
            };
            let mut work = self.job.work.clone();
            if let Work::Import { checked: kept, .. } = &mut work {
                *kept = Some(checked.clone());
            }
            let mut after = self.job.with_work(work, codes, now);
            after.done = 0;
            let expecting = batch.expecting(codes);
            let amount = codes.saturating_mul(batch.money.amount);
            let act = store
                .act(self.owner()?, now, Class::Change, "run.begun", format!("batch:{batch_id}"))?
                .changed("run", None, Some(run_id.to_owned()))
                .changed("coming", Some(batch.coming.to_string()), Some(expecting.coming.to_string()))
                .changed("sha256", None, Some(checked.sha256.clone()))
                .batch(Some(&batch), &expecting)?
                .run(None, &run)?
                .issued(&month, &issued, amount)?
                .job(Some(&self.job), &after)?;
            let result = act.commit(Deadline::in_ms(WRITE_MS)).await;
            match self.wrote(after, result).await? {
                Wrote::Applied => return Ok(()),
                Wrote::Refused | Wrote::Unknown => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        Err(StoreError::Busy.into())
    }

    /// Bounds of codes and of money. A file has no second person to agree: beyond a ceiling nothing is imported.
    async fn within_bounds(&self, batch: &Batch, codes: u64, issued: u64) -> Result<(), Stop> {
        let rules = &self.settings.codes;
        let held = batch.codes + batch.coming;
        if codes > RUN_CODES_MAX || held.saturating_add(codes) > rules.per_batch {
            let text = format!("a batch has at most {} codes; nothing was imported", grouped(rules.per_batch));
            return Err(Stop::failed("too_many", text));
        }
        let in_all = match rules.ceiling_in_all {
            Some(_) => self.generation.store.payable(Deadline::in_ms(WRITE_MS)).await?,
            None => 0,
        };
        let payable = Payable { batch: batch.issued_amount(), month: issued, in_all };
        if rules.beyond(payable, codes.saturating_mul(batch.money.amount)) {
            return Err(Stop::failed(
                "ceiling",
                "the codes of the file would be worth more than the ceiling of what may be payable; nothing was imported",
            ));
        }
        Ok(())
    }
}
