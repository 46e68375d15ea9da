//! A simulator of MTN's MoMo disbursement API, with a ledger, faults and a clock that the caller turns.
//!
//! It keeps the one promise that the product builds on, a reference is paid at most once, and breaks every other:
//! answers get lost, lag, lie or never come, as set with [`Behaviour`] and [`Fault`]. Shapes are those of MTN's API.
//! Tests use [`Simulator::call`] without sockets; [`Simulator::router`] serves the same over HTTP, with controls
//! under `/_simulator`.

mod account;
mod answer;
mod api;
mod behaviour;
mod controls;
mod fault;
mod flight;
mod ledger;
mod sandbox;
mod serve;
mod settle;
mod state;
mod status;
mod transfer;

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::Request;
use serde::Serialize;

pub use crate::{
    answer::Reply,
    behaviour::{
        Behaviour, CallbackMethod, CallbackTiming, Outcome, ReasonShape, StatusAnswer, TokenAnswer, TransferAnswer,
    },
    fault::{Endpoint, Fault, FaultKind},
    flight::InFlightGuard,
    ledger::{Transfer, TransferState},
    settle::Callback,
};
use crate::{api::Handled, flight::Flights, ledger::Ledger, state::State};

/// The time as the simulator sees it, in unix milliseconds.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Who may call, and what the account holds.
#[derive(Debug, Clone)]
pub struct Config {
    /// The only currency accepted, such as `RWF`.
    pub currency: String,
    /// What `X-Target-Environment` must say, such as `sandbox`.
    pub target_environment: String,
    pub api_user: String,
    pub api_key: String,
    pub subscription_key: String,
    /// The float at first, in whole units of the currency; a ledger file that exists knows better.
    pub opening_balance: u64,
    /// JSON lines, written before an answer is given and read again by [`Simulator::new`]. It holds transfers, sends,
    /// the float and API users; tokens, behaviour and queued faults end with the process.
    pub ledger_file: Option<PathBuf>,
}

/// What one payee has received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wallet {
    /// Digits with the country code and without a plus.
    pub payee: String,
    /// The sum of its SUCCESSFUL transfers, in whole units of the currency.
    pub balance: u64,
}

/// A simulated MoMo. Clones share everything.
#[derive(Clone)]
pub struct Simulator {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    now: Now,
    state: Mutex<State>,
    flights: Flights,
}

