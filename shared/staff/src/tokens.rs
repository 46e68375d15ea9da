//! Tokens: access (JWT), the step between password and code (JWT), refresh, forgery protection, keys, links.
//!
//! The algorithm is pinned, issuer, audience and type are checked (RFC 8725), and the time is the clock's of this
//! system. A token only names user and session: what they may is read anew with every request.

use crate::{StaffSecret, Trouble, desk::TokenKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    id::{ApiKeyId, SessionId, UserId},
    identity::hex,
};
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::net::{IpAddr, Ipv6Addr};
use subtle::ConstantTimeEq;

/// The life of an access token, in seconds.
pub const ACCESS_S: i64 = 600;
/// The time between password and code, in seconds.
const CHALLENGE_S: i64 = 300;
/// The longest token that is looked at.
const LONGEST: usize = 2_048;
const ACCESS: (&str, &str) = ("at+jwt", "staff-api");
const CHALLENGE: (&str, &str) = ("mfa+jwt", "staff-mfa");

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    /// The session; in a challenge the user's epoch, so that it ends with a change of password.
    sid: String,
    iat: i64,
    exp: i64,
}

pub struct Access {
    pub user: UserId,
    pub session: SessionId,
}

/// HMAC-SHA256 over parts that can't run into each other.
pub fn derived(key: &[u8], parts: &[&str]) -> [u8; 32] {
    // An HMAC takes a key of any length.
    let mac = Hmac::<Sha256>::new_from_slice(key).map(|mut mac| {
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes()
    });
    mac.map(Into::into).unwrap_or_default()
}

fn issuer(environment: &str) -> String {
    format!("mbelyco-promo/{environment}")
}

fn signed(
    keys: &StaffSecret,
    environment: &str,
    (kind, audience): (&str, &str),
    (user, subject): (&UserId, String),
    life_s: i64,
    now: Timestamp,
) -> Result<String, Trouble> {
    let key = keys.token_keys.first().ok_or(Trouble::NoSecret)?;
    let header = Header { typ: Some(kind.to_owned()), kid: Some(key.id.clone()), ..Header::new(Algorithm::HS256) };
    let claims = Claims {
        iss: issuer(environment),
        aud: audience.to_owned(),
        sub: user.clone(),
        sid: subject,
        iat: now.as_second(),
        exp: now.as_second() + life_s,
    };
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(key.secret.as_bytes())).map_err(|error| {
        tracing::error!(%error, "a token could not be signed");
        Trouble::NoSecret
    })
}

fn read(
    keys: &StaffSecret,
    environment: &str,
    (kind, audience): (&str, &str),
    token: &str,
    now: Timestamp,
) -> Option<Claims> {
    if token.len() > LONGEST {
        return None;
    }
    let header = jsonwebtoken::decode_header(token).ok()?;
    if header.alg != Algorithm::HS256 || header.typ.as_deref() != Some(kind) {
        return None;
    }
    let key = keys.token_keys.iter().find(|key| Some(&key.id) == header.kid.as_ref())?;
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[issuer(environment)]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    // By this system's clock, below.
    validation.validate_exp = false;
    let decoded = jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_secret(key.secret.as_bytes()), &validation);
    let claims = decoded.ok()?.claims;
    // A minute of grace for clocks that differ, backwards only.
    (claims.iat <= now.as_second() + 60 && now.as_second() < claims.exp).then_some(claims)
}

pub fn access(
    keys: &StaffSecret,
    environment: &str,
    user: &UserId,
    session: &SessionId,
    now: Timestamp,
) -> Result<String, Trouble> {
    signed(keys, environment, ACCESS, (user, session.to_string()), ACCESS_S, now)
}

pub fn read_access(keys: &StaffSecret, environment: &str, token: &str, now: Timestamp) -> Result<Access, Trouble> {
    let claims = read(keys, environment, ACCESS, token, now).ok_or(Trouble::SessionOver)?;
    let session = SessionId::parse(&claims.sid).map_err(|_| Trouble::SessionOver)?;
    Ok(Access { user: claims.sub, session })
}

/// What is given out after a right password, where a code must follow.
pub fn challenge(
    keys: &StaffSecret,
    environment: &str,
    user: &UserId,
    epoch: u32,
    now: Timestamp,
) -> Result<String, Trouble> {
    signed(keys, environment, CHALLENGE, (user, epoch.to_string()), CHALLENGE_S, now)
}

