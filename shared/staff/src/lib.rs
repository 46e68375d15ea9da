//! What staff do: sign in, manage each other and batches of codes, look at the log. The REST API and the console call the same functions.
//!
//! Each use case demands the permit of its right by type, reads, decides with `domain`, and commits one act with its
//! audit entry.

mod api_keys;
mod batches;
mod books;
mod changes;
mod code_jobs;
mod code_lists;
mod codes;
mod desk;
mod first;
mod issuing;
mod jobs;
mod links;
mod mfa;
mod new_batches;
mod own;
mod password;
mod payout_acts;
mod payout_figures;
mod payouts;
mod registration;
mod roles;
mod security;
mod sessions;
mod sign_in;
mod switches;
mod tokens;
mod totp;
mod trail;
mod trouble;
mod users;

pub use api_keys::{NewApiKey, ShownOnce};
pub use batches::{BatchFilter, BatchUpdate, Printing, Wish};
pub use books::{BooksFound, DAYS_MAX, PayoutTable, Saying, StatementFile};
pub use changes::Asked;
pub use code_jobs::{Sought, Wanted};
pub use code_lists::CodeFilter;
pub use codes::{CodeUpdate, Found, Lookup};
pub use desk::{Admitted, Credentials, Desk, Identified, Keep, StaffSecret, TokenKey};
pub use first::{First, FirstError};
pub use issuing::{Begun, Import};
pub use jobs::JobFilter;
pub use mfa::Enrolment;
pub use new_batches::{BatchForm, Filling, Made};
pub use own::Profile;
pub use password::{PARAMETERS as PASSWORD_HASHING, hash as password_hash};
pub use payout_figures::{Durations, PayoutFigures};
pub use payouts::{About, PayoutDetail, PayoutFilter, PayoutPage};
pub use registration::Application;
pub use roles::RoleForm;
pub use sessions::SignedIn;
pub use sign_in::Step;
pub use switches::{Switching, Wanted as SwitchesWanted};
pub use totp::steps_code;
pub use trouble::{FieldProblem, Trouble};
pub use users::{NewUser, Statistics, UserFilter, UserUpdate};
