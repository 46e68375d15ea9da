//! Public keys of the seals: P-256, as `openssl` and KMS give them out. Verification calls nobody.

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::identity::hex;
use ring::{
    digest,
    signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey},
};

/// What precedes the point in a SubjectPublicKeyInfo of P-256 (RFC 5480).
const BEFORE_POINT: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// An uncompressed point: 0x04 and two numbers.
const POINT_BYTES: usize = 65;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a public key is a P-256 SubjectPublicKeyInfo, in PEM or in base64")]
pub struct BadKey;

/// One public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    point: Vec<u8>,
    fingerprint: String,
}

impl PublicKey {
    /// # Errors
    /// [`BadKey`] unless `point` is an uncompressed one.
    pub fn of_point(point: &[u8]) -> Result<Self, BadKey> {
        if point.len() != POINT_BYTES || point.first() != Some(&4) {
            return Err(BadKey);
        }
        let der = [&BEFORE_POINT[..], point].concat();
        let hash = digest::digest(&digest::SHA256, &der);
        Ok(Self { point: point.to_vec(), fingerprint: hex(&hash.as_ref()[..16]) })
    }

    /// `text` is the base64 of the DER, or PEM.
    ///
    /// # Errors
    /// [`BadKey`] when it is neither.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
        let der = STANDARD.decode(lines.collect::<String>()).map_err(|_| BadKey)?;
        Self::of_point(der.strip_prefix(&BEFORE_POINT).ok_or(BadKey)?)
    }

    /// The first 16 bytes of SHA-256 over the DER, 32 hexadecimal figures.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    pub fn to_pem(&self) -> String {
        let text = STANDARD.encode([&BEFORE_POINT[..], &self.point].concat());
        let (first, second) = text.split_at(text.len().min(64));
        format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n")
    }

    /// Whether `signature` (ASN.1) of SHA-256 over `message` is this key's.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point).verify(message, signature).is_ok()
    }
}

/// The keys that seals may be signed with: the present one first, then those it took over from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKeys(Vec<PublicKey>);

impl PublicKeys {
    pub fn one(key: PublicKey) -> Self {
        Self(vec![key])
    }

    /// Verifies nothing.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// Several PEM blocks one after the other, or several base64 texts with commas between.
    ///
    /// # Errors
    /// [`BadKey`] when one can't be read, or there is none.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        const END: &str = "-----END PUBLIC KEY-----";
        let between = if text.contains(END) { END } else { "," };
        let keys = text.split(between).map(str::trim).filter(|text| !text.is_empty()).map(PublicKey::parse);
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(BadKey) } else { Ok(Self(keys)) }
    }

    /// The key that new seals are signed with.
    pub fn present(&self) -> Option<&PublicKey> {
        self.0.first()
    }

    pub fn find(&self, fingerprint: &str) -> Option<&PublicKey> {
        self.0.iter().find(|key| key.fingerprint == fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key as `openssl ec -pubout` writes it, and what `openssl dgst -sha256 -sign` made with it.
    const PEM: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEJmFh40lmpqCG0uzDVbtsx3q23pda
6MPfoNXlndKf3wfIywF11xHkK8oI4jTS9aJcp7u4hzP0SnDJum/ghad+bA==
-----END PUBLIC KEY-----
";
    const MESSAGE: &[u8] = b"what was signed";
    const SIGNATURE: &str =
        "MEQCICFqQYHdIzPtsyx4+ehcVlNvq68wRkk/24C3V7oGhRapAiAiUhRQo3u9i7POBFXDPE7z5erdjtsmXOnKF1BYrW5GBA==";

    // proves: AUD-02
    #[test]
    fn a_signature_made_elsewhere_verifies_and_no_other_message_or_signature_does() {
        let key = PublicKey::parse(PEM).expect("a key");
        let mut signature = STANDARD.decode(SIGNATURE).expect("base64");
        assert!(key.verifies(MESSAGE, &signature));
        assert!(!key.verifies(b"what was not signed", &signature));
        signature[10] ^= 1;
        assert!(!key.verifies(MESSAGE, &signature));
        assert!(!key.verifies(MESSAGE, b""));
    }

    // proves: AUD-02
    #[test]
    fn a_public_key_is_read_from_pem_and_from_base64_and_written_back() {
        let key = PublicKey::parse(PEM).expect("a key");
        assert_eq!(key.to_pem(), PEM);
        let base64: String = PEM.lines().filter(|line| !line.starts_with('-')).collect();
        assert_eq!(PublicKey::parse(&base64), Ok(key.clone()));
        assert_eq!(PublicKeys::parse(&base64).map(|keys| keys.present().cloned()), Ok(Some(key)));
    }

    // proves: AUD-02
    #[test]
    fn several_keys_are_told_apart_by_their_fingerprints() {
        let first = PublicKey::parse(PEM).expect("a key");
        let mut point = first.point.clone();
        point[64] ^= 1;
        let second = PublicKey::of_point(&point).expect("a key's shape");
        let keys = PublicKeys::parse(&format!("{}{}", second.to_pem(), PEM)).expect("two keys");
        assert_eq!(keys.present(), Some(&second));
        assert_eq!(keys.find(first.fingerprint()), Some(&first));
        assert_eq!(keys.find("another"), None);
    }

    // proves: AUD-02
    #[test]
    fn what_is_no_p_256_key_is_refused() {
        for bad in ["", ",", "nonsense", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE", &PEM.replace("MFkw", "MFkx")] {
            assert_eq!(PublicKeys::parse(bad), Err(BadKey), "{bad}");
        }
    }
}
