//! Code sheets, read back.

use crate::{
    made::{codes, dialling, heading, pdf},
    tools::{Folder, words},
};
use domain::{
    code::CodeText,
    money::{Currency, Money},
};
use flate2::read::ZlibDecoder;
use sheets::pdf::{Heading, Pdf, SLOTS, WrongPages};
use std::io::Read;

const EVERY_WAY: [&[&str]; 3] = [&[], &["-raw"], &["-layout"]];

/// The pages' texts, in the way poppler puts them in order.
fn texts(bytes: &[u8], way: &[&str]) -> Option<Vec<String>> {
    let folder = Folder::new();
    let file = folder.file("sheets.pdf", bytes);
    let arguments = [way, &["-enc", "UTF-8", &file, "-"]].concat();
    let text = words("pdftotext", &arguments)?;
    let mut pages: Vec<String> = text.split('\x0c').map(str::to_owned).collect();
    assert_eq!(pages.pop().as_deref(), Some(""), "each page ends with a form feed");
    Some(pages)
}

fn printed(text: &str) -> Vec<&str> {
    text.split_whitespace().filter(|word| word.len() == 19 && word.matches('-').count() == 3).collect()
}

// proves: COD-06
#[test]
fn a_batch_of_1201_codes_has_101_pages_with_each_code_once_and_in_order() {
    let codes = codes(1_201);
    let (bytes, _) = pdf(&heading(), &codes);
    for way in EVERY_WAY {
        let Some(pages) = texts(&bytes, way) else { return };
        assert_eq!(pages.len(), 101);
        for (number, page) in (1..).zip(&pages) {
            assert!(page.contains(&format!("Page {number} of 101")), "{way:?}, page {number}: {page}");
            for words in ["Batch 12", "BATCH_CHRISTMAS_KIGALI", "Generated 20/11/2026", "Mbelyco Promotions Ltd"] {
                assert!(page.contains(words), "{way:?}, page {number} lacks {words}: {page}");
            }
        }
        let found: Vec<&str> = pages.iter().flat_map(|page| printed(page)).collect();
        let expected: Vec<String> = codes.iter().map(CodeText::printed).collect();
        assert_eq!(found, expected, "{way:?}");
        assert_eq!(pages.iter().map(|page| page.matches("5,000 RWF").count()).sum::<usize>(), 1_201, "{way:?}");
    }
}

// proves: COD-13
#[test]
fn each_card_has_batch_sheet_and_slot_and_a_deleted_code_leaves_its_slot_blank() {
    let codes = codes(SLOTS);
    let mut slots: [Option<&CodeText>; SLOTS] = std::array::from_fn(|slot| codes.get(slot));
    for gone in [0, 4, 11] {
        slots[gone] = None;
    }
    let mut pdf = Pdf::new(&heading(), 1);
    pdf.page(8_334, &slots);
    let bytes = pdf.finish().expect("one page was announced");
    let Some(pages) = texts(&bytes, &["-raw"]) else { return };
    let text = &pages[0].replace('\n', " ");
    for (slot, code) in codes.iter().enumerate() {
        let label = format!("Batch 12 · Sheet 8334 · Slot {} ", slot + 1);
        assert_eq!(text.contains(&label), slots[slot].is_some(), "{label}: {text}");
        assert_eq!(text.contains(&code.printed()), slots[slot].is_some(), "slot {}: {text}", slot + 1);
    }
    assert_eq!(text.matches("5,000 RWF").count(), 9);
}

// proves: COD-06
#[test]
fn codes_of_every_length_come_whole_out_of_the_page() {
    let text = "0O1I8BDQVU52SZ6G9ACEFHJK";
    let codes: Vec<CodeText> = (4..=24).map(|length| CodeText::parse(&text[..length]).expect("a code")).collect();
    let money = Money::new(10_000_000, Currency::Rwf).expect("an amount");
    let (bytes, _) = pdf(&Heading { money, qr: Some(dialling()), ..heading() }, &codes);
    let Some(pages) = texts(&bytes, &["-raw"]) else { return };
    let all = pages.concat();
    for code in &codes {
        let found = all.split_whitespace().filter(|word| *word == code.printed()).count();
        assert_eq!(found, 1, "{} in {all}", code.printed());
    }
    assert!(all.contains("10,000,000 RWF"), "{all}");
}

