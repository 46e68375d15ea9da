//! MoMo's ledger as it would be if all went well, and what can be planted into it.

use crate::sample::noon;
use domain::{
    identity::RedemptionId,
    money::Currency,
    reconcile::{Books, Expected, Kind, Ours, Period, Reconciliation, Source, TheirAmount, TheirStatus, Theirs},
    time::{HOUR_MS, MINUTE_MS, plus},
};
use jiff::{
    civil::{Date, date},
    tz::TimeZone,
};

pub const DAY: Date = date(2026, 11, 20);
pub const AMOUNT: u64 = 5_000;

/// How a payout went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    Paid,
    /// The first reference failed, the second one paid.
    PaidAtSecond,
    Refused,
    Pending,
    /// Open here, unknown there.
    Lost,
    /// Failed there, settled by hand.
    Outside,
}

pub const COURSES: [Course; 6] =
    [Course::Paid, Course::PaidAtSecond, Course::Refused, Course::Pending, Course::Lost, Course::Outside];

/// What a statement's lines name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    Everything,
    Reference,
    TransactionAndRedemption,
    Redemption,
}

pub const NAMINGS: [Naming; 4] =
    [Naming::Everything, Naming::Reference, Naming::TransactionAndRedemption, Naming::Redemption];

pub struct Ledger {
    pub ours: Vec<Ours>,
    pub theirs: Vec<Theirs>,
    /// Kind, and our reference or `line 7`.
    pub planted: Vec<(Kind, String)>,
    source: Source,
    naming: Naming,
    next_line: u64,
}

pub fn kigali() -> TimeZone {
    TimeZone::get("Africa/Kigali").expect("a zone")
}

pub fn statement() -> Source {
    Source::statement(DAY, DAY, &kigali(), 0)
}

pub fn period(source: Source) -> Period {
    Period { day: DAY, currency: Currency::Rwf, source, books: None }
}

pub fn with_books(source: Source, books: Books) -> Period {
    Period { books: Some(books), ..period(source) }
}

pub fn payout_id(number: u64) -> RedemptionId {
    RedemptionId::parse(&format!("{number:032x}")).expect("32 figures")
}

pub fn reference(number: u64, attempt: u8) -> String {
    format!("{number:08x}-0000-4000-8000-{attempt:012x}")
}

pub fn ours(number: u64, attempt: u8, expected: Expected) -> Ours {
    let sent_at = plus(noon(), i64::from(attempt) * HOUR_MS);
    Ours {
        payout: payout_id(number),
        sent_at,
        reference: reference(number, attempt),
        amount: AMOUNT,
        currency: Currency::Rwf,
        payee: format!("25078{:07}", number % 10_000_000),
        expected,
        at: plus(sent_at, MINUTE_MS),
        transaction: (expected == Expected::Paid).then(|| transaction(number, attempt)),
    }
}

fn transaction(number: u64, attempt: u8) -> String {
    format!("7{number:09}{attempt}")
}

/// What an honest ledger says of `ours`.
pub fn theirs(ours: &Ours, number: u64, attempt: u8, status: TheirStatus) -> Theirs {
    Theirs {
        reference: Some(ours.reference.clone()),
        external_id: Some(ours.payout.to_string()),
        transaction: Some(transaction(number, attempt)),
        amount: TheirAmount::Whole(ours.amount),
        currency: ours.currency.code().to_owned(),
        payee: ours.payee.clone(),
        status,
        at: Some(ours.at),
        line: 0,
    }
}

impl Ledger {
    pub fn new(source: Source, naming: Naming) -> Self {
        // An answer repeats all that we sent.
        let naming = if source == Source::Asked { Naming::Everything } else { naming };
        Self { ours: Vec::new(), theirs: Vec::new(), planted: Vec::new(), source, naming, next_line: 2 }
    }

    fn is_asked(&self) -> bool {
        self.source == Source::Asked
    }

    fn write(&mut self, line: Theirs) -> u64 {
        let number = self.next_line;
        self.next_line += 1;
        let Theirs { reference, external_id, transaction, .. } = &line;
        let (reference, external_id, transaction) = match self.naming {
            Naming::Everything => (reference.clone(), external_id.clone(), transaction.clone()),
            Naming::Reference => (reference.clone(), None, None),
            Naming::TransactionAndRedemption => (None, external_id.clone(), transaction.clone()),
            Naming::Redemption => (None, external_id.clone(), None),
        };
        self.theirs.push(Theirs { reference, external_id, transaction, line: number, ..line });
        number
    }

    fn attempt(&mut self, number: u64, attempt: u8, expected: Expected, status: Option<TheirStatus>) -> Option<usize> {
        let ours = ours(number, attempt, expected);
        let status = status.or(self.is_asked().then_some(TheirStatus::NotFound));
        let line = status.map(|status| theirs(&ours, number, attempt, status));
        self.ours.push(ours);
        let line = line?;
        self.write(line);
        Some(self.theirs.len() - 1)
    }

