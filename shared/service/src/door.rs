//! Whether a caller is who it must be: a secret in the path, and the address it calls from.

use ipnet::IpNet;
use std::net::IpAddr;
use subtle::{Choice, ConstantTimeEq};

/// Whether `given` is one of `secrets`, in a time that doesn't tell how much of it was right.
/// Secrets shorter than 16 characters open nothing.
pub fn opens(given: &str, secrets: &[String]) -> bool {
    let mut open = Choice::from(0);
    for secret in secrets.iter().filter(|secret| secret.len() >= 16) {
        open |= secret.as_bytes().ct_eq(given.as_bytes());
    }
    open.into()
}

/// Whether `address` is in the list; an empty list admits every address.
pub fn admits(list: &[IpNet], address: Option<IpAddr>) -> bool {
    list.is_empty() || address.is_some_and(|address| list.iter().any(|net| net.contains(&address)))
}

/// Reads a comma-separated list of addresses and networks.
///
/// # Errors
/// The first entry that is neither.
pub fn address_list(text: &str) -> Result<Vec<IpNet>, String> {
    text.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            entry
                .parse::<IpNet>()
                .or_else(|_| entry.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| format!("{entry:?} is neither an address nor a network"))
        })
        .collect()
}
