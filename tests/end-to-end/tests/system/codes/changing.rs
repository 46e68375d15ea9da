//! Codes blocked, unblocked, deleted and reported by the hundred, beside people who redeem them.

use super::{assert_whole, world};
use domain::{
    access::System,
    audit::Class,
    batch::{Act, Batch, CodeId, CodeState},
    job::{Job, JobState, LEASE_MS, Selection, SheetRange},
    permission::Permissions,
    role::{Predefined, Role, RoleId, Roles},
    time::MINUTE_MS,
};
use rig::{Ended, Fault, World, world::Setup};
use std::{collections::BTreeMap, sync::Arc};
use store::Deadline;
use tokio::task::JoinSet;

fn id(n: u32) -> CodeId {
    CodeId { run: "batch-1-1".to_owned(), n }
}

fn some(codes: impl IntoIterator<Item = u32>) -> Selection {
    Selection::Codes { codes: codes.into_iter().map(id).collect() }
}

fn whole(sheets: Option<(u32, u32)>, state: Option<CodeState>) -> Selection {
    let sheets = sheets.map(|(first, last)| SheetRange { first, last });
    Selection::Batch { batch_id: "batch-1".to_owned(), sheets, state }
}

async fn changed(world: &World, act: Act, selection: Selection) -> Job {
    let owner = world.owner().await;
    let asked = world.ask_change(&owner, act, selection).await;
    let job = world.work_off(&asked.id).await;
    world.advance(1);
    job
}

/// How often each result came.
async fn results(world: &World, job: &Job) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let mut chunk = Some(0);
    while let Some(from) = chunk {
        let (page, next) =
            world.store.job_results(&job.id, from, Deadline::in_ms(5_000)).await.expect("the table answers");
        for result in page {
            *found.entry(result.result).or_default() += 1;
        }
        chunk = next;
    }
    found
}

fn counted(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected.iter().map(|(result, count)| ((*result).to_owned(), *count)).collect()
}

/// Every message and callback until payouts are at rest.
async fn settle(world: &World) {
    for _ in 0..20 {
        for message in world.messages().await {
            world.work(message).await;
        }
        world.advance(10 * MINUTE_MS);
        drop(world.functions.sweeper.sweep().await);
        if world.at_rest().await {
            return;
        }
    }
    panic!("payouts don't come to rest");
}

async fn redeem(world: &World, n: usize) -> bool {
    let phone = format!("+2507880{n:05}");
    let answered = world.hop(&format!("s{n}"), &phone, &world.codes[n].printed()).await;
    answered.body.starts_with("END Murakoze!")
}

// proves: COD-09, COD-13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_sheet_is_blocked_and_only_that_one() {
    let world = world(200).await;
    let job = changed(&world, Act::Block, whole(Some((4, 5)), None)).await;
    assert_eq!((job.state, job.asked, job.done, job.failed), (JobState::Done, 24, 24, 0));
    let rows = world.rows().await;
    let mut blocked: Vec<u32> = rows.codes.iter().filter(|code| code.blocked).map(|code| code.n).collect();
    blocked.sort_unstable();
    assert_eq!(blocked, (36..60).collect::<Vec<_>>());
    assert!(!redeem(&world, 36).await && !redeem(&world, 59).await);
    assert!(redeem(&world, 35).await && redeem(&world, 60).await);
    assert_whole(&world).await;
}

// proves: COD-09
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_code_of_a_selection_has_its_result() {
    let world = world(20).await;
    assert!(redeem(&world, 0).await && redeem(&world, 1).await);
    settle(&world).await;
    assert!(redeem(&world, 2).await);
    changed(&world, Act::Block, some([3, 4])).await;
    let mut codes: Vec<CodeId> = (0..6).map(id).collect();
    codes.extend([id(5), id(19), id(20), id(500), CodeId { run: "nowhere".to_owned(), n: 0 }]);
    let job = changed(&world, Act::Delete, Selection::Codes { codes }).await;
    assert_eq!((job.state, job.done, job.failed), (JobState::Done, 11, 7));
    let expected = [("changed", 4), ("is_redeemed", 2), ("is_used", 1), ("not_found", 3), ("repeated", 1)];
    assert_eq!(results(&world, &job).await, counted(&expected));
    let file = job.files.first().expect("a file of results");
    let (bytes, _) = world.files().get(&file.key, 1 << 20).await.expect("it is there");
    let text = String::from_utf8(bytes).expect("text");
    assert!(text.starts_with("code id,code,batch,result\r\nbatch-1-1-0,") && text.lines().count() == 12, "{text}");
    for code in &world.codes {
        assert!(!text.contains(code.as_str()) && !text.contains(&code.printed()), "no text of a code is in it");
    }
    assert_whole(&world).await;
}

