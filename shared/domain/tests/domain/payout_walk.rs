//! A payout among workers that crash, hold stale copies and lose answers, against a model of the provider.
//!
//! Thousands of walks, each of a few hundred random steps from its own seed; then the storm ends and time runs.
//! Meanwhile people hold, release, cancel, retry, hurry, agree and settle, limits come and go, and the gate opens and
//! shuts. After each step the promises are looked at; at the end the payout must say what the provider knows.

mod people;

use crate::provider;
use crate::sample::{self, Around};

use domain::{
    gate::{Call, Gate, Pass},
    payout::{AccountCheck, Attempt, Payout, RECHECK_AFTER_MS, State, StatusAnswer, Step, TransferAnswer},
    settings::PayoutPolicy,
    switches::Switches,
    time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, between, plus},
    totals::Totals,
};
use jiff::Timestamp;
use provider::{Dice, Provider};
use sample::{noon, payout};
use std::collections::BTreeMap;

/// A function is ended after this long, before its lease ends.
const FUNCTION_MS: i64 = 45 * SECOND_MS;
const WALKS: u64 = 5_000;
const STEPS: u64 = 400;
const WORKERS: usize = 4;

/// Where a worker stands between reading the row and writing what it learned.
#[derive(Clone)]
enum Worker {
    Idle,
    Read {
        row: Payout,
        at: Timestamp,
    },
    Planned {
        row: Payout,
        step: Box<Step>,
        at: Timestamp,
    },
    /// `asks` names the reference to ask about; without it the newest one is sent.
    Claimed {
        row: Payout,
        sends: bool,
        asks: Option<String>,
        at: Timestamp,
    },
    Told {
        row: Payout,
        reference: String,
        answer: Answer,
        at: Timestamp,
    },
}

#[derive(Clone)]
enum Answer {
    Transfer(TransferAnswer),
    Status(StatusAnswer),
}

