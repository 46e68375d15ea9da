//! The letters in English. `{brand}` and `{console}` are filled in.

use super::Letter;

/// A letter's words, from top to bottom.
pub(super) struct Words {
    pub subject: &'static str,
    pub parts: &'static [Part],
}

pub(super) enum Part {
    Says(&'static str),
    /// The letter's link, on a line of its own.
    Link,
    /// The console's address, on a line of its own.
    Console,
    /// What a person wrote, with these words before it; left out where nobody wrote anything.
    Note(&'static str),
}

use Part::{Console, Link, Note, Says};

const ONCE: &str = "The link works once, within one hour of when this letter was written, and only until a newer one is \
                    sent. If it has stopped working, ask an administrator for a new one. Don't pass it on.";
const NO_PASSWORDS: &str = "We never send passwords, and nobody of ours asks for yours.";

pub(super) fn greeting(name: Option<&str>) -> String {
    name.map_or_else(|| "Hello,".to_owned(), |name| format!("Hello {name},"))
}

pub(super) fn words(letter: Letter) -> Words {
    match letter {
        Letter::Invitation => Words {
            subject: "Your new account at {brand}: choose a password",
            parts: &[
                Says("An account has been made for you at {brand}. Open this link to choose your password:"),
                Link,
                Says(ONCE),
                Says(
                    "If you didn't expect this letter, leave the link alone: nobody can use the account without it, \
                     and an administrator of {brand} can tell you more.",
                ),
                Says(NO_PASSWORDS),
            ],
        },
        Letter::PasswordReset => Words {
            subject: "Choose a new password for {brand}",
            parts: &[
                Says(
                    "An administrator has let you choose a new password for your account at {brand}, and has ended \
                     all its sessions. Open this link to choose the password:",
                ),
                Link,
                Says(ONCE),
                Says("If you didn't ask for this, don't use the link and tell an administrator of {brand}."),
                Says(NO_PASSWORDS),
            ],
        },
        Letter::ConfirmEmail => Words {
            subject: "Confirm your email address for {brand}",
            parts: &[
                Says(
                    "This address was given as the new address of an account at {brand}. Open this link to confirm \
                     that it is yours:",
                ),
                Link,
                Says(ONCE),
                Says("Until it is confirmed, the account keeps its old address."),
                Says(
                    "If you didn't expect this letter, do nothing: somebody has mistyped, and without the link \
                     nothing changes.",
                ),
            ],
        },
        Letter::EmailChanging => Words {
            subject: "A new email address for your account at {brand}",
            parts: &[
                Says(
                    "A new email address was given for your account at {brand}. It takes the place of this one as \
                     soon as it is confirmed from there.",
                ),
                Says("If you know of this, there is nothing to do."),
                Says(
                    "If you don't, tell an administrator of {brand} at once: somebody may be trying to take your \
                     account over.",
                ),
            ],
        },
        Letter::RegistrationReceived => Words {
            subject: "Your registration at {brand} has arrived",
            parts: &[
                Says(
                    "We have received a registration at {brand} with this address. An administrator looks at it, \
                     and you get a letter with the answer. Until then you can't sign in.",
                ),
                Says(
                    "If you didn't register, somebody has typed your address. You need do nothing; an administrator \
                     of {brand} can remove it.",
                ),
            ],
        },
        Letter::RegistrationApproved => Words {
            subject: "Your registration at {brand} is approved",
            parts: &[
                Says(
                    "Your registration at {brand} is approved. Sign in with this address and the password that you \
                     chose:",
                ),
                Console,
                Says(
                    "What you may do there depends on your role. If something is missing, ask an administrator; a \
                     role may still wait for its approval.",
                ),
                Says("If you didn't register, tell an administrator of {brand}."),
                Says(NO_PASSWORDS),
            ],
        },
        Letter::RegistrationRejected => Words {
            subject: "Your registration at {brand} was not approved",
            parts: &[
                Says("Your registration at {brand} was not approved, so you can't sign in with it."),
                Note("The reason that was given:"),
                Says("If you think that this is a mistake, speak to an administrator of {brand}."),
                Says("If you didn't register, somebody has typed your address, and there is nothing to do."),
            ],
        },
        Letter::UnusualSignIn => Words {
            subject: "An unusual sign-in to your account at {brand}",
            parts: &[
                Says(
                    "Somebody has signed in to your account at {brand} from where you haven't been seen before, or \
                     after several wrong passwords.",
                ),
                Note("What is known about it:"),
                Says("If it was you, there is nothing to do."),
                Says("If it wasn't, change your password at once, end your other sessions and tell an administrator:"),
                Console,
                Says(NO_PASSWORDS),
            ],
        },
    }
}
