//! Many at once: one code, one phone at its limit, one hop delivered again and again.

#![expect(clippy::print_stdout, reason = "what was lived through is printed beside the verdict")]

use domain::settings::Settings;
use rig::{Answered, World, world::Setup};
use tokio::task::JoinSet;

async fn all_at_once(hops: impl Iterator<Item = impl Future<Output = Answered> + Send + 'static>) -> Vec<Answered> {
    let mut work = JoinSet::new();
    for hop in hops {
        work.spawn(hop);
    }
    work.join_all().await
}

fn words(answers: &[Answered], beginning: &str) -> usize {
    assert!(answers.iter().all(|answer| answer.status == 200), "a proven caller always gets 200");
    answers.iter().filter(|answer| answer.body.starts_with(beginning)).count()
}

const REDEEMED: &str = "END Murakoze!";

async fn redeemed(world: &World) -> usize {
    let rows = world.rows().await;
    assert_eq!(rows.redemptions.len(), rows.payouts.len());
    rows.redemptions.len()
}

// proves: RED-01, RED-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_callers_on_one_code_are_one_redemption() {
    let world = World::start(Setup::default()).await;
    let code = world.codes[0].printed();
    let hops = (0..200).map(|n| world.hop(&format!("s{n}"), &format!("+250788{n:06}"), &code));
    let answers = all_at_once(hops).await;
    let told = words(&answers, REDEEMED);
    let taken = words(&answers, "END Iyi kode yamaze gukoreshwa");
    let busy = words(&answers, "END Habaye ikibazo") + words(&answers, "END Twakiriye");
    println!("{told} told that it is theirs, {taken} that it is taken, {busy} to dial again");
    assert!(told <= 1, "{answers:?}");
    assert_eq!(told + taken + busy, 200);
    // On a machine that is too slow for two hundred at once even the winner can be told to dial again, as may happen
    // to nobody at all. They dial again, one after the other.
    assert!(redeemed(&world).await <= 1);
    for n in 0..200 {
        if redeemed(&world).await == 1 {
            break;
        }
        world.hop(&format!("again{n}"), &format!("+250788{n:06}"), &code).await;
    }
    assert_eq!(redeemed(&world).await, 1);
    assert_eq!(world.broken(false).await, Vec::<String>::new());
}

// proves: RED-01, USD-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_phone_that_sends_one_code_in_fifty_sessions_redeems_it_once() {
    let mut settings = Settings::default();
    settings.ussd.attempts.per_minute = 1_000;
    settings.ussd.attempts.per_hour = 1_000;
    settings.ussd.attempts.per_day = 1_000;
    let world = World::start(Setup { settings: Some(settings), ..Setup::default() }).await;
    let code = world.codes[0].printed();
    let answers = all_at_once((0..50).map(|n| world.hop(&format!("s{n}"), "+250788000001", &code))).await;
    assert_eq!(words(&answers, REDEEMED), 1, "{answers:?}");
    let theirs = words(&answers, "END Iyi kode mwamaze kuyikoresha");
    let busy = words(&answers, "END Habaye ikibazo") + words(&answers, "END Twakiriye");
    println!("1 redeemed, {theirs} told that it is theirs, {busy} told to dial again");
    assert_eq!(1 + theirs + busy, 50);
    assert_eq!(redeemed(&world).await, 1);
    assert_eq!(world.broken(false).await, Vec::<String>::new());
}

// proves: USD-05, RED-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_hop_delivered_fifty_times_at_once_is_one_redemption_in_the_same_words() {
    let world = World::start(Setup::default()).await;
    let code = world.codes[0].printed();
    let answers = all_at_once((0..50).map(|_| world.hop("s1", "+250788000001", &code))).await;
    assert_eq!(words(&answers, REDEEMED), 50);
    assert!(answers.iter().all(|answer| answer.body == answers[0].body), "{answers:?}");
    let rows = world.rows().await;
    assert_eq!((rows.redemptions.len(), rows.hops, rows.attempts), (1, 1, 0));
    assert_eq!(rows.customers[0].redeemed_in_all, 1);
    assert_eq!(world.broken(false).await, Vec::<String>::new());
}

// proves: USD-05, USD-06
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_wrong_hop_delivered_fifty_times_at_once_is_one_counted_failure_in_the_same_words() {
    let world = World::start(Setup::default()).await;
    let answers = all_at_once((0..50).map(|_| world.hop("s1", "+250788000001", "7K3M-9A26-CE11-ZZ19"))).await;
    assert_eq!(words(&answers, "CON Mwihangane, iyi kode ntibashije kuboneka."), 50);
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    let rows = world.rows().await;
    assert_eq!((rows.redemptions.len(), rows.hops, rows.attempts), (0, 1, 1));
    let weight = Settings::default().ussd.attempts.failed_weight;
    assert_eq!(rows.customers[0].minute.map(|window| window.used), Some(weight));
}

// proves: RED-01, RED-04, RED-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_codes_at_once_from_one_phone_whose_limit_is_five_are_exactly_five() {
    let mut settings = Settings::default();
    settings.redemption.per_day = Some(5);
    settings.ussd.attempts.per_minute = 1_000;
    settings.ussd.attempts.per_hour = 1_000;
    settings.ussd.attempts.per_day = 1_000;
    let world = World::start(Setup { codes: 200, settings: Some(settings), ..Setup::default() }).await;
    let hops =
        world.codes.iter().enumerate().map(|(n, code)| world.hop(&format!("s{n}"), "+250788000001", &code.printed()));
    let answers = all_at_once(hops).await;
    let won = words(&answers, REDEEMED);
    let busy = words(&answers, "END Habaye ikibazo") + words(&answers, "END Twakiriye");
    println!("{won} redeemed, {busy} told to dial again");
    assert!(won <= 5, "{won} redemptions, 5 are allowed");
    // Who was told to dial again does so, one after the other.
    for (n, code) in world.codes.iter().enumerate() {
        world.hop(&format!("again{n}"), "+250788000001", &code.printed()).await;
    }
    assert_eq!(redeemed(&world).await, 5);
    assert_eq!(world.broken(false).await, Vec::<String>::new());
}

// proves: PAY-02, PAY-03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_workers_on_one_payout_send_it_once() {
    let world = World::start(Setup::default()).await;
    let code = world.codes[0].clone();
    assert_eq!(world.hop("s1", "+250788000001", &code.printed()).await.status, 200);
    let message = world.messages().await.pop().expect("a nudge");
    let mut work = JoinSet::new();
    for _ in 0..50 {
        work.spawn(world.work(message.clone()));
    }
    assert!(work.join_all().await.into_iter().all(|finished| finished), "nothing is left to come again");
    let transfers = world.simulator.transfers();
    assert_eq!(transfers.len(), 1);
    assert_eq!(transfers[0].sends, 1, "one reference, sent once");
    assert_eq!(world.broken(false).await, Vec::<String>::new());
}
