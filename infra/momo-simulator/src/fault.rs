//! One-shot faults: the next call takes the first one that fits it.

use serde::{Deserialize, Serialize};

/// A fault for one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which calls it may befall; absent means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    pub kind: FaultKind,
}

impl Fault {
    /// A fault for the next call, whichever it is.
    #[must_use]
    pub fn any(kind: FaultKind) -> Self {
        Self { endpoint: None, kind }
    }

    /// A fault for the next call of one kind.
    #[must_use]
    pub fn at(endpoint: Endpoint, kind: FaultKind) -> Self {
        Self { endpoint: Some(endpoint), kind }
    }
}

/// The kinds of call that MTN's API has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    Token,
    Transfer,
    Status,
    Balance,
    /// `active` and `basicuserinfo`.
    AccountHolder,
    Provisioning,
}

/// What goes wrong. Kinds named "after" let the call take effect first and then spoil its answer; all others keep
/// the call from having any effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    HangBefore,
    HangAfter,
    #[serde(rename = "error_500_before")]
    Error500Before,
    #[serde(rename = "error_500_after")]
    Error500After,
    #[serde(rename = "html_200_after")]
    Html200After,
    GarbageAfter,
    #[serde(rename = "html_200")]
    Html200,
    #[serde(rename = "empty_400")]
    Empty400,
    #[serde(rename = "unauthorized_401")]
    Unauthorized401,
    #[serde(rename = "forbidden_403")]
    Forbidden403,
    #[serde(rename = "not_found_404")]
    NotFound404,
    #[serde(rename = "too_many_429")]
    TooMany429,
    #[serde(rename = "unavailable_503")]
    Unavailable503,
    #[serde(rename = "redirect_302")]
    Redirect302,
}
