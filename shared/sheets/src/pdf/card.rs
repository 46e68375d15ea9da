//! What a card looks like, and where things stand on it.

use super::{
    CARD, Heading, LOGO, SLOTS, SMALL_SIZE,
    file::File,
    fonts::{Face, Fonts, encode},
    head::{self, BLACK, GREY, picture, text},
    page::{Page, text_start},
};
use domain::code::{MAX_LENGTH, MIN_LENGTH};
use pdf_writer::{Content, Ref, Str};

pub const COLUMNS: usize = 2;
pub const ROWS: usize = SLOTS / COLUMNS;
/// 95 × 42 mm. Cards touch, so that a guillotine needs one cut between two.
pub const CARD_SIZE: [f32; 2] = [269.29, 119.06];
/// The lower left corner of all cards.
pub const CORNER: [f32; 2] = [28.35, 39.69];

const MARGIN: f32 = 14.0;
const BAND: [f32; 4] = [8.0, 17.5, CARD_SIZE[0] - 16.0, 27.5];
const BAND_GREY: f32 = 0.93;
const ROUND: f32 = 4.0;
const CODE_SIZE: f32 = 21.5;
/// Codes begin and end this far from the band's ends at least.
const CODE_ROOM: f32 = BAND[2] - 18.0;
/// The digits' height in ems: to put them in the middle of the band.
const DIGIT: f32 = 0.73;
const AMOUNT_SIZE: f32 = 28.0;
/// In figures' heights.
const CURRENCY_SIZE: f32 = 0.62;
const LABEL_LINE: f32 = 7.0;
const QR_SIDE: f32 = 58.0;
const LOGO_ROOM: [f32; 2] = [84.0, 32.0];

/// How codes of one length are written, and where on the page in each slot.
pub struct Line {
    pub size: f32,
    pub starts: [Vec<u8>; SLOTS],
}

pub struct Lines {
    /// By the length of the printed text.
    of: Vec<Line>,
    /// Where the small line at a card's foot begins.
    pub labels: [Vec<u8>; SLOTS],
}

/// The longest printed text: a dash after every fourth character.
const LONGEST: usize = MAX_LENGTH + (MAX_LENGTH - 1) / 4;

impl Lines {
    pub fn new(fonts: &Fonts) -> Self {
        let line = |length: usize| {
            // All characters are of one width.
            let width = |size| fonts.width(Face::Code, size, &vec![b'0'; length]);
            let size = CODE_SIZE * (CODE_ROOM / width(CODE_SIZE).max(1.0)).min(1.0);
            let size = (size * 100.0).floor() / 100.0;
            let x = (CARD_SIZE[0] - width(size)) / 2.0;
            let y = BAND[1] + (BAND[3] - DIGIT * size) / 2.0;
            Line { size, starts: std::array::from_fn(|slot| text_start(add(place(slot), [x, y]))) }
        };
        Self {
            of: (0..=LONGEST.max(MIN_LENGTH)).map(line).collect(),
            labels: std::array::from_fn(|slot| text_start(add(place(slot), [MARGIN, LABEL_LINE]))),
        }
    }

    pub fn of(&self, printed: &str) -> &Line {
        &self.of[printed.len().min(LONGEST)]
    }
}

fn add([x, y]: [f32; 2], [dx, dy]: [f32; 2]) -> [f32; 2] {
    [x + dx, y + dy]
}

/// The lower left corner of a slot's card on the page.
pub fn place(slot: usize) -> [f32; 2] {
    let (column, row) = (slot % COLUMNS, slot / COLUMNS);
    let up = ROWS.saturating_sub(row + 1);
    add(CORNER, [CARD_SIZE[0] * column as f32, CARD_SIZE[1] * up as f32])
}

/// Side and lower left corner of a slot's QR code on the page.
pub fn qr_place(slot: usize) -> (f32, [f32; 2]) {
    let corner = [CARD_SIZE[0] - MARGIN - QR_SIDE, CARD_SIZE[1] - 8.5 - QR_SIDE];
    (QR_SIDE, add(place(slot), corner))
}