struct World {
    now: Timestamp,
    row: Payout,
    /// The row as it was copied, to be put back.
    copy: Option<Payout>,
    restored: bool,
    paying: bool,
    policy: PayoutPolicy,
    gate: Gate,
    /// What was sent in this month, to everybody.
    sent: i64,
    account: AccountCheck,
    provider: Provider,
    workers: Vec<Worker>,
    nudges: usize,
    calm: bool,
    dice: Dice,
    steps: u64,
    seed: u64,
    /// What people did, by its name.
    acts: BTreeMap<&'static str, u32>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let retries = u8::try_from(dice.below(6)).expect("at most 5");
        Self {
            now: noon(),
            row: payout(),
            copy: None,
            restored: false,
            paying: true,
            policy: PayoutPolicy { retries, ..PayoutPolicy::default() },
            gate: Gate::default(),
            sent: 0,
            account: AccountCheck::Active,
            provider: Provider::default(),
            workers: vec![Worker::Idle; WORKERS],
            nudges: 2,
            calm: false,
            dice,
            steps: 0,
            seed,
            acts: BTreeMap::new(),
        }
    }

    fn around(&self) -> Around {
        Around {
            switches: Switches { payouts: self.paying, ..Switches::all_on("blue") },
            policy: self.policy.clone(),
            gate: self.gate.clone(),
            totals: serde_json::from_value::<Totals>(serde_json::json!({ "sent": self.sent })).expect("a month"),
            account: self.account,
            ..Around::default()
        }
    }

    /// Nothing is sent that a person, a switch, the gate or a limit keeps back.
    fn may_leave(&self, row: &Payout) {
        let (seed, policy, hands) = (self.seed, &self.policy, &row.hands);
        assert!(hands.barred.is_none(), "{seed}: sent while a person has barred it");
        assert!(self.paying, "{seed}: sent while payouts are switched off");
        let call = if matches!(row.state, State::Sending { .. }) { Call::Resend } else { Call::Send };
        assert!(!matches!(self.gate.pass(call, self.now), Pass::Wait(_)), "{seed}: sent through a shut gate");
        if row.was_sent() {
            return;
        }
        let amount = row.money.amount;
        let fits = policy.most_per_payout.is_none_or(|most| amount <= most);
        assert!(fits || hands.limit_waived, "{seed}: sent beyond the limit of one payout");
        assert!(fits || hands.approved_by.is_some(), "{seed}: a limit was waived by one person alone");
        assert!(!policy.needs_approval(amount) || hands.approved_by.is_some(), "{seed}: sent without a second person");
        let room = policy.total_per_month.is_none_or(|most| self.sent.unsigned_abs() + amount <= most);
        assert!(room, "{seed}: sent beyond the month's total");
        let known = !policy.check_account || self.account == AccountCheck::Active;
        assert!(known, "{seed}: sent to an account that nobody has asked about");
    }

    /// A write that succeeds only if nobody has written since `before` was read.
    fn save(&mut self, before: &Payout, after: Payout) -> bool {
        assert_eq!(after.version, before.version + 1, "{}: a version grows by one", self.seed);
        if self.row.version != before.version {
            return false;
        }
        self.row = after;
        true
    }

    fn worker(&mut self, which: usize) {
        let worker = std::mem::replace(&mut self.workers[which], Worker::Idle);
        self.workers[which] = match worker {
            Worker::Idle if self.nudges > 0 => {
                // A nudge may come twice.
                self.nudges -= usize::from(self.calm || !self.dice.one_in(5));
                Worker::Read { row: self.row.clone(), at: self.now }
            }
            Worker::Idle => Worker::Idle,
            Worker::Read { row, at } => {
                let step = self.around().plan(&row, self.now);
                if let Step::Send(_) = step {
                    self.may_leave(&row);
                }
                Worker::Planned { row, step: Box::new(step), at }
            }
            Worker::Planned { row, step, at } => self.carry_out(row, *step, at),
            Worker::Claimed { row, asks, at, .. } => {
                let newest = row.attempt().expect("claimed with an attempt").reference.clone();
                let (reference, answer) = match asks {
                    None => {
                        let answer = self.provider.post(&newest, self.now, self.calm, &mut self.dice);
                        (newest, Answer::Transfer(answer))
                    }
                    Some(asked) => {
                        let answer = self.provider.get(&asked, &row, self.now, self.calm, &mut self.dice);
                        (asked, Answer::Status(answer))
                    }
                };
                Worker::Told { row, reference, answer, at }
            }
            Worker::Told { row, reference, answer, at } => {
                let learned = match &answer {
                    Answer::Transfer(answer) => row.after_transfer(&reference, answer, &self.policy, self.now),
                    Answer::Status(answer) => row.after_status(&reference, answer, &self.policy, self.now),
                };
                match learned {
                    // Somebody wrote meanwhile: the answer is applied to the row as it is now.
                    Some(learned) if !self.save(&row, learned.payout.clone()) => {
                        Worker::Told { row: self.row.clone(), reference, answer, at }
                    }
                    Some(learned) if learned.payout.due_at().is_some_and(|due| due <= self.now) => {
                        Worker::Read { row: self.row.clone(), at }
                    }
                    _ => Worker::Idle,
                }
            }
        };
    }

    fn carry_out(&mut self, row: Payout, step: Step, at: Timestamp) -> Worker {
        match step {
            Step::Rest => Worker::Idle,
            Step::CheckAccount => {
                self.account = match self.calm || !self.dice.one_in(3) {
                    true => AccountCheck::Active,
                    false => AccountCheck::Inactive,
                };
                Worker::Read { row: self.row.clone(), at }
            }
            Step::Postpone(after) | Step::Hold(after, _) => {
                self.save(&row, after);
                Worker::Idle
            }
            Step::Ask(claimed, asks) => match self.save(&row, claimed.clone()) {
                true => Worker::Claimed { row: claimed, sends: false, asks: Some(asks), at },
                false => Worker::Read { row: self.row.clone(), at },
            },
            Step::Send(_) if !self.calm && self.dice.one_in(20) => {
                self.save(&row, row.put_off(self.now));
                Worker::Idle
            }
            Step::Send(claimed) => {
                let renews = claimed.attempts.len() > row.attempts.len();
                if !self.save(&row, claimed.clone()) {
                    return Worker::Read { row: self.row.clone(), at };
                }
                if renews {
                    for older in &row.attempts {
                        let dead = self.provider.is_dead_for_good(&older.reference, self.now);
                        assert!(dead, "{}: a new reference while {} may still be paid", self.seed, older.number);
                    }
                }
                let left = |attempt: &Attempt| u32::from(attempt.sends - attempt.unsent - attempt.spared);
                let sends: u32 = claimed.attempts.iter().map(left).sum();
                let most = 1 + u32::from(self.policy.retries) + u32::from(claimed.hands.retries);
                assert!(sends <= most, "{}: {sends} sends of {most}", self.seed);
                Worker::Claimed { row: claimed, sends: true, asks: None, at }
            }
        }
    }

    fn pass(&mut self, milliseconds: i64) {
        self.now = plus(self.now, milliseconds);
        self.provider.until(self.now);
        for worker in &mut self.workers {
            let (Worker::Read { at, .. }
            | Worker::Planned { at, .. }
            | Worker::Claimed { at, .. }
            | Worker::Told { at, .. }) = worker
            else {
                continue;
            };
            if between(*at, self.now) >= FUNCTION_MS {
                *worker = Worker::Idle;
            }
        }
    }

    fn sweep(&mut self) {
        if let Some(routed) = self.row.routed(self.now) {
            let before = self.row.clone();
            self.save(&before, routed);
            // The message may be lost.
            self.nudges += usize::from(self.calm || !self.dice.one_in(10));
        }
    }

    fn callback(&mut self) {
        if let Some(prompted) = self.row.prompted(self.now) {
            let before = self.row.clone();
            self.save(&before, prompted);
            self.nudges += 1;
        }
    }

    /// The row is put back to what it was, hours later and with other processes; the provider keeps what it has.
    fn restore(&mut self) {
        let Some(copy) = self.copy.take() else { return };
        self.workers.fill(Worker::Idle);
        self.row = copy;
        self.restored = true;
        self.pass(HOUR_MS);
        self.nudges += 1;
    }

    fn storm(&mut self) {
        let which = usize::try_from(self.dice.below(WORKERS as u64)).expect("few");
        match self.dice.below(100) {
            0..=47 => self.worker(which),
            48..=52 => self.person(),
            53 | 54 => self.ground(),
            55..=59 => self.workers[which] = Worker::Idle,
            60..=69 => self.sweep(),
            70..=73 => self.callback(),
            74..=76 => self.nudges += 1,
            77 => match self.dice.below(6) {
                0 if self.copy.is_some() => self.restore(),
                0 | 1 if self.copy.is_none() => self.copy = Some(self.row.clone()),
                _ => self.paying = !self.paying,
            },
            78..=91 => {
                let milliseconds = self.dice.within(20 * SECOND_MS);
                self.pass(milliseconds);
            }
            92..=96 => {
                let milliseconds = self.dice.within(3 * MINUTE_MS);
                self.pass(milliseconds);
            }
            97 | 98 => {
                let milliseconds = self.dice.within(20 * MINUTE_MS);
                self.pass(milliseconds);
            }
            _ => {
                let milliseconds = self.dice.within(3 * HOUR_MS);
                self.pass(milliseconds);
            }
        }
        self.promises();
    }

    fn promises(&mut self) {
        self.steps += 1;
        let seed = self.seed;
        assert!(self.provider.paid() <= 1, "{seed}: paid twice");
        let ended = match self.row.state {
            State::Paid { .. } | State::Refused { .. } | State::Cancelled { .. } | State::Settled { .. } => true,
            State::Queued { .. }
            | State::Sending { .. }
            | State::Submitted { .. }
            | State::Retrying { .. }
            | State::Held { .. }
            | State::AwaitingApproval { .. } => false,
        };
        self.somebody_can_act();
        assert_eq!(self.row.state.due_at().is_none(), ended, "{seed}: nobody would look at {:?} again", self.row.state);
        if self.workers.iter().filter(|worker| matches!(worker, Worker::Claimed { sends: true, .. })).count() > 1 {
            let mut sending: Vec<&str> = self
                .workers
                .iter()
                .filter_map(|worker| match worker {
                    Worker::Claimed { row, sends: true, .. } => row.attempt().map(|attempt| attempt.reference.as_str()),
                    Worker::Idle
                    | Worker::Read { .. }
                    | Worker::Planned { .. }
                    | Worker::Claimed { .. }
                    | Worker::Told { .. } => None,
                })
                .collect();
            let all = sending.len();
            sending.sort_unstable();
            sending.dedup();
            assert_eq!(sending.len(), all, "{seed}: one reference is sent by two workers at a time");
        }
        assert!(self.provider.overlaps() == 0, "{seed}: two sends of one reference in flight");
        if matches!(self.row.state, State::Paid { .. }) {
            assert_eq!(self.provider.paid(), 1, "{seed}: paid, and the provider knows nothing of it");
        }
    }

    /// The storm ends: everything works, the switch is on, people do what is theirs, time runs from due time to due
    /// time until even the questions after the end are over.
    fn calm_down(&mut self) {
        self.calm = true;
        self.paying = true;
        self.nudges = 0;
        self.workers.fill(Worker::Idle);
        self.clear_ground();
        let quiet = plus(self.now, 5 * DAY_MS);
        while self.now < quiet {
            self.conclude();
            let Some(shown_at) = self.row.shown_at() else { break };
            self.pass(between(self.now, shown_at).max(1));
            self.sweep();
            while self.nudges > 0 || !matches!(self.workers[0], Worker::Idle) {
                self.worker(0);
                self.promises();
            }
        }
        self.promises();
        self.asked_to_the_end();
    }

    /// Whatever was used is asked about once more three days after the last send.
    fn asked_to_the_end(&self) {
        let row = &self.row;
        let Some(last) = row.attempts.iter().map(|attempt| attempt.last_sent_at).max() else { return };
        if !row.state.is_end() {
            return;
        }
        assert_eq!(row.due_at(), None, "{}: {row:?} is never done with", self.seed);
        let round = plus(last, RECHECK_AFTER_MS[1]);
        for attempt in &row.attempts {
            let answered = attempt.answered_at.is_some_and(|at| at >= round);
            assert!(answered, "{}: attempt {} was not asked about to the end", self.seed, attempt.number);
        }
    }

    fn agrees(&self) -> &'static str {
        let paid = self.provider.paid() == 1;
        let agrees = match &self.row.state {
            State::Paid { .. } => paid,
            State::Refused { .. } | State::Held { .. } | State::Cancelled { .. } | State::Settled { .. } => {
                !paid && !self.provider.may_pay(self.now)
            }
            State::Queued { .. }
            | State::Sending { .. }
            | State::Submitted { .. }
            | State::Retrying { .. }
            | State::AwaitingApproval { .. } => false,
        };
        assert!(agrees, "{}: {:?} and the provider has {:?}", self.seed, self.row, self.provider);
        self.row.state.name()
    }
}

