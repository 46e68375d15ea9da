//! Statements of the portal in every form that we can think of, and every kind of bad one.

use domain::{
    money::Currency,
    reconcile::{TheirAmount, TheirStatus, Theirs},
};
use jiff::{Timestamp, tz::TimeZone};
use sheets::{
    import,
    statement::{Column, LineProblem, Reason, Refused, Rules, Statement, read, report},
};

const REFERENCE: &str = "5f1c2f7e-9d5a-4c57-8a53-0d1f3a1b2c3d";
const REDEMPTION: &str = "00000000000000000000000000000001";

pub fn rules() -> Rules {
    Rules::of(Currency::Rwf, TimeZone::get("Africa/Kigali").expect("a zone"))
}

pub fn good(file: &str) -> Statement {
    match read(file.as_bytes(), &rules()) {
        Ok(statement) => statement,
        Err(why) => panic!("refused: {why}"),
    }
}

fn refused(file: &[u8]) -> Refused {
    match read(file, &rules()) {
        Ok(statement) => panic!("taken: {statement:?}"),
        Err(why) => why,
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// The one line of a file with these cells below their names.
fn only(cells: &[(&str, &str)]) -> Theirs {
    let (names, values): (Vec<&str>, Vec<String>) =
        cells.iter().map(|(name, cell)| (*name, format!("\"{cell}\""))).unzip();
    let statement = good(&format!("{}\n{}\n", names.join(","), values.join(",")));
    assert_eq!(statement.problems, [], "{cells:?}");
    let [line] = &statement.lines[..] else { panic!("one line: {statement:?}") };
    line.clone()
}

/// What is wrong with the one line with this cell in the named column, and how it was taken.
fn with(name: &str, cell: &str) -> (Vec<Reason>, Option<Theirs>, u64) {
    let mut cells =
        [("Reference Id", REFERENCE), ("Amount", "5000"), ("Currency", "RWF"), ("To", ""), ("Status", "Successful")];
    for (known, value) in &mut cells {
        if *known == name {
            *value = cell;
        }
    }
    let quoted = cells.map(|(_, value)| format!("\"{value}\"")).join(",");
    let mut statement = good(&format!("{}\n{quoted}\n", cells.map(|(name, _)| name).join(",")));
    let reasons = statement.problems.iter().map(|problem| problem.reason.clone()).collect();
    (reasons, statement.lines.pop(), statement.unread())
}

// proves: REC-01
#[test]
fn a_statement_is_read_whatever_its_line_ends_delimiter_mark_and_the_order_of_its_columns() {
    let rows = [
        ["Fee", "Status", " TO ", "amount", "Currency", "Date", "External Transaction Id", "X-Reference-Id", "Id"],
        [
            "0",
            "Successful",
            "FRI:250788123456/MSISDN",
            "5000",
            "RWF",
            "2026-11-20 14:03:22",
            REDEMPTION,
            REFERENCE,
            "77",
        ],
        ["0", "FAILED", "", "100", "rwf", "", "", "\"ref\"\"2\"", "-"],
    ];
    for end in ["\n", "\r\n", "\r"] {
        for delimiter in [",", ";", "\t"] {
            for mark in ["", "\u{feff}"] {
                let what = format!("{end:?} {delimiter:?} {mark:?}");
                let text = rows.map(|row| row.join(delimiter)).join(end);
                let statement = good(&format!("{mark}{text}{end}{end}"));
                let first = Theirs {
                    reference: Some(REFERENCE.to_owned()),
                    external_id: Some(REDEMPTION.to_owned()),
                    transaction: Some("77".to_owned()),
                    amount: TheirAmount::Whole(5_000),
                    currency: "RWF".to_owned(),
                    payee: "250788123456".to_owned(),
                    status: TheirStatus::Successful,
                    at: Some(time("2026-11-20T12:03:22Z")),
                    line: 2,
                };
                let second = Theirs {
                    reference: Some("ref\"2".to_owned()),
                    external_id: None,
                    transaction: None,
                    amount: TheirAmount::Whole(100),
                    currency: "RWF".to_owned(),
                    payee: String::new(),
                    status: TheirStatus::Failed,
                    at: None,
                    line: 3,
                };
                assert_eq!(statement.lines, [first, second], "{what}");
                assert_eq!((statement.problems.clone(), statement.unread()), (vec![], 0), "{what}");
            }
        }
    }
}

// proves: REC-01
#[test]
fn columns_are_found_by_every_name_that_is_known_and_the_more_exact_one_counts() {
    let needed = [Column::Reference, Column::Amount, Column::Status];
    for column in Column::ALL {
        for name in column.names() {
            let others = needed.into_iter().filter(|other| *other != column).map(|other| other.names()[0]);
            let header: Vec<String> = others.map(str::to_owned).chain([name.to_ascii_uppercase()]).collect();
            let statement = good(&format!("{}\nx,1\n", header.join(",")));
            assert!(statement.columns.contains(&(column, name.to_ascii_uppercase())), "{column}: {name}");
        }
    }
    let line = only(&[
        ("Id", "wrong"),
        ("Financial Transaction Id", "77"),
        ("Reference", "wrong"),
        ("Reference Id", REFERENCE),
        ("Amount", "1"),
        ("Status", "Pending"),
    ]);
    assert_eq!((line.transaction.as_deref(), line.reference.as_deref()), (Some("77"), Some(REFERENCE)));
}

// proves: REC-01
#[test]
fn payees_are_numbers_in_every_form_they_come_in() {
    let forms = [
        ("FRI:250788123456/MSISDN", "250788123456"),
        ("fri:250788123456/msisdn", "250788123456"),
        ("+250788123456", "250788123456"),
        ("+250 788 123 456", "250788123456"),
        ("250788123456", "250788123456"),
        ("'250788123456", "250788123456"),
        ("0788123456", "250788123456"),
        ("788123456", "250788123456"),
        ("MSISDN:250788123456", "250788123456"),
        ("46733123450", "46733123450"),
        ("", ""),
        ("N/A", ""),
    ];
    for (written, read) in forms {
        let (reasons, line, unread) = with("To", written);
        assert_eq!((reasons, unread), (vec![], 0), "{written}");
        assert_eq!(line.map(|line| line.payee).as_deref(), Some(read), "{written}");
    }
    for written in ["25078****456", "Claudine U.", "2.50788E+11", "12345", "FRI:Claudine/ALIAS", "250788123456789012"] {
        let (reasons, line, unread) = with("To", written);
        assert_eq!((reasons, unread), (vec![Reason::Payee], 1), "{written}");
        assert_eq!(line.map(|line| line.payee).as_deref(), Some(""), "{written}: taken, and not compared");
    }
}

// proves: REC-01
#[test]
fn amounts_are_whole_with_or_without_marks_between_thousands_and_nothing_is_guessed() {
    let whole = [
        ("5000", 5_000),
        ("5,000", 5_000),
        ("5 000", 5_000),
        ("5\u{a0}000", 5_000),
        ("5\u{202f}000", 5_000),
        ("5000.0", 5_000),
        ("5000.00", 5_000),
        ("5,000.00", 5_000),
        ("1,234,567", 1_234_567),
        ("0", 0),
        ("18446744073709551615", u64::MAX),
    ];
    for (written, amount) in whole {
        let (reasons, line, _) = with("Amount", written);
        assert_eq!((reasons, line.map(|line| line.amount)), (vec![], Some(TheirAmount::Whole(amount))), "{written}");
    }
    let odd = [
        "",
        "5000.5",
        "5000.50",
        "5.000",
        "5,00",
        "5,0000",
        "50,00,000",
        "5,000 000",
        ",500",
        "5,",
        "-5000",
        "5000.",
        "RWF 5000",
        "5e3",
        "٥٠٠٠",
        "18446744073709551616",
    ];
    for written in odd {
        let (reasons, line, unread) = with("Amount", written);
        assert_eq!(reasons, [Reason::Amount], "{written}");
        assert_eq!(line.map(|line| line.amount), Some(TheirAmount::Unreadable(written.to_owned())), "{written}");
        assert_eq!(unread, 0, "a reconciliation finds it: it agrees with no amount");
    }
}

// proves: REC-01
#[test]
fn words_of_status_are_known_in_any_case_and_others_prove_nothing() {
    let words = [
        ("Successful", TheirStatus::Successful),
        ("SUCCESS", TheirStatus::Successful),
        ("completed", TheirStatus::Successful),
        ("Failed", TheirStatus::Failed),
        ("FAILURE", TheirStatus::Failed),
        ("Pending", TheirStatus::Pending),
        ("CREATED", TheirStatus::Pending),
    ];
    for (word, status) in words {
        let (reasons, line, _) = with("Status", word);
        assert_eq!((reasons, line.map(|line| line.status)), (vec![], Some(status)), "{word}");
    }
    for word in ["", "Reversed", "Unsuccessful", "not successful"] {
        let (reasons, line, unread) = with("Status", word);
        assert_eq!(reasons, [Reason::Status], "{word}");
        assert_eq!((line.map(|line| line.status), unread), (Some(TheirStatus::Unknown), 0), "{word}");
    }
}

// proves: REC-01
#[test]
fn times_are_of_the_business_unless_they_say_otherwise_and_odd_ones_are_left_out() {
    let noon = Some(time("2026-11-20T10:00:00Z"));
    let at = |date: &str, time: &str| {
        let cells = [("Id", "1"), ("Amount", "1"), ("Status", "Failed"), ("Date", date), ("Time", time)];
        only(&cells).at
    };
    for (date, time) in [
        ("2026-11-20 12:00:00", ""),
        ("2026-11-20T12:00:00", ""),
        ("2026-11-20T10:00:00Z", ""),
        ("2026-11-20T13:00:00+03:00", ""),
        ("20/11/2026 12:00", ""),
        ("20/11/2026 12:00:00", ""),
        ("20-11-2026 12:00:00", ""),
        ("20/11/2026", "12:00:00"),
        ("2026-11-20", "12:00"),
        ("2026-11-20 12:00:00", "23:59"),
    ] {
        assert_eq!(at(date, time), noon, "{date} {time}");
    }
    for (date, time) in [("", ""), ("2026-11-20", ""), ("", "12:00"), ("11/20/2026 12:00", ""), ("soon", "12:00")] {
        assert_eq!(at(date, time), None, "{date} {time}");
    }
}

// proves: REC-01
#[test]
fn ids_are_read_as_ours_are_written_and_what_stands_for_nothing_is_none() {
    let line = |id: &str| {
        only(&[
            ("Reference Id", &REFERENCE.to_ascii_uppercase()),
            ("External Id", id),
            ("Amount", "1"),
            ("Status", "Failed"),
        ])
    };
    let id = "ABCDEF00000000000000000000000001";
    assert_eq!(line(id).reference.as_deref(), Some(REFERENCE));
    assert_eq!(line(id).external_id.as_deref(), Some("abcdef00000000000000000000000001"));
    assert_eq!(line("Order-7").external_id.as_deref(), Some("Order-7"));
    assert_eq!(line("'0077").external_id.as_deref(), Some("0077"));
    for nothing in ["", "-", "N/A", "null", "NONE", "  "] {
        assert_eq!(line(nothing).external_id, None, "{nothing:?}");
    }
}

// proves: REC-01, REC-02
#[test]
fn each_bad_line_of_a_statement_has_its_number_its_value_and_its_reason() {
    let long = "x".repeat(257);
    let file = format!(
        "Id,External Id,Amount,Currency,To,Status,Note\n\
         1,,5000,RWF,250788123456,Successful,\n\
         ,-,5000,RWF,250788123456,Successful,\n\
         2,,5,000,RWF,250788123456,Successful,\n\
         {long},,5000,RWF,,Failed,\n\
         1.23E+15,,5000,RWF,,Failed,\n\
         9.9e+20,abc,5000,RWF,,Failed,\n\
         3,,50.5,EUR,***456,Reversed,{long}\n\
         Total,,10000,RWF,,,\n\
         ,,10000,,Closing balance,,\n\
         ,,10000,RWF,,Failed,Total\n\
         4,,1,RWF\n"
    );
    let statement = good(&file);
    let found: Vec<(u64, &str, Reason)> =
        statement.problems.iter().map(|p| (p.line, p.value.as_str(), p.reason.clone())).collect();
    let cut = "x".repeat(64);
    let expected = [
        (3, "", Reason::Nameless),
        (4, "", Reason::TooManyCells),
        (5, cut.as_str(), Reason::CellTooLong(Column::Transaction)),
        (6, "1.23E+15", Reason::Rounded(Column::Transaction)),
        (7, "9.9e+20", Reason::Rounded(Column::Transaction)),
        (8, "Reversed", Reason::Status),
        (8, "50.5", Reason::Amount),
        (8, "EUR", Reason::Currency(Currency::Rwf)),
        (8, "***456", Reason::Payee),
        (11, "", Reason::Nameless),
        (12, "", Reason::Status),
    ];
    assert_eq!(found, expected);
    let taken: Vec<u64> = statement.lines.iter().map(|line| line.line).collect();
    assert_eq!((taken, &statement.totals[..]), (vec![2, 7, 8, 12], &[9, 10][..]));
    assert_eq!(statement.unread(), 7, "lines 3 to 8 and 11");
    assert!(!format!("{:?}", statement.problems).contains("456"), "a debug print shows no number");
}

// proves: REC-01
#[test]
fn the_currency_is_the_businesss_where_the_file_has_no_column_for_it() {
    let line = only(&[("Id", "1"), ("Amount", "5000"), ("Status", "Successful")]);
    assert_eq!(line.currency, "RWF");
    let (reasons, line, _) = with("Currency", "eur");
    assert_eq!(
        (reasons, line.map(|line| line.currency).as_deref()),
        (vec![Reason::Currency(Currency::Rwf)], Some("EUR"))
    );
    let (reasons, ..) = with("Currency", "");
    assert_eq!(reasons, [Reason::Currency(Currency::Rwf)], "a column that says nothing says something else");
}

// proves: REC-01
#[test]
fn a_file_that_is_no_statement_is_refused_whole_with_the_reason() {
    let missing = |what: &[&str]| Refused::MissingColumns(what.iter().map(|name| (*name).to_owned()).collect());
    let ids = "Reference Id or External Transaction Id or Financial Transaction Id";
    let cases: [(&str, &[u8], Refused); 16] = [
        ("nothing", b"", import::Refused::Empty.into()),
        ("only a mark", b"\xef\xbb\xbf\r\n", import::Refused::Empty.into()),
        ("a workbook", b"PK\x03\x04\x14\0\0\0", import::Refused::Zip.into()),
        ("an old workbook", b"\xd0\xcf\x11\xe0\0\0\0\0", import::Refused::Binary.into()),
        ("UTF-16", b"\xff\xfeI\0d\0", import::Refused::NotUtf8 { line: 1 }.into()),
        ("Latin 1", b"Id,Amount,Status\n1,5\xa0000,Failed\n", import::Refused::NotUtf8 { line: 2 }.into()),
        ("no header", b"77,5000,RWF,Successful\n", Refused::NoHeader),
        ("a page", b"<!DOCTYPE html>\n<title>Sign in</title>\n", Refused::NoHeader),
        ("no ids", b"Amount,Status,To\n1,Failed,\n", missing(&[ids])),
        ("no amount", b"Id,Status\n1,Failed\n", missing(&["Amount"])),
        ("no status", b"Id,Amount\n1,1\n", missing(&["Status"])),
        ("hardly anything", b"To\n250788123456\n", missing(&[ids, "Amount", "Status"])),
        ("a column twice", b"Id,Amount,amount,Status\n1,1,2,Failed\n", Refused::ColumnTwice("amount".to_owned())),
        ("no lines", b"Id,Amount,Status\r\n", Refused::NoRows),
        ("blank lines", b"Id,Amount,Status\n\n,,\n", Refused::NoRows),
        ("an open quote", b"Id,Amount,Status\n1,\"5,Failed\n", import::Refused::UnclosedQuote { line: 2 }.into()),
    ];
    for (what, file, why) in cases {
        assert_eq!(refused(file), why, "{what}");
    }
    let words = refused(b"To\n250788123456\n").to_string();
    assert_eq!(words, format!("these columns are missing: {ids}; Amount; Status"));
    assert!(Refused::NoHeader.to_string().contains("Financial Transaction Id, Amount, Currency"));
}

// proves: REC-01
#[test]
fn statements_larger_than_the_limits_are_refused_and_those_of_just_the_size_are_read() {
    let head = "Id,Amount,Status\n";
    let list = |count: u32| (0..count).fold(head.to_owned(), |text, n| format!("{text}{n:06},1,Failed\n"));
    let small = Rules { bytes: head.len() + 16 * 50, rows: 50, ..rules() };
    assert_eq!(read(list(50).as_bytes(), &small).map(|statement| statement.lines.len()).ok(), Some(50));
    let found = read(list(51).as_bytes(), &small).map(|statement| statement.lines.len());
    assert_eq!(found, Err(import::Refused::TooLarge { bytes: 833, allowed: 817 }.into()));
    let found = read(list(51).as_bytes(), &Rules { bytes: 833, ..small }).map(|statement| statement.lines.len());
    assert_eq!(found, Err(Refused::TooManyRows(50)));

    assert_eq!((rules().bytes, rules().rows), (32 << 20, 1_000_000));
    let mut large = head.as_bytes().to_vec();
    (0..100_000u32).for_each(|n| large.extend(format!("{n:06},1,Failed\n").bytes()));
    assert_eq!(read(&large, &rules()).map(|statement| statement.lines.len()).ok(), Some(100_000));
    let over = refused(&vec![b'x'; (32 << 20) + 1]);
    assert_eq!(over, import::Refused::TooLarge { bytes: 33_554_433, allowed: 33_554_432 }.into());
}

// proves: REC-02
#[test]
fn the_report_of_problems_is_a_table_that_no_spreadsheet_runs() {
    let problems = [
        LineProblem { line: 2, value: "=1+1".to_owned(), reason: Reason::Amount },
        LineProblem { line: 9, value: String::new(), reason: Reason::TooManyCells },
    ];
    let expected = "line,value,reason\r\n2,'=1+1,the amount is no whole number\r\n\
                    9,,\"there are more cells than columns; an amount with a comma needs quotation marks\"\r\n";
    assert_eq!(str::from_utf8(&report(&problems)), Ok(expected));
}
