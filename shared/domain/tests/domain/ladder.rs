//! Who may ask for which change of roles and permissions.

use crate::people;

use domain::{
    access::Actor,
    change::{
        Follows,
        NotAllowed::{
            self, Above, Inactive, LastSuperAdministrator, MoreThanHeld, Nothing, Oneself, Predefined, SuperDenied,
            UnknownRole,
        },
        World, judge_role, judge_user, keeps_a_super_administrator,
    },
    permission::{Permission as P, Permissions},
    role::{Predefined as Role, Rank, RoleId, Roles},
    staff::{User, UserState},
};
use people::{administrators, cases, catalogue, custom, permission_sets, predefined, role, user};
use proptest::prelude::*;
use std::sync::Arc;

const RANKS: [Rank; 3] = [Rank::Staff, Rank::Administrator, Rank::SuperAdministrator];

/// A role of staff that may do everything: only the ladder holds its holder back.
fn roles() -> Roles {
    catalogue(&[custom("deputy", Permissions::all()), custom("counter", Permissions::of(&[P::PromoCodesSearch]))])
}

fn of_rank(number: u8, rank: Rank) -> User {
    let held = match rank {
        Rank::Staff => role("deputy"),
        Rank::Administrator => Role::Administrator.id(),
        Rank::SuperAdministrator => Role::SuperAdministrator.id(),
    };
    user(number, vec![held])
}

fn acting(rank: Rank) -> Arc<Actor> {
    people::actor(&of_rank(1, rank), &roles())
}

/// Judged in a company with a Super Administrator whom nothing here concerns.
fn judged(actor: &Actor, before: &User, after: &User) -> Result<(Rank, Follows), NotAllowed> {
    let (roles, other) = (roles(), of_rank(99, Rank::SuperAdministrator));
    let row = administrators([before, &other], &roles);
    judge_user(actor, before, after, &World { roles: &roles, administrators: &row })
}

/// ACC-11 in one table: rows act, columns are what is touched; staff, Administrator, Super Administrator.
fn may_manage(actor: Rank, touched: Rank) -> bool {
    const TABLE: [[bool; 3]; 3] = [[true, false, false], [true, false, false], [true, true, true]];
    TABLE[actor as usize][touched as usize]
}

// proves: ACC-11
#[test]
fn the_ladder_holds_for_every_rank_every_target_and_every_act() {
    for acts in RANKS {
        let actor = acting(acts);
        for has in RANKS {
            let mut target = of_rank(2, has);
            target.grants = Permissions::of(&[P::ReportsRead]);
            target.denials = Permissions::of(&[P::AlertsRead]);
            let with = |more: RoleId| {
                let mut after = target.clone();
                if !after.roles.contains(&more) {
                    after.roles.push(more);
                }
                after
            };
            let touched = [
                ("given a custom role", has, with(role("counter"))),
                ("given Viewer", has, with(Role::Viewer.id())),
                ("given Administrator", has.max(Rank::Administrator), with(Role::Administrator.id())),
                ("given Super Administrator", Rank::SuperAdministrator, with(Role::SuperAdministrator.id())),
                ("left with no role", has, User { roles: Vec::new(), ..target.clone() }),
                ("made a Viewer", has, User { roles: predefined(&[Role::Viewer]), ..target.clone() }),
                ("granted", has, User { grants: Permissions::of(&[P::ReportsRead, P::UsersRead]), ..target.clone() }),
                ("granted less", has, User { grants: Permissions::default(), ..target.clone() }),
                ("denied more", has, User { denials: Permissions::all(), ..target.clone() }),
                ("denied less", has, User { denials: Permissions::default(), ..target.clone() }),
            ];
            for (act, rank, after) in touched {
                // Who holds a role already isn't given it.
                if after.roles == target.roles && after.grants == target.grants && after.denials == target.denials {
                    continue;
                }
                let answer = judged(&actor, &target, &after);
                // Nobody is a Super Administrator to whom something is denied.
                let denied = !after.denials.is_empty() && after.roles.contains(&Role::SuperAdministrator.id());
                let expected = match may_manage(acts, rank) {
                    false => Err(Above),
                    true if denied => Err(SuperDenied),
                    true => Ok(rank),
                };
                assert_eq!(answer.map(|(rank, _)| rank), expected, "{acts:?}: {has:?} {act}");
            }
        }
    }
}

