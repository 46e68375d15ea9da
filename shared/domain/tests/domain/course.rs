//! One payout on its course: a worker's steps, and what MoMo answers to them.

use crate::{
    people::user_id,
    sample::{Around, noon, payout, report},
};
use domain::{
    payout::{Payout, ReportedTransfer, State, StatusAnswer, Step, TransferAnswer},
    time::{MINUTE_MS, plus},
};
use jiff::Timestamp;

/// A payout, the time, and what MoMo answers to whatever is asked.
pub struct Course {
    pub row: Payout,
    pub now: Timestamp,
    pub around: Around,
}

impl Course {
    pub fn new() -> Self {
        Self { row: payout(), now: noon(), around: Around::default() }
    }

    pub fn wait(&mut self, milliseconds: i64) {
        self.now = plus(self.now, milliseconds);
    }

    pub fn step(&self) -> Step {
        self.around.plan(&self.row, self.now)
    }

    /// Sends, which has to be the next step, and learns this answer.
    pub fn sends(&mut self, answer: &TransferAnswer) {
        let Step::Send(claimed) = self.step() else { panic!("it is sent: {:?}", self.step()) };
        let reference = claimed.attempt().expect("one was made").reference.clone();
        let learned = claimed.after_transfer(&reference, answer, &self.around.policy, self.now);
        self.row = learned.expect("it is under way").payout;
    }

    /// Asks until the next step is something else, at most so often; each answer by its number of attempt.
    pub fn asks(&mut self, most: usize, answer: impl Fn(u8) -> StatusAnswer) -> Step {
        for _ in 0..most {
            let Step::Ask(claimed, reference) = self.step() else { return self.step() };
            let attempt = claimed.attempts.iter().find(|attempt| attempt.reference == reference).expect("one of its");
            // What was never sent isn't known.
            let answer = if attempt.sends == 0 { StatusAnswer::NotFound } else { answer(attempt.number) };
            let learned = claimed.after_status(&reference, &answer, &self.around.policy, self.now);
            self.row = learned.expect("it is under way").payout;
        }
        self.step()
    }

    /// Sends, which is refused at the door, and MoMo doesn't know it when it is asked.
    pub fn is_refused_at_the_door(&mut self) {
        self.sends(&TransferAnswer::Invalid("400".to_owned()));
        assert!(matches!(self.row.state, State::Retrying { .. }), "nobody is told before that is sure");
        self.asks(2, |_| StatusAnswer::NotFound);
        assert!(matches!(self.row.state, State::Refused { .. }), "{:?}", self.row.state);
    }

    /// A person wants it sent once more, and a send of the same reference may follow the last one.
    pub fn is_retried(&mut self) {
        self.row = self.row.retry(&user_id(1), None, self.now).expect("it has failed");
        self.wait(10 * MINUTE_MS);
    }

    pub fn report(&self, reason: &str) -> ReportedTransfer {
        ReportedTransfer { reason: Some(reason.to_owned()), ..report(&self.row) }
    }

    /// Whatever is asked has failed for this reason, now and a quarter of an hour later.
    pub fn fails(&mut self, reason: &str) {
        let failed = StatusAnswer::Failed(self.report(reason));
        for _ in 0..2 {
            let due = self.row.due_at().expect("it is under way");
            self.now = due.max(plus(self.now, 16 * MINUTE_MS));
            self.asks(6, |_| failed.clone());
        }
    }
}
