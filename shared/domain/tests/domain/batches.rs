//! Batches: every move between states, what becomes of them by themselves, names and bounds.

use crate::sample;

use domain::{
    batch::{
        BadName, Batch, BatchName, BatchState, COMPLETE_AFTER_MS, Code, CodeId, CodeState, IN_FLIGHT_MS, Look,
        NewBatch, NoMove, Origin, Run, RunState, Statistics, batch_problems, expiry_problem,
    },
    money::Currency,
    settings::Settings,
    time::{DAY_MS, HOUR_MS, MINUTE_MS, plus},
};
use jiff::Timestamp;
use sample::{code_text, francs, noon};

const GRACE: u32 = 2;

fn ends() -> Timestamp {
    plus(noon(), 30 * DAY_MS)
}

/// A batch with 100 codes that is in `state`.
fn batch(state: BatchState) -> Batch {
    let mut batch = Batch::new("b".to_owned(), 7, "BATCH_MAY".to_owned(), francs(500), ends(), noon());
    batch.state = state;
    (batch.codes, batch.sheets) = (100, 9);
    if state == BatchState::Archived {
        batch.archived_from = Some(BatchState::Completed);
    }
    batch
}

fn moved(from: BatchState, to: BatchState) -> Result<BatchState, NoMove> {
    batch(from).brought_to(to, GRACE, plus(noon(), MINUTE_MS)).map(|batch| batch.state)
}

// proves: BAT-06, BAT-10
#[test]
fn a_person_brings_a_batch_only_where_the_rules_say() {
    use BatchState::{Active, Archived, Blocked, Completed, Deleted, Expired, Generating};
    let allowed = [
        (Active, Blocked),
        (Blocked, Active),
        (Active, Expired),
        (Blocked, Expired),
        (Expired, Archived),
        (Completed, Archived),
        (Archived, Completed),
    ];
    for from in BatchState::ALL {
        for to in BatchState::ALL {
            let found = moved(from, to);
            let expected = match (from, to) {
                (from, to) if from == to => Err(NoMove::Already),
                (Generating, _) => Err(NoMove::Generating),
                (from, to) if allowed.contains(&(from, to)) => Ok(to),
                (from, to) => Err(NoMove::From(from, to)),
            };
            assert_eq!(found, expected, "{} to {}", from.name(), to.name());
        }
    }
    assert_eq!(moved(Deleted, Active), Err(NoMove::From(Deleted, Active)), "a tombstone stays one");
}

// proves: BAT-10
#[test]
fn a_move_is_one_version_and_says_since_when() {
    let at = plus(noon(), MINUTE_MS);
    let blocked = batch(BatchState::Active).brought_to(BatchState::Blocked, GRACE, at).expect("a move");
    assert_eq!((blocked.version, blocked.state_since), (2, Some(at)));
}

// proves: BAT-07, BAT-10
#[test]
fn a_batch_that_is_unblocked_after_its_date_is_expired() {
    let just_before = plus(ends(), i64::from(GRACE) * HOUR_MS - 1);
    let blocked = batch(BatchState::Blocked);
    assert_eq!(blocked.brought_to(BatchState::Active, GRACE, just_before).expect("a move").state, BatchState::Active);
    let after = plus(just_before, 1);
    assert_eq!(blocked.brought_to(BatchState::Active, GRACE, after).expect("a move").state, BatchState::Expired);
}

// proves: BAT-10
#[test]
fn an_archived_batch_comes_back_as_what_it_was_and_waits_for_no_codes() {
    for state in [BatchState::Expired, BatchState::Completed] {
        let archived = batch(state).brought_to(BatchState::Archived, GRACE, noon()).expect("a move");
        assert_eq!(archived.archived_from, Some(state));
        let back = archived.unarchived(noon()).expect("a move");
        assert_eq!((back.state, back.archived_from), (state, None));
        let coming = batch(state).expecting(5);
        assert_eq!(coming.brought_to(BatchState::Archived, GRACE, noon()), Err(NoMove::CodesComing));
    }
    for state in BatchState::ALL {
        assert_eq!(batch(state).unarchived(noon()).is_ok(), state == BatchState::Archived, "{}", state.name());
    }
}

