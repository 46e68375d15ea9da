//! Which column holds what, by the names that portals and their exports have for it.

use super::Refused;
use crate::import::records::Record;
use std::fmt;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Reference,
    ExternalId,
    Transaction,
    Amount,
    Currency,
    Payee,
    Status,
    Date,
    Time,
}

impl Column {
    pub const ALL: [Self; 9] = [
        Self::Reference,
        Self::ExternalId,
        Self::Transaction,
        Self::Amount,
        Self::Currency,
        Self::Payee,
        Self::Status,
        Self::Date,
        Self::Time,
    ];

    /// Names in small letters and figures only. Where a file has several of them, the first one of this list counts.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::Reference => &["xreferenceid", "referenceid", "transferreference", "reference"],
            Self::ExternalId => &["externaltransactionid", "externalid", "externalreference"],
            Self::Transaction => &["financialtransactionid", "momotransactionid", "transactionid", "id"],
            Self::Amount => &["amount", "transactionamount", "transferamount"],
            Self::Currency => &["currency", "amountcurrency", "transactioncurrency"],
            Self::Payee => &[
                "toaccount",
                "toaccountnumber",
                "tomsisdn",
                "payeemsisdn",
                "receivermsisdn",
                "payee",
                "receiver",
                "to",
            ],
            Self::Status => &["status", "transactionstatus", "transferstatus"],
            Self::Date => &[
                "datetime",
                "transactiondatetime",
                "timestamp",
                "transactiondate",
                "completeddate",
                "createdat",
                "date",
            ],
            Self::Time => &["transactiontime", "time"],
        }
    }

    /// How people know it.
    fn title(self) -> &'static str {
        match self {
            Self::Reference => "Reference Id",
            Self::ExternalId => "External Transaction Id",
            Self::Transaction => "Financial Transaction Id",
            Self::Amount => "Amount",
            Self::Currency => "Currency",
            Self::Payee => "To",
            Self::Status => "Status",
            Self::Date => "Date",
            Self::Time => "Time",
        }
    }

    pub(super) fn examples() -> String {
        Self::ALL.map(Self::title).join(", ")
    }

    pub(super) fn is_known(name: &str) -> bool {
        let name = bare(name);
        Self::ALL.into_iter().any(|column| column.names().contains(&name.as_str()))
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// `X-Reference-Id` as `xreferenceid`.
fn bare(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|character| character.to_ascii_lowercase()).collect()
}

/// Where each column is.
pub struct Columns {
    pub count: usize,
    /// As the file names them.
    pub named: Vec<(Column, String)>,
    places: [Option<usize>; Column::ALL.len()],
}

impl Columns {
    pub fn read(header: &Record<'_>) -> Result<Self, Refused> {
        let names: Vec<String> = header.cells().map(bare).collect();
        let place = |column: Column| {
            let name = column.names().iter().find(|name| names.iter().any(|there| there == *name))?;
            let mut places = names.iter().enumerate().filter(|(_, there)| there == name).map(|(at, _)| at);
            Some((places.next()?, places.next()))
        };
        let found = Column::ALL.map(place);
        if found.iter().all(Option::is_none) {
            return Err(Refused::NoHeader);
        }
        let title = |at: usize| header.cell(at).trim().to_owned();
        if let Some((_, Some(second))) = found.iter().flatten().find(|(_, second)| second.is_some()) {
            return Err(Refused::ColumnTwice(title(*second)));
        }
        let places = found.map(|found| found.map(|(at, _)| at));
        let named = Column::ALL.into_iter().zip(places);
        let named = named.filter_map(|(column, at)| Some((column, title(at?)))).collect();
        let columns = Self { count: names.len(), named, places };
        let missing = columns.missing();
        if missing.is_empty() { Ok(columns) } else { Err(Refused::MissingColumns(missing)) }
    }

    /// Without these a line says nothing. The currency is the business's where there is no column for it.
    fn missing(&self) -> Vec<String> {
        let ids = [Column::Reference, Column::ExternalId, Column::Transaction];
        let mut missing = Vec::new();
        if !ids.iter().any(|column| self.has(*column)) {
            missing.push(ids.map(Column::title).join(" or "));
        }
        missing.extend(
            [Column::Amount, Column::Status]
                .into_iter()
                .filter(|column| !self.has(*column))
                .map(|column| column.to_string()),
        );
        missing
    }

    fn place(&self, column: Column) -> Option<usize> {
        Column::ALL.into_iter().zip(self.places).find(|(known, _)| *known == column).and_then(|(_, at)| at)
    }

    pub fn has(&self, column: Column) -> bool {
        self.place(column).is_some()
    }

    /// Empty where there is no such column. Without the apostrophe by which spreadsheets mark text.
    pub fn cell<'r>(&self, record: &'r Record<'_>, column: Column) -> &'r str {
        let cell = self.place(column).map(|at| record.cell(at).trim()).unwrap_or_default();
        cell.strip_prefix('\'').unwrap_or(cell).trim()
    }
}