/// One card without its code, and a page full of them.
pub fn forms(file: &mut File, fonts: &Fonts, heading: &Heading) -> (Ref, Ref) {
    let card = file.form(CARD_SIZE, &face(fonts, heading));
    let mut all = Page(Vec::new());
    for slot in 0..SLOTS {
        all.form_at(CARD, place(slot));
    }
    let all_cards = file.form(super::PAGE, &all.0);
    (card, all_cards)
}

fn face(fonts: &Fonts, heading: &Heading) -> Vec<u8> {
    let [width, height] = CARD_SIZE;
    let mut content = Content::new();
    content.set_fill_gray(BAND_GREY);
    rounded(&mut content, BAND);
    content.fill_nonzero();

    let beside = match (&heading.qr, &heading.logo) {
        (Some(_), _) => QR_SIDE + 10.0,
        (None, Some(logo)) => {
            let [w, h] = head::scaled(logo, LOGO_ROOM);
            picture(&mut content, LOGO, [width - MARGIN - w, height - 10.0 - h], [w, h]);
            w + 10.0
        }
        (None, None) => 0.0,
    };
    let room = width - 2.0 * MARGIN - beside;
    content.set_fill_gray(BLACK);
    content.begin_text();
    let (brand, size) = fonts.fit(Face::Bold, 10.0, 7.0, room, &heading.brand);
    text(&mut content, Face::Bold, size, [MARGIN, height - 18.0], &brand);
    amount(&mut content, fonts, heading, room);
    let dial = if heading.qr.is_some() { "Scan, or dial" } else { "Dial" };
    let hint = format!("{dial} {} and type this code", heading.dial);
    let (hint, size) = fonts.fit(Face::Regular, 8.5, 6.0, room, &hint);
    text(&mut content, Face::Regular, size, [MARGIN, height - 58.5], &hint);
    content.set_fill_gray(GREY);
    let hint = format!("Mukande {} mwandike iyi kode", heading.dial);
    let (hint, size) = fonts.fit(Face::Regular, 7.0, 6.0, room, &hint);
    text(&mut content, Face::Regular, size, [MARGIN, height - 67.5], &hint);

    content.set_fill_gray(BLACK);
    let mut foot = format!("Valid until {}", heading.expires_on);
    if !heading.help.is_empty() {
        foot = format!("Help {} · {foot}", heading.help);
    }
    let (foot, size) = fonts.fit(Face::Bold, SMALL_SIZE, 5.0, 130.0, &foot);
    let x = width - MARGIN - fonts.width(Face::Bold, size, &foot);
    text(&mut content, Face::Bold, size, [x, LABEL_LINE], &foot);
    content.end_text();
    content.finish().into_vec()
}

/// The figures large, the currency beside them.
fn amount(content: &mut Content, fonts: &Fonts, heading: &Heading, room: f32) {
    let figures = encode(&format!("{} ", heading.money.grouped()));
    let currency = encode(heading.money.currency.code());
    let wide =
        |size: f32| fonts.width(Face::Bold, size, &figures) + fonts.width(Face::Bold, size * CURRENCY_SIZE, &currency);
    let size = AMOUNT_SIZE * (room / wide(AMOUNT_SIZE)).min(1.0);
    text(content, Face::Bold, size, [MARGIN - 1.0, CARD_SIZE[1] - 44.0], &figures);
    content.set_font(Face::Bold.name(), size * CURRENCY_SIZE).show(Str(&currency));
}

fn rounded(content: &mut Content, [x, y, width, height]: [f32; 4]) {
    // How far a curve's handles reach so that it looks like a quarter of a circle.
    let reach = ROUND * 0.552;
    let (right, top) = (x + width, y + height);
    content.move_to(x + ROUND, y).line_to(right - ROUND, y);
    content.cubic_to(right - ROUND + reach, y, right, y + ROUND - reach, right, y + ROUND);
    content.line_to(right, top - ROUND);
    content.cubic_to(right, top - ROUND + reach, right - ROUND + reach, top, right - ROUND, top);
    content.line_to(x + ROUND, top);
    content.cubic_to(x + ROUND - reach, top, x, top - ROUND + reach, x, top - ROUND);
    content.line_to(x, y + ROUND);
    content.cubic_to(x, y + ROUND - reach, x + ROUND - reach, y, x + ROUND, y).close_path();
}
