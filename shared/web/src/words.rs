//! serde's and garde's findings in stable codes, and in words that never repeat what was sent.

use crate::problem::FieldProblem;
use garde::{
    Report,
    i18n::{I18n, InvalidCreditCard, InvalidEmail, InvalidPhoneNumber, InvalidUrl, IpKind},
};
use std::{borrow::Cow, fmt::Display};

/// Names of unknown fields are given back cut to this many characters.
const NAME_MAX_CHARS: usize = 64;
/// Stands between code and message in a finding of garde. Nobody types it.
const BETWEEN: char = '\u{1f}';

/// What a check of ours finds, with a code of its own, for `#[garde(custom(…))]`.
pub fn finding(code: &'static str, message: impl Display) -> garde::Error {
    garde::Error::new(format!("{code}{BETWEEN}{message}"))
}

/// Checks a value against its rules and tells everything that is wrong.
pub fn validate<T>(value: &T) -> Result<(), Vec<FieldProblem>>
where
    T: garde::Validate<Context = ()>,
{
    garde::i18n::with_i18n(Coded, || value.validate()).map_err(|report| problems(&report))
}

fn problems(report: &Report) -> Vec<FieldProblem> {
    report
        .iter()
        .map(|(path, error)| {
            let (code, message) = match error.message().split_once(BETWEEN) {
                Some((code, message)) => (Cow::Owned(code.to_owned()), message),
                None => (Cow::Borrowed("invalid"), error.message()),
            };
            // garde writes `list[0].name`.
            let field = path.to_string().replace('[', ".").replace(']', "");
            FieldProblem::new(field.trim_start_matches('.'), code, message)
        })
        .collect()
}

/// What serde says of a value that doesn't fit, for a field.
pub fn of_serde(mut path: Vec<String>, why: &str) -> FieldProblem {
    let named = |prefix: &str| why.strip_prefix(prefix).and_then(|rest| rest.split_once('`')).map(|(name, _)| name);
    if let Some(name) = named("missing field `") {
        path.push(name.to_owned());
        return FieldProblem::new(path.join("."), "missing", "is missing");
    }
    if let Some(name) = named("unknown field `") {
        let name: String = name.chars().take(NAME_MAX_CHARS).collect();
        // Where the path already ends in it, it isn't named twice.
        if path.last() != Some(&name) {
            path.push(name);
        }
        return FieldProblem::new(path.join("."), "unknown", "is not known here");
    }
    if let Some(name) = named("duplicate field `") {
        if path.last().is_none_or(|last| last != name) {
            path.push(name.to_owned());
        }
        return FieldProblem::new(path.join("."), "repeated", "is given more than once");
    }
    let field = path.join(".");
    if why.starts_with("unknown variant `") {
        let known = why.rsplit_once(", expected ").map_or("", |(_, known)| known);
        let known = known.strip_prefix("one of ").unwrap_or(known).replace('`', "");
        return FieldProblem::new(field, "unknown_value", format!("must be one of: {known}"));
    }
    for (start, code) in
        [("invalid type: ", "wrong_type"), ("invalid value: ", "out_of_range"), ("invalid length ", "wrong_length")]
    {
        if why.starts_with(start) {
            let expected = why.rsplit_once(", expected ").map_or("another value", |(_, expected)| expected);
            return FieldProblem::new(field, code, format!("must be {}", plain(expected)));
        }
    }
    // A type's own words, from `try_from` or a check in our code.
    FieldProblem::new(field, "invalid", why)
}

/// What Rust calls its types, for people who don't.
fn plain(expected: &str) -> &str {
    match expected {
        "i8" => "a whole number from -128 to 127",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "i16" | "i32" | "i64" => "a whole number",
        "u64" => "a whole number of at least 0",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        "unit" => "null",
        other if other.starts_with("struct ") || other.starts_with("internally tagged enum ") => "an object",
        other if other.starts_with("enum ") || other.starts_with("string or map") => "one of the documented values",
        other if other.starts_with("tuple ") => "a list",
        other => other,
    }
}

/// garde's findings with their codes.
struct Coded;

fn coded(code: &str, message: impl Display) -> Cow<'static, str> {
    Cow::Owned(format!("{code}{BETWEEN}{message}"))
}

impl I18n for Coded {
    fn length_lower_than(&self, min: usize) -> Cow<'static, str> {
        coded("too_short", format_args!("must have at least {min}"))
    }

    fn length_greater_than(&self, max: usize) -> Cow<'static, str> {
        coded("too_long", format_args!("must have at most {max}"))
    }

    fn range_lower_than(&self, min: &dyn Display) -> Cow<'static, str> {
        coded("too_small", format_args!("must be at least {min}"))
    }

    fn range_greater_than(&self, max: &dyn Display) -> Cow<'static, str> {
        coded("too_large", format_args!("must be at most {max}"))
    }

    fn credit_card_invalid(&self, _: InvalidCreditCard) -> Cow<'static, str> {
        coded("invalid", "is not a card number")
    }

    fn pattern_no_match(&self, pattern: &dyn Display) -> Cow<'static, str> {
        coded("wrong_form", format_args!("must match {pattern}"))
    }

    fn contains_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        coded("wrong_form", format_args!("must contain {pattern}"))
    }

    fn url_invalid(&self, _: InvalidUrl) -> Cow<'static, str> {
        coded("wrong_form", "must be a URL")
    }

    fn prefix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        coded("wrong_form", format_args!("must begin with {pattern}"))
    }

    fn suffix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        coded("wrong_form", format_args!("must end with {pattern}"))
    }

    fn phone_number_invalid(&self, _: InvalidPhoneNumber) -> Cow<'static, str> {
        coded("wrong_form", "must be a phone number")
    }

    fn ip_invalid(&self, kind: IpKind) -> Cow<'static, str> {
        coded("wrong_form", format_args!("must be an address ({kind})"))
    }

    fn matches_field_mismatch(&self, field: &dyn Display) -> Cow<'static, str> {
        coded("mismatch", format_args!("must be the same as {field}"))
    }

    fn email_invalid(&self, _: InvalidEmail) -> Cow<'static, str> {
        coded("wrong_form", "must be an email address")
    }

    fn ascii_invalid(&self) -> Cow<'static, str> {
        coded("wrong_form", "must be plain ASCII")
    }

    fn alphanumeric_invalid(&self) -> Cow<'static, str> {
        coded("wrong_form", "must be letters and figures")
    }

    fn required_not_set(&self) -> Cow<'static, str> {
        coded("missing", "is missing")
    }
}
