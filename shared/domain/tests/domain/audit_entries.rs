//! Audit entries: field by field, and all of it.

use crate::people;

use domain::{
    access::{Oneself, System},
    audit::{Change, Class, Entry, Severity},
    permission::{Permission, Permissions, right},
    role::{Predefined, Roles},
    security::SecuritySettings,
    staff::{Mfa, User, UserState},
};
use people::{actor, cases, noon, predefined, user};
use proptest::prelude::*;
use serde_json::{Value, json};

fn entry() -> Entry {
    let (actor, entity) = ("system:test".to_owned(), "user:1".to_owned());
    Entry::new("1".to_owned(), noon(), Class::Change, "user.updated", actor, entity)
}

/// The fields that differ, as `field: before -> after`; what is absent is a dash.
fn differences(before: &Value, after: &Value) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let line = |change: &Change| format!("{}: {} -> {}", change.field, text(&change.before), text(&change.after));
    entry().differences(before, after).changes.iter().map(line).collect()
}

// proves: AUD-01
#[test]
fn a_difference_is_named_by_its_dotted_field_with_both_values() {
    let before = json!({"name": "Aline", "a": {"b": {"c": 1, "d": true}, "e": null}, "list": [1, 2], "same": [1]});
    let after = json!({"name": "Uwase", "a": {"b": {"c": 2, "d": true}, "e": "x"}, "list": [2, 1], "same": [1]});
    let expected = ["a.b.c: 1 -> 2", "a.e: - -> x", "list: [1,2] -> [2,1]", "name: Aline -> Uwase"];
    assert_eq!(differences(&before, &after), expected);
}

// proves: AUD-01
#[test]
fn nothing_is_said_of_what_is_equal_and_absent_is_the_same_as_null() {
    let record = json!({"a": 1, "b": null, "c": {"d": []}, "e": {}});
    assert!(differences(&record, &record).is_empty());
    assert!(differences(&record, &json!({"a": 1, "c": {"d": []}})).is_empty());
    assert_eq!(differences(&Value::Null, &record), ["a: - -> 1", "c.d: - -> []"]);
    assert_eq!(differences(&record, &Value::Null), ["a: 1 -> -", "c.d: [] -> -"]);
    assert_eq!(differences(&json!({"a": ""}), &json!({"a": null})), ["a:  -> -"], "empty isn't absent");
    assert_eq!(differences(&json!({"a": {"b": 1}}), &json!({"a": [1]})), ["a: - -> [1]", "a.b: 1 -> -"]);
}

// proves: AUD-01
#[test]
fn one_permission_more_is_seen_in_the_longest_list_of_permissions() {
    for permission in Permission::ALL {
        let less = Permissions::all().without(Permissions::of(&[permission]));
        let of = |grants: Permissions| User { grants, ..user(1, Vec::new()) }.audited();
        let changes = entry().differences(&of(less), &of(Permissions::all())).changes;
        assert_eq!(changes.len(), 1, "{permission}");
        let (before, after) = (changes[0].before.as_deref(), changes[0].after.as_deref());
        let key = format!("\"{permission}\"");
        assert!(before.is_some_and(|before| !before.contains(&key)), "{permission}");
        assert!(after.is_some_and(|after| after.contains(&key)), "{permission}");
        assert!(after.is_some_and(|after| after.ends_with(']')), "the whole list: {permission}");
    }
}

// proves: AUD-01
#[test]
fn a_long_value_is_cut_around_where_it_differs_and_never_looks_unchanged() {
    let text = |from: usize, middle: &str, to: usize| format!("{}{middle}{}", "a".repeat(from), "z".repeat(to));
    let changed = |before: &str, after: &str| {
        let mut changes = entry().differences(&json!({"x": before}), &json!({"x": after})).changes;
        assert_eq!(changes.len(), 1);
        let change = changes.remove(0);
        (change.before.expect("before"), change.after.expect("after"))
    };
    for (from, to) in [(0, 9_000), (2_400, 9_000), (5_000, 5_000), (9_000, 0)] {
        let (before, after) = changed(&text(from, "ONE", to), &text(from, "OTHER", to));
        assert!(before.contains("ONE") && after.contains("OTHER"), "{from} {to}");
        assert!(before.chars().count() <= 2_502 && after.chars().count() <= 2_502);
        assert_eq!(before.starts_with('…'), from > 100);
        let begins = from.saturating_sub(100);
        assert_eq!(before.ends_with('…'), from + 3 + to - begins > 2_500, "{from} {to}");
    }
    // Whole characters, whatever they are made of.
    let (before, after) = changed(&"é".repeat(4_000), &format!("{}x", "é".repeat(4_000)));
    assert!(after.ends_with('x') && before.ends_with('é') && before != after);
    // What was added or went away is shown from its beginning; what fits is shown whole.
    let added = entry().differences(&Value::Null, &json!({"x": "é".repeat(4_000)})).changes;
    assert_eq!(added[0].after.as_deref(), Some(&*format!("{}…", "é".repeat(2_500))));
    let (before, after) = changed(&text(2_497, "ONE", 0), &text(2_000, "TWO", 497));
    assert_eq!((before.chars().count(), after.chars().count()), (2_500, 2_500));
    // Long lists of settings too.
    let with = |last: &str| {
        let mut cors_origins: Vec<String> =
            (0..249).map(|number| format!("https://console-{number}.example.rw")).collect();
        cors_origins.push(last.to_owned());
        let security = SecuritySettings { cors_origins, ..SecuritySettings::default() };
        serde_json::to_value(security).expect("writes")
    };
    let changes = entry().differences(&with("https://ours.rw"), &with("https://theirs.rw")).changes;
    assert_eq!((changes.len(), changes[0].field.as_str()), (1, "cors_origins"));
    assert!(changes[0].after.as_deref().is_some_and(|after| after.contains("https://theirs.rw")));
}

