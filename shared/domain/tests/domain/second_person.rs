//! Who may decide on a change that somebody else asked for, and when there is nobody who could.

use crate::people;

use domain::{
    access::Actor,
    change::{
        Change, Follows,
        NotAllowed::{
            self, Above, Decided, Lapsed, LastSuperAdministrator, Oneself, Outdated, SecondPerson, UnknownRole,
        },
        OPEN_MS, Overrides, Standing, What, World, judge_role, judge_user,
    },
    id::JobId,
    permission::{Permission as P, Permissions},
    role::{Predefined, Rank, Role, RoleId, Roles},
    staff::{Administrators, User, UserState},
    time::plus,
};
use jiff::Timestamp;
use people::{administrators, catalogue, change_id, custom, noon, predefined, role, user, user_id};
use std::sync::Arc;

const RANKS: [Rank; 3] = [Rank::Staff, Rank::Administrator, Rank::SuperAdministrator];

fn roles() -> Roles {
    catalogue(&[custom("clerk", Permissions::all()), custom("counter", Permissions::of(&[P::PromoCodesSearch]))])
}

fn of_rank(number: u8, rank: Rank) -> User {
    let held = match rank {
        Rank::Staff => role("clerk"),
        Rank::Administrator => Predefined::Administrator.id(),
        Rank::SuperAdministrator => Predefined::SuperAdministrator.id(),
    };
    user(number, vec![held])
}

fn acting(number: u8, rank: Rank) -> Arc<Actor> {
    people::actor(&of_rank(number, rank), &roles())
}

/// 1 asks that 2 becomes something; who decides is 3.
fn asked(rank: Rank) -> Change {
    let what = What::UserRoles { user: user_id(2), before: Vec::new(), after: vec![role("counter")] };
    of(what, rank)
}

fn of(what: What, rank: Rank) -> Change {
    Change {
        id: change_id(1),
        what,
        rank,
        asked_by: user_id(1),
        asked_at: noon(),
        standing: Standing::Open,
        version: 1,
    }
}

// proves: ACC-11
#[test]
fn who_stands_above_decides_and_neither_who_asked_nor_whom_it_concerns() {
    for touched in RANKS {
        for decides in RANKS {
            let change = asked(touched);
            let above = match decides {
                Rank::Staff => false,
                Rank::Administrator => touched == Rank::Staff,
                Rank::SuperAdministrator => true,
            };
            let expected = if above { Ok(()) } else { Err(Above) };
            assert_eq!(change.judge(&acting(3, decides), noon()), expected, "{decides:?} about {touched:?}");
            assert_eq!(change.judge(&acting(1, decides), noon()), Err(SecondPerson), "who asked");
            assert_eq!(change.judge(&acting(2, decides), noon()), Err(SecondPerson), "whom it concerns");
        }
    }
    let overrides = What::UserPermissions {
        user: user_id(2),
        before: Overrides::default(),
        after: Overrides { grants: Permissions::of(&[P::UsersRead]), denials: Permissions::default() },
    };
    let change = of(overrides, Rank::Staff);
    assert_eq!(change.judge(&acting(2, Rank::SuperAdministrator), noon()), Err(SecondPerson));
    assert_eq!(change.judge(&acting(3, Rank::SuperAdministrator), noon()), Ok(()));
}

// proves: ACC-11
#[test]
fn nobody_approves_a_change_of_a_role_they_hold() {
    let counter = roles().get(&role("counter")).expect("in the catalogue");
    let stronger = Role { permissions: Permissions::all(), ..counter.clone() };
    let what = What::Role { role: counter.id.clone(), before: Some(counter.clone()), after: Some(stronger) };
    let change = of(what, Rank::Staff);
    assert_eq!(change.judge(&acting(3, Rank::Administrator), noon()), Ok(()));
    let mut holder = of_rank(3, Rank::Administrator);
    holder.roles.push(role("counter"));
    assert_eq!(change.judge(&people::actor(&holder, &roles()), noon()), Err(Oneself));
    assert_eq!(change.judge(&acting(1, Rank::SuperAdministrator), noon()), Err(SecondPerson));
}

// proves: ACC-11
#[test]
fn a_change_is_decided_once_and_within_a_fortnight() {
    let (change, actor) = (asked(Rank::Staff), acting(3, Rank::SuperAdministrator));
    let (by, at) = (user_id(3), noon());
    for (standing, name) in [
        (Standing::Approved { by: by.clone(), at }, "approved"),
        (Standing::Refused { by, at, reason: "No".to_owned() }, "refused"),
    ] {
        let decided = change.decided(standing);
        assert_eq!((decided.version, decided.standing.name()), (2, name));
        assert_eq!(decided.judge(&actor, noon()), Err(Decided));
        let written = serde_json::to_string(&decided).expect("writes");
        assert_eq!(serde_json::from_str::<Change>(&written).ok(), Some(decided));
    }
    assert_eq!(change.judge(&actor, plus(noon(), OPEN_MS)), Ok(()));
    assert_eq!(change.judge(&actor, plus(noon(), OPEN_MS + 1)), Err(Lapsed));
}

