//! QR codes, read from the rasterised page.

use crate::{
    made::{codes, dialling, heading, pdf},
    tools::{Folder, run, words},
};
use domain::code::CodeText;
use sheets::pdf::{BadTemplate, Heading, QrTemplate, SLOTS};
use std::collections::BTreeSet;

const RESOLUTIONS: [&str; 3] = ["150", "200", "300"];
const PAGES: usize = 2;

fn all_are_read(codes: &[CodeText]) {
    let folder = Folder::new();
    let file = folder.file("sheets.pdf", &pdf(&Heading { qr: Some(dialling()), ..heading() }, codes).0);
    let expected: BTreeSet<String> = codes.iter().map(|code| dialling().text(code)).collect();
    for resolution in RESOLUTIONS {
        let pages = folder.path(&format!("at-{resolution}"));
        if run("pdftoppm", &["-r", resolution, "-gray", &file, &pages]).is_none() {
            return;
        }
        let images: Vec<String> = (1..=PAGES).map(|page| format!("{pages}-{page}.pgm")).collect();
        let mut arguments = vec!["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"];
        arguments.extend(images.iter().map(String::as_str));
        let Some(read) = words("zbarimg", &arguments) else { return };
        let read: BTreeSet<String> = read.lines().map(str::to_owned).collect();
        assert_eq!(read, expected, "at {resolution} dots an inch");
    }
}

// proves: COD-06
#[test]
fn the_qr_codes_of_whole_pages_are_read_at_150_200_and_300_dots_an_inch() {
    all_are_read(&codes(SLOTS * PAGES));
}

// proves: COD-06
#[test]
fn the_qr_codes_of_imported_codes_of_any_length_are_read_too() {
    let code = |n: usize| CodeText::parse(&format!("{n:04}O0I1B8DQVU52SZ6G9ACE")[..4 + n % 21]).expect("a code");
    all_are_read(&(1_000..1_000 + SLOTS * PAGES).map(code).collect::<Vec<_>>());
}

// proves: COD-06
#[test]
fn a_template_says_what_phones_dial() {
    let code = CodeText::parse("7K3M-9A26-CE11-XH05").expect("a code");
    assert_eq!(dialling().text(&code), "tel:*801*7K3M9A26CE11XH05%23");
    let own = QrTemplate::parse("https://example.rw/{code}").expect("a template");
    assert_eq!(own.text(&code), "https://example.rw/7K3M9A26CE11XH05");
    for (bad, why) in [
        ("tel:*801#", BadTemplate::Place),
        ("{code}{code}", BadTemplate::Place),
        ("tel: *801*{code}", BadTemplate::Character),
        ("é{code}", BadTemplate::Character),
        (&format!("{}{{code}}", "x".repeat(64)), BadTemplate::TooLong),
    ] {
        assert_eq!(QrTemplate::parse(bad), Err(why), "{bad}");
    }
}
