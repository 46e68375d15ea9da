//! What the staff does: works through what waits for a person, and meddles with what doesn't.

use super::{BY, CODES, PHONES, Week, books::MOST_GENERATIONS, soon};
use domain::{
    audit::Class,
    batch::Code,
    id::UserId,
    identity::RedemptionId,
    payout::{Hold, NotNow, Payout, State},
    reversal,
    settings::Settings,
    time::{self, HOUR_MS},
};
use momo_simulator::TransferState;
use rig::world::ENVIRONMENT;
use store::{StoreError, keys};

/// Payouts of one look at the desk.
const LOOKED_AT: usize = 5;

/// What MTN's portal says of a code, over all its redemptions and their references.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Statement {
    Nothing,
    Failed,
    OpenOrPaid,
}

impl Week {
    pub(super) async fn person(&mut self) {
        if self.dice.one_in(4) {
            self.resume_gate().await;
        }
        let store = &self.world.store;
        let waiting = store.payouts_for_attention(None, LOOKED_AT, |_| true, soon()).await.expect("the table answers");
        for payout in waiting.items {
            self.decide(&payout).await;
        }
        let code = self.dice.below(CODES);
        self.meddle_with(code).await;
    }

    /// Does something to the payout of a code that nobody had to do.
    pub(super) async fn meddle_with(&mut self, code: usize) {
        let row = self.code(code).await;
        let Some(claim) = &row.claim else { return };
        let payout = self.world.store.payout(&claim.redemption, soon()).await.expect("the table answers");
        let Some(payout) = payout else { return };
        if self.dice.one_in(3) {
            self.reverse(code, &row, &payout).await;
        } else {
            self.meddle(&payout).await;
        }
    }

    /// At the end everything that a person can move is moved.
    pub(super) async fn clear_desk(&mut self) {
        let store = &self.world.store;
        let waiting = store.payouts_for_attention(None, 2 * CODES, |_| true, soon()).await.expect("the table answers");
        for payout in waiting.items {
            self.conclude(&payout).await;
        }
        if self.barred {
            self.release_all().await;
        }
    }

    async fn code(&mut self, code: usize) -> Code {
        let key = keys::code(&self.world.codes[code]);
        self.world.store.one(&key, soon()).await.expect("the table answers").expect("there is such a code")
    }

    fn somebody(&mut self) -> UserId {
        UserId::drawn(self.world.now(), self.dice.bytes())
    }

    fn statement(&self, payout: &Payout) -> Statement {
        let transfers = self.world.simulator.transfers();
        // Of the code, whenever it was dialled: the table may have been put back.
        let generations = 1..=payout.generation + MOST_GENERATIONS;
        let ids: Vec<String> =
            generations.map(|at| RedemptionId::of(ENVIRONMENT, &payout.code, at).to_string()).collect();
        let ours = || transfers.iter().filter(|transfer| ids.contains(&transfer.external_id));
        if ours().next().is_none() {
            Statement::Nothing
        } else if ours().all(|transfer| transfer.state == TransferState::Failed) {
            Statement::Failed
        } else {
            Statement::OpenOrPaid
        }
    }

    /// Whoever gives a payout up, takes it back or pays by other means has looked at MTN's portal before: after a
    /// restore it proves nothing that the table knows of no send.
    fn nothing_there(&self, payout: &Payout) -> bool {
        self.statement(payout) != Statement::OpenOrPaid
    }

    /// One thing that is possible with a payout that waits for somebody, drawn.
    async fn decide(&mut self, payout: &Payout) {
        let (who, now) = (self.somebody(), self.world.now());
        if payout.hands.settlement.is_some() {
            let agrees = self.nothing_there(payout) && !self.dice.one_in(4);
            let act = if agrees { payout.approve(&who, now) } else { payout.disapprove(&who, "no receipt", now) };
            self.save(if agrees { "settled" } else { "not settled" }, payout, act).await;
            return;
        }
        let gives_up = self.nothing_there(payout);
        let by_other_means = gives_up && self.dice.one_in(5);
        match &payout.state {
            State::AwaitingApproval { .. } => match self.dice.below(if gives_up { 6 } else { 4 }) {
                5 => self.save("disapproved", payout, payout.disapprove(&who, "not now", now)).await,
                4 => self.save("cancelled", payout, payout.cancel(&who, "a mistake", now)).await,
                _ => self.save("approved", payout, payout.approve(&who, now)).await,
            },
            State::Refused { .. } | State::Held { .. } if by_other_means => {
                self.save("to be settled", payout, payout.settle(&who, "R-1", "in cash", now)).await;
            }
            State::Refused { .. } => {
                let at = self.dice.one_in(3).then(|| time::plus(now, self.dice.between(0, 6 * HOUR_MS)));
                self.save("retried", payout, payout.retry(&who, at, now)).await;
            }
            State::Held { .. } => self.save("released", payout, payout.release(&who, now)).await,
            State::Queued { .. }
            | State::Sending { .. }
            | State::Submitted { .. }
            | State::Retrying { .. }
            | State::Paid { .. }
            | State::Cancelled { .. }
            | State::Settled { .. } => {}
        }
    }

