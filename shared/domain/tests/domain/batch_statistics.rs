//! What may be done to a code, and the counters that follow: they always say what a walk over the codes would.

use crate::sample;

use domain::{
    batch::{Act, Batch, BatchState, Claim, Code, CodeState, Counts, NotPossible, OwnExpiry, Statistics, Tally},
    identity::{CustomerId, RedemptionId},
    time::{DAY_MS, HOUR_MS, plus},
};
use jiff::Timestamp;
use proptest::prelude::*;
use sample::{code_text, francs, noon};

const GRACE: u32 = 1;
const ACTS: [Act; 4] = [Act::Block, Act::Unblock, Act::Delete, Act::Report];

fn ends() -> Timestamp {
    plus(noon(), 30 * DAY_MS)
}

fn batch(state: BatchState) -> Batch {
    let batch = Batch::new("b".to_owned(), 1, "BATCH_MAY".to_owned(), francs(500), ends(), noon());
    Batch { state, ..batch }
}

fn claim(code: &Code) -> Code {
    let redemption = RedemptionId::of("test", &code.text, code.generation);
    let customer = CustomerId::of(b"pepper", &sample::phone("0788123456"));
    Code { claim: Some(Claim { redemption, customer, at: noon() }), version: code.version + 1, ..code.clone() }
}

fn settle(code: &Code) -> Code {
    Code { settled_generation: Some(code.generation), settled_at: Some(noon()), ..code.clone() }
}

/// A code in every state, in a batch that is active.
fn code_that_is(state: CodeState) -> (Batch, Code) {
    let code = Code { run_id: "r".to_owned(), batch_id: "b".to_owned(), ..sample::code() };
    let active = batch(BatchState::Active);
    match state {
        CodeState::Active => (active, code),
        CodeState::Blocked => (active, Code { blocked: true, ..code }),
        CodeState::Used => (active, claim(&code)),
        CodeState::Redeemed => (active, settle(&claim(&code))),
        CodeState::Reported => (active, Code { reported: true, ..code }),
        CodeState::Expired => (batch(BatchState::Expired), code),
        CodeState::Deleted => (active, Code { deleted: true, ..code }),
    }
}

// proves: COD-09
#[test]
fn every_act_is_possible_exactly_where_the_rules_say() {
    use CodeState::{Active, Blocked, Deleted, Expired, Redeemed, Reported, Used};
    for state in CodeState::ALL {
        let (batch, code) = code_that_is(state);
        assert_eq!(code.state(&batch, GRACE, noon()), state);
        for act in ACTS {
            let possible = match act {
                Act::Block => state == Active,
                Act::Unblock => state == Blocked,
                Act::Delete => matches!(state, Active | Blocked | Expired),
                Act::Report => matches!(state, Active | Blocked | Used | Redeemed),
            };
            let already = matches!(
                (act, state),
                (Act::Block, Blocked) | (Act::Unblock, Active) | (Act::Delete, Deleted) | (Act::Report, Reported)
            );
            match code.after(act, state) {
                Ok(after) => {
                    assert!(possible, "{} on {}", act.name(), state.name());
                    assert_eq!(after.version, code.version + 1);
                }
                Err(NotPossible::Already) => assert!(already, "{} on {}", act.name(), state.name()),
                Err(NotPossible::In(said)) => {
                    assert!(!possible && !already && said == state, "{} on {}", act.name(), state.name());
                }
            }
        }
    }
}

// proves: COD-09
#[test]
fn a_claimed_code_is_never_deleted_whatever_state_it_is_said_to_be_in() {
    for state in CodeState::ALL {
        let (_, code) = code_that_is(CodeState::Used);
        assert!(code.after(Act::Delete, state).is_err());
    }
}

// proves: COD-16, BAT-05
#[test]
fn a_codes_own_date_outlives_its_batchs_but_never_a_persons_word() {
    let own = Code { own_expiry: Some(plus(ends(), DAY_MS)), ..code_that_is(CodeState::Active).1 };
    let expired = batch(BatchState::Expired);
    assert_eq!(own.state(&expired, GRACE, plus(ends(), HOUR_MS)), CodeState::Active);
    assert_eq!(own.state(&expired, GRACE, plus(ends(), DAY_MS + HOUR_MS)), CodeState::Expired);
    let by_hand = Batch { expired_by_hand: true, ..expired };
    assert_eq!(own.state(&by_hand, GRACE, noon()), CodeState::Expired);
    assert_eq!(own.state(&batch(BatchState::Completed), GRACE, noon()), CodeState::Expired);
    assert_eq!(own.state(&batch(BatchState::Deleted), GRACE, noon()), CodeState::Deleted);
    let early = Code { own_expiry: Some(plus(noon(), DAY_MS)), ..own };
    assert_eq!(early.state(&batch(BatchState::Active), GRACE, plus(noon(), DAY_MS)), CodeState::Active, "in its grace");
    assert_eq!(early.state(&batch(BatchState::Active), GRACE, plus(noon(), DAY_MS + HOUR_MS)), CodeState::Expired);
}

