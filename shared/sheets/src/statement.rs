//! A statement of MTN MoMo's portal as CSV, read for reconciliation.
//!
//! Nobody has shown us the portal's format, so columns are found by their names, of which many are known
//! ([`Column::names`]), in any order and among others. Nothing is corrected by guessing: a line that can't be read, or
//! not wholly, is told with its number.

mod cells;
mod columns;

pub use columns::Column;

use crate::{
    csv,
    import::{
        self,
        records::{Record, Records},
    },
};
use cells::Named;
use columns::Columns;
use domain::{
    money::Currency,
    reconcile::{TheirStatus, Theirs},
};
use jiff::tz::TimeZone;
use std::fmt;

/// Characters of one cell.
const CELL_MAX: usize = 256;
/// Characters of a wrong value that a report repeats.
const SHOWN_MAX: usize = 64;

/// What a file may hold at most, and how it is understood.
#[derive(Clone, Debug)]
pub struct Rules {
    pub bytes: usize,
    pub rows: usize,
    /// The business's; the one that is meant where the file has no column for it.
    pub currency: Currency,
    /// Of times without an offset.
    pub zone: TimeZone,
}

impl Rules {
    pub fn of(currency: Currency, zone: TimeZone) -> Self {
        Self { bytes: 32 << 20, rows: 1_000_000, currency, zone }
    }
}

/// Why nothing of a file can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error(transparent)]
    File(#[from] import::Refused),
    #[error("the first line names no column that a statement has; it has to name them, such as {}", Column::examples())]
    NoHeader,
    #[error("these columns are missing: {}", .0.join("; "))]
    MissingColumns(Vec<String>),
    #[error("two columns are named {0}")]
    ColumnTwice(String),
    #[error("there is no line below the names of the columns")]
    NoRows,
    #[error("there are more than {0} lines; take a statement of fewer days")]
    TooManyRows(usize),
}

/// A statement that can be read.
#[derive(Debug)]
pub struct Statement {
    /// In the file's order, repeats included.
    pub lines: Vec<Theirs>,
    /// At most one of a kind for a line. A line with a problem may be among `lines` all the same: see [`Reason`].
    pub problems: Vec<LineProblem>,
    /// Lines of totals and balances.
    pub totals: Vec<u64>,
    /// What each column was taken for, by its name in the file.
    pub columns: Vec<(Column, String)>,
    unread: u64,
}

impl Statement {
    /// Lines that were not read, or not wholly: a reconciliation must know of them.
    pub fn unread(&self) -> u64 {
        self.unread
    }
}

#[derive(Clone, PartialEq, Eq)]
pub struct LineProblem {
    /// From 1; the one with the columns' names is usually 1.
    pub line: u64,
    /// What stands there, cut.
    pub value: String,
    pub reason: Reason,
}

/// A value may be a phone number: a debug print leaves it out.
impl fmt::Debug for LineProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LineProblem(line {}: {})", self.line, self.reason)
    }
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Left out.
    #[error("nothing names the transfer: no reference, external id or transaction id")]
    Nameless,
    /// Left out.
    #[error("there are more cells than columns; an amount with a comma needs quotation marks")]
    TooManyCells,
    /// Left out.
    #[error("{0}: longer than {CELL_MAX} characters")]
    CellTooLong(Column),
    /// Taken without that id.
    #[error("{0}: a spreadsheet has rounded it; save the column as text")]
    Rounded(Column),
    /// Taken without a payee.
    #[error("the payee is no phone number")]
    Payee,
    /// Taken; the amount agrees with none.
    #[error("the amount is no whole number")]
    Amount,
    /// Taken as it is.
    #[error("the currency is not {}", .0.code())]
    Currency(Currency),
    /// Taken as neither paid nor failed.
    #[error("the status is none of those that are known")]
    Status,
}

impl Reason {
    /// Whether something of the line was lost, so that nobody can say that it agrees.
    fn loses_something(&self) -> bool {
        match self {
            Self::Nameless | Self::TooManyCells | Self::CellTooLong(_) | Self::Rounded(_) | Self::Payee => true,
            // A reconciliation sees these for itself.
            Self::Amount | Self::Currency(_) | Self::Status => false,
        }
    }
}

