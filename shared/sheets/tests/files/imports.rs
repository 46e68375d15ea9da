//! Lists of codes from elsewhere: good ones, and every kind of bad one.

use domain::code::{CodeText, Malformed};
use jiff::civil::{Date, date};
use proptest::prelude::*;
use sheets::import::{Checked, Limits, LineProblem, Reason, Refused, check, report};

const TODAY: Date = date(2026, 11, 20);

fn limits() -> Limits {
    Limits::on(TODAY)
}

fn good(file: &[u8]) -> Checked {
    match check(file, &limits()) {
        Ok(checked) => checked,
        Err(why) => panic!("refused: {why}"),
    }
}

fn refused(file: &[u8]) -> Refused {
    match check(file, &limits()) {
        Ok(checked) => panic!("taken: {checked:?}"),
        Err(why) => why,
    }
}

/// Lines and codes.
fn codes(checked: &Checked) -> Vec<(u32, &str)> {
    checked.lines.iter().map(|line| (line.line, line.code.as_str())).collect()
}

fn metadata(checked: &Checked, at: usize) -> Vec<(&str, &str)> {
    checked.metadata(&checked.lines[at]).collect()
}

// proves: COD-04
#[test]
fn a_list_is_read_whatever_its_line_ends_delimiter_mark_and_the_place_of_its_column() {
    for end in ["\n", "\r\n", "\r"] {
        for delimiter in [",", ";", "\t", "|"] {
            for mark in ["", "\u{feff}"] {
                let rows = [["Shop", " cOdE ", "Town"], ["Simba", "ab-12", "Kigali"], ["\"a\"\"b\"", " 7k3m ", ""]];
                let text = rows.map(|row| row.join(delimiter)).join(end);
                let checked = good(format!("{mark}{text}").as_bytes());
                let what = format!("{end:?} {delimiter:?} {mark:?}");
                assert_eq!(codes(&checked), [(2, "AB12"), (3, "7K3M")], "{what}");
                assert_eq!(checked.columns, ["Shop", "Town"], "{what}");
                assert_eq!(metadata(&checked, 0), [("Shop", "Simba"), ("Town", "Kigali")], "{what}");
                assert_eq!(metadata(&checked, 1), [("Shop", "a\"b")], "{what}");
                assert!(checked.problems.is_empty(), "{what}");
            }
        }
    }
}

// proves: COD-04
#[test]
fn the_numbers_of_lines_count_blank_lines_and_line_ends_inside_quotes() {
    for end in ["\n", "\r\n", "\r"] {
        let lines = ["Code,Note", "", "AAAA1,x", "  ", ",", "BBBB2,\"two", "lines\"", "", "CCCC3,y", "?,z", "", ""];
        let checked = good(lines.join(end).as_bytes());
        assert_eq!(codes(&checked), [(3, "AAAA1"), (6, "BBBB2"), (9, "CCCC3")], "{end:?}");
        assert_eq!(checked.problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [10], "{end:?}");
        assert_eq!(metadata(&checked, 1), [("Note", format!("two{end}lines").as_str())], "{end:?}");
    }
}

// proves: COD-04
#[test]
fn the_delimiter_is_the_one_that_shows_the_column() {
    let checked = good(b"Code;Name, first\nAAAA1;x, y\n");
    assert_eq!((codes(&checked), metadata(&checked, 0)), (vec![(2, "AAAA1")], vec![("Name, first", "x, y")]));
    let checked = good(b"code\n7K3M-9A26-CE11-XH05\n");
    assert_eq!(codes(&checked), [(2, "7K3M9A26CE11XH05")]);
    let checked = good(b"\"Code\",\"a;b;c;d\"\n\"AAAA1\",\"x\"\n");
    assert_eq!((codes(&checked), metadata(&checked, 0)), (vec![(2, "AAAA1")], vec![("a;b;c;d", "x")]));
}