/// A batch of codes with the counters as the product's writes keep them.
struct Ledger {
    batch: Batch,
    codes: Vec<Code>,
    counts: Counts,
}

impl Ledger {
    fn act(&mut self, at: usize, act: Act, now: Timestamp) {
        let code = &self.codes[at];
        let state = code.state(&self.batch, GRACE, now);
        if let Ok(after) = code.after(act, state) {
            self.counts.tally = self.counts.tally.plus(Tally::step(code, act));
            self.codes[at] = after;
        }
    }

    /// A redemption, as the rules of redemption let one be.
    fn redeem(&mut self, at: usize, now: Timestamp) {
        if self.codes[at].state(&self.batch, GRACE, now) == CodeState::Active {
            self.codes[at] = claim(&self.codes[at]);
            self.counts.redeemed += 1;
            self.counts.redeemed_amount += 500;
        }
    }

    /// A payout that arrives, reported or not.
    fn settle(&mut self, at: usize) {
        let code = &self.codes[at];
        if code.claim.is_some() && !code.is_settled() {
            self.counts.paid += 1;
            self.counts.paid_amount += 500;
            if code.reported {
                self.counts.tally = self.counts.tally.plus(Tally { reported_paid: 1, ..Tally::default() });
            }
            self.codes[at] = settle(code);
        }
    }

    fn statistics(&self, now: Timestamp) -> Statistics {
        let own: Vec<OwnExpiry> = self
            .codes
            .iter()
            .filter(|code| code.own_expiry.is_some())
            .map(|code| OwnExpiry { id: code.id(), code: code.clone() })
            .collect();
        Statistics::of(&self.batch, &self.counts, &own, GRACE, now)
    }
}

const CODES: usize = 12;

fn ledger() -> Ledger {
    let codes = (0..CODES)
        .map(|n| Code { n: n as u32, text: code_text(&format!("CODE{n:04}")), ..code_that_is(CodeState::Active).1 })
        .collect();
    let batch = Batch { codes: CODES as u64, ..batch(BatchState::Active) };
    Ledger { batch, codes, counts: Counts::default() }
}

proptest! {
    #![proptest_config(sample::cases(600))]

    // proves: BAT-04, COD-11
    #[test]
    fn counters_say_what_a_walk_over_the_codes_would(
        steps in proptest::collection::vec((0usize..8, 0..CODES, 0u8..40), 0..60),
    ) {
        let mut ledger = ledger();
        let mut now = noon();
        for (what, at, days) in steps {
            match what {
                0 => ledger.redeem(at, now),
                1 => ledger.settle(at),
                2 => now = plus(now, i64::from(days) * HOUR_MS),
                3 => {
                    let unclaimed = ledger.codes[at].claim.is_none();
                    if unclaimed {
                        ledger.codes[at].own_expiry = Some(plus(noon(), i64::from(days) * 2 * DAY_MS));
                    }
                }
                _ => ledger.act(at, ACTS[what - 4], now),
            }
            // Everything in between, and the same batch after its end in every way.
            let later = plus(ends(), 2 * DAY_MS);
            for (state, by_hand, at) in [
                (BatchState::Active, false, now),
                (BatchState::Blocked, false, now),
                (BatchState::Active, false, later),
                (BatchState::Expired, false, later),
                (BatchState::Expired, true, now),
                (BatchState::Completed, false, later),
            ] {
                let kept = (ledger.batch.state, ledger.batch.expired_by_hand);
                (ledger.batch.state, ledger.batch.expired_by_hand) = (state, by_hand);
                let said = ledger.statistics(at);
                for state in CodeState::ALL {
                    let counted = ledger.codes.iter().filter(|code| code.state(&ledger.batch, GRACE, at) == state).count();
                    prop_assert_eq!(said.in_state(state), counted as u64, "{} in {:?}", state.name(), &ledger.batch.state);
                }
                let undeleted = ledger.codes.iter().filter(|code| !code.deleted).count() as u64;
                prop_assert_eq!(said.codes, undeleted);
                prop_assert_eq!(said.issued_amount, undeleted * 500);
                prop_assert_eq!(said.in_payment_amount, said.redeemed_amount - said.paid_amount);
                (ledger.batch.state, ledger.batch.expired_by_hand) = kept;
            }
        }
    }
}

// proves: BAT-04
#[test]
fn a_counter_that_runs_ahead_of_another_never_wraps_around() {
    let counts = Counts { paid: 3, tally: Tally { blocked: -2, ..Tally::default() }, ..Counts::default() };
    let said = Statistics::of(&batch(BatchState::Active), &counts, &[], GRACE, noon());
    assert_eq!((said.used, said.blocked), (0, 0));
}
