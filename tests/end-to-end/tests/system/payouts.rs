//! Payouts that wait well: limits, accounts, pauses, the circuit breaker, questions after the end.

use domain::{
    alert::Kind,
    audit::{Class, Entry},
    gate::{Breaker, Gate, Outcomes, PauseWhy},
    payout::{Hold, MTN_MOMO, Payout, State},
    settings::{OtherNetworks, PayoutPolicy, Settings},
    time::{self, DAY_MS, HOUR_MS, MINUTE_MS},
};
use momo_simulator::{Behaviour, CallbackTiming, Outcome, StatusAnswer, TransferAnswer};
use rig::{Ended, Fault, World, world::Setup};
use store::{Deadline, keys};

fn soon() -> Deadline {
    Deadline::in_ms(10_000)
}

async fn world(codes: usize, policy: PayoutPolicy) -> World {
    let settings = Settings { payouts: policy, version: 1, ..Settings::default() };
    World::start(Setup { codes, settings: Some(settings), ..Setup::default() }).await
}

async fn gate(world: &World) -> Gate {
    world.store.one(&keys::gate(MTN_MOMO), soon()).await.expect("the table answers").unwrap_or_default()
}

async fn alerts(world: &World, kind: Kind) -> usize {
    world.rows().await.alerts.iter().filter(|alert| alert.kind == kind).count()
}

/// Other settings, in force for processes that start now.
async fn set(world: &mut World, policy: PayoutPolicy) {
    let before: Option<Settings> = world.store.one(&keys::settings(), soon()).await.expect("the table answers");
    let before = before.unwrap_or_default();
    let after = Settings { payouts: policy, version: before.version + 1, ..before.clone() };
    let entry = Entry::new(
        format!("settings-{}", after.version),
        world.now(),
        Class::Change,
        "settings.set",
        "system:test".to_owned(),
        "settings:all".to_owned(),
    );
    world.store.save_settings(before.version, &after, &entry, soon()).await.expect("good settings");
    world.restart();
}

// proves: PAY-09
#[tokio::test]
async fn what_passes_a_limit_before_it_is_sent_is_held_and_nothing_is_sent() {
    let mut world = world(1, PayoutPolicy::default()).await;
    world.redeem(1).await;
    // The limit comes between the redemption and its payout.
    set(&mut world, PayoutPolicy { most_per_payout: Some(4_999), ..PayoutPolicy::default() }).await;
    world.live_on(60).await;
    let payout = world.payout_of(0).await;
    assert!(matches!(payout.state, State::Held { why: Hold::Limit, .. }), "{payout:?}");
    assert_eq!((world.simulator.transfers().len(), alerts(&world, Kind::PayoutOverLimit).await), (0, 1));

    set(&mut world, PayoutPolicy { customer_per_day: Some(4_999), ..PayoutPolicy::default() }).await;
    let who = world.owner().await;
    let released = payout.release(&who, world.now()).expect("it can be released");
    assert!(matches!(released.state, State::AwaitingApproval { .. }), "an override needs a second person");
    assert_eq!(world.broken(true).await, Vec::<String>::new());
}

// proves: PAY-09
#[tokio::test]
async fn what_a_day_has_no_room_for_waits_for_the_next_one_and_people_are_told_once() {
    let world = world(5, PayoutPolicy { total_per_day: Some(12_000), ..PayoutPolicy::default() }).await;
    world.redeem(5).await;
    world.live_on(120).await;
    assert_eq!(world.paid().await, 2, "12,000 are two of 5,000");
    let waiting = world.rows().await.payouts.iter().filter(|(payout, _)| is_waiting_for_room(payout)).count();
    assert_eq!((waiting, alerts(&world, Kind::TotalsReached).await), (3, 1));
    assert_eq!(world.broken(false).await, Vec::<String>::new());
    // The next day has room for two more, the one after it for the last.
    world.live_on(24 * 60).await;
    assert_eq!(world.paid().await, 4);
    world.live_on(24 * 60).await;
    assert_eq!(world.paid().await, 5);
    assert_eq!(world.broken(true).await, Vec::<String>::new());
}

fn is_waiting_for_room(payout: &Payout) -> bool {
    matches!(payout.state, State::Held { why: Hold::Totals, .. })
}

