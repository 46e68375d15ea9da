//! What both sides say of one payout: the same, something else, or nothing yet.

use super::{
    CLOCKS_MS, Difference, Expected, Kind, Ours, Period, Reconciliation, Repeat, Source, TheirAmount, TheirStatus,
    Theirs, Totals, Waiting, Why,
    shown::{About, is_same, tell_apart},
};
use crate::{identity::RedemptionId, time};

pub struct Judge<'a> {
    period: &'a Period,
    totals: Totals,
    differences: Vec<Difference>,
    open: Vec<Waiting>,
}

/// Where a payment without a line would have to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Within,
    /// Partly, as far as clocks can be trusted.
    AtTheEdge,
    Elsewhere,
}

impl<'a> Judge<'a> {
    pub fn new(period: &'a Period) -> Self {
        Self { period, totals: Totals::default(), differences: Vec::new(), open: Vec::new() }
    }

    /// `attempts` are all references of one payout, `lines` what belongs to each.
    pub fn payout(&mut self, attempts: &[&Ours], lines: &[Vec<&Theirs>]) {
        for theirs in lines.iter().flatten() {
            self.count(theirs);
        }
        // One payment is right: of the reference that we call paid the one we know of, else the first one.
        let payments = attempts.iter().zip(lines).flat_map(|(ours, lines)| {
            let paid = lines.iter().filter(|line| line.is_paid());
            paid.map(|line| (ours.expected != Expected::Paid, line.distance(ours), line.at, *line))
        });
        let the_right_one = payments.min().map(|(.., line)| line);
        for (ours, lines) in attempts.iter().zip(lines) {
            let is_right = |line: &&Theirs| the_right_one.is_some_and(|right| std::ptr::eq(*line, right));
            let paid = lines.iter().copied().filter(|line| line.is_paid());
            let (right, more): (Vec<&Theirs>, Vec<&Theirs>) = paid.partition(is_right);
            for theirs in more.iter().copied() {
                self.differs(Kind::Twice, Some(ours), Some(theirs), About::Line);
                self.compare(ours, theirs, About::Line);
            }
            match right.first() {
                Some(theirs) => {
                    self.counted_here(ours);
                    if ours.expected != Expected::Paid {
                        self.differs(Kind::State, Some(ours), Some(theirs), About::Reference);
                    }
                    self.compare(ours, theirs, About::Reference);
                }
                None if more.is_empty() => self.unpaid_there(ours, lines),
                None => self.counted_here(ours),
            }
        }
    }

    /// No line says that it was paid.
    fn unpaid_there(&mut self, ours: &Ours, lines: &[&Theirs]) {
        let of = |status: TheirStatus| lines.iter().copied().filter(move |line| line.status == status).max();
        let says = [TheirStatus::Pending, TheirStatus::Failed, TheirStatus::Unknown, TheirStatus::NotFound];
        let Some(theirs) = says.into_iter().find_map(of) else {
            return self.without_a_line(ours);
        };
        let pending = Some(theirs).filter(|theirs| theirs.status == TheirStatus::Pending);
        if let Some(theirs) = pending {
            self.compare(ours, theirs, About::Reference);
        }
        if pending.is_some() && ours.expected != Expected::Open && self.place(ours) == Place::AtTheEdge {
            return self.at_the_edge(ours, pending);
        }
        self.counted_here(ours);
        let asked = self.period.source == Source::Asked;
        match (ours.expected, theirs.status) {
            (Expected::Paid, TheirStatus::NotFound) => {
                self.differs(Kind::MissingThere, Some(ours), None, About::Reference)
            }
            (Expected::Paid, TheirStatus::Unknown) if asked => self.unanswered(ours, Some(theirs)),
            (Expected::Paid, _) | (Expected::NotPaid | Expected::Outside, TheirStatus::Pending) => {
                self.differs(Kind::State, Some(ours), Some(theirs), About::Reference);
            }
            (Expected::NotPaid | Expected::Outside | Expected::Open, TheirStatus::Unknown) => {
                self.unanswered(ours, Some(theirs));
            }
            (Expected::Open, _) => self.open.push(Waiting::new(Why::Unsettled, Some(ours), Some(theirs))),
            (Expected::NotPaid | Expected::Outside, _) => {}
        }
    }

    fn without_a_line(&mut self, ours: &Ours) {
        let place = self.place(ours);
        if place == Place::Elsewhere {
            return;
        }
        if place == Place::AtTheEdge && ours.expected == Expected::Paid {
            return self.at_the_edge(ours, None);
        }
        self.counted_here(ours);
        match (self.period.source, ours.expected) {
            (Source::Asked, _) => self.unanswered(ours, None),
            (Source::Statement { .. }, Expected::Paid) => {
                self.differs(Kind::MissingThere, Some(ours), None, About::Reference)
            }
            (Source::Statement { .. }, Expected::Open) => {
                self.open.push(Waiting::new(Why::Unsettled, Some(ours), None));
            }
            (Source::Statement { .. }, Expected::NotPaid | Expected::Outside) => {}
        }
    }

