//! Pages being filled from top to bottom.

use super::Unmade;
use domain::time;
use jiff::Timestamp;
use printpdf::{
    Color, CustomPdfConformance, FontId, Greyscale, Op, PaintMode, ParsedFont, PdfConformance, PdfDocument, PdfFont,
    PdfFontHandle, PdfPage, PdfParseErrorSeverity, PdfSaveOptions, Point, Pt, Rect, Rgb, TextItem,
};

const REGULAR: &[u8] = include_bytes!("../../fonts/Inter-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../../fonts/Inter-Bold.ttf");

/// A4 in points of 1/72 inch.
pub const PAGE: [f32; 2] = [595.28, 841.89];
pub const LEFT: f32 = 42.0;
pub const RIGHT: f32 = PAGE[0] - 42.0;
const TOP: f32 = PAGE[1] - 48.0;
const BOTTOM: f32 = 52.0;
const FOOT: f32 = 28.0;
const FOOT_SIZE: f32 = 7.5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    Regular,
    Bold,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub face: Face,
    pub size: f32,
    /// 0 is black.
    pub grey: f32,
}

impl Style {
    pub const fn regular(size: f32) -> Self {
        Self { face: Face::Regular, size, grey: 0.0 }
    }

    pub const fn bold(size: f32) -> Self {
        Self { face: Face::Bold, size, grey: 0.0 }
    }

    pub const fn faint(size: f32) -> Self {
        Self { face: Face::Regular, size, grey: 0.4 }
    }
}

struct Font {
    parsed: ParsedFont,
    id: FontId,
}

impl Font {
    fn read(bytes: &[u8], id: &str) -> Result<Self, Unmade> {
        let mut parsed = ParsedFont::from_bytes(bytes, 0, &mut Vec::new()).ok_or(Unmade::Font)?;
        parsed.font_name = Some(id.to_owned());
        Ok(Self { parsed, id: FontId(id.to_owned()) })
    }

    /// What the font has, `?` for the rest.
    fn printable(&self, text: &str) -> String {
        let has =
            |character: char| self.parsed.lookup_glyph_index(u32::from(character)).is_some_and(|glyph| glyph != 0);
        let spaced = text.chars().map(|character| if character.is_whitespace() { ' ' } else { character });
        spaced.map(|character| if has(character) { character } else { '?' }).collect()
    }

    fn width(&self, size: f32, text: &str) -> f32 {
        let advance = |character: char| {
            let glyph = self.parsed.lookup_glyph_index(u32::from(character))?;
            self.parsed.get_glyph_width(glyph).map(f32::from)
        };
        text.chars().filter_map(advance).sum::<f32>() * size / f32::from(self.parsed.units_per_em.max(1))
    }
}

pub struct Sheet {
    regular: Font,
    bold: Font,
    pages: Vec<Vec<Op>>,
    /// The base line of what comes next.
    pub y: f32,
}

impl Sheet {
    pub fn new() -> Result<Self, Unmade> {
        let regular = Font::read(REGULAR, "Inter-Regular")?;
        let bold = Font::read(BOLD, "Inter-Bold")?;
        Ok(Self { regular, bold, pages: vec![Vec::new()], y: TOP })
    }

    fn font(&self, face: Face) -> &Font {
        match face {
            Face::Regular => &self.regular,
            Face::Bold => &self.bold,
        }
    }

    fn draw(&mut self, ops: impl IntoIterator<Item = Op>) {
        if let Some(page) = self.pages.last_mut() {
            page.extend(ops);
        }
    }

    /// Whether there is no room for so much on this page any more; the next one is begun then.
    pub fn turn(&mut self, height: f32) -> bool {
        let full = self.y - height < BOTTOM;
        if full {
            self.pages.push(Vec::new());
            self.y = TOP;
        }
        full
    }

    /// Writes at the current line from `x`, cut to `room`.
    pub fn text(&mut self, x: f32, room: f32, style: Style, text: &str) {
        let text = self.fitted(room, style, text);
        self.write([x, self.y], style, text);
    }

