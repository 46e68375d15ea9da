//! What is round the cards: header, footer, cut marks.

use super::{
    Heading, LOGO, Logo, PAGE, SLOTS,
    card::{CARD_SIZE, COLUMNS, CORNER, ROWS},
    file::File,
    fonts::{Face, Fonts, encode},
};
use pdf_writer::{Content, Name, Ref, Str};

pub const BLACK: f32 = 0.08;
pub const GREY: f32 = 0.38;
const LINE_GREY: f32 = 0.78;
const LEFT: f32 = CORNER[0];
const RIGHT: f32 = PAGE[0] - CORNER[0];
const TOP: f32 = PAGE[1] - 20.0;
const FOOT: f32 = 18.0;
pub const FOOT_SIZE: f32 = 7.0;
const FACTS_SIZE: f32 = 8.0;
const LOGO_ROOM: [f32; 2] = [150.0, 33.0];
/// A cut mark begins this far from the cards and ends that far.
const MARK: [f32; 2] = [3.0, 14.0];
const CONTACT_LINES: usize = 4;
const CONTACT_ROOM: f32 = 250.0;

pub fn text(content: &mut Content, face: Face, size: f32, [x, y]: [f32; 2], encoded: &[u8]) {
    content.set_font(face.name(), size).set_text_matrix([1.0, 0.0, 0.0, 1.0, x, y]).show(Str(encoded));
}

pub fn picture(content: &mut Content, name: Name<'_>, [x, y]: [f32; 2], [width, height]: [f32; 2]) {
    content.save_state().transform([width, 0.0, 0.0, height, x, y]).x_object(name).restore_state();
}

/// As large as the room allows, in its proportions.
pub fn scaled(logo: &Logo, [width, height]: [f32; 2]) -> [f32; 2] {
    let [w, h] = [logo.width as f32, logo.height as f32];
    let scale = (width / w).min(height / h);
    [w * scale, h * scale]
}

/// Where "Page x of y" begins so that it ends at the right margin.
pub fn footer_end(fonts: &Fonts, footer: &str) -> [f32; 2] {
    [RIGHT - fonts.width(Face::Regular, FOOT_SIZE, footer.as_bytes()), FOOT]
}

pub fn form(file: &mut File, fonts: &Fonts, heading: &Heading) -> Ref {
    let mut content = Content::new();
    cuts(&mut content);
    if let Some(logo) = &heading.logo {
        let size = scaled(logo, LOGO_ROOM);
        picture(&mut content, LOGO, [LEFT, TOP - size[1]], size);
    }
    content.begin_text();
    content.set_fill_gray(BLACK);
    let signature = heading.signature();
    let mut contact_top = TOP - 7.0;
    if heading.logo.is_none() {
        let (name, size) = fonts.fit(Face::Bold, 17.0, 9.0, 270.0, signature);
        text(&mut content, Face::Bold, size, [LEFT, TOP - 15.0], &name);
    } else {
        let (name, size) = fonts.fit(Face::Bold, 8.5, 6.0, CONTACT_ROOM, signature);
        let x = RIGHT - fonts.width(Face::Bold, size, &name);
        text(&mut content, Face::Bold, size, [x, contact_top], &name);
        contact_top -= 9.0;
    }
    content.set_fill_gray(GREY);
    for (line, step) in heading.contact.iter().take(CONTACT_LINES).zip(0u8..) {
        let (line, size) = fonts.fit(Face::Regular, 7.0, 5.5, CONTACT_ROOM, line);
        let x = RIGHT - fonts.width(Face::Regular, size, &line);
        text(&mut content, Face::Regular, size, [x, contact_top - 8.8 * f32::from(step)], &line);
    }
    batch(&mut content, fonts, heading);
    let keep = encode("Keep these sheets like cash: a code pays whoever dials it first.");
    text(&mut content, Face::Regular, FOOT_SIZE, [LEFT, FOOT], &keep);
    content.end_text();
    file.form(PAGE, &content.finish())
}

/// The line above the cards.
fn batch(content: &mut Content, fonts: &Fonts, heading: &Heading) {
    let y = CORNER[1] + CARD_SIZE[1] * ROWS as f32 + 14.0 + 4.0;
    let facts = encode(&format!("Generated {} · Valid until {}", heading.generated_on, heading.expires_on));
    let facts_at = RIGHT - fonts.width(Face::Regular, FACTS_SIZE, &facts);
    text(content, Face::Regular, FACTS_SIZE, [facts_at, y], &facts);
    content.set_fill_gray(BLACK);
    let number = encode(&format!("Batch {}", heading.batch_number));
    text(content, Face::Bold, 11.0, [LEFT, y], &number);
    let name_at = LEFT + fonts.width(Face::Bold, 11.0, &number) + 8.0;
    let (name, size) = fonts.fit(Face::Regular, 11.0, 6.0, facts_at - name_at - 10.0, &heading.batch_name);
    text(content, Face::Regular, size, [name_at, y], &name);
    content.set_fill_gray(GREY);
}

/// Hairlines between the cards for scissors, marks outside them for a guillotine.
fn cuts(content: &mut Content) {
    debug_assert_eq!(ROWS * COLUMNS, SLOTS);
    let [x0, y0] = CORNER;
    let [x1, y1] = [x0 + CARD_SIZE[0] * COLUMNS as f32, y0 + CARD_SIZE[1] * ROWS as f32];
    let columns: Vec<f32> = (0..=COLUMNS).map(|column| x0 + CARD_SIZE[0] * column as f32).collect();
    let rows: Vec<f32> = (0..=ROWS).map(|row| y0 + CARD_SIZE[1] * row as f32).collect();
    content.set_line_width(0.3).set_stroke_gray(LINE_GREY).set_dash_pattern([1.5, 2.0], 0.0);
    for x in &columns {
        content.move_to(*x, y0).line_to(*x, y1);
    }
    for y in &rows {
        content.move_to(x0, *y).line_to(x1, *y);
    }
    content.stroke();
    content.set_line_width(0.4).set_stroke_gray(0.0).set_dash_pattern([], 0.0);
    let [from, to] = MARK;
    for x in &columns {
        content.move_to(*x, y0 - from).line_to(*x, y0 - to);
        content.move_to(*x, y1 + from).line_to(*x, y1 + to);
    }
    for y in &rows {
        content.move_to(x0 - from, *y).line_to(x0 - to, *y);
        content.move_to(x1 + from, *y).line_to(x1 + to, *y);
    }
    content.stroke();
}
