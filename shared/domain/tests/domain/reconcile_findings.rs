//! Differences are resolved by one person and closed by another.

use crate::{
    people::{noon, user_id},
    reconcile_ledger::{DAY, ours, period},
};
use domain::{
    reconcile::{
        BadNote, Difference, Expected, Finding, NOTE_MAX, Note, Refusal, Source, Standing, TheirStatus, reconcile,
    },
    time::{HOUR_MS, plus},
};

fn difference() -> Difference {
    let ours = ours(1, 1, Expected::Paid);
    let theirs = crate::reconcile_ledger::theirs(&ours, 1, 1, TheirStatus::Failed);
    reconcile(&period(Source::Asked), &[ours], &[theirs]).differences.pop().expect("a difference")
}

fn finding() -> Finding {
    Finding::new(DAY, difference(), noon())
}

fn note(text: &str) -> Note {
    Note::parse(text).expect("a note")
}

// proves: REC-02
#[test]
fn a_difference_is_closed_by_another_person_than_who_proposed_how() {
    let (one, other) = (user_id(1), user_id(2));
    let later = plus(noon(), HOUR_MS);
    let found = finding();
    assert_eq!((found.standing.name(), found.version, &found.id), ("open", 1, &found.difference.id));
    let proposed = found.propose(&one, note("MTN has paid it on the 22nd."), later).expect("it is open");
    assert_eq!((proposed.standing.name(), proposed.version), ("proposed", 2));
    assert_eq!(proposed.close(&one, later), Err(Refusal::SecondPerson));
    let closed = proposed.close(&other, later).expect("a second person");
    assert_eq!((closed.version, closed.difference == found.difference), (3, true));
    let Standing::Closed { proposal, by, at } = closed.standing else { panic!("closed") };
    assert_eq!((proposal.by, proposal.note.as_str()), (one, "MTN has paid it on the 22nd."));
    assert_eq!((by, at), (other, later));
}

// proves: REC-02
#[test]
fn each_step_is_refused_where_it_makes_no_sense() {
    let (one, other) = (user_id(1), user_id(2));
    let open = finding();
    let proposed = open.propose(&one, note("a"), noon()).expect("open");
    let closed = proposed.close(&other, noon()).expect("proposed");
    assert_eq!(open.close(&other, noon()), Err(Refusal::NotProposed));
    assert_eq!(open.reject(), Err(Refusal::NotProposed));
    assert_eq!(proposed.propose(&other, note("b"), noon()), Err(Refusal::Proposed));
    assert_eq!(closed.propose(&other, note("b"), noon()), Err(Refusal::Closed));
    assert_eq!(closed.close(&other, noon()), Err(Refusal::Closed));
    assert_eq!(closed.reject(), Err(Refusal::Closed));
}

// proves: REC-02
#[test]
fn a_rejected_proposal_leaves_the_difference_open_for_whoever_comes_next() {
    let (one, other) = (user_id(1), user_id(2));
    let proposed = finding().propose(&one, note("a"), noon()).expect("open");
    let open = proposed.reject().expect("proposed");
    assert_eq!((&open.standing, open.version), (&Standing::Open, 3));
    let again = open.propose(&other, note("b"), noon()).expect("open");
    assert_eq!(again.close(&other, noon()), Err(Refusal::SecondPerson));
    assert!(again.close(&one, noon()).is_ok(), "who proposed something else may agree to this");
}

// proves: REC-02
#[test]
fn a_note_has_1_to_1000_characters_and_no_control_characters_but_line_ends() {
    assert_eq!(Note::parse(" \n "), Err(BadNote::Empty));
    let longest = "é".repeat(NOTE_MAX);
    assert_eq!(note(&format!(" {longest}\n")).as_str(), longest);
    assert_eq!(Note::parse(&format!("{longest}x")), Err(BadNote::TooLong(1_001)));
    assert_eq!(note("two\nlines").as_str(), "two\nlines");
    for bad in ["a\tb", "a\rb", "a\0b", "a\u{1b}[1mb", "a\u{85}b"] {
        assert_eq!(Note::parse(bad), Err(BadNote::Control), "{bad:?}");
    }
    assert!(serde_json::from_str::<Note>("\"a\\tb\"").is_err(), "nor does a bad one come out of the table");
}

// proves: REC-02
#[test]
fn a_finding_reads_back_as_it_was_stored() {
    let open = finding();
    let proposed = open.propose(&user_id(1), note("two\nlines"), noon()).expect("open");
    let closed = proposed.close(&user_id(2), noon()).expect("proposed");
    for finding in [open, proposed, closed] {
        let stored = serde_json::to_string(&finding).expect("JSON");
        assert_eq!(serde_json::from_str::<Finding>(&stored).expect("it reads back"), finding);
    }
}
