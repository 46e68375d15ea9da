//! A list of codes made elsewhere, checked as a whole before any of it is stored.
//!
//! The file is CSV as spreadsheets of any country save it, with a column named `Code`. The other columns are kept
//! beside each code. What is wrong with a line is told with its number; what is wrong with the file, instead.

pub(crate) mod records;

use crate::csv;
use domain::{
    batch::CODE_METADATA_MAX,
    code::{CodeText, MAX_LENGTH, Malformed},
};
use jiff::civil::Date;
use records::{Record, Records};
use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    ops::Range,
};

const CODE_COLUMN: &str = "code";
const ZIP: &[u8] = b"PK\x03\x04";
/// UTF-16, as some spreadsheets save "Unicode text".
const WIDE_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];
const MARK: &[u8] = b"\xef\xbb\xbf";
const NAME_MAX: usize = 40;
const VALUE_MAX: usize = 200;
/// Characters of a wrong value that a report repeats.
const SHOWN_MAX: usize = 64;
/// Between the kept values of a line. A file that has this character is refused.
const DIVIDER: char = '\0';

/// What a file may hold at most, and the day it is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub bytes: usize,
    pub rows: usize,
    /// A printed code made after this day doesn't exist yet.
    pub today: Date,
}

impl Limits {
    pub fn on(today: Date) -> Self {
        Self { bytes: 32 << 20, rows: 100_000, today }
    }
}

/// Why nothing of a file can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the file is empty")]
    Empty,
    #[error("the file has {bytes} bytes; {allowed} are allowed")]
    TooLarge { bytes: usize, allowed: usize },
    #[error("this is a ZIP archive or an Excel workbook; save the sheet as CSV")]
    Zip,
    #[error("this is not a text file; save the sheet as CSV")]
    Binary,
    #[error("line {line} is not in UTF-8; save the sheet as \"CSV UTF-8\"")]
    NotUtf8 { line: u32 },
    #[error("the first line holds a code; it has to name the columns, one of them Code")]
    NoHeader,
    #[error("no column is named Code")]
    NoCodeColumn,
    #[error("two columns are named {0}")]
    ColumnTwice(String),
    #[error("there are {0} columns beside the codes; {CODE_METADATA_MAX} are allowed")]
    TooManyColumns(usize),
    #[error("the name of column {0} is longer than {NAME_MAX} characters")]
    ColumnName(usize),
    #[error("there is no line below the names of the columns")]
    NoRows,
    #[error("there are more than {0} codes; divide the file")]
    TooManyRows(usize),
    #[error("the quotation mark of line {line} is never closed")]
    UnclosedQuote { line: u32 },
}

/// A file that can be read.
#[derive(Debug)]
pub struct Checked {
    /// The good lines in the file's order.
    pub lines: Vec<Line>,
    /// At most one for a line.
    pub problems: Vec<LineProblem>,
    /// Names of the kept columns.
    pub columns: Vec<String>,
    values: String,
}

#[derive(Debug)]
pub struct Line {
    /// Where it begins in the file; the line with the columns' names is usually 1.
    pub line: u32,
    pub code: CodeText,
    values: Range<usize>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct LineProblem {
    pub line: u32,
    /// What stands there instead of a code, or the code, cut.
    pub value: String,
    pub reason: Reason,
}

/// A value may be a code: a debug print leaves it out.
impl fmt::Debug for LineProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LineProblem(line {}: {})", self.line, self.reason)
    }
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("there is no code")]
    Missing,
    #[error(transparent)]
    Malformed(Malformed),
    #[error("the same code stands in line {first}")]
    Twice { first: u32 },
    #[error("the code is dated in the future: {0}")]
    Future(Date),
    #[error("{column}: longer than {VALUE_MAX} characters")]
    ValueTooLong { column: String },
    #[error("there are more cells than columns")]
    TooManyCells,
    /// For the caller, who asks the table.
    #[error("the system has this code already")]
    Taken,
}

impl Checked {
    /// What stands beside a code: column and value, without the empty ones.
    pub fn metadata(&self, line: &Line) -> impl Iterator<Item = (&str, &str)> {
        let values = self.values.get(line.values.clone()).unwrap_or_default();
        let named = self.columns.iter().map(String::as_str).zip(values.split(DIVIDER));
        named.filter(|(_, value)| !value.is_empty())
    }
}

/// Reads and judges a file.
///
/// # Errors
/// [`Refused`] when the file cannot be read as a whole.
pub fn check(bytes: &[u8], limits: &Limits) -> Result<Checked, Refused> {
    let text = text(bytes, limits.bytes)?;
    let mut records = Records::of(text, is_code_column);
    let columns = match records.next()? {
        Some(header) => Columns::read(&header)?,
        None => return Err(Refused::Empty),
    };
    let mut check = Check {
        today: limits.today,
        seen: HashMap::new(),
        checked: Checked {
            lines: Vec::new(),
            problems: Vec::new(),
            columns: columns.kept.iter().map(|(_, name)| name.clone()).collect(),
            values: String::new(),
        },
        columns,
    };
    let mut rows = 0;
    while let Some(record) = records.next()? {
        rows += 1;
        if rows > limits.rows {
            return Err(Refused::TooManyRows(limits.rows));
        }
        check.line(&record);
    }
    if rows == 0 { Err(Refused::NoRows) } else { Ok(check.checked) }
}

/// Problems as CSV: line, value, reason.
pub fn report(problems: &[LineProblem]) -> Vec<u8> {
    let mut table = csv::Writer::new(&["line", "value", "reason"]);
    for problem in problems {
        table.row(&[problem.line.to_string().as_str(), &problem.value, &problem.reason.to_string()]);
    }
    table.take()
}