// proves: COD-04
#[test]
fn each_bad_line_has_its_number_its_value_and_its_reason() {
    let long = "x".repeat(201);
    let file = format!(
        "Code,Shop\nAAAA1,a\nAB,b\nAAAA*1,c\naaaa-1,d\n,e\n{wide},f\nAAAA2,{long}\nAAAA3,g,h\nAAAA4,i,,\nAAAA2,j\n\
         7K3M9A26CE11XH21,k\n7K3M9A26CE11XH20,l\nIMPORTED9911XX99,m\n",
        wide = "Z".repeat(70),
    );
    let checked = good(file.as_bytes());
    let found: Vec<(u32, &str, Reason)> =
        checked.problems.iter().map(|p| (p.line, p.value.as_str(), p.reason.clone())).collect();
    let expected = [
        (3, "AB", Reason::Malformed(Malformed::Length(2))),
        (4, "AAAA*1", Reason::Malformed(Malformed::Character('*'))),
        (5, "aaaa-1", Reason::Twice { first: 2 }),
        (6, "", Reason::Missing),
        (7, &"Z".repeat(64)[..], Reason::Malformed(Malformed::Length(70))),
        (8, "AAAA2", Reason::ValueTooLong { column: "Shop".to_owned() }),
        (9, "AAAA3", Reason::TooManyCells),
        (11, "AAAA2", Reason::Twice { first: 8 }),
        (12, "7K3M9A26CE11XH21", Reason::Future(date(2026, 11, 21))),
    ];
    assert_eq!(found, expected);
    assert_eq!(codes(&checked), [(2, "AAAA1"), (10, "AAAA4"), (13, "7K3M9A26CE11XH20"), (14, "IMPORTED9911XX99")]);
    for problem in &checked.problems {
        assert!(!format!("{problem:?}").contains("7K3M"), "a debug print shows no code");
    }
}

// proves: COD-04
#[test]
fn the_report_is_a_table_that_no_spreadsheet_runs() {
    let checked = good(b"Code\n=1+1\nAAAA1\nAAAA1\n");
    let mut problems = checked.problems;
    problems.push(LineProblem { line: 9, value: "BBBB2".to_owned(), reason: Reason::Taken });
    let report = report(&problems);
    let expected = "line,value,reason\r\n2,'=1+1,a code has only letters and digits\r\n\
                    4,AAAA1,the same code stands in line 3\r\n9,BBBB2,the system has this code already\r\n";
    assert_eq!(str::from_utf8(&report), Ok(expected));
}

