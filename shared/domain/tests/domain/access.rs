//! Who is let in, what they may, and who answers for it.

use crate::people;

use domain::{
    access::{Authority, Behalf, Confined, MfaDemand, NotAdmitted, Oneself, Refused, Stamp, System, Visitor},
    id::JobId,
    permission::{Permission, Permissions, right},
    role::{Predefined, Rank, Role},
    security::{Hours, KeptOut, Presence, Span},
    session::{Session, Why},
    staff::{Mfa, User, UserState},
    time::{DAY_MS, MINUTE_MS, plus},
};
use people::{Door, cases, catalogue, custom, noon, permission_sets, predefined, role, session, session_id, user};
use proptest::prelude::*;
use std::sync::Arc;

fn viewer() -> User {
    user(1, predefined(&[Predefined::Viewer]))
}

fn administrator() -> User {
    user(1, predefined(&[Predefined::Administrator]))
}

fn presence() -> Presence {
    Presence {
        address: Some("192.0.2.7".parse().expect("an address")),
        country: Some("RW".to_owned()),
        agent: Some("console/1".to_owned()),
    }
}

// proves: ACC-08, ACC-09, ACC-10
#[test]
fn an_open_session_is_admitted_with_what_its_user_may_now() {
    let mut holder = viewer();
    holder.roles.push(role("counter"));
    holder.grants = Permissions::of(&[Permission::CustomersRead]);
    holder.denials = Permissions::of(&[Permission::ReportsRead]);
    let counter = custom("counter", Permissions::of(&[Permission::PromoCodesSearch]));
    let mut door = Door { presence: presence(), roles: catalogue(&[counter]), ..Door::default() };
    let open = session(&holder);
    let actor = door.admit(&open, &holder).expect("admitted");
    let expected = [
        Permission::AlertsRead,
        Permission::BatchesRead,
        Permission::CustomersRead,
        Permission::PromoCodesRead,
        Permission::PromoCodesSearch,
        Permission::RedemptionsRead,
    ];
    assert_eq!(actor.permissions(), Permissions::of(&expected));
    assert_eq!((actor.user(), actor.session(), actor.rank()), (&holder.id, Some(&open.id), Rank::Staff));
    assert_eq!((actor.roles(), actor.presence(), actor.confined()), (&holder.roles[..], &presence(), None));

    // The same session, after the custom role was taken out of the catalogue and after the user lost the other.
    door.roles = door.roles.without(&role("counter")).expect("removed");
    let actor = door.admit(&open, &holder).expect("admitted");
    assert!(!actor.holds(Permission::PromoCodesSearch) && actor.holds(Permission::BatchesRead));
    holder.roles.clear();
    let actor = door.admit(&open, &holder).expect("admitted");
    assert_eq!(actor.permissions(), holder.grants);
}

// proves: ACC-03, ACC-04, ACC-10, ACC-17
#[test]
fn a_session_that_is_over_is_not_admitted() {
    let holder = viewer();
    let door = Door::default();
    let open = session(&holder);
    for why in [Why::SignedOut, Why::EndedByUser, Why::EndedByAdministrator, Why::RefreshReused, Why::Superseded] {
        assert_eq!(door.admit(&open.end(why, noon()), &holder).err(), Some(NotAdmitted::Over), "{why:?}");
    }
    for (what, other) in [
        ("another's", Session { user: people::user_id(2), ..open.clone() }),
        ("an older epoch's", Session { epoch: 0, ..open.clone() }),
        ("a later epoch's", Session { epoch: 2, ..open.clone() }),
    ] {
        assert_eq!(door.admit(&other, &holder).err(), Some(NotAdmitted::Over), "{what}");
    }
    // An administrator's reset, or a new password, moves the epoch on.
    let reset = User { session_epoch: 2, ..holder.clone() };
    assert_eq!(door.admit(&open, &reset).err(), Some(NotAdmitted::Over));
}

