//! What goes in and out as a file: sheets of cards to print, tables to open in a spreadsheet, reports, lists of codes and
//! statements to read.
//!
//! Bytes in, bytes out. No AWS, no async, no clock: the caller reads rows, uploads parts and knows the day.
//! The two writers are drained as they go ([`pdf::Pdf::take`], [`csv::Writer::take`]), so a batch of a million codes
//! needs no more memory than one of a hundred.

pub mod csv;
pub mod import;
pub mod pdf;
pub mod report;
pub mod statement;