// proves: PAY-09
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_at_once_do_not_pass_the_total_of_a_day_together() {
    let world = world(12, PayoutPolicy { total_per_day: Some(30_000), ..PayoutPolicy::default() }).await;
    world.redeem(12).await;
    let mut work = tokio::task::JoinSet::new();
    for message in world.messages().await {
        work.spawn(world.work(message));
    }
    work.join_all().await;
    world.live_on(30).await;
    assert_eq!(world.simulator.transfers().len(), 6, "30,000 are six of 5,000");
    assert_eq!(world.broken(false).await, Vec::<String>::new());
}

// proves: PAY-09
#[tokio::test]
async fn what_is_paid_after_its_refusal_counts_for_its_day_although_others_have_used_its_room() {
    let world = world(2, PayoutPolicy { total_per_day: Some(5_000), ..PayoutPolicy::default() }).await;
    world.simulator.behave(Behaviour {
        outcome: Outcome::Failed { reason: "PAYEE_NOT_FOUND".to_owned() },
        late_success_after_failed_ms: Some(20 * HOUR_MS as u64),
        remaining: Some(1),
        ..Behaviour::default()
    });
    world.redeem(1).await;
    world.live_on(60).await;
    let refused = world.payout_of(0).await;
    assert_eq!((refused.state.name(), refused.charged_on), ("refused", None));
    // Its room is free for the next one, on the same day.
    world.redeem(2).await;
    world.live_on(60).await;
    assert_eq!(world.paid().await, 1);
    world.live_on(26 * 60).await;
    assert_eq!((world.paid().await, alerts(&world, Kind::PaidAfterRefusal).await), (2, 1));
    let days: Vec<_> = world.rows().await.payouts.iter().map(|(payout, _)| payout.charged_on).collect();
    assert!(days[0].is_some() && days[0] == days[1], "{days:?}");
    // The totals are what the payouts say.
    assert_eq!(world.broken(true).await, Vec::<String>::new());
}

// proves: PAY-08
#[tokio::test]
async fn a_payout_above_the_threshold_is_sent_only_after_a_second_person_has_agreed() {
    let world = world(1, PayoutPolicy { approve_above: Some(4_999), ..PayoutPolicy::default() }).await;
    world.redeem(1).await;
    world.live_on(3 * 24 * 60).await;
    let waiting = world.payout_of(0).await;
    assert!(matches!(waiting.state, State::AwaitingApproval { .. }), "{waiting:?}");
    assert_eq!(world.simulator.transfers().len(), 0);
    let who = world.owner().await;
    let agreed = waiting.approve(&who, world.now()).expect("a second person");
    let act = world.store.act(
        &domain::access::System("test"),
        world.now(),
        Class::Money,
        "payout.approved",
        format!("payout:{}", waiting.id),
    );
    let today = time::day(world.now(), &Settings::default().zone());
    let act = act.expect("chance").payout(&waiting, &agreed, None, today).expect("a row");
    act.commit(soon()).await.expect("it is as it was read");
    world.live_on(60).await;
    assert_eq!(world.paid().await, 1);
    assert_eq!(world.broken(true).await, Vec::<String>::new());
}

// proves: PAY-05
#[tokio::test]
async fn while_momo_is_in_trouble_payouts_wait_unburnt_and_one_probe_at_a_time_looks_after_it() {
    let policy = PayoutPolicy { breaker_after: 3, pause_below_percent: None, ..PayoutPolicy::default() };
    let world = world(20, policy).await;
    world.simulator.behave(Behaviour {
        transfer_answer: TransferAnswer::Unavailable503,
        status_answer: StatusAnswer::Unavailable503,
        ..Behaviour::default()
    });
    world.redeem(20).await;
    world.work_off_payouts().await;
    let opened = gate(&world).await;
    assert!(matches!(opened.sends, Breaker::Open { times: 1, .. }), "{opened:?}");
    assert_eq!(alerts(&world, Kind::BreakerOpened).await, 1);
    let rows = world.rows().await;
    let sent = rows.payouts.iter().filter(|(payout, _)| payout.was_sent()).count();
    assert_eq!(sent, 3, "the others were not even claimed");
    assert!(rows.payouts.iter().all(|(payout, _)| payout.was_sent() || payout.claims == 0));

    // An hour of trouble: a handful of probes, and no send of those that wait.
    world.live_on(60).await;
    let rows = world.rows().await;
    let burnt = rows.payouts.iter().filter(|(payout, _)| payout.retries() > 0).count();
    let called = |name: &str| world.script.calls().iter().filter(|call| *call == name).count();
    let (asked, sends) = (called("momo status"), called("momo transfer"));
    assert!(
        burnt == 0 && asked + sends < 40,
        "{burnt} used up retries; {sends} sends and {asked} questions in an hour"
    );
    assert_eq!(alerts(&world, Kind::BreakerOpened).await, 1, "told once");

    world.simulator.behave(Behaviour::default());
    world.live_on(3 * 60).await;
    assert_eq!(world.paid().await, 20);
    let closed = gate(&world).await;
    assert_eq!((closed.breaker, closed.sends), (Breaker::default(), Breaker::default()));
    assert_eq!(world.broken(true).await, Vec::<String>::new());
}

