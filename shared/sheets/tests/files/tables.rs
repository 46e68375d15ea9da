//! CSV as Python and spreadsheets read it.

use crate::{
    made::codes,
    tools::{Folder, run, words},
};
use domain::money::{Currency, Money};
use jiff::Timestamp;
use proptest::prelude::*;
use sheets::csv::{BATCH_COLUMNS, BatchWriter, CodeRow, Writer, cell};
use std::fs;

const PYTHON: &str = "import csv, json, sys
with open(sys.argv[1], encoding='utf-8', newline='') as file:
    print(json.dumps(list(csv.reader(file, strict=True)), ensure_ascii=True))";

/// As Python's csv reads it: rows of cells.
fn python(bytes: &[u8]) -> Option<String> {
    let folder = Folder::new();
    let file = folder.file("table.csv", bytes);
    words("python3", &["-c", PYTHON, &file])
}

fn read(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
    let rows = reader.records().map(|row| row.expect("a row of as many cells").iter().map(str::to_owned).collect());
    rows.collect()
}

// proves: COD-05
#[test]
fn an_export_has_a_line_for_each_code_in_the_columns_promised() {
    let time = |text: &str| text.parse::<Timestamp>().expect("a time");
    let money = Money::new(5_000, Currency::Rwf).expect("an amount");
    let mut table = BatchWriter::new(7, "BATCH_KIGALI", money);
    for (code, status) in codes(2).iter().zip(["active", "redeemed"]) {
        let created = time("2026-11-20T06:30:00Z");
        table.row(CodeRow { code, status, created, expires: time("2026-12-31T21:59:59.5Z") });
    }
    let bytes = table.take();
    let text = str::from_utf8(&bytes).expect("UTF-8");
    let [first, second] = [0, 1].map(|at| codes(2)[at].printed());
    let expected = format!(
        "{}\r\n{first},7,BATCH_KIGALI,5000,RWF,active,2026-11-20T06:30:00Z,2026-12-31T21:59:59.5Z\r\n\
         {second},7,BATCH_KIGALI,5000,RWF,redeemed,2026-11-20T06:30:00Z,2026-12-31T21:59:59.5Z\r\n",
        BATCH_COLUMNS.join(",")
    );
    assert_eq!(text, expected);
    assert_eq!((table.ready(), table.take()), (0, Vec::new()));
}

// proves: COD-05
#[test]
fn cells_that_a_spreadsheet_would_run_are_made_text() {
    let harmful = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\tx",
        " =1",
        "   @x",
        "\u{a0}=1",
        "\u{feff}=1",
        "\u{200b}=1",
        "＝1",
        "＋1",
        "－1",
        "＠x",
        "=HYPERLINK(\"http://x\",\"y\")",
        "=cmd|' /C calc'!A0",
    ];
    for text in harmful {
        assert_eq!(cell(text), format!("'{text}"), "{text:?}");
    }
    for text in ["", "5,000", "MBELYCO", "a=1", "2026-11-20", "é", "'=1", " x", "(1)", "1-2", "日本"] {
        assert_eq!(cell(text), text, "{text:?}");
    }
}

// proves: COD-05
#[test]
fn pythons_csv_reads_every_cell_as_it_was_written() {
    let mut table = Writer::new(&["a", "b"]);
    table.row(&["plain", "with, comma"]);
    table.row(&["\"quoted\"", "two\r\nlines"]);
    table.row(&["", "é 日本 ; \t|"]);
    table.row(&["=1", " lone \r return "]);
    let Some(read) = python(&table.take()) else { return };
    let expected = r#"[["a", "b"], ["plain", "with, comma"], ["\"quoted\"", "two\r\nlines"], "#.to_owned()
        + r#"["", "\u00e9 \u65e5\u672c ; \t|"], ["'=1", " lone \r return "]]"#;
    assert_eq!(read.trim_end(), expected);
}

/// As LibreOffice understands the file, in its flat XML.
fn libreoffice(bytes: &[u8]) -> Option<String> {
    let folder = Folder::new();
    let (file, profile) = (folder.file("table.csv", bytes), folder.path("profile"));
    let own = format!("-env:UserInstallation=file://{profile}");
    run("soffice", &[&own, "--headless", "--convert-to", "fods", "--outdir", &folder.path(""), &file])?;
    Some(fs::read_to_string(folder.path("table.fods")).expect("the converted table"))
}

// proves: COD-05
#[test]
fn libreoffice_runs_no_cell_of_a_table() {
    let formulas = ["=1+1", "=SUM(A1:A9)", " =2+2", "=HYPERLINK(\"http://example.rw\")", "+3", "-4", "@SUM(1)"];
    let mut table = Writer::new(&["note"]);
    for formula in formulas {
        table.row(&[formula]);
    }
    let Some(bare) = libreoffice(b"note\r\n=1+1\r\n") else { return };
    assert!(bare.contains("table:formula"), "without care it runs them");
    let Some(careful) = libreoffice(&table.take()) else { return };
    assert!(!careful.contains("table:formula"), "{careful}");
    assert_eq!(careful.matches("office:value-type=\"string\"").count(), 1 + formulas.len(), "{careful}");
}

proptest! {
    // proves: COD-05
    #[test]
    fn any_table_comes_back_as_it_was_written(
        rows in (1usize..5).prop_flat_map(|columns| {
            prop::collection::vec(prop::collection::vec("[ -~\r\n\t\"',;=+@é＝日\u{200b}-]{0,8}", columns), 1..8)
        })
    ) {
        let columns: Vec<&str> = rows[0].iter().map(String::as_str).collect();
        let mut table = Writer::new(&columns);
        for row in &rows[1..] {
            table.row(row);
        }
        let bytes = table.take();
        let expected: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|text| cell(text).into_owned()).collect()).collect();
        prop_assert_eq!(read(&bytes), expected);
        prop_assert!(bytes.ends_with(b"\r\n"));
    }

    // proves: COD-05
    #[test]
    fn no_cell_begins_like_a_formula(text in "[ \t\r\n\u{a0}\u{feff}]{0,3}[=+@＝＋－＠a-][ -~]{0,5}") {
        let safe = cell(&text);
        let begins = safe.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        prop_assert!(!begins.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']), "{:?}", safe);
        prop_assert_eq!(safe.strip_prefix('\'').unwrap_or(&safe), text.as_str());
    }
}
