//! What a comparison tells: differences, what is open, and repeats, without whole phone numbers.

use super::{Expected, Ours, TheirAmount, TheirStatus, Theirs};
use crate::{
    identity::{RedemptionId, digest, hex},
    money::{Currency, grouped},
    phone::Msisdn,
    time,
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Paid here, and MoMo doesn't have it.
    MissingThere,
    /// MoMo paid what is none of ours.
    MissingHere,
    Amount,
    Currency,
    Payee,
    /// Our transfer with another redemption's id.
    Identity,
    /// One side says paid and the other doesn't, or MoMo may still pay what is settled here.
    State,
    /// One redemption was paid more than once, by whatever references. One for each payment beyond the first.
    Twice,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::MissingThere,
        Self::MissingHere,
        Self::Amount,
        Self::Currency,
        Self::Payee,
        Self::Identity,
        Self::State,
        Self::Twice,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::MissingThere => "missing_there",
            Self::MissingHere => "missing_here",
            Self::Amount => "amount",
            Self::Currency => "currency",
            Self::Payee => "payee",
            Self::Identity => "identity",
            Self::State => "state",
            Self::Twice => "twice",
        }
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::MissingThere => "missing at MoMo",
            Self::MissingHere => "missing here",
            Self::Amount => "another amount",
            Self::Currency => "another currency",
            Self::Payee => "another payee",
            Self::Identity => "another redemption",
            Self::State => "another state",
            Self::Twice => "paid twice",
        }
    }
}

/// Our side of something, to be stored and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Here {
    pub reference: String,
    pub payout: RedemptionId,
    pub transaction: Option<String>,
    pub amount: u64,
    pub currency: Currency,
    /// Masked.
    pub payee: String,
    pub expected: Expected,
    #[serde(with = "time::required")]
    pub at: Timestamp,
}

/// Their side of something, to be stored and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct There {
    /// Of the statement; 0 for an answer.
    pub line: u64,
    pub reference: Option<String>,
    pub external_id: Option<String>,
    pub transaction: Option<String>,
    pub amount: TheirAmount,
    pub currency: String,
    /// Masked.
    pub payee: String,
    pub status: TheirStatus,
    #[serde(with = "time::optional", default)]
    pub at: Option<Timestamp>,
}

impl From<&Ours> for Here {
    fn from(ours: &Ours) -> Self {
        Self {
            reference: ours.reference.clone(),
            payout: ours.payout.clone(),
            transaction: ours.transaction.clone(),
            amount: ours.amount,
            currency: ours.currency,
            payee: masked(&ours.payee),
            expected: ours.expected,
            at: ours.at,
        }
    }
}

impl From<&Theirs> for There {
    fn from(theirs: &Theirs) -> Self {
        Self {
            line: theirs.line,
            reference: theirs.reference.clone(),
            external_id: theirs.external_id.clone(),
            transaction: theirs.transaction.clone(),
            amount: theirs.amount.clone(),
            currency: theirs.currency.clone(),
            payee: masked(&theirs.payee),
            status: theirs.status,
            at: theirs.at,
        }
    }
}

impl There {
    /// `5,000 RWF`, or as it was written.
    pub fn money(&self) -> String {
        match &self.amount {
            TheirAmount::Whole(amount) => format!("{} {}", grouped(*amount), shortened(&self.currency)),
            TheirAmount::Unreadable(text) => format!("\"{}\" {}", shortened(text), shortened(&self.currency)),
        }
    }
}

impl Here {
    /// `5,000 RWF`.
    pub fn money(&self) -> String {
        format!("{} {}", grouped(self.amount), self.currency.code())
    }
}

/// Where the two sides don't say the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Of the day, the kind, and the reference or the line: found again, it is the same. 32 hex figures.
    pub id: String,
    pub kind: Kind,
    pub ours: Option<Here>,
    pub theirs: Option<There>,
    /// What differs, for the person who looks into it. No phone number.
    pub words: String,
}

/// What a difference is known by when it is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// Of a kind our reference has at most one.
    Reference,
    /// A line is known by what it says, not by its place: in another statement of the same day it stands elsewhere.
    Line,
}

impl Difference {
    pub(super) fn new(day: Date, kind: Kind, ours: Option<&Ours>, theirs: Option<&Theirs>, about: About) -> Self {
        let (here, there) = (ours.map(Here::from), theirs.map(There::from));
        let words = words(kind, here.as_ref(), there.as_ref());
        let line = match about {
            About::Reference => None,
            About::Line => there.as_ref(),
        };
        let id = id(day, kind.name(), ours.map_or("", |ours| &ours.reference), line);
        Self { id, kind, ours: here, theirs: there, words }
    }

    /// Our own payout, in a currency that the business doesn't have.
    pub(super) fn foreign(day: Date, ours: &Ours) -> Self {
        Self {
            id: id(day, "foreign", &ours.reference, None),
            kind: Kind::Currency,
            ours: Some(ours.into()),
            theirs: None,
            words: format!("{} is not the currency of the business.", ours.currency.code()),
        }
    }

    /// Of ours, else theirs; empty where neither has one.
    pub fn reference(&self) -> &str {
        let theirs = || self.theirs.as_ref().and_then(|there| there.reference.as_deref());
        self.ours.as_ref().map(|here| here.reference.as_str()).or_else(theirs).unwrap_or_default()
    }
}

