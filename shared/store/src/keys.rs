//! Every key of the table is made here.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    batch::{BatchName, CodeId},
    code::CodeText,
    id::{ApiKeyId, ChangeId, JobId, MailId, SessionId, UserId},
    identity::{CustomerId, RedemptionId, digest, hex},
    payout::Payout,
    phone::Msisdn,
    staff::Email,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::collections::HashMap;

/// Shards of the due index: more than one sweep query a minute, far below what one partition bears.
pub const DUE_SHARDS: u8 = 8;
/// Shards of whatever every redemption writes to.
pub const SHARDS: u8 = 16;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub pk: String,
    pub sk: String,
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    pub(crate) fn attributes(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(self.pk.clone())),
            ("sk".to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }
}

pub fn code(text: &CodeText) -> Key {
    Key::new(format!("CODE#{}", text.as_str()), "CODE")
}

pub fn batch(id: &str) -> Key {
    Key::new(format!("BATCH#{id}"), "BATCH")
}

pub fn run(batch_id: &str, run_id: &str) -> Key {
    Key::new(format!("BATCH#{batch_id}"), format!("RUN#{run_id}"))
}

/// Runs of a batch lie beside it: one query finds them.
pub fn batch_pk(id: &str) -> String {
    format!("BATCH#{id}")
}

/// The texts of 96 codes of a run, in the order of print.
pub fn strip(run_id: &str, number: u64) -> Key {
    Key::new(strip_pk(run_id), format!("STRIP#{number:07}"))
}

pub fn strip_pk(run_id: &str) -> String {
    format!("RUN#{run_id}")
}

/// A code with a date of its own, so that statistics can tell it apart.
pub fn own_expiry(batch_id: &str, code_id: &CodeId) -> Key {
    Key::new(batch_pk(batch_id), format!("OWNDATE#{code_id}"))
}

pub fn print(batch_id: &str, job: &JobId) -> Key {
    Key::new(batch_pk(batch_id), format!("PRINT#{job}"))
}

/// Every batch by its number, for lists.
pub const BATCHES_PK: &str = "BATCHES";

pub fn batch_listed(number: u64) -> Key {
    Key::new(BATCHES_PK.to_owned(), format!("BATCH#{number:012}"))
}

/// The number of the newest batch.
pub fn batch_numbers() -> Key {
    Key::new(BATCHES_PK.to_owned(), "NUMBERS")
}

/// What codes made in one calendar month of the business are worth.
pub fn issued_month(month: &str) -> Key {
    Key::new(BATCHES_PK.to_owned(), format!("ISSUED#{month}"))
}

/// How many batches a user has made.
pub fn batches_of(user: &UserId) -> Key {
    Key::new(user_pk(user), "BATCHES")
}

/// Whose a batch's name is; without an owner it is free again.
pub fn batch_name(name: &BatchName) -> Key {
    Key::new(format!("BATCHNAME#{name}"), "BATCHNAME")
}

/// Jobs are few and written by the chunk: one partition, by age.
pub const JOBS_PK: &str = "JOBS";

pub fn job(id: &JobId) -> Key {
    Key::new(JOBS_PK.to_owned(), format!("JOB#{id}"))
}

/// What became of each code of one chunk of a bulk act.
pub fn job_result(id: &JobId, chunk: u64) -> Key {
    Key::new(job_pk(id), format!("RESULT#{chunk:07}"))
}

pub fn job_pk(id: &JobId) -> String {
    format!("JOB#{id}")
}

/// The newest job for one caller and one question.
pub fn job_asked(asked: &str) -> Key {
    Key::new(format!("JOBASKED#{asked}"), "JOBASKED")
}

pub fn notice(user: &UserId, job: &JobId) -> Key {
    Key::new(user_pk(user), format!("NOTICE#{job}"))
}

/// Items that jobs have written in one second (since 1970, of the machine's own clock).
pub fn writes_of_second(second: i64) -> Key {
    Key::new("BUDGET#writes".to_owned(), format!("S#{second:012}"))
}