// proves: COD-09
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_act_by_state_leaves_the_others_out_and_can_be_taken_back() {
    let world = world(120).await;
    assert!(redeem(&world, 100).await);
    changed(&world, Act::Block, some([7, 8, 9])).await;
    let job = changed(&world, Act::Block, whole(None, Some(CodeState::Active))).await;
    assert_eq!((job.done, job.failed, job.asked, job.percent()), (116, 0, 116, Some(100)));
    let again = changed(&world, Act::Block, whole(None, None)).await;
    assert_eq!(results(&world, &again).await, counted(&[("already", 119), ("is_used", 1)]));
    let back = changed(&world, Act::Unblock, whole(None, Some(CodeState::Blocked))).await;
    assert_eq!((back.done, back.failed), (119, 0));
    assert!(redeem(&world, 7).await);
    assert_whole(&world).await;
}

// proves: COD-09, BAT-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_is_reported_while_it_is_in_payment_is_settled_and_counted_once() {
    let world = world(6).await;
    for n in 0..4 {
        assert!(redeem(&world, n).await);
    }
    // Two are reported before they are paid, then everything is paid, then one that is paid is reported.
    changed(&world, Act::Report, some([0, 1])).await;
    settle(&world).await;
    assert_whole(&world).await;
    let job = changed(&world, Act::Report, some([2, 5])).await;
    assert_eq!(job.failed, 0);
    let (batch, deadline) = (world.batch("batch-1").await, Deadline::in_ms(5_000));
    let said = world.store.statistics(&batch, 0, world.now(), deadline).await.expect("the table answers").0;
    assert_eq!((said.reported, said.redeemed, said.active, said.used), (4, 1, 1, 0));
    assert_eq!((said.redemptions, said.paid), (4, 4));
    let rows = world.rows().await;
    let alerts: Vec<_> = rows.alerts.iter().filter(|alert| alert.entity.starts_with("job:")).collect();
    assert_eq!(alerts.len(), 2, "one for each job: {alerts:?}");
    assert_whole(&world).await;
}

// proves: COD-09, RED-01
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn people_who_redeem_while_codes_are_blocked_deleted_or_reported_get_one_or_the_other() {
    for act in [Act::Block, Act::Delete, Act::Report] {
        let world = Arc::new(world(100).await);
        let owner = world.owner().await;
        let asked = world.ask_change(&owner, act, whole(None, None)).await;
        let mut people = JoinSet::new();
        for n in 0..100 {
            let world = Arc::clone(&world);
            people.spawn(async move { (n, redeem(&world, n).await) });
        }
        let worker = world.generation();
        let (redeemed, _) = tokio::join!(people.join_all(), world.works(&worker, &asked.id));
        let job = world.work_off(&asked.id).await;
        assert_eq!((job.state, job.done), (JobState::Done, 100));
        let got: Vec<usize> = redeemed.into_iter().filter(|(_, got)| *got).map(|(n, _)| n).collect();
        let rows = world.rows().await;
        for code in &rows.codes {
            assert!(!(code.claim.is_some() && code.deleted), "claimed and deleted");
            assert!(!(code.claim.is_some() && code.blocked), "claimed and blocked");
            assert_eq!(code.claim.is_some(), got.contains(&(code.n as usize)));
        }
        assert_eq!(rows.redemptions.len(), got.len());
        assert_whole(&world).await;
        settle(&world).await;
        let broken = world.broken(true).await;
        assert!(broken.is_empty(), "{}: {broken:#?}", act.name());
    }
}