/// The change of `what`, applied to a user beside whom there is another Super Administrator.
fn applied(change: &Change, user: &User, roles: &Roles) -> Result<User, NotAllowed> {
    let row = administrators([user, &of_rank(99, Rank::SuperAdministrator)], roles);
    change.applied_to(user, &World { roles, administrators: &row }, later())
}

fn later() -> Timestamp {
    plus(noon(), 60_000)
}

// proves: ACC-11
#[test]
fn an_approved_change_gives_exactly_what_was_asked_for() {
    let roles = roles();
    let target = User { grants: Permissions::of(&[P::UsersRead]), ..user(2, Vec::new()) };
    let after = applied(&asked(Rank::Staff), &target, &roles).expect("applied");
    let expected = User { roles: vec![role("counter")], version: 2, updated_at: later(), ..target.clone() };
    assert_eq!(after, expected);

    let before = Overrides { grants: target.grants, denials: target.denials };
    let wanted = Overrides { grants: Permissions::default(), denials: Permissions::of(&[P::UsersRead]) };
    let change = of(What::UserPermissions { user: user_id(2), before, after: wanted }, Rank::Staff);
    let after = applied(&change, &target, &roles).expect("applied");
    let expected =
        User { grants: wanted.grants, denials: wanted.denials, version: 2, updated_at: later(), ..target.clone() };
    assert_eq!(after, expected);
}

// proves: ACC-11
#[test]
fn a_change_is_outdated_when_what_it_would_change_is_not_as_it_was() {
    let roles = roles();
    let change = asked(Rank::Staff);
    for now in [vec![role("counter")], predefined(&[Predefined::Viewer]), predefined(&[Predefined::Administrator])] {
        assert_eq!(applied(&change, &user(2, now), &roles), Err(Outdated));
    }
    // Other permissions in between leave a change of roles as it is, and the other way round: each is judged anew.
    let other = User { denials: Permissions::of(&[P::UsersRead]), ..user(2, Vec::new()) };
    assert_eq!(applied(&change, &other, &roles).expect("applied").denials, other.denials);
    let gained = Overrides { grants: Permissions::of(&[P::UsersRead]), denials: Permissions::default() };
    let granted = What::UserPermissions { user: user_id(2), before: Overrides::default(), after: gained };
    let granted = of(granted, Rank::Staff);
    assert!(applied(&granted, &user(2, vec![role("counter")]), &roles).is_ok());
    assert_eq!(applied(&granted, &other, &roles), Err(Outdated));
    // Who has become an Administrator since is another rung of the ladder.
    assert_eq!(applied(&granted, &of_rank(2, Rank::Administrator), &roles), Err(Outdated));
    let without = catalogue(&[custom("clerk", Permissions::all())]);
    assert_eq!(applied(&change, &user(2, Vec::new()), &without), Err(UnknownRole(role("counter"))));
    let of_role = of(What::Role { role: role("counter"), before: None, after: None }, Rank::Staff);
    assert_eq!(applied(&of_role, &user(2, Vec::new()), &roles), Err(Outdated), "a role is nobody's row");
}

// proves: ACC-11
#[test]
fn the_last_super_administrator_survives_a_change_that_was_asked_for_while_there_were_two() {
    let roles = roles();
    let last = of_rank(2, Rank::SuperAdministrator);
    let demote = What::UserRoles { user: user_id(2), before: last.roles.clone(), after: Vec::new() };
    let change = of(demote, Rank::SuperAdministrator);
    assert!(applied(&change, &last, &roles).is_ok());
    let row = administrators([&last], &roles);
    let world = World { roles: &roles, administrators: &row };
    assert_eq!(change.applied_to(&last, &world, noon()), Err(LastSuperAdministrator));
}

// proves: ACC-11
#[test]
fn a_role_that_has_grown_since_is_given_only_by_who_holds_what_it_gives_now() {
    let before = catalogue(&[custom("counter", Permissions::of(&[P::PromoCodesSearch]))]);
    let grown = before
        .with(Role { permissions: Permissions::all(), ..before.get(&role("counter")).expect("there") })
        .expect("allowed");
    let target = user(2, Vec::new());
    let after = applied(&asked(Rank::Staff), &target, &grown).expect("the role is still there");
    let mut approver = of_rank(3, Rank::Administrator);
    let row = administrators([&approver, &of_rank(99, Rank::SuperAdministrator)], &grown);
    let world = World { roles: &grown, administrators: &row };
    assert!(judge_user(&people::actor(&approver, &grown), &target, &after, &world).is_ok());
    approver.denials = Permissions::of(&[P::CustomersErase]);
    assert_eq!(
        judge_user(&people::actor(&approver, &grown), &target, &after, &world),
        Err(NotAllowed::MoreThanHeld(approver.denials))
    );
}

/// Every way in which four people can be nobody, Administrator or Super Administrator.
fn companies() -> impl Iterator<Item = Administrators> {
    (0..81_u32).map(|number| {
        let held = |person: u8| RANKS[(number / 3_u32.pow(u32::from(person)) % 3) as usize];
        let members = (0..4).map(|person| (user_id(person), held(person))).filter(|(_, rank)| *rank > Rank::Staff);
        Administrators { members: members.collect(), version: 1 }
    })
}