    async fn meddle(&mut self, payout: &Payout) {
        let (who, now) = (self.somebody(), self.world.now());
        match self.dice.below(5) {
            0 | 1 => {
                let held = payout.hold(&who, "a doubt", now);
                self.barred |= held.is_ok();
                self.save("held by hand", payout, held).await;
            }
            2 => self.save("released", payout, payout.release(&who, now)).await,
            3 => self.save("hurried", payout, payout.hurry(&who, "a complaint", now)).await,
            _ if !self.nothing_there(payout) => {}
            _ => self.save("cancelled", payout, payout.cancel(&who, "a mistake", now)).await,
        }
    }

    /// The one thing that brings a payout on, when everything works again.
    async fn conclude(&mut self, payout: &Payout) {
        let (who, now) = (self.somebody(), self.world.now());
        if payout.hands.settlement.is_some() {
            let agrees = self.nothing_there(payout);
            let act = if agrees { payout.approve(&who, now) } else { payout.disapprove(&who, "it is paid", now) };
            self.save("settled", payout, act).await;
            return;
        }
        match (&payout.state, self.statement(payout)) {
            (State::AwaitingApproval { .. }, _) => self.save("approved", payout, payout.approve(&who, now)).await,
            // It was paid under a reference that a restore has forgotten.
            (State::Refused { .. }, Statement::OpenOrPaid) => {
                self.save("retried", payout, payout.retry(&who, None, now)).await;
            }
            // A restored code that somebody else has dialled: the portal shows whom it was paid to.
            (State::Held { why: Hold::Mismatch, .. }, _) => {
                self.save("given up", payout, payout.cancel(&who, "its code was paid to somebody else", now)).await;
            }
            // MTN doesn't have it, and it is too old to be sent again.
            (State::Held { why: Hold::Unknown, .. }, Statement::Nothing) => {
                self.save("to be settled", payout, payout.settle(&who, "R-2", "in cash", now)).await;
            }
            // Asked for every hour.
            (State::Held { why: Hold::Unknown, .. }, _) => {}
            (State::Held { .. }, _) => self.save("released", payout, payout.release(&who, now)).await,
            (
                State::Queued { .. }
                | State::Sending { .. }
                | State::Submitted { .. }
                | State::Retrying { .. }
                | State::Paid { .. }
                | State::Refused { .. }
                | State::Cancelled { .. }
                | State::Settled { .. },
                _,
            ) => {}
        }
    }

    /// Whatever somebody has barred from being sent may go on.
    async fn release_all(&mut self) {
        self.barred = false;
        let rows = self.world.rows().await;
        for (payout, _) in rows.payouts {
            if payout.hands.barred.is_some() && !payout.state.is_end() && payout.hands.settlement.is_none() {
                let who = self.somebody();
                self.save("released", &payout, payout.release(&who, self.world.now())).await;
            }
        }
    }

    /// Takes a redemption back, and its code is dialled again. A copy of the table from before doesn't know it.
    async fn reverse(&mut self, at: usize, code: &Code, payout: &Payout) {
        if !self.nothing_there(payout) {
            return;
        }
        let (who, now) = (self.somebody(), self.world.now());
        let Ok(reversed) = reversal::reverse(code, payout, (&who, "a mistake"), false, now) else { return };
        let day = time::day(payout.created_at, &Settings::default().zone());
        let entity = format!("payout:{}", payout.id);
        let act = self.world.store.act(&BY, now, Class::Money, "payout.reversed", entity).expect("chance");
        let act = act.reversal((code, payout), &reversed, day).expect("rows");
        if act.commit(soon()).await.is_err() {
            return;
        }
        self.count("reversed");
        self.tell(&format!("{} is taken back", payout.id));
        let phone = self.dice.below(PHONES);
        self.dial(at, phone, &format!("{at}-after-{}", code.generation)).await;
    }

    async fn save(&mut self, what: &'static str, before: &Payout, after: Result<Payout, NotNow>) {
        let Ok(after) = after else { return };
        let code: Option<Code> =
            self.world.store.one(&keys::code(&before.code), soon()).await.expect("the table answers");
        let today = time::day(after.updated_at, &Settings::default().zone());
        let entity = format!("payout:{}", before.id);
        let act = self.world.store.act(&BY, self.world.now(), Class::Money, "payout.changed", entity).expect("chance");
        match act.payout(before, &after, code.as_ref(), today).expect("rows").commit(soon()).await {
            Ok(()) => {
                self.count(what);
                self.tell(&format!("{} {what}: {} → {}", before.id, before.state.gauge(), after.state.gauge()));
            }
            Err(StoreError::Changed) => {}
            Err(error) => self.broken.push(format!("{}: {what}: {error}", before.id)),
        }
    }
}