// proves: ACC-04
#[test]
fn a_session_lives_to_the_setting_of_now_and_not_a_millisecond_longer() {
    let holder = viewer();
    let open = session(&holder);
    let mut door = Door { now: plus(noon(), DAY_MS - 1), ..Door::default() };
    assert!(door.admit(&open, &holder).is_ok());
    door.now = plus(noon(), DAY_MS);
    assert_eq!(door.admit(&open, &holder).err(), Some(NotAdmitted::Over));
    door.now = plus(noon(), 30 * MINUTE_MS);
    assert!(door.admit(&open, &holder).is_ok());
    door.security.sign_in.session_minutes = 30;
    assert_eq!(door.admit(&open, &holder).err(), Some(NotAdmitted::Over), "a shorter life acts on open sessions");
}

// proves: ACC-04
#[test]
fn only_the_newest_session_is_admitted_where_several_are_not_allowed() {
    let mut holder = viewer();
    let (older, newer) = (session(&holder), Session { id: session_id(2), ..session(&holder) });
    holder.latest_session = Some(newer.id.clone());
    let mut door = Door::default();
    assert!(door.admit(&older, &holder).is_ok() && door.admit(&newer, &holder).is_ok());
    door.security.sign_in.single_session = true;
    assert_eq!(door.admit(&older, &holder).err(), Some(NotAdmitted::Over));
    assert!(door.admit(&newer, &holder).is_ok());
    holder.latest_session = None;
    assert_eq!(door.admit(&newer, &holder).err(), Some(NotAdmitted::Over), "when in doubt, sign in again");
}

// proves: ACC-12, ACC-17
#[test]
fn only_an_active_account_is_admitted_by_session_or_key() {
    let door = Door::default();
    for state in UserState::ALL {
        let holder = User { state, ..administrator() };
        let by_session = door.admit(&session(&holder), &holder).err();
        let by_key = door.admit_key(Permissions::all(), &holder).err();
        let expected = (state != UserState::Active).then_some(NotAdmitted::Inactive);
        assert_eq!((by_session, by_key), (expected, expected), "{}", state.name());
    }
}

// proves: ACC-15
#[test]
fn the_rules_of_address_country_and_hour_hold_for_sessions_and_keys() {
    let holder = viewer();
    let admitted = |change: &dyn Fn(&mut Door)| {
        let mut door = Door { presence: presence(), ..Door::default() };
        change(&mut door);
        let by_session = door.admit(&session(&holder), &holder).err();
        assert_eq!(by_session, door.admit_key(Permissions::all(), &holder).err());
        by_session
    };
    let net = |text: &str| vec![text.parse().expect("a net")];
    assert_eq!(admitted(&|_| {}), None);
    let kept_out = |rule| Some(NotAdmitted::KeptOut(rule));
    assert_eq!(admitted(&|door| door.security.access.deny_addresses = net("192.0.2.0/24")), kept_out(KeptOut::Address));
    assert_eq!(admitted(&|door| door.security.access.allow_addresses = net("10.0.0.0/8")), kept_out(KeptOut::Address));
    assert_eq!(
        admitted(&|door| door.security.access.deny_countries = vec!["RW".to_owned()]),
        kept_out(KeptOut::Country)
    );
    let night = Hours { enabled: true, allowed: vec![Span { from_minute: 0, to_minute: 60 }], ..Hours::default() };
    assert_eq!(admitted(&|door| door.security.access.hours = night.clone()), kept_out(KeptOut::Hour));
    // Who isn't active is told that, not the rules.
    let mut door = Door::default();
    door.security.access.allow_addresses = net("10.0.0.0/8");
    let gone = User { state: UserState::Deactivated, ..holder.clone() };
    assert_eq!(door.admit(&session(&gone), &gone).err(), Some(NotAdmitted::Inactive));
}

