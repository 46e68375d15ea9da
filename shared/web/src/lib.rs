//! The ground of every REST API of ours: one type parses, checks and documents a request, refusals are problem details
//! (RFC 9457), and what every route owes its caller is done in one place.
//!
//! An API is declared with [`Api`], its handlers take the extractors and give the answers of this crate:
//!
//! | in | out |
//! | --- | --- |
//! | [`Json`], [`Query`], [`Path`], [`IfMatch`], [`IfNoneMatch`] | [`Json`] 200, [`Tagged`] 200/304, [`Created`] 201, [`Accepted`] and [`AcceptedAt`] 202, [`Done`] 204, [`Problem`] |

mod answer;
mod api;
mod cursor;
mod etag;
mod extract;
mod faults;
mod ground;
mod idempotent;
mod json;
mod lambda;
pub mod limits;
pub mod openapi;
mod page;
pub mod problem;
mod query;
pub mod request_id;
mod security_headers;
mod words;

pub use aide::{OperationInput, OperationOutput, axum::routing};
pub use answer::{Accepted, AcceptedAt, Created, Done, Unkept};
pub use api::{Api, DOCUMENT_PATH, Document, PAGE_PATH};
pub use cursor::{CURSOR_MAX_BYTES, Cursors, Page};
pub use etag::{IfMatch, IfNoneMatch, Tagged, etag};
pub use extract::{BODY_MAX_BYTES, Json, Path, Query, Wanted};
pub use ground::ground;
pub use idempotent::{Caller, Idempotency, KEY_HEADER, Keep, Kept, NotStored, REPLAYED_HEADER, idempotent};
pub use lambda::call;
pub use limits::{Standing, Window};
pub use problem::{FieldProblem, Problem, ProblemCode};
pub use request_id::RequestId;
pub use security_headers::{AllowedOrigins, cors};
pub use words::finding;