// proves: COD-09, TXN-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_cancelled_act_has_done_stays_done_and_is_told() {
    let world = world(200).await;
    let owner = world.owner().await;
    let asked = world.ask_change(&owner, Act::Report, whole(None, None)).await;
    let mut left = 5;
    world.script.draw_by(move |name| {
        left -= i32::from(name == "TransactWriteItems");
        (left == 0).then_some(Fault::DieAfter)
    });
    let worker = world.generation();
    assert!(matches!(world.run(world.works(&worker, &asked.id)).await, Ended::Died));
    world.script.heal();
    world.cancel(&asked.id, &owner).await;
    world.advance(LEASE_MS + 1);
    let job = world.work_off(&asked.id).await;
    assert_eq!(job.state, JobState::Cancelled);
    assert!(job.done > 0 && job.done < 200, "{}", job.done);
    let rows = world.rows().await;
    assert_eq!(rows.codes.iter().filter(|code| code.reported).count() as u64, job.done);
    assert_eq!(rows.alerts.len(), 1, "somebody found codes in the wrong hands all the same");
    assert_whole(&world).await;
}

// proves: BAT-08, COD-09
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sees_only_assigned_batches_changes_only_their_codes() {
    let world = world(20).await;
    let owner = world.owner().await;
    let role = Role { assigned_only: true, permissions: Permissions::all(), ..Predefined::Viewer.role() };
    let id = RoleId::parse("shop").expect("an id");
    let role = Role { id, name: "Shop".to_owned(), predefined: false, version: 0, ..role };
    let roles = Roles::default().with(role.clone()).expect("a role");
    let act = world.store.act(&System("test"), world.now(), Class::Change, "role.made", "role:shop".to_owned());
    let act = act.expect("chance").roles(&Roles::default(), &roles).expect("a row");
    act.commit(Deadline::in_ms(5_000)).await.expect("the role can be saved");
    world.change_user(&owner, |user| user.roles = vec![role.id.clone()]).await;
    let asked = world.ask_change(&owner, Act::Block, some([1, 2])).await;
    let job = world.work_off(&asked.id).await;
    assert_eq!(results(&world, &job).await, counted(&[("not_found", 2)]));
    let asked = world.ask_change(&owner, Act::Block, whole(None, None)).await;
    let job = world.work_off(&asked.id).await;
    assert_eq!(
        (job.state, job.problem.map(|problem| problem.code)),
        (JobState::Failed, Some("not_permitted".to_owned()))
    );
    let batch = world.batch("batch-1").await;
    let assigned = Batch { assigned_to: Some(owner.clone()), version: batch.version + 1, ..batch.clone() };
    world.save_batch(Some(&batch), &assigned).await;
    let asked = world.ask_change(&owner, Act::Block, some([1, 2])).await;
    let job = world.work_off(&asked.id).await;
    assert_eq!(results(&world, &job).await, counted(&[("changed", 2)]));
    assert_whole(&world).await;
}

// proves: COD-09
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_of_a_run_that_is_not_live_are_not_there() {
    let world = World::start(Setup { files: true, ..Setup::default() }).await;
    let owner = world.owner().await;
    let batch = world.empty_batch(2, 500).await;
    let asked = world.ask_generate(&owner, &batch.id, 200).await;
    let mut left = 3;
    world.script.draw_by(move |name| {
        left -= i32::from(name == "TransactWriteItems");
        (left == 0).then_some(Fault::DieAfter)
    });
    let worker = world.generation();
    assert!(matches!(world.run(world.works(&worker, &asked.id)).await, Ended::Died));
    world.script.heal();
    let (_, run) = asked.work.fills().expect("it fills a run");
    let code = CodeId { run: run.to_owned(), n: 0 };
    assert_eq!(world.texts(run).await.len(), 96, "it is in the table");
    let job = changed(&world, Act::Block, Selection::Codes { codes: vec![code.clone()] }).await;
    assert_eq!(results(&world, &job).await, counted(&[("not_found", 1)]));
    world.advance(LEASE_MS + 1);
    world.work_off(&asked.id).await;
    let job = changed(&world, Act::Block, Selection::Codes { codes: vec![code] }).await;
    assert_eq!(results(&world, &job).await, counted(&[("changed", 1)]));
    assert_whole(&world).await;
}
