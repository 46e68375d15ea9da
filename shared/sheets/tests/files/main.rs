//! The files as others read them: poppler's tools, a QR reader, Python's csv. A test whose program isn't installed
//! says so and passes.

mod imports;
mod logos;
mod made;
mod pages;
mod reports;
mod scans;
mod statements;
mod statements_compared;
mod tables;
mod tools;
