//! Reports of a reconciliation, read back.

use crate::tools::{Folder, words};
use domain::{
    identity::RedemptionId,
    money::Currency,
    payout::Outside,
    reconcile::{
        Books, Expected, Kind, Ours, Period, Reconciliation, Source, TheirAmount, TheirStatus, Theirs, reconcile,
    },
};
use jiff::{Timestamp, civil::date, tz::TimeZone};
use sheets::report::{Heading, ROWS_MAX, csv, open_csv, pdf};

fn heading() -> Heading {
    Heading {
        brand: "MBELYCO".to_owned(),
        company: "Mbelyco Promotions Ltd".to_owned(),
        period: "20/11/2026".to_owned(),
        made_at: "2026-11-22T04:00:00Z".parse().expect("a time"),
        made_on: "22/11/2026 06:00".to_owned(),
    }
}

fn at() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().expect("a time")
}

fn ours(number: u64, expected: Expected) -> Ours {
    Ours {
        payout: RedemptionId::parse(&format!("{number:032x}")).expect("32 figures"),
        sent_at: at(),
        reference: format!("{number:08x}-0000-4000-8000-00000000abcd"),
        amount: 5_000,
        currency: Currency::Rwf,
        payee: format!("25078{number:07}"),
        expected,
        at: at(),
        transaction: None,
    }
}

fn theirs(ours: &Ours, line: u64, status: TheirStatus) -> Theirs {
    Theirs {
        reference: Some(ours.reference.clone()),
        external_id: Some(ours.payout.to_string()),
        transaction: Some(format!("77{line}")),
        amount: TheirAmount::Whole(ours.amount),
        currency: "RWF".to_owned(),
        payee: ours.payee.clone(),
        status,
        at: Some(ours.at),
        line,
    }
}

/// All references asked for, with the day's books.
fn asked(paid: u64, answered: u64) -> Reconciliation {
    let ours: Vec<Ours> = (1..=paid).map(|number| ours(number, Expected::Paid)).collect();
    let asked = ours.iter().take(usize::try_from(answered).expect("few"));
    let theirs: Vec<Theirs> = asked.map(|ours| theirs(ours, 0, TheirStatus::Successful)).collect();
    let mut books = Books::default();
    for ours in &ours {
        books.codes.add(ours.amount);
        books.redemptions.add(ours.amount);
        books.payouts.add(Outside::Completed, false, ours.amount);
    }
    let day = date(2026, 11, 20);
    let period = Period { day, currency: Currency::Rwf, source: Source::Asked, books: Some(books) };
    reconcile(&period, &ours, &theirs)
}

fn listed(ours: &[Ours], theirs: &[Theirs]) -> Reconciliation {
    let day = date(2026, 11, 20);
    let source = Source::statement(day, day, &TimeZone::get("Africa/Kigali").expect("a zone"), 0);
    reconcile(&Period { day, currency: Currency::Rwf, source, books: None }, ours, theirs)
}

/// A statement with one difference of every kind, some that are open and a repeat.
fn of_every_kind() -> Reconciliation {
    let ours = [
        ours(1, Expected::Paid),
        ours(2, Expected::Paid),
        ours(3, Expected::Paid),
        ours(4, Expected::Paid),
        ours(5, Expected::Paid),
        ours(6, Expected::Outside),
        ours(7, Expected::Paid),
        ours(8, Expected::Open),
        ours(9, Expected::Paid),
    ];
    let paid = TheirStatus::Successful;
    let stranger = self::ours(99, Expected::Paid);
    let theirs = [
        Theirs { amount: TheirAmount::Unreadable("=50.5".to_owned()), ..theirs(&ours[1], 2, paid) },
        Theirs { currency: "EUR".to_owned(), ..theirs(&ours[2], 3, paid) },
        Theirs { payee: "250790000000".to_owned(), ..theirs(&ours[3], 4, paid) },
        Theirs { external_id: Some("f".repeat(32)), ..theirs(&ours[4], 5, paid) },
        theirs(&ours[5], 6, paid),
        theirs(&ours[6], 7, paid),
        theirs(&ours[6], 8, paid),
        theirs(&ours[7], 9, TheirStatus::Pending),
        theirs(&ours[8], 10, paid),
        Theirs { line: 11, ..theirs(&ours[8], 10, paid) },
        theirs(&stranger, 12, paid),
    ];
    listed(&ours, &theirs)
}

