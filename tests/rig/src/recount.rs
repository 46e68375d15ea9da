//! What is counted of batches, runs and jobs, counted again from the rows of codes.

use crate::{
    World,
    table::{Rows, text},
};
use domain::{
    batch::{Batch, BatchState, Code, CodeState, Run, RunState, SHEET_CODES, STRIP_CODES},
    job::{JobState, Work},
    settings::Settings,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use store::Deadline;

impl World {
    /// What is wrong with batches, runs, jobs and figures, if anything is.
    pub async fn miscounted(&self, rows: &Rows) -> Vec<String> {
        let mut broken = Vec::new();
        let codes: HashMap<&str, &Code> = rows.codes.iter().map(|code| (code.text.as_str(), code)).collect();
        for run in &rows.runs {
            filled(run, rows, &codes, &mut broken);
        }
        for batch in &rows.batches {
            added_up(batch, rows, &mut broken);
            self.recounted(batch, rows, &mut broken).await;
        }
        issued(rows, &mut broken);
        jobs(rows, &mut broken);
        audited(rows, &mut broken);
        broken
    }

    /// Statistics from counters equal a walk over the codes.
    async fn recounted(&self, batch: &Batch, rows: &Rows, broken: &mut Vec<String>) {
        let settings = store::keys::settings();
        let deadline = Deadline::in_ms(10_000);
        let read = self.store.read(std::slice::from_ref(&settings), deadline).await.expect("the table answers");
        let settings = read.get::<Settings>(&settings).expect("settings").unwrap_or_default();
        let (grace_hours, now) = (settings.redemption.grace_hours, self.now());
        let said = self.store.statistics(batch, grace_hours, now, deadline).await.expect("the table answers").0;
        let live: HashSet<&str> =
            rows.runs.iter().filter(|run| run.state == RunState::Live).map(|run| run.id.as_str()).collect();
        let mine = || rows.codes.iter().filter(|code| code.batch_id == batch.id && live.contains(code.run_id.as_str()));
        for state in CodeState::ALL {
            let counted = match (batch.state, state) {
                // A batch that is deleted takes its codes with it; they are counted as they were.
                (BatchState::Deleted, _) => continue,
                _ => mine().filter(|code| code.state(batch, grace_hours, now) == state).count() as u64,
            };
            if counted != said.in_state(state) {
                broken.push(format!(
                    "{}: {} codes {}, counters say {}",
                    batch.id,
                    counted,
                    state.name(),
                    said.in_state(state)
                ));
            }
        }
        let undeleted = mine().filter(|code| !code.deleted).count() as u64;
        if undeleted != said.codes {
            broken.push(format!("{}: {undeleted} codes, counters say {}", batch.id, said.codes));
        }
    }
}

/// A live run has exactly the codes that were asked for, each in its place; none that isn't live has a sheet.
fn filled(run: &Run, rows: &Rows, codes: &HashMap<&str, &Code>, broken: &mut Vec<String>) {
    let strips = || rows.strips.iter().filter(|((id, _), _)| *id == run.id);
    let texts: Vec<(u64, &str)> = strips()
        .flat_map(|((_, number), row)| {
            let first = number * u64::from(STRIP_CODES);
            (first..).zip(row.split(' '))
        })
        .collect();
    if run.state != RunState::Live {
        if run.first_sheet != 0 {
            broken.push(format!("run {}: {:?} and has sheets", run.id, run.state));
        }
        return;
    }
    let distinct: HashSet<&str> = texts.iter().map(|(_, text)| *text).collect();
    let rows_of_run = rows.codes.iter().filter(|code| code.run_id == run.id).count() as u64;
    if (texts.len() as u64, distinct.len() as u64, rows_of_run) != (run.asked, run.asked, run.asked) {
        broken.push(format!(
            "run {}: {} asked for, {} places, {} texts, {rows_of_run} codes",
            run.id,
            run.asked,
            texts.len(),
            distinct.len()
        ));
    }
    for (place, text) in texts {
        match codes.get(text) {
            Some(code) if code.run_id == run.id && u64::from(code.n) == place && code.batch_id == run.batch_id => {}
            Some(_) | None => broken.push(format!("run {}: the code at {place} is not its own", run.id)),
        }
    }
}

/// A batch's sums are those of its runs, and its sheets follow each other without a gap.
fn added_up(batch: &Batch, rows: &Rows, broken: &mut Vec<String>) {
    let sum = |state| -> u64 {
        let runs = rows.runs.iter().filter(|run| run.batch_id == batch.id && run.state == state);
        runs.map(|run| run.asked).sum()
    };
    let (live, coming) = (sum(RunState::Live), sum(RunState::Staging));
    if (batch.codes, batch.coming) != (live, coming) {
        broken.push(format!("{}: {} + {} codes, runs have {live} + {coming}", batch.id, batch.codes, batch.coming));
    }
    let mut runs: Vec<&Run> =
        rows.runs.iter().filter(|run| run.batch_id == batch.id && run.state == RunState::Live).collect();
    runs.sort_by_key(|run| run.first_sheet);
    let mut next = 1;
    for run in runs {
        if run.first_sheet != next {
            broken.push(format!("{}: a run begins at sheet {} instead of {next}", batch.id, run.first_sheet));
        }
        next = run.first_sheet + run.asked.div_ceil(u64::from(SHEET_CODES)) as u32;
    }
    if batch.sheets + 1 != next {
        broken.push(format!("{}: {} sheets, runs have {}", batch.id, batch.sheets, next - 1));
    }
}

/// A month is counted for the runs that were begun in it and not given up. Runs without a day came without a job.
fn issued(rows: &Rows, broken: &mut Vec<String>) {
    let mut months: BTreeMap<String, i64> = rows.issued.keys().map(|month| (month.clone(), 0)).collect();
    for run in rows.runs.iter().filter(|run| run.state != RunState::Discarded) {
        let Some(day) = run.day else { continue };
        let amount = rows.batches.iter().find(|batch| batch.id == run.batch_id).map_or(0, |batch| batch.money.amount);
        *months.entry(day.strftime("%Y-%m").to_string()).or_default() += (run.asked * amount) as i64;
    }
    if months != rows.issued {
        broken.push(format!("issued: {:?}, the runs say {months:?}", rows.issued));
    }
}

/// A job and its run end together; one that isn't over is found by the index; its owner is told once.
fn jobs(rows: &Rows, broken: &mut Vec<String>) {
    for (job, item) in &rows.jobs {
        let waits = job.state == JobState::Waiting;
        if !job.state.is_over() && !waits && (text(item, "due_key").is_empty() || !item.contains_key("due_at")) {
            broken.push(format!("job {}: {} and not in the due index", job.id, job.state.name()));
        }
        let told = rows.told.iter().filter(|notice| notice.job == job.id).count();
        if told != usize::from(job.state.is_over()) {
            broken.push(format!("job {}: {} and told {told} times", job.id, job.state.name()));
        }
        let run = job.work.fills().and_then(|(_, id)| rows.runs.iter().find(|run| run.id == id));
        let fits = match (job.state, run.map(|run| run.state)) {
            (JobState::Waiting | JobState::Queued | JobState::Running, None | Some(RunState::Staging)) => true,
            (JobState::Done, Some(RunState::Live)) => true,
            (JobState::Done, None) => job.work.fills().is_none(),
            (JobState::Failed | JobState::Cancelled, None | Some(RunState::Discarded)) => true,
            (_, _) => false,
        };
        if !fits {
            broken.push(format!("job {}: {} and its run is {:?}", job.id, job.state.name(), run.map(|run| run.state)));
        }
        if let (Work::Generate { seed: Some(_), .. }, true) = (&job.work, job.state.is_over()) {
            broken.push(format!("job {}: over, and its codes can still be drawn", job.id));
        }
    }
}

/// Each code's flags are what its entries say, one after the other.
fn audited(rows: &Rows, broken: &mut Vec<String>) {
    for code in &rows.codes {
        let entity = format!("code:{}", code.id());
        let mut told: Vec<_> = rows.audit.iter().filter(|entry| entry.entity == entity).collect();
        told.sort_by_key(|entry| entry.at);
        for (field, now) in [("blocked", code.blocked), ("reported", code.reported), ("deleted", code.deleted)] {
            let changes = told.iter().flat_map(|entry| &entry.changes).filter(|change| change.field == field);
            let said =
                changes.filter_map(|change| change.after.as_deref()).next_back().is_some_and(|last| last == "true");
            if said != now {
                broken.push(format!("code {}: {field} is {now}, the audit log says {said}", code.id()));
            }
        }
    }
}