    /// A payout of which both sides say the same; then what is planted into it. What doesn't go with its course is
    /// left out.
    pub fn payout(&mut self, number: u64, course: Course, plants: &[Kind]) {
        let has = |kind: Kind| plants.contains(&kind);
        if has(Kind::MissingHere) {
            self.stranger(number);
        }
        let from = self.theirs.len();
        let (last, line) = match course {
            Course::Paid => (1, self.attempt(number, 1, Expected::Paid, Some(TheirStatus::Successful))),
            Course::PaidAtSecond => {
                self.attempt(number, 1, Expected::NotPaid, Some(TheirStatus::Failed));
                (2, self.attempt(number, 2, Expected::Paid, Some(TheirStatus::Successful)))
            }
            Course::Refused => (1, self.attempt(number, 1, Expected::NotPaid, Some(TheirStatus::Failed))),
            Course::Pending => (1, self.attempt(number, 1, Expected::Open, Some(TheirStatus::Pending))),
            Course::Lost => (1, self.attempt(number, 1, Expected::Open, None)),
            Course::Outside => (1, self.attempt(number, 1, Expected::Outside, Some(TheirStatus::Failed))),
        };
        let reference = reference(number, last);
        let paid = matches!(course, Course::Paid | Course::PaidAtSecond);
        let Some(line) = line else { return };
        if has(Kind::MissingThere) && paid {
            if self.is_asked() {
                self.theirs[line].status = TheirStatus::NotFound;
            } else {
                self.theirs.drain(from..).for_each(drop);
            }
            return self.planted.push((Kind::MissingThere, reference));
        }
        let state = has(Kind::State) && course != Course::Lost;
        if state {
            self.theirs[line].status = if paid { TheirStatus::Failed } else { TheirStatus::Successful };
            self.planted.push((Kind::State, reference.clone()));
        }
        let money = matches!(self.theirs[line].status, TheirStatus::Successful | TheirStatus::Pending);
        if money {
            self.bend(line, plants, &reference);
        }
        let success = self.theirs[line].status == TheirStatus::Successful;
        if has(Kind::Twice) && success {
            self.again(number, course, from);
        }
    }

    /// A line of a payment that nobody here knows of.
    fn stranger(&mut self, number: u64) {
        let unknown = ours(0xffff_0000 + number, 1, Expected::Paid);
        let line = self.write(theirs(&unknown, 0xffff_0000 + number, 1, TheirStatus::Successful));
        self.planted.push((Kind::MissingHere, format!("line {line}")));
    }

    fn bend(&mut self, line: usize, plants: &[Kind], reference: &str) {
        let by_id_alone = self.naming == Naming::Redemption;
        let named_otherwise =
            self.naming == Naming::Everything || self.ours.last().is_some_and(|ours| ours.transaction.is_some());
        let theirs = &mut self.theirs[line];
        for kind in plants {
            match kind {
                Kind::Amount => theirs.amount = TheirAmount::Whole(AMOUNT - 1),
                Kind::Currency => theirs.currency = "EUR".to_owned(),
                Kind::Payee => theirs.payee = "250790000000".to_owned(),
                // Where only that id leads from the line to ours, the line is a stranger's.
                Kind::Identity if theirs.external_id.is_some() && !by_id_alone && named_otherwise => {
                    theirs.external_id = Some(payout_id(u64::MAX).to_string());
                }
                Kind::Identity | Kind::MissingThere | Kind::MissingHere | Kind::State | Kind::Twice => continue,
            }
            self.planted.push((*kind, reference.to_owned()));
        }
    }

    /// A second payment: under the reference that had failed where there is one, else under the same.
    fn again(&mut self, number: u64, course: Course, from: usize) {
        let last = if course == Course::PaidAtSecond { 2 } else { 1 };
        if course == Course::PaidAtSecond {
            self.theirs[from].status = TheirStatus::Successful;
            let of = if self.naming == Naming::Redemption { last } else { 1 };
            // By its transaction id a line is found only where we noted that id.
            let of = if self.naming == Naming::TransactionAndRedemption { last } else { of };
            return self.planted.push((Kind::Twice, reference(number, of)));
        }
        if self.is_asked() {
            return;
        }
        let paid = ours(number, last, Expected::Paid);
        let second = theirs(&paid, number, last, TheirStatus::Successful);
        self.write(Theirs { transaction: Some(format!("8{number}")), at: Some(plus(paid.at, HOUR_MS)), ..second });
        self.planted.push((Kind::Twice, reference(number, last)));
    }

    pub fn period(&self) -> Period {
        period(self.source)
    }
}

/// What was found, in the form of what is planted, sorted.
pub fn found(reconciliation: &Reconciliation) -> Vec<(Kind, String)> {
    let mut found: Vec<(Kind, String)> = reconciliation
        .differences
        .iter()
        .map(|difference| {
            let line = difference.theirs.as_ref().map(|there| format!("line {}", there.line));
            let ours = difference.ours.as_ref().map(|here| here.reference.clone());
            (difference.kind, ours.or(line).expect("a side"))
        })
        .collect();
    found.sort();
    found
}
