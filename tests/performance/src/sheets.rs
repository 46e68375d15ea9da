//! A hundred thousand codes as PDF sheets, beside ReportLab and pdfkit; a million, to see that memory stays.

use crate::{
    Result, built,
    table::{Row, Table, grouped, median},
};
use domain::{
    code::CodeText,
    money::{Currency, Money},
};
use jiff::civil::Date;
use serde_json::Value;
use sheets::pdf::{Heading, Logo, Pdf, QrTemplate, SLOTS};
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

const COUNT: usize = 100_000;
const MANY: usize = 1_000_000;
const REPETITIONS: usize = 3;
/// What is taken at once: an uploader gathers its parts itself.
const PART: usize = 256 << 10;
const AIM_REPORTLAB: f64 = 20.0;
const AIM_PDFKIT: f64 = 15.0;
const AIM_QR: f64 = 5.0;
const AIM_PEAK_MIB: f64 = 32.0;
/// The places of 150,000 objects more.
const AIM_GROWTH_MIB: f64 = 4.0;
const AIM_FILE_MB: f64 = 10.0;
const REPORTLAB: &str = "5.1.0";
const PDFKIT: &str = "0.20.2";
const REPORTLAB_SCRIPT: &str = include_str!("../rivals/sheets.py");
const PDFKIT_SCRIPT: &str = include_str!("../rivals/sheets.js");

/// CPU seconds, peak memory in MiB, bytes of the file.
#[derive(Clone, Copy, Default)]
struct Cost {
    seconds: f64,
    peak: f64,
    bytes: f64,
}

/// CPU time of this thread, in seconds, by the kernel's account.
pub fn cpu() -> Result<f64> {
    let account = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = account.split_whitespace().next().and_then(|first| first.parse::<f64>().ok());
    Ok(nanoseconds.ok_or("the kernel's account cannot be read")? / 1e9)
}

/// The most memory this process ever had, since it was last forgotten.
fn peak() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    Ok(kib.ok_or("the kernel tells no peak")? / 1_024.0)
}

/// `proc(5)`: 5 makes the peak what is in use now.
fn forget_peak() -> Result<()> {
    Ok(fs::write("/proc/self/clear_refs", "5")?)
}

/// Codes that differ, made as they are asked for.
pub fn codes(count: usize) -> Result<impl Iterator<Item = CodeText>> {
    let day = Date::new(2026, 11, 20)?;
    let code = move |number: u64| {
        let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut rest = spread % 30u64.pow(3) * 30u64.pow(7) + number;
        let mut text = String::with_capacity(16);
        for place in 0..10 {
            text.push(char::from(domain::code::ALPHABET[(rest % 30) as usize]));
            rest /= 30;
            match place {
                5 => text.push_str(&format!("{:02}", day.year() % 100)),
                7 => text.push_str(&format!("{:02}", day.month())),
                9 => text.push_str(&format!("{:02}", day.day())),
                _ => {}
            }
        }
        CodeText::parse(&text).map_err(|problem| problem.to_string())
    };
    code(0)?;
    Ok((0..count as u64).filter_map(move |number| code(number).ok()))
}

fn logo() -> Result<Vec<u8>> {
    const SIZE: [u32; 2] = [360, 120];
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, SIZE[0], SIZE[1]);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let pixel = |x: u32, y: u32| {
        let [dx, dy] = [x.abs_diff(60), y.abs_diff(60)];
        let ink = dx * dx + dy * dy < 58 * 58 || (x > 140 && y.abs_diff(60) < 30 && (x / 24).is_multiple_of(2));
        [0, (x / 2 % 256) as u8, 120, if ink { 255 } else { 0 }]
    };
    let pixels: Vec<u8> = (0..SIZE[1]).flat_map(|y| (0..SIZE[0]).flat_map(move |x| pixel(x, y))).collect();
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(file)
}

