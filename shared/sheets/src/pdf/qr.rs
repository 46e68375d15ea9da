//! The QR code of a card: what it says, and its cells as bits.

use domain::code::CodeText;
use qrcodegen::{Mask as Pattern, QrCode, QrCodeEcc, QrSegment, Version};

const PLACE: &str = "{code}";
const MAX: usize = 64;
/// The first pattern to try. Choosing the one of least penalty, as the standard has it, takes eight times as long;
/// readers find codes of any pattern.
const PATTERN: u8 = 2;
/// Data between binary image bytes must not look like the operator that ends an inline image: some readers look
/// for it rather than count.
const END: &[u8] = b"EI";

/// What a card's QR code says: `tel:*801*{code}%23` dials the service with the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QrTemplate {
    before: String,
    after: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTemplate {
    #[error("{PLACE} stands in it once")]
    Place,
    #[error("at most {MAX} characters")]
    TooLong,
    #[error("only characters of ASCII that are visible")]
    Character,
}

/// Rows from the top, each in whole bytes; 1 is dark.
pub struct Mask {
    pub cells: u32,
    pub rows: Vec<u8>,
}

impl QrTemplate {
    /// # Errors
    /// [`BadTemplate`].
    pub fn parse(text: &str) -> Result<Self, BadTemplate> {
        if text.len() > MAX {
            return Err(BadTemplate::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadTemplate::Character);
        }
        match text.split_once(PLACE) {
            Some((before, after)) if !after.contains(PLACE) => {
                Ok(Self { before: before.to_owned(), after: after.to_owned() })
            }
            Some(_) | None => Err(BadTemplate::Place),
        }
    }

    /// For a service such as `*801#`: the code is dialled as its first answer, `tel:*801*{code}%23`. RFC 3966 has no
    /// `#` in numbers, so it is escaped.
    ///
    /// # Errors
    /// [`BadTemplate`].
    pub fn dialling(service: &str) -> Result<Self, BadTemplate> {
        Self::parse(&format!("tel:{}*{PLACE}%23", service.trim_end_matches('#')))
    }

    /// What the QR code of `code` says.
    pub fn text(&self, code: &CodeText) -> String {
        format!("{}{}{}", self.before, code.as_str(), self.after)
    }

    /// The code and what follows take less room as the letters of the QR standard: that saves a size.
    pub(super) fn code(&self, code: &CodeText) -> Mask {
        let rest = format!("{}{}", code.as_str(), self.after);
        let rest = if QrSegment::is_alphanumeric(&rest) {
            QrSegment::make_alphanumeric(&rest)
        } else {
            QrSegment::make_bytes(rest.as_bytes())
        };
        let segments = [QrSegment::make_bytes(self.before.as_bytes()), rest];
        let patterns = (0..8).map(|step| (PATTERN + step) % 8);
        let masks = patterns.filter_map(|pattern| mask(&segments, pattern));
        let mut masks = masks.filter(|mask| !mask.rows.windows(END.len()).any(|pair| pair == END));
        // At most 82 characters: the standard's smallest sizes hold them. That all eight patterns have the two
        // bytes of the end happens to nobody; an empty mask draws nothing.
        masks.next().unwrap_or(Mask { cells: 1, rows: vec![0] })
    }
}

fn mask(segments: &[QrSegment], pattern: u8) -> Option<Mask> {
    let (least, most) = (Version::MIN, Version::MAX);
    let pattern = Some(Pattern::new(pattern));
    let code = QrCode::encode_segments_advanced(segments, QrCodeEcc::Medium, least, most, pattern, false).ok()?;
    let cells = code.size();
    let mut rows = Vec::with_capacity(128);
    for y in 0..cells {
        for from in (0..cells).step_by(8) {
            let dark = |bit: i32| from + bit < cells && code.get_module(from + bit, y);
            rows.push((0..8).fold(0, |byte, bit| byte << 1 | u8::from(dark(bit))));
        }
    }
    Some(Mask { cells: u32::try_from(cells).ok()?, rows })
}