/// The picture on printed sheets.
pub fn logo() -> Key {
    Key::new("SETTINGS".to_owned(), "LOGO")
}

pub const DUE_JOB: &str = "DUE#job#0";
pub const DUE_BATCH: &str = "DUE#batch#0";

pub fn customer(id: &CustomerId) -> Key {
    Key::new(format!("CUSTOMER#{}", id.as_str()), "CUSTOMER")
}

/// The question about the number that a customer on another network has named last.
pub fn payee_check(id: &CustomerId) -> Key {
    Key::new(format!("CUSTOMER#{}", id.as_str()), "PAYEE")
}

pub fn redemption(id: &RedemptionId) -> Key {
    Key::new(format!("REDEMPTION#{id}"), "REDEMPTION")
}

pub fn payout(id: &RedemptionId) -> Key {
    Key::new(format!("REDEMPTION#{id}"), "PAYOUT")
}

/// That a redemption was taken back.
pub fn reversal(id: &RedemptionId) -> Key {
    Key::new(format!("REDEMPTION#{id}"), "REVERSAL")
}

/// Shards of the list of one day's payouts.
pub const LISTED_SHARDS: u8 = 4;

/// A payout in the list of the day (of the business) on which it was redeemed.
pub fn payout_listed(day: Date, at: Timestamp, id: &RedemptionId) -> Key {
    Key::new(payouts_of_day_pk(day, shard(id.as_str(), LISTED_SHARDS)), payout_place(at, id))
}

pub fn payouts_of_day_pk(day: Date, shard: u8) -> String {
    format!("PAYOUTS#{day}#{shard}")
}

/// A payout in the list of the day on which it was settled.
pub fn payout_settled(day: Date, at: Timestamp, id: &RedemptionId) -> Key {
    Key::new(payouts_settled_pk(day, shard(id.as_str(), LISTED_SHARDS)), payout_place(at, id))
}

pub fn payouts_settled_pk(day: Date, shard: u8) -> String {
    format!("PAYOUTS#settled#{day}#{shard}")
}

/// Comparisons of our books with the provider's, one row for a period and a source.
pub const BOOKS_PK: &str = "BOOKS";

pub fn books(to: Date, from: Date, source: &str) -> Key {
    Key::new(BOOKS_PK.to_owned(), format!("COMPARED#{to}#{from}#{source}"))
}

/// Counters that were not what the records say, as they were found on the way to being put right.
pub fn recount(day: Date) -> Key {
    Key::new(BOOKS_PK.to_owned(), format!("RECOUNT#{day}"))
}

pub const FINDINGS_PK: &str = "FINDINGS";

/// A difference between our books and the provider's.
pub fn finding(day: Date, id: &str) -> Key {
    Key::new(FINDINGS_PK.to_owned(), finding_place(day, id))
}

pub fn finding_place(day: Date, id: &str) -> String {
    format!("FINDING#{day}#{id}")
}

/// Where a payout stands in a list by time.
pub fn payout_place(at: Timestamp, id: &RedemptionId) -> String {
    format!("{:013}#{id}", at.as_millisecond())
}

/// Payouts that a person has to do something about, the oldest first.
pub const ATTENTION_PK: &str = "PAYOUTS#attention";

pub fn attention(at: Timestamp, id: &RedemptionId) -> Key {
    Key::new(ATTENTION_PK.to_owned(), payout_place(at, id))
}

/// Whose a reference is, for people who have it from the provider.
pub fn reference(reference: &str) -> Key {
    Key::new(format!("REFERENCE#{reference}"), "REFERENCE")
}

/// How many payouts are in which state, and their money; one of [`SHARDS`] parts.
pub const GAUGE_PK: &str = "GAUGE#payouts";

pub fn gauge(shard: u8) -> Key {
    Key::new(GAUGE_PK.to_owned(), format!("{shard:02}"))
}