fn heading(logo: &[u8], qr: bool) -> Result<Heading> {
    Ok(Heading {
        batch_number: 12,
        batch_name: "BATCH_CHRISTMAS_KIGALI".to_owned(),
        generated_on: "20/11/2026".to_owned(),
        expires_on: "31/12/2026".to_owned(),
        money: Money::new(5_000, Currency::Rwf)?,
        brand: "MBELYCO".to_owned(),
        company: String::new(),
        contact: ["KG 11 Avenue 42, Kigali", "+250 788 000 100", "www.example.rw"].map(str::to_owned).to_vec(),
        dial: "*801#".to_owned(),
        help: "0788000100".to_owned(),
        logo: Some(Logo::read(logo)?),
        qr: if qr { Some(QrTemplate::dialling("*801#")?) } else { None },
    })
}

fn ours(heading: &Heading, count: usize, target: &Path) -> Result<Cost> {
    forget_peak()?;
    let mut codes = codes(count)?;
    let mut file = File::create(target)?;
    let started = cpu()?;
    let pages = u32::try_from(count.div_ceil(SLOTS))?;
    let mut pdf = Pdf::new(heading, pages);
    for sheet in 1..=pages {
        let page: [Option<CodeText>; SLOTS] = std::array::from_fn(|_| codes.next());
        pdf.page(sheet, &page.each_ref().map(Option::as_ref));
        if pdf.ready() >= PART {
            file.write_all(&pdf.take())?;
        }
    }
    file.write_all(&pdf.finish()?)?;
    Ok(Cost { seconds: cpu()? - started, peak: peak()?, bytes: fs::metadata(target)?.len() as f64 })
}

fn asked(command: &mut Command, what: &str) -> std::result::Result<(), String> {
    match command.output() {
        Err(error) => Err(format!("{what} cannot be run ({error})")),
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{what} failed ({}); is there a network?", output.status)),
    }
}

/// A Python that has ReportLab.
fn reportlab() -> std::result::Result<PathBuf, String> {
    let folder = built::scratch("venv").map_err(|error| error.to_string())?;
    let python = folder.join("bin").join("python");
    let wanted = format!("import reportlab, sys; sys.exit(reportlab.__version__ != '{REPORTLAB}')");
    let is_there = || Command::new(&python).args(["-c", &wanted]).output().is_ok_and(|found| found.status.success());
    if !is_there() {
        asked(Command::new("python3").args(["-m", "venv"]).arg(&folder), "python3 -m venv")?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        let package = format!("reportlab=={REPORTLAB}");
        asked(Command::new(&python).args(install).arg(package), "pip install reportlab")?;
    }
    if is_there() { Ok(python) } else { Err(format!("another version than {REPORTLAB} was installed")) }
}

/// A folder in which Node finds pdfkit.
fn pdfkit() -> std::result::Result<PathBuf, String> {
    let folder = built::scratch("npm-pdfkit").map_err(|error| error.to_string())?;
    let package = folder.join("node_modules").join("pdfkit").join("package.json");
    let is_there = || {
        let package = fs::read_to_string(&package).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
        package.is_some_and(|package| package["version"] == PDFKIT)
    };
    if !is_there() {
        fs::write(folder.join("package.json"), "{ \"private\": true }\n").map_err(|error| error.to_string())?;
        let install = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
        let package = format!("pdfkit@{PDFKIT}");
        asked(Command::new("npm").current_dir(&folder).args(install).arg(package), "npm install pdfkit")?;
    }
    if is_there() { Ok(folder) } else { Err(format!("another version than {PDFKIT} was installed")) }
}

/// What a rival's script says about itself.
pub fn said(command: &mut Command) -> Result<Value> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn theirs(command: &mut Command, target: &Path) -> Result<Cost> {
    let said = said(command)?;
    let figure = |name: &str| said[name].as_f64().ok_or("a rival told no figures");
    Ok(Cost { seconds: figure("seconds")?, peak: figure("peak")?, bytes: fs::metadata(target)?.len() as f64 })
}

fn middle(costs: &[Cost]) -> Cost {
    let of = |what: fn(&Cost) -> f64| median(costs.iter().map(what).collect());
    Cost { seconds: of(|cost| cost.seconds), peak: of(|cost| cost.peak), bytes: of(|cost| cost.bytes) }
}

fn text(cost: Cost) -> String {
    format!("{:.2} s, {:.1} MiB, {:.1} MB", cost.seconds, cost.peak, cost.bytes / 1e6)
}

