//! What one redemption asks of AWS: calls, and the capacity that they would be billed.

use crate::{
    Result, embedded, recorded,
    table::{Row, Table},
};
use rig::{Script, World, world::Setup};
use serde_dynamo::AttributeValue;
use serde_json::Value;
use std::collections::HashMap;

const TABLE_CALLS: usize = 3;
const QUEUE_CALLS: usize = 1;
const WRITE_BLOCK: usize = 1_024;
const READ_BLOCK: usize = 4_096;
/// A transaction writes everything twice.
const IN_TRANSACTION: usize = 2;

type RowKey = (String, String);
/// The size of each row.
type Sizes = HashMap<RowKey, usize>;

/// What one redemption was seen to do.
struct Seen {
    table_calls: usize,
    queue_calls: usize,
    calls: Vec<String>,
    keys_read: usize,
    rows_written: usize,
    largest: usize,
    read_units: usize,
    write_units: usize,
}

/// As DynamoDB counts a value.
fn value_size(value: &AttributeValue) -> usize {
    let number = |digits: &str| digits.len().div_ceil(2) + 1;
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => number(digits),
        AttributeValue::B(bytes) => bytes.len(),
        AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
        AttributeValue::M(map) => 3 + map.iter().map(|(name, value)| name.len() + value_size(value) + 1).sum::<usize>(),
        AttributeValue::L(list) => 3 + list.iter().map(|value| value_size(value) + 1).sum::<usize>(),
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::Ns(numbers) => numbers.iter().map(|digits| number(digits)).sum(),
        AttributeValue::Bs(all) => all.iter().map(Vec::len).sum(),
    }
}

/// Every row's size as it is now; the table of one scenario fits one page.
async fn sizes(world: &World) -> Result<Sizes> {
    let page = world.dynamodb().scan().table_name(&world.names.table).consistent_read(true).send().await?;
    if page.last_evaluated_key.is_some() {
        return Err("the table has more rows than this comparison reads".into());
    }
    let mut sizes = Sizes::new();
    for item in page.items.unwrap_or_default() {
        let item = serde_dynamo::Item::from(item);
        let key = |name: &str| match item.get(name) {
            Some(AttributeValue::S(text)) => text.clone(),
            _ => String::new(),
        };
        let size = item.iter().map(|(name, value)| name.len() + value_size(value)).sum();
        sizes.insert((key("pk"), key("sk")), size);
    }
    Ok(sizes)
}

fn key(value: &Value) -> RowKey {
    let part = |name: &str| value[name]["S"].as_str().unwrap_or_default().to_owned();
    (part("pk"), part("sk"))
}

fn keys_read(bodies: &[Value]) -> Vec<RowKey> {
    let tables = bodies.iter().filter_map(|body| body["RequestItems"].as_object());
    tables.flat_map(|tables| tables.values()).flat_map(|asked| recorded::list(asked, "Keys")).map(key).collect()
}

fn keys_written(bodies: &[Value]) -> Vec<RowKey> {
    let actions = bodies.iter().flat_map(|body| recorded::list(body, "TransactItems"));
    actions
        .map(|action| key(if action["Put"].is_null() { &action["Update"]["Key"] } else { &action["Put"]["Item"] }))
        .collect()
}

