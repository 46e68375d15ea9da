//! Every minute: letters to staff that are due are sent, tried again later, or given up with an alert.

mod ses;

pub use ses::Ses;

use domain::{
    access::{MfaDemand, System},
    audit::{Class, Severity},
    mail::{self, Mail, Step, WhyNot},
};
use providers::mail::{Mailer, OutgoingMail};
use serde_json::{Value, json};
use service::{
    Clock,
    aws::Aws,
    config::{BadConfig, Environment},
    live::LiveSettings,
    metrics::{self, Unit},
    secret::Secret,
};
use staff::{Desk, Trouble};
use std::sync::Arc;
use store::{Deadline, Store, StoreError};

/// Letters of one run; what is left is found a minute later.
const PER_RUN: i32 = 100;
const TABLE_MS: u64 = 5_000;
/// A run begins no further letter after that; one takes up to 26 s where table, secret and mail service hang.
const BUDGET_MS: u64 = 25_000;

pub struct Notifier {
    /// Has the table, the clock and the key to the letters' links.
    pub desk: Arc<Desk>,
    pub mailer: Arc<dyn Mailer>,
    pub settings: LiveSettings,
    /// The console's address, which links begin with.
    pub base_url: String,
}

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    pub sent: u32,
    /// Not taken; tried again later.
    pub postponed: u32,
    pub given_up: u32,
    /// In the index but not due any more, or taken by somebody else meanwhile.
    pub passed: u32,
}

enum Became {
    Sent,
    Postponed,
    GivenUp,
    Passed,
}

impl Notifier {
    pub fn new(desk: Arc<Desk>, mailer: Arc<dyn Mailer>, base_url: impl Into<String>) -> Self {
        Self { desk, mailer, settings: LiveSettings::default(), base_url: base_url.into() }
    }