/// What has been sent in one calendar month (`2026-11`) of the business.
pub fn totals(month: &str) -> Key {
    Key::new("TOTALS".to_owned(), format!("MONTH#{month}"))
}

/// The gate in front of one provider.
pub fn gate(provider: &str) -> Key {
    Key::new(format!("GATE#{provider}"), "GATE")
}

/// How the last payouts through one provider ended.
pub fn outcomes(provider: &str) -> Key {
    Key::new(format!("GATE#{provider}"), "OUTCOMES")
}

/// Questions to one provider in one second (since 1970, of the machine's own clock).
pub fn asks_of_second(provider: &str, second: i64) -> Key {
    Key::new(format!("BUDGET#asks#{provider}"), format!("S#{second:012}"))
}

/// What the provider said of a customer's account.
pub fn account(customer: &CustomerId) -> Key {
    Key::new(format!("CUSTOMER#{}", customer.as_str()), "ACCOUNT")
}

/// The stored answer of one hop: session, phone and the whole text so far.
pub fn hop(session: &str, phone: &str, text: &str) -> Key {
    Key::new(session_pk(session), format!("HOP#{}", hop_id(session, phone, text)))
}

/// 32 hex figures for a hop; the same wherever it is delivered again.
pub fn hop_id(session: &str, phone: &str, text: &str) -> String {
    hex(&digest(&["hop", session, phone, text])[..16])
}

pub fn session_end(session: &str) -> Key {
    Key::new(session_pk(session), "END")
}

fn session_pk(session: &str) -> String {
    format!("USSD#{session}")
}

pub fn switches() -> Key {
    Key::new("SWITCHES".to_owned(), "SWITCHES")
}

pub fn settings() -> Key {
    Key::new("SETTINGS".to_owned(), "CURRENT")
}

pub fn audit(at: Timestamp, id: &str) -> Key {
    let hour = at.to_zoned(TimeZone::UTC).strftime("%Y%m%d%H").to_string();
    Key::new(audit_pk(&hour, shard(id, SHARDS)), format!("{:013}#{id}", at.as_millisecond()))
}

/// `hour` is UTC, as `2026112013`.
pub fn audit_pk(hour: &str, shard: u8) -> String {
    format!("AUD#{hour}#{shard:02}")
}

/// How many entries each sealed hour of one day (UTC) holds.
pub fn audit_day(day: Date) -> Key {
    Key::new(format!("AUDDAY#{}", day.strftime("%Y%m%d")), "HOURS")
}

/// The newest sealed hour of the log; a hint, because what is sealed lies in the archive.
pub fn audit_last_sealed() -> Key {
    Key::new("AUDSEAL".to_owned(), "LAST")
}

/// The hour up to which the log has been archived.
pub fn audit_archived() -> Key {
    Key::new("AUDSEAL".to_owned(), "ARCHIVED")
}

pub fn alert(at: Timestamp, id: &str) -> Key {
    let day = at.to_zoned(TimeZone::UTC).strftime("%Y%m%d").to_string();
    Key::new(alert_pk(&day), format!("{:013}#{id}", at.as_millisecond()))
}

pub fn alert_pk(day: &str) -> String {
    format!("ALERT#{day}")
}

pub fn refused_attempt(at: Timestamp, id: &str) -> Key {
    let day = at.to_zoned(TimeZone::UTC).strftime("%Y%m%d").to_string();
    Key::new(format!("ATTEMPT#{day}#{:02}", shard(id, SHARDS)), format!("{:013}#{id}", at.as_millisecond()))
}

/// What a batch has redeemed and paid on one day of the business, one of [`SHARDS`] parts.
pub fn counter(batch_id: &str, day: Date, shard: u8) -> Key {
    Key::new(counter_pk(batch_id), format!("{day}#{shard:02}"))
}

/// What staff have done to the codes of a batch, one of [`SHARDS`] parts.
pub fn tally(batch_id: &str, shard: u8) -> Key {
    Key::new(counter_pk(batch_id), format!("TALLY#{shard:02}"))
}

