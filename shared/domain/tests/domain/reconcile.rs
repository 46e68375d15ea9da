//! What is a difference with MoMo, what is only open, and what is neither.

use crate::reconcile_ledger::{
    AMOUNT, DAY, found, kigali, ours, payout_id, period, reference, statement, theirs, with_books,
};
use domain::{
    money::Currency,
    payout::Outside,
    reconcile::{
        Balance, Between, Books, CLOCKS_MS, Expected, Kind, Ours, Reconciliation, Source, Sum, TheirAmount,
        TheirStatus, Theirs, Verdict, Why, difference_note, reconcile,
    },
    time::{DAY_MS, HOUR_MS, MINUTE_MS, plus},
};
use jiff::{Timestamp, civil::date};

const EXPECTED: [Expected; 4] = [Expected::Paid, Expected::NotPaid, Expected::Open, Expected::Outside];
const STATUSES: [Option<TheirStatus>; 6] = [
    Some(TheirStatus::Successful),
    Some(TheirStatus::Failed),
    Some(TheirStatus::Pending),
    Some(TheirStatus::NotFound),
    Some(TheirStatus::Unknown),
    None,
];

fn compare(source: Source, ours: &[Ours], theirs: &[Theirs]) -> Reconciliation {
    reconcile(&period(source), ours, theirs)
}

fn kinds(reconciliation: &Reconciliation) -> Vec<Kind> {
    reconciliation.differences.iter().map(|difference| difference.kind).collect()
}

fn open(reconciliation: &Reconciliation) -> Vec<Why> {
    reconciliation.open.iter().map(|waiting| waiting.why).collect()
}

/// Differences and open things of one reference and at most one answer.
fn of(source: Source, expected: Expected, status: Option<TheirStatus>) -> String {
    let ours = ours(1, 1, expected);
    let line = status.map(|status| theirs(&ours, 1, 1, status));
    let result = compare(source, &[ours], &Vec::from_iter(line));
    let differences = kinds(&result).into_iter().map(|kind| format!("{kind:?}"));
    let open = open(&result).into_iter().map(|why| format!("({why:?})"));
    let all: Vec<String> = differences.chain(open).collect();
    if all.is_empty() { "agrees".to_owned() } else { all.join(" ") }
}

// proves: REC-01, REC-02
#[test]
fn each_pair_of_what_we_say_and_what_momo_says_is_agreed_open_or_a_difference() {
    let table = |source: Source| EXPECTED.map(|expected| STATUSES.map(|status| of(source, expected, status)));
    // Successful, failed, pending, not found, unknown, nothing at all.
    let asked = [
        ["agrees", "State", "State", "MissingThere", "(Unanswered)", "(Unanswered)"],
        ["State", "agrees", "State", "agrees", "(Unanswered)", "(Unanswered)"],
        ["State", "(Unsettled)", "(Unsettled)", "(Unsettled)", "(Unanswered)", "(Unanswered)"],
        ["State", "agrees", "State", "agrees", "(Unanswered)", "(Unanswered)"],
    ];
    assert_eq!(table(Source::Asked), asked);
    let listed = [
        ["agrees", "State", "State", "MissingThere", "State", "MissingThere"],
        ["State", "agrees", "State", "agrees", "(Unanswered)", "agrees"],
        ["State", "(Unsettled)", "(Unsettled)", "(Unsettled)", "(Unanswered)", "(Unsettled)"],
        ["State", "agrees", "State", "agrees", "(Unanswered)", "agrees"],
    ];
    assert_eq!(table(statement()), listed);
}

// proves: REC-01
#[test]
fn what_belongs_to_none_of_ours_is_missing_here_only_if_it_was_paid() {
    let stranger = ours(9, 1, Expected::Paid);
    let expected = [
        (TheirStatus::Successful, vec![Kind::MissingHere], vec![]),
        (TheirStatus::Failed, vec![], vec![]),
        (TheirStatus::Pending, vec![], vec![Why::NotOurs]),
        (TheirStatus::NotFound, vec![], vec![]),
        (TheirStatus::Unknown, vec![], vec![Why::NotOurs]),
    ];
    for (status, differences, waiting) in expected {
        let result = compare(statement(), &[], &[theirs(&stranger, 9, 1, status)]);
        assert_eq!((kinds(&result), open(&result)), (differences, waiting), "{status:?}");
    }
}

