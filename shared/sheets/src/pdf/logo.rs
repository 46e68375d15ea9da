//! The company's logo: a PNG or a JPEG file, read once and embedded once.

use super::file::File;
use pdf_writer::{Filter, Name, Ref};
use png::{BitDepth, ColorType, Decoder, Limits, Transformations};
use std::{fmt, io::Cursor};

const MAX_BYTES: usize = 200 * 1_024;
/// Enough for a logo as wide as the page at 300 dots an inch; decoded it takes four bytes each.
const MAX_PIXELS: u64 = 2_000_000;
const PNG_MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG_MAGIC: &[u8] = b"\xff\xd8\xff";

/// A picture that can be printed.
#[derive(Clone)]
pub struct Logo {
    pub width: u32,
    pub height: u32,
    pixels: Pixels,
}

#[derive(Clone)]
enum Pixels {
    /// The file itself.
    Jpeg { colours: u8, bytes: Vec<u8> },
    /// Three bytes each, and how opaque each is where that matters.
    Rgb { colours: Vec<u8>, opacity: Option<Vec<u8>> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLogo {
    #[error("the file is empty")]
    Empty,
    #[error("the file has {0} bytes; {MAX_BYTES} are allowed")]
    TooManyBytes(usize),
    #[error("the picture has {0} pixels; {MAX_PIXELS} are allowed")]
    TooManyPixels(u64),
    #[error("only PNG and JPEG pictures can be printed")]
    OtherFormat,
    #[error("the picture is damaged")]
    Damaged,
    #[error("the JPEG has colours for a printing press (CMYK); save it as RGB")]
    Cmyk,
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logo({} × {})", self.width, self.height)
    }
}

impl Logo {
    /// # Errors
    /// [`BadLogo`]: too large, neither PNG nor JPEG, or damaged.
    pub fn read(bytes: &[u8]) -> Result<Self, BadLogo> {
        if bytes.is_empty() {
            return Err(BadLogo::Empty);
        }
        if bytes.len() > MAX_BYTES {
            return Err(BadLogo::TooManyBytes(bytes.len()));
        }
        if bytes.starts_with(PNG_MAGIC) {
            png(bytes)
        } else if bytes.starts_with(JPEG_MAGIC) {
            jpeg(bytes)
        } else {
            Err(BadLogo::OtherFormat)
        }
    }

