//! Our books against MoMo's: by asking, by a statement, and counters against the records they count; tables of payouts.

mod tables;

use books::Books;
use domain::{
    access::System,
    alert::Kind as AlertKind,
    audit::Class,
    id::UserId,
    job::{Job, JobState, Work},
    money::Currency,
    payout::{NotNow, Payout},
    reconcile::{Between, Finding, Kind, Note, Standing, Verdict},
    settings::Settings,
    time::{self, MINUTE_MS},
};
use jiff::civil::Date;
use momo_simulator::{Behaviour, Outcome, StatusAnswer, Transfer, TransferState};
use nightly::Nightly;
use rig::{World, world::Setup};
use seal::{Archive, LocalSigner, Log, PublicKeys, Sealer, Signer};
use service::{Clock, live::LiveSettings};
use std::{sync::Arc, time::Duration};
use store::{ComparedBooks, Deadline, keys};
use tokio::time::Instant;

const BY: System = System("test");

fn soon() -> Deadline {
    Deadline::in_ms(20_000)
}

async fn world(codes: usize) -> World {
    World::start(Setup { codes, files: true, ..Setup::default() }).await
}

fn books(world: &World) -> Books {
    Books { store: world.store.clone(), files: world.files() }
}

fn today(world: &World) -> Date {
    time::day(world.now(), &Settings::default().zone())
}

async fn compared(world: &World, day: Date) -> books::Compared {
    let zone = Settings::default().zone();
    books(world).compare_day(day, Currency::Rwf, &zone, soon()).await.expect("the day can be compared")
}

// proves: REC-01, REC-03
#[tokio::test]
async fn a_day_agrees_to_the_franc_once_momo_was_asked_again_and_not_before() {
    let world = world(6).await;
    let day = today(&world);
    world.redeem(4).await;
    world.simulator.behave(Behaviour {
        outcome: Outcome::Failed { reason: "PAYEE_NOT_FOUND".to_owned() },
        ..Behaviour::default()
    });
    world.work_off_payouts().await;
    world.simulator.behave(Behaviour::default());
    let fifth = world.hop("s5", "+250788000055", &world.codes[5].printed()).await;
    assert!(fifth.body.starts_with("END Murakoze!"), "{fifth:?}");
    world.live_on(60).await;
    let early = compared(&world, day).await.reconciliation;
    assert_eq!(early.verdict(), Verdict::Incomplete, "what settled a payout says nothing about itself");
    world.live_on(26 * 60).await;
    let late = compared(&world, day).await.reconciliation;
    assert_eq!((late.verdict(), late.differences.len()), (Verdict::Agrees, 0), "{late:?}");
    let (paid, refused) = (world.paid().await as u64, 4);
    assert_eq!((paid, late.totals.here.paid.count, late.totals.here.paid.amount), (1, 1, 5_000));
    assert_eq!(late.totals.there.successful.amount, world.simulator.paid_total());
    let sums = late.period.books.expect("one day's");
    assert_eq!((sums.redemptions.count, sums.codes.count, sums.payouts.failed.count), (5, 5, refused));
}

// proves: REC-01, REC-02
#[tokio::test]
async fn what_momo_says_otherwise_when_it_is_asked_again_is_a_difference() {
    let world = world(3).await;
    let day = today(&world);
    world.redeem(3).await;
    world.live_on(60).await;
    assert_eq!(world.paid().await, 3);
    world.simulator.behave(Behaviour { status_answer: StatusAnswer::OtherAmount, ..Behaviour::default() });
    world.live_on(26 * 60).await;
    let found = compared(&world, day).await;
    assert_eq!(found.reconciliation.count(Kind::Amount), 3, "{:?}", found.reconciliation);
    let settings = Settings::default();
    let place = |name: &str| format!("books/{day}/{name}");
    // Somebody has kept one of them and died.
    let first = Finding::new(day, found.reconciliation.differences[0].clone(), world.now());
    assert!(world.store.keep_finding(&first, soon()).await.expect("the table takes it"));
    let made = books(&world).keep(&found, (&BY, None), &settings, &place, world.now()).await.expect("it can be kept");
    assert_eq!((made.new_findings, made.compared.verdict), (2, Verdict::Differs));
    // Again: the same differences are no new ones, and nobody is called twice.
    world.advance(MINUTE_MS);
    let made = books(&world).keep(&found, (&BY, None), &settings, &place, world.now()).await.expect("it can be kept");
    assert_eq!(made.new_findings, 0);
    let alerts = world.rows().await.alerts;
    assert_eq!(alerts.iter().filter(|alert| alert.kind == AlertKind::BooksDiffer).count(), 1);
    for file in &made.compared.files {
        assert!(world.files().link(file).await.is_ok(), "{} was read back", file.name);
    }
}