fn rival(table: &mut Table, name: &str, aim: f64, ours: Cost, found: std::result::Result<Cost, String>) {
    match found {
        Ok(theirs) => {
            let ratio = theirs.seconds / ours.seconds;
            let row = Row::new(name, text(ours), text(theirs)).ratio(ratio);
            table.rows.push(row.aim(&format!("≥ {aim}"), ratio >= aim));
        }
        Err(why) => {
            table.rows.push(Row::new(name, text(ours), "-"));
            table.notes.push(format!("{name} skipped: {why}"));
        }
    }
}

pub fn run() -> Result<Table> {
    let mut table = Table {
        title: format!("{} codes as A4 sheets: CPU time, peak memory, size of the file", grouped(COUNT as f64)),
        beside: "rival",
        ..Table::default()
    };
    if cpu().is_err() || forget_peak().is_err() {
        table.notes.push("skipped: this system has no /proc to read CPU time and peak memory from.".to_owned());
        return Ok(table);
    }
    let folder = built::scratch("sheets")?;
    let logo = logo()?;
    let [list, picture, target] = ["codes.txt", "logo.png", "sheets.pdf"].map(|name| folder.join(name));
    fs::write(&picture, &logo)?;
    let printed: Vec<String> = codes(COUNT)?.map(|code| code.printed()).collect();
    fs::write(&list, printed.join("\n"))?;
    drop(printed);
    let (plain, with_qr) = (heading(&logo, false)?, heading(&logo, true)?);
    let (python, node) = (reportlab(), pdfkit());
    let (mut ours_plain, mut ours_qr, mut of_python, mut of_node) = (vec![], vec![], vec![], vec![]);
    for _ in 0..REPETITIONS {
        ours_plain.push(ours(&plain, COUNT, &target)?);
        ours_qr.push(ours(&with_qr, COUNT, &target)?);
        let paths = [&list, &target, &picture];
        if let Ok(python) = &python {
            of_python.push(theirs(Command::new(python).args(["-c", REPORTLAB_SCRIPT]).args(paths), &target)?);
        }
        if let Ok(folder) = &node {
            let mut command = Command::new("node");
            of_node.push(theirs(command.current_dir(folder).args(["-e", PDFKIT_SCRIPT]).args(paths), &target)?);
        }
    }
    let many = ours(&plain, MANY, &target)?;
    fs::remove_file(&target)?;
    let (cost, qr) = (middle(&ours_plain), middle(&ours_qr));
    rival(&mut table, "ReportLab", AIM_REPORTLAB, cost, python.map(|_| middle(&of_python)));
    rival(&mut table, "pdfkit", AIM_PDFKIT, cost, node.map(|_| middle(&of_node)));
    let figure = |what: &str, ours: f64, unit: &str, aim: f64| {
        Row::new(what, format!("{ours:.1} {unit}"), "-").aim(&format!("≤ {aim} {unit}"), ours <= aim)
    };
    table.rows.push(figure("peak memory", cost.peak, "MiB", AIM_PEAK_MIB));
    table.rows.push(figure("file", cost.bytes / 1e6, "MB", AIM_FILE_MB));
    let ratio = qr.seconds / cost.seconds;
    let row = Row::new("with QR, beside without", text(qr), text(cost)).ratio(ratio);
    table.rows.push(row.aim(&format!("≤ {AIM_QR}"), ratio <= AIM_QR));
    let growth = many.peak - cost.peak;
    let name = format!("{} codes", grouped(MANY as f64));
    let row = Row::new(name, text(many), text(cost)).ratio(many.peak / cost.peak);
    table.rows.push(row.aim(&format!("≤ {AIM_GROWTH_MIB} MiB more"), growth <= AIM_GROWTH_MIB));
    if many.bytes < 9.0 * cost.bytes {
        table.wrong.push("ten times the codes have to give about ten times the file".to_owned());
    }
    table.notes.push(format!(
        "medians of {REPETITIONS} runs in turns. Each rival timed from its first page to its last byte, without its start;"
    ));
    table.notes.push(format!("ReportLab {REPORTLAB} with forms, pdfkit {PDFKIT} without the logos on its cards."));
    table
        .notes
        .push(format!("our memory is that of this whole program, taking the file in parts of {} KiB.", PART >> 10));
    Ok(table)
}
