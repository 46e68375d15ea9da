//! A letter as it is sent: plain text, and simple HTML with the same words.

use super::{
    Letter, Mail,
    english::{self, Part},
};
use crate::text::Language;

/// The longest name that a letter greets with.
const NAME_MAX: usize = 40;

/// A finished letter. It may hold a link that opens an account: never log it, never store it.
#[derive(Clone, PartialEq, Eq)]
pub struct Written {
    /// One line.
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// The language that a letter is really written in for a reader of `wanted`.
///
/// No letter is in Kinyarwanda yet: the words that were collected for the screens have none for account, password,
/// link, address or registration, and guessed ones in a letter about security do harm. A native speaker writes them.
pub fn written_in(letter: Letter, wanted: Language) -> Language {
    match (letter, wanted) {
        (
            Letter::Invitation
            | Letter::PasswordReset
            | Letter::ConfirmEmail
            | Letter::EmailChanging
            | Letter::RegistrationReceived
            | Letter::RegistrationApproved
            | Letter::RegistrationRejected
            | Letter::UnusualSignIn,
            Language::English | Language::Kinyarwanda,
        ) => Language::English,
    }
}

/// One paragraph, filled in but not escaped.
enum Paragraph {
    Says(String),
    Address(String),
    /// A person's words.
    Quotes(String),
}

/// Writes the letter. `link` is the opened token, `base_url` the console's address.
///
/// The token stands behind a `#`: a browser sends no server what is there, so no access log holds it.
pub fn render(mail: &Mail, link: Option<&str>, brand: &str, base_url: &str) -> Written {
    let language = written_in(mail.letter, mail.language);
    let words = english::words(mail.letter);
    let brand = one_line(brand);
    let base_url = base_url.trim_end_matches('/');
    let say = |text: &str| text.replace("{brand}", &brand);

    let mut paragraphs = vec![Paragraph::Says(english::greeting(name_of(&mail.first_name)))];
    for part in words.parts {
        match part {
            Part::Says(text) => paragraphs.push(Paragraph::Says(say(text))),
            Part::Console => paragraphs.push(Paragraph::Address(format!("{base_url}/"))),
            Part::Link => {
                if let Some((page, token)) = mail.letter.page().zip(link) {
                    paragraphs.push(Paragraph::Address(format!("{base_url}/{page}#{token}")));
                }
            }
            Part::Note(before) => {
                let note = mail.note.as_deref().map(some_lines).filter(|note| !note.is_empty());
                if let Some(note) = note {
                    paragraphs.push(Paragraph::Says(say(before)));
                    paragraphs.push(Paragraph::Quotes(note));
                }
            }
        }
    }
    paragraphs.push(Paragraph::Says(brand.clone()));
    let subject = say(words.subject);
    Written { text: plain(&paragraphs), html: html(language, &subject, &paragraphs), subject }
}

fn plain(paragraphs: &[Paragraph]) -> String {
    let mut text = paragraphs
        .iter()
        .map(|paragraph| match paragraph {
            Paragraph::Says(words) | Paragraph::Address(words) | Paragraph::Quotes(words) => words.as_str(),
        })
        .collect::<Vec<_>>()
        .join("\n\n");
    text.push('\n');
    text
}

fn html(language: Language, subject: &str, paragraphs: &[Paragraph]) -> String {
    let body: String = paragraphs
        .iter()
        .map(|paragraph| match paragraph {
            Paragraph::Says(words) => format!("<p>{}</p>\n", escaped(words)),
            Paragraph::Address(address) => {
                let address = escaped(address);
                format!("<p><a href=\"{address}\">{address}</a></p>\n")
            }
            Paragraph::Quotes(words) => {
                format!("<blockquote>{}</blockquote>\n", escaped(words).replace('\n', "<br>\n"))
            }
        })
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n\
         <body style=\"font:16px/1.5 sans-serif;max-width:36em\">\n{body}</body>\n</html>\n",
        language.code(),
        escaped(subject),
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A name to greet with. Whoever registers types the name and any address: what isn't plainly a name, such as an
/// advertisement with its web address, gets no place in a letter of ours.
fn name_of(typed: &str) -> Option<&str> {
    let name = typed.trim();
    let fits = (1..=NAME_MAX).contains(&name.chars().count())
        && name.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '-' | '\'' | '\u{2019}'));
    fits.then_some(name)
}

/// Text without line breaks or other control characters, which would begin a new header in a subject.
fn one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.trim().to_owned()
}

/// A person's words: line breaks stay, other control characters go.
fn some_lines(text: &str) -> String {
    let kept: String = text.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    kept.trim().to_owned()
}
