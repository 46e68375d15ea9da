//! The report of a reconciliation: a PDF to read and to file, and a table with every difference.

mod facts;
mod layout;
mod sheet;

pub use layout::ROWS_MAX;

use crate::csv::Writer;
use domain::reconcile::{Difference, Here, Reconciliation, TheirAmount, There};
use jiff::Timestamp;

/// What stands over a report beside what was found.
#[derive(Clone, Debug)]
pub struct Heading {
    pub brand: String,
    /// The company as it signs; empty for the brand.
    pub company: String,
    /// The day or days reported on, as they shall be read.
    pub period: String,
    pub made_at: Timestamp,
    /// The same, as it shall be read.
    pub made_on: String,
}

impl Heading {
    fn signature(&self) -> &str {
        if self.company.is_empty() { &self.brand } else { &self.company }
    }
}

/// A report could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmade {
    #[error("a font of the program cannot be read")]
    Font,
    #[error("the PDF cannot be written: {0}")]
    Written(String),
}

/// The report as PDF, at most [`ROWS_MAX`] differences in it.
///
/// # Errors
/// [`Unmade`], which nothing in the reconciliation causes.
pub fn pdf(heading: &Heading, reconciliation: &Reconciliation) -> Result<Vec<u8>, Unmade> {
    layout::report(heading, reconciliation)
}

const COLUMNS: [&str; 20] = [
    "kind",
    "what",
    "day",
    "reference",
    "payout",
    "amount here",
    "currency here",
    "payee here",
    "state here",
    "time here",
    "line",
    "external id at momo",
    "transaction",
    "amount at momo",
    "currency at momo",
    "payee at momo",
    "state at momo",
    "time at momo",
    "reference at momo",
    "id",
];

/// Every difference as CSV. Numbers of phones are masked, times are in UTC.
pub fn csv(reconciliation: &Reconciliation) -> Vec<u8> {
    let mut table = Writer::new(&COLUMNS);
    let day = reconciliation.period.day.to_string();
    for Difference { id, kind, ours, theirs, words } in &reconciliation.differences {
        table.row(&row([kind.name(), words, &day, id], ours.as_ref(), theirs.as_ref()));
    }
    table.take()
}

/// What is neither agreed nor a difference, in the columns of [`csv`].
pub fn open_csv(reconciliation: &Reconciliation) -> Vec<u8> {
    let mut table = Writer::new(&COLUMNS);
    let day = reconciliation.period.day.to_string();
    for waiting in &reconciliation.open {
        let why = waiting.why;
        table.row(&row([why.name(), why.title(), &day, ""], waiting.ours.as_ref(), waiting.theirs.as_ref()));
    }
    table.take()
}

fn row([kind, what, day, id]: [&str; 4], here: Option<&Here>, there: Option<&There>) -> [String; 20] {
    let ours = |of: fn(&Here) -> String| here.map(of).unwrap_or_default();
    let theirs = |of: fn(&There) -> String| there.map(of).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        kind.to_owned(),
        what.to_owned(),
        day.to_owned(),
        ours(|here| here.reference.clone()),
        ours(|here| here.payout.to_string()),
        ours(|here| here.amount.to_string()),
        ours(|here| here.currency.code().to_owned()),
        ours(|here| here.payee.clone()),
        ours(|here| here.expected.name().to_owned()),
        ours(|here| here.at.to_string()),
        // Answers have none.
        there.filter(|there| there.line > 0).map(|there| there.line.to_string()).unwrap_or_default(),
        there.map(|there| text(&there.external_id)).unwrap_or_default(),
        there
            .and_then(|there| there.transaction.clone())
            .or_else(|| here.and_then(|here| here.transaction.clone()))
            .unwrap_or_default(),
        theirs(|there| match &there.amount {
            TheirAmount::Whole(amount) => amount.to_string(),
            TheirAmount::Unreadable(text) => text.clone(),
        }),
        theirs(|there| there.currency.clone()),
        theirs(|there| there.payee.clone()),
        theirs(|there| there.status.name().to_owned()),
        theirs(|there| there.at.map(|at| at.to_string()).unwrap_or_default()),
        there.map(|there| text(&there.reference)).unwrap_or_default(),
        id.to_owned(),
    ]
}
