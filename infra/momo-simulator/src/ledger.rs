//! What MoMo knows: transfers, the float, API users. Kept in memory and, if asked, in a file of JSON lines.

use std::{
    collections::{BTreeSet, HashMap},
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::behaviour::{CallbackMethod, CallbackTiming, ReasonShape};

/// The states of a transfer, as MTN spells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TransferState {
    Pending,
    Successful,
    Failed,
    Created,
}

impl TransferState {
    /// MTN's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Successful => "SUCCESSFUL",
            Self::Failed => "FAILED",
            Self::Created => "CREATED",
        }
    }
}

/// One line of the ledger as shown to people and tests. Times are unix milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    pub reference: String,
    /// Digits with the country code and without a plus.
    pub payee: String,
    /// As it was sent.
    pub amount: String,
    pub currency: String,
    pub external_id: String,
    pub state: TransferState,
    /// MTN's code, for a FAILED one.
    pub reason: Option<String>,
    pub api_user: String,
    /// How many transfer calls named this reference, the refused ones and those that timed out included.
    pub sends: u32,
    pub accepted_at: i64,
    pub settled_at: Option<i64>,
    pub financial_transaction_id: Option<String>,
}

/// A transfer with everything the simulator needs to finish it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub reference: String,
    pub api_user: String,
    pub payee: String,
    pub amount: String,
    /// The amount in whole units of the currency.
    pub units: u64,
    pub currency: String,
    pub external_id: String,
    pub payer_message: String,
    pub payee_note: String,
    pub callback_url: Option<String>,
    pub state: TransferState,
    pub reason: Option<String>,
    pub accepted_at: i64,
    pub settled_at: Option<i64>,
    pub financial_transaction_id: Option<String>,
    pub plan: Plan,
    /// Callbacks not yet made.
    pub callbacks: Vec<DueCallback>,
}

/// What is to become of a transfer, fixed when it is accepted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Absent: it stays as it is for ever.
    pub settle_at: Option<i64>,
    /// The reason it fails with; absent: it succeeds if the float allows.
    pub fails_with: Option<String>,
    pub late_success_ms: Option<u64>,
    pub reason_shape: ReasonShape,
    pub forget_at: Option<i64>,
    pub callback: CallbackTiming,
    pub callback_method: CallbackMethod,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DueCallback {
    pub at: i64,
    pub post: bool,
}

/// An API user: its key, once made, and the host its callbacks must have.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ApiUser {
    pub id: String,
    pub key: Option<String>,
    pub callback_host: Option<String>,
}

/// One line of the file. The last line about a thing is what holds.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Transfer { row: Box<Row>, balance: u64 },
    Sent { reference: String },
    Balance { balance: u64 },
    ApiUser(ApiUser),
}

#[derive(Default)]
pub(crate) struct Ledger {
    rows: Vec<Row>,
    /// Reference → API user → index of its row: references are scoped to the API user.
    by_reference: HashMap<String, HashMap<String, usize>>,
    sends: HashMap<String, u32>,
    balance: u64,
    users: HashMap<String, ApiUser>,
    /// (time, row) of what will settle.
    pub(crate) settling: BTreeSet<(i64, usize)>,
    /// (time, row) of callbacks to make.
    pub(crate) calling: BTreeSet<(i64, usize)>,
    file: Option<File>,
}

impl Ledger {
    /// Reads what an earlier run left. A last line that breaks off was never answered for and is cut away.
    ///
    /// # Errors
    /// If the file can't be read or written, or if a line other than the last isn't the ledger's.
    pub fn open(opening_balance: u64, path: Option<&Path>) -> io::Result<Self> {
        let mut ledger = Self { balance: opening_balance, ..Self::default() };
        let Some(path) = path else { return Ok(ledger) };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let mut text = Vec::new();
        io::Read::read_to_end(&mut file, &mut text)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        for line in text[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            ledger.replay(serde_json::from_slice(line)?);
        }
        file.set_len(whole as u64)?;
        file.flush()?;
        ledger.file = Some(file);
        Ok(ledger)
    }

    fn replay(&mut self, line: Line) {
        match line {
            Line::Transfer { row, balance } => {
                self.place(*row);
                self.balance = balance;
            }
            Line::Sent { reference } => *self.sends.entry(reference).or_default() += 1,
            Line::Balance { balance } => self.balance = balance,
            Line::ApiUser(user) => {
                self.users.insert(user.id.clone(), user);
            }
        }
    }

    fn append(&mut self, line: &Line) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        file.write_all(&text)?;
        file.flush()
    }

    fn place(&mut self, row: Row) -> usize {
        let index = self.find(&row.reference, &row.api_user).unwrap_or(self.rows.len());
        if let Some(old) = self.rows.get(index) {
            if let Some(at) = old.plan.settle_at {
                self.settling.remove(&(at, index));
            }
            for due in &old.callbacks {
                self.calling.remove(&(due.at, index));
            }
        } else {
            self.by_reference.entry(row.reference.clone()).or_default().insert(row.api_user.clone(), index);
        }
        if let Some(at) = row.plan.settle_at {
            self.settling.insert((at, index));
        }
        for due in &row.callbacks {
            self.calling.insert((due.at, index));
        }
        if index == self.rows.len() {
            self.rows.push(row);
        } else {
            self.rows[index] = row;
        }
        index
    }

    /// Writes a row, new or changed, together with the float it leaves; nothing changes if the file refuses.
    pub fn put(&mut self, row: Row, balance: u64) -> io::Result<usize> {
        let line = Line::Transfer { row: Box::new(row), balance };
        self.append(&line)?;
        let Line::Transfer { row, balance } = line else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        self.balance = balance;
        Ok(self.place(*row))
    }

    pub fn count_send(&mut self, reference: &str) -> io::Result<()> {
        self.append(&Line::Sent { reference: reference.to_owned() })?;
        *self.sends.entry(reference.to_owned()).or_default() += 1;
        Ok(())
    }

    pub fn set_balance(&mut self, balance: u64) -> io::Result<()> {
        self.append(&Line::Balance { balance })?;
        self.balance = balance;
        Ok(())
    }

    pub fn put_user(&mut self, user: ApiUser) -> io::Result<()> {
        let line = Line::ApiUser(user);
        self.append(&line)?;
        self.replay(line);
        Ok(())
    }

    pub fn find(&self, reference: &str, api_user: &str) -> Option<usize> {
        self.by_reference.get(reference)?.get(api_user).copied()
    }

    pub fn row(&self, index: usize) -> Option<&Row> {
        self.rows.get(index)
    }

    pub fn user(&self, id: &str) -> Option<&ApiUser> {
        self.users.get(id)
    }

    pub fn sends(&self, reference: &str) -> u32 {
        self.sends.get(reference).copied().unwrap_or(0)
    }

    pub fn balance(&self) -> u64 {
        self.balance
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub fn transfer(&self, row: &Row) -> Transfer {
        Transfer {
            reference: row.reference.clone(),
            payee: row.payee.clone(),
            amount: row.amount.clone(),
            currency: row.currency.clone(),
            external_id: row.external_id.clone(),
            state: row.state,
            reason: row.reason.clone(),
            api_user: row.api_user.clone(),
            sends: self.sends(&row.reference),
            accepted_at: row.accepted_at,
            settled_at: row.settled_at,
            financial_transaction_id: row.financial_transaction_id.clone(),
        }
    }
}
