//! The embedded fonts: what a text measures, and how its characters are written.

use super::file::File;
use pdf_writer::{Filter, Finish, Name, Rect, Ref, types::FontFlags};

const REGULAR: &[u8] = include_bytes!("../../fonts/Inter-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../../fonts/Inter-Bold.ttf");
const CODE: &[u8] = include_bytes!("../../fonts/JetBrainsMono-ExtraBold.ttf");

/// The characters that Windows-1252 has at 0x80 to 0x9F; five places are empty.
const UPPER: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“', '”', '•',
    '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    Regular,
    Bold,
    /// Only `-`, 0 to 9 and A to Z.
    Code,
}

impl Face {
    pub fn name(self) -> Name<'static> {
        match self {
            Self::Regular => Name(b"R"),
            Self::Bold => Name(b"B"),
            Self::Code => Name(b"M"),
        }
    }
}

struct Font {
    object: Ref,
    /// Advances of the 256 characters in thousandths of the size.
    widths: [f32; 256],
}

pub struct Fonts {
    regular: Font,
    bold: Font,
    code: Font,
}

fn character(byte: u8) -> char {
    match byte {
        0x80..=0x9f => UPPER[usize::from(byte - 0x80)],
        other => char::from(other),
    }
}

/// In Windows-1252, as the fonts are encoded; `?` for what it lacks, a space for control characters.
pub fn encode(text: &str) -> Vec<u8> {
    let byte = |character: char| match character {
        '\0'..='\x1f' | '\x7f' => b' ',
        ' '..='~' | '\u{a0}'..='\u{ff}' => u8::try_from(u32::from(character)).unwrap_or(b'?'),
        other => UPPER.iter().zip(0x80..).find(|(upper, _)| **upper == other).map_or(b'?', |(_, byte)| byte),
    };
    text.chars().map(byte).collect()
}

impl Font {
    fn embed(file: &mut File, bytes: &'static [u8], name: &[u8], stem: f32) -> Self {
        let [object, descriptor, data] = [file.reference(), file.reference(), file.reference()];
        let mut widths = [0.0; 256];
        // The files are part of the program and a test reads them: none fails to be read.
        if let Ok(face) = ttf_parser::Face::parse(bytes, 0) {
            let scale = 1_000.0 / f32::from(face.units_per_em());
            for (byte, width) in (0..=255).zip(&mut widths) {
                let glyph = face.glyph_index(character(byte)).filter(|_| byte >= b' ');
                *width = glyph.and_then(|glyph| face.glyph_hor_advance(glyph)).map_or(0.0, f32::from) * scale;
            }
            file.add(|chunk| {
                let mut writer = chunk.font_descriptor(descriptor);
                let bounds = face.global_bounding_box();
                let [x0, y0, x1, y1] = [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max];
                writer.name(Name(name)).flags(FontFlags::NON_SYMBOLIC).italic_angle(0.0).stem_v(stem);
                writer.bbox(Rect::new(
                    (f32::from(x0) * scale).round(),
                    (f32::from(y0) * scale).round(),
                    (f32::from(x1) * scale).round(),
                    (f32::from(y1) * scale).round(),
                ));
                writer.ascent((f32::from(face.ascender()) * scale).round());
                writer.descent((f32::from(face.descender()) * scale).round());
                writer.cap_height((f32::from(face.capital_height().unwrap_or(700)) * scale).round());
                writer.font_file2(data).finish();
            });
        }
        file.add(|chunk| {
            let mut font = chunk.indirect(object).dict();
            font.pair(Name(b"Type"), Name(b"Font")).pair(Name(b"Subtype"), Name(b"TrueType"));
            font.pair(Name(b"BaseFont"), Name(name)).pair(Name(b"Encoding"), Name(b"WinAnsiEncoding"));
            font.pair(Name(b"FirstChar"), 32).pair(Name(b"LastChar"), 255);
            font.insert(Name(b"Widths")).array().items(widths[32..].iter().map(|width| width.round()));
            font.pair(Name(b"FontDescriptor"), descriptor);
        });
        let packed = file.deflate(bytes);
        file.add(|chunk| {
            let mut stream = chunk.stream(data, &packed);
            stream.filter(Filter::FlateDecode);
            stream.pair(Name(b"Length1"), i32::try_from(bytes.len()).unwrap_or(i32::MAX));
        });
        Self { object, widths }
    }
}

