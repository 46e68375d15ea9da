//! A batch, its codes and its files.

use domain::{
    code::{ALPHABET, CodeText},
    money::{Currency, Money},
};
use sheets::pdf::{Heading, Logo, Pdf, QrTemplate, SLOTS};

pub fn heading() -> Heading {
    Heading {
        batch_number: 12,
        batch_name: "BATCH_CHRISTMAS_KIGALI".to_owned(),
        generated_on: "20/11/2026".to_owned(),
        expires_on: "31/12/2026".to_owned(),
        money: Money::new(5_000, Currency::Rwf).expect("an amount"),
        brand: "MBELYCO".to_owned(),
        company: "Mbelyco Promotions Ltd".to_owned(),
        contact: ["KG 11 Avenue 42, Kigali", "+250 788 000 100"].map(str::to_owned).to_vec(),
        dial: "*801#".to_owned(),
        help: "0788000100".to_owned(),
        logo: Some(Logo::read(&png(png::ColorType::Rgba, 120, 40)).expect("a logo")),
        qr: None,
    }
}

pub fn dialling() -> QrTemplate {
    QrTemplate::dialling("*801#").expect("a template")
}

/// Different codes of 20 November 2026.
pub fn codes(count: usize) -> Vec<CodeText> {
    let code = |nth: usize| {
        // 30^10 codes in an order that looks random: the factor has no divisor in common with it.
        let mut rest = (nth as u64 + 1) * 7_368_787_654_321 % 30u64.pow(10);
        let mut part = || {
            let character = char::from(ALPHABET[(rest % 30) as usize]);
            rest /= 30;
            character
        };
        let [a, b, c, d, e, f, g, h, i, j] = std::array::from_fn(|_| part());
        CodeText::parse(&format!("{a}{b}{c}{d}{e}{f}26{g}{h}11{i}{j}20")).expect("a code")
    };
    (0..count).map(code).collect()
}

/// A file with the codes on sheets 1, 2, …, and the most bytes that waited to be taken.
pub fn pdf(heading: &Heading, codes: &[CodeText]) -> (Vec<u8>, usize) {
    let pages = u32::try_from(codes.len().div_ceil(SLOTS)).expect("not so many pages");
    let mut pdf = Pdf::new(heading, pages);
    let (mut bytes, mut most) = (pdf.take(), 0);
    for (sheet, codes) in (1..).zip(codes.chunks(SLOTS)) {
        let mut slots = [None; SLOTS];
        for (slot, code) in slots.iter_mut().zip(codes) {
            *slot = Some(code);
        }
        pdf.page(sheet, &slots);
        most = pdf.ready().max(most);
        bytes.append(&mut pdf.take());
    }
    bytes.append(&mut pdf.finish().expect("as many pages as announced"));
    (bytes, most)
}

/// A picture whose pixels depend on their place.
pub fn png(colours: png::ColorType, width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(colours);
    encoder.set_depth(png::BitDepth::Eight);
    if colours == png::ColorType::Indexed {
        encoder.set_palette((0..=255).flat_map(|step: u8| [step, 100, 255 - step]).collect::<Vec<u8>>());
    }
    let count = (width * height) as usize * colours.samples();
    let pixels: Vec<u8> = (0..count).map(|at| (at / 7 % 256) as u8).collect();
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&pixels).expect("the pixels");
    writer.finish().expect("the end");
    file
}