// proves: PAY-05
#[tokio::test]
async fn while_momo_answers_questions_and_takes_no_transfer_no_retry_is_used_up_and_all_are_paid_afterwards() {
    let policy = PayoutPolicy { breaker_after: 3, retries: 1, pause_below_percent: None, ..PayoutPolicy::default() };
    let world = world(6, policy).await;
    let down = Behaviour { transfer_answer: TransferAnswer::Unavailable503, ..Behaviour::default() };
    world.simulator.behave(down);
    world.redeem(6).await;
    world.work_off_payouts().await;
    // Long enough for each to be sent again more than once.
    world.live_on(90).await;
    let rows = world.rows().await;
    let states: Vec<&str> = rows.payouts.iter().map(|(payout, _)| payout.state.gauge()).collect();
    assert!(states.iter().all(|state| ["queued", "sending"].contains(state)), "{states:?}");
    let used_up: u32 = rows.payouts.iter().map(|(payout, _)| u32::from(payout.retries())).sum();
    let sends: u32 = rows.payouts.iter().flat_map(|(payout, _)| &payout.attempts).map(|one| u32::from(one.sends)).sum();
    assert!(used_up == 0 && (10..40).contains(&sends), "{used_up} retries used up by {sends} sends");
    assert_eq!(alerts(&world, Kind::BreakerOpened).await, 1, "told once");

    world.simulator.behave(Behaviour::default());
    world.live_on(60).await;
    assert_eq!(world.paid().await, 6);
    assert_eq!(gate(&world).await.sends, Breaker::default());
    assert_eq!(world.broken(true).await, Vec::<String>::new());
}

// proves: PAY-10
#[tokio::test]
async fn sending_pauses_before_the_float_is_empty_and_goes_on_when_it_is_topped_up() {
    let policy =
        PayoutPolicy { balance_alert: 50_000, balance_pause: 20_000, balance_minutes: 1, ..PayoutPolicy::default() };
    let world = world(4, policy).await;
    world.simulator.set_balance(18_000);
    world.advance(MINUTE_MS);
    world.sweep().await;
    world.work_off_payouts().await;
    let paused = gate(&world).await;
    assert_eq!(paused.pause.map(|pause| pause.why), Some(PauseWhy::Funds));
    world.redeem(4).await;
    world.live_on(30).await;
    assert_eq!(world.simulator.transfers().len(), 0, "the codes are kept, the money waits");
    assert_eq!((alerts(&world, Kind::FundsLow).await, alerts(&world, Kind::PayoutsPaused).await), (1, 1));

    world.simulator.set_balance(1_000_000);
    world.live_on(30).await;
    assert_eq!(world.paid().await, 4);
    assert_eq!(gate(&world).await.pause, None);
    assert_eq!(world.broken(true).await, Vec::<String>::new());
}

// proves: PAY-10, PAY-16
#[tokio::test]
async fn a_hint_about_the_float_has_it_read_and_is_never_believed() {
    let policy = PayoutPolicy { balance_alert: 50_000, balance_pause: 20_000, ..PayoutPolicy::default() };
    let world = world(1, policy).await;
    world.simulator.set_balance(18_000);
    let path = format!("{}{}", momo_callback::BALANCE_PATH, rig::world::CALLBACK_SECRET);
    let body = br#"{"availableBalance":"99000000","currency":"RWF"}"#.to_vec();
    let answered = world.callback("PUT", &path, body.clone()).await;
    assert_eq!((answered.status, answered.body.as_str()), (200, "Taken."));
    world.work_off_payouts().await;
    let read = gate(&world).await;
    assert_eq!(read.balance.map(|balance| balance.amount), Some(18_000));
    assert_eq!(read.pause.map(|pause| pause.why), Some(PauseWhy::Funds));
    // Again at once: nothing is asked, whoever repeats it.
    for _ in 0..20 {
        assert_eq!(world.callback("POST", &path, body.clone()).await.status, 200);
    }
    assert_eq!(world.messages().await.len(), 0);
    let forged = format!("{}wrong", momo_callback::BALANCE_PATH);
    assert_eq!(world.callback("PUT", &forged, body).await.status, 403);
}