// proves: BAT-06
#[test]
fn a_batch_is_deleted_only_where_nobody_ever_claimed_and_nobody_can() {
    let later = plus(noon(), IN_FLIGHT_MS);
    for state in BatchState::ALL {
        let expected = match state {
            BatchState::Generating => Err(NoMove::Generating),
            BatchState::Active => Err(NoMove::BlockFirst),
            BatchState::Deleted => Err(NoMove::Already),
            // A code with a later date of its own may just be redeemed.
            BatchState::Expired => Err(NoMove::ArchiveFirst),
            BatchState::Blocked | BatchState::Completed | BatchState::Archived => Ok((BatchState::Deleted, None)),
        };
        let found = batch(state).deleted(0, later).map(|batch| (batch.state, batch.look_at));
        assert_eq!(found, expected, "{}", state.name());
    }
    let by_hand = Batch { expired_by_hand: true, ..batch(BatchState::Expired) };
    assert_eq!(by_hand.deleted(0, later).map(|batch| batch.state), Ok(BatchState::Deleted));
    let blocked = batch(BatchState::Blocked);
    assert_eq!(blocked.deleted(1, later), Err(NoMove::Claimed));
    assert_eq!(blocked.expecting(1).deleted(0, later), Err(NoMove::CodesComing));
    let moment = plus(later, -1);
    assert_eq!(blocked.deleted(0, moment), Err(NoMove::JustBlocked), "a redemption may be under way");
}

// proves: BAT-05, BAT-06, BAT-10
#[test]
fn a_batch_that_was_blocked_when_it_expired_comes_back_blocked_and_none_of_its_codes_before() {
    let now = plus(ends(), DAY_MS);
    let blocked = Batch { look_at: Some(ends()), ..batch(BatchState::Blocked) };
    let Look::Becomes(expired) = blocked.looked_at(&Statistics::default(), GRACE, now) else {
        panic!("its date has passed")
    };
    let by_hand = blocked.brought_to(BatchState::Expired, GRACE, noon()).expect("by hand");
    let run = Run::staging("run-1".to_owned(), expired.id.clone(), 1, Origin::Generated);
    let text = code_text("7K3M9A26CE11XH20");
    let later = plus(now, DAY_MS);
    let dated = Code { own_expiry: Some(later), ..Code::made(text, &expired, &run, 0) };
    for expired in [expired, by_hand] {
        assert_eq!(expired.state, BatchState::Expired);
        assert_eq!(dated.state(&expired, GRACE, now), CodeState::Expired, "the block outlives the batch's date");
        assert_eq!(expired.dated(later, GRACE, now).state, BatchState::Blocked);
    }
}

// proves: BAT-05
#[test]
fn another_date_revives_or_expires() {
    let now = plus(ends(), DAY_MS);
    let revived = batch(BatchState::Expired).dated(plus(now, DAY_MS), GRACE, now);
    assert_eq!((revived.state, revived.look_at), (BatchState::Active, Some(now)), "and it is looked at at once");
    let expired = batch(BatchState::Active).dated(plus(noon(), -DAY_MS), GRACE, noon());
    assert_eq!(expired.state, BatchState::Expired);
    let by_hand = batch(BatchState::Active).brought_to(BatchState::Expired, GRACE, noon()).expect("a move");
    assert!(by_hand.expired_by_hand);
    let revived = by_hand.dated(plus(ends(), DAY_MS), GRACE, noon());
    assert!(revived.state == BatchState::Active && !revived.expired_by_hand, "a later date takes the word back");
    for state in [BatchState::Blocked, BatchState::Completed, BatchState::Archived, BatchState::Deleted] {
        assert_eq!(batch(state).dated(plus(noon(), -DAY_MS), GRACE, noon()).state, state);
    }
}

// proves: BAT-10
#[test]
fn only_an_active_batch_takes_runs_and_a_run_in_hand_is_taken_until_the_end() {
    for state in BatchState::ALL {
        assert_eq!(batch(state).takes_codes().is_ok(), state == BatchState::Active, "{}", state.name());
        let takes =
            matches!(state, BatchState::Generating | BatchState::Active | BatchState::Blocked | BatchState::Expired);
        assert_eq!(batch(state).expecting(5).filled(5, noon()).is_some(), takes, "{}", state.name());
    }
}