impl Fonts {
    pub fn embed(file: &mut File) -> Self {
        Self {
            regular: Font::embed(file, REGULAR, b"SHEETS+Inter-Regular", 88.0),
            bold: Font::embed(file, BOLD, b"SHEETS+Inter-Bold", 148.0),
            code: Font::embed(file, CODE, b"SHEETS+JetBrainsMono-ExtraBold", 150.0),
        }
    }

    pub fn objects(&self) -> [(Name<'static>, Ref); 3] {
        [Face::Regular, Face::Bold, Face::Code].map(|face| (face.name(), self.font(face).object))
    }

    fn font(&self, face: Face) -> &Font {
        match face {
            Face::Regular => &self.regular,
            Face::Bold => &self.bold,
            Face::Code => &self.code,
        }
    }

    /// Points that encoded text takes at this size.
    pub fn width(&self, face: Face, size: f32, text: &[u8]) -> f32 {
        let widths = &self.font(face).widths;
        text.iter().map(|byte| widths[usize::from(*byte)].round()).sum::<f32>() * size / 1_000.0
    }

    /// The text encoded, and the size at which it fits: not under `least`, there it is cut and ends in `…`.
    pub fn fit(&self, face: Face, size: f32, least: f32, room: f32, text: &str) -> (Vec<u8>, f32) {
        let mut encoded = encode(text);
        let fitting = size * (room / self.width(face, size, &encoded).max(1.0)).min(1.0);
        if fitting >= least {
            return (encoded, fitting);
        }
        encoded.push(0x85);
        while encoded.len() > 1 && self.width(face, least, &encoded) > room {
            encoded.remove(encoded.len() - 2);
        }
        (encoded, least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ttf_parser::{GlyphId, OutlineBuilder, Rect as Bounds};

    fn face(bytes: &'static [u8]) -> ttf_parser::Face<'static> {
        ttf_parser::Face::parse(bytes, 0).expect("a font")
    }

    #[derive(Default)]
    struct Contours(usize);

    impl OutlineBuilder for Contours {
        fn move_to(&mut self, _: f32, _: f32) {
            self.0 += 1;
        }
        fn line_to(&mut self, _: f32, _: f32) {}
        fn quad_to(&mut self, _: f32, _: f32, _: f32, _: f32) {}
        fn curve_to(&mut self, _: f32, _: f32, _: f32, _: f32, _: f32, _: f32) {}
        fn close(&mut self) {}
    }

    fn contours(face: &ttf_parser::Face<'_>, character: char) -> (usize, Option<Bounds>) {
        let mut contours = Contours::default();
        let glyph = face.glyph_index(character).unwrap_or(GlyphId(0));
        let bounds = face.outline_glyph(glyph, &mut contours);
        (contours.0, bounds)
    }

    // proves: COD-06
    #[test]
    fn the_fonts_have_every_character_that_is_written_with_them() {
        for bytes in [REGULAR, BOLD] {
            let face = face(bytes);
            let written = (b' '..=b'~').chain(0x80..=0xff).map(character).filter(|character| *character != '\0');
            let missing: Vec<char> = written.filter(|character| face.glyph_index(*character).is_none()).collect();
            assert_eq!(missing, [] as [char; 0]);
        }
        let code = face(CODE);
        let width = code.glyph_index('0').and_then(|glyph| code.glyph_hor_advance(glyph));
        for character in ('0'..='9').chain('A'..='Z').chain(['-']) {
            let glyph = code.glyph_index(character).expect("a glyph");
            assert_eq!(code.glyph_hor_advance(glyph), width, "{character} is as wide as the others");
        }
    }

    // proves: COD-06
    #[test]
    fn a_zero_has_a_dot_that_the_letter_o_has_not() {
        let code = face(CODE);
        let [(zero, _), (letter, bounds)] = ['0', 'O'].map(|character| contours(&code, character));
        assert_eq!((zero, letter), (3, 2), "ring and dot; ring");
        assert!(bounds.is_some());
    }

    #[test]
    fn texts_are_encoded_as_the_fonts_are() {
        assert_eq!(encode("Aé€…–日\t\u{81}"), [b'A', 0xe9, 0x80, 0x85, 0x96, b'?', b' ', b'?']);
    }
}