fn records() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0_u32..4).prop_map(Value::from),
        "[ab]{0,2}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[abc]", inner, 0..4).prop_map(|map| json!(map)),
        ]
    });
    proptest::collection::btree_map("[abcd]", value, 0..4).prop_map(|map| json!(map))
}

/// The record without what says nothing: nulls, and objects without fields.
fn stripped(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(fields) => {
            let kept: serde_json::Map<_, _> =
                fields.iter().filter_map(|(name, value)| Some((name.clone(), stripped(value)?))).collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Some(value.clone()),
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    // proves: AUD-01
    #[test]
    fn there_is_a_difference_exactly_when_the_records_differ(before in records(), after in records()) {
        let changes = entry().differences(&before, &after).changes;
        // A number and the same figures as text are the same words.
        let words = |value: &Value| stripped(value).map(|value| value.to_string());
        prop_assert_eq!(changes.is_empty(), words(&before) == words(&after) || same_words(&before, &after));
        let back = entry().differences(&after, &before).changes;
        let turned: Vec<Change> = back
            .into_iter()
            .map(|change| Change { before: change.after, after: change.before, ..change })
            .collect();
        prop_assert_eq!(changes, turned, "the other way round it is the same");
    }
}

/// Whether every field reads the same although the values are of different kinds: an empty entry is right then.
fn same_words(before: &Value, after: &Value) -> bool {
    fn flat(name: &str, value: &Value, found: &mut Vec<(String, String)>) {
        match value {
            Value::Null => {}
            Value::Object(fields) => {
                fields.iter().for_each(|(field, value)| flat(&format!("{name}.{field}"), value, found))
            }
            Value::String(text) => found.push((name.to_owned(), text.clone())),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) => found.push((name.to_owned(), value.to_string())),
        }
    }
    let of = |value: &Value| {
        let mut found = Vec::new();
        flat("", value, &mut found);
        found.sort();
        found
    };
    of(before) == of(after)
}

// proves: AUD-01, AUD-05
#[test]
fn each_visible_change_of_a_user_is_one_field_and_a_secret_one_is_none() {
    let before = user(1, predefined(&[Predefined::Viewer]));
    let fields = |after: User| -> Vec<String> {
        let changes = entry().differences(&before.audited(), &after.audited()).changes;
        changes.into_iter().map(|change| change.field).collect()
    };
    assert_eq!(fields(User { first_name: "X".to_owned(), ..before.clone() }), ["first_name"]);
    assert_eq!(fields(User { last_name: "X".to_owned(), ..before.clone() }), ["last_name"]);
    assert_eq!(
        fields(User { state: UserState::Deactivated, session_epoch: 2, ..before.clone() }),
        ["session_epoch", "state"]
    );
    assert_eq!(fields(User { roles: Vec::new(), ..before.clone() }), ["roles"]);
    assert_eq!(fields(User { grants: Permissions::all(), ..before.clone() }), ["grants"]);
    assert_eq!(fields(User { denials: Permissions::all(), ..before.clone() }), ["denials"]);
    assert_eq!(fields(User { mfa: Mfa::Off, ..before.clone() }), ["mfa"]);
    assert_eq!(fields(User { password_at: None, ..before.clone() }), ["password_set"]);
    assert_eq!(fields(User { password: Some("other".to_owned()), ..before.clone() }), [""; 0]);
}

// proves: AUD-01, ACC-14
#[test]
fn an_entry_names_who_answers_for_it_and_the_permission_that_was_used() {
    let holder = user(1, predefined(&[Predefined::Viewer]));
    let actor = actor(&holder, &Roles::default());
    let permit = actor.permit::<right::BatchesRead>().expect("held");
    let by = |authority: &dyn domain::access::Authority| {
        Entry::by(authority, "1".to_owned(), noon(), Class::Access, "batch.read", "batch:1".to_owned())
    };
    let entry = by(&permit);
    assert_eq!((entry.actor, entry.session), (format!("user:{}", holder.id), actor.session().map(ToString::to_string)));
    assert_eq!(
        (entry.permission.as_deref(), entry.severity, entry.count),
        (Some("batches.read"), Severity::Info, None)
    );
    assert_eq!(by(&Oneself(actor)).permission, None);
    let by_itself = by(&System("nightly")).severity(Severity::Critical);
    assert_eq!((by_itself.actor.as_str(), by_itself.severity), ("system:nightly", Severity::Critical));
    let written = serde_json::to_string(&by_itself).expect("writes");
    assert!(!written.contains("permission") && !written.contains("agent"), "{written}");
    assert_eq!(serde_json::from_str::<Entry>(&written).ok(), Some(by_itself));
}