/// The payee goes in masked: who knew the rest could find a whole number by trying them all.
fn id(day: Date, kind: &str, reference: &str, line: Option<&There>) -> String {
    let mut parts = vec!["difference".to_owned(), day.to_string(), kind.to_owned(), reference.to_owned()];
    if let Some(There { line: _, reference, external_id, transaction, amount, currency, payee, status: _, at }) = line {
        parts.extend([reference, external_id, transaction].map(|part| part.clone().unwrap_or_default()));
        parts.push(match amount {
            TheirAmount::Whole(amount) => amount.to_string(),
            TheirAmount::Unreadable(text) => format!("?{text}"),
        });
        parts.extend([currency.clone(), payee.clone(), at.map(|at| at.to_string()).unwrap_or_default()]);
    }
    short_digest(&parts)
}

fn short_digest(parts: &[String]) -> String {
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    hex(&digest(&parts)[..16])
}

/// Lines that say the same are differences of their own: the second of an id gets another one, and so on.
pub(super) fn tell_apart(sorted: &mut [Difference]) {
    for same in sorted.chunk_by_mut(|one, next| one.id == next.id) {
        for (nth, difference) in same.iter_mut().enumerate().skip(1) {
            difference.id = short_digest(&[difference.id.clone(), nth.to_string()]);
        }
    }
}

fn words(kind: Kind, here: Option<&Here>, there: Option<&There>) -> String {
    let ours = || here.map(Here::money).unwrap_or_default();
    let theirs = || there.map(There::money).unwrap_or_default();
    match kind {
        Kind::MissingThere => format!("{} paid here, and MoMo does not have it.", ours()),
        Kind::MissingHere => format!("MoMo paid {}, and it is none of ours.", theirs()),
        Kind::Amount => format!("{} here, {} at MoMo.", ours(), theirs()),
        Kind::Currency => {
            let [ours, theirs] = [
                here.map(|here| here.currency.code()).unwrap_or_default(),
                there.map(|there| shortened(&there.currency)).unwrap_or_default(),
            ];
            format!("{ours} here, {theirs} at MoMo.")
        }
        Kind::Payee => format!("{} went to another number than ours.", theirs()),
        Kind::Identity => "Our transfer, with the id of another redemption at MoMo.".to_owned(),
        Kind::State => state(here.map(|here| here.expected), there.map(|there| there.status)).to_owned(),
        Kind::Twice => format!("MoMo paid {} of this redemption beside what it was paid already.", theirs()),
    }
}

fn state(expected: Option<Expected>, status: Option<TheirStatus>) -> &'static str {
    match (expected, status) {
        (Some(Expected::Paid), Some(TheirStatus::Failed)) => "Paid here, failed at MoMo.",
        (Some(Expected::Paid), Some(TheirStatus::Pending)) => "Paid here, still pending at MoMo.",
        (Some(Expected::Paid), _) => "Paid here; what MoMo says of it can't be read.",
        (Some(Expected::NotPaid), Some(TheirStatus::Pending)) => {
            "Failed here, still pending at MoMo: it may yet be paid."
        }
        (Some(Expected::NotPaid), _) => "Failed here, paid by MoMo.",
        (Some(Expected::Outside), Some(TheirStatus::Pending)) => {
            "Settled outside MoMo, still pending at MoMo: the customer may get it a second time."
        }
        (Some(Expected::Outside), _) => "Settled outside MoMo and paid by MoMo too: the customer may have it twice.",
        (Some(Expected::Open) | None, _) => "Not settled here, paid by MoMo.",
    }
}

pub(super) fn is_same(theirs: &str, ours: &str) -> bool {
    theirs.trim().eq_ignore_ascii_case(ours)
}

/// Their texts are not ours to trust in length.
fn shortened(text: &str) -> &str {
    text.char_indices().nth(24).map_or(text, |(at, _)| &text[..at])
}

/// As much of a number as may be stored beside it and shown to everybody who sees the report.
pub(super) fn masked(payee: &str) -> String {
    match Msisdn::parse(payee) {
        Ok(phone) => phone.masked(),
        Err(_) if payee.is_empty() => String::new(),
        Err(_) => {
            let last = payee.char_indices().rev().nth(2).filter(|(at, _)| *at >= 6);
            format!("***{}", last.map_or("", |(at, _)| &payee[at..]))
        }
    }
}

/// Why something is neither agreed nor a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Neither paid nor surely failed here, and not paid there.
    Unsettled,
    /// MoMo hasn't been asked again, or said nothing that proves anything.
    Unanswered,
    /// On its way around an end of the statement: how it went may stand in another one. One that covers both days tells.
    AtTheEdge,
    /// Pending or unclear at MoMo, and none of ours.
    NotOurs,
}

impl Why {
    pub const ALL: [Self; 4] = [Self::Unsettled, Self::Unanswered, Self::AtTheEdge, Self::NotOurs];

    pub fn name(self) -> &'static str {
        match self {
            Self::Unsettled => "unsettled",
            Self::Unanswered => "unanswered",
            Self::AtTheEdge => "at_the_edge",
            Self::NotOurs => "not_ours",
        }
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Unsettled => "not settled on either side",
            Self::Unanswered => "not answered by MoMo yet",
            Self::AtTheEdge => "on its way around an end of the statement",
            Self::NotOurs => "pending at MoMo and none of ours",
        }
    }
}

/// Something that time will tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub why: Why,
    pub ours: Option<Here>,
    pub theirs: Option<There>,
}

impl Waiting {
    pub(super) fn new(why: Why, ours: Option<&Ours>, theirs: Option<&Theirs>) -> Self {
        Self { why, ours: ours.map(Here::from), theirs: theirs.map(There::from) }
    }
}

/// A line that says the same as an earlier one, to the letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Repeat {
    pub line: u64,
    pub first: u64,
}
