//! The table as it was at an earlier moment, and what its index says is due.

use crate::{
    World,
    table::{Item, text},
};
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, PutRequest, WriteRequest};
use domain::{identity::RedemptionId, time};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};

/// Requests of one write of a batch, as DynamoDB limits them.
const AT_ONCE: usize = 25;

/// Every row at one moment.
pub struct Copy(HashMap<(String, String), Item>);

/// A payout that the due index shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub payout: RedemptionId,
    pub at: Timestamp,
    /// It has ended and is only asked about once more.
    pub ended: bool,
}

fn key(item: &Item) -> (String, String) {
    (text(item, "pk").to_owned(), text(item, "sk").to_owned())
}

impl World {
    /// Every row as it is stored, past the wire.
    ///
    /// # Panics
    /// When the table can't be read.
    pub async fn items(&self) -> Vec<Item> {
        let mut items = Vec::new();
        let mut from = None;
        loop {
            let call = self.dynamodb().scan().table_name(&self.names.table).consistent_read(true);
            let page = call.set_exclusive_start_key(from).send().await.expect("the table can be scanned");
            items.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key;
            if from.is_none() {
                return items;
            }
        }
    }

    pub async fn copied(&self) -> Copy {
        Copy(self.items().await.into_iter().map(|item| (key(&item), item)).collect())
    }

    /// The whole table as it was: what was written since then is gone, what was taken out is back.
    ///
    /// # Panics
    /// When the table can't be written.
    pub async fn put_back(&self, copy: &Copy) {
        let now: HashMap<(String, String), Item> =
            self.items().await.into_iter().map(|item| (key(&item), item)).collect();
        let known: HashSet<&(String, String)> = copy.0.keys().collect();
        let gone = now.iter().filter(|(key, _)| !known.contains(key)).map(|(_, item)| {
            let key = ["pk", "sk"].map(|name| (name.to_owned(), AttributeValue::S(text(item, name).to_owned())));
            let delete = DeleteRequest::builder().set_key(Some(HashMap::from(key))).build().expect("a key");
            WriteRequest::builder().delete_request(delete).build()
        });
        let back = copy.0.iter().filter(|(key, item)| now.get(key) != Some(item)).map(|(_, item)| {
            let put = PutRequest::builder().set_item(Some(item.clone())).build().expect("a row");
            WriteRequest::builder().put_request(put).build()
        });
        let writes: Vec<WriteRequest> = gone.chain(back).collect();
        for some in writes.chunks(AT_ONCE) {
            let call = self.dynamodb().batch_write_item().request_items(&self.names.table, some.to_vec());
            let left = call.send().await.expect("the table can be written").unprocessed_items;
            assert!(left.is_none_or(|left| left.is_empty()), "the embedded table leaves nothing unprocessed");
        }
    }

    /// Payouts in the due index, past the wire, the first one first.
    ///
    /// # Panics
    /// When the index can't be read.
    pub async fn shown(&self) -> Vec<Shown> {
        let mut shown = Vec::new();
        let mut from = None;
        loop {
            let call = self.dynamodb().scan().table_name(&self.names.table).index_name("due");
            let page = call.set_exclusive_start_key(from).send().await.expect("the index can be scanned");
            for item in page.items.unwrap_or_default() {
                let Some(id) = text(&item, "pk").strip_prefix("REDEMPTION#") else { continue };
                let at = item.get("due_at").and_then(|at| at.as_n().ok()).and_then(|at| at.parse().ok());
                shown.push(Shown {
                    payout: RedemptionId::parse(id).expect("an id of ours"),
                    at: time::from_millis(at.expect("a time")),
                    ended: text(&item, "due_key").starts_with("DUE#recheck#"),
                });
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                shown.sort_by(|a, b| (a.at, a.payout.as_str()).cmp(&(b.at, b.payout.as_str())));
                return shown;
            }
        }
    }
}
