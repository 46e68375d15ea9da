//! All that changes in a simulator, behind one lock.

use std::collections::{HashMap, VecDeque};

use crate::{
    behaviour::{Behaviour, StatusAnswer, TokenAnswer},
    fault::{Endpoint, Fault, FaultKind},
    ledger::Ledger,
};

/// Tokens kept before the expired ones are cleared out.
const TOKENS_KEPT: usize = 1000;

pub(crate) struct Token {
    pub api_user: String,
    /// Unix milliseconds.
    pub expires_at: i64,
}

pub(crate) struct State {
    pub ledger: Ledger,
    behaviour: Behaviour,
    faults: VecDeque<Fault>,
    tokens: HashMap<String, Token>,
    tokens_issued: u64,
    /// The next use of a token is refused and ends that token.
    expire_next_use: bool,
    pub callbacks_planned: u64,
    transactions: u64,
    /// Row → how it is asked about, for rows sent under a behaviour that has run out since.
    kept_status_answers: HashMap<usize, StatusAnswer>,
    /// In place of the configured one.
    api_key: Option<String>,
    /// Reference → when a transfer call last named it, in unix milliseconds.
    sent_at: HashMap<String, i64>,
    /// The shortest time between two transfer calls of one reference, in milliseconds.
    pub closest_sends: Option<i64>,
}

impl State {
    pub fn new(ledger: Ledger) -> Self {
        let transactions = ledger.rows().iter().filter(|row| row.financial_transaction_id.is_some()).count() as u64;
        Self {
            ledger,
            behaviour: Behaviour::default(),
            faults: VecDeque::new(),
            tokens: HashMap::new(),
            tokens_issued: 0,
            expire_next_use: false,
            callbacks_planned: 0,
            transactions,
            kept_status_answers: HashMap::new(),
            api_key: None,
            sent_at: HashMap::new(),
            closest_sends: None,
        }
    }

    /// The key that the configured API user proves itself with.
    pub fn api_key<'s>(&'s self, configured: &'s str) -> &'s str {
        self.api_key.as_deref().unwrap_or(configured)
    }

    /// A new key; whatever the old one has opened is closed.
    pub fn set_api_key(&mut self, api_key: String) {
        self.api_key = Some(api_key);
        self.tokens.clear();
    }

    /// Notes a transfer call that has passed the door.
    pub fn note_send(&mut self, reference: &str, now: i64) {
        if let Some(before) = self.sent_at.insert(reference.to_owned(), now) {
            let apart = now.saturating_sub(before);
            self.closest_sends = Some(self.closest_sends.map_or(apart, |closest| closest.min(apart)));
        }
    }

    pub fn behave(&mut self, behaviour: Behaviour) {
        self.kept_status_answers.clear();
        self.expire_next_use = behaviour.token_answer == TokenAnswer::ExpiredAtOnce;
        self.behaviour = if behaviour.remaining == Some(0) { Behaviour::default() } else { behaviour };
    }

    pub fn behaviour(&self) -> &Behaviour {
        &self.behaviour
    }

    /// The behaviour for one transfer call; counts it if the behaviour is for a number of them.
    pub fn behaviour_for_transfer(&mut self) -> Behaviour {
        let current = self.behaviour.clone();
        match current.remaining {
            Some(0 | 1) => self.behaviour = Behaviour::default(),
            Some(left) => self.behaviour.remaining = Some(left - 1),
            None => {}
        }
        current
    }

    pub fn keep_status_answer(&mut self, row: usize, answer: StatusAnswer) {
        self.kept_status_answers.insert(row, answer);
    }

    pub fn status_answer(&self, row: Option<usize>) -> StatusAnswer {
        row.and_then(|row| self.kept_status_answers.get(&row)).copied().unwrap_or(self.behaviour.status_answer)
    }

    pub fn queue_faults(&mut self, faults: Vec<Fault>) {
        self.faults.extend(faults);
    }

    pub fn faults_queued(&self) -> usize {
        self.faults.len()
    }

    /// The first queued fault that fits the call.
    pub fn take_fault(&mut self, endpoint: Endpoint) -> Option<FaultKind> {
        let place = self.faults.iter().position(|fault| fault.endpoint.is_none_or(|at| at == endpoint))?;
        self.faults.remove(place).map(|fault| fault.kind)
    }

    pub fn issue_token(&mut self, api_user: &str, now: i64, expires_at: i64) -> String {
        if self.tokens.len() >= TOKENS_KEPT {
            self.tokens.retain(|_, token| token.expires_at > now);
        }
        self.tokens_issued += 1;
        let text = format!("simulated.{api_user}.{now}.{}", self.tokens_issued);
        self.tokens.insert(text.clone(), Token { api_user: api_user.to_owned(), expires_at });
        text
    }

    /// Whose token this is, if it is good now.
    pub fn token_user(&mut self, token: &str, now: i64) -> Option<String> {
        if self.tokens.contains_key(token) && std::mem::take(&mut self.expire_next_use) {
            self.tokens.remove(token);
            return None;
        }
        self.tokens.get(token).filter(|token| token.expires_at > now).map(|token| token.api_user.clone())
    }

    /// MTN's own number for a settled transfer.
    pub fn new_transaction_id(&mut self) -> String {
        self.transactions += 1;
        format!("{}", 1_000_000_000 + self.transactions)
    }
}
