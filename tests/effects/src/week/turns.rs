//! Time passing: hops, messages, callbacks and sweeps, one after the other.

use super::{Trouble, Week, trouble};
use aws_lambda_events::event::sqs::SqsMessage;
use domain::time::{self, HOUR_MS, MINUTE_MS, SECOND_MS};
use jiff::Timestamp;
use rig::{
    Ended,
    world::{CALLBACK_SECRET, VISIBILITY_MS},
};
use std::{future::Future, pin::Pin, sync::Arc};

/// Rounds of messages and callbacks before time goes on.
const ROUNDS: usize = 4;

/// A worker that stands still past its lease.
pub struct Frozen {
    until: Timestamp,
    work: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Week {
    /// New processes; after a restore they carry the new epoch.
    pub(super) fn restart(&mut self) {
        self.world.restart();
        let (functions, epoch) = (&mut self.world.functions, self.epoch.to_string());
        Arc::get_mut(&mut functions.ussd).expect("nobody else holds it yet").epoch.clone_from(&epoch);
        Arc::get_mut(&mut functions.disbursement).expect("nobody else holds it yet").epoch = epoch;
    }

    /// Runs one function. `None` when it died; then new processes take its place.
    async fn run<T: Send + 'static>(&mut self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        match self.world.run(work).await {
            Ended::Answered(done) => Some(done),
            Ended::Died | Ended::Stalled(_) => {
                self.count("death");
                self.restart();
                None
            }
        }
    }

    pub(super) async fn dial(&mut self, code: usize, phone: usize, session: &str) {
        let typed = self.world.codes[code].printed();
        let hop = self.world.hop(session, &format!("+2507880000{phone:02}"), &typed);
        self.count("dial");
        let Some(answered) = self.run(hop).await else { return };
        if answered.status != 200 {
            self.broken.push(format!("a hop of code {code} is answered {}", answered.status));
        }
        if answered.body.starts_with("END Murakoze!") && self.promised.insert(code) {
            self.tell(&format!("code {code} is redeemed by phone {phone}"));
        }
    }

    /// When the next payout is due; in calm also those that have ended and are asked about once more.
    pub(super) async fn next_due(&mut self) -> Option<Timestamp> {
        let calm = self.calm;
        let shown = self.world.shown().await;
        shown.into_iter().find(|shown| !shown.ended || calm).map(|shown| shown.at)
    }

    /// Time goes on until `at`, from one due time to the next.
    pub(super) async fn until(&mut self, at: Timestamp) {
        loop {
            let now = self.world.now();
            if now >= at {
                return;
            }
            // Not each one by itself: a sweep looks at many.
            let together = *self.dice.pick(&[0, 10 * MINUTE_MS, HOUR_MS, 4 * HOUR_MS, 12 * HOUR_MS]);
            let due = self.next_due().await.map(|due| time::plus(due.max(now), together + SECOND_MS));
            let sweeps = due.is_some_and(|due| due <= at);
            let mut next = due.filter(|_| sweeps).unwrap_or(at);
            if let Some(frozen) = self.frozen.as_ref().filter(|frozen| frozen.until <= next) {
                next = frozen.until.max(now);
            }
            self.world.advance(time::between(now, next));
            self.thaw().await;
            if sweeps {
                self.sweep().await;
            }
            self.work().await;
        }
    }

    pub(super) async fn sweep(&mut self) {
        let sweeper = Arc::clone(&self.world.functions.sweeper);
        let _swept = self.run(async move { sweeper.sweep().await.is_ok() }).await;
        self.count("sweep");
    }

    /// Messages and callbacks that are there now. Some wait, some come twice.
    pub(super) async fn work(&mut self) {
        for _ in 0..ROUNDS {
            self.collect().await;
            let called = self.callbacks().await;
            if self.waiting.is_empty() && !called {
                return;
            }
            for _ in 0..self.waiting.len() {
                let at = self.dice.below(self.waiting.len());
                let message = self.waiting.swap_remove(at);
                if !self.calm && self.dice.one_in(12) {
                    self.count("message late");
                    self.waiting.push(message);
                    continue;
                }
                if !self.calm && self.dice.one_in(15) {
                    self.count("message twice");
                    self.waiting.push(message.clone());
                }
                self.message(message).await;
            }
        }
    }

    /// Takes what has come onto the queue, in an order that doesn't depend on it.
    async fn collect(&mut self) {
        let now = self.world.now();
        let again = self.again.iter().any(|at| *at <= now);
        if !std::mem::take(&mut self.weather.failing().message) && !again {
            return;
        }
        self.again.retain(|at| *at > now);
        let mut came = self.world.messages().await;
        came.sort_by(|a, b| a.body.cmp(&b.body));
        self.waiting.extend(came);
    }

    async fn message(&mut self, message: SqsMessage) {
        if !self.calm {
            let lasting: Vec<Trouble> = self.lasting.iter().copied().collect();
            self.world.simulator.behave(trouble::behaviour(&lasting, &mut self.dice));
            self.weather.failing().stalls = self.frozen.is_none() && self.lasting.contains(&Trouble::Stalls);
        }
        let work = self.world.work(message.clone());
        let ended = self.world.run(work).await;
        self.weather.failing().stalls = false;
        match ended {
            Ended::Answered(true) => return,
            Ended::Answered(false) => self.count("message again"),
            Ended::Died => {
                self.count("death");
                self.restart();
            }
            Ended::Stalled(work) => {
                let until = time::plus(self.world.now(), 61 * SECOND_MS + self.dice.between(0, 3 * MINUTE_MS));
                self.frozen = Some(Frozen {
                    until,
                    work: Box::pin(async move {
                        let _done = work.await;
                    }),
                });
                self.count("stall");
                self.restart();
            }
        }
        if self.calm {
            self.broken.push("a message is not finished, and nothing fails any more".to_owned());
        }
        self.again.push(time::plus(self.world.now(), VISIBILITY_MS));
        self.world.comes_again(message);
    }

    /// Whoever stood still goes on, past its lease.
    async fn thaw(&mut self) {
        let now = self.world.now();
        let Some(frozen) = self.frozen.take_if(|frozen| frozen.until <= now) else { return };
        self.world.script.resume.notify_one();
        let _done = self.run(frozen.work).await;
    }

    async fn callbacks(&mut self) -> bool {
        self.world.simulator.settle_due();
        let callbacks = self.world.simulator.due_callbacks();
        let any = !callbacks.is_empty();
        for callback in callbacks {
            if self.lasting.contains(&Trouble::CallbacksLost) && !self.dice.one_in(4) {
                continue;
            }
            let path = format!("/api/v1/webhooks/momo/disbursements/{CALLBACK_SECRET}");
            let twice = self.lasting.contains(&Trouble::CallbacksTwice);
            for _ in 0..=usize::from(twice) {
                let hint = self.world.callback(callback.method, &path, callback.body.to_string().into_bytes());
                self.count("callback");
                let _answered = self.run(hint).await;
            }
        }
        any
    }
}
