//! Tables as CSV: RFC 4180, UTF-8, lines end in CRLF, the first one names the columns.
//!
//! Spreadsheets run cells that begin like a formula, whoever wrote them. Such a cell gets an apostrophe in front:
//! spreadsheets show it as text, and a program reads one character more.

use domain::{code::CodeText, money::Money};
use jiff::Timestamp;
use std::borrow::Cow;

/// The cell as no spreadsheet runs it.
///
/// A formula begins with `=`, `+`, `-` or `@`, also after spaces that some programs drop, and in their full-width
/// forms that some fold. Tabs and line ends in front are dropped or split by others.
#[inline]
pub fn cell(text: &str) -> Cow<'_, str> {
    // Nearly every cell begins with a letter or a figure.
    match text.as_bytes().first() {
        None | Some(b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z') => return Cow::Borrowed(text),
        Some(_) => {}
    }
    let split = text.starts_with(['\t', '\r', '\n']);
    let unseen =
        |character: char| character.is_whitespace() || matches!(character, '\u{feff}' | '\u{200b}'..='\u{200f}');
    let begins = text.trim_start_matches(unseen).starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if split || begins { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// Bytes for which a cell is put in quotation marks. Semicolons and tabs divide cells in the spreadsheets of half the
/// world.
static QUOTED: [bool; 256] = {
    let mut quoted = [false; 256];
    let mut at = 0;
    let all = b"\",\r\n;\t";
    while at < all.len() {
        quoted[all[at] as usize] = true;
        at += 1;
    }
    quoted
};

/// A table being written. Its memory holds what [`Writer::take`] has not taken yet.
#[derive(Debug)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    pub fn new(columns: &[&str]) -> Self {
        let mut writer = Self { out: Vec::new() };
        writer.row(columns);
        writer
    }

    /// Writes one line; as many cells as there are columns.
    pub fn row<C: AsRef<str>>(&mut self, cells: &[C]) {
        for (at, text) in cells.iter().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            self.cell(text.as_ref());
        }
        // A line without a character would be no row.
        if let [only] = cells
            && only.as_ref().is_empty()
        {
            self.out.extend_from_slice(b"\"\"");
        }
        self.out.extend_from_slice(b"\r\n");
    }

    fn cell(&mut self, text: &str) {
        let text = cell(text);
        let bytes = text.as_bytes();
        // Without a way out on the first, a look at all bytes costs less.
        if !bytes.iter().fold(false, |found, byte| found | QUOTED[usize::from(*byte)]) {
            self.out.extend_from_slice(bytes);
            return;
        }
        self.out.push(b'"');
        for byte in bytes {
            if *byte == b'"' {
                self.out.push(b'"');
            }
            self.out.push(*byte);
        }
        self.out.push(b'"');
    }

    /// Bytes that [`Writer::take`] would give.
    pub fn ready(&self) -> usize {
        self.out.len()
    }

    /// The bytes written since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        let like_this = Vec::with_capacity(self.out.len());
        std::mem::replace(&mut self.out, like_this)
    }
}

/// The export of a batch.
pub const BATCH_COLUMNS: [&str; 8] =
    ["code", "batch number", "batch name", "amount", "currency", "status", "created", "expires"];

/// One code of the export. Times are written in UTC as RFC 3339 has them.
#[derive(Clone, Copy, Debug)]
pub struct CodeRow<'a> {
    pub code: &'a CodeText,
    pub status: &'a str,
    pub created: Timestamp,
    pub expires: Timestamp,
}

/// The export of a batch, row by row.
#[derive(Debug)]
pub struct BatchWriter {
    writer: Writer,
    number: String,
    name: String,
    amount: String,
    currency: &'static str,
    /// Codes of a run share their times.
    times: [(Timestamp, String); 2],
}

impl BatchWriter {
    pub fn new(batch_number: u64, batch_name: &str, money: Money) -> Self {
        let time = || (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH.to_string());
        Self {
            writer: Writer::new(&BATCH_COLUMNS),
            number: batch_number.to_string(),
            name: batch_name.to_owned(),
            amount: money.amount.to_string(),
            currency: money.currency.code(),
            times: [time(), time()],
        }
    }

    pub fn row(&mut self, row: CodeRow<'_>) {
        for ((known, text), at) in self.times.iter_mut().zip([row.created, row.expires]) {
            if *known != at {
                (*known, *text) = (at, at.to_string());
            }
        }
        let [(_, created), (_, expires)] = &self.times;
        let code = row.code.printed();
        self.writer.row(&[
            code.as_str(),
            &self.number,
            &self.name,
            &self.amount,
            self.currency,
            row.status,
            created,
            expires,
        ]);
    }

    /// See [`Writer::ready`].
    pub fn ready(&self) -> usize {
        self.writer.ready()
    }

    /// See [`Writer::take`].
    pub fn take(&mut self) -> Vec<u8> {
        self.writer.take()
    }
}