// proves: PAY-02, PAY-04, PAY-05, PAY-07, PAY-08, PAY-09
#[test]
#[allow(clippy::print_stdout, reason = "the reader wants to know how much was walked")]
fn no_walk_through_crashes_stale_copies_and_lost_answers_pays_twice_or_forgets_a_payout() {
    let (mut steps, mut posts, mut renewed, mut late, mut restored) = (0, 0, 0, 0, 0);
    let mut ends = BTreeMap::<&str, u32>::new();
    let mut acts = BTreeMap::<&str, u32>::new();
    for seed in 0..WALKS {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.storm();
        }
        world.calm_down();
        *ends.entry(world.agrees()).or_default() += 1;
        steps += world.steps;
        posts += world.provider.posts();
        renewed += usize::from(world.row.attempts.len() > 1);
        late += usize::from(world.provider.turned());
        restored += usize::from(world.restored);
        for (act, times) in world.acts {
            *acts.entry(act).or_default() += times;
        }
    }
    println!(
        "{steps} steps, {posts} sends, {renewed} walks with a second reference, {late} with a FAILED that turned, {restored} with a restored row; {ends:?}; people: {acts:?}"
    );
    // Else the walk would prove nothing about them.
    assert!(steps > 1_000_000 && posts > 4_000 && renewed > 100 && late > 50 && restored > 100);
    let lived = |end: &&str| ends.get(end).is_some_and(|walks| *walks > 20);
    assert!(["paid", "refused", "held", "cancelled", "settled"].iter().all(lived), "{ends:?}");
    let done = |act: &&str| acts.get(act).is_some_and(|times| *times > 100);
    assert!(people::ACTS.iter().all(done), "{acts:?}");
}