async fn redeem(world: &World, session: &str, phone: &str, code: usize) -> Result<Seen> {
    let before = sizes(world).await?;
    drop(recorded::take());
    let made = world.script.calls().len();
    let answer = world.hop(session, phone, &world.codes[code].printed()).await;
    let calls = world.script.calls().split_off(made);
    let requests = recorded::take();
    let after = sizes(world).await?;
    if world.payout(&world.codes[code]).await.is_none() {
        return Err(format!("a good code was answered: {}", answer.body).into());
    }

    let read = keys_read(&recorded::bodies(&requests, "BatchGetItem")?);
    let written = keys_written(&recorded::bodies(&requests, "TransactWriteItems")?);
    let size = |rows: &Sizes, key: &RowKey| rows.get(key).copied().unwrap_or_default();
    // A key without a row costs a unit too; a row that is replaced costs its larger form.
    let read_units = read.iter().map(|key| size(&before, key).div_ceil(READ_BLOCK).max(1)).sum();
    let sizes: Vec<usize> = written.iter().map(|key| size(&before, key).max(size(&after, key))).collect();
    let queue = |name: &&String| name.as_str() == "SendMessage";
    let table = ["BatchGetItem", "GetItem", "TransactWriteItems", "Query", "PutItem", "UpdateItem", "TransactGetItems"];
    Ok(Seen {
        table_calls: calls.iter().filter(|name| table.contains(&name.as_str())).count(),
        queue_calls: calls.iter().filter(queue).count(),
        keys_read: read.len(),
        rows_written: sizes.len(),
        largest: sizes.iter().copied().max().unwrap_or_default(),
        read_units,
        write_units: sizes.iter().map(|size| size.div_ceil(WRITE_BLOCK).max(1) * IN_TRANSACTION).sum(),
        calls,
    })
}

fn rows(table: &mut Table, who: &str, seen: &Seen) {
    let counted = |what: &str, ours: usize, least: usize, aim: &str, met: bool| {
        Row::new(format!("{who}: {what}"), ours.to_string(), least.to_string())
            .ratio(ours as f64 / least as f64)
            .aim(aim, met)
    };
    table.rows.push(counted("table calls", seen.table_calls, TABLE_CALLS, "3", seen.table_calls == TABLE_CALLS));
    table.rows.push(counted("SQS calls", seen.queue_calls, QUEUE_CALLS, "1", seen.queue_calls == QUEUE_CALLS));
    let others = seen.calls.len() - seen.table_calls - seen.queue_calls;
    table.rows.push(Row::new(format!("{who}: other calls"), others.to_string(), "0").aim("0", others == 0));
    let least = (seen.rows_written * IN_TRANSACTION, seen.keys_read);
    let row = |what: &str, ours: usize, least: usize| {
        Row::new(format!("{who}: {what}"), ours.to_string(), least.to_string()).ratio(ours as f64 / least as f64)
    };
    table.rows.push(row(&format!("write units of {} rows", seen.rows_written), seen.write_units, least.0));
    table.rows.push(row(&format!("read units of {} keys", seen.keys_read), seen.read_units, least.1));
    if (seen.table_calls, seen.queue_calls, others) != (TABLE_CALLS, QUEUE_CALLS, 0) {
        table.wrong.push(format!("{who}: the calls were {}", seen.calls.join(", ")));
    }
}

pub async fn run() -> Result<Table> {
    let setup = Setup {
        script: Script::default(),
        codes: 6,
        settings: Some(embedded::settings()),
        quiet: recorded::keep_and_count,
        ..Setup::default()
    };
    let world = World::start(setup).await;
    let phone = "+250788123456";
    // The first screen reads secret and settings, which the function then holds.
    world.hop("ATUid_00000000000000000000000000000000", phone, "").await;
    let mut table = Table { title: "what one redemption asks of AWS".to_owned(), beside: "least", ..Table::default() };
    let first = redeem(&world, "ATUid_00000000000000000000000000000001", phone, 0).await?;
    rows(&mut table, "new customer", &first);
    let mut last = first;
    for code in 1..=5 {
        last = redeem(&world, &format!("ATUid_{:032x}", code + 1), phone, code).await?;
    }
    rows(&mut table, "6th code", &last);
    table.notes.push(format!("calls in their order: {}", last.calls.join(", ")));
    table.notes.push(
        "units are computed, not billed, from the rows that the requests name, each rounded up by itself:".to_owned(),
    );
    table.notes.push(format!(
        "writes in a transaction 2 per KB (largest row {} bytes); consistent reads 1 per 4 KB, also without a row.",
        last.largest
    ));
    table.notes.push("the payout's entry in the due index is written beside them, for another unit or two.".to_owned());
    Ok(table)
}
