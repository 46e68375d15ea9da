//! Letters to staff, from the row that caused them to the letterbox: once, with links that work, or an alert.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    access::{MfaDemand, System},
    alert::Kind,
    audit::{Class, Entry},
    id::MailId,
    mail::{LINK_MS, Letter, Mail, Step},
    permission::{Right, right},
    security::Presence,
    staff::{Email, User},
    text::Language,
    time::{self, DAY_MS, HOUR_MS, MINUTE_MS},
};
use jiff::Timestamp;
use local::{
    emulators::{Emulators, Storage},
    mail::Letterbox,
    names::{self, Names},
    system::local_aws,
};
use notifier::{Notifier, Ses};
use serde_json::{Value, json};
use service::{Clock, aws::Aws, secret::Secret};
use staff::{Credentials, Desk, First, Keep, NewUser, Step as SignIn, Trouble, UserUpdate};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use store::{Deadline, Store, chance};
use tokio::{net::TcpListener, task::JoinSet};

const CONSOLE: &str = "https://console.test";
const PASSWORD: &str = "A-first-Pass-word-9";
/// 20 November 2026, 10:00 in Kigali.
const START_MS: i64 = 1_795_161_600_000;

/// A table, a desk, and a letterbox in place of the mail service.
struct Office {
    desk: Arc<Desk>,
    letterbox: Letterbox,
    ses: String,
    aws: Aws,
    names: Names,
    now_ms: Arc<AtomicI64>,
    _emulators: Emulators,
}

fn staff_secret(seal_key: &str) -> String {
    json!({
        "token_keys": [{ "id": "t1", "secret": "a-token-key-for-tests-0123456789abcdef" }],
        "seal_key": seal_key, "pepper": "a-pepper-for-tests",
    })
    .to_string()
}

fn soon() -> Deadline {
    Deadline::in_ms(5_000)
}

fn address(text: &str) -> Email {
    Email::parse(text).expect("an address")
}

impl Office {
    async fn open() -> Self {
        service::metrics::send_to(Box::new(std::io::sink()));
        let emulators = Emulators::start(&Storage::Memory, None).await.expect("loopback ports can be had");
        let aws = Aws { http: rig::wire::plain(), ..local_aws(&emulators) };
        let names = Names::under("letters");
        let secrets = [(names.staff_secret.clone(), staff_secret("a-seal-key-for-tests"))];
        let secrets: Vec<(&str, String)> = secrets.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
        let names = names::create(&aws, names.clone(), &secrets).await.expect("the services take their resources");
        let now_ms = Arc::new(AtomicI64::new(START_MS));
        let letterbox = Letterbox::new(clock(&now_ms));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let ses = format!("http://{}", listener.local_addr().expect("an address"));
        let router = letterbox.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let desk = desk(&aws, &names, &now_ms);
        Self { desk, letterbox, ses, aws, names, now_ms, _emulators: emulators }
    }