// proves: ACC-11
#[test]
fn nobody_changes_themself_up_or_down() {
    for rank in RANKS {
        let (actor, own) = (acting(rank), of_rank(1, rank));
        for after in [
            User { roles: predefined(&[Role::SuperAdministrator]), ..own.clone() },
            User { roles: predefined(&[Role::Viewer]), ..own.clone() },
            User { roles: Vec::new(), ..own.clone() },
            User { grants: Permissions::of(&[P::UsersDelete]), ..own.clone() },
            User { denials: Permissions::of(&[P::UsersDelete]), ..own.clone() },
            own.clone(),
        ] {
            assert_eq!(judged(&actor, &own, &after), Err(Oneself), "{rank:?}");
        }
    }
}

// proves: ACC-11, ACC-12
#[test]
fn only_an_account_that_is_or_was_open_is_given_roles() {
    let actor = acting(Rank::SuperAdministrator);
    for state in UserState::ALL {
        let target = User { state, ..user(2, Vec::new()) };
        let after = User { roles: predefined(&[Role::Administrator]), ..target.clone() };
        let answer = judged(&actor, &target, &after).map(|(rank, _)| rank);
        match state {
            UserState::Active | UserState::Deactivated => assert_eq!(answer, Ok(Rank::Administrator)),
            // Who waits would come in as more than the default role, by one approval.
            UserState::Pending | UserState::Rejected | UserState::Deleted => {
                assert_eq!(answer, Err(Inactive(state.name())));
            }
        }
    }
}

// proves: ACC-11
#[test]
fn a_wish_that_changes_nothing_or_names_an_unknown_role_is_refused() {
    let actor = acting(Rank::SuperAdministrator);
    let target = user(2, predefined(&[Role::Viewer]));
    assert_eq!(judged(&actor, &target, &target), Err(Nothing));
    let renamed = User { first_name: "Another".to_owned(), state: UserState::Deactivated, ..target.clone() };
    assert_eq!(judged(&actor, &target, &renamed), Err(Nothing), "roles and permissions only");
    let ghost = User { roles: vec![role("ghost")], ..target.clone() };
    assert_eq!(judged(&actor, &target, &ghost), Err(UnknownRole(role("ghost"))));
    // Who still carries a removed role can be freed of it.
    let carries = User { roles: vec![role("ghost"), Role::Viewer.id()], ..target.clone() };
    assert!(judged(&actor, &carries, &target).is_ok());
}

// proves: ACC-11
#[test]
fn nobody_gives_what_they_do_not_hold_by_role_by_grant_or_by_lifting_a_denial() {
    let held = Permissions::of(&[P::UsersRolesAssign, P::PromoCodesSearch]);
    let roles = catalogue(&[custom("clerk", held), custom("counter", Permissions::of(&[P::PromoCodesSearch]))]);
    let actor = people::actor(&user(1, vec![role("clerk")]), &roles);
    let top = of_rank(99, Rank::SuperAdministrator);
    let row = administrators([&top], &roles);
    let world = World { roles: &roles, administrators: &row };
    let answer = |before: &User, after: &User| judge_user(&actor, before, after, &world).map(|(_, follows)| follows);
    let target = user(2, vec![role("counter")]);
    let missing = |keys: &[P]| Err(MoreThanHeld(Permissions::of(keys)));

    let viewer = User { roles: [target.roles.clone(), predefined(&[Role::AuditViewer])].concat(), ..target.clone() };
    assert_eq!(answer(&target, &viewer), missing(&[P::AuditLogsRead, P::SystemSettingsRead]));
    let granted = User { grants: Permissions::of(&[P::PromoCodesSearch, P::UsersDelete]), ..target.clone() };
    assert_eq!(answer(&target, &granted), missing(&[P::UsersDelete]));
    let denied = User { denials: Permissions::of(&[P::CustomersErase]), ..target.clone() };
    assert_eq!(answer(&denied, &target), missing(&[P::CustomersErase]));
    // A denial doesn't hide what a role would give once it is lifted.
    let hidden = User { denials: Permissions::all(), ..target.clone() };
    let later = User { denials: Permissions::all(), ..viewer };
    assert_eq!(answer(&hidden, &later), missing(&[P::AuditLogsRead, P::SystemSettingsRead]));
    // Taking needs nothing but the ladder.
    let powerful = User { grants: Permissions::of(&[P::CustomersErase]), ..target.clone() };
    assert_eq!(answer(&powerful, &target), Ok(Follows::Waits));
    assert_eq!(answer(&target, &denied), Ok(Follows::Waits));
    let clerk = User { roles: vec![role("clerk"), role("counter")], ..target.clone() };
    assert_eq!(answer(&target, &clerk), Ok(Follows::Waits), "all that is held can be given");
}

