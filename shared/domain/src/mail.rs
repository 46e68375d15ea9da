//! Letters to members of the staff. A letter is a row, written in the transaction of what caused it.
//!
//! Its life: due, begun, then sent or given up. Beginning a try counts it and sets the time of the next one, so a
//! sender that dies leaves a letter that is tried again.

mod english;
mod text;

pub use text::{Written, render, written_in};

use crate::{
    alert::{Alert, Kind},
    id::MailId,
    staff::Email,
    text::Language,
    time::{self, HOUR_MS, MINUTE_MS},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How long a letter's link is good, from [`Mail::at`].
pub const LINK_MS: i64 = HOUR_MS;
/// Minutes from each failed try to the next.
const RETRY_MINUTES: [i64; 4] = [1, 5, 15, 60];
/// Tries in all.
pub const TRIES: u32 = 1 + RETRY_MINUTES.len() as u32;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Letter {
    /// A link to set the first password.
    Invitation,
    /// A link to set a new password, sent by an administrator.
    PasswordReset,
    /// A link to confirm a new address, sent to that address.
    ConfirmEmail,
    /// The old address is told that a new one was asked for.
    EmailChanging,
    RegistrationReceived,
    RegistrationApproved,
    RegistrationRejected,
    /// A sign-in from where the user has not been seen before, or after failures.
    UnusualSignIn,
}

impl Letter {
    pub const ALL: [Self; 8] = [
        Self::Invitation,
        Self::PasswordReset,
        Self::ConfirmEmail,
        Self::EmailChanging,
        Self::RegistrationReceived,
        Self::RegistrationApproved,
        Self::RegistrationRejected,
        Self::UnusualSignIn,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
            Self::ConfirmEmail => "confirm_email",
            Self::EmailChanging => "email_changing",
            Self::RegistrationReceived => "registration_received",
            Self::RegistrationApproved => "registration_approved",
            Self::RegistrationRejected => "registration_rejected",
            Self::UnusualSignIn => "unusual_sign_in",
        }
    }

    /// The console's page that the letter's link opens; the token stands behind a `#`. Absent for letters without one.
    pub fn page(self) -> Option<&'static str> {
        match self {
            Self::Invitation | Self::PasswordReset => Some("password"),
            Self::ConfirmEmail => Some("confirm"),
            Self::EmailChanging
            | Self::RegistrationReceived
            | Self::RegistrationApproved
            | Self::RegistrationRejected
            | Self::UnusualSignIn => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    pub id: MailId,
    pub to: Email,
    pub letter: Letter,
    pub language: Language,
    pub first_name: String,
    /// The link's token, sealed with a key that the table doesn't hold. Gone once the letter's life is over.
    pub link: Option<String>,
    /// Words of a person, such as the reason of a refusal.
    pub note: Option<String>,
    #[serde(with = "time::required")]
    pub at: Timestamp,
    /// When to send it, or to try again; absent once it was sent or given up.
    #[serde(with = "time::optional")]
    pub send_at: Option<Timestamp>,
    /// Tries that were begun.
    pub tries: u32,
    pub version: u64,
}

/// What is to be done with a letter now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: its time hasn't come, or its life is over.
    Rest,
    /// Write the letter as it is here, which takes it, and then send it.
    Try(Mail),
    GiveUp(WhyNot),
}

/// Why a letter isn't sent and never will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyNot {
    /// The mail service took it in none of the tries.
    NotTaken,
    /// Its link would be dead on arrival.
    LinkTooOld,
    /// Its link was sealed under a key that is gone, or there is none where there must be one.
    LinkUnreadable,
}

impl WhyNot {
    pub fn name(self) -> &'static str {
        match self {
            Self::NotTaken => "not_taken",
            Self::LinkTooOld => "link_too_old",
            Self::LinkUnreadable => "link_unreadable",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Self::NotTaken => "the mail service didn't take it in any try",
            Self::LinkTooOld => "its link ended before it could be sent",
            Self::LinkUnreadable => "its link can't be opened with the staff's secret as it is now",
        }
    }
}

impl Mail {
    /// What follows at `now`. A try is counted when it begins, and the next one is set.
    pub fn step(&self, now: Timestamp) -> Step {
        if self.send_at.is_none_or(|due| now < due) {
            return Step::Rest;
        }
        if self.link_is_dead(now) {
            return Step::GiveUp(WhyNot::LinkTooOld);
        }
        if self.tries >= TRIES {
            // Whoever began the last try didn't live to tell how it went.
            return Step::GiveUp(WhyNot::NotTaken);
        }
        let tries = self.tries + 1;
        let wait = usize::try_from(self.tries).ok().and_then(|failed| RETRY_MINUTES.get(failed));
        let again = time::plus(now, wait.copied().unwrap_or(RETRY_MINUTES[0]) * MINUTE_MS);
        Step::Try(Self { tries, send_at: Some(again), version: self.version + 1, ..self.clone() })
    }

    /// Whether a try that was begun is the last: none is left, or the link would be dead at the next.
    pub fn last_try(&self) -> bool {
        self.tries >= TRIES || self.send_at.is_none_or(|again| self.link_is_dead(again))
    }

    fn link_is_dead(&self, at: Timestamp) -> bool {
        self.letter.page().is_some() && time::between(self.at, at) >= LINK_MS
    }

    /// The letter as it stays behind, sent or given up: never due again, its link gone.
    #[must_use]
    pub fn over(&self) -> Self {
        Self { send_at: None, link: None, version: self.version + 1, ..self.clone() }
    }

    /// For whoever has to reach the addressee in another way. It names the letter, and the address only in part.
    pub fn undelivered(&self, why: WhyNot, at: Timestamp) -> Alert {
        let what = self.letter.name().replace('_', " ");
        let remedy = match self.letter.page() {
            Some(_) => "Mend what is wrong, then have a new link sent.",
            None => "Tell the person in another way.",
        };
        Alert {
            id: format!("undelivered-{}", self.id),
            at,
            kind: Kind::LetterUndelivered,
            entity: format!("mail:{}", self.id),
            note: format!("The letter \"{what}\" to {} was given up: {}. {remedy}", masked(&self.to), why.says()),
        }
    }
}

/// `m***@example.rw`.
fn masked(email: &Email) -> String {
    let (name, host) = email.as_str().split_once('@').unwrap_or_default();
    format!("{}***@{host}", name.chars().take(1).collect::<String>())
}