pub fn counter_pk(batch_id: &str) -> String {
    format!("COUNT#{batch_id}")
}

/// The due index's partition of a payout.
pub fn due_payout(payout: &Payout) -> String {
    let shard = shard(payout.id.as_str(), DUE_SHARDS);
    if payout.state.is_end() {
        due_recheck_shard(shard)
    } else if payout.hands.urgent.is_some() {
        DUE_URGENT.to_owned()
    } else {
        due_payout_shard(shard)
    }
}

pub fn due_payout_shard(shard: u8) -> String {
    format!("DUE#payout#{shard}")
}

/// Those that start before all others.
pub const DUE_URGENT: &str = "DUE#payout#urgent";

/// Payouts that have ended and are asked about once more: they never stand in the way of one that hasn't.
pub fn due_recheck_shard(shard: u8) -> String {
    format!("DUE#recheck#{shard}")
}

/// Every user lies in one partition: staff are few, and a list of them is one query, by age.
pub const STAFF_PK: &str = "STAFF";

pub fn user(id: &UserId) -> Key {
    Key::new(STAFF_PK.to_owned(), format!("USER#{id}"))
}

/// Who administers now.
pub fn administrators() -> Key {
    Key::new(STAFF_PK.to_owned(), "ADMINISTRATORS")
}

pub fn custom_roles() -> Key {
    Key::new("ROLES".to_owned(), "CUSTOM")
}

pub const CHANGES_PK: &str = "CHANGES";

pub fn change(id: &ChangeId) -> Key {
    Key::new(CHANGES_PK.to_owned(), format!("CHANGE#{id}"))
}

pub fn user_pk(id: &UserId) -> String {
    format!("USER#{id}")
}

pub fn session(user: &UserId, id: &SessionId) -> Key {
    Key::new(user_pk(user), format!("SESSION#{id}"))
}

pub fn api_key(user: &UserId, id: &ApiKeyId) -> Key {
    Key::new(user_pk(user), format!("KEY#{id}"))
}

/// Whose an address is. The row stays when the address is given up, without an owner.
pub fn email(email: &Email) -> Key {
    Key::new(format!("EMAIL#{email}"), "EMAIL")
}

pub fn staff_phone(phone: &Msisdn) -> Key {
    Key::new(format!("STAFFPHONE#{}", phone.e164()), "STAFFPHONE")
}

/// Tries to sign in to one account; `account` is a digest of its address, whether there is such an account or not.
pub fn sign_ins(account: &str) -> Key {
    Key::new(format!("SIGNIN#{account}"), "SIGNIN")
}

pub fn mail(id: &MailId) -> Key {
    Key::new(format!("MAIL#{id}"), "MAIL")
}

/// The due index's partition of letters.
pub const DUE_MAIL: &str = "DUE#mail#0";

/// A stable shard for an id.
pub fn shard(id: &str, of: u8) -> u8 {
    digest(&["shard", id])[0] % of
}

/// How often `who` has called in one hour (`2026112013`, UTC). `kind` tells apart what is counted.
pub fn calls_of_hour(kind: &str, who: &str, at: Timestamp) -> Key {
    let hour = at.to_zoned(TimeZone::UTC).strftime("%Y%m%d%H").to_string();
    Key::new(format!("CALLS#{kind}#{who}"), format!("H#{hour}"))
}

/// How often `who` has called on one day (`20261120`, UTC).
pub fn calls_of_day(kind: &str, who: &str, at: Timestamp) -> Key {
    let day = at.to_zoned(TimeZone::UTC).strftime("%Y%m%d").to_string();
    Key::new(format!("CALLS#{kind}#{who}"), format!("D#{day}"))
}

/// What became of a call that carried an `Idempotency-Key`. The key is the caller's text, so only its digest is kept.
pub fn call(caller: &str, idempotency_key: &str) -> Key {
    Key::new(format!("CALL#{caller}#{}", hex(&digest(&["idempotency-key", idempotency_key]))), "CALL")
}