/// What the schedule starts, at the world's present time.
fn nightly(world: &World) -> Nightly {
    let now = world.now().as_millisecond();
    let clock = Clock::from_millis(move || now);
    let signer = Arc::new(LocalSigner::draw().expect("a key"));
    let log = Log {
        store: world.store.clone(),
        archive: Archive::new(files::s3(world.plain()), &world.names.files_bucket, "test", clock.clone(), None),
        keys: PublicKeys::one(signer.public_key().clone()),
        clock,
    };
    Nightly {
        sealer: Sealer { log, signer, begin: None },
        books: books(world),
        settings: LiveSettings::default(),
        currency: Currency::Rwf,
    }
}

/// How many days were compared, and the row of one.
async fn kept(world: &World, day: Date) -> (u32, ComparedBooks) {
    let kept = nightly(world).keep_books(soon()).await.expect("the books can be kept");
    let row = world.store.one(&keys::books(day, day, "asked"), soon()).await.expect("the table answers");
    (kept.compared, row.expect("the day was compared"))
}

async fn by_hand(world: &World, n: usize, act: impl Fn(&Payout) -> Result<Payout, NotNow>) {
    let before = world.payout_of(n).await;
    let after = act(&before).expect("a possible act");
    let entry = world.store.act(&BY, world.now(), Class::Money, "payout.placed", format!("payout:{}", before.id));
    let entry = entry.and_then(|entry| entry.payout(&before, &after, None, today(world))).expect("rows");
    entry.commit(soon()).await.expect("the table takes it");
}

// proves: REC-01, REC-03
#[tokio::test]
async fn a_day_is_compared_again_until_what_ended_late_was_asked_about_too() {
    let world = world(2).await;
    let (day, zone) = (today(&world), Settings::default().zone());
    world.redeem(2).await;
    let who = world.owner().await;
    by_hand(&world, 0, |payout| payout.hold(&who, "to be looked at", world.now())).await;
    world.live_on(50 * 60).await;
    let (_, first) = kept(&world, day).await;
    assert_eq!((first.verdict, first.totals.here.paid.count, first.waiting), (Verdict::Agrees, 1, 2));
    assert!(!first.is_final(&zone), "one is held, and the other one is asked about once more");
    world.advance(60 * MINUTE_MS);
    assert_eq!(kept(&world, day).await, (0, first), "within a day nothing is compared twice");

    by_hand(&world, 0, |payout| payout.release(&who, world.now())).await;
    world.live_on(60).await;
    assert_eq!(world.paid().await, 2);
    world.live_on(30 * 60).await;
    let (_, second) = kept(&world, day).await;
    assert_eq!((second.verdict, second.totals.here.paid.count, second.waiting), (Verdict::Agrees, 2, 1));
    assert!(!second.is_final(&zone), "the late one is asked about a second time");
    world.live_on(72 * 60).await;
    let (_, last) = kept(&world, day).await;
    assert_eq!((last.totals.there.successful.count, last.waiting), (2, 0));
    assert!(last.is_final(&zone));
    world.advance(30 * 60 * MINUTE_MS);
    assert_eq!(kept(&world, day).await.1, last, "nothing of it waits any more");
}

// proves: REC-01
#[tokio::test]
async fn a_payout_without_its_redemption_breaks_the_sums_of_its_day() {
    let world = world(2).await;
    world.redeem(2).await;
    let lost = keys::redemption(&world.payout_of(0).await.id);
    let text = |value: &str| aws_sdk_dynamodb::types::AttributeValue::S(value.to_owned());
    let lost = world
        .dynamodb()
        .delete_item()
        .table_name(&world.names.table)
        .key("pk", text(&lost.pk))
        .key("sk", text(&lost.sk));
    lost.send().await.expect("the table takes it");
    let found = compared(&world, today(&world)).await.reconciliation;
    let breaks: Vec<Between> = found.breaks().iter().map(|found| found.between).collect();
    assert_eq!(breaks, [Between::CodesAndRedemptions, Between::RedemptionsAndPayouts]);
}

