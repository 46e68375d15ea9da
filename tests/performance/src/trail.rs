//! The first page of a search in a large audit log, against the promise of one second (AUD-03).

use crate::{
    Result,
    embedded::Embedded,
    table::{Row, Table, median},
};
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use domain::{
    access::{Admission, MfaDemand, Permit, admit},
    audit::{Class, Entry, Severity},
    id::{SessionId, UserId},
    permission::right::AuditLogsRead,
    role::{Predefined, Roles},
    security::{Presence, SecuritySettings},
    session::Session,
    staff::{Email, User},
    time::{self, DAY_MS, HOUR_MS},
};
use jiff::Timestamp;
use service::{Clock, aws::Aws};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use store::{Deadline, Sought, Store, keys};
use tokio::task::JoinSet;

const ENTRIES: u64 = 1_000_000;
const DAYS: i64 = 30;
const WRITERS: u64 = 16;
/// Items of one BatchWriteItem.
const CHUNK: usize = 25;
/// One entry in so many is of the rare actor.
const RARE: u64 = 50_000;
const LIMIT_MS: f64 = 1_000.0;
const ROUNDS: usize = 5;

fn drawn(number: u64) -> String {
    format!("{number:032x}")
}

fn entry(number: u64, all: u64, begin: Timestamp) -> Entry {
    let step = DAYS * DAY_MS / i64::try_from(all).unwrap_or(i64::MAX).max(1);
    let at = time::plus(begin, i64::try_from(number).unwrap_or_default() * step);
    let actor = match number {
        rare if rare.is_multiple_of(RARE) => drawn(7_777),
        _ => drawn(number % 40),
    };
    let class = if number.is_multiple_of(20) { Class::Security } else { Class::Change };
    let mut entry = Entry::new(
        drawn(number),
        at,
        class,
        "user.updated",
        format!("user:{actor}"),
        format!("user:{}", drawn(number % 5_000)),
    )
    .change("first_name", Some("Aline".to_owned()), Some(format!("Aline {number}")));
    entry.session = Some(drawn(number % 400));
    entry.address = Some("203.0.113.7".to_owned());
    entry.permission = Some("users.update".to_owned());
    entry.severity = if number.is_multiple_of(1_000) { Severity::Warning } else { Severity::Info };
    entry
}

async fn fill(embedded: &Embedded, all: u64, begin: Timestamp) -> Result<()> {
    let mut writers = JoinSet::new();
    // Filling is not what is measured; a batch may take its time.
    let patient = Aws { call_timeout: Duration::from_secs(60), ..embedded.aws.clone() };
    for writer in 0..WRITERS {
        let (client, table) = (patient.dynamodb(), embedded.names.table.clone());
        writers.spawn(async move {
            let mut chunk = Vec::with_capacity(CHUNK);
            let mut number = writer;
            while number < all {
                let entry = entry(number, all, begin);
                let key = keys::audit(entry.at, &entry.id);
                let mut item: std::collections::HashMap<String, AttributeValue> = serde_dynamo::to_item(&entry)?;
                for (name, value) in
                    [("pk", &key.pk), ("sk", &key.sk), ("trail_actor", &entry.actor), ("trail_entity", &entry.entity)]
                {
                    item.insert(name.to_owned(), AttributeValue::S(value.clone()));
                }
                let put = PutRequest::builder().set_item(Some(item)).build()?;
                chunk.push(WriteRequest::builder().put_request(put).build());
                number += WRITERS;
                if chunk.len() == CHUNK || number >= all {
                    client.batch_write_item().request_items(&table, std::mem::take(&mut chunk)).send().await?;
                }
            }
            Result::Ok(())
        });
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    Ok(())
}

fn permit(now: Timestamp) -> Result<Permit<AuditLogsRead>> {
    let user = UserId::drawn(now, [1; 10]);
    let id = SessionId::drawn(now, [2; 10]);
    let mut reader = User::new(user.clone(), Email::parse("reader@example.rw")?, String::new(), String::new(), now);
    reader.roles = vec![Predefined::AuditViewer.id()];
    let session = Session {
        id,
        user,
        epoch: reader.session_epoch,
        created_at: now,
        generation: 1,
        rotated_at: now,
        mfa: true,
        address: None,
        agent: None,
        ended: None,
        version: 1,
    };
    let admission = Admission {
        user: &reader,
        roles: &Roles::default(),
        security: &SecuritySettings::default(),
        mfa: MfaDemand::Relaxed,
        presence: Presence::default(),
        now,
    };
    Ok(Arc::new(admit(&session, admission)?).permit()?)
}

pub async fn run() -> Result<Table> {
    let all = std::env::var("AUDIT_ENTRIES").ok().and_then(|text| text.parse().ok()).unwrap_or(ENTRIES);
    let embedded = Embedded::start().await?;
    let now = Clock::system().now();
    let begin = time::plus(now, -DAYS * DAY_MS - HOUR_MS);
    let filling = Instant::now();
    fill(&embedded, all, begin).await?;
    let filled_s = filling.elapsed().as_secs_f64();
    let store = Store::new(embedded.aws.dynamodb(), &embedded.names.table);
    let permit = permit(now)?;
    let any = Sought {
        from: begin,
        to: now,
        actor: None,
        entity: None,
        action: None,
        class: None,
        severity: None,
        session: None,
        text: None,
    };
    let searches = [
        ("newest of all", any.clone()),
        ("a rare actor", Sought { actor: Some(format!("user:{}", drawn(7_777))), ..any.clone() }),
        ("one entity", Sought { entity: Some(format!("user:{}", drawn(4_321))), ..any.clone() }),
        ("a class", Sought { class: Some(Class::Security), ..any.clone() }),
        ("a severity", Sought { severity: Some(Severity::Warning), ..any.clone() }),
        ("an action", Sought { action: Some("user.".to_owned()), ..any.clone() }),
        ("a session", Sought { session: Some(drawn(123)), ..any.clone() }),
        ("a text", Sought { text: Some(format!("aline {}", all / 2)), ..any.clone() }),
    ];
    let mut table = Table {
        title: format!(
            "{all} audit entries over {DAYS} days (written in {filled_s:.0} s): the first page of 50, median of {ROUNDS}"
        ),
        beside: "promise",
        ..Table::default()
    };
    for (name, sought) in searches {
        let mut times = Vec::with_capacity(ROUNDS);
        let mut found = 0;
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            let page = store.trail(&permit, &sought, None, 50, Deadline::in_ms(10_000)).await?;
            times.push(begun.elapsed().as_secs_f64() * 1_000.0);
            found = page.entries.len();
        }
        let median = median(times);
        let row = Row::new(format!("{name}, {found} found"), format!("{median:.0} ms"), format!("{LIMIT_MS:.0} ms"));
        table.rows.push(row.ratio(median / LIMIT_MS).aim("< 1 s", median < LIMIT_MS));
        if found == 0 && !matches!(name, "a text" | "a session") {
            table.wrong.push(format!("{name}: nothing was found"));
        }
    }
    Ok(table)
}