// proves: PAY-15
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payouts_that_end_at_the_same_time_all_count_among_the_last() {
    let world = world(12, PayoutPolicy::default()).await;
    world.redeem(12).await;
    world.work_off_payouts().await;
    world.advance(10 * MINUTE_MS);
    world.sweep().await;
    let mut work = tokio::task::JoinSet::new();
    for message in world.messages().await {
        work.spawn(world.work(message));
    }
    work.join_all().await;
    let outcomes: Option<Outcomes> =
        world.store.one(&keys::outcomes(MTN_MOMO), soon()).await.expect("the table answers");
    assert_eq!((world.paid().await, outcomes.map(|outcomes| outcomes.last.len())), (12, Some(12)));
}

// proves: PAY-15
#[tokio::test]
async fn payouts_pause_by_themselves_when_too_many_fail_and_a_person_starts_them_again() {
    let world = world(60, PayoutPolicy { retries: 0, ..PayoutPolicy::default() }).await;
    world.simulator.behave(Behaviour {
        outcome: Outcome::Failed { reason: "PAYEE_NOT_FOUND".to_owned() },
        ..Behaviour::default()
    });
    world.redeem(55).await;
    world.live_on(120).await;
    let refused =
        world.rows().await.payouts.iter().filter(|(payout, _)| matches!(payout.state, State::Refused { .. })).count();
    assert!(refused >= 50, "{refused}");
    assert_eq!(gate(&world).await.pause.map(|pause| pause.why), Some(PauseWhy::Outcomes));
    assert_eq!(alerts(&world, Kind::PayoutsPaused).await, 1);
    // MoMo is well again, and still nothing is sent until a person says so.
    world.simulator.behave(Behaviour::default());
    let last = world.hop("after", "+250788999999", &world.codes[59].printed()).await;
    assert!(last.body.starts_with("END Murakoze!"), "{last:?}");
    world.live_on(60).await;
    assert_eq!(world.paid().await, 0);
    let paused = gate(&world).await;
    let resumed = paused.resumed().expect("it is paused");
    let outcomes: Option<Outcomes> =
        world.store.one(&keys::outcomes(MTN_MOMO), soon()).await.expect("the table answers");
    let outcomes = outcomes.expect("payouts have ended");
    let entity = "payouts:gate".to_owned();
    let act = world.store.act(&domain::access::System("test"), world.now(), Class::System, "payouts.resume", entity);
    let act = act.expect("chance").gate(MTN_MOMO, (&paused, &resumed), (&outcomes, &outcomes.forgotten()));
    act.expect("rows").commit(soon()).await.expect("nobody else writes");
    world.live_on(60).await;
    assert_eq!(world.paid().await, 1);
}

// proves: PAY-14
#[tokio::test]
async fn an_account_that_cannot_receive_is_found_out_before_anything_is_sent() {
    let world = world(2, PayoutPolicy { check_account: true, ..PayoutPolicy::default() }).await;
    world.simulator.next(vec![momo_simulator::Fault::at(
        momo_simulator::Endpoint::AccountHolder,
        momo_simulator::FaultKind::NotFound404,
    )]);
    world.redeem(2).await;
    world.live_on(60).await;
    let states = [world.payout_of(0).await, world.payout_of(1).await];
    let held = states.iter().filter(|payout| matches!(payout.state, State::Held { why: Hold::Account, .. })).count();
    assert_eq!((held, world.paid().await, alerts(&world, Kind::AccountInactive).await), (1, 1, 1));
    assert_eq!(world.simulator.transfers().len(), 1);
    assert_eq!(world.broken(true).await, Vec::<String>::new());
}