/// 0 asks about 1, whoever they are in this company.
fn follows(company: &Administrators, asks: &User, target: &User, after: &User) -> Option<(Rank, Follows)> {
    let roles = roles();
    let world = World { roles: &roles, administrators: company };
    judge_user(&people::actor(asks, &roles), target, after, &world).ok()
}

// proves: ACC-11
#[test]
fn the_second_person_is_waived_exactly_when_nobody_else_could_decide() {
    let (mut waits, mut waived) = (0, 0);
    for company in companies() {
        let person = |number: u8| {
            let rank = company.members.get(&user_id(number)).copied().unwrap_or(Rank::Staff);
            of_rank(number, rank)
        };
        let (asks, target) = (person(0), person(1));
        for becomes in ["counter", "administrator", "super-administrator"] {
            let after = User { roles: vec![role(becomes)], ..target.clone() };
            let Some((rank, follows)) = follows(&company, &asks, &target, &after) else { continue };
            let what = What::UserRoles { user: target.id.clone(), before: target.roles.clone(), after: after.roles };
            let change = Change { asked_by: asks.id.clone(), ..of(what, rank) };
            let decides = |number| change.judge(&people::actor(&person(number), &roles()), noon()).is_ok();
            let somebody = (0..4).any(decides);
            assert_eq!(follows == Follows::Waits, somebody, "{company:?} {becomes}");
            waits += u32::from(somebody);
            waived += u32::from(!somebody);
        }
    }
    assert!(waits > 50 && waived > 20, "both happen: {waits}, {waived}");
}

// proves: ACC-11
#[test]
fn while_there_is_one_administrator_alone_a_change_of_roles_waits_for_nobody() {
    let roles = roles();
    let counter = roles.get(&role("counter")).expect("in the catalogue");
    let (top, target) = (of_rank(0, Rank::SuperAdministrator), user(1, Vec::new()));
    let judged = |others: &[User], asks: &User| {
        let row = administrators([&top].into_iter().chain(others), &roles);
        let world = World { roles: &roles, administrators: &row };
        let actor = people::actor(asks, &roles);
        let after = User { roles: vec![role("counter")], ..target.clone() };
        let of_user = judge_user(&actor, &target, &after, &world).expect("allowed").1;
        let of_role = judge_role(&actor, Some(&counter), None, &world).expect("allowed");
        assert_eq!(of_user, of_role);
        of_user
    };
    assert_eq!(judged(&[], &top), Follows::Waived);
    assert_eq!(judged(&[of_rank(2, Rank::Staff)], &top), Follows::Waived, "staff approve nothing");
    let asleep = User { state: UserState::Deactivated, ..of_rank(2, Rank::Administrator) };
    assert_eq!(judged(&[asleep], &top), Follows::Waived);
    assert_eq!(judged(&[of_rank(2, Rank::Administrator)], &top), Follows::Waits);
    assert_eq!(judged(&[], &of_rank(2, Rank::Staff)), Follows::Waits, "staff who ask have the one above them");
    assert_eq!(judged(&[], &of_rank(2, Rank::Administrator)), Follows::Waits);
}

// proves: ACC-11, AUD-01
#[test]
fn a_change_says_what_it_is_about() {
    let gone: Vec<RoleId> = Vec::new();
    let of_user = What::UserRoles { user: user_id(2), before: gone.clone(), after: gone };
    assert_eq!((of_user.entity(), of_user.user()), (format!("user:{}", user_id(2)), Some(&user_id(2))));
    let of_role = What::Role { role: role("counter"), before: None, after: None };
    assert_eq!((of_role.entity(), of_role.user()), ("role:counter".to_owned(), None));
}

// proves: BAT-09
#[test]
fn codes_beyond_a_ceiling_are_agreed_to_by_anybody_else_whatever_their_rank() {
    let job = JobId::drawn(noon(), [7; 10]);
    let what = What::Codes { job: job.clone(), batch: "batch-1".to_owned(), codes: 10, amount: 5_000 };
    assert_eq!((what.entity(), what.user(), what.is_codes()), (format!("job:{job}"), None, true));
    let change = of(what, Rank::Staff);
    for rank in RANKS {
        assert_eq!(change.judge(&acting(3, rank), noon()), Ok(()), "{rank:?}");
        assert_eq!(change.judge(&acting(1, rank), noon()), Err(SecondPerson), "who asked");
    }
    assert_eq!(change.judge(&acting(3, Rank::Staff), plus(noon(), OPEN_MS + 1)), Err(Lapsed));
    let decided = change.decided(Standing::Approved { by: user_id(3), at: noon() });
    assert_eq!(decided.judge(&acting(4, Rank::SuperAdministrator), noon()), Err(Decided));
    let away = User { state: UserState::Deactivated, ..of_rank(1, Rank::Staff) };
    assert_eq!(change.still_asked(Some(&away)), Err(Outdated));
    assert_eq!(change.still_asked(Some(&of_rank(1, Rank::Staff))), Ok(()));
}
