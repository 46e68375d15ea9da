//! Audit entries. One is written in the transaction of each change; none holds a code, a name or a whole number.

use crate::time;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Change,
    Access,
    Authentication,
    Security,
    System,
    Money,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

/// One field's value before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub field: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Unique within its hour; derived from the change, so a resend writes the same entry.
    pub id: String,
    #[serde(with = "time::required")]
    pub at: Timestamp,
    pub class: Class,
    pub severity: Severity,
    /// What was done, as `entity.verb`.
    pub action: String,
    /// Who: `customer:<id>`, `user:<id>` or `system:<function>`.
    pub actor: String,
    pub session: Option<String>,
    /// The network address the request came from, where there was one.
    pub address: Option<String>,
    /// What it was done to, as `kind:<id>`.
    pub entity: String,
    pub changes: Vec<Change>,
}

impl Entry {
    pub fn new(id: String, at: Timestamp, class: Class, action: &str, actor: String, entity: String) -> Self {
        Self {
            id,
            at,
            class,
            severity: Severity::Info,
            action: action.to_owned(),
            actor,
            session: None,
            address: None,
            entity,
            changes: Vec::new(),
        }
    }

    /// Adds a field's change; equal values are left out.
    #[must_use]
    pub fn change(mut self, field: &str, before: Option<String>, after: Option<String>) -> Self {
        if before != after {
            self.changes.push(Change { field: field.to_owned(), before, after });
        }
        self
    }

    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}
