//! What a report says, in words and rows, wherever it is printed.

use domain::{
    money::grouped,
    reconcile::{Balance, Difference, Expected, Kind, Reconciliation, Source, Sum, TheirStatus, Verdict, Why},
};

/// One row of the table of totals.
pub struct Total {
    pub what: String,
    pub count: String,
    pub amount: String,
    /// A sum that others are compared with.
    pub strong: bool,
}

impl Total {
    fn of(what: &str, sum: Sum) -> Self {
        Self { what: what.to_owned(), count: grouped(sum.count), amount: grouped(sum.amount), strong: false }
    }

    fn strong(self) -> Self {
        Self { strong: true, ..self }
    }

    fn part(what: &str, sum: Sum) -> Self {
        Self::of(&format!("    {what}"), sum)
    }
}

pub fn compared_with(reconciliation: &Reconciliation) -> &'static str {
    match reconciliation.period.source {
        Source::Asked => "Each reference was asked for again at MoMo.",
        Source::Statement { .. } => "Compared with a statement from MTN's portal.",
    }
}

pub fn verdict(reconciliation: &Reconciliation) -> &'static str {
    match reconciliation.verdict() {
        Verdict::Agrees => "Agrees to the franc",
        Verdict::Incomplete => "Nothing differs so far; not everything is known yet",
        Verdict::Differs => "Does not agree",
    }
}

/// Where it doesn't agree, and what is not known: each in a sentence.
pub fn sentences(reconciliation: &Reconciliation) -> Vec<String> {
    let currency = reconciliation.period.currency;
    let totals = &reconciliation.totals;
    let (paid, there) = (totals.here.paid, totals.there.successful);
    let mut all = Vec::new();
    if reconciliation.agrees() {
        all.push(format!("Paid here: {}. Paid by MoMo: the same.", paid.shown(currency)));
    }
    let differences = reconciliation.differences.len() as u64;
    match differences {
        0 => {}
        1 => all.push("There is 1 difference.".to_owned()),
        more => all.push(format!("There are {} differences.", grouped(more))),
    }
    all.extend(reconciliation.breaks().iter().map(|found| found.words(currency)));
    if totals.unanswered.count > 0 {
        all.push(format!(
            "Paid here and not answered by MoMo yet: {}. Paid by MoMo so far: {}.",
            totals.unanswered.shown(currency),
            there.shown(currency)
        ));
    }
    if reconciliation.open.iter().any(|waiting| waiting.why == Why::AtTheEdge) {
        all.push("Some were on their way around an end of the statement: take one that covers both days.".to_owned());
    }
    match reconciliation.unread() {
        0 => {}
        1 => all.push("1 line of the statement was not read, or not wholly.".to_owned()),
        more => all.push(format!("{} lines of the statement were not read, or not wholly.", grouped(more))),
    }
    all
}

pub fn totals(reconciliation: &Reconciliation) -> Vec<Total> {
    let totals = &reconciliation.totals;
    let mut rows = Vec::new();
    if let Some(books) = &reconciliation.period.books {
        rows.push(Total::of("Redeemed codes, as counted", books.codes).strong());
        rows.push(Total::of("Redemptions", books.redemptions).strong());
        rows.push(Total::of("Payouts", books.payouts.all()).strong());
        rows.extend(books.payouts.parts().map(|(state, sum)| Total::part(state, sum)));
    }
    rows.push(Total::of("References paid here", totals.here.paid).strong());
    for (what, sum) in
        [("failed", totals.here.not_paid), ("open", totals.here.open), ("settled outside", totals.here.outside)]
    {
        rows.push(Total::part(&format!("references {what}"), sum));
    }
    rows.push(Total::of("Paid by MoMo", totals.there.successful).strong());
    let there = &totals.there;
    for (what, sum) in [
        ("failed at MoMo", there.failed),
        ("pending at MoMo", there.pending),
        ("not known to MoMo", there.not_found),
        ("unclear at MoMo", there.unknown),
    ] {
        if sum.count > 0 {
            rows.push(Total::part(what, sum));
        }
    }
    for (what, sum) in [
        ("Paid here, not answered by MoMo yet", totals.unanswered),
        ("Paid here around an end of the statement, not in it", totals.at_the_edge),
    ] {
        if sum.count > 0 {
            rows.push(Total::of(what, sum));
        }
    }
    let (what, amount) = match totals.balance() {
        Balance::Even => ("Difference", 0),
        Balance::Here(amount) => ("Difference: more is paid here", amount),
        Balance::There(amount) => ("Difference: more is paid by MoMo", amount),
    };
    rows.push(Total { what: what.to_owned(), count: String::new(), amount: grouped(amount), strong: true });
    rows
}

/// Kinds with their numbers, then what is open and what was repeated.
pub fn counts(reconciliation: &Reconciliation) -> Vec<(String, u64)> {
    let kinds = Kind::ALL.map(|kind| (kind.title().to_owned(), reconciliation.count(kind) as u64));
    let open = Why::ALL.map(|why| {
        let count = reconciliation.open.iter().filter(|waiting| waiting.why == why).count();
        (format!("open: {}", why.title()), count as u64)
    });
    let repeats = ("lines that repeat another one, counted once".to_owned(), reconciliation.repeats.len() as u64);
    kinds.into_iter().chain(open).chain([repeats]).filter(|(_, count)| *count > 0).collect()
}

/// One difference as the PDF has it.
pub struct Row {
    pub title: &'static str,
    /// The reference, else where it stands.
    pub about: String,
    pub here: String,
    pub there: String,
    pub words: String,
}

pub fn row(difference: &Difference) -> Row {
    let Difference { kind, ours, theirs, words, .. } = difference;
    let line =
        theirs.as_ref().filter(|there| there.line > 0).map(|there| format!("line {} of the statement", there.line));
    let about = match (ours, theirs) {
        (Some(here), _) => here.reference.clone(),
        (None, Some(there)) => line.clone().or_else(|| there.reference.clone()).unwrap_or_default(),
        (None, None) => String::new(),
    };
    let here = ours.as_ref().map(|here| format!("{}, {}", here.money(), ours_in_words(here.expected)));
    let there = theirs.as_ref().map(|there| format!("{}, {}", there.money(), theirs_in_words(there.status)));
    let words = match (ours, line) {
        (Some(_), Some(line)) => format!("{words} See {line}."),
        (Some(_) | None, _) => words.clone(),
    };
    Row {
        title: kind.title(),
        about,
        here: here.unwrap_or_else(|| "–".to_owned()),
        there: there.unwrap_or_else(|| "–".to_owned()),
        words,
    }
}

fn ours_in_words(expected: Expected) -> &'static str {
    match expected {
        Expected::Paid => "paid",
        Expected::NotPaid => "failed",
        Expected::Open => "open",
        Expected::Outside => "settled outside",
    }
}

fn theirs_in_words(status: TheirStatus) -> &'static str {
    match status {
        TheirStatus::Successful => "paid",
        TheirStatus::Failed => "failed",
        TheirStatus::Pending => "pending",
        TheirStatus::NotFound => "not known",
        TheirStatus::Unknown => "unclear",
    }
}
