//! Entries of the audit log as the API shows them.

use super::FieldChange;
use domain::audit::{self, Entry};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassName {
    Change,
    Access,
    Authentication,
    Security,
    System,
    Money,
}

impl From<audit::Class> for ClassName {
    fn from(class: audit::Class) -> Self {
        match class {
            audit::Class::Change => Self::Change,
            audit::Class::Access => Self::Access,
            audit::Class::Authentication => Self::Authentication,
            audit::Class::Security => Self::Security,
            audit::Class::System => Self::System,
            audit::Class::Money => Self::Money,
        }
    }
}

impl From<ClassName> for audit::Class {
    fn from(class: ClassName) -> Self {
        match class {
            ClassName::Change => Self::Change,
            ClassName::Access => Self::Access,
            ClassName::Authentication => Self::Authentication,
            ClassName::Security => Self::Security,
            ClassName::System => Self::System,
            ClassName::Money => Self::Money,
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeverityName {
    Info,
    Warning,
    Critical,
}

impl From<audit::Severity> for SeverityName {
    fn from(severity: audit::Severity) -> Self {
        match severity {
            audit::Severity::Info => Self::Info,
            audit::Severity::Warning => Self::Warning,
            audit::Severity::Critical => Self::Critical,
        }
    }
}

impl From<SeverityName> for audit::Severity {
    fn from(severity: SeverityName) -> Self {
        match severity {
            SeverityName::Info => Self::Info,
            SeverityName::Warning => Self::Warning,
            SeverityName::Critical => Self::Critical,
        }
    }
}

/// One entry of the audit log.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EntryView {
    pub id: String,
    pub at: String,
    pub class: ClassName,
    pub severity: SeverityName,
    /// `entity.verb`
    pub action: String,
    /// `user:<id>`, `customer:<id>`, `system:<part>` or `visitor`.
    pub actor: String,
    /// `kind:<id>`
    pub entity: String,
    pub session: Option<String>,
    pub address: Option<String>,
    pub agent: Option<String>,
    /// The permission that was used, or was missing.
    pub permission: Option<String>,
    /// How often, where like reads of a quarter of an hour are one entry.
    pub count: Option<u64>,
    pub changes: Vec<FieldChange>,
}

impl From<&Entry> for EntryView {
    fn from(entry: &Entry) -> Self {
        Self {
            id: entry.id.clone(),
            at: entry.at.to_string(),
            class: entry.class.into(),
            severity: entry.severity.into(),
            action: entry.action.clone(),
            actor: entry.actor.clone(),
            entity: entry.entity.clone(),
            session: entry.session.clone(),
            address: entry.address.clone(),
            agent: entry.agent.clone(),
            permission: entry.permission.clone(),
            count: entry.count,
            changes: entry.changes.iter().map(FieldChange::from).collect(),
        }
    }
}
