use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// What a read or write of the table can end in, beside success.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A condition failed: the world has changed since it was read. Nothing was written; read and decide anew.
    #[error("the rows have changed since they were read")]
    Changed,
    /// Conflicts or throttling until the deadline. Nothing was written.
    #[error("the table was too busy")]
    Busy,
    /// No answer by the deadline. A write may have been applied or not.
    #[error("no answer from the table in time")]
    Ambiguous,
    /// The table refuses the request as such; trying again changes nothing.
    #[error("the table refuses the request: {0}")]
    Rejected(String),
    /// A row is not what this version of the product writes.
    #[error("a row cannot be read: {0}")]
    Corrupt(String),
}

impl From<serde_dynamo::Error> for StoreError {
    fn from(error: serde_dynamo::Error) -> Self {
        // The message names types and fields, never values.
        Self::Corrupt(error.to_string())
    }
}

/// How one answer of the SDK is to be taken.
pub(crate) enum Failure {
    /// Not applied, and the same again may work.
    Again,
    /// Perhaps applied.
    Ambiguous,
    Rejected(String),
}

/// Sorts a failed call by what it proves. Service errors that are not named here are rejections, except server faults.
pub(crate) fn failure<E: ProvideErrorMetadata>(
    error: &SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>,
) -> Failure {
    match error {
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or("");
            match code {
                "ThrottlingException"
                | "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "TransactionConflictException"
                | "TransactionInProgressException"
                | "LimitExceededException" => Failure::Again,
                _ if service.raw().status().is_server_error() || code.is_empty() => Failure::Ambiguous,
                _ => Failure::Rejected(code.to_owned()),
            }
        }
        SdkError::ConstructionFailure(_) => Failure::Rejected("the request could not be built".to_owned()),
        // Time-outs, broken connections, unreadable answers.
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) | _ => Failure::Ambiguous,
    }
}