    pub(super) fn embed(&self, file: &mut File) -> Ref {
        let logo = file.reference();
        let [width, height] = [self.width, self.height].map(|side| i32::try_from(side).unwrap_or(i32::MAX));
        match &self.pixels {
            Pixels::Jpeg { colours, bytes } => file.add(|chunk| {
                let mut image = chunk.image_xobject(logo, bytes);
                image.width(width).height(height).bits_per_component(8);
                let space: &[u8] = if *colours == 1 { b"DeviceGray" } else { b"DeviceRGB" };
                image.pair(Name(b"ColorSpace"), Name(space));
                image.filter(Filter::DctDecode);
            }),
            Pixels::Rgb { colours, opacity } => {
                let mask = opacity.as_ref().map(|opacity| {
                    let (mask, packed) = (file.reference(), file.deflate(opacity));
                    file.add(|chunk| {
                        let mut image = chunk.image_xobject(mask, &packed);
                        image.width(width).height(height).bits_per_component(8);
                        image.pair(Name(b"ColorSpace"), Name(b"DeviceGray"));
                        image.filter(Filter::FlateDecode);
                    });
                    mask
                });
                let packed = file.deflate(colours);
                file.add(|chunk| {
                    let mut image = chunk.image_xobject(logo, &packed);
                    image.width(width).height(height).bits_per_component(8);
                    image.pair(Name(b"ColorSpace"), Name(b"DeviceRGB"));
                    if let Some(mask) = mask {
                        image.s_mask(mask);
                    }
                    image.filter(Filter::FlateDecode);
                });
            }
        }
        logo
    }
}

fn sized(width: u32, height: u32) -> Result<(), BadLogo> {
    match u64::from(width) * u64::from(height) {
        0 => Err(BadLogo::Damaged),
        1..=MAX_PIXELS => Ok(()),
        pixels => Err(BadLogo::TooManyPixels(pixels)),
    }
}

fn png(bytes: &[u8]) -> Result<Logo, BadLogo> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: 16 << 20 });
    // Palettes, few bits and 16 bits all become 8 bits a channel.
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|_| BadLogo::Damaged)?;
    let (width, height) = (reader.info().width, reader.info().height);
    sized(width, height)?;
    let mut pixels = vec![0; reader.output_buffer_size().ok_or(BadLogo::Damaged)?];
    let frame = reader.next_frame(&mut pixels).map_err(|_| BadLogo::Damaged)?;
    pixels.truncate(frame.buffer_size());
    let channels = match (frame.color_type, frame.bit_depth) {
        (ColorType::Grayscale, BitDepth::Eight) => 1,
        (ColorType::GrayscaleAlpha, BitDepth::Eight) => 2,
        (ColorType::Rgb, BitDepth::Eight) => 3,
        (ColorType::Rgba, BitDepth::Eight) => 4,
        (_, _) => return Err(BadLogo::Damaged),
    };
    let [mut colours, mut opacity] = [Vec::with_capacity(pixels.len() / channels * 3), Vec::new()];
    for pixel in pixels.chunks_exact(channels) {
        match *pixel {
            [grey] => colours.extend([grey; 3]),
            [grey, alpha] => {
                colours.extend([grey; 3]);
                opacity.push(alpha);
            }
            [red, green, blue] => colours.extend([red, green, blue]),
            [red, green, blue, alpha] => {
                colours.extend([red, green, blue]);
                opacity.push(alpha);
            }
            _ => {}
        }
    }
    let opacity = Some(opacity).filter(|opacity| opacity.iter().any(|alpha| *alpha < 0xff));
    Ok(Logo { width, height, pixels: Pixels::Rgb { colours, opacity } })
}

/// Finds the frame header (ITU-T T.81, B.2.2) and embeds the file as it is: PDF readers decode JPEG themselves.
fn jpeg(bytes: &[u8]) -> Result<Logo, BadLogo> {
    let mut at = 2;
    loop {
        let [0xff, marker] = *bytes.get(at..at + 2).ok_or(BadLogo::Damaged)? else { return Err(BadLogo::Damaged) };
        match marker {
            // Padding.
            0xff => at += 1,
            // Baseline, extended and progressive frames. The others (lossless, arithmetic) are not for PDF.
            0xc0..=0xc2 => break,
            0xc3 | 0xc5..=0xcf if marker != 0xc8 && marker != 0xcc => return Err(BadLogo::OtherFormat),
            0xd9 | 0xda => return Err(BadLogo::Damaged),
            0x01 | 0xd0..=0xd8 => at += 2,
            _ => {
                let length = bytes.get(at + 2..at + 4).ok_or(BadLogo::Damaged)?;
                at += 2 + usize::from(length[0]) * 256 + usize::from(length[1]);
            }
        }
    }
    let [bits, h1, h0, w1, w0, colours] = *bytes.get(at + 4..at + 10).ok_or(BadLogo::Damaged)? else {
        return Err(BadLogo::Damaged);
    };
    let side = |high: u8, low: u8| u32::from(high) * 256 + u32::from(low);
    let (width, height) = (side(w1, w0), side(h1, h0));
    sized(width, height)?;
    // A file that was cut short lacks the marker of its end.
    let end = bytes[at..].windows(2).any(|marker| marker == b"\xff\xd9");
    match (bits, colours, end) {
        (8, 1 | 3, true) => Ok(Logo { width, height, pixels: Pixels::Jpeg { colours, bytes: bytes.to_vec() } }),
        (8, 4, _) => Err(BadLogo::Cmyk),
        (_, _, _) => Err(BadLogo::Damaged),
    }
}
