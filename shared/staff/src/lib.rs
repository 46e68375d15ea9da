//! What staff do: sign in, manage each other, look at the log. The REST API and the console call the same functions.
//!
//! Each use case demands the permit of its right by type, reads, decides with `domain`, and commits one act with its
//! audit entry.

mod api_keys;
mod changes;
mod desk;
mod first;
mod links;
mod mfa;
mod own;
mod password;
mod registration;
mod roles;
mod security;
mod sessions;
mod sign_in;
mod tokens;
mod totp;
mod trail;
mod trouble;
mod users;

pub use api_keys::{NewApiKey, ShownOnce};
pub use changes::Asked;
pub use desk::{Admitted, Credentials, Desk, Identified, Keep, StaffSecret, TokenKey};
pub use first::{First, FirstError};
pub use mfa::Enrolment;
pub use own::Profile;
pub use password::{PARAMETERS as PASSWORD_HASHING, hash as password_hash};
pub use registration::Application;
pub use roles::RoleForm;
pub use sessions::SignedIn;
pub use sign_in::Step;
pub use totp::steps_code;
pub use trouble::{FieldProblem, Trouble};
pub use users::{NewUser, Statistics, UserFilter, UserUpdate};