    /// # Errors
    /// Every variable that is missing or malformed.
    pub fn from_environment() -> Result<Self, BadConfig> {
        let mut environment = Environment::of_process();
        let aws = Aws::from_environment(&mut environment);
        let store = Store::new(aws.dynamodb(), environment.required("TABLE_NAME"));
        let secret = Secret::new(aws.secrets_manager(), environment.required("STAFF_SECRET_ID"));
        // Nobody signs in here, so the demand for authenticator apps plays no part.
        let mfa = MfaDemand::Enforced;
        let desk = Desk::new(store, Clock::system(), secret, environment.required("ENVIRONMENT"), mfa);
        let mailer = Ses::from_environment(&mut environment, &aws);
        let base_url = environment.required("CONSOLE_BASE_URL");
        let plain =
            base_url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.contains(['#', '?']));
        if !base_url.is_empty() && !plain {
            environment.problem("CONSOLE_BASE_URL begins with https:// and has neither ? nor #");
        }
        environment.finish()?;
        Ok(Self::new(Arc::new(desk), Arc::new(mailer), base_url))
    }

    /// One run. A letter that fails doesn't keep the others from being sent.
    ///
    /// # Errors
    /// The last failure of table or secret, after everything else was done; the next run tries again. A letter that
    /// the mail service doesn't take is no failure of the run.
    pub async fn deliver(&self) -> Result<Value, Trouble> {
        let deadline = Deadline::in_ms(BUDGET_MS);
        let mut delivered = Delivered::default();
        let mut failed = None;
        let due = self.desk.store.due_mail(self.desk.now(), PER_RUN, Deadline::in_ms(TABLE_MS)).await?;
        if !due.is_empty() {
            let brand = self.brand().await?;
            for mail in &due {
                if deadline.passed() {
                    tracing::warn!("a run ran out of time before its last letter");
                    break;
                }
                match self.deliver_one(mail, &brand).await {
                    Ok(Became::Sent) => delivered.sent += 1,
                    Ok(Became::Postponed) => delivered.postponed += 1,
                    Ok(Became::GivenUp) => delivered.given_up += 1,
                    Ok(Became::Passed) | Err(Trouble::Store(StoreError::Changed)) => delivered.passed += 1,
                    Err(error) => failed = Some(error),
                }
            }
        }
        let Delivered { sent, postponed, given_up, passed } = delivered;
        metrics::emit("notifier_runs_total", 1.0, Unit::Count, &[]);
        metrics::emit("letters_sent_total", f64::from(sent), Unit::Count, &[]);
        metrics::emit("letters_postponed_total", f64::from(postponed), Unit::Count, &[]);
        metrics::emit("letters_given_up_total", f64::from(given_up), Unit::Count, &[]);
        match failed {
            None => Ok(json!({ "sent": sent, "postponed": postponed, "given_up": given_up, "passed": passed })),
            Some(error) => {
                tracing::error!(%error, sent, "a run of letters is not whole");
                Err(error)
            }
        }
    }

    /// Takes the letter by a conditional write, then sends it, so that two runs don't both send it. Who dies in between
    /// leaves it to be tried again; who dies right after sending leaves it to be sent twice, which harms nobody.
    async fn deliver_one(&self, mail: &Mail, brand: &str) -> Result<Became, Trouble> {
        let now = self.desk.now();
        let begun = match mail.step(now) {
            Step::Rest => return Ok(Became::Passed),
            Step::GiveUp(why) => return self.give_up(mail, why).await,
            Step::Try(begun) => begun,
        };
        let link = match self.link_of(mail).await? {
            Ok(link) => link,
            Err(why) => return self.give_up(mail, why).await,
        };
        self.desk.store.save_mail(mail, &begun, now, Deadline::in_ms(TABLE_MS)).await?;
        let written = mail::render(&begun, link.as_deref(), brand, &self.base_url);
        let outgoing =
            OutgoingMail { to: begun.to.to_string(), subject: written.subject, text: written.text, html: written.html };
        match self.mailer.send(&outgoing).await {
            Ok(()) => {
                let sent = begun.over();
                self.desk.store.save_mail(&begun, &sent, self.desk.now(), Deadline::in_ms(TABLE_MS)).await?;
                Ok(Became::Sent)
            }
            Err(error) => {
                tracing::warn!(mail = %begun.id, tries = begun.tries, %error, "a letter was not sent");
                if begun.last_try() { self.give_up(&begun, WhyNot::NotTaken).await } else { Ok(Became::Postponed) }
            }
        }
    }

    /// The letter's opened link, if it is a letter with one; or why there will never be one.
    async fn link_of(&self, mail: &Mail) -> Result<Result<Option<String>, WhyNot>, Trouble> {
        if mail.letter.page().is_none() {
            return Ok(Ok(None));
        }
        // A secret that can't be read is told apart from a link that can't be opened: the one passes, the other doesn't.
        self.desk.cursor_key().await?;
        match self.desk.link_of(mail).await {
            Ok(Some(link)) => Ok(Ok(Some(link))),
            Ok(None) => Ok(Err(WhyNot::LinkUnreadable)),
            Err(Trouble::NoSecret) => {
                // Perhaps sealed under a key that is newer than the one in hand.
                let fresh = self.desk.secret.fresh().await;
                fresh.map_err(|_| Trouble::NoSecret)?;
                Ok(self.desk.link_of(mail).await.map_err(|_| WhyNot::LinkUnreadable))
            }
            Err(error) => Err(error),
        }
    }

    /// Ends the letter's life unsent, with an alert and an entry in the same transaction.
    async fn give_up(&self, mail: &Mail, why: WhyNot) -> Result<Became, Trouble> {
        let now = self.desk.now();
        let entity = format!("mail:{}", mail.id);
        self.desk
            .store
            .act(&System("notifier"), now, Class::System, "mail.given_up", entity)?
            .severity(Severity::Warning)
            .changed("letter", None, Some(mail.letter.name().to_owned()))
            .changed("why", None, Some(why.name().to_owned()))
            .changed("tries", None, Some(mail.tries.to_string()))
            .alert(&mail.undelivered(why, now))?
            .mail_changed(mail, &mail.over(), now)?
            .commit(Deadline::in_ms(TABLE_MS))
            .await?;
        tracing::warn!(mail = %mail.id, why = why.name(), "a letter was given up");
        Ok(Became::GivenUp)
    }

    async fn brand(&self) -> Result<String, Trouble> {
        let settings = match self.settings.wanted() {
            Some(key) => {
                let deadline = Deadline::in_ms(TABLE_MS);
                let items = self.desk.store.read(std::slice::from_ref(&key), deadline).await?;
                self.settings.current(&items, true)?
            }
            None => self.settings.last(),
        };
        Ok(settings.brand.clone())
    }
}
