//! Payouts of some days as a table (`disbursements.export`), of the batches that the job's owner sees. Numbers of phones
//! are masked unless the table was asked for by somebody who might read customers.

use crate::{Export, GATHERED, LAST_STEPS, Made, Stop, hold::Hold};
use domain::{
    batch::Batch,
    job::{JobProblem, Work},
    payout::{Outside, Payout, State},
};
use sheets::csv::Writer;
use std::collections::HashSet;
use store::Deadline;
use tokio::time::Instant;

/// Payouts of one read.
const PAGE: usize = 800;
const PAGE_MS: u64 = 20_000;
/// Batches of one read.
const BATCHES: usize = 100;

const COLUMNS: [&str; 16] = [
    "payout",
    "batch",
    "customer",
    "amount",
    "currency",
    "payee",
    "status",
    "why",
    "redeemed at",
    "sends",
    "references",
    "transaction",
    "settled at",
    "receipt",
    "urgent",
    "provider",
];

impl Export {
    pub(crate) async fn make_payouts(&self, hold: &mut Hold<'_>) -> Result<Made, Stop> {
        let Work::ExportPayouts { from, to, status, batch_id, whole_numbers } = hold.job.work.clone() else {
            return Err(Stop::Lost);
        };
        let behalf = hold.look().await?;
        let own = if behalf.assigned_only() { Some(self.own_batches(hold).await?) } else { None };
        let settings = self.settings_in_force().await?;
        let began = self.clock.now();
        let stamp = settings.zone().to_datetime(began).strftime("%Y%m%d-%H%M%S").to_string();
        let name = format!("payouts-{from}-{to}-{stamp}.csv");
        let key = files::result_key(&hold.job.id, hold.life, &name);
        let mut upload = self.files.upload(key, &name, "text/csv; charset=utf-8");
        let wanted = |payout: &Payout| {
            status.is_none_or(|status| payout.state.outside() == status)
                && batch_id.as_ref().is_none_or(|batch| payout.batch_id == *batch)
                && own.as_ref().is_none_or(|own| own.contains(&payout.batch_id))
        };
        let mut written = 0;
        let wrote: Result<(), Stop> = async {
            let mut table = Writer::new(&COLUMNS);
            let mut position: Option<String> = None;
            loop {
                let deadline = Deadline::in_ms(PAGE_MS);
                let page = self.store.payouts((from, to), position.as_deref(), PAGE, wanted, deadline).await?;
                for payout in &page.items {
                    table.row(&row(payout, whole_numbers, &settings.zone()));
                    written += 1;
                }
                if table.ready() >= GATHERED {
                    upload.write(table.take()).await?;
                }
                hold.beat(written, 0).await?;
                if Instant::now() + LAST_STEPS > hold.until {
                    let text = "there are too many payouts for one table; take fewer days";
                    return Err(Stop::Failed(JobProblem::new("too_large", text)));
                }
                position = page.next;
                if position.is_none() {
                    upload.write(table.take()).await?;
                    return Ok(());
                }
            }
        }
        .await;
        if let Err(stop) = wrote {
            upload.abort().await;
            return Err(stop);
        }
        let file = upload.finish().await?;
        let facts = vec![
            ("from", from.to_string()),
            ("to", to.to_string()),
            ("file", file.name.clone()),
            ("sha256", file.sha256.clone()),
        ];
        Ok(Made { files: vec![file], count: written, facts, print: None })
    }

    /// All batches of an owner who sees no others.
    async fn own_batches(&self, hold: &Hold<'_>) -> Result<HashSet<String>, Stop> {
        let mut own = HashSet::new();
        let mut position = None;
        loop {
            let deadline = Deadline::in_ms(PAGE_MS);
            let listed =
                self.store.batches(true, position, BATCHES, |batch: &Batch| hold.sees(batch), deadline).await?;
            own.extend(listed.items.into_iter().map(|batch| batch.id));
            position = listed.next.and_then(|number| number.parse().ok());
            if position.is_none() {
                return Ok(own);
            }
        }
    }
}

fn row(payout: &Payout, whole_numbers: bool, zone: &jiff::tz::TimeZone) -> [String; 16] {
    let at = |at: jiff::Timestamp| zone.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let (why, settled, receipt) = match &payout.state {
        State::Held { why, .. } => (why.name().to_owned(), String::new(), String::new()),
        State::Refused { reason, .. } => (reason.clone(), String::new(), String::new()),
        State::Cancelled { why, .. } => (why.clone(), String::new(), String::new()),
        State::Paid { at: paid } => (String::new(), at(*paid), String::new()),
        State::Settled { at: settled, receipt } => ("by other means".to_owned(), at(*settled), receipt.clone()),
        State::Queued { .. }
        | State::Sending { .. }
        | State::Submitted { .. }
        | State::Retrying { .. }
        | State::AwaitingApproval { .. } => (String::new(), String::new(), String::new()),
    };
    let references: Vec<&str> = payout.attempts.iter().map(|attempt| attempt.reference.as_str()).collect();
    let sends: u32 = payout.attempts.iter().map(|attempt| u32::from(attempt.sends)).sum();
    [
        payout.id.to_string(),
        payout.batch_id.clone(),
        payout.customer.as_str().to_owned(),
        payout.money.amount.to_string(),
        payout.money.currency.code().to_owned(),
        if whole_numbers { payout.payee.e164().to_owned() } else { payout.payee.masked() },
        Outside::name(payout.state.outside()).to_owned(),
        why,
        at(payout.created_at),
        sends.to_string(),
        references.join(" "),
        payout.attempts.iter().rev().find_map(|attempt| attempt.transaction.clone()).unwrap_or_default(),
        settled,
        receipt,
        payout.hands.urgent.clone().unwrap_or_default(),
        payout.attempt().map(|attempt| attempt.rail.provider.clone()).unwrap_or_default(),
    ]
}
