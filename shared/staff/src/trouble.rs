//! Why something isn't done.

use domain::{
    access::Refused,
    change::NotAllowed,
    security::{KeptOut, WeakPassword},
};
use jiff::Timestamp;
use store::StoreError;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// Dotted, as in the request.
    pub field: String,
    /// Stable, in snake case.
    pub code: &'static str,
    pub message: String,
}

impl FieldProblem {
    pub fn new(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// One answer for a wrong address and a wrong password.
    #[error("email or password is wrong")]
    Credentials,
    #[error("too many wrong tries; this account is locked for a while")]
    Locked { until: Timestamp },
    #[error("too many tries")]
    TooMany { retry_after_s: u32 },
    #[error("this account is not active")]
    Inactive,
    /// No session, or one that has ended.
    #[error("sign in first")]
    SessionOver,
    #[error(transparent)]
    KeptOut(#[from] KeptOut),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// A link that was never given out, was used, was replaced, or is too old.
    #[error("this link is not good any more; ask for a new one")]
    Link,
    #[error("the request has mistakes")]
    Invalid(Vec<FieldProblem>),
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The version that the caller saw is not the one that is there. A race that was lost later is the store's `Changed`.
    #[error("it has been changed in the meantime")]
    Stale,
    /// It can't be done with the thing as it is.
    #[error("{1}")]
    State(&'static str, String),
    #[error("this is switched off")]
    SwitchedOff,
    #[error("not enough secrets to work with")]
    NoSecret,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Trouble {
    /// Everything that a password lacks, on its field.
    pub(crate) fn weak(field: &str, problems: &[WeakPassword]) -> Self {
        let say = |problem: &WeakPassword| FieldProblem::new(field, "weak_password", problem.to_string());
        Self::Invalid(problems.iter().map(say).collect())
    }

    pub fn field(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldProblem::new(field, code, message)])
    }
}
