//! Pictures that are taken, and those that aren't.

use crate::{
    made::{codes, heading, pdf, png},
    tools::{Folder, words},
};
use png::ColorType;
use sheets::pdf::{BadLogo, Heading, Logo};

/// The markers of a JPEG of this size; no picture inside.
fn jpeg(frame: u8, width: u16, height: u16, colours: u8) -> Vec<u8> {
    let mut file = b"\xff\xd8\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff".to_vec();
    file.extend([0xff, frame, 0, 8 + 3 * colours, 8]);
    file.extend(height.to_be_bytes());
    file.extend(width.to_be_bytes());
    file.push(colours);
    file.extend((0..colours).flat_map(|colour| [colour + 1, 0x11, 0]));
    file.extend(b"\xff\xda\x00\x02 \xff\xd9");
    file
}

// proves: COD-06
#[test]
fn pngs_of_every_colour_type_become_a_logo_in_the_file() {
    let types = [ColorType::Grayscale, ColorType::GrayscaleAlpha, ColorType::Rgb, ColorType::Rgba, ColorType::Indexed];
    for colours in types {
        let logo = Logo::read(&png(colours, 90, 30)).expect("a logo");
        assert_eq!((logo.width, logo.height), (90, 30), "{colours:?}");
        let folder = Folder::new();
        let file = folder.file("logo.pdf", &pdf(&Heading { logo: Some(logo), ..heading() }, &codes(1)).0);
        let Some(images) = words("pdfimages", &["-list", &file]) else { return };
        assert!(images.contains("image      90    30  rgb"), "{colours:?}: {images}");
        let see_through = matches!(colours, ColorType::GrayscaleAlpha | ColorType::Rgba);
        assert_eq!(images.contains("smask"), see_through, "{colours:?}: {images}");
    }
}

// proves: COD-06
#[test]
fn a_jpeg_is_embedded_as_it_is() {
    for (frame, colours, space) in [(0xc0, 3, "rgb"), (0xc2, 3, "rgb"), (0xc0, 1, "gray")] {
        let picture = jpeg(frame, 300, 100, colours);
        let logo = Logo::read(&picture).expect("a logo");
        assert_eq!((logo.width, logo.height), (300, 100));
        let (bytes, _) = pdf(&Heading { logo: Some(logo), ..heading() }, &codes(1));
        assert!(bytes.windows(picture.len()).any(|part| part == picture), "{space}");
        let folder = Folder::new();
        let file = folder.file("logo.pdf", &bytes);
        let Some(images) = words("pdfimages", &["-list", &file]) else { continue };
        assert!(images.contains(&format!("300   100  {space}")) && images.contains("jpeg"), "{images}");
    }
}

// proves: COD-06
#[test]
fn other_files_are_refused_as_a_logo_each_with_its_reason() {
    let whole = png(ColorType::Rgb, 400, 100);
    let photo = jpeg(0xc0, 300, 100, 3);
    let mut broken = whole.clone();
    broken[60] ^= 0x55;
    let refused: [(&str, &[u8], BadLogo); 14] = [
        ("nothing", b"", BadLogo::Empty),
        ("too many bytes", &[0x89; 204_801], BadLogo::TooManyBytes(204_801)),
        ("an SVG", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", BadLogo::OtherFormat),
        ("a GIF", b"GIF89a\x01\0\x01\0", BadLogo::OtherFormat),
        ("a PDF", b"%PDF-1.7\n", BadLogo::OtherFormat),
        ("half a PNG", &whole[..whole.len() / 2], BadLogo::Damaged),
        ("a PNG's first bytes", &whole[..8], BadLogo::Damaged),
        ("a PNG with a wrong byte", &broken, BadLogo::Damaged),
        ("a PNG of too many pixels", &png(ColorType::Grayscale, 2_000, 1_001), BadLogo::TooManyPixels(2_002_000)),
        ("a JPEG without its end", &photo[..photo.len() - 2], BadLogo::Damaged),
        ("a JPEG's first bytes", &photo[..24], BadLogo::Damaged),
        ("a JPEG of too many pixels", &jpeg(0xc0, 60_000, 60_000, 3), BadLogo::TooManyPixels(3_600_000_000)),
        ("a JPEG for a press", &jpeg(0xc0, 300, 100, 4), BadLogo::Cmyk),
        ("a lossless JPEG", &jpeg(0xc3, 300, 100, 3), BadLogo::OtherFormat),
    ];
    for (what, bytes, why) in refused {
        let found = Logo::read(bytes).expect_err(what);
        assert_eq!(found, why, "{what}");
    }
    let empty = Logo::read(&jpeg(0xc0, 0, 100, 3)).expect_err("no width");
    assert_eq!(empty, BadLogo::Damaged);
}
