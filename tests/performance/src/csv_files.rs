//! A million rows of CSV written, and checked as an import, beside Python's csv.

use crate::{
    Result, built,
    sheets::{codes, cpu, said},
    table::{Row, Table, grouped, median},
};
use domain::code::CodeText;
use jiff::civil::Date;
use sheets::{
    csv::Writer,
    import::{Limits, check},
};
use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::Command,
};

const COUNT: usize = 1_000_000;
const REPETITIONS: usize = 3;
const AIM_WRITE: f64 = 10.0;
const AIM_CHECK: f64 = 4.0;
const PART: usize = 256 << 10;
const SCRIPT: &str = include_str!("../rivals/tables.py");
const COLUMNS: [&str; 6] = ["Code", "batch number", "batch name", "amount", "currency", "status"];

fn write(codes: &[String], target: &Path) -> Result<f64> {
    let mut file = File::create(target)?;
    let started = cpu()?;
    let mut table = Writer::new(&COLUMNS);
    for code in codes {
        table.row(&[code, "7", "BATCH_CHRISTMAS_KIGALI", "5000", "RWF", "active"]);
        if table.ready() >= PART {
            file.write_all(&table.take())?;
        }
    }
    file.write_all(&table.take())?;
    Ok(cpu()? - started)
}

/// Seconds and good lines.
fn read(source: &Path) -> Result<(f64, usize)> {
    let started = cpu()?;
    let bytes = fs::read(source)?;
    let limits = Limits { bytes: usize::MAX, rows: COUNT, today: Date::new(2026, 11, 20)? };
    let checked = check(&bytes, &limits)?;
    let lines = checked.lines.len();
    drop(checked);
    Ok((cpu()? - started, lines))
}

/// Seconds and rows.
fn theirs(act: &str, paths: &[&Path]) -> Result<(f64, u64)> {
    let said = said(Command::new("python3").args(["-c", SCRIPT, act]).args(paths))?;
    let seconds = said["seconds"].as_f64().ok_or("Python told no time")?;
    Ok((seconds, said["count"].as_u64().unwrap_or_default()))
}

pub fn run() -> Result<Table> {
    let mut table = Table {
        title: format!("{} rows × {} columns of CSV, CPU time", grouped(COUNT as f64), COLUMNS.len()),
        beside: "Python's csv",
        ..Table::default()
    };
    if cpu().is_err() {
        table.notes.push("skipped: this system has no /proc/thread-self/schedstat to read CPU time from.".to_owned());
        return Ok(table);
    }
    let folder = built::scratch("tables")?;
    let [list, target, other] = ["codes.txt", "ours.csv", "theirs.csv"].map(|name| folder.join(name));
    let printed: Vec<String> = codes(COUNT)?.map(|code: CodeText| code.printed()).collect();
    fs::write(&list, printed.join("\n"))?;
    let python = Command::new("python3").arg("--version").output();
    let (mut ours, mut rival) = ([vec![], vec![]], [vec![], vec![]]);
    for _ in 0..REPETITIONS {
        ours[0].push(write(&printed, &target)?);
        let (seconds, lines) = read(&target)?;
        ours[1].push(seconds);
        if lines != COUNT {
            table.wrong.push(format!("{lines} good lines of {COUNT}"));
        }
        if python.is_ok() {
            let written = theirs("write", &[&other, &list])?;
            let read = theirs("read", &[&target])?;
            rival[0].push(written.0);
            rival[1].push(read.0);
            if (written.1, read.1) != (COUNT as u64, COUNT as u64) {
                table.wrong.push("Python reads other rows in our file".to_owned());
            }
        }
    }
    if python.is_ok() && fs::read(&target)? != fs::read(&other)? {
        table.wrong.push("the two files differ".to_owned());
    }
    for file in [&list, &target, &other] {
        drop(fs::remove_file(file));
    }
    for ((what, aim), (ours, rival)) in
        [("write", AIM_WRITE), ("checked import", AIM_CHECK)].into_iter().zip(ours.into_iter().zip(rival))
    {
        let (ours, rival) = (median(ours), median(rival));
        let row = Row::new(what, format!("{ours:.3} s"), format!("{rival:.3} s"));
        let ratio = rival / ours;
        table.rows.push(if python.is_ok() { row.ratio(ratio).aim(&format!("≥ {aim}"), ratio >= aim) } else { row });
    }
    if python.is_err() {
        table.notes.push("skipped beside us: python3 is not installed.".to_owned());
    }
    table.notes.push(format!("medians of {REPETITIONS} runs in turns, to and from a file; rows and codes lie ready."));
    table.notes.push(
        "ours neutralises formulas when it writes; the check of both: form of the code, the same code twice."
            .to_owned(),
    );
    Ok(table)
}