    /// Between its first send and when we learned of it, the transfer took place.
    fn place(&self, ours: &Ours) -> Place {
        let Source::Statement { from, to, .. } = self.period.source else { return Place::Within };
        let (earliest, latest) = (time::plus(ours.sent_at, -CLOCKS_MS), time::plus(ours.at, CLOCKS_MS));
        if earliest >= from && latest < to {
            Place::Within
        } else if latest < from || earliest >= to {
            Place::Elsewhere
        } else {
            Place::AtTheEdge
        }
    }

    /// What belongs to none of ours.
    pub fn stray(&mut self, theirs: &Theirs) {
        if self.is_anothers(theirs) {
            return self.open.push(Waiting::new(Why::AtTheEdge, None, Some(theirs)));
        }
        self.count(theirs);
        match theirs.status {
            TheirStatus::Successful => self.differs(Kind::MissingHere, None, Some(theirs), About::Line),
            TheirStatus::Pending | TheirStatus::Unknown => {
                self.open.push(Waiting::new(Why::NotOurs, None, Some(theirs)));
            }
            TheirStatus::Failed | TheirStatus::NotFound => {}
        }
    }

    /// Known by nothing but MoMo's own id, and outside of what is compared: ours of that time were not looked at.
    fn is_anothers(&self, theirs: &Theirs) -> bool {
        let Source::Statement { from, to, .. } = self.period.source else { return false };
        let named = theirs.reference.is_some()
            || theirs.external_id.as_deref().is_some_and(|id| RedemptionId::parse(id).is_ok());
        !named && theirs.at.is_some_and(|at| at < from || at >= to)
    }

    /// Money that went, or may still go: how much, in what, to whom, for which redemption.
    fn compare(&mut self, ours: &Ours, theirs: &Theirs, about: About) {
        let mut differs = |kind: Kind| self.differs(kind, Some(ours), Some(theirs), about);
        if !is_same(&theirs.currency, ours.currency.code()) {
            differs(Kind::Currency);
        }
        if theirs.amount != TheirAmount::Whole(ours.amount) {
            differs(Kind::Amount);
        }
        if ![&ours.payee, &theirs.payee].iter().any(|payee| payee.is_empty()) && ours.payee != theirs.payee {
            differs(Kind::Payee);
        }
        let named = theirs.external_id.as_deref().filter(|id| self.names_a_redemption(id));
        if named.is_some_and(|id| id != ours.payout.as_str()) {
            self.differs(Kind::Identity, Some(ours), Some(theirs), about);
        }
    }

    /// An answer repeats what we sent. What a statement's column holds is not sure, unless it looks like ours.
    fn names_a_redemption(&self, external_id: &str) -> bool {
        match self.period.source {
            Source::Asked => true,
            Source::Statement { .. } => RedemptionId::parse(external_id).is_ok(),
        }
    }

    fn unanswered(&mut self, ours: &Ours, theirs: Option<&Theirs>) {
        if ours.expected == Expected::Paid {
            self.totals.unanswered.add(self.amount(ours));
        }
        self.open.push(Waiting::new(Why::Unanswered, Some(ours), theirs));
    }

    fn at_the_edge(&mut self, ours: &Ours, theirs: Option<&Theirs>) {
        self.in_its_currency(ours);
        if ours.expected == Expected::Paid {
            self.totals.at_the_edge.add(self.amount(ours));
        }
        self.open.push(Waiting::new(Why::AtTheEdge, Some(ours), theirs));
    }

    fn differs(&mut self, kind: Kind, ours: Option<&Ours>, theirs: Option<&Theirs>, about: About) {
        self.differences.push(Difference::new(self.period.day, kind, ours, theirs, about));
    }

    fn counted_here(&mut self, ours: &Ours) {
        self.in_its_currency(ours);
        self.totals.here.add(ours.expected, self.amount(ours));
    }

    /// The business has one currency.
    fn in_its_currency(&mut self, ours: &Ours) {
        if ours.currency != self.period.currency {
            self.differences.push(Difference::foreign(self.period.day, ours));
        }
    }

    /// Francs and euros are never added up.
    fn amount(&self, ours: &Ours) -> u64 {
        if ours.currency == self.period.currency { ours.amount } else { 0 }
    }

    fn count(&mut self, theirs: &Theirs) {
        let amount = match theirs.amount {
            TheirAmount::Whole(amount) if is_same(&theirs.currency, self.period.currency.code()) => amount,
            TheirAmount::Whole(_) | TheirAmount::Unreadable(_) => 0,
        };
        self.totals.there.add(theirs.status, amount);
    }

    pub fn done(mut self, repeats: Vec<Repeat>) -> Reconciliation {
        // A stable order: what has one id comes in the order of what the lines say.
        self.differences.sort_by(|one, other| {
            let key = |difference: &Difference| (difference.kind, difference.reference().to_owned());
            key(one).cmp(&key(other)).then_with(|| one.id.cmp(&other.id))
        });
        tell_apart(&mut self.differences);
        self.open.sort_by_key(|waiting| waiting.why);
        Reconciliation {
            period: self.period.clone(),
            totals: self.totals,
            differences: self.differences,
            open: self.open,
            repeats,
        }
    }
}
