//! The alphabet of GSM 03.38, 7 bits a character. One character outside it makes the whole text UCS-2, of 70.

use super::SCREEN;

const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// These take two places.
const EXTENDED: &str = "^{}\\[~]|€";

/// How many places the text takes; `None` if a character is outside the alphabet.
pub fn length(text: &str) -> Option<usize> {
    text.chars()
        .map(|character| {
            if BASIC.contains(character) {
                Some(1)
            } else if EXTENDED.contains(character) {
                Some(2)
            } else {
                None
            }
        })
        .sum()
}

/// A name from elsewhere in at most `room` places of this alphabet: accents that it lacks are left off, what has no like
/// in it becomes a full stop, and all white space is one space, so that nobody's name makes a line of its own.
pub fn folded(name: &str, room: usize) -> String {
    let mut out = String::with_capacity(room);
    let mut left = room;
    for character in name.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        let plain = plain(character);
        let Some(places) = length(plain.encode_utf8(&mut [0; 4])).filter(|places| *places <= left) else { break };
        left -= places;
        out.push(plain);
    }
    out.truncate(out.trim_end().len());
    out
}

fn plain(character: char) -> char {
    match character {
        'á' | 'â' | 'ã' | 'ā' => 'a',
        'Á' | 'À' | 'Â' | 'Ã' | 'Ā' => 'A',
        'ç' => 'c',
        'ê' | 'ë' | 'ē' => 'e',
        'È' | 'Ê' | 'Ë' | 'Ē' => 'E',
        'í' | 'î' | 'ï' | 'ī' => 'i',
        'Í' | 'Ì' | 'Î' | 'Ï' | 'Ī' => 'I',
        'ó' | 'ô' | 'õ' | 'ō' => 'o',
        'Ó' | 'Ò' | 'Ô' | 'Õ' | 'Ō' => 'O',
        'ú' | 'û' | 'ū' => 'u',
        'Ú' | 'Ù' | 'Û' | 'Ū' => 'U',
        'ý' | 'ÿ' => 'y',
        'Ý' | 'Ÿ' => 'Y',
        '\u{2018}' | '\u{2019}' | '\u{2bc}' | '`' => '\'',
        '\u{2010}'..='\u{2015}' => '-',
        same if BASIC.contains(same) && !same.is_control() => same,
        // Also the characters of two places: no name has a brace.
        _ => '.',
    }
}

/// # Errors
/// Why the text does not fit on one screen.
pub fn fits(text: &str) -> Result<(), String> {
    match length(text) {
        None => {
            let stranger = text.chars().find(|c| !BASIC.contains(*c) && !EXTENDED.contains(*c)).unwrap_or_default();
            Err(format!("{stranger:?} is not in the phone's alphabet (GSM 7-bit)"))
        }
        Some(length) if length > SCREEN => Err(format!("{length} characters with the longest values, {SCREEN} fit")),
        Some(_) => Ok(()),
    }
}