// proves: COD-06
#[test]
fn texts_with_accents_brackets_and_foreign_letters_are_printed_as_far_as_the_font_goes() {
    let odd = Heading {
        company: "Société (Rwanda) \\ Ünal & fils".to_owned(),
        brand: "l’Été (2026)".to_owned(),
        contact: vec!["tel\t+250 (0)788 €".to_owned(), "日本 x".to_owned(), "three".to_owned(), "four".to_owned()],
        batch_name: format!("BATCH_{}", "W".repeat(54)),
        ..heading()
    };
    let (bytes, _) = pdf(&odd, &codes(1));
    let Some(pages) = texts(&bytes, &["-raw"]) else { return };
    let long = format!("BATCH_{}", "W".repeat(54));
    let expected = ["Société (Rwanda) \\ Ünal & fils", "l’Été (2026)", "tel +250 (0)788 €", "?? x", "four"];
    for words in expected {
        assert!(pages[0].contains(words), "{words}: {}", pages[0]);
    }
    assert!(!pages[0].contains(&long) && pages[0].contains("WWW…"), "a name that doesn't fit is cut: {}", pages[0]);
}

// proves: COD-06
#[test]
fn every_font_is_inside_the_file() {
    let folder = Folder::new();
    let file = folder.file("sheets.pdf", &pdf(&heading(), &codes(1)).0);
    let Some(fonts) = words("pdffonts", &[&file]) else { return };
    let fonts: Vec<&str> = fonts.lines().skip(2).collect();
    assert_eq!(fonts.len(), 3, "{fonts:?}");
    for font in fonts {
        let columns: Vec<&str> = font.split_whitespace().collect();
        // Name, type, encoding, embedded, subset.
        assert!(columns.contains(&"TrueType") && columns.contains(&"WinAnsi"), "{font}");
        assert_eq!(columns.iter().filter(|word| **word == "yes").count(), 2, "{font}");
    }
}

/// The number after the last of these words.
fn value_after(bytes: &[u8], words: &[u8]) -> usize {
    let at = bytes.windows(words.len()).rposition(|part| part == words).expect("the words") + words.len();
    let figures = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit());
    figures.fold(0, |number, byte| number * 10 + usize::from(byte - b'0'))
}

// proves: COD-06
#[test]
fn the_table_of_offsets_finds_every_object_however_the_bytes_were_taken() {
    for (count, qr) in [(1, None), (12, Some(dialling())), (3_100, None)] {
        let heading = Heading { qr, ..heading() };
        let (bytes, _) = pdf(&heading, &codes(count));
        let start = value_after(&bytes, b"startxref\n");
        let table = &bytes[start..];
        assert!(table.windows(11).take(80).any(|part| part == b"/Type /XRef"), "{count} codes");
        let objects = value_after(table, b"/Size ");
        let stream = table.windows(7).position(|part| part == b"stream\n").expect("a stream") + 7;
        let mut entries = Vec::new();
        ZlibDecoder::new(&table[stream..]).read_to_end(&mut entries).expect("deflated");
        assert_eq!(entries.len(), objects * 6);
        for (number, entry) in entries.chunks(6).enumerate().skip(1) {
            let offset = entry[1..].iter().fold(0, |offset, byte| offset * 256 + usize::from(*byte));
            let object = format!("{number} 0 obj");
            assert!(entry[0] == 1 && bytes[offset..].starts_with(object.as_bytes()), "{count} codes: {object}");
        }
        assert!(bytes.ends_with(b"%%EOF\n"));

        let pages = u32::try_from(count.div_ceil(SLOTS)).expect("few pages");
        let mut whole = Pdf::new(&heading, pages);
        for (sheet, codes) in (1..).zip(codes(count).chunks(SLOTS)) {
            whole.page(sheet, &std::array::from_fn(|slot| codes.get(slot)));
        }
        assert!(whole.finish().expect("all pages") == bytes, "{count} codes: taken at once or page by page, the same");
    }
}

// proves: COD-06
#[test]
fn what_waits_to_be_taken_does_not_grow_with_the_pages() {
    let (_, few) = pdf(&heading(), &codes(1_200));
    let (bytes, many) = pdf(&heading(), &codes(100_000));
    assert!(many < 8_192 && many <= few + 4_096, "{few} bytes at most with 100 pages, {many} with 8,334");
    assert!(bytes.len() < 10 << 20, "100,000 codes take {} bytes", bytes.len());
}

// proves: COD-06
#[test]
fn a_file_with_other_than_the_announced_pages_is_not_given_out() {
    let mut short = Pdf::new(&heading(), 2);
    short.page(1, &[None; SLOTS]);
    assert_eq!(short.finish(), Err(WrongPages { announced: 2, written: 1 }));
    let mut long = Pdf::new(&heading(), 0);
    long.page(1, &[None; SLOTS]);
    assert_eq!(long.finish(), Err(WrongPages { announced: 0, written: 1 }));
}
