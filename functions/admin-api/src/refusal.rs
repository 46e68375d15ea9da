//! Every trouble of staff as a problem with a stable code. No catch-all: a new trouble needs its words here.

use crate::App;
use domain::{
    access::{Confined, Refused},
    change::NotAllowed,
    security::KeptOut,
    time,
};
use staff::Trouble;
use web::{FieldProblem, Problem};

/// Seconds in a lock that is told as an hour at most: what is left is nobody's business to the second.
const RETRY_MAX_S: i64 = 3_600;

impl App {
    pub fn problem(&self, trouble: Trouble) -> Problem {
        problem(trouble, self.desk.now())
    }
}

pub fn problem(trouble: Trouble, now: jiff::Timestamp) -> Problem {
    let words = trouble.to_string();
    match trouble {
        Trouble::Credentials => Problem::unauthorized("wrong_credentials", "Email or password is wrong."),
        Trouble::Locked { until } => {
            let left_s = (time::between(now, until) / 1_000 + 1).clamp(1, RETRY_MAX_S);
            let minutes = (left_s + 59) / 60;
            Problem::new(
                http::StatusCode::TOO_MANY_REQUESTS,
                "locked",
                format!("Too many wrong tries. Try again in {minutes} minutes, or ask an administrator to unlock it."),
            )
            .with_retry_after(u32::try_from(left_s).unwrap_or(60))
        }
        Trouble::TooMany { retry_after_s } => Problem::too_many_requests(retry_after_s),
        Trouble::Inactive => Problem::forbidden("inactive", "This account is not active. Ask an administrator."),
        Trouble::SessionOver => Problem::unauthorized("no_session", "There is no session, or it has ended. Sign in."),
        Trouble::KeptOut(rule) => {
            let code = match rule {
                KeptOut::Address => "address_refused",
                KeptOut::Country => "country_refused",
                KeptOut::Hour => "hour_refused",
            };
            Problem::forbidden(code, sentence(&words))
        }
        Trouble::Refused(refused) => refused_problem(refused),
        Trouble::NotAllowed(why) => {
            let code = code_of(&why);
            match why {
                NotAllowed::Nothing
                | NotAllowed::Inactive(_)
                | NotAllowed::Decided
                | NotAllowed::Lapsed
                | NotAllowed::Outdated
                | NotAllowed::LastSuperAdministrator
                | NotAllowed::SuperDenied
                | NotAllowed::Predefined => Problem::conflict(code, sentence(&words)),
                NotAllowed::UnknownRole(_) => {
                    Problem::invalid(vec![FieldProblem::new("roles", "unknown", words.clone())])
                }
                NotAllowed::Oneself
                | NotAllowed::Above
                | NotAllowed::MoreThanHeld(_)
                | NotAllowed::OwnersAddress
                | NotAllowed::SecondPerson => Problem::forbidden(code, sentence(&words)),
            }
        }
        Trouble::Link => Problem::gone("link_over", "This link was used, replaced, or is too old. Ask for a new one."),
        Trouble::Invalid(fields) => Problem::invalid(
            fields.into_iter().map(|field| FieldProblem::new(field.field, field.code, field.message)).collect(),
        ),
        Trouble::NotFound(what) => Problem::not_found(format!("There is no such {what}.")),
        Trouble::Stale => Problem::precondition_failed(),
        Trouble::State(code, words) => Problem::conflict(code, sentence(&words)),
        Trouble::SwitchedOff => Problem::forbidden("switched_off", "This is switched off."),
        Trouble::NoSecret => Problem::busy(30),
        Trouble::Store(error) => error.into(),
    }
}

pub fn refused_problem(refused: Refused) -> Problem {
    let words = sentence(&refused.to_string());
    match refused {
        Refused::Missing(_) => Problem::forbidden("permission_missing", words),
        Refused::Confined(Confined::MfaMissing) => Problem::forbidden("mfa_missing", words),
        Refused::Confined(Confined::PasswordTooOld) => Problem::forbidden("password_too_old", words),
    }
}

fn code_of(why: &NotAllowed) -> &'static str {
    match why {
        NotAllowed::Oneself => "not_oneself",
        NotAllowed::Above => "above_you",
        NotAllowed::MoreThanHeld(_) => "more_than_held",
        NotAllowed::LastSuperAdministrator => "last_super_administrator",
        NotAllowed::SuperDenied => "super_denied",
        NotAllowed::OwnersAddress => "owners_address",
        NotAllowed::UnknownRole(_) => "unknown_role",
        NotAllowed::Nothing => "changes_nothing",
        NotAllowed::Inactive(_) => "account_inactive",
        NotAllowed::Decided => "decided_already",
        NotAllowed::Lapsed => "lapsed",
        NotAllowed::Outdated => "outdated",
        NotAllowed::SecondPerson => "second_person",
        NotAllowed::Predefined => "predefined_role",
    }
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(char::to_uppercase);
    let text: String = first.into_iter().flatten().chain(letters).collect();
    if text.ends_with('.') { text } else { format!("{text}.") }
}
