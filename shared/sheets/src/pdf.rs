//! Sheets of code cards as PDF: A4, twelve cards a page, written page by page.
//!
//! What every page repeats (header, cut marks, the cards without their codes) is one form XObject; a page holds
//! the codes, their places and its number. QR codes are image masks of one bit, because rasterisers lose lines of
//! cells that are drawn as vectors.

mod card;
mod file;
mod fonts;
mod head;
mod logo;
mod page;
mod qr;

pub use logo::{BadLogo, Logo};
pub use qr::{BadTemplate, QrTemplate};

use card::{Lines, place};
use domain::{code::CodeText, money::Money};
use file::{Effort, File};
use fonts::{Face, Fonts};
use page::{Page, text_start};
use pdf_writer::{Name, Ref};

/// Cards of one page, row by row: slot 1 is top left, slot 2 top right.
pub const SLOTS: usize = domain::batch::SHEET_CODES as usize;

/// A4 in points of 1/72 inch.
const PAGE: [f32; 2] = [595.28, 841.89];
/// Names of what pages refer to.
const SHEET: Name<'static> = Name(b"S");
const CARD: Name<'static> = Name(b"C");
const ALL_CARDS: Name<'static> = Name(b"A");
const LOGO: Name<'static> = Name(b"L");
const SMALL_SIZE: f32 = 6.2;

/// What all cards of a file have in common. Texts are printed as far as Windows-1252 has their characters (`?` for
/// others) and made smaller, then cut, where they don't fit.
#[derive(Clone, Debug)]
pub struct Heading {
    pub batch_number: u64,
    pub batch_name: String,
    /// The day the codes were made, as it shall be read.
    pub generated_on: String,
    /// The last day on which the codes redeem, as it shall be read.
    pub expires_on: String,
    /// What one code pays.
    pub money: Money,
    pub brand: String,
    /// The company as it signs; empty for the brand.
    pub company: String,
    /// Address, telephone, site: the first four lines are printed.
    pub contact: Vec<String>,
    /// What customers dial: `*801#`.
    pub dial: String,
    /// The number that customers call for help; empty for none.
    pub help: String,
    pub logo: Option<Logo>,
    /// Prints a QR code on each card.
    pub qr: Option<QrTemplate>,
}

impl Heading {
    fn signature(&self) -> &str {
        if self.company.is_empty() { &self.brand } else { &self.company }
    }
}

/// The pages given were not as many as announced: each says "page x of y", so the file is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{announced} pages were announced, {written} written")]
pub struct WrongPages {
    pub announced: u32,
    pub written: u32,
}

/// One file being written. Its memory holds the offsets of the objects written and what [`Pdf::take`] has not
/// taken yet.
pub struct Pdf {
    file: File,
    fonts: Fonts,
    lines: Lines,
    qr: Option<QrTemplate>,
    pages: u32,
    written: u32,
    /// `Batch 7 · Sheet `, encoded.
    label: Vec<u8>,
    sheet: Ref,
    card: Ref,
    all_cards: Ref,
    logo: Option<Ref>,
    /// Reused for every page.
    content: Vec<u8>,
}

impl Pdf {
    /// Begins a file of `pages` pages.
    pub fn new(heading: &Heading, pages: u32) -> Self {
        let effort = if heading.qr.is_some() { Effort::Least } else { Effort::Usual };
        let mut file = File::begin(&format!("Batch {} {}", heading.batch_number, heading.batch_name), effort);
        let fonts = Fonts::embed(&mut file);
        let logo = heading.logo.as_ref().map(|logo| logo.embed(&mut file));
        let sheet = head::form(&mut file, &fonts, heading);
        let (card, all_cards) = card::forms(&mut file, &fonts, heading);
        Self {
            lines: Lines::new(&fonts),
            qr: heading.qr.clone(),
            label: fonts::encode(&format!("Batch {} · Sheet ", heading.batch_number)),
            content: Vec::with_capacity(8_192),
            written: 0,
            file,
            fonts,
            pages,
            sheet,
            card,
            all_cards,
            logo,
        }
    }

    /// Writes the next page: sheet number `sheet`, each code in its slot. An empty slot stays blank, so that the
    /// numbers of the others stay true.
    pub fn page(&mut self, sheet: u32, codes: &[Option<&CodeText>; SLOTS]) {
        self.written = self.written.saturating_add(1);
        let mut page = Page(std::mem::take(&mut self.content));
        page.form(SHEET);
        if codes.iter().all(Option::is_some) {
            page.form(ALL_CARDS);
        } else {
            for (slot, _) in codes.iter().enumerate().filter(|(_, code)| code.is_some()) {
                page.form_at(CARD, place(slot));
            }
        }
        let filled = || codes.iter().enumerate().filter_map(|(slot, code)| Some((slot, (*code)?)));
        page.begin_text();
        let mut size = None;
        for (slot, code) in filled() {
            let text = code.printed();
            let line = self.lines.of(&text);
            if size.replace(line.size) != Some(line.size) {
                page.font(Face::Code, line.size);
            }
            page.text_at(&line.starts[slot], text.as_bytes());
        }
        page.font(Face::Regular, SMALL_SIZE);
        for (slot, _) in filled() {
            page.label_at(&self.lines.labels[slot], &self.label, sheet, slot + 1);
        }
        page.font(Face::Regular, head::FOOT_SIZE);
        let footer = format!("Page {} of {}", self.written, self.pages);
        page.text_at(&text_start(head::footer_end(&self.fonts, &footer)), footer.as_bytes());
        page.end_text();
        if let Some(template) = &self.qr {
            for (slot, code) in filled() {
                page.mask(card::qr_place(slot), &template.code(code));
            }
        }
        self.file.page(&page.0);
        page.0.clear();
        self.content = page.0;
    }

    /// Bytes that [`Pdf::take`] would give.
    pub fn ready(&self) -> usize {
        self.file.ready()
    }

    /// The bytes finished since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        self.file.take()
    }

    /// The last bytes, those not yet taken included.
    ///
    /// # Errors
    /// [`WrongPages`] when the pages are not as many as announced.
    pub fn finish(mut self) -> Result<Vec<u8>, WrongPages> {
        if self.written != self.pages {
            return Err(WrongPages { announced: self.pages, written: self.written });
        }
        let mut forms = vec![(SHEET, self.sheet), (CARD, self.card), (ALL_CARDS, self.all_cards)];
        forms.extend(self.logo.map(|logo| (LOGO, logo)));
        self.file.end(&self.fonts, &forms);
        Ok(self.file.take())
    }
}