/// MTN's portal, as far as anybody knows: a header and a line for each transfer.
fn statement(transfers: &[Transfer], edit: impl Fn(usize, &mut Vec<String>) -> bool) -> String {
    let mut csv = "Reference Id,External Id,Financial Transaction Id,Amount,Currency,To,Status,Date\r\n".to_owned();
    for (n, transfer) in transfers.iter().enumerate() {
        let at = time::from_millis(transfer.settled_at.unwrap_or(transfer.accepted_at));
        let status = if transfer.state == TransferState::Successful { "Successful" } else { "Failed" };
        let mut line = vec![
            transfer.reference.clone(),
            transfer.external_id.clone(),
            transfer.financial_transaction_id.clone().unwrap_or_default(),
            transfer.amount.clone(),
            transfer.currency.clone(),
            transfer.payee.clone(),
            status.to_owned(),
            at.to_string(),
        ];
        if edit(n, &mut line) {
            csv.push_str(&line.join(","));
            csv.push_str("\r\n");
        }
    }
    csv
}

async fn job(world: &World, owner: &UserId, csv: &str, dry_run: bool) -> Job {
    let upload = domain::id::UploadId::drawn(world.now(), store::chance().expect("chance"));
    let key = files::upload_key(owner, &upload);
    let mut file = world.files().upload(key.clone(), "statement.csv", "text/csv");
    file.write(csv.as_bytes().to_vec()).await.expect("the bucket takes it");
    file.finish().await.expect("the bucket takes it");
    let day = today(world);
    let work = Work::Reconcile { from: day, to: day, upload: Some(key), file_name: None, dry_run };
    let id = domain::id::JobId::drawn(world.now(), store::chance().expect("chance"));
    let job = Job::new(id, work, owner.clone(), 0, world.now());
    let act = world.store.act(&BY, world.now(), Class::Money, "books.asked", format!("job:{}", job.id));
    act.expect("chance").job(None, &job).expect("a row").commit(soon()).await.expect("the job can be written");
    world.export().run(&job.id, Instant::now() + Duration::from_secs(300)).await.expect("it ends");
    world.job(&job.id).await
}

// proves: REC-02
#[tokio::test]
async fn a_statements_payment_of_a_payout_that_was_redeemed_long_before_is_looked_up_by_what_the_line_names() {
    let world = world(4).await;
    let owner = world.owner().await;
    world.redeem(4).await;
    world.live_on(120).await;
    let transfers = world.simulator.transfers();
    world.advance(60 * time::DAY_MS);
    let today = world.now().to_string();
    let named = statement(&transfers, |n, line| {
        let of_its_day = std::mem::replace(&mut line[7], today.clone());
        match n {
            0 => line[1] = String::new(),
            1 => line[0] = String::new(),
            // Only by MoMo's own id, and of another day: nobody can say whose it is.
            2 => (line[0], line[1], line[7]) = (String::new(), String::new(), of_its_day),
            // One that we know, and another amount.
            _ => line[3] = "4999".to_owned(),
        }
        true
    });
    let done = job(&world, &owner, &named, false).await;
    assert_eq!(done.state, JobState::Done, "{:?}", done.problem);
    let findings = world.store.findings(None, 100, |_| true, soon()).await.expect("the table answers").items;
    let kinds: Vec<&str> = findings.iter().map(|finding| finding.difference.kind.name()).collect();
    assert_eq!(kinds, [Kind::Amount.name()]);
}

