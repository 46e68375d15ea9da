//! How the simulated MoMo behaves: what becomes of transfers, what it answers, when it calls back.

use serde::{Deserialize, Serialize};

/// One way of behaving. The default is a MoMo that does everything right, at once.
///
/// `outcome`, `settle_after_ms`, `reason_shape`, the callback fields, `forget_references_after_ms` and
/// `late_success_after_failed_ms` are fixed for a transfer when it is accepted. `token_answer` and `status_answer`
/// are read at each call, so going back to normal heals questions about earlier transfers too; only transfers sent
/// under a behaviour with `remaining` keep its `status_answer` until the next behaviour is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Milliseconds from acceptance to the final state; 0 settles before the answer to the transfer is given.
    pub settle_after_ms: u64,
    pub outcome: Outcome,
    pub reason_shape: ReasonShape,
    pub transfer_answer: TransferAnswer,
    pub status_answer: StatusAnswer,
    pub token_answer: TokenAnswer,
    pub callback: CallbackTiming,
    pub callback_method: CallbackMethod,
    /// Milliseconds after acceptance at which a status question starts to be answered with 404. A transfer with a
    /// forgotten reference is still a 409 and never a second payment.
    pub forget_references_after_ms: Option<u64>,
    /// Milliseconds after a FAILED at which the same reference turns SUCCESSFUL, without another callback.
    #[serde(alias = "late_failed_to_success")]
    pub late_success_after_failed_ms: Option<u64>,
    /// How many more well-formed transfer calls this applies to; afterwards MoMo is well-behaved again.
    pub remaining: Option<u32>,
}

/// What becomes of a transfer that was accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    #[default]
    Successful,
    /// FAILED with this MTN reason code, such as `PAYEE_NOT_FOUND`.
    Failed {
        reason: String,
    },
    PendingForever,
    CreatedForever,
}

/// How a status body carries the reason: MTN's examples have a string, MTN's schema an object `{code, message}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonShape {
    #[default]
    String,
    Object,
}

/// What a well-formed transfer call is answered with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferAnswer {
    /// 202 and empty, or 409 for a reference that is known.
    #[default]
    Normal,
    TimeoutAfterAccepting,
    TimeoutBeforeAccepting,
    #[serde(rename = "error_500_after_accepting")]
    Error500AfterAccepting,
    #[serde(rename = "error_500_before_accepting")]
    Error500BeforeAccepting,
    /// The transfer is taken and the caller is told that the reference existed before.
    #[serde(rename = "conflict_409_after_accepting")]
    Conflict409AfterAccepting,
    #[serde(rename = "too_many_429")]
    TooMany429,
    #[serde(rename = "unavailable_503")]
    Unavailable503,
    /// The firewall's "Request Rejected" page with status 200; nothing is accepted.
    #[serde(rename = "html_200")]
    Html200,
    #[serde(rename = "html_411")]
    Html411,
    #[serde(rename = "forbidden_403")]
    Forbidden403,
    #[serde(rename = "bad_request_empty_400")]
    BadRequestEmpty400,
    /// 500 with this code, such as `NOT_ALLOWED` or `INVALID_CALLBACK_URL_HOST`; nothing is accepted.
    #[serde(rename = "not_allowed_500")]
    NotAllowed500 {
        code: String,
    },
    #[serde(rename = "redirect_302")]
    Redirect302,
    /// 200 with JSON that breaks off; the transfer is accepted.
    Garbage,
}

impl TransferAnswer {
    /// Whether the transfer is taken although, or because, this is the answer.
    pub(crate) fn accepts(&self) -> bool {
        match self {
            Self::Normal
            | Self::TimeoutAfterAccepting
            | Self::Error500AfterAccepting
            | Self::Conflict409AfterAccepting
            | Self::Garbage => true,
            Self::TimeoutBeforeAccepting
            | Self::Error500BeforeAccepting
            | Self::TooMany429
            | Self::Unavailable503
            | Self::Html200
            | Self::Html411
            | Self::Forbidden403
            | Self::BadRequestEmpty400
            | Self::NotAllowed500 { .. }
            | Self::Redirect302 => false,
        }
    }
}

/// What a question about a transfer is answered with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusAnswer {
    #[default]
    Normal,
    Timeout,
    #[serde(rename = "error_500")]
    Error500,
    #[serde(rename = "unavailable_503")]
    Unavailable503,
    #[serde(rename = "html_200")]
    Html200,
    Garbage,
    /// 404 until this many milliseconds after acceptance: the answer lags behind the 202.
    #[serde(rename = "not_found_404_for_ms")]
    NotFound404ForMs(u64),
    #[serde(rename = "redirect_302")]
    Redirect302,
    #[serde(rename = "empty_400")]
    Empty400,
    OtherAmount,
    OtherPayee,
    OtherExternalId,
    OtherCurrency,
    /// A `status` word that MTN doesn't document.
    UnrecognisedStatus,
}

/// What a token call is answered with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenAnswer {
    #[default]
    Normal,
    #[serde(rename = "html_200")]
    Html200,
    #[serde(rename = "redirect_302")]
    Redirect302,
    #[serde(rename = "error_500")]
    Error500,
    /// The next use of any token is a 401 and ends that token; the token after it is good.
    ExpiredAtOnce,
}

/// When MoMo calls back about a settled transfer, if the transfer named an address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackTiming {
    #[default]
    Once,
    Never,
    /// On settlement and again 3 minutes later.
    Duplicate,
    /// This many milliseconds after settlement.
    LateMs(u64),
    /// The transfer settles at once, whatever `settle_after_ms` says, and the call comes before the 202 does.
    BeforeAnswer,
}

/// The HTTP method of callbacks: both have been seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackMethod {
    #[default]
    Put,
    Post,
    /// PUT, POST, PUT, …
    Alternate,
}