// proves: ACC-05
#[test]
fn an_app_is_demanded_by_each_permission_over_users_system_and_disbursements() {
    for permission in Permission::ALL {
        let mut holder = user(1, Vec::new());
        holder.grants = Permissions::of(&[permission]);
        holder.mfa = Mfa::Off;
        let confined = Door::default().admit(&session(&holder), &holder).expect("admitted").confined();
        assert_eq!(confined, permission.demands_mfa().then_some(Confined::MfaMissing), "{permission}");
        // A permission that is denied is none.
        holder.denials = holder.grants;
        let confined = Door::default().admit(&session(&holder), &holder).expect("admitted").confined();
        assert_eq!(confined, None, "{permission}");
    }
}

// proves: ACC-05
#[test]
fn the_demand_is_met_by_an_app_that_is_on_and_a_code_at_this_sign_in() {
    let on = Mfa::On { secret: "s".to_owned(), recovery: Vec::new(), last_step: 1 };
    for (mfa, given, met) in [
        (Mfa::Off, false, false),
        (Mfa::Off, true, false),
        (Mfa::Enrolling { secret: "s".to_owned() }, false, false),
        (Mfa::Enrolling { secret: "s".to_owned() }, true, false),
        (on.clone(), false, false),
        (on, true, true),
    ] {
        let holder = User { mfa, ..administrator() };
        let actor = Door::default().admit(&Session { mfa: given, ..session(&holder) }, &holder).expect("admitted");
        assert_eq!(actor.confined().is_none(), met, "{:?}, code given: {given}", holder.mfa);
    }
}

// proves: ACC-05
#[test]
fn a_setting_widens_the_demand_and_only_the_deployment_relaxes_it() {
    let plain = User { mfa: Mfa::Off, ..viewer() };
    let powerful = User { mfa: Mfa::Off, ..administrator() };
    let confined = |holder: &User, for_all: bool, mfa: MfaDemand| {
        let mut door = Door { mfa, ..Door::default() };
        door.security.sign_in.mfa_for_all = for_all;
        door.admit(&Session { mfa: false, ..session(holder) }, holder).expect("admitted").confined().is_some()
    };
    assert!(!confined(&plain, false, MfaDemand::Enforced));
    assert!(confined(&plain, true, MfaDemand::Enforced));
    assert!(confined(&powerful, false, MfaDemand::Enforced));
    assert!(confined(&powerful, true, MfaDemand::Enforced));
    for holder in [&plain, &powerful] {
        assert!(!confined(holder, false, MfaDemand::Relaxed) && !confined(holder, true, MfaDemand::Relaxed));
    }
}

// proves: ACC-06
#[test]
fn a_password_past_its_age_confines_until_it_is_changed() {
    let mut holder = viewer();
    let mut door = Door { now: plus(noon(), 30 * DAY_MS), ..Door::default() };
    let confined = |door: &Door, holder: &User| {
        let late = Session { created_at: door.now, ..session(holder) };
        door.admit(&late, holder).expect("admitted").confined()
    };
    assert_eq!(confined(&door, &holder), None, "0 days mean never");
    door.security.password.max_age_days = 30;
    assert_eq!(confined(&door, &holder), None, "to the last millisecond of the thirtieth day");
    door.now = plus(door.now, 1);
    assert_eq!(confined(&door, &holder), Some(Confined::PasswordTooOld));
    holder.password_at = Some(door.now);
    assert_eq!(confined(&door, &holder), None);
    holder.password_at = None;
    assert_eq!(confined(&door, &holder), Some(Confined::PasswordTooOld), "of unknown age is too old");
    door.mfa = MfaDemand::Relaxed;
    assert_eq!(confined(&door, &holder), Some(Confined::PasswordTooOld), "which relaxes nothing about passwords");
    let both = User { mfa: Mfa::Off, password_at: None, ..administrator() };
    assert_eq!(confined(&Door { mfa: MfaDemand::Enforced, ..door }, &both), Some(Confined::MfaMissing));
}

