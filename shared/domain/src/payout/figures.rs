//! Payouts in figures: how long they take, what waits for a person, how long the float lasts.

use crate::time::HOUR_MS;

/// Gauges whose payouts wait for a person; a test keeps them in step with [`super::State::needs_attention`].
pub const ATTENTION_GAUGES: [&str; 9] = [
    "held_unknown",
    "held_mismatch",
    "held_config",
    "held_poison",
    "held_by_hand",
    "held_limit",
    "held_account",
    "awaiting_approval",
    "refused",
];

/// Gauges whose money perhaps was paid and perhaps not.
pub const UNKNOWN_GAUGES: [&str; 2] = ["held_unknown", "held_mismatch"];

/// The value that `percent` of a hundred don't exceed: the smallest of `values` with at least so many at or below it.
/// `None` without values.
pub fn percentile(values: &mut [i64], percent: u8) -> Option<i64> {
    values.sort_unstable();
    let rank = (values.len() * usize::from(percent.min(100))).div_ceil(100).max(1);
    values.get(rank - 1).copied()
}

/// Whole hours for which `balance` lasts if as much is sent an hour as was since midnight, `since_ms` ago. `None` while
/// nothing was sent.
pub fn float_hours(balance: u64, sent_today: i64, since_ms: i64) -> Option<u64> {
    let sent = u128::try_from(sent_today).ok().filter(|sent| *sent > 0)?;
    let since_ms = u128::try_from(since_ms).ok().filter(|since| *since > 0)?;
    let hour_ms = u128::try_from(HOUR_MS).ok()?;
    u64::try_from(u128::from(balance) * since_ms / (sent * hour_ms)).ok()
}