    fn advance(&self, milliseconds: i64) {
        self.now_ms.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// A notifier as a new process has it: nothing in memory.
    fn notifier(&self) -> Notifier {
        let mailer = Ses::new(&self.aws, Some(self.ses.clone()), "MBELYCO Promo <no-reply@mbelyco.test>");
        Notifier::new(desk(&self.aws, &self.names, &self.now_ms), Arc::new(mailer), CONSOLE)
    }

    /// What one run of it says.
    async fn run(&self) -> Value {
        self.notifier().deliver().await.expect("a whole run")
    }

    /// The first administrator, signed in.
    async fn administrator(&self) -> Arc<domain::access::Actor> {
        let first = First {
            email: address("first@example.rw"),
            first_name: "First".to_owned(),
            last_name: "Administrator".to_owned(),
            password: Some(PASSWORD.to_owned()),
        };
        self.desk.first_administrator(first).await.expect("there is nobody yet");
        let step = self.desk.sign_in(Presence::default(), "first@example.rw", PASSWORD).await.expect("signed in");
        let SignIn::Done(session) = step else { panic!("no code is asked for") };
        let who = self.desk.identify(&Credentials::Access(session.access_token)).await.expect("a token of ours");
        self.desk.admit(&who, Presence::default()).await.expect("admitted").actor
    }

    async fn permit<R: Right>(&self) -> domain::access::Permit<R> {
        let actor = self.administrator().await;
        self.desk.permit::<R>(&actor, "letters").await.expect("a super administrator may")
    }

    async fn invite(&self) -> User {
        let permit = self.permit::<right::UsersCreate>().await;
        let new = NewUser {
            email: address("aline@example.rw"),
            first_name: "Aline".to_owned(),
            last_name: "Uwase".to_owned(),
            phone: None,
            language: Language::Kinyarwanda,
            roles: Vec::new(),
        };
        let keep = Keep::new(None, &|_| unreachable!("nothing is kept for a repeat"));
        self.desk.create_user(&permit, new, keep).await.expect("an account").0
    }

    /// A letter without a link, as some act would write it.
    async fn write(&self, to: &str) -> Mail {
        let now = self.desk.now();
        let mail = Mail {
            id: MailId::drawn(now, chance().expect("chance")),
            to: address(to),
            letter: Letter::RegistrationApproved,
            language: Language::English,
            first_name: "Aline".to_owned(),
            link: None,
            note: None,
            at: now,
            send_at: Some(now),
            tries: 0,
            version: 1,
        };
        let act = self.desk.store.act(&System("test"), now, Class::System, "test.wrote", "mail:test".to_owned());
        act.and_then(|act| act.mail(&mail)).expect("an act").commit(soon()).await.expect("written");
        mail
    }

    async fn items(&self, prefix: &str) -> Vec<HashMap<String, AttributeValue>> {
        let scan = self.aws.dynamodb().scan().table_name(&self.names.table).consistent_read(true);
        let items = scan.send().await.expect("the table can be scanned").items.unwrap_or_default();
        items.into_iter().filter(|item| item["pk"].as_s().is_ok_and(|pk| pk.starts_with(prefix))).collect()
    }

    async fn mails(&self) -> Vec<(Mail, HashMap<String, AttributeValue>)> {
        let items = self.items("MAIL#").await;
        items.into_iter().map(|item| (self.desk.store.decode(item.clone()).expect("a letter"), item)).collect()
    }

    async fn given_up(&self) -> Vec<Entry> {
        let items = self.items("AUD#").await;
        let entries = items.into_iter().map(|item| self.desk.store.decode::<Entry>(item).expect("an entry"));
        entries.filter(|entry| entry.action == "mail.given_up").collect()
    }

    async fn alerts(&self) -> Vec<domain::alert::Alert> {
        let items = self.items("ALERT#").await;
        items.into_iter().map(|item| self.desk.store.decode(item).expect("an alert")).collect()
    }
}

fn clock(now_ms: &Arc<AtomicI64>) -> Clock {
    let now = Arc::clone(now_ms);
    Clock::from_millis(move || now.load(Ordering::SeqCst))
}

fn desk(aws: &Aws, names: &Names, now_ms: &Arc<AtomicI64>) -> Arc<Desk> {
    let store = Store::new(aws.dynamodb(), &names.table);
    let secret = Secret::new(aws.secrets_manager(), &names.staff_secret);
    Arc::new(Desk::new(store, clock(now_ms), secret, "test".to_owned(), MfaDemand::Relaxed))
}

fn said(sent: u32, postponed: u32, given_up: u32) -> Value {
    json!({ "sent": sent, "postponed": postponed, "given_up": given_up, "passed": 0 })
}

/// The token of the link that opens `page`.
fn token(text: &str, page: &str) -> String {
    let beginning = format!("{CONSOLE}/{page}#");
    let link = text.lines().find_map(|line| line.strip_prefix(&beginning)).expect("a link on a line of its own");
    link.to_owned()
}

// proves: ACC-06, ALR-06
#[tokio::test]
async fn an_invitation_arrives_once_with_a_link_that_sets_the_password_once() {
    let office = Office::open().await;
    office.invite().await;
    assert_eq!(office.run().await, said(1, 0, 0));
    office.advance(2 * MINUTE_MS);
    assert_eq!(office.run().await, said(0, 0, 0), "a second run has nothing to send");

    let letters = office.letterbox.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].to, ["aline@example.rw"]);
    assert_eq!(letters[0].from, "MBELYCO Promo <no-reply@mbelyco.test>");
    assert_eq!(letters[0].subject, "Your new account at MBELYCO: choose a password");
    let token = token(&letters[0].text, "password");
    assert!(letters[0].html.contains(&format!("href=\"{CONSOLE}/password#{token}\"")));

    let set = |word: &'static str| office.desk.set_password_by_link(Presence::default(), &token, word);
    set("A-second-Pass-word-9").await.expect("the link is good");
    assert!(matches!(set("A-third-Pass-word-9").await, Err(Trouble::Link)), "it is good once");
    let step = office.desk.sign_in(Presence::default(), "aline@example.rw", "A-second-Pass-word-9").await;
    assert!(matches!(step, Ok(SignIn::Done(_))));

    let mails = office.mails().await;
    let (mail, item) = &mails[0];
    assert_eq!((mail.send_at, mail.link.as_deref(), mail.tries), (None, None, 1));
    let sent_at = time::from_millis(START_MS).as_second();
    assert_eq!(item["expires_at"], AttributeValue::N((sent_at + 90 * DAY_MS / 1_000).to_string()));
    assert!(!item.contains_key("due_key") && !item.contains_key("due_at"), "it left the index");
}