pub fn read_challenge(
    keys: &StaffSecret,
    environment: &str,
    token: &str,
    now: Timestamp,
) -> Result<(UserId, u32), Trouble> {
    let claims = read(keys, environment, CHALLENGE, token, now).ok_or(Trouble::SessionOver)?;
    Ok((claims.sub, claims.sid.parse().map_err(|_| Trouble::SessionOver)?))
}

/// Token number `generation` of a session. Derived: the table alone makes none, and a repeat gets the same one.
pub fn refresh(keys: &StaffSecret, user: &UserId, session: &SessionId, generation: u32) -> Result<String, Trouble> {
    let key = keys.token_keys.first().ok_or(Trouble::NoSecret)?;
    let proof = proof_of_refresh(key, user, session, generation);
    Ok(format!("mbr_{user}.{session}.{generation}.{proof}"))
}

fn proof_of_refresh(key: &TokenKey, user: &UserId, session: &SessionId, generation: u32) -> String {
    let parts = ["refresh", user.as_str(), session.as_str(), &generation.to_string()];
    URL_SAFE_NO_PAD.encode(derived(key.secret.as_bytes(), &parts))
}

pub fn read_refresh(keys: &StaffSecret, token: &str) -> Option<(UserId, SessionId, u32)> {
    let rest = token.strip_prefix("mbr_").filter(|rest| rest.len() < 256)?;
    let mut parts = rest.split('.');
    let (user, session, generation, proof) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let user = UserId::parse(user).ok()?;
    let session = SessionId::parse(session).ok()?;
    let generation: u32 = generation.parse().ok()?;
    let good = keys
        .token_keys
        .iter()
        .any(|key| proof_of_refresh(key, &user, &session, generation).as_bytes().ct_eq(proof.as_bytes()).into());
    good.then_some((user, session, generation))
}

/// What a page must send along with each change, because a foreign page can't know it.
pub fn forgery_guard(keys: &StaffSecret, session: &SessionId) -> Result<String, Trouble> {
    let key = keys.token_keys.first().ok_or(Trouble::NoSecret)?;
    Ok(guard_of(key, session))
}

fn guard_of(key: &TokenKey, session: &SessionId) -> String {
    URL_SAFE_NO_PAD.encode(&derived(key.secret.as_bytes(), &["csrf", session.as_str()])[..16])
}

pub fn guards(keys: &StaffSecret, session: &SessionId, given: &str) -> bool {
    keys.token_keys.iter().any(|key| guard_of(key, session).as_bytes().ct_eq(given.as_bytes()).into())
}

/// What stands for an account in counters' keys.
pub fn account(keys: &StaffSecret, text: &str) -> String {
    hex(&derived(keys.pepper.as_bytes(), &["account", text])[..16])
}

/// What stands for an address in counters' keys. Whoever has one IPv6 address has all of its network of 64 bits, so
/// those count as one.
pub fn address(keys: &StaffSecret, address: IpAddr) -> String {
    let counted = match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    };
    account(keys, &counted.to_string())
}

pub fn digest_of(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// `mbk_<user>.<key>.<secret>`.
pub fn api_key(user: &UserId, id: &ApiKeyId, secret: &str) -> String {
    format!("mbk_{user}.{id}.{secret}")
}

pub fn read_api_key(text: &str) -> Option<(UserId, ApiKeyId, String)> {
    let rest = text.strip_prefix("mbk_").filter(|rest| rest.len() < 256)?;
    let mut parts = rest.split('.');
    let (user, id, secret) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = parts.next().is_none();
    whole.then_some(())?;
    Some((UserId::parse(user).ok()?, ApiKeyId::parse(id).ok()?, secret.to_owned()))
}

/// `<user>.<secret>`: what a letter's link carries.
pub fn link(user: &UserId, secret: &str) -> String {
    format!("{user}.{secret}")
}

pub fn read_link(text: &str) -> Option<(UserId, String)> {
    let (user, secret) = text.split_once('.').filter(|_| text.len() < 128)?;
    Some((UserId::parse(user).ok()?, digest_of(secret)))
}

/// Equal, in a time that doesn't tell where they differ.
pub fn same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}