// proves: REC-02
#[test]
fn a_payment_of_another_time_that_names_nothing_of_ours_is_open_and_part_of_no_sum() {
    let stranger = ours(9, 1, Expected::Paid);
    let Source::Statement { from, .. } = statement() else { unreachable!("a statement") };
    let of_another_time = Theirs {
        reference: None,
        external_id: None,
        at: Some(plus(from, -DAY_MS)),
        ..theirs(&stranger, 9, 1, TheirStatus::Successful)
    };
    let result = compare(statement(), &[], std::slice::from_ref(&of_another_time));
    assert_eq!((kinds(&result), open(&result), result.breaks()), (vec![], vec![Why::AtTheEdge], vec![]));
    assert_eq!(result.verdict(), Verdict::Incomplete);
    // Of this time it is money that we know nothing of.
    let of_this_time = Theirs { at: Some(from), ..of_another_time };
    assert_eq!(kinds(&compare(statement(), &[], &[of_this_time])), [Kind::MissingHere]);
}

// proves: REC-01
#[test]
fn a_line_belongs_to_the_reference_it_names_else_to_the_transaction_else_to_the_redemption() {
    let paid = |number: u64| ours(number, 1, Expected::Paid);
    let ours = [paid(1), paid(2), paid(3)];
    let [first, second, third] = &ours;
    let line = |reference: Option<&Ours>, transaction: Option<&Ours>, redemption: Option<&Ours>| Theirs {
        reference: reference.map(|ours| ours.reference.clone()),
        transaction: transaction.and_then(|ours| ours.transaction.clone()),
        external_id: redemption.map(|ours| ours.payout.to_string()),
        ..theirs(first, 1, 1, TheirStatus::Successful)
    };
    let owner = |line: Theirs| {
        let line = Theirs { amount: TheirAmount::Whole(1), payee: String::new(), ..line };
        let result = compare(statement(), &ours, &[line]);
        let amounts = result.differences.into_iter().filter(|difference| difference.kind == Kind::Amount);
        amounts.map(|difference| difference.reference().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(owner(line(Some(first), Some(second), Some(third))), [reference(1, 1)]);
    assert_eq!(owner(line(None, Some(second), Some(third))), [reference(2, 1)]);
    assert_eq!(owner(line(None, None, Some(third))), [reference(3, 1)]);
    let unknown = paid(9);
    assert_eq!(owner(line(Some(&unknown), Some(second), Some(third))), [reference(2, 1)], "an unknown name is none");
    assert_eq!(owner(line(Some(&unknown), Some(&unknown), Some(third))), [reference(3, 1)]);
    assert_eq!(owner(line(Some(&unknown), None, None)), [] as [String; 0]);
}

// proves: REC-01
#[test]
fn a_line_that_names_only_the_redemption_belongs_to_the_reference_that_paid_or_to_the_newest() {
    let attempts =
        |second: Expected| [ours(1, 3, Expected::NotPaid), ours(1, 1, Expected::NotPaid), ours(1, 2, second)];
    let line = Theirs {
        reference: None,
        transaction: None,
        ..theirs(&ours(1, 1, Expected::Paid), 1, 1, TheirStatus::Successful)
    };
    let paid = compare(statement(), &attempts(Expected::Paid), std::slice::from_ref(&line));
    assert!(paid.agrees(), "{:?}", paid.differences);
    let none = compare(statement(), &attempts(Expected::NotPaid), std::slice::from_ref(&line));
    assert_eq!(found(&none), [(Kind::State, reference(1, 3))]);
}

// proves: REC-01, REC-02
#[test]
fn a_line_that_stands_twice_counts_once_unless_it_may_be_two_payments() {
    let paid = ours(1, 1, Expected::Paid);
    let line = theirs(&paid, 1, 1, TheirStatus::Successful);
    let lines = |line: &Theirs| [7, 5, 6].map(|number| Theirs { line: number, ..line.clone() });
    for named in
        [line.clone(), Theirs { reference: None, ..line.clone() }, Theirs { transaction: None, ..line.clone() }]
    {
        let result = compare(statement(), std::slice::from_ref(&paid), &lines(&named));
        assert!(result.agrees(), "{:?}", result.differences);
        let repeats: Vec<(u64, u64)> = result.repeats.iter().map(|repeat| (repeat.line, repeat.first)).collect();
        assert_eq!(repeats, [(6, 5), (7, 5)]);
    }
    let anonymous = Theirs { reference: None, transaction: None, ..line };
    let result = compare(statement(), &[paid], &lines(&anonymous));
    assert_eq!(kinds(&result), [Kind::Twice, Kind::Twice]);
    let [one, other] = &result.differences[..] else { panic!("two of them") };
    assert_ne!(one.id, other.id);
    assert_eq!(result.totals.balance(), Balance::There(2 * AMOUNT));
}

// proves: REC-01, REC-02
#[test]
fn two_payments_of_one_redemption_are_one_difference_whichever_references_they_have() {
    let (failed, paid) = (ours(1, 1, Expected::NotPaid), ours(1, 2, Expected::Paid));
    let lines = [theirs(&failed, 1, 1, TheirStatus::Successful), theirs(&paid, 1, 2, TheirStatus::Successful)];
    for source in [Source::Asked, statement()] {
        let result = compare(source, &[failed.clone(), paid.clone()], &lines);
        assert_eq!(found(&result), [(Kind::Twice, reference(1, 1))], "{source:?}");
        // Where nobody has called it paid yet, the first payment is news and the second one too many.
        let open = [failed.clone(), Ours { expected: Expected::Open, ..paid.clone() }];
        let result = compare(source, &open, &lines);
        assert_eq!(found(&result), [(Kind::State, reference(1, 2)), (Kind::Twice, reference(1, 1))], "{source:?}");
    }
}

// proves: REC-01
#[test]
fn of_several_answers_about_one_reference_a_success_stands_else_the_last_one() {
    let ours = ours(1, 1, Expected::Paid);
    let answer = |hours: i64, status: TheirStatus| Theirs {
        at: Some(plus(ours.at, hours * HOUR_MS)),
        ..theirs(&ours, 1, 1, status)
    };
    let says = |answers: &[Theirs]| {
        let result = compare(Source::Asked, std::slice::from_ref(&ours), answers);
        (kinds(&result), open(&result))
    };
    let (paid, failed, lost) = (TheirStatus::Successful, TheirStatus::Failed, TheirStatus::Unknown);
    assert_eq!(says(&[answer(24, paid), answer(72, paid)]), (vec![], vec![]), "one payment, looked at twice");
    assert_eq!(says(&[answer(24, paid), answer(72, lost)]), (vec![], vec![]));
    assert_eq!(says(&[answer(24, failed), answer(72, paid)]), (vec![], vec![]));
    assert_eq!(says(&[answer(72, failed), answer(24, lost)]), (vec![Kind::State], vec![]));
    assert_eq!(says(&[answer(24, failed), answer(72, lost)]), (vec![], vec![Why::Unanswered]));
}

/// Sent and learned of at these minutes from midnight, at which the statement ends.
fn around_midnight(sent: i64, learned: i64) -> Ours {
    let Source::Statement { to, .. } = statement() else { panic!("a statement") };
    Ours { sent_at: plus(to, sent * MINUTE_MS), at: plus(to, learned * MINUTE_MS), ..ours(1, 1, Expected::Paid) }
}

// proves: REC-01
#[test]
fn a_payment_around_the_end_of_a_statement_is_compared_where_it_stands_and_else_open() {
    let clocks = CLOCKS_MS / MINUTE_MS;
    let cases = [
        ("before midnight", -60, -clocks - 1, vec![Kind::MissingThere], vec![]),
        ("too near to midnight for our clock", -60, -clocks, vec![], vec![Why::AtTheEdge]),
        ("paid over midnight", -1, 30, vec![], vec![Why::AtTheEdge]),
        ("just after midnight", clocks - 1, 30, vec![], vec![Why::AtTheEdge]),
        ("after midnight", clocks, 30, vec![], vec![]),
    ];
    for (what, sent, learned, differences, waiting) in cases {
        let ours = around_midnight(sent, learned);
        let result = compare(statement(), std::slice::from_ref(&ours), &[]);
        assert_eq!((kinds(&result), open(&result)), (differences, waiting.clone()), "{what}");
        assert_eq!(result.totals.at_the_edge.count, waiting.len() as u64, "{what}");
        let line = theirs(&ours, 1, 1, TheirStatus::Successful);
        let result = compare(statement(), std::slice::from_ref(&ours), &[line]);
        assert!(result.agrees(), "{what}: a line that is there counts, wherever we would have looked");
        assert_eq!(result.totals.here.paid, Sum { count: 1, amount: AMOUNT }, "{what}");
    }
    let late = around_midnight(-1, 30);
    let pending = theirs(&late, 1, 1, TheirStatus::Pending);
    let result = compare(statement(), &[late], &[pending]);
    assert_eq!((kinds(&result), open(&result)), (vec![], vec![Why::AtTheEdge]), "it was still pending then");
    assert_eq!(result.verdict(), Verdict::Incomplete, "a statement of both days has to tell");
}

// proves: REC-01
#[test]
fn a_statements_days_begin_and_end_at_midnight_of_the_business() {
    let time = |text: &str| text.parse::<Timestamp>().expect("a time");
    let month = Source::statement(date(2026, 11, 1), date(2026, 11, 30), &kigali(), 0);
    let (from, to) = (time("2026-10-31T22:00:00Z"), time("2026-11-30T22:00:00Z"));
    assert_eq!(month, Source::Statement { from, to, unread: 0 });
}

// proves: REC-01
#[test]
fn amounts_are_the_same_in_whichever_whole_form_they_are_written() {
    let paid = ours(1, 1, Expected::Paid);
    for (written, same) in [("5000", true), ("5000.0", true), ("5000.00", true), ("5000.5", false), ("", false)] {
        let amount = TheirAmount::read(written);
        let line = Theirs { amount, ..theirs(&paid, 1, 1, TheirStatus::Successful) };
        let result = compare(Source::Asked, std::slice::from_ref(&paid), &[line]);
        assert_eq!(kinds(&result), if same { vec![] } else { vec![Kind::Amount] }, "{written:?}");
        assert_eq!(result.agrees(), same, "{written:?}");
    }
}

// proves: REC-01
#[test]
fn a_payee_is_compared_only_where_both_sides_name_one() {
    let paid = ours(1, 1, Expected::Paid);
    let line = theirs(&paid, 1, 1, TheirStatus::Successful);
    let other = Theirs { payee: "250780000002".to_owned(), ..line.clone() };
    let erased = Ours { payee: String::new(), ..paid.clone() };
    let silent = Theirs { payee: String::new(), ..line };
    assert_eq!(kinds(&compare(statement(), std::slice::from_ref(&paid), std::slice::from_ref(&other))), [Kind::Payee]);
    assert!(compare(statement(), &[erased], &[other]).agrees());
    assert!(compare(statement(), &[paid], &[silent]).agrees());
}

// proves: REC-01
#[test]
fn an_external_id_of_another_make_is_no_other_redemption_in_a_statement_and_is_one_in_an_answer() {
    let paid = ours(1, 1, Expected::Paid);
    let line = |id: &str| Theirs { external_id: Some(id.to_owned()), ..theirs(&paid, 1, 1, TheirStatus::Successful) };
    let kinds = |source: Source, id: &str| kinds(&compare(source, std::slice::from_ref(&paid), &[line(id)]));
    assert_eq!(kinds(statement(), "47110815"), []);
    assert_eq!(kinds(Source::Asked, "47110815"), [Kind::Identity]);
    assert_eq!(kinds(statement(), payout_id(2).as_str()), [Kind::Identity]);
    assert_eq!(kinds(Source::Asked, payout_id(2).as_str()), [Kind::Identity]);
}

// proves: REC-01, REC-03
#[test]
fn francs_and_euros_are_never_added_up() {
    let euros = Ours { currency: Currency::Eur, ..ours(1, 1, Expected::Paid) };
    let line = theirs(&euros, 1, 1, TheirStatus::Successful);
    let result = compare(statement(), &[euros], &[line]);
    assert_eq!(kinds(&result), [Kind::Currency], "a payout in another currency than the business's");
    assert_eq!(result.totals.here.paid, Sum { count: 1, amount: 0 });
    let francs = ours(2, 1, Expected::Paid);
    let line = Theirs { currency: "EUR".to_owned(), ..theirs(&francs, 2, 1, TheirStatus::Successful) };
    let result = compare(statement(), &[francs], &[line]);
    assert_eq!((kinds(&result), result.totals.balance()), (vec![Kind::Currency], Balance::Here(AMOUNT)));
}

fn books(amounts: &[(Outside, bool, u64)]) -> Books {
    let mut books = Books::default();
    for (standing, outside, amount) in amounts {
        books.codes.add(*amount);
        books.redemptions.add(*amount);
        books.payouts.add(*standing, *outside, *amount);
    }
    books
}

// proves: REC-03
#[test]
fn codes_redemptions_payouts_and_momo_agree_to_the_franc_or_it_is_said_where_not() {
    let paid = [ours(1, 1, Expected::Paid), ours(2, 1, Expected::Paid)];
    let lines = [1, 2].map(|number| theirs(&paid[number - 1], number as u64, 1, TheirStatus::Successful));
    let day = [
        (Outside::Completed, false, AMOUNT),
        (Outside::Completed, false, AMOUNT),
        (Outside::Completed, true, AMOUNT),
        (Outside::Queued, false, 1),
        (Outside::Processing, false, 2),
        (Outside::AwaitingApproval, false, 3),
        (Outside::Held, false, 4),
        (Outside::Failed, false, 5),
        (Outside::Cancelled, false, 6),
    ];
    let good = books(&day);
    assert_eq!(good.payouts.all(), Sum { count: 9, amount: 3 * AMOUNT + 21 });
    let result = |books: Books| reconcile(&with_books(Source::Asked, books), &paid, &lines);
    assert!(result(good).agrees());

    let mut one_franc_more = good;
    one_franc_more.codes.amount += 1;
    let mut one_redemption_less = good;
    one_redemption_less.redemptions.count -= 1;
    let mut one_payout_more = good;
    one_payout_more.payouts.add(Outside::Failed, false, 1);
    let mut paid_and_not_failed = good;
    paid_and_not_failed.payouts.paid.add(5);
    paid_and_not_failed.payouts.failed = Sum::default();
    let cases = [
        (one_franc_more, vec![Between::CodesAndRedemptions]),
        (one_redemption_less, vec![Between::CodesAndRedemptions, Between::RedemptionsAndPayouts]),
        (one_payout_more, vec![Between::RedemptionsAndPayouts]),
        (paid_and_not_failed, vec![Between::PayoutsAndReferences]),
    ];
    for (books, expected) in cases {
        let result = result(books);
        let breaks: Vec<Between> = result.breaks().iter().map(|found| found.between).collect();
        assert_eq!((breaks, result.verdict(), result.differences.len()), (expected, Verdict::Differs, 0));
        let note = difference_note(&result).expect("an alert");
        assert!(result.breaks().iter().all(|found| note.contains(&found.words(Currency::Rwf))), "{note}");
    }
    let elsewhere = reconcile(&with_books(statement(), paid_and_not_failed), &paid, &lines);
    assert!(elsewhere.agrees(), "a statement's payments are not just those of its day's redemptions");
}

// proves: REC-03
#[test]
fn what_is_not_known_yet_is_neither_an_agreement_nor_a_difference() {
    let paid = [ours(1, 1, Expected::Paid), ours(2, 1, Expected::Paid)];
    let result = compare(Source::Asked, &paid, &[theirs(&paid[0], 1, 1, TheirStatus::Successful)]);
    assert_eq!((result.verdict(), result.agrees()), (Verdict::Incomplete, false));
    assert_eq!((result.totals.unanswered, result.breaks()), (Sum { count: 1, amount: AMOUNT }, vec![]));
    assert_eq!(difference_note(&result), None, "nobody is called");

    let whole = |unread: u64| {
        let lines = [1, 2].map(|number| theirs(&paid[number - 1], number as u64, 1, TheirStatus::Successful));
        compare(Source::statement(DAY, DAY, &kigali(), unread), &paid, &lines).verdict()
    };
    assert_eq!((whole(0), whole(1)), (Verdict::Agrees, Verdict::Incomplete), "a line that couldn't be read");
    let refused = ours(3, 1, Expected::NotPaid);
    assert_eq!(compare(Source::Asked, &[refused], &[]).verdict(), Verdict::Incomplete);
}

// proves: REC-03
#[test]
fn sums_at_the_end_of_the_numbers_neither_wrap_nor_agree() {
    let large = |number: u64| Ours { amount: u64::MAX - 1, ..ours(number, 1, Expected::Paid) };
    let paid = [large(1), large(2)];
    let lines = [1, 2].map(|number| theirs(&paid[number - 1], number as u64, 1, TheirStatus::Successful));
    let one = compare(Source::Asked, &paid[..1], &lines[..1]);
    assert!(one.agrees(), "the largest amount that can be told");
    let both = compare(Source::Asked, &paid, &lines);
    assert_eq!(both.totals.here.paid, Sum { count: 2, amount: u64::MAX });
    assert_eq!((both.totals.balance(), both.differences.len()), (Balance::Even, 0));
    let breaks: Vec<Between> = both.breaks().iter().map(|found| found.between).collect();
    assert_eq!((breaks, both.verdict()), (vec![Between::TooLarge], Verdict::Differs));
    let none = compare(Source::Asked, &paid[..1], &[]);
    assert_eq!((none.verdict(), none.totals.balance()), (Verdict::Incomplete, Balance::Even));
    let full = Sum { count: u64::MAX, amount: 0 };
    assert_eq!(full.plus(full), full);
    assert!(!full.is_exact() && !Sum { count: 1, amount: u64::MAX }.is_exact());
}

// proves: REC-02
#[test]
fn a_difference_that_is_found_again_has_the_same_id_and_another_day_another() {
    let ours = ours(1, 1, Expected::NotPaid);
    let line = theirs(&ours, 1, 1, TheirStatus::Successful);
    let stranger = theirs(&ours_of_nobody(), 9, 1, TheirStatus::Successful);
    let ids = |source: Source, day, move_by: u64| {
        let lines = [&line, &stranger].map(|line| Theirs { line: line.line + move_by, ..line.clone() });
        let period = domain::reconcile::Period { day, ..period(source) };
        let result = reconcile(&period, std::slice::from_ref(&ours), &lines);
        result.differences.into_iter().map(|difference| difference.id).collect::<Vec<_>>()
    };
    let first = ids(statement(), DAY, 0);
    assert_eq!(first.len(), 2);
    assert!(first.iter().all(|id| id.len() == 32));
    assert_eq!(ids(statement(), DAY, 40), first, "the lines stand elsewhere");
    assert_eq!(ids(Source::Asked, DAY, 0), first, "whoever tells it");
    assert!(ids(statement(), date(2026, 11, 21), 0).iter().all(|id| !first.contains(id)));
}

fn ours_of_nobody() -> Ours {
    ours(9, 1, Expected::Paid)
}

// proves: REC-02
#[test]
fn nothing_that_is_stored_shown_or_sent_has_a_whole_phone_number() {
    let paid = ours(1_234_567, 1, Expected::Paid);
    let line = Theirs { payee: "250790765432".to_owned(), ..theirs(&paid, 1, 1, TheirStatus::Successful) };
    let odd = Theirs { payee: "46733123450".to_owned(), ..theirs(&ours_of_nobody(), 9, 1, TheirStatus::Successful) };
    let result =
        compare(statement(), &[paid.clone(), ours(2_345_678, 1, Expected::Open)], &[line.clone(), odd.clone()]);
    assert_eq!(kinds(&result), [Kind::MissingHere, Kind::Payee]);
    let stored = serde_json::to_string(&result).expect("JSON");
    let note = difference_note(&result).expect("an alert");
    for text in [&stored, &note, &format!("{paid:?} {line:?} {odd:?} {result:?}")] {
        for number in ["781234567", "790765432", "46733123450", "6733123450", "782345678"] {
            assert!(!text.contains(number), "{number} in {text}");
        }
    }
    assert!(stored.contains("07*****567") && stored.contains("07*****432") && stored.contains("***450"), "{stored}");
    assert_eq!(serde_json::from_str::<Reconciliation>(&stored).expect("it reads back"), result);
}

// proves: REC-02
#[test]
fn an_alert_names_the_day_the_kinds_the_sums_and_the_first_references() {
    let paid: Vec<Ours> = (1..=7).map(|number| ours(number, 1, Expected::Paid)).collect();
    let stranger = Theirs { line: 12, ..theirs(&ours_of_nobody(), 9, 1, TheirStatus::Successful) };
    let note = difference_note(&compare(statement(), &paid, &[stranger])).expect("an alert");
    let begins = "The payouts of 20/11/2026 and MoMo do not agree. Differences: 7 missing at MoMo, 1 missing here. \
                  30,000 RWF more is paid here than there. Paid here: 35,000 RWF (7). Paid by MoMo: 5,000 RWF (1).";
    assert!(note.starts_with(begins), "{note}");
    let named = |number: u64| note.contains(&format!("{} (missing at MoMo)", reference(number, 1)));
    assert!((1..=5).all(named) && !named(6) && note.contains("; and 3 more."), "{note}");
    assert_eq!(difference_note(&compare(statement(), &[], &[])), None);
}
