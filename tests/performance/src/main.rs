//! How quick we are, beside something else measured in the same run: `cargo run --profile fast -p performance`.
//!
//! Figures are for people to read. Being slow fails nothing; only what is wrong does: a redemption that isn't in the
//! table, a code that comes twice, a function that doesn't answer.
#![allow(clippy::print_stdout, reason = "the printed tables are what this program is for")]

mod bare;
mod built;
mod codes;
mod csv_files;
mod embedded;
mod generator;
mod recorded;
mod redemption;
mod round_trips;
mod runtime_api;
mod sheets;
mod start;
mod table;
mod trail;

use std::{io, process::ExitCode};

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    RoundTrips,
    Generator,
    Codes,
    Sheets,
    CsvFiles,
    Million,
    Redemption,
    Trail,
    Start,
}

impl Section {
    /// The quick ones first; `start` builds for minutes.
    const ALL: [Self; 9] = [
        Self::RoundTrips,
        Self::Generator,
        Self::Codes,
        Self::Sheets,
        Self::CsvFiles,
        Self::Million,
        Self::Redemption,
        Self::Trail,
        Self::Start,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::RoundTrips => "round_trips",
            Self::Generator => "generator",
            Self::Codes => "codes",
            Self::Sheets => "sheets",
            Self::CsvFiles => "csv_files",
            Self::Million => "million",
            Self::Redemption => "redemption",
            Self::Trail => "trail",
            Self::Start => "start",
        }
    }

    async fn run(self) -> Result<table::Table> {
        match self {
            Self::RoundTrips => round_trips::run().await,
            Self::Generator => generator::run(),
            Self::Codes => codes::run().await,
            Self::Sheets => sheets::run(),
            Self::CsvFiles => csv_files::run(),
            Self::Million => codes::million().await,
            Self::Redemption => redemption::run().await,
            Self::Trail => trail::run().await,
            Self::Start => start::run().await,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut chosen = Vec::new();
    for word in std::env::args().skip(1) {
        match Section::ALL.into_iter().find(|section| section.name() == word) {
            Some(section) => chosen.push(section),
            None => {
                eprintln!("{word}: no such section; there are {}", Section::ALL.map(Section::name).join(", "));
                return ExitCode::from(2);
            }
        }
    }
    if chosen.is_empty() {
        chosen.extend(Section::ALL);
    }
    if cfg!(debug_assertions) {
        println!("A debug build: its figures say nothing. Use cargo run --profile fast -p performance\n");
    }
    // The functions write metrics to standard output, where this program writes its tables.
    service::metrics::send_to(Box::new(io::sink()));
    let mut all_right = true;
    for section in chosen {
        match section.run().await {
            Ok(table) => {
                println!("{}: {table}", section.name());
                all_right &= table.wrong.is_empty();
            }
            Err(error) => {
                eprintln!("{}: {error}", section.name());
                all_right = false;
            }
        }
    }
    if all_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