impl Simulator {
    /// Starts with what the ledger file holds, if there is one.
    ///
    /// # Errors
    /// If the ledger file can't be read or written, or isn't a ledger.
    pub fn new(config: Config, now: Now) -> io::Result<Self> {
        let ledger = Ledger::open(config.opening_balance, config.ledger_file.as_deref())?;
        let inner = Inner { config, now, state: Mutex::new(State::new(ledger)), flights: Flights::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Answers one call of MTN's API. Nothing is awaited: the effect and the answer are there at the first poll.
    pub async fn call(&self, request: Request<Bytes>) -> Reply {
        self.handle(&request).reply
    }

    pub(crate) fn handle(&self, request: &Request<Bytes>) -> Handled {
        let now = self.now();
        let handled = api::handle(&mut self.state(), &self.inner.config, now, request);
        let status = match &handled.reply {
            Reply::Answer(answer) => answer.status().as_u16(),
            Reply::Hang => 0,
        };
        tracing::debug!(method = %request.method(), path = request.uri().path(), status, "simulated MoMo call");
        handled
    }

    /// MTN's API and the controls under `/_simulator`. A call that hangs holds its connection for 60 s and is then
    /// cut off. A callback that is to come before the answer has 1.5 s of head start. Bodies have at most 1 MiB.
    pub fn router(&self) -> axum::Router {
        serve::router(self.clone(), serve::HANG)
    }

    /// The ledger, oldest first.
    #[must_use]
    pub fn transfers(&self) -> Vec<Transfer> {
        let state = self.settled_state();
        state.ledger.rows().iter().map(|row| state.ledger.transfer(row)).collect()
    }

    /// How many transfer calls named this reference, whether or not anything was accepted.
    #[must_use]
    pub fn sends(&self, reference: &str) -> u32 {
        self.state().ledger.sends(&reference.to_ascii_lowercase())
    }

    /// The sum of all SUCCESSFUL transfers, in whole units of the currency.
    #[must_use]
    pub fn paid_total(&self) -> u64 {
        self.settled_state().ledger.rows().iter().filter(|row| is_paid(row)).map(|row| row.units).sum()
    }

    /// What each payee has received, the one paid most recently first.
    #[must_use]
    pub fn wallets(&self) -> Vec<Wallet> {
        let state = self.settled_state();
        let mut sums: HashMap<&str, (u64, Option<i64>)> = HashMap::new();
        for row in state.ledger.rows().iter().filter(|row| is_paid(row)) {
            let (sum, last) = sums.entry(&row.payee).or_default();
            *sum += row.units;
            *last = (*last).max(row.settled_at);
        }
        let mut wallets: Vec<_> = sums.into_iter().collect();
        wallets.sort_by(|(a, (_, a_last)), (b, (_, b_last))| b_last.cmp(a_last).then(a.cmp(b)));
        wallets.into_iter().map(|(payee, (balance, _))| Wallet { payee: payee.to_owned(), balance }).collect()
    }

    /// The float, in whole units of the currency.
    #[must_use]
    pub fn balance(&self) -> u64 {
        self.settled_state().ledger.balance()
    }

    /// Sets the float, in whole units of the currency.
    pub fn set_balance(&self, balance: u64) {
        if let Err(error) = self.settled_state().ledger.set_balance(balance) {
            api::unwritable(&error);
        }
    }

    /// How MoMo behaves from now on; see [`Behaviour`] for what earlier transfers keep.
    pub fn behave(&self, behaviour: Behaviour) {
        self.state().behave(behaviour);
    }

    /// How MoMo behaves now.
    #[must_use]
    pub fn behaviour(&self) -> Behaviour {
        self.state().behaviour().clone()
    }

    /// Queues faults behind those that wait: each call takes the first one that fits it.
    pub fn next(&self, faults: Vec<Fault>) {
        self.state().queue_faults(faults);
    }

    /// Takes out the callbacks whose time has come, oldest first; the caller makes them.
    #[must_use]
    pub fn due_callbacks(&self) -> Vec<Callback> {
        let now = self.now();
        self.settled_state().take_callbacks(now).unwrap_or_else(|error| {
            api::unwritable(&error);
            Vec::new()
        })
    }

    /// Lets everything settle whose time has come. Each call and each look at the ledger does so too.
    pub fn settle_due(&self) {
        drop(self.settled_state());
    }

    /// Marks one send of a reference as under way until the guard is dropped. The router does so by itself.
    pub fn in_flight(&self, reference: &str) -> InFlightGuard {
        self.inner.flights.begin(reference)
    }

    /// The highest number of sends of one reference that were under way at once.
    #[must_use]
    pub fn max_in_flight_per_reference(&self) -> usize {
        self.inner.flights.most()
    }

    /// Makes another key the only one that the configured API user has: tokens of the old one are refused from now on.
    pub fn set_api_key(&self, api_key: &str) {
        self.state().set_api_key(api_key.to_owned());
    }

    /// The shortest time between two sends of one reference, in milliseconds by the simulator's clock; `None` when none
    /// was sent twice. Calls that were refused at the door don't count.
    #[must_use]
    pub fn closest_sends_ms(&self) -> Option<i64> {
        self.state().closest_sends
    }

    fn now(&self) -> i64 {
        (self.inner.now)()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settled_state(&self) -> MutexGuard<'_, State> {
        let now = self.now();
        let mut state = self.state();
        if let Err(error) = state.settle_due(now) {
            api::unwritable(&error);
        }
        state
    }
}

fn is_paid(row: &ledger::Row) -> bool {
    row.state == TransferState::Successful
}