/// The pages' texts, each in one line.
fn texts(bytes: &[u8]) -> Option<Vec<String>> {
    let folder = Folder::new();
    let file = folder.file("report.pdf", bytes);
    let text = words("pdftotext", &["-layout", "-enc", "UTF-8", &file, "-"])?;
    let mut pages: Vec<String> =
        text.split('\x0c').map(|page| page.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(pages.pop().as_deref(), Some(""), "each page ends with a form feed");
    Some(pages)
}

fn made(heading: &Heading, reconciliation: &Reconciliation) -> Vec<u8> {
    pdf(heading, reconciliation).expect("a report")
}

// proves: REC-03
#[test]
fn a_report_says_that_all_agrees_to_the_franc_and_shows_every_sum() {
    let Some(pages) = texts(&made(&heading(), &asked(3, 3))) else { return };
    let [page] = &pages[..] else { panic!("one page: {pages:?}") };
    for words in [
        "Mbelyco Promotions Ltd",
        "MBELYCO",
        "Reconciliation with MTN MoMo",
        "Payouts of 20/11/2026",
        "Each reference was asked for again at MoMo. Made 22/11/2026 06:00.",
        "Agrees to the franc",
        "Paid here: 15,000 RWF (3). Paid by MoMo: the same.",
        "Redeemed codes, as counted 3 15,000",
        "Redemptions 3 15,000",
        "Payouts 3 15,000",
        "References paid here 3 15,000",
        "Paid by MoMo 3 15,000",
        "Difference 0",
        "Page 1 of 1",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("Does not agree") && !page.contains("Differences"), "{page}");
}

// proves: REC-03
#[test]
fn a_report_says_where_it_does_not_agree_and_names_every_difference() {
    let found = of_every_kind();
    assert!(Kind::ALL.into_iter().all(|kind| found.count(kind) == 1), "{:?}", found.differences);
    let Some(pages) = texts(&made(&heading(), &found)) else { return };
    let page = pages.join(" ");
    for words in [
        "Does not agree",
        "Compared with a statement from MTN's portal.",
        "There are 8 differences.",
        "Paid here: 35,000 RWF (7). Paid by MoMo: 35,000 RWF (9).",
        "missing at MoMo 00000001-0000-4000-8000-00000000abcd 5,000 RWF, paid –",
        "5,000 RWF paid here, and MoMo does not have it.",
        "missing here line 12 of the statement – 5,000 RWF, paid",
        "5,000 RWF here, \"=50.5\" RWF at MoMo. See line 2 of the statement.",
        "RWF here, EUR at MoMo. See line 3",
        "another payee 00000004-",
        "another redemption 00000005-",
        "5,000 RWF, settled outside 5,000 RWF, paid",
        "the customer may have it twice. See line 6",
        "paid twice 00000007-",
        "open: not settled on either side 1",
        "lines that repeat another one, counted once 1",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("0790000000") && !page.contains("250780000004"), "no whole number: {page}");
}

// proves: REC-03
#[test]
fn a_report_says_what_is_not_known_yet() {
    let Some(pages) = texts(&made(&heading(), &asked(3, 1))) else { return };
    for words in [
        "Nothing differs so far; not everything is known yet",
        "Paid here and not answered by MoMo yet: 10,000 RWF (2). Paid by MoMo so far: 5,000 RWF (1).",
        "open: not answered by MoMo yet 2",
    ] {
        assert!(pages[0].contains(words), "{words}: {}", pages[0]);
    }
    assert!(!pages[0].contains("Agrees"), "{}", pages[0]);
}

// proves: REC-03
#[test]
fn a_long_report_has_its_first_2000_differences_on_numbered_pages_and_the_table_has_them_all() {
    let all: Vec<Ours> = (1..=2_001).map(|number| ours(number, Expected::Paid)).collect();
    let found = listed(&all, &[]);
    let table = csv(&found);
    let lines = str::from_utf8(&table).expect("UTF-8").lines().count();
    assert_eq!(lines, 2_002, "the names of the columns, and a line each");
    for (count, told) in [(ROWS_MAX, false), (ROWS_MAX + 1, true)] {
        let found = listed(&all[..count], &[]);
        let Some(pages) = texts(&made(&heading(), &found)) else { return };
        for (number, page) in (1..).zip(&pages) {
            assert!(page.contains(&format!("Page {number} of {}", pages.len())), "{page}");
            assert!(page.contains("Mbelyco Promotions Ltd"), "page {number}");
        }
        let text = pages.join(" ");
        let named = all.iter().filter(|ours| text.contains(&ours.reference)).count();
        assert_eq!(named, ROWS_MAX);
        let rest = "These are the first 2,000 of 2,001 differences; the rest is in the CSV.";
        assert_eq!(text.contains(rest), told);
    }
}

// proves: REC-03
#[test]
fn texts_too_long_or_foreign_for_the_page_are_cut_and_marked() {
    let stranger = Theirs {
        reference: None,
        external_id: None,
        transaction: Some("日本\n".repeat(60)),
        amount: TheirAmount::Unreadable("9".repeat(250)),
        currency: "W".repeat(250),
        ..theirs(&ours(1, Expected::Paid), 3, TheirStatus::Successful)
    };
    let odd = Heading { company: "Société 日本 (Rwanda) \\ ".repeat(9), ..heading() };
    let Some(pages) = texts(&made(&odd, &listed(&[], &[stranger]))) else { return };
    assert!(pages[0].contains("Société ?? (Rwanda) \\ Société") && pages[0].contains('…'), "{}", pages[0]);
    assert!(pages[0].contains("none of ours"), "{}", pages[0]);
}

// proves: REC-03
#[test]
fn every_font_of_a_report_is_inside_the_file() {
    let folder = Folder::new();
    let file = folder.file("report.pdf", &made(&heading(), &of_every_kind()));
    let Some(fonts) = words("pdffonts", &[&file]) else { return };
    let fonts: Vec<&str> = fonts.lines().skip(2).collect();
    assert_eq!(fonts.len(), 2, "{fonts:?}");
    for font in fonts {
        let embedded = font.split_whitespace().any(|word| word == "yes");
        assert!(font.contains("Inter-") && embedded, "{font}");
    }
}

// proves: REC-03
#[test]
fn the_table_has_a_line_for_each_difference_that_no_spreadsheet_runs() {
    let found = of_every_kind();
    let bytes = csv(&found);
    let mut reader = ::csv::Reader::from_reader(&bytes[..]);
    let rows: Vec<Vec<String>> =
        reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect();
    assert_eq!(rows.len(), found.differences.len());
    for (row, difference) in rows.iter().zip(&found.differences) {
        assert_eq!((row[0].as_str(), &row[1], &row[19]), (difference.kind.name(), &difference.words, &difference.id));
        assert_eq!(row[2], "2026-11-20");
    }
    let of = |kind: Kind| rows.iter().find(|row| row[0] == kind.name()).expect("a row");
    let amount = &of(Kind::Amount)[3..19];
    let expected = [
        "00000002-0000-4000-8000-00000000abcd",
        "00000000000000000000000000000002",
        "5000",
        "RWF",
        "07*****002",
        "paid",
        "2026-11-20T10:00:00Z",
        "2",
        "00000000000000000000000000000002",
        "772",
        "'=50.5",
        "RWF",
        "07*****002",
        "successful",
        "2026-11-20T10:00:00Z",
        "00000002-0000-4000-8000-00000000abcd",
    ];
    assert_eq!(amount, expected);
    let lost = &of(Kind::MissingThere)[10..19];
    assert!(lost.iter().all(String::is_empty), "nothing at MoMo: {lost:?}");
    let stranger = of(Kind::MissingHere);
    assert!(stranger[3..10].iter().all(String::is_empty) && stranger[10] == "12", "nothing here: {stranger:?}");
}

// proves: REC-03
#[test]
fn what_is_open_is_a_table_too() {
    let bytes = open_csv(&of_every_kind());
    let text = str::from_utf8(&bytes).expect("UTF-8");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[1].starts_with("unsettled,not settled on either side,2026-11-20,00000008-"), "{text}");
}
