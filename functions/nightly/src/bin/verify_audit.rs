//! `verify-audit`: verifies a period of the audit log and says what is wrong with it.
//!
//! Reads the environment variables of the `nightly` function; it signs nothing and needs no key but the public one.
//! Ends with 0 when nothing was found, 1 when something was, 2 when it could not look.

use domain::seal::{Hour, newest_due};
use seal::{Log, Report};
use service::{Clock, aws::Aws, config::Environment};
use std::{io::Write, process::ExitCode, time::Duration};
use store::Deadline;

const USAGE: &str = "verify-audit --from HOUR --to HOUR   hours of UTC, both included, such as 2026112000
verify-audit --hours N               the last N hours that may be sealed by now";
/// A hundred years.
const MOST_HOURS: i64 = 876_600;
const DAY_MS: u64 = 24 * 3_600 * 1_000;

#[derive(Clone, Copy)]
enum Period {
    Between(Hour, Hour),
    Last(i64),
}

fn main() -> ExitCode {
    let told = match period(std::env::args().skip(1)) {
        Ok(period) => run(period),
        Err(problem) => Err(format!("{problem}\n{USAGE}")),
    };
    let mut out = std::io::stdout().lock();
    // Where nobody reads, nobody can be told that.
    match told {
        Ok(report) => {
            drop(write!(out, "{}", words(&report)));
            if report.found == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(problem) => {
            drop(writeln!(std::io::stderr(), "{problem}"));
            ExitCode::from(2)
        }
    }
}

fn period(mut arguments: impl Iterator<Item = String>) -> Result<Period, String> {
    let (mut from, mut to, mut hours) = (None, None, None);
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{name} wants a value"));
        let hour = |text: String| text.parse::<Hour>().map_err(|error| format!("{name}: {error}"));
        match name.as_str() {
            "--from" => from = Some(hour(value()?)?),
            "--to" => to = Some(hour(value()?)?),
            "--hours" => {
                let count = value()?.parse().ok().filter(|count| (1..=MOST_HOURS).contains(count));
                hours = Some(count.ok_or_else(|| format!("--hours is a number from 1 to {MOST_HOURS}"))?);
            }
            other => return Err(format!("{other} is not known")),
        }
    }
    match (from, to, hours) {
        (Some(from), Some(to), None) if from <= to && from.until(to) < MOST_HOURS => Ok(Period::Between(from, to)),
        (Some(_), Some(_), None) => Err("--from is not before --to, or too long before it".to_owned()),
        (None, None, Some(hours)) => Ok(Period::Last(hours)),
        _ => Err("a period is --from and --to, or --hours".to_owned()),
    }
}

fn run(period: Period) -> Result<Report, String> {
    let clock = Clock::system();
    let mut environment = Environment::of_process();
    let aws = Aws::from_environment(&mut environment);
    let aws = Aws { call_timeout: Duration::from_secs(5), ..aws };
    let log = Log::from_environment(&mut environment, &aws, clock.clone());
    environment.finish().map_err(|error| error.to_string())?;
    let (from, to) = match period {
        Period::Between(from, to) => (from, to),
        Period::Last(hours) => {
            let to = newest_due(clock.now());
            (to.plus(1 - hours), to)
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(log.verify(from, to, Deadline::in_ms(DAY_MS))).map_err(|error| error.to_string())
}

/// Each finding in a line of its own, then what was looked at.
fn words(report: &Report) -> String {
    let mut words: String = report.findings.iter().map(|finding| format!("{finding}\n")).collect();
    let unnamed = report.found - report.findings.len() as u64;
    if unnamed > 0 {
        words += &format!("and {unnamed} more\n");
    }
    let Report { from, to, hours, entries, archived, found, .. } = report;
    words +=
        &format!("{from} to {to}: {hours} sealed hours, {entries} entries ({archived} archived), {found} findings\n");
    if let Some(begins) = report.begins {
        words += &format!("the first seal is of {begins}\n");
    }
    if let Some(hour) = report.unsealed_from {
        words += &format!("not sealed from {hour} on: nothing can be said of entries from then on\n");
    }
    if let Some(hour) = report.cut_short_at {
        words += &format!("time was up: {hour} and later hours were not looked at\n");
    }
    if !report.versions_checked {
        words += "the archive keeps no versions: a second version of a digest would not be seen\n";
    }
    for signer in &report.signers {
        words += &format!("signed by: {signer}\n");
    }
    words
}