fn some_roles() -> impl Strategy<Value = Vec<RoleId>> {
    let all = [role("one"), role("two"), Role::Viewer.id(), Role::SupportAgent.id(), Role::Administrator.id()];
    proptest::sample::subsequence(all.to_vec(), 0..=5)
}

proptest! {
    #![proptest_config(cases(2_000))]

    // proves: ACC-11
    #[test]
    fn nobody_ends_up_with_more_than_before_unless_who_asked_holds_it(
        (one, two, own, denied) in (permission_sets(), permission_sets(), permission_sets(), permission_sets()),
        (had, has) in (some_roles(), some_roles()),
        (grants, denials) in (permission_sets(), permission_sets()),
        (new_grants, new_denials) in (permission_sets(), permission_sets()),
        rank in proptest::sample::select(&RANKS[..]),
    ) {
        let roles = catalogue(&[custom("one", one), custom("two", two), custom("deputy", own)]);
        let asks = User { denials: denied, ..of_rank(1, rank) };
        let actor = people::actor(&asks, &roles);
        let before = User { grants, denials, ..user(2, had) };
        let after = User { roles: has, grants: new_grants, denials: new_denials, ..before.clone() };
        let top = of_rank(99, Rank::SuperAdministrator);
        let row = administrators([&asks, &before, &top], &roles);
        let answer = judge_user(&actor, &before, &after, &World { roles: &roles, administrators: &row });
        let gained = after.permissions(&roles).without(before.permissions(&roles));
        if let Ok((touched, follows)) = answer {
            prop_assert!(gained.is_subset_of(asks.permissions(&roles)));
            prop_assert_eq!(touched, before.rank(&roles).max(after.rank(&roles)));
            prop_assert!(may_manage(rank, touched));
            prop_assert_eq!(follows, Follows::Waits, "the one at the top can approve everything");
        } else if let Err(MoreThanHeld(missing)) = answer {
            prop_assert!(!missing.is_empty() && may_manage(rank, before.rank(&roles).max(after.rank(&roles))));
            for permission in missing.iter() {
                prop_assert!(!actor.permissions().contains(permission));
            }
        }
    }
}

// proves: ACC-11
#[test]
fn the_last_super_administrator_stays_whatever_is_done() {
    let roles = roles();
    let (last, admin) = (of_rank(2, Rank::SuperAdministrator), of_rank(3, Rank::Administrator));
    // Somebody who was a Super Administrator a moment ago, and still acts as one.
    let actor = acting(Rank::SuperAdministrator);
    let demoted = User { roles: predefined(&[Role::Administrator]), ..last.clone() };
    let deactivated = User { state: UserState::Deactivated, ..last.clone() };
    let deleted = User { state: UserState::Deleted, ..last.clone() };
    let alone = administrators([&last, &admin], &roles);
    let world = World { roles: &roles, administrators: &alone };
    assert_eq!(judge_user(&actor, &last, &demoted, &world), Err(LastSuperAdministrator));
    for after in [&demoted, &deactivated, &deleted, &User { roles: Vec::new(), ..last.clone() }] {
        assert_eq!(keeps_a_super_administrator(&last, after, &world), Err(LastSuperAdministrator));
    }
    let renamed = User { first_name: "Another".to_owned(), ..last.clone() };
    assert_eq!(keeps_a_super_administrator(&last, &renamed, &world), Ok(()));
    assert_eq!(
        keeps_a_super_administrator(&admin, &User { state: UserState::Deleted, ..admin.clone() }, &world),
        Ok(())
    );

    // Of two, one can go; then the other can't.
    let other = of_rank(4, Rank::SuperAdministrator);
    let both = administrators([&last, &other], &roles);
    for after in [&demoted, &deactivated, &deleted] {
        let world = World { roles: &roles, administrators: &both };
        assert_eq!(keeps_a_super_administrator(&last, after, &world), Ok(()));
        let left = both.with(after, &roles);
        let world = World { roles: &roles, administrators: &left };
        let gone = User { state: UserState::Deleted, ..other.clone() };
        assert_eq!(keeps_a_super_administrator(&other, &gone, &world), Err(LastSuperAdministrator));
    }
    // Who isn't active isn't one of those who are left.
    let with_asleep = administrators([&last, &User { state: UserState::Deactivated, ..other }], &roles);
    let world = World { roles: &roles, administrators: &with_asleep };
    assert_eq!(keeps_a_super_administrator(&last, &deleted, &world), Err(LastSuperAdministrator));
}