// proves: PAY-02, REC-01
#[tokio::test]
async fn every_reference_is_asked_about_again_after_a_day_and_after_three() {
    let world = world(1, PayoutPolicy::default()).await;
    world.redeem(1).await;
    world.live_on(30).await;
    let paid = world.payout_of(0).await;
    let asks = paid.attempts[0].asks;
    assert!(matches!(paid.state, State::Paid { .. }));
    world.live_on(25 * 60).await;
    let day = world.payout_of(0).await;
    assert_eq!(day.attempts[0].asks, asks + 1);
    let seen = day.attempts[0].seen.clone().expect("an answer");
    assert!(time::between(day.attempts[0].last_sent_at, seen.at) >= DAY_MS);
    world.live_on(6 * 24 * 60).await;
    let last = world.payout_of(0).await;
    assert_eq!((last.attempts[0].asks, last.due_at()), (asks + 2, None), "and then nobody asks any more");
    assert_eq!(world.broken(true).await, Vec::<String>::new());
}

// proves: PAY-02
#[tokio::test]
async fn an_answer_that_a_worker_writes_down_long_after_it_asked_is_as_old_as_the_question() {
    let settings = Settings { version: 1, ..Settings::default() };
    let quiet = |name: &str, _: &str| name == "Query";
    let world = World::start(Setup { settings: Some(settings), quiet, ..Setup::default() }).await;
    world.simulator.behave(Behaviour {
        outcome: Outcome::Failed { reason: "EXPIRED".to_owned() },
        late_success_after_failed_ms: Some(12 * MINUTE_MS as u64),
        callback: CallbackTiming::Never,
        ..Behaviour::default()
    });
    world.redeem(1).await;
    world.work_off_payouts().await;
    world.advance(5 * MINUTE_MS);
    world.simulator.settle_due();
    world.sweep().await;
    // A worker reads FAILED, and stands still before it writes that down.
    let mut asked = false;
    world.script.draw_by(move |name| {
        let stalls = asked && name == "TransactWriteItems";
        asked |= name == "momo status";
        stalls.then_some(Fault::Stall)
    });
    let message = world.messages().await.pop().expect("it is due");
    let Ended::Stalled(frozen) = world.run(world.work(message)).await else { panic!("it stands still") };
    world.script.heal();
    // Another one reads it, too, writes it down, and would look again in a quarter of an hour.
    world.live_on(7).await;
    let waiting = world.payout_of(0).await;
    assert_eq!((waiting.state.name(), waiting.attempts[0].has_paid()), ("retrying", false));
    // The transfer is paid by then. The first worker goes on before anybody has asked.
    world.advance(20 * MINUTE_MS);
    world.script.resume.notify_one();
    frozen.await;
    assert_eq!(world.simulator.transfers().len(), 1, "nothing is sent on an answer that old");
    world.live_on(60).await;
    assert_eq!((world.paid().await, world.simulator.transfers().len()), (1, 1));
    assert_eq!(world.broken(true).await, Vec::<String>::new());
}

// proves: PAY-02
#[tokio::test]
async fn a_failed_reference_that_turns_a_day_later_is_found_and_called_a_double_payment() {
    let world = world(1, PayoutPolicy::default()).await;
    // It fails, a second reference pays, and twenty hours later the first one is paid after all.
    world.simulator.behave(Behaviour {
        outcome: Outcome::Failed { reason: "EXPIRED".to_owned() },
        late_success_after_failed_ms: Some(20 * HOUR_MS as u64),
        remaining: Some(1),
        ..Behaviour::default()
    });
    world.redeem(1).await;
    world.live_on(120).await;
    let paid = world.payout_of(0).await;
    assert_eq!((paid.attempts.len(), paid.state.name()), (2, "paid"));
    assert_eq!(alerts(&world, Kind::SuspectedDoublePayment).await, 0);
    world.live_on(2 * 24 * 60).await;
    assert_eq!(alerts(&world, Kind::SuspectedDoublePayment).await, 1);
    world.live_on(6 * 24 * 60).await;
    assert_eq!(alerts(&world, Kind::SuspectedDoublePayment).await, 1, "told once");
}

