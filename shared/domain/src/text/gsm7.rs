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
