//! Audit entries. One is written in the transaction of each change; none holds a code, a name or a whole number.

use crate::{
    access::{Authority, Stamp},
    time,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

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
    /// The calling program, where one named itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The permission that was used, or was missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// How often, where like entries of a quarter of an hour are one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
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
            agent: None,
            permission: None,
            count: None,
        }
    }

    /// An entry that names who answers for it.
    pub fn by(
        authority: &dyn Authority,
        id: String,
        at: Timestamp,
        class: Class,
        action: &str,
        entity: String,
    ) -> Self {
        let Stamp { actor, session, address, agent, permission } = authority.stamp();
        Self {
            session,
            address,
            agent,
            permission: permission.map(|permission| permission.key().to_owned()),
            ..Self::new(id, at, class, action, actor, entity)
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

    /// Adds every difference between two records, by dotted field. The caller leaves out what the log must not hold.
    #[must_use]
    pub fn differences(self, before: &Value, after: &Value) -> Self {
        let (before, after) = (fields_of(before), fields_of(after));
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        names.into_iter().fold(self, |entry, name| match (before.get(name), after.get(name)) {
            (before, after) if before == after => entry,
            (Some(before), Some(after)) => {
                let from = first_difference(before, after);
                entry.change(name, Some(shown(before, from)), Some(shown(after, from)))
            }
            (before, after) => entry.change(name, before.map(|text| shown(text, 0)), after.map(|text| shown(text, 0))),
        })
    }

    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}

/// The most characters that an entry holds of one field: a list of every permission fits.
const VALUE_MAX: usize = 2_500;
/// Of a value that is cut, the characters that are kept before the first difference.
const LEAD: usize = 100;

/// How many characters two values have in common at their beginning.
fn first_difference(before: &str, after: &str) -> usize {
    before.chars().zip(after.chars()).take_while(|(before, after)| before == after).count()
}

/// A value as an entry holds it. A long one is cut around `from`, where it differs: else a change behind the cut would
/// look like none.
fn shown(text: &str, from: usize) -> String {
    if text.chars().nth(VALUE_MAX).is_none() {
        return text.to_owned();
    }
    let skipped = from.saturating_sub(LEAD);
    let mut rest = text.chars().skip(skipped);
    let kept: String = rest.by_ref().take(VALUE_MAX).collect();
    let (start, end) = (if skipped > 0 { "…" } else { "" }, if rest.next().is_some() { "…" } else { "" });
    format!("{start}{kept}{end}")
}

/// A record as dotted fields with their values in words; lists are one value.
fn fields_of(record: &Value) -> BTreeMap<String, String> {
    fn walk(name: String, value: &Value, found: &mut BTreeMap<String, String>) {
        match value {
            Value::Null => {}
            Value::Object(fields) => {
                for (field, value) in fields {
                    let name = if name.is_empty() { field.clone() } else { format!("{name}.{field}") };
                    walk(name, value, found);
                }
            }
            Value::String(text) => {
                found.insert(name, text.clone());
            }
            Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                found.insert(name, value.to_string());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(String::new(), record, &mut found);
    found
}
