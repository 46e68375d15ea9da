//! Which reference each of MoMo's answers or lines belongs to.

use super::{Expected, Ours, Repeat, Source, TheirStatus, Theirs};
use std::collections::HashMap;

/// MoMo's side, put in order.
pub struct Lines<'a> {
    /// At the place of each of ours, in order.
    pub of_ours: Vec<Vec<&'a Theirs>>,
    /// What belongs to none of ours.
    pub strays: Vec<&'a Theirs>,
    pub repeats: Vec<Repeat>,
}

impl<'a> Lines<'a> {
    /// `ours` are sorted by payout, then from the oldest reference to the newest.
    pub fn sort(ours: &[&'a Ours], theirs: &'a [Theirs], source: Source) -> Self {
        let (lines, mut repeats) = match source {
            Source::Asked => (last_answers(theirs), Vec::new()),
            Source::Statement { .. } => distinct(theirs),
        };
        repeats.sort_unstable();
        let known = Known::of(ours);
        let mut of_ours = vec![Vec::new(); ours.len()];
        let mut strays = Vec::new();
        for line in lines {
            match known.find(line).and_then(|at| of_ours.get_mut(at)) {
                Some(of_one) => of_one.push(line),
                None => strays.push(line),
            }
        }
        Self { of_ours, strays, repeats }
    }
}

/// Several answers about one reference are looks at one transfer: a success stands, else the last one.
fn last_answers(theirs: &[Theirs]) -> Vec<&Theirs> {
    let standing = |theirs: &Theirs| (theirs.status == TheirStatus::Successful, theirs.at);
    let mut sorted: Vec<&Theirs> = theirs.iter().collect();
    sorted.sort_unstable_by_key(|theirs| (&theirs.reference, standing(theirs), *theirs));
    let same = |one: &&Theirs, next: &&Theirs| one.reference.is_some() && one.reference == next.reference;
    let last = sorted.chunk_by(same).filter_map(|answers| answers.last());
    last.copied().collect()
}

/// Lines that are the same to the letter count once where they name the transfer. Where they only name the redemption,
/// two of them may be two payments.
fn distinct(theirs: &[Theirs]) -> (Vec<&Theirs>, Vec<Repeat>) {
    // The number of the line comes last in the order.
    let mut sorted: Vec<&Theirs> = theirs.iter().collect();
    sorted.sort_unstable();
    let (mut lines, mut repeats) = (Vec::with_capacity(theirs.len()), Vec::new());
    for same in sorted.chunk_by(|one, next| says_the_same(one, next)) {
        let Some((first, more)) = same.split_first() else { continue };
        lines.push(*first);
        if first.reference.is_some() || first.transaction.is_some() {
            repeats.extend(more.iter().map(|theirs| Repeat { line: theirs.line, first: first.line }));
        } else {
            lines.extend(more);
        }
    }
    (lines, repeats)
}

impl Theirs {
    pub(super) fn is_paid(&self) -> bool {
        self.status == TheirStatus::Successful
    }

    /// How far the line is from naming the very payment that we know of.
    pub(super) fn distance(&self, ours: &Ours) -> u8 {
        let known = self.transaction.is_some() && self.transaction == ours.transaction;
        match (known, self.reference.as_ref() == Some(&ours.reference)) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        }
    }
}

fn says_the_same(one: &Theirs, other: &Theirs) -> bool {
    let Theirs { reference, external_id, transaction, amount, currency, payee, status, at, line: _ } = one;
    *reference == other.reference
        && *external_id == other.external_id
        && *transaction == other.transaction
        && *amount == other.amount
        && *currency == other.currency
        && *payee == other.payee
        && *status == other.status
        && *at == other.at
}

/// Places of ours by what a line may name.
struct Known<'a> {
    references: HashMap<&'a str, usize>,
    transactions: HashMap<&'a str, usize>,
    /// The paid reference, else the newest.
    payouts: HashMap<&'a str, usize>,
}

impl<'a> Known<'a> {
    fn of(ours: &[&'a Ours]) -> Self {
        let mut known = Self {
            references: HashMap::with_capacity(ours.len()),
            transactions: HashMap::with_capacity(ours.len()),
            payouts: HashMap::with_capacity(ours.len()),
        };
        let mut paid = None;
        for (at, ours) in ours.iter().enumerate() {
            known.references.entry(&ours.reference).or_insert(at);
            if let Some(transaction) = &ours.transaction {
                known.transactions.entry(transaction).or_insert(at);
            }
            if paid != Some(&ours.payout) {
                known.payouts.insert(ours.payout.as_str(), at);
            }
            if ours.expected == Expected::Paid {
                paid = Some(&ours.payout);
            }
        }
        known
    }

    fn find(&self, theirs: &Theirs) -> Option<usize> {
        let by = |places: &HashMap<&str, usize>, name: &Option<String>| {
            name.as_deref().and_then(|name| places.get(name)).copied()
        };
        by(&self.references, &theirs.reference)
            .or_else(|| by(&self.transactions, &theirs.transaction))
            .or_else(|| by(&self.payouts, &theirs.external_id))
    }
}
