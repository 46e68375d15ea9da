//! One code's life: it is dialled, paid, asked about, and whatever dies on the way is taken up again.

use domain::{
    payout::{Payout, State},
    time::{self, MINUTE_MS, SECOND_MS},
};
use momo_simulator::Behaviour;
use rig::{
    Ended, Fault, Script, World,
    world::{CALLBACK_SECRET, Setup},
};
use std::{collections::HashSet, future::Future, pin::Pin};

const PHONE: &str = "+250788000001";
/// Rounds of messages, callbacks and sweeps until a life must have come to rest.
const MAX_ROUNDS: usize = 200;
/// The same in a life with faults, after which MoMo is healed: what follows is only the same question again.
const ROUNDS_WITH_FAULTS: usize = 24;

/// What one scenario came to.
pub struct Lived {
    /// The calls made until it was at rest, before MoMo was healed.
    pub calls: usize,
    pub broken: Vec<String>,
    /// `paid`, `refused`, `held`, …
    pub end: String,
}

type Frozen = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Life {
    world: World,
    frozen: Vec<Frozen>,
}

/// Lives one life with `faults` at the numbered calls, against a MoMo that behaves as told.
pub async fn live(behaviour: &Behaviour, faults: &[(usize, Fault)]) -> Lived {
    let script = Script::plan(faults.iter().copied());
    // Eight queries a sweep would only repeat each other; a query that fails is a sweep that did not happen.
    let quiet = |name: &str, _: &str| name == "Query";
    let world = World::start(Setup { script, quiet, ..Setup::default() }).await;
    world.simulator.behave(behaviour.clone());
    let mut life = Life { world, frozen: Vec::new() };

    let rounds = if faults.is_empty() { MAX_ROUNDS } else { ROUNDS_WITH_FAULTS };
    life.dial().await;
    life.rest(rounds).await;
    let calls = life.world.script.calls().len();
    life.thaw().await;
    life.rest(rounds).await;
    // MoMo is well again; what is held is asked about, and must end as MoMo says.
    life.world.script.heal();
    life.world.simulator.behave(Behaviour::default());
    for _ in 0..4 {
        if life.settled().await {
            break;
        }
        life.world.advance(25 * 60 * MINUTE_MS);
        life.sweep().await;
        life.rest(MAX_ROUNDS).await;
    }
    let mut broken = life.world.broken_money(true, &HashSet::new()).await;
    let code = life.world.codes.first().cloned().expect("a world has a code");
    let end = match life.world.payout(&code).await {
        Some(payout) => payout.state.name().to_owned(),
        None => {
            broken.push("the code was dialled again and again and never redeemed".to_owned());
            "lost".to_owned()
        }
    };
    Lived { calls, broken, end }
}

impl Life {
    /// Runs one function. `None` when it died or stands still; then new processes take its place.
    async fn run<T: Send + 'static>(&mut self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        match self.world.run(work).await {
            Ended::Answered(done) => return Some(done),
            Ended::Died => {}
            Ended::Stalled(frozen) => self.frozen.push(Box::pin(async move { drop(frozen.await) })),
        }
        self.world.restart();
        None
    }

    /// The customer dials until the code is redeemed: the gateway repeats a hop that got no answer, and people dial again.
    async fn dial(&mut self) {
        let code = self.world.codes.first().expect("a world has a code").printed();
        for (session, wait_ms) in
            [("s1", 0), ("s1", 3 * SECOND_MS), ("s2", 40 * SECOND_MS), ("s3", MINUTE_MS), ("s4", MINUTE_MS)]
        {
            self.world.advance(wait_ms);
            let hop = self.world.hop(session, PHONE, &code);
            if let Some(answered) = self.run(hop).await {
                assert_eq!(answered.status, 200, "a proven caller always gets 200: {answered:?}");
                let text = &answered.body;
                if text.starts_with("END Murakoze!") || text.contains("mwamaze kuyikoresha") {
                    return;
                }
                assert!(
                    text.contains("Twakiriye kode yanyu") || text.contains("ikibazo cya tekiniki"),
                    "neither redeemed nor trouble: {text}"
                );
            }
        }
    }

    /// Messages, callbacks and sweeps until nothing more happens by itself.
    async fn rest(&mut self, rounds: usize) {
        for _ in 0..rounds {
            let worked = self.messages().await;
            let hinted = self.callbacks().await;
            if worked || hinted {
                continue;
            }
            let Some(payout) = self.payout().await else { return };
            // A held payout is asked about for ever; a person is called, so nothing more is waited for.
            let open = !payout.state.is_end() && !matches!(payout.state, State::Held { .. });
            let Some(due) = payout.shown_at().filter(|_| open) else { return };
            let wait = time::between(self.world.now(), due).max(SECOND_MS);
            self.world.advance(wait);
            self.sweep().await;
        }
    }

    async fn payout(&mut self) -> Option<Payout> {
        self.world.payout(self.world.codes.first().expect("a world has a code")).await
    }

    async fn settled(&mut self) -> bool {
        self.payout().await.is_some_and(|payout| payout.state.is_end())
    }

    async fn messages(&mut self) -> bool {
        let messages = self.world.messages().await;
        let any = !messages.is_empty();
        for message in messages {
            let work = self.world.work(message.clone());
            if self.run(work).await != Some(true) {
                self.world.comes_again(message);
            }
        }
        any
    }

    async fn callbacks(&mut self) -> bool {
        self.world.simulator.settle_due();
        let callbacks = self.world.simulator.due_callbacks();
        let any = !callbacks.is_empty();
        for callback in callbacks {
            assert!(callback.url.ends_with(CALLBACK_SECRET), "callbacks go where we said");
            let path = format!("{}{CALLBACK_SECRET}", momo_callback_path());
            let hint = self.world.callback(callback.method, &path, callback.body.to_string().into_bytes());
            drop(self.run(hint).await);
        }
        any
    }

    async fn sweep(&mut self) {
        let sweeper = std::sync::Arc::clone(&self.world.functions.sweeper);
        let _swept = self.run(async move { sweeper.sweep().await.is_ok() }).await;
    }

    /// Whatever stood still goes on, long after its lease.
    async fn thaw(&mut self) {
        for frozen in std::mem::take(&mut self.frozen) {
            self.world.advance(2 * MINUTE_MS);
            self.world.script.resume.notify_one();
            frozen.await;
        }
    }
}

fn momo_callback_path() -> &'static str {
    "/api/v1/webhooks/momo/disbursements/"
}
