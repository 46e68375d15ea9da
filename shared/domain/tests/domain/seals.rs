//! The audit log's seals as values: hashes, digests, chains and what a comparison names.

use domain::{
    identity::hex,
    seal::{
        Attribute, Before, Difference, Digest, Found, Hash, Hour, Leaf, Part, Row, SHARDS, Sealed, Tree, chain,
        compare, from_lines, is_late, leaf, newest_due, to_lines,
    },
    time,
};
use jiff::Timestamp;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// The inputs and roots that public implementations of RFC 6962 are tested with.
const LEAVES: [&[u8]; 8] = [
    &[],
    &[0x00],
    &[0x10],
    &[0x20, 0x21],
    &[0x30, 0x31],
    &[0x40, 0x41, 0x42, 0x43],
    &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
    &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn hour() -> Hour {
    "2026112013".parse().expect("an hour")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn row(fields: &[(&str, Attribute)]) -> Row {
    Row(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

fn text(value: &str) -> Attribute {
    Attribute::S(value.to_owned())
}

fn entry() -> Row {
    row(&[
        ("pk", text("AUD#2026112013#07")),
        ("sk", text("1795179600000#e1")),
        ("action", text("payout.hold")),
        ("at", Attribute::N("1795179600000".to_owned())),
        ("session", Attribute::Null(true)),
        ("changes", Attribute::L(vec![Attribute::M(BTreeMap::from([("field".to_owned(), text("state"))]))])),
    ])
}

fn digest(hour: Hour, previous: Option<String>, sealed_at: Timestamp) -> Digest {
    let parts = vec![Part::of(&Tree::default()); usize::from(SHARDS)];
    Digest::of("test", hour, parts, previous, sealed_at, ("local, not tamper-proof", "k"))
}

// proves: AUD-02
#[test]
fn a_tree_has_the_root_that_rfc_6962_gives_it() {
    let mut tree = Tree::default();
    assert_eq!(hex(&tree.root()), ROOTS[0]);
    for (bytes, root) in LEAVES.iter().zip(&ROOTS[1..]) {
        tree.push(leaf(bytes));
        assert_eq!(hex(&tree.root()), *root, "{} leaves", tree.count());
    }
}

// proves: AUD-02
#[test]
fn an_entry_has_one_form_whatever_the_table_keeps_beside_it() {
    let form = r#"{"action":{"S":"payout.hold"},"at":{"N":"1795179600000"},"changes":{"L":[{"M":{"field":{"S":"state"}}}]},"pk":{"S":"AUD#2026112013#07"},"session":{"NULL":true},"sk":{"S":"1795179600000#e1"}}"#;
    assert_eq!(entry().canonical(), form);
    let mut kept = entry();
    kept.0.insert("expires_at".to_owned(), Attribute::N("1".to_owned()));
    assert_eq!(kept.leaf(), entry().leaf(), "how long a row is kept is not what it says");
    let read: Row = serde_json::from_str(form).expect("its own form");
    assert_eq!(read, entry());
}

// proves: AUD-02
#[test]
fn any_attribute_that_is_changed_added_or_taken_away_makes_another_leaf() {
    let mut seen = BTreeSet::from([entry().leaf()]);
    let mut others = vec![];
    for name in entry().0.keys() {
        let mut changed = entry();
        changed.0.insert(name.clone(), text("something else"));
        others.push(changed);
        let mut without = entry();
        without.0.remove(name);
        others.push(without);
    }
    let mut added = entry();
    added.0.insert("note".to_owned(), text(""));
    others.push(added);
    // The same figures as a text and as a number are not the same.
    others.push(row(&[("at", text("1"))]));
    others.push(row(&[("at", Attribute::N("1".to_owned()))]));
    others.push(row(&[("at", Attribute::Numbers(BTreeSet::from(["1".to_owned()])))]));
    for other in others {
        assert!(seen.insert(other.leaf()), "{}", other.canonical());
    }
}

// proves: AUD-02
#[test]
fn an_hour_is_one_hour_of_utc_in_ten_figures() {
    assert_eq!(hour().start(), at("2026-11-20T13:00:00Z"));
    assert_eq!(hour().end(), at("2026-11-20T14:00:00Z"));
    assert_eq!(hour().to_string(), "2026112013");
    assert_eq!(hour().plus(11).to_string(), "2026112100");
    assert_eq!((hour().day().to_string(), hour().of_day()), ("2026-11-20".to_owned(), 13));
    assert_eq!(Hour::of(at("1969-12-31T23:59:59.999Z")).to_string(), "1969123123");
    for bad in
        ["", "202611201", "20261120133", "2026112024", "2026023000", "2026+12013", "202611201\u{e9}", "é26112013"]
    {
        assert!(bad.parse::<Hour>().is_err(), "{bad}");
    }
}

// proves: AUD-02
#[test]
fn an_hour_may_be_sealed_after_20_minutes_and_is_late_after_80() {
    assert_eq!(newest_due(at("2026-11-20T14:19:59.999Z")), hour().plus(-1));
    assert_eq!(newest_due(at("2026-11-20T14:20:00Z")), hour());
    assert!(!is_late(hour(), at("2026-11-20T15:20:00Z")));
    assert!(is_late(hour(), at("2026-11-20T15:20:00.001Z")));
}

// proves: AUD-02
#[test]
fn a_digest_reads_back_as_it_was_written_and_admits_nothing_beside() {
    let sealed = Sealed {
        digest: digest(hour(), Some("ab".repeat(32)), at("2026-11-20T14:20:00Z")),
        signature: "c2lnbmF0dXJl".to_owned(),
    };
    let bytes = sealed.to_bytes();
    assert_eq!(Sealed::from_bytes(&bytes), Some(sealed.clone()));
    assert_eq!(sealed.digest.problems("test", hour()), vec![]);
    let written = String::from_utf8(bytes).expect("JSON");
    assert!(written.starts_with(
        r#"{"digest":{"count":0,"environment":"test","format":1,"from":"2026-11-20T13:00:00Z","hour":"2026112013","#
    ));
    assert_eq!(Sealed::from_bytes(written.replacen("\"count\"", "\"more\":1,\"count\"", 1).as_bytes()), None);
    assert_eq!(Sealed::from_bytes(b"{}"), None);
}

// proves: AUD-02
#[test]
fn a_digest_that_contradicts_itself_is_found_out() {
    let good = digest(hour(), None, at("2026-11-20T14:20:00Z"));
    let wrong = |change: fn(&mut Digest)| {
        let mut digest = good.clone();
        change(&mut digest);
        digest.problems("test", hour())
    };
    assert_eq!(wrong(|_| ()), vec![]);
    assert_eq!(wrong(|digest| digest.count = 1), vec![Found::SumsWrong]);
    assert_eq!(wrong(|digest| digest.shards[3].root = "00".repeat(32)), vec![Found::SumsWrong]);
    assert_eq!(wrong(|digest| digest.shards.truncate(15)), vec![Found::SumsWrong]);
    assert_eq!(wrong(|digest| digest.environment = "live".to_owned()), vec![Found::AnothersDigest]);
    assert_eq!(wrong(|digest| digest.hour = digest.hour.plus(1)), vec![Found::AnothersDigest]);
    assert_eq!(wrong(|digest| digest.from = digest.to), vec![Found::AnothersDigest]);
    assert_eq!(wrong(|digest| digest.format = 2), vec![Found::AnothersDigest]);
    assert_eq!(wrong(|digest| digest.late = true), vec![Found::Late { minutes: 20 }]);
    let late = at("2026-11-20T16:00:00Z");
    let mut hidden = digest(hour(), None, late);
    assert!(hidden.late);
    hidden.late = false;
    assert_eq!(hidden.problems("test", hour()), vec![Found::Late { minutes: 120 }]);
}

// proves: AUD-02
#[test]
fn each_digest_names_the_one_before_and_only_the_first_names_none() {
    let sealed_at = at("2026-11-20T14:20:00Z");
    let first = digest(hour(), None, sealed_at);
    let second = digest(hour().plus(1), Some(first.hash()), sealed_at);
    assert_eq!(chain(Before::Nothing, &first), None);
    assert_eq!(chain(Before::Digest(&first), &second), None);
    assert_eq!(chain(Before::Lost, &second), None, "the hour that lost its digest tells");
    let other = Digest { count: 1, ..first.clone() };
    assert_eq!(chain(Before::Digest(&other), &second), Some(Found::ChainBroken));
    assert_eq!(chain(Before::Nothing, &second), Some(Found::ChainBroken));
    assert_eq!(chain(Before::Lost, &first), Some(Found::ChainBroken));
    assert_eq!(chain(Before::Digest(&second), &first), Some(Found::ChainBroken));
}

fn leaves(entries: &[(&str, u8)]) -> Vec<Leaf> {
    entries.iter().map(|(sk, hash)| Leaf { sk: (*sk).to_owned(), hash: [*hash; 32] }).collect()
}

// proves: AUD-02
#[test]
fn what_was_altered_is_missing_or_was_added_is_named_in_order_of_time() {
    let sealed = leaves(&[("1#a", 1), ("2#b", 2), ("3#c", 3), ("4#d", 4), ("6#f", 6)]);
    let present = leaves(&[("0#z", 9), ("1#a", 1), ("2#b", 7), ("4#d", 4), ("5#e", 5)]);
    let named = |list: &[(Difference, &str)]| {
        list.iter().map(|(difference, sk)| (*difference, (*sk).to_owned())).collect::<Vec<_>>()
    };
    let all = [
        (Difference::Added, "0#z"),
        (Difference::Altered, "2#b"),
        (Difference::Missing, "3#c"),
        (Difference::Added, "5#e"),
        (Difference::Missing, "6#f"),
    ];
    assert_eq!(compare(&sealed, &present, 10), (named(&all), 5));
    assert_eq!(compare(&sealed, &present, 2), (named(&all[..2]), 5), "the first ones, and the number of all");
    assert_eq!(compare(&sealed, &sealed, 10), (vec![], 0));
}

// proves: AUD-02
#[test]
fn an_entry_that_was_moved_is_missing_where_it_was_and_added_where_it_is() {
    let sealed = leaves(&[("1#a", 1), ("2#b", 2)]);
    let present = leaves(&[("1#a", 1), ("3#b", 3)]);
    let (found, _) = compare(&sealed, &present, 10);
    assert_eq!(found, vec![(Difference::Missing, "2#b".to_owned()), (Difference::Added, "3#b".to_owned())]);
}

// proves: AUD-02
#[test]
fn a_list_of_leaves_that_cannot_be_read_names_its_line() {
    let good = to_lines(&leaves(&[("1#a", 1), ("2#b", 2)]));
    for bad in ["", "{}", r#"{"hash":"0g","sk":"x"}"#, r#"{"hash":"00","sk":"x","more":1}"#] {
        let lines = format!("{good}{bad}\n{good}");
        assert_eq!(from_lines(lines.as_bytes()).map_err(|bad| bad.0), Err(3), "{bad}");
    }
}

proptest! {
    // proves: AUD-02
    #[test]
    fn a_list_of_leaves_reads_back_whatever_the_keys_hold(
        entries in prop::collection::btree_map(".{0,20}", any::<Hash>(), 0..20)
    ) {
        let list: Vec<Leaf> = entries.into_iter().map(|(sk, hash)| Leaf { sk, hash }).collect();
        prop_assert_eq!(from_lines(to_lines(&list).as_bytes()), Ok(list));
    }

    // proves: AUD-02
    #[test]
    fn a_comparison_finds_exactly_the_changes_that_were_made(
        entries in prop::collection::btree_map("[0-9]{3}#[a-c]", any::<u8>(), 0..30),
        later in prop::collection::btree_map("[0-9]{3}#[a-c]", any::<u8>(), 0..30),
    ) {
        let list = |map: &BTreeMap<String, u8>| -> Vec<Leaf> {
            map.iter().map(|(sk, hash)| Leaf { sk: sk.clone(), hash: [*hash; 32] }).collect()
        };
        let (found, count) = compare(&list(&entries), &list(&later), 100);
        let keys: BTreeSet<&String> = entries.keys().chain(later.keys()).collect();
        let expected: Vec<(Difference, String)> = keys.into_iter().filter_map(|key| {
            let difference = match (entries.get(key), later.get(key)) {
                (Some(before), Some(after)) if before == after => return None,
                (Some(_), Some(_)) => Difference::Altered,
                (Some(_), None) => Difference::Missing,
                (None, _) => Difference::Added,
            };
            Some((difference, key.clone()))
        }).collect();
        prop_assert_eq!(count, expected.len() as u64);
        prop_assert_eq!(found, expected);
    }

    // proves: AUD-02
    #[test]
    fn every_hour_is_read_as_it_is_written(hours in -1_000_000_i64..10_000_000) {
        let hour = Hour::of(time::from_millis(hours * time::HOUR_MS));
        prop_assert_eq!(hour.to_string().parse::<Hour>(), Ok(hour));
    }
}