// proves: REC-01, REC-02, REC-03
#[tokio::test]
async fn a_statement_with_planted_differences_of_every_kind_finds_each_and_invents_none() {
    let world = world(8).await;
    let owner = world.owner().await;
    world.redeem(8).await;
    world.live_on(120).await;
    let transfers = world.simulator.transfers();
    assert_eq!(transfers.len(), 8);
    let whole = job(&world, &owner, &statement(&transfers, |_, _| true), false).await;
    assert_eq!((whole.state, whole.done), (JobState::Done, 8), "{:?}", whole.problem);
    let findings = world.store.findings(None, 100, |_| true, soon()).await.expect("the table answers");
    assert_eq!(findings.items.len(), 0, "{:?}", findings.items);

    let planted = statement(&transfers, |n, line| {
        match n {
            0 => return false,
            1 => line[3] = "4999".to_owned(),
            2 => line[4] = "EUR".to_owned(),
            3 => line[5] = "250788999999".to_owned(),
            4 => line[6] = "Failed".to_owned(),
            _ => {}
        }
        true
    });
    // A payment that is none of ours, and one of ours a second time under another id.
    let at = world.now();
    let stranger = format!("99999999-9999-4999-8999-999999999999,x,777,1200,RWF,250788111111,Successful,{at}\r\n");
    let twice = format!(
        "88888888-8888-4888-8888-888888888888,{},778,5000,RWF,{},Successful,{at}\r\n",
        transfers[5].external_id, transfers[5].payee
    );
    let planted = planted + &stranger + &twice;

    let dry = job(&world, &owner, &planted, true).await;
    assert_eq!(dry.state, JobState::Done, "{:?}", dry.problem);
    let findings = world.store.findings(None, 100, |_| true, soon()).await.expect("the table answers");
    assert_eq!(findings.items.len(), 0, "a dry run keeps nothing");
    let alerts = world.rows().await.alerts.len();
    let real = job(&world, &owner, &planted, false).await;
    assert_eq!(real.state, JobState::Done, "{:?}", real.problem);
    let findings = world.store.findings(None, 100, |_| true, soon()).await.expect("the table answers").items;
    let mut kinds: Vec<&str> = findings.iter().map(|finding| finding.difference.kind.name()).collect();
    kinds.sort_unstable();
    let mut expected = vec![
        Kind::MissingThere.name(),
        Kind::MissingHere.name(),
        Kind::Amount.name(),
        Kind::Currency.name(),
        Kind::Payee.name(),
        Kind::State.name(),
        Kind::Twice.name(),
    ];
    expected.sort_unstable();
    assert_eq!(kinds, expected);
    assert_eq!(world.rows().await.alerts.len(), alerts + 1);
    assert!(
        real.files.iter().any(|file| file.name.ends_with(".pdf"))
            && real.files.iter().any(|file| file.name.ends_with(".csv"))
    );

    // Two people resolve one.
    let finding = &findings[0];
    let note = Note::parse("MTN has paid it by hand; receipt 17.").expect("a note");
    let proposed = finding.propose(&owner, note, world.now()).expect("it is open");
    assert!(proposed.close(&owner, world.now()).is_err(), "not by the same person");
    let closed = proposed.close(&world.owner().await, world.now()).expect("by somebody else");
    assert!(matches!(closed.standing, Standing::Closed { .. }));
}

// proves: REC-01
#[tokio::test]
async fn a_statement_that_cannot_be_read_is_refused_in_words_and_keeps_nothing() {
    let world = world(1).await;
    let owner = world.owner().await;
    world.redeem(1).await;
    world.live_on(60).await;
    for (csv, word) in [
        ("", "empty"),
        ("\u{0}\u{1}PK\u{3}\u{4}", ""),
        ("Amount,Currency,To\r\n5000,RWF,250788000000\r\n", "Status"),
        ("a,b,c\r\n1,2,3\r\n", "column"),
    ] {
        let csv = if csv.is_empty() { " " } else { csv };
        let refused = job(&world, &owner, csv, false).await;
        let problem = refused.problem.expect("it is refused");
        assert_eq!((refused.state, problem.code.as_str()), (JobState::Failed, "bad_statement"), "{csv:?}");
        assert!(word == "empty" || problem.text.contains(word), "{csv:?}: {}", problem.text);
    }
    let rows: Option<ComparedBooks> =
        world.store.one(&keys::books(today(&world), today(&world), "statement"), soon()).await.expect("an answer");
    assert_eq!(rows, None);
}