// proves: ACC-05, ACC-08
#[test]
fn who_is_confined_gets_no_permit_for_anything_but_acts_for_oneself() {
    let holder = User { mfa: Mfa::Off, ..user(1, predefined(&[Predefined::SuperAdministrator])) };
    let actor = Arc::new(Door::default().admit(&session(&holder), &holder).expect("admitted"));
    let confined = Some(Refused::Confined(Confined::MfaMissing));
    assert_eq!(actor.permit::<right::UsersRead>().err(), confined);
    assert_eq!(actor.permit::<right::BatchesRead>().err(), confined, "not even for what demands no app");
    assert_eq!(actor.permit::<right::PayoutsStop>().err(), confined);
    for permission in Permission::ALL {
        assert!(!actor.holds(permission), "{permission}");
    }
    assert_eq!(actor.permissions(), Permissions::all(), "what it will be afterwards is shown");
    assert_eq!(Oneself(actor).stamp().actor, format!("user:{}", holder.id));
}

// proves: ACC-08
#[test]
fn a_permit_is_had_for_what_is_held_and_a_refusal_names_what_is_missing() {
    let holder = viewer();
    let actor = people::actor(&holder, &Door::default().roles);
    assert!(actor.permit::<right::BatchesRead>().is_ok() && actor.permit::<right::ReportsRead>().is_ok());
    assert_eq!(actor.permit::<right::UsersRead>().err(), Some(Refused::Missing(Permission::UsersRead)));
    let words = actor.permit::<right::BatchesDelete>().err().expect("refused").to_string();
    assert_eq!(words, "you need the permission batches.delete");
}

// proves: ACC-09
#[test]
fn a_denial_beats_role_and_grant_for_every_permission() {
    for permission in Permission::ALL {
        let only = Permissions::of(&[permission]);
        let holder = User { grants: only, denials: only, ..administrator() };
        let actor = people::actor(&holder, &Door::default().roles);
        assert!(!actor.holds(permission));
        assert_eq!(actor.permissions(), Permissions::all().without(only), "and nothing else is lost");
    }
}

// proves: BAT-08
#[test]
fn only_somebody_whose_every_role_is_so_sees_assigned_batches_only() {
    let seller = Role { assigned_only: true, ..custom("seller", Permissions::of(&[Permission::BatchesRead])) };
    let roles = catalogue(&[seller, custom("counter", Permissions::default())]);
    let only = |ids: &[&str]| people::actor(&user(1, ids.iter().map(|id| role(id)).collect()), &roles).assigned_only();
    assert!(only(&["seller"]));
    assert!(only(&["seller", "gone"]), "a role that is no more widens nothing");
    assert!(!only(&["seller", "counter"]) && !only(&["seller", "viewer"]) && !only(&[]));
}

proptest! {
    #![proptest_config(cases(300))]

    // proves: ACC-08, ACC-10
    #[test]
    fn a_key_gives_what_is_in_its_scope_and_its_owner_holds_now(
        grants in permission_sets(),
        denials in permission_sets(),
        scope in permission_sets(),
    ) {
        let owner = User { grants, denials, ..viewer() };
        let door = Door::default();
        let actor = door.admit_key(scope, &owner).expect("admitted");
        for permission in Permission::ALL {
            let owned = owner.permissions(&door.roles).contains(permission);
            prop_assert_eq!(actor.holds(permission), scope.contains(permission) && owned);
        }
        prop_assert_eq!(actor.session(), None);
    }
}