// proves: ACC-11
#[test]
fn the_row_of_administrators_holds_who_is_active_and_above_staff() {
    let roles = roles();
    for state in UserState::ALL {
        for rank in RANKS {
            let one = User { state, ..of_rank(2, rank) };
            let row = administrators([&one], &roles);
            let held = (state == UserState::Active && rank > Rank::Staff).then_some(rank);
            assert_eq!(row.members.get(&one.id).copied(), held, "{rank:?} {}", state.name());
            assert_eq!(row.version, 1);
        }
    }
    let row = administrators([&of_rank(2, Rank::SuperAdministrator)], &roles);
    let lowered = row.with(&of_rank(2, Rank::Administrator), &roles);
    assert!(row.has_super() && !lowered.has_super());
    assert!(lowered.with(&of_rank(2, Rank::Staff), &roles).members.is_empty());
}

// proves: ACC-09, ACC-11
#[test]
fn a_custom_role_is_changed_by_whoever_holds_all_that_it_gains_and_not_the_role() {
    let held = Permissions::of(&[P::UsersPermissionsManage, P::PromoCodesSearch]);
    let strong = Permissions::of(&[P::CustomersErase]);
    let roles =
        catalogue(&[custom("clerk", held), custom("counter", Permissions::default()), custom("strong", strong)]);
    let actor = people::actor(&user(1, vec![role("clerk")]), &roles);
    let row = administrators([&of_rank(99, Rank::SuperAdministrator)], &roles);
    let world = World { roles: &roles, administrators: &row };
    let ask = |before: Option<&str>, after: Option<domain::role::Role>| {
        let before = before.map(|id| roles.get(&role(id)).expect("in the catalogue"));
        judge_role(&actor, before.as_ref(), after.as_ref(), &world)
    };
    let becomes = |id: &str, permissions: Permissions| {
        Some(domain::role::Role { permissions, ..roles.get(&role(id)).expect("in the catalogue") })
    };
    assert_eq!(ask(None, None), Err(Nothing));
    assert_eq!(ask(Some("counter"), becomes("counter", Permissions::default())), Err(Nothing));
    // A new one, an edit, a removal.
    assert_eq!(ask(None, Some(custom("new", held))), Ok(Follows::Waits));
    assert_eq!(ask(None, Some(custom("new", strong))), Err(MoreThanHeld(strong)));
    assert_eq!(ask(Some("counter"), becomes("counter", held)), Ok(Follows::Waits));
    assert_eq!(ask(Some("counter"), becomes("counter", held.union(strong))), Err(MoreThanHeld(strong)));
    assert_eq!(ask(Some("counter"), None), Ok(Follows::Waits));
    // What it has already can stay or go.
    assert_eq!(ask(Some("strong"), becomes("strong", strong.union(held))), Ok(Follows::Waits));
    assert_eq!(ask(Some("strong"), becomes("strong", Permissions::default())), Ok(Follows::Waits));
    // One's own: neither more nor less, nor away with it.
    for permissions in [held.union(strong), Permissions::default(), Permissions::of(&[P::PromoCodesSearch])] {
        assert_eq!(ask(Some("clerk"), becomes("clerk", permissions)), Err(Oneself));
    }
    assert_eq!(ask(Some("clerk"), None), Err(Oneself));
    // Who sees every batch by it, and whom it is called after, are changes too.
    let mut other = roles.get(&role("counter")).expect("in the catalogue");
    other.assigned_only = true;
    assert_eq!(ask(Some("counter"), Some(other.clone())), Ok(Follows::Waits));
    for fixed in Role::ALL {
        assert_eq!(ask(Some(fixed.id().as_str()), Some(other.clone())), Err(Predefined));
        assert_eq!(ask(Some(fixed.id().as_str()), None), Err(Predefined), "no holder loses it with the role");
    }
}
