//! Payouts brought along: messages worked off, time turned to what is due.

use crate::{World, rail::AirtimeLedger, world::ENVIRONMENT};
use domain::{
    code::CodeText,
    payout::{Payout, State},
    time::{self, MINUTE_MS},
};
use providers::airtime::Airtime;
use std::sync::Arc;

impl World {
    /// Redeems the first code, the second one, …, each by a phone of its own.
    ///
    /// # Panics
    /// When one isn't redeemed.
    pub async fn redeem(&self, codes: usize) {
        for (n, code) in self.codes.iter().take(codes).enumerate() {
            let phone = format!("+25078800{n:04}");
            let answered = self.hop(&format!("redeem{n}"), &phone, &code.printed()).await;
            assert!(answered.body.starts_with("END "), "{answered:?}");
            assert!(self.payout(code).await.is_some(), "{answered:?}");
        }
    }

    /// A second rail, by airtime, for processes that start now. Its ledger says what was sent.
    pub fn second_rail(&mut self) -> AirtimeLedger {
        let ledger = AirtimeLedger::default();
        let (transport, keys) = (Arc::new(ledger.clone()), Arc::new(ledger.clone()));
        let airtime = Airtime::new(transport, keys, "http://airtime.test", ENVIRONMENT, "mbelyco");
        self.rail.second = Some(Arc::new(airtime));
        self.restart();
        ledger
    }

    /// # Panics
    /// When a sweep isn't whole.
    pub async fn sweep(&self) {
        Arc::clone(&self.functions.sweeper).sweep().await.expect("a whole sweep");
    }

    /// Works off what is on the queue, until nothing is.
    ///
    /// # Panics
    /// When a message has to come again.
    pub async fn work_off_payouts(&self) {
        loop {
            let messages = self.messages().await;
            if messages.is_empty() {
                return;
            }
            for message in messages {
                assert!(self.work(message).await, "a message comes again");
            }
        }
    }

    /// Turns time to whatever is due, for at most so many minutes, and works it off.
    pub async fn live_on(&self, minutes: i64) {
        let end = time::plus(self.now(), minutes * MINUTE_MS);
        self.work_off_payouts().await;
        while self.now() < end {
            let rows = self.rows().await;
            let next = rows.payouts.iter().filter_map(|(payout, _)| payout.shown_at()).min();
            let next = next.unwrap_or(end).max(time::plus(self.now(), 1_000)).min(end);
            self.advance(time::between(self.now(), next));
            self.sweep().await;
            self.work_off_payouts().await;
        }
    }

    /// # Panics
    /// When the code isn't redeemed.
    pub async fn payout_of(&self, n: usize) -> Payout {
        let code: &CodeText = &self.codes[n];
        self.payout(code).await.expect("a payout")
    }

    /// How many payouts are paid.
    pub async fn paid(&self) -> usize {
        let rows = self.rows().await;
        rows.payouts.iter().filter(|(payout, _)| matches!(payout.state, State::Paid { .. })).count()
    }
}
