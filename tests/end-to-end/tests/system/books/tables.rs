//! Tables of payouts: what stands in them, and for whom.

use super::{BY, soon, today, world};
use domain::{
    audit::Class,
    batch::Batch,
    id::{JobId, UserId},
    job::{Job, JobState, Work},
    payout::State,
    permission::{Permission, Permissions},
    role::{Predefined, Role, RoleId, Roles},
};
use rig::World;
use std::time::Duration;
use tokio::time::Instant;

async fn table(world: &World, owner: &UserId, whole_numbers: bool) -> Job {
    let day = today(world);
    let work = Work::ExportPayouts { from: day, to: day, status: None, batch_id: None, whole_numbers };
    let id = JobId::drawn(world.now(), store::chance().expect("chance"));
    let job = Job::new(id, work, owner.clone(), 0, world.now());
    let act = world.store.act(&BY, world.now(), Class::Access, "payouts.export_asked", format!("job:{}", job.id));
    act.expect("chance").job(None, &job).expect("a row").commit(soon()).await.expect("the job can be written");
    world.export().run(&job.id, Instant::now() + Duration::from_secs(300)).await.expect("it ends");
    world.job(&job.id).await
}

async fn text(world: &World, done: &Job) -> String {
    let (bytes, _) = world.files().get(&done.files[0].key, 1 << 20).await.expect("the file is there");
    String::from_utf8(bytes).expect("text")
}

// proves: REC-01
#[tokio::test]
async fn a_table_of_payouts_has_each_once_with_masked_numbers_unless_customers_may_be_read() {
    let world = world(4).await;
    let owner = world.owner().await;
    world.redeem(4).await;
    world.live_on(60).await;
    let done = table(&world, &owner, false).await;
    assert_eq!((done.state, done.done), (JobState::Done, 4), "{:?}", done.problem);
    let masked = text(&world, &done).await;
    assert_eq!(masked.lines().count(), 5, "{masked}");
    let whole = text(&world, &table(&world, &owner, true).await).await;
    for (payout, _) in &world.rows().await.payouts {
        assert_eq!(masked.matches(payout.id.as_str()).count(), 1);
        assert!(matches!(payout.state, State::Paid { .. }));
        assert!(whole.contains(payout.payee.e164()) && !masked.contains(payout.payee.e164()));
    }
    world.change_user(&owner, |user| user.denials = Permissions::of(&[Permission::CustomersRead])).await;
    let refused = table(&world, &owner, true).await;
    assert_eq!(refused.problem.map(|problem| problem.code).as_deref(), Some("not_permitted"));
}

// proves: BAT-08
#[tokio::test]
async fn who_sees_only_assigned_batches_gets_only_their_payouts() {
    let world = world(2).await;
    let owner = world.owner().await;
    let id = RoleId::parse("shop").expect("an id");
    let role = Role { assigned_only: true, permissions: Permissions::all(), ..Predefined::Viewer.role() };
    let role = Role { id, name: "Shop".to_owned(), predefined: false, version: 0, ..role };
    let roles = Roles::default().with(role.clone()).expect("a role");
    let act = world.store.act(&BY, world.now(), Class::Change, "role.made", "role:shop".to_owned());
    let act = act.expect("chance").roles(&Roles::default(), &roles).expect("a row");
    act.commit(soon()).await.expect("the role can be saved");
    world.change_user(&owner, |user| user.roles = vec![role.id.clone()]).await;
    world.redeem(2).await;
    let none = table(&world, &owner, false).await;
    assert_eq!((none.state, none.done), (JobState::Done, 0), "{:?}", none.problem);
    let batch = world.batch("batch-1").await;
    let assigned = Batch { assigned_to: Some(owner.clone()), version: batch.version + 1, ..batch.clone() };
    world.save_batch(Some(&batch), &assigned).await;
    assert_eq!(table(&world, &owner, false).await.done, 2);
}