// proves: ACC-06
#[tokio::test]
async fn the_table_alone_never_holds_a_letters_link() {
    let office = Office::open().await;
    office.invite().await;
    let before = format!("{:?}", office.items("").await);
    office.run().await;
    let token = token(&office.letterbox.letters()[0].text, "password");
    let secret = token.split_once('.').expect("user and secret").1;
    assert!(before.contains("MAIL#") && !before.contains(secret));
    assert!(!format!("{:?}", office.items("").await).contains(secret));
}

// proves: ACC-06
#[tokio::test]
async fn a_new_address_is_confirmed_from_its_letter_and_the_old_one_is_told() {
    let office = Office::open().await;
    let user = office.invite().await;
    office.run().await;
    let actor = {
        let step = office.desk.sign_in(Presence::default(), "first@example.rw", PASSWORD).await.expect("signed in");
        let SignIn::Done(session) = step else { panic!("no code is asked for") };
        let who = office.desk.identify(&Credentials::Access(session.access_token)).await.expect("ours");
        office.desk.admit(&who, Presence::default()).await.expect("admitted").actor
    };
    let permit = office.desk.permit::<right::UsersUpdate>(&actor, "letters").await.expect("may");
    let update = UserUpdate { email: Some(address("uwase@example.rw")), ..UserUpdate::default() };
    let keep = Keep::new(None, &|_| unreachable!("nothing is kept for a repeat"));
    office.desk.update_user(&permit, &user.id, |_| Ok(()), update, keep).await.expect("asked for");
    assert_eq!(office.run().await, said(2, 0, 0));
    let letters = office.letterbox.letters();
    let to = |address: &str| letters[..2].iter().find(|letter| letter.to == [address]).expect("a letter");
    assert!(to("aline@example.rw").subject.starts_with("A new email address"));
    assert!(!to("aline@example.rw").text.contains('#'), "who holds the old address can't confirm the new one");
    let link = token(&to("uwase@example.rw").text, "confirm");
    office.desk.confirm_email(Presence::default(), &link).await.expect("the link is good");
}

// proves: ALR-06
#[tokio::test]
async fn a_letter_that_is_refused_twice_and_then_taken_arrives_once() {
    let office = Office::open().await;
    office.write("aline@example.rw").await;
    office.letterbox.refuse(2);
    assert_eq!(office.run().await, said(0, 1, 0));
    assert_eq!(office.run().await, said(0, 0, 0), "not before its minute is over");
    office.advance(MINUTE_MS);
    assert_eq!(office.run().await, said(0, 1, 0));
    office.advance(MINUTE_MS);
    assert_eq!(office.run().await, said(0, 0, 0), "the second wait is five minutes");
    office.advance(4 * MINUTE_MS);
    assert_eq!(office.run().await, said(1, 0, 0));
    office.advance(HOUR_MS);
    assert_eq!(office.run().await, said(0, 0, 0));
    assert_eq!(office.letterbox.letters().len(), 1);
    assert!(office.alerts().await.is_empty() && office.given_up().await.is_empty());
}

// proves: ALR-06
#[tokio::test]
async fn a_letter_that_nobody_takes_is_given_up_with_one_alert_and_one_entry() {
    let office = Office::open().await;
    let mail = office.write("aline@example.rw").await;
    office.letterbox.refuse(u32::MAX);
    for minutes in [1, 5, 15, 60] {
        assert_eq!(office.run().await, said(0, 1, 0));
        office.advance(minutes * MINUTE_MS);
    }
    assert_eq!(office.run().await, said(0, 0, 1));
    office.letterbox.refuse(0);
    for _ in 0..3 {
        office.advance(HOUR_MS);
        assert_eq!(office.run().await, said(0, 0, 0));
    }
    assert!(office.letterbox.letters().is_empty());
    let (alerts, entries) = (office.alerts().await, office.given_up().await);
    assert_eq!((alerts.len(), entries.len()), (1, 1));
    assert_eq!((alerts[0].kind, &alerts[0].entity), (Kind::LetterUndelivered, &format!("mail:{}", mail.id)));
    assert_eq!((entries[0].actor.as_str(), &entries[0].entity), ("system:notifier", &format!("mail:{}", mail.id)));
    assert!(!format!("{alerts:?}{entries:?}").contains("aline@"));
    let (mail, item) = &office.mails().await[0];
    assert_eq!((mail.tries, mail.send_at), (5, None));
    assert!(item.contains_key("expires_at"));
}

