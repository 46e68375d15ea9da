//! Authenticator apps: RFC 6238 with SHA-1, six figures, 30 seconds, as every app expects.

use crate::{StaffSecret, Trouble, tokens};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::identity::hex;
use jiff::Timestamp;
use qrcodegen::{QrCode, QrCodeEcc};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use store::chance;
use subtle::ConstantTimeEq;
use totp_rs::{Algorithm, TOTP};

pub const STEP_S: u64 = 30;
/// Steps before and after now that are taken too: phones' clocks differ.
const SKEW: u64 = 1;
/// RFC 4226 wants 128 bits and recommends 160.
pub const SECRET_BYTES: usize = 20;
pub const RECOVERY_CODES: usize = 10;

/// The code of one time step.
pub fn steps_code(secret: &[u8], step: u64) -> String {
    // The checks of `TOTP::new` are about lengths that are constants here.
    TOTP::new_unchecked(Algorithm::SHA1, 6, 1, STEP_S, secret.to_vec()).generate(step * STEP_S)
}

/// The step whose code was given, if it is near and younger than the last one taken: no code is taken twice.
pub fn accepted(secret: &[u8], given: &str, last_step: u64, now: Timestamp) -> Option<u64> {
    let step = u64::try_from(now.as_second()).ok()? / STEP_S;
    let mut found = None;
    for step in step.saturating_sub(SKEW)..=step + SKEW {
        let same: bool = steps_code(secret, step).as_bytes().ct_eq(given.as_bytes()).into();
        if same && step > last_step {
            found = Some(step);
        }
    }
    found
}

/// The address in the picture. The app shows issuer and account.
pub fn address(secret: &[u8], email: &str, issuer: &str) -> String {
    let escaped = |text: &str| {
        text.bytes()
            .map(|byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => {
                    char::from(byte).to_string()
                }
                other => format!("%{other:02X}"),
            })
            .collect::<String>()
    };
    let (issuer, email) = (escaped(issuer), escaped(email));
    format!(
        "otpauth://totp/{issuer}:{email}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period=30",
        base32(secret)
    )
}

/// RFC 4648, without padding.
pub fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut held, mut bits) = (0u32, 0u32);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(LETTERS[(held >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(LETTERS[(held << (5 - bits) & 31) as usize]));
    }
    text
}

/// A picture of the address, as SVG with a quiet zone of four modules.
pub fn picture(address: &str) -> Option<String> {
    let code = QrCode::encode_text(address, QrCodeEcc::Medium).ok()?;
    let size = code.size();
    let dark = (0..size).flat_map(|y| (0..size).map(move |x| (x, y))).filter(|(x, y)| code.get_module(*x, *y));
    let path: String = dark.map(|(x, y)| format!("M{},{}h1v1h-1z", x + 4, y + 4)).collect();
    let side = size + 8;
    Some(format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges"><rect width="{side}" height="{side}" fill="#fff"/><path d="{path}" fill="#000"/></svg>"##
    ))
}

/// Ten codes for when the phone is lost: each works once. Letters and figures that can't be mistaken.
pub fn recovery_codes() -> Result<Vec<String>, Trouble> {
    const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    (0..RECOVERY_CODES)
        .map(|_| {
            let bytes = chance::<10>()?;
            let text: String = bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte & 31)])).collect();
            Ok(format!("{}-{}", &text[..5], &text[5..]))
        })
        .collect()
}

/// As a recovery code is stored: under the pepper, so that the table alone can't be guessed at.
pub fn recovery_digest(keys: &StaffSecret, code: &str) -> String {
    let folded: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    hex(&tokens::derived(keys.pepper.as_bytes(), &["recovery", &folded])[..16])
}

fn sealing_key(keys: &StaffSecret) -> Result<LessSafeKey, Trouble> {
    let key = tokens::derived(keys.seal_key.as_bytes(), &["seal"]);
    UnboundKey::new(&AES_256_GCM, &key).map(LessSafeKey::new).map_err(|_| Trouble::NoSecret)
}

/// Seals bytes for `what`: AES-256-GCM with a drawn nonce in front.
pub fn seal(keys: &StaffSecret, what: &str, plain: &[u8]) -> Result<String, Trouble> {
    let nonce = chance::<NONCE_LEN>()?;
    let mut bytes = plain.to_vec();
    sealing_key(keys)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(what.as_bytes()), &mut bytes)
        .map_err(|_| Trouble::NoSecret)?;
    Ok(URL_SAFE_NO_PAD.encode([&nonce[..], &bytes].concat()))
}

/// What was sealed for `what`; `None` when it wasn't, or under another key.
pub fn unseal(keys: &StaffSecret, what: &str, sealed: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let (nonce, rest) = bytes.split_at_checked(NONCE_LEN)?;
    let mut rest = rest.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let plain = sealing_key(keys).ok()?.open_in_place(nonce, Aad::from(what.as_bytes()), &mut rest).ok()?;
    Some(plain.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, SHA-1, eight figures (contracts.md section 5).
    const VECTORS: [(u64, &str); 6] = [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ];
    const SECRET: &[u8] = b"12345678901234567890";

    // proves: ACC-05
    #[test]
    fn codes_are_those_of_rfc_6238() {
        for (second, code) in VECTORS {
            // Six figures are the last six of eight: both are the same number modulo a power of ten.
            assert_eq!(steps_code(SECRET, second / STEP_S), code[2..], "at second {second}");
        }
    }

    // proves: ACC-05
    #[test]
    fn a_code_is_taken_once_and_only_near_its_time() {
        let now = Timestamp::from_second(1_234_567_890).expect("a time");
        let step = 1_234_567_890 / STEP_S;
        for near in step - 1..=step + 1 {
            assert_eq!(accepted(SECRET, &steps_code(SECRET, near), 0, now), Some(near));
        }
        assert_eq!(accepted(SECRET, &steps_code(SECRET, step - 2), 0, now), None);
        assert_eq!(accepted(SECRET, &steps_code(SECRET, step + 2), 0, now), None);
        assert_eq!(accepted(SECRET, &steps_code(SECRET, step), step, now), None, "it was taken already");
    }

    #[test]
    fn base32_is_that_of_rfc_4648() {
        for (plain, text) in [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foobar", "MZXW6YTBOI")] {
            assert_eq!(base32(plain.as_bytes()), text);
        }
    }

    #[test]
    fn what_is_sealed_opens_only_for_its_purpose_and_key() {
        let keys = |seal: &str| StaffSecret {
            token_keys: vec![],
            seal_key: seal.to_owned(),
            pepper: "p".to_owned(),
            origin_secret: None,
        };
        let sealed = seal(&keys("a"), "totp", b"secret").expect("there is randomness");
        assert_eq!(unseal(&keys("a"), "totp", &sealed).as_deref(), Some(&b"secret"[..]));
        assert_eq!(unseal(&keys("b"), "totp", &sealed), None);
        assert_eq!(unseal(&keys("a"), "link", &sealed), None);
        assert_eq!(unseal(&keys("a"), "totp", &sealed[1..]), None);
    }
}
