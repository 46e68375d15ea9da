//! The content of one page, written into a buffer that is used again for the next.
//!
//! What stands on every page is a form and made with `pdf-writer`; this is the part that comes a hundred thousand
//! times.

use super::{fonts::Face, qr::Mask};
use pdf_writer::Name;

pub struct Page(pub Vec<u8>);

/// With two decimals: a hundredth of a point is less than any printer's dot.
fn number(out: &mut Vec<u8>, value: f32) {
    let hundredths = (value * 100.0).round() as i32;
    if hundredths < 0 {
        out.push(b'-');
    }
    whole(out, hundredths.unsigned_abs() / 100);
    let rest = hundredths.unsigned_abs() % 100;
    if rest > 0 {
        out.extend_from_slice(&[b'.', b'0' + (rest / 10) as u8]);
        if !rest.is_multiple_of(10) {
            out.push(b'0' + (rest % 10) as u8);
        }
    }
}

fn whole(out: &mut Vec<u8>, mut value: u32) {
    let mut figures = [0; 10];
    let mut at = figures.len();
    loop {
        at -= 1;
        figures[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&figures[at..]);
}

/// The operator that moves to a place, up to the bracket that opens the text.
pub fn text_start([x, y]: [f32; 2]) -> Vec<u8> {
    let mut out = b"1 0 0 1 ".to_vec();
    number(&mut out, x);
    out.push(b' ');
    number(&mut out, y);
    out.extend_from_slice(b" Tm(");
    out
}

impl Page {
    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn draw(&mut self, form: Name<'_>) {
        self.put(b"/");
        self.put(form.0);
        self.put(b" Do");
    }

    fn move_to(&mut self, scale: f32, [x, y]: [f32; 2]) {
        self.put(b"q ");
        number(&mut self.0, scale);
        self.put(b" 0 0 ");
        number(&mut self.0, scale);
        for value in [x, y] {
            self.put(b" ");
            number(&mut self.0, value);
        }
        self.put(b" cm\n");
    }

    pub fn form(&mut self, form: Name<'_>) {
        self.draw(form);
        self.put(b"\n");
    }

    pub fn form_at(&mut self, form: Name<'_>, at: [f32; 2]) {
        self.move_to(1.0, at);
        self.draw(form);
        self.put(b" Q\n");
    }

    pub fn begin_text(&mut self) {
        self.put(b"BT\n");
    }

    pub fn end_text(&mut self) {
        self.put(b"ET\n");
    }

    pub fn font(&mut self, face: Face, size: f32) {
        self.put(b"/");
        self.put(face.name().0);
        self.put(b" ");
        number(&mut self.0, size);
        self.put(b" Tf\n");
    }

    /// Text of letters, figures and dashes; `start` is made by [`text_start`].
    pub fn text_at(&mut self, start: &[u8], text: &[u8]) {
        self.put(start);
        self.put(text);
        self.put(b")Tj\n");
    }

    /// `Batch 7 · Sheet 3 · Slot 12`
    pub fn label_at(&mut self, start: &[u8], label: &[u8], sheet: u32, slot: usize) {
        self.put(start);
        self.put(label);
        whole(&mut self.0, sheet);
        self.put(b" \xb7 Slot ");
        whole(&mut self.0, u32::try_from(slot).unwrap_or_default());
        self.put(b")Tj\n");
    }

    /// An image mask of one bit, as an inline image.
    pub fn mask(&mut self, (scale, at): (f32, [f32; 2]), mask: &Mask) {
        self.move_to(scale, at);
        self.put(b"BI/IM true/D[1 0]/W ");
        whole(&mut self.0, mask.cells);
        self.put(b"/H ");
        whole(&mut self.0, mask.cells);
        self.put(b" ID ");
        self.put(&mask.rows);
        self.put(b"\nEI Q\n");
    }
}