// proves: BAT-03, COD-13
#[test]
fn runs_fill_a_batch_sheet_behind_sheet() {
    let empty = Batch { codes: 0, sheets: 0, ..batch(BatchState::Generating) };
    let waiting = empty.expecting(100).expecting(13);
    assert_eq!(waiting.coming, 113);
    let (first, sheet) = waiting.filled(100, noon()).expect("it takes them");
    assert_eq!((first.codes, first.coming, first.sheets, sheet), (100, 13, 9, 1));
    assert_eq!(first.state, BatchState::Active, "its first run makes it active");
    let (second, sheet) = first.filled(13, noon()).expect("it takes them");
    assert_eq!((second.codes, second.coming, second.sheets, sheet), (113, 0, 11, 10));
    assert_eq!(second.version, first.version + 1);
}

// proves: COD-13
#[test]
fn every_code_has_its_sheet_and_slot() {
    let run = Run {
        state: RunState::Live,
        first_sheet: 10,
        ..Run::staging("r".to_owned(), "b".to_owned(), 100, Origin::Generated)
    };
    assert_eq!((run.place(0), run.place(11), run.place(12), run.place(99)), ((10, 1), (10, 12), (11, 1), (18, 4)));
    assert_eq!((run.last_sheet(), run.strips()), (18, 2));
}

// proves: BAT-10
#[test]
fn a_run_that_is_given_up_leaves_the_batch_as_it_was() {
    let waiting = batch(BatchState::Blocked).expecting(50);
    let released = waiting.released(50, noon());
    assert_eq!((released.state, released.codes, released.coming), (BatchState::Blocked, 100, 0));
    let first = batch(BatchState::Generating).expecting(50).released(50, noon());
    assert_eq!((first.state, first.look_at), (BatchState::Active, Some(noon())));
}

fn figures(active: u64, used: u64) -> Statistics {
    Statistics { codes: active + used, active, used, ..Statistics::default() }
}

/// What a look finds, and when the next one is.
fn look(batch: &Batch, statistics: &Statistics, now: Timestamp) -> (Option<BatchState>, Option<Timestamp>) {
    match batch.looked_at(statistics, GRACE, now) {
        Look::Rest => (None, batch.look_at),
        Look::Later(later) => {
            assert_eq!((later.state, later.version), (batch.state, batch.version + 1));
            (None, later.look_at)
        }
        Look::Becomes(next) => (Some(next.state), next.look_at),
    }
}

fn due(state: BatchState, now: Timestamp) -> Batch {
    Batch { look_at: Some(now), ..batch(state) }
}

// proves: BAT-07
#[test]
fn a_batch_expires_by_itself_when_its_grace_is_over() {
    let over = plus(ends(), i64::from(GRACE) * HOUR_MS);
    for state in [BatchState::Active, BatchState::Blocked] {
        let early = plus(over, -1);
        assert_eq!(look(&due(state, early), &figures(5, 0), early), (None, Some(over)), "looked at again just then");
        assert_eq!(look(&due(state, over), &figures(5, 0), over).0, Some(BatchState::Expired));
    }
    let not_due = batch(BatchState::Active);
    assert_eq!(not_due.looked_at(&figures(5, 0), GRACE, plus(ends(), -1)), Look::Rest);
}

// proves: BAT-07, BAT-10
#[test]
fn a_batch_is_complete_when_every_code_is_settled_and_not_before() {
    let now = plus(noon(), DAY_MS);
    let settled = Statistics { codes: 100, redeemed: 100, ..Statistics::default() };
    assert_eq!(look(&due(BatchState::Active, now), &settled, now), (Some(BatchState::Completed), None));
    for open in [figures(1, 0), figures(0, 1), Statistics { blocked: 1, ..settled }] {
        assert_eq!(look(&due(BatchState::Active, now), &open, now).0, None, "{open:?}");
    }
    let coming = due(BatchState::Active, now).expecting(5);
    assert_eq!(look(&coming, &settled, now).0, None, "codes are on their way");
    let empty = Batch { codes: 0, ..due(BatchState::Active, now) };
    assert_eq!(look(&empty, &Statistics::default(), now).0, None, "nothing was ever in it");
}

