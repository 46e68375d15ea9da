//! The rows of a CSV file with the number of the line each begins in.

use super::Refused;
use csv::{Reader, ReaderBuilder, StringRecord};
use std::io::{Chain, Read};

const DELIMITERS: [u8; 4] = *b",;\t|";
/// Read after the file as a last row. When it comes as part of another one, a quotation mark was left open; the
/// parser itself forgives that. Files with this character are refused before.
const END: &str = "\0";
const AFTER: &[u8] = b"\n\0";

type Source<'a> = Reader<Chain<&'a [u8], &'static [u8]>>;

pub struct Records<'a> {
    text: &'a str,
    source: Source<'a>,
    cells: StringRecord,
    /// Whether a carriage return alone ends lines.
    returns: bool,
    /// Up to where line ends are counted.
    counted: usize,
    line: u32,
}

/// One row that isn't blank.
pub struct Record<'a> {
    pub line: u32,
    cells: &'a StringRecord,
}

impl Record<'_> {
    /// Empty for one that isn't there.
    pub fn cell(&self, at: usize) -> &str {
        self.cells.get(at).unwrap_or_default()
    }

    pub fn cells(&self) -> impl Iterator<Item = &str> {
        self.cells.iter()
    }

    pub fn len(&self) -> usize {
        self.cells.len()
    }
}

fn source(text: &str, delimiter: u8) -> Source<'_> {
    let mut builder = ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(delimiter).buffer_capacity(1 << 16);
    builder.from_reader(text.as_bytes().chain(AFTER))
}

/// Ends of lines: LF, CRLF, and with `returns` CR alone.
pub fn line_ends(bytes: &[u8], returns: bool) -> u32 {
    let feeds = bytes.iter().filter(|byte| **byte == b'\n').count();
    let lone = if returns {
        let pairs = bytes.windows(2).filter(|pair| pair[0] == b'\r' && pair[1] != b'\n').count();
        pairs + usize::from(bytes.last() == Some(&b'\r'))
    } else {
        0
    };
    u32::try_from(feeds + lone).unwrap_or(u32::MAX)
}

impl<'a> Records<'a> {
    /// The delimiter is the first with which the first row has a cell that is `wanted`, else the one that gives it
    /// the most cells.
    pub fn of(text: &'a str, wanted: impl Fn(&str) -> bool) -> Self {
        let first = |delimiter: u8| {
            let mut cells = StringRecord::new();
            // A row that cannot be read has no cells; reading it again says why.
            let read = source(text, delimiter).read_record(&mut cells).unwrap_or_default();
            if read { cells } else { StringRecord::new() }
        };
        let rank = |delimiter: u8| {
            let cells = first(delimiter);
            (cells.iter().any(&wanted), cells.len())
        };
        // Of equals `max_by_key` takes the last.
        let delimiter = DELIMITERS.into_iter().rev().max_by_key(|delimiter| rank(*delimiter)).unwrap_or(b',');
        let bytes = text.as_bytes();
        let returns = bytes.contains(&b'\r')
            && (bytes.windows(2).any(|pair| pair[0] == b'\r' && pair[1] != b'\n') || bytes.last() == Some(&b'\r'));
        Self { text, source: source(text, delimiter), cells: StringRecord::new(), returns, counted: 0, line: 1 }
    }

    /// The next row with something in it.
    pub fn next(&mut self) -> Result<Option<Record<'_>>, Refused> {
        loop {
            let from = usize::try_from(self.source.position().byte()).unwrap_or(usize::MAX);
            // Only a read can fail, and this one is from memory.
            let read = self.source.read_record(&mut self.cells).map_err(|_| Refused::Binary)?;
            let line = self.line_at(from);
            let is_end = self.cells.len() == 1 && self.cells.get(0) == Some(END);
            if !read || is_end {
                return Ok(None);
            }
            if self.cells.as_slice().ends_with(END) {
                return Err(Refused::UnclosedQuote { line });
            }
            if !self.cells.as_slice().trim().is_empty() {
                return Ok(Some(Record { line, cells: &self.cells }));
            }
        }
    }

    /// The line of the row that is read from `at`: the parser steps over empty lines, and over the second half of a
    /// line end, without a word.
    fn line_at(&mut self, at: usize) -> u32 {
        let bytes = self.text.as_bytes();
        let at = at.min(bytes.len());
        let skipped = bytes[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let begins = at + skipped;
        self.line = self.line.saturating_add(line_ends(&bytes[self.counted..begins], self.returns));
        self.counted = begins;
        self.line
    }
}