/// The file's text without the mark at its beginning.
pub(crate) fn text(bytes: &[u8], allowed: usize) -> Result<&str, Refused> {
    if bytes.len() > allowed {
        return Err(Refused::TooLarge { bytes: bytes.len(), allowed });
    }
    if bytes.starts_with(ZIP) {
        return Err(Refused::Zip);
    }
    if WIDE_MARKS.iter().any(|mark| bytes.starts_with(mark)) {
        return Err(Refused::NotUtf8 { line: 1 });
    }
    if bytes.contains(&0) {
        return Err(Refused::Binary);
    }
    let bytes = bytes.strip_prefix(MARK).unwrap_or(bytes);
    match str::from_utf8(bytes) {
        Ok(text) if text.trim().is_empty() => Err(Refused::Empty),
        Ok(text) => Ok(text),
        Err(error) => Err(Refused::NotUtf8 { line: 1 + records::line_ends(&bytes[..error.valid_up_to()], true) }),
    }
}

fn is_code_column(name: &str) -> bool {
    name.trim().eq_ignore_ascii_case(CODE_COLUMN)
}

/// Which cell is what.
struct Columns {
    count: usize,
    code: usize,
    /// Place and name. A column without a name is kept while it is empty, so it is not kept.
    kept: Vec<(usize, String)>,
}

impl Columns {
    fn read(header: &Record<'_>) -> Result<Self, Refused> {
        let names: Vec<&str> = header.cells().map(str::trim).collect();
        let Some(code) = names.iter().position(|name| is_code_column(name)) else {
            let headless = names.iter().any(|name| looks_like_a_code(name));
            return Err(if headless { Refused::NoHeader } else { Refused::NoCodeColumn });
        };
        let mut kept: Vec<(usize, String)> = Vec::new();
        for (at, name) in names.iter().enumerate().filter(|(at, name)| *at != code && !name.is_empty()) {
            let known = kept.iter().any(|(_, known)| known.eq_ignore_ascii_case(name));
            if known || is_code_column(name) {
                return Err(Refused::ColumnTwice((*name).to_owned()));
            }
            if name.chars().count() > NAME_MAX {
                return Err(Refused::ColumnName(at + 1));
            }
            kept.push((at, (*name).to_owned()));
        }
        if kept.len() > CODE_METADATA_MAX {
            return Err(Refused::TooManyColumns(kept.len()));
        }
        Ok(Self { count: names.len(), code, kept })
    }
}

/// Names of columns have no figures, mostly; codes have some, and no small letters, mostly.
fn looks_like_a_code(name: &str) -> bool {
    let figures = name.bytes().any(|byte| byte.is_ascii_digit());
    let small = name.bytes().any(|byte| byte.is_ascii_lowercase());
    let code = CodeText::parse(name);
    code.is_ok_and(|code| code.printed_problem().is_none() || (figures && !small))
}

struct Check {
    today: Date,
    columns: Columns,
    /// The line of each code.
    seen: HashMap<u128, u32>,
    checked: Checked,
}

impl Check {
    fn line(&mut self, record: &Record<'_>) {
        let cell = record.cell(self.columns.code).trim();
        if let Err(reason) = self.read(record, cell) {
            let value = cell.chars().take(SHOWN_MAX).collect();
            self.checked.problems.push(LineProblem { line: record.line, value, reason });
        }
    }

    fn read(&mut self, record: &Record<'_>, cell: &str) -> Result<(), Reason> {
        if cell.is_empty() {
            return Err(Reason::Missing);
        }
        let code = CodeText::parse(cell).map_err(Reason::Malformed)?;
        match self.seen.entry(number(&code)) {
            Entry::Occupied(first) => return Err(Reason::Twice { first: *first.get() }),
            Entry::Vacant(place) => place.insert(record.line),
        };
        if let Some(date) = code.date_part().filter(|date| *date > self.today)
            && code.printed_problem().is_none()
        {
            return Err(Reason::Future(date));
        }
        let unnamed = |at: usize| at != self.columns.code && self.columns.kept.iter().all(|(kept, _)| *kept != at);
        let all_named = self.columns.kept.len() + 1 == self.columns.count && record.len() <= self.columns.count;
        if !all_named && record.cells().enumerate().any(|(at, cell)| !cell.trim().is_empty() && unnamed(at)) {
            return Err(Reason::TooManyCells);
        }
        let values = &mut self.checked.values;
        let from = values.len();
        for (nth, (at, name)) in self.columns.kept.iter().enumerate() {
            let value = record.cell(*at).trim();
            // Characters are bytes or fewer.
            if value.len() > VALUE_MAX && value.chars().count() > VALUE_MAX {
                values.truncate(from);
                return Err(Reason::ValueTooLong { column: name.clone() });
            }
            if nth > 0 {
                values.push(DIVIDER);
            }
            values.push_str(value);
        }
        let values = from..values.len();
        self.checked.lines.push(Line { line: record.line, code, values });
        Ok(())
    }
}

/// The code as a number in base 37, where no character is 0: different codes have different numbers, and the
/// longest is less than 2^126. Half as large as the text and compared in one step.
fn number(code: &CodeText) -> u128 {
    const { assert!(MAX_LENGTH <= 24, "longer codes don't fit") };
    code.as_str().bytes().fold(0, |number, byte| {
        let character = match byte {
            b'0'..=b'9' => byte - b'0' + 1,
            other => other.to_ascii_uppercase().wrapping_sub(b'A') + 11,
        };
        number * 37 + u128::from(character)
    })
}
