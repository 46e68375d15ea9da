//! Keys, sets of keys and roles, against the lists that people read.

use domain::permission::{Permission, Permissions, Right, right};
use domain::role::{
    BadRoleId, MAX_CUSTOM, MAX_DESCRIPTION, MAX_NAME, Predefined, Rank, Role, RoleId, RoleProblem, Roles,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

const KEYS: &str = include_str!("../../../../tests/permissions.txt");
const ROLES: &str = include_str!("../../../../tests/roles.txt");

fn id(text: &str) -> RoleId {
    RoleId::parse(text).expect("a role's id")
}

fn custom(id_text: &str, name: &str) -> Role {
    Role {
        id: id(id_text),
        name: name.to_owned(),
        description: "Looks after the counter".to_owned(),
        permissions: Permissions::of(&[Permission::BatchesRead, Permission::PromoCodesSearch]),
        predefined: false,
        assigned_only: true,
        version: 0,
    }
}

fn catalogue(roles: &[Role]) -> Roles {
    roles.iter().fold(Roles::default(), |roles, role| roles.with(role.clone()).expect("allowed"))
}

fn sets() -> impl Strategy<Value = BTreeSet<Permission>> {
    proptest::collection::btree_set(proptest::sample::select(&Permission::ALL[..]), 0..=Permission::ALL.len())
}

// proves: ACC-08
#[test]
fn the_keys_are_the_documents_79_and_5_of_ours() {
    let (documents, ours) = KEYS.split_once("# ours\n").expect("two parts");
    let (documents, ours): (Vec<&str>, Vec<&str>) = (documents.lines().collect(), ours.lines().collect());
    assert_eq!((documents.len(), ours.len()), (79, 5));
    assert!(documents.is_sorted() && ours.is_sorted());
    let mut listed = [documents, ours].concat();
    listed.sort_unstable();
    assert_eq!(Permission::ALL.map(Permission::key).to_vec(), listed);
}

// proves: ACC-08
#[test]
fn every_key_has_a_description_of_its_own() {
    let descriptions: BTreeSet<&str> = Permission::ALL.map(Permission::description).into();
    assert_eq!(descriptions.len(), Permission::ALL.len());
    for description in descriptions {
        let starts_well = description.starts_with(|first: char| first.is_ascii_uppercase());
        assert!(starts_well && description.len() > 10 && !description.ends_with('.'), "{description:?}");
    }
}

// proves: ACC-08
#[test]
fn a_permission_is_written_as_its_key_and_reads_back() {
    for permission in Permission::ALL {
        assert_eq!(Permission::parse(permission.key()), Some(permission));
        assert_eq!(permission.to_string(), permission.key());
        let written = serde_json::to_string(&permission).expect("writes");
        assert_eq!(written, format!("\"{}\"", permission.key()));
        assert_eq!(serde_json::from_str::<Permission>(&written).expect("reads"), permission);
    }
}

// proves: ACC-08
#[test]
fn a_key_that_is_in_no_table_is_refused() {
    for key in ["", "users", "users.", "users.*", "users.Read", " users.read", "promo-codes.export", "UsersRead"] {
        assert_eq!(Permission::parse(key), None, "{key:?}");
        let written = serde_json::to_string(key).expect("writes");
        assert!(serde_json::from_str::<Permission>(&written).is_err(), "{key:?}");
    }
    let error = serde_json::from_str::<Permissions>(r#"["users.read","users.fly"]"#).expect_err("refused");
    assert!(error.to_string().contains("users.fly"), "{error}");
    let long = serde_json::to_string(&"x".repeat(5000)).expect("writes");
    assert!(serde_json::from_str::<Permission>(&long).expect_err("refused").to_string().len() < 200);
}

// proves: ACC-08
#[test]
fn a_marker_stands_for_the_permission_of_its_name() {
    fn of<R: Right>(_: R) -> &'static str {
        R::PERMISSION.key()
    }
    assert_eq!(of(right::UsersRead), "users.read");
    assert_eq!(of(right::AnalyticsRealTime), "analytics.real-time");
    assert_eq!(of(right::PromoCodesStatusChange), "promo-codes.status.change");
    assert_eq!(of(right::PayoutsStop), "payouts.stop");
    assert_eq!(format!("{:?}", right::SystemMonitoring), format!("{:?}", Permission::SystemMonitoring));
}

// proves: ACC-08
#[test]
fn a_list_of_keys_is_written_sorted_and_read_in_any_order() {
    let set: Permissions =
        serde_json::from_str(r#"["users.read","alerts.read","users.read","promo-codes.read"]"#).expect("reads");
    assert_eq!(set.len(), 3, "a duplicate is harmless");
    let written = serde_json::to_string(&set).expect("writes");
    assert_eq!(written, r#"["alerts.read","promo-codes.read","users.read"]"#);
    assert_eq!(format!("{set:?}"), r#"{"alerts.read", "promo-codes.read", "users.read"}"#);
    assert_eq!(serde_json::to_string(&Permissions::default()).expect("writes"), "[]");
    assert!(Permissions::default().is_empty());
    assert_eq!(Permissions::all().iter().collect::<Vec<_>>(), Permission::ALL);
}

proptest! {
    // proves: ACC-08
    #[test]
    fn a_set_of_permissions_behaves_as_a_set(
        left in sets(),
        right in sets(),
        one in proptest::sample::select(&Permission::ALL[..]),
    ) {
        let (a, b): (Permissions, Permissions) = (left.iter().copied().collect(), right.iter().copied().collect());
        prop_assert!(a.iter().eq(left.iter().copied()));
        prop_assert_eq!((a.len(), a.is_empty()), (left.len(), left.is_empty()));
        prop_assert_eq!(a.contains(one), left.contains(&one));
        prop_assert!(a.union(b).iter().eq(left.union(&right).copied()));
        prop_assert!(a.without(b).iter().eq(left.difference(&right).copied()));
        prop_assert_eq!(a.is_subset_of(b), left.is_subset(&right));
        prop_assert!(a.is_subset_of(a.union(b)) && a.is_subset_of(Permissions::all()));
        let mut more = a;
        more.insert(one);
        prop_assert_eq!(more, a.union(Permissions::of(&[one])));
        let written = serde_json::to_string(&a).expect("writes");
        prop_assert_eq!(serde_json::from_str::<Permissions>(&written).expect("reads"), a);
    }
}

// proves: ACC-05
#[test]
fn keys_over_users_system_and_disbursements_demand_a_second_factor() {
    let demanding: Vec<&str> =
        Permission::ALL.into_iter().filter(|permission| permission.demands_mfa()).map(Permission::key).collect();
    let expected: Vec<&str> = Permission::ALL
        .map(Permission::key)
        .into_iter()
        .filter(|key| matches!(key.split_once('.'), Some(("users" | "system" | "disbursements", _))))
        .collect();
    assert_eq!(demanding, expected);
    assert_eq!(demanding.len(), 9 + 14 + 9);
}

// proves: ACC-09
#[test]
fn the_predefined_roles_hold_exactly_what_is_listed() {
    let listed: Vec<&str> = ROLES.lines().filter(|line| !line.starts_with('#')).collect();
    let (_, ours) = KEYS.split_once("# ours\n").expect("two parts");
    let held = Predefined::ALL.map(|role| {
        let keys: Vec<String> = role
            .permissions()
            .iter()
            .map(|permission| {
                let mark = if ours.lines().any(|key| key == permission.key()) { "+" } else { "" };
                format!("{mark}{permission}")
            })
            .collect();
        let keys = if role.permissions() == Permissions::all() { "all".to_owned() } else { keys.join(" ") };
        format!("{}: {keys}", role.name())
    });
    assert_eq!(held.to_vec(), listed);
}

// proves: ACC-09
#[test]
fn a_predefined_role_is_found_by_its_id_and_describes_itself() {
    let roles = Roles::default();
    let mut descriptions = BTreeSet::new();
    for predefined in Predefined::ALL {
        assert_eq!(predefined.id().as_str(), predefined.name().to_lowercase().replace(' ', "-"));
        assert_eq!(RoleId::parse(predefined.id().as_str()), Ok(predefined.id()));
        assert_eq!(Predefined::of(&predefined.id()), Some(predefined));
        let role = roles.get(&predefined.id()).expect("in the catalogue");
        assert_eq!(role.permissions, predefined.permissions());
        assert!(role.predefined && !role.assigned_only);
        assert!(role.description.chars().count() <= MAX_DESCRIPTION);
        descriptions.insert(role.description);
    }
    assert_eq!(descriptions.len(), Predefined::ALL.len());
    assert_eq!(roles.list().len(), Predefined::ALL.len());
}

// proves: ACC-11
#[test]
fn only_the_two_administrators_stand_above_staff() {
    assert!(Rank::Staff < Rank::Administrator && Rank::Administrator < Rank::SuperAdministrator);
    for role in Predefined::ALL {
        let expected = match role.name() {
            "Super Administrator" => Rank::SuperAdministrator,
            "Administrator" => Rank::Administrator,
            _ => Rank::Staff,
        };
        assert_eq!(role.rank(), expected, "{}", role.name());
    }
    let mut powerful = custom("deputy", "Deputy");
    powerful.permissions = Permissions::all();
    let roles = catalogue(&[powerful]);
    assert_eq!(roles.rank_of(&[]), Rank::Staff);
    assert_eq!(roles.rank_of(&[id("deputy"), id("nobody")]), Rank::Staff, "rank goes by the role, not by its keys");
    assert_eq!(roles.rank_of(&[id("viewer"), id("administrator")]), Rank::Administrator);
    assert_eq!(roles.rank_of(&[id("super-administrator"), id("administrator")]), Rank::SuperAdministrator);
}

// proves: ACC-09
#[test]
fn roles_give_what_they_hold_together_and_unknown_ids_nothing() {
    let roles = catalogue(&[custom("counter", "Counter")]);
    let held = roles.permissions_of(&[id("audit-viewer"), id("counter"), id("nobody")]);
    let expected = [
        Permission::AuditLogsRead,
        Permission::BatchesRead,
        Permission::PromoCodesSearch,
        Permission::SystemSettingsRead,
    ];
    assert_eq!(held, Permissions::of(&expected));
    assert!(roles.permissions_of(&[id("nobody")]).is_empty());
    assert!(roles.permissions_of(&[]).is_empty());
}

// proves: ACC-09
#[test]
fn a_custom_role_is_added_changed_and_removed_one_version_at_a_time() {
    let added = catalogue(&[custom("counter", "Counter")]);
    let mut role = added.get(&id("counter")).expect("added");
    assert_eq!((added.version(), role.version, role.assigned_only), (1, 1, true));

    // Only the case of its own name changes.
    role.name = "COUNTER".to_owned();
    role.permissions.insert(Permission::ReportsRead);
    let changed = added.with(role.clone()).expect("allowed");
    assert_eq!(changed.version(), 2);
    assert_eq!(changed.list().len(), 11);
    assert_eq!(changed.get(&role.id), Some(Role { version: 2, ..role.clone() }));

    let written = serde_json::to_string(&changed).expect("writes");
    assert_eq!(serde_json::from_str::<Roles>(&written).expect("reads"), changed);
    assert!(!written.contains("super-administrator"), "only the custom ones are stored");

    let removed = changed.without(&role.id).expect("allowed");
    assert_eq!((removed.version(), removed.get(&role.id)), (3, None));
    assert!(removed.permissions_of(&[role.id]).is_empty());
}

// proves: ACC-09
#[test]
fn a_role_that_somebody_else_has_or_changed_is_not_replaced() {
    let first = catalogue(&[custom("counter", "Counter")]);
    assert_eq!(first.with(custom("counter", "Another")), Err(RoleProblem::IdTaken));
    let read = first.get(&id("counter")).expect("added");
    let second = first.with(read.clone()).expect("allowed");
    assert_eq!(second.with(read.clone()), Err(RoleProblem::Changed));
    let gone = second.without(&read.id).expect("allowed");
    assert_eq!(gone.with(read.clone()), Err(RoleProblem::Unknown));
    assert_eq!(gone.without(&read.id), Err(RoleProblem::Unknown));
}

// proves: ACC-09
#[test]
fn predefined_roles_cant_be_changed_removed_or_passed_off() {
    let roles = Roles::default();
    for predefined in Predefined::ALL {
        assert_eq!(roles.without(&predefined.id()), Err(RoleProblem::Predefined));
        assert_eq!(roles.with(predefined.role()), Err(RoleProblem::Predefined));
        assert_eq!(roles.with(custom(predefined.id().as_str(), "Mine")), Err(RoleProblem::Predefined));
    }
    assert_eq!(roles.with(Role { predefined: true, ..custom("mine", "Mine") }), Err(RoleProblem::Predefined));

    // Even in a tampered row, a custom role doesn't stand in for a predefined one.
    let mut tampered = serde_json::to_value(catalogue(&[custom("counter", "Counter")])).expect("writes");
    tampered["custom"][0]["id"] = "viewer".into();
    let tampered: Roles = serde_json::from_value(tampered).expect("reads");
    assert_eq!(tampered.get(&id("viewer")), Some(Predefined::Viewer.role()));
    assert_eq!(tampered.permissions_of(&[id("viewer")]), Predefined::Viewer.permissions());
}

// proves: ACC-09
#[test]
fn a_role_needs_a_name_that_no_other_role_has() {
    let roles = catalogue(&[custom("counter", "Équipe du soir")]);
    let of = |name: &str| roles.problems_of(&id("new"), name, "");
    for good in ["X", "Night shift", &"é".repeat(MAX_NAME)] {
        assert_eq!(of(good), [], "{good:?}");
    }
    assert_eq!(of(""), [RoleProblem::NameLength]);
    assert_eq!(of(&"x".repeat(MAX_NAME + 1)), [RoleProblem::NameLength]);
    for bad in [" Night", "Night ", "Night\nshift", "Night\u{0}"] {
        assert_eq!(of(bad), [RoleProblem::NameShape], "{bad:?}");
    }
    for taken in ["viewer", "SUPER ADMINISTRATOR", "éQUIPE DU SOIR"] {
        assert_eq!(of(taken), [RoleProblem::NameTaken], "{taken:?}");
    }
    let all = roles.problems_of(&id("new"), " ", &"x".repeat(MAX_DESCRIPTION + 1));
    assert_eq!(all, [RoleProblem::NameShape, RoleProblem::DescriptionLength]);
    assert_eq!(roles.with(custom("new", "Viewer")), Err(RoleProblem::NameTaken));
    assert_eq!(roles.problems_of(&id("counter"), "ÉQUIPE DU SOIR", ""), [], "its own name");
}

// proves: ACC-09
#[test]
fn a_hundred_custom_roles_are_the_most_and_fit_into_a_row() {
    let largest = |number: usize| Role {
        id: id(&format!("{number:0>64}")),
        name: format!("{number:𝟎>MAX_NAME$}"),
        description: "𝟎".repeat(MAX_DESCRIPTION),
        permissions: Permissions::all(),
        ..custom("x", "x")
    };
    let all: Vec<Role> = (0..MAX_CUSTOM).map(largest).collect();
    let full = catalogue(&all);
    assert_eq!(full.with(largest(MAX_CUSTOM)), Err(RoleProblem::Full));
    let stored = full.get(&all[7].id).expect("added");
    assert!(full.with(stored).is_ok(), "a change is still allowed");
    assert!(serde_json::to_string(&full).expect("writes").len() < 400_000);
}

// proves: ACC-09
#[test]
fn a_role_id_is_a_short_slug() {
    for good in ["a", "night-shift-2", &"x".repeat(64)] {
        assert_eq!(RoleId::parse(good).expect("an id").to_string(), good);
    }
    for bad in ["", "Night", "night shift", "nuit_1", "é", "a#b", "a/b", &"x".repeat(65)] {
        assert_eq!(RoleId::parse(bad), Err(BadRoleId), "{bad:?}");
        assert!(serde_json::from_value::<RoleId>(bad.into()).is_err(), "{bad:?}");
    }
}
