//! What an alert says of differences and of drift. No phone number and no code; of MoMo's texts nothing.

use super::{Balance, Difference, Drift, Kind, Reconciliation};
use crate::{
    money::{Currency, grouped},
    time,
};

/// So many are named; a person reads the rest in the report.
const NAMED: usize = 5;

/// `None` when there is nothing to tell: what is only not known yet is no reason to call somebody.
pub fn difference_note(reconciliation: &Reconciliation) -> Option<String> {
    let (differences, breaks) = (&reconciliation.differences, reconciliation.breaks());
    if differences.is_empty() && breaks.is_empty() {
        return None;
    }
    let currency = reconciliation.period.currency;
    let mut note = format!("The payouts of {} and MoMo do not agree.", time::figures(reconciliation.period.day));
    let kinds = Kind::ALL.into_iter().map(|kind| (kind, reconciliation.count(kind))).filter(|(_, count)| *count > 0);
    let kinds: Vec<String> = kinds.map(|(kind, count)| format!("{count} {}", kind.title())).collect();
    if !kinds.is_empty() {
        note.push_str(&format!(" Differences: {}.", kinds.join(", ")));
    }
    match reconciliation.totals.balance() {
        Balance::Even => {}
        Balance::Here(amount) => note.push_str(&format!(" {} more is paid here than there.", money(amount, currency))),
        Balance::There(amount) => note.push_str(&format!(" {} more is paid there than here.", money(amount, currency))),
    }
    for found in &breaks {
        note.push_str(&format!(" {}", found.words(currency)));
    }
    let named: Vec<String> = differences.iter().take(NAMED).map(name).collect();
    if !named.is_empty() {
        note.push_str(&format!(" {}{}.", named.join("; "), rest(differences.len())));
    }
    note.push_str(" Look into each in the report, and have a second person close it.");
    Some(note)
}

/// `corrected` when the differences were added to the counters.
pub fn drift_note(drifts: &[Drift], corrected: bool) -> Option<String> {
    if drifts.is_empty() {
        return None;
    }
    let row = |drift: &Drift| {
        let parts = drift.counted.parts().into_iter().zip(drift.recounted.parts());
        let wrong = parts.filter(|((_, counted), (_, recounted))| counted != recounted);
        let wrong: Vec<String> = wrong
            .map(|((name, counted), (_, recounted))| {
                format!("{} {} instead of {}", name.replace('_', " "), grouped(counted), grouped(recounted))
            })
            .collect();
        let place = &drift.place;
        format!("{}, batch {}, shard {}: {}", time::figures(place.day), place.batch, place.shard, wrong.join(", "))
    };
    let named: Vec<String> = drifts.iter().take(NAMED).map(row).collect();
    let what_now = if corrected {
        "They were put right by what was missing; find out who lost it."
    } else {
        "Nothing was changed: they are counted again, and put right when both counts are the same."
    };
    Some(format!("Counters do not say what the records say. {}{}. {what_now}", named.join("; "), rest(drifts.len())))
}

fn name(difference: &Difference) -> String {
    let title = difference.kind.title();
    match (&difference.ours, &difference.theirs) {
        (Some(here), _) => format!("{} ({title})", here.reference),
        (None, Some(there)) => format!("line {} ({title})", there.line),
        (None, None) => title.to_owned(),
    }
}

fn rest(all: usize) -> String {
    match all.saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    }
}

fn money(amount: u64, currency: Currency) -> String {
    format!("{} {}", grouped(amount), currency.code())
}
