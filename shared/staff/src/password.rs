//! Password hashes: Argon2id with OWASP's parameters.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString},
};
use store::StoreError;

/// Memory in KiB, passes, lanes: OWASP's least for Argon2id (contracts.md section 5).
pub const PARAMETERS: (u32, u32, u32) = (19 * 1024, 2, 1);

/// A hash that no password has: an unknown account takes as long as a known one.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn hasher() -> Argon2<'static> {
    let (memory, passes, lanes) = PARAMETERS;
    // The parameters are constants within the algorithm's bounds.
    let parameters = Params::new(memory, passes, lanes, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
}

/// # Errors
/// [`StoreError::Rejected`] when there is no randomness.
pub fn hash(password: &str) -> Result<String, StoreError> {
    let rejected = |error: argon2::password_hash::Error| StoreError::Rejected(error.to_string());
    let salt = SaltString::encode_b64(&store::chance::<16>()?).map_err(rejected)?;
    Ok(hasher().hash_password(password.as_bytes(), &salt).map_err(rejected)?.to_string())
}

/// Whether the password fits; without a hash the same work is done for nothing.
pub fn fits(password: &str, hash: Option<&str>) -> bool {
    let Ok(parsed) = PasswordHash::new(hash.unwrap_or(NOBODY)) else {
        tracing::error!("a stored password hash cannot be read");
        return false;
    };
    hasher().verify_password(password.as_bytes(), &parsed).is_ok() && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: ACC-01
    #[test]
    fn passwords_are_hashed_with_argon2id_at_owasps_parameters() {
        let made = hash("correct horse").expect("there is randomness");
        assert!(made.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{made}");
        assert!(fits("correct horse", Some(&made)));
        assert!(!fits("correct house", Some(&made)));
        assert_ne!(made, hash("correct horse").expect("there is randomness"), "each has a salt of its own");
    }

    #[test]
    fn nobodys_hash_can_be_read_and_no_password_fits_it() {
        assert!(PasswordHash::new(NOBODY).is_ok());
        assert!(!fits("", None));
        assert!(!fits("nobody", None));
    }
}