    /// The same, up to `x`.
    pub fn text_to(&mut self, x: f32, room: f32, style: Style, text: &str) {
        let text = self.fitted(room, style, text);
        let width = self.font(style.face).width(style.size, &text);
        self.write([x - width, self.y], style, text);
    }

    /// Divides a text between words.
    pub fn lines(&self, room: f32, style: Style, text: &str) -> Vec<String> {
        let font = self.font(style.face);
        let mut lines = vec![String::new()];
        for word in text.split_whitespace() {
            let Some(line) = lines.last_mut() else { continue };
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if line.is_empty() || font.width(style.size, &font.printable(&longer)) <= room {
                *line = longer;
            } else {
                lines.push(word.to_owned());
            }
        }
        lines
    }

    fn fitted(&self, room: f32, style: Style, text: &str) -> String {
        let font = self.font(style.face);
        let mut text = font.printable(text);
        if font.width(style.size, &text) <= room {
            return text;
        }
        while !text.is_empty() && font.width(style.size, &format!("{text}…")) > room {
            text.pop();
        }
        format!("{text}…")
    }

    fn write(&mut self, [x, y]: [f32; 2], style: Style, text: String) {
        let font = PdfFontHandle::External(self.font(style.face).id.clone());
        self.draw([
            Op::StartTextSection,
            Op::SetFillColor { col: Color::Greyscale(Greyscale::new(style.grey, None)) },
            Op::SetFont { font, size: Pt(style.size) },
            Op::SetTextCursor { pos: Point { x: Pt(x), y: Pt(y) } },
            Op::ShowText { items: vec![TextItem::Text(text)] },
            Op::EndTextSection,
        ]);
    }

    /// A filled box, from its lower left corner.
    pub fn fill(&mut self, [x, y]: [f32; 2], [width, height]: [f32; 2], [red, green, blue]: [f32; 3]) {
        let mut rectangle = Rect::from_xywh(Pt(x), Pt(y), Pt(width), Pt(height));
        rectangle.mode = Some(PaintMode::Fill);
        self.draw([
            Op::SetFillColor { col: Color::Rgb(Rgb::new(red, green, blue, None)) },
            Op::DrawRectangle { rectangle },
        ]);
    }

    /// A thin line across the page, this much below the base line.
    pub fn rule(&mut self, below: f32, grey: f32) {
        let y = self.y - below;
        self.fill([LEFT, y], [RIGHT - LEFT, 0.6], [grey; 3]);
    }

    /// Numbers the pages and writes the file.
    pub fn finish(mut self, title: &str, author: &str, foot: &str, made_at: Timestamp) -> Result<Vec<u8>, Unmade> {
        let count = self.pages.len();
        let pages = std::mem::take(&mut self.pages);
        let mut document = PdfDocument::new(title);
        for (number, page) in (1..).zip(pages) {
            self.pages = vec![page];
            self.y = FOOT;
            self.text(LEFT, RIGHT - LEFT - 100.0, Style::faint(FOOT_SIZE), foot);
            self.text_to(RIGHT, 90.0, Style::faint(FOOT_SIZE), &format!("Page {number} of {count}"));
            let ops = self.pages.pop().unwrap_or_default();
            document.pages.push(PdfPage::new(Pt(PAGE[0]).into(), Pt(PAGE[1]).into(), ops));
        }
        for font in [self.regular, self.bold] {
            document.resources.fonts.map.insert(font.id, PdfFont::new(font.parsed));
        }
        let info = &mut document.metadata.info;
        // For print shops only; it would bring a colour profile of 650 kB.
        info.conformance = PdfConformance::Custom(CustomPdfConformance::default());
        author.clone_into(&mut info.author);
        // No year of the calendar is out of its range.
        if let Ok(at) = printpdf::OffsetDateTime::from_unix_timestamp(made_at.as_millisecond() / time::SECOND_MS) {
            (info.creation_date, info.modification_date, info.metadata_date) = (at, at, at);
        }
        let mut said = Vec::new();
        let bytes = document.save(&PdfSaveOptions::default(), &mut said);
        match said.into_iter().find(|said| said.severity == PdfParseErrorSeverity::Error) {
            Some(error) => Err(Unmade::Written(error.msg)),
            None => Ok(bytes),
        }
    }
}
