//! What a statement says, compared with what we say.

use crate::statements::{good, rules};
use domain::{
    identity::RedemptionId,
    money::Currency,
    reconcile::{Expected, Kind, Ours, Period, Source, Verdict, reconcile},
};
use jiff::{civil::date, tz::TimeZone};
use proptest::prelude::*;
use sheets::statement::{Statement, read};

fn payout(number: u64) -> Ours {
    let at = "2026-11-20T10:00:00Z".parse().expect("a time");
    Ours {
        payout: RedemptionId::parse(&format!("{number:032x}")).expect("32 figures"),
        sent_at: at,
        reference: format!("{number:08x}-0000-4000-8000-000000000001"),
        amount: 1_000 * (number + 1),
        currency: Currency::Rwf,
        payee: format!("25078{number:07}"),
        expected: Expected::Paid,
        at,
        transaction: None,
    }
}

/// The line of a payout in one of the forms in which a statement may have it.
fn line(ours: &Ours, form: usize) -> String {
    let Ours { reference, payout, amount, payee, .. } = ours;
    match form % 4 {
        0 => format!("{reference},,,{amount},RWF,{payee},SUCCESSFUL,20/11/2026 12:00\n"),
        1 => format!(",{payout},77{payee},{amount}.00,RWF,FRI:{payee}/MSISDN,Success,2026-11-20 12:00:00\n"),
        2 => format!("{},{payout},,\"{amount}\",rwf,+{payee},Completed,\n", reference.to_ascii_uppercase()),
        _ => format!("-,{payout},n/a,{amount}.0,RWF,0{},successful,x\n", &payee[3..]),
    }
}

fn period(statement: &Statement, zone: &TimeZone) -> Period {
    let day = date(2026, 11, 20);
    let source = Source::statement(day, day, zone, statement.unread());
    Period { day, currency: Currency::Rwf, source, books: None }
}

const HEADER: &str = "Reference Id,External Id,Financial Transaction Id,Amount,Currency,To account,Status,Date\n";

proptest! {
    // proves: REC-01
    #[test]
    fn what_a_statement_says_in_whatever_form_agrees_with_what_we_say(forms in prop::collection::vec(0..4usize, 1..40)) {
        let ours: Vec<Ours> = (0..).zip(&forms).map(|(number, _)| payout(number)).collect();
        let lines: String = ours.iter().zip(&forms).map(|(ours, form)| line(ours, *form)).collect();
        let statement = good(&format!("{HEADER}{lines}Total,,,1,RWF,,,\n"));
        let result = reconcile(&period(&statement, &rules().zone), &ours, &statement.lines);
        prop_assert_eq!((&statement.problems[..], statement.totals.len()), (&[][..], 1));
        prop_assert!(result.agrees(), "{:?}", result.differences);
    }

    // proves: REC-01
    #[test]
    fn any_bytes_are_read_as_a_statement_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(read(&bytes, &rules()));
        drop(read(&[HEADER.as_bytes(), &bytes[..]].concat(), &rules()));
    }

    // proves: REC-01
    #[test]
    fn every_line_of_a_statement_is_taken_or_told(cells in prop::collection::vec("[0-9A-Za-z,. :+=é-]{0,6}(,[0-9A-Z]{0,4}){0,9}", 1..20)) {
        let file = format!("{HEADER}{}\n", cells.join("\n"));
        if let Ok(statement) = read(file.as_bytes(), &rules()) {
            let mut told: Vec<u64> = statement.lines.iter().map(|line| line.line).collect();
            told.extend(statement.problems.iter().map(|problem| problem.line).chain(statement.totals.iter().copied()));
            told.sort_unstable();
            told.dedup();
            let blank = |line: &str| line.trim_matches([',', ' ']).is_empty();
            let all = file.lines().skip(1).filter(|line| !blank(line)).count();
            prop_assert_eq!(told.len(), all, "{:?}: {}", told, file);
        }
    }
}

// proves: REC-01, REC-02, REC-03
#[test]
fn a_statement_with_a_line_that_was_not_read_never_agrees() {
    let ours = [payout(1), payout(2)];
    let compare = |text: &str, ours: &[Ours]| {
        let statement = good(&format!("{HEADER}{text}"));
        reconcile(&period(&statement, &rules().zone), ours, &statement.lines)
    };
    let both: String = ours.iter().map(|ours| line(ours, 0)).collect();
    assert_eq!(compare(&both, &ours).verdict(), Verdict::Agrees);
    let masked = both.replace(&ours[1].payee, "25078****002");
    assert_eq!(compare(&masked, &ours).verdict(), Verdict::Incomplete);
    let nameless = format!("{both},,,3000,RWF,,Successful,\n");
    assert_eq!(compare(&nameless, &ours).verdict(), Verdict::Incomplete);
    let broken = both.replace(",3000,", ",3,000,");
    let result = compare(&broken, &ours);
    assert_eq!((result.verdict(), result.count(Kind::MissingThere)), (Verdict::Differs, 1));
    let half = both.replace(",3000,", ",3000.50,");
    assert_eq!(compare(&half, &ours).count(Kind::Amount), 1);
    let euros = both.replacen("RWF", "EUR", 1);
    assert_eq!(compare(&euros, &ours).count(Kind::Currency), 1);
    let reversed = both.replacen("SUCCESSFUL", "Reversed", 1);
    assert_eq!(compare(&reversed, &ours).count(Kind::State), 1);
}
