//! What a redemption is measured beside: its own transaction, sent with nothing around it.

use crate::{Result, recorded};
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, Put, TransactWriteItem, Update},
};
use domain::code::CodeText;
use serde_json::Value;
use std::collections::HashMap;

type Item = HashMap<String, AttributeValue>;

/// Redemptions that one phone makes, and so how often one customer row is replaced.
pub const PER_CUSTOMER: u64 = 4;
pub const ITEMS: usize = 9;

/// One piece of work, the same for a redemption and for a bare transaction.
#[derive(Clone)]
pub struct Job {
    /// No two jobs have the same.
    pub number: u64,
    pub code: CodeText,
}

/// A redemption's items, ready to be sent again under fresh keys.
pub struct Bare {
    client: Client,
    items: Vec<TransactWriteItem>,
    pub bytes: usize,
}

fn item(value: &Value) -> Result<Item> {
    Ok(serde_json::from_value::<serde_dynamo::Item>(value.clone())?.into())
}

fn words(value: &Value) -> Option<HashMap<String, String>> {
    let pairs = value.as_object()?.iter();
    Some(pairs.filter_map(|(name, word)| Some((name.clone(), word.as_str()?.to_owned()))).collect())
}

fn optional(value: &Value) -> Result<Option<Item>> {
    if value.is_null() { Ok(None) } else { item(value).map(Some) }
}

impl Bare {
    /// From the body of a redemption's request.
    ///
    /// # Errors
    /// When a redemption is no longer what this comparison knows.
    pub fn of(client: Client, request: &Value) -> Result<Self> {
        let mut items = Vec::with_capacity(ITEMS);
        for action in recorded::list(request, "TransactItems") {
            let action_of = |name: &str| action.get(name);
            let built = TransactWriteItem::builder();
            items.push(match (action_of("Put"), action_of("Update")) {
                (Some(put), None) => built
                    .put(
                        Put::builder()
                            .set_table_name(put["TableName"].as_str().map(str::to_owned))
                            .set_item(Some(item(&put["Item"])?))
                            .set_condition_expression(put["ConditionExpression"].as_str().map(str::to_owned))
                            .set_expression_attribute_values(optional(&put["ExpressionAttributeValues"])?)
                            .build()?,
                    )
                    .build(),
                (None, Some(update)) => built
                    .update(
                        Update::builder()
                            .set_table_name(update["TableName"].as_str().map(str::to_owned))
                            .set_key(Some(item(&update["Key"])?))
                            .set_update_expression(update["UpdateExpression"].as_str().map(str::to_owned))
                            .set_expression_attribute_names(words(&update["ExpressionAttributeNames"]))
                            .set_expression_attribute_values(optional(&update["ExpressionAttributeValues"])?)
                            .build()?,
                    )
                    .build(),
                (Some(_), Some(_)) | (None, None) => return Err("a redemption does more than put and update".into()),
            });
        }
        let mut kinds: Vec<&str> = items.iter().map(kind).collect();
        kinds.sort_unstable();
        if kinds != ["AUD", "CODE", "COUNT", "CUSTOMER", "GAUGE", "PAYOUTS", "REDEMPTION", "REDEMPTION", "USSD"] {
            return Err(format!("a redemption now writes {kinds:?}; this comparison doesn't know that").into());
        }
        Ok(Self { client, items, bytes: request.to_string().len() })
    }

    /// Sends the transaction for this job and waits until it is applied.
    pub async fn send(&self, job: &Job) -> Result<()> {
        let items = self.items.iter().map(|item| fresh(item, job)).collect();
        self.client
            .transact_write_items()
            .set_transact_items(Some(items))
            .client_request_token(format!("{:032x}", job.number))
            .send()
            .await
            .map_err(|error| format!("a bare transaction was refused: {:?}", error.into_service_error()))?;
        Ok(())
    }
}

fn text<'i>(item: &'i Item, name: &str) -> &'i str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

fn kind(item: &TransactWriteItem) -> &str {
    let key = item.put.as_ref().map(|put| &put.item).or_else(|| item.update.as_ref().map(|update| &update.key));
    key.and_then(|key| text(key, "pk").split('#').next()).unwrap_or_default()
}

fn set(item: &mut Item, name: &str, value: String) {
    item.insert(name.to_owned(), AttributeValue::S(value));
}

/// The same length with another end.
fn stamped(text: &str, number: u64) -> String {
    let stamp = format!("{number:012x}");
    format!("{}{stamp}", &text[..text.len().saturating_sub(stamp.len())])
}

fn fresh(template: &TransactWriteItem, job: &Job) -> TransactWriteItem {
    let kind = kind(template);
    let mut fresh = template.clone();
    if let Some(put) = &mut fresh.put {
        match kind {
            "CODE" => set(&mut put.item, "pk", format!("CODE#{}", job.code.as_str())),
            "CUSTOMER" => customer(put, job),
            "AUD" | "PAYOUTS" => {
                let sk = stamped(text(&put.item, "sk"), job.number);
                set(&mut put.item, "sk", sk);
            }
            // The payout, the redemption, the hop.
            _ => {
                let pk = stamped(text(&put.item, "pk"), job.number);
                set(&mut put.item, "pk", pk);
            }
        }
    }
    if let Some(update) = &mut fresh.update {
        let sk = text(&update.key, "sk");
        let shard = format!("{}{:02}", &sk[..sk.len().saturating_sub(2)], job.number % u64::from(store::keys::SHARDS));
        set(&mut update.key, "sk", shard);
    }
    fresh
}

/// A customer's first redemption makes the row, the next ones replace the version that they read.
fn customer(put: &mut Put, job: &Job) {
    let (customer, read) = (job.number / PER_CUSTOMER, job.number % PER_CUSTOMER);
    let pk = stamped(text(&put.item, "pk"), customer);
    set(&mut put.item, "pk", pk);
    put.item.insert("version".to_owned(), AttributeValue::N((read + 1).to_string()));
    if read == 0 {
        put.condition_expression = Some("attribute_not_exists(pk)".to_owned());
        put.expression_attribute_values = None;
    } else {
        put.condition_expression = Some("version = :read".to_owned());
        put.expression_attribute_values =
            Some(HashMap::from([(":read".to_owned(), AttributeValue::N(read.to_string()))]));
    }
}
