//! Making 100,000 codes in memory, beside the package that Node programs take for it.

use crate::{
    Result, built,
    table::{Row, Table, grouped, median},
};
use domain::code::{ALPHABET, CodeText, PRINTED_LENGTH, RandomPart};
use jiff::civil::Date;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::Value;
use std::{
    collections::HashSet,
    fs,
    hash::{BuildHasherDefault, Hasher},
    hint::black_box,
    path::Path,
    process::Command,
    time::Instant,
};

const COUNT: usize = 100_000;
const REPETITIONS: usize = 5;
/// Timed together, after one that only warms up.
const GENERATIONS: usize = 10;
const AIM: f64 = 20.0;
const RIVAL: &str = "voucher-code-generator";
const RIVAL_VERSION: &str = "1.3.0";

/// The same characters and the same fixed places as ours.
const SCRIPT: &str = include_str!("../rival.js");

/// Codes' numbers are random already: one multiplication spreads them over a table.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

fn codes(random: &mut ChaCha20Rng, day: Date) -> Vec<[u8; PRINTED_LENGTH]> {
    let mut drawn: HashSet<u64, BuildHasherDefault<Spread>> =
        HashSet::with_capacity_and_hasher(COUNT, BuildHasherDefault::default());
    let mut texts = Vec::with_capacity(COUNT);
    while texts.len() < COUNT {
        let part = RandomPart::draw(random);
        if drawn.insert(part.number()) {
            texts.push(part.bytes(day));
        }
    }
    texts
}

/// With the standard library's hasher, each code an owned text, as batches are made on a laptop.
fn plain_codes(random: &mut ChaCha20Rng, day: Date) -> Vec<CodeText> {
    let mut drawn = HashSet::with_capacity(COUNT);
    let mut texts = Vec::with_capacity(COUNT);
    while texts.len() < COUNT {
        let part = RandomPart::draw(random);
        if drawn.insert(part) {
            texts.push(part.code(day));
        }
    }
    texts
}

/// Codes per second.
fn timed<T>(mut generate: impl FnMut() -> T) -> f64 {
    black_box(generate());
    let started = Instant::now();
    for _ in 0..GENERATIONS {
        black_box(generate());
    }
    (COUNT * GENERATIONS) as f64 / started.elapsed().as_secs_f64()
}

fn problem(texts: &[[u8; PRINTED_LENGTH]]) -> Option<String> {
    let distinct = texts.iter().collect::<HashSet<_>>().len();
    if distinct != COUNT {
        return Some(format!("{distinct} distinct codes of {COUNT}"));
    }
    let strange = texts.iter().flatten().find(|byte| !ALPHABET.contains(byte))?;
    Some(format!("a code has the character {:?}", char::from(*strange)))
}

/// Where the rival is installed, or why it isn't.
fn install() -> std::result::Result<std::path::PathBuf, String> {
    let folder = built::scratch("npm").map_err(|error| error.to_string())?;
    let installed = folder.join("node_modules").join(RIVAL).join("package.json");
    let is_there = || {
        let package = fs::read_to_string(&installed).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
        package.is_some_and(|package| package["version"] == RIVAL_VERSION)
    };
    if is_there() {
        return Ok(folder);
    }
    fs::write(folder.join("package.json"), "{ \"private\": true }\n").map_err(|error| error.to_string())?;
    let asked = Command::new("npm")
        .current_dir(&folder)
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"])
        .arg(format!("{RIVAL}@{RIVAL_VERSION}"))
        .output();
    match asked {
        Err(error) => Err(format!("npm cannot be run ({error})")),
        Ok(output) if !output.status.success() => {
            Err(format!("npm could not install it ({}); is there a network?", output.status))
        }
        Ok(_) if is_there() => Ok(folder),
        Ok(_) => Err(format!("npm installed another version than {RIVAL_VERSION}")),
    }
}

/// Codes per second of the rival, timed inside its own runtime.
fn rival(folder: &Path) -> Result<f64> {
    let alphabet = str::from_utf8(ALPHABET)?;
    let output = Command::new("node")
        .current_dir(folder)
        .args(["-e", SCRIPT, alphabet, &COUNT.to_string(), &GENERATIONS.to_string()])
        .output()?;
    if !output.status.success() {
        return Err(format!("node: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let said: Value = serde_json::from_slice(&output.stdout)?;
    let sample = said["sample"].as_str().unwrap_or_default();
    if sample.len() != PRINTED_LENGTH || said["distinct"].as_u64() != Some(COUNT as u64) {
        return Err(format!("{RIVAL} made something else than {COUNT} codes like ours: {said}").into());
    }
    let seconds = said["seconds"].as_f64().ok_or("node told no time")?;
    Ok((COUNT * GENERATIONS) as f64 / seconds)
}

pub fn run() -> Result<Table> {
    let mut table = Table {
        title: format!("{} distinct codes in memory, per second", grouped(COUNT as f64)),
        beside: RIVAL,
        ..Table::default()
    };
    let day = Date::new(2026, 11, 20)?;
    let mut random = ChaCha20Rng::try_from_os_rng()?;
    table.wrong.extend(problem(&codes(&mut random, day)));
    let rival_folder = install();
    let (mut ours, mut plain, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        ours.push(timed(|| codes(&mut random, day)));
        plain.push(timed(|| plain_codes(&mut random, day)));
        if let Ok(folder) = &rival_folder {
            theirs.push(rival(folder)?);
        }
    }
    let (ours, plain) = (median(ours), median(plain));
    let names = ["spread by one multiplication", "std hasher, owned texts"];
    match rival_folder {
        Ok(_) => {
            let theirs = median(theirs);
            let ratio = ours / theirs;
            table.rows.push(
                Row::new(names[0], grouped(ours), grouped(theirs)).ratio(ratio).aim(&format!("≥ {AIM}"), ratio >= AIM),
            );
            table.rows.push(Row::new(names[1], grouped(plain), grouped(theirs)).ratio(plain / theirs));
            table.notes.push(format!(
                "{RIVAL} {RIVAL_VERSION} draws with Math.random, which is not cryptographic: who sees some codes can"
            ));
            table
                .notes
                .push("compute the next ones. Its codes are distinct within one call, by its own check.".to_owned());
        }
        Err(why) => {
            table.rows.push(Row::new(names[0], grouped(ours), "-"));
            table.rows.push(Row::new(names[1], grouped(plain), "-"));
            table.notes.push(format!("{RIVAL} skipped: {why}"));
        }
    }
    table.notes.push(format!(
        "{REPETITIONS} repetitions in turns, {GENERATIONS} generations each after a warm-up, timed inside each runtime."
    ));
    Ok(table)
}