// proves: ACC-06, ALR-06
#[tokio::test]
async fn an_invitation_is_given_up_where_its_next_try_would_come_after_its_link_has_ended() {
    let office = Office::open().await;
    office.invite().await;
    office.letterbox.refuse(u32::MAX);
    for minutes in [1, 5, 15] {
        assert_eq!(office.run().await, said(0, 1, 0));
        office.advance(minutes * MINUTE_MS);
    }
    assert_eq!(office.run().await, said(0, 0, 1));
    assert_eq!(office.alerts().await.len(), 1);
}

// proves: ACC-06
#[tokio::test]
async fn a_link_that_is_an_hour_old_is_not_sent_any_more() {
    let office = Office::open().await;
    office.invite().await;
    office.advance(LINK_MS);
    assert_eq!(office.run().await, said(0, 0, 1));
    assert!(office.letterbox.letters().is_empty());
    let entries = office.given_up().await;
    assert!(entries[0].changes.iter().any(|change| change.after.as_deref() == Some("link_too_old")), "{entries:?}");
    assert_eq!(office.alerts().await.len(), 1);
}

async fn put_secret(office: &Office, text: &str) {
    let client = office.aws.secrets_manager();
    let put = client.put_secret_value().secret_id(&office.names.staff_secret).secret_string(text);
    put.send().await.expect("the secret can be changed");
}

// proves: ACC-06
#[tokio::test]
async fn a_link_under_a_key_that_is_gone_is_given_up_but_one_whose_secret_cannot_be_read_waits() {
    let office = Office::open().await;
    office.invite().await;
    put_secret(&office, "{}").await;
    assert!(matches!(office.notifier().deliver().await, Err(Trouble::NoSecret)));
    let (mail, _) = &office.mails().await[0];
    assert_eq!((mail.tries, mail.send_at, mail.version), (0, Some(mail.at), 1), "untouched");

    put_secret(&office, &staff_secret("another-seal-key")).await;
    assert_eq!(office.run().await, said(0, 0, 1));
    assert!(office.letterbox.letters().is_empty());
    let entries = office.given_up().await;
    assert!(entries[0].changes.iter().any(|change| change.after.as_deref() == Some("link_unreadable")), "{entries:?}");
}

// proves: ALR-06
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_notifiers_at_once_send_each_of_ten_letters_once() {
    let office = Office::open().await;
    for number in 0..10 {
        office.write(&format!("member{number}@example.rw")).await;
    }
    let mut work = JoinSet::new();
    for _ in 0..8 {
        let notifier = office.notifier();
        work.spawn(async move { notifier.deliver().await.expect("a whole run") });
    }
    let ran = work.join_all().await;
    let sent: u64 = ran.iter().filter_map(|run| run["sent"].as_u64()).sum();
    assert_eq!(sent, 10, "{ran:?}");
    let mut addressees: Vec<String> = office.letterbox.letters().into_iter().flat_map(|letter| letter.to).collect();
    addressees.sort();
    let wanted: Vec<String> = (0..10).map(|number| format!("member{number}@example.rw")).collect();
    assert_eq!(addressees, wanted);
    assert!(office.mails().await.iter().all(|(mail, _)| mail.send_at.is_none() && mail.tries == 1));
}

// proves: ALR-06
#[tokio::test]
async fn a_letter_whose_sender_died_before_sending_is_sent_a_minute_later() {
    let office = Office::open().await;
    let mail = office.write("aline@example.rw").await;
    let now: Timestamp = office.desk.now();
    let Step::Try(begun) = mail.step(now) else { panic!("it is due") };
    office.desk.store.save_mail(&mail, &begun, now, soon()).await.expect("taken");
    assert_eq!(office.run().await, said(0, 0, 0), "it is somebody's");
    office.advance(MINUTE_MS);
    assert_eq!(office.run().await, said(1, 0, 0));
    assert_eq!(office.letterbox.letters().len(), 1);
}

// proves: ALR-06
#[tokio::test]
async fn the_laptops_page_shows_letters_newest_first_with_their_links_and_no_markup_of_theirs() {
    let office = Office::open().await;
    office.invite().await;
    office.run().await;
    office.write("berwa@example.rw").await;
    office.run().await;
    let get = |path: &str| reqwest::get(format!("{}{path}", office.ses));
    let page = get("/local/mail").await.expect("an answer").text().await.expect("a page");
    let token = token(&office.letterbox.letters()[1].text, "password");
    assert!(page.contains(&format!("<a href=\"{CONSOLE}/password#{token}\">")), "{page}");
    let at = |words: &str| page.find(words).unwrap_or_else(|| panic!("{words} in {page}"));
    assert!(at("is approved</h2>") < at("choose a password</h2>"));
    assert!(page.contains("MBELYCO Promo &lt;no-reply@mbelyco.test&gt;"));
    let listed: Value = get("/local/mail.json").await.expect("an answer").json().await.expect("JSON");
    assert_eq!(listed[1]["to"][0], "aline@example.rw");
}