// proves: REC-04
#[tokio::test]
async fn a_counter_that_has_drifted_is_put_right_when_it_is_found_so_twice_and_somebody_is_told() {
    let world = world(5).await;
    let day = today(&world);
    world.redeem(5).await;
    world.live_on(60).await;
    world.live_on(24 * 60).await;
    let settings = Settings::default();
    let books = books(&world);
    let right = books.recount(day, &BY, &settings, world.now(), soon()).await.expect("it can be counted");
    assert_eq!((right.drifted, right.corrected), (0, 0), "what the system wrote is right");

    // Somebody lost two redemptions of one row, and added a payment.
    let payout = world.payout_of(0).await;
    let key = keys::counter("batch-1", day, keys::shard(payout.code.as_str(), keys::SHARDS));
    let number = |value: &str| aws_sdk_dynamodb::types::AttributeValue::N(value.to_owned());
    let text = |value: &str| aws_sdk_dynamodb::types::AttributeValue::S(value.to_owned());
    let broken = world.dynamodb().update_item().table_name(&world.names.table);
    let broken = broken.key("pk", text(&key.pk)).key("sk", text(&key.sk));
    let broken = broken.update_expression("ADD redeemed :r, redeemed_amount :ra, paid :p, paid_amount :pa");
    let broken =
        broken.expression_attribute_values(":r", number("-1")).expression_attribute_values(":ra", number("-5000"));
    let broken =
        broken.expression_attribute_values(":p", number("1")).expression_attribute_values(":pa", number("5000"));
    broken.send().await.expect("the table takes it");
    assert_ne!(world.broken(true).await, Vec::<String>::new());

    let found = books.recount(day, &BY, &settings, world.now(), soon()).await.expect("it can be counted");
    assert_eq!((found.drifted, found.corrected), (1, 0), "one look is not enough");
    world.advance(5 * MINUTE_MS);
    let early = books.recount(day, &BY, &settings, world.now(), soon()).await.expect("it can be counted");
    assert_eq!((early.drifted, early.corrected), (1, 0), "nor are two in five minutes");
    world.advance(10 * MINUTE_MS);
    let put_right = books.recount(day, &BY, &settings, world.now(), soon()).await.expect("it can be counted");
    assert_eq!((put_right.drifted, put_right.corrected), (1, 1));
    assert_eq!(world.broken(true).await, Vec::<String>::new());
    let alerts = world.rows().await.alerts;
    assert_eq!(
        alerts.iter().filter(|alert| alert.kind == AlertKind::CountersDrifted).count(),
        2,
        "found, and put right"
    );
    assert!(books.is_recounted(day).await.expect("an answer") || put_right.corrected == 1);
    let again = books.recount(day, &BY, &settings, world.now(), soon()).await.expect("it can be counted");
    assert_eq!((again.drifted, again.corrected), (0, 0));
}

// proves: REC-04
#[tokio::test]
async fn a_drift_that_moves_between_two_looks_is_put_right_when_it_has_come_to_rest() {
    let world = world(3).await;
    let day = today(&world);
    world.redeem(3).await;
    world.live_on(25 * 60).await;
    let (settings, books) = (Settings::default(), books(&world));
    let payout = world.payout_of(0).await;
    let key = keys::counter("batch-1", day, keys::shard(payout.code.as_str(), keys::SHARDS));
    let (text, number) = (
        |value: &str| aws_sdk_dynamodb::types::AttributeValue::S(value.to_owned()),
        |value: &str| aws_sdk_dynamodb::types::AttributeValue::N(value.to_owned()),
    );
    for corrected in [0, 0, 1] {
        if corrected == 0 {
            let broken = world.dynamodb().update_item().table_name(&world.names.table);
            let broken = broken.key("pk", text(&key.pk)).key("sk", text(&key.sk)).update_expression("ADD redeemed :r");
            broken.expression_attribute_values(":r", number("1")).send().await.expect("the table takes it");
        }
        let looked = books.recount(day, &BY, &settings, world.now(), soon()).await.expect("it can be counted");
        assert_eq!((looked.drifted, looked.corrected), (1, corrected));
        world.advance(15 * MINUTE_MS);
    }
    assert_eq!(world.broken(true).await, Vec::<String>::new());
    let alerts = world.rows().await.alerts;
    let told: Vec<_> = alerts.iter().filter(|alert| alert.kind == AlertKind::CountersDrifted).collect();
    assert_eq!(told.len(), 2, "found, and put right");
    assert!(told.iter().all(|alert| today_of(alert.at) > day), "among the alerts of the day on which they are rung");
}

fn today_of(at: jiff::Timestamp) -> Date {
    time::day(at, &Settings::default().zone())
}