// proves: COD-04
#[test]
fn a_file_that_cannot_be_read_is_refused_whole_with_the_reason() {
    let columns = |count: usize| (0..count).map(|n| format!(",c{n}")).collect::<String>();
    let cases: [(&str, Vec<u8>, Refused); 20] = [
        ("nothing", vec![], Refused::Empty),
        ("only a mark", b"\xef\xbb\xbf".to_vec(), Refused::Empty),
        ("only line ends", b"\r\n\r\n \n".to_vec(), Refused::Empty),
        ("no rows", b"Code,Shop\r\n".to_vec(), Refused::NoRows),
        ("blank rows", b"Code,Shop\n\n,\n".to_vec(), Refused::NoRows),
        ("a zip", b"PK\x03\x04\x14\0\0\0".to_vec(), Refused::Zip),
        ("a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), Refused::Binary),
        ("UTF-16", b"\xff\xfeC\0o\0d\0e\0".to_vec(), Refused::NotUtf8 { line: 1 }),
        ("Latin 1", b"Code,Shop\nAAAA1,x\nAAAA2,Caf\xe9\n".to_vec(), Refused::NotUtf8 { line: 3 }),
        ("no header", b"7K3M-9A26-CE11-XH05\nAAAA1\n".to_vec(), Refused::NoHeader),
        ("no header beside names", b"Simba,AB12\nHeineken,AB13\n".to_vec(), Refused::NoHeader),
        ("no such column", b"Shop,Coupon\nSimba,AB12\n".to_vec(), Refused::NoCodeColumn),
        ("two such columns", b"Code,Shop,CODE\nAAAA1,x,AAAA2\n".to_vec(), Refused::ColumnTwice("CODE".to_owned())),
        ("two of a name", b"Shop,Code,shop\nx,AAAA1,y\n".to_vec(), Refused::ColumnTwice("shop".to_owned())),
        ("11 columns", format!("Code{}\nAAAA1\n", columns(11)).into_bytes(), Refused::TooManyColumns(11)),
        ("a long name", format!("Code,{}\nAAAA1\n", "n".repeat(41)).into_bytes(), Refused::ColumnName(2)),
        ("an open quote", b"Code,Shop\nAAAA1,x\nAAAA2,\"y\nAAAA3,z\n".to_vec(), Refused::UnclosedQuote { line: 3 }),
        ("an open quote at the end", b"Code\nAAAA1\n\"AAAA2".to_vec(), Refused::UnclosedQuote { line: 3 }),
        ("an open quote in the header", b"Code,\"Shop\nAAAA1,x\n".to_vec(), Refused::UnclosedQuote { line: 1 }),
        ("only an open quote", b"\"".to_vec(), Refused::UnclosedQuote { line: 1 }),
    ];
    for (what, file, why) in cases {
        assert_eq!(refused(&file), why, "{what}");
    }
    let ten = good(format!("Code{}\nAAAA1\n", columns(10)).as_bytes());
    assert_eq!(ten.columns.len(), 10);
}

// proves: COD-04
#[test]
fn files_larger_than_the_limits_are_refused_and_files_of_just_the_size_are_read() {
    let list = |count: u32| (0..count).fold("Code\n".to_owned(), |text, n| format!("{text}X{n:06}\n"));
    let small = Limits { bytes: 5 + 8 * 50, rows: 50, today: TODAY };
    assert_eq!(check(list(50).as_bytes(), &small).map(|checked| checked.lines.len()), Ok(50));
    let found = check(list(51).as_bytes(), &small).map(|checked| checked.lines.len());
    assert_eq!(found, Err(Refused::TooLarge { bytes: 413, allowed: 405 }));
    let found = check(list(51).as_bytes(), &Limits { bytes: 413, ..small }).map(|checked| checked.lines.len());
    assert_eq!(found, Err(Refused::TooManyRows(50)));

    let mut largest = b"Code\n".to_vec();
    (0..100_000u32).for_each(|n| largest.extend(format!("Y{n:06}\r\n").bytes()));
    assert_eq!(good(&largest).lines.len(), 100_000);
    largest.extend(b"ONEMORE\r\n");
    assert_eq!(refused(&largest), Refused::TooManyRows(100_000));
    assert!(matches!(refused(&vec![b'x'; 200 << 20]), Refused::TooLarge { bytes: 209_715_200, .. }));
}

// proves: COD-04
#[test]
fn a_hundred_thousand_times_the_same_code_is_one_code_and_a_problem_for_each_other_line() {
    let file = b"Code\n".iter().chain(b"AAAA1\n".iter().cycle().take(600_000)).copied().collect::<Vec<u8>>();
    let checked = good(&file);
    assert_eq!((checked.lines.len(), checked.problems.len()), (1, 99_999));
    assert!(checked.problems.iter().all(|problem| problem.reason == Reason::Twice { first: 2 }));
    assert_eq!(checked.problems.last().map(|problem| problem.line), Some(100_001));
}

fn text_of_a_cell() -> impl Strategy<Value = String> {
    "[ -~é日\n]{0,12}".prop_map(|text| text.trim().to_owned())
}

proptest! {
    // proves: COD-04
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(check(&bytes, &limits()));
        drop(check(&[b"Code,x\n", &bytes[..]].concat(), &limits()));
    }

    // proves: COD-04
    #[test]
    fn what_our_writer_writes_is_read_as_it_was(
        rows in prop::collection::btree_map("[A-Z0-9]{4,24}", (text_of_a_cell(), text_of_a_cell()), 1..20)
    ) {
        let mut table = sheets::csv::Writer::new(&["Shop", "Code", "Note"]);
        for (code, (shop, note)) in &rows {
            table.row(&[shop, code, note]);
        }
        let checked = good(&table.take());
        let future = |code: &CodeText| code.printed_problem().is_none() && code.date_part() > Some(TODAY);
        prop_assert!(checked.problems.iter().all(|problem| matches!(problem.reason, Reason::Future(_))));
        for line in &checked.lines {
            prop_assert!(!future(&line.code));
            let (shop, note) = &rows[line.code.as_str()];
            let kept = [("Shop", sheets::csv::cell(shop)), ("Note", sheets::csv::cell(note))];
            let expected = kept.iter().map(|(name, value)| (*name, value.as_ref())).filter(|(_, value)| !value.is_empty());
            prop_assert_eq!(checked.metadata(line).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        }
        prop_assert_eq!(checked.lines.len() + checked.problems.len(), rows.len());
    }
}