/// Reads a whole statement.
///
/// # Errors
/// [`Refused`] when the file cannot be read as a whole.
pub fn read(bytes: &[u8], rules: &Rules) -> Result<Statement, Refused> {
    let text = import::text(bytes, rules.bytes)?;
    let mut records = Records::of(text, Column::is_known);
    let columns = match records.next()? {
        Some(header) => Columns::read(&header)?,
        None => return Err(import::Refused::Empty.into()),
    };
    let mut reader = Reader {
        statement: Statement {
            lines: Vec::new(),
            problems: Vec::new(),
            totals: Vec::new(),
            columns: columns.named.clone(),
            unread: 0,
        },
        columns,
        rules,
    };
    let mut rows = 0;
    while let Some(record) = records.next()? {
        rows += 1;
        if rows > rules.rows {
            return Err(Refused::TooManyRows(rules.rows));
        }
        reader.line(&record);
    }
    if rows == 0 { Err(Refused::NoRows) } else { Ok(reader.statement) }
}

/// Problems as CSV: line, value, reason.
pub fn report(problems: &[LineProblem]) -> Vec<u8> {
    let mut table = csv::Writer::new(&["line", "value", "reason"]);
    for problem in problems {
        table.row(&[problem.line.to_string().as_str(), &problem.value, &problem.reason.to_string()]);
    }
    table.take()
}

struct Reader<'a> {
    columns: Columns,
    rules: &'a Rules,
    statement: Statement,
}

impl Reader<'_> {
    fn line(&mut self, record: &Record<'_>) {
        let mut problems = Vec::new();
        let line = u64::from(record.line);
        match self.read(record, &mut problems) {
            Row::Line(theirs) => self.statement.lines.push(theirs),
            Row::Total => self.statement.totals.push(line),
            Row::Unread => {}
        }
        if problems.iter().any(|(_, reason)| reason.loses_something()) {
            self.statement.unread += 1;
        }
        let told = problems.into_iter().map(|(value, reason)| LineProblem {
            line,
            value: value.chars().take(SHOWN_MAX).collect(),
            reason,
        });
        self.statement.problems.extend(told);
    }

    fn read<'r>(&self, record: &'r Record<'_>, problems: &mut Vec<(&'r str, Reason)>) -> Row {
        // What lies behind the columns has been pushed there by an amount like 5,000, and nothing is where it seems.
        if record.len() > self.columns.count {
            problems.push((record.cell(record.len() - 1), Reason::TooManyCells));
            return Row::Unread;
        }
        let cell = |column: Column| self.columns.cell(record, column);
        let long = |column: &Column| cells::is_longer(cell(*column), CELL_MAX);
        if let Some(column) = Column::ALL.into_iter().find(long) {
            problems.push((cell(column), Reason::CellTooLong(column)));
            return Row::Unread;
        }
        let mut named = |column: Column| match cells::named(cell(column)) {
            Named::As(name) => Some(name),
            Named::Not => None,
            Named::Rounded => {
                problems.push((cell(column), Reason::Rounded(column)));
                None
            }
        };
        let (reference, external_id, transaction) =
            (named(Column::Reference), named(Column::ExternalId), named(Column::Transaction));
        let status = cells::status(cell(Column::Status));
        if reference.is_none() && external_id.is_none() && transaction.is_none() {
            if status == TheirStatus::Unknown && record.cells().any(cells::is_total) {
                problems.clear();
                return Row::Total;
            }
            if problems.is_empty() {
                problems.push(("", Reason::Nameless));
            }
            return Row::Unread;
        }
        if status == TheirStatus::Unknown {
            problems.push((cell(Column::Status), Reason::Status));
        }
        let amount = cells::amount(cell(Column::Amount));
        if !cells::is_whole(&amount) {
            problems.push((cell(Column::Amount), Reason::Amount));
        }
        let currency = match self.columns.has(Column::Currency) {
            true => cell(Column::Currency).to_ascii_uppercase(),
            false => self.rules.currency.code().to_owned(),
        };
        if currency != self.rules.currency.code() {
            problems.push((cell(Column::Currency), Reason::Currency(self.rules.currency)));
        }
        let payee = cells::payee(cell(Column::Payee)).unwrap_or_else(|| {
            problems.push((cell(Column::Payee), Reason::Payee));
            String::new()
        });
        let at = cells::time(cell(Column::Date), cell(Column::Time), &self.rules.zone);
        let line = u64::from(record.line);
        Row::Line(Theirs { reference, external_id, transaction, amount, currency, payee, status, at, line })
    }
}

enum Row {
    Line(Theirs),
    /// Of sums or a balance, not of a transfer.
    Total,
    Unread,
}
