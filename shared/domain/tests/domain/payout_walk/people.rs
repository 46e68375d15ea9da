//! What people do about the payout, and what they set around it.

use super::World;
use domain::{
    gate::{Breaker, Gate, Pause, PauseWhy},
    id::UserId,
    payout::{AccountCheck, Hold, NotNow, Payout, State},
    settings::PayoutPolicy,
    time::{DAY_MS, HOUR_MS, plus},
};

pub const ACTS: [&str; 10] = [
    "hold",
    "release",
    "cancel",
    "retry",
    "hurry",
    "settle",
    "approve",
    "disapprove",
    "approve the settlement",
    "reverse",
];

impl World {
    fn somebody(&mut self) -> UserId {
        let chance = self.dice.below(u64::MAX).to_be_bytes();
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&chance);
        UserId::drawn(self.now, bytes)
    }

    fn does(&mut self, act: &'static str, after: Result<Payout, NotNow>) {
        let Ok(after) = after else { return };
        let before = self.row.clone();
        assert!(self.save(&before, after), "nobody else writes at the same time");
        *self.acts.entry(act).or_default() += 1;
        // Whoever did it sends a nudge.
        self.nudges += 1;
    }

    /// A restored row may have forgotten that it was sent, so whoever gives it up has looked, too.
    fn may_give_up(&self) -> bool {
        !self.restored || self.nothing_there()
    }

    /// Whoever pays by other means, or gives up what has failed, has looked at the provider's own statement.
    fn nothing_there(&self) -> bool {
        self.provider.paid() == 0 && !self.provider.may_pay(self.now)
    }

    pub fn person(&mut self) {
        let (who, now, row) = (self.somebody(), self.now, self.row.clone());
        // Sometimes the same person twice.
        let again = row.hands.touched_by.first().cloned().filter(|_| self.dice.one_in(3));
        let who = again.unwrap_or(who);
        let drawn = self.dice.below(9);
        // What has failed is most often tried again.
        let failed = matches!(row.state, State::Refused { .. }) && !self.dice.one_in(3);
        match if failed { 3 } else { drawn } {
            0 => self.does("hold", row.hold(&who, "a doubt", now)),
            1 => self.does("release", row.release(&who, now)),
            // A payout that is paid when it is wanted lives longer than one that is cancelled at once.
            2 if self.may_give_up() && (row.was_sent() || self.dice.one_in(8)) => {
                self.does("cancel", row.cancel(&who, "a mistake", now))
            }
            3 => {
                let at = self.dice.one_in(2).then(|| plus(now, self.dice.within(6 * HOUR_MS)));
                self.does("retry", row.retry(&who, at, now));
            }
            4 => self.does("hurry", row.hurry(&who, "a complaint", now)),
            5 if self.nothing_there() && (row.was_sent() || self.dice.one_in(8)) => {
                self.does("settle", row.settle(&who, "R-1", "in cash", now));
            }
            6 => self.agree(&who),
            // Refused once anything was sent.
            8 if self.may_give_up() && self.dice.one_in(4) => self.does("reverse", row.reverse(&who, now)),
            7 if self.may_give_up() && self.dice.one_in(2) => self.does("disapprove", row.disapprove(&who, "no", now)),
            _ => {}
        }
    }

    fn agree(&mut self, who: &UserId) {
        let settles = self.row.hands.settlement.is_some();
        let touched = self.row.hands.touched_by.contains(who);
        let agreed = self.row.approve(who, self.now);
        assert!(!touched || agreed.is_err(), "{}: whoever has touched it has agreed to it", self.seed);
        if !settles {
            self.does("approve", agreed);
        } else if self.nothing_there() {
            self.does("approve the settlement", agreed);
        }
    }

    /// Limits, the need of a second person, the month's total, the gate.
    pub fn ground(&mut self) {
        let amount = self.row.money.amount;
        match self.dice.below(8) {
            0 => self.policy.most_per_payout = self.dice.one_in(2).then_some(amount - 1),
            1 => self.policy.approve_all = self.dice.one_in(2),
            2 => {
                self.policy.total_per_month = Some(10 * amount);
                self.sent = i64::try_from(if self.dice.one_in(2) { 10 * amount } else { 0 }).expect("small");
            }
            3 => {
                self.policy.check_account = self.dice.one_in(2);
                self.account = AccountCheck::Unknown;
            }
            4 => {
                let until = plus(self.now, self.dice.within(HOUR_MS));
                let open = Breaker::Open { until, times: 1, why: "503".to_owned() };
                if self.dice.one_in(2) {
                    self.gate.breaker = open;
                } else {
                    self.gate.sends = open;
                }
            }
            5 => self.gate.pause = Some(Pause { why: PauseWhy::Funds, since: self.now }),
            _ => self.gate = Gate::default(),
        }
    }

    pub fn clear_ground(&mut self) {
        self.policy = PayoutPolicy { retries: self.policy.retries, ..PayoutPolicy::default() };
        self.gate = Gate::default();
        self.sent = 0;
        self.account = AccountCheck::Active;
    }

    /// Nothing waits for a person who could do nothing about it.
    pub fn somebody_can_act(&mut self) {
        let (who, now, row) = (self.somebody(), self.now, &self.row);
        let seed = self.seed;
        // Of what somebody says was paid already, that is decided first.
        let settled = row.hands.settlement.is_some();
        if let State::Held { .. } = row.state
            && !settled
        {
            assert!(row.release(&who, now).is_ok(), "{seed}: held, and nobody can release it");
        }
        if let State::AwaitingApproval { .. } = row.state {
            assert!(row.approve(&who, now).is_ok(), "{seed}: waits for approval, and nobody can give it");
        }
        if row.hands.barred.is_some() && !row.state.is_end() && !settled {
            assert!(row.release(&who, now).is_ok(), "{seed}: barred, and nobody can release it");
        }
        if let State::Refused { .. } = row.state {
            let ends = row.cancel(&who, "", now).is_ok() && row.settle(&who, "", "", now) != Err(NotNow::PerhapsSent);
            assert!(ends, "{seed}: refused, and nobody can conclude it");
        }
        if row.hands.settlement.is_some() {
            assert!(row.disapprove(&who, "", now).is_ok(), "{seed}: a settlement that nobody can refuse");
        }
    }

    /// In the calm people do what only they can: agree, and release what is held for a reason that has gone.
    pub fn conclude(&mut self) {
        let (who, now, row) = (self.somebody(), self.now, self.row.clone());
        if row.hands.settlement.is_some() {
            match self.nothing_there() {
                true => self.agree(&who),
                false => self.does("disapprove", row.disapprove(&who, "it may be paid", now)),
            }
            return;
        }
        match &row.state {
            State::AwaitingApproval { .. } => self.agree(&who),
            // Asked for every hour by itself.
            State::Held { why: Hold::Unknown | Hold::Mismatch, .. } => {}
            State::Held { .. } => self.does("release", row.release(&who, now)),
            // Some are tried again, once.
            State::Refused { .. } if row.hands.retries == 0 && self.seed.is_multiple_of(3) => {
                self.does("retry", row.retry(&who, None, now));
            }
            State::Queued { .. }
            | State::Sending { .. }
            | State::Submitted { .. }
            | State::Retrying { .. }
            | State::Paid { .. }
            | State::Refused { .. }
            | State::Cancelled { .. }
            | State::Settled { .. } => {}
        }
        let barred = self.row.hands.barred.is_some() && !self.row.state.is_end();
        if barred {
            let (who, row) = (self.somebody(), self.row.clone());
            self.does("release", row.release(&who, now));
        }
        // A limit that was waived needs a second person.
        if let State::AwaitingApproval { due_at } = self.row.state {
            assert!(due_at <= plus(now, DAY_MS), "{}: waits for longer than a day", self.seed);
            let who = self.somebody();
            self.agree(&who);
        }
    }
}
