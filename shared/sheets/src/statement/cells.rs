//! What one cell of a statement says.

use domain::{
    phone::Msisdn,
    reconcile::{TheirAmount, TheirStatus},
};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// What programs write where there is nothing.
const NOTHING: [&str; 8] = ["", "-", "--", "n/a", "na", "null", "none", "nil"];
/// How lines of totals begin, in letters only.
const TOTALS: [&str; 7] = ["total", "subtotal", "grandtotal", "sum", "balance", "openingbalance", "closingbalance"];
/// Thousands are set apart by a comma or by a space of some kind.
const SPACES: [char; 4] = [' ', '\u{a0}', '\u{202f}', '\u{2009}'];
const PAYEE_FIGURES: std::ops::RangeInclusive<usize> = 6..=15;
const DAY_FIRST: [&str; 4] = ["%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M"];

/// What an identifier's cell holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Named {
    As(String),
    Not,
    /// `1.23E+15`: the last figures are gone.
    Rounded,
}

pub fn named(cell: &str) -> Named {
    if NOTHING.contains(&cell.to_ascii_lowercase().as_str()) || is_total(cell) {
        return Named::Not;
    }
    if is_rounded(cell) {
        return Named::Rounded;
    }
    // Ours are written in small letters.
    let ours = matches!(cell.len(), 32 | 36) && cell.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    Named::As(if ours { cell.to_ascii_lowercase() } else { cell.to_owned() })
}

fn is_rounded(cell: &str) -> bool {
    let Some((number, power)) = cell.split_once(['E', 'e']) else { return false };
    let figures = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, "0"));
    figures(whole) && figures(fraction) && power.strip_prefix('+').is_some_and(figures)
}

/// `Total`, `TOTAL:`, `Grand total of 12`, `Closing balance`.
pub fn is_total(cell: &str) -> bool {
    let words = cell.trim().trim_start_matches('\'');
    let letters: String = words
        .chars()
        .take_while(|character| character.is_ascii_alphabetic() || character.is_whitespace())
        .filter(char::is_ascii_alphabetic)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    TOTALS.iter().any(|total| letters.starts_with(total))
}

pub fn is_longer(cell: &str, most: usize) -> bool {
    // Characters are bytes or fewer.
    cell.len() > most && cell.chars().count() > most
}

pub fn status(cell: &str) -> TheirStatus {
    match cell.to_ascii_lowercase().as_str() {
        "successful" | "success" | "succeeded" | "completed" => TheirStatus::Successful,
        "failed" | "failure" => TheirStatus::Failed,
        "pending" | "created" => TheirStatus::Pending,
        _ => TheirStatus::Unknown,
    }
}

/// `5000`, `5,000`, `5 000`, `5000.0`, `5,000.00`. Not `5.000` and not `5,00`, which mean five or five thousand,
/// depending on the country.
pub fn amount(cell: &str) -> TheirAmount {
    let unreadable = || TheirAmount::Unreadable(cell.to_owned());
    let (whole, fraction) = cell.split_once('.').unwrap_or((cell, "0"));
    if !matches!(fraction, "0" | "00") {
        return unreadable();
    }
    let separator = whole.chars().find(|character| *character == ',' || SPACES.contains(character));
    let figures = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    let groups: Vec<&str> = match separator {
        Some(separator) => whole.split(separator).collect(),
        None => vec![whole],
    };
    let well_formed = match groups.as_slice() {
        [] => false,
        [only] => !only.is_empty(),
        [first, rest @ ..] => (1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3),
    };
    if !well_formed || !groups.iter().all(figures) {
        return unreadable();
    }
    groups.concat().parse().map_or_else(|_| unreadable(), TheirAmount::Whole)
}

pub fn is_whole(amount: &TheirAmount) -> bool {
    match amount {
        TheirAmount::Whole(_) => true,
        TheirAmount::Unreadable(_) => false,
    }
}

/// In figures with country code; empty for an empty cell, `None` for what is no number (a name, or one with stars).
/// Numbers come bare or as `FRI:250788123456/MSISDN`.
pub fn payee(cell: &str) -> Option<String> {
    if NOTHING.contains(&cell.to_ascii_lowercase().as_str()) {
        return Some(String::new());
    }
    let bare = match cell.split_once(':') {
        Some((kind, rest)) if matches!(kind.to_ascii_lowercase().as_str(), "fri" | "msisdn" | "tel") => rest,
        Some(_) | None => cell,
    };
    let bare = match bare.rsplit_once('/') {
        Some((number, kind)) if kind.eq_ignore_ascii_case("msisdn") => number,
        Some(_) | None => bare,
    };
    if let Ok(phone) = Msisdn::parse(bare) {
        return Some(phone.party_id().to_owned());
    }
    let figures = bare.trim().strip_prefix('+').unwrap_or(bare.trim());
    let number = PAYEE_FIGURES.contains(&figures.len()) && figures.bytes().all(|byte| byte.is_ascii_digit());
    number.then(|| figures.to_owned())
}

/// `None` where there is no time of day, or none that is understood: it orders lines and nothing hangs on it.
pub fn time(date: &str, time: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = if date.contains(':') || time.is_empty() { date.to_owned() } else { format!("{date} {time}") };
    let text = text.trim();
    if !text.contains(':') {
        return None;
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let day_first = || DAY_FIRST.iter().find_map(|form| DateTime::strptime(form, text).ok());
    let civil = text.parse::<DateTime>().ok().or_else(day_first)?;
    Some(civil.to_zoned(zone.clone()).ok()?.timestamp())
}
