//! Looking at the whole table, past the wire.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    alert::Alert,
    audit::Entry,
    batch::{Batch, Code, Run},
    customer::Customer,
    job::{Job, Notice},
    payout::Payout,
    redemption::Redemption,
    reversal::Reversal,
    ussd::PayeeCheck,
};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};
use store::Counted;

pub type Item = HashMap<String, AttributeValue>;

/// Every row, sorted by kind.
#[derive(Default)]
pub struct Rows {
    pub payouts: Vec<(Payout, Item)>,
    pub redemptions: Vec<Redemption>,
    pub codes: Vec<Code>,
    pub customers: Vec<Customer>,
    pub payee_checks: Vec<PayeeCheck>,
    pub audit: Vec<Entry>,
    pub alerts: Vec<Alert>,
    /// By the batch's id.
    pub counters: Vec<(String, Counted)>,
    pub batches: Vec<Batch>,
    pub runs: Vec<Run>,
    /// The texts of each strip, joined by spaces, by its run and its number.
    pub strips: BTreeMap<(String, u64), String>,
    pub jobs: Vec<(Job, Item)>,
    pub told: Vec<Notice>,
    /// What each month is counted to have issued.
    pub issued: BTreeMap<String, i64>,
    pub reversals: Vec<Reversal>,
    /// Payouts by state, as they were counted: `n_paid`, `a_paid`, …
    pub gauges: BTreeMap<String, i64>,
    /// What was sent, by month: `sent`, `d01`, …
    pub totals: BTreeMap<String, BTreeMap<String, i64>>,
    /// The ids of payouts in the list of those that wait for a person, and in the lists of days.
    pub attention: Vec<String>,
    pub listed: Vec<String>,
    /// In the lists of days on which they were settled.
    pub settled: Vec<String>,
    pub hops: usize,
    pub attempts: usize,
    pub notices: usize,
    pub all: usize,
}

fn read<T: DeserializeOwned>(item: &Item) -> T {
    serde_dynamo::from_item(item.clone()).expect("a row of ours")
}

pub fn text<'i>(item: &'i Item, name: &str) -> &'i str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

fn add_numbers(item: &Item, sums: &mut BTreeMap<String, i64>) {
    for (name, value) in item {
        if let Some(number) = value.as_n().ok().and_then(|text| text.parse::<i64>().ok()) {
            *sums.entry(name.clone()).or_default() += number;
        }
    }
}

/// # Panics
/// When the table can't be read or a row isn't ours.
pub async fn rows(client: &aws_sdk_dynamodb::Client, table: &str) -> Rows {
    let mut rows = Rows::default();
    let mut from = None;
    loop {
        let page = client
            .scan()
            .table_name(table)
            .consistent_read(true)
            .set_exclusive_start_key(from)
            .send()
            .await
            .expect("the table can be scanned");
        for item in page.items.unwrap_or_default() {
            rows.all += 1;
            let (pk, sk) = (text(&item, "pk").to_owned(), text(&item, "sk").to_owned());
            match (pk.split('#').next().unwrap_or_default(), sk.split('#').next().unwrap_or_default()) {
                ("REDEMPTION", "PAYOUT") => rows.payouts.push((read(&item), item)),
                ("REDEMPTION", "REVERSAL") => rows.reversals.push(read(&item)),
                ("REDEMPTION", _) => rows.redemptions.push(read(&item)),
                ("CODE", _) => rows.codes.push(read(&item)),
                ("CUSTOMER", "ACCOUNT") => {}
                ("CUSTOMER", "PAYEE") => rows.payee_checks.push(read(&item)),
                ("CUSTOMER", _) => rows.customers.push(read(&item)),
                ("GAUGE", _) => add_numbers(&item, &mut rows.gauges),
                ("TOTALS", _) => {
                    let mut days = BTreeMap::new();
                    add_numbers(&item, &mut days);
                    rows.totals.insert(sk["MONTH#".len()..].to_owned(), days);
                }
                // A row that has left the list stays until its time has come.
                ("PAYOUTS", _) if pk == "PAYOUTS#attention" && item.contains_key("expires_at") => {}
                ("PAYOUTS", _) if pk == "PAYOUTS#attention" => rows.attention.push(text(&item, "payout").to_owned()),
                ("PAYOUTS", _) if pk.starts_with("PAYOUTS#settled#") => {
                    rows.settled.push(text(&item, "payout").to_owned());
                }
                ("PAYOUTS", _) => rows.listed.push(text(&item, "payout").to_owned()),
                ("GATE" | "REFERENCE" | "BOOKS" | "FINDINGS", _) => {}
                ("AUD", _) => rows.audit.push(read(&item)),
                ("ALERT", _) => rows.alerts.push(read(&item)),
                ("COUNT", _) => rows.counters.push((pk["COUNT#".len()..].to_owned(), read(&item))),
                ("USSD", "HOP") => rows.hops += 1,
                ("USSD", "END") => rows.notices += 1,
                ("ATTEMPT", _) => rows.attempts += 1,
                ("BATCH", "BATCH") => rows.batches.push(read(&item)),
                ("BATCH", "RUN") => rows.runs.push(read(&item)),
                ("RUN", _) => {
                    let number = sk["STRIP#".len()..].parse().expect("a strip's number");
                    rows.strips.insert((pk["RUN#".len()..].to_owned(), number), text(&item, "codes").to_owned());
                }
                ("JOBS", _) => rows.jobs.push((read(&item), item)),
                ("USER", "NOTICE") => rows.told.push(read(&item)),
                ("BATCHES", "ISSUED") => {
                    let amount = item.get("amount").and_then(|value| value.as_n().ok()).and_then(|n| n.parse().ok());
                    rows.issued.insert(sk["ISSUED#".len()..].to_owned(), amount.unwrap_or_default());
                }
                ("BATCH" | "BATCHES" | "BATCHNAME" | "SWITCHES" | "SETTINGS", _) => {}
                ("JOB" | "JOBASKED" | "BUDGET", _) => {}
                // Staff: the API shows what these hold.
                ("STAFF" | "USER" | "EMAIL" | "STAFFPHONE" | "ROLES" | "CHANGES" | "MAIL", _) => {}
                ("SIGNIN" | "CALLS" | "CALL" | "AUDDAY" | "AUDSEAL", _) => {}
                (other, _) => panic!("a row of an unknown kind: {other}"),
            }
        }
        from = page.last_evaluated_key;
        if from.is_none() {
            return rows;
        }
    }
}