// proves: PAY-07
#[tokio::test]
async fn a_payout_with_a_dozen_failed_references_is_retried_and_ends_like_any_other() {
    let world = world(1, PayoutPolicy { retries: 0, pause_below_percent: None, ..PayoutPolicy::default() }).await;
    world
        .simulator
        .behave(Behaviour { outcome: Outcome::Failed { reason: "EXPIRED".to_owned() }, ..Behaviour::default() });
    world.redeem(1).await;
    for references in 1..=12 {
        world.live_on(30).await;
        let refused = world.payout_of(0).await;
        assert_eq!((refused.attempts.len(), refused.state.name()), (references, "refused"));
        if references == 12 {
            world.simulator.behave(Behaviour::default());
        }
        let who = domain::id::UserId::drawn(world.now(), store::chance().expect("chance"));
        let retried = refused.retry(&who, None, world.now()).expect("it has failed");
        let today = time::day(world.now(), &Settings::default().zone());
        let entity = format!("payout:{}", refused.id);
        let act = world
            .store
            .act(&domain::access::System("test"), world.now(), Class::Money, "payout.retried", entity)
            .expect("chance");
        let act = act.payout(&refused, &retried, None, today).expect("a row");
        act.commit(soon()).await.expect("it is as it was read");
    }
    world.live_on(30).await;
    let paid = world.payout_of(0).await;
    assert_eq!((paid.attempts.len(), paid.state.name()), (13, "paid"));
    assert_eq!(world.broken(true).await, Vec::<String>::new());
}

// proves: PAY-13, USD-11
#[tokio::test]
async fn a_caller_on_another_network_is_paid_by_the_second_rail_where_there_is_one() {
    let mut settings = Settings::default();
    settings.payouts.other_networks = OtherNetworks::SecondRail;
    let mut world = World::start(Setup { codes: 2, settings: Some(settings), ..Setup::default() }).await;
    let airtime = world.second_rail();
    let answered = world.hop_on("63514", "s1", "+250730000001", &world.codes[0].printed()).await;
    assert!(answered.body.starts_with("END Murakoze!"), "{answered:?}");
    let answered = world.hop("s2", "+250788000009", &world.codes[1].printed()).await;
    assert!(answered.body.starts_with("END Murakoze!"), "{answered:?}");
    world.live_on(60).await;
    assert_eq!(airtime.sent(), [("+250730000001".to_owned(), 5_000)]);
    assert_eq!(world.simulator.transfers().len(), 1, "MTN's own number is paid by MoMo");
    // Airtime can't be asked about: after a day a person is told, and nothing is sent again.
    world.live_on(3 * 24 * 60).await;
    let held = world.payout_of(0).await;
    assert!(matches!(held.state, State::Held { why: Hold::Unknown, .. }), "{held:?}");
    assert_eq!(airtime.sent().len(), 1);
    let gate: Option<Gate> = world.store.one(&keys::gate("africas-talking-airtime"), soon()).await.expect("an answer");
    assert!(gate.is_none_or(|gate| gate.breaker == Breaker::default()), "not to be asked is no trouble");
}

// proves: PAY-06, PAY-12
#[tokio::test]
async fn an_urgent_payout_is_swept_before_all_waiting_ones() {
    let mut world = world(3, PayoutPolicy::default()).await;
    set(&mut world, PayoutPolicy::default()).await;
    world.redeem(3).await;
    drop(world.messages().await);
    let who = world.owner().await;
    let last = world.payout_of(2).await;
    let urgent = last.hurry(&who, "the customer stands at the counter", world.now()).expect("it waits");
    let act = world.store.act(
        &domain::access::System("test"),
        world.now(),
        Class::Money,
        "payout.hurried",
        format!("payout:{}", last.id),
    );
    let today = time::day(world.now(), &Settings::default().zone());
    let act = act.expect("chance").payout(&last, &urgent, None, today).expect("a row");
    act.commit(soon()).await.expect("it is as it was read");
    world.advance(10 * MINUTE_MS);
    world.sweep().await;
    let first = world.messages().await.into_iter().next().and_then(|message| message.body).expect("a nudge");
    assert!(first.contains(last.id.as_str()), "{first}");
}

// proves: PAY-11
#[tokio::test]
async fn all_workers_together_ask_no_more_than_the_budget_of_a_second() {
    let world = world(1, PayoutPolicy::default()).await;
    let began = std::time::Instant::now();
    let mut granted = 0_u32;
    for _ in 0..60 {
        granted += u32::from(world.store.take_ask(MTN_MOMO, 10, soon()).await.expect("the table answers"));
    }
    let seconds = u32::try_from(began.elapsed().as_secs()).expect("few") + 2;
    assert!(granted >= 10 && granted <= 10 * seconds, "{granted} in at most {seconds} seconds of the clock");
    assert!(world.store.take_ask("another rail", 1, soon()).await.expect("the table answers"), "each rail has its own");
}