// proves: BAT-05, BAT-07
#[test]
fn an_expired_batch_can_be_revived_for_a_month_and_is_complete_then() {
    let since = plus(ends(), i64::from(GRACE) * HOUR_MS);
    let expired = |now| Batch { state_since: Some(since), ..due(BatchState::Expired, now) };
    let early = plus(since, COMPLETE_AFTER_MS - 1);
    let then = plus(since, COMPLETE_AFTER_MS);
    assert_eq!(look(&expired(early), &figures(0, 0), early), (None, Some(then)));
    assert_eq!(look(&expired(then), &figures(0, 0), then), (Some(BatchState::Completed), None));
    assert_eq!(look(&expired(then), &figures(0, 1), then).0, None, "one is in payment");
}

// proves: BAT-10
#[test]
fn a_batch_that_is_over_is_not_looked_at_any_more() {
    for state in [BatchState::Completed, BatchState::Archived, BatchState::Deleted] {
        assert_eq!(look(&due(state, noon()), &figures(5, 5), noon()), (None, None));
    }
}

// proves: BAT-02
#[test]
fn a_name_has_one_form_however_it_is_written() {
    for written in ["may week 2", "  MAY_WEEK_2 ", "batch_may week_2", "Batch_May_Week_2"] {
        assert_eq!(BatchName::parse(written).map(|name| name.to_string()), Ok("BATCH_MAY_WEEK_2".to_owned()));
    }
    assert_eq!(BatchName::parse(" "), Err(BadName::Empty));
    assert_eq!(BatchName::parse("BATCH_"), Err(BadName::Empty));
    assert_eq!(BatchName::parse(&"A".repeat(54)).map(|name| name.as_str().len()), Ok(60));
    assert_eq!(BatchName::parse(&"A".repeat(55)), Err(BadName::TooLong));
    for written in ["Été", "a/b", "a\tb", "=1+1", "naïve", "a\u{200b}b"] {
        assert_eq!(BatchName::parse(written), Err(BadName::Character), "{written:?}");
    }
}

// proves: BAT-01, COD-12
#[test]
fn every_bad_field_of_a_new_batch_is_named() {
    let settings = Settings::default();
    let good =
        NewBatch { codes: 10, amount: 500, currency: Currency::Rwf, expires_at: Some(plus(noon(), 30 * DAY_MS)) };
    let wrong = |new: &NewBatch| -> Vec<(&'static str, &'static str)> {
        batch_problems(new, &settings, Currency::Rwf, noon()).iter().map(|wrong| (wrong.field, wrong.code)).collect()
    };
    assert_eq!(wrong(&good), []);
    assert_eq!(wrong(&NewBatch { codes: 100_001, ..good.clone() }), [("total_codes", "too_many")]);
    for amount in [0, 10_000_001, u64::MAX] {
        assert_eq!(wrong(&NewBatch { amount, ..good.clone() }), [("amount", "out_of_bounds")], "{amount}");
    }
    let dates = [(-1, "past"), (0, "past"), (DAY_MS - 1, "too_soon"), (1_826 * DAY_MS, "too_far")];
    for (away, code) in dates {
        let dated = NewBatch { expires_at: Some(plus(noon(), away)), ..good.clone() };
        assert_eq!(wrong(&dated), [("expires_at", code)], "{away}");
    }
    let all = NewBatch { codes: u64::MAX, amount: 0, expires_at: Some(noon()), ..good };
    assert_eq!(wrong(&all).len(), 3, "all at once");
    assert!(expiry_problem(plus(noon(), DAY_MS), &settings.codes, noon()).is_none());
}

// proves: COD-13
#[test]
fn a_codes_id_is_its_run_and_its_place_and_never_its_text() {
    let id = CodeId { run: "batch-1-1".to_owned(), n: 12 };
    assert_eq!(id.to_string(), "batch-1-1-12");
    assert_eq!(CodeId::parse("batch-1-1-12"), Ok(id.clone()));
    for text in ["", "-", "a-", "-1", "a", "a-b", "a--", "a-+1", "a-1234567890", "a b-1", "a#b-1", "é-1"] {
        assert!(CodeId::parse(text).is_err(), "{text:?}");
    }
    let long = format!("{}-1", "a".repeat(65));
    assert!(CodeId::parse(&long).is_err());
    let run = Run::staging("batch-1-1".to_owned(), "b".to_owned(), 100, Origin::Generated);
    let code = Code::made(code_text(sample::PRINTED), &batch(BatchState::Active), &run, 12);
    assert_eq!(code.id(), id);
}