// proves: ACC-05, ACC-06
#[test]
fn a_key_is_confined_as_its_owner_is() {
    // An administrator took the lost app off: the key must not go on without one.
    let scope = Permissions::of(&[Permission::UsersUpdate, Permission::BatchesRead]);
    let door = Door::default();
    let owner = administrator();
    let actor = Arc::new(door.admit_key(scope, &owner).expect("admitted"));
    assert!(actor.permit::<right::UsersUpdate>().is_ok());
    for mfa in [Mfa::Off, Mfa::Enrolling { secret: "s".to_owned() }] {
        let owner = User { mfa, ..owner.clone() };
        let actor = Arc::new(door.admit_key(scope, &owner).expect("admitted"));
        let refused = actor.permit::<right::UsersUpdate>().err();
        assert_eq!(refused, Some(Refused::Confined(Confined::MfaMissing)));
        assert!(!actor.holds(Permission::BatchesRead), "as little as the owner, who can do nothing now");
    }
    // The demand goes by what the owner holds, as for the owner's own sessions: scope doesn't talk it away.
    let harmless = Permissions::of(&[Permission::BatchesRead]);
    let bare = User { mfa: Mfa::Off, ..owner.clone() };
    assert_eq!(door.admit_key(harmless, &bare).expect("admitted").confined(), Some(Confined::MfaMissing));
    let relaxed = Door { mfa: MfaDemand::Relaxed, ..door.clone() };
    assert_eq!(relaxed.admit_key(scope, &bare).expect("admitted").confined(), None);

    let mut aged = door;
    aged.security.password.max_age_days = 1;
    aged.now = plus(noon(), DAY_MS + 1);
    assert_eq!(aged.admit_key(harmless, &owner).expect("admitted").confined(), Some(Confined::PasswordTooOld));
}

// proves: AUD-01, ACC-14
#[test]
fn a_stamp_names_who_answers_from_where_and_by_which_permission() {
    let holder = viewer();
    let door = Door { presence: presence(), ..Door::default() };
    let actor = Arc::new(door.admit(&session(&holder), &holder).expect("admitted"));
    let by_permit = Stamp {
        actor: format!("user:{}", holder.id),
        session: Some(session_id(1).to_string()),
        address: Some("192.0.2.7".to_owned()),
        agent: Some("console/1".to_owned()),
        permission: Some(Permission::BatchesRead),
    };
    let permit = actor.permit::<right::BatchesRead>().expect("held");
    assert_eq!((permit.stamp(), permit.clone().stamp()), (by_permit.clone(), by_permit.clone()));
    assert_eq!(Oneself(actor).stamp(), Stamp { permission: None, ..by_permit.clone() });

    let key = Arc::new(door.admit_key(Permissions::all(), &holder).expect("admitted"));
    let by_key = key.permit::<right::BatchesRead>().expect("held").stamp();
    assert_eq!(by_key, Stamp { session: Some("key-1".to_owned()), ..by_permit.clone() });
    let visitor = Stamp { actor: "visitor".to_owned(), session: None, permission: None, ..by_permit };
    assert_eq!(Visitor(presence()).stamp(), visitor);
    let nowhere = Stamp { actor: "system:nightly".to_owned(), address: None, agent: None, ..visitor };
    assert_eq!(System("nightly").stamp(), nowhere);
}

// proves: COD-03, ACC-10
#[test]
fn a_job_may_what_its_owner_may_at_this_moment_and_names_both() {
    let roles = catalogue(&[]);
    let needed = [Permission::PromoCodesBulkOperations, Permission::PromoCodesStatusChange];
    let job = JobId::drawn(noon(), [7; 10]);
    let owner = user(1, predefined(&[Predefined::CampaignManager]));
    let behalf = Behalf::of(&owner, &roles, &job, &needed).expect("a campaign manager may");
    assert_eq!(behalf.user(), &owner.id);
    assert_eq!(
        behalf.stamp(),
        Stamp {
            actor: format!("user:{}", owner.id),
            session: None,
            address: None,
            agent: Some(format!("job:{job}")),
            permission: Some(Permission::PromoCodesStatusChange),
        }
    );
    let refused = |owner: &User| Behalf::of(owner, &roles, &job, &needed).err();
    let denied = User { denials: Permissions::of(&[Permission::PromoCodesStatusChange]), ..owner.clone() };
    assert_eq!(refused(&denied), Some(Refused::Missing(Permission::PromoCodesStatusChange)));
    assert_eq!(refused(&viewer()), Some(Refused::Missing(Permission::PromoCodesBulkOperations)));
    for state in [UserState::Pending, UserState::Deactivated, UserState::Rejected, UserState::Deleted] {
        let away = User { state, ..owner.clone() };
        assert_eq!(refused(&away), Some(Refused::Missing(Permission::PromoCodesBulkOperations)), "{state:?}");
    }
}
