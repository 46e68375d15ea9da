//! Sealing and retention of the audit log by the laptop's clock.
//!
//! Digests are signed with a key in the data folder. Whoever has the folder has the key, and can change entries and
//! seal them anew: the digests say `local, not tamper-proof`, and a verification repeats it.

use books::Books;
use domain::{money::Currency, seal::newest_due};
use files::Files;
use nightly::Nightly;
use seal::{LocalSigner, Log, Sealer};
use service::live::LiveSettings;
use std::{sync::Arc, time::Duration};
use store::Deadline;

const LOOK_EVERY: Duration = Duration::from_secs(60);
/// After the clock was turned by months, many hours are due: they are sealed bit by bit.
const BUDGET_MS: u64 = 20_000;

pub fn nightly(log: &Log, signer: LocalSigner, files: Files, currency: Currency) -> Nightly {
    Nightly {
        books: Books { store: log.store.clone(), files },
        sealer: Sealer { log: log.clone(), signer: Arc::new(signer), begin: None },
        settings: LiveSettings::default(),
        currency,
    }
}

/// Seals each hour when its time has come, and archives once a day.
pub async fn keep_sealing(nightly: Nightly) {
    let clock = nightly.sealer.log.clock.clone();
    let (mut sealed, mut retained) = (None, None);
    let mut every = tokio::time::interval(LOOK_EVERY);
    loop {
        every.tick().await;
        let due = newest_due(clock.now());
        if sealed == Some(due) {
            continue;
        }
        match Box::pin(nightly.seal(Deadline::in_ms(BUDGET_MS))).await {
            // Time was up before the newest hour; the next look goes on.
            Ok(hours) if hours.last().is_some_and(|last| last.digest.hour < due) => continue,
            Ok(_) => sealed = Some(due),
            // The function has told.
            Err(_) => continue,
        }
        if let Err(error) = Box::pin(nightly.keep_books(Deadline::in_ms(BUDGET_MS))).await {
            tracing::error!(%error, "the books could not be compared; it is tried again within the hour");
        }
        if retained != Some(due.day()) {
            match Box::pin(nightly.retain(Deadline::in_ms(BUDGET_MS))).await {
                Ok(_) => retained = Some(due.day()),
                Err(error) => tracing::error!(%error, "the audit log could not be archived; it is tried again"),
            }
        }
    }
}
